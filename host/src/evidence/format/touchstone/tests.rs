//! Evidence written by hand, good and bad.

use std::collections::BTreeSet;

use super::super::super::model::Evidence;
use super::super::Wrong;
use super::read;

const SAMPLE: &str = include_str!("../../../../../tests/reports/touchstone.json");

fn document(evidence: &str) -> Result<Evidence, Wrong> {
    read(&format!(
        r#"{{"format": "touchstone/evidence/v1", "evidence": {{{evidence}}}}}"#
    ))
}

#[test]
fn the_sample_is_read() {
    let evidence = read(SAMPLE).unwrap();
    let report = &evidence.reports[0];
    assert_eq!(
        (&*report.format, &*report.tool),
        ("touchstone", "night watch")
    );
    assert!(report.digest.starts_with("sha256:") && report.digest.len() == 71);
    assert_eq!(
        evidence.vulnerabilities.as_ref().unwrap()[0].reports,
        BTreeSet::from([0])
    );
    let files = evidence.files.as_deref().unwrap();
    assert_eq!(
        (files[1].mode, &files[1].matches),
        (Some(0o4755), &Some(vec![]))
    );
    assert_eq!(
        evidence.malware.as_ref().unwrap()[0].signature,
        "Unix.Trojan.Example-1"
    );
    assert_eq!(evidence.packages, None);
}

#[test]
fn what_is_read_can_be_written_and_read_again() {
    let evidence = read(SAMPLE).unwrap();
    let text = serde_json::json!({"format": "touchstone/evidence/v1", "evidence": evidence});
    assert_eq!(read(&text.to_string()).unwrap(), evidence);
}

#[test]
fn absent_reports_are_one() {
    for reports in ["", r#""reports": [],"#] {
        let evidence = document(&format!(
            r#"{reports} "packages": [{{"name": "a"}}, {{"name": "b", "reports": [0]}}]"#
        ))
        .unwrap();
        let [report] = &*evidence.reports else {
            panic!("{:?}", evidence.reports);
        };
        assert_eq!(
            (&*report.format, &*report.tool),
            ("touchstone", "touchstone")
        );
        assert!(report.digest.starts_with("sha256:"));
        for package in evidence.packages.unwrap() {
            assert_eq!(package.reports, BTreeSet::from([0]));
        }
    }
}

