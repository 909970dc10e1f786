//! What is done about something, as a setting: a level, or nothing.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use crate::Level;

/// What a policy does about something that it found: `off`, `info`, `warn` or `deny`. Ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// It says nothing.
    Off,
    /// It lets pass, and says so.
    Info,
    /// It warns.
    Warn,
    /// It denies.
    Deny,
}

const ACTS: [(&str, Act); 4] = [
    ("off", Act::Off),
    ("info", Act::Info),
    ("warn", Act::Warn),
    ("deny", Act::Deny),
];

impl Act {
    /// The level of a finding; nothing when there is to be none.
    pub fn level(self) -> Option<Level> {
        match self {
            Act::Off => None,
            Act::Info => Some(Level::Info),
            Act::Warn => Some(Level::Warn),
            Act::Deny => Some(Level::Deny),
        }
    }
}

impl<'de> Deserialize<'de> for Act {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Act, D::Error> {
        deserializer.deserialize_any(Name)
    }
}

struct Name;

impl Visitor<'_> for Name {
    type Value = Act;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("off, info, warn or deny")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Act, E> {
        let found = ACTS.iter().find(|(name, _)| *name == text);
        found
            .map(|(_, act)| *act)
            .ok_or_else(|| E::custom(format!("{text:?} is none of off, info, warn, deny")))
    }

    /// In YAML 1.1, `off` without quotes is a boolean.
    fn visit_bool<E: Error>(self, on: bool) -> Result<Act, E> {
        match on {
            false => Ok(Act::Off),
            true => Err(E::custom("on is none of off, info, warn, deny")),
        }
    }
}

impl JsonSchema for Act {
    fn schema_name() -> Cow<'static, str> {
        "Act".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"enum": ["off", "info", "warn", "deny", false]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn off_is_off_in_every_version_of_yaml() {
        for (text, expected) in [
            ("\"off\"", Some(Act::Off)),
            ("false", Some(Act::Off)),
            ("\"deny\"", Some(Act::Deny)),
            ("true", None),
            ("\"Deny\"", None),
            ("3", None),
        ] {
            assert_eq!(serde_json::from_str(text).ok(), expected, "{text}");
        }
        assert!(Act::Off < Act::Info && Act::Warn < Act::Deny);
        assert_eq!(
            (Act::Off.level(), Act::Warn.level()),
            (None, Some(Level::Warn))
        );
    }
}
