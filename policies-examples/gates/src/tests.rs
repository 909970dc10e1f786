//! Whole bundles on whole events.

use touchstone_sdk::testing::{Host, TestEvent};

use super::*;
use crate::gates::tests::now;

/// Each trigger at least once.
const ALL_GATES: &str = include_str!("../all-gates.json");

fn judge(bundle: Value, event: TestEvent) -> Result<Outcome, Undecided> {
    let host = Host::new().grant("clock", "now").now(now());
    host.evaluate::<Gates>(bundle, event)
}

pub fn problems(bundle: Value) -> Vec<String> {
    let problems = Host::new().configure::<Gates>(bundle).into_iter();
    problems
        .map(|problem| format!("{}: {}", problem.path, problem.message))
        .collect()
}

fn scanned(image: &str, evidence: Value) -> TestEvent {
    TestEvent::new("image.scanned")
        .image("", image)
        .evidence(evidence)
}

/// A rule that fires by what it is given.
fn port(id: &str, action: &str, port: &str) -> Value {
    json!({"id": id, "gate": "dockerfile", "trigger": "exposed_ports", "action": action, "params": [
        {"name": "ports", "value": port}, {"name": "type", "value": "blacklist"},
    ]})
}

fn exposing(ports: &str) -> Value {
    json!({"dockerfile": [{"name": "EXPOSE", "arguments": ports}]})
}

fn any(policies: &[&str], lists: &[&str]) -> Value {
    json!({"id": "m", "name": "any", "registry": "*", "repository": "*", "image": {"type": "tag", "value": "*"}, "policy_ids": policies, "whitelist_ids": lists})
}

/// Policies by name, each with its rules; mapped to every image.
pub fn bundle(policies: &[(&str, Vec<Value>)]) -> Value {
    let names: Vec<&str> = policies.iter().map(|(name, _)| *name).collect();
    let policies: Vec<Value> = policies
        .iter()
        .map(|(name, rules)| json!({"id": name, "version": "1_0", "rules": rules}))
        .collect();
    json!({"id": "b", "version": "1_0", "policies": policies, "mappings": [any(&names, &[])]})
}

pub fn with(mut bundle: Value, more: Value) -> Value {
    bundle
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    bundle
}

fn details(finding: &Finding) -> Value {
    serde_json::from_str(finding.details.as_deref().unwrap_or("null")).unwrap()
}

fn evaluation(outcome: &Outcome) -> Value {
    let found = outcome
        .findings
        .iter()
        .find(|finding| finding.id == "anchore-evaluation");
    details(found.unwrap())["anchore"]["evaluation"].clone()
}

/// Level, gate action and text of each finding but the evaluation.
fn rows(outcome: &Outcome) -> Vec<(Level, String, String)> {
    let findings = outcome
        .findings
        .iter()
        .filter(|finding| finding.id != "anchore-evaluation");
    let row = |finding: &Finding| {
        let action = details(finding)["anchore"]["row"][6]
            .as_str()
            .unwrap_or("-")
            .to_owned();
        let text = finding
            .message
            .replace("Dockerfile exposes port ", "")
            .replace(" which is in policy file DENIEDPORTS list", "");
        (finding.level, action, text)
    };
    findings.map(row).collect()
}

fn row(level: Level, action: &str, text: &str) -> (Level, String, String) {
    (level, action.to_owned(), text.to_owned())
}

#[test]
fn the_worst_action_of_all_policies_counts() {
    let bundle = bundle(&[
        ("one", vec![port("a", "warn", "80"), port("b", "GO", "81")]),
        ("two", vec![port("c", "Stop", "82")]),
    ]);
    for (ports, action, actions, expected) in [
        ("90", "go", json!({"one": "go", "two": "go"}), vec![]),
        (
            "81",
            "go",
            json!({"one": "go", "two": "go"}),
            vec![row(Level::Info, "go", "(81)")],
        ),
        (
            "80",
            "warn",
            json!({"one": "warn", "two": "go"}),
            vec![row(Level::Warn, "warn", "(80)")],
        ),
        (
            "80 82",
            "stop",
            json!({"one": "warn", "two": "stop"}),
            vec![
                row(Level::Warn, "warn", "(80)"),
                row(Level::Deny, "stop", "(82)"),
            ],
        ),
    ] {
        let outcome = judge(bundle.clone(), scanned("acme/web:1", exposing(ports))).unwrap();
        let evaluation = evaluation(&outcome);
        assert_eq!(evaluation["final_action"], action, "{ports}");
        assert_eq!(evaluation["policy_actions"], actions, "{ports}");
        assert_eq!(rows(&outcome), expected, "{ports}");
    }
}

