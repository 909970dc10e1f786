//! Evaluates Anchore policy bundles as they are: what a bundle says of each image of an event, with Anchore's own
//! trigger ids, so that its allowlists go on to hold.
//!
//! [`bundle`] is the bundle, [`validate`] reads it, [`mapping`] finds the rules for an image, [`gates`] look, and
//! [`evaluate`] makes findings of what they found.

pub mod allowlist;
pub mod bundle;
pub mod evaluate;
pub mod facts;
pub mod gates;
pub mod mapping;
pub mod params;
pub mod pattern;
pub mod time;
pub mod validate;
pub mod version;

use serde::Deserializer;
use touchstone_sdk::prelude::*;
use touchstone_sdk::schemars::{Schema, SchemaGenerator};

use self::bundle::{Action, Bundle, RawBundle};

/// The policy: its settings are the bundle.
#[derive(Debug)]
pub struct Gates {
    bundle: Bundle,
    problems: Vec<Problem>,
}

impl<'de> Deserialize<'de> for Gates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Gates, D::Error> {
        let (bundle, problems) = validate::read(RawBundle::deserialize(deserializer)?);
        Ok(Gates { bundle, problems })
    }
}

impl JsonSchema for Gates {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Bundle".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        RawBundle::json_schema(generator)
    }
}

impl Policy for Gates {
    const KINDS: &'static [&'static str] = &[
        "image.scanned",
        "image.review",
        "pod.review",
        "image.pushed",
    ];
    const NEEDS: &'static [touchstone_sdk::Need] = &[(
        "clock",
        "whether allowlist items have expired, and how old vulnerabilities, fixes and databases are",
    )];

    fn check(&self) -> Vec<Problem> {
        self.problems.clone()
    }

    /// An image that is stopped for what is known is stopped, whatever is not known.
    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
        let subjects = event.subjects();
        if subjects.is_empty() {
            return Err(Undecided::new("the event names no image"));
        }
        let (mut outcome, mut gaps, mut stopped) = (Outcome::default(), Vec::new(), false);
        for subject in &subjects {
            let evaluation = self.bundle.evaluate(subject);
            stopped |= evaluation.action == Action::Stop;
            outcome.findings.extend(evaluation.findings);
            if !evaluation.gaps.is_empty() {
                gaps.push(format!(
                    "{} cannot be evaluated: {}",
                    subject.text(),
                    evaluation.gaps.join("; ")
                ));
            }
        }
        match stopped || gaps.is_empty() {
            true => Ok(outcome),
            false => Err(Undecided::new(gaps.join("; "))),
        }
    }
}

touchstone_sdk::export!(Gates);

#[cfg(test)]
mod tests;
