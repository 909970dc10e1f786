//! Patterns of RE2, whose syntax is Go's and OPA's, for Rust's `regex`, which understands much of it alike and some of it
//! otherwise: classes know all alphabets there, `&&` in brackets is a set operation, `\<` begins a word.
//! <https://github.com/google/re2/wiki/Syntax>

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

use regex::{Regex, RegexBuilder};

use super::Fault;

/// What a compiled pattern may take, in bytes.
const MAX_SIZE: usize = 1 << 20;
/// Compiled patterns that are kept.
const MAX_KEPT: usize = 256;

const UNCLOSED: &str = "a bracket is not closed";
const UNFINISHED: &str = "it ends with a backslash";

thread_local! {
    /// What was compiled while the policy was loaded is there in every decision.
    static KEPT: RefCell<BTreeMap<String, Regex>> = const { RefCell::new(BTreeMap::new()) };
}

/// The pattern, compiled.
pub(super) fn compile(pattern: &str) -> Result<Regex, Fault> {
    if let Some(known) = KEPT.with_borrow(|kept| kept.get(pattern).cloned()) {
        return Ok(known);
    }
    let wrong = |why: String| Fault::Arguments(format!("{pattern:?} is no pattern: {why}"));
    let translated = translate(pattern).map_err(wrong)?;
    let built = RegexBuilder::new(&translated).size_limit(MAX_SIZE).build();
    let regex = built.map_err(|error| match error {
        // Not undefined: OPA would have matched it.
        regex::Error::CompiledTooBig(_) => {
            Fault::Host(format!("the pattern {pattern:?} is too large"))
        }
        error => wrong(
            error
                .to_string()
                .lines()
                .last()
                .unwrap_or_default()
                .to_owned(),
        ),
    })?;
    KEPT.with_borrow_mut(|kept| {
        if kept.len() < MAX_KEPT {
            kept.insert(pattern.to_owned(), regex.clone());
        }
    });
    Ok(regex)
}

/// The same pattern as Rust's `regex` writes it.
fn translate(pattern: &str) -> Result<String, String> {
    let mut translation = Translation {
        rest: pattern.chars().peekable(),
        written: String::with_capacity(pattern.len()),
    };
    translation.all()?;
    Ok(translation.written)
}

struct Translation<'a> {
    rest: Peekable<Chars<'a>>,
    written: String,
}

