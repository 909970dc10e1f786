//! What the policy promises.

mod answers;
mod functions;
mod image_enforcer;
mod loading;
mod suites;

use touchstone_sdk::prelude::*;
use touchstone_sdk::testing::{Host, TestEvent};

use crate::Rego;

/// Settings with one module.
fn module(text: &str) -> Value {
    json!({"sources": {"rules/main.rego": text}})
}

fn with(mut settings: Value, more: Value) -> Value {
    let more = more.as_object().unwrap().clone();
    settings.as_object_mut().unwrap().extend(more);
    settings
}

fn event(data: Value) -> TestEvent {
    TestEvent::new("rego.demo").data(data)
}

fn host() -> Host {
    Host::new().grant("clock", "now")
}

/// What comes of an event: each finding as `level id: message`, or why there is none.
fn told(outcome: Result<Outcome, Undecided>) -> Vec<String> {
    match outcome {
        Ok(outcome) => {
            let findings = outcome.findings.iter();
            let line = |finding: &Finding| {
                let level = match finding.level {
                    Level::Info => "Info",
                    Level::Warn => "Warn",
                    Level::Deny => "Deny",
                };
                format!("{level} {}: {}", finding.id, finding.message)
            };
            findings.map(line).collect()
        }
        Err(why) => vec![format!("undecided: {}", why.reason())],
    }
}

fn judge(settings: Value, data: Value) -> Vec<String> {
    told(host().evaluate::<Rego>(settings, event(data)))
}

/// The document that a rule is, where the input is empty.
fn document(settings: Value, path: &str) -> Result<Option<Value>, Undecided> {
    let outcome = host().evaluate::<Rego>(settings, event(json!({})).query(path))?;
    Ok(outcome
        .value
        .map(|text| serde_json::from_str(&text).unwrap()))
}

/// What `x` is in a module `package main` with these lines.
fn value_of(lines: &str) -> Result<Option<Value>, Undecided> {
    let text = format!("package main\n\nallow := true\n\n{lines}\n");
    document(module(&text), "main/x")
}

/// The problems with the settings: `path: message`.
fn problems(settings: Value) -> Vec<String> {
    let problems = host().configure::<Rego>(settings);
    let line = |problem: Problem| format!("{}: {}", problem.path, problem.message);
    problems.into_iter().map(line).collect()
}
