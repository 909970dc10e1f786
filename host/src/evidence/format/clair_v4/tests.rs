use super::*;

const SAMPLE: &str = include_str!("../../../../../tests/reports/clair-v4.json");

fn layer(digit: &str) -> Option<String> {
    Some(format!("sha256:{}", digit.repeat(64)))
}

fn report(rest: &str) -> String {
    format!(r#"{{"manifest_hash":"sha256:ab","packages":{{"1":{{"name":"a"}}}}{rest}}}"#)
}

#[test]
fn packages_are_where_their_environments_say() {
    let evidence = read(SAMPLE).unwrap();
    assert_eq!(
        evidence.image.digests,
        [format!("sha256:{}", "6".repeat(64))]
    );
    let distribution = evidence.distribution.unwrap();
    assert_eq!(
        (distribution.name.as_str(), distribution.version.as_deref()),
        ("ubuntu", Some("22.04"))
    );
    let ssl = Package {
        name: "libssl3".to_owned(),
        version: Some("3.0.2-0ubuntu1".to_owned()),
        kind: "deb".to_owned(),
        source: Some("openssl".to_owned()),
        locations: vec!["/var/lib/dpkg/status".to_owned()],
        layer: layer("7"),
        ..Package::default()
    };
    let core = Package {
        name: "org.example:core".to_owned(),
        version: Some("2.0".to_owned()),
        kind: "maven".to_owned(),
        locations: vec!["/app/lib/core-2.0.jar".to_owned()],
        layer: layer("8"),
        ..Package::default()
    };
    assert_eq!(evidence.packages, Some(vec![ssl, core]));
}

#[test]
fn vulnerabilities_are_joined_with_packages_and_enriched() {
    let found = read(SAMPLE).unwrap().vulnerabilities.unwrap();
    let ubuntu = Vulnerability {
        id: "CVE-2030-7777".to_owned(),
        title: Some("CVE-2030-7777 on Ubuntu 22.04 LTS (jammy) - low.".to_owned()),
        package: "libssl3".to_owned(),
        kind: "deb".to_owned(),
        installed: Some("3.0.2-0ubuntu1".to_owned()),
        locations: vec!["/var/lib/dpkg/status".to_owned()],
        layer: layer("7"),
        fix_state: FixState::NotFixed,
        severity: Severity::Low,
        severity_source: Some("ubuntu/updater/jammy".to_owned()),
        severity_text: Some("Low".to_owned()),
        exploited: Some(false),
        links: vec![
            "https://ubuntu.com/security/CVE-2030-7777".to_owned(),
            "https://example.com/more".to_owned(),
        ],
        published: Some("2030-01-02T03:04:05Z".parse().unwrap()),
        ..Vulnerability::default()
    };
    assert_eq!(found[0], ubuntu);
    let core = &found[1];
    assert_eq!(
        (core.id.as_str(), core.severity),
        ("GHSA-aaaa-bbbb-cccc", Severity::Critical)
    );
    assert_eq!(
        (core.fix_state, core.fixed[0].as_str()),
        (FixState::Fixed, "2.1+patch")
    );
    assert_eq!(
        (core.epss, core.exploited, core.published),
        (Some(0.5), Some(true), None)
    );
    assert_eq!(
        (core.scores[0].source.as_str(), core.scores[0].base),
        ("nvd", 9.8)
    );
}

#[test]
fn an_index_report_says_nothing_of_vulnerabilities() {
    for (name, rest, expected) in [
        (
            "an index",
            r#","state":"IndexFinished","success":true"#,
            None,
        ),
        (
            "null",
            r#","vulnerabilities":null,"package_vulnerabilities":null"#,
            None,
        ),
        (
            "a clean image",
            r#","vulnerabilities":{},"package_vulnerabilities":{}"#,
            Some(0),
        ),
    ] {
        let evidence = read(&report(rest)).unwrap();
        assert_eq!(
            evidence.vulnerabilities.map(|list| list.len()),
            expected,
            "{name}"
        );
        assert_eq!(evidence.packages.unwrap()[0].kind, "generic", "{name}");
    }
}

#[test]
fn types_come_from_the_database_or_the_distribution() {
    for (database, expected) in [
        ("var/lib/dpkg/status", "deb"),
        ("var/lib/dpkg/status.d/base", "deb"),
        ("lib/apk/db/installed", "apk"),
        ("var/lib/rpm", "rpm"),
        ("sqlite:usr/lib/sysimage/rpm", "rpm"),
        ("bdb:var/lib/rpm", "rpm"),
        ("python:usr/lib/python3/site-packages/a", "pypi"),
        ("go:usr/bin/a", "golang"),
        ("", "rpm"),
    ] {
        let text = report(&format!(
            r#","distributions":{{"7":{{"did":"rhel","version_id":"9.4"}}}},"environments":{{"1":[{{"package_db":"{database}","distribution_id":"7"}}]}}"#
        ));
        assert_eq!(
            read(&text).unwrap().packages.unwrap()[0].kind,
            expected,
            "{database}"
        );
    }
}

#[test]
fn a_fixed_version_may_be_a_query() {
    for (text, expected) in [
        ("1.2.3", Some("1.2.3")),
        ("fixed=2.15.0&introduced=2.13.0", Some("2.15.0")),
        ("introduced=2.13.0&lastAffected=2.14", None),
        ("lastAffected=2.14", None),
    ] {
        assert_eq!(fixed_version(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn a_wrong_report_is_refused_with_its_place() {
    let key = "message/vnd.clair.map.vulnerability; enricher=clair.";
    let enriched = |enricher: &str, record: &str| {
        report(&format!(
            r#","vulnerabilities":{{"2":{{"name":"CVE-1"}}}},"enrichments":{{"{key}{enricher} schema=x":[{{"2":[{record}]}}]}}"#
        ))
    };
    for (text, parts) in [
        (
            r#"{"manifest_hash":"","packages":{}}"#.to_owned(),
            vec!["manifest_hash", "missing or empty"],
        ),
        (report(r#","packages":{}"#), vec!["duplicate field"]),
        (
            r#"{"manifest_hash":"a","packages":{"1":{"name":"a"},"1":{"name":"b"}}}"#.to_owned(),
            vec!["packages", r#"key "1" stands twice"#],
        ),
        (
            r#"{"manifest_hash":"a","packages":{"1":{}}}"#.to_owned(),
            vec!["packages.1", "name"],
        ),
        (
            report(r#","vulnerabilities":{"2":{"name":""}}"#),
            vec!["vulnerabilities.2", "name"],
        ),
        (
            report(r#","vulnerabilities":{"2":{"name":"CVE-1","issued":"x"}}"#),
            vec!["vulnerabilities.2", "issued"],
        ),
        (
            report(r#","package_vulnerabilities":{"1":["3"]}"#),
            vec!["package_vulnerabilities.1", r#"none of the id "3""#],
        ),
        (
            report(r#","package_vulnerabilities":{"5":["3"]}"#),
            vec!["package_vulnerabilities.5", "packages has none"],
        ),
        (
            enriched("cvss", r#"{"baseScore":11}"#),
            vec!["11 is not from 0 to 10"],
        ),
        (enriched("cvss", r#"{"version":"3.1"}"#), vec!["baseScore"]),
        (
            enriched("epss", r#"{"epss":2}"#),
            vec!["epss", "2 is not from 0 to 1"],
        ),
    ] {
        let wrong = read(&text).unwrap_err().to_string();
        for part in parts {
            assert!(wrong.contains(part), "{text}\n{wrong}\n{part}");
        }
    }
}

#[test]
fn a_vulnerability_is_not_repeated_without_end() {
    let ids = vec![r#""2""#; 400].join(",");
    let text = report(&format!(
        r#","vulnerabilities":{{"2":{{"name":"{}"}}}},"package_vulnerabilities":{{"1":[{ids}]}}"#,
        "x".repeat(1 << 20)
    ));
    assert!(
        read(&text)
            .unwrap_err()
            .to_string()
            .starts_with("package_vulnerabilities")
    );
}
