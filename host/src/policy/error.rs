//! Why a policy cannot be loaded: what was found, and what to do.

use crate::capability::Capability;
use crate::config::ConfigError;
use crate::model::Fault;
use crate::sandbox::module::ModuleError;
use crate::sandbox::snapshot::SnapshotError;

use super::instance::problems;

/// Why a policy cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// policy.yaml is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file is not a module.
    #[error("module {path}: {source}")]
    Module {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: ModuleError,
    },
    /// policy.yaml grants something that does not exist.
    #[error("grants: unknown capability {name:?}: {hint}")]
    UnknownGrant {
        /// The key.
        name: String,
        /// What might have been meant.
        hint: String,
    },
    /// The module asks for more than it was granted.
    #[error("{}", missing_grants(.0))]
    NotGranted(Vec<&'static Capability>),
    /// The module imports something that no host of this contract has.
    #[error("it imports {import}, which this host does not have: {hint}")]
    UnknownImport {
        /// The import's name.
        import: String,
        /// What to do.
        hint: String,
    },
    /// The types of an import or export differ from the contract's.
    #[error(
        "it does not fit the contract touchstone:policy@0.1.0: {0:#}; build it against wit/ of this version"
    )]
    Contract(wasmtime::Error),
    /// Compiling failed.
    #[error("it cannot be compiled: {0:#}")]
    Compile(wasmtime::Error),
    /// The settings are wrong.
    #[error("settings: {}", problems(.0))]
    Settings(Vec<(String, String)>),
    /// `describe` gave something that cannot be used.
    #[error("describe gave an invalid answer: {0}")]
    Describe(String),
    /// It broke while it was configured.
    #[error("while it was configured: {0}")]
    Fault(Fault),
    /// Its instance could not be read.
    #[error("{0}")]
    Snapshot(#[from] SnapshotError),
    /// The data that it is to read could not be loaded.
    #[error("data: {0}")]
    Data(String),
    /// Another policy has that name.
    #[error("the name {0:?} is taken by another policy: give each policy a name of its own")]
    NameTaken(String),
    /// A bug of ours.
    #[error("the host failed while loading it: {0}")]
    Host(String),
}

fn missing_grants(missing: &[&'static Capability]) -> String {
    let names: Vec<&str> = missing.iter().map(|capability| capability.name).collect();
    let lines: Vec<String> = missing
        .iter()
        .map(|capability| {
            format!(
                "{}: [\"{}\"]",
                capability.name,
                capability.example.unwrap_or("*")
            )
        })
        .collect();
    format!(
        "it imports {} without a grant: add to policy.yaml `grants: {{{}}}`, or `[]` for what it is not to use",
        names.join(", "),
        lines.join(", ")
    )
}
