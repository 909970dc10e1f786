//! Which licences packages and files of an image may have: lists of denied, warned and allowed ones, by package type.

mod expression;
mod findings;
mod lists;
mod name;
mod settings;

use std::collections::BTreeMap;

use touchstone_sdk::evidence::{Act, Evidence, FoundLicence, Package, PackageFilter, Subject};
use touchstone_sdk::prelude::*;

use crate::expression::Expression;
use crate::findings::{Findings, Found};

pub use crate::settings::Licences;

/// What tools write in place of a licence when there is none to tell.
const NOTHING: [&str; 5] = ["", "noassertion", "none", "unknown", "n/a"];

impl Policy for Licences {
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
            self.judge(subject, &mut outcome)?;
        }
        Ok(outcome)
    }
}

impl Licences {
    fn judge(&self, subject: &Subject, outcome: &mut Outcome) -> Result<(), Undecided> {
        let packages = match &subject.evidence {
            Some(evidence) if evidence.has("packages") => Some(packages(evidence)?),
            _ => None,
        };
        // A list of packages none of which has a licence says that nobody looked.
        let looked = |packages: &Vec<Package>| {
            packages.is_empty() || packages.iter().any(|package| package.licences.is_some())
        };
        let kind = match packages.as_ref().is_some_and(looked) {
            true => "packages",
            false => "licences",
        };
        let Some(evidence) = self.evidence.of(subject, kind, outcome) else {
            return Ok(());
        };
        let packages = packages.unwrap_or_default();
        let mut found = Findings::default();
        for package in &packages {
            self.judge_package(package, &mut found);
        }
        if evidence.has("licences") {
            let kinds = packages
                .iter()
                .map(|package| (package.name.as_str(), package.kind.as_str()));
            let kinds: BTreeMap<&str, &str> = kinds.collect();
            for licence in evidence.licences()? {
                let package = licence.package.as_deref().unwrap_or_default();
                let kind = kinds.get(package).copied().unwrap_or_default();
                self.judge_found(&licence, kind, &mut found);
            }
        }
        found.tell(subject, self.most, outcome);
        Ok(())
    }

    /// Several licences of a package hold for several parts of it, so each has to pass.
    fn judge_package(&self, package: &Package, findings: &mut Findings) {
        if self.is_exempt(&package.name) {
            return;
        }
        let rules = self.rules(&package.kind);
        let licences = package.licences.iter().flatten();
        let mut named = licences.filter(|text| !is_nothing(text)).peekable();
        if named.peek().is_none() {
            return findings.add_absent(package, rules.absent);
        }
        for text in named {
            for complaint in findings.judge(&package.kind, text, &rules) {
                findings.add(Found::of_package(complaint, text, package));
            }
        }
    }

    fn judge_found(&self, licence: &FoundLicence, kind: &str, findings: &mut Findings) {
        let name = licence.package.as_deref();
        let unsure = licence
            .confidence
            .is_some_and(|confidence| confidence < self.min_confidence);
        if unsure || name.is_some_and(|name| self.is_exempt(name)) || is_nothing(&licence.name) {
            return;
        }
        let rules = self.rules(kind);
        for complaint in findings.judge(kind, &licence.name, &rules) {
            findings.add(Found::by_scanner(complaint, licence));
        }
        if let Some((act, category)) = self.category(licence)
            && !rules.allow(&Expression::new(&licence.name))
        {
            findings.add(Found::of_category(act, category, licence));
        }
    }

    fn category<'a>(&self, licence: &'a FoundLicence) -> Option<(Act, &'a str)> {
        let category = licence.category.as_deref()?;
        let names = |list: &[String]| list.iter().any(|name| name.eq_ignore_ascii_case(category));
        let act = match (
            names(&self.denied_categories),
            names(&self.warned_categories),
        ) {
            (true, _) => Act::Deny,
            (false, true) => Act::Warn,
            (false, false) => return None,
        };
        Some((act, category))
    }

    fn is_exempt(&self, package: &str) -> bool {
        self.exempt.iter().any(|pattern| pattern.matches(package))
    }
}

fn packages(evidence: &Evidence) -> Result<Vec<Package>, Undecided> {
    Ok(evidence.packages(&PackageFilter::default())?.collect())
}

fn is_nothing(text: &str) -> bool {
    NOTHING
        .iter()
        .any(|word| text.trim().eq_ignore_ascii_case(word))
}

touchstone_sdk::export!(Licences);

#[cfg(test)]
mod tests;
