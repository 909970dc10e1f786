//! Small VEX documents, good and bad.

use super::super::super::model::{Statement, VexStatus};
use super::read;

const SAMPLE: &str = include_str!("../../../../../tests/reports/openvex.json");

fn document(context: &str, statement: &str) -> String {
    format!(
        r#"{{"@context": "{context}", "author": "Ada", "timestamp": "2026-01-02T00:00:00Z", "last_updated": "2026-01-03T00:00:00Z", "statements": [{{{statement}}}]}}"#
    )
}

/// What becomes of a statement with these keys.
fn of(keys: &str) -> Vec<Statement> {
    let text = document("https://openvex.dev/ns/v0.2.0", keys);
    let evidence = read(&text).unwrap_or_else(|wrong| panic!("{keys}: {wrong}"));
    evidence.statements.unwrap()
}

#[test]
fn the_sample_is_read() {
    let evidence = read(SAMPLE).unwrap();
    assert_eq!(evidence.reports[0].tool, "vexmaker");
    assert_eq!(evidence.vulnerabilities, None);
    let [clear, bad] = evidence.statements.as_deref().unwrap() else {
        panic!("{:?}", evidence.statements);
    };
    assert_eq!(
        clear.vulnerabilities,
        ["CVE-2026-1111", "GHSA-aaaa-bbbb-cccc"]
    );
    assert_eq!(clear.products.len(), 2);
    assert!(clear.products[1].starts_with("sha256:6f1c3a0b"));
    assert_eq!(
        clear.parts,
        ["pkg:maven/org.example.yaml/yaml-reader@1.4.0"]
    );
    assert_eq!(clear.vex.status, VexStatus::NotAffected);
    assert_eq!(
        clear.vex.justification.as_deref(),
        Some("vulnerable_code_not_in_execute_path")
    );
    assert_eq!(
        clear.vex.statement.as_deref(),
        Some("only our own files are read")
    );
    assert_eq!(clear.vex.author.as_deref(), Some("Harbour Works"));
    assert_eq!(
        clear.vex.time,
        Some("2026-09-30T07:00:00Z".parse().unwrap())
    );
    assert_eq!(
        (&*bad.vulnerabilities, bad.vex.status),
        (&["CVE-2026-2222".to_owned()][..], VexStatus::Affected)
    );
    assert_eq!(bad.products, ["pkg:apk/alpine/libssl3@3.3.2-r4"]);
    assert_eq!(bad.vex.statement.as_deref(), Some("take version 8"));
    assert_eq!(bad.vex.time, Some("2026-10-01T12:00:00Z".parse().unwrap()));
}

