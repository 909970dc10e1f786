//! What reports cost: reading them against a plain reader, and judging by them. Needs the modules of the examples:
//! `cargo run --release -- build policies-examples`, then `cargo bench -p touchstone --bench evidence`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use touchstone::decide::Options;
use touchstone::evidence;
use touchstone::service::Service;
use touchstone::source::{Defaults, read_event};

use support::{loaded, origin, runtime, write_module, write_yaml};

const SEVERITIES: [&str; 5] = ["LOW", "MEDIUM", "MEDIUM", "HIGH", "CRITICAL"];

/// A Trivy report of about a megabyte, with what a real one has of each vulnerability.
fn trivy() -> String {
    let found: Vec<Value> = (0..560)
        .map(|n| {
            json!({
                "VulnerabilityID": format!("CVE-2025-{n:05}"),
                "PkgID": format!("libexample{}@1.2.3-4+deb12u1", n % 90),
                "PkgName": format!("libexample{}", n % 90),
                "PkgIdentifier": {"PURL": format!("pkg:deb/debian/libexample{}@1.2.3-4%2Bdeb12u1?arch=amd64&distro=debian-12.5", n % 90)},
                "InstalledVersion": "1.2.3-4+deb12u1",
                "FixedVersion": if n % 3 == 0 { "1.2.3-4+deb12u2" } else { "" },
                "Status": if n % 3 == 0 { "fixed" } else { "affected" },
                "Layer": {"Digest": format!("sha256:{:064x}", n % 7), "DiffID": format!("sha256:{:064x}", n % 7 + 100)},
                "SeveritySource": "debian",
                "PrimaryURL": format!("https://avd.aquasec.com/nvd/cve-2025-{n:05}"),
                "DataSource": {"ID": "debian", "Name": "Debian Security Tracker", "URL": "https://salsa.debian.org/security-tracker-team/security-tracker"},
                "Title": "libexample: something that goes wrong when something else happens",
                "Description": "A flaw was found in libexample. When something happens that nobody thought of, what is read goes on beyond what was written, and whoever can make it happen may learn what he should not, or bring the program to an end. It is said to be hard to use from afar, but this was said before.",
                "Severity": SEVERITIES[n % 5],
                "CweIDs": ["CWE-125", "CWE-787"],
                "VendorSeverity": {"debian": 1, "nvd": 3, "redhat": 2},
                "CVSS": {
                    "nvd": {"V2Vector": "AV:N/AC:M/Au:N/C:P/I:P/A:P", "V3Vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "V2Score": 6.8, "V3Score": 9.8},
                    "redhat": {"V3Vector": "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:L/I:L/A:L", "V3Score": 5.6}},
                "References": ["https://access.redhat.com/security/cve/CVE-2025-00000", "https://nvd.nist.gov/vuln/detail/CVE-2025-00000", "https://ubuntu.com/security/notices/USN-1234-1", "https://www.cve.org/CVERecord?id=CVE-2025-00000"],
                "PublishedDate": "2025-03-04T05:06:07.000Z",
                "LastModifiedDate": "2025-05-06T07:08:09.123Z",
            })
        })
        .collect();
    json!({
        "SchemaVersion": 2,
        "CreatedAt": "2026-01-02T03:04:05.678901234Z",
        "ArtifactName": "registry.example.com/shop/web:1",
        "ArtifactType": "container_image",
        "Metadata": {"OS": {"Family": "debian", "Name": "12.5"}, "RepoTags": ["registry.example.com/shop/web:1"]},
        "Results": [{"Target": "registry.example.com/shop/web:1 (debian 12.5)", "Class": "os-pkgs", "Type": "debian", "Vulnerabilities": found}],
    })
    .to_string()
}

/// What somebody would write who only wants to read such a report: the fields that evidence has, owned.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "only read")]
struct PlainReport {
    schema_version: u32,
    created_at: String,
    artifact_name: String,
    results: Vec<PlainResult>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "only read")]
struct PlainResult {
    target: String,
    class: String,
    r#type: String,
    vulnerabilities: Vec<PlainVulnerability>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "only read")]
struct PlainVulnerability {
    #[serde(rename = "VulnerabilityID")]
    id: String,
    pkg_name: String,
    pkg_identifier: PlainIdentifier,
    installed_version: String,
    fixed_version: String,
    status: String,
    layer: PlainLayer,
    severity_source: String,
    #[serde(rename = "PrimaryURL")]
    primary_url: String,
    title: String,
    severity: String,
    #[serde(rename = "CVSS")]
    cvss: BTreeMap<String, PlainScore>,
    references: Vec<String>,
    published_date: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only read")]
struct PlainIdentifier {
    #[serde(rename = "PURL")]
    purl: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "only read")]
struct PlainLayer {
    digest: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "only read")]
struct PlainScore {
    v2_vector: Option<String>,
    v3_vector: Option<String>,
    v2_score: Option<f64>,
    v3_score: Option<f64>,
}

