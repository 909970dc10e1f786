//! What the settings look like: the parts of a ValidatingAdmissionPolicy's `spec` that are not about which requests it gets.

use touchstone_sdk::prelude::*;

/// What an error in an expression counts as, in Kubernetes' words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum FailurePolicy {
    /// The policy cannot decide.
    #[default]
    Fail,
    /// The expression is left out, with a warning.
    Ignore,
}

/// What a validation that fails leads to, in the words of Kubernetes' bindings.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub enum Action {
    /// A finding that denies.
    Deny,
    /// A finding that warns.
    Warn,
    /// A finding that only informs.
    Audit,
}

impl Action {
    /// The same in the host's words.
    pub fn level(self) -> Level {
        match self {
            Action::Deny => Level::Deny,
            Action::Warn => Level::Warn,
            Action::Audit => Level::Info,
        }
    }
}

/// An expression under a name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Named {
    /// What it is called.
    #[schemars(length(min = 1))]
    pub name: String,
    /// In CEL.
    pub expression: String,
}

/// Something that must hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Validation {
    /// True when all is well; in CEL.
    pub expression: String,
    /// What to say when it is false.
    #[serde(default)]
    pub message: Option<String>,
    /// An expression that says it, instead of `message`. When it fails, or says nothing or several lines, `message` counts.
    #[serde(default)]
    pub message_expression: Option<String>,
    /// Why, for machines: `Forbidden`, `Invalid`. Becomes part of the finding's details.
    #[serde(default)]
    pub reason: Option<String>,
    /// How bad it is.
    #[serde(default)]
    pub severity: Option<Severity>,
    /// What it leads to; by `validationActions`, when not given.
    #[serde(default)]
    pub level: Option<Level>,
    /// The finding's id, which waivers name; `validation-` and its place, counted from 0, when not given.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub id: Option<String>,
}
