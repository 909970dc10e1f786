//! The documents that the host loaded from its data folders. Granted by path patterns: `data: ["clair/*"]`.

use serde::de::DeserializeOwned;

use crate::{Error, Undecided};

#[cfg(target_arch = "wasm32")]
use crate::bindings::touchstone::policy::data as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::data as host;

/// The value at a path as JSON text. Errors: [`Error::Denied`], [`Error::NotFound`].
pub fn text(path: &str) -> Result<String, Error> {
    host::get(path)
}

/// The value at a path; nothing when there is none. An error when the path is not granted, or the value not a `T`.
///
/// Build paths with [`path`]: keys may hold slashes.
pub fn get<T: DeserializeOwned>(path: &str) -> Result<Option<T>, Undecided> {
    match text(path) {
        Ok(text) => serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| Undecided::new(format!("data at {path}: {error}"))),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(Undecided::new(error.message())),
    }
}

/// Joins keys to a path: `path(["clair", "a/b"])` is `clair/a~1b`.
pub fn path<'a>(keys: impl IntoIterator<Item = &'a str>) -> String {
    let escaped: Vec<String> = keys
        .into_iter()
        .map(|key| key.replace('~', "~0").replace('/', "~1"))
        .collect();
    escaped.join("/")
}
