//! How decisions are shown on the command line. A format is a file in `report/` and a row here.

mod json;
mod text;

use std::io::Write;

use crate::model::Decision;

/// A document and what came of it.
pub struct Judged {
    /// The file's name, or `-`.
    pub name: String,
    /// The decision, or why there is none.
    pub result: Result<Decision, String>,
}

/// A way to show decisions.
pub struct Format {
    /// As it is named on the command line.
    pub name: &'static str,
    /// Writes all of them.
    pub write: fn(&mut dyn Write, &[Judged]) -> std::io::Result<()>,
}

/// Every format.
pub const FORMATS: &[Format] = &[
    Format {
        name: "text",
        write: text::write,
    },
    Format {
        name: "json",
        write: json::write,
    },
];

/// The format of that name.
pub fn find(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}
