//! How rule files are read, and what their actions mean.

use std::collections::BTreeMap;

use touchstone_sdk::prelude::*;

/// How one file is read and evaluated.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct FileSettings {
    pub(crate) strict: Option<bool>,
    pub(crate) compat: Option<Compat>,
    pub(crate) on_error: Option<OnError>,
    pub(crate) stop_chain: Option<bool>,
}

/// A version of the expressions.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "u8")]
#[schemars(with = "u8")]
pub(crate) enum Compat {
    Four,
    #[default]
    Five,
}

impl TryFrom<u8> for Compat {
    type Error = String;

    fn try_from(version: u8) -> Result<Compat, String> {
        match version {
            4 => Ok(Compat::Four),
            5 => Ok(Compat::Five),
            other => Err(format!("version {other}: there are 4 and 5")),
        }
    }
}

/// What a condition counts as that cannot be evaluated.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnError {
    #[default]
    Deny,
    Warn,
    Ignore,
}

/// How events are posted.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Web {
    /// What the host is to add, by its name in touchstone.yaml.
    pub(crate) credentials: Option<String>,
}

/// What a bare word means: one of these. In texts, `{key}` stands for the event's value under that key.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) enum NamedAction {
    /// Denies, with this message.
    Deny(String),
    /// Finds something.
    Finding {
        level: Level,
        message: String,
        #[serde(default)]
        severity: Option<Severity>,
    },
    /// Runs a command that touchstone.yaml names, with a value for each placeholder.
    Command {
        name: String,
        #[serde(default)]
        arguments: BTreeMap<String, String>,
        #[serde(default)]
        when: When,
    },
    /// Posts the event as JSON.
    Webhook {
        url: String,
        #[serde(default)]
        credentials: Option<String>,
        #[serde(default)]
        when: When,
    },
    /// Publishes the event as JSON.
    Queue {
        exchange: String,
        routing_key: String,
        #[serde(default)]
        when: When,
    },
    /// Sends a mail.
    Notify {
        to: String,
        #[serde(default)]
        subject: String,
        #[serde(default)]
        text: String,
        #[serde(default)]
        server: Option<String>,
        #[serde(default)]
        when: When,
    },
}

/// By which verdict of all policies together it is done.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum When {
    #[default]
    Always,
    Allowed,
    Denied,
}

impl From<When> for Condition {
    fn from(when: When) -> Condition {
        match when {
            When::Always => Condition::Always,
            When::Allowed => Condition::Allowed,
            When::Denied => Condition::Denied,
        }
    }
}
