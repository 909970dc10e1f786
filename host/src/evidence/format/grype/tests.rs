use super::super::super::model::{FixState, Layer, Score, Severity};
use super::*;

const SAMPLE: &str = include_str!("../../../../../tests/reports/grype.json");
const LAYER: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

/// A report with one match.
fn matched(vulnerability: &str, related: &str, artifact: &str) -> String {
    format!(
        r#"{{"matches":[{{"vulnerability":{{{vulnerability}}},"relatedVulnerabilities":{related},"artifact":{{{artifact}}}}}],"source":null}}"#
    )
}

fn found(vulnerability: &str, artifact: &str) -> Vulnerability {
    let text = matched(vulnerability, "[]", artifact);
    read(&text).unwrap().vulnerabilities.unwrap().remove(0)
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_vulnerability_is_read_with_its_relations() {
    let found = read(SAMPLE).unwrap().vulnerabilities.unwrap();
    let github = Score {
        source: "security-advisories@github.com".to_owned(),
        version: "3.1".to_owned(),
        vector: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N".to_owned()),
        base: 7.5,
        exploitability: Some(3.9),
        impact: Some(3.6),
    };
    let nvd = Score {
        source: "nvd".to_owned(),
        version: "3.1".to_owned(),
        vector: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".to_owned()),
        base: 9.8,
        ..Score::default()
    };
    let expected = Vulnerability {
        id: "GHSA-dddd-eeee-ffff".to_owned(),
        aliases: owned(&["CVE-2030-3333"]),
        package: "org.example:core".to_owned(),
        kind: "maven".to_owned(),
        installed: Some("2.0".to_owned()),
        purl: Some("pkg:maven/org.example/core@2.0".to_owned()),
        locations: owned(&["/app/lib/core-2.0.jar"]),
        layer: Some(LAYER.to_owned()),
        fixed: owned(&["2.1"]),
        fix_state: FixState::Fixed,
        severity: Severity::High,
        severity_source: Some("github".to_owned()),
        severity_text: Some("High".to_owned()),
        scores: vec![github, nvd],
        epss: Some(0.5),
        exploited: Some(true),
        links: owned(&[
            "https://advisories.example.com/GHSA-dddd-eeee-ffff",
            "https://example.com/more",
        ]),
        fixed_at: Some("2025-12-24T00:00:00Z".parse().unwrap()),
        ..Vulnerability::default()
    };
    assert_eq!(found[0], expected);
    assert_eq!(
        (found[1].fix_state, found[1].aliases.len()),
        (FixState::WontFix, 0)
    );
    assert_eq!(
        found[1].locations,
        ["/usr/share/doc/libc6/copyright", "/var/lib/dpkg/status"]
    );
}

#[test]
fn the_image_is_described() {
    let evidence = read(SAMPLE).unwrap();
    assert_eq!(evidence.image.names, ["registry.example.com/shop/api:7"]);
    let digests = ["22", "33"].map(|pair| format!("sha256:{}", pair.repeat(32)));
    assert_eq!(evidence.image.digests, digests);
    let distribution = evidence.distribution.unwrap();
    assert_eq!(
        (distribution.name.as_str(), distribution.version.as_deref()),
        ("debian", Some("12"))
    );
    let configuration = evidence.configuration.unwrap();
    assert_eq!(
        (configuration.user.as_deref(), configuration.size),
        (Some("web"), Some(4096))
    );
    assert_eq!(evidence.history.unwrap().len(), 1);
    let layer = Layer {
        diff_id: Some(LAYER.to_owned()),
        ..Layer::default()
    };
    assert_eq!(evidence.layers, Some(vec![layer]));
    assert_eq!(evidence.packages, None);
    let report = &evidence.reports[0];
    assert_eq!(
        (report.tool.as_str(), report.version.as_deref()),
        ("grype", Some("0.104.0"))
    );
    assert_eq!(
        report.database,
        Some("2026-03-01T06:00:00Z".parse().unwrap())
    );
    assert_eq!(
        report.scanned,
        Some("2026-03-02T09:00:00.5Z".parse().unwrap())
    );
}

#[test]
fn what_is_no_image_has_no_identity() {
    for (name, source) in [
        ("nothing", "null"),
        ("a directory", r#"{"type":"directory","target":"/src"}"#),
        (
            "a bill of materials",
            r#"{"type":"sbom-file","target":"a:1"}"#,
        ),
        ("an unknown one", r#"{"type":"unknown","target":null}"#),
        (
            "an archive",
            r#"{"type":"image","target":{"userInput":"image.tar","tags":null}}"#,
        ),
    ] {
        let text =
            format!(r#"{{"matches":null,"source":{source},"distro":{{"name":"","version":""}}}}"#);
        let evidence = read(&text).unwrap();
        assert!(evidence.image.is_empty(), "{name}");
        assert_eq!(evidence.vulnerabilities, Some(vec![]), "{name}");
        assert_eq!(evidence.distribution, None, "{name}");
    }
}

#[test]
fn the_database_is_dated_in_both_layouts() {
    for (db, expected) in [
        ("null", None),
        (
            r#"{"built":"2021-12-24T08:14:02Z","error":null}"#,
            Some("2021-12-24T08:14:02Z"),
        ),
        (
            r#"{"status":{"built":"2026-03-01T06:00:00Z"}}"#,
            Some("2026-03-01T06:00:00Z"),
        ),
        (
            r#"{"status":{"built":"0001-01-01T00:00:00Z","error":"none"}}"#,
            None,
        ),
    ] {
        let text = format!(r#"{{"matches":[],"descriptor":{{"name":"grype","db":{db}}}}}"#);
        let expected = expected.map(|time| time.parse().unwrap());
        assert_eq!(read(&text).unwrap().reports[0].database, expected, "{db}");
    }
}

#[test]
fn distributions_are_like_others() {
    for (like, expected) in [
        (r#""""#, vec![]),
        (r#""rhel fedora""#, vec!["rhel", "fedora"]),
        (r#"["rhel","fedora",""]"#, vec!["rhel", "fedora"]),
        ("null", vec![]),
    ] {
        let text = format!(
            r#"{{"matches":[],"distro":{{"name":"redhat","version":"8","idLike":{like}}}}}"#
        );
        let distribution = read(&text).unwrap().distribution.unwrap();
        assert_eq!(
            (distribution.name.as_str(), distribution.like),
            ("rhel", owned(&expected)),
            "{like}"
        );
    }
}

#[test]
fn a_fix_is_told_by_state_and_version() {
    for (fix, expected) in [
        (
            r#""fix":{"state":"fixed","versions":["2"]}"#,
            FixState::Fixed,
        ),
        (
            r#""fix":{"state":"not-fixed","versions":[]}"#,
            FixState::NotFixed,
        ),
        (
            r#""fix":{"state":"wont-fix","versions":["2"]}"#,
            FixState::WontFix,
        ),
        (
            r#""fix":{"state":"unknown","versions":["2"]}"#,
            FixState::Fixed,
        ),
        (r#""fix":{"state":"","versions":null}"#, FixState::Unknown),
        (r#""fixedInVersion":"2""#, FixState::Fixed),
        (r#""fixedInVersion":"""#, FixState::Unknown),
    ] {
        let found = found(&format!(r#""id":"CVE-1",{fix}"#), r#""name":"a""#);
        assert_eq!(found.fix_state, expected, "{fix}");
    }
}

#[test]
fn the_layout_before_grype_0_9_is_read() {
    let found = found(
        r#""id":"CVE-1","severity":"Medium","links":["https://a"],"cvssV2":{"baseScore":5,"vector":"AV:N"},"cvssV3":{"baseScore":7.5,"exploitabilityScore":3.9,"impactScore":3.6,"vector":"CVSS:3.0/AV:N/AC:L"}"#,
        r#""name":"a","version":"1","type":"python""#,
    );
    let scores = found
        .scores
        .iter()
        .map(|score| (score.source.as_str(), score.version.as_str(), score.base));
    assert_eq!(
        scores.collect::<Vec<_>>(),
        [("nvd", "2.0", 5.0), ("nvd", "3.0", 7.5)]
    );
    assert_eq!(
        (found.links, found.kind.as_str()),
        (owned(&["https://a"]), "pypi")
    );
    assert_eq!(found.severity_source.as_deref(), Some("grype"));
}

#[test]
fn packages_are_named_and_typed() {
    for (artifact, kind, name) in [
        (
            r#""name":"core","type":"java-archive","purl":"pkg:maven/org.example/core@1""#,
            "maven",
            "org.example:core",
        ),
        (
            r#""name":"core","type":"java-archive","purl":"""#,
            "maven",
            "core",
        ),
        (
            r#""name":"core","type":"java-archive","purl":"pkg:maven/org.example/other@1""#,
            "maven",
            "core",
        ),
        (
            r#""name":"@babel/core","type":"npm","purl":"pkg:npm/%40babel/core@7""#,
            "npm",
            "@babel/core",
        ),
        (r#""name":"a","type":"go-module""#, "golang", "a"),
        (r#""name":"a","type":"rpm""#, "rpm", "a"),
        (r#""name":"a","type":"binary""#, "generic", "a"),
        (r#""name":"a""#, "", "a"),
    ] {
        let found = found(r#""id":"CVE-1""#, artifact);
        assert_eq!(
            (found.kind.as_str(), found.package.as_str()),
            (kind, name),
            "{artifact}"
        );
    }
}

#[test]
fn whether_it_is_exploited_is_unknown_where_no_record_tells() {
    for (fields, expected) in [
        ("", None),
        (r#","knownExploited":null"#, None),
        (r#","knownExploited":[]"#, Some(false)),
        (r#","knownExploited":[{"cve":"CVE-1"}]"#, Some(true)),
    ] {
        let found = found(&format!(r#""id":"CVE-1"{fields}"#), r#""name":"a""#);
        assert_eq!(found.exploited, expected, "{fields}");
    }
}

#[test]
fn a_wrong_report_is_refused_with_its_place() {
    let a = r#""name":"a""#;
    let vulnerability = |fields: &str| matched(&format!(r#""id":"CVE-1",{fields}"#), "[]", a);
    let source =
        |target: &str| format!(r#"{{"matches":[],"source":{{"type":"image","target":{target}}}}}"#);
    for (text, parts) in [
        (
            r#"{"matches":{},"source":null}"#.to_owned(),
            vec!["matches", "invalid type"],
        ),
        (
            r#"{"matches":[{}],"source":null}"#.to_owned(),
            vec!["matches[0]", "vulnerability"],
        ),
        (
            matched("", "[]", a),
            vec!["matches[0]", "vulnerability.id", "missing or empty"],
        ),
        (
            matched(r#""id":"CVE-1""#, "[]", r#""name":"""#),
            vec!["matches[0]", "artifact.name"],
        ),
        (
            matched(r#""id":"CVE-1""#, r#"[{"id":""}]"#, a),
            vec!["relatedVulnerabilities.id"],
        ),
        (
            vulnerability(r#""cvss":[{"version":"3.1","metrics":{"baseScore":11}}]"#),
            vec!["matches[0]", "11 is not from 0 to 10"],
        ),
        (
            vulnerability(r#""cvss":[{"metrics":{"baseScore":1,"impactScore":-2}}]"#),
            vec!["impact score", "-2 is not from 0 to 10"],
        ),
        (vulnerability(r#""cvss":[{}]"#), vec!["metrics"]),
        (
            vulnerability(r#""epss":[{"epss":1.5}]"#),
            vec!["epss", "1.5 is not from 0 to 1"],
        ),
        (
            vulnerability(r#""fix":{"state":"fixed","available":[{"date":"yesterday"}]}"#),
            vec!["fix.available.date", "\"yesterday\""],
        ),
        (source("7"), vec!["source.target", "an object or a text"]),
        (
            source(r#"{"config":"!"}"#),
            vec!["source.target.config", "is not base64"],
        ),
        (
            source(r#"{"config":"eyJyb290ZnMiOjd9"}"#),
            vec!["source.target.config", "rootfs"],
        ),
        (
            r#"{"matches":[],"descriptor":{"timestamp":"now"}}"#.to_owned(),
            vec!["descriptor.timestamp", "\"now\""],
        ),
    ] {
        let wrong = read(&text).unwrap_err().to_string();
        for part in parts {
            assert!(wrong.contains(part), "{text}\n{wrong}\n{part}");
        }
    }
}
