//! How decisions are written out. A format is a file in `report/` and a row here; what formats share is in
//! `report/view.rs`, `report/totals.rs` and, as all texts come from guests and strangers' reports, `report/plain.rs`.

mod anchore;
mod cipolice;
mod github;
mod html;
mod json;
mod junit;
mod markdown;
mod plain;
mod sarif;
mod text;
mod totals;
mod view;

use std::collections::BTreeMap;
use std::io::Write;

use crate::model::{ActionState, Decision};

/// A document and what came of it.
pub struct Judged {
    /// The file's name, or `-`.
    pub name: String,
    /// The decision, or why there is none.
    pub result: Result<Decision, String>,
    /// What has become of its actions meanwhile, by id; nothing of those that nobody asked about.
    pub performed: BTreeMap<String, ActionState>,
}

/// A way to write decisions.
pub struct Format {
    /// As it is named on the command line and in requests.
    pub name: &'static str,
    /// The content type.
    pub media: &'static str,
    /// Writes all of them. What is written depends on nothing else.
    pub write: fn(&mut dyn Write, &[Judged]) -> std::io::Result<()>,
}

/// Every format.
pub const FORMATS: &[Format] = &[
    Format {
        name: "text",
        media: "text/plain; charset=utf-8",
        write: text::write,
    },
    Format {
        name: "json",
        media: "application/json",
        write: json::write,
    },
    Format {
        name: "junit",
        media: "application/xml",
        write: junit::write,
    },
    Format {
        name: "sarif",
        media: "application/sarif+json",
        write: sarif::write,
    },
    Format {
        name: "html",
        media: "text/html; charset=utf-8",
        write: html::write,
    },
    Format {
        name: "markdown",
        media: "text/markdown; charset=utf-8",
        write: markdown::write,
    },
    Format {
        name: "github",
        media: "text/plain; charset=utf-8",
        write: github::write,
    },
    Format {
        name: "anchore",
        media: "application/json",
        write: anchore::write,
    },
    Format {
        name: "cipolice",
        media: "text/plain; charset=utf-8",
        write: cipolice::write,
    },
];

/// The format of that name.
pub fn find(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
