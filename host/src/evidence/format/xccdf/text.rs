//! The text of an element as plain text: markup flattened, white space put in order.

use super::xml::{Element, Space};

/// Elements of HTML that begin a new line.
const BLOCKS: [&str; 14] = [
    "br",
    "p",
    "div",
    "li",
    "ul",
    "ol",
    "dl",
    "dt",
    "dd",
    "table",
    "tr",
    "pre",
    "hr",
    "blockquote",
];

/// A text that is being collected.
#[derive(Debug, Default)]
pub(super) struct Text {
    /// Whether it is a script, of which every blank counts.
    verbatim: bool,
    out: String,
    /// Elements in it that are open.
    open: Vec<Open>,
    /// How many of those are `pre`.
    preformatted: usize,
}

#[derive(Debug)]
enum Open {
    Inline,
    Block,
    Preformatted,
}

impl Text {
    pub fn new(verbatim: bool) -> Text {
        Text {
            verbatim,
            ..Text::default()
        }
    }

    /// An element begins in it. Of a value's place (`<sub idref="…"/>`) the id is left.
    pub fn start(&mut self, element: &Element<'_>) -> Result<(), String> {
        let name = element.name();
        let block = !self.verbatim && BLOCKS.contains(&name);
        if block {
            self.newline();
        }
        self.open.push(match block {
            true if name == "pre" => Open::Preformatted,
            true => Open::Block,
            false => Open::Inline,
        });
        self.preformatted += usize::from(block && name == "pre");
        if element.space == Space::Xccdf && name == "sub" {
            let id = element.attribute("idref")?.unwrap_or_default();
            self.out.push_str(id.trim());
        }
        Ok(())
    }

    /// An element ends in it; whether it was the text's own.
    pub fn end(&mut self) -> bool {
        match self.open.pop() {
            Some(Open::Inline) => {}
            Some(Open::Block) => self.newline(),
            Some(Open::Preformatted) => {
                self.preformatted -= 1;
                self.newline();
            }
            None => return true,
        }
        false
    }

    pub fn push(&mut self, text: &str) {
        if self.verbatim {
            self.out.push_str(text);
        } else if self.preformatted > 0 {
            let fresh = self.out.is_empty() || self.out.ends_with('\n');
            let text = if fresh {
                text.trim_start_matches('\n')
            } else {
                text
            };
            self.out.push_str(text);
        } else {
            self.flow(text);
        }
    }

    /// Takes in running text: each stretch of white space becomes one blank.
    fn flow(&mut self, text: &str) {
        let blank = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
        if blank(text.as_bytes().first()) {
            self.blank();
        }
        for (index, word) in text.split_ascii_whitespace().enumerate() {
            if index > 0 {
                self.out.push(' ');
            }
            self.out.push_str(word);
        }
        if blank(text.as_bytes().last()) {
            self.blank();
        }
    }

    fn blank(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with([' ', '\n']) {
            self.out.push(' ');
        }
    }

    fn newline(&mut self) {
        self.out.truncate(self.out.trim_end_matches(' ').len());
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
    }

    /// The text; nothing, if it is empty.
    pub fn finish(mut self) -> Option<String> {
        self.out.truncate(self.out.trim_ascii_end().len());
        let begin = self.out.len() - self.out.trim_ascii_start().len();
        self.out.drain(..begin);
        (!self.out.is_empty()).then_some(self.out)
    }
}
