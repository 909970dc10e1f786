//! Patterns as bundles write them: `*` wildcards, `regexp:` and Python's `re.match`.

use std::iter::Peekable;
use std::str::Chars;

use regex_lite::Regex;

/// A regular expression in Python's syntax.
#[derive(Debug)]
pub struct Expression {
    text: String,
    regex: Regex,
}

impl Expression {
    /// Reads one; the error says what of it is not understood.
    pub fn new(text: &str) -> Result<Expression, String> {
        let translated = translate(text)?;
        let regex = Regex::new(&format!("\\A(?:{translated})"))
            .map_err(|error| format!("not a regular expression: {error}"))?;
        Ok(Expression {
            text: text.to_owned(),
            regex,
        })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// As `re.match` does: from the start, not necessarily to the end.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

/// What selects images and trigger ids: text in which `*` stands for any text, or `regexp:` and an expression.
#[derive(Debug)]
pub enum Pattern {
    /// Text, with or without `*`.
    Wildcard(String),
    /// After `regexp:`.
    Expression(Expression),
}

impl Pattern {
    /// Reads one.
    pub fn new(text: &str) -> Result<Pattern, String> {
        match text.trim_start().strip_prefix("regexp:") {
            Some(expression) => Expression::new(expression)
                .map(Pattern::Expression)
                .map_err(|why| format!("{expression:?} cannot be read: {why}")),
            None => Ok(Pattern::Wildcard(text.to_owned())),
        }
    }

    /// Whether it lets everything through.
    pub fn is_any(&self) -> bool {
        matches!(self, Pattern::Wildcard(text) if text == "*")
    }

    /// Whether the text is as the pattern says.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Pattern::Wildcard(pattern) => wildcard(pattern, text),
            Pattern::Expression(expression) => expression.matches(text),
        }
    }
}

