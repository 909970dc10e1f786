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

mod actions;
mod answers;
mod grants;
mod keys;
mod known;
mod test_event;

use std::cell::RefCell;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use self::answers::Answer;
use self::grants::Grant;
use self::keys::Keys;
use crate::policy::read_settings;
use crate::{Event, Image, Outcome, Policy, Problem, Undecided};

pub use self::actions::Staged;
pub use self::test_event::TestEvent;

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
    grants: Vec<Grant>,
    answers: Vec<Answer>,
    keys: Keys,
    event: TestEvent,
    log: Vec<String>,
    staged: Vec<Staged>,
}

impl Host {
    /// With no data and no grants.
    pub fn new() -> Host {
        Host::default()
    }

    /// Grants a capability by a pattern, as `grants` in policy.yaml does.
    pub fn grant(mut self, capability: &str, pattern: &str) -> Host {
        self.grants.push(Grant {
            capability: capability.to_owned(),
            pattern: pattern.to_owned(),
            credentials: Vec::new(),
        });
        self
    }

    /// Lists credentials in the grant that was given last, as its `credentials` in policy.yaml does.
    pub fn credentials(mut self, name: &str) -> Host {
        if let Some(grant) = self.grants.last_mut() {
            grant.credentials.push(name.to_owned());
        }
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

    /// What `http` finds at a URL, written as the policy writes it; the others are unavailable.
    pub fn answer(mut self, url: &str, status: u16, body: impl AsRef<[u8]>) -> Host {
        self.answers.push(Answer {
            url: url.to_owned(),
            status,
            headers: Vec::new(),
            body: body.as_ref().to_owned(),
        });
        self
    }

    /// Adds a header to the answer that was given last.
    pub fn header(mut self, name: &str, value: &str) -> Host {
        if let Some(answer) = self.answers.last_mut() {
            let header = (name.to_ascii_lowercase(), value.to_owned());
            answer.headers.push(header);
        }
        self
    }

    /// What the policy finds in its `store`, as version 1.
    pub fn stored(mut self, key: &str, value: Value) -> Host {
        self.keys.put(key, &value.to_string(), None);
        self
    }

    /// What `configure` says about these settings; empty when nothing is wrong.
    pub fn configure<P: Policy>(self, settings: Value) -> Vec<Problem> {
        HOST.set(self);
        read_settings::<P>(&settings.to_string())
            .err()
            .unwrap_or_default()
    }

    /// Configures the policy and lets it judge the event. When it cannot decide, what it staged is forgotten.
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
        let before = self.keys.clone();
        HOST.set(self);
        let outcome = match read_settings::<P>(&settings.to_string()) {
            Ok(policy) => {
                // What was staged while it was configured was only looked at.
                HOST.with_borrow_mut(|host| host.staged.clear());
                policy.evaluate(&Event::new(event.info()))
            }
            Err(problems) => panic!("settings: {problems:#?}"),
        };
        if outcome.is_err() {
            HOST.with_borrow_mut(|host| {
                host.keys = before;
                host.staged.clear();
            });
        }
        outcome
    }
}

/// The lines that the last policy logged on this thread: `level: message key=value`.
pub fn logged() -> Vec<String> {
    HOST.with_borrow(|host| host.log.clone())
}

/// The actions that the last policy staged on this thread, in order.
pub fn staged() -> Vec<Staged> {
    HOST.with_borrow(|host| host.staged.clone())
}

/// What the last policy on this thread left at a key of its store.
pub fn stored(key: &str) -> Option<Value> {
    HOST.with_borrow(|host| host.keys.value(key))
}

/// How long what the last policy on this thread left at a key is kept; nothing when for good.
pub fn stored_for(key: &str) -> Option<Duration> {
    HOST.with_borrow(|host| host.keys.ttl(key))
}

/// The fake of `event`.
pub(crate) mod event {
    use super::{HOST, Image, image};
    use crate::ImageName;

    pub(crate) fn data() -> String {
        HOST.with_borrow(|host| host.event.data.to_string())
    }

    pub(crate) fn get(pointer: &str) -> Option<String> {
        HOST.with_borrow(|host| {
            let data = host.event.has_document.then_some(&host.event.data);
            data?.pointer(pointer).map(ToString::to_string)
        })
    }

    pub(crate) fn query() -> Option<String> {
        HOST.with_borrow(|host| host.event.query.clone())
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

/// The fake of `evidence`.
pub(crate) mod evidence {
    pub(crate) use super::known::*;
}

/// The fake of `data`.
pub(crate) mod data {
    use super::HOST;
    use super::grants::{Resource, allow};
    use crate::Error;

    pub(crate) fn get(path: &str) -> Result<String, Error> {
        HOST.with_borrow(|host| {
            allow(&host.grants, "data", &Resource::Path(path))?;
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
    use super::grants::{Resource, allow};
    use crate::Error;
    use crate::bindings::touchstone::policy::clock::Instant;

    pub(crate) fn now() -> Result<Instant, Error> {
        HOST.with_borrow(|host| {
            allow(&host.grants, "clock", &Resource::Path("now"))?;
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

/// The fake of `http`.
pub(crate) mod http {
    pub(crate) use super::answers::fetch;
}

/// The fake of `store`.
pub(crate) mod store {
    pub(crate) use super::keys::{compare_and_swap, delete, get, list, put};
}

/// The fake of `webhook`.
pub(crate) mod webhook {
    pub(crate) use super::actions::webhook as stage;
}

/// The fake of `command`.
pub(crate) mod command {
    pub(crate) use super::actions::command as stage;
}

/// The fake of `queue`.
pub(crate) mod queue {
    pub(crate) use super::actions::queue as stage;
}

/// The fake of `notify`.
pub(crate) mod notify {
    pub(crate) use super::actions::notify as stage;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    /// Leaves its traces, and then decides or does not.
    #[derive(Deserialize, JsonSchema)]
    struct Example {
        decides: bool,
    }

    impl Policy for Example {
        fn evaluate(&self, _: &Event) -> Result<Outcome, Undecided> {
            crate::store::put("seen", &2)?;
            crate::command::run("mark").stage()?;
            if self.decides {
                return Ok(Outcome::default());
            }
            crate::command::run("format").stage()?;
            Ok(Outcome::default())
        }
    }

    #[test]
    fn a_policy_that_cannot_decide_leaves_nothing_behind() {
        let judge = |decides| {
            let host = Host::new()
                .grant("command", "mark")
                .grant("store", "seen")
                .stored("seen", json!(1));
            host.evaluate::<Example>(json!({"decides": decides}), TestEvent::new("event"))
        };
        assert!(judge(true).is_ok());
        assert_eq!((staged().len(), stored("seen")), (1, Some(json!(2))));
        assert_eq!(
            judge(false).unwrap_err().reason(),
            "command \"format\" is not granted"
        );
        assert_eq!((staged().len(), stored("seen")), (0, Some(json!(1))));
    }
}
