//! Reports: recognised, merged, kept, judged with; and what happens to bad ones.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use touchstone::decide::Options;
use touchstone::evidence::{self, Evidence, FORMATS, identify, merge};

use crate::support::{Folder, Server, root, touchstone};

const DIGEST: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
/// What an image's author writes, and could write more into.
const CONFIGURATION: &str =
    r#"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#;
const OTHER: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

/// Small documents of every format, by name.
fn samples() -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(root().join("tests/reports")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let name = |path: &PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    paths
        .iter()
        .map(|path| (name(path), fs::read(path).unwrap()))
        .collect()
}

/// The format that a sample is of: its own name, but for variants.
fn format_of(sample: &str) -> &str {
    match sample {
        "arf" => "xccdf",
        "docker-inspect" => "image-configuration",
        other => other.split('.').next().unwrap(),
    }
}

#[test]
fn every_format_detects_its_own_sample_and_nobody_elses() {
    let samples = samples();
    for format in FORMATS {
        let own = samples
            .iter()
            .any(|(name, _)| format_of(name) == format.name);
        assert!(own, "no sample of {}", format.name);
    }
    for (name, bytes) in &samples {
        let text = std::str::from_utf8(bytes).unwrap();
        let sketch = evidence::Sketch::of(text).unwrap();
        let detecting = FORMATS.iter().filter(|format| (format.detect)(&sketch));
        let detecting: Vec<&str> = detecting.map(|format| format.name).collect();
        assert_eq!(detecting, [format_of(name)], "{name}");
        let read = evidence::read(bytes, None).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(read.reports[0].format, format_of(name), "{name}");
        assert!(read.reports[0].digest.starts_with("sha256:"), "{name}");
    }
}

#[test]
fn what_was_read_can_be_written_and_read_again() {
    for (name, bytes) in samples() {
        let read = evidence::read(&bytes, None).unwrap();
        let text = json!({"format": "touchstone/evidence/v1", "evidence": read}).to_string();
        assert_eq!(
            evidence::read(text.as_bytes(), None).unwrap(),
            read,
            "{name}"
        );
    }
}

/// A generator of its own, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
}

#[test]
fn merging_does_not_depend_on_the_order() {
    let seed = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_nanos() as u64
        | 1;
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let mut parts: Vec<Evidence> = samples()
        .iter()
        .map(|(_, bytes)| evidence::read(bytes, None).unwrap())
        .collect();
    // The same look again, later, with something else found.
    for index in 0..parts.len() {
        let mut later = parts[index].clone();
        later.reports[0].digest = format!("sha256:later{index}");
        later.reports[0].scanned = Some("2030-01-01T00:00:00Z".parse().unwrap());
        if let Some(found) = &mut later.vulnerabilities {
            found.truncate(1);
        }
        parts.push(later);
    }
    // Samples are about images of their own.
    for part in &mut parts {
        part.image = evidence::Identity::default();
    }
    identify(&mut parts, Some("ghcr.io/shop/web:1")).unwrap();
    for _ in 0..300 {
        let size = 1 + dice.roll(parts.len());
        let mut chosen: Vec<Evidence> = (0..size)
            .map(|_| parts[dice.roll(parts.len())].clone())
            .collect();
        let expected = merge(chosen.clone());
        for index in (1..chosen.len()).rev() {
            chosen.swap(index, dice.roll(index + 1));
        }
        assert_eq!(merge(chosen), expected, "seed {seed}");
    }
}

/// A report in our own format.
fn report(image: Value, rest: Value) -> Value {
    let mut evidence = rest;
    evidence["image"] = image;
    json!({"format": "touchstone/evidence/v1", "evidence": evidence})
}

fn scan(tool: &str, scanned: &str, image: Value, ids: &[&str]) -> Value {
    let found: Vec<Value> = ids
        .iter()
        .map(|id| json!({"id": id, "package": "openssl", "severity": "high", "purl": "pkg:deb/debian/openssl@3.0"}))
        .collect();
    let reports = json!([{"format": "trivy", "tool": tool, "scanned": scanned, "digest": format!("sha256:{tool}{scanned}")}]);
    report(image, json!({"reports": reports, "vulnerabilities": found}))
}

fn witness() -> Folder {
    let folder = Folder::new();
    folder.policy("witness", "witness", json!({}));
    folder
}

