//! Validity by the schema is checked from outside; here is what it does not tell.

use super::super::sample::*;
use super::*;
use crate::evidence::Severity;
use crate::model::{Fault, Finding, WaiverState};

fn run(judged: &[Judged]) -> Value {
    let log: Value = serde_json::from_str(&written(write, judged)).unwrap();
    log["runs"][0].clone()
}

fn results(findings: Vec<Finding>) -> Vec<Value> {
    let policies = vec![policy("p", findings)];
    let run = run(&[judged("a.json", decision("nginx:1.27", policies))]);
    run["results"].as_array().unwrap().clone()
}

#[test]
fn each_result_points_to_its_rule() {
    let run = run(&corpus());
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!((rules.len(), results.len()), (8, 8));
    for result in results {
        let index = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
    let log4j = rules
        .iter()
        .find(|rule| rule["name"] == "CVE-2021-44228")
        .unwrap();
    assert_eq!(log4j["id"], "vulnerabilities/CVE-2021-44228");
    assert_eq!(
        log4j["helpUri"],
        "https://avd.aquasec.com/nvd/cve-2021-44228"
    );
    assert_eq!(log4j["properties"]["security-severity"], "9.5");
    assert_eq!(log4j["defaultConfiguration"]["level"], "error");
}

#[test]
fn places_are_relative_and_logical() {
    let finding = |package: Option<&str>, path: Option<&str>| Finding {
        package: package.map(str::to_owned),
        path: path.map(str::to_owned),
        ..finding("x", Level::Deny, Severity::High, "m")
    };
    let results = results(vec![
        finding(Some("openssl"), None),
        finding(None, Some("/etc/passwd")),
    ]);
    let at = |index: usize, pointer: &str| {
        results[index]["locations"][0]
            .pointer(pointer)
            .cloned()
            .unwrap()
    };
    assert_eq!(
        at(0, "/physicalLocation/artifactLocation/uri"),
        "library/nginx"
    );
    assert_eq!(at(0, "/physicalLocation/region/startLine"), 1);
    assert_eq!(
        at(0, "/logicalLocations/0/fullyQualifiedName"),
        "nginx:1.27: openssl"
    );
    assert_eq!(
        at(1, "/physicalLocation/artifactLocation/uri"),
        "etc/passwd"
    );
    assert_eq!(
        at(1, "/logicalLocations/0/fullyQualifiedName"),
        "nginx:1.27"
    );
}

#[test]
fn a_waived_finding_is_suppressed_and_an_expired_one_is_not() {
    let with = |state| Finding {
        waiver: Some(waived(state)),
        ..finding("x", Level::Deny, Severity::High, "m")
    };
    let results = results(vec![with(WaiverState::Active), with(WaiverState::Expired)]);
    let suppression = &results[0]["suppressions"][0];
    assert_eq!(suppression["kind"], "external");
    assert_eq!(suppression["status"], "accepted");
    assert_eq!(
        suppression["justification"],
        "waived by security@example.com until 2026-03-01 00:00 UTC: not reachable: the parser is not compiled in (SEC-1203)"
    );
    assert_eq!(results[0]["level"], "note");
    assert_eq!(results[1]["suppressions"], json!([]));
    assert_eq!(results[1]["level"], "error");
    assert!(
        results[1]["properties"]["expiredWaiver"]
            .as_str()
            .unwrap()
            .contains("expired")
    );
}

#[test]
fn a_monitor_never_raises_an_error() {
    let denied = finding("x", Level::Deny, Severity::High, "m");
    let fault = Fault::Undecided {
        policy: "q".into(),
        reason: "r".into(),
    };
    let policies = vec![
        monitor(policy("p", vec![denied])),
        monitor(undecided("q", fault, Verdict::Deny)),
    ];
    let run = run(&[judged("a.json", decision("nginx", policies))]);
    assert_eq!(run["results"][0]["level"], "note");
    assert_eq!(
        run["tool"]["driver"]["rules"][0]["defaultConfiguration"]["level"],
        "note"
    );
    assert_eq!(run["invocations"][0]["executionSuccessful"], true);
    assert_eq!(
        run["invocations"][0]["toolExecutionNotifications"][0]["level"],
        "note"
    );
}

#[test]
fn what_could_not_be_judged_is_notified() {
    let run = run(&corpus());
    let invocation = &run["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    assert!(invocation.get("exitCode").is_none());
    let ids: Vec<&Value> = invocation["toolExecutionNotifications"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["descriptor"]["id"])
        .collect();
    assert_eq!(ids, ["not-judged", "wall"]);
}

#[test]
fn a_fingerprint_outlives_a_rebuild_and_tells_twins_apart() {
    let prints = |image: &str, message: &str| {
        let twin = || finding("x", Level::Deny, Severity::High, message);
        let one = judged(
            "a.json",
            decision(image, vec![policy("p", vec![twin(), twin()])]),
        );
        let run = run(&[one]);
        [0, 1].map(|index| run["results"][index]["partialFingerprints"].clone())
    };
    let [first, second] = prints("nginx:1.27", "in 1.27");
    let rebuilt = format!("nginx:1.28@sha256:{}", "5e".repeat(32));
    assert_ne!(first, second);
    assert_eq!([&first, &second], prints(&rebuilt, "in 1.28").each_ref());
    assert_ne!(first, prints("httpd:1.27", "in 1.27")[0]);
}

#[test]
fn texts_become_no_links() {
    let message = "[click](https://evil.example)";
    let mut found = finding("x", Level::Deny, Severity::High, message);
    found.links = vec!["javascript:alert(1)".to_owned()];
    let run = run(&[judged(
        "a.json",
        decision("nginx", vec![policy("p", vec![found])]),
    )]);
    let rule = &run["tool"]["driver"]["rules"][0];
    assert_eq!(
        run["results"][0]["message"]["text"],
        "[click] (https://evil.example)"
    );
    assert!(rule.get("helpUri").is_none());
    let markdown = rule["help"]["markdown"].as_str().unwrap();
    assert!(
        markdown.contains(r"\[click\] \(https\:\/\/evil\.example\)"),
        "{markdown}"
    );
}
