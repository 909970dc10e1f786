//! What the host is asked for: no more than may matter. Handing a vulnerability over costs more than finding it.

use touchstone_sdk::evidence::{
    FixState, Vulnerability, VulnerabilityFilter, VulnerabilityParts as Parts,
};
use touchstone_sdk::prelude::*;

use crate::SeverityThreshold;
use crate::listing::LINKS;
use crate::settings::SEVERITIES;

/// One question to the host.
pub struct Query {
    pub filter: VulnerabilityFilter,
    /// An earlier question had everything from this severity on.
    known_from: Option<Severity>,
}

impl Query {
    /// Whether no earlier question had it.
    pub fn is_new(&self, found: &Vulnerability) -> bool {
        self.known_from.is_none_or(|from| found.severity < from)
    }
}

impl SeverityThreshold {
    /// By severity, and where scores matter, by score.
    pub fn queries(&self) -> Vec<Query> {
        let from = self.least_severity();
        let lowest = |one: f64, other: f64| one.min(other);
        let scored = self.rules().filter_map(|rule| rule.min_cvss).reduce(lowest);
        let by_severity = from.map(|from| Query {
            filter: VulnerabilityFilter {
                min_severity: Some(from).filter(|from| *from > Severity::Unknown),
                ..self.filter()
            },
            known_from: None,
        });
        let by_score = scored.map(|least| Query {
            filter: VulnerabilityFilter {
                min_cvss: Some(least),
                ..self.filter()
            },
            known_from: from,
        });
        let by_score = by_score.filter(|_| from != Some(Severity::Unknown));
        by_severity.into_iter().chain(by_score).collect()
    }

    /// From which severity on a vulnerability may matter; nothing when none does by its severity.
    pub fn least_severity(&self) -> Option<Severity> {
        let rules = || self.rules();
        if self.deny_exploited || rules().any(|rule| rule.min_epss.is_some()) {
            return Some(Severity::Unknown);
        }
        let above = |most| SEVERITIES.into_iter().find(|severity| *severity > most);
        let denied = rules().filter_map(|rule| above(rule.max_severity));
        let warned = rules().filter_map(|rule| rule.warn_from);
        let counted = self.max_count.given().map(|(severity, _)| severity);
        let least = denied.chain(warned).chain(counted).min()?;
        Some(if self.unknown_as >= least {
            Severity::Unknown
        } else {
            least
        })
    }

    /// What holds for all questions.
    fn filter(&self) -> VulnerabilityFilter {
        let excused = |rule: crate::settings::Rule| rule.only_fixable && rule.warn_from.is_none();
        let fix_states = if self.rules().all(excused) && !self.deny_exploited {
            // Of unknown state may be what has a fixed version all the same.
            vec![FixState::Fixed, FixState::Unknown]
        } else {
            Vec::new()
        };
        VulnerabilityFilter {
            fix_states,
            without: Parts::SCORES | Parts::SEVERITY_SOURCE | Parts::TITLE,
            max_links: Some(LINKS),
            ..VulnerabilityFilter::affecting()
        }
    }
}
