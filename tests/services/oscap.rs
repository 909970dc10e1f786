//! OpenSCAP itself: it looks at a small root, and what it reports is judged.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::service::{Test, beside_others};
use crate::support::{TOUCHSTONE, cache, module, root};

pub const TESTS: &[Test<OpenScap>] = &[
    beside_others("a fresh scan is judged rule by rule", judged),
    beside_others("what was mended is no finding any more", mended),
    beside_others("plain XCCDF results are judged like ARF", alike),
];

/// Debian's content.
const CONTENT: &str = "/usr/share/xml/scap/ssg/content/ssg-debian11-ds.xml";
const PROFILE: &str = "xccdf_org.ssgproject.content_profile_anssi_np_nt28_average";
const SHADOW: &str = "xccdf_org.ssgproject.content_rule_file_permissions_etc_shadow";

/// The program and its content.
pub struct OpenScap;

impl OpenScap {
    pub fn is_installed() -> bool {
        let version = Command::new("oscap")
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        Path::new(CONTENT).exists() && version.is_ok_and(|status| status.success())
    }

    pub fn start() -> Result<OpenScap, String> {
        Ok(OpenScap)
    }

    pub fn stop(&self) {}
}

/// Just enough of a Debian 11 for the rules to apply.
fn small_root(folder: &Path, shadow_mode: u32) -> PathBuf {
    let files = [
        ("etc/debian_version", "11.7\n"),
        ("etc/os-release", "ID=debian\nVERSION_ID=\"11\"\n"),
        ("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"),
        ("etc/group", "root:x:0:\nshadow:x:42:\n"),
        ("etc/shadow", "root:*:19000:0:99999:7:::\n"),
        (
            "var/lib/dpkg/status",
            "Package: base-files\nStatus: install ok installed\nVersion: 11.1\nArchitecture: amd64\nMaintainer: x\nDescription: x\n",
        ),
    ];
    let place = folder.join("root");
    for (name, text) in files {
        let path = place.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mode = fs::Permissions::from_mode(shadow_mode);
    fs::set_permissions(place.join("etc/shadow"), mode).unwrap();
    place
}

/// Looks at a root; answers the ARF and the plain results.
fn scan(folder: &Path, shadow_mode: u32) -> (PathBuf, PathBuf) {
    let place = small_root(folder, shadow_mode);
    let (arf, plain) = (folder.join("arf.xml"), folder.join("results.xml"));
    let status = Command::new("oscap")
        .env("OSCAP_PROBE_ROOT", place)
        .args(["xccdf", "eval", "--profile", PROFILE, "--results-arf"])
        .arg(&arf)
        .arg("--results")
        .arg(&plain)
        .arg(CONTENT)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    // 2: some rule failed, which is no error.
    assert_eq!(status.code(), Some(2));
    (arf, plain)
}

/// The results by rule, read as plain text: what stands between a rule-result's tags.
fn counted(report: &Path) -> BTreeMap<String, (String, String)> {
    let text = fs::read_to_string(report).unwrap();
    let quoted = |head: &str, key: &str| {
        let (_, after) = head.split_once(&format!("{key}=\""))?;
        Some(after.split_once('"')?.0.to_owned())
    };
    let results = text.split("<rule-result ").skip(1).map(|piece| {
        let (head, body) = piece.split_once('>').unwrap();
        let (_, after) = body.split_once("<result>").unwrap();
        let result = after.split_once('<').unwrap().0.to_owned();
        let severity = quoted(head, "severity").unwrap_or_default();
        (quoted(head, "idref").unwrap(), (result, severity))
    });
    results.collect()
}

/// What the example policy says.
fn check(report: &Path) -> (Option<i32>, Value) {
    module("openscap-profile");
    let output = Command::new(TOUCHSTONE)
        .args(["check", "-o", "json", "--policies"])
        .arg(root().join("policies-examples/openscap-profile"))
        .arg("--cache")
        .arg(cache())
        .arg(report)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"));
    let decision = report["documents"][0]["decision"].clone();
    assert!(decision.is_object(), "{report}");
    (output.status.code(), decision)
}

/// The findings that are rules, with their levels.
fn rules(decision: &Value) -> BTreeMap<String, String> {
    let findings = decision["policies"][0]["findings"].as_array().unwrap();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let found = findings
        .iter()
        .map(|finding| (text(finding, "id"), text(finding, "level")));
    found.filter(|(id, _)| id.starts_with("xccdf_")).collect()
}

fn judged(_: &OpenScap) {
    let folder = tempfile::tempdir().unwrap();
    let (arf, _) = scan(folder.path(), 0o666);
    let results = counted(&arf);
    let failed: BTreeMap<String, String> = results
        .iter()
        .filter(|(_, (result, _))| result == "fail")
        .map(|(id, (_, severity))| {
            let level = if severity == "high" { "deny" } else { "info" };
            (id.clone(), level.to_owned())
        })
        .collect();
    assert!(
        failed.len() > 5 && failed.contains_key(SHADOW),
        "{failed:?}"
    );
    assert!(failed.values().any(|level| level == "deny"), "{failed:?}");
    let (code, decision) = check(&arf);
    assert_eq!(rules(&decision), failed);
    assert_eq!((code, &decision["verdict"]), (Some(1), &"deny".into()));
    let tool = &decision["evidence"][0]["reports"][0];
    assert_eq!(tool["tool"], "OpenSCAP");
    assert!(tool["scanned"].is_string(), "{tool}");
    let findings = decision["policies"][0]["findings"].as_array().unwrap();
    let shadow = findings.iter().find(|one| one["id"] == SHADOW).unwrap();
    assert!(
        shadow["remedy"].as_str().unwrap().contains("chmod"),
        "{shadow}"
    );
}

fn mended(_: &OpenScap) {
    let folder = tempfile::tempdir().unwrap();
    let (arf, _) = scan(folder.path(), 0o640);
    assert_eq!(counted(&arf)[SHADOW].0, "pass");
    assert!(!rules(&check(&arf).1).contains_key(SHADOW));
}

fn alike(_: &OpenScap) {
    let folder = tempfile::tempdir().unwrap();
    let (arf, plain) = scan(folder.path(), 0o666);
    assert_eq!(rules(&check(&arf).1), rules(&check(&plain).1));
}
