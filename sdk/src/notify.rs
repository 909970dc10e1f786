//! Sends mail through a server of touchstone.yaml, after the decision. Granted by address:
//! `notify: ["security@example.com", "*@example.org"]`.
//!
//! ```
//! # use touchstone_sdk::prelude::*;
//! use touchstone_sdk::notify;
//! # #[derive(Deserialize, JsonSchema)]
//! # struct Example {}
//!
//! # impl Policy for Example {
//! fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
//!     let image: String = event.require("/image")?;
//!     notify::mail("security@example.com")
//!         .subject(format!("{image} was denied"))
//!         .text("See the decision.")
//!         .server("ops")
//!         .when(Condition::Denied)
//!         .stage()?;
//!     Ok(Outcome::default())
//! }
//! # }
//! # use touchstone_sdk::testing::{self, Host, TestEvent};
//! # let event = TestEvent::new("image.scanned").data(json!({"image": "nginx"}));
//! # Host::new().grant("notify", "*@example.com").evaluate::<Example>(json!({}), event).unwrap();
//! # let staged = testing::staged();
//! # assert_eq!(staged[0].target, "security@example.com");
//! # assert_eq!(staged[0].request["subject"], "nginx was denied");
//! ```

use crate::action::Stage;
use crate::bindings::touchstone::policy::types::Terms;
use crate::{Action, Error};

#[cfg(target_arch = "wasm32")]
use crate::bindings::touchstone::policy::notify as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::notify as host;

pub use crate::bindings::touchstone::policy::notify::Mail;

/// A mail to one address, which has no display name.
///
/// A server that refuses for now is tried again, one that refuses for good has failed.
pub fn mail(to: impl Into<String>) -> Action<Mail> {
    Action::new(Mail {
        server: None,
        to: to.into(),
        subject: String::new(),
        text: String::new(),
    })
}

impl Action<Mail> {
    /// One line; empty if not given.
    pub fn subject(self, subject: impl Into<String>) -> Action<Mail> {
        self.change(|mail| mail.subject = subject.into())
    }

    /// Plain text; empty if not given.
    pub fn text(self, text: impl Into<String>) -> Action<Mail> {
        self.change(|mail| mail.text = text.into())
    }

    /// The server by its name in touchstone.yaml; it may be left out where there is only one.
    pub fn server(self, name: impl Into<String>) -> Action<Mail> {
        self.change(|mail| mail.server = Some(name.into()))
    }
}

impl Stage for Mail {
    fn stage(&self, terms: &Terms) -> Result<(), Error> {
        host::stage(self, terms)
    }
}
