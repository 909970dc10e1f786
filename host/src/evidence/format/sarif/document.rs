//! SARIF as it is written: the fields that are used.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::super::not_empty;

#[derive(Deserialize)]
pub(super) struct Document<'a> {
    #[serde(rename = "version", deserialize_with = "version")]
    _version: (),
    #[serde(borrow)]
    pub(super) runs: Option<Vec<Run<'a>>>,
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    let found = Cow::<'de, str>::deserialize(deserializer)?;
    if found == "2.1.0" {
        return Ok(());
    }
    Err(D::Error::custom(format!(
        "version {found:?} is not read; the one that is: 2.1.0"
    )))
}

#[derive(Deserialize)]
pub(super) struct Run<'a> {
    #[serde(borrow)]
    pub(super) tool: Tool<'a>,
    #[serde(borrow)]
    pub(super) results: Option<Vec<Found<'a>>>,
    pub(super) artifacts: Option<Vec<Artifact>>,
    #[serde(borrow)]
    pub(super) invocations: Option<Vec<Invocation<'a>>>,
    pub(super) properties: Option<RunProperties>,
}

#[derive(Deserialize)]
pub(super) struct Tool<'a> {
    #[serde(borrow)]
    pub(super) driver: Component<'a>,
    #[serde(borrow)]
    pub(super) extensions: Option<Vec<Component<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Component<'a> {
    #[serde(borrow, deserialize_with = "not_empty")]
    pub(super) name: Cow<'a, str>,
    pub(super) version: Option<String>,
    pub(super) semantic_version: Option<String>,
    pub(super) information_uri: Option<String>,
    #[serde(borrow)]
    pub(super) rules: Option<Vec<Rule<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule<'a> {
    #[serde(borrow, deserialize_with = "not_empty")]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    short_description: Option<Words<'a>>,
    #[serde(borrow)]
    full_description: Option<Words<'a>>,
    #[serde(borrow)]
    help: Option<Words<'a>>,
    #[serde(borrow)]
    pub(super) help_uri: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) message_strings: Option<HashMap<String, Words<'a>>>,
    #[serde(borrow)]
    default_configuration: Option<Configuration<'a>>,
    pub(super) properties: Option<RuleProperties>,
}

impl Rule<'_> {
    /// What it is about, in a line.
    pub(super) fn title(&self) -> Option<&str> {
        let full = Words::text(self.full_description.as_ref());
        Words::text(self.short_description.as_ref())
            .or_else(|| full.and_then(|text| text.lines().next()))
            .or(self.name.as_deref())
    }

    /// What there is to know, and to do.
    pub(super) fn help(&self) -> Option<&str> {
        Words::text(self.help.as_ref())
    }

    pub(super) fn level(&self) -> Option<&str> {
        self.default_configuration.as_ref()?.level.as_deref()
    }

    pub(super) fn tags(&self) -> Tags {
        let properties = self.properties.as_ref();
        properties
            .and_then(|properties| properties.tags)
            .unwrap_or_default()
    }
}

#[derive(Deserialize)]
pub(super) struct Words<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

impl Words<'_> {
    pub(super) fn text<'a>(words: Option<&'a Words<'_>>) -> Option<&'a str> {
        let text = words?.text.as_deref()?.trim();
        (!text.is_empty()).then_some(text)
    }
}

#[derive(Deserialize)]
struct Configuration<'a> {
    #[serde(borrow)]
    level: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
pub(super) struct RuleProperties {
    tags: Option<Tags>,
    #[serde(rename = "security-severity", default, deserialize_with = "number")]
    pub(super) security_severity: Option<f64>,
    pub(super) purls: Option<Vec<String>>,
    #[serde(rename = "cvssv3_baseScore", default, deserialize_with = "number")]
    pub(super) cvss3_score: Option<f64>,
    #[serde(rename = "cvssv3_vector")]
    pub(super) cvss3_vector: Option<String>,
    #[serde(rename = "cvssv40_baseScore", default, deserialize_with = "number")]
    pub(super) cvss4_score: Option<f64>,
    #[serde(rename = "cvssv40_vector")]
    pub(super) cvss4_vector: Option<String>,
}

/// What Trivy says of the image.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunProperties {
    pub(super) image_name: Option<String>,
    #[serde(rename = "imageID")]
    pub(super) image_id: Option<String>,
    pub(super) repo_tags: Option<Vec<String>>,
    pub(super) repo_digests: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invocation<'a> {
    #[serde(borrow)]
    pub(super) start_time_utc: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) end_time_utc: Option<Cow<'a, str>>,
}

