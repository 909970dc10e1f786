//! The parts that settings are made of.

use touchstone_sdk::prelude::*;

/// In ascending order; XCCDF's `info` is negligible.
pub const SEVERITIES: [Severity; 6] = [
    Severity::Unknown,
    Severity::Negligible,
    Severity::Low,
    Severity::Medium,
    Severity::High,
    Severity::Critical,
];

/// How many rules of each severity may fail.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct MaxFailed {
    critical: Option<u32>,
    high: Option<u32>,
    medium: Option<u32>,
    low: Option<u32>,
    negligible: Option<u32>,
    unknown: Option<u32>,
}

/// As ManageIQ has it; XCCDF itself knows nothing worse than high.
impl Default for MaxFailed {
    fn default() -> MaxFailed {
        MaxFailed {
            critical: Some(0),
            high: Some(0),
            medium: None,
            low: None,
            negligible: None,
            unknown: None,
        }
    }
}

impl MaxFailed {
    /// Nothing: any number.
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
}
