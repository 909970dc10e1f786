//! Small logs, good and bad.

use super::super::super::model::{Evidence, FixState, Severity};
use super::super::Wrong;
use super::read;

const SAMPLE: &str = include_str!("../../../../../tests/reports/sarif.json");

/// A log of one run of this tool, with these keys of its driver and these results.
fn log(tool: &str, driver: &str, results: &str) -> Result<Evidence, Wrong> {
    read(&format!(
        r#"{{"version": "2.1.0", "runs": [{{"tool": {{"driver": {{"name": "{tool}"{driver}}}}}, "results": {results}}}]}}"#
    ))
}

fn of(tool: &str, driver: &str, results: &str) -> Evidence {
    log(tool, driver, results).unwrap_or_else(|wrong| panic!("{tool} {driver} {results}: {wrong}"))
}

#[test]
fn the_sample_is_read() {
    let evidence = read(SAMPLE).unwrap();
    let [report] = &*evidence.reports else {
        panic!("{:?}", evidence.reports);
    };
    assert_eq!(
        (&*report.tool, report.version.as_deref()),
        ("Trivy, filelint", None)
    );
    assert_eq!(
        report.scanned,
        Some("2026-10-02T06:15:00Z".parse().unwrap())
    );
    assert_eq!(evidence.image.names, ["registry.example.com/ferry:7"]);
    assert_eq!(evidence.image.digests.len(), 1);
    assert!(
        evidence
            .image
            .id
            .as_ref()
            .unwrap()
            .starts_with("sha256:0123")
    );
    let [user, pinned, accepted] = evidence.misconfigurations.as_deref().unwrap() else {
        panic!("{:?}", evidence.misconfigurations);
    };
    assert_eq!(
        (&*user.id, user.severity, user.passed),
        ("FL001", Severity::High, false)
    );
    assert_eq!(user.title.as_deref(), Some("Give a user"));
    assert_eq!(user.message.as_deref(), Some("stage run ends as root"));
    assert_eq!(
        user.remedy.as_deref(),
        Some("Add USER with a name or number other than root.")
    );
    assert_eq!(user.links, ["https://lint.example.com/FL001"]);
    assert_eq!(
        (user.path.as_deref(), user.line),
        (Some("/build/Dockerfile"), Some(12))
    );
    assert_eq!(
        (&*pinned.id, pinned.severity, pinned.passed),
        ("FL002", Severity::Low, true)
    );
    assert_eq!(
        (&*pinned.links, &pinned.remedy),
        (&["https://lint.example.com/FL002".to_owned()][..], &None)
    );
    assert!(accepted.passed);
}

#[test]
fn the_samples_other_findings_are_sorted_by_kind() {
    let evidence = read(SAMPLE).unwrap();
    let [code] = evidence.vulnerabilities.as_deref().unwrap() else {
        panic!("{:?}", evidence.vulnerabilities);
    };
    assert_eq!(
        (&*code.id, &*code.package, code.installed.as_deref()),
        (
            "CVE-2026-1111",
            "org.example.yaml:yaml-reader",
            Some("1.4.0")
        )
    );
    assert_eq!(
        (&*code.fixed, code.fix_state),
        (
            &["1.4.2".to_owned(), "2.0.0".to_owned()][..],
            FixState::Fixed
        )
    );
    assert_eq!(
        (
            code.severity,
            code.severity_source.as_deref(),
            code.severity_text.as_deref()
        ),
        (Severity::High, Some("Trivy"), Some("HIGH"))
    );
    assert_eq!(code.cvss(), Some(9.8));
    assert_eq!(code.locations, ["/srv/ferry.jar"]);
    assert_eq!(code.links, ["https://avd.example.com/CVE-2026-1111"]);
    let [secret] = evidence.secrets.as_deref().unwrap() else {
        panic!("{:?}", evidence.secrets);
    };
    assert_eq!(
        (&*secret.rule, secret.severity, &*secret.path, secret.line),
        (
            "example-token",
            Severity::Critical,
            "/srv/start.sh",
            Some(3)
        )
    );
    assert!(!format!("{secret:?}").contains("****"));
    let [licence] = evidence.licences.as_deref().unwrap() else {
        panic!("{:?}", evidence.licences);
    };
    assert_eq!(
        (
            &*licence.name,
            licence.category.as_deref(),
            licence.package.as_deref()
        ),
        ("GPL-3.0-only", Some("restricted"), Some("yaml-reader"))
    );
    assert_eq!(
        (licence.path.as_deref(), licence.severity),
        (Some("/srv/ferry.jar"), Severity::High)
    );
}

