//! The events that tests let policies judge.

use serde_json::Value;

use crate::bindings::touchstone::policy::types::EventInfo;

/// An event for a test.
#[derive(Clone, Debug, Default)]
pub struct TestEvent {
    kind: String,
    subject: Option<String>,
    namespace: Option<String>,
    pub(super) data: Value,
    pub(super) has_document: bool,
    pub(super) query: Option<String>,
    pub(super) images: Vec<(String, String)>,
    /// What is known of each image; that of place 0 may be there without an image.
    pub(super) evidence: Vec<Option<Value>>,
}

impl TestEvent {
    /// Of a kind, with an empty document.
    pub fn new(kind: &str) -> TestEvent {
        TestEvent {
            kind: kind.to_owned(),
            data: Value::Object(Default::default()),
            has_document: true,
            ..TestEvent::default()
        }
    }

    /// Its document.
    pub fn data(mut self, data: Value) -> TestEvent {
        self.data = data;
        self
    }

    /// Without a document, not even an empty one.
    pub fn without_document(mut self) -> TestEvent {
        (self.data, self.has_document) = (Value::Null, false);
        self
    }

    /// What is asked of the policy besides: the path of a document of its own.
    pub fn query(mut self, path: &str) -> TestEvent {
        self.query = Some(path.to_owned());
        self
    }

    /// What it is about.
    pub fn subject(mut self, subject: &str) -> TestEvent {
        self.subject = Some(subject.to_owned());
        self
    }

    /// Where it belongs.
    pub fn namespace(mut self, namespace: &str) -> TestEvent {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// An image that it is about. The host finds them in the document; here they are given.
    pub fn image(mut self, pointer: &str, text: &str) -> TestEvent {
        self.images.push((pointer.to_owned(), text.to_owned()));
        self
    }

    /// What is known of the image that was added last, or of what the event is about when it has none: as `touchstone
    /// evidence show -o json` prints it. What is left out, nobody looked for.
    pub fn evidence(mut self, evidence: Value) -> TestEvent {
        self.evidence.resize(self.images.len().max(1), None);
        if let Some(last) = self.evidence.last_mut() {
            *last = Some(evidence);
        }
        self
    }

    pub(super) fn info(self) -> EventInfo {
        let TestEvent {
            kind,
            subject,
            namespace,
            ..
        } = self;
        let (id, source) = ("test".to_owned(), "/test".to_owned());
        EventInfo {
            id,
            kind,
            source,
            time: "2026-01-01T00:00:00Z".to_owned(),
            subject,
            namespace,
        }
    }
}
