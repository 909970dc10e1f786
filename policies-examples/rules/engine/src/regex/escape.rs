//! What a backslash begins, outside and inside of square brackets.

use super::input::{Parsed, Refusal};
use super::translate::{Piece, PieceKind, Translator, Width, literal};
use crate::context::RegexFlags;

/// Characters that a class can hold, written as members of one.
const WORD: &str = "\\p{L}\\p{N}_";
/// Unicode's white space, and what Python counts besides.
const SPACE: &str = "\\s\\x{1c}-\\x{1f}";
const DIGIT: &str = "\\p{Nd}";
const ASCII_WORD: &str = "0-9A-Za-z_";
const ASCII_SPACE: &str = "\\x{20}\\x{9}-\\x{d}";
const ASCII_DIGIT: &str = "0-9";

/// The class of `\d \D \s \S \w \W`.
pub(super) fn category(letter: char, flags: RegexFlags) -> Option<String> {
    let members = match (letter.to_ascii_lowercase(), flags.ascii) {
        ('d', false) => DIGIT,
        ('d', true) => ASCII_DIGIT,
        ('s', false) => SPACE,
        ('s', true) => ASCII_SPACE,
        ('w', false) => WORD,
        ('w', true) => ASCII_WORD,
        _ => return None,
    };
    let not = if letter.is_ascii_uppercase() { "^" } else { "" };
    Some(format!("[{not}{members}]"))
}

impl Translator {
    /// An escape outside of square brackets.
    pub fn escape(&mut self, flags: RegexFlags) -> Parsed<Piece> {
        let c = self.input.need()?;
        if let Some(class) = category(c, flags) {
            return Ok(Piece::one(class));
        }
        match c {
            'A' => return Ok(Piece::place("\\A")),
            'Z' => return Ok(Piece::place("\\z")),
            'b' | 'B' => return Ok(Piece::place(&boundary(c == 'B', flags))),
            '0' => {
                let digits = self.input.take_while(2, |c| c.is_digit(8));
                return code(&format!("0{digits}"), 8).map(|c| Piece::one(literal(c)));
            }
            '1'..='9' => return self.reference_or_octal(c),
            _ => {}
        }
        self.character(c).map(|c| Piece::one(literal(c)))
    }

    /// An escape between square brackets that stands for one character.
    pub fn class_escape(&mut self, c: char) -> Parsed<char> {
        match c {
            'b' => Ok('\u{8}'),
            '0'..='7' => {
                let digits = self.input.take_while(2, |c| c.is_digit(8));
                code(&format!("{c}{digits}"), 8)
            }
            '8' | '9' => Err(Refusal::Invalid),
            _ => self.character(c),
        }
    }

    fn character(&mut self, c: char) -> Parsed<char> {
        match c {
            'a' => Ok('\u{7}'),
            'f' => Ok('\u{c}'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\u{b}'),
            'x' => self.hex(2),
            'u' => self.hex(4),
            'U' => self.hex(8),
            'N' => {
                self.input.expect('{')?;
                let name = self.input.until('}')?;
                unicode_names2::character(&name).ok_or(Refusal::Invalid)
            }
            c if c.is_ascii_alphabetic() => Err(Refusal::Invalid),
            c => Ok(c),
        }
    }

    fn hex(&mut self, length: usize) -> Parsed<char> {
        let digits = self.input.take_while(length, |c| c.is_ascii_hexdigit());
        match digits.len() == length {
            true => code(&digits, 16),
            false => Err(Refusal::Invalid),
        }
    }

    /// `\12` is a group, `\123` a character if its digits are octal.
    fn reference_or_octal(&mut self, first: char) -> Parsed<Piece> {
        let mut digits = first.to_string();
        digits.push_str(&self.input.take_while(1, |c| c.is_ascii_digit()));
        let octal = |c: char| c.is_digit(8);
        if digits.len() == 2 && digits.chars().all(octal) && self.input.peek().is_some_and(octal) {
            digits.push(self.input.need()?);
            return code(&digits, 8).map(|c| Piece::one(literal(c)));
        }
        let group = digits.parse().map_err(|_| Refusal::Invalid)?;
        self.reference(group)
    }

    /// A reference to a group, which must be closed.
    pub fn reference(&mut self, group: usize) -> Parsed<Piece> {
        let width = self.closed(group)?;
        // In brackets, so that a digit that follows is no part of it.
        Ok(Piece::new(
            format!("(?:\\{group})"),
            PieceKind::Plain,
            width,
        ))
    }

    /// The width of a closed group that the look-behind around may refer to.
    pub fn closed(&mut self, group: usize) -> Parsed<Width> {
        let width = self.groups.get(group).copied().flatten();
        let width = width.ok_or(Refusal::Invalid)?;
        match self.behind {
            Some(start) if group >= start => Err(Refusal::Invalid),
            _ => Ok(width),
        }
    }
}

/// A character by its number; Python's octal escapes end at 0o377.
fn code(digits: &str, base: u32) -> Parsed<char> {
    let code = u32::from_str_radix(digits, base).map_err(|_| Refusal::Invalid)?;
    if base == 8 && code > 0o377 {
        return Err(Refusal::Invalid);
    }
    char::from_u32(code).ok_or(Refusal::Invalid)
}

/// The start or end of a word, or the middle of either; Python finds no middle in an empty text.
fn boundary(negated: bool, flags: RegexFlags) -> String {
    if !flags.ascii {
        return if negated { "(?:(?!\\A\\z)\\B)" } else { "\\b" }.to_owned();
    }
    let (behind, ahead) = (
        format!("(?<=[{ASCII_WORD}])"),
        format!("(?=[{ASCII_WORD}])"),
    );
    let (not_behind, not_ahead) = (
        format!("(?<![{ASCII_WORD}])"),
        format!("(?![{ASCII_WORD}])"),
    );
    match negated {
        false => format!("(?:{behind}{not_ahead}|{not_behind}{ahead})"),
        true => format!("(?:(?!\\A\\z)(?:{behind}{ahead}|{not_behind}{not_ahead}))"),
    }
}
