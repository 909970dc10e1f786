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

fn findings(settings: Value, vulnerabilities: Value) -> Vec<Finding> {
    let event = TestEvent::new("image.scanned")
        .image("", "acme/web:1")
        .evidence(json!({ "vulnerabilities": vulnerabilities }));
    let outcome = host().evaluate::<SeverityThreshold>(settings, event);
    outcome.unwrap().findings
}

/// Ids with levels: `-` denies, `~` warns.
fn found(settings: Value, vulnerabilities: Value) -> Vec<String> {
    let shown = |finding: Finding| match finding.level {
        Level::Deny => format!("-{}", finding.id),
        Level::Warn => format!("~{}", finding.id),
        Level::Info => finding.id,
    };
    let findings = findings(settings, vulnerabilities);
    findings.into_iter().map(shown).collect()
}

/// One of each severity, named by it.
fn one_of_each() -> Value {
    let severities = ["critical", "high", "medium", "low", "negligible", "unknown"];
    let found =
        severities.map(|severity| json!({"id": severity, "package": "a", "severity": severity}));
    found.to_vec().into()
}

#[test]
fn severities_above_the_limit_deny() {
    for (settings, expected) in [
        (json!({}), vec!["-critical", "-high"]),
        (json!({"maxSeverity": "high"}), vec!["-critical"]),
        (
            json!({"maxSeverity": "unknown"}),
            vec!["-critical", "-high", "-medium", "-low", "-negligible"],
        ),
        (
            json!({"warnFrom": "low"}),
            vec!["-critical", "-high", "~medium", "~low"],
        ),
        (
            json!({"unknownAs": "high"}),
            vec!["-critical", "-high", "-unknown"],
        ),
        (
            json!({"maxSeverity": "high", "warnFrom": "high", "unknownAs": "high"}),
            vec!["-critical", "~high", "~unknown"],
        ),
    ] {
        assert_eq!(
            found(settings.clone(), one_of_each()),
            expected,
            "{settings}"
        );
    }
}

#[test]
fn scores_and_exploitation_deny_whatever_the_severity() {
    let listed = json!([
        {"id": "bad", "package": "a", "severity": "high"},
        {"id": "both", "package": "a", "severity": "critical", "scores": [{"source": "nvd", "version": "3.1", "base": 9.8}]},
        {"id": "scored", "package": "a", "severity": "low", "scores": [{"source": "nvd", "version": "3.1", "base": 9.1}]},
        {"id": "likely", "package": "a", "severity": "low", "epss": 0.5},
        {"id": "exploited", "package": "a", "severity": "low", "exploited": true},
        {"id": "harmless", "package": "a", "severity": "low", "exploited": false, "epss": 0.1}
    ]);
    for (settings, expected) in [
        (json!({}), vec!["-bad", "-both"]),
        (json!({"minCvss": 9}), vec!["-bad", "-both", "-scored"]),
        (
            json!({"maxSeverity": "critical", "minCvss": 9}),
            vec!["-both", "-scored"],
        ),
        (
            json!({"maxSeverity": "critical", "minEpss": 0.5}),
            vec!["-likely"],
        ),
        (
            json!({"denyExploited": true, "onlyFixable": true}),
            vec!["-exploited"],
        ),
        (
            json!({"minCvss": 9, "minEpss": 0.5, "denyExploited": true}),
            vec!["-bad", "-both", "-scored", "-likely", "-exploited"],
        ),
    ] {
        assert_eq!(
            found(settings.clone(), listed.clone()),
            expected,
            "{settings}"
        );
    }
    let all = json!({"minCvss": 9, "minEpss": 0.5, "denyExploited": true});
    let worst = json!([{"id": "CVE-1", "package": "a", "installed": "1", "severity": "critical", "exploited": true, "epss": 0.97,
        "scores": [{"source": "nvd", "version": "3.1", "base": 10.0}]}]);
    assert_eq!(
        findings(all, worst)[0].message,
        "CVE-1 in a 1 is critical (above medium) and has a CVSS score of 10 (limit 9) and has an EPSS of 0.97 (limit 0.5) \
         and is known to be exploited"
    );
}