impl Translation<'_> {
    fn all(&mut self) -> Result<(), String> {
        while let Some(next) = self.rest.next() {
            match next {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                '{' if !self.is_repetition() => self.written.push_str(r"\{"),
                other => self.written.push(other),
            }
        }
        Ok(())
    }

    fn literal(&mut self, c: char) {
        self.written
            .push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }

    /// After a backslash, outside of brackets.
    fn escape(&mut self) -> Result<(), String> {
        match self.rest.next() {
            Some('Q') => self.quotation(),
            Some('b') => self.written.push_str(r"(?-u:\b)"),
            Some('B') => self.written.push_str(r"(?-u:\B)"),
            Some(c @ ('A' | 'z')) => self.written.extend(['\\', c]),
            Some(c) => match class_of(c) {
                Some((members, is_negated)) => {
                    let sign = if is_negated { "^" } else { "" };
                    self.written.push_str(&format!("[{sign}{members}]"));
                }
                None => self.character(c)?,
            },
            None => return Err(UNFINISHED.to_owned()),
        }
        Ok(())
    }

    /// What `\Q…\E` holds, as it is.
    fn quotation(&mut self) {
        while let Some(next) = self.rest.next() {
            if next == '\\' && self.rest.peek() == Some(&'E') {
                self.rest.next();
                return;
            }
            self.literal(next);
        }
    }

    /// An escape that stands for one character, or for a class by its name.
    fn character(&mut self, c: char) -> Result<(), String> {
        match c {
            'a' | 'f' | 'n' | 'r' | 't' | 'v' => self.written.extend(['\\', c]),
            'x' | 'p' | 'P' => {
                self.written.extend(['\\', c]);
                if self.rest.next_if_eq(&'{').is_some() {
                    if !self.rest.clone().any(|c| c == '}') {
                        return Err("a brace is not closed".to_owned());
                    }
                    self.written.push('{');
                    let name = self.rest.by_ref().take_while(|c| *c != '}');
                    self.written.extend(name);
                    self.written.push('}');
                }
            }
            '0'..='7' => {
                let next =
                    |rest: &mut Peekable<Chars<'_>>| rest.next_if(|c| ('0'..='7').contains(c));
                let mut code = c.to_digit(8).unwrap_or_default();
                let second = next(&mut self.rest);
                if c != '0' && second.is_none() {
                    return Err(format!(
                        r"\{c} refers to what a group matched, which RE2 cannot"
                    ));
                }
                for digit in second
                    .into_iter()
                    .chain(second.and_then(|_| next(&mut self.rest)))
                {
                    code = code * 8 + digit.to_digit(8).unwrap_or_default();
                }
                self.literal(char::from_u32(code).unwrap_or_default());
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => self.literal(c),
            other => return Err(format!(r"RE2 knows no \{other}")),
        }
        Ok(())
    }

    /// After `[`.
    fn class(&mut self) -> Result<(), String> {
        self.written.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.written.push('^');
        }
        let mut is_first = true;
        loop {
            let is_single = match self.rest.next() {
                None => return Err(UNCLOSED.to_owned()),
                Some(']') if !is_first => {
                    self.written.push(']');
                    return Ok(());
                }
                Some('[') if self.rest.peek() == Some(&':') => {
                    self.named_class();
                    false
                }
                Some(c) => self.member(c)?,
            };
            if is_single && self.is_range() {
                self.rest.next();
                self.written.push('-');
                let end = self.rest.next().ok_or(UNCLOSED)?;
                self.member(end)?;
            }
            is_first = false;
        }
    }

    /// Whether what follows makes a range.
    fn is_range(&self) -> bool {
        let mut ahead = self.rest.clone();
        ahead.next() == Some('-') && ahead.next().is_some_and(|end| end != ']')
    }

    /// A member of a class; whether it is one character.
    fn member(&mut self, c: char) -> Result<bool, String> {
        if c != '\\' {
            self.literal_in_class(c);
            return Ok(true);
        }
        let escaped = self.rest.next().ok_or(UNFINISHED)?;
        match class_of(escaped) {
            Some((members, is_negated)) => {
                let sign = if is_negated { "^" } else { "" };
                self.written.push_str(&format!("[{sign}{members}]"));
                Ok(false)
            }
            None if escaped.is_ascii_punctuation() => {
                self.literal_in_class(escaped);
                Ok(true)
            }
            None => self.character(escaped).map(|()| true),
        }
    }

    fn literal_in_class(&mut self, c: char) {
        match c {
            '[' | ']' | '&' | '~' | '-' | '^' | '\\' => self.written.extend(['\\', c]),
            other => self.written.push(other),
        }
    }

    /// `[:alpha:]`, or a bracket as it is.
    fn named_class(&mut self) {
        let mut ahead = self.rest.clone().skip(1);
        let name: String = ahead.by_ref().take_while(|c| *c != ':').collect();
        if ahead.next() != Some(']') {
            return self.written.push_str(r"\[");
        }
        self.written.push_str(&format!("[:{name}:]"));
        self.rest.nth(name.chars().count() + 2);
    }

    /// After `(`. Of the flags, `x`, `u` and `R` are Rust's alone.
    fn group(&mut self) -> Result<(), String> {
        self.written.push('(');
        if self.rest.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        self.written.push('?');
        while let Some(c) = self.rest.next_if(|c| c.is_ascii_alphabetic() || *c == '-') {
            match c {
                'i' | 'm' | 's' | 'U' | '-' => self.written.push(c),
                'P' if self.rest.peek() == Some(&'<') => self.written.push('P'),
                other => return Err(format!("RE2 knows no flag {other}")),
            }
        }
        Ok(())
    }

    /// Whether what follows a `{` makes it one: `2}`, `2,}`, `2,3}`.
    fn is_repetition(&self) -> bool {
        let mut ahead = self.rest.clone();
        let digits = |ahead: &mut Peekable<Chars<'_>>| {
            let mut count = 0;
            while ahead.next_if(char::is_ascii_digit).is_some() {
                count += 1;
            }
            count
        };
        if digits(&mut ahead) == 0 {
            return false;
        }
        if ahead.next_if_eq(&',').is_some() {
            digits(&mut ahead);
        }
        ahead.next() == Some('}')
    }
}

/// The classes of Perl, which are of ASCII alone in RE2: what is in them, and whether everything else is meant.
fn class_of(c: char) -> Option<(&'static str, bool)> {
    let members = match c.to_ascii_lowercase() {
        'd' => "0-9",
        's' => r"\t\n\x0C\r ",
        'w' => "0-9A-Za-z_",
        _ => return None,
    };
    Some((members, c.is_ascii_uppercase()))
}
