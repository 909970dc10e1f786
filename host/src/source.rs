//! Where events come from. A document is recognised by its form; each form is a file in `source/` and a row here.

pub mod amqp;
mod cloudevents;
pub mod http;
pub mod kubernetes;
mod report;

use jiff::Timestamp;
use uuid::Uuid;

use crate::document::{Document, DocumentError};
use crate::evidence::{Candidate, Format, IdentityError, ReadError};
use crate::image::ImageError;
use crate::model::{Event, EventImage, MAX_IMAGES};

pub use self::report::reports;

/// Why a document is not an event.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SourceError {
    /// Not an acceptable document.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// An array, a string, …
    #[error("the document is not a JSON object")]
    NotAnObject,
    /// A known form, with something missing or wrong in it.
    #[error("{form}: {reason}")]
    Invalid {
        /// Which form it was taken for.
        form: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A scanner's report, with something wrong in it; or nothing that is known.
    #[error(transparent)]
    Report(#[from] ReadError),
    /// Reports do not belong together, or not to the image that was named.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// More than what is judged and recorded of one event.
    #[error("{0}")]
    TooMuch(String),
    /// A document of another form was needed.
    #[error("{found} where an {wanted} is needed")]
    WrongForm {
        /// What it is.
        found: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
}

/// Bytes of an event's id, kind, source, subject and namespace, and of each image's reference, at most: they are recorded as
/// they are, and answered.
const MAX_TEXT: usize = 2 << 10;

/// What an event gets when its document does not say.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// Kind of reports and bare documents; by their nature, if not given.
    pub kind: Option<String>,
    /// Source of all that name none.
    pub source: String,
    /// Id of those that name none; made up, if not given.
    pub id: Option<String>,
    /// The image that a report is about, whatever it says itself.
    pub image: Option<String>,
    /// The format that reports have to be of.
    pub format: Option<&'static Format>,
}

/// A form that documents come in.
struct Form {
    name: &'static str,
    detect: fn(&Document) -> bool,
    read: fn(Document, &Defaults) -> Result<Event, SourceError>,
}

/// Every form, the most particular first.
const FORMS: &[Form] = &[
    Form {
        name: "CloudEvent",
        detect: cloudevents::detect,
        read: cloudevents::structured,
    },
    Form {
        name: "ImageReview",
        detect: kubernetes::is_image_review,
        read: kubernetes::image_review,
    },
    Form {
        name: "AdmissionReview",
        detect: kubernetes::is_admission_review,
        read: kubernetes::admission_review,
    },
    Form {
        name: "report",
        detect: report::detect,
        read: report::read,
    },
    Form {
        name: "JSON document",
        detect: |_| true,
        read: plain,
    },
];

/// A key that every document has which is of a more particular form than a report.
const PARTICULAR: &[&str] = &["specversion", "apiVersion"];

/// Makes an event from what somebody sent: a JSON document of any form, or a scanner's report, which may be XML, a
/// Dockerfile, or compressed by gzip.
pub fn read_event(body: Vec<u8>, defaults: &Defaults) -> Result<Event, SourceError> {
    if defaults.format.is_some() {
        return reports(&[body], defaults);
    }
    let mut bytes = body.iter().copied();
    let first = bytes.find(|byte| !byte.is_ascii_whitespace());
    if body.starts_with(&[0x1f, 0x8b]) || first == Some(b'<') {
        return reports(&[body], defaults);
    }
    let text = String::from_utf8(body)
        .map_err(|error| DocumentError::NotUtf8(error.utf8_error().valid_up_to()))?;
    let candidate = Candidate::of(&text);
    if !matches!(first, Some(b'{' | b'[')) && candidate.is_report() {
        return reports(&[text.into_bytes()], defaults);
    }
    // A report is long, and nobody asks for the document that it is: its own reader is enough. What may be of another
    // form is looked at more closely.
    if candidate.is_report() && candidate.lacks(PARTICULAR) {
        let evidence = candidate.read(None);
        return report::of_text(text, evidence, defaults);
    }
    recognise(Document::parse(text)?, defaults)
}

/// Makes an event from a document of any form.
pub fn recognise(document: Document, defaults: &Defaults) -> Result<Event, SourceError> {
    if !document.is_object("") && !report::detect(&document) {
        return Err(SourceError::NotAnObject);
    }
    match FORMS.iter().find(|form| (form.detect)(&document)) {
        Some(form) => (form.read)(document, defaults),
        None => plain(document, defaults),
    }
}

/// What a document is called.
fn form_name(document: &Document) -> &'static str {
    FORMS
        .iter()
        .find(|form| (form.detect)(document))
        .map_or("JSON document", |form| form.name)
}

