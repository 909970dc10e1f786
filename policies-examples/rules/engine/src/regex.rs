//! Patterns: Python's `re` on top of `fancy-regex`. A pattern is checked and rewritten by [`translate`], because the
//! dialects differ in what they accept and in what the same signs mean.

mod class;
mod escape;
mod group;
mod input;
mod repeat;
mod translate;

use std::sync::Arc;

use crate::context::{Context, RegexFlags};
use crate::error::{Error, ErrorKind};
use crate::value::Value;

/// How much memory the automaton of one pattern may take, in bytes.
const AUTOMATON: usize = 1 << 20;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) struct Regex {
    anchored: bool,
    matcher: Matcher,
}

#[derive(Clone, Debug)]
enum Matcher {
    /// Plain characters, as in `nginx.*`: most patterns of rules are so, and need no automaton.
    Literal(Arc<str>),
    Pattern(Arc<fancy_regex::Regex>),
}

/// What came of a search.
pub(crate) enum Match {
    No,
    Yes,
    /// The groups, each a text or null.
    Groups(Vec<Value>),
}

impl Regex {
    /// Compiles a pattern that must match at the start of the text, or may match anywhere.
    pub fn new(pattern: &str, anchored: bool, context: &Context) -> Result<Regex, Error> {
        let flags = context.regex_flags;
        let matcher = match literal(pattern).filter(|_| flags == RegexFlags::default()) {
            Some(literal) => Matcher::Literal(literal.into()),
            None => {
                let translated = translate::translate(pattern, flags)?;
                let start = if anchored { "\\A" } else { "" };
                let regex = fancy_regex::RegexBuilder::new(&format!("{start}(?:{translated})"))
                    .backtrack_limit(context.limits.backtracks)
                    .delegate_size_limit(AUTOMATON)
                    .max_prog_size(AUTOMATON / 64)
                    .build()
                    .map_err(|error| refused(&error))?;
                Matcher::Pattern(Arc::new(regex))
            }
        };
        Ok(Regex { anchored, matcher })
    }

    pub fn find(&self, text: &str, wants_groups: bool) -> Result<Match, Error> {
        match &self.matcher {
            Matcher::Pattern(regex) => find(regex, text, wants_groups),
            Matcher::Literal(literal) => {
                let found = match self.anchored {
                    true => text.starts_with(literal.as_ref()),
                    false => text.contains(literal.as_ref()),
                };
                Ok(match (found, wants_groups) {
                    (false, _) => Match::No,
                    (true, false) => Match::Yes,
                    (true, true) => Match::Groups(Vec::new()),
                })
            }
        }
    }
}

/// The characters of a pattern that are only characters, perhaps with a `.*` behind them, which changes nothing.
fn literal(pattern: &str) -> Option<&str> {
    let literal = pattern.strip_suffix(".*").unwrap_or(pattern);
    let is_plain = |c: char| !".^$*+?{}[]|()\\".contains(c);
    literal.chars().all(is_plain).then_some(literal)
}

fn find(regex: &fancy_regex::Regex, text: &str, wants_groups: bool) -> Result<Match, Error> {
    let too_long = |_| Error::limit("matching the pattern takes too many steps");
    if !wants_groups {
        return Ok(match regex.is_match(text).map_err(too_long)? {
            true => Match::Yes,
            false => Match::No,
        });
    }
    let captures = regex.captures(text).map_err(too_long)?;
    let Some(captures) = captures else {
        return Ok(Match::No);
    };
    let groups = captures.iter().skip(1).map(|group| match group {
        Some(group) => Value::from(group.as_str()),
        None => Value::Null,
    });
    Ok(Match::Groups(groups.collect()))
}

/// A pattern that Python would take: what is wrong is its size, or something that cannot be rewritten.
fn refused(error: &fancy_regex::Error) -> Error {
    match error {
        fancy_regex::Error::ParseError(..) => invalid(),
        _ => Error::limit("a pattern is too large"),
    }
}

fn invalid() -> Error {
    Error::new(ErrorKind::RegexSyntaxError, "invalid regular expression")
}
