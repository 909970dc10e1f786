//! Runs a policy natively, in its author's own unit tests, with a fake for each capability.
//!
//! ```
//! use touchstone_sdk::prelude::*;
//! use touchstone_sdk::testing::{Host, TestEvent};
//! use touchstone_sdk::data;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Blocked {}
//!
//! impl Policy for Blocked {
//!     fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
//!         let image: String = event.require("/image")?;
//!         let blocked: Vec<String> = data::get("lists/blocked")?.unwrap_or_default();
//!         Ok(match blocked.contains(&image) {
//!             true => Finding::deny("blocked", format!("{image} is blocked")).into(),
//!             false => Outcome::default(),
//!         })
//!     }
//! }
//!
//! let host = Host::new().grant("data", "lists/*").data(json!({"lists": {"blocked": ["nginx"]}}));
//! let event = TestEvent::new("image.pushed").data(json!({"image": "nginx"}));
//! let outcome = host.evaluate::<Blocked>(json!({}), event).unwrap();
//! assert_eq!(outcome.findings[0].id, "blocked");
//! ```

use std::cell::RefCell;
use std::time::SystemTime;

use serde_json::Value;

use crate::bindings::touchstone::policy::types::EventInfo;
use crate::policy::read_settings;
use crate::{Event, Image, Outcome, Policy, Problem, Undecided};

/// The host's own parser, so that the fake cannot disagree with it.
#[path = "../../host/src/image.rs"]
#[allow(
    dead_code,
    missing_docs,
    reason = "documented and used whole in the host"
)]
mod image;

thread_local! {
    static HOST: RefCell<Host> = RefCell::new(Host::new());
}

/// A fake of everything that a policy may import. Nothing but `event` and `log` is granted until it is said.
#[derive(Clone, Debug, Default)]
pub struct Host {
    data: Value,
    now: Option<SystemTime>,
    grants: Vec<(String, String)>,
    event: TestEvent,
    log: Vec<String>,
}

impl Host {
    /// With no data and no grants.
    pub fn new() -> Host {
        Host::default()
    }

    /// Grants a capability by a pattern, as `grants` in policy.yaml does.
    pub fn grant(mut self, capability: &str, pattern: &str) -> Host {
        self.grants
            .push((capability.to_owned(), pattern.to_owned()));
        self
    }

    /// The documents that `data` finds.
    pub fn data(mut self, data: Value) -> Host {
        self.data = data;
        self
    }

    /// The time that `clock` tells; the present when not given.
    pub fn now(mut self, now: SystemTime) -> Host {
        self.now = Some(now);
        self
    }

    /// What `configure` says about these settings; empty when nothing is wrong.
    pub fn configure<P: Policy>(self, settings: Value) -> Vec<Problem> {
        HOST.set(self);
        read_settings::<P>(&settings.to_string())
            .err()
            .unwrap_or_default()
    }

    /// Configures the policy and lets it judge the event.
    ///
    /// # Panics
    ///
    /// When the settings are wrong, with every problem.
    #[expect(
        clippy::panic,
        reason = "a test helper: wrong settings are a wrong test"
    )]
    pub fn evaluate<P: Policy>(
        mut self,
        settings: Value,
        event: TestEvent,
    ) -> Result<Outcome, Undecided> {
        self.event = event.clone();
        HOST.set(self);
        match read_settings::<P>(&settings.to_string()) {
            Ok(policy) => policy.evaluate(&Event::new(event.info())),
            Err(problems) => panic!("settings: {problems:#?}"),
        }
    }

    fn permits(&self, capability: &str, resource: &str) -> bool {
        self.grants
            .iter()
            .any(|(name, pattern)| name == capability && covers(pattern, resource))
    }
}

/// The lines that the last policy logged on this thread: `level: message key=value`.
pub fn logged() -> Vec<String> {
    HOST.with_borrow(|host| host.log.clone())
}

