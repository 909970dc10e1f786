//! Write Touchstone policies in Rust.
//!
//! A policy is a struct that holds its settings, an [`impl Policy`](Policy) that judges an event, and one line that
//! exports it. This is a whole one:
//!
//! ```
//! use touchstone_sdk::prelude::*;
//!
//! /// Images come from registries that we know.
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct KnownRegistries {
//!     /// Host names, with the port where there is one.
//!     registries: Vec<String>,
//! }
//!
//! impl Policy for KnownRegistries {
//!     fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
//!         let mut outcome = Outcome::default();
//!         for image in event.images() {
//!             let name = image.name()?;
//!             if !self.registries.contains(&name.registry) {
//!                 outcome.push(
//!                     Finding::deny("unknown-registry", format!("{} is not a known registry", name.registry))
//!                         .on(&image.text)
//!                         .remedy(format!("push the image to {}", self.registries.join(" or "))),
//!                 );
//!             }
//!         }
//!         Ok(outcome)
//!     }
//! }
//!
//! touchstone_sdk::export!(KnownRegistries);
//!
//! # use touchstone_sdk::testing::{Host, TestEvent};
//! # let event = TestEvent::new("image.review").image("/spec/containers/0/image", "ghcr.io/acme/web:1");
//! # let outcome = Host::new().evaluate::<KnownRegistries>(json!({"registries": ["docker.io"]}), event).unwrap();
//! # assert_eq!(outcome.findings[0].id, "unknown-registry");
//! ```
//!
//! `Cargo.toml` needs `crate-type = ["cdylib", "rlib"]`; `touchstone build` makes the module, and `policy.yaml` beside
//! it gives the settings and the grants. A module imports only the capabilities that its code uses: here, [`Event`]
//! alone.
//!
//! # Settings
//!
//! The struct is read once, when the policy is loaded, and every decision starts from the memory as it was then. So
//! expensive preparation belongs into deserialisation: a [`Regex`] field is compiled once. The JSON Schema of the
//! struct is part of the module; mistakes in the settings are all reported at once, with their paths.
//!
//! # Reading and acting
//!
//! Besides the event there is what scanners reported about its images: [`evidence`], always granted.
//!
//! What a policy may reach besides, it is granted in policy.yaml. It reads at once: [`data`], [`http`], [`store`],
//! [`clock`]. It acts by staging a [`webhook`], a [`command`], a message to a [`queue`] or a mail ([`notify`]): the host
//! carries an [`Action`] out after the decision, if the verdict of all policies together is the one that it waits for.
//! Each module says what its grant looks like; what a host call is refused with is an [`Error`].
//!
//! # Testing
//!
//! The same code runs natively in `cargo test`, with a fake for each capability: see [`testing`].

pub mod clock;
pub mod command;
pub mod data;
pub mod evidence;
pub mod http;
pub mod log;
pub mod notify;
pub mod queue;
pub mod store;
pub mod webhook;

mod action;
mod error;
mod event;
mod names;
mod patch;
mod policy;
mod regex;
mod settings;

#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use action::Action;
pub use error::Error;
pub use event::Event;
pub use patch::Patch;
pub use policy::{Policy, Undecided};
pub use regex::Regex;

/// A capability that a module needs, and why; see [`Policy::NEEDS`].
pub type Need = (&'static str, &'static str);

/// What nearly every policy uses.
pub mod prelude {
    pub use crate::{
        Condition, Event, Finding, Image, ImageName, Level, Outcome, Patch, Policy, Problem, Regex,
        Severity, Undecided,
    };
    pub use schemars::JsonSchema;
    pub use serde::{Deserialize, Serialize};
    pub use serde_json::{Value, json};
}

// What the derives and the macro expand to.
#[doc(hidden)]
pub use {schemars, serde, serde_json};

pub use bindings::exports::touchstone::policy::guest::Problem;
pub use bindings::touchstone::policy::types::{
    Condition, Finding, Image, ImageName, Level, Outcome, Severity,
};

#[doc(hidden)]
#[allow(
    missing_docs,
    unsafe_code,
    clippy::all,
    clippy::unwrap_used,
    reason = "generated from wit/, which is documented"
)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "policy",
        pub_export_macro: true,
        export_macro_name: "export_guest",
        default_bindings_module: "touchstone_sdk::bindings",
        // Printed, the generated one would be Rust code.
        with: { "touchstone:policy/types@0.1.0/error": crate::Error },
    });
}

#[doc(hidden)]
pub mod guest {
    pub use crate::bindings::exports::touchstone::policy::guest::{Guest, Info};
    pub use crate::bindings::touchstone::policy::types::EventInfo;
    pub use crate::policy::{Module, Slot, configure, describe, evaluate, is_policy};
}

/// Exports a policy from a module: one line for each crate.
///
/// The module's name, version and description are those of the crate.
#[macro_export]
macro_rules! export {
    ($policy:ty) => {
        /// Natively there is nothing to export, but the same to check.
        #[cfg(not(target_arch = "wasm32"))]
        const _: () = $crate::guest::is_policy::<$policy>();

        #[cfg(target_arch = "wasm32")]
        #[allow(
            unsafe_code,
            reason = "the exported symbols of the component model's ABI"
        )]
        const _: () = {
            static POLICY: $crate::guest::Slot<$policy> = $crate::guest::Slot::new();

            struct Exported;

            impl $crate::guest::Guest for Exported {
                fn describe() -> $crate::guest::Info {
                    $crate::guest::describe::<$policy>($crate::guest::Module {
                        name: env!("CARGO_PKG_NAME"),
                        version: env!("CARGO_PKG_VERSION"),
                        description: env!("CARGO_PKG_DESCRIPTION"),
                    })
                }

                fn configure(settings: String) -> Result<(), Vec<$crate::Problem>> {
                    $crate::guest::configure(&POLICY, &settings)
                }

                fn evaluate(event: $crate::guest::EventInfo) -> Result<$crate::Outcome, String> {
                    $crate::guest::evaluate(&POLICY, event)
                }
            }

    $crate::bindings::export_guest!(Exported with_types_in $crate::bindings);
        };
    };
}
