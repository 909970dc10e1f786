//! Scanners' reports as events: of kind `image.scanned`, about the image that the report is about, which it is itself
//! evidence of.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::document::Document;
use crate::evidence::{self, Evidence, IdentityError, ReadError};
use crate::image::ImageName;
use crate::model::{Event, EventImage};
use crate::source::{Defaults, SourceError};

/// The kind of a report that nobody gave another one.
const KIND: &str = "image.scanned";

pub(super) fn detect(document: &Document) -> bool {
    evidence::is_report(document.text())
}

/// What a JSON document tells of an image, if it is a report. One about another image than the event's subject is
/// refused.
pub(super) fn evidence_in(
    document: &Document,
    subject: Option<&str>,
    defaults: &Defaults,
) -> Result<Vec<Arc<Evidence>>, SourceError> {
    if !detect(document) {
        return Ok(Vec::new());
    }
    let mut evidence = evidence::read(document.text().as_bytes(), defaults.format)?;
    let subject = defaults.image.as_deref().or(subject);
    let parsed = subject.and_then(|subject| ImageName::parse(subject).ok());
    if let (Some(subject), Some(parsed)) = (subject, parsed) {
        let place = |name: ImageName| (name.registry, name.repository);
        let wanted = place(parsed);
        let names = &evidence.image.names;
        let mut told = names.iter().filter_map(|name| ImageName::parse(name).ok());
        if !names.is_empty() && !told.any(|name| place(name) == wanted) {
            return Err(SourceError::Identity(IdentityError::Other {
                told: names.join(", "),
                named: subject.to_owned(),
            }));
        }
        evidence::identify(std::slice::from_mut(&mut evidence), Some(subject))?;
    }
    Ok(vec![Arc::new(evidence::merge(vec![evidence]))])
}

/// A report in JSON.
pub(super) fn read(document: Document, defaults: &Defaults) -> Result<Event, SourceError> {
    let evidence = evidence::read(document.text().as_bytes(), defaults.format)?;
    about(vec![evidence], document, defaults)
}

/// A report in JSON that was read already. The document is parsed when a policy asks for something in it.
pub(super) fn of_text(
    text: String,
    evidence: Result<Evidence, ReadError>,
    defaults: &Defaults,
) -> Result<Event, SourceError> {
    let document = Document::unread(text);
    // What is wrong with it as a document says more than what a format misses in it.
    let evidence = evidence.map_err(|error| match document.check() {
        Ok(()) => SourceError::from(error),
        Err(error) => error.into(),
    })?;
    about(vec![evidence], document, defaults)
}

/// Reports in any form, all about one image.
pub fn reports(bodies: &[Vec<u8>], defaults: &Defaults) -> Result<Event, SourceError> {
    let evidence = bodies
        .iter()
        .map(|body| evidence::read(body, defaults.format));
    let evidence = evidence.collect::<Result<Vec<_>, _>>()?;
    let told: Vec<_> = evidence.iter().flat_map(|part| &part.reports).collect();
    let document = Document::parse(json!({ "reports": told }).to_string())?;
    about(evidence, document, defaults)
}

fn about(
    mut evidence: Vec<Evidence>,
    document: Document,
    defaults: &Defaults,
) -> Result<Event, SourceError> {
    evidence::identify(&mut evidence, defaults.image.as_deref())?;
    let now = Timestamp::now();
    for report in evidence.iter_mut().flat_map(|part| &mut part.reports) {
        report.received = Some(now);
    }
    let scanned = evidence.iter().filter_map(Evidence::time).max();
    let own = || {
        let mut names = evidence.iter().flat_map(|part| &part.image.names);
        names.find(|name| ImageName::parse(name).is_ok()).cloned()
    };
    let subject = defaults.image.clone().or_else(own);
    let image = subject
        .as_ref()
        .map(|text| EventImage::new(text, String::new()));
    let evidence = evidence
        .into_iter()
        .map(|part| Arc::new(evidence::merge(vec![part])));
    super::bounded(Event {
        id: defaults
            .id
            .clone()
            .unwrap_or_else(|| Uuid::now_v7().to_string()),
        kind: defaults.kind.clone().unwrap_or_else(|| KIND.to_owned()),
        source: defaults.source.clone(),
        time: scanned.unwrap_or(now),
        subject,
        namespace: None,
        images: image.into_iter().collect(),
        document,
        object: "",
        query: None,
        evidence: evidence.collect(),
    })
}
