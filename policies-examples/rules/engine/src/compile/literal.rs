//! Literals that can be wrong in themselves.

use crate::context::Context;
use crate::decimal::Decimal;
use crate::error::{Error, ErrorKind, Leak};
use crate::node::Node;
use crate::time::{self, DatetimeError, DurationError};
use crate::value::Value;

pub(super) fn float(digits: &str, context: &Context) -> Result<Node, Error> {
    if digits.len() > context.limits.digits {
        return Err(Error::limit("a number has too many digits"));
    }
    Ok(Node::literal(parse_float(digits)?.into()))
}

/// A number as it is written in rules: without a leading zero, or `0b…`, `0o…`, `0x…`.
pub(crate) fn parse_float(text: &str) -> Result<Decimal, Error> {
    let error = |message| Error::new(ErrorKind::FloatSyntaxError, message);
    let invalid = || error("invalid floating point literal");
    if let Some(rest) = text.strip_prefix('0') {
        if rest.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(error(
                "invalid floating point literal (leading zeros in decimal literals are not permitted)",
            ));
        }
        for (prefix, base) in [('b', 2), ('o', 8), ('x', 16)] {
            if let Some(digits) = rest.strip_prefix(prefix) {
                return parse_base(digits, base).ok_or_else(invalid);
            }
        }
    }
    Decimal::parse(text).ok_or_else(invalid)
}

/// Digits of a base, with single underscores between them or before the first, as in Python's source.
fn parse_base(digits: &str, base: u32) -> Option<Decimal> {
    let digits = digits.trim_end_matches([' ', '\t', '\n', '\u{c}']);
    let digits = digits.strip_prefix('_').unwrap_or(digits);
    if digits.split('_').any(str::is_empty) {
        return None;
    }
    let digits = digits.replace('_', "");
    if !digits.chars().all(|c| c.is_digit(base)) {
        return None;
    }
    Decimal::parse_whole(&digits, base)
}

pub(super) fn datetime(text: &str, context: &Context) -> Result<Node, Error> {
    parse_datetime(text, context).map(Node::literal)
}

/// A point in time, local to the context's zone unless it names one.
pub(crate) fn parse_datetime(text: &str, context: &Context) -> Result<Value, Error> {
    match time::parse_datetime(text, &context.default_timezone) {
        Ok(datetime) => Ok(Value::Datetime(datetime)),
        Err(DatetimeError::Invalid) => Err(Error::new(
            ErrorKind::DatetimeSyntaxError,
            "invalid datetime literal",
        )),
        Err(DatetimeError::OutOfRange) => Err(Error::leaked(
            Leak::OverflowError,
            "date value out of range",
        )),
    }
}

pub(super) fn timedelta(text: &str) -> Result<Node, Error> {
    parse_timedelta(text).map(Node::literal)
}

/// A duration.
pub(crate) fn parse_timedelta(text: &str) -> Result<Value, Error> {
    let error = |message| Error::new(ErrorKind::TimedeltaSyntaxError, message);
    match time::parse_duration(text) {
        Ok(delta) => Ok(Value::Timedelta(delta)),
        Err(DurationError::Empty) => Err(error("empty timedelta string")),
        Err(DurationError::Invalid) => Err(error("invalid timedelta string")),
        Err(DurationError::OutOfRange) => {
            Err(Error::leaked(Leak::OverflowError, "duration out of range"))
        }
    }
}
