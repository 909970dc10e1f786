//! The modules and documents, read and compiled once, when the policy is loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};

use regorus::unstable::{Module, Ref};
use regorus::{Engine, PolicyLengthConfig, Value};
use touchstone_sdk::log;
use touchstone_sdk::prelude::{Event, Problem, Undecided};

use crate::check::{self, Checked, Facts};
use crate::entry::{self, Entry};
use crate::path::{self, Path};
use crate::suite::{self, Test};
use crate::{Rego, RegoVersion, builtins, document, fault, replace};

/// Longer lines are no text that people write. The interpreter's own limit, 1024, would refuse tables that they do.
const LONGEST_LINE: NonZeroU32 = NonZeroU32::new(16_384).unwrap();

/// What judges.
pub struct Program {
    /// The rules that judge.
    pub entries: Vec<Entry>,
    /// The rules that test.
    pub tests: Vec<Test>,
    /// Documents that the settings name and the data folders have not.
    missing: Vec<String>,
    /// What is right below `data`.
    keys: BTreeSet<String>,
    /// Evaluation writes in it. There is one thread, and each decision has its own copy of all.
    engine: Mutex<Engine>,
}

impl Program {
    /// Reads and compiles everything, or reports every problem.
    pub fn load(settings: &Rego) -> Result<Program, Vec<Problem>> {
        let mut loader = Loader {
            settings,
            problems: Vec::new(),
            missing: Vec::new(),
        };
        let documents = loader.documents();
        let engine = loader.parse(None, &documents);
        if !loader.problems.is_empty() {
            return Err(loader.problems);
        }
        let whole = |error: anyhow::Error| vec![fault::problem(&error)];
        let mut engine = engine.map_err(whole)?;
        let Checked { rules, replaced } = match check::check(engine.get_modules()) {
            Ok(checked) => checked,
            Err(problems) => {
                // What is nested too deep to be evaluated is so to be freed. The host throws the instance away.
                std::mem::forget(engine);
                return Err(problems);
            }
        };
        let hidden = hidden(&rules, &documents);
        if !hidden.is_empty() {
            return Err(hidden);
        }
        if !replaced.is_empty() {
            let functions = replace::Functions::of(&replaced);
            let changed = (functions, engine.get_modules().clone());
            let changed = loader.parse(Some(&changed), &documents);
            engine = changed.map_err(whole)?;
        }
        // Any query compiles; this one leaves no traces.
        let compiled = engine.eval_query("true".to_owned(), false);
        compiled.map_err(whole)?;
        engine.set_gather_prints(true);
        let entries = entry::find(&settings.entrypoints, &rules)?;
        entry::known(settings.rules.keys(), &entries)?;
        Ok(Program {
            entries,
            tests: suite::find(&rules),
            missing: loader.missing,
            keys: keys(&rules, &documents),
            engine: Mutex::new(engine),
        })
    }

    /// Starts to judge an event.
    pub fn run(&self, event: &Event) -> Result<Run<'_>, Undecided> {
        builtins::set_event(event);
        // An evaluation that broke ended the instance, too.
        let engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = &self.keys;
        let mut run = Run { engine, keys };
        let input = match event.document() {
            Some(text) => Value::from_json_str(&text).map_err(|error| undecided(&error))?,
            None => Value::Undefined,
        };
        run.engine.set_input(input);
        Ok(run)
    }

    /// An error when a document is missing that the settings name: rules would find nothing in it, and let pass.
    pub fn require_data(&self) -> Result<(), Undecided> {
        match self.missing.as_slice() {
            [] => Ok(()),
            missing => Err(Undecided::new(format!(
                "there is nothing in data at {}",
                missing.join(", ")
            ))),
        }
    }
}

struct Loader<'a> {
    settings: &'a Rego,
    problems: Vec<Problem>,
    missing: Vec<String>,
}

/// Functions that tests replace, and the modules in which they do.
type Changed = (replace::Functions, Vec<Ref<Module>>);

