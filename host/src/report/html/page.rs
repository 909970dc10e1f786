//! A page under construction.

use std::fmt::Write;

use jiff::Timestamp;

use super::super::plain::{self, NAME, SENTENCE};
use super::super::view;

#[derive(Default)]
pub(super) struct Page {
    html: String,
}

impl Page {
    /// Markup. It is written down in the program: no text of a guest has this type.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Page {
        self.html.push_str(markup);
        self
    }

    /// A text on one line.
    pub(super) fn text(&mut self, text: &str) -> &mut Page {
        self.escape(&plain::line(text, SENTENCE))
    }

    /// A text with its line breaks.
    pub(super) fn prose(&mut self, text: &str) -> &mut Page {
        self.raw("<div class=\"prose\" dir=\"auto\">")
            .escape(&plain::lines(text.trim(), SENTENCE))
            .raw("</div>")
    }

    /// A name.
    pub(super) fn code(&mut self, name: &str) -> &mut Page {
        self.raw("<code>")
            .escape(&plain::line(name, NAME))
            .raw("</code>")
    }

    pub(super) fn number(&mut self, number: usize) -> &mut Page {
        // Writing to a text cannot fail.
        let _ = write!(self.html, "{number}");
        self
    }

    pub(super) fn moment(&mut self, time: Timestamp) -> &mut Page {
        let machine = time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        self.raw("<time datetime=\"")
            .escape(&machine)
            .raw("\">")
            .escape(&view::moment(time))
            .raw("</time>")
    }

    /// A link, if it leads to a web page; otherwise what it says.
    pub(super) fn link(&mut self, url: &str) -> &mut Page {
        match plain::web_link(url) {
            Some(url) => self
                .raw("<a rel=\"noopener noreferrer nofollow\" href=\"")
                .escape(url)
                .raw("\">")
                .text(url)
                .raw("</a>"),
            None => self.text(url),
        }
    }

    /// A word that stands out: a verdict, a level, a severity.
    pub(super) fn badge(&mut self, word: &'static str) -> &mut Page {
        self.raw("<span class=\"badge ")
            .raw(word)
            .raw("\">")
            .raw(word)
            .raw("</span>")
    }

    /// A heading and what belongs under it.
    pub(super) fn section(&mut self, title: &'static str, body: impl FnOnce(&mut Page)) {
        self.raw("<section>\n<h2>").raw(title).raw("</h2>\n");
        body(self);
        self.raw("</section>\n");
    }

    /// A table; its columns' heads are markup, each row is written by [`Page::row`].
    pub(super) fn table(
        &mut self,
        caption: &str,
        columns: &[&'static str],
        rows: impl FnOnce(&mut Page),
    ) {
        self.raw("<div class=\"scroll\">\n<table>\n<caption>")
            .text(caption)
            .raw("</caption>\n<thead>\n<tr>");
        for column in columns {
            self.raw("<th scope=\"col\">").raw(column).raw("</th>");
        }
        self.raw("</tr>\n</thead>\n<tbody>\n");
        rows(self);
        self.raw("</tbody>\n</table>\n</div>\n");
    }

    pub(super) fn row(&mut self, cells: impl FnOnce(&mut Page)) {
        self.raw("<tr>");
        cells(self);
        self.raw("</tr>\n");
    }

    /// The cell that names its row.
    pub(super) fn head(&mut self, content: impl FnOnce(&mut Page)) -> &mut Page {
        self.raw("<th scope=\"row\">");
        content(self);
        self.raw("</th>")
    }

    pub(super) fn cell(&mut self, content: impl FnOnce(&mut Page)) -> &mut Page {
        self.raw("<td>");
        content(self);
        self.raw("</td>")
    }

    /// A cell with a number, which is left out when it is nought.
    pub(super) fn count(&mut self, number: usize) -> &mut Page {
        self.raw("<td class=\"number\">");
        match number {
            0 => self.raw("<span class=\"none\">0</span>"),
            number => self.number(number),
        };
        self.raw("</td>")
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.html.as_bytes()
    }

    fn escape(&mut self, text: &str) -> &mut Page {
        for c in text.chars() {
            match c {
                '&' => self.html.push_str("&amp;"),
                '<' => self.html.push_str("&lt;"),
                '>' => self.html.push_str("&gt;"),
                '"' => self.html.push_str("&quot;"),
                '\'' => self.html.push_str("&#39;"),
                c => self.html.push(c),
            }
        }
        self
    }
}