#[test]
fn a_finding_has_what_the_table_of_anchore_has() {
    let bundle = bundle(&[("p", vec![port("a", "STOP", "22")])]);
    let digest = format!("sha256:{}", "ab".repeat(32));
    let evidence = with(
        exposing("22"),
        json!({"image": {"digests": [digest], "id": "sha256:cafe"}}),
    );
    let outcome = judge(bundle.clone(), scanned("nginx:1.27", evidence)).unwrap();
    let text = "Dockerfile exposes port (22) which is in policy file DENIEDPORTS list";
    let id = gates::md5_hex(&["dockerfile", "exposed_ports", text]);
    let finding = &outcome.findings[0];
    assert_eq!(
        (&finding.id, finding.image.as_deref()),
        (&id, Some("nginx:1.27"))
    );
    assert_eq!(
        details(finding),
        json!({"anchore": {"row": ["cafe", "docker.io/library/nginx:1.27", id, "dockerfile", "exposed_ports", text, "stop", false, "p"]}})
    );
    assert_eq!(
        evaluation(&outcome),
        json!({
            "final_action": "stop", "final_action_reason": "policy_evaluation", "matched_mapping_rule": bundle["mappings"][0],
            "matched_whitelisted_images_rule": false, "matched_blacklisted_images_rule": false, "policies": ["p"],
            "bundle_id": "b", "image_id": "cafe", "tag": "docker.io/library/nginx:1.27", "digest": digest,
            "policy_actions": {"p": "stop"},
        })
    );
}

#[test]
fn the_first_mapping_that_matches_counts_and_none_is_to_go() {
    let map = |repository: &str, policy: &str| json!({"registry": "docker.io", "repository": repository, "image": {"type": "tag", "value": "*"}, "policy_id": policy});
    let policies = bundle(&[
        ("stop", vec![port("a", "stop", "22")]),
        ("warn", vec![port("a", "warn", "22")]),
    ]);
    let bundle = with(
        policies,
        json!({"mappings": [map("acme/*", "warn"), map("*", "stop")]}),
    );
    for (image, action, policies) in [
        ("acme/web:1", "warn", json!(["warn"])),
        ("nginx:1", "stop", json!(["stop"])),
        ("ghcr.io/acme/web:1", "go", json!([])),
    ] {
        let outcome = judge(bundle.clone(), scanned(image, exposing("22"))).unwrap();
        let evaluation = evaluation(&outcome);
        assert_eq!(evaluation["final_action"], action, "{image}");
        assert_eq!(evaluation["policies"], policies, "{image}");
    }
    let event = TestEvent::new("image.scanned").evidence(exposing("22"));
    assert_eq!(
        judge(bundle, event).unwrap_err().reason(),
        "the image cannot be evaluated: the mappings need the image's name"
    );
}

#[test]
fn allowed_findings_are_shown_and_do_not_count() {
    let policies = bundle(&[("p", vec![port("a", "stop", "22"), port("b", "stop", "23")])]);
    let id = |port: &str| {
        let text =
            format!("Dockerfile exposes port ({port}) which is in policy file DENIEDPORTS list");
        gates::md5_hex(&["dockerfile", "exposed_ports", &text])
    };
    let list = |key: &str, expires: &str| {
        let lists = json!({
            key: [{"id": "w", "version": "1_0", "name": "W", "items": [
                {"id": "i", "gate": "Dockerfile", "trigger_id": id("22")},
                {"id": "j", "gate": "dockerfile", "trigger_id": id("23"), "expires_on": expires},
            ]}],
            "mappings": [any(&["p"], &["w"])],
        });
        with(policies.clone(), lists)
    };
    for key in ["whitelists", "allowlists"] {
        let outcome = judge(
            list(key, "2026-01-12T00:00:00Z"),
            scanned("a/b:1", exposing("22 23")),
        )
        .unwrap();
        assert_eq!(evaluation(&outcome)["final_action"], "go");
        assert_eq!(
            rows(&outcome),
            [
                row(Level::Info, "go", "(22)"),
                row(Level::Info, "go", "(23)")
            ]
        );
        assert_eq!(
            details(&outcome.findings[0])["anchore"]["row"][7],
            json!({"whitelist_name": "W", "whitelist_id": "w", "matched_rule_id": "i"})
        );
    }
    let outcome = judge(
        list("whitelists", "2026-01-11T00:00:00Z"),
        scanned("a/b:1", exposing("22 23")),
    )
    .unwrap();
    assert_eq!(evaluation(&outcome)["final_action"], "stop");
    let expired = outcome.findings[1].remedy.as_deref().unwrap();
    assert_eq!(
        expired,
        "do not expose port 23; the allowlist item for it expired on 2026-01-11T00:00:00Z"
    );
}

