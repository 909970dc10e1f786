//! What comes of whole evidence.

use super::*;
use touchstone_sdk::testing::{Host, TestEvent};

fn judge(settings: Value, evidence: Value) -> Vec<Finding> {
    let event = TestEvent::new("image.scanned")
        .image("", "acme/web:1")
        .evidence(evidence);
    let outcome = Host::new().evaluate::<Licences>(settings, event);
    outcome.unwrap().findings
}

/// `id package level` of each finding.
fn told(settings: Value, evidence: Value) -> Vec<String> {
    let findings = judge(settings, evidence).into_iter();
    findings
        .map(|finding| {
            assert_eq!(finding.image.as_deref(), Some("acme/web:1"));
            let what = finding.package.or(finding.path).unwrap_or_default();
            let level = format!("{:?}", finding.level);
            format!(
                "{} {what} {}",
                finding.id,
                level.trim_start_matches("Level::")
            )
        })
        .collect()
}

fn package(name: &str, kind: &str, licences: Value) -> Value {
    json!({"name": name, "version": "1.2", "kind": kind, "licences": licences})
}

#[test]
fn each_licence_of_a_package_is_judged_by_the_rules_of_its_type() {
    let settings = json!({
        "denied": ["GPL-*", "AGPL-*"],
        "warned": ["LGPL-*"],
        "kinds": {"os": {"denied": ["AGPL-*"], "unknown": "off"}, "npm": {"mode": "allowOnly", "allowed": ["MIT"]}},
        "exempt": ["acme-*"],
    });
    for (packages, expected) in [
        (package("bash", "deb", json!(["GPL-3+"])), &[][..]),
        (
            package("bash", "deb", json!(["GPL-3+", "AGPL-3", "some text"])),
            &["licence/AGPL-3.0-only bash Deny"],
        ),
        (
            package("six", "pypi", json!(["GPL-3+", "LGPL-2.1+", "MIT"])),
            &[
                "licence/GPL-3.0-or-later six Deny",
                "licence/LGPL-2.1-or-later six Warn",
            ],
        ),
        (
            package("six", "pypi", json!(["GPL-3.0-or-later AND MIT", "GPLv3+"])),
            &["licence/GPL-3.0-or-later six Deny"],
        ),
        (
            package("left-pad", "npm", json!(["MIT OR Apache-2.0"])),
            &[],
        ),
        (
            package("left-pad", "npm", json!(["Apache-2.0"])),
            &["licence/Apache-2.0 left-pad Deny"],
        ),
        (
            package("left-pad", "npm", json!(["odd"])),
            &["licence/odd left-pad Deny"],
        ),
        (
            package("left-pad", "npm", json!([])),
            &["licence-absent left-pad Deny"],
        ),
        (
            package("six", "pypi", json!(["odd"])),
            &["licence/odd six Warn"],
        ),
        (
            package("six", "pypi", json!(["NOASSERTION", ""])),
            &["licence-absent six Warn"],
        ),
        (package("acme-core", "npm", json!(["GPL-3.0-only"])), &[]),
    ] {
        let found = told(settings.clone(), json!({"packages": [packages]}));
        assert_eq!(found, expected, "{packages}");
    }
}

#[test]
fn found_licences_are_judged_by_name_and_category() {
    let settings = json!({
        "denied": ["AGPL-*"],
        "allowed": ["LGPL-2.1"],
        "kinds": {"deb": {"denied": []}},
        "deniedCategories": ["restricted"],
        "warnedCategories": ["reciprocal"],
        "minConfidence": 0.9,
    });
    for (licence, expected) in [
        (
            json!({"name": "GPL-3.0", "category": "Restricted", "package": "bash"}),
            &["licence/GPL-3.0-only bash Deny"][..],
        ),
        (
            json!({"name": "LGPL-2.1", "category": "restricted", "package": "bash"}),
            &[],
        ),
        (
            json!({"name": "MPL-2.0", "category": "reciprocal", "path": "/a/LICENSE"}),
            &["licence/MPL-2.0 /a/LICENSE Warn"],
        ),
        (
            json!({"name": "AGPL-3.0", "category": "forbidden", "path": "/a/COPYING"}),
            &["licence/AGPL-3.0-only /a/COPYING Deny"],
        ),
        (
            json!({"name": "AGPL-3.0", "path": "/a", "confidence": 0.5}),
            &[],
        ),
        (
            json!({"name": "AGPL-3.0", "path": "/a", "confidence": 0.9}),
            &["licence/AGPL-3.0-only /a Deny"],
        ),
        (json!({"name": "AGPL-3.0", "package": "bash"}), &[]),
        (
            json!({"name": "MIT", "category": "notice", "package": "bash"}),
            &[],
        ),
    ] {
        let packages = json!([package("bash", "deb", json!(["GPL-3+"]))]);
        let found = told(
            settings.clone(),
            json!({"packages": packages, "licences": [licence]}),
        );
        assert_eq!(found, expected, "{licence}");
    }
}

