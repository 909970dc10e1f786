//! What is asked of the runs themselves: of which profile, how old, with which score, and whether they saw anything.

use std::time::SystemTime;

use touchstone_sdk::clock;
use touchstone_sdk::evidence::{
    Benchmark, Evidence, Pattern, RuleFilter, RuleOutcome, Subject, time,
};
use touchstone_sdk::prelude::*;

use crate::OpenscapProfile;

const DAY: u64 = 86_400;

/// The runs on one image.
pub struct Runs<'a> {
    policy: &'a OpenscapProfile,
    subject: &'a Subject,
    evidence: &'a Evidence,
    /// Whether they count or not.
    all: Vec<Benchmark>,
    /// Nothing, when age does not matter.
    now: Option<SystemTime>,
}

impl<'a> Runs<'a> {
    pub fn on(
        subject: &'a Subject,
        evidence: &'a Evidence,
        policy: &'a OpenscapProfile,
    ) -> Result<Runs<'a>, Undecided> {
        let needs_time = policy.evidence.max_age_days.is_some();
        Ok(Runs {
            policy,
            subject,
            evidence,
            all: evidence.benchmarks().unwrap_or_default(),
            now: needs_time.then(clock::now).transpose()?,
        })
    }

    /// Whether there is none that counts.
    pub fn missing(&self) -> Option<Finding> {
        let profiles = &self.policy.profiles;
        if profiles.is_empty() || self.counted().next().is_some() {
            return None;
        }
        let wanted: Vec<&str> = profiles.iter().map(Pattern::as_str).collect();
        let wanted = wanted.join(" or ");
        let runs: Vec<String> = self.all.iter().map(|run| name(Some(run))).collect();
        let known = match &*runs {
            [] => "there is no run".to_owned(),
            runs => format!("there is only {}", runs.join(" and ")),
        };
        let finding = Finding::deny("profile-not-run", format!("{known}, not of {wanted}"));
        let remedy = format!("have it scanned with the profile {wanted}");
        Some(finding.image(self.subject).remedy(remedy))
    }

    /// What speaks against those that count.
    pub fn findings(&self) -> Result<Vec<Finding>, Undecided> {
        let mut runs: Vec<Option<&Benchmark>> = self.counted().map(Some).collect();
        // Results of which no report tells the run.
        if runs.is_empty() {
            runs.push(None);
        }
        let judged = runs.into_iter();
        let mut findings: Vec<Finding> = judged
            .flat_map(|run| [self.too_old(run), self.low_score(run)])
            .flatten()
            .collect();
        if !self.saw_anything()? {
            let message = "no rule was checked: all were left out or do not apply to this image";
            let finding = Finding::deny("nothing-checked", message);
            findings.push(finding.remedy("scan it with the content made for its distribution"));
        }
        let findings = findings.into_iter();
        Ok(findings
            .map(|finding| finding.image(self.subject))
            .collect())
    }

    fn counted(&self) -> impl Iterator<Item = &Benchmark> {
        self.all
            .iter()
            .filter(|run| self.policy.counts(run.profile.as_deref()))
    }

    fn too_old(&self, run: Option<&Benchmark>) -> Option<Finding> {
        let most = self.policy.evidence.max_age_days?;
        let days = self.age(run).map(|seconds| seconds / DAY);
        if days.is_some_and(|days| days < u64::from(most)) {
            return None;
        }
        let age = days.map_or("of unknown age".to_owned(), |days| {
            format!("{days} days old")
        });
        let message = format!("{} is {age}; {most} are allowed", name(run));
        let finding = Finding::new(self.policy.evidence.stale, "stale-evidence", message);
        Some(finding.remedy("have it scanned again"))
    }

    /// Seconds since a run; since the youngest report that has results of rules, when the run does not tell.
    fn age(&self, run: Option<&Benchmark>) -> Option<u64> {
        let ended = run.and_then(|run| run.ended.as_deref().or(run.started.as_deref()));
        let Some(ended) = ended else {
            return self.evidence.age("rule-results");
        };
        // A run from the future is fresh, as reports are.
        let age = self.now?.duration_since(time(ended)?);
        Some(age.map_or(0, |age| age.as_secs()))
    }

    fn low_score(&self, run: Option<&Benchmark>) -> Option<Finding> {
        let least = self.policy.min_score?;
        let name = name(run);
        let Some(score) = run.and_then(percentage) else {
            let message = format!("{name} tells no score; {least} % are demanded");
            let finding = Finding::deny("no-score", message);
            return Some(finding.remedy("send the report as oscap writes it, with its score"));
        };
        let message = format!("{name} scored {score:.1} %; {least} % are demanded");
        let finding = Finding::deny("low-score", message);
        (score < least).then(|| finding.remedy("mend what failed, the greatest weights first"))
    }

    /// Content for another distribution finds nothing wrong, because nothing of it applies.
    fn saw_anything(&self) -> Result<bool, Undecided> {
        let checked = RuleFilter {
            outcomes: vec![RuleOutcome::Pass, RuleOutcome::Fail, RuleOutcome::Fixed],
            ..RuleFilter::default()
        };
        let mut results = self.evidence.rule_results(&checked)?;
        Ok(results.any(|result| self.policy.counts(result.profile.as_deref())))
    }
}

/// The score as a percentage of its maximum, which is 100 when nobody says otherwise (XCCDF 1.2, `score/@maximum`).
fn percentage(run: &Benchmark) -> Option<f64> {
    let percentage = run.score? / run.maximum.unwrap_or(100.0) * 100.0;
    percentage.is_finite().then_some(percentage)
}

/// As the subject of a sentence.
fn name(run: Option<&Benchmark>) -> String {
    match run.and_then(|run| run.profile.as_deref()) {
        Some(profile) => format!("the run of {profile}"),
        None => "the run without a profile".to_owned(),
    }
}
