//! CycloneDX as it is written: the fields that are used.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::super::not_empty;

/// Versions of the specification that are read.
const VERSIONS: [&str; 4] = ["1.4", "1.5", "1.6", "1.7"];

/// What the keys of Trivy's properties begin with.
pub(super) const TRIVY: &str = "aquasecurity:trivy:";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Bom<'a> {
    #[serde(rename = "specVersion", deserialize_with = "version")]
    _version: (),
    #[serde(borrow)]
    pub(super) serial_number: Option<Cow<'a, str>>,
    /// Of the document, under its serial number.
    pub(super) version: Option<u64>,
    #[serde(default, borrow, deserialize_with = "or_default")]
    pub(super) metadata: Metadata<'a>,
    #[serde(borrow)]
    pub(super) components: Option<Vec<Component<'a>>>,
    #[serde(borrow)]
    pub(super) vulnerabilities: Option<Vec<Vulnerability<'a>>>,
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    let found = Cow::<'de, str>::deserialize(deserializer)?;
    if VERSIONS.contains(&&*found) {
        return Ok(());
    }
    let read = VERSIONS.join(", ");
    Err(D::Error::custom(format!(
        "version {found:?} is not read; those that are: {read}"
    )))
}

/// `null` as if the key were not there.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[derive(Default, Deserialize)]
pub(super) struct Metadata<'a> {
    #[serde(borrow)]
    pub(super) timestamp: Option<Cow<'a, str>>,
    pub(super) tools: Option<Tools>,
    #[serde(borrow)]
    pub(super) component: Option<Component<'a>>,
    pub(super) supplier: Option<Party>,
    pub(super) authors: Option<Vec<Party>>,
}

/// A list up to 1.4; since then also an object with components and services.
pub(super) struct Tools(pub(super) Vec<Tool>);

#[derive(Default, Deserialize)]
struct ToolLists {
    components: Option<Vec<Tool>>,
    services: Option<Vec<Tool>>,
}

#[derive(Deserialize)]
pub(super) struct Tool {
    #[serde(default)]
    pub(super) name: String,
    pub(super) version: Option<String>,
}

impl<'de> Deserialize<'de> for Tools {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tools, D::Error> {
        deserializer.deserialize_any(ToolsVisitor)
    }
}

struct ToolsVisitor;

impl<'de> Visitor<'de> for ToolsVisitor {
    type Value = Tools;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of tools, or an object with components and services")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tools, A::Error> {
        let mut tools = Vec::new();
        while let Some(tool) = list.next_element()? {
            tools.push(tool);
        }
        Ok(Tools(tools))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Tools, A::Error> {
        let lists = ToolLists::deserialize(MapAccessDeserializer::new(map))?;
        let all = [lists.components, lists.services].into_iter().flatten();
        Ok(Tools(all.flatten().collect()))
    }
}

/// A person or an organisation.
#[derive(Deserialize)]
pub(super) struct Party {
    name: Option<String>,
}

impl Party {
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref().filter(|name| !name.is_empty())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Component<'a> {
    #[serde(rename = "type", default, borrow)]
    pub(super) kind: Cow<'a, str>,
    #[serde(rename = "bom-ref")]
    pub(super) bom_ref: Option<String>,
    pub(super) group: Option<String>,
    #[serde(borrow, deserialize_with = "not_empty")]
    pub(super) name: Cow<'a, str>,
    pub(super) version: Option<String>,
    pub(super) purl: Option<String>,
    /// Not part of what the document is about, but expected where that runs (1.7).
    pub(super) is_external: Option<bool>,
    supplier: Option<Party>,
    manufacturer: Option<Party>,
    publisher: Option<String>,
    author: Option<String>,
    authors: Option<Vec<Party>>,
    #[serde(borrow)]
    pub(super) hashes: Option<Vec<Hash<'a>>>,
    #[serde(rename = "licenses")]
    pub(super) licences: Option<Vec<Licence>>,
    pub(super) evidence: Option<Found>,
    #[serde(borrow)]
    properties: Option<Vec<Property<'a>>>,
    #[serde(borrow)]
    pub(super) components: Option<Vec<Component<'a>>>,
}

