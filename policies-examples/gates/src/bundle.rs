//! An Anchore policy bundle of version `1_0`: as it is written, and as it was understood.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::allowlist::Allowlist;
use crate::gates::Trigger;
use crate::mapping::Selector;
use crate::params::Params;

/// An Anchore policy bundle, and under `touchstone` how it is to be read. Keys that are not listed are let pass, as
/// Anchore does.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct RawBundle {
    /// Names the bundle. Required.
    pub id: Option<String>,
    /// `1_0`. Required.
    pub version: Option<String>,
    /// For people.
    pub name: Option<String>,
    /// What is looked for. Those that no mapping names are not looked at.
    pub policies: Option<Vec<RawPolicy>>,
    /// Findings that do not count.
    pub whitelists: Option<Vec<RawAllowlist>>,
    /// Other spelling of `whitelists`.
    pub allowlists: Option<Vec<RawAllowlist>>,
    /// Which policies and allowlists are for which image: in order, the first that matches. Required.
    pub mappings: Option<Vec<Kept<RawMapping>>>,
    /// Images that pass whatever the policies say.
    pub whitelisted_images: Option<Vec<Kept<RawSelector>>>,
    /// Other spelling of `whitelisted_images`.
    pub trusted_images: Option<Vec<Kept<RawSelector>>>,
    /// Images that are stopped whatever anything else says.
    pub blacklisted_images: Option<Vec<Kept<RawSelector>>>,
    /// Other spelling of `blacklisted_images`.
    pub denied_images: Option<Vec<Kept<RawSelector>>>,
    /// What the bundle does not say.
    pub touchstone: Option<Options>,
}

/// How the bundle is to be read.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Whether Anchore's known errors are mended or kept.
    pub compat: Compat,
    /// What a rule counts as that cannot be evaluated.
    pub missing: Missing,
}

/// Whether Anchore's known errors are mended or kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compat {
    /// Mended; the README lists them.
    #[default]
    Fixed,
    /// Kept, as far as the evidence allows.
    Exact,
}

/// What a rule counts as that cannot be evaluated, because nobody looked for what it asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// The policy cannot decide, unless something else stops the image.
    #[default]
    Undecided,
    /// The rule fires.
    Fire,
}

/// A set of rules.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RawPolicy {
    /// What mappings name. Required.
    pub id: Option<String>,
    /// `1_0`. Required.
    pub version: Option<String>,
    /// What is looked for.
    pub rules: Option<Vec<RawRule>>,
}

/// What is looked for, and what happens when it is found.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RawRule {
    /// Part of some trigger ids.
    pub id: Option<String>,
    /// `vulnerabilities`. Required.
    pub gate: Option<String>,
    /// `package`. Required.
    pub trigger: Option<String>,
    /// `GO`, `WARN` or `STOP`, in any case. Required.
    pub action: Option<String>,
    /// What the trigger takes.
    pub params: Option<Vec<RawParam>>,
}

/// A parameter.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RawParam {
    /// In any case. Required.
    pub name: Option<String>,
    /// Always a string.
    pub value: Option<String>,
}

/// Findings that do not count.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RawAllowlist {
    /// What mappings name. Required.
    pub id: Option<String>,
    /// `1_0`. Required.
    pub version: Option<String>,
    /// For people.
    pub name: Option<String>,
    /// One for each finding, or with a pattern for several.
    pub items: Option<Vec<RawItem>>,
}

/// A finding that does not count.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RawItem {
    /// Told with the findings that it covers.
    pub id: Option<String>,
    /// The gate, in any case. Required.
    pub gate: Option<String>,
    /// The trigger id, with `*` for any text, or `regexp:` and an expression. Required.
    pub trigger_id: Option<String>,
    /// RFC 3339: from then on it does not cover anything.
    pub expires_on: Option<String>,
}

/// Which images.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RawSelector {
    /// For people.
    pub name: Option<String>,
    /// `docker.io`; with `*` for any text, or `regexp:` and an expression. Required.
    pub registry: Option<String>,
    /// `library/*`. Required.
    pub repository: Option<String>,
    /// Which of the repository's images. Required.
    pub image: Option<RawImage>,
}

/// Which of a repository's images.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RawImage {
    /// `tag`, `digest` or `id`. Required.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// For a tag with `*` for any text, or `regexp:` and an expression. Required.
    pub value: Option<String>,
}

/// Which policies and allowlists are for which images.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct RawMapping {
    /// For people.
    pub name: Option<String>,
    /// As in image lists.
    pub registry: Option<String>,
    /// As in image lists.
    pub repository: Option<String>,
    /// As in image lists.
    pub image: Option<RawImage>,
    /// The policy; either this or `policy_ids`.
    pub policy_id: Option<String>,
    /// The policies.
    pub policy_ids: Option<Vec<String>>,
    /// The allowlists.
    pub whitelist_ids: Option<Vec<String>>,
    /// Other spelling of `whitelist_ids`.
    pub allowlist_ids: Option<Vec<String>>,
}

/// Something that was read, and how it was written, which the evaluation repeats.
#[derive(Debug)]
pub struct Kept<T> {
    /// As it was written.
    pub raw: Value,
    /// As it was read.
    pub read: T,
}

impl<'de, T: serde::de::DeserializeOwned> Deserialize<'de> for Kept<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Kept<T>, D::Error> {
        let raw = Value::deserialize(deserializer)?;
        let read = T::deserialize(&raw).map_err(serde::de::Error::custom)?;
        Ok(Kept { raw, read })
    }
}

impl<T: JsonSchema> JsonSchema for Kept<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A bundle that was understood.
#[derive(Debug, Default)]
pub struct Bundle {
    /// Its id.
    pub id: String,
    /// How it is read.
    pub options: Options,
    /// Those that mappings name.
    pub policies: Vec<Policy>,
    /// Those that mappings name.
    pub allowlists: Vec<Allowlist>,
    /// In order.
    pub mappings: Vec<Mapping>,
    /// Images that pass.
    pub trusted: Vec<Kept<Selector>>,
    /// Images that are stopped.
    pub denied: Vec<Kept<Selector>>,
}

/// A set of rules.
#[derive(Debug)]
pub struct Policy {
    /// Its id.
    pub id: String,
    /// Gate by gate, in the order in which the gates first come.
    pub rules: Vec<Rule>,
}

/// What is looked for, and what happens when it is found.
#[derive(Debug)]
pub struct Rule {
    /// `None`, as Anchore writes it, when it has none.
    pub id: String,
    /// What is looked for.
    pub trigger: &'static Trigger,
    /// What the trigger takes.
    pub params: Params,
    /// What happens.
    pub action: Action,
}

/// What happens when a rule finds something. In order, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// The image is not to be used.
    Stop,
    /// Somebody should know.
    Warn,
    /// Nothing.
    Go,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 3] = [Action::Stop, Action::Warn, Action::Go];

    /// As evaluations write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Stop => "stop",
            Action::Warn => "warn",
            Action::Go => "go",
        }
    }
}

/// Which policies and allowlists are for which images.
#[derive(Debug)]
pub struct Mapping {
    /// Which images; its `raw` is the whole mapping.
    pub selector: Kept<Selector>,
    /// Places in [`Bundle::policies`].
    pub policies: Vec<usize>,
    /// Places in [`Bundle::allowlists`].
    pub allowlists: Vec<usize>,
}