#[test]
fn a_tool_that_found_nothing_has_looked_for_what_it_looks_for() {
    for (tool, results, expected) in [
        ("lint", "[]", "misconfigurations"),
        ("lint", "null", ""),
        ("grype", "[]", "vulnerabilities"),
        ("gitleaks", "[]", "secrets"),
        ("Trivy", "[]", ""),
        ("osv-scanner", "[]", ""),
        (
            "Trivy",
            r#"[{"ruleId": "DS002", "message": {"text": "x"}}]"#,
            "misconfigurations",
        ),
    ] {
        assert_eq!(
            of(tool, "", results).kinds().join(" "),
            expected,
            "{tool} {results}"
        );
    }
}

#[test]
fn what_grype_says_is_read() {
    let evidence = of(
        "grype",
        r#", "version": "0.90.0", "informationUri": "https://github.com/anchore/grype", "rules": [{"id": "GHSA-1-log4j-core", "helpUri": "https://github.com/anchore/grype",
            "shortDescription": {"text": "GHSA-1 high vulnerability for log4j-core package"},
            "help": {"text": "Vulnerability GHSA-1\nSeverity: high\nPackage: log4j-core\nVersion: 2.14\nFix Version: 2.15\nType: java-archive\nLocation: /x.jar\nData Namespace: github\nLink: [GHSA-1](https://example.com/GHSA-1)"},
            "properties": {"security-severity": "10.0", "purls": ["pkg:maven/org.example/log4j-core@2.14"]}},
            {"id": "CVE-2-bash", "help": {"text": "Severity: low\nPackage: bash\nVersion: 5\nFix Version: \nType: deb"}}]"#,
        r#"[{"ruleId": "GHSA-1-log4j-core", "message": {"text": "A high vulnerability in java-archive package: log4j-core, version 2.14 was found in image web:2 at: /srv/a.jar"},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": "web//srv/a.jar"}}, "logicalLocations": [{"name": "/srv/a.jar", "fullyQualifiedName": "web:2@sha256:abc:/srv/a.jar"}]}]},
            {"ruleId": "GHSA-1-log4j-core", "message": {"text": "A high vulnerability in java-archive package: log4j-core, version 2.13 was found in image web:2 at: /srv/b.jar"}},
            {"ruleId": "CVE-2-bash", "message": {"text": "A low vulnerability in deb package: bash, version 5 was found in image web:2 at: /var/lib/dpkg/status"}}]"#,
    );
    assert_eq!(evidence.image.names, ["web:2"]);
    let [first, second, bash] = evidence.vulnerabilities.as_deref().unwrap() else {
        panic!("{:?}", evidence.vulnerabilities);
    };
    assert_eq!(
        (&*first.id, &*first.package, &*first.kind),
        ("GHSA-1", "org.example:log4j-core", "maven")
    );
    assert_eq!(
        (
            first.installed.as_deref(),
            first.purl.is_some(),
            &*first.locations
        ),
        (Some("2.14"), true, &["/srv/a.jar".to_owned()][..])
    );
    assert_eq!(
        (first.severity, first.layer.as_deref()),
        (Severity::High, Some("sha256:abc"))
    );
    assert_eq!(
        (&*first.fixed, &*first.links),
        (
            &["2.15".to_owned()][..],
            &["https://example.com/GHSA-1".to_owned()][..]
        )
    );
    assert_eq!(
        (second.installed.as_deref(), &second.purl),
        (Some("2.13"), &None)
    );
    assert_eq!(
        (&*bash.id, &*bash.kind, bash.fix_state),
        ("CVE-2", "deb", FixState::Unknown)
    );
    let wrong = log(
        "grype",
        "",
        r#"[{"ruleId": "CVE-1-a", "message": {"text": "something else"}}]"#,
    )
    .unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "runs[0].results[0]: no package in the words of \"grype\""
    );
}

