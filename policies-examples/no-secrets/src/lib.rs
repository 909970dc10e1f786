//! Secrets in images: those that scanners found, files that have names as keys have them, and variables that have names
//! as passwords have them.

mod found;
mod settings;

use std::collections::{BTreeMap, BTreeSet};

use touchstone_sdk::evidence::{Evidence, File, FileFilter, FoundSecret};
use touchstone_sdk::prelude::*;

use crate::found::{Found, Place};

pub use crate::settings::NoSecrets;

impl Policy for NoSecrets {
    const KINDS: &'static [&'static str] = &[
        "image.scanned",
        "image.review",
        "pod.review",
        "image.pushed",
    ];

    fn check(&self) -> Vec<Problem> {
        self.problems()
    }

    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
        let subjects = event.subjects();
        if subjects.is_empty() {
            return Err(Undecided::new("the event names no image and is no report"));
        }
        let mut outcome = Outcome::default();
        for subject in &subjects {
            let mut found = Vec::new();
            if let Some(evidence) = self.evidence.of(subject, "secrets", &mut outcome) {
                found.extend(self.secrets(evidence)?);
            }
            // These need no scanner for secrets.
            if let Some(evidence) = &subject.evidence {
                let told: BTreeSet<String> = found.iter().filter_map(Found::path).collect();
                let files = self.files(evidence)?.into_iter();
                found.extend(
                    files.filter(|file| file.path().is_none_or(|path| !told.contains(&path))),
                );
                found.extend(self.variables(evidence));
            }
            found::tell(found, subject, self.most, &mut outcome);
        }
        Ok(outcome)
    }
}

impl NoSecrets {
    /// What scanners found: one for each rule and file.
    fn secrets(&self, evidence: &Evidence) -> Result<Vec<Found>, Undecided> {
        let mut found: BTreeMap<(String, String), Found> = BTreeMap::new();
        for secret in evidence.secrets()?.filter(|secret| self.counts(secret)) {
            let key = (secret.path.clone(), secret.rule.clone());
            match found.get_mut(&key) {
                Some(there) => there.again(&secret),
                None => {
                    found.insert(key, Found::secret(secret, self.level));
                }
            }
        }
        Ok(found.into_values().collect())
    }

    fn counts(&self, secret: &FoundSecret) -> bool {
        let mut rules = self.allowed_rules.iter();
        secret.severity as u8 >= self.min_severity as u8
            && !rules.any(|pattern| pattern.matches(&secret.rule))
            && !self.allows_path(&secret.path)
    }

    /// Files that have names as keys have them, when a report lists files.
    fn files(&self, evidence: &Evidence) -> Result<Vec<Found>, Undecided> {
        let Some(level) = self.files.act.level().filter(|_| evidence.has("files")) else {
            return Ok(Vec::new());
        };
        let names = self.files.names.iter();
        let filter = FileFilter {
            paths: names.map(|pattern| pattern.as_str().to_owned()).collect(),
            ..FileFilter::default()
        };
        let files = evidence.files(&filter)?;
        Ok(files
            .filter(|file| !self.is_no_key(file))
            .map(|file| match has(&file, "PRIVATE KEY-----") {
                Some(true) => Found::key(&file, self.level),
                _ => Found::file(&file, level),
            })
            .collect())
    }

    /// Whether it only has the name of a key. Nothing is in an empty file, and certificates are no secrets.
    fn is_no_key(&self, file: &File) -> bool {
        let mut except = self.files.except.iter();
        except.any(|pattern| pattern.matches(&file.path))
            || self.allows_path(&file.path)
            || file.size == Some(0)
            || (has(file, "-----BEGIN ") == Some(true)
                && has(file, "PRIVATE KEY-----") == Some(false))
    }

    /// Variables that have names as passwords have them. What they are is in nobody's evidence.
    fn variables(&self, evidence: &Evidence) -> Vec<Found> {
        let Some(level) = self.variables.act.level() else {
            return Vec::new();
        };
        let configuration = evidence.configuration();
        let environment = configuration.map(|it| it.environment).unwrap_or_default();
        let history = evidence.history().unwrap_or_default();
        let arguments = history.iter().flat_map(|step| arguments(&step.created_by));
        let environment = environment
            .into_iter()
            .map(|name| (Place::Environment, name));
        let all = environment.chain(arguments.map(|name| (Place::Build, name.to_owned())));
        let mut found: BTreeMap<(Place, String), Found> = BTreeMap::new();
        for (place, name) in all.filter(|(_, name)| self.variables.look_like(name)) {
            let variable = Found::variable(place, &name, level);
            found.entry((place, name)).or_insert(variable);
        }
        found.into_values().collect()
    }
}

/// Names of the build arguments that a step of the history was given: `|2 TOKEN=… HOME=… /bin/sh -c make`.
fn arguments(step: &str) -> impl Iterator<Item = &str> {
    let step = step.strip_prefix("RUN ").unwrap_or(step);
    let (count, given) = step
        .strip_prefix('|')
        .and_then(|rest| rest.split_once(' '))
        .unwrap_or_default();
    let is_name = |name: &&str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let words = given
        .split_whitespace()
        .take_while(|word| !word.starts_with('/'));
    let names = words
        .filter_map(|word| Some(word.split_once('=')?.0))
        .filter(is_name);
    names.take(count.parse().unwrap_or(0))
}

/// Whether a text is in a file; nothing when its content was not retrieved.
fn has(file: &File, text: &str) -> Option<bool> {
    file.content.as_ref().map(|content| content.contains(text))
}

touchstone_sdk::export!(NoSecrets);

#[cfg(test)]
mod tests;
