//! Decisions as reports: the same from the command line and from a host that kept them.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use touchstone::report::FORMATS;

use crate::support::{Folder, Server, TOUCHSTONE, cache, wait_until};

/// A policy that denies, warns and informs, with everything that a finding can have; and a waiver for one of it.
fn folder() -> Folder {
    let folder = Folder::new();
    let find = json!([
        {"id": "CVE-2026-1", "level": "deny", "package": "openssl", "named": true, "details": "{\"cvss\": 9.8}"},
        {"id": "CVE-2026-2", "level": "deny", "package": "zlib", "named": true},
        {"id": "no-user", "level": "warn", "path": "/Dockerfile", "named": true},
    ]);
    folder.policy("strict", "witness", json!({"settings": {"find": find}}));
    fs::create_dir(folder.path().join("waivers")).unwrap();
    let waiver = "- {id: zlib, finding: CVE-2026-2, owner: ana@example.com, reason: not reachable, expires: 2999-12-31}\n";
    fs::write(folder.path().join("waivers/all.yaml"), waiver).unwrap();
    folder.config(json!({"waivers": ["waivers"]}));
    folder
}

fn report() -> Value {
    let reports = json!([{"format": "trivy", "tool": "Trivy", "version": "0.69.1", "scanned": "2026-01-01T00:00:00Z", "digest": "sha256:a"}]);
    let evidence = json!({"image": {"names": ["ghcr.io/shop/web:1"]}, "reports": reports, "vulnerabilities": []});
    json!({"format": "touchstone/evidence/v1", "evidence": evidence})
}

/// What each format says of this decision.
fn expected(format: &str) -> &'static [&'static str] {
    match format {
        "junit" => &["<testsuite", "<testcase", "<failure"],
        "sarif" => &["\"2.1.0\"", "\"suppressions\"", "not reachable"],
        "html" => &["<!DOCTYPE html>", "CVE-2026-2", "ana@example.com", "Trivy"],
        "markdown" => &["CVE-2026-1", "|"],
        "github" => &["::error", "::warning", "CVE-2026-1"],
        "anchore" => &["CVE-2026-1", "final_action"],
        _ => &["CVE-2026-1", "CVE-2026-2", "ana@example.com"],
    }
}

#[test]
fn every_format_tells_what_was_decided_to_both_who_ask() {
    let folder = folder();
    let file = folder.path().join("report.json");
    fs::write(&file, report().to_string()).unwrap();
    let server = Server::with_config(&folder);
    let (status, decision) = server.post("/v1/decide", report().to_string().as_bytes());
    assert_eq!(
        (status, &decision["verdict"]),
        (200, &json!("deny")),
        "{decision}"
    );
    let path = format!("/v1/decisions/{}", decision["id"].as_str().unwrap());
    wait_until("the decision is kept", || server.get(&path).0 == 200);
    for format in FORMATS {
        let output = Command::new(TOUCHSTONE)
            .args(["check", "--config"])
            .arg(folder.path().join("touchstone.yaml"))
            .arg("--cache")
            .arg(cache())
            .args(["-o", format.name])
            .arg(&file)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", format.name);
        let written = String::from_utf8(output.stdout).unwrap();
        let (status, shown) = server.get(&format!("{path}?format={}", format.name));
        assert_eq!(status, 200, "{}: {shown}", format.name);
        for word in expected(format.name) {
            assert!(written.contains(word), "{} {word}: {written}", format.name);
            assert!(shown.contains(word), "{} {word}: {shown}", format.name);
        }
    }
    let (status, answer) = server.get(&format!("{path}?format=pdf"));
    assert!(status == 400 && answer.contains("sarif"), "{answer}");
}
