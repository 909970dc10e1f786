//! What the tests share; each file tells what it is about.

mod evidence;
mod functions;
mod hostile;
mod kubernetes;
mod outcome;
mod problems;
mod semantics;

use touchstone_sdk::testing::{Host, TestEvent};

use super::*;

/// What an API server asks about an object.
fn review(operation: &str, object: Value, old: Value) -> TestEvent {
    let kind = object["kind"].as_str().unwrap_or("Pod").to_owned();
    TestEvent::new("pod.review").data(json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "1", "operation": operation, "namespace": "shop", "name": "web",
            "kind": {"group": "", "version": "v1", "kind": kind},
            "userInfo": {"username": "ana", "groups": ["dev"]},
            "object": object, "oldObject": old,
        }
    }))
}

fn create(object: Value) -> TestEvent {
    review("CREATE", object, Value::Null)
}

fn judge(settings: Value, event: TestEvent) -> Result<Vec<Finding>, String> {
    let outcome = Host::new().evaluate::<CelExpressions>(settings, event);
    outcome
        .map(|outcome| outcome.findings)
        .map_err(String::from)
}

/// Whether an expression holds for a document.
fn holds(expression: &str, document: Value) -> Result<bool, String> {
    let settings = json!({"validations": [{"expression": expression}]});
    let event = TestEvent::new("event").data(document);
    judge(settings, event).map(|findings| findings.is_empty())
}

/// `path: message` of everything that is wrong with settings.
fn problems(settings: Value) -> Vec<String> {
    let problems = Host::new().configure::<CelExpressions>(settings);
    let shown = |problem: Problem| format!("{}: {}", problem.path, problem.message);
    problems.into_iter().map(shown).collect()
}