fn wildcard(pattern: &str, text: &str) -> bool {
    let Some((first, tail)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let (middle, last) = tail.rsplit_once('*').unwrap_or(("", tail));
    let ends = text.strip_prefix(first);
    let Some(mut rest) = ends.and_then(|rest| rest.strip_suffix(last)) else {
        return false;
    };
    middle.split('*').all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

/// Python's syntax in that of `regex-lite`. What neither has an equal for is an error: look-around, references to
/// groups, conditions, atomic groups, verbose mode.
fn translate(text: &str) -> Result<String, String> {
    let mut rest = text.chars().peekable();
    let mut out = String::new();
    while let Some(c) = rest.next() {
        match c {
            '\\' => out.push_str(&escape(&mut rest, false)?),
            '[' => class(&mut rest, &mut out)?,
            '(' if rest.peek() == Some(&'?') => group(&mut rest, &mut out)?,
            '{' => repetition(&mut rest, &mut out),
            // Unless it ends a repetition, which has been taken above, it is text.
            '}' => out.push_str("\\}"),
            c => out.push(c),
        }
    }
    Ok(out)
}

type Rest<'a> = Peekable<Chars<'a>>;

fn escape(rest: &mut Rest<'_>, in_class: bool) -> Result<String, String> {
    match rest.next() {
        Some('Z') if !in_class => Ok("\\z".to_owned()),
        Some('b') if in_class => Ok("\\x08".to_owned()),
        Some(c) if c.is_ascii_digit() => Err(unsupported("references to groups and octal numbers")),
        Some(c) if c.is_ascii_alphabetic() => Ok(format!("\\{c}")),
        Some(c) => Ok(regex_lite::escape(&c.to_string())),
        None => Err("it ends in a backslash".to_owned()),
    }
}

/// In Python's classes `[`, `&` and `~` are text.
fn class(rest: &mut Rest<'_>, out: &mut String) -> Result<(), String> {
    out.push('[');
    out.extend(rest.next_if_eq(&'^'));
    if rest.next_if_eq(&']').is_some() {
        out.push_str("\\]");
    }
    while let Some(c) = rest.next() {
        match c {
            '\\' => out.push_str(&escape(rest, true)?),
            '[' | '&' | '~' => out.extend(['\\', c]),
            ']' => {
                out.push(']');
                return Ok(());
            }
            c => out.push(c),
        }
    }
    Err("a [ is not closed".to_owned())
}

/// What begins with `(?`.
fn group(rest: &mut Rest<'_>, out: &mut String) -> Result<(), String> {
    rest.next();
    match rest.peek().copied() {
        Some(':') => out.push_str("(?"),
        Some('P') => {
            rest.next();
            if rest.peek() != Some(&'<') {
                return Err(unsupported("references to groups"));
            }
            out.push_str("(?P");
        }
        Some('=' | '!' | '<') => return Err(unsupported("look-around")),
        Some('(') => return Err(unsupported("conditions")),
        Some('>') => return Err(unsupported("atomic groups")),
        Some('#') => {
            let _comment: usize = rest.by_ref().take_while(|c| *c != ')').count();
        }
        _ => flags(rest, out)?,
    }
    Ok(())
}

/// `(?i)`, `(?i:…)`, `(?-i:…)`. Of Python's flags `a`, `u` and `L` change only what `\w` and `\d` are.
fn flags(rest: &mut Rest<'_>, out: &mut String) -> Result<(), String> {
    let mut kept = String::new();
    loop {
        match rest.next() {
            Some(c @ ('i' | 'm' | 's' | '-')) => kept.push(c),
            Some('a' | 'u' | 'L') => {}
            Some(end @ (')' | ':')) => {
                if end == ':' || !kept.is_empty() {
                    out.push_str(&format!("(?{kept}{end}"));
                }
                return Ok(());
            }
            Some('x') => return Err(unsupported("verbose mode (x)")),
            _ => return Err("unknown characters after (?".to_owned()),
        }
    }
}

/// `{2}`, `{2,}`, `{,3}`, `{2,3}`; anything else that begins with a brace is text.
fn repetition(rest: &mut Rest<'_>, out: &mut String) {
    let inside: String = rest.clone().take_while(|c| *c != '}').collect();
    let closed = rest.clone().nth(inside.chars().count()) == Some('}');
    let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let (from, to) = match inside.split_once(',') {
        Some((from, to)) => (from, Some(to)),
        None => (inside.as_str(), None),
    };
    let repeats = closed && is_number(from) && to.is_none_or(is_number);
    if !repeats || ["", ","].contains(&inside.as_str()) {
        return out.push_str("\\{");
    }
    let from = if from.is_empty() { "0" } else { from };
    match to {
        Some(to) => out.push_str(&format!("{{{from},{to}}}")),
        None => out.push_str(&format!("{{{from}}}")),
    }
    rest.nth(inside.chars().count());
}

fn unsupported(what: &str) -> String {
    format!("not supported: {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text_and_the_rest_for_itself() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "library/nginx", true),
            ("library/*", "library/nginx", true),
            ("library/*", "acme/nginx", false),
            ("*/nginx", "library/nginx", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a*a", "a", false),
            ("a.c", "abc", false),
            ("CVE-2026-1+*", "CVE-2026-1+openssl", true),
            ("regexp:CVE-2026-[0-9]+\\+open", "CVE-2026-12+openssl", true),
            ("regexp:openssl", "CVE-2026-12+openssl", false),
        ] {
            let found = Pattern::new(pattern).unwrap().matches(text);
            assert_eq!(found, expected, "{pattern} {text}");
        }
    }

    #[test]
    fn an_expression_is_read_as_python_does() {
        for (expression, text, expected) in [
            ("ab", "abc", true),
            ("b", "abc", false),
            (".*\\.pem", "/etc/ssl/x.pem", true),
            ("a|b", "b", true),
            ("(?i)SSL.*", "ssl on", true),
            ("(?a:\\d+)\\Z", "12", true),
            ("(?u)\\d+\\Z", "12a", false),
            ("[[]x[]]", "[x]", true),
            ("[]a]+\\Z", "a]a", true),
            ("[a&&b]+\\Z", "a&b", true),
            ("x{2}\\Z", "xx", true),
            ("x{,2}y", "xxy", true),
            ("x{2,}", "x", false),
            ("${HOME}", "${HOME}", false),
            ("\\${HOME}", "${HOME}", true),
            ("x{,}", "x{,}", true),
            ("a\\-b\\/c\\ d\\<e", "a-b/c d<e", true),
            ("(?P<name>a)(?#why)b", "ab", true),
            ("é", "é", true),
        ] {
            let found = Expression::new(expression).unwrap().matches(text);
            assert_eq!(found, expected, "{expression} {text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_the_reason() {
        for (expression, reason) in [
            ("*\\.pem", "not a regular expression"),
            ("(", "not a regular expression"),
            ("(?<!a)b", "look-around"),
            ("(?=a)", "look-around"),
            ("(a)\\1", "references to groups"),
            ("(?P<a>x)(?P=a)", "references to groups"),
            ("(?(1)a|b)", "conditions"),
            ("(?x)a", "verbose"),
            ("[a", "not closed"),
            ("a\\", "backslash"),
        ] {
            let found = Expression::new(expression).unwrap_err();
            assert!(found.contains(reason), "{expression}: {found}");
        }
    }
}
