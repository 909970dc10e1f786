//! A case for each policy: what came of it, and what it found, for people.

use super::super::plain::{self, NAME, SENTENCE};
use super::super::view::{self, counted, waiver_line};
use crate::model::{Finding, Level, Mode, PolicyDecision, Verdict};

/// What came of a case.
pub(super) enum Outcome {
    Passed,
    Failed(String),
    /// It could not be judged: what kind of failure, and why.
    Broken(&'static str, String),
    Skipped(String),
}

pub(super) struct Case {
    pub name: String,
    /// In microseconds.
    pub time: Option<u64>,
    pub outcome: Outcome,
    /// What was found, for people.
    pub output: String,
}

pub(super) fn case(policy: &PolicyDecision) -> Case {
    let findings: Vec<String> = policy.findings.iter().map(describe).collect();
    let fault = policy
        .fault
        .as_ref()
        .map(|fault| plain::lines(&fault.to_string(), SENTENCE));
    let outcome = match (policy.mode, &fault, policy.counts_as) {
        (Mode::Monitor, None, counts) => Outcome::Skipped(format!(
            "monitor mode: does not count; would count as {counts}"
        )),
        (Mode::Monitor, Some(fault), _) => {
            Outcome::Skipped(format!("monitor mode: does not count; {fault}"))
        }
        (Mode::Enforce, Some(fault), counts) => {
            Outcome::Broken("indeterminate", format!("{fault} (counts as {counts})"))
        }
        (Mode::Enforce, None, Verdict::Deny) => Outcome::Failed(headline(policy)),
        (Mode::Enforce, None, Verdict::Warn | Verdict::Allow) => Outcome::Passed,
    };
    Case {
        name: plain::line(&policy.name, NAME),
        time: policy.explain.as_ref().map(|explain| explain.duration_us),
        outcome,
        output: findings.join("\n"),
    }
}

/// How much was found, and the worst of it.
fn headline(policy: &PolicyDecision) -> String {
    let counts = || policy.findings.iter().filter(|one| !one.is_waived());
    let denied = counts().filter(|one| one.level == Level::Deny).count();
    // Of equals, the last is the maximum: the first is meant.
    let worst = counts().rev().max_by_key(|one| (one.level, one.severity));
    let worst = worst.map(|one| format!(": {}: {}", one.id, one.message));
    let text = format!(
        "{} to deny{}",
        counted(denied, "finding"),
        worst.unwrap_or_default()
    );
    plain::line(&text, NAME)
}

/// A finding in full.
fn describe(finding: &Finding) -> String {
    let level = match finding.is_waived() {
        true => "waived",
        false => view::level_name(finding.level),
    };
    let (severity, id) = (finding.severity.as_str(), plain::line(&finding.id, NAME));
    let message = plain::lines(&finding.message, SENTENCE);
    let mut text = format!("{level} {id} ({severity}): {message}");
    let more = [
        ("image", finding.image.as_deref()),
        ("package", finding.package.as_deref()),
        ("path", finding.path.as_deref()),
        ("on", finding.target.as_deref()),
        ("fix", finding.remedy.as_deref()),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            text.push_str(&format!("\n  {name}: {}", plain::line(value, SENTENCE)));
        }
    }
    for link in finding.links.iter().take(10) {
        text.push_str(&format!("\n  see: {}", plain::line(link, NAME)));
    }
    if let Some(waiver) = &finding.waiver {
        text.push_str(&format!("\n  {}", waiver_line(waiver)));
    }
    text
}

pub(super) fn is_failed(case: &Case) -> bool {
    matches!(case.outcome, Outcome::Failed(_))
}

pub(super) fn is_broken(case: &Case) -> bool {
    matches!(case.outcome, Outcome::Broken(..))
}

pub(super) fn is_skipped(case: &Case) -> bool {
    matches!(case.outcome, Outcome::Skipped(_))
}
