//! Judges by policies in Rego, the language of the Open Policy Agent.

mod answer;
mod builtins;
mod check;
mod document;
mod entry;
mod fault;
mod path;
mod program;
mod replace;
mod suite;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use touchstone_sdk::prelude::*;

use self::program::Program;

/// What asks for the results of the tests in place of a document.
const TESTS: &str = "//tests";

/// The settings.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Rego {
    /// Rego modules (`*.rego`) and documents (`*.json`, `*.yaml`), by path. policy.yaml's `sources` puts files here.
    sources: BTreeMap<String, String>,
    /// The language of the modules.
    #[serde(default)]
    rego_version: RegoVersion,
    /// The rules that judge, by path: `main.deny`. When none is given, every rule that has one of the usual names: `deny`,
    /// `violation`, `warn` (also as `deny_…`), `allow`, `verify`.
    #[serde(default)]
    entrypoints: Vec<String>,
    /// Documents of the data folders that `data` has besides those among the sources, by path: `clair/layers` is
    /// `data.clair.layers`. Each has to be granted.
    #[serde(default)]
    data: Vec<String>,
    /// What the findings of a rule are, where they do not say so themselves, by its path or its name.
    #[serde(default)]
    rules: BTreeMap<String, Manner>,
    /// Whether a built-in function that fails leaves the event undecided, as under OPA's `--strict-builtin-errors`. When
    /// not, its result is undefined, as in OPA by default: a rule that denies then lets pass.
    #[serde(default = "yes")]
    strict_builtin_errors: bool,
    #[serde(skip)]
    program: Option<Program>,
}

/// The language of the modules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum RegoVersion {
    /// As OPA 1.0 reads it: with `if` and `contains`.
    #[default]
    V1,
    /// As OPA before 1.0 reads it.
    V0,
}

/// What the findings of a rule are.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Manner {
    /// The rule's path, when not given.
    #[schemars(length(min = 1))]
    id: Option<String>,
    /// `warn` for rules called so, else `deny`.
    level: Option<Level>,
    /// Unknown, when not given.
    severity: Option<Severity>,
}

fn yes() -> bool {
    true
}

impl Policy for Rego {
    const NEEDS: &'static [touchstone_sdk::Need] = &[
        ("data", "the documents that the setting `data` names"),
        ("clock", "time.now_ns"),
        #[cfg(feature = "http")]
        ("http", "http.send"),
    ];

    fn prepare(&mut self) -> Vec<Problem> {
        match Program::load(self) {
            Ok(program) => {
                self.program = Some(program);
                Vec::new()
            }
            Err(problems) => problems,
        }
    }

    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
        let program = self.program.as_ref();
        let program = program.ok_or_else(|| Undecided::new("nothing was loaded"))?;
        let query = event.query();
        if query.as_deref() != Some(TESTS) {
            program.require_data()?;
        }
        let mut run = program.run(event)?;
        let outcome = match query.as_deref() {
            None => Outcome::from(self.judge(&program.entries, &mut run)?),
            Some(TESTS) => Outcome {
                value: Some(suite::run(&program.tests, &mut run)?.to_string()),
                ..Outcome::default()
            },
            Some(query) => self.answer(query, &mut run)?,
        };
        run.log_prints();
        Ok(outcome)
    }
}

impl Rego {
    fn judge(
        &self,
        entries: &[entry::Entry],
        run: &mut program::Run<'_>,
    ) -> Result<Vec<Finding>, Undecided> {
        let mut findings = Vec::new();
        for entry in entries {
            let value = match entry.is_above {
                true => run.document(&entry.path)?,
                false => run.rule(&entry.path)?,
            };
            let value = value.ok_or_else(|| entry.undefined())?;
            findings.extend(answer::findings(entry, &self.manner(entry), value)?);
        }
        Ok(findings)
    }

    /// A document; where it is what a rule that judges says, with its findings.
    fn answer(&self, query: &str, run: &mut program::Run<'_>) -> Result<Outcome, Undecided> {
        let path = path::of_query(query);
        let Some(value) = run.document(&path)? else {
            return Ok(Outcome::default());
        };
        let mut outcome = Outcome {
            value: Some(value.to_string()),
            ..Outcome::default()
        };
        let entries = self.program.iter().flat_map(|program| &program.entries);
        for entry in entries.filter(|entry| entry.path == path) {
            outcome.findings = answer::findings(entry, &self.manner(entry), value.clone())?;
        }
        Ok(outcome)
    }

    fn manner(&self, entry: &entry::Entry) -> Manner {
        let mut paths = self.rules.iter();
        let by_path = paths.find(|(key, _)| path::of_setting(key) == entry.path);
        let manner = by_path.map(|(_, manner)| manner);
        let manner = manner.or_else(|| self.rules.get(entry.name()));
        manner.cloned().unwrap_or_default()
    }
}

touchstone_sdk::export!(Rego);