#[test]
fn every_context_is_read() {
    for context in [
        "https://openvex.dev/ns",
        "https://openvex.dev/ns/v0.0.1",
        "https://openvex.dev/ns/v0.2.0",
    ] {
        let text = document(context, r#""vulnerability": "CVE-1", "status": "fixed""#);
        assert_eq!(
            read(&text).unwrap().statements.unwrap().len(),
            1,
            "{context}"
        );
    }
}

#[test]
fn a_document_may_say_nothing() {
    for statements in ["[]", "null"] {
        let text = format!(
            r#"{{"@context": "https://openvex.dev/ns/v0.2.0", "statements": {statements}}}"#
        );
        assert_eq!(
            read(&text).unwrap().statements,
            Some(vec![]),
            "{statements}"
        );
    }
}

#[test]
fn every_status_is_known() {
    for (status, expected) in [
        ("not_affected", VexStatus::NotAffected),
        ("affected", VexStatus::Affected),
        ("fixed", VexStatus::Fixed),
        ("under_investigation", VexStatus::UnderInvestigation),
    ] {
        let statements = of(&format!(
            r#""vulnerability": "CVE-1", "status": "{status}""#
        ));
        assert_eq!(statements[0].vex.status, expected, "{status}");
    }
}

#[test]
fn a_vulnerability_has_a_name() {
    for (vulnerability, expected) in [
        (r#""CVE-1""#, vec!["CVE-1"]),
        (r#"{"name": "CVE-1"}"#, vec!["CVE-1"]),
        (
            r#"{"name": "CVE-1", "aliases": ["GHSA-1", "CVE-1", ""]}"#,
            vec!["CVE-1", "GHSA-1"],
        ),
        (
            r#"{"name": "CVE-1", "@id": "https://example.org/CVE-9"}"#,
            vec!["CVE-1"],
        ),
        (r#"{"@id": "https://example.org/CVE-9"}"#, vec!["CVE-9"]),
    ] {
        let statements = of(&format!(
            r#""vulnerability": {vulnerability}, "status": "fixed""#
        ));
        assert_eq!(statements[0].vulnerabilities, expected, "{vulnerability}");
    }
}

#[test]
fn products_with_parts_of_their_own_are_statements_of_their_own() {
    for (name, keys, expected) in [
        ("the whole image", "", vec!["/"]),
        ("null", r#", "products": null"#, vec!["/"]),
        (
            "together",
            r#", "products": ["a", {"@id": "b"}, "a"]"#,
            vec!["a b/"],
        ),
        (
            "a purl as well",
            r#", "products": [{"@id": "a", "identifiers": {"purl": "pkg:oci/a"}}]"#,
            vec!["a pkg:oci/a/"],
        ),
        (
            "a sum only",
            r#", "products": [{"hashes": {"sha-256": "AB"}}]"#,
            vec!["sha256:ab/"],
        ),
        (
            "a CPE only",
            r#", "products": [{"identifiers": {"cpe22": "cpe:/a:b"}}]"#,
            vec!["cpe:/a:b/"],
        ),
        (
            "parts",
            r#", "products": ["a", {"@id": "b", "subcomponents": [{"@id": "x"}, "y"]}]"#,
            vec!["b/x y", "a/"],
        ),
        (
            "parts of all",
            r#", "products": ["a", "b"], "subcomponents": ["x"]"#,
            vec!["a b/x"],
        ),
    ] {
        let statements = of(&format!(
            r#""vulnerability": "CVE-1", "status": "fixed"{keys}"#
        ));
        let found = statements.iter().map(|statement| {
            format!(
                "{}/{}",
                statement.products.join(" "),
                statement.parts.join(" ")
            )
        });
        assert_eq!(found.collect::<Vec<_>>(), expected, "{name}");
    }
}

#[test]
fn words_and_times_are_the_most_particular_ones() {
    for (keys, words, time) in [
        ("", None, "2026-01-03T00:00:00Z"),
        (
            r#", "status_notes": "n""#,
            Some("n"),
            "2026-01-03T00:00:00Z",
        ),
        (
            r#", "status_notes": "n", "action_statement": "a""#,
            Some("a"),
            "2026-01-03T00:00:00Z",
        ),
        (
            r#", "action_statement": "a", "impact_statement": "i", "timestamp": "2025-01-01T00:00:00Z""#,
            Some("i"),
            "2025-01-01T00:00:00Z",
        ),
        (
            r#", "timestamp": "2025-01-01T00:00:00Z", "last_updated": "2025-01-02T00:00:00Z""#,
            None,
            "2025-01-02T00:00:00Z",
        ),
    ] {
        let statements = of(&format!(
            r#""vulnerability": "CVE-1", "status": "fixed"{keys}"#
        ));
        let vex = &statements[0].vex;
        assert_eq!(vex.statement.as_deref(), words, "{keys}");
        assert_eq!(vex.time, Some(time.parse().unwrap()), "{keys}");
        assert_eq!(vex.author.as_deref(), Some("Ada"), "{keys}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (keys, expected) in [
        (
            r#""vulnerability": "CVE-1", "status": "safe""#,
            "statements[0].status: \"safe\" is no status; those are not_affected, affected, fixed, under_investigation",
        ),
        (
            r#""vulnerability": "CVE-1""#,
            "statements[0]: missing field `status`",
        ),
        (
            r#""status": "fixed""#,
            "statements[0]: missing field `vulnerability`",
        ),
        (
            r#""vulnerability": "", "status": "fixed""#,
            "statements[0].vulnerability: a vulnerability without a name",
        ),
        (
            r#""vulnerability": 7, "status": "fixed""#,
            "statements[0].vulnerability: invalid type: integer `7`, expected a text or an object",
        ),
        (
            r#""vulnerability": "CVE-1", "status": "fixed", "products": [{}]"#,
            "statements[0].products[0]: neither @id nor identifiers nor a SHA-256 sum",
        ),
        (
            r#""vulnerability": "CVE-1", "status": "fixed", "products": [{"@id": "a", "subcomponents": [""]}]"#,
            "statements[0].products[0].subcomponents[0]: neither @id nor identifiers nor a SHA-256 sum",
        ),
        (
            r#""vulnerability": "CVE-1", "status": "fixed", "timestamp": "now""#,
            "statements[0].timestamp: \"now\" is no time by RFC 3339",
        ),
    ] {
        let wrong = read(&document("https://openvex.dev/ns/v0.2.0", keys)).unwrap_err();
        let place = wrong.place.split(" (line").next().unwrap();
        assert_eq!(format!("{place}: {}", wrong.reason), expected, "{keys}");
    }
}

#[test]
fn other_versions_are_refused() {
    let wrong = read(r#"{"@context": "https://openvex.dev/ns/v7", "statements": 7}"#).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "@context (line 1, column 40): \"https://openvex.dev/ns/v7\" is not read; those that are: https://openvex.dev/ns, https://openvex.dev/ns/v0.0.1, https://openvex.dev/ns/v0.2.0"
    );
}

#[test]
fn a_small_document_cannot_ask_for_a_large_memory() {
    let author = "x".repeat(100_000);
    let statements = vec![r#"{"vulnerability": "CVE-1", "status": "fixed"}"#; 10_000].join(",");
    let text = format!(
        r#"{{"@context": "https://openvex.dev/ns", "author": "{author}", "statements": [{statements}]}}"#
    );
    let wrong = read(&text).unwrap_err();
    assert!(wrong.reason.contains("256 MiB"), "{wrong}");
}
