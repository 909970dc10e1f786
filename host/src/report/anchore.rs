//! Anchore Engine's policy evaluation (API 0.1.20, `GET /images/{digest}/check?detail=true`), one for each image, for tools
//! that read it: Jenkins' plugin, admission controllers.
//!
//! A policy that evaluates Anchore's gates puts the row of a finding, and once for each image the evaluation, into details.
//! Findings of other policies become rows, too: the gate is the policy, the trigger is the finding's id.

mod image;
mod row;

use std::io::Write;

use serde_json::{Value, json};

use self::image::{Image, images};
use self::row::{Action, Row};
use super::Judged;
use super::plain::{self, SENTENCE};
use crate::model::Decision;

/// The engine's own head.
const HEADER: [&str; 9] = [
    "Image_Id",
    "Repo_Tag",
    "Trigger_Id",
    "Gate",
    "Trigger",
    "Check_Output",
    "Gate_Action",
    "Whitelisted",
    "Policy_Id",
];

pub(super) fn write(out: &mut dyn Write, judged: &[Judged]) -> std::io::Result<()> {
    let evaluations: Vec<Value> = judged.iter().flat_map(evaluations).collect();
    let mut text = serde_json::to_vec_pretty(&evaluations)?;
    text.push(b'\n');
    out.write_all(&text)
}

fn evaluations(judged: &Judged) -> Vec<Value> {
    match &judged.result {
        Ok(decision) => images(&judged.name, decision)
            .iter()
            .map(|image| evaluation(decision, image))
            .collect(),
        Err(error) => vec![failure(&judged.name, error)],
    }
}

fn evaluation(decision: &Decision, image: &Image<'_>) -> Value {
    let rows = row::rows(decision, image);
    let gates = gates(image, &rows);
    let inner = row::worst(&rows);
    // What a list of the gates says of the image as a whole binds the gates alone.
    let outer = row::worst(rows.iter().filter(|row| !row.of_gates)).min(gates);
    let reason = match (image.reason(), outer) {
        (Some(reason @ "blacklisted"), Action::Stop) if gates == outer => reason,
        (Some(reason @ "whitelisted"), Action::Go) => reason,
        _ => "policy_evaluation",
    };
    let problems: Vec<Value> = decision
        .policies
        .iter()
        .filter_map(|policy| policy.fault.as_ref())
        .map(|fault| problem(fault.kind(), &fault.to_string()))
        .collect();
    let bundle = bundle(decision, image);
    let time = decision.event.time;
    let table = json!({
        "header": HEADER,
        "row_count": rows.len(),
        "rows": rows.iter().map(|row| &row.cells).collect::<Vec<_>>(),
        "final_action": inner.as_str(),
    });
    let result = json!({
        "bundle": bundle,
        "created_at": time.as_second(),
        "evaluation_problems": problems,
        "final_action": outer.as_str(),
        "final_action_reason": reason,
        "image_id": image.id,
        "last_modified": time.as_second(),
        "matched_blacklisted_images_rule": image.told("matched_blacklisted_images_rule"),
        "matched_mapping_rule": image.told("matched_mapping_rule"),
        "matched_whitelisted_images_rule": image.told("matched_whitelisted_images_rule"),
        "result": {
            (image.id.as_str()): { "result": table },
            "policy_data": [],
            "policy_name": "",
            "whitelist_data": [],
            "whitelist_names": [],
        },
        "tag": image.tag,
        "user_id": "touchstone",
    });
    json!({ (image.digest.as_str()): { (image.tag.as_str()): [{
        "detail": { "policy": bundle, "result": result },
        "last_evaluation": time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "policyId": image.bundle,
        "status": status(outer),
    }] } })
}

/// What the policy of the gates comes to: its rows as they count here. What the evaluation says beyond them, such as that
/// a list decides on the image itself or that a rule broke, holds as long as no waiver changes what it is made of.
fn gates(image: &Image<'_>, rows: &[Row]) -> Action {
    if image.monitored {
        return Action::Go;
    }
    let found = row::worst(rows.iter().filter(|row| row.of_gates));
    let said = image.final_action();
    match image.reason() {
        Some("whitelisted") => Action::Go,
        _ if rows.iter().any(|row| row.of_gates && row.waived) => found,
        Some("blacklisted") => Action::Stop,
        _ => said.map_or(found, |said| said.min(found)),
    }
}

/// A warning passes.
fn status(action: Action) -> &'static str {
    match action {
        Action::Stop => "fail",
        Action::Warn | Action::Go => "pass",
    }
}

fn problem(kind: &str, details: &str) -> Value {
    json!({
        "severity": "error",
        "problem_type": plain::line(kind, SENTENCE),
        "details": plain::lines(details, SENTENCE),
    })
}

/// As much of the bundle as is known: the gates' policies as they tell, and the others by name.
fn bundle(decision: &Decision, image: &Image<'_>) -> Value {
    let mut policies = match image.told("policies") {
        Value::Array(policies) => policies,
        _ => Vec::new(),
    };
    let others = decision
        .policies
        .iter()
        .filter(|policy| !row::is_of_gates(policy));
    policies.extend(others.map(|policy| {
        json!({ "id": policy.name, "name": policy.name, "version": "1_0", "comment": "", "rules": [] })
    }));
    let mapping = match image.told("matched_mapping_rule") {
        rule @ Value::Object(_) => vec![rule],
        _ => Vec::new(),
    };
    json!({
        "id": image.bundle,
        "version": "1_0",
        "name": image.bundle,
        "comment": format!("touchstone, generation {}", decision.generation),
        "policies": policies,
        "mappings": mapping,
        "whitelists": [],
        "whitelisted_images": [],
        "blacklisted_images": [],
    })
}

/// What was not judged does not pass.
fn failure(document: &str, error: &str) -> Value {
    json!({ "unknown": { (plain::line(document, SENTENCE)): [{
        "detail": { "policy": {}, "result": {
            "bundle": {},
            "evaluation_problems": [problem("not judged", error)],
            "final_action": "stop",
            "final_action_reason": "policy_evaluation",
            "image_id": "unknown",
            "matched_blacklisted_images_rule": false,
            "matched_mapping_rule": false,
            "matched_whitelisted_images_rule": false,
            "result": { "unknown": { "result": { "header": HEADER, "row_count": 0, "rows": [], "final_action": "stop" } } },
            "tag": plain::line(document, SENTENCE),
            "user_id": "touchstone",
        } },
        "policyId": "touchstone",
        "status": "fail",
    }] } })
}

#[cfg(test)]
mod tests;
