//! Reads a pattern as `re` of Python 3.11 does, and writes it for `fancy-regex`.
//!
//! What differs: `$` also matches before a newline at the end; `\Z` is the end; `\d \s \w` are Python's sets of
//! characters; octal escapes; `(?P=name)`; `{,n}`; flags must stand at the start. What is the same up to rare characters:
//! `\b`, and upper and lower case.

use std::collections::HashMap;

use super::input::{Input, Parsed, Refusal};
use super::invalid;
use crate::context::RegexFlags;
use crate::error::{Error, Leak};

/// Groups nested more deeply are refused; recursion would go as deep.
const DEPTH: usize = 50;

/// A part of a sequence.
pub(super) struct Piece {
    pub text: String,
    pub kind: PieceKind,
    pub width: Width,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PieceKind {
    Plain,
    /// An assertion of a place, which cannot be repeated.
    Place,
    /// `$` that may match before a last newline.
    End,
    Repeated,
}

/// The least and the most characters that something matches: what a look-behind contains must have one width.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Width {
    pub least: u64,
    pub most: u64,
}

impl Width {
    pub const ZERO: Width = Width { least: 0, most: 0 };
    pub const ONE: Width = Width { least: 1, most: 1 };

    fn then(self, next: Width) -> Width {
        Width {
            least: self.least.saturating_add(next.least),
            most: self.most.saturating_add(next.most),
        }
    }

    pub fn or(self, other: Width) -> Width {
        Width {
            least: self.least.min(other.least),
            most: self.most.max(other.most),
        }
    }
}

impl Piece {
    pub fn new(text: impl Into<String>, kind: PieceKind, width: Width) -> Piece {
        Piece {
            text: text.into(),
            kind,
            width,
        }
    }

    pub fn one(text: impl Into<String>) -> Piece {
        Piece::new(text, PieceKind::Plain, Width::ONE)
    }

    pub fn place(text: &str) -> Piece {
        Piece::new(text, PieceKind::Place, Width::ZERO)
    }
}

/// A translated part and its width.
pub(super) type Part = (String, Width);

pub(super) struct Translator {
    pub input: Input,
    /// The width of each group that is closed; the first stands for the whole.
    pub groups: Vec<Option<Width>>,
    pub names: HashMap<String, usize>,
    /// Groups that conditions ask for, which may come later.
    pub asked: Vec<usize>,
    /// How many groups there were where the look-behind around began.
    pub behind: Option<usize>,
    pub depth: usize,
    /// Flags for all of the pattern.
    pub flags: RegexFlags,
    /// Whether `(?u)` was asked for, which does not go with `re.ASCII`.
    pub unicode: bool,
}

/// Writes a pattern of Python's for `fancy-regex`.
pub(super) fn translate(pattern: &str, flags: RegexFlags) -> Result<String, Error> {
    let attempt = Translator::new(pattern, flags).whole();
    let attempt = match attempt {
        Err(Refusal::Verbose) => {
            let verbose = true;
            Translator::new(pattern, RegexFlags { verbose, ..flags }).whole()
        }
        other => other,
    };
    attempt.map_err(|refusal| match refusal {
        Refusal::TooDeep => Error::limit("a pattern is nested too deeply"),
        Refusal::Flags => {
            Error::leaked(Leak::ValueError, "ASCII and UNICODE flags are incompatible")
        }
        Refusal::Invalid | Refusal::Verbose => invalid(),
    })
}

impl Translator {
    fn new(pattern: &str, flags: RegexFlags) -> Translator {
        Translator {
            input: Input::new(pattern),
            groups: vec![None],
            names: HashMap::new(),
            asked: Vec::new(),
            behind: None,
            depth: 0,
            flags,
            unicode: false,
        }
    }

    fn whole(mut self) -> Parsed<String> {
        let (text, _) = self.alternatives(self.flags)?;
        if self.input.peek().is_some() || self.asked.iter().any(|group| *group >= self.groups.len())
        {
            return Err(Refusal::Invalid);
        }
        if self.unicode && self.flags.ascii {
            return Err(Refusal::Flags);
        }
        Ok(match self.flags.ignore_case {
            true => format!("(?i:{text})"),
            false => text,
        })
    }

    /// `a|b`, up to a closing bracket or the end.
    pub fn alternatives(&mut self, flags: RegexFlags) -> Parsed<Part> {
        if self.depth > DEPTH {
            return Err(Refusal::TooDeep);
        }
        let (mut text, mut width) = self.sequence(flags, true)?;
        while self.input.take_if('|') {
            let (next, next_width) = self.sequence(flags, false)?;
            text = format!("{text}|{next}");
            width = width.or(next_width);
        }
        Ok((text, width))
    }

    /// A row of pieces. Flags for the whole pattern may stand at the very start.
    pub fn sequence(&mut self, flags: RegexFlags, first: bool) -> Parsed<Part> {
        let mut flags = flags;
        let mut pieces: Vec<Piece> = Vec::new();
        while let Some(c) = self.input.peek().filter(|c| !matches!(c, '|' | ')')) {
            let start = self.input.at();
            self.input.take();
            match c {
                ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' if flags.verbose => {}
                '#' if flags.verbose => {
                    self.input.take_while(usize::MAX, |c| c != '\n');
                    self.input.take();
                }
                '*' | '+' | '?' | '{' => match self.repeat(c, pieces.last())? {
                    Some(repeated) => {
                        pieces.pop();
                        pieces.push(repeated);
                    }
                    None => {
                        self.input.seek(start + 1);
                        pieces.push(Piece::one(literal(c)));
                    }
                },
                '(' => {
                    let at_start = first && self.depth == 0 && pieces.is_empty();
                    if let Some(piece) = self.group(flags, at_start)? {
                        pieces.push(piece);
                    }
                    if self.depth == 0 {
                        flags = self.flags;
                    }
                }
                '[' => {
                    let class = self.class(flags)?;
                    pieces.push(Piece::one(class));
                }
                '\\' => {
                    let piece = self.escape(flags)?;
                    pieces.push(piece);
                }
                '.' => pieces.push(Piece::one(if flags.dot_all { "(?s:.)" } else { "." })),
                '^' => pieces.push(Piece::place(if flags.multi_line {
                    "(?m:^)"
                } else {
                    "\\A"
                })),
                '$' if flags.multi_line => pieces.push(Piece::place("(?m:$)")),
                '$' => pieces.push(Piece::new("(?=\\n?\\z)", PieceKind::End, Width::ZERO)),
                c => pieces.push(Piece::one(literal(c))),
            }
        }
        let width = pieces
            .iter()
            .fold(Width::ZERO, |sum, piece| sum.then(piece.width));
        if self.depth == 0
            && let Some(last) = pieces.last_mut()
            && last.kind == PieceKind::End
        {
            // Nobody asks where the whole match ends, and without a look-ahead the pattern needs no backtracking.
            last.text = "\\n?\\z".to_owned();
        }
        let texts: Vec<String> = pieces.into_iter().map(|piece| piece.text).collect();
        Ok((texts.concat(), width))
    }
}

/// A character that stands for itself, also between square brackets.
pub(super) fn literal(c: char) -> String {
    match c.is_alphanumeric() {
        true => c.to_string(),
        false => format!("\\x{{{:x}}}", u32::from(c)),
    }
}