#[test]
fn what_a_report_says_of_itself_is_kept() {
    let evidence = document(r#""reports": [{"format": "trivy", "tool": "Trivy", "digest": "sha256:aa"}, {"tool": "b"}]"#).unwrap();
    let found = evidence
        .reports
        .iter()
        .map(|report| (&*report.format, &*report.tool, report.digest.len()));
    assert_eq!(
        found.collect::<Vec<_>>(),
        [("trivy", "Trivy", 9), ("touchstone", "b", 71)]
    );
}

#[test]
fn what_holds_is_taken() {
    for evidence in [
        "",
        r#""distribution": {"name": "debian"}, "configuration": {}, "packages": [], "statements": [{"vulnerabilities": ["CVE-1"], "vex": {"status": "fixed"}}]"#,
        r#""reports": [{}, {}], "packages": [{"name": "a", "reports": [1]}, {"name": "b", "reports": [0, 1]}]"#,
        r#""vulnerabilities": [{"id": "CVE-1", "epss": 1, "scores": [{"base": 10, "impact": 0}]}]"#,
        r#""dockerfile": [{"name": "FROM", "arguments": "a", "line": 1, "stage": 0}], "layers": [{}], "history": [{}]"#,
        r#""benchmarks": [{"id": "b", "score": 0, "maximum": 100}], "rules": [{"id": "r", "weight": 1.5}]"#,
        r#""secrets": [{"rule": "a", "path": "/a", "line": 1}], "misconfigurations": [{"id": "a"}], "licences": [{"name": "MIT", "confidence": 0.5}]"#,
        r#""files": [{"path": "/", "mode": 4095}], "malware": [{"signature": "a", "path": "/a"}]"#,
    ] {
        document(evidence).unwrap_or_else(|wrong| panic!("{evidence}: {wrong}"));
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (evidence, expected) in [
        (
            r#""packages": [{"name": "a"}, {"name": ""}]"#,
            "evidence.packages[1].name: is missing or empty",
        ),
        (
            r#""packages": [{"name": "a", "reports": [1]}]"#,
            "evidence.packages[0].reports: 1 is none of the 1 reports, which count from 0",
        ),
        (
            r#""reports": [{}, {}], "packages": [{"name": "a", "reports": [0, 2]}]"#,
            "evidence.packages[0].reports: 2 is none of the 2 reports, which count from 0",
        ),
        (
            r#""reports": [{}, {}], "packages": [{"name": "a"}]"#,
            "evidence.packages[0].reports: none, and there are 2: name those that say so",
        ),
        (
            r#""distribution": {"name": "", "version": "1"}"#,
            "evidence.distribution.name: is missing or empty",
        ),
        (
            r#""configuration": {"reports": [7]}"#,
            "evidence.configuration.reports: 7 is none of the 1 reports, which count from 0",
        ),
        (
            r#""vulnerabilities": [{"package": "a"}]"#,
            "evidence.vulnerabilities[0].id: is missing or empty",
        ),
        (
            r#""vulnerabilities": [{"id": "CVE-1", "epss": 1.5}]"#,
            "evidence.vulnerabilities[0].epss: 1.5 is not from 0 to 1",
        ),
        (
            r#""vulnerabilities": [{"id": "CVE-1", "scores": [{"base": 11}]}]"#,
            "evidence.vulnerabilities[0].scores.base: 11 is not from 0 to 10",
        ),
        (
            r#""vulnerabilities": [{"id": "CVE-1", "scores": [{"base": 1, "impact": -1}]}]"#,
            "evidence.vulnerabilities[0].scores.impact: -1 is not from 0 to 10",
        ),
        (
            r#""statements": [{}]"#,
            "evidence.statements[0].vulnerabilities: none: of which is it said?",
        ),
        (
            r#""statements": [{"vulnerabilities": [""]}]"#,
            "evidence.statements[0].vulnerabilities: is missing or empty",
        ),
        (
            r#""benchmarks": [{"id": "b", "score": -1}]"#,
            "evidence.benchmarks[0].score: -1 is less than 0",
        ),
        (
            r#""rules": [{}]"#,
            "evidence.rules[0].id: is missing or empty",
        ),
        (
            r#""secrets": [{"rule": "a"}]"#,
            "evidence.secrets[0].path: is missing or empty",
        ),
        (
            r#""misconfigurations": [{"id": "a", "line": 0}]"#,
            "evidence.misconfigurations[0].line: 0 is no line, they count from 1",
        ),
        (
            r#""licences": [{"name": "MIT", "confidence": 2}]"#,
            "evidence.licences[0].confidence: 2 is not from 0 to 1",
        ),
        (
            r#""files": [{"path": "etc/passwd"}]"#,
            "evidence.files[0].path: \"etc/passwd\" does not begin at the root: /etc/passwd",
        ),
        (
            r#""files": [{"path": "/a", "mode": 33188}]"#,
            "evidence.files[0].mode: 33188 is more than permission bits, 4095 at most",
        ),
        (
            r#""malware": [{"path": "/a"}]"#,
            "evidence.malware[0].signature: is missing or empty",
        ),
        (
            r#""dockerfile": [{"name": "FROM"}]"#,
            "evidence.dockerfile[0].line: 0 is no line, they count from 1",
        ),
        (
            r#""vulnerabilities": [{"id": "CVE-1", "severity": "bad"}]"#,
            "evidence.vulnerabilities[0].severity: unknown variant `bad`, expected one of `unknown`, `negligible`, `low`, `medium`, `high`, `critical`",
        ),
        (
            r#""package": []"#,
            "evidence.package: unknown field `package`, expected one of `image`, `reports`, `distribution`, `configuration`, `layers`, `history`, `dockerfile`, `packages`, `vulnerabilities`, `statements`, `benchmarks`, `rules`, `secrets`, `misconfigurations`, `licences`, `files`, `malware`",
        ),
    ] {
        let wrong = document(evidence).unwrap_err();
        let place = wrong.place.split(" (line").next().unwrap();
        assert_eq!(format!("{place}: {}", wrong.reason), expected, "{evidence}");
    }
}