pub use self::cloudevents::{Attributes, binary};

/// An event that is nothing but its document.
pub fn plain(document: Document, defaults: &Defaults) -> Result<Event, SourceError> {
    event(Attributes::default(), document, defaults)
}

/// An event without a document.
pub fn undefined(defaults: &Defaults) -> Result<Event, SourceError> {
    plain(Document::none(), defaults)
}

/// An event, unless it says more of itself than what can be kept of one.
fn bounded(event: Event) -> Result<Event, SourceError> {
    let texts = [
        ("id", Some(&event.id)),
        ("kind", Some(&event.kind)),
        ("source", Some(&event.source)),
        ("subject", event.subject.as_ref()),
        ("namespace", event.namespace.as_ref()),
    ];
    let too_long = |text: &str| text.len() > MAX_TEXT;
    let long = texts
        .iter()
        .find(|(_, text)| text.is_some_and(|text| too_long(text)));
    if let Some((what, _)) = long {
        let text = format!("the event's {what} has more than {MAX_TEXT} bytes");
        return Err(SourceError::TooMuch(text));
    }
    if event.images.len() > MAX_IMAGES {
        let text = format!("the event is about more than {MAX_IMAGES} images");
        return Err(SourceError::TooMuch(text));
    }
    match event.images.iter().find(|image| too_long(&image.text)) {
        Some(image) => Err(SourceError::TooMuch(format!(
            "the image at {:?} has more than {MAX_TEXT} bytes",
            image.pointer
        ))),
        None => Ok(event),
    }
}

/// The images that a document of no known form names, and its sender. `image` that is no string is listed, too, as no
/// valid reference: what cannot be read must not look like nothing. So is a subject, unless there is an `image` and the
/// subject is something else.
fn named_images(document: &Document, subject: Option<&str>) -> Vec<EventImage> {
    let subject = subject.map(|text| EventImage::new(text, String::new()));
    if let Some(text) = document.str_at("/image") {
        let other = subject.filter(|subject| subject.text != text && subject.name.is_ok());
        return [EventImage::new(text, "/image".to_owned())]
            .into_iter()
            .chain(other)
            .collect();
    }
    match document.get("/image") {
        Some(other) if other != "null" => {
            let name = Err(ImageError::NotText);
            let unreadable = EventImage {
                text: other.chars().take(200).collect(),
                pointer: "/image".to_owned(),
                name,
            };
            [unreadable].into_iter().chain(subject).collect()
        }
        _ => subject.into_iter().collect(),
    }
}

