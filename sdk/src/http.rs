//! Facts from elsewhere, read during the decision. Granted by URL patterns: `http: ["https://api.example.com/*"]`.
//!
//! A grant may be a mapping, which can also lend credentials of touchstone.yaml, allow private addresses, and say how
//! long an answer is kept and how large it may be:
//! `{pattern: "https://10.1.2.3/*", allowPrivate: true, credentials: [inventory], ttl: 1m, size: 2MiB}`.
//!
//! ```
//! # use touchstone_sdk::prelude::*;
//! use std::time::Duration;
//! use touchstone_sdk::http;
//! # #[derive(Deserialize, JsonSchema)]
//! # struct Example {}
//!
//! # impl Policy for Example {
//! fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
//!     let mut outcome = Outcome::default();
//!     for image in event.images() {
//!         let name = image.name()?;
//!         let owner = http::get(format!("https://inventory.example.com/owners/{}", name.repository))
//!             .credentials("inventory")
//!             .timeout(Duration::from_millis(200))
//!             .send()?;
//!         match owner.status {
//!             200 if owner.json::<Vec<String>>()?.is_empty() => {
//!                 outcome.push(Finding::deny("no-owner", "nobody owns it").on(&image.text));
//!             }
//!             200 => {}
//!             status => return Err(Undecided::new(format!("the inventory answered {status}"))),
//!         }
//!     }
//!     Ok(outcome)
//! }
//! # }
//! # use touchstone_sdk::testing::{Host, TestEvent};
//! # let host = Host::new().grant("http", "https://inventory.example.com/*").credentials("inventory")
//! #     .answer("https://inventory.example.com/owners/library/nginx", 200, "[]");
//! # let event = TestEvent::new("image.review").image("/spec/containers/0/image", "nginx");
//! # let outcome = host.evaluate::<Example>(json!({}), event).unwrap();
//! # assert_eq!(outcome.findings[0].id, "no-owner");
//! ```

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::action::to_json;
use crate::bindings::touchstone::policy::http as types;
use crate::{Error, Undecided};

#[cfg(target_arch = "wasm32")]
use crate::bindings::touchstone::policy::http as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::http as host;

/// A request that is being put together.
#[derive(Clone, Debug)]
#[must_use = "nothing is asked before it is sent"]
pub struct Request {
    request: types::Request,
    /// What went wrong while it was put together; told when it is sent.
    wrong: Option<Error>,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Response {
    /// Whatever it was, 404 and 500 included.
    pub status: u16,
    /// Names in lower case, in the order of the answer.
    pub headers: Vec<(String, String)>,
    /// Up to 1 MiB, or what the grant's `size` says.
    pub body: Vec<u8>,
    url: String,
}

/// A GET of a URL: `http` or `https`, without user and password.
pub fn get(url: impl Into<String>) -> Request {
    Request::new(types::Method::Get, url.into())
}

/// Like [`get`], for status and headers alone.
pub fn head(url: impl Into<String>) -> Request {
    Request::new(types::Method::Head, url.into())
}

/// A question that needs a body. It must not change anything, since a decision may be repeated: to change something,
/// stage a [`webhook`](crate::webhook).
pub fn post(url: impl Into<String>) -> Request {
    Request::new(types::Method::Post, url.into())
}

impl Request {
    fn new(method: types::Method, url: String) -> Request {
        let request = types::Request {
            method,
            url,
            headers: Vec::new(),
            credentials: None,
            body: Vec::new(),
            timeout: None,
        };
        Request {
            request,
            wrong: None,
        }
    }

    /// Adds a header. `host`, `content-length` and those of the connection are the host's.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Request {
        self.request.headers.push((name.into(), value.into()));
        self
    }

    /// Credentials by their name in touchstone.yaml, which the grant has to list: the host adds their headers, the policy
    /// never sees them.
    pub fn credentials(mut self, name: impl Into<String>) -> Request {
        self.request.credentials = Some(name.into());
        self
    }

    /// At most how long, in milliseconds, rounded up; the rest of the decision's time, if that is less or nothing is said.
    pub fn timeout(mut self, timeout: Duration) -> Request {
        let millis = timeout.as_nanos().div_ceil(1_000_000);
        self.request.timeout = Some(u32::try_from(millis).unwrap_or(u32::MAX));
        self
    }

    /// The body of a [`post`], as it is.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Request {
        self.request.body = body.into();
        self
    }

    /// The body of a [`post`] as JSON, with the header that says so.
    pub fn json<T: Serialize + ?Sized>(mut self, body: &T) -> Request {
        match to_json(body) {
            Ok(text) => self.header("content-type", "application/json").body(text),
            Err(error) => {
                self.wrong = Some(error);
                self
            }
        }
    }

    /// Asks and waits. Up to five redirects are followed, each only if a grant covers where it leads.
    ///
    /// Errors: [`Error::Denied`] when no grant covers the URL, its credentials or a redirect; [`Error::Invalid`] when the
    /// request makes no sense; [`Error::NotFound`] when touchstone.yaml has no such credentials; [`Error::Unavailable`]
    /// when there is no answer in time, or the address is private and that is not allowed; [`Error::Exhausted`] when the
    /// answer is too large or a budget is used up.
    pub fn send(self) -> Result<Response, Error> {
        if let Some(error) = self.wrong {
            return Err(error);
        }
        let types::Response {
            status,
            headers,
            body,
        } = host::fetch(&self.request)?;
        Ok(Response {
            status,
            headers,
            body,
            url: self.request.url,
        })
    }
}

impl Response {
    /// The first header of that name, in whatever case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text. An error when it is not UTF-8.
    pub fn text(&self) -> Result<&str, Undecided> {
        std::str::from_utf8(&self.body).map_err(|error| self.strange(&error.to_string()))
    }

    /// The body read from JSON. An error when it is not a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Undecided> {
        crate::event::from_json(self.text()?).map_err(|(path, message)| match path.as_str() {
            "" => self.strange(&message),
            path => self.strange(&format!("{path}: {message}")),
        })
    }

    fn strange(&self, why: &str) -> Undecided {
        Undecided::new(format!("{} answered {}: {why}", self.url, self.status))
    }
}
