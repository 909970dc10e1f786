//! Licence expressions by SPDX (specification 2.3, annex D), and how loosely people write them: operators of any case,
//! names of several words, lists with commas, Cargo's slashes, `or later`.

use std::fmt;

use crate::name::Licence;

/// Longer texts are no expressions: whole licences stand where names should.
const LONGEST: usize = 2000;
/// Parentheses in one another.
const DEEPEST: usize = 16;

/// What has to hold for somebody who uses the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// One licence.
    One(Licence),
    /// Each of them: `AND`.
    All(Vec<Expression>),
    /// One of them, which the user chooses: `OR`.
    Any(Vec<Expression>),
}

impl Expression {
    /// Reads a text. What is no expression is one licence that nobody knows.
    pub fn new(text: &str) -> Expression {
        let whole = Licence::new(text);
        if whole.known || text.len() > LONGEST {
            return Expression::One(whole);
        }
        let read = parse(text).or_else(|| parse(without_repetition(text)?));
        read.unwrap_or(Expression::One(whole))
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (parts, operator) = match self {
            Expression::One(licence) => return licence.fmt(f),
            Expression::All(parts) => (parts, " AND "),
            Expression::Any(parts) => (parts, " OR "),
        };
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                f.write_str(operator)?;
            }
            match part {
                Expression::One(licence) => licence.fmt(f)?,
                nested => write!(f, "({nested})")?,
            }
        }
        Ok(())
    }
}

/// PyPI repeats a name in short: `GNU General Public License v2 (GPLv2)`.
fn without_repetition(text: &str) -> Option<&str> {
    let (name, _) = text.strip_suffix(')')?.rsplit_once(" (")?;
    Some(name)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Open,
    Close,
    And,
    Or,
    With,
}

fn parse(text: &str) -> Option<Expression> {
    let text = join_later(&text.replace('_', " "));
    let tokens = tokens(&text);
    let mut parser = Parser {
        rest: &tokens,
        depth: 0,
    };
    let expression = parser.any()?;
    parser.rest.is_empty().then_some(expression)
}

/// `GPL-2 or later` has no operator in it.
fn join_later(text: &str) -> String {
    const LATER: [&str; 7] = [
        "or (at your option) any later version",
        "or any later version",
        "or any later",
        "or later version",
        "or later",
        "or newer",
        "or greater",
    ];
    let mut text = text.to_owned();
    for phrase in LATER {
        // Lower case in ASCII only, which keeps every byte in its place.
        while let Some(at) = text.to_ascii_lowercase().find(phrase) {
            let (before, rest) = text.split_at(at);
            let before = before.trim_end_matches([' ', ',']);
            let after = rest.get(phrase.len()..).unwrap_or_default();
            text = format!("{before}+{after}");
        }
    }
    text
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let is_parenthesis = |c: char| c == '(' || c == ')';
    let words = text.split_whitespace();
    let parts = words.flat_map(|word| word.split_inclusive(is_parenthesis));
    let parts = parts.flat_map(|part| match part.strip_suffix(is_parenthesis) {
        Some(word) => [word, part.get(word.len()..).unwrap_or_default()],
        None => [part, ""],
    });
    parts
        .filter(|part| !part.is_empty())
        .map(|part| match part.to_ascii_lowercase().as_str() {
            "(" => Token::Open,
            ")" => Token::Close,
            "and" | "&" | "&&" | "and/or" => Token::And,
            "or" | "|" | "||" => Token::Or,
            "with" | "w/" => Token::With,
            _ => Token::Word(part),
        })
        .collect()
}