impl Component<'_> {
    /// Its properties whose keys begin so: the rest of the key, and the value.
    pub(super) fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        let all = self.properties.iter().flatten();
        all.filter_map(move |property| {
            let value = property
                .value
                .as_deref()
                .filter(|value| !value.is_empty())?;
            Some((property.name.strip_prefix(prefix)?, value))
        })
    }

    /// What Trivy says of it beyond the format.
    pub(super) fn trivy(&self, wanted: &str) -> Option<&str> {
        let mut all = self.with_prefix(TRIVY);
        all.find_map(|(key, value)| (key == wanted).then_some(value))
    }

    /// Who made it.
    pub(super) fn origin(&self) -> Option<&str> {
        [
            self.supplier.as_ref().and_then(Party::name),
            self.manufacturer.as_ref().and_then(Party::name),
            self.publisher.as_deref(),
            self.author.as_deref(),
            self.authors.iter().flatten().find_map(Party::name),
        ]
        .into_iter()
        .flatten()
        .find(|name| !name.is_empty())
    }
}

#[derive(Deserialize)]
pub(super) struct Hash<'a> {
    #[serde(borrow)]
    pub(super) alg: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) content: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct Licence {
    #[serde(rename = "license")]
    pub(super) licence: Option<NamedLicence>,
    pub(super) expression: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct NamedLicence {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
}

/// How a component was found: `evidence`.
#[derive(Deserialize)]
pub(super) struct Found {
    pub(super) occurrences: Option<Vec<Occurrence>>,
}

#[derive(Deserialize)]
pub(super) struct Occurrence {
    pub(super) location: Option<String>,
}

#[derive(Deserialize)]
struct Property<'a> {
    #[serde(default, borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    value: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
pub(super) struct Vulnerability<'a> {
    #[serde(deserialize_with = "not_empty")]
    pub(super) id: String,
    pub(super) source: Option<Source>,
    pub(super) references: Option<Vec<Reference>>,
    pub(super) ratings: Option<Vec<Rating>>,
    #[serde(borrow)]
    pub(super) description: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) recommendation: Option<Cow<'a, str>>,
    pub(super) advisories: Option<Vec<Advisory>>,
    #[serde(borrow)]
    pub(super) published: Option<Cow<'a, str>>,
    pub(super) analysis: Option<Analysis>,
    #[serde(borrow)]
    pub(super) affects: Option<Vec<Affected<'a>>>,
}

#[derive(Default, Deserialize)]
pub(super) struct Source {
    name: Option<String>,
    pub(super) url: Option<String>,
}

impl Source {
    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref().filter(|name| !name.is_empty())
    }
}

#[derive(Deserialize)]
pub(super) struct Reference {
    pub(super) id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Rating {
    source: Option<Source>,
    pub(super) score: Option<f64>,
    pub(super) severity: Option<String>,
    pub(super) method: Option<String>,
    pub(super) vector: Option<String>,
}

impl Rating {
    /// Whose it is.
    pub(super) fn source(&self) -> Option<&str> {
        self.source.as_ref().and_then(Source::name)
    }
}

#[derive(Deserialize)]
pub(super) struct Advisory {
    pub(super) url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Analysis {
    pub(super) state: Option<String>,
    pub(super) justification: Option<String>,
    pub(super) response: Option<Vec<String>>,
    pub(super) detail: Option<String>,
    pub(super) first_issued: Option<String>,
    pub(super) last_updated: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Affected<'a> {
    #[serde(rename = "ref", borrow, deserialize_with = "not_empty")]
    pub(super) reference: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) versions: Option<Vec<AffectedVersion<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct AffectedVersion<'a> {
    #[serde(borrow)]
    pub(super) version: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) range: Option<Cow<'a, str>>,
    /// `affected`, when absent.
    #[serde(borrow)]
    pub(super) status: Option<Cow<'a, str>>,
}
