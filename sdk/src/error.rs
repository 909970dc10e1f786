//! Why a host call did not answer: the contract's `error`, printed in the host's words.

use std::fmt;

/// Why a host call did not answer.
///
/// In a policy's `evaluate`, `?` turns it into "cannot decide", with the host's words as the reason. Match on it where
/// the policy has something better to do:
///
/// ```
/// use touchstone_sdk::prelude::*;
/// use touchstone_sdk::{Error, http};
///
/// /// An inventory that is down keeps nobody from working.
/// fn is_known(image: &str) -> Result<bool, Undecided> {
///     match http::get(format!("https://inventory.example.com/{image}")).send() {
///         Ok(response) => Ok(response.status == 200),
///         Err(Error::Unavailable(_)) => Ok(true),
///         Err(error) => Err(error.into()),
///     }
/// }
/// # let denied = is_known("web").unwrap_err();
/// # assert_eq!(denied.reason(), "http \"https://inventory.example.com/web\" is not granted");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Not granted in policy.yaml; names what was asked for.
    Denied(String),
    /// There is no such thing.
    NotFound(String),
    /// It exists, but cannot be reached now.
    Unavailable(String),
    /// The request makes no sense.
    Invalid(String),
    /// A budget is used up.
    Exhausted(String),
}

impl Error {
    /// What was asked for, in words.
    pub fn message(&self) -> &str {
        match self {
            Error::Denied(text)
            | Error::NotFound(text)
            | Error::Unavailable(text)
            | Error::Invalid(text)
            | Error::Exhausted(text) => text,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Error {}
