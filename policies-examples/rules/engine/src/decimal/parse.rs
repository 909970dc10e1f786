//! Text to decimal numbers, exact whatever their length: what Python's `Decimal(str)` takes, and its floats and integers.

use num_bigint::BigUint;

use super::{Coefficient, Decimal};
use crate::python;

/// The largest exponent of a first digit, and the smallest of a last one, that the original can hold on 64 bits.
const LARGEST: i64 = 999_999_999_999_999_999;
const SMALLEST: i64 = -1_999_999_999_999_999_997;

impl Decimal {
    /// Reads a number, `inf`, `infinity` or `nan`; surrounding white space and underscores are ignored.
    pub fn parse(text: &str) -> Option<Decimal> {
        let text: String = python::strip(text).chars().filter(|c| *c != '_').collect();
        let (negative, rest) = match text.strip_prefix(['+', '-']) {
            Some(rest) => (text.starts_with('-'), rest),
            None => (false, text.as_str()),
        };
        match rest.to_ascii_lowercase().as_str() {
            "inf" | "infinity" => return Some(Decimal::infinity(negative)),
            lower if is_nan(lower) => {
                let mut nan = Decimal::nan();
                nan.negative = negative;
                return Some(nan);
            }
            _ => {}
        }
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let exponent = exponent - i64::try_from(fraction.len()).ok()?;
        let coefficient = parse_digits(&digits)?;
        let number = Decimal::finite(negative, coefficient, exponent);
        let first = number.adjusted()?;
        (first <= LARGEST && exponent >= SMALLEST).then_some(number)
    }

    /// A whole number of any base up to 16.
    pub(crate) fn parse_whole(digits: &str, base: u32) -> Option<Decimal> {
        let big = BigUint::parse_bytes(digits.as_bytes(), base)?;
        Some(Decimal::finite(false, big.into(), 0))
    }
}

fn is_nan(lower: &str) -> bool {
    lower
        .strip_prefix("nan")
        .is_some_and(|payload| payload.bytes().all(|byte| byte.is_ascii_digit()))
}

fn parse_digits(digits: &str) -> Option<Coefficient> {
    match digits.parse::<u128>() {
        Ok(small) => Some(Coefficient::Small(small)),
        Err(_) => Some(BigUint::parse_bytes(digits.as_bytes(), 10)?.into()),
    }
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let magnitude: i64 = digits.parse().ok().filter(|power| *power <= 2 * LARGEST)?;
    Some(if text.starts_with('-') {
        -magnitude
    } else {
        magnitude
    })
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Decimal {
        let digits = Coefficient::Small(u128::from(number.unsigned_abs()));
        Decimal::finite(number < 0, digits, 0)
    }
}

impl From<u64> for Decimal {
    fn from(number: u64) -> Decimal {
        Decimal::finite(false, Coefficient::Small(u128::from(number)), 0)
    }
}

impl From<usize> for Decimal {
    fn from(number: usize) -> Decimal {
        Decimal::finite(false, Coefficient::Small(number as u128), 0)
    }
}

impl From<f64> for Decimal {
    /// By its shortest text, as Python's `Decimal(repr(float))`: whole numbers below 1E+16 have one decimal place.
    fn from(number: f64) -> Decimal {
        if number.is_nan() {
            return Decimal::nan();
        }
        if number.is_infinite() {
            return Decimal::infinity(number < 0.0);
        }
        Decimal::parse(&python::float_text(number)).unwrap_or_else(Decimal::zero)
    }
}
