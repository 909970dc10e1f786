use super::super::super::model::{FixState, Score, Severity};
use super::*;

const SAMPLE: &str = include_str!("../../../../../tests/reports/clair.json");

#[test]
fn a_layer_is_read() {
    let evidence = read(SAMPLE).unwrap();
    let distribution = evidence.distribution.unwrap();
    assert_eq!(
        (distribution.name.as_str(), distribution.version.as_deref()),
        ("debian", Some("8"))
    );
    let layer = format!("sha256:{}", "5".repeat(64));
    let packages = evidence.packages.unwrap();
    let expected = Package {
        name: "openssl".to_owned(),
        version: Some("1.0.1t-1+deb8u7".to_owned()),
        kind: "deb".to_owned(),
        layer: Some(layer.clone()),
        ..Package::default()
    };
    assert_eq!(packages[0], expected);
    assert_eq!((packages.len(), packages[1].name.as_str()), (2, "bash"));
    let found = evidence.vulnerabilities.unwrap();
    let score = |version: &str, vector: &str, base, exploitability, impact| Score {
        source: "nvd".to_owned(),
        version: version.to_owned(),
        vector: Some(vector.to_owned()),
        base,
        exploitability,
        impact,
    };
    let expected = Vulnerability {
        id: "CVE-2030-5555".to_owned(),
        package: "openssl".to_owned(),
        kind: "deb".to_owned(),
        installed: Some("1.0.1t-1+deb8u7".to_owned()),
        layer: Some(layer),
        fixed: vec!["1.0.1t-1+deb8u8".to_owned()],
        fix_state: FixState::Fixed,
        severity: Severity::Critical,
        severity_source: Some("debian".to_owned()),
        severity_text: Some("Defcon1".to_owned()),
        scores: vec![
            score("2.0", "AV:N/AC:L/Au:N/C:P/I:P", 7.5, None, None),
            score(
                "3.0",
                "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
                9.8,
                Some(3.9),
                Some(5.9),
            ),
        ],
        links: vec!["https://security-tracker.debian.org/tracker/CVE-2030-5555".to_owned()],
        published: Some("2030-01-02T03:04:00Z".parse().unwrap()),
        ..Vulnerability::default()
    };
    assert_eq!(found[0], expected);
    let other = &found[1];
    assert_eq!(
        (other.severity, other.fix_state),
        (Severity::Negligible, FixState::NotFixed)
    );
    assert!(
        other.scores.is_empty(),
        "a zero without a vector is no score"
    );
}

