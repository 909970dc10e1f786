//! What a policy may import. To add one: a file in `capability/` (in `action/`, where it acts on the world), its row here,
//! its interface in `wit/`, its module in the SDK.

mod clock;
mod data;
mod event;
mod evidence;
mod http;
mod log;
mod store;

use wasmtime::component::{HasSelf, Linker};

use crate::guest::Ctx;
use crate::guest::bindings::touchstone::policy as interface;

/// The WIT package that all interfaces belong to.
pub const PACKAGE: &str = "touchstone:policy";

/// One interface of the contract.
#[derive(Debug)]
pub struct Capability {
    /// The WIT interface, and the key under `grants` in policy.yaml.
    pub name: &'static str,
    /// What a grant looks like, for the message that asks for one; nothing when every policy has it.
    pub example: Option<&'static str>,
    /// Adds the interface to a policy's linker. Called only when it is granted.
    pub link: fn(&mut Linker<Ctx>) -> wasmtime::Result<()>,
}

/// Every interface that the host offers.
pub const CAPABILITIES: &[Capability] = &[
    Capability {
        name: "event",
        example: None,
        link: |linker| interface::event::add_to_linker::<_, HasSelf<Ctx>>(linker, |ctx| ctx),
    },
    Capability {
        name: "evidence",
        example: None,
        link: |linker| interface::evidence::add_to_linker::<_, HasSelf<Ctx>>(linker, |ctx| ctx),
    },
    Capability {
        name: "log",
        example: None,
        link: |linker| interface::log::add_to_linker::<_, HasSelf<Ctx>>(linker, |ctx| ctx),
    },
    Capability {
        name: "clock",
        example: Some("now"),
        link: |linker| interface::clock::add_to_linker::<_, HasSelf<Ctx>>(linker, |ctx| ctx),
    },
    Capability {
        name: "data",
        example: Some("clair/*"),
        link: |linker| interface::data::add_to_linker::<_, HasSelf<Ctx>>(linker, |ctx| ctx),
    },
    Capability {
        name: "http",
        example: Some("https://api.example.com/*"),
        link: |linker| interface::http::add_to_linker::<_, HasSelf<Ctx>>(linker, |ctx| ctx),
    },
    Capability {
        name: "store",
        example: Some("seen/*"),
        link: |linker| interface::store::add_to_linker::<_, HasSelf<Ctx>>(linker, |ctx| ctx),
    },
    Capability {
        name: "webhook",
        example: Some("https://hooks.example.com/*"),
        link: |linker| interface::webhook::add_to_linker::<_, HasSelf<Ctx>>(linker, |ctx| ctx),
    },
    Capability {
        name: "command",
        example: Some("label"),
        link: |linker| interface::command::add_to_linker::<_, HasSelf<Ctx>>(linker, |ctx| ctx),
    },
    Capability {
        name: "queue",
        example: Some("events/image.denied"),
        link: |linker| interface::queue::add_to_linker::<_, HasSelf<Ctx>>(linker, |ctx| ctx),
    },
    Capability {
        name: "notify",
        example: Some("security@example.com"),
        link: |linker| interface::notify::add_to_linker::<_, HasSelf<Ctx>>(linker, |ctx| ctx),
    },
];

/// What is granted like a capability, but asked for in the outcome, and not by an import.
pub const IN_OUTCOME: &[&str] = &["patch"];

/// The row of that name.
pub fn find(name: &str) -> Option<&'static Capability> {
    CAPABILITIES
        .iter()
        .find(|capability| capability.name == name)
}
