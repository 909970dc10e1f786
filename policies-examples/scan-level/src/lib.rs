//! CIPolicE's messages: `{"image": "nginx:latest", "level": 3}`, judged by thresholds on the level.

use touchstone_sdk::prelude::*;

/// The settings. Levels are CIPolicE's: 0 none, 1 unknown, 2 negligible, 3 low, 4 medium, 5 high, 6 critical, 7 defcon1.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScanLevel {
    /// The level from which on an image is warned about.
    #[serde(default = "low")]
    #[schemars(range(min = 0.0, max = 7.0))]
    warn_from: f64,
    /// The level from which on an image is denied.
    #[serde(default = "high")]
    #[schemars(range(min = 0.0, max = 7.0))]
    deny_from: f64,
    /// Which number counts when a message brings the list `[max, avg, conv]`.
    #[serde(default)]
    measure: Measure,
    /// Whether a message with `"override": true` passes. Whoever can send messages can then pass any image.
    #[serde(default)]
    honour_override: bool,
}

/// The numbers of a list, in its order.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Measure {
    /// The worst vulnerability.
    #[default]
    Max,
    /// The mean.
    Avg,
    /// The mean, raised by their number.
    Conv,
}

fn low() -> f64 {
    3.0
}

fn high() -> f64 {
    5.0
}

/// A number over HTTP, a list over AMQP.
#[derive(Deserialize)]
#[serde(untagged)]
enum Level {
    Number(f64),
    List([f64; 3]),
}

impl Policy for ScanLevel {
    const KINDS: &'static [&'static str] = &["event", "image.scanned"];

    fn check(&self) -> Vec<Problem> {
        if self.warn_from <= self.deny_from {
            return Vec::new();
        }
        vec![Problem {
            path: "/warnFrom".to_owned(),
            message: "is above denyFrom, so nothing would ever be warned about".to_owned(),
        }]
    }

    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
        let image: String = event.require("/image")?;
        if self.honour_override && event.get("/override")? == Some(true) {
            return Ok(Finding::info("override", "passed by hand").on(image).into());
        }
        let level = match (event.require("/level")?, self.measure) {
            (Level::Number(level), _) => level,
            (Level::List([max, _, _]), Measure::Max) => max,
            (Level::List([_, avg, _]), Measure::Avg) => avg,
            (Level::List([_, _, conv]), Measure::Conv) => conv,
        };
        if !(0.0..=7.0).contains(&level) {
            return Err(Undecided::new(format!(
                "level {level} is not on the scale of 0 to 7"
            )));
        }
        let finding = if level >= self.deny_from {
            Finding::deny(
                "scan-level",
                format!(
                    "the scan found level {level}; from {} on it is too bad",
                    self.deny_from
                ),
            )
        } else if level >= self.warn_from {
            Finding::warn(
                "scan-level",
                format!(
                    "the scan found level {level}; from {} on it is worth a look",
                    self.warn_from
                ),
            )
        } else {
            return Ok(Outcome::default());
        };
        Ok(finding
            .severity(severity(level))
            .on(image)
            .remedy("rebuild the image on a newer base")
            .into())
    }
}

fn severity(level: f64) -> Severity {
    match level {
        level if level >= 6.0 => Severity::Critical,
        level if level >= 5.0 => Severity::High,
        level if level >= 4.0 => Severity::Medium,
        level if level >= 3.0 => Severity::Low,
        level if level >= 2.0 => Severity::Negligible,
        _ => Severity::Unknown,
    }
}

touchstone_sdk::export!(ScanLevel);

#[cfg(test)]
mod tests {
    use super::*;
    use touchstone_sdk::testing::{Host, TestEvent};

    fn judge(settings: Value, data: Value) -> Result<Vec<touchstone_sdk::Level>, Undecided> {
        let outcome =
            Host::new().evaluate::<ScanLevel>(settings, TestEvent::new("event").data(data))?;
        Ok(outcome
            .findings
            .into_iter()
            .map(|finding| finding.level)
            .collect())
    }

    #[test]
    fn a_level_is_a_number_or_a_list() {
        use touchstone_sdk::Level::{Deny, Info, Warn};
        for (settings, level, expected) in [
            (json!({}), json!(2.9), vec![]),
            (json!({}), json!(3), vec![Warn]),
            (json!({}), json!(5), vec![Deny]),
            (json!({}), json!([7, 2.5, 4]), vec![Deny]),
            (json!({"measure": "avg"}), json!([7, 2.5, 4]), vec![]),
            (json!({"measure": "conv"}), json!([7, 2.5, 4]), vec![Warn]),
            (json!({"warnFrom": 0, "denyFrom": 7}), json!(0), vec![Warn]),
        ] {
            let message = json!({"image": "nginx:latest", "level": level});
            assert_eq!(
                judge(settings.clone(), message),
                Ok(expected),
                "{level} under {settings}"
            );
        }
        let message = json!({"image": "nginx", "override": true});
        assert_eq!(
            judge(json!({"honourOverride": true}), message.clone()),
            Ok(vec![Info])
        );
        assert!(judge(json!({}), message).is_err());
    }

    #[test]
    fn without_a_usable_level_it_does_not_decide() {
        for level in [
            json!(null),
            json!("3"),
            json!([1, 2]),
            json!(-1),
            json!(8),
            json!({}),
        ] {
            assert!(
                judge(json!({}), json!({"image": "nginx", "level": level})).is_err(),
                "{level}"
            );
        }
        assert!(judge(json!({}), json!({"level": 3})).is_err());
        assert_eq!(
            Host::new()
                .configure::<ScanLevel>(json!({"warnFrom": 6, "denyFrom": 5}))
                .len(),
            1
        );
    }
}
