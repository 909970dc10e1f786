//! Decimal numbers as whole numbers and as floats, where the language asks for one.

use num_bigint::BigUint;
use num_traits::ToPrimitive;

use super::rounding::drop_digits;
use super::{Body, Coefficient, Decimal, Signal};

impl Decimal {
    /// The nearest float; overflows to infinity.
    pub fn to_f64(&self) -> f64 {
        match &self.body {
            Body::Nan(_) => f64::NAN,
            _ => self.to_string().to_lowercase().parse().unwrap_or(f64::NAN),
        }
    }

    /// Whether it is whole, and finite as a float is: Python asks `math.isfinite` first.
    pub fn is_whole(&self) -> bool {
        let Body::Finite(coefficient, exponent) = &self.body else {
            return false;
        };
        if coefficient.is_zero() {
            return true;
        }
        // 1E+308 is a float, 1E+309 is not; in between the conversion decides.
        match self.adjusted().unwrap_or(0) {
            first if first > 308 => return false,
            308 if self.to_f64().is_infinite() => return false,
            _ => {}
        }
        if *exponent >= 0 {
            return true;
        }
        if -exponent >= coefficient.digits() {
            return false;
        }
        let unit = Coefficient::power_of_ten(-exponent);
        coefficient.divide(&unit).1.is_zero()
    }

    /// Whether it is whole and not negative.
    pub fn is_natural(&self) -> bool {
        self.is_whole() && (!self.negative || self.is_zero())
    }

    /// The magnitude of a whole number.
    pub(crate) fn whole_magnitude(&self) -> BigUint {
        match &self.body {
            Body::Finite(coefficient, exponent) if self.is_whole() => {
                if *exponent >= 0 {
                    coefficient.scaled(*exponent).to_big()
                } else {
                    let unit = Coefficient::power_of_ten(-exponent);
                    coefficient.divide(&unit).0.to_big()
                }
            }
            _ => BigUint::default(),
        }
    }

    /// A whole number as an index, clamped to what an index can be.
    pub fn to_index(&self) -> i64 {
        let magnitude = self.whole_magnitude().to_i64().unwrap_or(i64::MAX);
        if self.negative { -magnitude } else { magnitude }
    }

    pub(crate) fn from_big(big: BigUint) -> Decimal {
        Decimal::finite(false, big.into(), 0)
    }

    /// The largest whole number that is not larger; infinities and NaN stay.
    pub fn floor(&self, most_digits: i64) -> Result<Decimal, Signal> {
        self.whole_towards(self.negative, most_digits)
    }

    /// The smallest whole number that is not smaller; infinities and NaN stay.
    pub fn ceiling(&self, most_digits: i64) -> Result<Decimal, Signal> {
        self.whole_towards(!self.negative, most_digits)
    }

    fn whole_towards(&self, away: bool, most_digits: i64) -> Result<Decimal, Signal> {
        let Body::Finite(coefficient, exponent) = &self.body else {
            return Ok(self.clone());
        };
        let whole = if coefficient.is_zero() {
            Coefficient::Small(0)
        } else if *exponent >= 0 {
            if exponent + coefficient.digits() > most_digits {
                return Err(Signal::TooLarge);
            }
            coefficient.scaled(*exponent)
        } else {
            let (whole, rest) = truncated(coefficient, -exponent);
            if away && rest {
                whole.add(&Coefficient::Small(1))
            } else {
                whole
            }
        };
        // Python has no negative zero among its integers.
        let negative = self.negative && !whole.is_zero();
        Ok(Decimal::finite(negative, whole, 0))
    }

    /// How many digits it has.
    pub(crate) fn digits(&self) -> i64 {
        match &self.body {
            Body::Finite(coefficient, _) => coefficient.digits(),
            _ => 1,
        }
    }

    /// What it costs to calculate with it: nothing for the usual numbers.
    pub(crate) fn weight(&self) -> usize {
        match &self.body {
            Body::Finite(Coefficient::Big(big), _) => {
                usize::try_from(big.bits() / 32).unwrap_or(usize::MAX)
            }
            _ => 0,
        }
    }
}

/// Without the last digits, and whether any of them was not zero.
fn truncated(coefficient: &Coefficient, places: i64) -> (Coefficient, bool) {
    if places > coefficient.digits() {
        return (drop_digits(&Coefficient::Small(0), 0), true);
    }
    let (whole, rest) = coefficient.divide(&Coefficient::power_of_ten(places));
    (whole, !rest.is_zero())
}
