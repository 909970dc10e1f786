//! Reads every expression once, when the policy is loaded, and reports all that is wrong with them.

use std::mem;
use std::sync::Arc;

use interpreter::Env;
use interpreter::parser::Expression;
use touchstone_sdk::prelude::*;

use crate::CelExpressions;
use crate::check::{Check, Known};
use crate::document::{self, Owned};
use crate::functions;
use crate::settings::{Named, Validation};
use crate::source;

/// The settings' expressions, parsed.
#[derive(Debug)]
pub struct Program {
    /// Functions and types.
    pub environment: Arc<Environment>,
    /// What is found as `params`.
    pub params: Owned,
    /// In order; each may name those before it.
    pub variables: Vec<(String, Expression)>,
    /// All must be true.
    pub match_conditions: Vec<Expression>,
    /// All should be true.
    pub validations: Vec<Rule>,
}

/// A validation's expressions.
#[derive(Debug)]
pub struct Rule {
    /// What must hold.
    pub expression: Expression,
    /// What to say when it does not.
    pub message: Option<Expression>,
}

/// Functions and types that expressions may use.
pub struct Environment(pub Arc<Env>);

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Environment")
    }
}

/// Collects problems, and the variables that are known so far.
#[derive(Default)]
struct Compiler {
    known: Vec<Known>,
    problems: Vec<Problem>,
}

impl Program {
    /// Parses and checks all expressions; or says everything that is wrong, with line and column.
    pub fn compile(settings: &CelExpressions) -> Result<Program, Vec<Problem>> {
        let mut compiler = Compiler::default();
        let environment = functions::environment().map_err(|error| {
            vec![Problem {
                path: String::new(),
                message: error.to_string(),
            }]
        })?;
        let variables = compiler.variables(&settings.variables);
        let conditions = settings.match_conditions.iter().enumerate();
        let match_conditions = conditions
            .filter_map(|(index, condition)| {
                let path = format!("/matchConditions/{index}/expression");
                compiler.expression(&path, &condition.expression)
            })
            .collect();
        let validations = settings.validations.iter().enumerate();
        let validations = validations
            .filter_map(|(index, validation)| compiler.rule(index, validation))
            .collect();
        if !compiler.problems.is_empty() {
            return Err(compiler.problems);
        }
        Ok(Program {
            environment: Arc::new(Environment(Arc::new(environment))),
            params: document::from_json(&settings.params),
            variables,
            match_conditions,
            validations,
        })
    }
}

impl Compiler {
    fn report(&mut self, path: String, message: impl Into<String>) {
        let message = message.into();
        self.problems.push(Problem { path, message });
    }

    fn variables(&mut self, named: &[Named]) -> Vec<(String, Expression)> {
        let mut variables = Vec::new();
        for (index, variable) in named.iter().enumerate() {
            let name = &variable.name;
            let path = format!("/variables/{index}/name");
            if !is_identifier(name) {
                self.report(
                    path,
                    format!("{name:?} is no identifier: letters, digits and _"),
                );
            } else if self.known.iter().any(|known| known.name == *name) {
                self.report(path, format!("there are two variables {name:?}"));
            }
            let path = format!("/variables/{index}/expression");
            let before = self.problems.len();
            let depth = match self.checked(&path, &variable.expression) {
                Some((expression, depth)) => {
                    variables.push((name.clone(), expression));
                    depth
                }
                None => 0,
            };
            // One that is wrong is known all the same: those who name it are not to blame.
            debug_assert!(depth > 0 || self.problems.len() > before);
            self.known.push(Known {
                name: name.clone(),
                depth,
            });
        }
        variables
    }

    fn rule(&mut self, index: usize, validation: &Validation) -> Option<Rule> {
        let path = |key: &str| format!("/validations/{index}/{key}");
        // Kubernetes asks for both, too; a finding's message is one sentence.
        if let Some(message) = &validation.message {
            if message.trim().is_empty() {
                self.report(path("message"), "it says nothing");
            } else if message.contains(['\n', '\r']) {
                self.report(path("message"), "it has more than one line");
            }
        }
        let expression = self.expression(&path("expression"), &validation.expression);
        let message = match &validation.message_expression {
            Some(source) => Some(self.expression(&path("messageExpression"), source)?),
            None => None,
        };
        Some(Rule {
            expression: expression?,
            message,
        })
    }

    fn expression(&mut self, path: &str, text: &str) -> Option<Expression> {
        self.checked(path, text).map(|(expression, _)| expression)
    }

    /// The expression, with how deep it nests.
    fn checked(&mut self, path: &str, text: &str) -> Option<(Expression, usize)> {
        let expression = match source::parse(text) {
            Ok(expression) => expression,
            Err(messages) => {
                for message in messages {
                    self.report(path.to_owned(), message);
                }
                return None;
            }
        };
        let Check {
            depth, problems, ..
        } = Check::run(&expression, &self.known);
        if problems.is_empty() {
            return Some((expression, depth));
        }
        for (anchor, message) in problems {
            let message = match source::position(text, &anchor) {
                Some(position) => format!("{position}: {message}"),
                None => message,
            };
            self.report(path.to_owned(), message);
        }
        // Dropping what is nested too deeply would exhaust the stack; the policy is not loaded, anyway.
        mem::forget(expression);
        None
    }
}

/// As in Kubernetes, what `variables.NAME` can name.
fn is_identifier(name: &str) -> bool {
    let begins = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    begins
        && name
            .chars()
            .all(|other| other.is_ascii_alphanumeric() || other == '_')
}
