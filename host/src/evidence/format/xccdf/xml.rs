//! A careful look at XML (XML 1.0, fifth edition; Namespaces in XML 1.0): elements with their namespace, text with the
//! five predefined entities and character references. Documents that define anything of their own are refused, so
//! nothing expands and nothing is fetched.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::escape::{resolve_xml_entity, unescape};
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::super::Wrong;
use crate::document::MAX_DEPTH;

/// How many declarations of namespaces may be in force at one place; ARF reports have some 30. Every element is looked
/// up among them.
const MAX_NAMESPACES: usize = 256;

/// The namespaces that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// XCCDF 1.1 or 1.2.
    Xccdf,
    /// ARF, the asset reporting format.
    Arf,
    Other,
}

impl Space {
    fn of(name: &[u8]) -> Space {
        match name {
            b"http://checklists.nist.gov/xccdf/1.1" | b"http://checklists.nist.gov/xccdf/1.2" => {
                Space::Xccdf
            }
            name if name.starts_with(b"http://scap.nist.gov/schema/asset-reporting-format/") => {
                Space::Arf
            }
            _ => Space::Other,
        }
    }
}

/// What comes next in a document.
pub(super) enum Part<'a> {
    Start(Element<'a>),
    Text(Cow<'a, str>),
    End,
}

/// The start of an element.
pub(super) struct Element<'a> {
    /// Its namespace.
    pub space: Space,
    /// Where it ends in the text, for errors.
    at: usize,
    tag: BytesStart<'a>,
}

impl Element<'_> {
    /// Its name without prefix.
    pub fn name(&self) -> &str {
        std::str::from_utf8(self.tag.local_name().into_inner()).unwrap_or_default()
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Result<Option<String>, String> {
        let mut found = None;
        // The reader's own check against duplicates compares each with each.
        for attribute in self.tag.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| error.to_string())?;
            if attribute.key.as_ref() != name.as_bytes() {
                continue;
            }
            let value = std::str::from_utf8(&attribute.value).unwrap_or_default();
            let value = unescape(value).map_err(|error| error.to_string())?;
            if found.replace(value.into_owned()).is_some() {
                return Err(format!("attribute {name:?} stands twice"));
            }
        }
        Ok(found)
    }

    /// The name of its namespace, if it is declared here.
    pub fn declared(&self) -> Option<String> {
        let name = match self.tag.name().prefix() {
            Some(prefix) => format!("xmlns:{}", String::from_utf8_lossy(prefix.as_ref())),
            None => "xmlns".to_owned(),
        };
        self.attribute(&name).ok().flatten()
    }
}

/// A document that is being read.
pub(super) struct Xml<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    /// Prefixes in force, the latest last, with the depth of the element that declares them.
    prefixes: Vec<(usize, Vec<u8>, Space)>,
    depth: usize,
    ended: bool,
}

impl<'a> Xml<'a> {
    pub fn new(text: &'a str) -> Xml<'a> {
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Xml {
            text,
            reader,
            prefixes: Vec::new(),
            depth: 0,
            ended: false,
        }
    }

    /// Something wrong at the place that was read last.
    pub fn wrong(&self, reason: impl Into<String>) -> Wrong {
        self.wrong_at(self.reader.buffer_position(), reason)
    }

    /// Something wrong with an element.
    pub fn wrong_element(&self, element: &Element<'_>, reason: impl Into<String>) -> Wrong {
        let name = element.name();
        self.wrong_at(element.at as u64, format!("<{name}>: {}", reason.into()))
    }

    fn wrong_at(&self, position: u64, reason: impl Into<String>) -> Wrong {
        let before = usize::try_from(position).unwrap_or(usize::MAX);
        let before = self.text.as_bytes().get(..before);
        let before = before.unwrap_or(self.text.as_bytes());
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        Wrong::at(format!("line {line}"), reason)
    }

    /// The next part; nothing at the end of a document that is complete.
    pub fn next(&mut self) -> Result<Option<Part<'a>>, Wrong> {
        loop {
            let event = self.reader.read_event().map_err(|error| {
                let reason = error.to_string();
                self.wrong_at(self.reader.error_position(), reason)
            })?;
            let part = match event {
                Event::Start(tag) => Part::Start(self.start(tag)?),
                Event::End(_) => self.end(),
                Event::Text(text) => {
                    let text = text.xml10_content();
                    Part::Text(text.map_err(|error| self.wrong(error.to_string()))?)
                }
                Event::CData(text) => {
                    let text = text.xml10_content();
                    Part::Text(text.map_err(|error| self.wrong(error.to_string()))?)
                }
                Event::GeneralRef(reference) => Part::Text(self.resolve(&reference)?),
                Event::DocType(_) => {
                    let reason =
                        "a document type declaration (<!DOCTYPE …>) is not taken: leave it out";
                    return Err(self.wrong(reason));
                }
                Event::Eof if self.ended => return Ok(None),
                Event::Eof => return Err(self.wrong("the document ends too early")),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Empty(_) => continue,
            };
            match &part {
                Part::Text(text) if self.depth == 0 => {
                    if !text.trim_ascii().is_empty() {
                        return Err(self.wrong("text outside of the root element"));
                    }
                }
                _ => return Ok(Some(part)),
            }
        }
    }

