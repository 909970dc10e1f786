//! Every example policy is a test: its cases say what it decides. So do the real documents, where they are.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use touchstone::config::{Overrides, State};
use touchstone::decide::Options;
use touchstone::model::{Decision, Verdict};
use touchstone::service::Origin;

use crate::support::{Folder, Host, cache, fixtures, module, root};

/// A case: an event, and what is to come of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// That of the event; by its nature, when not given.
    kind: Option<String>,
    /// In place of those in policy.yaml.
    settings: Option<Value>,
    event: Value,
    expect: Value,
}

fn examples() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("policies-examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries
        .filter(|path| path.join("policy.yaml").exists())
        .collect();
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

/// What a case can compare: the verdict, and of each finding what it names.
fn shape(decision: &Decision) -> Value {
    let policy = &decision.policies[0];
    let findings: Vec<Value> = policy
        .findings
        .iter()
        .map(|finding| json!(finding))
        .collect();
    let mut shape = json!({"verdict": policy.verdict});
    if !findings.is_empty() {
        shape["findings"] = findings.into();
    }
    if !decision.actions.is_empty() {
        let actions = decision.actions.iter();
        shape["actions"] = actions
            .map(|action| json!({"kind": action.kind, "target": action.target, "condition": action.condition, "state": action.state}))
            .collect();
    }
    if let Some(fault) = &policy.fault {
        shape["fault"] = json!(fault)["kind"].clone();
    }
    shape
}

#[test]
fn every_case_of_every_example_comes_out_as_it_says() {
    for folder in examples() {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        module(&name);
        let mut cases: Vec<PathBuf> = fs::read_dir(folder.join("cases"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        cases.sort();
        assert!(cases.len() >= 3, "{name} has too few cases");
        for path in cases {
            let text = fs::read_to_string(&path).unwrap();
            let case: Case = serde_saphyr::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let host = match &case.settings {
                None => host(&folder, &[]),
                Some(settings) => with_settings(&folder, settings),
            };
            assert_eq!(host.error(&name), "", "{}", path.display());
            let options = Options {
                policy: Some(name.clone()),
                dry_run: true,
                ..Options::default()
            };
            let found = shape(&host.decide_as(&case.event, case.kind.as_deref(), &options));
            if std::env::var_os("BLESS").is_some() && !fits(&case.expect, &found) {
                let head = text.split("expect:").next().unwrap();
                fs::write(&path, format!("{head}expect: {}\n", brief(found))).unwrap();
                continue;
            }
            assert!(
                fits(&case.expect, &found),
                "{}\nexpected {}\nfound    {found}",
                path.display(),
                case.expect
            );
        }
    }
}

/// What a blessed case tells of a finding; one that is written by hand may tell more, or less.
const SHOWN: [&str; 5] = ["id", "level", "target", "image", "package"];

fn brief(mut found: Value) -> Value {
    let findings = found.get_mut("findings").and_then(Value::as_array_mut);
    for finding in findings.into_iter().flatten() {
        let finding = finding.as_object_mut().unwrap();
        finding.retain(|key, _| SHOWN.contains(&key.as_str()));
    }
    found
}

/// Whether what was found is what a case expects: the same findings in the same order, each with what the case tells of it.
fn fits(expected: &Value, found: &Value) -> bool {
    let tells = |wanted: &Value, found: &Value| {
        let mut wanted = wanted.as_object().unwrap().iter();
        wanted.all(|(key, value)| found.get(key).unwrap_or(&Value::Null) == value)
    };
    let (expected, found) = (expected.as_object().unwrap(), found.as_object().unwrap());
    expected.keys().eq(found.keys())
        && expected
            .iter()
            .all(|(key, value)| match (value, &found[key]) {
                (Value::Array(wanted), Value::Array(found)) if key == "findings" => {
                    wanted.len() == found.len()
                        && wanted
                            .iter()
                            .zip(found)
                            .all(|(wanted, found)| tells(wanted, found))
                }
                (wanted, found) => wanted == found,
            })
}

/// The example with other settings.
fn with_settings(example: &Path, settings: &Value) -> Host {
    let folder = Folder::new();
    let copy = folder.path().join("policies/copy");
    fs::create_dir(&copy).unwrap();
    let mut yaml: Value =
        serde_saphyr::from_str(&fs::read_to_string(example.join("policy.yaml")).unwrap()).unwrap();
    yaml["settings"] = settings.clone();
    yaml["module"] = json!(example.join(yaml["module"].as_str().unwrap()));
    fs::write(copy.join("policy.yaml"), yaml.to_string()).unwrap();
    let named = example.join("touchstone.yaml");
    if named.exists() {
        fs::copy(named, copy.join("touchstone.yaml")).unwrap();
    }
    host(
        &copy,
        &[example.join("data")]
            .into_iter()
            .filter(|path| path.is_dir())
            .collect::<Vec<_>>(),
    )
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
