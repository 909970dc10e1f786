//! Publishes to the AMQP 0-9-1 broker of touchstone.yaml, after the decision. Granted by exchange and routing key:
//! `queue: ["events/image.denied"]`; `"/alarms"` is the queue `alarms` on the default exchange.
//!
//! ```
//! # use touchstone_sdk::prelude::*;
//! use touchstone_sdk::queue;
//! # #[derive(Deserialize, JsonSchema)]
//! # struct Example {}
//!
//! # impl Policy for Example {
//! fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
//!     queue::publish("events", "image.denied")
//!         .header("kind", &event.kind)
//!         .json(&event.data::<Value>()?)
//!         .when(Condition::Denied)
//!         .ordered()
//!         .stage()?;
//!     Ok(Outcome::default())
//! }
//! # }
//! # use touchstone_sdk::testing::{self, Host, TestEvent};
//! # let host = Host::new().grant("queue", "events/*");
//! # host.evaluate::<Example>(json!({}), TestEvent::new("image.scanned")).unwrap();
//! # let staged = testing::staged();
//! # assert_eq!((staged[0].target.as_str(), staged[0].ordered), ("events/image.denied", true));
//! # assert_eq!(staged[0].request["headers"], json!([["kind", "image.scanned"]]));
//! ```

use serde::Serialize;

use crate::action::Stage;
use crate::bindings::touchstone::policy::types::Terms;
use crate::{Action, Error};

#[cfg(target_arch = "wasm32")]
use crate::bindings::touchstone::policy::queue as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::queue as host;

pub use crate::bindings::touchstone::policy::queue::Message;

/// A message for an exchange, under one routing key, of the body `null` until another is given. An empty exchange is
/// the default one, where the key names a queue. Exchange, key and names of headers have up to 255 bytes.
///
/// It is published persistent, with its idempotency key as `message-id`, and done when the broker has confirmed it; one
/// that reaches no queue is tried again.
pub fn publish(exchange: impl Into<String>, routing_key: impl Into<String>) -> Action<Message> {
    Action::new(Message {
        exchange: exchange.into(),
        routing_key: routing_key.into(),
        headers: Vec::new(),
        body: "null".to_owned(),
    })
}

impl Action<Message> {
    /// Adds a header of text.
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Action<Message> {
        self.change(|message| message.headers.push((name.into(), value.into())))
    }

    /// The body.
    pub fn json<T: Serialize + ?Sized>(self, body: &T) -> Action<Message> {
        self.change_json(body, |message, text| message.body = text)
    }
}

impl Stage for Message {
    fn stage(&self, terms: &Terms) -> Result<(), Error> {
        host::stage(self, terms)
    }
}
