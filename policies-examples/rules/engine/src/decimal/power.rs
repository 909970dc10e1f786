//! Powers, by the steps of libmpdec, so that the last digit is the same: squaring for whole exponents with guard
//! digits, exponential and logarithm for the others.

use std::cmp::Ordering;

use num_bigint::BigUint;
use num_traits::Zero;

use super::{Body, Coefficient, Decimal, PRECISION, Signal, logarithm};

/// An exponent with more digits makes sense only for a base so near to one that nobody writes it.
const EXPONENT_DIGITS: i64 = 400;

impl Decimal {
    /// The power, rounded.
    pub fn power(&self, exponent: &Decimal) -> Result<Decimal, Signal> {
        if self.is_nan() || exponent.is_nan() {
            return Ok(self.nan_from(exponent));
        }
        let whole = exponent.is_integer();
        let negative = self.negative && whole && exponent.is_odd();
        if self.is_zero() {
            return match (exponent.is_zero(), exponent.negative) {
                (true, _) => Err(Signal::InvalidOperation),
                (_, true) => Ok(Decimal::infinity(negative)),
                _ => Ok(zero(negative)),
            };
        }
        if self.negative && (!whole || exponent.is_infinite()) {
            return Err(Signal::InvalidOperation);
        }
        let to_one = self.magnitude(&one());
        if exponent.is_infinite() {
            let grows = (to_one == Ordering::Greater) != exponent.negative;
            return Ok(match to_one {
                Ordering::Equal => shifted_one(false, PRECISION - 1),
                _ if grows => Decimal::infinity(negative),
                _ => zero(negative),
            });
        }
        if exponent.is_zero() {
            return Ok(Decimal::finite(negative, Coefficient::Small(1), 0));
        }
        if self.is_infinite() {
            return Ok(match exponent.negative {
                true => zero(negative),
                false => Decimal::infinity(negative),
            });
        }
        if to_one == Ordering::Equal {
            return Ok(self.power_of_one(exponent, whole, negative));
        }
        if self.leaves_range(exponent) {
            let grows = (to_one == Ordering::Greater) != exponent.negative;
            return match grows {
                true => Err(Signal::Overflow),
                false => {
                    let smallest = i64::MIN / 2;
                    Decimal::finite(negative, Coefficient::Small(0), smallest).fitted(PRECISION)
                }
            };
        }
        if exponent.adjusted().unwrap_or(0) > EXPONENT_DIGITS {
            return Err(Signal::TooLarge);
        }
        let mut power = match whole {
            true => self.power_whole(exponent)?,
            false => logarithm::power(self, exponent)?,
        };
        power.negative = negative;
        power.fitted(PRECISION)
    }

    /// A power of one keeps its decimal places: `1.00 ** 3` is `1.000000`.
    fn power_of_one(&self, exponent: &Decimal, whole: bool, negative: bool) -> Decimal {
        let Body::Finite(_, own) = &self.body else {
            return one();
        };
        if !whole {
            return shifted_one(false, PRECISION - 1);
        }
        if exponent.negative {
            return Decimal::finite(negative, Coefficient::Small(1), 0);
        }
        let places = exponent.whole_magnitude_of_any() * BigUint::from(own.unsigned_abs());
        let places = i64::try_from(places).unwrap_or(i64::MAX);
        let places = if *own > 0 { 0 } else { places };
        shifted_one(negative, places.min(PRECISION - 1))
    }

    /// Whether the power is so large or so small that its exponent cannot be held, from `|y · log10(x)| ≥ 10^7`.
    fn leaves_range(&self, exponent: &Decimal) -> bool {
        let first = self.adjusted().unwrap_or(0);
        let logarithm = if first >= 1 || first <= -2 {
            0
        } else {
            let mut magnitude = self.clone();
            magnitude.negative = false;
            let Ok(distance) = magnitude.subtract(&one()) else {
                return false;
            };
            distance.adjusted().unwrap_or(0) - 2
        };
        logarithm + exponent.adjusted().unwrap_or(0) >= 7
    }

    fn power_whole(&self, exponent: &Decimal) -> Result<Decimal, Signal> {
        let Body::Finite(digits, places) = &exponent.body else {
            return Err(Signal::InvalidOperation);
        };
        let mut precision = PRECISION + digits.digits() + places + 2;
        let mut base = self.clone();
        if exponent.negative {
            precision += 1;
            base = one().divide_within(self, precision)?;
        }
        base.negative = false;
        let times = exponent.whole_magnitude_of_any();
        let mut power = base.clone();
        for bit in (0..times.bits().saturating_sub(1)).rev() {
            power = power.multiply_within(&power, precision)?;
            if times.bit(bit) {
                power = power.multiply_within(&base, precision)?;
            }
            if power.is_zero() {
                break;
            }
        }
        Ok(power)
    }

    /// Whether it has no fraction, however large it is.
    fn is_integer(&self) -> bool {
        match &self.body {
            Body::Finite(coefficient, exponent) => {
                coefficient.is_zero() || *exponent >= 0 || self.is_whole()
            }
            _ => false,
        }
    }

    fn is_odd(&self) -> bool {
        match &self.body {
            Body::Finite(_, exponent) if *exponent > 0 => false,
            Body::Finite(..) => self.whole_magnitude_of_any().bit(0),
            _ => false,
        }
    }

    fn whole_magnitude_of_any(&self) -> BigUint {
        match &self.body {
            Body::Finite(coefficient, exponent) if *exponent >= 0 => coefficient
                .scaled((*exponent).min(EXPONENT_DIGITS))
                .to_big(),
            Body::Finite(coefficient, exponent) if -exponent < coefficient.digits() => {
                let unit = Coefficient::power_of_ten(-exponent);
                coefficient.divide(&unit).0.to_big()
            }
            _ => BigUint::zero(),
        }
    }
}

fn one() -> Decimal {
    Decimal::finite(false, Coefficient::Small(1), 0)
}

fn zero(negative: bool) -> Decimal {
    Decimal::finite(negative, Coefficient::Small(0), 0)
}

fn shifted_one(negative: bool, places: i64) -> Decimal {
    Decimal::finite(negative, Coefficient::power_of_ten(places), -places)
}
