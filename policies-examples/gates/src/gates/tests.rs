//! What a rule finds: for the tables of cases in the gates' files.

use std::time::{Duration, SystemTime};

use touchstone_sdk::prelude::*;
use touchstone_sdk::testing::{Host, TestEvent};

use super::*;
use crate::Gates;

/// 2026-01-11T00:00:00Z
pub fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_768_089_600)
}

/// What one rule finds in an image, as `id: text`; ids that are only hashes are left out.
pub fn found(compat: &str, rule: &str, params: Value, evidence: &Value) -> Vec<String> {
    let (gate, trigger) = rule.split_once('.').unwrap();
    let params = params.as_object().unwrap().iter();
    let params: Vec<Value> = params
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    let bundle = json!({
        "id": "test", "version": "1_0", "touchstone": {"compat": compat, "missing": "fire"},
        "policies": [{"id": "p", "version": "1_0", "rules": [
            {"id": "r", "gate": gate, "trigger": trigger, "action": "stop", "params": params},
        ]}],
        "mappings": [{"registry": "*", "repository": "*", "image": {"type": "tag", "value": "*"}, "policy_id": "p"}],
    });
    let event = TestEvent::new("image.scanned").image("", "acme/web:1");
    let event = match evidence {
        Value::Null => event,
        evidence => event.evidence(evidence.clone()),
    };
    let host = Host::new().grant("clock", "now").now(now());
    let outcome = host.evaluate::<Gates>(bundle, event).unwrap();
    let findings = outcome
        .findings
        .into_iter()
        .filter(|finding| finding.id != "anchore-evaluation");
    let line = |finding: Finding| {
        let is_hash = finding.id == md5_hex(&[gate, trigger, &finding.message]);
        match finding
            .message
            .split_once(" cannot be evaluated: it needs ")
        {
            Some((_, need)) if finding.level == Level::Info => format!("silent: {need}"),
            Some((_, need)) => format!("needs {need}"),
            None if is_hash => finding.message,
            None => format!("{}: {}", finding.id, finding.message),
        }
    };
    findings.map(line).collect()
}

/// Runs a table: what is asked, what is known, what is found; Anchore's way or the right one.
pub fn run(
    rule: &str,
    cases: impl IntoIterator<Item = (&'static str, Value, Value, Vec<&'static str>)>,
) {
    for (compat, params, evidence, expected) in cases {
        let found = found(compat, rule, params.clone(), &evidence);
        assert_eq!(found, expected, "{rule} {compat} {params} on {evidence}");
    }
}

#[test]
fn every_trigger_is_there_once() {
    let mut names: Vec<String> = all()
        .map(|trigger| format!("{}.{}", trigger.gate, trigger.name))
        .collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
    assert_eq!(count, 40, "{names:#?}");
}

#[test]
fn a_trigger_is_found_by_its_names_in_any_case() {
    for (gate, trigger, expected) in [
        ("Vulnerabilities", "PACKAGE", Ok("package")),
        ("passwd_file", "shellmatch", Ok("blacklist_shells")),
        (
            "anchoresec",
            "cvehigh",
            Err("end-of-life: use vulnerabilities"),
        ),
        ("vulnerabilitys", "package", Err("unknown gate")),
        (
            "files",
            "nam_match",
            Err("has no trigger \"nam_match\"; it has name_match"),
        ),
    ] {
        let found =
            find(gate, trigger)
                .map(|trigger| trigger.name)
                .map_err(|unknown| match unknown {
                    Unknown::Gate(message) | Unknown::Trigger(message) => message,
                });
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            (found, expected) => panic!("{gate}.{trigger}: {found:?} is not {expected:?}"),
        }
    }
}

#[test]
fn an_id_is_the_hash_that_anchore_makes() {
    let found = Match::new("Image was not analyzed with an actual Dockerfile");
    let trigger = find("dockerfile", "no_dockerfile_provided").ok().unwrap();
    assert_eq!(
        found.trigger_id(trigger),
        "b00b22232c1902075263067d2d2b8eea"
    );
    assert_eq!(python_list(&["a", "b"]), "['a', 'b']");
}
