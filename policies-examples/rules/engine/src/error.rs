//! What can go wrong with a rule, under the names and with the messages of the original.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// The classes of the original's errors. To add one: a variant here and its name in [`ErrorKind::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The base of all, for what is wrong with the engine's use: a set as the key of a mapping.
    EngineError,
    /// Types that do not go together.
    EvaluationError,
    /// A division by zero or an undefined result. Version 4 says `EvaluationError`.
    ArithmeticError,
    /// A value has no such attribute.
    AttributeResolutionError,
    /// An attribute is of another type than it should be.
    AttributeTypeError,
    /// A function was called wrongly, or failed.
    FunctionCallError,
    /// A container has no such key or index.
    LookupError,
    /// No symbol has the name.
    SymbolResolutionError,
    /// A symbol is of another type than was said.
    SymbolTypeError,
    /// A `b"…"` that is none.
    BytesSyntaxError,
    /// A `d"…"` that is none.
    DatetimeSyntaxError,
    /// A number that is none.
    FloatSyntaxError,
    /// A pattern that is none.
    RegexSyntaxError,
    /// A text outside the grammar.
    RuleSyntaxError,
    /// A `"…"` with a broken escape.
    StringSyntaxError,
    /// A `t"…"` that is none.
    TimedeltaSyntaxError,
    /// Where the original lets one of Python's own exceptions through.
    Leaked(Leak),
    /// More steps, depth or size than the limits of the context; the original has no such limits.
    LimitExceeded,
}

/// The exceptions of Python that the original lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leak {
    /// `decimal.InvalidOperation`: an ordering with NaN, `inf - inf`.
    InvalidOperation,
    /// `decimal.Overflow`: a sum beyond the range of exponents.
    Overflow,
    /// A key that a bytes literal's escapes do not have.
    KeyError,
    /// A date or a duration out of range.
    OverflowError,
    /// A text that Python's own parser refuses.
    SyntaxError,
    /// An operation on a type that does not have it: an index of a number, a set in a set.
    TypeError,
    /// A value that an operation cannot take.
    ValueError,
}

impl ErrorKind {
    /// The name of the Python class.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::EngineError => "EngineError",
            ErrorKind::EvaluationError => "EvaluationError",
            ErrorKind::ArithmeticError => "ArithmeticError",
            ErrorKind::AttributeResolutionError => "AttributeResolutionError",
            ErrorKind::AttributeTypeError => "AttributeTypeError",
            ErrorKind::FunctionCallError => "FunctionCallError",
            ErrorKind::LookupError => "LookupError",
            ErrorKind::SymbolResolutionError => "SymbolResolutionError",
            ErrorKind::SymbolTypeError => "SymbolTypeError",
            ErrorKind::BytesSyntaxError => "BytesSyntaxError",
            ErrorKind::DatetimeSyntaxError => "DatetimeSyntaxError",
            ErrorKind::FloatSyntaxError => "FloatSyntaxError",
            ErrorKind::RegexSyntaxError => "RegexSyntaxError",
            ErrorKind::RuleSyntaxError => "RuleSyntaxError",
            ErrorKind::StringSyntaxError => "StringSyntaxError",
            ErrorKind::TimedeltaSyntaxError => "TimedeltaSyntaxError",
            ErrorKind::Leaked(leak) => leak.name(),
            ErrorKind::LimitExceeded => "LimitExceeded",
        }
    }
}

impl Leak {
    fn name(self) -> &'static str {
        match self {
            Leak::InvalidOperation => "InvalidOperation",
            Leak::Overflow => "Overflow",
            Leak::KeyError => "KeyError",
            Leak::OverflowError => "OverflowError",
            Leak::SyntaxError => "SyntaxError",
            Leak::TypeError => "TypeError",
            Leak::ValueError => "ValueError",
        }
    }
}

/// Where in the rule's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Counted from 1.
    pub line: usize,
    /// Characters before it on its line, counted from 1.
    pub column: usize,
    /// Characters before it in the whole text: the number that the original prints behind the line.
    pub offset: usize,
}

/// Why a rule does not parse, or has no value. It is a [`Report`] behind a pointer, because results are passed often and
/// errors are rare.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(Box<Report>);

/// What there is to say of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which class of error.
    pub kind: ErrorKind,
    /// The original's message; stable.
    pub message: Cow<'static, str>,
    /// Where, for errors of the grammar; nothing at the end of the text.
    pub position: Option<Position>,
    /// What the original does not say: the pattern that is none, and why.
    pub detail: Option<String>,
    /// The name that was perhaps meant.
    pub suggestion: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.kind.name(), self.message)?;
        if let Some(detail) = &self.detail {
            write!(out, ": {detail}")?;
        }
        match &self.suggestion {
            Some(suggestion) => write!(out, ": did you mean {suggestion:?}?"),
            None => Ok(()),
        }
    }
}

impl Deref for Error {
    type Target = Report;

    fn deref(&self) -> &Report {
        &self.0
    }
}

impl DerefMut for Error {
    fn deref_mut(&mut self) -> &mut Report {
        &mut self.0
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Error {
        Error(Box::new(Report {
            kind,
            message: message.into(),
            position: None,
            detail: None,
            suggestion: None,
        }))
    }

    pub(crate) fn evaluation(message: impl Into<Cow<'static, str>>) -> Error {
        Error::new(ErrorKind::EvaluationError, message)
    }

    pub(crate) fn mismatch() -> Error {
        Error::evaluation("data type mismatch")
    }

    pub(crate) fn call(message: impl Into<Cow<'static, str>>) -> Error {
        Error::new(ErrorKind::FunctionCallError, message)
    }

    pub(crate) fn leaked(leak: Leak, message: impl Into<Cow<'static, str>>) -> Error {
        Error::new(ErrorKind::Leaked(leak), message)
    }

    pub(crate) fn limit(message: impl Into<Cow<'static, str>>) -> Error {
        Error::new(ErrorKind::LimitExceeded, message)
    }

    pub(crate) fn lookup() -> Error {
        Error::new(ErrorKind::LookupError, "lookup operation failed")
    }

    /// An error of the grammar; without a position it is at the end of the text.
    pub(crate) fn syntax(what: &str, position: Option<Position>) -> Error {
        let place = match position {
            Some(position) => format!("line {}:{}", position.line, position.offset),
            None => "EOF".to_owned(),
        };
        let mut error = Error::new(ErrorKind::RuleSyntaxError, format!("{what} at: {place}"));
        error.position = position;
        error
    }

    pub(crate) fn unknown_symbol(name: &str, suggestion: Option<String>) -> Error {
        let message = format!("unknown symbol: '{name}'");
        let mut error = Error::new(ErrorKind::SymbolResolutionError, message);
        error.suggestion = suggestion;
        error
    }

    pub(crate) fn unknown_attribute(name: &str, suggestion: Option<String>) -> Error {
        let message = format!("unknown attribute: '{name}'");
        let mut error = Error::new(ErrorKind::AttributeResolutionError, message);
        error.suggestion = suggestion;
        error
    }
}
