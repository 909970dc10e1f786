//! The event under judgement.

use serde::de::DeserializeOwned;

use crate::Undecided;
use crate::bindings::touchstone::policy::types::EventInfo;
use crate::bindings::touchstone::policy::types::{Image, ImageName};

#[cfg(target_arch = "wasm32")]
use crate::bindings::touchstone::policy::event as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::event as host;

/// The event under judgement. Its metadata is here; its document stays in the host until it is asked for.
#[derive(Clone, Debug)]
pub struct Event {
    /// Unique together with `source`.
    pub id: String,
    /// `image.review`, `pod.review`, … or a kind of your own.
    pub kind: String,
    /// URI reference of the sender.
    pub source: String,
    /// RFC 3339.
    pub time: String,
    /// What it is about, usually an image reference, as it was written.
    pub subject: Option<String>,
    /// The Kubernetes namespace, or its like.
    pub namespace: Option<String>,
}

impl Event {
    pub(crate) fn new(info: EventInfo) -> Event {
        let EventInfo {
            id,
            kind,
            source,
            time,
            subject,
            namespace,
        } = info;
        Event {
            id,
            kind,
            source,
            time,
            subject,
            namespace,
        }
    }

    /// The whole document. For small ones; of a large one, [`get`](Event::get) what is needed.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, Undecided> {
        read("", &host::data())
    }

    /// The whole document as JSON text; `null` when the event has none.
    pub fn text(&self) -> String {
        host::data()
    }

    /// The whole document as JSON text; nothing when the event has none, which is not the same as `null`.
    pub fn document(&self) -> Option<String> {
        host::get("")
    }

    /// The value at an RFC 6901 pointer: `event.get::<u32>("/spec/replicas")?`. Nothing when there is no such place; an
    /// error when what is there is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, pointer: &str) -> Result<Option<T>, Undecided> {
        host::get(pointer)
            .map(|text| read(pointer, &text))
            .transpose()
    }

    /// Like [`get`](Event::get), where the policy cannot decide without the value.
    pub fn require<T: DeserializeOwned>(&self, pointer: &str) -> Result<T, Undecided> {
        self.get(pointer)?
            .ok_or_else(|| Undecided::new(format!("the document has nothing at {pointer}")))
    }

    /// The images that the event is about, each with what is known of it; for a report that names no image, what it
    /// tells.
    pub fn subjects(&self) -> Vec<crate::evidence::Subject> {
        crate::evidence::subjects(self.images())
    }

    /// What is asked of a policy that keeps documents of its own, besides its judgement: the path of one of them, which it
    /// answers in [`Outcome::value`](crate::Outcome). Nothing for most events.
    pub fn query(&self) -> Option<String> {
        host::query()
    }

    /// The images that the event is about, in document order.
    pub fn images(&self) -> Vec<Image> {
        host::images()
    }
}

impl Image {
    /// Its parts; a policy that cannot do without them leaves the decision to `onError` when it has none.
    pub fn name(&self) -> Result<&ImageName, Undecided> {
        let invalid = |why: &String| {
            Undecided::new(format!("{:?} is not an image reference: {why}", self.text))
        };
        self.name.as_ref().map_err(invalid)
    }
}

impl ImageName {
    /// Takes an image reference apart, by the host's parser. The error says why it is none.
    pub fn parse(text: &str) -> Result<ImageName, String> {
        host::parse_image(text)
    }

    /// `docker.io/library/nginx`: the name without tag and digest.
    pub fn full_repository(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }
}

fn read<T: DeserializeOwned>(pointer: &str, text: &str) -> Result<T, Undecided> {
    from_json(text).map_err(|(path, message)| {
        let place = format!("{pointer}{path}");
        let place = if place.is_empty() {
            "the document"
        } else {
            &place
        };
        Undecided::new(format!("{place}: {message}"))
    })
}

/// Reads a whole JSON text, or says where (as a pointer) and why it is no `T`.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, (String, String)> {
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        (
            crate::settings::pointer(error.path()),
            error.inner().to_string(),
        )
    })
}
