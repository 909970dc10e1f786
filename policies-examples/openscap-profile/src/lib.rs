//! ManageIQ's OpenSCAP profile: no failed rule of high severity. Besides, tolerance by severity, lists of rules, the
//! score, the profile that was run, and when.

mod failures;
mod finding;
mod runs;
mod settings;
#[cfg(test)]
mod tests;

use touchstone_sdk::evidence::{Act, Demand, Evidence, Pattern, RuleFilter, RuleOutcome, Subject};
use touchstone_sdk::prelude::*;

use self::failures::Failures;
use self::runs::Runs;
use self::settings::MaxFailed;

/// The settings.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct OpenscapProfile {
    /// How many rules of a severity may fail; any number where null. Where none may, each that fails denies; where more
    /// than some fail, one finding does.
    max_failed: MaxFailed,
    /// What is done about a failure that `maxFailed` lets pass: `off`, `info` or `warn`.
    tolerated: Act,
    /// Rules that deny when they fail, whatever their severity. Ids; `*` stands for any text.
    deny: Vec<Pattern>,
    /// Rules that are not looked at, unless `deny` has them, too. Ids; `*` stands for any text.
    ignore: Vec<Pattern>,
    /// Whether a rule that could not be checked (result `error` or `unknown`) counts as failed.
    errors_fail: bool,
    /// The least score of a run, as a percentage of its maximum.
    #[schemars(range(min = 0.0, max = 100.0))]
    min_score: Option<f64>,
    /// Profiles of which one has to have been run; `*` stands for any text. The results of others do not count then.
    /// Empty: any profile, and a run without one.
    profiles: Vec<Pattern>,
    /// How many findings are written out for an image and severity; the others are counted in one.
    #[schemars(range(min = 1, max = 200))]
    max_findings: u32,
    /// What to make of an image without results, or with old ones. The age is that of each run that counts.
    evidence: Demand,
}

impl Default for OpenscapProfile {
    fn default() -> OpenscapProfile {
        OpenscapProfile {
            max_failed: MaxFailed::default(),
            tolerated: Act::Info,
            deny: Vec::new(),
            ignore: Vec::new(),
            errors_fail: true,
            min_score: None,
            profiles: Vec::new(),
            max_findings: 20,
            evidence: Demand::default(),
        }
    }
}

impl Policy for OpenscapProfile {
    const KINDS: &'static [&'static str] = &[
        "image.scanned",
        "image.review",
        "pod.review",
        "image.pushed",
    ];
    const NEEDS: &'static [touchstone_sdk::Need] = &[("clock", "how old a run is")];

    fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut report = |path: &str, message: &str| {
            let (path, message) = (path.to_owned(), message.to_owned());
            problems.push(Problem { path, message });
        };
        if self.tolerated == Act::Deny {
            report(
                "/tolerated",
                "deny tolerates nothing: set the numbers of maxFailed to 0",
            );
        }
        for (index, pattern) in self.ignore.iter().enumerate() {
            if self.deny.contains(pattern) {
                report(&format!("/ignore/{index}"), "is in deny, too, which counts");
            }
        }
        problems
    }

    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
        let subjects = event.subjects();
        if subjects.is_empty() {
            return Err(Undecided::new("the event names no image"));
        }
        // How old each run is, is looked at below: a younger report of another tool makes none of them younger.
        let demand = Demand {
            max_age_days: None,
            ..self.evidence.clone()
        };
        let mut outcome = Outcome::default();
        for subject in &subjects {
            if let Some(evidence) = demand.of(subject, "rule-results", &mut outcome) {
                let findings = self.judge_image(subject, evidence)?;
                outcome.findings.extend(findings);
            }
        }
        Ok(outcome)
    }
}

impl OpenscapProfile {
    fn judge_image(
        &self,
        subject: &Subject,
        evidence: &Evidence,
    ) -> Result<Vec<Finding>, Undecided> {
        let runs = Runs::on(subject, evidence, self)?;
        if let Some(finding) = runs.missing() {
            return Ok(vec![finding]);
        }
        let mut findings = runs.findings()?;
        let mut failures = Failures::new(subject, self);
        for result in evidence.rule_results(&self.failed())? {
            if self.counts(result.profile.as_deref()) {
                failures.add(&result);
            }
        }
        findings.extend(failures.findings());
        Ok(findings)
    }

    /// Results that may be worth a finding.
    fn failed(&self) -> RuleFilter {
        let mut outcomes = vec![RuleOutcome::Fail];
        if self.errors_fail {
            outcomes.extend([RuleOutcome::Error, RuleOutcome::Unknown]);
        }
        RuleFilter {
            outcomes,
            ..RuleFilter::default()
        }
    }

    /// Whether a run of this profile counts.
    fn counts(&self, profile: Option<&str>) -> bool {
        self.profiles.is_empty() || any(&self.profiles, profile.unwrap_or_default())
    }
}

/// Whether an id is as one of the patterns says.
fn any(patterns: &[Pattern], id: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(id))
}

touchstone_sdk::export!(OpenscapProfile);