/// Segment by segment; `*` is one whole segment, and as the last one the rest.
fn covers(pattern: &str, resource: &str) -> bool {
    let mut parts = resource.split('/');
    let mut segments = pattern.split('/').peekable();
    while let Some(segment) = segments.next() {
        match (segment, parts.next()) {
            (_, None) => return false,
            ("*", Some(_)) if segments.peek().is_none() => return true,
            ("*", Some(_)) => {}
            (exact, Some(part)) if exact == part => {}
            _ => return false,
        }
    }
    parts.next().is_none()
}

/// An event for a test.
#[derive(Clone, Debug, Default)]
pub struct TestEvent {
    kind: String,
    subject: Option<String>,
    namespace: Option<String>,
    data: Value,
    images: Vec<(String, String)>,
}

impl TestEvent {
    /// Of a kind, with an empty document.
    pub fn new(kind: &str) -> TestEvent {
        TestEvent {
            kind: kind.to_owned(),
            data: Value::Object(Default::default()),
            ..TestEvent::default()
        }
    }

    /// Its document.
    pub fn data(mut self, data: Value) -> TestEvent {
        self.data = data;
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

    fn info(self) -> EventInfo {
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

/// The fake of `event`.
pub(crate) mod event {
    use super::{HOST, Image, image};
    use crate::ImageName;

    pub(crate) fn data() -> String {
        HOST.with_borrow(|host| host.event.data.to_string())
    }

    pub(crate) fn get(pointer: &str) -> Option<String> {
        HOST.with_borrow(|host| host.event.data.pointer(pointer).map(ToString::to_string))
    }

    pub(crate) fn images() -> Vec<Image> {
        let images = HOST.with_borrow(|host| host.event.images.clone());
        images
            .into_iter()
            .map(|(pointer, text)| Image {
                name: parse_image(&text),
                text,
                pointer,
            })
            .collect()
    }

    pub(crate) fn parse_image(text: &str) -> Result<ImageName, String> {
        let name = image::ImageName::parse(text).map_err(|error| error.to_string())?;
        let image::ImageName {
            registry,
            repository,
            tag,
            digest,
        } = name;
        Ok(ImageName {
            registry,
            repository,
            tag,
            digest,
        })
    }
}

/// The fake of `data`.
pub(crate) mod data {
    use super::HOST;
    use crate::Error;

    pub(crate) fn get(path: &str) -> Result<String, Error> {
        HOST.with_borrow(|host| {
            if !host.permits("data", path) {
                return Err(Error::Denied(format!("data {path:?} is not granted")));
            }
            let value = host
                .data
                .pointer(&format!("/{path}"))
                .map(ToString::to_string);
            value.ok_or_else(|| Error::NotFound(format!("data has nothing at {path:?}")))
        })
    }
}

/// The fake of `clock`.
pub(crate) mod clock {
    use std::time::{Duration, SystemTime};

    use super::HOST;
    use crate::Error;
    use crate::bindings::touchstone::policy::clock::Instant;

    pub(crate) fn now() -> Result<Instant, Error> {
        HOST.with_borrow(|host| {
            if !host.permits("clock", "now") {
                return Err(Error::Denied("clock \"now\" is not granted".to_owned()));
            }
            let now = host.now.unwrap_or_else(SystemTime::now);
            let since = now
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or(Duration::ZERO);
            Ok(Instant {
                seconds: since.as_secs().cast_signed(),
                nanoseconds: since.subsec_nanos(),
            })
        })
    }
}

/// The fake of `log`.
pub(crate) mod log {
    use super::HOST;
    use crate::bindings::touchstone::policy::log::LogLevel;

    pub(crate) fn write(level: LogLevel, message: &str, fields: &[(String, String)]) {
        let level = match level {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        };
        let fields: String = fields
            .iter()
            .map(|(key, value)| format!(" {key}={value}"))
            .collect();
        HOST.with_borrow_mut(|host| host.log.push(format!("{level}: {message}{fields}")));
    }
}