/// XCCDF results of about eight megabytes, with their rules.
fn xccdf() -> String {
    use std::fmt::Write;
    let mut rules = String::new();
    let mut results = String::new();
    for n in 0..5_000 {
        write!(
            rules,
            "<Rule id=\"xccdf_org.example.content_rule_number_{n}\" selected=\"true\" severity=\"{severity}\" weight=\"1.0\">\
             <title xml:lang=\"en-US\">Something has to be set in the right way ({n})</title>\
             <description xml:lang=\"en-US\">To properly set the permissions of <html:code>/etc/something-{n}</html:code>, run the command:<html:pre>$ sudo chmod 0640 /etc/something-{n}</html:pre> \
             What is written there concerns whoever logs in, and nobody else may read or write it: what is known of it can be used against the whole system, and it was before. \
             This rule applies to every system that has the file, whether or not it is used; where it is not there, nothing needs to be done.</description>\
             <reference href=\"https://example.com/control/{n}\">AC-{n}(a)</reference><reference href=\"https://example.com/cis/{n}\">6.1.{n}</reference>\
             <rationale xml:lang=\"en-US\">The file has secrets in it that decide who may do what; those who can read it can try at leisure what opens the door.</rationale>\
             <ident system=\"https://example.com/cce\">CCE-{n}</ident>\
             <fixtext>chmod 0640 /etc/something-{n}</fixtext>\
             <check system=\"http://oval.mitre.org/XMLSchema/oval-definitions-5\"><check-content-ref href=\"oval.xml\" name=\"oval:example:def:{n}\"/></check></Rule>",
            severity = ["low", "medium", "high"][n % 3],
        )
        .unwrap();
        write!(
            results,
            "<rule-result idref=\"xccdf_org.example.content_rule_number_{n}\" time=\"2026-01-02T03:04:05+00:00\" severity=\"{}\" weight=\"1.0\">\
             <result>{}</result><ident system=\"https://example.com/cce\">CCE-{n}</ident>\
             <check system=\"http://oval.mitre.org/XMLSchema/oval-definitions-5\"><check-content-ref href=\"oval.xml\" name=\"oval:example:def:{n}\"/></check></rule-result>",
            ["low", "medium", "high"][n % 3],
            ["pass", "fail", "pass", "notapplicable"][n % 4],
        )
        .unwrap();
    }
    format!(
        "<?xml version=\"1.0\"?><Benchmark xmlns=\"http://checklists.nist.gov/xccdf/1.2\" xmlns:html=\"http://www.w3.org/1999/xhtml\" id=\"xccdf_org.example.content_benchmark_X\">\
         <title>Guide</title><version>1</version>{rules}<TestResult id=\"xccdf_org.example_testresult_x\" start-time=\"2026-01-02T03:04:05+00:00\" end-time=\"2026-01-02T03:05:05+00:00\">\
         <title>Run</title><target>web</target>{results}<score system=\"urn:xccdf:scoring:default\" maximum=\"100.0\">75.0</score></TestResult></Benchmark>"
    )
}

fn reading(c: &mut Criterion) {
    let mut group = c.benchmark_group("trivy");
    let text = trivy();
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("plain serde_json", |b| {
        b.iter(|| serde_json::from_str::<PlainReport>(&text).unwrap())
    });
    group.bench_function("evidence", |b| {
        b.iter(|| evidence::read(text.as_bytes(), None).unwrap())
    });
    group.finish();

    let mut group = c.benchmark_group("xccdf");
    let text = xccdf();
    assert_eq!(
        evidence::read(text.as_bytes(), None)
            .unwrap()
            .rules
            .unwrap()
            .len(),
        5_000
    );
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("evidence", |b| {
        b.iter(|| evidence::read(text.as_bytes(), None).unwrap())
    });
    // A real one, where there is one: gzip is undone outside of the measurement.
    let real = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/fixtures/openscap/debian11-anssi-average.arf.xml.gz");
    if let Ok(bytes) = fs::read(real) {
        let mut text = Vec::new();
        let mut gzip = flate2::read::GzDecoder::new(bytes.as_slice());
        std::io::Read::read_to_end(&mut gzip, &mut text).unwrap();
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("real ARF", |b| {
            b.iter(|| evidence::read(&text, None).unwrap())
        });
    }
    group.finish();
}

/// So many policies of an example, each a policy of its own.
fn service(runtime: &Runtime, count: usize) -> (tempfile::TempDir, Arc<Service>) {
    let folder = tempfile::tempdir().unwrap();
    let settings = json!({"maxSeverity": "high", "onlyFixable": true});
    let yaml = json!({"grants": {"clock": ["now"]}, "settings": settings});
    for n in 0..count {
        let name = format!("p{n}");
        write_module(folder.path(), &name, "severity-threshold");
        write_yaml(folder.path(), &name, &yaml);
    }
    let service = loaded(runtime, origin(folder.path()));
    (folder, service)
}

/// A report of a megabyte as an event: parsed only, and judged by one policy and by ten.
fn judging(c: &mut Criterion) {
    let runtime = runtime(1);
    let text = trivy().into_bytes();
    let defaults = Defaults::default();
    let mut group = c.benchmark_group("judging");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("parse only", |b| {
        b.iter_batched(
            || text.clone(),
            // Who parses it has to free it, too, as the decisions below do.
            |text| drop(read_event(text, &defaults).unwrap()),
            BatchSize::LargeInput,
        );
    });
    for (count, dry_run) in [(1, true), (10, true), (10, false)] {
        let (_folder, service) = service(&runtime, count);
        let options = Options {
            dry_run,
            ..Options::default()
        };
        let name = match dry_run {
            true => format!("parse and {count} policies"),
            false => format!("parse and {count} policies, and keep it in memory"),
        };
        group.bench_function(name, |b| {
            b.iter_batched(
                || text.clone(),
                |text| {
                    let event = read_event(text, &defaults).unwrap();
                    let decision = runtime
                        .block_on(service.decider.decide(event, &options))
                        .unwrap();
                    assert!(!decision.indeterminate, "{decision:?}");
                    decision
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, reading, judging);
criterion_main!(benches);
