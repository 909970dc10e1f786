//! Shapes are those of the engine's documentation; verdicts are those of the host.

use super::super::sample::*;
use super::*;
use crate::evidence::Severity;
use crate::model::{Fault, Finding, Level, PolicyDecision, Verdict, WaiverState};

const IMAGE: &str = "nginx:1.27";
const TAG: &str = "docker.io/library/nginx:1.27";
const DIGEST: &str = "sha256:9f31";

fn row(id: &str, action: &str, level: Level) -> Finding {
    let cells = json!([
        "1d3c",
        TAG,
        id,
        "vulnerabilities",
        "package",
        "HIGH",
        action,
        false,
        "policy-1"
    ]);
    Finding {
        details: Some(json!({ "anchore": { "row": cells } })),
        ..finding(id, level, Severity::High, "HIGH Vulnerability found")
    }
}

fn evaluation(action: &str, reason: &str) -> Finding {
    let evaluation = json!({
        "final_action": action,
        "final_action_reason": reason,
        "matched_mapping_rule": { "id": "m1", "policy_ids": ["policy-1"] },
        "matched_whitelisted_images_rule": false,
        "matched_blacklisted_images_rule": false,
        "policies": [{ "id": "policy-1" }],
        "bundle_id": "bundle-1",
        "image_id": "1d3c",
        "tag": TAG,
        "digest": DIGEST,
        "policy_actions": { "policy-1": action },
    });
    Finding {
        details: Some(json!({ "anchore": { "evaluation": evaluation } })),
        ..finding(
            "anchore-evaluation",
            Level::Info,
            Severity::Unknown,
            "evaluated",
        )
    }
}

fn excused(finding: Finding) -> Finding {
    Finding {
        waiver: Some(waived(WaiverState::Active)),
        ..finding
    }
}

/// The evaluation of the one image.
fn one(policies: Vec<PolicyDecision>) -> Value {
    let text = written(write, &[judged("a.json", decision(IMAGE, policies))]);
    let all: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(all.as_array().map(Vec::len), Some(1));
    let by_digest = all[0].as_object().unwrap();
    let by_tag = by_digest.values().next().unwrap().as_object().unwrap();
    by_tag.values().next().unwrap()[0].clone()
}

/// Outer action, reason, inner action, status.
fn outcome(evaluation: &Value) -> [&str; 4] {
    let result = &evaluation["detail"]["result"];
    let id = result["image_id"].as_str().unwrap();
    [
        &result["final_action"],
        &result["final_action_reason"],
        &result["result"][id]["result"]["final_action"],
        &evaluation["status"],
    ]
    .map(|value| value.as_str().unwrap())
}

#[test]
fn the_host_decides_over_the_rows() {
    let stop = || row("CVE-1+openssl", "stop", Level::Deny);
    let warn = || row("CVE-2+zlib", "warn", Level::Warn);
    let mut listed = stop();
    listed.level = Level::Info;
    *listed
        .details
        .as_mut()
        .unwrap()
        .pointer_mut("/anchore/row/7")
        .unwrap() = json!({ "whitelist_name": "w", "whitelist_id": "1", "matched_rule_id": "2" });
    let by_policy = |action| evaluation(action, "policy_evaluation");
    let fault = || Fault::Undecided {
        policy: "q".into(),
        reason: "no data".into(),
    };
    let other = |level| policy("other", vec![finding("x", level, Severity::Low, "m")]);
    for (name, policies, expected) in [
        (
            "stop",
            vec![policy("gates", vec![stop(), warn(), by_policy("stop")])],
            ["stop", "policy_evaluation", "stop", "fail"],
        ),
        (
            "warn passes",
            vec![policy("gates", vec![warn(), by_policy("warn")])],
            ["warn", "policy_evaluation", "warn", "pass"],
        ),
        (
            "whitelisted by the bundle",
            vec![policy("gates", vec![listed, by_policy("go")])],
            ["go", "policy_evaluation", "go", "pass"],
        ),
        (
            "waived by the host",
            vec![policy(
                "gates",
                vec![excused(stop()), warn(), by_policy("stop")],
            )],
            ["warn", "policy_evaluation", "warn", "pass"],
        ),
        (
            "a broken rule warns",
            vec![policy("gates", vec![by_policy("warn")])],
            ["warn", "policy_evaluation", "go", "pass"],
        ),
        (
            "blacklisted image",
            vec![policy(
                "gates",
                vec![warn(), evaluation("stop", "blacklisted")],
            )],
            ["stop", "blacklisted", "warn", "fail"],
        ),
        (
            "whitelisted image",
            vec![policy(
                "gates",
                vec![
                    row("a", "stop", Level::Info),
                    evaluation("go", "whitelisted"),
                ],
            )],
            ["go", "whitelisted", "stop", "pass"],
        ),
        (
            "but another policy denies",
            vec![
                policy("gates", vec![evaluation("go", "whitelisted")]),
                other(Level::Deny),
            ],
            ["stop", "policy_evaluation", "stop", "fail"],
        ),
        (
            "monitor",
            vec![
                monitor(policy(
                    "gates",
                    vec![stop(), evaluation("stop", "blacklisted")],
                )),
                monitor(other(Level::Deny)),
            ],
            ["go", "policy_evaluation", "go", "pass"],
        ),
        (
            "indeterminate",
            vec![undecided("q", fault(), Verdict::Deny)],
            ["stop", "policy_evaluation", "stop", "fail"],
        ),
        (
            "indeterminate, but allowed",
            vec![undecided("q", fault(), Verdict::Allow)],
            ["go", "policy_evaluation", "go", "pass"],
        ),
        ("nothing", vec![], ["go", "policy_evaluation", "go", "pass"]),
    ] {
        assert_eq!(outcome(&one(policies)), expected, "{name}");
    }
}

