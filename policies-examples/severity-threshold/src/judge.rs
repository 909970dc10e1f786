//! What becomes of one vulnerability, and why.

use std::time::SystemTime;

use touchstone_sdk::evidence::{FixState, Vulnerability, time};
use touchstone_sdk::prelude::*;

use crate::SeverityThreshold;
use crate::settings::Rule;

const DAY: u64 = 86_400;

/// What becomes of a vulnerability.
pub struct Judgement {
    /// What it counts as.
    pub severity: Severity,
    /// What to say of it; nothing, when it passes.
    pub verdict: Option<(Level, String)>,
    /// Whether `maxCount` counts it.
    pub counts: bool,
}

impl SeverityThreshold {
    pub(crate) fn judge(&self, found: &Vulnerability, now: Option<SystemTime>) -> Judgement {
        let severity = self.severity(found);
        let rule = self.rule(&found.kind);
        let mut faults = rule.faults(found, severity);
        let exploited = self.deny_exploited && found.exploited == Some(true);
        if exploited {
            faults.push("is known to be exploited".to_owned());
        }
        let excuse = self.excuse(&rule, (found, severity), now);
        let excuse = excuse.filter(|_| !exploited);
        let is_bad = !faults.is_empty();
        let warns = |from| is_bad || severity >= from;
        let level = match excuse {
            None if is_bad => Some(Level::Deny),
            _ => rule.warn_from.is_some_and(warns).then_some(Level::Warn),
        };
        if !is_bad {
            faults.push(format!("is {}", severity.as_str()));
        }
        Judgement {
            severity,
            counts: excuse.is_none() && level != Some(Level::Deny),
            verdict: level.map(|level| (level, message(found, &faults, excuse))),
        }
    }

    fn severity(&self, found: &Vulnerability) -> Severity {
        match found.severity {
            Severity::Unknown => self.unknown_as,
            known => known,
        }
    }

    /// Why something that is too bad is let pass.
    fn excuse(
        &self,
        rule: &Rule,
        (found, severity): (&Vulnerability, Severity),
        now: Option<SystemTime>,
    ) -> Option<String> {
        // Some reports give a version without saying that it is a fixed one.
        let fixable = found.fix_state == FixState::Fixed || !found.fixed.is_empty();
        if rule.only_fixable && !fixable {
            return Some("no fixed version is known".to_owned());
        }
        let days = u64::from(rule.grace_days?.days(severity));
        let Some(date) = self.grace_since.date(found) else {
            return (self.grace_undated && days > 0)
                .then(|| "nobody knows since when, so it has grace".to_owned());
        };
        // A date that is still to come is a mistake, and gives no grace.
        let age = now?.duration_since(time(date)?).ok()?.as_secs() / DAY;
        let left = days.checked_sub(age).filter(|left| *left > 0)?;
        let unit = if left == 1 { "day" } else { "days" };
        Some(format!("has grace for {left} more {unit}"))
    }
}

impl Rule {
    /// In which ways a vulnerability is too bad.
    fn faults(&self, found: &Vulnerability, severity: Severity) -> Vec<String> {
        let mut faults = Vec::new();
        if severity > self.max_severity {
            let (severity, most) = (severity.as_str(), self.max_severity.as_str());
            faults.push(format!("is {severity} (above {most})"));
        }
        let reached = |value: Option<f64>, limit: Option<f64>| {
            value.zip(limit).filter(|(value, limit)| value >= limit)
        };
        if let Some((score, limit)) = reached(found.cvss, self.min_cvss) {
            faults.push(format!("has a CVSS score of {score} (limit {limit})"));
        }
        if let Some((chance, limit)) = reached(found.epss, self.min_epss) {
            faults.push(format!("has an EPSS of {chance} (limit {limit})"));
        }
        faults
    }
}

fn message(found: &Vulnerability, faults: &[String], excuse: Option<String>) -> String {
    let (id, what, faults) = (&found.id, found.what(), faults.join(" and "));
    match excuse {
        None => format!("{id} in {what} {faults}"),
        Some(excuse) => format!("{id} in {what} {faults}, but {excuse}"),
    }
}
