//! `* + ? {n,m}`, greedy, lazy and possessive.

use super::input::{Parsed, Refusal};
use super::translate::{Piece, PieceKind, Translator, Width};

/// Python counts to this.
const MOST: u64 = u32::MAX as u64;

impl Translator {
    /// Repeats the piece before; nothing if a `{` turns out to be a plain character.
    pub fn repeat(&mut self, sign: char, before: Option<&Piece>) -> Parsed<Option<Piece>> {
        let (least, most) = match sign {
            '?' => (0, 1),
            '*' => (0, MOST),
            '+' => (1, MOST),
            _ => match self.counts()? {
                Some(counts) => counts,
                None => return Ok(None),
            },
        };
        let Some(item) = before.filter(|item| item.kind == PieceKind::Plain) else {
            return Err(Refusal::Invalid);
        };
        let counts = match (least, most) {
            (0, 1) => "?".to_owned(),
            (0, MOST) => "*".to_owned(),
            (1, MOST) => "+".to_owned(),
            (least, MOST) => format!("{{{least},}}"),
            (least, most) => format!("{{{least},{most}}}"),
        };
        let (lazy, possessive) = (self.input.take_if('?'), self.input.take_if('+'));
        if lazy && possessive {
            return Err(Refusal::Invalid);
        }
        let item_text = &item.text;
        let text = match (item.width, least, lazy) {
            // What takes no room is repeated once or not at all; fancy-regex does not repeat look-arounds.
            (Width::ZERO, 1.., _) => item_text.clone(),
            (Width::ZERO, _, false) if most > 0 => format!("(?:{item_text}|)"),
            (Width::ZERO, _, true) if most > 0 => format!("(?:|{item_text})"),
            (_, _, true) => format!("{item_text}{counts}?"),
            _ if possessive => format!("(?>{item_text}{counts})"),
            _ => format!("{item_text}{counts}"),
        };
        let width = Width {
            least: item.width.least.saturating_mul(least),
            most: item.width.most.saturating_mul(most),
        };
        Ok(Some(Piece::new(text, PieceKind::Repeated, width)))
    }

    fn counts(&mut self) -> Parsed<Option<(u64, u64)>> {
        if self.input.peek() == Some('}') {
            return Ok(None);
        }
        let digits = |translator: &mut Translator| {
            translator
                .input
                .take_while(usize::MAX, |c| c.is_ascii_digit())
        };
        let least = digits(self);
        let most = match self.input.take_if(',') {
            true => digits(self),
            false => least.clone(),
        };
        if !self.input.take_if('}') {
            return Ok(None);
        }
        let count = |digits: &str, otherwise: u64| match digits {
            "" => Ok(otherwise),
            digits => match digits.parse() {
                Ok(count) if count < MOST => Ok(count),
                _ => Err(Refusal::TooDeep),
            },
        };
        let (least, most) = (count(&least, 0)?, count(&most, MOST)?);
        match least > most {
            true => Err(Refusal::Invalid),
            false => Ok(Some((least, most))),
        }
    }
}