#[test]
fn nobody_looked_is_not_nothing_found() {
    for (name, text, expected) in [
        ("no features", r#"{"Layer":{"Name":"a"}}"#, None),
        ("null", r#"{"Layer":{"Name":"a","Features":null}}"#, None),
        (
            "an empty list",
            r#"{"Layer":{"Features":[]}}"#,
            Some((0, 0)),
        ),
        (
            "a clean feature",
            r#"{"Layer":{"Features":[{"Name":"a"}]}}"#,
            Some((1, 0)),
        ),
        (
            "null in a feature",
            r#"{"Layer":{"Features":[{"Name":"a","Vulnerabilities":null}]}}"#,
            Some((1, 0)),
        ),
        (
            "an ancestry without",
            r#"{"ancestry":{"layers":[{"layer":{"hash":"b"}}]}}"#,
            None,
        ),
        (
            "an ancestry",
            r#"{"ancestry":{"features":[]}}"#,
            Some((0, 0)),
        ),
    ] {
        let evidence = read(text).unwrap();
        let lengths = evidence.packages.map(|list| list.len());
        let lengths = lengths.zip(evidence.vulnerabilities.map(|list| list.len()));
        assert_eq!(lengths, expected, "{name}");
    }
}

#[test]
fn an_ancestry_is_read_in_both_layouts() {
    let vulnerability = r#"{"name":"CVE-1","namespaceName":"centos:7","severity":"High","fixedBy":"2","metadata":"{\"NVD\":{\"CVSSv2\":{\"Score\":5,\"Vectors\":\"AV:N\"}}}"}"#;
    let older = format!(
        r#"{{"ancestry":{{"name":"sha256:ab","features":[{{"name":"bash","namespaceName":"centos:7","version":"1","versionFormat":"rpm","vulnerabilities":[{vulnerability}]}}],"layers":[{{"hash":"sha256:cd"}}]}},"status":{{"lastUpdateTime":"2026-01-02T03:04:05Z"}}}}"#
    );
    let newer = format!(
        r#"{{"ancestry":{{"name":"sha256:ab","layers":[{{"layer":{{"hash":"sha256:cd"}},"detectedFeatures":[{{"name":"bash","namespace":{{"name":"centos:7"}},"version":"1","versionFormat":"rpm","vulnerabilities":[{vulnerability}]}}]}}]}},"status":{{"lastUpdateTime":"2026-01-02T03:04:05Z"}}}}"#
    );
    for (name, text, layer) in [("older", older, None), ("newer", newer, Some("sha256:cd"))] {
        let evidence = read(&text).unwrap();
        assert_eq!(evidence.image.digests, ["sha256:ab"], "{name}");
        assert_eq!(evidence.distribution.unwrap().name, "centos", "{name}");
        assert_eq!(
            evidence.layers.unwrap()[0].digest.as_deref(),
            Some("sha256:cd"),
            "{name}"
        );
        let updated = "2026-01-02T03:04:05Z".parse().unwrap();
        assert_eq!(evidence.reports[0].database, Some(updated), "{name}");
        assert_eq!(
            evidence.packages.unwrap()[0].layer.as_deref(),
            layer,
            "{name}"
        );
        let found = &evidence.vulnerabilities.unwrap()[0];
        assert_eq!(
            (found.package.as_str(), found.kind.as_str()),
            ("bash", "rpm"),
            "{name}"
        );
        assert_eq!(
            (found.layer.as_deref(), found.scores[0].base),
            (layer, 5.0),
            "{name}"
        );
        assert_eq!(
            (found.severity, found.fixed[0].as_str()),
            (Severity::High, "2"),
            "{name}"
        );
    }
}

#[test]
fn types_come_from_the_namespace_or_the_versions() {
    for (fields, expected) in [
        (
            r#""NamespaceName":"alpine:v3.5","VersionFormat":"dpkg""#,
            "apk",
        ),
        (r#""NamespaceName":"oracle:7""#, "rpm"),
        (
            r#""NamespaceName":"unknown:1","VersionFormat":"rpm""#,
            "rpm",
        ),
        (r#""VersionFormat":"dpkg""#, "deb"),
        (r#""NamespaceName":"strange""#, "generic"),
    ] {
        let text = format!(r#"{{"Layer":{{"Features":[{{"Name":"a",{fields}}}]}}}}"#);
        assert_eq!(
            read(&text).unwrap().packages.unwrap()[0].kind,
            expected,
            "{fields}"
        );
    }
}

#[test]
fn a_wrong_report_is_refused_with_its_place() {
    let vulnerability = |fields: &str| {
        format!(r#"{{"Layer":{{"Features":[{{"Name":"a","Vulnerabilities":[{{{fields}}}]}}]}}}}"#)
    };
    let place = "Layer.Features[0].Vulnerabilities[0]";
    let deep = format!(r#""name":"CVE-1","metadata":"{}""#, "[".repeat(200));
    for (text, parts) in [
        (r#"{"Layer":null}"#.to_owned(), vec!["Layer", "is null"]),
        (
            r#"{"Layer":{"Features":[{"Name":""}]}}"#.to_owned(),
            vec!["Layer.Features[0]", "Name"],
        ),
        (
            r#"{"Layer":{"Features":{}}}"#.to_owned(),
            vec!["Layer.Features", "invalid type"],
        ),
        (
            vulnerability(r#""Severity":"Low""#),
            vec![place, "Name", "missing or empty"],
        ),
        (
            vulnerability(r#""Name":"CVE-1","Severity":3"#),
            vec![place, "Severity"],
        ),
        (
            vulnerability(r#""Name":"CVE-1","Metadata":{"NVD":{"CVSSv2":{"Score":11}}}"#),
            vec![place, "11 is not from 0 to 10"],
        ),
        (
            vulnerability(
                r#""Name":"CVE-1","Metadata":{"NVD":{"CVSSv2":{"PublishedDateTime":"x"}}}"#,
            ),
            vec![place, "PublishedDateTime"],
        ),
        (
            vulnerability(&deep),
            vec![place, "metadata", "nested too deep"],
        ),
        (
            vulnerability(r#""Name":"CVE-1","Name":"CVE-2""#),
            vec!["duplicate field"],
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
    let found = vec![r#"{"Name":"a"}"#; 400].join(",");
    let name = "x".repeat(1 << 20);
    let text =
        format!(r#"{{"Layer":{{"Features":[{{"Name":"{name}","Vulnerabilities":[{found}]}}]}}}}"#);
    assert!(read(&text).unwrap_err().to_string().starts_with("Features"));
}
