//! The rules that judge.

use touchstone_sdk::prelude::*;

use crate::check::Facts;
use crate::path::{self, Path};

/// A rule that judges.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it is.
    pub path: Path,
    /// Whether it is not one rule, but what is above some: `deny` of `deny.images`.
    pub is_above: bool,
    /// How its value is understood.
    pub sense: Sense,
}

/// How the value of a rule is understood, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    /// What is in it is something to say: `deny`, `violation`, `warn`.
    Messages(Level),
    /// It says whether: `allow`, or an object that tells.
    Decision,
}

impl Entry {
    fn new(path: &[String]) -> Entry {
        let name = path.last().map_or("", String::as_str);
        Entry {
            path: path.to_vec(),
            is_above: false,
            sense: usual(name).unwrap_or(Sense::Decision),
        }
    }

    /// The id of findings that have none of their own.
    pub fn id(&self) -> String {
        path::short(&self.path)
    }

    /// The rule's name.
    pub fn name(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    /// Whether its value may be a list of what there is to say. What is called `allow` says whether; what the settings name
    /// may be either.
    pub fn may_list(&self) -> bool {
        usual(self.name()) != Some(Sense::Decision)
    }

    /// Why a rule without a value leaves the event undecided.
    pub fn undefined(&self) -> Undecided {
        Undecided::new(format!(
            "{} is undefined: give it a default",
            path::reference(&self.path)
        ))
    }
}

/// What a rule of that name says, if it is a name that others use: conftest, Gatekeeper, OPA's own examples. `deny_root`
/// is as `deny`.
fn usual(name: &str) -> Option<Sense> {
    let first = name.split('_').next().unwrap_or_default();
    match (first, name) {
        ("deny" | "violation", _) => Some(Sense::Messages(Level::Deny)),
        ("warn", _) => Some(Sense::Messages(Level::Warn)),
        (_, "allow" | "verify") => Some(Sense::Decision),
        _ => None,
    }
}

/// The rules that judge: those that the settings name, or every one with a usual name that is not part of a test.
pub fn find(named: &[String], facts: &Facts) -> Result<Vec<Entry>, Vec<Problem>> {
    let problem = |path: String, message: String| vec![Problem { path, message }];
    let mut entries = Vec::new();
    for (index, text) in named.iter().enumerate() {
        let path = path::of_setting(text);
        if !facts.values().any(|rule| rule.path == path) {
            let known: Vec<String> = facts.values().map(|rule| path::short(&rule.path)).collect();
            let message = format!("there is no rule {text}; there are {}", known.join(", "));
            return Err(problem(format!("/entrypoints/{index}"), message));
        }
        entries.push(Entry::new(&path));
    }
    if named.is_empty() {
        let judging = facts.values().filter(|rule| !rule.is_test);
        for path in judging.filter_map(|rule| rule.path.get(..=rule.package)) {
            let is_usual = path.last().is_some_and(|name| usual(name).is_some());
            if is_usual && !entries.iter().any(|entry: &Entry| entry.path == path) {
                entries.push(Entry {
                    is_above: !facts.contains_key(path),
                    ..Entry::new(path)
                });
            }
        }
    }
    if entries.is_empty() {
        let message =
            "no rule is called deny, violation, warn, allow or verify: name those that judge";
        return Err(problem("/entrypoints".to_owned(), message.to_owned()));
    }
    Ok(entries)
}

/// What the settings say of rules has to be about some that judge.
pub fn known<'a>(
    named: impl Iterator<Item = &'a String>,
    entries: &[Entry],
) -> Result<(), Vec<Problem>> {
    let is_meant =
        |name: &str, entry: &Entry| entry.name() == name || entry.path == path::of_setting(name);
    let unknown = named.filter(|name| !entries.iter().any(|entry| is_meant(name, entry)));
    let ids = || entries.iter().map(Entry::id).collect::<Vec<_>>().join(", ");
    let problems = unknown.map(|name| Problem {
        path: format!("/rules/{}", name.replace('~', "~0").replace('/', "~1")),
        message: format!("no rule {name} judges; there are {}", ids()),
    });
    let problems: Vec<Problem> = problems.collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(problems),
    }
}
