//! CloudEvents 1.0: structured mode (one JSON object) and binary mode (attributes beside the data).

use base64::Engine as _;
use jiff::Timestamp;

use crate::document::Document;
use crate::model::Event;
use crate::source::{Defaults, SourceError, event, report};

const FORM: &str = "CloudEvent";

/// What a sender says about an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of Event")]
pub struct Attributes {
    pub id: Option<String>,
    pub kind: Option<String>,
    pub source: Option<String>,
    pub time: Option<Timestamp>,
    pub subject: Option<String>,
    pub namespace: Option<String>,
}

impl Attributes {
    /// From `id`, `source`, `type`, `specversion`, `time`, `subject` and the extension `namespace`.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Attributes, SourceError> {
        match get("specversion").as_deref() {
            Some("1.0") => {}
            other => {
                let found = other.unwrap_or("nothing");
                return Err(invalid(format!(
                    "specversion is {found}: only 1.0 is understood"
                )));
            }
        }
        let required = |name: &str| {
            let value = get(name).filter(|value| !value.is_empty());
            value
                .map(Some)
                .ok_or_else(|| invalid(format!("{name} is missing or not a text")))
        };
        let time = get("time").map(|time| {
            time.parse()
                .map_err(|_| invalid(format!("time {time:?} is not RFC 3339")))
        });
        Ok(Attributes {
            id: required("id")?,
            kind: required("type")?,
            source: required("source")?,
            time: time.transpose()?,
            subject: get("subject"),
            namespace: get("namespace"),
        })
    }
}

pub(super) fn detect(document: &Document) -> bool {
    document.str_at("/specversion").is_some() && document.str_at("/type").is_some()
}

/// An event whose attributes stand beside `data` or `data_base64` in one object.
pub(super) fn structured(document: Document, defaults: &Defaults) -> Result<Event, SourceError> {
    let attributes =
        Attributes::read(|name| document.str_at(&format!("/{name}")).map(str::to_owned))?;
    let data = match (document.part("/data"), document.part("/data_base64")) {
        (Some(_), Some(_)) => {
            return Err(invalid("both data and data_base64 are given".to_owned()));
        }
        (Some(data), None) => data,
        (None, Some(_)) => {
            let text = document.str_at("/data_base64").unwrap_or_default();
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(text)
                .map_err(|error| invalid(format!("data_base64 is not base64: {error}")))?;
            Document::parse_bytes(bytes)?
        }
        (None, None) => Document::parse("{}".to_owned())?,
    };
    binary(attributes, data, defaults)
}

/// An event whose attributes came beside its data, as HTTP headers do. The data may be a scanner's report.
pub fn binary(
    attributes: Attributes,
    data: Document,
    defaults: &Defaults,
) -> Result<Event, SourceError> {
    let evidence = report::evidence_in(&data, attributes.subject.as_deref(), defaults)?;
    Ok(Event {
        evidence,
        ..event(attributes, data, defaults)?
    })
}

fn invalid(reason: String) -> SourceError {
    SourceError::Invalid { form: FORM, reason }
}
