//! Holds the engine against the original: the written corpus against golden outcomes, and, where Python interpreters with
//! the package are named in RULE_ENGINE_PYTHON (5.0.2) and RULE_ENGINE_PYTHON_4 (4.5.3), corpus and random expressions
//! against the package itself.
//!
//! `BLESS=1` writes the golden outcomes anew, from the package. `RULE_ENGINE_SEED` and `RULE_ENGINE_COUNT` choose the
//! random expressions.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on may panic"
)]

#[path = "conformance/case.rs"]
mod case;
#[path = "conformance/corpus.rs"]
mod corpus;
#[path = "conformance/differences.rs"]
mod differences;
#[path = "conformance/generate.rs"]
mod generate;
#[path = "conformance/original.rs"]
mod original;
#[path = "conformance/outcome.rs"]
mod outcome;

use rule_engine::Compat;

use case::Case;
use differences::Differences;
use original::Original;
use outcome::Outcome;

const VERSIONS: [Compat; 2] = [Compat::V5, Compat::V4];

/// What does not agree, but for what is known not to.
fn disagreements(cases: &[Case], expected: &[Outcome], version: Compat) -> Vec<String> {
    assert_eq!(
        cases.len(),
        expected.len(),
        "as many outcomes as expressions"
    );
    let differences = Differences::read();
    let mut found = Vec::new();
    let mut known = 0;
    for (case, expected) in cases.iter().zip(expected) {
        let actual = case.run(version);
        if actual.agrees(expected) {
            continue;
        }
        if differences.knows(case, &actual, expected) {
            known += 1;
            continue;
        }
        found.push(format!(
            "{version:?} {}\n    here:     {actual}\n    original: {expected}",
            case.expression
        ));
    }
    if known > 0 {
        println!("{version:?}: {known} of {} differ as is known", cases.len());
    }
    found
}

fn report(found: &[String]) -> String {
    let shown: Vec<&str> = found.iter().take(60).map(String::as_str).collect();
    format!("{} disagree:\n{}", found.len(), shown.join("\n"))
}

#[test]
fn the_corpus_has_its_golden_outcomes() {
    let mut found = Vec::new();
    for file in corpus::files() {
        for version in VERSIONS {
            if let Some(original) = bless(version) {
                corpus::write_golden(&file, version, &original.outcomes(&file.cases));
            }
            let golden = corpus::read_golden(&file, version);
            found.extend(disagreements(&file.cases, &golden, version));
        }
    }
    assert!(found.is_empty(), "{}", report(&found));
}

fn bless(version: Compat) -> Option<Original> {
    std::env::var_os("BLESS")?;
    Original::of(version)
}

#[test]
fn the_corpus_is_as_large_as_was_promised() {
    let count: usize = corpus::files().iter().map(|file| file.cases.len()).sum();
    println!("{count} expressions");
    assert!(count >= 1500, "{count} expressions");
}

#[test]
fn the_corpus_agrees_with_the_original() {
    let mut found = Vec::new();
    for version in VERSIONS {
        let Some(original) = Original::of(version) else {
            continue;
        };
        for file in corpus::files() {
            found.extend(disagreements(
                &file.cases,
                &original.outcomes(&file.cases),
                version,
            ));
        }
    }
    assert!(found.is_empty(), "{}", report(&found));
}

#[test]
fn random_expressions_agree_with_the_original() {
    let number = |name: &str, otherwise: u64| match std::env::var(name) {
        Ok(text) => text.parse().expect(name),
        Err(_) => otherwise,
    };
    let (seed, count) = (
        number("RULE_ENGINE_SEED", 1),
        number("RULE_ENGINE_COUNT", 20_000),
    );
    for version in VERSIONS {
        let Some(original) = Original::of(version) else {
            continue;
        };
        let cases = generate::cases(seed, count, version);
        let expected = original.outcomes(&cases);
        let found = disagreements(&cases, &expected, version);
        let values = expected.iter().filter(|outcome| outcome.is_value()).count();
        println!(
            "{version:?}: seed {seed}: {} of {count} disagree, {values} have a value",
            found.len()
        );
        assert!(
            found.len() as u64 * 1000 <= count,
            "seed {seed}: {}",
            report(&found)
        );
        if !found.is_empty() {
            println!("{}", report(&found));
        }
    }
}