#[test]
fn what_cannot_be_fixed_may_be_excused() {
    let listed = json!([
        {"id": "fixed", "package": "a", "severity": "high", "fixState": "fixed"},
        {"id": "version", "package": "a", "severity": "high", "fixed": ["2"]},
        {"id": "open", "package": "a", "severity": "high", "fixState": "notFixed"},
        {"id": "never", "package": "a", "severity": "high", "fixState": "wontFix"},
        {"id": "untold", "package": "a", "severity": "high"},
        {"id": "small", "package": "a", "severity": "low", "fixState": "notFixed"}
    ]);
    assert_eq!(
        found(json!({"onlyFixable": true}), listed.clone()),
        ["-fixed", "-version"]
    );
    assert_eq!(
        found(
            json!({"onlyFixable": true, "warnFrom": "high"}),
            listed.clone()
        ),
        ["-fixed", "-version", "~open", "~never", "~untold"]
    );
    let excused = findings(json!({"onlyFixable": true, "warnFrom": "high"}), listed);
    assert_eq!(
        excused[2].message,
        "open in a is high (above medium), but no fixed version is known"
    );
}

#[test]
fn new_ones_have_grace() {
    let at = |id: &str, date: &str| json!({"id": id, "package": "a", "severity": "high", "published": date});
    let listed = json!([
        at("today", "2026-02-01T00:00:00Z"),
        at("last-day", "2026-01-25T12:00:01Z"),
        at("over", "2026-01-25T12:00:00Z"),
        at("to-come", "2026-02-02T00:00:00Z"),
        {"id": "undated", "package": "a", "severity": "high"},
        {"id": "exploited", "package": "a", "severity": "high", "published": "2026-02-01T00:00:00Z", "exploited": true}
    ]);
    let late = ["-over", "-to-come", "-undated"];
    for (settings, expected) in [
        (json!({"graceDays": 7}), late.to_vec()),
        (json!({"graceDays": {"high": 7}}), late.to_vec()),
        (
            json!({"graceDays": {"critical": 7}}),
            vec![
                "-today",
                "-last-day",
                "-over",
                "-to-come",
                "-undated",
                "-exploited",
            ],
        ),
        (
            json!({"graceDays": 7, "graceUndated": true}),
            vec!["-over", "-to-come"],
        ),
        (
            json!({"graceDays": 7, "denyExploited": true}),
            vec!["-over", "-to-come", "-undated", "-exploited"],
        ),
        (
            json!({"graceDays": 7, "warnFrom": "high"}),
            vec![
                "-over",
                "-to-come",
                "-undated",
                "~today",
                "~last-day",
                "~exploited",
            ],
        ),
        (
            json!({"graceDays": 7, "graceSince": "firstSeen"}),
            vec![
                "-today",
                "-last-day",
                "-over",
                "-to-come",
                "-undated",
                "-exploited",
            ],
        ),
    ] {
        assert_eq!(
            found(settings.clone(), listed.clone()),
            expected,
            "{settings}"
        );
    }
    let warned = findings(json!({"graceDays": 7, "warnFrom": "high"}), listed);
    let tail = |finding: &Finding| finding.message.rsplit(", but ").next().map(str::to_owned);
    assert_eq!(
        tail(&warned[3]).as_deref(),
        Some("has grace for 7 more days")
    );
    assert_eq!(
        tail(&warned[4]).as_deref(),
        Some("has grace for 1 more day")
    );
}

