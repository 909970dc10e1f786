//! Runs a program that touchstone.yaml names, after the decision. Granted by name: `command: [mark]`.
//!
//! The program and its arguments are the operator's; a policy fills placeholders, each of which has a type. There is no
//! shell.
//!
//! ```
//! # use touchstone_sdk::prelude::*;
//! use touchstone_sdk::command;
//! # #[derive(Deserialize, JsonSchema)]
//! # struct Example {}
//!
//! # impl Policy for Example {
//! fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
//!     for image in event.images() {
//!         command::run("mark")
//!             .with("image", &image.text)
//!             .input(&json!({"why": "it was denied"}))
//!             .when(Condition::Denied)
//!             .stage()?;
//!     }
//!     Ok(Outcome::default())
//! }
//! # }
//! # use touchstone_sdk::testing::{self, Host, TestEvent};
//! # let event = TestEvent::new("image.scanned").image("/image", "nginx");
//! # Host::new().grant("command", "mark").evaluate::<Example>(json!({}), event).unwrap();
//! # let staged = testing::staged();
//! # assert_eq!((staged[0].target.as_str(), staged[0].condition), ("mark", Condition::Denied));
//! # assert_eq!(staged[0].request["arguments"], json!([["image", "nginx"]]));
//! ```

use serde::Serialize;

use crate::action::Stage;
use crate::bindings::touchstone::policy::types::Terms;
use crate::{Action, Error};

#[cfg(target_arch = "wasm32")]
use crate::bindings::touchstone::policy::command as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::command as host;

pub use crate::bindings::touchstone::policy::command::Invocation;

/// A run of a command, by its name in touchstone.yaml.
///
/// Exit code 0 is done; 75 (EX_TEMPFAIL of sysexits.h) and a timeout are tried again; anything else has failed.
pub fn run(name: impl Into<String>) -> Action<Invocation> {
    Action::new(Invocation {
        name: name.into(),
        arguments: Vec::new(),
        input: None,
    })
}

impl Action<Invocation> {
    /// Fills a placeholder. Each one of the command needs a value, and each value has to fit its placeholder's type.
    pub fn with(self, placeholder: impl Into<String>, value: impl Into<String>) -> Self {
        self.change(|run| run.arguments.push((placeholder.into(), value.into())))
    }

    /// JSON for its standard input, which is empty otherwise.
    pub fn input<T: Serialize + ?Sized>(self, value: &T) -> Action<Invocation> {
        self.change_json(value, |run, text| run.input = Some(text))
    }
}

impl Stage for Invocation {
    fn stage(&self, terms: &Terms) -> Result<(), Error> {
        host::stage(self, terms)
    }
}
