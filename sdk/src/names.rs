//! Severities and levels as settings: by their names in lower case.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::{Level, Severity};

const SEVERITIES: [(&str, Severity); 6] = [
    ("unknown", Severity::Unknown),
    ("negligible", Severity::Negligible),
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("critical", Severity::Critical),
];

const LEVELS: [(&str, Level); 3] = [
    ("info", Level::Info),
    ("warn", Level::Warn),
    ("deny", Level::Deny),
];

fn read<'de, T: Copy, D: Deserializer<'de>>(
    deserializer: D,
    names: &[(&str, T)],
) -> Result<T, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    let found = names.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
        D::Error::custom(format!("{text:?} is none of {}", known.join(", ")))
    })
}

fn schema<T>(names: &[(&str, T)]) -> Schema {
    let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    json_schema!({"type": "string", "enum": names})
}

impl<'de> Deserialize<'de> for Severity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Severity, D::Error> {
        read(deserializer, &SEVERITIES)
    }
}

impl JsonSchema for Severity {
    fn schema_name() -> Cow<'static, str> {
        "Severity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schema(&SEVERITIES)
    }
}

impl Severity {
    /// As it is written: `high`.
    pub fn as_str(self) -> &'static str {
        SEVERITIES
            .iter()
            .find(|(_, severity)| *severity == self)
            .map_or("unknown", |(name, _)| name)
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Level, D::Error> {
        read(deserializer, &LEVELS)
    }
}

impl JsonSchema for Level {
    fn schema_name() -> Cow<'static, str> {
        "Level".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schema(&LEVELS)
    }
}