impl Loader<'_> {
    /// All documents, with where they come from in the settings.
    fn documents(&mut self) -> Vec<(String, Value)> {
        let mut documents = Vec::new();
        for (file, text) in &self.settings.sources {
            let place = check::pointer(file);
            match file.rsplit_once('.') {
                Some((_, "rego")) => {}
                Some((_, "json" | "yaml" | "yml")) => match document::read(file, text) {
                    Ok(value) => documents.push((place, value)),
                    Err(why) => self.report(&place, format!("{file}: {why}")),
                },
                // As OPA does: what editors leave behind, a README.
                _ => {}
            }
        }
        for (index, at) in self.settings.data.iter().enumerate() {
            let place = format!("/data/{index}");
            match document::fetch(at) {
                Ok(Some(value)) => documents.push((place, value)),
                Ok(None) => self.missing.push(at.clone()),
                Err(why) => self.report(&place, why),
            }
        }
        documents
    }

    /// The interpreter with all modules and documents in it.
    fn parse(
        &mut self,
        changed: Option<&Changed>,
        documents: &[(String, Value)],
    ) -> anyhow::Result<Engine> {
        let mut engine = Engine::new();
        engine.set_rego_v0(self.settings.rego_version == RegoVersion::V0);
        engine.set_strict_builtin_errors(self.settings.strict_builtin_errors);
        engine.set_policy_length_config(PolicyLengthConfig {
            max_col: LONGEST_LINE,
            ..PolicyLengthConfig::default()
        });
        builtins::add(&mut engine, self.settings.strict_builtin_errors)?;
        for (file, text) in self.modules(changed) {
            let place = check::pointer(&file);
            if let Some(message) = check::unreadable(&text) {
                self.report(&place, format!("{file}:{message}"));
                continue;
            }
            if let Err(error) = engine.add_policy(file, text.clone()) {
                let hint = self.other_version(&text).unwrap_or_default();
                self.report(&place, format!("{}{hint}", fault::line(&error)));
            }
        }
        for (index, (place, value)) in documents.iter().enumerate() {
            if let Err(error) = engine.add_data(value.clone()) {
                let other = documents
                    .iter()
                    .take(index)
                    .find(|(_, other)| clash(other, value));
                let other = other.map_or("", |(other, _)| other.as_str());
                self.report(place, format!("{}; see {other}", fault::line(&error)));
            }
        }
        Ok(engine)
    }

    /// What to do about a module that the other version of the language understands.
    fn other_version(&self, text: &str) -> Option<&'static str> {
        let is_v0 = self.settings.rego_version == RegoVersion::V0;
        let mut engine = Engine::new();
        engine.set_rego_v0(!is_v0);
        engine
            .add_policy("other".to_owned(), text.to_owned())
            .ok()?;
        Some(match is_v0 {
            true => "; this is Rego as of OPA 1.0: set regoVersion: v1",
            false => "; this is Rego as before OPA 1.0: set regoVersion: v0",
        })
    }

    fn modules(&self, changed: Option<&Changed>) -> BTreeMap<String, String> {
        if let Some((functions, modules)) = changed {
            return functions.put_in(modules);
        }
        let modules = self.settings.sources.iter();
        let modules = modules.filter(|(file, _)| file.ends_with(".rego"));
        modules
            .map(|(file, text)| (file.clone(), text.clone()))
            .collect()
    }

    fn report(&mut self, path: &str, message: String) {
        let path = path.to_owned();
        self.problems.push(Problem { path, message });
    }
}

/// An event that is being judged.
pub struct Run<'a> {
    /// With the event's document as its input.
    pub engine: MutexGuard<'a, Engine>,
    keys: &'a BTreeSet<String>,
}

impl Run<'_> {
    /// The value of a rule; nothing when it is undefined.
    pub fn rule(&mut self, path: &[String]) -> Result<Option<serde_json::Value>, Undecided> {
        let value = self.engine.eval_rule(path::reference(path));
        told(value.map_err(|error| undecided(&error))?)
    }

    /// The document at a path, of rules or of data; nothing when there is none.
    pub fn document(&mut self, path: &Path) -> Result<Option<serde_json::Value>, Undecided> {
        if path.is_empty() {
            return self.everything();
        }
        // In an array, the parts that are numbers are places.
        let mut references = vec![path::reference(path), path::with_numbers(path)];
        references.dedup();
        for reference in references {
            let results = self.engine.eval_query(reference, false);
            let results = results.map_err(|error| undecided(&error))?.result;
            let value = results.into_iter().next();
            let value = value.and_then(|result| result.expressions.into_iter().next());
            if let Some(value) = value.map_or(Ok(None), |expression| told(expression.value))? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// All of `data`.
    fn everything(&mut self) -> Result<Option<serde_json::Value>, Undecided> {
        let mut all = serde_json::Map::new();
        for key in self.keys {
            if let Some(value) = self.document(&vec![key.clone()])? {
                all.insert(key.clone(), value);
            }
        }
        Ok(Some(all.into()))
    }

    /// What rules printed goes into the log.
    pub fn log_prints(&mut self) {
        for line in self.engine.take_prints().unwrap_or_default() {
            log::info(&line, &[]);
        }
    }
}

/// Whether two documents have different things at one place.
fn clash(one: &Value, other: &Value) -> bool {
    let mut engine = Engine::new();
    let added = engine
        .add_data(one.clone())
        .and_then(|()| engine.add_data(other.clone()));
    added.is_err()
}

/// Documents that have something where a rule is: it would count in place of the rule.
fn hidden(rules: &Facts, documents: &[(String, Value)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (place, document) in documents {
        for path in rules.keys().filter(|path| reaches(document, path)) {
            let rule = path::reference(path);
            problems.push(Problem {
                path: place.clone(),
                message: format!("there is something at {rule}, which is a rule"),
            });
        }
    }
    problems
}

/// Whether a document has something at a path, or nothing that could have something below it on the way there.
fn reaches(document: &Value, path: &[String]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return true;
    };
    match document.as_object() {
        Ok(object) => object
            .get(&Value::from(first.as_str()))
            .is_some_and(|below| reaches(below, rest)),
        Err(_) => true,
    }
}

fn keys(rules: &Facts, documents: &[(String, Value)]) -> BTreeSet<String> {
    let of_rules = rules.keys().filter_map(|path| path.first().cloned());
    let objects = documents
        .iter()
        .filter_map(|(_, value)| value.as_object().ok());
    let names = objects.flat_map(|object| object.iter());
    let of_documents = names.filter_map(|(key, _)| Some(key.as_string().ok()?.to_string()));
    of_rules.chain(of_documents).collect()
}

fn told(value: Value) -> Result<Option<serde_json::Value>, Undecided> {
    match value {
        Value::Undefined => Ok(None),
        value => Ok(Some(serde_json::to_value(&value)?)),
    }
}

fn undecided(error: &anyhow::Error) -> Undecided {
    Undecided::new(fault::line(error))
}
