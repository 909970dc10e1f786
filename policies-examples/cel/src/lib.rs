//! Judges events by expressions in the Common Expression Language, written as for Kubernetes' ValidatingAdmissionPolicy.
//!
//! `settings` is what is written, `compile` reads (`source`) and `check`s it once, `scope` is what an expression sees of an
//! event, and `judge` makes findings of what comes out.

mod check;
mod compile;
mod document;
mod evidence;
mod functions;
mod judge;
mod scope;
mod settings;
mod source;
#[cfg(test)]
mod tests;

use touchstone_sdk::prelude::*;

use self::compile::Program;
use self::settings::{Action, FailurePolicy, Named, Validation};

/// The settings.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CelExpressions {
    /// What must hold.
    #[schemars(length(min = 1))]
    validations: Vec<Validation>,
    /// Expressions that others name: `variables.NAME`. Each may name those before it, and is evaluated when it is
    /// needed, at most once for an event.
    #[serde(default)]
    variables: Vec<Named>,
    /// All of these have to be true, else the event is none of this policy's business.
    #[serde(default)]
    match_conditions: Vec<Named>,
    /// What expressions find as `params`.
    #[serde(default)]
    params: Value,
    /// What an expression counts as that cannot be evaluated.
    #[serde(default)]
    failure_policy: FailurePolicy,
    /// What a validation that fails leads to. Of several, the worst counts.
    #[serde(default = "deny")]
    #[schemars(length(min = 1))]
    validation_actions: Vec<Action>,
    /// All of it, parsed.
    #[serde(skip)]
    program: Option<Program>,
}

fn deny() -> Vec<Action> {
    vec![Action::Deny]
}

impl Policy for CelExpressions {
    fn prepare(&mut self) -> Vec<Problem> {
        match Program::compile(self) {
            Ok(program) => {
                self.program = Some(program);
                Vec::new()
            }
            Err(problems) => problems,
        }
    }

    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
        match &self.program {
            Some(program) => judge::judge(self, program, event),
            None => Err(Undecided::new("it was not prepared")),
        }
    }
}

touchstone_sdk::export!(CelExpressions);
