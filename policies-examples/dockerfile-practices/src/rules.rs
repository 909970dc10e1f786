//! The rules. To add one: a function in `rules/` that finds what breaks it, its row here, its key in `settings::Rules`.

mod image;
mod run;
mod sources;

use touchstone_sdk::evidence::{Act, Instruction};
use touchstone_sdk::prelude::*;

use crate::build::Build;
use crate::settings::{Practices, Rules};

/// A rule.
pub struct Rule {
    /// The finding's id, and the key under `rules`.
    pub id: &'static str,
    /// What is done about it.
    pub act: fn(&Rules) -> Act,
    /// How bad it is to break it.
    pub severity: Severity,
    /// What breaks it; nothing when nobody can tell.
    pub find: fn(&Build, &Practices) -> Option<Vec<Hit>>,
    /// What to do.
    pub remedy: &'static str,
}

/// Something that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// What it is, naming the value.
    pub message: String,
    /// Where in the Dockerfile, counted from 1; 0 for the history, nothing for the configuration.
    pub line: Option<u32>,
}

impl Hit {
    fn new(message: impl Into<String>) -> Hit {
        Hit {
            message: message.into(),
            line: None,
        }
    }

    fn at(instruction: &Instruction, message: impl Into<String>) -> Hit {
        Hit {
            message: message.into(),
            line: Some(instruction.line),
        }
    }
}

/// Every rule.
pub const RULES: &[Rule] = &[
    Rule {
        id: "user",
        act: |rules| rules.user,
        severity: Severity::High,
        find: image::user,
        remedy: "end the last stage with USER and a user other than root",
    },
    Rule {
        id: "ports",
        act: |rules| rules.ports,
        severity: Severity::High,
        find: image::ports,
        remedy: "take the port out of EXPOSE, and the service behind it out of the image",
    },
    Rule {
        id: "secret-name",
        act: |rules| rules.secret_name,
        severity: Severity::High,
        find: image::secret_names,
        remedy: "give it when the container runs, or to the build with RUN --mount=type=secret",
    },
    Rule {
        id: "healthcheck",
        act: |rules| rules.healthcheck,
        severity: Severity::Low,
        find: image::healthcheck,
        remedy: "add a HEALTHCHECK to the last stage",
    },
    Rule {
        id: "from-tag",
        act: |rules| rules.from_tag,
        severity: Severity::Medium,
        find: sources::tags,
        remedy: "name a version, or a digest",
    },
    Rule {
        id: "from-digest",
        act: |rules| rules.from_digest,
        severity: Severity::Low,
        find: sources::digests,
        remedy: "name it with @sha256:…, which the registry tells for a tag",
    },
    Rule {
        id: "add-url",
        act: |rules| rules.add_url,
        severity: Severity::Medium,
        find: sources::urls,
        remedy: "give ADD a --checksum, or fetch and verify it in a RUN",
    },
    Rule {
        id: "add-file",
        act: |rules| rules.add_file,
        severity: Severity::Negligible,
        find: sources::files,
        remedy: "use COPY",
    },
    Rule {
        id: "pipe-to-shell",
        act: |rules| rules.pipe_to_shell,
        severity: Severity::Medium,
        find: run::pipes,
        remedy: "download it to a file, verify its checksum or signature, and then run it",
    },
    Rule {
        id: "sudo",
        act: |rules| rules.sudo,
        severity: Severity::Low,
        find: run::sudo,
        remedy: "switch users with USER; where a program has to do it, use gosu",
    },
    Rule {
        id: "package-cache",
        act: |rules| rules.package_cache,
        severity: Severity::Negligible,
        find: run::caches,
        remedy: "remove it in the same RUN, or keep it out of the layer with --mount=type=cache",
    },
    Rule {
        id: "package-pin",
        act: |rules| rules.package_pin,
        severity: Severity::Low,
        find: run::pins,
        remedy: "name the version of each package",
    },
];