#[test]
fn trivys_packages_of_the_distribution_have_no_file() {
    let rules = r#", "rules": [{"id": "CVE-1", "name": "OsPackageVulnerability", "help": {"text": "Package: other\nFixed Version: 9"}, "properties": {"tags": ["vulnerability"], "security-severity": "9.8"}}]"#;
    let evidence = of(
        "Trivy",
        rules,
        r#"[{"ruleId": "CVE-1", "ruleIndex": 0, "message": {"text": "Package: musl\nInstalled Version: 1\nVulnerability CVE-1\nSeverity: UNKNOWN\nFixed Version: \nLink: [CVE-1]()"},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": "library/alpine"}}}]}]"#,
    );
    let found = &evidence.vulnerabilities.unwrap()[0];
    assert_eq!(
        (&*found.package, found.severity, found.fix_state),
        ("musl", Severity::Unknown, FixState::NotFixed)
    );
    assert_eq!(
        (&*found.kind, found.locations.len(), found.links.len()),
        ("", 0, 0)
    );
}

#[test]
fn a_package_url_is_words_enough() {
    let evidence = of(
        "docker scout",
        r#", "rules": [{"id": "CVE-1", "name": "OsPackageVulnerability", "help": {"text": "x"}}]"#,
        r#"[{"ruleId": "CVE-1", "message": {"text": "  Vulnerability   : CVE-1\n  Severity        : HIGH\n  Package         : pkg:deb/debian/bash@5.2-2?os_name=debian\n  Affected range  : >=5\n  Fixed version   : not fixed\n"}}]"#,
    );
    let found = &evidence.vulnerabilities.unwrap()[0];
    assert_eq!(
        (&*found.package, &*found.kind, found.installed.as_deref()),
        ("bash", "deb", Some("5.2-2"))
    );
    assert_eq!(
        (found.severity, found.fix_state),
        (Severity::High, FixState::NotFixed)
    );
}

#[test]
fn a_vulnerability_of_nobody_knows_what_stays_a_finding() {
    let evidence = of(
        "codecheck",
        "",
        r#"[{"ruleId": "CVE-2026-1", "level": "error", "message": {"text": "uses something old"}}]"#,
    );
    assert_eq!(evidence.vulnerabilities, None);
    assert_eq!(
        evidence.misconfigurations.unwrap()[0].severity,
        Severity::High
    );
}

