//! What the formats share: findings with all that they hang on, the worst first; what could not be judged; words for
//! what is told everywhere.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::Judged;
use super::plain::{self, NAME};
use crate::evidence::{Provenance, Severity};
use crate::model::{
    Condition, Decision, Fault, Finding, Level, Mode, Plan, PolicyDecision, Verdict, Waived,
    WaiverState,
};

/// Whether a finding counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// An exception is made for it.
    Waived,
    /// Its policy only monitors.
    Monitored,
    /// It does.
    Counts,
}

/// A finding and what it hangs on.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    /// Its document's name.
    pub document: &'a str,
    pub decision: &'a Decision,
    pub policy: &'a PolicyDecision,
    pub finding: &'a Finding,
}

impl<'a> Row<'a> {
    pub(super) fn standing(&self) -> Standing {
        match self.policy.mode {
            _ if self.finding.is_waived() => Standing::Waived,
            Mode::Monitor => Standing::Monitored,
            Mode::Enforce => Standing::Counts,
        }
    }

    /// What it comes to: one that does not count asks for nothing.
    pub(super) fn level(&self) -> Level {
        match self.standing() {
            Standing::Counts => self.finding.level,
            Standing::Waived | Standing::Monitored => Level::Info,
        }
    }

    /// The image that it is about: its own, or else the event's when that names just one.
    pub(super) fn image(&self) -> Option<&'a str> {
        match (&self.finding.image, self.decision.event.images.as_slice()) {
            (Some(image), _) | (None, [image]) => Some(image),
            (None, _) => None,
        }
    }

    /// The exception that no longer holds.
    pub(super) fn expired(&self) -> Option<&'a Waived> {
        expired(self.finding)
    }

    /// Image, package, path and target, each once.
    pub(super) fn place(&self) -> Vec<&'a str> {
        let finding = self.finding;
        let parts = [
            self.image(),
            finding.package.as_deref(),
            finding.path.as_deref(),
            finding.target.as_deref(),
        ];
        let mut place: Vec<&str> = Vec::new();
        for part in parts.into_iter().flatten() {
            if !place.contains(&part) {
                place.push(part);
            }
        }
        place
    }
}

/// The exception for a finding that no longer holds.
pub(super) fn expired(finding: &Finding) -> Option<&Waived> {
    let waiver = finding.waiver.as_ref()?;
    (waiver.state == WaiverState::Expired).then_some(waiver)
}

/// Every finding, in order.
pub(super) fn rows(judged: &[Judged]) -> impl Iterator<Item = Row<'_>> {
    policies(judged).flat_map(|(document, decision, policy)| {
        policy.findings.iter().map(move |finding| Row {
            document,
            decision,
            policy,
            finding,
        })
    })
}

/// Every finding: those that count first, then by level and severity.
pub(super) fn worst_first(judged: &[Judged]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row> = rows(judged).collect();
    rows.sort_by_key(|row| Reverse((row.standing(), row.finding.level, row.finding.severity)));
    rows
}

/// Every decision with its document's name.
pub(super) fn decisions(judged: &[Judged]) -> impl Iterator<Item = (&str, &Decision)> {
    judged
        .iter()
        .filter_map(|one| Some((one.name.as_str(), one.result.as_ref().ok()?)))
}

/// Every answer of a policy.
pub(super) fn policies(
    judged: &[Judged],
) -> impl Iterator<Item = (&str, &Decision, &PolicyDecision)> {
    decisions(judged).flat_map(|(document, decision)| {
        let policies = decision.policies.iter();
        policies.map(move |policy| (document, decision, policy))
    })
}

/// Every answer that a policy could not give.
pub(super) fn faults(judged: &[Judged]) -> impl Iterator<Item = (&str, &PolicyDecision, &Fault)> {
    policies(judged)
        .filter_map(|(document, _, policy)| Some((document, policy, policy.fault.as_ref()?)))
}

/// Every document without a decision, and why.
pub(super) fn errors(judged: &[Judged]) -> impl Iterator<Item = (&str, &str)> {
    judged
        .iter()
        .filter_map(|one| Some((one.name.as_str(), one.result.as_ref().err()?.as_str())))
}

/// What a policy's verdict comes to: in monitor mode it counts as nothing.
pub(super) fn counts_as(policy: &PolicyDecision) -> Verdict {
    match policy.mode {
        Mode::Enforce => policy.counts_as,
        Mode::Monitor => Verdict::Allow,
    }
}

/// `1 finding`, `2 findings`
pub(super) fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// As it is written in answers.
pub(super) fn level_name(level: Level) -> &'static str {
    match level {
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Deny => "deny",
    }
}

/// What becomes of an action.
pub(super) fn plan_name(plan: Plan) -> &'static str {
    match plan {
        Plan::Planned => "would be done",
        Plan::Due => "to be done",
        Plan::Skipped => "not under this verdict",
        Plan::Monitored => "not in monitor mode",
    }
}

/// When an action is carried out.
pub(super) fn condition_name(condition: Condition) -> &'static str {
    match condition {
        Condition::Always => "always",
        Condition::Allowed => "if allowed",
        Condition::Denied => "if denied",
    }
}

/// The score that stands for a severity where one is asked for; GitHub shows 9.0 and more as critical, 7.0 as high, 4.0 as
/// medium.
pub(super) fn score(severity: Severity) -> f64 {
    match severity {
        Severity::Critical => 9.5,
        Severity::High => 8.0,
        Severity::Medium => 5.5,
        Severity::Low => 2.0,
        Severity::Negligible | Severity::Unknown => 0.0,
    }
}

/// `2026-03-01 09:30 UTC`
pub(super) fn moment(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// When a waiver ends.
pub(super) fn end(waiver: &Waived) -> String {
    waiver.expires.map_or_else(|| "for good".to_owned(), moment)
}

/// `waived by security@example.com until …: a false alarm (TICKET-1)`, or that it was; on one line.
pub(super) fn waiver_line(waiver: &Waived) -> String {
    let (owner, reason) = (
        plain::line(&waiver.owner, NAME),
        plain::line(&waiver.reason, plain::SENTENCE),
    );
    let ticket = waiver
        .ticket
        .as_ref()
        .map(|ticket| format!(" ({})", plain::line(ticket, NAME)))
        .unwrap_or_default();
    match (waiver.state, waiver.expires.map(moment)) {
        (WaiverState::Active, Some(end)) => {
            format!("waived by {owner} until {end}: {reason}{ticket}")
        }
        (WaiverState::Active, None) => {
            format!("waived by {owner} for good: {reason}{ticket}")
        }
        (WaiverState::Expired, end) => {
            let end = end.map(|end| format!(" {end}")).unwrap_or_default();
            format!("the waiver of {owner} expired{end}, so it counts again: {reason}{ticket}")
        }
    }
}

/// `Trivy 0.50.0`
pub(super) fn tool(report: &Provenance) -> String {
    let version = report.version.as_deref().unwrap_or_default();
    plain::line(format!("{} {version}", report.tool).trim_end(), NAME)
}
