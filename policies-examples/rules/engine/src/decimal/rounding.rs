//! Fits an exact result into the precision and the range of exponents, as `_fix` of the decimal specification does.

use std::cmp::Ordering;

use super::{Body, Coefficient, Decimal, Signal};

/// How many digits a result has at most.
pub(crate) const PRECISION: i64 = 28;
const EXPONENT_MAX: i64 = 999_999;
const EXPONENT_MIN: i64 = -999_999;

impl Decimal {
    /// Rounds to a number of digits, half to even, into the range of exponents.
    pub(super) fn fitted(self, precision: i64) -> Result<Decimal, Signal> {
        let Body::Finite(coefficient, exponent) = &self.body else {
            return Ok(self);
        };
        let smallest = EXPONENT_MIN - precision + 1;
        let largest = EXPONENT_MAX - precision + 1;
        if coefficient.is_zero() {
            let exponent = (*exponent).clamp(smallest, EXPONENT_MAX);
            return Ok(Decimal::finite(
                self.negative,
                Coefficient::Small(0),
                exponent,
            ));
        }
        let wanted = coefficient.digits() + exponent - precision;
        if wanted > largest {
            return Err(Signal::Overflow);
        }
        let wanted = wanted.max(smallest);
        if *exponent >= wanted {
            return Ok(self);
        }
        let mut wanted = wanted;
        let mut rounded = drop_digits(coefficient, wanted - exponent);
        if rounded.digits() > precision {
            rounded = rounded.divide(&Coefficient::Small(10)).0;
            wanted += 1;
        }
        if wanted > largest {
            return Err(Signal::Overflow);
        }
        Ok(Decimal::finite(self.negative, rounded, wanted))
    }

    /// The same number with another exponent, rounded if digits are lost.
    pub(super) fn rescaled(&self, exponent: i64) -> Decimal {
        let Body::Finite(coefficient, own) = &self.body else {
            return self.clone();
        };
        let digits = if *own >= exponent {
            coefficient.scaled(own - exponent)
        } else {
            drop_digits(coefficient, exponent - own)
        };
        Decimal::finite(self.negative, digits, exponent)
    }
}

/// Divides by a power of ten, half to even.
pub(super) fn drop_digits(coefficient: &Coefficient, count: i64) -> Coefficient {
    if count > coefficient.digits() {
        return Coefficient::Small(0);
    }
    let unit = Coefficient::power_of_ten(count);
    let (quotient, remainder) = coefficient.divide(&unit);
    let up = match remainder.add(&remainder).compare(&unit) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => quotient.is_odd(),
    };
    if up {
        quotient.add(&Coefficient::Small(1))
    } else {
        quotient
    }
}
