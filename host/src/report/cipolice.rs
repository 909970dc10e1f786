//! What CIPolicE prints: each event, the rules that accept and reject it, and what came of each action. It is made of what
//! the module `rules` tells: its finding `accepted` for each rule that holds, and under `trace: true` a log line for every
//! rule.

use std::io::Write;

use serde_json::Value;

use super::Judged;
use super::plain::{NAME, SENTENCE, line};
use super::view::waiver_line;
use crate::model::{ActionState, Decision, Level, Plan, PlannedAction, PolicyDecision};

/// The finding that tells of a rule that holds.
const ACCEPTED: &str = "accepted";
const GREEN: anstyle::Style = anstyle::AnsiColor::Green.on_default();
const RED: anstyle::Style = anstyle::AnsiColor::Red.on_default();

pub(super) fn write(out: &mut dyn Write, judged: &[Judged]) -> std::io::Result<()> {
    for judged in judged {
        match &judged.result {
            Ok(decision) => write_decision(out, judged, decision)?,
            Err(error) => {
                writeln!(out, "EVENT {}", line(&judged.name, NAME))?;
                writeln!(out, "{RED}ERROR{RED:#} {}", line(error, SENTENCE))?;
            }
        }
    }
    Ok(())
}

fn write_decision(
    out: &mut dyn Write,
    judged: &Judged,
    decision: &Decision,
) -> std::io::Result<()> {
    let subject = decision
        .event
        .subject
        .as_ref()
        .or(decision.event.images.first());
    let subject = subject.map_or(judged.name.as_str(), String::as_str);
    writeln!(
        out,
        "EVENT {} {}",
        line(&decision.event.kind, NAME),
        line(subject, NAME)
    )?;
    writeln!(out, "@TIME {}", decision.event.time)?;
    for policy in &decision.policies {
        let mut staged = decision
            .actions
            .iter()
            .filter(|action| action.policy == policy.name);
        for rule in rules(policy) {
            if let Some(details) = rule.accepted {
                writeln!(
                    out,
                    "{GREEN}ACCEPT RULE{GREEN:#} {}",
                    line(rule.text, SENTENCE)
                )?;
                write_actions(out, judged, details, &mut staged)?;
            } else {
                writeln!(out, "{RED}REJECT RULE{RED:#} {}", line(rule.text, SENTENCE))?;
            }
        }
        let asking = policy
            .findings
            .iter()
            .filter(|finding| finding.level > Level::Info);
        for finding in asking {
            let (id, message) = (line(&finding.id, NAME), line(&finding.message, SENTENCE));
            match &finding.waiver {
                Some(waiver) => writeln!(out, "FINDING {id}: {message}; {}", waiver_line(waiver))?,
                None => writeln!(out, "FINDING {id}: {message}")?,
            }
        }
        if let Some(fault) = &policy.fault {
            writeln!(
                out,
                "{RED}ERROR{RED:#} {}",
                line(&fault.to_string(), SENTENCE)
            )?;
        }
    }
    writeln!(out, "VERDICT {}", decision.verdict.as_str())
}

/// A rule, and what it did if it holds.
struct Rule<'a> {
    text: &'a str,
    accepted: Option<&'a Value>,
}

/// The rules of a policy in their order: all, where every one was logged, else those that hold.
fn rules(policy: &PolicyDecision) -> Vec<Rule<'_>> {
    let findings = policy
        .findings
        .iter()
        .filter(|finding| finding.id == ACCEPTED);
    let mut accepted = findings.filter_map(|finding| finding.details.as_ref());
    let lines = policy.explain.iter().flat_map(|explain| &explain.log);
    let mut rules = Vec::new();
    for logged in lines {
        let Some(text) = logged.fields.get("rule") else {
            continue;
        };
        match logged.message.as_str() {
            "ACCEPT RULE" => rules.push(Rule {
                text,
                accepted: accepted.next(),
            }),
            "REJECT RULE" => rules.push(Rule {
                text,
                accepted: None,
            }),
            _ => {}
        }
    }
    // Without a trace, or where the log was cut.
    rules.extend(accepted.map(|details| {
        Rule {
            text: details
                .get("rule")
                .and_then(Value::as_str)
                .unwrap_or_default(),
            accepted: Some(details),
        }
    }));
    rules
}

/// The actions of a rule that holds, each with what came of it; `staged` are those of the policy that are still to come.
fn write_actions<'a>(
    out: &mut dyn Write,
    judged: &Judged,
    details: &Value,
    staged: &mut impl Iterator<Item = &'a PlannedAction>,
) -> std::io::Result<()> {
    for action in details
        .get("actions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let text = |key: &str| action.get(key).and_then(Value::as_str).unwrap_or_default();
        if text("kind") == "break" {
            writeln!(out, "BREAK")?;
            continue;
        }
        writeln!(out, "→ ACTION {}", line(text("action"), SENTENCE))?;
        let state = match text("kind") {
            "finding" => "SUCCESS",
            _ => staged
                .next()
                .map_or("UNKNOWN", |action| state(judged, action)),
        };
        let style = if matches!(state, "FAIL" | "UNKNOWN") {
            RED
        } else {
            GREEN
        };
        writeln!(out, "  {style}ACTION {state}{style:#}")?;
    }
    Ok(())
}

fn state(judged: &Judged, action: &PlannedAction) -> &'static str {
    match (judged.performed.get(&action.id), action.state) {
        (Some(ActionState::Done), _) => "SUCCESS",
        (Some(ActionState::Dead | ActionState::Discarded), _) => "FAIL",
        (Some(ActionState::Due), _) | (None, Plan::Due) => "DUE",
        (None, Plan::Planned) => "PLANNED",
        (None, Plan::Skipped) => "SKIPPED",
        (None, Plan::Monitored) => "MONITORED",
    }
}