struct Parser<'a> {
    rest: &'a [Token<'a>],
    depth: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Option<Expression> {
        let mut parts = vec![self.all()?];
        while self.take(Token::Or) {
            parts.push(self.all()?);
        }
        Some(one_or(parts, Expression::Any))
    }

    fn all(&mut self) -> Option<Expression> {
        let mut parts = vec![self.one()?];
        while self.take(Token::And) {
            parts.push(self.one()?);
        }
        Some(one_or(parts, Expression::All))
    }

    fn one(&mut self) -> Option<Expression> {
        if self.take(Token::Open) {
            self.depth += 1;
            let inner = (self.depth <= DEEPEST).then(|| self.any())??;
            self.depth -= 1;
            return self.take(Token::Close).then_some(inner);
        }
        let name = self.words()?;
        if !self.take(Token::With) {
            return Some(leaf(&name));
        }
        let exception = self.words()?;
        Some(Expression::One(Licence::new(&name).with(&exception)))
    }

    fn take(&mut self, token: Token<'_>) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == token => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Words up to an operator or a parenthesis; at least one.
    fn words(&mut self) -> Option<String> {
        let mut words = Vec::new();
        while let Some((Token::Word(word), rest)) = self.rest.split_first() {
            words.push(*word);
            self.rest = rest;
        }
        (!words.is_empty()).then(|| words.join(" "))
    }
}

/// A name; or several, where each of them is known: a comma means both, a slash (Cargo's old way) one of them.
fn leaf(name: &str) -> Expression {
    let whole = Licence::new(name);
    let separators = [
        (',', Expression::All as fn(Vec<Expression>) -> Expression),
        (';', Expression::All),
        ('/', Expression::Any),
    ];
    for (separator, make) in separators.iter().filter(|_| !whole.known) {
        let parts: Vec<Licence> = name.split(*separator).map(Licence::new).collect();
        if parts.len() > 1 && parts.iter().all(|part| part.known) {
            return make(parts.into_iter().map(Expression::One).collect());
        }
    }
    Expression::One(whole)
}

fn one_or(mut parts: Vec<Expression>, make: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            make(parts)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_read_however_it_is_written() {
        for (text, expected) in [
            ("MIT", "MIT"),
            ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
            ("mit or apache-2.0 and isc", "MIT OR (Apache-2.0 AND ISC)"),
            ("(MIT OR Apache-2.0) AND ISC", "(MIT OR Apache-2.0) AND ISC"),
            ("((MIT))", "MIT"),
            (
                "GPLv2+ and LGPLv2+ and MIT",
                "GPL-2.0-or-later AND LGPL-2.0-or-later AND MIT",
            ),
            (
                "GPL-2.0-only WITH Classpath-exception-2.0 OR MIT",
                "GPL-2.0-only WITH Classpath-exception-2.0 OR MIT",
            ),
            (
                "GPL-3+ with Autoconf exception",
                "GPL-3.0-or-later WITH Autoconf-exception",
            ),
            (
                "GPL-1+ or Artistic",
                "GPL-1.0-or-later OR Artistic-1.0-Perl",
            ),
            ("LGPLv3+_or_GPLv2+", "LGPL-3.0-or-later OR GPL-2.0-or-later"),
            ("GPL-2 or later", "GPL-2.0-or-later"),
            (
                "GPL-2, or (at your option) any later version",
                "GPL-2.0-or-later",
            ),
            (
                "GNU General Public License v2 or later (GPLv2+)",
                "GPL-2.0-or-later",
            ),
            (
                "Apache License, Version 2.0 and MIT License",
                "Apache-2.0 AND MIT",
            ),
            ("MIT, BSD-3-Clause", "MIT AND BSD-3-Clause"),
            ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
            (
                "GPL-3.0-only AND see the file COPYING",
                "GPL-3.0-only AND see the file COPYING",
            ),
            ("LicenseRef-a AND MIT", "LicenseRef-a AND MIT"),
            ("MIT OR", "MIT OR"),
            ("MIT AND (ISC", "MIT AND (ISC"),
            (") MIT", ") MIT"),
            ("MIT ISC", "MIT ISC"),
            ("", ""),
        ] {
            assert_eq!(Expression::new(text).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_too_long_or_too_deep_is_one_unknown_licence() {
        let deep = |depth| format!("{}MIT{}", "(".repeat(depth), ")".repeat(depth));
        let long = "MIT AND ".repeat(300) + "MIT";
        for (text, known) in [
            (deep(DEEPEST), true),
            (deep(DEEPEST + 1), false),
            (deep(900), false),
            (long, false),
        ] {
            let expression = Expression::new(&text);
            let Expression::One(licence) = &expression else {
                panic!("{expression}");
            };
            assert_eq!(licence.known, known, "{text}");
        }
    }
}