#[test]
fn a_denied_image_is_stopped_even_if_it_is_trusted() {
    let selector = |repository: &str| json!({"id": "s", "name": "S", "registry": "docker.io", "repository": repository, "image": {"type": "tag", "value": "*"}});
    let bundle = bundle(&[("p", vec![port("a", "stop", "22")])]);
    for (trusted, denied) in [
        ("whitelisted_images", "blacklisted_images"),
        ("trusted_images", "denied_images"),
    ] {
        let lists = json!({trusted: [selector("alpine"), selector("acme/*")], denied: [selector("acme/bad")]});
        let bundle = with(bundle.clone(), lists);
        for (image, action, reason, levels) in [
            ("alpine:3", "go", "whitelisted", vec![Level::Info]),
            ("acme/web:1", "go", "whitelisted", vec![Level::Info]),
            (
                "acme/bad:1",
                "stop",
                "blacklisted",
                vec![Level::Deny, Level::Deny],
            ),
            (
                "other/web:1",
                "stop",
                "policy_evaluation",
                vec![Level::Deny],
            ),
        ] {
            let outcome = judge(bundle.clone(), scanned(image, exposing("22"))).unwrap();
            let evaluation = evaluation(&outcome);
            assert_eq!(
                (
                    &evaluation["final_action"],
                    &evaluation["final_action_reason"]
                ),
                (&json!(action), &json!(reason)),
                "{image}"
            );
            assert_eq!(evaluation["policy_actions"], json!({"p": "stop"}));
            let found: Vec<Level> = rows(&outcome)
                .into_iter()
                .map(|(level, ..)| level)
                .collect();
            assert_eq!(found, levels, "{image}");
        }
        let outcome = judge(bundle, scanned("acme/bad:1", json!({}))).unwrap();
        assert_eq!(outcome.findings[1].id, "denied-image");
        assert_eq!(
            evaluation(&outcome)["matched_blacklisted_images_rule"],
            selector("acme/bad")
        );
    }
}

#[test]
fn what_cannot_be_evaluated_is_never_passed_over() {
    let npm = |action: &str| json!({"id": "n", "gate": "npms", "trigger": "unknown_in_feeds", "action": action});
    let evidence = || {
        with(
            exposing("22"),
            json!({"packages": [{"name": "left", "kind": "npm"}]}),
        )
    };
    let bundle = |rules: Vec<Value>| bundle(&[("p", rules)]);
    let judge = |bundle: Value| judge(bundle, scanned("acme/web:1", evidence()));

    for action in ["warn", "stop"] {
        let undecided = judge(bundle(vec![npm(action), port("a", "warn", "22")])).unwrap_err();
        assert_eq!(
            undecided.reason(),
            "acme/web:1 cannot be evaluated: npms.unknown_in_feeds needs a feed of npm packages, which nothing provides"
        );
    }
    let text = "npms.unknown_in_feeds cannot be evaluated: it needs a feed of npm packages, which nothing provides";
    let outcome = judge(bundle(vec![npm("go"), port("a", "warn", "22")])).unwrap();
    assert_eq!(
        rows(&outcome),
        [
            row(Level::Info, "-", text),
            row(Level::Warn, "warn", "(22)")
        ]
    );

    let outcome = judge(bundle(vec![npm("warn"), port("a", "stop", "22")])).unwrap();
    assert_eq!(
        rows(&outcome),
        [
            row(Level::Warn, "-", text),
            row(Level::Deny, "stop", "(22)")
        ]
    );
    assert_eq!(
        outcome.findings[0].id,
        "not-evaluated+npms.unknown_in_feeds"
    );

    let fires = with(
        bundle(vec![npm("warn")]),
        json!({"touchstone": {"missing": "fire"}}),
    );
    assert_eq!(
        rows(&judge(fires).unwrap()),
        [row(Level::Warn, "warn", text)]
    );

    let exact = with(
        bundle(vec![npm("stop")]),
        json!({"touchstone": {"compat": "exact"}}),
    );
    let outcome = judge(exact).unwrap();
    assert_eq!(rows(&outcome), [row(Level::Info, "-", text)]);
    assert_eq!(evaluation(&outcome)["final_action"], "go");

    let allowed = json!({
        "whitelists": [{"id": "w", "version": "1_0", "items": [{"gate": "npms", "trigger_id": "not-evaluated+*"}]}],
        "mappings": [any(&["p"], &["w"])],
    });
    assert_eq!(
        rows(&judge(with(bundle(vec![npm("stop")]), allowed)).unwrap()),
        [row(Level::Info, "go", text)]
    );
}

