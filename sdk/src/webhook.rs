//! Tells another system over HTTP, after the decision. Granted by URL patterns:
//! `webhook: ["https://hooks.example.com/*"]`.
//!
//! A grant may be a mapping, which can also lend credentials of touchstone.yaml and set budgets:
//! `{pattern: "https://hooks.example.com/*", credentials: [hooks], perDecision: 2, perMinute: 60}`.
//!
//! ```
//! # use touchstone_sdk::prelude::*;
//! use touchstone_sdk::webhook;
//! # #[derive(Deserialize, JsonSchema)]
//! # struct Example {}
//!
//! # impl Policy for Example {
//! fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
//!     let (image, level): (String, u8) = (event.require("/image")?, event.require("/level")?);
//!     webhook::post("https://hooks.example.com/scan")
//!         .json(&json!({"image": image, "level": level}))
//!         .credentials("hooks")
//!         .when(Condition::Denied)
//!         .key(format!("{image} {level}"))
//!         .stage()?;
//!     Ok(Finding::deny("scan-level", format!("the scan found level {level}")).into())
//! }
//! # }
//! # use touchstone_sdk::testing::{self, Host, TestEvent};
//! # let host = Host::new().grant("webhook", "https://hooks.example.com/*").credentials("hooks");
//! # let event = TestEvent::new("image.scanned").data(json!({"image": "nginx", "level": 5}));
//! # host.evaluate::<Example>(json!({}), event).unwrap();
//! # let staged = testing::staged();
//! # assert_eq!((staged[0].kind, staged[0].key.as_deref()), ("webhook", Some("nginx 5")));
//! # assert_eq!(staged[0].request["body"], json!({"image": "nginx", "level": 5}));
//! ```

use serde::Serialize;

use crate::action::Stage;
use crate::bindings::touchstone::policy::types::Terms;
use crate::{Action, Error};

#[cfg(target_arch = "wasm32")]
use crate::bindings::touchstone::policy::webhook as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::webhook as host;

pub use crate::bindings::touchstone::policy::webhook::{Method, Request};

/// A POST to a URL, of the body `null` until another is given. `http` or `https`, without user and password.
///
/// 2xx is done; 408, 425, 429, 5xx and no answer are tried again; anything else has failed. Redirects are not followed.
pub fn post(url: impl Into<String>) -> Action<Request> {
    request(Method::Post, url.into())
}

/// Like [`post`], by PUT.
pub fn put(url: impl Into<String>) -> Action<Request> {
    request(Method::Put, url.into())
}

fn request(method: Method, url: String) -> Action<Request> {
    Action::new(Request {
        method,
        url,
        headers: Vec::new(),
        credentials: None,
        body: "null".to_owned(),
    })
}

impl Action<Request> {
    /// Adds a header. `host`, `content-length`, `content-type`, `idempotency-key`, those of the connection and `webhook-…`
    /// are the host's.
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Action<Request> {
        self.change(|request| request.headers.push((name.into(), value.into())))
    }

    /// The body.
    pub fn json<T: Serialize + ?Sized>(self, body: &T) -> Action<Request> {
        self.change_json(body, |request, text| request.body = text)
    }

    /// Credentials by their name in touchstone.yaml, which the grant has to list: the host adds their headers and signs
    /// the body; the policy never sees them.
    pub fn credentials(self, name: impl Into<String>) -> Action<Request> {
        self.change(|request| request.credentials = Some(name.into()))
    }
}

impl Stage for Request {
    fn stage(&self, terms: &Terms) -> Result<(), Error> {
        host::stage(self, terms)
    }
}
