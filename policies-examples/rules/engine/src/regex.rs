//! Patterns: Python's `re` on top of `fancy-regex`. A pattern is checked and rewritten by [`translate`], because the
//! dialects differ in what they accept and in what the same signs mean.

mod class;
mod escape;
mod group;
mod input;
mod repeat;
mod translate;

use std::sync::Arc;

use regex_automata::{Span, meta};

use crate::context::{Context, RegexFlags};
use crate::error::{Error, ErrorKind};
use crate::value::Value;

/// How much memory the automaton of one pattern may take, in bytes.
const AUTOMATON: usize = 1 << 20;

/// As many bytes as nearly every pattern could match, so that the automaton is not passed by.
const WARM_UP: usize = 256;

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
    Pattern {
        /// The characters that whatever matches begins with. Most texts do not: it is the quickest way to say so.
        start: Arc<str>,
        automaton: Arc<Automaton>,
    },
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
        Regex::compile(pattern, anchored, context).map_err(|mut error| {
            let shown: String = pattern.chars().take(100).collect();
            error.detail = Some(match &error.detail {
                Some(why) => format!("{shown:?}: {why}"),
                None => format!("{shown:?}"),
            });
            error
        })
    }

    fn compile(pattern: &str, anchored: bool, context: &Context) -> Result<Regex, Error> {
        let flags = context.regex_flags;
        let matcher = match literal(pattern).filter(|_| flags == RegexFlags::default()) {
            Some(literal) => Matcher::Literal(literal.into()),
            None => {
                let translated = translate::translate(pattern, flags)?;
                let start = if anchored { "\\A" } else { "" };
                let automaton = Automaton::new(&format!("{start}(?:{translated})"), context)?;
                // What an automaton needs to run is made when it first does. Now is better than at every evaluation in a
                // copy of what is in memory after parsing.
                let _ = automaton.find(&"-".repeat(WARM_UP), false);
                let plain = Some(pattern).filter(|_| flags == RegexFlags::default());
                Matcher::Pattern {
                    start: plain.and_then(start_of).unwrap_or_default().into(),
                    automaton: Arc::new(automaton),
                }
            }
        };
        Ok(Regex { anchored, matcher })
    }

    pub fn find(&self, text: &str, wants_groups: bool) -> Result<Match, Error> {
        match &self.matcher {
            Matcher::Pattern { start, automaton } => match self.has(text, start) {
                true => automaton.find(text, wants_groups),
                false => Ok(Match::No),
            },
            Matcher::Literal(literal) => Ok(match (self.has(text, literal), wants_groups) {
                (false, _) => Match::No,
                (true, false) => Match::Yes,
                (true, true) => Match::Groups(Vec::new()),
            }),
        }
    }

    /// Whether a text has these characters where the pattern may begin.
    fn has(&self, text: &str, characters: &str) -> bool {
        match self.anchored {
            true => text.starts_with(characters),
            false => text.contains(characters),
        }
    }
}

fn is_plain(c: char) -> bool {
    !".^$*+?{}[]|()\\".contains(c)
}

/// The characters of a pattern that are only characters, perhaps with a `.*` behind them, which changes nothing.
fn literal(pattern: &str) -> Option<&str> {
    let literal = pattern.strip_suffix(".*").unwrap_or(pattern);
    literal.chars().all(is_plain).then_some(literal)
}

/// The plain characters that a pattern begins with; none, if it has alternatives, of which each may begin otherwise.
fn start_of(pattern: &str) -> Option<&str> {
    let pattern = pattern.strip_prefix('^').unwrap_or(pattern);
    let end = pattern.find(|c| !is_plain(c))?;
    let (start, rest) = pattern.split_at_checked(end)?;
    // A sign behind the last character may say that it can be left out; a comment may stand between them.
    let last = start.chars().next_back()?.len_utf8();
    let kept = match rest.starts_with(['*', '?', '{', '(']) {
        true => start.len().checked_sub(last)?,
        false => start.len(),
    };
    start.get(..kept).filter(|_| !pattern.contains('|'))
}

