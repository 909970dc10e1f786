//! No vulnerabilities above a severity: what denies, what is warned about, and what has grace.

mod check;
mod judge;
mod listing;
mod query;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::SystemTime;

use touchstone_sdk::clock;
use touchstone_sdk::evidence::{Demand, Evidence, Subject};
use touchstone_sdk::prelude::*;

use self::listing::Listing;
use self::settings::{BySeverity, Exception, Grace, Since};

/// The settings.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SeverityThreshold {
    /// The highest severity that is allowed; what is above it denies.
    max_severity: Severity,
    /// What a vulnerability of unknown severity counts as.
    unknown_as: Severity,
    /// The severity from which on what does not deny is warned about, be it allowed or excused by `onlyFixable` or
    /// `graceDays`. Nothing is, when not given.
    warn_from: Option<Severity>,
    /// The CVSS base score (0 to 10) from which on a vulnerability denies, whatever its severity.
    #[schemars(range(min = 0.0, max = 10.0))]
    min_cvss: Option<f64>,
    /// The EPSS probability (0 to 1) from which on a vulnerability denies, whatever its severity.
    #[schemars(range(min = 0.0, max = 1.0))]
    min_epss: Option<f64>,
    /// Whether what is known to be exploited denies, whatever its severity, and without any excuse.
    deny_exploited: bool,
    /// Whether what cannot be fixed, as far as the report tells, is excused.
    only_fixable: bool,
    /// For how many days a vulnerability is excused: a number, or numbers by severity.
    grace_days: Option<Grace>,
    /// Which date these days are counted from.
    grace_since: Since,
    /// Whether a vulnerability without that date is excused as long as others have grace days; else it has none.
    grace_undated: bool,
    /// How many vulnerabilities of a severity are allowed among those that neither deny nor are excused.
    max_count: BySeverity,
    /// What holds for types of packages instead: `deb`, `npm`, as in package URLs; `os` for those of operating systems
    /// (deb, rpm, apk, alpm), `non-os` for all others. What an exact type leaves open, its group says.
    kinds: BTreeMap<String, Exception>,
    /// How many findings are written out for an image; the others are counted in one.
    #[schemars(range(min = 1, max = 500))]
    max_findings: u32,
    /// What to make of an image that nobody scanned, or not lately.
    evidence: Demand,
}

impl Default for SeverityThreshold {
    fn default() -> SeverityThreshold {
        SeverityThreshold {
            max_severity: Severity::Medium,
            unknown_as: Severity::Unknown,
            warn_from: None,
            min_cvss: None,
            min_epss: None,
            deny_exploited: false,
            only_fixable: false,
            grace_days: None,
            grace_since: Since::Published,
            grace_undated: false,
            max_count: BySeverity::default(),
            kinds: BTreeMap::new(),
            max_findings: 50,
            evidence: Demand::default(),
        }
    }
}

impl Policy for SeverityThreshold {
    const KINDS: &'static [&'static str] = &[
        "image.scanned",
        "image.review",
        "pod.review",
        "image.pushed",
    ];
    const NEEDS: &'static [touchstone_sdk::Need] = &[(
        "clock",
        "whether the grace days of a vulnerability are over",
    )];

    fn check(&self) -> Vec<Problem> {
        check::problems(self)
    }

    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
        let subjects = event.subjects();
        if subjects.is_empty() {
            return Err(Undecided::new("the event names no image"));
        }
        let now = self.has_grace().then(clock::now).transpose()?;
        let mut outcome = Outcome::default();
        for subject in &subjects {
            if let Some(evidence) = self.evidence.of(subject, "vulnerabilities", &mut outcome) {
                let findings = self.judge_image(subject, evidence, now)?;
                outcome.findings.extend(findings);
            }
        }
        Ok(outcome)
    }
}

impl SeverityThreshold {
    fn judge_image(
        &self,
        subject: &Subject,
        evidence: &Evidence,
        now: Option<SystemTime>,
    ) -> Result<Vec<Finding>, Undecided> {
        let mut listing = Listing::new(subject, self.max_findings, &self.max_count);
        for query in self.queries() {
            for found in evidence.vulnerabilities(&query.filter)? {
                if query.is_new(&found) {
                    let judgement = self.judge(&found, now);
                    listing.add(found, judgement);
                }
            }
        }
        Ok(listing.findings())
    }
}

touchstone_sdk::export!(SeverityThreshold);