#[test]
fn licences_that_nobody_looked_for_are_missing() {
    let silent = json!([{"name": "bash", "kind": "deb"}]);
    for (evidence, expected) in [
        (json!({"vulnerabilities": []}), &["no-evidence  Warn"][..]),
        (json!({"packages": silent}), &["no-evidence  Warn"]),
        (json!({"packages": []}), &[]),
        (json!({"licences": []}), &[]),
        (
            json!({"packages": silent, "licences": []}),
            &["licence-absent bash Warn"],
        ),
    ] {
        let settings = json!({"denied": ["GPL-*"], "evidence": {"missing": "warn"}});
        assert_eq!(told(settings, evidence.clone()), expected, "{evidence}");
    }
    let event = TestEvent::new("image.review").image("/image", "acme/web:1");
    let outcome = Host::new()
        .evaluate::<Licences>(json!({"denied": ["GPL-*"]}), event)
        .unwrap();
    assert_eq!(outcome.findings[0].id, "no-evidence");
    let nothing = Host::new()
        .evaluate::<Licences>(json!({"denied": ["GPL-*"]}), TestEvent::new("image.review"));
    assert!(nothing.is_err());
}

#[test]
fn many_findings_are_summed_up_at_the_level_of_the_worst() {
    let many = (0..40).map(|n| {
        package(
            &format!("p{n:02}"),
            "npm",
            json!([if n < 30 { "GPL-3.0" } else { "odd" }]),
        )
    });
    let evidence = json!({"packages": many.collect::<Vec<_>>()});
    let settings = |most| json!({"denied": ["GPL-*"], "most": most});
    let found = judge(settings(25), evidence.clone());
    assert_eq!(found.len(), 26);
    assert!(found[..25].iter().all(|one| one.level == Level::Deny));
    assert_eq!(
        (found[25].id.as_str(), found[25].level),
        ("more-licences", Level::Deny)
    );
    assert_eq!(
        found[25].message,
        "15 more licences of packages or files are not told one by one: odd (10), GPL-3.0-only (5)"
    );
    assert_eq!(judge(settings(35), evidence.clone())[35].level, Level::Warn);
    assert_eq!(judge(settings(40), evidence).len(), 40);
}

#[test]
fn a_finding_says_what_and_why() {
    let packages = json!([
        package("readline", "deb", json!(["GPL-3+"])),
        package(
            "odd",
            "deb",
            json!(["Permission is hereby granted ".repeat(20)])
        ),
    ]);
    let found = judge(json!({"denied": ["GPL-*"]}), json!({"packages": packages}));
    assert_eq!(
        found[0].message,
        "GPL-3.0-or-later of readline 1.2 is denied, by GPL-*"
    );
    assert_eq!(found[0].severity, Severity::High);
    assert_eq!(
        found[0].remedy.as_deref(),
        Some("do without readline, or have it exempted or waived")
    );
    assert_eq!(
        found[0].details.as_deref(),
        Some(r#"{"expression":"GPL-3+","kind":"deb","version":"1.2"}"#)
    );
    assert!(found[1].id.starts_with("licence/Permission is hereby") && found[1].id.ends_with('…'));
}

#[test]
fn wrong_settings_are_all_reported() {
    let paths = |settings: Value| {
        let problems = Host::new().configure::<Licences>(settings).into_iter();
        problems.map(|problem| problem.path).collect::<Vec<_>>()
    };
    for (settings, expected) in [
        (json!({"denied": ["GPL-*"]}), &[][..]),
        (json!({"deniedCategories": ["restricted"]}), &[]),
        (json!({"mode": "allowOnly", "allowed": ["MIT"]}), &[]),
        (json!({}), &[""]),
        (json!({"mode": "allowOnly"}), &["/mode"]),
        (
            json!({"denied": ["MIT OR ISC", "", "GPL-2.0 WITH x"]}),
            &["/denied/0", "/denied/1"],
        ),
        (
            json!({"denied": ["MIT"], "kinds": {"npm": {"allowed": ["MIT AND ISC"]}}}),
            &["/kinds/npm/allowed/0"],
        ),
        (
            json!({"kinds": {"npm": {"mode": "allowOnly"}}}),
            &["/kinds/npm/mode"],
        ),
        (
            json!({"denied": ["MIT"], "minConfidence": 2, "most": 0}),
            &["/minConfidence", "/most"],
        ),
        (json!({"denid": ["MIT"]}), &["/denid"]),
    ] {
        assert_eq!(paths(settings.clone()), expected, "{settings}");
    }
}
