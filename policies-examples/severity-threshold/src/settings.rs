//! The parts that settings are made of.

use touchstone_sdk::evidence::Vulnerability;
use touchstone_sdk::prelude::*;

use crate::SeverityThreshold;

/// A number for each severity.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct BySeverity {
    critical: Option<u32>,
    high: Option<u32>,
    medium: Option<u32>,
    low: Option<u32>,
    negligible: Option<u32>,
    unknown: Option<u32>,
}

impl BySeverity {
    pub fn get(&self, severity: Severity) -> Option<u32> {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
            Severity::Negligible => self.negligible,
            Severity::Unknown => self.unknown,
        }
    }

    /// Those that are given, the worst first.
    pub fn given(self) -> impl Iterator<Item = (Severity, u32)> {
        let worst_first = SEVERITIES.into_iter().rev();
        worst_first.filter_map(move |severity| Some((severity, self.get(severity)?)))
    }
}

/// In ascending order.
pub const SEVERITIES: [Severity; 6] = [
    Severity::Unknown,
    Severity::Negligible,
    Severity::Low,
    Severity::Medium,
    Severity::High,
    Severity::Critical,
];

/// Days of grace.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Grace {
    /// For every severity.
    All(u32),
    /// For each; none for those that are left out.
    Each(BySeverity),
}

impl Grace {
    pub fn days(self, severity: Severity) -> u32 {
        match self {
            Grace::All(days) => days,
            Grace::Each(days) => days.get(severity).unwrap_or(0),
        }
    }
}

/// Which date of a vulnerability counts.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Since {
    /// When it became known.
    Published,
    /// When a fixed version became available.
    Fixed,
    /// When it was first seen on this image.
    FirstSeen,
}

impl Since {
    pub fn date(self, found: &Vulnerability) -> Option<&str> {
        let date = match self {
            Since::Published => &found.published,
            Since::Fixed => &found.fixed_at,
            Since::FirstSeen => &found.first_seen,
        };
        date.as_deref()
    }
}

/// What holds for a type of packages instead of what holds for all.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Exception {
    /// The highest severity that is allowed.
    pub max_severity: Option<Severity>,
    /// The severity from which on what does not deny is warned about.
    pub warn_from: Option<Severity>,
    /// The CVSS base score (0 to 10) from which on a vulnerability denies.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub min_cvss: Option<f64>,
    /// The EPSS probability (0 to 1) from which on a vulnerability denies.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_epss: Option<f64>,
    /// Whether what cannot be fixed is excused.
    pub only_fixable: Option<bool>,
    /// For how many days a vulnerability is excused.
    pub grace_days: Option<Grace>,
}

/// What holds for a vulnerability.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub max_severity: Severity,
    pub warn_from: Option<Severity>,
    pub min_cvss: Option<f64>,
    pub min_epss: Option<f64>,
    pub only_fixable: bool,
    pub grace_days: Option<Grace>,
}

impl Rule {
    /// Whether something that is too bad may be let pass.
    pub fn excuses(&self) -> bool {
        self.only_fixable || self.grace_days.is_some()
    }
}

impl SeverityThreshold {
    /// What holds for packages of a type, or of a group of types.
    pub fn rule(&self, kind: &str) -> Rule {
        let group = match kind {
            "deb" | "rpm" | "apk" | "alpm" => "os",
            "" | "os" | "non-os" => "",
            _ => "non-os",
        };
        let find = |name| self.kinds.get(name).copied().unwrap_or_default();
        let (own, group) = (find(kind), find(group));
        Rule {
            max_severity: own
                .max_severity
                .or(group.max_severity)
                .unwrap_or(self.max_severity),
            warn_from: own.warn_from.or(group.warn_from).or(self.warn_from),
            min_cvss: own.min_cvss.or(group.min_cvss).or(self.min_cvss),
            min_epss: own.min_epss.or(group.min_epss).or(self.min_epss),
            only_fixable: own
                .only_fixable
                .or(group.only_fixable)
                .unwrap_or(self.only_fixable),
            grace_days: own.grace_days.or(group.grace_days).or(self.grace_days),
        }
    }

    /// Everything that may hold for some package.
    pub fn rules(&self) -> impl Iterator<Item = Rule> {
        let named = self.kinds.keys().map(|kind| self.rule(kind));
        named.chain([self.rule("")])
    }

    /// Whether time matters.
    pub fn has_grace(&self) -> bool {
        self.rules().any(|rule| rule.grace_days.is_some())
    }
}
