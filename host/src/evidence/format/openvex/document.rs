//! OpenVEX as it is written: the fields that are used.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// What `@context` begins with; the version follows, but not in the first documents.
pub(super) const CONTEXT: &str = "https://openvex.dev/ns";
const VERSIONS: [&str; 3] = ["", "/v0.0.1", "/v0.2.0"];

#[derive(Deserialize)]
pub(super) struct Document<'a> {
    #[serde(rename = "@context", deserialize_with = "context")]
    _context: (),
    pub(super) author: Option<String>,
    pub(super) timestamp: Option<String>,
    pub(super) last_updated: Option<String>,
    pub(super) tooling: Option<String>,
    #[serde(borrow)]
    pub(super) statements: Option<Vec<Statement<'a>>>,
}

fn context<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    let found = Cow::<'de, str>::deserialize(deserializer)?;
    let version = found.strip_prefix(CONTEXT);
    if version.is_some_and(|version| VERSIONS.contains(&version)) {
        return Ok(());
    }
    let known = VERSIONS.map(|version| format!("{CONTEXT}{version}"));
    let reason = format!(
        "{found:?} is not read; those that are: {}",
        known.join(", ")
    );
    Err(D::Error::custom(reason))
}

#[derive(Deserialize)]
pub(super) struct Statement<'a> {
    pub(super) vulnerability: Entry<Vulnerability>,
    pub(super) products: Option<Vec<Entry<Product>>>,
    pub(super) subcomponents: Option<Vec<Entry<Part>>>,
    #[serde(borrow)]
    pub(super) status: Cow<'a, str>,
    pub(super) status_notes: Option<String>,
    pub(super) justification: Option<String>,
    pub(super) impact_statement: Option<String>,
    pub(super) action_statement: Option<String>,
    pub(super) timestamp: Option<String>,
    pub(super) last_updated: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Vulnerability {
    #[serde(rename = "@id")]
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) aliases: Option<Vec<String>>,
}

impl From<String> for Vulnerability {
    fn from(name: String) -> Vulnerability {
        Vulnerability {
            name: Some(name),
            ..Vulnerability::default()
        }
    }
}

#[derive(Default, Deserialize)]
pub(super) struct Product {
    #[serde(rename = "@id")]
    pub(super) id: Option<String>,
    pub(super) identifiers: Option<Identifiers>,
    pub(super) hashes: Option<Hashes>,
    pub(super) subcomponents: Option<Vec<Entry<Part>>>,
}

impl From<String> for Product {
    fn from(id: String) -> Product {
        Product {
            id: Some(id),
            ..Product::default()
        }
    }
}

/// A part of a product.
#[derive(Default, Deserialize)]
pub(super) struct Part {
    #[serde(rename = "@id")]
    pub(super) id: Option<String>,
    pub(super) identifiers: Option<Identifiers>,
    pub(super) hashes: Option<Hashes>,
}

impl From<String> for Part {
    fn from(id: String) -> Part {
        Part {
            id: Some(id),
            ..Part::default()
        }
    }
}

#[derive(Default, Deserialize)]
pub(super) struct Identifiers {
    pub(super) purl: Option<String>,
    pub(super) cpe22: Option<String>,
    pub(super) cpe23: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct Hashes {
    #[serde(rename = "sha-256", alias = "sha256")]
    pub(super) sha256: Option<String>,
}

/// A text, as up to 0.0.1, or an object, as since.
pub(super) struct Entry<T>(pub(super) T);

impl<'de, T: Deserialize<'de> + From<String>> Deserialize<'de> for Entry<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entry<T>, D::Error> {
        deserializer.deserialize_any(EntryVisitor(PhantomData))
    }
}

struct EntryVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + From<String>> Visitor<'de> for EntryVisitor<T> {
    type Value = Entry<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or an object")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Entry<T>, E> {
        Ok(Entry(T::from(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Entry)
    }
}
