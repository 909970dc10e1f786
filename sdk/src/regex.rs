//! A regular expression as a setting.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// A regular expression that is written as a string in the settings and compiled once, when the policy is loaded.
///
/// Syntax and limits are those of the `regex-lite` crate: linear time, no look-around, no Unicode classes.
#[derive(Clone, Debug)]
pub struct Regex(regex_lite::Regex);

impl Regex {
    /// Whether it matches anywhere in the text; anchor it with `^` and `$` for the whole.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl<'de> Deserialize<'de> for Regex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Regex, D::Error> {
        let text = String::deserialize(deserializer)?;
        let compiled = regex_lite::Regex::new(&text);
        compiled.map(Regex).map_err(|error| {
            D::Error::custom(format!("{text:?} is not a regular expression: {error}"))
        })
    }
}

impl JsonSchema for Regex {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Regex".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "regex"})
    }
}
