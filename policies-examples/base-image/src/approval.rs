//! An approved base, for as long as it is.

use std::time::SystemTime;

use touchstone_sdk::evidence::{Act, Subject};
use touchstone_sdk::prelude::*;

use crate::base::Standing;

/// An approved base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Its name in the settings, or its reference.
    pub base: String,
    /// How it is known: `layers`, `dockerfile`, `labels`, `name`.
    pub way: &'static str,
    /// Whether the image is the base.
    pub is_itself: bool,
    /// As the list says it.
    pub until: Option<String>,
    /// When the approval ends.
    pub end: Option<SystemTime>,
}

impl Approval {
    /// By a reference that the settings approve.
    pub fn by_reference(way: &'static str, reference: &str) -> Approval {
        Approval {
            base: reference.to_owned(),
            way,
            is_itself: way == "name",
            until: None,
            end: None,
        }
    }

    /// What there is to say about it.
    pub fn finding(&self, subject: &Subject, standing: Standing, expired: Act) -> Option<Finding> {
        let base = &self.base;
        let (level, id, severity) = match standing {
            Standing::Good => (Level::Info, "base", Severity::Negligible),
            Standing::Ending => (Level::Warn, "base-expires-soon", Severity::Low),
            Standing::Over => (expired.level()?, "base-expired", Severity::Medium),
        };
        let details = json!({"base": base, "way": self.way, "until": self.until});
        let finding = Finding::new(level, id, self.message(subject.text(), standing))
            .severity(severity)
            .image(subject)
            .details(&details);
        Some(match standing {
            Standing::Good => finding,
            _ => finding.remedy(format!("build it on the successor of {base}")),
        })
    }

    fn message(&self, image: &str, standing: Standing) -> String {
        let what = match self.is_itself {
            true => format!("{image} is the approved base {} itself", self.base),
            false => format!("{image} is built on the approved base {}", self.base),
        };
        match (standing, self.until.as_deref()) {
            (_, None) => what,
            (Standing::Good, Some(until)) => format!("{what}, until {until}"),
            (Standing::Ending, Some(until)) => format!("{what}, but only until {until}"),
            (Standing::Over, Some(until)) => format!("{what}, which was approved until {until}"),
        }
    }
}