#[test]
fn each_image_is_evaluated_and_one_stop_is_enough() {
    let bundle = bundle(&[("p", vec![port("a", "stop", "22"), port("b", "warn", "80")])]);
    let pod = |first: Value| {
        TestEvent::new("pod.review")
            .image("/spec/containers/0/image", "acme/web:1")
            .evidence(first)
            .image("/spec/containers/1/image", "acme/log:1")
    };
    let outcome = judge(bundle.clone(), pod(exposing("22"))).unwrap();
    let found: Vec<(Option<&str>, Level)> = outcome
        .findings
        .iter()
        .map(|finding| (finding.image.as_deref(), finding.level))
        .collect();
    let (web, log) = (Some("acme/web:1"), Some("acme/log:1"));
    assert_eq!(
        found,
        [
            (web, Level::Deny),
            (web, Level::Info),
            (log, Level::Deny),
            (log, Level::Warn),
            (log, Level::Info)
        ]
    );

    let undecided = judge(bundle.clone(), pod(exposing("80"))).unwrap_err();
    assert_eq!(
        undecided.reason(),
        "acme/log:1 cannot be evaluated: dockerfile.exposed_ports needs a Dockerfile, or a report with the image's history"
    );
    let nothing = judge(bundle, TestEvent::new("image.review")).unwrap_err();
    assert_eq!(nothing.reason(), "the event names no image");
}

#[test]
fn a_bundle_with_every_gate_is_understood_and_evaluated() {
    let bundle: Value = serde_json::from_str(ALL_GATES).unwrap();
    assert_eq!(problems(bundle.clone()), Vec::<String>::new());
    let rules = bundle["policies"][0]["rules"].as_array().unwrap();
    let named: Vec<(&str, &str)> = rules
        .iter()
        .map(|rule| {
            gates::find(
                rule["gate"].as_str().unwrap(),
                rule["trigger"].as_str().unwrap(),
            )
            .ok()
            .unwrap()
        })
        .map(|trigger| (trigger.gate, trigger.name))
        .collect();
    for trigger in gates::all() {
        assert!(
            named.contains(&(trigger.gate, trigger.name)),
            "{}.{}",
            trigger.gate,
            trigger.name
        );
    }
    let evidence = json!({
        "reports": [{"tool": "scanner", "database": "2026-01-10T00:00:00Z"}],
        "configuration": {"user": "app", "size": 1048576},
        "distribution": {"name": "debian", "version": "12"},
        "dockerfile": [{"name": "FROM", "arguments": "registry.example.com/base/debian:12"}, {"name": "HEALTHCHECK", "arguments": "CMD true"}],
        "packages": [
            {"name": "openssl", "kind": "deb", "version": "3.0.11-1", "licences": ["Apache-2.0"]},
            {"name": "ca-certificates", "kind": "deb", "version": "20230311+deb12u1", "licences": ["GPL-2"]},
            {"name": "left", "kind": "npm", "version": "1.0.0"},
        ],
        "files": [{"path": "/etc/passwd", "mode": 420, "matches": [], "content": "root:x:0:0:root:/root:/bin/bash"}, {"path": "/etc/ssh/sshd_config", "mode": 420, "content": "PermitRootLogin no"}],
        "secrets": [], "malware": [],
        "vulnerabilities": [{"id": "CVE-2026-1", "package": "openssl", "kind": "deb", "severity": "critical", "fixed": ["3.1"]}],
    });
    let outcome = judge(bundle.clone(), scanned("acme/web:1", evidence)).unwrap();
    assert_eq!(
        evaluation(&outcome)["final_action"],
        "go",
        "{:#?}",
        rows(&outcome)
    );
    let ids: Vec<&str> = outcome
        .findings
        .iter()
        .map(|finding| finding.id.as_str())
        .collect();
    for id in [
        "always",
        "CVE-2026-1+openssl",
        "not-evaluated+npms.unknown_in_feeds",
        "not-evaluated+packages.verify",
    ] {
        assert!(ids.contains(&id), "{id} is not in {ids:?}");
    }
    let undecided = judge(
        bundle,
        scanned("acme/web:1", json!({"vulnerabilities": []})),
    )
    .unwrap_err();
    for rule in [
        "dockerfile.exposed_ports",
        "files.name_match",
        "malware.scans",
        "packages.required_package",
        "secret_scans",
    ] {
        assert!(
            undecided.reason().contains(rule),
            "{rule} is not in {}",
            undecided.reason()
        );
    }
}

