use std::time::{Duration, SystemTime};

use touchstone_sdk::testing::{Host, TestEvent};

use super::*;

/// 2026-02-01T12:00:00Z
const NOW: Duration = Duration::from_secs(1_769_947_200);

fn host() -> Host {
    Host::new()
        .grant("clock", "now")
        .now(SystemTime::UNIX_EPOCH + NOW)
}

fn findings(settings: Value, evidence: Value) -> Vec<Finding> {
    let event = TestEvent::new("image.scanned")
        .image("", "acme/web:1")
        .evidence(evidence);
    let outcome = host().evaluate::<OpenscapProfile>(settings, event);
    outcome.unwrap().findings
}

/// Ids with levels: `-` denies, `~` warns.
fn found(settings: Value, evidence: Value) -> Vec<String> {
    let shown = |finding: Finding| match finding.level {
        Level::Deny => format!("-{}", finding.id),
        Level::Warn => format!("~{}", finding.id),
        Level::Info => finding.id,
    };
    let findings = findings(settings, evidence);
    findings.into_iter().map(shown).collect()
}

fn rule(id: &str, severity: &str, result: &str) -> Value {
    json!({"benchmark": "b", "profile": "anssi_average", "id": id, "severity": severity, "result": result})
}

/// A run of the profile `anssi_average` with these rules.
fn run(rules: impl IntoIterator<Item = Value>) -> Value {
    let rules: Vec<Value> = rules.into_iter().collect();
    let benchmark = json!({"id": "b", "profile": "anssi_average", "ended": "2026-01-30T12:00:00Z", "score": 41.666668, "maximum": 100.0});
    json!({"benchmarks": [benchmark], "rules": rules})
}

/// As OpenSCAP found a plain Debian 11: 20 rules fail, 25 pass, 310 are not selected.
fn debian() -> Value {
    let some = |severity: &'static str, result: &'static str, number: usize| {
        (0..number)
            .map(move |index| rule(&format!("{severity}-{result}-{index}"), severity, result))
    };
    run(some("high", "fail", 1)
        .chain(some("medium", "fail", 12))
        .chain(some("low", "fail", 5))
        .chain(some("unknown", "fail", 2))
        .chain(some("medium", "pass", 25))
        .chain(some("high", "notselected", 310)))
}

#[test]
fn a_failed_rule_of_high_severity_denies() {
    for (name, rules, expected) in [
        ("all pass", vec![rule("a", "high", "pass")], vec![]),
        ("one fails", vec![rule("a", "high", "fail")], vec!["-a"]),
        (
            "less severe",
            vec![rule("a", "medium", "fail"), rule("b", "negligible", "fail")],
            vec!["a", "b"],
        ),
        (
            "what could not be checked",
            vec![
                rule("a", "high", "error"),
                rule("b", "high", "unknown"),
                rule("c", "low", "pass"),
            ],
            vec!["-a", "-b"],
        ),
        (
            "what was not asked for",
            vec![
                rule("a", "high", "notselected"),
                rule("b", "high", "notapplicable"),
                rule("c", "high", "notchecked"),
                rule("d", "high", "informational"),
                rule("e", "high", "fixed"),
            ],
            vec![],
        ),
    ] {
        assert_eq!(found(json!({}), run(rules)), expected, "{name}");
    }
}

#[test]
fn so_many_are_tolerated() {
    let each = findings(json!({}), debian());
    assert_eq!(each.len(), 20);
    assert_eq!(
        (each[0].id.as_str(), each[0].level),
        ("high-fail-0", Level::Deny)
    );
    assert!(each[1..].iter().all(|finding| finding.level == Level::Info));
    for (settings, denied) in [
        (json!({}), vec!["high-fail-0"]),
        (json!({"maxFailed": {"high": 1}}), vec![]),
        (json!({"maxFailed": {"high": null, "medium": 12}}), vec![]),
        (
            json!({"maxFailed": {"medium": 11}, "tolerated": "warn"}),
            vec!["high-fail-0", "too-many-medium"],
        ),
        (json!({"tolerated": "off"}), vec!["high-fail-0"]),
        (
            json!({"maxFailed": {"unknown": 0}}),
            vec!["high-fail-0", "unknown-fail-0", "unknown-fail-1"],
        ),
    ] {
        let findings = findings(settings.clone(), debian());
        let ids = findings
            .iter()
            .filter(|finding| finding.level == Level::Deny);
        let ids: Vec<&str> = ids.map(|finding| finding.id.as_str()).collect();
        assert_eq!(ids, denied, "{settings}");
    }
    let many = findings(json!({"maxFailed": {"medium": 10}}), debian());
    assert_eq!(
        many[1].message,
        "rules of severity medium that failed: 12, allowed 10"
    );
    assert_eq!(many[1].remedy.as_deref(), Some("mend at least 2 of them"));
}