/// What tries a pattern on a text.
#[derive(Debug)]
enum Automaton {
    /// In a time that is linear in the text. It has no states that are made as they are needed (a lazy DFA): to make them
    /// costs more than it saves where texts are short and each evaluation begins anew.
    Linear(meta::Regex),
    /// Going back and trying again, for what looks around or back.
    Backtracking(Box<fancy_regex::Regex>),
}

impl Automaton {
    fn new(pattern: &str, context: &Context) -> Result<Automaton, Error> {
        let limits = meta::Config::new()
            .hybrid(false)
            // Without lazy DFAs, its search for characters inside of a pattern panics.
            .auto_prefilter(false)
            .nfa_size_limit(Some(AUTOMATON))
            .onepass_size_limit(Some(AUTOMATON));
        if let Ok(regex) = meta::Builder::new().configure(limits).build(pattern) {
            return Ok(Automaton::Linear(regex));
        }
        let regex = fancy_regex::RegexBuilder::new(pattern)
            .backtrack_limit(context.limits.backtracks)
            .delegate_size_limit(AUTOMATON)
            .max_prog_size(AUTOMATON / 64)
            .build()
            .map_err(|error| refused(&error))?;
        Ok(Automaton::Backtracking(Box::new(regex)))
    }

    fn find(&self, text: &str, wants_groups: bool) -> Result<Match, Error> {
        let too_long = |_| Error::limit("matching the pattern takes too many steps");
        let found = match self {
            Automaton::Linear(regex) if wants_groups => {
                let mut captures = regex.create_captures();
                regex.captures(text, &mut captures);
                let group = |span: Option<Span>| span.and_then(|span| text.get(span.range()));
                let groups = captures.iter().skip(1).map(group).map(value);
                captures.is_match().then(|| Match::Groups(groups.collect()))
            }
            Automaton::Backtracking(regex) if wants_groups => {
                let captures = regex.captures(text).map_err(too_long)?;
                captures.map(|captures| {
                    let texts = captures.iter().skip(1);
                    let groups = texts.map(|group| value(group.map(|group| group.as_str())));
                    Match::Groups(groups.collect())
                })
            }
            Automaton::Linear(regex) => regex.is_match(text).then_some(Match::Yes),
            Automaton::Backtracking(regex) => {
                let found = regex.is_match(text).map_err(too_long)?;
                found.then_some(Match::Yes)
            }
        };
        Ok(found.unwrap_or(Match::No))
    }
}

fn value(group: Option<&str>) -> Value {
    group.map_or(Value::Null, Value::from)
}

/// A pattern that Python would take: what is wrong is its size, or something that cannot be rewritten.
fn refused(error: &fancy_regex::Error) -> Error {
    match error {
        fancy_regex::Error::ParseError(_, why) => {
            let mut error = invalid();
            error.detail = Some(why.to_string());
            error
        }
        _ => Error::limit("a pattern is too large"),
    }
}

fn invalid() -> Error {
    Error::new(ErrorKind::RegexSyntaxError, "invalid regular expression")
}

#[cfg(test)]
mod tests {
    use super::start_of;

    #[test]
    fn a_pattern_begins_with_what_it_cannot_leave_out() {
        for (pattern, start) in [
            ("^nginx:.*", Some("nginx:")),
            ("web[0-9]", Some("web")),
            ("webs?x", Some("web")),
            ("wéb*.", Some("wé")),
            ("web+", Some("web")),
            ("web{0}x", Some("we")),
            ("web(?#x)*", Some("we")),
            ("w?eb", Some("")),
            ("wé*.", Some("w")),
            ("web|db.", None),
            ("(?i)web.", None),
            (".*web", None),
        ] {
            assert_eq!(start_of(pattern), start, "{pattern}");
        }
    }
}