#[test]
fn it_has_the_engines_shape() {
    let policies = vec![
        policy(
            "gates",
            vec![
                excused(row("CVE-1+openssl", "stop", Level::Deny)),
                evaluation("stop", "policy_evaluation"),
            ],
        ),
        policy(
            "licences",
            vec![Finding {
                package: Some("readline".to_owned()),
                ..finding("gpl", Level::Warn, Severity::Low, "GPL")
            }],
        ),
    ];
    let text = written(write, &[judged("a.json", decision(IMAGE, policies))]);
    let all: Value = serde_json::from_str(&text).unwrap();
    let evaluation = &all[0][DIGEST][TAG][0];
    assert_eq!(evaluation["policyId"], "bundle-1");
    assert_eq!(evaluation["last_evaluation"], "2026-02-03T04:05:06Z");
    let result = &evaluation["detail"]["result"];
    assert_eq!(result["matched_mapping_rule"]["id"], "m1");
    assert_eq!(result["matched_whitelisted_images_rule"], false);
    assert_eq!(result["created_at"], 1_770_091_506);
    let ids: Vec<&Value> = result["bundle"]["policies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(ids, ["policy-1", "licences"]);
    assert_eq!(evaluation["detail"]["policy"], result["bundle"]);
    assert_eq!(
        result["result"]["1d3c"]["result"]["rows"],
        json!([
            ["1d3c", TAG, "CVE-1+openssl", "vulnerabilities", "package", "HIGH", "stop",
                { "whitelist_name": "touchstone waivers", "whitelist_id": "W-17", "matched_rule_id": "W-17" }, "policy-1"],
            ["1d3c", TAG, "gpl+readline", "licences", "gpl", "GPL", "warn", false, "licences"],
        ])
    );
    assert_eq!(result["result"]["1d3c"]["result"]["row_count"], 2);
}

#[test]
fn each_image_has_its_own() {
    let mut all = decision(
        IMAGE,
        vec![policy(
            "p",
            vec![
                Finding {
                    image: Some("httpd".to_owned()),
                    ..finding("x", Level::Deny, Severity::High, "m")
                },
                finding("y", Level::Warn, Severity::High, "about both"),
                row("z", "warn", Level::Warn),
            ],
        )],
    );
    all.event.images.push("httpd".to_owned());
    let text = written(write, &[judged("a.json", all)]);
    let all: Value = serde_json::from_str(&text).unwrap();
    let triggers = |index: usize, digest: &str, tag: &str, id: &str| -> Vec<String> {
        let rows = &all[index][digest][tag][0]["detail"]["result"]["result"][id]["result"]["rows"];
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| row[2].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(triggers(0, "unknown", TAG, "1d3c"), ["y", "z"]);
    assert_eq!(
        triggers(1, "unknown", "docker.io/library/httpd", "unknown"),
        ["x", "y"]
    );
}

#[test]
fn what_was_not_judged_does_not_pass() {
    let broken = Judged {
        name: "a.json".into(),
        result: Err("no JSON".into()),
        performed: Default::default(),
    };
    let all: Value = serde_json::from_str(&written(write, &[broken])).unwrap();
    let evaluation = &all[0]["unknown"]["a.json"][0];
    assert_eq!(
        outcome(evaluation),
        ["stop", "policy_evaluation", "stop", "fail"]
    );
    assert_eq!(
        evaluation["detail"]["result"]["evaluation_problems"][0]["details"],
        "no JSON"
    );
}

#[test]
fn an_image_goes_by_its_digest() {
    let digest = format!("sha256:{}", "5e".repeat(32));
    let image = format!("ghcr.io/a/b:1@{digest}");
    let text = written(write, &[judged("a.json", decision(&image, vec![]))]);
    let all: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        all[0][&digest]["ghcr.io/a/b:1"][0]["detail"]["result"]["image_id"],
        "5e".repeat(32)
    );
}