#[test]
fn lists_of_rules_count_more_than_severity() {
    let rules = [
        rule("content_rule_sshd_a", "low", "fail"),
        rule("content_rule_sshd_b", "low", "pass"),
        rule("content_rule_tmp", "high", "fail"),
    ];
    for (settings, expected) in [
        (json!({}), vec!["-content_rule_tmp", "content_rule_sshd_a"]),
        (
            json!({"deny": ["*_sshd_*"]}),
            vec!["-content_rule_sshd_a", "-content_rule_tmp"],
        ),
        (json!({"ignore": ["*_tmp"]}), vec!["content_rule_sshd_a"]),
        (
            json!({"ignore": ["*"], "deny": ["content_rule_sshd_a"]}),
            vec!["-content_rule_sshd_a"],
        ),
        (
            json!({"maxFailed": {"high": 1}, "ignore": ["*_sshd_*"]}),
            vec!["content_rule_tmp"],
        ),
    ] {
        assert_eq!(
            found(settings.clone(), run(rules.clone())),
            expected,
            "{settings}"
        );
    }
}

#[test]
fn the_right_profile_has_to_be_run() {
    let minimal = json!({"benchmark": "b", "profile": "anssi_minimal", "id": "c", "severity": "high", "result": "fail"});
    let mut both = run([
        rule("a", "high", "fail"),
        rule("b", "high", "pass"),
        minimal,
    ]);
    let runs = both["benchmarks"].as_array_mut().unwrap();
    runs.push(json!({"id": "b", "profile": "anssi_minimal"}));
    let no_profile = json!({"benchmarks": [{"id": "rhsa"}], "rules": [{"benchmark": "rhsa", "id": "d", "severity": "high", "result": "fail"}]});
    for (name, profiles, evidence, expected) in [
        ("any", json!([]), both.clone(), vec!["-a", "-c"]),
        ("one of two", json!(["*_minimal"]), both.clone(), vec!["-c"]),
        ("both", json!(["anssi_*"]), both.clone(), vec!["-a", "-c"]),
        ("another", json!(["stig"]), both, vec!["-profile-not-run"]),
        (
            "any, without one",
            json!([]),
            no_profile.clone(),
            vec!["-d"],
        ),
        (
            "none",
            json!(["stig"]),
            no_profile,
            vec!["-profile-not-run"],
        ),
        (
            "no run",
            json!(["stig"]),
            json!({"rules": []}),
            vec!["-profile-not-run"],
        ),
    ] {
        assert_eq!(
            found(json!({"profiles": profiles}), evidence),
            expected,
            "{name}"
        );
    }
    let other = findings(json!({"profiles": ["stig", "cis"]}), run([]));
    assert_eq!(
        other[0].message,
        "there is only the run of anssi_average, not of stig or cis"
    );
}

#[test]
fn content_of_which_nothing_applies_does_not_pass() {
    let useless = [
        rule("a", "high", "notapplicable"),
        rule("b", "high", "notselected"),
    ];
    assert_eq!(found(json!({}), run(useless)), ["-nothing-checked"]);
    assert_eq!(found(json!({}), run([])), ["-nothing-checked"]);
}

#[test]
fn the_score_is_a_percentage_of_its_maximum() {
    let scored = |score: Value, maximum: Value| {
        let mut evidence = run([rule("a", "low", "pass")]);
        evidence["benchmarks"][0]["score"] = score;
        evidence["benchmarks"][0]["maximum"] = maximum;
        evidence
    };
    for (score, maximum, expected) in [
        (json!(80), json!(100), vec![]),
        (json!(79.9), json!(100), vec!["-low-score"]),
        (json!(40), json!(50), vec![]),
        (json!(80), json!(null), vec![]),
        (json!(null), json!(100), vec!["-no-score"]),
        (json!(0), json!(0), vec!["-no-score"]),
    ] {
        let name = format!("{score} of {maximum}");
        let evidence = scored(score, maximum);
        assert_eq!(found(json!({"minScore": 80}), evidence), expected, "{name}");
    }
    let low = findings(json!({"minScore": 80}), debian());
    assert_eq!(
        low[0].message,
        "the run of anssi_average scored 41.7 %; 80 % are demanded"
    );
}

#[test]
fn each_run_has_to_be_young_enough() {
    let pass = || run([rule("a", "low", "pass")]);
    let days = |most: u32| json!({"evidence": {"maxAgeDays": most, "stale": "warn"}});
    assert_eq!(found(days(3), pass()), Vec::<String>::new());
    assert_eq!(found(days(2), pass()), ["~stale-evidence"]);
    let mut with_younger_report = pass();
    with_younger_report["reports"] = json!([{"format": "trivy", "tool": "Trivy", "scanned": "2026-02-01T00:00:00Z", "digest": ""}]);
    assert_eq!(
        found(days(2), with_younger_report.clone()),
        ["~stale-evidence"]
    );
    with_younger_report["benchmarks"][0]["ended"] = json!(null);
    assert_eq!(found(days(2), with_younger_report), Vec::<String>::new());
    let mut untold = pass();
    untold["benchmarks"][0]["ended"] = json!(null);
    let finding = &findings(days(2), untold)[0];
    assert_eq!(
        finding.message,
        "the run of anssi_average is of unknown age; 2 are allowed"
    );
}