#[test]
fn types_of_packages_have_rules_of_their_own() {
    let listed: Value = ["deb", "rpm", "npm", "gem", ""]
        .map(|kind| json!({"id": format!("one-{kind}"), "package": "a", "kind": kind, "severity": "high", "fixState": "notFixed"}))
        .to_vec()
        .into();
    for (kinds, expected) in [
        (
            json!({}),
            vec!["-one-deb", "-one-rpm", "-one-npm", "-one-gem", "-one-"],
        ),
        (
            json!({"npm": {"maxSeverity": "high"}}),
            vec!["-one-deb", "-one-rpm", "-one-gem", "-one-"],
        ),
        (
            json!({"os": {"onlyFixable": true}}),
            vec!["-one-npm", "-one-gem", "-one-"],
        ),
        (
            json!({"os": {"onlyFixable": true}, "rpm": {"onlyFixable": false}}),
            vec!["-one-rpm", "-one-npm", "-one-gem", "-one-"],
        ),
        (
            json!({"os": {"onlyFixable": true, "warnFrom": "high"}, "deb": {"maxSeverity": "low"}, "non-os": {"maxSeverity": "high"}}),
            vec!["-one-", "~one-deb", "~one-rpm"],
        ),
    ] {
        let settings = json!({"kinds": kinds});
        let mut found = found(settings.clone(), listed.clone());
        let mut expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{settings}");
    }
}

#[test]
fn so_many_of_a_severity_are_allowed() {
    let many = |severity: &'static str, state: &'static str, number: usize| {
        (0..number).map(move |index| json!({"id": format!("{severity}{state}{index}"), "package": "a", "severity": severity, "fixState": state}))
    };
    let listed: Vec<Value> = many("medium", "fixed", 3)
        .chain(many("medium", "notFixed", 2))
        .chain(many("low", "fixed", 2))
        .collect();
    for (settings, expected) in [
        (json!({"maxCount": {"medium": 5, "low": 2}}), vec![]),
        (
            json!({"maxCount": {"medium": 4, "low": 1}}),
            vec!["-too-many-medium", "-too-many-low"],
        ),
        (
            json!({"maxCount": {"medium": 3}, "onlyFixable": true}),
            vec![],
        ),
        (
            json!({"maxCount": {"medium": 2}, "onlyFixable": true}),
            vec!["-too-many-medium"],
        ),
    ] {
        let found = found(settings.clone(), listed.clone().into());
        assert_eq!(found, expected, "{settings}");
    }
    let findings = findings(json!({"maxCount": {"medium": 4}}), listed.into());
    assert_eq!(
        findings[0].message,
        "vulnerabilities of severity medium: 5, allowed 4"
    );
}

#[test]
fn a_finding_says_what_can_be_done() {
    let listed = json!([{
        "id": "CVE-2021-44228", "aliases": ["GHSA-jfh8-c2jp-5v3q"], "package": "log4j-core", "kind": "maven", "installed": "2.14.1",
        "locations": ["/app/a.jar", "/app/b.jar"], "fixed": ["2.12.2", "2.15.0"], "fixState": "fixed", "severity": "critical",
        "links": ["https://a", "https://b", "https://c", "https://d"], "epss": 0.97, "published": "2021-12-10T00:00:00Z"
    }]);
    let finding = &findings(json!({}), listed)[0];
    assert_eq!(finding.image.as_deref(), Some("acme/web:1"));
    assert_eq!(finding.package.as_deref(), Some("log4j-core"));
    assert_eq!(finding.path.as_deref(), Some("/app/a.jar"));
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(finding.links.len(), 3);
    assert_eq!(
        finding.remedy.as_deref(),
        Some("update log4j-core to 2.12.2 or 2.15.0")
    );
    assert_eq!(
        finding.details.as_deref(),
        Some(
            r#"{"aliases":["GHSA-jfh8-c2jp-5v3q"],"epss":0.97,"fixed":["2.12.2","2.15.0"],"installed":"2.14.1","published":"2021-12-10T00:00:00Z"}"#
        )
    );
}

