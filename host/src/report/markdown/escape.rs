//! Texts as Markdown shows them unchanged, in a table and elsewhere. GitHub looks for mentions, references and addresses
//! after it has resolved escapes, so those need more than an escape: an invisible space (U+200B) breaks them.

use std::fmt::Write;

use super::super::plain;

/// A text in a paragraph or a cell.
pub(super) fn text(text: &str, limit: usize) -> String {
    let text = plain::line(text.trim(), limit);
    let mut escaped = String::with_capacity(text.len());
    let mut before = [' '; 3];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        if c == '.' && before == ['w'; 3] {
            escaped.push_str("&#8203;");
        }
        if is_special(c) {
            // Writing to a text cannot fail.
            let _ = write!(escaped, "&#{};", u32::from(c));
        } else {
            escaped.push(c);
        }
        if leads(before, c, next) {
            escaped.push_str("&#8203;");
        }
        before = [before[1], before[2], c.to_ascii_lowercase()];
    }
    escaped
}

/// Whether a character may begin markup or raw HTML, or end a cell.
fn is_special(c: char) -> bool {
    r"\`*_[]<>&|#~!$:@^".contains(c)
}

/// Whether with it begins, or goes on, what would become a link: `@user`, `#1`, GitLab's `!1`, `~label`, `$1`, `&1` and
/// `%1`, `GH-1`, `https://…`.
fn leads(before: [char; 3], c: char, next: char) -> bool {
    let named = next.is_alphanumeric() || matches!(next, '_' | '"');
    match c {
        '@' => next != ' ',
        '#' | '!' | '~' | '$' | '&' | '%' => named,
        '-' => before[1..] == ['g', 'h'] && named,
        ':' => next == '/',
        _ => false,
    }
}

/// A name, in a code span where that holds it: nothing is looked for in one, and it can be copied as it is.
pub(super) fn code(name: &str, limit: usize) -> String {
    let name = plain::line(name.trim(), limit);
    let holds = |c: char| c.is_alphanumeric() || " ._-/:@+=~#,()[]%".contains(c);
    if name.is_empty() {
        return String::new();
    }
    if name.chars().all(holds) {
        format!("`{name}`")
    } else {
        text(&name, limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_markdown_means_is_left() {
        for (from, to) in [
            ("two words, 50 % of it.", "two words, 50 % of it."),
            ("a|b\\|c\nd", "a&#124;b&#92;&#124;c d"),
            ("<b>&amp;</b>", "&#60;b&#62;&#38;&#8203;amp;&#60;/b&#62;"),
            ("@user", "&#64;&#8203;user"),
            ("fixes #12 and GH-3", "fixes &#35;&#8203;12 and GH-&#8203;3"),
            ("https://x.example", "https&#58;&#8203;//x.example"),
            ("WWW.x.example", "WWW&#8203;.x.example"),
            ("[a](b) ![c](d)", "&#91;a&#93;(b) &#33;&#91;c&#93;(d)"),
            ("\u{202e}x", "\u{fffd}x"),
        ] {
            assert_eq!(text(from, 100), to, "{from:?}");
        }
    }

    #[test]
    fn a_name_stands_in_code_where_code_can_hold_it() {
        for (from, to) in [
            ("nginx@sha256:ab", "`nginx@sha256:ab`"),
            ("@babel/core", "`@babel/core`"),
            ("a`b", "a&#96;b"),
            ("a|b", "a&#124;b"),
            ("", ""),
            ("  ", ""),
        ] {
            assert_eq!(code(from, 100), to, "{from:?}");
        }
    }
}