fn review(images: &[&str]) -> Value {
    let containers: Vec<Value> = images.iter().map(|image| json!({"image": image})).collect();
    json!({"apiVersion": "imagepolicy.k8s.io/v1alpha1", "kind": "ImageReview", "spec": {"containers": containers}})
}

/// What the witness was told, image by image.
fn told(decision: &Value) -> Vec<Value> {
    let findings = decision["policies"][0]["findings"]
        .as_array()
        .unwrap_or_else(|| panic!("{decision}"));
    findings
        .iter()
        .filter(|finding| finding["id"] == "told")
        .map(|finding| finding["details"]["known"].clone())
        .collect()
}

fn send(server: &Server, path: &str, body: &Value) -> Value {
    let (status, answer) = server.post(path, body.to_string().as_bytes());
    assert_eq!(status, 200, "{answer}");
    answer
}

fn ids(told: &Value) -> Vec<&str> {
    let items = told["vulnerabilities"]["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["id"].as_str().unwrap())
        .collect()
}

#[test]
fn an_image_is_judged_with_what_was_reported_of_its_digest() {
    let folder = witness();
    let server = Server::start(&folder, &[]);
    let judge = |images: &[&str]| told(&send(&server, "/v1/decide", &review(images)));
    let pinned = format!("ghcr.io/shop/web@{DIGEST}");
    assert_eq!(judge(&[&pinned, "nginx"]), [Value::Null, Value::Null]);

    let image = json!({"names": ["ghcr.io/shop/web:1"], "digests": [DIGEST]});
    let kept = send(
        &server,
        "/v1/evidence",
        &scan("Trivy", "2026-01-01T00:00:00Z", image, &["CVE-1", "CVE-2"]),
    );
    assert_eq!(
        kept["reports"][0]["images"],
        json!(["ghcr.io/shop/web:1", DIGEST])
    );
    let known = judge(&[
        &pinned,
        "ghcr.io/shop/web:1",
        "ghcr.io/shop/web:2",
        "nope nope",
    ]);
    assert_eq!(known[0]["foundBy"], "FoundBy::Digest");
    assert_eq!(ids(&known[0]), ["CVE-1", "CVE-2"]);
    assert_eq!(known[1]["foundBy"], "FoundBy::Tag");
    assert_eq!(known[0]["vulnerabilities"], known[1]["vulnerabilities"]);
    assert_eq!(known[0]["reports"][0]["received"], true);
    assert!(known[0]["reports"][0]["age"].as_u64().unwrap() > 86_400);
    assert_eq!(known[2..], [Value::Null, Value::Null]);

    // The tag moves on: the digest stays what it was.
    let image = json!({"names": ["ghcr.io/shop/web:1"], "digests": [OTHER]});
    send(
        &server,
        "/v1/evidence",
        &scan("Trivy", "2026-01-02T00:00:00Z", image, &["CVE-3"]),
    );
    let known = judge(&[&pinned, "ghcr.io/shop/web:1"]);
    assert_eq!(ids(&known[0]), ["CVE-1", "CVE-2"]);
    assert_eq!(ids(&known[1]), ["CVE-3"]);

    // A later look at the same digest takes the place of the first; another tool adds to it.
    let image = json!({"digests": [DIGEST]});
    send(
        &server,
        "/v1/evidence",
        &scan("Trivy", "2026-01-03T00:00:00Z", image.clone(), &["CVE-2"]),
    );
    send(
        &server,
        "/v1/evidence",
        &scan(
            "Grype",
            "2026-01-01T00:00:00Z",
            image.clone(),
            &["CVE-2", "CVE-4"],
        ),
    );
    let late = send(
        &server,
        "/v1/evidence",
        &scan("Trivy", "2025-01-01T00:00:00Z", image, &["CVE-5"]),
    );
    assert_eq!(late["reports"][0]["latest"], false);
    let known = judge(&[&pinned]);
    assert_eq!(ids(&known[0]), ["CVE-2", "CVE-4"]);
    assert_eq!(
        known[0]["vulnerabilities"]["items"][0]["reports"],
        json!([0, 1])
    );

    // The makers speak.
    let statement = json!({"vulnerabilities": ["CVE-2"], "vex": {"status": "not_affected", "justification": "component_not_present"}});
    let vex = report(
        json!({"digests": [DIGEST]}),
        json!({"statements": [statement]}),
    );
    send(&server, "/v1/evidence", &vex);
    let known = judge(&[&pinned]);
    assert_eq!(ids(&known[0]), ["CVE-2", "CVE-4"]);
    assert_eq!(
        known[0]["vulnerabilities"]["items"][0]["vex"],
        "VexStatus::NotAffected"
    );

    // And is forgotten.
    assert_eq!(
        server.delete(&format!("/v1/evidence?image={DIGEST}")).0,
        200
    );
    assert_eq!(judge(&[&pinned]), [Value::Null]);
    assert_eq!(
        server.delete(&format!("/v1/evidence?image={DIGEST}")).0,
        404
    );
}

#[test]
fn a_report_is_an_event_and_is_remembered() {
    let folder = witness();
    let server = Server::start(&folder, &[]);
    let image = json!({"names": ["ghcr.io/shop/web:1"], "digests": [DIGEST]});
    let body = scan("Trivy", "2026-01-01T00:00:00Z", image, &["CVE-1"]);
    let dry = send(&server, "/v1/decide?dryRun", &body);
    assert_eq!(dry["event"]["kind"], "image.scanned");
    assert_eq!(dry["event"]["subject"], "ghcr.io/shop/web:1");
    assert_eq!(told(&dry)[0]["foundBy"], "FoundBy::Event");
    assert_eq!(dry["evidence"][0]["reports"][0]["tool"], "Trivy");
    // A question leaves nothing behind.
    assert_eq!(server.get_json("/v1/evidence")["reports"], json!([]));
    let named = send(
        &server,
        "/v1/decide?image=ghcr.io/shop/other:2&kind=nightly",
        &body,
    );
    assert_eq!(
        (&named["event"]["subject"], &named["event"]["kind"]),
        (&json!("ghcr.io/shop/other:2"), &json!("nightly"))
    );
    let pinned = format!("ghcr.io/shop/web@{DIGEST}");
    let known = told(&send(
        &server,
        "/v1/decide",
        &review(&[&pinned, "ghcr.io/shop/other:2"]),
    ));
    assert_eq!(
        (ids(&known[0]), ids(&known[1])),
        (vec!["CVE-1"], vec!["CVE-1"])
    );
    let listed = server.get_json("/v1/evidence");
    assert_eq!(listed["reports"].as_array().unwrap().len(), 1);
    let shown = server.get_json("/v1/evidence?image=ghcr.io/shop/other:2");
    assert_eq!(shown["evidence"]["vulnerabilities"][0]["id"], "CVE-1");

    // A CloudEvent may carry one.
    let event = json!({"specversion": "1.0", "id": "1", "source": "/scanner", "type": "scan.done", "data": body});
    let decision = send(&server, "/v1/decide", &event);
    assert_eq!(decision["event"]["kind"], "scan.done");
    assert_eq!(ids(&told(&decision)[0]), ["CVE-1"]);
}

#[test]
fn the_document_that_a_report_is_is_looked_at_when_a_policy_asks_for_it() {
    let folder = witness();
    folder.policy(
        "reader",
        "misbehave",
        json!({"grants": {"clock": [], "data": []}}),
    );
    let server = Server::start(&folder, &[]);
    let send = |more: &str| {
        let body = format!(
            r#"{{"SchemaVersion":2,"ArtifactName":"a","Results":[],"act":"deny","more":{more}}}"#
        );
        let (status, decision) = server.post("/v1/decide?dryRun", body.as_bytes());
        assert_eq!(status, 200, "{decision}");
        decision
    };
    let fine = send("{}");
    assert_eq!(fine["policies"][0]["name"], "reader");
    assert_eq!(fine["policies"][0]["verdict"], "deny", "{fine}");
    // No format knows the key, and no policy is told one of the two values.
    let twice = send(r#"{"a":1,"a":2}"#);
    let judged = |name: &str| {
        let policies = twice["policies"].as_array().unwrap();
        let mut found = policies.iter().filter(|policy| policy["name"] == name);
        found.next().unwrap().clone()
    };
    assert_eq!(judged("witness")["verdict"], "allow");
    let reader = judged("reader");
    assert_eq!(reader["verdict"], "indeterminate");
    let fault = reader["fault"].to_string();
    assert!(
        fault.contains("the event's document: duplicate key"),
        "{fault}"
    );
    assert!(fault.contains("/more"), "{fault}");
}

/// A body of several parts.
fn multipart(parts: &[&[u8]]) -> (Vec<u8>, String) {
    let mut body = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let head = format!(
            "--XYZ\r\nContent-Disposition: form-data; name=\"r{index}\"; filename=\"r{index}\"\r\n\r\n"
        );
        body.extend(head.as_bytes());
        body.extend(*part);
        body.extend(b"\r\n");
    }
    body.extend(b"--XYZ--\r\n");
    (body, "multipart/form-data; boundary=XYZ".to_owned())
}

#[test]
fn several_reports_come_together_all_or_none() {
    let folder = witness();
    let server = Server::start(&folder, &[]);
    let image = json!({"names": ["ghcr.io/shop/web:1"], "digests": [DIGEST]});
    let first = scan("Trivy", "2026-01-01T00:00:00Z", image, &["CVE-1"]).to_string();
    let dockerfile = "FROM scratch\nUSER 1000\n";
    let (body, kind) = multipart(&[first.as_bytes(), dockerfile.as_bytes()]);
    let headers = [("content-type", kind.as_str())];
    let (status, decision) = server.post_with("/v1/decide?dryRun", &body, &headers);
    assert_eq!(status, 200, "{decision}");
    let known = &told(&decision)[0];
    assert_eq!(
        (known["dockerfile"].clone(), ids(known)),
        (json!(2), vec!["CVE-1"])
    );
    assert_eq!(known["reports"].as_array().unwrap().len(), 2);

    let (bad, _) = multipart(&[first.as_bytes(), b"{\"SchemaVersion\":2,\"Results\":3}"]);
    for path in ["/v1/decide", "/v1/evidence"] {
        let (status, answer) = server.post_with(path, &bad, &headers);
        assert_eq!(status, 400, "{answer}");
    }
    assert_eq!(server.get_json("/v1/evidence")["reports"], json!([]));
    let (status, kept) = server.post_with("/v1/evidence", &body, &headers);
    assert_eq!(
        (status, kept["reports"].as_array().map(Vec::len)),
        (200, Some(2)),
        "{kept}"
    );
    // The Dockerfile names no image itself; it came with a report that does.
    assert_eq!(
        kept["reports"][1]["images"],
        json!(["ghcr.io/shop/web:1", DIGEST])
    );
    let known = told(&send(
        &server,
        "/v1/decide",
        &review(&[&format!("ghcr.io/shop/web@{DIGEST}")]),
    ));
    assert_eq!(known[0]["dockerfile"], 2);
}

#[test]
fn a_bad_report_is_refused_with_its_place_and_nothing_is_kept() {
    let folder = witness();
    let server = Server::start(&folder, &["--body-limit", "1MiB"]);
    let deep = format!(
        "{{\"SchemaVersion\":2,\"Results\":{}{}}}",
        "[".repeat(300),
        "]".repeat(300)
    );
    let laughs = "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]>\
        <TestResult xmlns=\"http://checklists.nist.gov/xccdf/1.2\" id=\"x\" end-time=\"2026-01-01T00:00:00\"><title>&b;</title></TestResult>";
    let large = format!(
        "{{\"SchemaVersion\":2,\"ArtifactName\":\"{}\"}}",
        "x".repeat((1 << 20) + 4096)
    );
    let bomb = {
        use std::io::Write;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(b"<TestResult>").unwrap();
        let chunk = vec![b' '; 1 << 20];
        for _ in 0..300 {
            gzip.write_all(&chunk).unwrap();
        }
        gzip.finish().unwrap()
    };
    let cases: Vec<(&str, Vec<u8>, u16, &[&str])> = vec![
        ("truncated", b"{\"SchemaVersion\":2,\"Results\":[{\"Target\":\"x\"".to_vec(), 400, &["line"]),
        ("two in one", b"{\"SchemaVersion\":2,\"Results\":[]}{\"matches\":[]}".to_vec(), 400, &["line 1"]),
        ("wrong type", b"{\"SchemaVersion\":2,\"ArtifactName\":\"a\",\"Results\":[{\"Target\":\"x\",\"Class\":\"os-pkgs\",\"Vulnerabilities\":[{\"VulnerabilityID\":7}]}]}".to_vec(), 400, &["trivy", "Results"]),
        ("wrong version", b"{\"SchemaVersion\":3,\"ArtifactName\":\"a\",\"Results\":[]}".to_vec(), 400, &["trivy", "3", "2"]),
        ("wrong version of an SBOM", b"{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"0.9\",\"version\":1}".to_vec(), 400, &["cyclonedx", "0.9", "1.4"]),
        ("deep", deep.into_bytes(), 400, &["nested deeper"]),
        ("laughing", laughs.as_bytes().to_vec(), 400, &["xccdf"]),
        ("large", large.into_bytes(), 413, &["bodyLimit"]),
        ("a bomb", bomb, 400, &["when decompressed"]),
        ("broken gzip", vec![0x1f, 0x8b, 8, 0, 1, 2, 3], 400, &["broken gzip"]),
        ("not UTF-8", b"{\"SchemaVersion\":2,\"ArtifactName\":\"\xff\"}".to_vec(), 400, &["UTF-8"]),
        ("a key that stands twice", b"{\"SchemaVersion\":2,\"ArtifactName\":\"a\",\"ArtifactName\":\"b\",\"Results\":[]}".to_vec(), 400, &["ArtifactName"]),
        ("a score out of range", br#"{"format":"touchstone/evidence/v1","evidence":{"image":{"names":["a:1"]},"vulnerabilities":[{"id":"CVE-1","package":"a","scores":[{"source":"nvd","version":"3.1","base":11.0}]}]}}"#.to_vec(), 400, &["touchstone", "11"]),
        ("two formats at once", format!("{{\"SchemaVersion\":2,\"ArtifactName\":\"a\",\"Results\":[],{}", &CONFIGURATION[1..]).into_bytes(), 400, &["trivy and image-configuration"]),
        ("other XML", b"<html></html>".to_vec(), 400, &["html"]),
        ("unknown", b"{\"hello\":1}".to_vec(), 400, &["hello", "trivy"]),
        ("nothing", Vec::new(), 400, &["empty"]),
        ("no image", b"FROM scratch\n".to_vec(), 400, &["?image="]),
    ];
    for (name, body, status, expected) in &cases {
        let (found, answer) = server.post("/v1/evidence", body);
        let error = answer["error"].as_str().unwrap_or_default();
        assert_eq!(found, *status, "{name}: {answer}");
        for word in *expected {
            assert!(error.contains(word), "{name}: {error}");
        }
        assert!(error.len() < 1000, "{name}: {error}");
        // As an event, what is no report is a document.
        if !["unknown", "no image", "nothing"].contains(name) {
            let (found, answer) = server.post("/v1/decide", body);
            assert_eq!(found, *status, "{name}: {answer}");
        }
    }
    assert_eq!(server.get_json("/v1/evidence")["reports"], json!([]));
    let (status, answer) = server.post("/v1/evidence?image=a:b:c", b"FROM scratch\n");
    assert_eq!(status, 400, "{answer}");
    assert_eq!(server.post("/v1/evidence?imag=a", b"FROM scratch\n").0, 400);
    // What two readers could understand in two ways, and what would be passed over.
    let review = review(&["web:1"]).to_string();
    for (path, body, expected) in [
        (
            "/v1/evidence?image=a&image=b",
            "FROM scratch\n",
            "stands twice",
        ),
        (
            "/v1/decide?image=a&image=b",
            "FROM scratch\n",
            "stands twice",
        ),
        ("/v1/decide?image=a", review.as_str(), "the body is none"),
    ] {
        let (status, answer) = server.post(path, body.as_bytes());
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(
            status == 400 && error.contains(expected),
            "{path}: {answer}"
        );
    }
    for path in [
        "/v1/evidence?image=",
        "/v1/evidence?image=%00",
        "/v1/decisions/%ff",
    ] {
        let (status, answer) = server.get(path);
        assert!(
            status == 400 && answer.contains("error"),
            "{path}: {answer}"
        );
    }
}

#[test]
fn empty_results_are_not_the_same_as_nobody_looked() {
    let folder = witness();
    let host = folder.service();
    let judge = |report: Value| {
        let decision = host.decide_as(&report, None, &Options::default());
        told(&json!(decision)).remove(0)
    };
    let kinds = |told: &Value| {
        told["kinds"]
            .as_array()
            .unwrap()
            .iter()
            .map(|kind| kind.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let looked = judge(
        json!({"SchemaVersion": 2, "ArtifactName": "web:1", "ArtifactType": "container_image",
        "Results": [{"Target": "web:1 (debian 12)", "Class": "os-pkgs", "Type": "debian"}]}),
    );
    assert!(
        kinds(&looked).contains(&"vulnerabilities".to_owned()),
        "{looked}"
    );
    assert_eq!(looked["vulnerabilities"]["total"], 0);
    let only_secrets = judge(
        json!({"SchemaVersion": 2, "ArtifactName": "web:2", "ArtifactType": "container_image",
        "Results": [{"Target": "/key", "Class": "secret", "Secrets": []}]}),
    );
    assert!(
        !kinds(&only_secrets).contains(&"vulnerabilities".to_owned()),
        "{only_secrets}"
    );
}

#[test]
fn the_host_applies_the_filter() {
    let found = json!([
        {"id": "CVE-1", "package": "openssl", "kind": "deb", "severity": "critical", "fixState": "fixed", "scores": [{"source": "nvd", "version": "3.1", "base": 9.8}], "published": "2025-01-01T00:00:00Z"},
        {"id": "GHSA-2", "aliases": ["CVE-2"], "package": "lodash", "kind": "npm", "severity": "high", "fixState": "notFixed", "locations": ["/app/node_modules/lodash/package.json"], "scores": [{"source": "nvd", "version": "2.0", "base": 5.0}]},
        {"id": "CVE-3", "package": "zlib", "kind": "apk", "severity": "low", "fixState": "wontFix", "published": "2026-06-01T00:00:00Z", "vex": {"status": "not_affected"}},
    ]);
    let event = report(
        json!({"names": ["web:1"]}),
        json!({"vulnerabilities": found}),
    );
    for (filter, expected) in [
        (json!({}), &["CVE-1", "GHSA-2", "CVE-3"][..]),
        (json!({"minSeverity": "high"}), &["CVE-1", "GHSA-2"]),
        (json!({"onlyFixed": true}), &["CVE-1"]),
        (json!({"kinds": ["os"]}), &["CVE-1", "CVE-3"]),
        (json!({"kinds": ["non-os"]}), &["GHSA-2"]),
        (json!({"kinds": ["npm", "apk"]}), &["GHSA-2", "CVE-3"]),
        (json!({"packages": ["*l*"]}), &["CVE-1", "GHSA-2", "CVE-3"]),
        (json!({"packages": ["open*"]}), &["CVE-1"]),
        (json!({"ids": ["CVE-2"]}), &["GHSA-2"]),
        (json!({"ids": ["CVE-*"], "kinds": ["npm"]}), &["GHSA-2"]),
        (json!({"minCvss": 5.0}), &["CVE-1", "GHSA-2"]),
        (json!({"minCvss": 9.0}), &["CVE-1"]),
        (
            json!({"publishedBefore": "2026-01-01T00:00:00Z"}),
            &["CVE-1"],
        ),
        (json!({"excludePaths": ["/app/*"]}), &["CVE-1", "CVE-3"]),
        (json!({"affecting": true}), &["CVE-1", "GHSA-2"]),
    ] {
        let folder = Folder::new();
        folder.policy(
            "witness",
            "witness",
            json!({"settings": {"filter": filter}}),
        );
        let decision = folder
            .service()
            .decide_as(&event, None, &Options::default());
        let told = told(&json!(decision)).remove(0);
        assert_eq!(ids(&told), expected, "{filter}");
        assert_eq!(told["vulnerabilities"]["total"], expected.len(), "{filter}");
    }
    let folder = Folder::new();
    folder.policy(
        "witness",
        "witness",
        json!({"settings": {"filter": {"publishedBefore": "yesterday"}}}),
    );
    let decision = folder
        .service()
        .decide_as(&event, None, &Options::default());
    let fault = json!(decision.policies[0].fault)["message"].to_string();
    assert!(fault.contains("published-before"), "{fault}");
}

#[test]
fn what_is_not_wanted_of_a_vulnerability_is_not_handed_over() {
    let found = json!([{
        "id": "CVE-1", "aliases": ["GHSA-1"], "package": "openssl", "purl": "pkg:deb/debian/openssl", "severity": "high",
        "locations": ["/a", "/b"], "severitySource": "nvd", "severityText": "HIGH", "title": "a title", "links": ["1", "2", "3"],
        "scores": [
            {"source": "nvd", "version": "2.0", "base": 9.9},
            {"source": "nvd", "version": "3.1", "base": 7.5},
            {"source": "redhat", "version": "3.1", "base": 8.1},
        ],
    }]);
    let event = report(
        json!({"names": ["web:1"]}),
        json!({"vulnerabilities": found}),
    );
    for (brief, parts) in [
        (false, [1, 1, 2, 1, 1, 3, 1, 3]),
        (true, [0, 0, 0, 0, 0, 0, 0, 1]),
    ] {
        let folder = Folder::new();
        let settings = json!({"filter": {"brief": brief}});
        folder.policy("witness", "witness", json!({"settings": settings}));
        let decision = folder
            .service()
            .decide_as(&event, None, &Options::default());
        let told = told(&json!(decision)).remove(0);
        let item = &told["vulnerabilities"]["items"][0];
        assert_eq!(item["parts"], json!(parts));
        assert_eq!((&item["id"], &item["cvss"]), (&json!("CVE-1"), &json!(8.1)));
    }
}

#[test]
fn a_long_list_comes_page_by_page() {
    let found: Vec<Value> = (0..1234)
        .map(|index| json!({"id": format!("CVE-{index:04}"), "package": "a", "severity": "low"}))
        .collect();
    let event = report(
        json!({"names": ["web:1"]}),
        json!({"vulnerabilities": found}),
    );
    let decision = witness()
        .service()
        .decide_as(&event, None, &Options::default());
    let told = told(&json!(decision)).remove(0);
    let ids = ids(&told);
    assert_eq!(ids.len(), 1234);
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn the_command_line_knows_what_the_host_knows() {
    let folder = witness();
    let server = Server::start(&folder, &[]);
    let file = folder.path().join("trivy.json");
    let image = json!({"names": ["ghcr.io/shop/web:1"]});
    fs::write(
        &file,
        scan("Trivy", "2026-01-01T00:00:00Z", image, &["CVE-1"]).to_string(),
    )
    .unwrap();
    let run = |arguments: &[&str]| {
        touchstone(&[&["evidence", "--server", &server.url], arguments].concat())
    };
    let (code, out, err) = run(&[
        "add",
        file.to_str().unwrap(),
        "--image",
        &format!("ghcr.io/shop/web@{DIGEST}"),
    ]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("kept, about"), "{out}");
    assert!(run(&["list"]).1.contains(DIGEST));
    let shown = run(&["show", DIGEST]).1;
    assert!(shown.contains("1  vulnerabilities: 1 high"), "{shown}");
    let json: Value = serde_json::from_str(&run(&["show", DIGEST, "-o", "json"]).1).unwrap();
    assert_eq!(json["evidence"]["vulnerabilities"][0]["id"], "CVE-1");
    assert_eq!(run(&["rm", DIGEST]).0, Some(0));
    let (code, _, err) = run(&["show", DIGEST]);
    assert!(code == Some(3) && err.contains("nothing is known"), "{err}");
}

#[test]
fn there_is_room_for_so_many_reports_about_an_image() {
    let folder = witness();
    let server = Server::start(&folder, &[]);
    let statement = |number: u32| {
        json!({
            "@context": "https://openvex.dev/ns/v0.2.0", "@id": format!("https://example.com/{number}"), "author": "ana",
            "timestamp": "2026-01-01T00:00:00Z", "version": 1,
            "statements": [{"vulnerability": {"name": format!("CVE-2026-{number}")}, "products": [{"@id": "pkg:oci/web"}], "status": "fixed"}]
        })
    };
    let path = format!("/v1/evidence?image=web@{DIGEST}");
    let trivy = scan("Trivy", "2026-01-01T00:00:00Z", json!({}), &["CVE-1"]);
    assert_eq!(server.post(&path, trivy.to_string().as_bytes()).0, 200);
    for number in 0..63 {
        let (status, answer) = server.post(&path, statement(number).to_string().as_bytes());
        assert_eq!(status, 200, "{number}: {answer}");
    }
    let (status, answer) = server.post(&path, statement(63).to_string().as_bytes());
    let error = answer["error"].as_str().unwrap_or_default();
    assert!(
        status == 409 && error.contains("touchstone evidence rm"),
        "{answer}"
    );
    // The scan was not pushed out; a newer one takes its place.
    assert_eq!(verdict_ids(&server, &format!("web@{DIGEST}")), ["CVE-1"]);
    let trivy = scan("Trivy", "2026-01-02T00:00:00Z", json!({}), &["CVE-2"]);
    assert_eq!(server.post(&path, trivy.to_string().as_bytes()).0, 200);
    assert_eq!(verdict_ids(&server, &format!("web@{DIGEST}")), ["CVE-2"]);
}

fn verdict_ids(server: &Server, image: &str) -> Vec<String> {
    let known = told(&send(server, "/v1/decide", &review(&[image])));
    match &known[0] {
        Value::Null => Vec::new(),
        known => ids(known).into_iter().map(str::to_owned).collect(),
    }
}

#[test]
fn what_is_known_of_one_image_is_not_told_of_another() {
    let folder = witness();
    let state = format!("sqlite:{}", folder.path().join("state.db").display());
    let server = Server::start(&folder, &["--state", &state]);
    let image = |name: &str, digest: &str| json!({"names": [name], "digests": [digest]});
    let clean = scan(
        "Trivy",
        "2026-01-02T00:00:00Z",
        image("r.io/good:1", DIGEST),
        &[],
    );
    let bad = scan(
        "Trivy",
        "2026-01-01T00:00:00Z",
        image("r.io/bad:1", OTHER),
        &["CVE-1"],
    );

    // Together they contradict each other.
    let (body, kind) = multipart(&[clean.to_string().as_bytes(), bad.to_string().as_bytes()]);
    for path in ["/v1/decide", "/v1/evidence"] {
        let (status, answer) = server.post_with(path, &body, &[("content-type", &kind)]);
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(
            status == 400 && error.contains("different images"),
            "{answer}"
        );
    }
    // A name with another digest is not taken; a name alone takes the place of the report's own.
    let elsewhere = format!("/v1/evidence?image=r.io/bad@{OTHER}");
    assert_eq!(server.post(&elsewhere, clean.to_string().as_bytes()).0, 400);
    let kept = send(&server, "/v1/evidence?image=r.io/named:1", &clean);
    assert_eq!(
        kept["reports"][0]["images"],
        json!(["r.io/named:1", DIGEST])
    );
    // An event about one image with a report about another.
    let event = json!({"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "subject": "r.io/bad:1", "data": clean});
    assert_eq!(
        server.post("/v1/decide", event.to_string().as_bytes()).0,
        400
    );

    // The same words about two images.
    send(
        &server,
        "/v1/evidence",
        &scan(
            "Grype",
            "2026-01-01T00:00:00Z",
            image("r.io/bad:1", OTHER),
            &["CVE-1"],
        ),
    );
    let nothing = json!({"LayerCount": 3, "Vulnerabilities": {}});
    send(
        &server,
        &format!("/v1/evidence?image=r.io/good@{DIGEST}"),
        &nothing,
    );
    send(&server, "/v1/evidence?image=r.io/bad:1", &nothing);
    assert_eq!(verdict_ids(&server, "r.io/bad:1"), ["CVE-1"]);
    assert_eq!(
        verdict_ids(&server, &format!("r.io/good@{DIGEST}")),
        Vec::<String>::new()
    );
}

#[test]
fn the_report_at_hand_counts_and_the_future_does_not() {
    let folder = witness();
    let server = Server::start(&folder, &[]);
    let image = json!({"names": ["r.io/web:1"], "digests": [DIGEST]});
    send(
        &server,
        "/v1/evidence",
        &scan("Trivy", "2099-01-01T00:00:00Z", image.clone(), &[]),
    );
    let known = told(&send(
        &server,
        "/v1/decide",
        &review(&[&format!("r.io/web@{DIGEST}")]),
    ));
    assert_eq!(known[0]["reports"][0]["age"], 0);
    // Kept as of the time at which it came, it gives way to the next one.
    let bad = scan("Trivy", "2098-01-01T00:00:00Z", image.clone(), &["CVE-1"]);
    assert_eq!(
        send(&server, "/v1/evidence", &bad)["reports"][0]["latest"],
        true
    );
    assert_eq!(
        verdict_ids(&server, &format!("r.io/web@{DIGEST}")),
        ["CVE-1"]
    );
    // What is judged is judged by its own report, though a later one is known.
    let old = scan(
        "Trivy",
        "2026-01-01T00:00:00Z",
        json!({"names": ["r.io/web:1"]}),
        &["CVE-2"],
    );
    let decision = send(&server, "/v1/decide?dryRun", &old);
    assert_eq!(ids(&told(&decision)[0]), ["CVE-2"]);
}
