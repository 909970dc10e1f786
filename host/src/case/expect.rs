//! What came of a case, and whether that is what it expects.

use serde_json::{Map, Value, json};

use crate::model::{Decision, PolicyDecision};

/// What an updated case tells of a finding; one that is written by hand may tell more, or less.
const SHOWN: [&str; 5] = ["id", "level", "target", "image", "package"];
/// What a case may expect.
const KEYS: [&str; 7] = [
    "verdict", "findings", "patch", "actions", "fault", "value", "log",
];
/// Those that are lists.
const LISTS: [&str; 3] = ["findings", "patch", "actions"];

/// All that a case can expect something of.
pub(super) fn found(decision: &Decision) -> Value {
    let mut found = Map::new();
    if let Some(policy) = decision.policies.first() {
        found.insert("verdict".to_owned(), json!(policy.verdict));
        found.insert("findings".to_owned(), json!(policy.findings));
        found.insert("log".to_owned(), log(policy));
        if let Some(fault) = &policy.fault {
            let kind = json!(fault).get("kind").cloned();
            found.insert("fault".to_owned(), kind.unwrap_or_default());
            found.insert("reason".to_owned(), json!(fault.to_string()));
        }
        if let Some(value) = &policy.value {
            found.insert("value".to_owned(), value.clone());
        }
    }
    let actions = decision.actions.iter().map(|action| {
        json!({"kind": action.kind, "target": action.target, "condition": action.condition, "state": action.state})
    });
    found.insert("actions".to_owned(), actions.collect());
    if let Some(patch) = &decision.patch {
        found.insert("patch".to_owned(), patch.clone());
    }
    Value::Object(found)
}

fn log(policy: &PolicyDecision) -> Value {
    let lines = policy.explain.iter().flat_map(|explain| &explain.log);
    lines.map(|line| json!(line.message)).collect()
}

/// What a case is to expect when what came of it is right.
pub(super) fn brief(found: &Value) -> Value {
    let mut brief = Map::new();
    for key in ["verdict", "findings", "patch", "actions", "fault", "value"] {
        let value = found.get(key).cloned().unwrap_or_default();
        let is_nothing = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !is_nothing {
            brief.insert(key.to_owned(), value);
        }
    }
    let findings = brief.get_mut("findings").and_then(Value::as_array_mut);
    for finding in findings.into_iter().flatten() {
        if let Some(finding) = finding.as_object_mut() {
            finding.retain(|key, _| SHOWN.contains(&key.as_str()));
        }
    }
    Value::Object(brief)
}

/// What is not as expected, for a person. Only what the case tells is compared: lists item by item, of each item the keys
/// that stand there; of the log, texts that have to occur.
pub(super) fn differences(expected: &Value, found: &Value) -> Vec<String> {
    let Some(expected) = expected.as_object() else {
        return vec![format!("expect: a mapping of {}", KEYS.join(", "))];
    };
    let mut wrong = Vec::new();
    for (key, wanted) in expected {
        let nothing = if LISTS.contains(&key.as_str()) {
            json!([])
        } else {
            Value::Null
        };
        let is = found.get(key).unwrap_or(&nothing);
        match key.as_str() {
            _ if !KEYS.contains(&key.as_str()) => {
                wrong.push(format!(
                    "expect.{key}: unknown; there are {}",
                    KEYS.join(", ")
                ));
            }
            "log" => missing_lines(wanted, is, &mut wrong),
            _ if fits(wanted, is) => {}
            list if LISTS.contains(&list) => wrong.extend(list_differences(key, wanted, is)),
            _ => wrong.push(format!("{key}: expected {wanted}, found {is}")),
        }
    }
    if let (false, Some(reason)) = (
        wrong.is_empty(),
        found.get("reason").and_then(Value::as_str),
    ) {
        wrong.push(format!("it could not decide: {reason}"));
    }
    wrong
}

/// Whether there is what is wanted, at least.
fn fits(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len()
                && wanted
                    .iter()
                    .zip(found)
                    .all(|(wanted, found)| fits(wanted, found))
        }
        (Value::Object(wanted), Value::Object(found)) => wanted
            .iter()
            .all(|(key, wanted)| fits(wanted, found.get(key).unwrap_or(&Value::Null))),
        (wanted, found) => wanted == found,
    }
}

fn list_differences(key: &str, wanted: &Value, found: &Value) -> Vec<String> {
    let (Some(wanted), Some(found)) = (wanted.as_array(), found.as_array()) else {
        return vec![format!("{key}: expected {wanted}, found {found}")];
    };
    let mut wrong = Vec::new();
    for index in 0..wanted.len().max(found.len()) {
        let short = |value: &Value| {
            let text = value.to_string();
            match text.char_indices().nth(400) {
                Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
                None => text,
            }
        };
        match (wanted.get(index), found.get(index)) {
            (Some(wanted), Some(found)) if fits(wanted, found) => {}
            (Some(wanted), Some(found)) => {
                wrong.push(format!(
                    "{key}[{index}]: expected {wanted}, found {}",
                    short(found)
                ));
            }
            (Some(wanted), None) => {
                wrong.push(format!("{key}[{index}]: expected {wanted}, found nothing"))
            }
            (None, Some(found)) => {
                wrong.push(format!("{key}[{index}]: unexpected: {}", short(found)))
            }
            (None, None) => {}
        }
    }
    wrong
}

fn missing_lines(wanted: &Value, found: &Value, wrong: &mut Vec<String>) {
    let lines: Vec<&str> = found
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for text in wanted.as_array().into_iter().flatten() {
        let occurs = text
            .as_str()
            .is_some_and(|text| lines.iter().any(|line| line.contains(text)));
        if !occurs {
            wrong.push(format!("log: {text} does not occur in {lines:?}"));
        }
    }
    if !wanted.is_array() {
        wrong.push("expect.log: a list of texts".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_case_tells_is_compared() {
        let found = json!({
            "verdict": "deny", "log": ["one line", "another"], "actions": [],
            "findings": [{"id": "a", "level": "deny", "details": {"x": 1, "y": 2}}]});
        for (expected, right) in [
            (json!({}), true),
            (json!({"verdict": "deny"}), true),
            (json!({"verdict": "allow"}), false),
            (json!({"findings": [{"id": "a"}]}), true),
            (
                json!({"findings": [{"id": "a", "details": {"x": 1}}]}),
                true,
            ),
            (
                json!({"findings": [{"id": "a", "details": {"x": 2}}]}),
                false,
            ),
            (json!({"findings": [{"id": "b"}]}), false),
            (json!({"findings": []}), false),
            (json!({"findings": [{}, {}]}), false),
            (json!({"actions": []}), true),
            (json!({"actions": [{"kind": "webhook"}]}), false),
            (json!({"log": ["line"]}), true),
            (json!({"log": ["third"]}), false),
            (json!({"log": "line"}), false),
            (json!({"fault": "undecided"}), false),
            (json!({"fault": null}), true),
            (json!({"verdikt": "deny"}), false),
            (json!([]), false),
        ] {
            let wrong = differences(&expected, &found);
            assert_eq!(wrong.is_empty(), right, "{expected}: {wrong:?}");
        }
        assert!(fits(&brief(&found), &found));
    }
}
