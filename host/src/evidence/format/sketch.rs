//! What a document looks like from afar: enough to tell formats apart, and whether it is too much to read.

mod walk;

pub(super) use self::walk::MAX_KEYS;
use self::walk::{Walk, unquote};
use super::ReadError;
use crate::document;

/// A document from afar.
#[derive(Debug)]
pub enum Sketch<'a> {
    /// A JSON object with its first keys, in order.
    Object(Vec<Field<'a>>),
    /// A JSON array; with the keys of its first item, when that is an object.
    Array(Option<Vec<Field<'a>>>),
    /// XML: the root element's local name.
    Xml(String),
    /// Any other text.
    Text(&'a str),
}

/// A key with its value.
#[derive(Debug)]
pub struct Field<'a> {
    /// The key.
    pub key: String,
    /// The JSON text of the value.
    pub raw: &'a str,
}

/// How much a text holds. In JSON an empty object or array counts as two values; in XML a comment may hold elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Extent {
    depth: usize,
    objects: usize,
    values: usize,
    elements: usize,
}

/// How many of something a report may have. What is read takes far more memory than the text does where things are tiny:
/// a package `{"Name":"a"}` is 12 bytes there and half a kilobyte here. So any report may have so many, and more only
/// where the text is as long as that of real ones would be: the memory is a small multiple of the text's.
struct Limit {
    what: &'static str,
    count: fn(&Extent) -> usize,
    /// How many any report may have.
    any: usize,
    /// How long the text must be for each beyond, in bytes.
    bytes: usize,
}

/// Of real reports the densest have, as the tools write them, 96 bytes for an object (CycloneDX of Syft; 60 without the
/// blanks), 31 for a value (Grype; 21) and 80 for an element (XCCDF of oscap). The worst text of a million objects takes
/// 0.8 GB to read, the worst of any size 2.5 GB.
const LIMITS: [Limit; 3] = [
    Limit {
        what: "objects",
        count: |extent| extent.objects,
        any: 1_000_000,
        bytes: 90,
    },
    Limit {
        what: "values",
        count: |extent| extent.values,
        any: 8_000_000,
        bytes: 16,
    },
    Limit {
        what: "elements",
        count: |extent| extent.elements,
        any: 1_000_000,
        bytes: 64,
    },
];

impl Extent {
    /// Whether a text of that length may have so much.
    pub(super) fn check(&self, length: usize) -> Result<(), ReadError> {
        // Readers recurse, and the nesting is the sender's choice.
        if self.depth > document::MAX_DEPTH {
            return Err(ReadError::TooDeep);
        }
        for limit in &LIMITS {
            let (count, most) = ((limit.count)(self), limit.any.max(length / limit.bytes));
            if count > most {
                return Err(ReadError::TooMany {
                    what: limit.what,
                    count,
                    most,
                });
            }
        }
        Ok(())
    }
}

/// Whether a JSON text that stands in a report as a text may be read.
pub(super) fn check(text: &str) -> Result<(), ReadError> {
    Walk::new(text).finish().check(text.len())
}

impl<'a> Sketch<'a> {
    /// Looks at a text that is to be read.
    pub fn of(text: &'a str) -> Result<Sketch<'a>, ReadError> {
        let (sketch, extent) = Sketch::look(text);
        extent.check(text.len()).map(|()| sketch)
    }

    /// Looks at a text, even if it is too much to read.
    pub(super) fn look(text: &'a str) -> (Sketch<'a>, Extent) {
        let start = text.trim_start();
        let mut walk = Walk::new(start);
        if walk.takes(b'{') {
            return (Sketch::Object(walk.fields()), walk.finish());
        }
        if walk.takes(b'[') {
            let first = walk.takes(b'{').then(|| walk.fields());
            return (Sketch::Array(first), walk.finish());
        }
        if start.starts_with('<') {
            let extent = Extent {
                elements: elements(start),
                ..Extent::default()
            };
            return (Sketch::Xml(root(start).to_owned()), extent);
        }
        (Sketch::Text(text), Extent::default())
    }

    /// Whether a JSON object has all of these keys at its top.
    pub fn has(&self, wanted: &[&str]) -> bool {
        matches!(self, Sketch::Object(fields) if have(fields, wanted))
    }

    /// Whether a JSON array begins with an object that has all of these keys.
    pub fn first_has(&self, wanted: &[&str]) -> bool {
        matches!(self, Sketch::Array(Some(fields)) if have(fields, wanted))
    }

    /// The raw JSON text of the value of a key at the top.
    pub fn raw(&self, wanted: &str) -> Option<&'a str> {
        let Sketch::Object(fields) = self else {
            return None;
        };
        let field = fields.iter().find(|field| field.key == wanted)?;
        Some(field.raw)
    }

    /// The text at a key at the top.
    pub fn text(&self, wanted: &str) -> Option<String> {
        unquote(self.raw(wanted)?)
    }

    /// In words, for an error.
    pub fn describe(&self) -> String {
        match self {
            Sketch::Object(fields) if fields.is_empty() => {
                "an empty or broken JSON object".to_owned()
            }
            Sketch::Object(fields) => format!("a JSON object with {}", list(fields)),
            Sketch::Array(Some(fields)) => {
                format!("a JSON array of objects with {}", list(fields))
            }
            Sketch::Array(None) => "a JSON array".to_owned(),
            Sketch::Xml(root) => format!("XML with the root element {root:?}"),
            Sketch::Text(text) if text.trim().is_empty() => "an empty text".to_owned(),
            Sketch::Text(_) => "a text".to_owned(),
        }
    }
}

fn have(fields: &[Field<'_>], wanted: &[&str]) -> bool {
    let has = |wanted: &&str| fields.iter().any(|field| field.key == **wanted);
    wanted.iter().all(has)
}

fn list(fields: &[Field<'_>]) -> String {
    let names = fields.iter().take(8).map(|field| {
        let name: String = field.key.chars().take(40).collect();
        format!("{name:?}")
    });
    names.collect::<Vec<_>>().join(", ")
}

/// How many elements begin.
fn elements(text: &str) -> usize {
    let bytes = text.as_bytes();
    let begins = |at: &usize| !matches!(bytes.get(at + 1), None | Some(b'/' | b'!' | b'?'));
    memchr::memchr_iter(b'<', bytes).filter(begins).count()
}

/// The local name of the first element.
fn root(text: &str) -> &str {
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = rest.get(at + 1..).unwrap_or_default();
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        if rest.starts_with(['?', '!']) {
            continue;
        }
        let end = rest
            .find(|c: char| c.is_whitespace() || c == '>' || c == '/')
            .unwrap_or(rest.len());
        let name = rest.get(..end).unwrap_or_default();
        return name.rsplit(':').next().unwrap_or(name);
    }
    ""
}

#[cfg(test)]
mod tests;
