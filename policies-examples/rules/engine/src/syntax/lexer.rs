//! Text to tokens, one at a time, so that the first mistake in the text is the one that is reported.

use super::token::{Kind, RESERVED, SIGNS, Token, WORDS};
use crate::error::{Error, Position};
use crate::python;

pub(super) struct Lexer<'a> {
    rest: &'a str,
    before: Option<char>,
    position: Position,
    v4: bool,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str, v4: bool) -> Lexer<'a> {
        Lexer {
            rest: text,
            before: None,
            position: Position {
                line: 1,
                column: 1,
                offset: 0,
            },
            v4,
        }
    }

    /// The next token; nothing at the end.
    pub fn next(&mut self) -> Result<Option<Token>, Error> {
        while self.rest.starts_with([' ', '\t', '\n']) {
            self.advance(1);
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        let position = self.position;
        let Some((kind, length)) = self.recognise()? else {
            let c = self.rest.chars().next().unwrap_or_default();
            let c = python::quoted(&c.to_string());
            let what = format!("syntax error (illegal character {c})");
            return Err(Error::syntax(&what, Some(position)));
        };
        self.advance(length);
        Ok(Some(Token { kind, position }))
    }

    fn advance(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        for c in taken.chars() {
            self.position.offset += 1;
            self.position.column += 1;
            if c == '\n' {
                self.position.line += 1;
                self.position.column = 1;
            }
            self.before = Some(c);
        }
        self.rest = rest;
    }

    /// The token at the front and its length in bytes.
    fn recognise(&self) -> Result<Option<(Kind, usize)>, Error> {
        if let Some(found) = self.quoted() {
            return Ok(Some(found));
        }
        if let Some(length) = symbol_length(self.rest) {
            return self.word(length).map(Some);
        }
        if self.rest.starts_with('#') {
            let is_last = !self.rest.trim_end_matches('\n').contains('\n');
            let newlines = self.rest.len() - self.rest.trim_end_matches('\n').len();
            let ends = is_last && newlines <= 1;
            return Ok(ends.then(|| (Kind::Comment, self.rest.len() - newlines)));
        }
        if let Some(length) = float_length(self.rest) {
            let digits = self.rest.get(..length).unwrap_or_default();
            return Ok(Some((Kind::Float(digits.to_owned()), length)));
        }
        Ok(self.sign())
    }

    /// A string with its prefix, on one line.
    fn quoted(&self) -> Option<(Kind, usize)> {
        let mut prefix = ' ';
        let mut body = self.rest;
        if let Some(rest) = self.rest.strip_prefix(['b', 'd', 't', 's', 'r']) {
            prefix = self.rest.chars().next()?;
            body = rest;
        }
        if prefix == 'r' && self.v4 {
            return None;
        }
        let quote = body.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let inner = body.get(1..)?;
        let mut escaped = false;
        for (at, c) in inner.char_indices() {
            match c {
                '\n' => return None,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                c if c == quote => {
                    let length = self.rest.len() - body.len() + at + 2;
                    let content = inner.get(..at)?.to_owned();
                    return Some((Kind::Quoted(prefix, content), length));
                }
                _ => {}
            }
        }
        None
    }

    fn word(&self, length: usize) -> Result<(Kind, usize), Error> {
        let name = self.rest.get(..length).unwrap_or_default();
        if RESERVED.contains(&name) {
            let what = format!("syntax error (the {name} keyword is reserved for future use)");
            return Err(Error::syntax(&what, None));
        }
        let kind = match WORDS.iter().find(|word| **word == name) {
            Some(word) => Kind::Word(word),
            None => Kind::Symbol(name.to_owned()),
        };
        Ok((kind, length))
    }

    fn sign(&self) -> Option<(Kind, usize)> {
        let after_text = self.before.is_some_and(|c| !python::is_space(c));
        if after_text {
            for sign in ["&.", "."] {
                let rest = self.rest.strip_prefix(sign);
                if rest.is_some_and(|rest| rest.starts_with(is_name_start)) {
                    return Some((Kind::Sign(sign), sign.len()));
                }
            }
            if self.rest.starts_with("&[") {
                return Some((Kind::Sign("&["), 2));
            }
        }
        let mut signs = SIGNS.iter().filter(|sign| !(self.v4 && **sign == "??"));
        let sign = signs.find(|sign| self.rest.starts_with(**sign))?;
        Some((Kind::Sign(sign), sign.len()))
    }
}

fn is_name_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn symbol_length(text: &str) -> Option<usize> {
    let name = text.strip_prefix('$').unwrap_or(text);
    if !name.starts_with(is_name_start) {
        return None;
    }
    let is_end = |c: char| !c.is_ascii_alphanumeric() && c != '_';
    let end = name.find(is_end).unwrap_or(name.len());
    Some(text.len() - name.len() + end)
}

/// `0b…`, `0o…`, `0x…`, `12`, `12.`, `1.5e-3`, `.5`
fn float_length(text: &str) -> Option<usize> {
    for (prefix, base) in [("0b", 2), ("0o", 8), ("0x", 16)] {
        let digits = text.strip_prefix(prefix).unwrap_or_default();
        let count = count(digits, |c| c.is_digit(base));
        if count > 0 {
            return Some(count + 2);
        }
    }
    let mut length = count(text, |c| c.is_ascii_digit());
    let fraction = text.get(length..).and_then(|rest| rest.strip_prefix('.'));
    if let Some(fraction) = fraction {
        let digits = count(fraction, |c| c.is_ascii_digit());
        if length == 0 && digits == 0 {
            return None;
        }
        length += 1 + digits;
    }
    if length == 0 {
        return None;
    }
    if let Some(power) = text
        .get(length..)
        .and_then(|rest| rest.strip_prefix(['e', 'E']))
    {
        let sign = usize::from(power.starts_with(['+', '-']));
        let digits = count(power.get(sign..).unwrap_or_default(), |c| {
            c.is_ascii_digit()
        });
        if digits > 0 {
            length += 1 + sign + digits;
        }
    }
    Some(length)
}

fn count(text: &str, is_part: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is_part(c)).unwrap_or(text.len())
}
