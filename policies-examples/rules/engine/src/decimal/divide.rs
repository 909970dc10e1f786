//! Division: the quotient, the whole quotient towards zero, and the remainder with the sign of the dividend.

use super::{Body, Coefficient, Decimal, PRECISION, Signal};

impl Decimal {
    /// The quotient, rounded.
    pub fn divide(&self, other: &Decimal) -> Result<Decimal, Signal> {
        self.divide_within(other, PRECISION)
    }

    pub(super) fn divide_within(&self, other: &Decimal, precision: i64) -> Result<Decimal, Signal> {
        let negative = self.negative != other.negative;
        match (&self.body, &other.body) {
            _ if self.is_nan() || other.is_nan() => Ok(self.nan_from(other)),
            (Body::Infinite, Body::Infinite) => Err(Signal::InvalidOperation),
            (Body::Infinite, _) => Ok(Decimal::infinity(negative)),
            (Body::Finite(..), Body::Infinite) => {
                let smallest = i64::MIN / 2;
                Decimal::finite(negative, Coefficient::Small(0), smallest).fitted(precision)
            }
            (Body::Finite(left, _), Body::Finite(right, _)) if right.is_zero() => {
                Err(if left.is_zero() {
                    Signal::InvalidOperation
                } else {
                    Signal::DivisionByZero
                })
            }
            (Body::Finite(left, left_exponent), Body::Finite(right, right_exponent)) => {
                let ideal = left_exponent - right_exponent;
                let (coefficient, exponent) = quotient(left, right, ideal, precision);
                Decimal::finite(negative, coefficient, exponent).fitted(precision)
            }
            _ => Err(Signal::InvalidOperation),
        }
    }

    /// The quotient without its fraction.
    pub fn divide_whole(&self, other: &Decimal) -> Result<Decimal, Signal> {
        let negative = self.negative != other.negative;
        if self.is_nan() || other.is_nan() {
            return Ok(self.nan_from(other));
        }
        if self.is_infinite() {
            return match other.is_infinite() {
                true => Err(Signal::InvalidOperation),
                false => Ok(Decimal::infinity(negative)),
            };
        }
        if other.is_zero() {
            return Err(match self.is_zero() {
                true => Signal::InvalidOperation,
                false => Signal::DivisionByZero,
            });
        }
        let (whole, _) = self.whole_and_rest(other)?;
        Ok(Decimal::finite(negative, whole, 0))
    }

    /// What the whole quotient leaves.
    pub fn remainder(&self, other: &Decimal) -> Result<Decimal, Signal> {
        if self.is_nan() || other.is_nan() {
            return Ok(self.nan_from(other));
        }
        if self.is_infinite() || other.is_zero() {
            return Err(Signal::InvalidOperation);
        }
        let (_, rest) = self.whole_and_rest(other)?;
        rest.fitted(PRECISION)
    }

    fn whole_and_rest(&self, other: &Decimal) -> Result<(Coefficient, Decimal), Signal> {
        let Body::Finite(left, left_exponent) = &self.body else {
            return Err(Signal::InvalidOperation);
        };
        let Body::Finite(right, right_exponent) = &other.body else {
            return Ok((Coefficient::Small(0), self.clone()));
        };
        let ideal = *left_exponent.min(right_exponent);
        let apart = self.adjusted().unwrap_or(0) - other.adjusted().unwrap_or(0);
        if left.is_zero() || apart <= -2 {
            return Ok((Coefficient::Small(0), self.rescaled(ideal)));
        }
        if apart > PRECISION {
            return Err(Signal::InvalidOperation);
        }
        let left = left.scaled(left_exponent - ideal);
        let right = right.scaled(right_exponent - ideal);
        let (whole, rest) = left.divide(&right);
        if whole.digits() > PRECISION {
            return Err(Signal::InvalidOperation);
        }
        Ok((whole, Decimal::finite(self.negative, rest, ideal)))
    }
}

/// Digits and exponent of a quotient, with one digit more than asked where it is not exact.
fn quotient(
    left: &Coefficient,
    right: &Coefficient,
    ideal: i64,
    precision: i64,
) -> (Coefficient, i64) {
    if left.is_zero() {
        return (Coefficient::Small(0), ideal);
    }
    let shift = right.digits() - left.digits() + precision + 1;
    let mut exponent = ideal - shift;
    let (mut digits, rest) = if shift >= 0 {
        left.scaled(shift).divide(right)
    } else {
        left.divide(&right.scaled(-shift))
    };
    let (ten, five) = (Coefficient::Small(10), Coefficient::Small(5));
    if !rest.is_zero() {
        // A last digit of 0 or 5 would look like an exact half to the rounding.
        if digits.divide(&five).1.is_zero() {
            digits = digits.add(&Coefficient::Small(1));
        }
        return (digits, exponent);
    }
    while exponent < ideal {
        let (tenth, last) = digits.divide(&ten);
        if !last.is_zero() {
            break;
        }
        digits = tenth;
        exponent += 1;
    }
    (digits, exponent)
}
