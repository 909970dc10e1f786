//! Rule files as CIPolicE reads them: conditions, each with the actions below it.
//!
//! ```text
//! # comment; actions are indented with a tab
//! level >= 3 and level <= 7
//!     blockimage
//!     containeractions.py:mark {image} bad
//!     ./label.sh
//!     http://example.com/hook
//!     break
//! ```
//!
//! CIPolicE's own reading has quirks: a blank line is a condition, a line that begins with a space is one, too, and so on.
//! By default a file is read as its writer meant it, and every place where CIPolicE would read it differently is a
//! [`Lint`]. With [`Reading::Original`] it is read as CIPolicE does.

mod action;
mod original;
mod sane;

use std::fmt;

pub use self::action::{Action, Kind, Parameter};

/// How a file is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// As its writer meant it.
    #[default]
    Sane,
    /// As CIPolicE does.
    Original,
}

/// A condition with its actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where the condition stands, counted from 1.
    pub line: usize,
    /// The condition's text.
    pub condition: String,
    /// What is to be done, in order.
    pub actions: Vec<Action>,
}

/// A rule file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleFile {
    /// In the order in which they are evaluated.
    pub entries: Vec<Entry>,
    /// What is odd, by line.
    pub lints: Vec<Lint>,
}

/// Something odd in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// Where, counted from 1.
    pub line: usize,
    /// What it is.
    pub quirk: Quirk,
    /// In words, with what was made of it.
    pub message: String,
}

impl fmt::Display for Lint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "line {}: {} [{}]",
            self.line,
            self.message,
            self.quirk.name()
        )
    }
}

/// Where CIPolicE reads otherwise than people write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quirk {
    /// A blank line stands between a condition and its actions: to CIPolicE it is a condition of its own, and the file is
    /// broken.
    BlankLine,
    /// An action before any condition: a mistake to both.
    NoCondition,
    /// An action is indented with spaces: to CIPolicE it is a condition.
    Spaces,
    /// The same condition stands twice: CIPolicE moves the later actions to the first place.
    Duplicate,
    /// A condition without actions, which CIPolicE never looks at.
    NoAction,
    /// A comment behind an action: to CIPolicE a part of it.
    Comment,
    /// An action's kind that is not what it looks like: `http://example.com/y.sh` is a script to CIPolicE.
    Kind,
}

impl Quirk {
    /// As it is written in messages.
    pub fn name(self) -> &'static str {
        match self {
            Quirk::BlankLine => "blank-line",
            Quirk::NoCondition => "no-condition",
            Quirk::Spaces => "spaces",
            Quirk::Duplicate => "duplicate",
            Quirk::NoAction => "no-action",
            Quirk::Comment => "comment",
            Quirk::Kind => "kind",
        }
    }
}

/// Why a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct FileError {
    /// Where, counted from 1.
    pub line: usize,
    /// Why.
    pub reason: String,
}

/// Reads a file.
pub fn read(text: &str, reading: Reading) -> Result<RuleFile, FileError> {
    match reading {
        Reading::Sane => sane::read(text),
        Reading::Original => original::read(text),
    }
}

/// The lines with their numbers, without what ends them.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
    (1..).zip(lines)
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

#[cfg(test)]
mod tests;
