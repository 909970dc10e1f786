//! What was found on an image: one finding for each licence of a package or a file, the worst first, and not too many.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use touchstone_sdk::evidence::{Act, FoundLicence, Package, Subject};
use touchstone_sdk::prelude::*;

use crate::expression::Expression;
use crate::lists::{Complaint, Rules, Why};

/// How much of a licence that is a whole text is repeated, in characters.
const LONGEST: usize = 100;
/// How many licences the summary names.
const NAMED: usize = 5;

/// What is wrong with a licence of something.
pub struct Found {
    licence: String,
    act: Act,
    reason: String,
    package: Option<String>,
    path: Option<String>,
    details: Value,
}

/// A licence on a package or a file.
type Place = (String, Option<String>, Option<String>);

/// Collects what is found, and remembers what was judged: many packages have the same licence.
#[derive(Default)]
pub struct Findings {
    found: BTreeMap<Place, Found>,
    judged: BTreeMap<(String, String), Vec<Complaint>>,
}

impl Found {
    /// A licence that a package tells.
    pub fn of_package(complaint: Complaint, text: &str, package: &Package) -> Found {
        let what = match &package.version {
            Some(version) => format!("{} {version}", package.name),
            None => package.name.clone(),
        };
        Found {
            reason: complaint.reason(&what),
            licence: shorten(&complaint.licence),
            act: complaint.act,
            package: Some(package.name.clone()),
            path: None,
            details: json!({"expression": shorten(text), "kind": package.kind, "version": package.version}),
        }
    }

    /// A licence that a scanner found.
    pub fn by_scanner(complaint: Complaint, licence: &FoundLicence) -> Found {
        let reason = complaint.reason(place(licence));
        let (name, act) = (complaint.licence, complaint.act);
        Found::of_scanner(name, act, reason, licence)
    }

    /// A licence by a scanner's judgement.
    pub fn of_category(act: Act, category: &str, licence: &FoundLicence) -> Found {
        let name = Expression::new(&licence.name).to_string();
        let reason = format!(
            "{} of {} is {category}, by the scanner's judgement",
            shorten(&name),
            place(licence)
        );
        Found::of_scanner(name, act, reason, licence)
    }

    fn of_scanner(name: String, act: Act, reason: String, licence: &FoundLicence) -> Found {
        Found {
            licence: shorten(&name),
            act,
            reason,
            package: licence.package.clone(),
            path: licence.path.clone().filter(|_| licence.package.is_none()),
            details: json!({
                "expression": shorten(&licence.name),
                "category": licence.category,
                "confidence": licence.confidence,
                "path": licence.path,
            }),
        }
    }

    fn finding(self, subject: &Subject) -> Option<Finding> {
        let level = self.act.level()?;
        let id = match self.licence.as_str() {
            "" => "licence-absent".to_owned(),
            licence => format!("licence/{licence}"),
        };
        let mut finding = Finding::new(level, id, self.reason)
            .severity(severity(self.act))
            .image(subject)
            .details(&self.details);
        finding.remedy = Some(match &self.package {
            Some(package) => format!("do without {package}, or have it exempted or waived"),
            None => "take the file out, or have it waived".to_owned(),
        });
        finding.package = self.package;
        finding.path = self.path;
        Some(finding)
    }
}

impl Findings {
    /// What there is to say about the licence of a package of a type.
    pub fn judge(&mut self, kind: &str, text: &str, rules: &Rules<'_>) -> Vec<Complaint> {
        let key = (kind.to_owned(), text.to_owned());
        let judged = self.judged.entry(key);
        judged
            .or_insert_with(|| rules.judge(&Expression::new(text)))
            .clone()
    }

    /// Adds one; of several on the same licence of the same thing, the worst stays.
    pub fn add(&mut self, found: Found) {
        let place = (
            found.licence.clone(),
            found.package.clone(),
            found.path.clone(),
        );
        let worse = self
            .found
            .get(&place)
            .is_none_or(|there| there.act < found.act);
        if worse && found.act != Act::Off {
            self.found.insert(place, found);
        }
    }

    /// Adds that a package has no licence.
    pub fn add_absent(&mut self, package: &Package, act: Act) {
        let version = package.version.as_deref().unwrap_or_default();
        let what = format!("{} {version}", package.name);
        self.add(Found {
            licence: String::new(),
            act,
            reason: format!("{} tells no licence", what.trim_end()),
            package: Some(package.name.clone()),
            path: None,
            details: json!({"kind": package.kind, "version": package.version}),
        });
    }

    /// Adds the findings to an outcome: at most so many, and one about the others.
    pub fn tell(self, subject: &Subject, most: usize, outcome: &mut Outcome) {
        let mut found: Vec<Found> = self.found.into_values().collect();
        found.sort_by_key(|one| Reverse(one.act));
        let rest = found.split_off(found.len().min(most));
        let findings = found.into_iter().filter_map(|one| one.finding(subject));
        outcome.findings.extend(findings);
        outcome.findings.extend(summary(subject, &rest));
    }
}

impl Complaint {
    fn reason(&self, what: &str) -> String {
        let licence = shorten(&self.licence);
        match &self.why {
            Why::Denied(entry) => format!("{licence} of {what} is denied, by {entry}"),
            Why::Warned(entry) => format!("{licence} of {what} is warned about, by {entry}"),
            Why::NotAllowed => format!("{licence} of {what} is not among the allowed licences"),
            Why::Unknown => {
                format!("{licence:?} of {what} is no licence that SPDX or a list knows")
            }
            Why::NoAlternative => {
                format!("{licence} of {what} leaves no alternative that is allowed")
            }
        }
    }
}

/// What is left out, with the level of the worst of it: a limit must not make an image better.
fn summary(subject: &Subject, rest: &[Found]) -> Option<Finding> {
    let act = rest.iter().map(|one| one.act).max()?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for one in rest {
        *counts.entry(one.licence.as_str()).or_default() += 1;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let named = counts
        .iter()
        .take(NAMED)
        .map(|(licence, count)| match *licence {
            "" => format!("none ({count})"),
            licence => format!("{licence} ({count})"),
        });
    let named: Vec<String> = named.collect();
    let others = match counts.len().saturating_sub(NAMED) {
        0 => "",
        _ => ", …",
    };
    let message = format!(
        "{} more licences of packages or files are not told one by one: {}{others}",
        rest.len(),
        named.join(", ")
    );
    let finding = Finding::new(act.level()?, "more-licences", message)
        .severity(severity(act))
        .image(subject)
        .remedy("settle those that are told, or raise `most` in the policy's settings");
    Some(finding)
}

fn place(licence: &FoundLicence) -> &str {
    let place = licence.package.as_deref().or(licence.path.as_deref());
    place.unwrap_or("the image")
}

fn severity(act: Act) -> Severity {
    match act {
        Act::Deny => Severity::High,
        Act::Warn => Severity::Medium,
        Act::Info | Act::Off => Severity::Low,
    }
}

/// On one line, and no longer than somebody would read.
fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
