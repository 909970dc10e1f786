//! Small bills of materials, good and bad.

use super::super::super::model::{Evidence, FixState, Severity, Statement, VexStatus};
use super::read;

const SAMPLE: &str = include_str!("../../../../../tests/reports/cyclonedx.json");

/// A document of version 1.6 with these keys.
fn document(keys: &str) -> String {
    format!(r#"{{"bomFormat": "CycloneDX", "specVersion": "1.6", {keys}}}"#)
}

fn of(keys: &str) -> Evidence {
    read(&document(keys)).unwrap_or_else(|wrong| panic!("{keys}: {wrong}"))
}

/// A bill with one package `a` 1.0, and a vulnerability with these keys.
fn vulnerable(keys: &str) -> Evidence {
    of(&format!(
        r#""components": [{{"bom-ref": "a", "type": "library", "name": "a", "version": "1.0", "purl": "pkg:npm/a@1.0"}}],
        "vulnerabilities": [{{"id": "CVE-1", {keys}}}]"#
    ))
}

fn names(evidence: &Evidence) -> Vec<&str> {
    let packages = evidence.packages.iter().flatten();
    packages.map(|package| &*package.name).collect()
}

#[test]
fn the_sample_is_read() {
    let evidence = read(SAMPLE).unwrap();
    let report = &evidence.reports[0];
    assert_eq!(
        (&*report.tool, report.version.as_deref()),
        ("billmaker", Some("3.2.0"))
    );
    assert_eq!(
        report.scanned,
        Some("2026-10-02T06:15:00Z".parse().unwrap())
    );
    assert_eq!(evidence.image.names, ["registry.example.com/ferry:7"]);
    assert!(evidence.image.digests[0].starts_with("sha256:6f1c3a0b"));
    let distribution = evidence.distribution.as_ref().unwrap();
    assert_eq!(
        (&*distribution.name, distribution.version.as_deref()),
        ("alpine", Some("3.21.2"))
    );
    let [ssl, server, yaml] = evidence.packages.as_deref().unwrap() else {
        panic!("{:?}", names(&evidence));
    };
    assert_eq!(
        (&*ssl.kind, ssl.source.as_deref()),
        ("apk", Some("openssl"))
    );
    assert_eq!(ssl.origin.as_deref(), Some("Alpine Package Keepers"));
    assert_eq!(ssl.locations, ["/lib/apk/db/installed"]);
    assert_eq!(server.name, "com.example:ferry-server");
    assert_eq!(server.licences.as_deref().unwrap(), ["MIT", "BSD-3-Clause"]);
    assert_eq!(yaml.licences, Some(vec![]));
    assert_eq!(
        (&*yaml.locations, yaml.layer.as_deref()),
        (&["/srv/ferry.jar".to_owned()][..], Some("sha256:0f4a"))
    );
    let files = evidence.files.as_deref().unwrap();
    assert_eq!(
        (&*files[0].path, &*files[0].checksums["sha256"]),
        ("/srv/ferry.jar", "9c4e")
    );
}

#[test]
fn the_samples_vulnerabilities_are_findings_and_statements() {
    let evidence = read(SAMPLE).unwrap();
    let [code, low] = evidence.vulnerabilities.as_deref().unwrap() else {
        panic!("{:?}", evidence.vulnerabilities);
    };
    assert_eq!(
        (&*code.id, &*code.aliases),
        ("CVE-2026-1111", &["GHSA-aaaa-bbbb-cccc".to_owned()][..])
    );
    assert_eq!(
        (&*code.package, &*code.kind),
        ("org.example.yaml:yaml-reader", "maven")
    );
    assert_eq!(
        (code.installed.as_deref(), &*code.fixed),
        (Some("1.4.0"), &["1.4.2".to_owned()][..])
    );
    assert_eq!(code.fix_state, FixState::Fixed);
    assert_eq!(
        (code.severity, code.severity_source.as_deref()),
        (Severity::High, Some("Example Security"))
    );
    assert_eq!(code.cvss(), Some(9.8));
    assert_eq!(
        code.title.as_deref(),
        Some("Reading a crafted document runs code")
    );
    assert_eq!(
        code.links,
        [
            "https://security.example.com/CVE-2026-1111",
            "https://example.org/advisories/1"
        ]
    );
    let vex = code.vex.as_ref().unwrap();
    assert_eq!(
        (vex.status, vex.author.as_deref()),
        (VexStatus::Affected, Some("Harbour Works"))
    );
    assert_eq!(
        vex.statement.as_deref(),
        Some("the server reads what anybody sends (update)")
    );
    assert_eq!(
        (&*low.package, low.vex.as_ref().unwrap().status),
        ("libssl3", VexStatus::NotAffected)
    );
    let [statement] = evidence.statements.as_deref().unwrap() else {
        panic!("{:?}", evidence.statements);
    };
    assert_eq!(statement.products, ["pkg:apk/alpine/libcrypto3@3.3.2-r4"]);
    assert_eq!(
        statement.vex.justification.as_deref(),
        Some("code_not_reachable")
    );
}

#[test]
fn what_nobody_looked_at_is_not_there() {
    for (name, keys, packages, vulnerabilities) in [
        ("nothing", r#""version": 1"#, None, None),
        (
            "null",
            r#""components": null, "vulnerabilities": null"#,
            None,
            None,
        ),
        ("no components", r#""components": []"#, Some(0), None),
        (
            "none vulnerable",
            r#""components": [], "vulnerabilities": []"#,
            Some(0),
            Some(0),
        ),
        ("no bill", r#""vulnerabilities": []"#, None, None),
        (
            "trivy, which always writes the list",
            r#""metadata": {"tools": [{"name": "trivy"}]}, "components": [], "vulnerabilities": []"#,
            Some(0),
            None,
        ),
        (
            "trivy, and it looked",
            r#""metadata": {"tools": [{"name": "trivy"}]}, "components": [], "vulnerabilities": [{"id": "CVE-1", "affects": [{"ref": "pkg:npm/a@1"}]}]"#,
            Some(0),
            Some(1),
        ),
        (
            "within the top component",
            r#""metadata": {"component": {"type": "application", "name": "x", "components": [{"type": "library", "name": "a"}]}}"#,
            Some(1),
            None,
        ),
    ] {
        let evidence = of(keys);
        assert_eq!(evidence.packages.map(|list| list.len()), packages, "{name}");
        assert_eq!(
            evidence.vulnerabilities.map(|list| list.len()),
            vulnerabilities,
            "{name}"
        );
    }
}

#[test]
fn only_packages_are_packages() {
    for (component, expected) in [
        (r#""type": "library", "name": "a""#, Some("generic")),
        (
            r#""type": "framework", "name": "a", "purl": "pkg:gem/a@1""#,
            Some("gem"),
        ),
        (
            r#""type": "application", "name": "a", "version": "1""#,
            Some("generic"),
        ),
        (
            r#""type": "application", "name": "app/package-lock.json", "properties": [{"name": "aquasecurity:trivy:Class", "value": "lang-pkgs"}]"#,
            None,
        ),
        (r#""type": "operating-system", "name": "debian""#, None),
        (r#""type": "container", "name": "a""#, None),
        (
            r#""type": "container", "name": "a", "purl": "pkg:oci/a@sha256%3Aab""#,
            None,
        ),
        (r#""type": "file", "name": "/bin/sh""#, None),
        (
            r#""type": "file", "name": "a", "purl": "pkg:generic/a@1""#,
            Some("generic"),
        ),
        (
            r#""type": "library", "name": "a", "purl": "no url""#,
            Some("generic"),
        ),
    ] {
        let evidence = of(&format!(r#""components": [{{{component}}}]"#));
        let packages = evidence.packages.unwrap();
        assert_eq!(
            packages.first().map(|package| &*package.kind),
            expected,
            "{component}"
        );
    }
}

#[test]
fn trivys_properties_are_used() {
    let evidence = of(
        r#""metadata": {"component": {"type": "container", "name": "web:2", "properties": [
            {"name": "aquasecurity:trivy:ImageID", "value": "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
            {"name": "aquasecurity:trivy:RepoTag", "value": "registry.example.com/web:2"}]}},
        "components": [
            {"type": "operating-system", "name": "redhat", "version": "9.4"},
            {"type": "library", "name": "glibc-minimal", "version": "2.34-100.el9", "purl": "pkg:rpm/redhat/glibc-minimal@2.34-100.el9", "properties": [
                {"name": "aquasecurity:trivy:SrcName", "value": "glibc"},
                {"name": "aquasecurity:trivy:LayerDiffID", "value": "sha256:aa"},
                {"name": "aquasecurity:trivy:LayerDigest", "value": "sha256:bb"},
                {"name": "aquasecurity:trivy:FilePath", "value": "srv/a.jar"},
                {"name": "other"}]}]"#,
    );
    assert_eq!(evidence.image.names, ["registry.example.com/web:2"]);
    assert!(evidence.image.id.unwrap().starts_with("sha256:0123"));
    assert_eq!(evidence.distribution.unwrap().name, "rhel");
    let package = &evidence.packages.unwrap()[0];
    assert_eq!(
        (package.source.as_deref(), package.layer.as_deref()),
        (Some("glibc"), Some("sha256:bb"))
    );
    assert_eq!(package.locations, ["/srv/a.jar"]);
}

#[test]
fn the_severity_is_that_of_whoever_tells_of_it() {
    for (name, ratings, severity, source) in [
        (
            "its own",
            r#"{"source": {"name": "nvd"}, "severity": "critical"}, {"source": {"name": "debian"}, "severity": "low"}"#,
            Severity::Low,
            "debian",
        ),
        (
            "nobody's",
            r#"{"source": {"name": "nvd"}, "severity": "critical"}, {"severity": "medium"}"#,
            Severity::Medium,
            "debian",
        ),
        (
            "NVD's",
            r#"{"source": {"name": "redhat"}, "severity": "critical"}, {"source": {"name": "NVD"}, "severity": "medium"}"#,
            Severity::Medium,
            "NVD",
        ),
        (
            "the worst",
            r#"{"source": {"name": "x"}, "severity": "low"}, {"source": {"name": "y"}, "severity": "high"}"#,
            Severity::High,
            "y",
        ),
        (
            "a word before a score",
            r#"{"score": 9.9, "method": "CVSSv31"}, {"severity": "low"}"#,
            Severity::Low,
            "debian",
        ),
        (
            "a score",
            r#"{"score": 9.9, "method": "CVSSv31"}"#,
            Severity::Critical,
            "debian",
        ),
        (
            "no score of CVSS",
            r#"{"score": 9.9, "method": "OWASP"}"#,
            Severity::Unknown,
            "",
        ),
    ] {
        let evidence = vulnerable(&format!(
            r#""source": {{"name": "debian"}}, "ratings": [{ratings}], "affects": [{{"ref": "a"}}]"#
        ));
        let found = &evidence.vulnerabilities.unwrap()[0];
        assert_eq!(found.severity, severity, "{name}");
        assert_eq!(
            found.severity_source.as_deref().unwrap_or_default(),
            source,
            "{name}"
        );
    }
}

#[test]
fn a_score_knows_its_version() {
    for (rating, version, vector) in [
        (
            r#""method": "CVSSv2", "vector": "AV:N/AC:M/Au:N/C:C/I:C/A:C""#,
            "2.0",
            "AV:N/AC:M/Au:N/C:C/I:C/A:C",
        ),
        (
            r#""method": "CVSSv3", "vector": "AV:N/AC:L""#,
            "3.0",
            "CVSS:3.0/AV:N/AC:L",
        ),
        (
            r#""method": "CVSSv3", "vector": "CVSS:3.1/AV:N""#,
            "3.1",
            "CVSS:3.1/AV:N",
        ),
        (
            r#""method": "other", "vector": "CVSS:4.0/AV:N""#,
            "4.0",
            "CVSS:4.0/AV:N",
        ),
    ] {
        let evidence = vulnerable(&format!(
            r#""ratings": [{{"score": 5, {rating}}}], "affects": [{{"ref": "a"}}]"#
        ));
        let score = &evidence.vulnerabilities.unwrap()[0].scores[0];
        assert_eq!(
            (&*score.version, score.vector.as_deref()),
            (version, Some(vector)),
            "{rating}"
        );
    }
}

#[test]
fn grypes_epss_known_exploits_and_fixes_are_used() {
    let evidence = vulnerable(
        r#""ratings": [{"severity": "low"},
            {"source": {"name": "FIRST"}, "score": 0.03, "method": "other"},
            {"source": {"name": "CISA KEV Catalog"}, "score": 1, "method": "other"}],
        "affects": [{"ref": "a", "versions": [
            {"version": "1.0", "status": "affected"},
            {"range": "vers:npm/>=1.2%2B1", "status": "unaffected"},
            {"range": "vers:npm/>=1|<2", "status": "unaffected"},
            {"range": "vers:npm/>=3", "status": "affected"}]}]"#,
    );
    let found = &evidence.vulnerabilities.unwrap()[0];
    assert_eq!((found.epss, found.exploited), (Some(0.03), Some(true)));
    assert_eq!(
        (&*found.fixed, found.fix_state),
        (&["1.2+1".to_owned()][..], FixState::Fixed)
    );
    assert_eq!(found.scores, []);
}

#[test]
fn advice_to_upgrade_is_that_of_the_package_it_names() {
    for (advice, expected) in [
        ("Upgrade a to version 1.1", vec!["1.1"]),
        (
            "Upgrade a to version 1.1, 2.0.3 or higher.",
            vec!["1.1", "2.0.3"],
        ),
        ("Upgrade b to version 1.1", vec![]),
        ("Upgrade a to version the newest", vec![]),
        ("Do not use it", vec![]),
    ] {
        let evidence = vulnerable(&format!(
            r#""recommendation": "{advice}", "affects": [{{"ref": "a"}}]"#
        ));
        assert_eq!(
            evidence.vulnerabilities.unwrap()[0].fixed,
            expected,
            "{advice}"
        );
    }
}

#[test]
fn every_state_of_an_analysis_has_its_status() {
    for (state, expected) in [
        ("resolved", VexStatus::Fixed),
        ("resolved_with_pedigree", VexStatus::Fixed),
        ("exploitable", VexStatus::Affected),
        ("in_triage", VexStatus::UnderInvestigation),
        ("false_positive", VexStatus::NotAffected),
        ("not_affected", VexStatus::NotAffected),
    ] {
        let evidence = vulnerable(&format!(
            r#""analysis": {{"state": "{state}"}}, "affects": [{{"ref": "a"}}]"#
        ));
        let vex = evidence.vulnerabilities.unwrap()[0].vex.clone();
        assert_eq!(vex.unwrap().status, expected, "{state}");
    }
}

#[test]
fn the_installed_version_may_be_listed_for_itself() {
    let vex = |analysis: &str, status: &str| {
        let evidence = vulnerable(&format!(
            r#"{analysis} "affects": [{{"ref": "a", "versions": [{{"version": "2.0", "status": "affected"}}, {{"version": "1.0", "status": "{status}"}}]}}]"#
        ));
        let found = evidence.vulnerabilities.unwrap().remove(0);
        found.vex.map(|vex| vex.status)
    };
    let exploitable = r#""analysis": {"state": "exploitable"},"#;
    assert_eq!(vex("", "affected"), None);
    assert_eq!(vex("", "unknown"), None);
    assert_eq!(vex("", "unaffected"), Some(VexStatus::NotAffected));
    assert_eq!(vex(exploitable, "affected"), Some(VexStatus::Affected));
    assert_eq!(
        vex(exploitable, "unknown"),
        Some(VexStatus::UnderInvestigation)
    );
    assert_eq!(vex(exploitable, "unaffected"), Some(VexStatus::NotAffected));
}

/// The statements of a document without a bill, of which this is the top component and this what is affected.
fn statements(top: &str, state: &str, affects: &str) -> Vec<Statement> {
    let evidence = of(&format!(
        r#""metadata": {{"timestamp": "2026-01-01T00:00:00Z", "component": {{"bom-ref": "top", "type": "application", "name": "shop", {top}}}}},
        "vulnerabilities": [{{"id": "CVE-1", "references": [{{"id": "GHSA-1"}}], "analysis": {{"state": "{state}"}}, "affects": [{affects}]}}]"#
    ));
    assert_eq!((evidence.vulnerabilities, evidence.packages), (None, None));
    assert_eq!(evidence.reports[0].scanned, None);
    evidence.statements.unwrap_or_default()
}

#[test]
fn vex_alone_makes_statements() {
    for (name, top, state, affects, expected) in [
        (
            "a package URL",
            "",
            "not_affected",
            r#"{"ref": "pkg:npm/b@2"}"#,
            vec!["pkg:npm/b@2"],
        ),
        (
            "a part of another bill",
            "",
            "not_affected",
            r#"{"ref": "urn:cdx:3e67/1#pkg:npm/b%402"}"#,
            vec!["pkg:npm/b@2"],
        ),
        (
            "another bill",
            "",
            "not_affected",
            r#"{"ref": "urn:cdx:3e67/1"}"#,
            vec!["urn:cdx:3e67/1"],
        ),
        (
            "the whole image",
            "",
            "not_affected",
            r#"{"ref": "top"}"#,
            vec![""],
        ),
        ("nothing in particular", "", "not_affected", "", vec![""]),
        (
            "the top component",
            r#""purl": "pkg:npm/shop@1","#,
            "not_affected",
            r#"{"ref": "top"}"#,
            vec!["pkg:npm/shop@1"],
        ),
        (
            "listed versions",
            "",
            "not_affected",
            r#"{"ref": "pkg:npm/b?x=y", "versions": [{"version": "1"}, {"version": "2", "status": "unaffected"}]}"#,
            vec!["pkg:npm/b@1?x=y", "pkg:npm/b@2?x=y"],
        ),
        (
            "a range must not clear every version",
            "",
            "not_affected",
            r#"{"ref": "pkg:npm/b", "versions": [{"range": "vers:npm/<2"}]}"#,
            vec![],
        ),
        (
            "a range may blame every version",
            "",
            "exploitable",
            r#"{"ref": "pkg:npm/b", "versions": [{"range": "vers:npm/<2"}]}"#,
            vec!["pkg:npm/b"],
        ),
        (
            "a range beside a version",
            "",
            "not_affected",
            r#"{"ref": "pkg:npm/b@1", "versions": [{"range": "vers:npm/<2"}]}"#,
            vec!["pkg:npm/b@1"],
        ),
    ] {
        let top = format!(r#"{top} "description": """#);
        let statements = statements(&top, state, affects);
        let products: Vec<String> = statements
            .iter()
            .map(|statement| statement.products.join(" "))
            .collect();
        assert_eq!(products, expected, "{name}");
        for statement in statements {
            assert_eq!(statement.vulnerabilities, ["CVE-1", "GHSA-1"], "{name}");
        }
    }
}

#[test]
fn a_finding_elsewhere_is_no_statement() {
    let evidence = of(
        r#""vulnerabilities": [{"id": "CVE-1", "affects": [{"ref": "urn:cdx:3e67/1#pkg:maven/org.x/y@1.0"}, {"ref": "urn:cdx:3e67/1#8f3c"}]}]"#,
    );
    assert_eq!(evidence.statements, None);
    let found = evidence.vulnerabilities.unwrap();
    assert_eq!(
        (
            &*found[0].package,
            &*found[0].kind,
            found[0].installed.as_deref()
        ),
        ("org.x:y", "maven", Some("1.0"))
    );
    assert_eq!((&*found[1].package, &*found[1].kind), ("8f3c", ""));
}

#[test]
fn what_is_wrong_is_named() {
    for (keys, expected) in [
        (
            r#""components": [{"type": "library", "name": ""}]"#,
            "components[0].name: an empty text where a name is needed",
        ),
        (
            r#""components": [{"type": "library"}]"#,
            "components[0]: missing field `name`",
        ),
        (
            r#""components": {}"#,
            "components: invalid type: map, expected a sequence",
        ),
        (
            r#""metadata": {"tools": 7}"#,
            "metadata.tools: invalid type: integer `7`, expected a list of tools, or an object with components and services",
        ),
        (
            r#""metadata": {"timestamp": "yesterday"}, "components": []"#,
            "metadata.timestamp: \"yesterday\" is no time by RFC 3339",
        ),
        (
            r#""vulnerabilities": [{"id": ""}]"#,
            "vulnerabilities[0].id: an empty text where a name is needed",
        ),
        (
            r#""vulnerabilities": [{"id": "CVE-1"}]"#,
            "vulnerabilities[0]: neither its affects nor metadata.component says what it is of",
        ),
        (
            r#""vulnerabilities": [{"id": "a", "analysis": {"state": "fine"}}]"#,
            "vulnerabilities[0].analysis.state: \"fine\" is no state; those are resolved, resolved_with_pedigree, exploitable, in_triage, false_positive, not_affected",
        ),
        (
            r#""vulnerabilities": [{"id": "a", "ratings": [{"score": 11, "method": "CVSSv2"}]}]"#,
            "vulnerabilities[0].ratings[0].score: 11 is not from 0 to 10",
        ),
        (
            r#""vulnerabilities": [{"id": "a", "ratings": [{"score": 1.5, "method": "other", "source": {"name": "EPSS"}}]}]"#,
            "vulnerabilities[0].ratings[0].score: 1.5 is not from 0 to 1",
        ),
        (
            r#""vulnerabilities": [{"id": "a", "published": "2026"}]"#,
            "vulnerabilities[0].published: \"2026\" is no time by RFC 3339",
        ),
        (
            r#""vulnerabilities": [{"id": "a", "analysis": {"state": "in_triage"}, "affects": [{"ref": "pkg:npm/a", "versions": [{"version": "1", "status": "maybe"}]}]}]"#,
            "vulnerabilities[0].affects: \"maybe\" is no status; those are affected, unaffected, unknown",
        ),
    ] {
        let wrong = read(&document(keys)).unwrap_err();
        let place = wrong.place.split(" (line").next().unwrap();
        assert_eq!(format!("{place}: {}", wrong.reason), expected, "{keys}");
    }
}

#[test]
fn other_versions_are_refused() {
    for version in ["1.3", "2.0", ""] {
        let wrong = read(&format!(
            r#"{{"bomFormat": "CycloneDX", "specVersion": "{version}"}}"#
        ))
        .unwrap_err();
        assert_eq!(
            wrong.reason,
            format!("version {version:?} is not read; those that are: 1.4, 1.5, 1.6, 1.7")
        );
    }
}

#[test]
fn what_version_1_7_adds_is_passed_over() {
    let evidence = read(
        r#"{"bomFormat": "CycloneDX", "specVersion": "1.7", "citations": [{"timestamp": "2026-01-01T00:00:00Z", "pointers": ["/components"], "attributedTo": "x"}],
        "metadata": {"distributionConstraints": {"tlp": "AMBER"}, "component": {"type": "container", "name": "a", "isExternal": false}},
        "components": [
            {"bom-ref": "a", "type": "library", "name": "a", "version": "1.0", "isExternal": false, "patentAssertions": [],
             "licenses": [{"expression": "MIT AND Zlib", "expressionDetails": [{"licenseIdentifier": "MIT"}]}, {"license": {"id": "0BSD"}}]},
            {"bom-ref": "java", "type": "platform", "name": "java", "versionRange": "vers:generic/>=21", "isExternal": true, "purl": "pkg:generic/java"}],
        "vulnerabilities": [{"id": "CVE-1", "affects": [{"ref": "java"}]}]}"#,
    )
    .unwrap();
    // What the environment is to provide is not in the image; what is said of it is not lost.
    assert_eq!(names(&evidence), ["a"]);
    let licences = evidence.packages.as_ref().unwrap()[0].licences.as_ref();
    assert_eq!(licences.unwrap(), &["MIT", "Zlib", "0BSD"]);
    assert_eq!(evidence.vulnerabilities.unwrap()[0].package, "java");
}

#[test]
fn components_nest_within_limits() {
    let nested = |levels: usize| {
        let start = r#"{"type": "library", "name": "a", "components": ["#.repeat(levels);
        let end = "]}".repeat(levels);
        read(&document(&format!(r#""components": [{start}{end}]"#)))
    };
    assert_eq!(nested(20).unwrap().packages.unwrap().len(), 20);
    assert_eq!(nested(31).unwrap().packages.unwrap().len(), 31);
    for levels in [32, 10_000] {
        let wrong = nested(levels).unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "the document: nested deeper than 64 levels"
        );
    }
}

#[test]
fn a_small_document_cannot_ask_for_a_large_memory() {
    let text = "x".repeat(100_000);
    let affects = vec![r#"{"ref": "pkg:npm/a"}"#; 10_000].join(",");
    let keys = format!(
        r#""vulnerabilities": [{{"id": "a", "advisories": [{{"url": "{text}"}}], "affects": [{affects}]}}]"#
    );
    let wrong = read(&document(&keys)).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "vulnerabilities[0]: said for so many items, it is more than 256 MiB"
    );
}
