//! Reports as Harbor's scanners write them, good and bad.

use super::super::super::model::FixState;
use super::*;

const SAMPLE: &str = include_str!("../../../../../tests/reports/harbor.json");

fn bare(rest: &str) -> String {
    format!(r#"{{"generated_at":"2026-03-02T08:15:30Z","scanner":{{"name":"Trivy"}}{rest}}}"#)
}

#[test]
fn vulnerabilities_are_read() {
    let evidence = read(SAMPLE).unwrap();
    let report = &evidence.reports[0];
    assert_eq!(
        (report.tool.as_str(), report.version.as_deref()),
        ("Trivy", Some("v0.68.1"))
    );
    assert_eq!(
        report.scanned,
        Some("2026-03-02T08:15:30.25Z".parse().unwrap())
    );
    assert_eq!(
        evidence.image.digests,
        [format!("sha256:{}", "9".repeat(64))]
    );
    let found = evidence.vulnerabilities.unwrap();
    let score = |version: &str, vector: &str, base| Score {
        source: "nvd".to_owned(),
        version: version.to_owned(),
        vector: Some(vector.to_owned()),
        base,
        ..Score::default()
    };
    let expected = Vulnerability {
        id: "CVE-2030-1515".to_owned(),
        package: "curl".to_owned(),
        installed: Some("7.74.0-1".to_owned()),
        fixed: vec!["7.74.0-2".to_owned()],
        fix_state: FixState::Fixed,
        severity: Severity::High,
        severity_source: Some("Trivy".to_owned()),
        severity_text: Some("High".to_owned()),
        scores: vec![
            score("2.0", "AV:N/AC:M/Au:N/C:P/I:P/A:P", 6.8),
            score("3.1", "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", 8.8),
        ],
        links: vec!["https://vulnerabilities.example.com/cve-2030-1515".to_owned()],
        ..Vulnerability::default()
    };
    assert_eq!(found[0], expected);
    let other = &found[1];
    assert_eq!(
        (other.severity, other.fix_state),
        (Severity::Negligible, FixState::WontFix)
    );
    let preferred = Score {
        source: "Trivy".to_owned(),
        version: "3.0".to_owned(),
        base: 5.3,
        ..Score::default()
    };
    assert_eq!(other.scores, [preferred]);
}

#[test]
fn a_report_is_read_alone_and_by_type() {
    let alone = bare(r#","vulnerabilities":[{"id":"CVE-1","package":"a"}]"#);
    let one = |version: &str| format!(r#""application/vnd.{version}":{alone}"#);
    let newer = one("security.vulnerability.report; version=1.1");
    let older = one("scanner.adapter.vuln.report.harbor+json; version=1.0");
    let empty = older.replace(r#"[{"id":"CVE-1","package":"a"}]"#, "[]");
    for (name, text) in [
        ("alone", alone.clone()),
        ("newer", format!("{{{newer}}}")),
        ("older", format!("{{{older}}}")),
        ("both", format!("{{{empty},{newer}}}")),
    ] {
        let found = read(&text).unwrap().vulnerabilities.unwrap();
        assert_eq!(
            (found.len(), found[0].severity_source.as_deref()),
            (1, Some("Trivy")),
            "{name}"
        );
    }
}

#[test]
fn an_empty_report_says_that_nothing_was_found() {
    for list in ["[]", "null"] {
        let text = bare(&format!(r#","vulnerabilities":{list}"#));
        assert_eq!(read(&text).unwrap().vulnerabilities, Some(vec![]), "{list}");
    }
}

#[test]
fn an_image_is_told_by_its_digest_unless_there_are_several() {
    let item =
        |digest: &str| format!(r#"{{"id":"CVE-1","package":"a","artifact_digests":["{digest}"]}}"#);
    for (rest, expected) in [
        (
            format!(r#","vulnerabilities":[{}]"#, item("sha256:1")),
            vec!["sha256:1"],
        ),
        (
            format!(
                r#","vulnerabilities":[{},{}]"#,
                item("sha256:1"),
                item("sha256:2")
            ),
            vec![],
        ),
        (
            r#","artifact":{"digest":"sha256:3"}"#.to_owned(),
            vec!["sha256:3"],
        ),
        (String::new(), vec![]),
    ] {
        assert_eq!(
            read(&bare(&rest)).unwrap().image.digests,
            expected,
            "{rest}"
        );
    }
}

#[test]
fn a_wrong_report_is_refused_with_its_place() {
    let item = |fields: &str| bare(&format!(r#","vulnerabilities":[{{{fields}}}]"#));
    let place = "vulnerabilities[0]";
    for (text, parts) in [
        (
            r#"{"application/vnd.security.vulnerability.report; version=2.0":{}}"#.to_owned(),
            vec!["version 1.1 or 1.0"],
        ),
        (
            bare(r#","vulnerabilities":{}"#),
            vec!["vulnerabilities", "invalid type"],
        ),
        (
            item(r#""package":"a""#),
            vec![place, "id", "missing or empty"],
        ),
        (
            item(r#""id":"CVE-1""#),
            vec![place, "package", "missing or empty"],
        ),
        (
            item(r#""id":"CVE-1","package":"a","preferred_cvss":{"score_v3":11}"#),
            vec![place, "11 is not from 0 to 10"],
        ),
        (
            item(
                r#""id":"CVE-1","package":"a","vendor_attributes":{"CVSS":{"nvd":{"V2Score":-1}}}"#,
            ),
            vec![place, "-1 is not from 0 to 10"],
        ),
        (
            bare("").replace("2026-03-02T08:15:30Z", "now"),
            vec!["generated_at", "\"now\""],
        ),
    ] {
        let wrong = read(&text).unwrap_err().to_string();
        for part in parts {
            assert!(wrong.contains(part), "{text}\n{wrong}\n{part}");
        }
    }
}

#[test]
fn a_long_name_is_not_repeated_without_end() {
    let items = vec![r#"{"id":"CVE-1","package":"a"}"#; 400].join(",");
    let text = bare(&format!(r#","vulnerabilities":[{items}]"#));
    let text = text.replace("Trivy", &"x".repeat(1 << 20));
    assert!(
        read(&text)
            .unwrap_err()
            .to_string()
            .starts_with("scanner.name")
    );
}
