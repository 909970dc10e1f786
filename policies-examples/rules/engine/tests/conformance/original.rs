//! The original package, in a Python interpreter beside.

use std::io::Write;
use std::process::{Command, Stdio};

use rule_engine::Compat;

use crate::case::Case;
use crate::outcome::Outcome;

pub struct Original {
    python: String,
}

impl Original {
    /// The package of that version; nothing, visibly, if no interpreter is named.
    pub fn of(version: Compat) -> Option<Original> {
        let name = match version {
            Compat::V5 => "RULE_ENGINE_PYTHON",
            Compat::V4 => "RULE_ENGINE_PYTHON_4",
        };
        if let Ok(python) = std::env::var(name) {
            return Some(Original { python });
        }
        let required = std::env::var("TOUCHSTONE_REQUIRE_SERVICES").is_ok_and(|value| value == "1");
        assert!(
            !required,
            "{name} names no Python interpreter, and TOUCHSTONE_REQUIRE_SERVICES=1 asks for one"
        );
        // Not by eprintln, which the test harness would hide.
        let skipped =
            format!("skipped: {name} names no Python interpreter with the package rule-engine\n");
        std::io::stderr()
            .write_all(skipped.as_bytes())
            .expect("standard error");
        None
    }

    pub fn outcomes(&self, cases: &[Case]) -> Vec<Outcome> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance/differential.py");
        let mut python = Command::new(&self.python)
            .arg(script)
            .env("TZ", "UTC")
            .env("PYTHONHASHSEED", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a Python interpreter");
        let mut input = python.stdin.take().expect("standard input");
        let requests: Vec<String> = cases
            .iter()
            .map(|case| case.request().to_string())
            .collect();
        let writer = std::thread::spawn(move || {
            for request in requests {
                writeln!(input, "{request}").expect("the interpreter reads");
            }
        });
        let output = python.wait_with_output().expect("outcomes");
        writer.join().expect("written");
        let text = String::from_utf8(output.stdout).expect("utf-8");
        text.lines().map(parse).collect()
    }
}

/// Texts with half a surrogate pair are no texts in Rust.
pub fn parse(line: &str) -> Outcome {
    Outcome(
        serde_json::from_str(line)
            .unwrap_or_else(|_| serde_json::json!({ "value": ["surrogate"] })),
    )
}