#[test]
fn thousands_of_findings_become_few() {
    let many = |severity: &'static str, number: usize| {
        (0..number).map(move |index| json!({"id": format!("{severity}{index}"), "package": "a", "severity": severity}))
    };
    let listed: Vec<Value> = many("critical", 700).chain(many("low", 500)).collect();
    let settings = json!({"warnFrom": "low"});
    let findings = findings(settings, listed.into());
    assert_eq!(findings.len(), 51);
    let rest = &findings[50];
    assert_eq!(
        (rest.id.as_str(), rest.level),
        ("more-vulnerabilities", Level::Deny)
    );
    assert_eq!(
        rest.message,
        "vulnerabilities not listed: 650 that deny, 500 that are warned about"
    );
    let few: Vec<Value> = many("low", 5).chain(many("high", 2)).collect();
    assert_eq!(
        found(json!({"warnFrom": "low", "maxFindings": 3}), few.into()),
        ["-high0", "-high1", "~low0", "~more-vulnerabilities"]
    );
}

#[test]
fn what_makers_say_does_not_concern_the_image_is_left_out() {
    let listed = json!([
        {"id": "not", "package": "a", "severity": "high", "vex": {"status": "not_affected"}},
        {"id": "fixed", "package": "a", "severity": "high", "vex": {"status": "fixed"}},
        {"id": "affected", "package": "a", "severity": "high", "vex": {"status": "affected"}},
        {"id": "asking", "package": "a", "severity": "high", "vex": {"status": "under_investigation"}}
    ]);
    assert_eq!(found(json!({}), listed), ["-affected", "-asking"]);
}

#[test]
fn without_evidence_it_says_so() {
    let judge = |event| {
        host().evaluate::<SeverityThreshold>(json!({"evidence": {"missing": "warn"}}), event)
    };
    let nobody_looked = TestEvent::new("image.review").image("/a", "acme/web:1");
    let only_packages = nobody_looked.clone().evidence(json!({"packages": []}));
    for event in [nobody_looked, only_packages] {
        let findings = judge(event).unwrap().findings;
        assert_eq!(findings.len(), 1);
        assert_eq!(
            (findings[0].id.as_str(), findings[0].level),
            ("no-evidence", Level::Warn)
        );
    }
    assert!(judge(TestEvent::new("image.review")).is_err());
    let event = TestEvent::new("image.scanned").evidence(json!({"vulnerabilities": []}));
    let no_clock =
        Host::new().evaluate::<SeverityThreshold>(json!({"graceDays": 7}), event.clone());
    assert!(no_clock.is_err());
    let no_need = Host::new().evaluate::<SeverityThreshold>(json!({}), event);
    assert_eq!(no_need.unwrap().findings.len(), 0);
}

#[test]
fn wrong_settings_are_all_reported() {
    let paths = |settings: Value| -> Vec<String> {
        let problems = Host::new().configure::<SeverityThreshold>(settings);
        problems.into_iter().map(|problem| problem.path).collect()
    };
    for (settings, expected) in [
        (json!({}), vec![]),
        (json!({"maxSeverity": "critical"}), vec![""]),
        (
            json!({"maxSeverity": "low", "warnFrom": "medium", "maxCount": {"high": 1, "low": 3}, "kinds": {"Deb/x": {}}}),
            vec!["/kinds/Deb~1x", "/warnFrom", "/maxCount/high"],
        ),
        (json!({"warnFrom": "high", "onlyFixable": true}), vec![]),
        (
            json!({"warnFrom": "high", "kinds": {"npm": {"maxSeverity": "high"}}}),
            vec![],
        ),
        (
            json!({"minCvss": 11, "minEpss": 50, "graceDays": -1, "maxSeverity": "bad", "maxFindings": 0, "kinds": {"npm": {"max": 1}}}),
            vec![
                "/graceDays",
                "/kinds/npm/max",
                "/maxFindings",
                "/maxSeverity",
                "/minCvss",
                "/minEpss",
            ],
        ),
        (json!({"graceDays": {"hihg": 1}}), vec!["/graceDays/hihg"]),
    ] {
        let mut found = paths(settings.clone());
        let mut expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{settings}");
    }
}
