//! What values of rules mean.

use super::*;

#[test]
fn every_form_of_a_verdict_is_understood() {
    for (rules, expected) in [
        ("allow := true", vec![]),
        (
            "allow := false",
            vec!["Deny main.allow: data.main.allow does not hold"],
        ),
        (
            "allow if input.never",
            vec!["undecided: data.main.allow is undefined: give it a default"],
        ),
        ("deny := true", vec!["Deny main.deny: data.main.deny holds"]),
        ("deny := false", vec![]),
        ("deny := \"no\"", vec!["Deny main.deny: no"]),
        ("deny contains \"a\" if input.never", vec![]),
        (
            "deny contains \"a\"\ndeny contains \"b\"",
            vec!["Deny main.deny: a", "Deny main.deny: b"],
        ),
        ("deny_root contains \"a\"", vec!["Deny main.deny_root: a"]),
        (
            "violation contains {\"msg\": \"a\", \"details\": {\"x\": 1}}",
            vec!["Deny main.violation: a"],
        ),
        ("warn contains \"a\"", vec!["Warn main.warn: a"]),
        (
            "warn contains {\"message\": \"a\", \"id\": \"w1\", \"level\": \"info\"}",
            vec!["Info w1: a"],
        ),
        (
            "deny contains 3",
            vec!["undecided: data.main.deny says neither whether nor why: 3"],
        ),
        (
            "deny contains {\"text\": \"a\"}",
            vec!["undecided: data.main.deny says neither whether nor why: {\"text\":\"a\"}"],
        ),
        (
            "deny := 3",
            vec!["undecided: data.main.deny says neither whether nor why: 3"],
        ),
        (
            "allow := \"yes\"",
            vec!["undecided: data.main.allow says neither whether nor why: \"yes\""],
        ),
        (
            "allow := {\"allow\": false, \"reason\": \"a\"}",
            vec!["Deny main.allow: a"],
        ),
        (
            "verify := {\"kind\": \"ImageReview\", \"status\": {\"allowed\": true}}",
            vec![],
        ),
        (
            "verify := {\"kind\": \"ImageReview\", \"status\": {\"allowed\": false, \"reason\": \"a\"}}",
            vec!["Deny main.verify: a"],
        ),
        (
            "verify := {\"kind\": \"ImageReview\", \"status\": {\"allowed\": false}}",
            vec!["Deny main.verify: data.main.verify denies"],
        ),
        (
            "verify := {\"kind\": \"ImageReview\", \"status\": {\"allowed\": \"no\"}}",
            vec!["undecided: data.main.verify says neither whether nor why: \"no\""],
        ),
        (
            "verify := {\"kind\": \"ImageReview\", \"status\": {}}",
            vec![
                "undecided: data.main.verify says neither whether nor why: {\"kind\":\"ImageReview\",\"status\":{}}",
            ],
        ),
        (
            "verify := {\"response\": {\"allowed\": false, \"status\": {\"message\": \"a\"}}}",
            vec!["Deny main.verify: a"],
        ),
        ("verify := {\"findings\": []}", vec![]),
        (
            "verify := {\"findings\": [{\"id\": \"f\", \"message\": \"a\", \"level\": \"warn\"}]}",
            vec!["Warn f: a"],
        ),
        (
            "verify := {\"findings\": [{\"id\": \"f\", \"message\": \"a\", \"level\": \"warn\"}], \"allowed\": false}",
            vec!["Warn f: a", "Deny main.verify: data.main.verify denies"],
        ),
        (
            "verify := {\"findings\": 3}",
            vec!["undecided: data.main.verify says neither whether nor why: 3"],
        ),
    ] {
        let found = judge(module(&format!("package main\n\n{rules}\n")), json!({}));
        assert_eq!(found, expected, "{rules}");
    }
}

#[test]
fn what_a_message_tells_is_kept() {
    let rule = r#"deny contains {
        "msg": "m", "id": "i", "severity": "High", "target": "t", "remedy": "r", "image": "a:1", "package": "p",
        "path": "/f", "links": ["https://example.com"], "details": {"a": 1}, "more": true,
    }"#;
    let settings = module(&format!("package main\n\n{rule}\n"));
    let outcome = host().evaluate::<Rego>(settings, event(json!({}))).unwrap();
    let finding = &outcome.findings[0];
    assert_eq!(finding.severity, Severity::High);
    let texts = [
        &finding.target,
        &finding.remedy,
        &finding.image,
        &finding.package,
        &finding.path,
    ];
    let texts: Vec<&str> = texts.iter().map(|text| text.as_deref().unwrap()).collect();
    assert_eq!(texts, ["t", "r", "a:1", "p", "/f"]);
    assert_eq!(finding.links, ["https://example.com"]);
    assert_eq!(
        finding.details.as_deref(),
        Some(r#"{"details":{"a":1},"more":true}"#)
    );
}

#[test]
fn settings_name_what_rules_do_not() {
    let text =
        "package main\n\nnotes contains \"a\"\n\nwarn contains \"b\"\n\ndeny contains \"c\"\n";
    let settings = json!({
        "entrypoints": ["main.notes", "data.main.warn", "main/deny"],
        "rules": {"notes": {"level": "info", "id": "note"}, "main.warn": {"severity": "low"}},
    });
    let found = judge(with(module(text), settings), json!({}));
    assert_eq!(
        found,
        ["Info note: a", "Warn main.warn: b", "Deny main.deny: c"]
    );
}

#[test]
fn every_package_judges_and_tests_do_not() {
    let sources = json!({"sources": {
        "rules/a.rego": "package a\n\ndeny contains \"a\"\n",
        "rules/b/b.rego": "package b.c\n\ndeny contains input.x\n",
        "rules/a_test.rego": "package a\n\ndeny_mock contains \"mock\"\n\ntest_x if true\n",
    }});
    assert_eq!(
        judge(sources, json!({"x": "y"})),
        ["Deny a.deny: a", "Deny b.c.deny: y"]
    );
}

#[test]
fn documents_are_answered_by_path() {
    let text = "package a.b\n\nallow := input.x == 1\n\nset := {2, 1}\n\nnever if input.never\n";
    let settings = with(module(text), json!({}));
    let ask = |path: &str| {
        let outcome = host()
            .evaluate::<Rego>(settings.clone(), event(json!({"x": 2})).query(path))
            .unwrap();
        (outcome.value, outcome.findings.len())
    };
    assert_eq!(ask("a/b/allow"), (Some("false".to_owned()), 1));
    assert_eq!(ask("a/b/set"), (Some("[1,2]".to_owned()), 0));
    assert_eq!(ask("a/b/never"), (None, 0));
    assert_eq!(ask("nothing/there"), (None, 0));
    let whole = r#"{"allow":false,"set":[1,2]}"#;
    assert_eq!(ask("a/b"), (Some(whole.to_owned()), 0));
    assert_eq!(ask(""), (Some(format!(r#"{{"a":{{"b":{whole}}}}}"#)), 0));
}

#[test]
fn both_versions_of_the_language_are_read() {
    let text = "package main\n\ndeny[msg] {\n  input.x == 1\n  msg := \"old\"\n}\n";
    let old = with(module(text), json!({"regoVersion": "v0"}));
    assert_eq!(judge(old, json!({"x": 1})), ["Deny main.deny: old"]);
    let wrong = problems(module(text));
    assert!(
        wrong[0].starts_with("/sources/rules~1main.rego: rules/main.rego:3:"),
        "{wrong:?}"
    );
}
