//! What comes out for one event.

use touchstone_sdk::log;
use touchstone_sdk::prelude::*;

use crate::CelExpressions;
use crate::compile::{Program, Rule};
use crate::scope::Scope;
use crate::settings::{FailurePolicy, Validation};

/// Judges an event by all validations, if the conditions hold.
pub fn judge(
    settings: &CelExpressions,
    program: &Program,
    event: &Event,
) -> Result<Outcome, Undecided> {
    let scope = Scope::new(program, event)?;
    if !is_concerned(settings, program, &scope)? {
        return Ok(Outcome::default());
    }
    let (mut outcome, mut open) = (Outcome::default(), Vec::new());
    let rules = settings.validations.iter().zip(&program.validations);
    for (index, (validation, rule)) in rules.enumerate() {
        let id = validation.id.clone();
        let id = id.unwrap_or_else(|| format!("validation-{index}"));
        match scope.is_true(&rule.expression) {
            Ok(true) => {}
            Ok(false) => outcome.push(finding(settings, (validation, rule), &scope, &id)),
            Err(why) => open.push(format!("{id} cannot be evaluated: {why}")),
        }
    }
    close(settings.failure_policy, outcome, open)
}

/// Whether all conditions hold. As in Kubernetes, one that does not hold counts more than one that cannot be evaluated.
fn is_concerned(
    settings: &CelExpressions,
    program: &Program,
    scope: &Scope<'_>,
) -> Result<bool, Undecided> {
    let mut open = Vec::new();
    let conditions = settings.match_conditions.iter();
    for (condition, expression) in conditions.zip(&program.match_conditions) {
        let name = &condition.name;
        match scope.is_true(expression) {
            Ok(true) => {}
            Ok(false) => {
                log::debug("not concerned", &[("condition", name)]);
                return Ok(false);
            }
            Err(why) => open.push(format!("condition {name} cannot be evaluated: {why}")),
        }
    }
    match (open.is_empty(), settings.failure_policy) {
        (true, _) => Ok(true),
        (false, FailurePolicy::Fail) => Err(Undecided::new(open.join("; "))),
        (false, FailurePolicy::Ignore) => {
            log::warn("passed over", &[("why", &open.join("; "))]);
            Ok(false)
        }
    }
}

/// What was found is denied, whatever could not be evaluated; but that is said, too, so that a waiver of the one does not
/// hide the other.
fn close(
    policy: FailurePolicy,
    mut outcome: Outcome,
    open: Vec<String>,
) -> Result<Outcome, Undecided> {
    let is_denied = outcome
        .findings
        .iter()
        .any(|finding| finding.level == Level::Deny);
    let level = match policy {
        _ if open.is_empty() => return Ok(outcome),
        FailurePolicy::Ignore => Level::Warn,
        FailurePolicy::Fail if is_denied => Level::Deny,
        FailurePolicy::Fail => return Err(Undecided::new(open.join("; "))),
    };
    outcome.findings.extend(
        open.into_iter()
            .map(|why| Finding::new(level, "not-evaluated", why)),
    );
    Ok(outcome)
}

fn finding(
    settings: &CelExpressions,
    (validation, rule): (&Validation, &Rule),
    scope: &Scope<'_>,
    id: &str,
) -> Finding {
    let worst = settings
        .validation_actions
        .iter()
        .map(|action| action.level())
        .max();
    let level = validation.level.or(worst).unwrap_or(Level::Deny);
    let mut details = json!({"expression": validation.expression});
    if let (Some(reason), Some(details)) = (&validation.reason, details.as_object_mut()) {
        details.insert("reason".to_owned(), json!(reason));
    }
    let finding = Finding::new(level, id, message(validation, rule, scope))
        .severity(validation.severity.unwrap_or(Severity::Unknown))
        .details(&details);
    match scope.target() {
        Some(target) => finding.on(target),
        None => finding,
    }
}

/// In Kubernetes' order: what the expression says, if it is one line; the message; the expression itself.
fn message(validation: &Validation, rule: &Rule, scope: &Scope<'_>) -> String {
    if let Some(expression) = &rule.message {
        match scope.text(expression) {
            Ok(text) if text.trim().is_empty() || text.contains(['\n', '\r']) => {}
            Ok(text) => return text.trim().to_owned(),
            Err(why) => log::warn("messageExpression cannot be evaluated", &[("why", &why)]),
        }
    }
    validation.message.clone().unwrap_or_else(|| {
        let words: Vec<&str> = validation.expression.split_whitespace().collect();
        format!("failed expression: {}", words.join(" "))
    })
}
