//! One pass over a JSON text: how deep it nests, how much it holds, and the keys of one object with their raw values.
//! What is broken is passed over, for the format's own reader says it better.

use super::{Extent, Field};

/// How many keys of an object are noted; no format has as many.
pub(in super::super) const MAX_KEYS: usize = 64;

/// Where the pass is, and what it counted.
#[derive(Clone, Copy)]
pub(super) struct Walk<'a> {
    text: &'a str,
    at: usize,
    /// How many objects and arrays are open.
    open: usize,
    extent: Extent,
}

impl<'a> Walk<'a> {
    pub(super) fn new(text: &'a str) -> Walk<'a> {
        Walk {
            text,
            at: 0,
            open: 0,
            extent: Extent::default(),
        }
    }

    /// Goes on to the end of the text.
    pub(super) fn finish(mut self) -> Extent {
        self.run(usize::MAX);
        self.extent
    }

    /// Takes that byte, if it comes next but for white space.
    pub(super) fn takes(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.step();
        }
        found
    }

    /// The fields of an object of which the brace was taken, up to the first that is broken.
    pub(super) fn fields(&mut self) -> Vec<Field<'a>> {
        let mut fields = Vec::new();
        while fields.len() < MAX_KEYS
            && let Some(field) = self.field()
        {
            fields.push(field);
            if !self.takes(b',') {
                break;
            }
        }
        fields
    }

    fn field(&mut self) -> Option<Field<'a>> {
        let key = unquote(self.value()?)?;
        let raw = self.takes(b':').then(|| self.value())??;
        Some(Field { key, raw })
    }

    /// The raw text of the value that comes next.
    fn value(&mut self) -> Option<&'a str> {
        let first = self.peek()?;
        let start = self.at;
        match first {
            b'"' => _ = self.step(),
            b'{' | b'[' => {
                let outside = self.open;
                self.run(outside);
                if self.open != outside {
                    return None;
                }
            }
            _ => {
                let rest = self.text.get(start..)?;
                let end = |byte: u8| matches!(byte, b',' | b':' | b'}' | b']') || is_space(byte);
                self.at += rest.bytes().position(end).unwrap_or(rest.len());
            }
        }
        self.text.get(start..self.at).filter(|raw| !raw.is_empty())
    }

    /// What comes next but for white space.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let blanks = rest.iter().position(|byte| !is_space(*byte))?;
        self.at += blanks;
        rest.get(blanks).copied()
    }

    /// Goes on until so many objects and arrays are open again.
    fn run(&mut self, until: usize) {
        // A copy of its own stays in registers.
        let mut walk = *self;
        while let Some(byte) = walk.step() {
            if byte | 0x20 == b'}' && walk.open == until {
                break;
            }
        }
        *self = walk;
    }

    /// Takes a byte, or a whole string.
    #[inline(always)]
    fn step(&mut self) -> Option<u8> {
        let byte = *self.text.as_bytes().get(self.at)?;
        self.at += 1;
        match byte {
            b'"' => self.at = after_string(self.text.as_bytes(), self.at),
            b'\n' => self.at = after_indentation(self.text.as_bytes(), self.at),
            b',' => self.extent.values += 1,
            b'{' | b'[' => {
                self.open += 1;
                self.extent.depth = self.extent.depth.max(self.open);
                self.extent.objects += usize::from(byte == b'{');
                self.extent.values += 1;
            }
            b'}' | b']' => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        Some(byte)
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// Where the text goes on after a string of which the opening quote was just read. Most strings are short, so that eight
/// bytes at a time are faster than a search.
#[inline(always)]
fn after_string(text: &[u8], mut at: usize) -> usize {
    loop {
        if let Some(word) = word(text, at) {
            let found = matches(word, b'"') | matches(word, b'\\');
            if found == 0 {
                at += 8;
                continue;
            }
            at += (found.trailing_zeros() / 8) as usize;
        }
        match text.get(at) {
            None => return text.len(),
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    }
}

/// Where the text goes on after the blanks at the beginning of a line.
#[inline(always)]
fn after_indentation(text: &[u8], mut at: usize) -> usize {
    while let Some(word) = word(text, at) {
        let others = word ^ (ONES * u64::from(b' '));
        at += (others.trailing_zeros() / 8) as usize;
        if others != 0 {
            break;
        }
    }
    at
}

/// Eight bytes, the first lowest.
#[inline(always)]
fn word(text: &[u8], at: usize) -> Option<u64> {
    let bytes = text.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*bytes))
}

const ONES: u64 = u64::from_le_bytes([1; 8]);

/// The highest bit of each byte that is this one; above the first, of others as well.
#[inline(always)]
fn matches(word: u64, byte: u8) -> u64 {
    let zero = word ^ (ONES * u64::from(byte));
    zero.wrapping_sub(ONES) & !zero & (ONES << 7)
}

/// What a raw string says.
pub(super) fn unquote(raw: &str) -> Option<String> {
    let inside = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inside.contains('\\') {
        return serde_json::from_str(raw).ok();
    }
    Some(inside.to_owned())
}