#[test]
fn the_severity_is_that_of_the_score_or_else_of_the_level() {
    for (rule, result, expected) in [
        ("", "", Severity::Medium),
        ("", r#", "level": "error""#, Severity::High),
        ("", r#", "level": "none""#, Severity::Negligible),
        (
            r#", "defaultConfiguration": {"level": "note"}"#,
            "",
            Severity::Low,
        ),
        (
            r#", "defaultConfiguration": {"level": "note"}"#,
            r#", "level": "error""#,
            Severity::High,
        ),
        (
            r#", "defaultConfiguration": {"level": "error"}"#,
            r#", "level": "none", "kind": "pass""#,
            Severity::High,
        ),
        (
            r#", "properties": {"security-severity": "9.1"}"#,
            r#", "level": "note""#,
            Severity::Critical,
        ),
        (
            r#", "properties": {"security-severity": 5}"#,
            r#", "level": "note""#,
            Severity::Medium,
        ),
        (
            r#", "properties": {"security-severity": "", "tags": null}"#,
            r#", "level": "note""#,
            Severity::Low,
        ),
    ] {
        let evidence = of(
            "lint",
            &format!(r#", "rules": [{{"id": "a"{rule}}}]"#),
            &format!(r#"[{{"ruleId": "a", "message": {{"text": "x"}}{result}}}]"#),
        );
        assert_eq!(
            evidence.misconfigurations.unwrap()[0].severity,
            expected,
            "{rule} {result}"
        );
    }
}

#[test]
fn what_holds_or_was_accepted_is_passed() {
    for (keys, expected) in [
        (r#""kind": "fail""#, Some(false)),
        (r#""kind": "pass""#, Some(true)),
        (r#""kind": "notApplicable""#, Some(true)),
        (r#""kind": "open""#, Some(false)),
        (r#""kind": "review""#, Some(false)),
        (r#""kind": "informational""#, Some(false)),
        (r#""suppressions": []"#, Some(false)),
        (r#""suppressions": [{"kind": "external"}]"#, Some(true)),
        (
            r#""suppressions": [{"kind": "external", "status": "accepted"}]"#,
            Some(true),
        ),
        (
            r#""suppressions": [{"kind": "external", "status": "accepted"}, {"kind": "external", "status": "underReview"}]"#,
            Some(false),
        ),
        (
            r#""suppressions": [{"kind": "external", "status": "rejected"}]"#,
            Some(false),
        ),
        (r#""baselineState": "new""#, Some(false)),
        (r#""baselineState": "absent""#, None),
    ] {
        let evidence = of("lint", "", &format!(r#"[{{"ruleId": "a", {keys}}}]"#));
        let found = evidence.misconfigurations.unwrap();
        assert_eq!(found.first().map(|found| found.passed), expected, "{keys}");
    }
    let secret = of(
        "gitleaks",
        "",
        r#"[{"ruleId": "a", "suppressions": [{"kind": "inSource"}]}]"#,
    );
    assert_eq!(secret.secrets, Some(vec![]));
}

#[test]
fn a_result_finds_its_rule() {
    let rules = r#", "rules": [{"id": "a", "name": "of a"}, {"id": "b", "name": "of b"}]"#;
    for (name, result, id, title) in [
        ("by id", r#""ruleId": "b""#, "b", Some("of b")),
        ("by index", r#""ruleIndex": 1"#, "b", Some("of b")),
        (
            "by id rather than by index",
            r#""ruleId": "b", "ruleIndex": 0"#,
            "b",
            Some("of b"),
        ),
        (
            "no index",
            r#""ruleId": "b", "ruleIndex": -1"#,
            "b",
            Some("of b"),
        ),
        (
            "an index too far",
            r#""ruleId": "b", "ruleIndex": 7"#,
            "b",
            Some("of b"),
        ),
        ("by reference", r#""rule": {"index": 1}"#, "b", Some("of b")),
        (
            "by the reference's id",
            r#""rule": {"id": "a"}"#,
            "a",
            Some("of a"),
        ),
        ("below it", r#""ruleId": "b/1""#, "b/1", Some("of b")),
        ("none", r#""ruleId": "c""#, "c", None),
    ] {
        let evidence = of("lint", rules, &format!("[{{{result}}}]"));
        let found = &evidence.misconfigurations.unwrap()[0];
        assert_eq!((&*found.id, found.title.as_deref()), (id, title), "{name}");
    }
}

#[test]
fn a_rule_may_be_an_extensions() {
    let text = r#"{"version": "2.1.0", "runs": [{
        "tool": {"driver": {"name": "lint", "rules": [{"id": "a", "name": "of a"}]}, "extensions": [{"name": "more", "rules": [{"id": "b", "name": "of b"}]}]},
        "results": [{"rule": {"index": 0, "toolComponent": {"index": 0}}}, {"ruleId": "b"}]}]}"#;
    let evidence = read(text).unwrap();
    for found in evidence.misconfigurations.unwrap() {
        assert_eq!((&*found.id, found.title.as_deref()), ("b", Some("of b")));
    }
}

#[test]
fn a_file_is_named_from_the_root() {
    for (location, expected) in [
        (r#""uri": "a/b%20c""#, Some("/a/b c")),
        (r#""uri": "file:///a/b""#, Some("/a/b")),
        (r#""uri": "/a""#, Some("/a")),
        (
            r#""uri": "https://example.com/a""#,
            Some("https://example.com/a"),
        ),
        (r#""index": 0"#, Some("/listed")),
        (r#""index": 7"#, None),
        (r#""uri": """#, None),
    ] {
        let text = format!(
            r#"{{"version": "2.1.0", "runs": [{{"tool": {{"driver": {{"name": "lint"}}}}, "artifacts": [{{"location": {{"uri": "listed"}}}}],
            "results": [{{"ruleId": "a", "locations": [{{"physicalLocation": {{"artifactLocation": {{{location}}}, "region": {{"startLine": 0}}}}}}]}}]}}]}}"#
        );
        let found = &read(&text).unwrap().misconfigurations.unwrap()[0];
        assert_eq!(
            (found.path.as_deref(), found.line),
            (expected, None),
            "{location}"
        );
    }
}

#[test]
fn a_secret_is_never_kept() {
    let evidence = of(
        "gitleaks",
        r#", "rules": [{"id": "key", "shortDescription": {"text": "A key"}, "help": {"text": "hunter2"}}]"#,
        r#"[{"ruleId": "key", "message": {"text": "hunter2"}, "locations": [{"physicalLocation": {"artifactLocation": {"uri": "a"}, "region": {"startLine": 2, "snippet": {"text": "hunter2"}}}}]}]"#,
    );
    assert!(!format!("{evidence:?}").contains("hunter2"));
    assert_eq!(evidence.secrets.unwrap()[0].path, "/a");
}

#[test]
fn what_is_wrong_is_named() {
    for (text, expected) in [
        (
            r#"{"version": "2.0.0", "runs": []}"#,
            "version: version \"2.0.0\" is not read; the one that is: 2.1.0",
        ),
        (
            r#"{"version": "2.1.0", "runs": {}}"#,
            "runs: invalid type: map, expected a sequence",
        ),
        (
            r#"{"version": "2.1.0", "runs": [{}]}"#,
            "runs[0]: missing field `tool`",
        ),
        (
            r#"{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": ""}}}]}"#,
            "runs[0].tool.driver.name: an empty text where a name is needed",
        ),
        (
            r#"{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "a", "rules": [{"id": ""}]}}}]}"#,
            "runs[0].tool.driver.rules[0].id: an empty text where a name is needed",
        ),
        (
            r#"{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "a", "rules": [{"id": "a", "properties": {"security-severity": "11"}}]}}}]}"#,
            "runs[0].tool.driver.rules[0].properties.security-severity: 11 is not from 0 to 10",
        ),
        (
            r#"{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "a", "rules": [{"id": "a", "properties": {"security-severity": "NaN"}}]}}}]}"#,
            "runs[0].tool.driver.rules[0].properties.security-severity: NaN is not from 0 to 10",
        ),
        (
            r#"{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "a", "rules": [{"id": "a", "properties": {"security-severity": "high"}}]}}}]}"#,
            "runs[0].tool.driver.rules[0].properties.security-severity: \"high\" is no score from 0 to 10",
        ),
        (
            r#"{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "a"}}, "results": [{}]}]}"#,
            "runs[0].results[0]: neither ruleId nor the index of a rule that is there",
        ),
        (
            r#"{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "a"}}, "results": [{"ruleId": "", "ruleIndex": 3}]}]}"#,
            "runs[0].results[0]: neither ruleId nor the index of a rule that is there",
        ),
        (
            r#"{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "a"}}, "results": [{"ruleId": "a", "level": "bad"}]}]}"#,
            "runs[0].results[0].level: \"bad\" is no level; those are none, note, warning, error",
        ),
        (
            r#"{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "a"}}, "invocations": [{"endTimeUtc": "now"}]}]}"#,
            "runs[0].invocations: \"now\" is no time by RFC 3339",
        ),
    ] {
        let wrong = read(text).unwrap_err();
        let place = wrong.place.split(" (line").next().unwrap();
        assert_eq!(format!("{place}: {}", wrong.reason), expected, "{text}");
    }
}

#[test]
fn a_small_document_cannot_ask_for_a_large_memory() {
    let help = "x".repeat(100_000);
    let results = vec![r#"{"ruleId": "a"}"#; 10_000].join(",");
    let rules = format!(r#", "rules": [{{"id": "a", "help": {{"text": "{help}"}}}}]"#);
    let wrong = log("lint", &rules, &format!("[{results}]")).unwrap_err();
    assert!(wrong.reason.contains("256 MiB"), "{wrong}");
}
