//! CIPolicE's rule files (`.rules`): conditions in the language of Python's `rule-engine`, each with the actions that
//! follow. They are read and compiled when the policy is loaded; what is wrong in them, or not granted, is found then, with
//! its line.

mod act;
mod program;
mod scope;
mod settings;

use std::collections::BTreeMap;

use touchstone_sdk::log;
use touchstone_sdk::prelude::*;

use self::act::{Act, Event as Judged};
use self::program::{Program, Rule};
use self::scope::Scope;
use self::settings::{Compat, FileSettings, NamedAction, OnError, Web};

/// The settings.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Rules {
    /// The rule files, by name; `sources` in policy.yaml names them.
    #[serde(default)]
    sources: BTreeMap<String, String>,
    /// Whether the files are read as their writer meant them; with CIPolicE's own reading, and all its quirks, otherwise.
    #[serde(default = "yes")]
    strict: bool,
    /// The version of the expressions: 5 as Python's rule-engine 5.0.2, 4 as 4.5.3.
    #[serde(default)]
    compat: Compat,
    /// What a condition counts as that cannot be evaluated; `ignore` is what CIPolicE does.
    #[serde(default)]
    on_error: OnError,
    /// Whether `break` also leaves out the policies that come later.
    #[serde(default)]
    stop_chain: bool,
    /// The same four for single files, by name; what is not said there is as above.
    #[serde(default)]
    files: BTreeMap<String, FileSettings>,
    /// What actions mean that are a bare word, such as `blockimage`.
    #[serde(default)]
    actions: BTreeMap<String, NamedAction>,
    /// What commands scripts and functions are, by the text before any parameter: `./label.sh: label`. Where nothing is
    /// said, `./label.sh` is the command `label.sh`, and `mod.py:func` the command `mod.func`.
    #[serde(default)]
    commands: BTreeMap<String, String>,
    /// How events are posted to URLs.
    #[serde(default)]
    web: Web,
    /// Whether every rule is logged with what came of it, for `-o cipolice`.
    #[serde(default)]
    trace: bool,
    #[serde(skip)]
    program: Program,
}

fn yes() -> bool {
    true
}

impl Policy for Rules {
    const NEEDS: &'static [touchstone_sdk::Need] = &[
        ("command", "runs what rules name as scripts and functions"),
        ("webhook", "posts the event to the URLs of rules"),
        ("queue", "publishes what named actions say"),
        ("notify", "sends mail as named actions say"),
        ("clock", "tells rules that ask for $now or $today"),
    ];

    fn prepare(&mut self) -> Vec<Problem> {
        match Program::compile(self) {
            Ok(program) => {
                self.program = program;
                Vec::new()
            }
            Err(problems) => problems,
        }
    }

    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
        if self.program.asks_for_time {
            scope::set_clock()?;
        }
        let scope = Scope::of(event, &self.program)?;
        let judged = Judged::of(event, &scope);
        let mut outcome = Outcome::default();
        for rule in &self.program.rules {
            let accepted = match rule.condition.matches(&scope.value) {
                Ok(accepted) => accepted,
                Err(error) => {
                    outcome.findings.extend(not_evaluated(rule, &error));
                    false
                }
            };
            if self.trace {
                let said = if accepted {
                    "ACCEPT RULE"
                } else {
                    "REJECT RULE"
                };
                log::info(said, &[("rule", rule.text.as_str())]);
            }
            if accepted && self.act(rule, &judged, &mut outcome)? {
                outcome.stop = rule.stop_chain;
                break;
            }
        }
        Ok(outcome)
    }
}

impl Rules {
    /// Does what a rule says; answers whether it says `break`.
    fn act(
        &self,
        rule: &Rule,
        judged: &Judged<'_>,
        outcome: &mut Outcome,
    ) -> Result<bool, Undecided> {
        let mut done = Vec::new();
        let mut breaks = false;
        let mut findings = Vec::new();
        for step in &rule.steps {
            let said = match &step.act {
                Act::Break => {
                    breaks = true;
                    json!({"action": step.text, "kind": "break"})
                }
                act => act.perform(rule, step, judged, &mut findings)?,
            };
            done.push(said);
            if breaks {
                break;
            }
        }
        let message = format!("{}: {}", rule.place, rule.text);
        let details = json!({"rule": rule.text, "place": rule.place, "actions": done});
        outcome.push(Finding::info("accepted", message).details(&details));
        outcome.findings.append(&mut findings);
        Ok(breaks)
    }
}

/// A condition that cannot be evaluated is not one that does not hold.
fn not_evaluated(rule: &Rule, error: &rule_engine::Error) -> Option<Finding> {
    let level = match rule.on_error {
        OnError::Deny => Level::Deny,
        OnError::Warn => Level::Warn,
        OnError::Ignore => Level::Info,
    };
    let message = format!("{}: cannot be evaluated: {error}", rule.place);
    let details = json!({"rule": rule.text, "place": rule.place, "error": error.kind.name()});
    let finding = Finding::new(level, "not-evaluated", message).details(&details);
    Some(finding.remedy("mend the condition, or the message that lacks what it asks for"))
}

touchstone_sdk::export!(Rules);

#[cfg(test)]
mod tests;