/// A result.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Found<'a> {
    #[serde(borrow)]
    pub(super) rule_id: Option<Cow<'a, str>>,
    pub(super) rule_index: Option<i64>,
    #[serde(borrow)]
    pub(super) rule: Option<Reference<'a>>,
    #[serde(borrow)]
    pub(super) level: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) baseline_state: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) message: Option<Message<'a>>,
    #[serde(borrow)]
    pub(super) locations: Option<Vec<Location<'a>>>,
    #[serde(borrow)]
    pub(super) suppressions: Option<Vec<Suppression<'a>>>,
}

impl Found<'_> {
    /// Whether there is nothing to say about it: it holds, or does not apply, or somebody accepted it (§3.27.9, §3.27.23).
    pub(super) fn is_fine(&self) -> bool {
        let suppressions = self.suppressions.as_deref().unwrap_or_default();
        let is_open = |suppression: &Suppression<'_>| {
            matches!(
                suppression.status.as_deref(),
                Some("underReview" | "rejected")
            )
        };
        matches!(self.kind.as_deref(), Some("pass" | "notApplicable"))
            || (!suppressions.is_empty() && !suppressions.iter().any(is_open))
    }

    /// Whether it is only told because it was there once.
    pub(super) fn is_gone(&self) -> bool {
        self.baseline_state.as_deref() == Some("absent")
    }
}

/// A reference to a rule.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reference<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) index: Option<i64>,
    pub(super) tool_component: Option<ComponentReference>,
}

#[derive(Deserialize)]
pub(super) struct ComponentReference {
    pub(super) index: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) arguments: Option<Vec<Cow<'a, str>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Location<'a> {
    #[serde(borrow)]
    pub(super) physical_location: Option<Physical<'a>>,
    #[serde(borrow)]
    pub(super) logical_locations: Option<Vec<Logical<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Physical<'a> {
    #[serde(borrow)]
    pub(super) artifact_location: Option<ArtifactLocation<'a>>,
    pub(super) region: Option<Region>,
}

#[derive(Deserialize)]
pub(super) struct ArtifactLocation<'a> {
    #[serde(borrow)]
    pub(super) uri: Option<Cow<'a, str>>,
    pub(super) index: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Artifact {
    pub(super) location: Option<ArtifactUri>,
}

#[derive(Deserialize)]
pub(super) struct ArtifactUri {
    pub(super) uri: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Region {
    pub(super) start_line: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Logical<'a> {
    #[serde(borrow)]
    pub(super) fully_qualified_name: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
pub(super) struct Suppression<'a> {
    #[serde(borrow)]
    pub(super) status: Option<Cow<'a, str>>,
}

/// Which of the tags that count a rule has.
#[derive(Clone, Copy, Default)]
pub(super) struct Tags {
    pub(super) vulnerability: bool,
    pub(super) secret: bool,
    pub(super) licence: bool,
}

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tags, D::Error> {
        deserializer.deserialize_seq(TagsVisitor)
    }
}

struct TagsVisitor;

impl<'de> Visitor<'de> for TagsVisitor {
    type Value = Tags;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of tags")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tags, A::Error> {
        let mut tags = Tags::default();
        while let Some(tag) = list.next_element::<Cow<'de, str>>()? {
            tags.vulnerability |= tag.eq_ignore_ascii_case("vulnerability");
            tags.secret |= tag.eq_ignore_ascii_case("secret");
            tags.licence |= tag.eq_ignore_ascii_case("license");
        }
        Ok(tags)
    }
}

/// A number, or a text that is one; GitHub's documentation asks for the text. An empty one is none.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    deserializer.deserialize_any(NumberVisitor)
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Option<f64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a score from 0 to 10")
    }

    fn visit_unit<E: Error>(self) -> Result<Option<f64>, E> {
        Ok(None)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Option<f64>, E> {
        if (0.0..=10.0).contains(&number) {
            return Ok(Some(number));
        }
        Err(E::custom(format!("{number} is not from 0 to 10")))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<f64>, E> {
        self.visit_f64(number as f64)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Option<f64>, E> {
        self.visit_f64(number as f64)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<f64>, E> {
        if text.is_empty() {
            return Ok(None);
        }
        let number = text.trim().parse::<f64>();
        number.map_or_else(
            |_| Err(E::custom(format!("{text:?} is no score from 0 to 10"))),
            |number| self.visit_f64(number),
        )
    }
}
