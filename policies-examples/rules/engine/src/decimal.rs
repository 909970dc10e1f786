//! Decimal numbers as Python's `decimal` has them: 28 digits, half to even, exponents to ±999999, trailing zeros kept.
//!
//! No crate on the shelf does this: `rust_decimal` holds 96 bits and small exponents, `dashu` and `fastnum` drop trailing
//! zeros or have their own exponent range, `bigdecimal` rounds quotients otherwise, and `dec` binds a C library that a
//! plain wasm32 target cannot build. So the General Decimal Arithmetic rules (speleotrove.com/decimal) are written here
//! over `u128`, with `num-bigint` for what does not fit.

mod arithmetic;
mod coefficient;
mod compare;
mod divide;
mod integer;
mod logarithm;
mod parse;
mod power;
mod rounding;
mod text;

use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use coefficient::Coefficient;
pub(crate) use rounding::PRECISION;

/// A decimal number, infinity, or not-a-number.
#[derive(Clone, Debug)]
pub struct Decimal {
    pub(crate) negative: bool,
    pub(crate) body: Body,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// The number `coefficient × 10^exponent`.
    Finite(Coefficient, i64),
    Infinite,
    /// Python compares members of collections by identity before equality, so that a NaN equals itself there: the
    /// number tells one NaN from another.
    Nan(u64),
}

/// A condition of the decimal arithmetic that Python's default context traps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// There is no answer: `0 / 0`, `inf - inf`, an ordering with NaN.
    InvalidOperation,
    /// A finite number was divided by zero.
    DivisionByZero,
    /// The result is beyond 9.99…E+999999.
    Overflow,
    /// The result is too large to be computed here; Python would take its time.
    TooLarge,
}

impl Decimal {
    pub(crate) fn finite(negative: bool, coefficient: Coefficient, exponent: i64) -> Decimal {
        Decimal {
            negative,
            body: Body::Finite(coefficient, exponent),
        }
    }

    /// Zero, without decimal places.
    pub fn zero() -> Decimal {
        Decimal::finite(false, Coefficient::Small(0), 0)
    }

    /// Positive or negative infinity.
    pub fn infinity(negative: bool) -> Decimal {
        Decimal {
            negative,
            body: Body::Infinite,
        }
    }

    /// A new NaN, which equals no other.
    pub fn nan() -> Decimal {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Decimal {
            negative: false,
            body: Body::Nan(NEXT.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// The NaN that comes of an operation with one: a new one, with the sign of the first.
    fn nan_from(&self, other: &Decimal) -> Decimal {
        let source = if self.is_nan() { self } else { other };
        let mut nan = Decimal::nan();
        nan.negative = source.negative;
        nan
    }

    /// Whether it is not a number.
    pub fn is_nan(&self) -> bool {
        matches!(self.body, Body::Nan(_))
    }

    /// Whether it is an infinity of either sign.
    pub fn is_infinite(&self) -> bool {
        matches!(self.body, Body::Infinite)
    }

    /// Whether it is a zero of either sign.
    pub fn is_zero(&self) -> bool {
        matches!(&self.body, Body::Finite(coefficient, _) if coefficient.is_zero())
    }

    /// Whether its sign is minus, also that of `-0`.
    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// The exponent of its first digit; nothing for infinities and NaN.
    pub(crate) fn adjusted(&self) -> Option<i64> {
        match &self.body {
            Body::Finite(coefficient, exponent) => Some(exponent + coefficient.digits() - 1),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