#[test]
fn a_finding_says_what_can_be_done() {
    let failed = json!({
        "benchmark": "b", "profile": "anssi_average", "id": "rule_a", "severity": "high", "result": "fail", "title": "Disable rsh",
        "identifiers": [{"system": "http://cve.mitre.org", "id": "CVE-2026-1"}, {"system": "https://nvd.nist.gov/cce/index.cfm", "id": "CCE-80784-7"}],
        "references": ["CCI-000366 (https://public.cyber.mil/stigs/cci/)", "https://example.com/rsh"], "fix": "apt-get remove rsh",
    });
    let finding = &findings(json!({}), run([failed.clone()]))[0];
    assert_eq!(
        finding.message,
        "a rule of severity high failed: Disable rsh"
    );
    assert_eq!(finding.severity, Severity::High);
    assert_eq!(finding.image.as_deref(), Some("acme/web:1"));
    assert_eq!(finding.remedy.as_deref(), Some("apt-get remove rsh"));
    assert_eq!(
        finding.links,
        [
            "https://nvd.nist.gov/vuln/detail/CVE-2026-1",
            "https://example.com/rsh"
        ]
    );
    assert_eq!(
        finding.details.as_deref(),
        Some(
            r#"{"benchmark":"b","identifiers":["CVE-2026-1","CCE-80784-7"],"profile":"anssi_average","result":"fail"}"#
        )
    );
    let mut described = failed;
    described["fix"] = json!(null);
    described["description"] = json!("The package should not be installed.");
    let finding = &findings(json!({}), run([described]))[0];
    assert_eq!(
        finding.remedy.as_deref(),
        Some("The package should not be installed.")
    );
}

#[test]
fn thousands_of_failures_become_few() {
    let many = |severity: &'static str, number: usize| {
        (0..number).map(move |index| rule(&format!("{severity}{index}"), severity, "fail"))
    };
    let listed = findings(
        json!({"deny": ["low1*"]}),
        run(many("high", 1500).chain(many("low", 500))),
    );
    assert_eq!(listed.len(), 61);
    let rest = &listed[60];
    assert_eq!(
        (rest.id.as_str(), rest.level),
        ("more-failed-rules", Level::Deny)
    );
    // low1, low10 to low19, low100 to low199: 111, of which 20 are listed.
    assert_eq!(
        rest.message,
        "failed rules not listed: 1571 that deny, 369 that are tolerated"
    );
    let off = findings(json!({"tolerated": "off"}), run(many("low", 500)));
    assert_eq!(off.len(), 0);
    let tolerated = found(
        json!({"maxFindings": 1, "tolerated": "warn"}),
        run(many("low", 2)),
    );
    assert_eq!(tolerated, ["~low0", "~more-failed-rules"]);
}

#[test]
fn without_results_it_says_so() {
    let judge = |settings, event| host().evaluate::<OpenscapProfile>(settings, event);
    let nobody_looked = TestEvent::new("image.review").image("/a", "acme/web:1");
    let only_packages = nobody_looked.clone().evidence(json!({"packages": []}));
    for event in [nobody_looked, only_packages] {
        let findings = judge(json!({}), event).unwrap().findings;
        assert_eq!(findings.len(), 1);
        assert_eq!(
            (findings[0].id.as_str(), findings[0].level),
            ("no-evidence", Level::Deny)
        );
    }
    assert!(judge(json!({}), TestEvent::new("image.review")).is_err());
    let event = TestEvent::new("image.scanned").evidence(run([]));
    let settings = json!({"evidence": {"maxAgeDays": 1}});
    assert!(
        Host::new()
            .evaluate::<OpenscapProfile>(settings, event)
            .is_err()
    );
}

#[test]
fn wrong_settings_are_all_reported() {
    let paths = |settings: Value| -> Vec<String> {
        let problems = Host::new().configure::<OpenscapProfile>(settings);
        problems.into_iter().map(|problem| problem.path).collect()
    };
    let wrong =
        json!({"maxFailed": {"hihg": 0}, "tolerated": "hint", "minScore": 101, "profile": "stig"});
    let mut found = paths(wrong);
    found.sort();
    assert_eq!(
        found,
        ["/maxFailed/hihg", "/minScore", "/profile", "/tolerated"]
    );
    assert_eq!(
        paths(json!({"deny": ["a", "b"], "ignore": ["c", "b"], "tolerated": "deny"})),
        ["/tolerated", "/ignore/1"]
    );
}
