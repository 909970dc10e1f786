use super::super::super::model::{Configuration, FixState, Score, Severity, Vulnerability};
use super::*;

const SAMPLE: &str = include_str!("../../../../../tests/reports/trivy.json");
const LAYER: &str = "sha256:bb02bb02bb02bb02bb02bb02bb02bb02bb02bb02bb02bb02bb02bb02bb02bb02";
const DIFF_ID: &str = "sha256:aa01aa01aa01aa01aa01aa01aa01aa01aa01aa01aa01aa01aa01aa01aa01aa01";

fn report(results: &str) -> String {
    format!(
        r#"{{"SchemaVersion":2,"ArtifactName":"a:1","ArtifactType":"container_image","Results":{results}}}"#
    )
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn score(source: &str, version: &str, vector: &str, base: f64) -> Score {
    Score {
        source: source.to_owned(),
        version: version.to_owned(),
        vector: Some(vector.to_owned()),
        base,
        ..Score::default()
    }
}

#[test]
fn a_vulnerability_is_read() {
    let found = read(SAMPLE).unwrap().vulnerabilities.unwrap();
    let purl = "pkg:apk/alpine/zlib@1.2.12-r3?arch=aarch64&distro=3.16.9";
    let expected = Vulnerability {
        id: "CVE-2030-1111".to_owned(),
        package: "zlib".to_owned(),
        kind: "apk".to_owned(),
        installed: Some("1.2.12-r3".to_owned()),
        purl: Some(purl.to_owned()),
        layer: Some(LAYER.to_owned()),
        fixed: owned(&["1.2.12-r4"]),
        fix_state: FixState::Fixed,
        severity: Severity::Critical,
        severity_source: Some("nvd".to_owned()),
        severity_text: Some("CRITICAL".to_owned()),
        scores: vec![
            score("nvd", "2.0", "AV:N/AC:L/Au:N/C:P/I:P/A:P", 7.5),
            score(
                "nvd",
                "3.1",
                "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
                9.8,
            ),
            score(
                "nvd",
                "4.0",
                "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
                9.3,
            ),
            score(
                "redhat",
                "3.0",
                "CVSS:3.0/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H",
                7.8,
            ),
        ],
        title: Some("zlib: a title".to_owned()),
        links: owned(&[
            "https://vulnerabilities.example.com/cve-2030-1111",
            "https://lists.example.com/1",
        ]),
        published: Some("2030-01-02T03:04:05Z".parse().unwrap()),
        ..Vulnerability::default()
    };
    assert_eq!(found[0], expected);
}

#[test]
fn packages_of_languages_have_a_file_and_a_type() {
    let found = read(SAMPLE).unwrap().vulnerabilities.unwrap();
    let [_, jar, go] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(jar.locations, ["/app/lib/core-1.0.jar"]);
    assert_eq!(
        (jar.kind.as_str(), jar.layer.as_deref()),
        ("maven", Some(DIFF_ID))
    );
    assert_eq!(jar.fixed, ["1.1", "2.0.1"]);
    assert_eq!(go.locations, ["/usr/bin/server"]);
    assert_eq!(
        (go.kind.as_str(), go.fix_state),
        ("golang", FixState::WontFix)
    );
    assert_eq!(go.severity_source.as_deref(), Some("Trivy"));
}

#[test]
fn without_a_severity_the_worst_of_the_vendors_counts() {
    let found = read(SAMPLE).unwrap().vulnerabilities.unwrap();
    assert_eq!(found[1].severity, Severity::Medium);
    assert_eq!(found[1].severity_source.as_deref(), Some("ghsa"));
    assert_eq!(found[1].severity_text.as_deref(), Some("UNKNOWN"));
}

#[test]
fn the_image_is_described() {
    let evidence = read(SAMPLE).unwrap();
    let digest = "sha256:cc03cc03cc03cc03cc03cc03cc03cc03cc03cc03cc03cc03cc03cc03cc03cc03";
    assert_eq!(evidence.image.names, ["registry.example.com/shop/web:1.4"]);
    assert_eq!(evidence.image.digests, [digest]);
    assert!(evidence.image.id.unwrap().starts_with("sha256:5b1c"));
    let report = &evidence.reports[0];
    assert_eq!(
        (report.tool.as_str(), report.version.as_deref()),
        ("Trivy", Some("0.68.1"))
    );
    assert_eq!(
        report.scanned,
        Some("2026-03-02T07:15:30.25Z".parse().unwrap())
    );
    let distribution = evidence.distribution.unwrap();
    assert_eq!(
        (distribution.name.as_str(), distribution.end_of_life),
        ("alpine", Some(true))
    );
    let expected = Configuration {
        user: Some("1000".to_owned()),
        exposed_ports: owned(&["8080/tcp"]),
        environment: owned(&["PATH", "TOKEN"]),
        created: Some("2026-02-27T10:00:00Z".parse().unwrap()),
        architecture: Some("arm64".to_owned()),
        os: Some("linux".to_owned()),
        size: Some(81_920_512),
        ..Configuration::default()
    };
    assert_eq!(evidence.configuration, Some(expected));
    assert_eq!(evidence.history.unwrap().len(), 2);
    let layer = Layer {
        digest: Some(LAYER.to_owned()),
        diff_id: Some(DIFF_ID.to_owned()),
        size: None,
    };
    assert_eq!(evidence.layers, Some(vec![layer]));
}

#[test]
fn packages_secrets_misconfigurations_and_licences_are_read() {
    let evidence = read(SAMPLE).unwrap();
    let package = &evidence.packages.unwrap()[0];
    assert_eq!(
        (package.name.as_str(), package.kind.as_str()),
        ("zlib", "apk")
    );
    assert_eq!(package.licences, Some(owned(&["Zlib"])));
    assert_eq!(
        package.origin.as_deref(),
        Some("A. Maintainer <a@example.com>")
    );
    let secret = &evidence.secrets.unwrap()[0];
    assert_eq!(
        (secret.rule.as_str(), secret.path.as_str()),
        ("aws-access-key-id", "/app/settings.env")
    );
    assert_eq!(
        (secret.line, secret.severity),
        (Some(3), Severity::Critical)
    );
    let checks = evidence.misconfigurations.unwrap();
    assert_eq!(
        (checks[0].id.as_str(), checks[0].passed, checks[0].line),
        ("DS002", false, Some(7))
    );
    assert_eq!(checks[0].path.as_deref(), Some("/app/Dockerfile"));
    assert_eq!(checks[0].links, ["https://checks.example.com/ds002"]);
    assert_eq!((checks[1].id.as_str(), checks[1].passed), ("DS026", true));
    let licences = evidence.licences.unwrap();
    assert_eq!(
        (licences[0].package.as_deref(), &licences[0].path),
        (Some("zlib"), &None)
    );
    assert_eq!(
        (&licences[1].package, licences[1].path.as_deref()),
        (&None, Some("/app/COPYING"))
    );
    assert_eq!(licences[1].confidence, Some(0.93));
}

#[test]
fn a_secret_itself_is_never_kept() {
    let evidence = serde_json::to_string(&read(SAMPLE).unwrap()).unwrap();
    assert!(
        !evidence.contains("not-to-be-kept") && !evidence.contains("s3cr3t"),
        "{evidence}"
    );
}

/// Lengths of packages, vulnerabilities, secrets, misconfigurations and licences.
type Lengths = [Option<usize>; 5];

#[test]
fn nobody_looked_is_not_nothing_found() {
    const VULNERABILITY: &str = r#"[{"VulnerabilityID":"CVE-1","PkgName":"a","Severity":"LOW"}]"#;
    let with = format!(
        r#"[{{"Class":"os-pkgs","Packages":[{{"Name":"a"}}],"Vulnerabilities":{VULNERABILITY}}},{{"Class":"license"}}]"#
    );
    let cases: [(&str, &str, Lengths); 13] = [
        ("no results", "[]", [None; 5]),
        ("null", "null", [None; 5]),
        (
            "a clean distribution",
            r#"[{"Class":"os-pkgs","Type":"alpine"}]"#,
            [None, Some(0), None, None, None],
        ),
        (
            "a clean distribution with packages",
            r#"[{"Class":"os-pkgs","Packages":[{"Name":"a"}]}]"#,
            [Some(1), Some(0), None, None, None],
        ),
        (
            "null in all lists",
            r#"[{"Class":"os-pkgs","Packages":null,"Vulnerabilities":null,"Secrets":null}]"#,
            [None, Some(0), None, None, None],
        ),
        (
            "packages that may be there for their licences",
            r#"[{"Class":"os-pkgs","Packages":[{"Name":"a"}]},{"Class":"license"}]"#,
            [Some(1), None, None, None, Some(0)],
        ),
        (
            "no packages, so not for licences",
            r#"[{"Class":"lang-pkgs"},{"Class":"license-file"}]"#,
            [None, Some(0), None, None, Some(0)],
        ),
        (
            "vulnerabilities and licences",
            &with,
            [Some(1), Some(1), None, None, Some(0)],
        ),
        (
            "a clean file",
            r#"[{"Class":"config","MisconfSummary":{"Successes":3}}]"#,
            [None, None, None, Some(0), None],
        ),
        (
            "a secret",
            r#"[{"Target":"a","Class":"secret","Secrets":[{"RuleID":"x","Severity":"HIGH"}]}]"#,
            [None, None, Some(1), None, None],
        ),
        (
            "another class",
            r#"[{"Class":"custom","CustomResources":[]}]"#,
            [None; 5],
        ),
        ("an unknown class", r#"[{"Class":"new"}]"#, [None; 5]),
        ("no class", r#"[{"Target":"a"}]"#, [None; 5]),
    ];
    for (name, results, expected) in cases {
        let found = read(&report(results)).unwrap();
        let lengths = [
            found.packages.map(|list| list.len()),
            found.vulnerabilities.map(|list| list.len()),
            found.secrets.map(|list| list.len()),
            found.misconfigurations.map(|list| list.len()),
            found.licences.map(|list| list.len()),
        ];
        assert_eq!(lengths, expected, "{name}");
    }
    let bare = r#"{"SchemaVersion":2,"Metadata":{"ImageConfig":CONFIG}}"#;
    for config in [
        "{}",
        "null",
        r#"{"architecture":"","created":"0001-01-01T00:00:00Z","os":"","rootfs":{"type":"","diff_ids":null},"config":{}}"#,
        r#"{"Id":"sha256:ab","RepoTags":[],"Config":{"User":"web"}}"#,
    ] {
        let found = read(&bare.replace("CONFIG", config)).unwrap();
        assert!(found.kinds().is_empty(), "{config}");
    }
    let bare = read(r#"{"SchemaVersion":2,"ArtifactName":"a"}"#).unwrap();
    assert!(bare.kinds().is_empty() && bare.image.is_empty());
}

#[test]
fn a_fix_is_told_by_status_and_version() {
    for (status, version, expected) in [
        (r#""fixed""#, "1.2", FixState::Fixed),
        ("null", "1.2", FixState::Fixed),
        ("null", "", FixState::NotFixed),
        (r#""affected""#, "", FixState::NotFixed),
        (r#""fix_deferred""#, "", FixState::NotFixed),
        (r#""will_not_fix""#, "", FixState::WontFix),
        (r#""end_of_life""#, "", FixState::WontFix),
        (r#""under_investigation""#, "", FixState::Unknown),
        (r#""unknown""#, "", FixState::Unknown),
        (r#""something new""#, "", FixState::Unknown),
    ] {
        let text = report(&format!(
            r#"[{{"Class":"os-pkgs","Vulnerabilities":[{{"VulnerabilityID":"CVE-1","PkgName":"a","Status":{status},"FixedVersion":"{version}"}}]}}]"#
        ));
        let found = read(&text).unwrap().vulnerabilities.unwrap();
        assert_eq!(found[0].fix_state, expected, "{status} {version:?}");
    }
}

#[test]
fn a_version_is_in_full() {
    for (parts, expected) in [
        (r#""Version":"1.2""#, Some("1.2")),
        (r#""Version":"1.2","Release":"3","Epoch":0"#, Some("1.2-3")),
        (
            r#""Version":"1.2","Release":"3.el8","Epoch":1"#,
            Some("1:1.2-3.el8"),
        ),
        (r#""Version":"""#, None),
    ] {
        let text = report(&format!(
            r#"[{{"Class":"os-pkgs","Packages":[{{"Name":"a",{parts}}}]}}]"#
        ));
        let found = read(&text).unwrap().packages.unwrap();
        assert_eq!(found[0].version.as_deref(), expected, "{parts}");
    }
}

#[test]
fn types_are_those_of_package_urls() {
    for (word, expected) in [
        ("debian", "deb"),
        ("redhat", "rpm"),
        ("opensuse.leap", "rpm"),
        ("opensuse-tumbleweed", "rpm"),
        ("suse linux enterprise server", "rpm"),
        ("centos-stream", "rpm"),
        ("wolfi", "apk"),
        ("poetry", "pypi"),
        ("node-pkg", "npm"),
        ("rustbinary", "cargo"),
        ("dotnet-core", "nuget"),
        ("composer-vendor", "composer"),
        ("something-new", "generic"),
    ] {
        let text = report(&format!(
            r#"[{{"Class":"os-pkgs","Type":"{word}","Packages":[{{"Name":"a"}}]}}]"#
        ));
        assert_eq!(
            read(&text).unwrap().packages.unwrap()[0].kind,
            expected,
            "{word}"
        );
    }
}

#[test]
fn an_image_is_named_by_its_tags() {
    const HEX: &str = "abababababababababababababababababababababababababababababababab";
    let pinned = format!("web@sha256:{HEX}");
    let digests = format!(r#""RepoDigests":["{pinned}"]"#);
    for (kind, name, metadata, names, count) in [
        ("container_image", "web:1", "", vec!["web:1"], 0),
        ("container_image", "web.tar", "", vec![], 0),
        (
            "container_image",
            "web.tar",
            r#""RepoTags":["web:2"]"#,
            vec!["web:2"],
            0,
        ),
        ("container_image", &pinned, "", vec![&*pinned], 1),
        ("container_image", "web", &digests, vec![&*pinned], 1),
        ("filesystem", "web:1", "", vec![], 0),
    ] {
        let text = format!(
            r#"{{"SchemaVersion":2,"ArtifactName":"{name}","ArtifactType":"{kind}","Metadata":{{{metadata}}}}}"#
        );
        let image = read(&text).unwrap().image;
        assert_eq!(
            (image.names, image.digests.len()),
            (owned(&names), count),
            "{name} {metadata}"
        );
    }
}

#[test]
fn a_licence_without_a_name_is_none() {
    let text = report(r#"[{"Class":"license","Licenses":[{"Name":""},{"Name":"MIT"},{}]}]"#);
    let licences = read(&text).unwrap().licences.unwrap();
    let names: Vec<&str> = licences.iter().map(|licence| &*licence.name).collect();
    assert_eq!(names, ["MIT"]);
}

#[test]
fn a_wrong_report_is_refused_with_its_place() {
    let vulnerability = |fields: &str| {
        report(&format!(
            r#"[{{"Vulnerabilities":[{{"VulnerabilityID":"CVE-1","PkgName":"a"}},{{{fields}}}]}}]"#
        ))
    };
    let cvss = |cvss: &str| {
        vulnerability(&format!(
            r#""VulnerabilityID":"CVE-1","PkgName":"a","CVSS":{cvss}"#
        ))
    };
    let place = "Results[0].Vulnerabilities[1]";
    for (text, parts) in [
        (
            r#"[{"Target":"a","Vulnerabilities":null}]"#.to_owned(),
            vec!["schema version 1", "2 is read"],
        ),
        (
            r#"{"SchemaVersion":3,"Results":"?"}"#.to_owned(),
            vec!["SchemaVersion", "version 3 is not read; 2 is"],
        ),
        (
            r#"{"SchemaVersion":"2","Results":[]}"#.to_owned(),
            vec![r#"version "2" is not read"#],
        ),
        (
            r#"{"\u0053chemaVersion":3,"Results":[]}"#.to_owned(),
            vec!["version 3 is not read"],
        ),
        (
            r#"{"SchemaVersion":2,"SchemaVersion":3,"Results":[]}"#.to_owned(),
            vec!["duplicate field"],
        ),
        (report(r#""none""#), vec!["Results", "invalid type"]),
        (
            report(r#"[{"Packages":[{"Name":""}]}]"#),
            vec!["Results[0].Packages[0]", "Name", "missing or empty"],
        ),
        (
            vulnerability(r#""PkgName":"a""#),
            vec![place, "VulnerabilityID", "missing or empty"],
        ),
        (
            vulnerability(r#""VulnerabilityID":"","PkgName":"a""#),
            vec![place, "VulnerabilityID"],
        ),
        (
            vulnerability(r#""VulnerabilityID":"CVE-1""#),
            vec![place, "PkgName"],
        ),
        (
            vulnerability(r#""VulnerabilityID":7"#),
            vec![place, "VulnerabilityID", "invalid type"],
        ),
        (
            vulnerability(r#""VulnerabilityID":"CVE-1","PkgName":"a","PublishedDate":"soon""#),
            vec![place, "PublishedDate", "\"soon\""],
        ),
        (
            vulnerability(r#""VulnerabilityID":"CVE-1","PkgName":"a","VendorSeverity":{"nvd":5}"#),
            vec![place, "VendorSeverity.nvd", "5 is not from 0 to 4"],
        ),
        (
            cvss(r#"{"nvd":{"V3Score":10.1}}"#),
            vec![place, "10.1 is not from 0 to 10"],
        ),
        (
            cvss(r#"{"nvd":{"V2Score":-1}}"#),
            vec![place, "-1 is not from 0 to 10"],
        ),
        (cvss(r#"{"nvd":{"V3Score":1e999}}"#), vec!["V3Score"]),
        (
            cvss(r#"{"nvd":{"V3Score":1},"nvd":{}}"#),
            vec!["CVSS", r#"key "nvd" stands twice"#],
        ),
        (
            report(r#"[{"Class":"license","Licenses":[{"Name":"MIT","Confidence":1.5}]}]"#),
            vec!["Licenses[0]", "Confidence", "1.5 is not from 0 to 1"],
        ),
        (
            report(r#"[{"Secrets":[{"RuleID":"x","StartLine":-1}]}]"#),
            vec!["Secrets[0].StartLine"],
        ),
        (
            r#"{"SchemaVersion":2,"CreatedAt":"today","Results":[]}"#.to_owned(),
            vec!["CreatedAt", "\"today\""],
        ),
        (
            r#"{"SchemaVersion":2,"Metadata":{"ImageConfig":{"os":7,"rootfs":{}}}}"#.to_owned(),
            vec!["Metadata.ImageConfig", "os"],
        ),
        (report("[]").replace(']', ""), vec!["line 1"]),
    ] {
        let wrong = read(&text).unwrap_err().to_string();
        for part in parts {
            assert!(wrong.contains(part), "{text}\n{wrong}\n{part}");
        }
    }
}

#[test]
fn a_long_target_is_not_repeated_without_end() {
    let items = vec![r#"{"VulnerabilityID":"CVE-1","PkgName":"a"}"#; 400].join(",");
    let target = "x".repeat(1 << 20);
    let text = report(&format!(
        r#"[{{"Target":"{target}","Class":"lang-pkgs","Type":"gomod","Vulnerabilities":[{items}]}}]"#
    ));
    assert!(read(&text).unwrap_err().to_string().starts_with("Target"));
}
