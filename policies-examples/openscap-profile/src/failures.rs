//! The rules that failed on one image, by severity: so many are written out, the others are counted.

use touchstone_sdk::evidence::{RuleResult, Subject};
use touchstone_sdk::prelude::*;

use crate::finding::describe;
use crate::settings::SEVERITIES;
use crate::{OpenscapProfile, any};

/// What failed on an image.
pub struct Failures<'a> {
    subject: &'a Subject,
    policy: &'a OpenscapProfile,
    /// By the list `deny`.
    denied: Group,
    /// The others, in ascending order of severity.
    groups: [Group; 6],
}

/// Failures that are treated alike.
#[derive(Default)]
struct Group {
    listed: Vec<Finding>,
    total: usize,
}

/// Failures that are not written out.
#[derive(Default)]
struct Rest {
    /// The worst of them.
    level: Option<Level>,
    denied: usize,
    tolerated: usize,
}

impl<'a> Failures<'a> {
    pub fn new(subject: &'a Subject, policy: &'a OpenscapProfile) -> Failures<'a> {
        Failures {
            subject,
            policy,
            denied: Group::default(),
            groups: Default::default(),
        }
    }

    pub fn add(&mut self, result: &RuleResult) {
        let severities = SEVERITIES.iter();
        let of_severity = severities
            .zip(&mut self.groups)
            .find(|(severity, _)| **severity == result.severity);
        let group = if any(&self.policy.deny, &result.id) {
            Some(&mut self.denied)
        } else if any(&self.policy.ignore, &result.id) {
            None
        } else {
            of_severity.map(|(_, group)| group)
        };
        if let Some(group) = group {
            group.total += 1;
            if group.listed.len() < self.policy.max_findings as usize {
                group.listed.push(describe(result));
            }
        }
    }

    /// What the list denies, then the others, the worst first.
    pub fn findings(self) -> Vec<Finding> {
        let tolerated = self.policy.tolerated.level();
        let mut rest = Rest::default();
        let mut findings = self.denied.findings(Some(Level::Deny), &mut rest);
        for (severity, group) in SEVERITIES.into_iter().zip(self.groups).rev() {
            let most = self.policy.max_failed.get(severity);
            let level = match most {
                Some(0) => Some(Level::Deny),
                _ => tolerated,
            };
            let exceeded = most.filter(|most| *most > 0 && group.total > *most as usize);
            findings.extend(exceeded.map(|most| too_many(severity, group.total, most)));
            findings.extend(group.findings(level, &mut rest));
        }
        findings.extend(rest.finding());
        let findings = findings.into_iter();
        findings
            .map(|finding| finding.image(self.subject))
            .collect()
    }
}

impl Group {
    fn findings(self, level: Option<Level>, rest: &mut Rest) -> Vec<Finding> {
        let Some(level) = level else {
            return Vec::new();
        };
        let left = self.total - self.listed.len();
        match level {
            Level::Deny => rest.denied += left,
            Level::Warn | Level::Info => rest.tolerated += left,
        }
        if left > 0 {
            rest.level = rest.level.max(Some(level));
        }
        let listed = self.listed.into_iter();
        listed.map(|finding| Finding { level, ..finding }).collect()
    }
}

impl Rest {
    fn finding(self) -> Option<Finding> {
        let Rest {
            level,
            denied,
            tolerated,
        } = self;
        let message =
            format!("failed rules not listed: {denied} that deny, {tolerated} that are tolerated");
        let finding = Finding::new(level?, "more-failed-rules", message);
        Some(finding.remedy("mend what is listed first, or raise maxFindings to see more"))
    }
}

fn too_many(severity: Severity, failed: usize, most: u32) -> Finding {
    let name = severity.as_str();
    let message = format!("rules of severity {name} that failed: {failed}, allowed {most}");
    Finding::deny(format!("too-many-{name}"), message)
        .severity(severity)
        .remedy(format!("mend at least {} of them", failed - most as usize))
}