#[test]
fn an_image_that_may_be_denied_is_not_decided() {
    let selector = |repository: &str, kind: &str, value: &str| json!({"registry": "*", "repository": repository, "image": {"type": kind, "value": value}});
    let denied = |list: Value| {
        with(
            bundle(&[("p", vec![])]),
            json!({"denied_images": list, "trusted_images": [selector("*", "id", "cafe")]}),
        )
    };
    let by_digest = || selector("*", "digest", "sha256:ab");
    let undecided = judge(
        denied(json!([by_digest()])),
        scanned("acme/web:1", json!({})),
    )
    .unwrap_err();
    assert_eq!(
        undecided.reason(),
        "acme/web:1 cannot be evaluated: the denied images need the image's digest"
    );
    let outcome = judge(
        denied(json!([by_digest(), selector("acme/*", "tag", "*")])),
        scanned("acme/web:1", json!({})),
    )
    .unwrap();
    assert_eq!(evaluation(&outcome)["final_action"], "stop");
    let outcome = judge(denied(json!([])), scanned("acme/web:1", json!({}))).unwrap();
    assert_eq!(
        evaluation(&outcome)["final_action_reason"],
        "policy_evaluation"
    );
}

#[test]
fn a_regular_expression_that_cannot_be_read_is_not_fatal_for_the_bundle() {
    let rule = |action: &str, regex: &str| json!({"gate": "files", "trigger": "name_match", "action": action, "params": [{"name": "regex", "value": regex}]});
    let image = || {
        let mut evidence = exposing("22");
        evidence["files"] = json!([{"path": "/a.key"}]);
        scanned("acme/web:1", evidence)
    };
    let rules = |action: &str, other: &str| {
        bundle(&[(
            "p",
            vec![
                rule(action, "*\\.pem"),
                rule("warn", "(?=a)b"),
                port("a", other, "22"),
            ],
        )])
    };
    assert_eq!(problems(rules("stop", "stop")), Vec::<String>::new());

    // Everything else is evaluated.
    let outcome = judge(rules("stop", "stop"), image()).unwrap();
    let told: Vec<(&str, Level)> = outcome
        .findings
        .iter()
        .map(|finding| (finding.id.as_str(), finding.level))
        .collect();
    assert_eq!(
        told[..2],
        [
            ("not-evaluated+files.name_match", Level::Deny),
            ("not-evaluated+files.name_match", Level::Warn)
        ]
    );
    let first = &outcome.findings[0];
    assert!(
        first
            .message
            .contains(r#"its regex "*\\.pem" cannot be read: not a regular expression"#),
        "{}",
        first.message
    );
    assert!(
        first
            .remedy
            .as_deref()
            .unwrap()
            .starts_with("mend the regular expression")
    );
    assert!(outcome.findings[1].message.contains("look-around"));
    assert_eq!(evaluation(&outcome)["final_action"], "stop");

    // Where it could change the action, it is no silence; Anchore's own has nothing to do with it.
    for compat in ["fixed", "exact"] {
        let bundle = with(
            rules("stop", "warn"),
            json!({"touchstone": {"compat": compat}}),
        );
        let undecided = judge(bundle, image()).unwrap_err();
        let undecided = undecided.reason();
        assert!(
            undecided.contains(r#"files.name_match: its regex "*\\.pem""#),
            "{undecided}"
        );
    }
    let fires = with(
        rules("stop", "warn"),
        json!({"touchstone": {"missing": "fire"}}),
    );
    assert_eq!(
        evaluation(&judge(fires, image()).unwrap())["final_action"],
        "stop"
    );
}
