//! Every example policy is a test: its cases say what it decides. So do the real documents, where they are.

use std::fs;
use std::path::{Path, PathBuf};

use touchstone::case::Runner;
use touchstone::config::{Overrides, State};
use touchstone::model::Verdict;
use touchstone::service::Origin;

use crate::support::{Host, cache, fixtures, module, root};

fn examples() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("policies-examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries
        .filter(|path| path.join("policy.yaml").exists())
        .collect();
    // Beside the one that the demonstration loads, since its commands need a touchstone.yaml.
    folders.push(root().join("policies-examples/rules/cipolice"));
    folders.sort();
    assert!(folders.len() >= 4, "{folders:?}");
    folders
}

fn host(policies: &Path, data: &[PathBuf]) -> Host {
    let overrides = Overrides {
        policies: vec![policies.to_owned()],
        data: data.to_vec(),
        cache: Some(cache()),
        state: Some(State::Memory),
        ..Overrides::default()
    };
    let file = policies.join("touchstone.yaml");
    Host::new(Origin {
        file: file.exists().then_some(file),
        overrides,
    })
}

#[test]
fn every_case_of_every_example_comes_out_as_it_says() {
    let folders = examples();
    for folder in &folders {
        if folder.join("Cargo.toml").exists() {
            module(folder.file_name().unwrap().to_str().unwrap());
        }
        let cases = fs::read_dir(folder.join("cases")).unwrap().count();
        assert!(cases >= 3, "{} has too few cases", folder.display());
    }
    let runner = Runner {
        cache: Some(cache()),
        filter: None,
        update: std::env::var_os("BLESS").is_some(),
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let results = runtime.block_on(runner.run(&folders)).unwrap();
    for ran in &results.ran {
        assert!(
            !ran.failed(),
            "{}\n{}",
            ran.file.display(),
            ran.wrong.join("\n")
        );
    }
    assert!(results.ran.len() >= 3 * folders.len());
}

#[test]
fn every_example_is_explained() {
    for folder in examples() {
        let readme = fs::read_to_string(folder.join("README.md")).unwrap();
        assert!(readme.lines().count() >= 3, "{}", folder.display());
    }
}

#[test]
fn the_real_reviews_are_judged_on_the_real_data() {
    let Some(fixtures) = fixtures() else { return };
    module("image-source");
    let host = host(
        &root().join("policies-examples"),
        &[fixtures.join("image_enforcer/data")],
    );
    let judge = |file: &str| {
        let text = fs::read_to_string(fixtures.join("kubernetes").join(file)).unwrap();
        host.decide(&serde_json::from_str(&text).unwrap())
    };
    let allowed = judge("image-review-allowed.json");
    assert_eq!(allowed.verdict, Verdict::Allow, "{allowed:#?}");
    let names: Vec<&str> = allowed
        .policies
        .iter()
        .map(|policy| policy.name.as_str())
        .collect();
    assert_eq!(names, ["image-source", "quarantine", "vulnerable-layers"]);
    let denied = judge("image-review-denied.json");
    assert_eq!(denied.verdict, Verdict::Deny);
    let findings = &denied
        .policies
        .iter()
        .find(|policy| policy.name == "vulnerable-layers")
        .unwrap()
        .findings;
    for id in ["CVE-2017-7245", "CVE-2014-9761", "CVE-2016-2779"] {
        assert!(
            findings
                .iter()
                .any(|finding| finding.id == id && finding.message.contains("layer sha256:")),
            "{id}"
        );
    }
    assert!(
        findings
            .iter()
            .all(|finding| finding.target.as_deref() == Some("library/wordpress:4-apache"))
    );
}
