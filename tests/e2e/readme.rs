//! The README is true: its commands run, its policy compiles (as the SDK's own example), its tables name what exists.

use std::fs;
use std::process::Command;

use crate::support::{Server, TOUCHSTONE, cache, module, root};

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

/// The fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_policy_of_the_readme_is_the_one_that_the_sdk_tests() {
    let policy = &blocks(&readme(), "rust")[0];
    let sdk = fs::read_to_string(root().join("sdk/src/lib.rs")).unwrap();
    let documented: String = sdk
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
        .collect();
    assert!(
        documented.contains(policy),
        "the README's policy is not the one in sdk/src/lib.rs"
    );
    assert!(policy.lines().count() < 32);
}

#[test]
fn the_commands_of_the_readme_run() {
    module("image-source");
    let server = Server::spawn(
        Command::new(TOUCHSTONE)
            .current_dir(root())
            .args(["serve", "policies-examples"]),
    );
    let text = readme();
    let mut ran = 0;
    for block in blocks(&text, "console") {
        let lines: Vec<&str> = block.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let Some(command) = line.strip_prefix("$ ") else {
                continue;
            };
            let shown: Vec<&str> = lines[index + 1..]
                .iter()
                .take_while(|line| !line.starts_with("$ "))
                .copied()
                .collect();
            if command.starts_with("cargo ")
                || command.starts_with("tests/run")
                || command.contains("../shared") && !root().join("../shared").exists()
            {
                continue;
            }
            let command = command
                .replace("http://127.0.0.1:8181", &server.url)
                .replacen("touchstone ", &format!("{TOUCHSTONE} "), 1);
            let output = Command::new("sh")
                .current_dir(root())
                .env("TOUCHSTONE_CACHE", cache())
                .args(["-c", &command])
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            for expected in shown
                .iter()
                .map(|line| line.trim())
                .filter(|line| !line.is_empty() && *line != "…")
            {
                let expected = expected.trim_end_matches('…');
                assert!(
                    said.contains(expected),
                    "`{command}` does not print {expected:?} but\n{said}"
                );
            }
            ran += 1;
        }
    }
    assert!(ran >= 4, "only {ran} commands were found");
}
