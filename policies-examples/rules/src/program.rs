//! The rule files, compiled: every condition parsed, every action known and granted.

use std::collections::BTreeSet;

use rule_engine::Context;
use rule_engine::file::{self, Reading};
use touchstone_sdk::prelude::*;

use crate::Rules;
use crate::act::Act;
use crate::scope;
use crate::settings::{Compat, OnError};

/// What is evaluated.
#[derive(Default)]
pub(crate) struct Program {
    pub(crate) rules: Vec<Rule>,
    /// The symbols that conditions ask for.
    pub(crate) symbols: BTreeSet<String>,
    /// Whether a condition asks what time it is.
    pub(crate) asks_for_time: bool,
}

/// A rule.
pub(crate) struct Rule {
    /// `clair.rules:5`
    pub(crate) place: String,
    /// The condition as it is written.
    pub(crate) text: String,
    pub(crate) condition: rule_engine::Rule,
    pub(crate) steps: Vec<Step>,
    pub(crate) on_error: OnError,
    pub(crate) stop_chain: bool,
}

/// An action of a rule.
pub(crate) struct Step {
    /// As it is written.
    pub(crate) text: String,
    pub(crate) act: Act,
}

impl Program {
    /// All files in the order of their names; or everything that is wrong with them.
    pub(crate) fn compile(rules: &Rules) -> Result<Program, Vec<Problem>> {
        let mut compiling = Compiling {
            rules,
            program: Program::default(),
            problems: Vec::new(),
        };
        // Editors leave other files in the folder, people a README.
        let mut files = rules
            .sources
            .iter()
            .filter(|(name, _)| name.ends_with(".rules"))
            .peekable();
        if files.peek().is_none() {
            compiling.problem(
                "/sources",
                "no rule file: name some `.rules` under `sources` in policy.yaml".to_owned(),
            );
        }
        for name in rules
            .files
            .keys()
            .filter(|name| !rules.sources.contains_key(*name))
        {
            compiling.problem(
                "/files",
                format!("{name}: there is no such file among the sources"),
            );
        }
        for (name, text) in files {
            compiling.add(name, text);
        }
        match compiling.problems.is_empty() {
            true => Ok(compiling.program),
            false => Err(compiling.problems),
        }
    }
}

struct Compiling<'a> {
    rules: &'a Rules,
    program: Program,
    problems: Vec<Problem>,
}

impl Compiling<'_> {
    fn problem(&mut self, path: &str, message: String) {
        self.problems.push(Problem {
            path: path.to_owned(),
            message,
        });
    }

    fn add(&mut self, name: &str, text: &str) {
        let rules = self.rules;
        let own = rules.files.get(name).cloned().unwrap_or_default();
        let reading = match own.strict.unwrap_or(rules.strict) {
            true => Reading::Sane,
            false => Reading::Original,
        };
        let file = match file::read(text, reading) {
            Ok(file) => file,
            Err(error) => {
                return self.problem(
                    "/sources",
                    format!("{name}:{}: {}", error.line, error.reason),
                );
            }
        };
        let mut context = match own.compat.unwrap_or(rules.compat) {
            Compat::Four => Context::v4(),
            Compat::Five => Context::default(),
        };
        context.now = scope::clock();
        for entry in file.entries {
            let condition = match rule_engine::Rule::parse(&entry.condition, &context) {
                Ok(condition) => condition,
                Err(error) => {
                    let column = error
                        .position
                        .map_or(String::new(), |at| format!(":{}", at.column));
                    let message = format!("{name}:{}{column}: {error}", entry.line);
                    self.problem("/sources", message);
                    continue;
                }
            };
            let mut steps = Vec::new();
            for action in entry.actions {
                let act = Act::of(&action.kind, rules).and_then(|act| {
                    act.rehearse()?;
                    Ok(act)
                });
                match act {
                    Ok(act) => steps.push(Step {
                        text: action.text,
                        act,
                    }),
                    Err(why) => self.problem(
                        "/sources",
                        format!("{name}:{}: {}: {why}", action.line, action.text),
                    ),
                }
            }
            self.program.asks_for_time |= ["$now", "$today"]
                .iter()
                .any(|name| entry.condition.contains(name));
            self.program
                .symbols
                .extend(condition.symbols().map(str::to_owned));
            self.program.rules.push(Rule {
                place: format!("{name}:{}", entry.line),
                text: entry.condition,
                condition,
                steps,
                on_error: own.on_error.unwrap_or(rules.on_error),
                stop_chain: own.stop_chain.unwrap_or(rules.stop_chain),
            });
        }
    }
}
