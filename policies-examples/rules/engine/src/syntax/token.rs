//! Tokens of the grammar.

use crate::error::Position;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Float(String),
    /// Prefix and what is between the quotes, escapes and all.
    Quoted(char, String),
    Symbol(String),
    /// A word of the language.
    Word(&'static str),
    /// An operator or a bracket.
    Sign(&'static str),
    Comment,
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub position: Position,
}

/// Words that are no symbols.
pub(super) const WORDS: [&str; 11] = [
    "true", "false", "inf", "nan", "null", "and", "in", "or", "not", "for", "if",
];

/// Words kept back for later versions.
pub(super) const RESERVED: [&str; 3] = ["elif", "else", "while"];

/// Signs, the longer before those that they start with. `.`, `&.` and `&[` depend on what is around them.
pub(super) const SIGNS: [&str; 32] = [
    "**", "*", "//", "/", "<=", "<<", "<", ">=", ">>", ">", "=~~", "=~", "!~~", "!~", "==", "!=",
    "??", "&", "|", "^", "(", ")", "?", ":", "+", "-", "%", ",", "[", "]", "{", "}",
];
