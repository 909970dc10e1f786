//! The policy's own memory from one decision to the next. Granted by key patterns: `store: ["seen/*"]`. No other policy
//! sees it.
//!
//! Writes are committed together with the decision, all or none, and not at all when the policy breaks or cannot decide,
//! only monitors, or the decision is a dry run. Within the decision they are seen at once.
//!
//! A key has 1 to 512 bytes without control characters, its segments separated by `/`; a value has up to 64 KiB of JSON.
//! All functions answer [`Error::Denied`] when no grant covers the key, [`Error::Invalid`] for a key or value that is too
//! long, [`Error::Unavailable`] when the state cannot be read, [`Error::Exhausted`] when a budget is used up.
//!
//! ```
//! # use touchstone_sdk::prelude::*;
//! use std::time::Duration;
//! use touchstone_sdk::store;
//! # #[derive(Deserialize, JsonSchema)]
//! # struct Example {}
//!
//! # impl Policy for Example {
//! fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
//!     let subject = event.subject.as_deref().unwrap_or("nothing");
//!     let key = store::key(["seen", subject]);
//!     let times = store::get::<u64>(&key)?.unwrap_or(0) + 1;
//!     store::put_for(&key, &times, Duration::from_secs(24 * 3600))?;
//!     Ok(Finding::info("seen", format!("{subject}: {times} times")).into())
//! }
//! # }
//! # use touchstone_sdk::testing::{self, Host, TestEvent};
//! # let host = Host::new().grant("store", "seen/*").stored("seen/acme~1web", json!(2));
//! # let event = TestEvent::new("image.pushed").subject("acme/web");
//! # let outcome = host.evaluate::<Example>(json!({}), event).unwrap();
//! # assert_eq!(outcome.findings[0].message, "acme/web: 3 times");
//! # assert_eq!(testing::stored("seen/acme~1web"), Some(json!(3)));
//! # assert_eq!(testing::stored_for("seen/acme~1web"), Some(Duration::from_secs(24 * 3600)));
//! ```

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::action::to_json;
use crate::{Error, Undecided};

#[cfg(target_arch = "wasm32")]
use crate::bindings::touchstone::policy::store as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::store as host;

pub use crate::bindings::touchstone::policy::store::Entry;

/// The most keys that the host lists at once.
const MAX_LIST: u32 = 1000;

/// Joins segments to a key, so that a slash within one does not end it: `key(["seen", "a/b"])` is `seen/a~1b`.
pub fn key<'a>(segments: impl IntoIterator<Item = &'a str>) -> String {
    crate::data::path(segments)
}

/// The value of a key; nothing when there is none. An error when it cannot be read, or is not a `T`.
pub fn get<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Undecided> {
    let Some(entry) = entry(key)? else {
        return Ok(None);
    };
    entry
        .json()
        .map(Some)
        .map_err(|why| Undecided::new(format!("store at {key}: {}", why.reason())))
}

/// A key with its version, its value as the text that it is kept as.
pub fn entry(key: &str) -> Result<Option<Entry>, Error> {
    host::get(key)
}

/// The keys that start with a prefix, in byte order, with their entries; the first 1000 of those that are granted.
///
/// The prefix has to be granted like a key: by `seen/*` it is `seen/`, not `seen`.
pub fn list(prefix: &str) -> Result<Vec<(String, Entry)>, Error> {
    host::list(prefix, MAX_LIST)
}

/// Writes, whatever is there.
pub fn put<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<(), Error> {
    host::put(key, &to_json(value)?, None)
}

/// Like [`put`]; after that time, in whole seconds, it is gone by itself.
pub fn put_for<T: Serialize + ?Sized>(key: &str, value: &T, ttl: Duration) -> Result<(), Error> {
    host::put(key, &to_json(value)?, Some(seconds(ttl)))
}

/// Deletes; nothing happens where there is nothing.
pub fn delete(key: &str) -> Result<(), Error> {
    host::delete(key)
}

/// Writes only if the version is still the expected one (nothing: if there is no such key), and answers whether it was.
///
/// When another decision changes the key before this one is committed, this one is judged again from the start. So this
/// is how to count, or to let only one of several come first.
pub fn compare_and_swap<T: Serialize + ?Sized>(
    key: &str,
    expected: Option<u64>,
    value: &T,
) -> Result<bool, Error> {
    host::compare_and_swap(key, expected, &to_json(value)?, None)
}

/// Like [`compare_and_swap`]; after that time, in whole seconds, what was written is gone by itself.
pub fn compare_and_swap_for<T: Serialize + ?Sized>(
    key: &str,
    expected: Option<u64>,
    value: &T,
    ttl: Duration,
) -> Result<bool, Error> {
    host::compare_and_swap(key, expected, &to_json(value)?, Some(seconds(ttl)))
}

impl Entry {
    /// The value read from JSON. An error when it is not a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Undecided> {
        crate::event::from_json(&self.value).map_err(|(path, message)| match path.as_str() {
            "" => Undecided::new(message),
            path => Undecided::new(format!("{path}: {message}")),
        })
    }
}

/// Rounded up, so that a short time is not none.
fn seconds(ttl: Duration) -> u64 {
    let started = u64::from(ttl.subsec_nanos() > 0);
    ttl.as_secs().saturating_add(started)
}
