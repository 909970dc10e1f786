//! Decimal numbers as text: `to-scientific-string` of the specification, which is what Python's `str` prints.

use std::fmt;

use super::{Body, Decimal};

impl fmt::Display for Decimal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        let (coefficient, exponent) = match &self.body {
            Body::Finite(coefficient, exponent) => (coefficient, *exponent),
            Body::Infinite => return write!(out, "{sign}Infinity"),
            Body::Nan(_) => return write!(out, "{sign}NaN"),
        };
        let digits = coefficient.to_text();
        let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        let left = exponent + count;
        let point = if exponent <= 0 && left > -6 { left } else { 1 };
        let width = usize::try_from(point.unsigned_abs()).unwrap_or(0);
        if point <= 0 {
            write!(out, "{sign}0.{}{digits}", "0".repeat(width))?;
        } else if point >= count {
            write!(out, "{sign}{digits}")?;
        } else {
            let (whole, fraction) = digits.split_at_checked(width).unwrap_or((&digits, ""));
            write!(out, "{sign}{whole}.{fraction}")?;
        }
        match left - point {
            0 => Ok(()),
            power => write!(out, "E{power:+}"),
        }
    }
}
