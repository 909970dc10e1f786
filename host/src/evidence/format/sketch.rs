//! What a document looks like from afar: enough to tell formats apart, without reading it.

use sonic_rs::{JsonValueTrait, LazyValue};

use super::ReadError;
use crate::document;

/// How many keys at the top are looked at; no format has as many.
const MAX_KEYS: usize = 64;

/// A document from afar.
#[derive(Debug)]
pub enum Sketch<'a> {
    /// A JSON object with its keys and raw values, in order.
    Object(Vec<(String, LazyValue<'a>)>),
    /// A JSON array; with its first item, when that is an object.
    Array(Option<Vec<(String, LazyValue<'a>)>>),
    /// XML: the root element's local name.
    Xml(String),
    /// Any other text.
    Text(&'a str),
}

impl<'a> Sketch<'a> {
    /// Looks at a text.
    pub fn of(text: &'a str) -> Result<Sketch<'a>, ReadError> {
        let start = text.trim_start();
        match start.bytes().next() {
            Some(b'{' | b'[') => {
                // Readers recurse, and the nesting is the sender's choice.
                if document::depth(text.as_bytes()) > document::MAX_DEPTH {
                    return Err(ReadError::TooDeep);
                }
                Ok(if start.starts_with('{') {
                    Sketch::Object(keys(start))
                } else {
                    let first = sonic_rs::to_array_iter(start).next().and_then(Result::ok);
                    let text = first.as_ref().map(|item| item.as_raw_str().to_owned());
                    // The raw text of the item is borrowed from `start`; look it up there again for its lifetime.
                    Sketch::Array(text.and_then(|text| {
                        let at = start.find(text.as_str())?;
                        let item = start.get(at..at + text.len())?;
                        item.starts_with('{').then(|| keys(item))
                    }))
                })
            }
            Some(b'<') => Ok(Sketch::Xml(root(start).to_owned())),
            _ => Ok(Sketch::Text(text)),
        }
    }

    /// Whether a JSON object has all of these keys at its top.
    pub fn has(&self, wanted: &[&str]) -> bool {
        let Sketch::Object(keys) = self else {
            return false;
        };
        wanted
            .iter()
            .all(|wanted| keys.iter().any(|(key, _)| key == wanted))
    }

    /// Whether a JSON array begins with an object that has all of these keys.
    pub fn first_has(&self, wanted: &[&str]) -> bool {
        let Sketch::Array(Some(keys)) = self else {
            return false;
        };
        wanted
            .iter()
            .all(|wanted| keys.iter().any(|(key, _)| key == wanted))
    }

    /// The raw JSON text of the value of a key at the top.
    pub fn raw(&self, wanted: &str) -> Option<&str> {
        let Sketch::Object(keys) = self else {
            return None;
        };
        let (_, value) = keys.iter().find(|(key, _)| key == wanted)?;
        Some(value.as_raw_str())
    }

    /// The text at a key at the top.
    pub fn text(&self, wanted: &str) -> Option<&str> {
        let Sketch::Object(keys) = self else {
            return None;
        };
        let (_, value) = keys.iter().find(|(key, _)| key == wanted)?;
        value.as_str()
    }

    /// In words, for an error.
    pub fn describe(&self) -> String {
        let list = |keys: &[(String, LazyValue<'_>)]| {
            let names = keys.iter().take(8).map(|(key, _)| {
                let name: String = key.chars().take(40).collect();
                format!("{name:?}")
            });
            names.collect::<Vec<_>>().join(", ")
        };
        match self {
            Sketch::Object(keys) if keys.is_empty() => "an empty or broken JSON object".to_owned(),
            Sketch::Object(keys) => format!("a JSON object with {}", list(keys)),
            Sketch::Array(Some(keys)) => format!("a JSON array of objects with {}", list(keys)),
            Sketch::Array(None) => "a JSON array".to_owned(),
            Sketch::Xml(root) => format!("XML with the root element {root:?}"),
            Sketch::Text(text) if text.trim().is_empty() => "an empty text".to_owned(),
            Sketch::Text(_) => "a text".to_owned(),
        }
    }
}

/// The keys of an object up to the first place that is no JSON; the format's own reader says what is wrong there.
fn keys(text: &str) -> Vec<(String, LazyValue<'_>)> {
    sonic_rs::to_object_iter(text)
        .map_while(Result::ok)
        .take(MAX_KEYS)
        .map(|(key, value)| (key.to_string(), value))
        .collect()
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
