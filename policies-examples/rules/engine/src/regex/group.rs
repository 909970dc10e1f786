//! `(…)` and all that can follow a `(?`.

use super::input::{Parsed, Refusal};
use super::translate::{Part, Piece, PieceKind, Translator, Width};
use crate::context::RegexFlags;

impl Translator {
    /// A group; nothing for a comment and for flags of the whole pattern.
    pub fn group(&mut self, flags: RegexFlags, at_start: bool) -> Parsed<Option<Piece>> {
        if !self.input.take_if('?') {
            return self.capture(flags).map(Some);
        }
        let piece = match self.input.need()? {
            'P' => self.named(flags)?,
            ':' => {
                let (text, width) = self.inner(flags)?;
                Piece::new(format!("(?:{text})"), PieceKind::Plain, width)
            }
            '>' => {
                let (text, width) = self.inner(flags)?;
                Piece::new(format!("(?>{text})"), PieceKind::Plain, width)
            }
            '#' => {
                self.input.take_while(usize::MAX, |c| c != ')');
                self.input.expect(')')?;
                return Ok(None);
            }
            '=' => look(&self.inner(flags)?, "(?="),
            '!' => look(&self.inner(flags)?, "(?!"),
            '<' => self.behind(flags)?,
            '(' => self.condition(flags)?,
            c @ ('a' | 'i' | 'L' | 'm' | 's' | 'u' | 'x' | '-') => {
                return self.flagged(c, flags, at_start);
            }
            _ => return Err(Refusal::Invalid),
        };
        Ok(Some(piece))
    }

    /// The content of a group and its closing bracket.
    fn inner(&mut self, flags: RegexFlags) -> Parsed<Part> {
        self.depth += 1;
        let part = self.alternatives(flags)?;
        self.depth -= 1;
        self.input.expect(')')?;
        Ok(part)
    }

    fn capture(&mut self, flags: RegexFlags) -> Parsed<Piece> {
        let group = self.groups.len();
        self.groups.push(None);
        let (text, width) = self.inner(flags)?;
        if let Some(closed) = self.groups.get_mut(group) {
            *closed = Some(width);
        }
        Ok(Piece::new(format!("({text})"), PieceKind::Plain, width))
    }

    /// `(?P<name>…)`, `(?P=name)`
    fn named(&mut self, flags: RegexFlags) -> Parsed<Piece> {
        if self.input.take_if('=') {
            let name = self.input.until(')')?;
            let group = self.names.get(&name).copied().ok_or(Refusal::Invalid)?;
            return self.reference(group);
        }
        self.input.expect('<')?;
        let name = self.input.until('>')?;
        if !is_identifier(&name) || self.names.contains_key(&name) {
            return Err(Refusal::Invalid);
        }
        self.names.insert(name, self.groups.len());
        self.capture(flags)
    }

    /// `(?<=…)`, `(?<!…)`
    fn behind(&mut self, flags: RegexFlags) -> Parsed<Piece> {
        let start = match self.input.need()? {
            '=' => "(?<=",
            '!' => "(?<!",
            _ => return Err(Refusal::Invalid),
        };
        let around = self.behind;
        self.behind = around.or(Some(self.groups.len()));
        let part = self.inner(flags)?;
        self.behind = around;
        match part.1.least == part.1.most {
            true => Ok(look(&part, start)),
            false => Err(Refusal::Invalid),
        }
    }

    /// `(?(1)…|…)`
    fn condition(&mut self, flags: RegexFlags) -> Parsed<Piece> {
        let name = self.input.until(')')?;
        let group = if is_identifier(&name) {
            self.names.get(&name).copied().ok_or(Refusal::Invalid)?
        } else {
            let group = name.parse().map_err(|_| Refusal::Invalid)?;
            self.asked.push(group);
            group
        };
        if group == 0 {
            return Err(Refusal::Invalid);
        }
        if self.behind.is_some() {
            self.closed(group)?;
        }
        self.depth += 1;
        let (yes, mut width) = self.sequence(flags, false)?;
        let mut no = String::new();
        if self.input.take_if('|') {
            let other = self.sequence(flags, false)?;
            no = other.0;
            width = width.or(other.1);
        } else {
            width.least = 0;
        }
        self.depth -= 1;
        self.input.expect(')')?;
        let text = format!("(?({group})(?:{yes})|(?:{no}))");
        Ok(Piece::new(text, PieceKind::Plain, width))
    }

    /// `(?i)` for the whole pattern, `(?i-s:…)` for a part of it.
    fn flagged(&mut self, first: char, flags: RegexFlags, at_start: bool) -> Parsed<Option<Piece>> {
        let is_flag = |c: char| matches!(c, 'a' | 'i' | 'm' | 's' | 'u' | 'x');
        let mut on = String::new();
        let mut off = String::new();
        let mut c = first;
        while c != '-' && c != ':' && c != ')' {
            if !is_flag(c) {
                return Err(Refusal::Invalid);
            }
            on.push(c);
            c = self.input.need()?;
        }
        if on.contains('a') && on.contains('u') {
            return Err(Refusal::Invalid);
        }
        if c == ')' {
            return self.global(&on, at_start);
        }
        if c == '-' {
            off = self
                .input
                .take_while(usize::MAX, |c| matches!(c, 'i' | 'm' | 's' | 'x'));
            self.input.expect(':')?;
            if off.is_empty() || off.chars().any(|flag| on.contains(flag)) {
                return Err(Refusal::Invalid);
            }
        }
        let changed = switched(switched(flags, &on, true), &off, false);
        let (text, width) = self.inner(changed)?;
        let sign = if changed.ignore_case { "i" } else { "-i" };
        Ok(Some(Piece::new(
            format!("(?{sign}:{text})"),
            PieceKind::Plain,
            width,
        )))
    }

    fn global(&mut self, on: &str, at_start: bool) -> Parsed<Option<Piece>> {
        if !at_start {
            return Err(Refusal::Invalid);
        }
        if on.contains('x') && !self.flags.verbose {
            return Err(Refusal::Verbose);
        }
        self.unicode |= on.contains('u');
        self.flags = switched(self.flags, &on.replace('u', ""), true);
        Ok(None)
    }
}

fn switched(mut flags: RegexFlags, letters: &str, to: bool) -> RegexFlags {
    for letter in letters.chars() {
        match letter {
            'a' => flags.ascii = to,
            'u' => flags.ascii = false,
            'i' => flags.ignore_case = to,
            'm' => flags.multi_line = to,
            's' => flags.dot_all = to,
            _ => flags.verbose = to,
        }
    }
    flags
}

fn look(part: &Part, start: &str) -> Piece {
    Piece::new(format!("{start}{})", part.0), PieceKind::Plain, Width::ZERO)
}

fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    let starts = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
    starts && chars.all(|c| c.is_alphanumeric() || c == '_')
}
