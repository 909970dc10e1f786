//! The tests among the rules, as `opa test` runs them: a rule `test_…` that is true has passed.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use touchstone_sdk::Undecided;

use crate::check::Facts;
use crate::path::{self, Path};
use crate::program::Run;
use crate::replace;

/// A rule that tests.
pub struct Test {
    path: Path,
    file: String,
    line: u32,
}

/// The tests in the order of their files.
pub fn find(rules: &Facts) -> Vec<Test> {
    let is_test = |name: &String| name.starts_with("test_") || name.starts_with("todo_test_");
    let tests = rules
        .values()
        .filter(|rule| rule.path.last().is_some_and(is_test));
    let mut tests: Vec<Test> = tests
        .map(|rule| Test {
            path: rule.path.clone(),
            file: rule.span.source.get_path().clone(),
            line: rule.span.line,
        })
        .collect();
    tests.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    tests
}

/// Runs them, and tells which lines of which files were evaluated.
pub fn run(tests: &[Test], run: &mut Run<'_>) -> Result<Value, Undecided> {
    run.engine.set_enable_coverage(true);
    let results: Vec<Value> = tests.iter().map(|test| one(test, run)).collect();
    let coverage = coverage(run)?;
    run.engine.set_enable_coverage(false);
    Ok(json!({"tests": results, "coverage": coverage}))
}

fn one(test: &Test, run: &mut Run<'_>) -> Value {
    let is_to_do = test
        .path
        .last()
        .is_some_and(|name| name.starts_with("todo_"));
    let (outcome, why) = match is_to_do {
        true => ("skip", None),
        false => match run.rule(&test.path) {
            Ok(Some(Value::Bool(true))) => ("pass", None),
            Ok(None) => ("fail", Some("it is undefined".to_owned())),
            Ok(Some(value)) => ("fail", Some(format!("it is {value}"))),
            Err(why) => ("error", Some(why.reason().to_owned())),
        },
    };
    let printed = run.engine.take_prints().unwrap_or_default();
    let message: Vec<String> = why.into_iter().chain(printed).collect();
    json!({
        "name": path::reference(&test.path),
        "file": test.file,
        "line": test.line,
        "outcome": outcome,
        "message": (!message.is_empty()).then(|| message.join("\n")),
    })
}

fn coverage(run: &Run<'_>) -> Result<Value, Undecided> {
    let report = run.engine.get_coverage_report();
    let report = report.map_err(|error| Undecided::new(error.to_string()))?;
    let own = |file: &regorus::coverage::File| !file.path.starts_with(replace::PACKAGE);
    let files = report.files.into_iter().filter(own).map(|file| {
        // A line of which a part was evaluated was.
        let not_covered: Vec<u32> = file
            .not_covered
            .difference(&file.covered)
            .copied()
            .collect();
        (
            file.path,
            json!({"covered": file.covered, "notCovered": not_covered}),
        )
    });
    Ok(json!(files.collect::<BTreeMap<_, _>>()))
}
