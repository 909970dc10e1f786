//! Where heredocs begin in a line, by the rules of Docker's builder (BuildKit's Dockerfile frontend, as of 1.12): the
//! line is split into words like a shell does, and words like `<<EOF`, `3<<-"EOF"` or `<< EOF` open one each.

use std::iter::Peekable;
use std::str::CharIndices;

/// A heredoc that a line opens.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Heredoc {
    /// The line that ends it.
    pub end: String,
    /// Whether tabs before that line do not count.
    pub tabs: bool,
}

/// The heredocs that a line opens, in the order in which their texts follow. None in a line that cannot be split: the
/// builder takes such a line as it is, too.
pub(super) fn heredocs(line: &str) -> Result<Vec<Heredoc>, String> {
    if !line.contains("<<") {
        return Ok(Vec::new());
    }
    let mut splitter = Splitter::new(line);
    let words = splitter.words().unwrap_or_default();
    if splitter.foreign {
        return Err("a heredoc beside a variable whose name is not ASCII".to_owned());
    }
    Ok(words.into_iter().filter_map(heredoc).collect())
}

/// The heredoc that a word opens.
fn heredoc(word: &str) -> Option<Heredoc> {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = rest.strip_prefix("<<")?;
    let (rest, tabs) = match rest.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    if rest.contains('<') {
        return None;
    }
    let end = unquote(rest.trim_start());
    (!end.is_empty()).then_some(Heredoc { end, tabs })
}

/// A word without its quotes and escapes.
fn unquote(word: &str) -> String {
    let mut plain = String::with_capacity(word.len());
    let mut quote = None;
    let mut chars = word.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '\\') => plain.extend(chars.next()),
            (Some('"'), '\\') => {
                let escaped = chars.next_if(|next| matches!(next, '"' | '$' | '\\'));
                plain.push(escaped.unwrap_or('\\'));
            }
            (_, c) => plain.push(c),
        }
    }
    plain
}

/// Splits a line into words, which keep their quotes.
struct Splitter<'a> {
    line: &'a str,
    chars: Peekable<CharIndices<'a>>,
    /// What closes each thing that is open: `"`, the `}` of `${…}`, or the `/` within `${name/…/…}`.
    open: Vec<char>,
    /// Whether a variable's name holds what Go may take for a letter and Rust not, or the other way round.
    foreign: bool,
}

impl<'a> Splitter<'a> {
    fn new(line: &'a str) -> Splitter<'a> {
        Splitter {
            line,
            chars: line.char_indices().peekable(),
            open: Vec::new(),
            foreign: false,
        }
    }

    /// The words; nothing, if a quote is not closed or something after a `$` is not understood.
    fn words(&mut self) -> Option<Vec<&'a str>> {
        let mut words = Vec::new();
        let mut begin = None;
        while let Some((at, c)) = self.chars.next() {
            if self.open.is_empty() && c.is_whitespace() {
                if let Some(begin) = begin.take() {
                    words.extend(self.line.get(begin..at));
                }
                continue;
            }
            begin.get_or_insert(at);
            self.step(c)?;
        }
        if !self.open.is_empty() {
            return None;
        }
        words.extend(begin.and_then(|begin| self.line.get(begin..)));
        Some(words)
    }

    /// Goes on after one character of a word.
    fn step(&mut self, c: char) -> Option<()> {
        let inside = self.open.last().copied();
        match c {
            c if inside == Some(c) => {
                self.open.pop();
                if c == '/' {
                    self.open.push('}');
                }
            }
            '\\' => {
                self.chars.next();
            }
            '\'' if inside != Some('"') => {
                self.chars.by_ref().find(|(_, c)| *c == '\'')?;
            }
            '"' => self.open.push('"'),
            '$' => self.dollar()?,
            '<' if inside.is_none() && self.skip_if('<') => {
                while self.chars.next_if(|(_, c)| c.is_whitespace()).is_some() {}
            }
            _ => {}
        }
        Some(())
    }

    /// Goes on after a `$`.
    fn dollar(&mut self) -> Option<()> {
        if self.skip_if('$') || !self.skip_if('{') {
            return Some(());
        }
        let (_, first) = *self.chars.peek()?;
        if matches!(first, '{' | '}' | ':') {
            return None;
        }
        self.name(first);
        let (_, next) = self.chars.next()?;
        match next {
            '}' => {}
            ':' => {
                self.chars.next()?;
                self.open.push('}');
            }
            '+' | '-' | '?' | '#' | '%' => self.open.push('}'),
            '/' => {
                self.skip_if('/');
                self.open.push('/');
            }
            _ => return None,
        }
        Some(())
    }

    /// Skips the name of a variable: letters and digits, a number, or one sign.
    fn name(&mut self, first: char) {
        let number = first.is_ascii_digit();
        if matches!(first, '@' | '*' | '#' | '?' | '-' | '$' | '!') {
            self.chars.next();
            return;
        }
        let fits = |c: char| match number {
            true => c.is_ascii_digit(),
            false => c.is_ascii_alphanumeric() || c == '_',
        };
        while self.chars.next_if(|(_, c)| fits(*c)).is_some() {}
        self.foreign |= self.chars.peek().is_some_and(|(_, c)| !c.is_ascii());
    }

    fn skip_if(&mut self, wanted: char) -> bool {
        self.chars.next_if(|(_, c)| *c == wanted).is_some()
    }
}
