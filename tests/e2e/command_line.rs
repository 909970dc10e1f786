//! The command line: exit codes, formats, and messages that help.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::{Folder, TOUCHSTONE, cache, fixtures, module, root};

fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(TOUCHSTONE);
    command
        .args(arguments)
        .env("TOUCHSTONE_CACHE", cache())
        .current_dir(root());
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn folder() -> (Folder, String) {
    let folder = Folder::new();
    folder.policy(
        "p",
        "misbehave",
        json!({"grants": {"data": ["version"], "clock": ["now"]}}),
    );
    let policies = folder.path().join("policies").display().to_string();
    (folder, policies)
}

#[test]
fn the_exit_code_tells_the_verdict() {
    let (_folder, policies) = folder();
    for (act, options, code) in [
        ("nothing", &[][..], 0),
        ("deny", &[], 1),
        ("warn", &[], 0),
        ("warn", &["--fail-on", "warn"], 2),
        ("panic", &[], 4),
        ("undecided", &["-o", "json"], 4),
    ] {
        let arguments = [&["check", "--policies", &policies, "-"], options].concat();
        let output = run(&arguments, json!({ "act": act }).to_string().as_bytes());
        assert_eq!(
            output.status.code(),
            Some(code),
            "{act}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
    }
}

#[test]
fn wrong_usage_and_wrong_input_are_3() {
    let (_folder, policies) = folder();
    for (arguments, input, expected) in [
        (vec!["check"], "", "required"),
        (vec!["chekc"], "", "check"),
        (
            vec!["check", "--policies", "/nowhere", "-"],
            "{}",
            "/nowhere",
        ),
        (
            vec!["check", "--policies", &policies, "-"],
            "{oops",
            "malformed JSON at line 1",
        ),
        (
            vec!["check", "--policies", &policies, "-"],
            "[]",
            "not a JSON object",
        ),
        (
            vec!["check", "--policies", &policies, "/nowhere.json"],
            "",
            "cannot read it",
        ),
        (
            vec!["check", "--policies", &policies, "--data", "/nowhere", "-"],
            "{}",
            "/nowhere",
        ),
        (
            vec!["check", "--policies", &policies, "--policy", "q", "-"],
            "{}",
            "no policy \"q\"",
        ),
        (
            vec!["check", "--policies", "wit", "-"],
            "{}",
            "no policy.yaml in or below wit",
        ),
        (vec!["inspect", "README.md"], "", "not a WebAssembly module"),
        (vec!["inspect", "/nowhere.wasm"], "", "cannot read it"),
        (vec!["build", "wit"], "", "no Cargo.toml in or below wit"),
        (vec!["serve", "--listen", "nonsense"], "", "invalid value"),
    ] {
        let output = run(&arguments, input.as_bytes());
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {said}");
        assert!(
            said.contains(expected),
            "{arguments:?} says {said:?}, not {expected:?}"
        );
    }
}

#[test]
fn a_broken_policy_stops_a_check_and_says_why() {
    let (folder, policies) = folder();
    folder.yaml("p", json!({}));
    let output = run(&["check", "--policies", &policies, "-"], b"{}");
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr);
    assert!(
        said.contains("policy p: it imports clock, data without a grant"),
        "{said}"
    );
}

#[test]
fn the_report_is_plain_when_nobody_looks_and_json_when_asked() {
    let (folder, policies) = folder();
    let file = folder.path().join("two.yaml");
    fs::write(&file, "act: deny\n---\nact: warn\n").unwrap();
    let output = run(
        &["check", "--policies", &policies, file.to_str().unwrap()],
        b"",
    );
    let said = text(&output.stdout);
    assert!(!said.contains('\x1b'), "{said:?}");
    for part in [
        "two.yaml#0",
        "two.yaml#1",
        "denied",
        "told so",
        "2 documents: 1 denied, 1 with warnings; 2 findings",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    let output = run(
        &[
            "check",
            "--policies",
            &policies,
            "-o",
            "json",
            file.to_str().unwrap(),
        ],
        b"",
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["documents"][0]["decision"]["verdict"], "deny");
    assert_eq!(
        report["documents"][1]["decision"]["policies"][0]["findings"][0]["id"],
        "warned"
    );
}

#[test]
fn text_from_outside_cannot_move_the_cursor() {
    let folder = Folder::new();
    folder.policy("p", "image-source", json!({}));
    let document = json!({"image": "a\u{1b}[2Jb", "namespace": "x\u{1b}]0;title\u{7}"}).to_string();
    let policies = folder.path().join("policies").display().to_string();
    let output = run(
        &["check", "--policies", &policies, "-"],
        document.as_bytes(),
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(!text(&output.stdout).contains(['\x1b', '\x07']));
    let event =
        json!({"specversion": "1.0", "id": "1", "source": "/s", "type": "t\u{1b}[2J\nallow other"})
            .to_string();
    let output = run(&["check", "--policies", &policies, "-"], event.as_bytes());
    assert!(
        !text(&output.stdout).contains(['\x1b']) && !text(&output.stdout).contains("\nallow other")
    );
}

#[test]
fn inspect_shows_the_permission_request() {
    let path = module("vulnerable-layers");
    let output = run(&["inspect", path.to_str().unwrap()], b"");
    let said = text(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{said}{}",
        text(&output.stderr)
    );
    for part in [
        "component",
        "sha256:",
        "touchstone:policy/data@0.1.0: needs a grant",
        "secureNamespaces",
        "vulnerable-layers 0.1.0",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}

#[test]
fn build_says_what_it_made() {
    module("scan-level");
    let output = run(&["build", "policies-examples/scan-level"], b"");
    assert_eq!(output.status.code(), Some(0));
    assert!(
        text(&output.stdout).contains("imports event, log"),
        "{}",
        text(&output.stdout)
    );
    assert!(
        text(&output.stderr).contains("is up to date"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn completions_are_written_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            text(&run(&["completions", shell], b"").stdout).contains("touchstone"),
            "{shell}"
        );
    }
}

#[test]
fn the_real_documents_are_judged() {
    let Some(fixtures) = fixtures() else { return };
    module("image-source");
    let data = fixtures.join("image_enforcer/data").display().to_string();
    let check = |file: &str| {
        let file = fixtures.join("kubernetes").join(file).display().to_string();
        run(
            &[
                "check",
                "--policies",
                "policies-examples",
                "--data",
                &data,
                &file,
            ],
            b"",
        )
    };
    assert_eq!(check("image-review-allowed.json").status.code(), Some(0));
    let denied = check("image-review-denied.json");
    assert_eq!(denied.status.code(), Some(1));
    assert!(text(&denied.stdout).contains("CVE-2014-9761"));
    assert!(Path::new(&data).exists());
}