    fn start(&mut self, tag: BytesStart<'a>) -> Result<Element<'a>, Wrong> {
        if self.ended {
            return Err(self.wrong("a second root element"));
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.wrong(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        if memchr::memmem::find(&tag, b"xmlns").is_some() {
            self.declare(&tag)?;
        }
        let prefix = tag.name().prefix();
        let prefix = prefix.as_ref().map_or(&b""[..], AsRef::as_ref);
        let space = self.space(prefix).ok_or_else(|| {
            let prefix = String::from_utf8_lossy(prefix);
            self.wrong(format!("the namespace prefix {prefix:?} is not declared"))
        })?;
        Ok(Element {
            space,
            at: usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX),
            tag,
        })
    }

    fn end(&mut self) -> Part<'a> {
        let here = self.depth;
        while self.prefixes.pop_if(|(depth, ..)| *depth >= here).is_some() {}
        self.depth = here.saturating_sub(1);
        self.ended = self.depth == 0;
        Part::End
    }

    /// Takes in an element's declarations of namespaces.
    fn declare(&mut self, tag: &BytesStart<'_>) -> Result<(), Wrong> {
        for attribute in tag.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| self.wrong(error.to_string()))?;
            let prefix = match attribute.key.as_ref() {
                b"xmlns" => &[],
                key => match key.strip_prefix(b"xmlns:") {
                    Some(prefix) => prefix,
                    None => continue,
                },
            };
            if self.prefixes.len() == MAX_NAMESPACES {
                let reason = format!("more than {MAX_NAMESPACES} namespaces in force");
                return Err(self.wrong(reason));
            }
            // A reference in it could spell a known name in another way.
            let value = std::str::from_utf8(&attribute.value).unwrap_or_default();
            let value = unescape(value).map_err(|error| self.wrong(error.to_string()))?;
            let space = Space::of(value.as_bytes());
            self.prefixes.push((self.depth, prefix.to_vec(), space));
        }
        Ok(())
    }

    fn space(&self, prefix: &[u8]) -> Option<Space> {
        let mut prefixes = self.prefixes.iter().rev();
        match prefixes.find(|(_, known, _)| known == prefix) {
            Some((.., space)) => Some(*space),
            None if prefix.is_empty() || prefix == b"xml" => Some(Space::Other),
            None => None,
        }
    }

    fn resolve(&self, reference: &BytesRef<'a>) -> Result<Cow<'a, str>, Wrong> {
        let character = reference
            .resolve_char_ref()
            .map_err(|error| self.wrong(error.to_string()))?;
        if let Some(character) = character {
            return Ok(character.to_string().into());
        }
        let name = String::from_utf8_lossy(reference);
        match resolve_xml_entity(&name) {
            Some(text) => Ok(text.into()),
            None => {
                let known = "lt, gt, amp, apos and quot are known";
                Err(self.wrong(format!("entity &{name}; is not taken: {known}")))
            }
        }
    }
}