/// Fills in what the sender left out.
fn event(
    attributes: Attributes,
    document: Document,
    defaults: &Defaults,
) -> Result<Event, SourceError> {
    let Attributes {
        id,
        kind,
        source,
        time,
        subject,
        namespace,
    } = attributes;
    let text = |pointer: &str| document.str_at(pointer).map(str::to_owned);
    let mut images = kubernetes::images(&document);
    if images.is_empty() {
        images.extend(named_images(&document, subject.as_deref()));
    }
    let subject = subject.or_else(|| text("/image"));
    bounded(Event {
        id: id
            .or_else(|| defaults.id.clone())
            .unwrap_or_else(|| Uuid::now_v7().to_string()),
        kind: kind
            .or_else(|| defaults.kind.clone())
            .unwrap_or_else(|| "event".to_owned()),
        source: source.unwrap_or_else(|| defaults.source.clone()),
        time: time.unwrap_or_else(Timestamp::now),
        subject,
        namespace: namespace.or_else(|| text("/namespace")),
        images,
        object: kubernetes::object(&document),
        document,
        query: None,
        evidence: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Event, SourceError> {
        let defaults = Defaults {
            source: "/test".into(),
            ..Defaults::default()
        };
        recognise(Document::parse(text.to_owned())?, &defaults)
    }

    fn images(event: &Event) -> Vec<(&str, &str)> {
        event
            .images
            .iter()
            .map(|image| (image.pointer.as_str(), image.text.as_str()))
            .collect()
    }

    #[test]
    fn every_form_detects_its_own_sample_and_nobody_elses() {
        let samples = [
            r#"{"specversion":"1.0","id":"1","source":"/s","type":"image.pushed"}"#,
            r#"{"apiVersion":"imagepolicy.k8s.io/v1alpha1","kind":"ImageReview","spec":{"containers":[{"image":"a"}]}}"#,
            r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1"}}"#,
            r#"{"format":"touchstone/evidence/v1","evidence":{}}"#,
            r#"{"image":"nginx"}"#,
        ];
        assert_eq!(samples.len(), FORMS.len());
        for (sample, form) in samples.iter().zip(FORMS) {
            let document = Document::parse((*sample).to_owned()).unwrap();
            assert_eq!(form_name(&document), form.name);
            assert!(
                recognise(document, &Defaults::default()).is_ok(),
                "{sample}"
            );
        }
    }

    #[test]
    fn a_bare_document_is_about_its_image() {
        let event = read(r#"{"image":"nginx:latest","level":3,"namespace":"shop"}"#).unwrap();
        assert_eq!(
            (event.kind.as_str(), event.source.as_str()),
            ("event", "/test")
        );
        assert_eq!(event.subject.as_deref(), Some("nginx:latest"));
        assert_eq!(event.namespace.as_deref(), Some("shop"));
        assert_eq!(images(&event), [("/image", "nginx:latest")]);
        assert!(read(r#"{"level":3}"#).unwrap().images.is_empty());
        for text in ["[]", "3", "\"x\"", "null"] {
            assert_eq!(read(text).unwrap_err(), SourceError::NotAnObject, "{text}");
        }
    }

    #[test]
    fn what_would_be_kept_of_an_event_is_bounded() {
        let review = |uid: &str, containers: &str| {
            let text = format!(
                r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"{uid}","object":{{"spec":{{"containers":[{containers}]}}}}}}}}"#
            );
            read(&text).map(|event| event.images.len())
        };
        let many = |count: usize| vec!["0"; count].join(",");
        let long = "x".repeat(MAX_TEXT + 1);
        assert_eq!(review("u", &many(MAX_IMAGES)), Ok(MAX_IMAGES));
        for (uid, containers, expected) in [
            ("u", many(MAX_IMAGES + 1), "more than 1000 images"),
            ("u", many(1_000_000), "more than 1000 images"),
            (&long, many(1), "the event's id has more than 2048 bytes"),
            (
                "u",
                format!(r#"{{"image":"{long}"}}"#),
                "\"/request/object/spec/containers/0/image\" has more than 2048 bytes",
            ),
        ] {
            let error = review(uid, &containers).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let error = read(&format!(r#"{{"image":"{long}"}}"#)).unwrap_err();
        assert!(error.to_string().contains("subject"), "{error}");
    }

    #[test]
    fn a_cloud_event_keeps_its_attributes() {
        let event = read(
            r#"{"specversion":"1.0","id":"7","source":"/registry","type":"image.pushed","subject":"ghcr.io/a/b:1",
                "time":"2026-01-02T03:04:05Z","namespace":"shop","data":{"x":[1]}}"#,
        )
        .unwrap();
        assert_eq!(
            (
                event.id.as_str(),
                event.kind.as_str(),
                event.source.as_str()
            ),
            ("7", "image.pushed", "/registry")
        );
        assert_eq!(event.time.to_string(), "2026-01-02T03:04:05Z");
        assert_eq!(event.document.text(), r#"{"x":[1]}"#);
        assert_eq!(images(&event), [("", "ghcr.io/a/b:1")]);
        let base64 = read(r#"{"specversion":"1.0","id":"7","source":"/s","type":"t","data_base64":"eyJhIjoxfQ=="}"#).unwrap();
        assert_eq!(base64.document.text(), r#"{"a":1}"#);
        for (text, expected) in [
            (
                r#"{"specversion":"0.3","id":"7","source":"/s","type":"t"}"#,
                "specversion",
            ),
            (r#"{"specversion":"1.0","source":"/s","type":"t"}"#, "id"),
            (
                r#"{"specversion":"1.0","id":"","source":"/s","type":"t"}"#,
                "id",
            ),
            (
                r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","time":"yesterday"}"#,
                "time",
            ),
            (
                r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"!"}"#,
                "data_base64",
            ),
            (
                r#"{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{},"data_base64":"e30="}"#,
                "data_base64",
            ),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(
                error.starts_with("CloudEvent: ") && error.contains(expected),
                "{error}"
            );
        }
    }

    #[test]
    fn an_image_review_names_each_container() {
        let event = read(
            r#"{"apiVersion":"imagepolicy.k8s.io/v1alpha1","kind":"ImageReview",
                "spec":{"containers":[{"image":"a:1"},{"image":"NOT AN IMAGE"}],"namespace":"production"}}"#,
        )
        .unwrap();
        assert_eq!(
            (event.kind.as_str(), event.namespace.as_deref()),
            ("image.review", Some("production"))
        );
        assert_eq!(
            images(&event),
            [
                ("/spec/containers/0/image", "a:1"),
                ("/spec/containers/1/image", "NOT AN IMAGE")
            ]
        );
        assert!(event.images[0].name.is_ok() && event.images[1].name.is_err());
        for spec in [
            r#"{}"#,
            r#"{"containers":[]}"#,
            r#"{"containers":{}}"#,
            r#"{"containers":[{}]}"#,
            r#"{"containers":[{"image":3}]}"#,
            "3",
        ] {
            let text = format!(
                r#"{{"apiVersion":"imagepolicy.k8s.io/v1alpha1","kind":"ImageReview","spec":{spec}}}"#
            );
            assert!(
                matches!(
                    read(&text),
                    Err(SourceError::Invalid {
                        form: "ImageReview",
                        ..
                    })
                ),
                "{spec}"
            );
        }
    }

    #[test]
    fn an_admission_review_names_every_container_of_every_workload() {
        let pod = r#"{"initContainers":[{"image":"i"}],"containers":[{"image":"c"},{"name":"none"}],"ephemeralContainers":[{"image":"e"}]}"#;
        for (kind, object, prefix) in [
            ("Pod", format!(r#"{{"spec":{pod}}}"#), "/spec"),
            (
                "Deployment",
                format!(r#"{{"spec":{{"template":{{"spec":{pod}}}}}}}"#),
                "/spec/template/spec",
            ),
            (
                "CronJob",
                format!(
                    r#"{{"spec":{{"jobTemplate":{{"spec":{{"template":{{"spec":{pod}}}}}}}}}}}"#
                ),
                "/spec/jobTemplate/spec/template/spec",
            ),
            (
                "PodTemplate",
                format!(r#"{{"template":{{"spec":{pod}}}}}"#),
                "/template/spec",
            ),
        ] {
            let text = format!(
                r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u","namespace":"shop","kind":{{"kind":"{kind}"}},"object":{object}}}}}"#
            );
            let event = read(&text).unwrap();
            assert_eq!(
                (event.kind.as_str(), event.id.as_str()),
                ("pod.review", "u")
            );
            let at = |rest: &str| format!("/request/object{prefix}/{rest}/image");
            let found: Vec<String> = event
                .images
                .iter()
                .map(|image| image.pointer.clone())
                .collect();
            assert_eq!(
                found,
                [
                    at("initContainers/0"),
                    at("containers/0"),
                    at("containers/1"),
                    at("ephemeralContainers/0")
                ],
                "{kind}"
            );
            assert!(event.images[2].name.is_err());
        }
        assert!(read(r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}"#).is_err());
    }
}
