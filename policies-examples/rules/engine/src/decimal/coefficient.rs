//! The digits of a decimal number: a `u128` as long as they fit, else a big integer.

use std::cmp::Ordering;
use std::sync::Arc;

use num_bigint::BigUint;
use num_integer::Integer;
use num_traits::{ToPrimitive, Zero};

#[derive(Clone, Debug)]
pub(crate) enum Coefficient {
    Small(u128),
    /// Only what does not fit the other, so that equal numbers look alike.
    Big(Arc<BigUint>),
}

impl From<BigUint> for Coefficient {
    fn from(big: BigUint) -> Coefficient {
        match big.to_u128() {
            Some(small) => Coefficient::Small(small),
            None => Coefficient::Big(Arc::new(big)),
        }
    }
}

impl Coefficient {
    pub fn is_zero(&self) -> bool {
        matches!(self, Coefficient::Small(0))
    }

    pub fn is_odd(&self) -> bool {
        match self {
            Coefficient::Small(small) => small % 2 == 1,
            Coefficient::Big(big) => big.is_odd(),
        }
    }

    pub fn to_big(&self) -> BigUint {
        match self {
            Coefficient::Small(small) => BigUint::from(*small),
            Coefficient::Big(big) => big.as_ref().clone(),
        }
    }

    /// How many digits it has; zero has one.
    pub fn digits(&self) -> i64 {
        match self {
            Coefficient::Small(0) => 1,
            Coefficient::Small(small) => i64::from(small.ilog10()) + 1,
            Coefficient::Big(big) => big_digits(big),
        }
    }

    pub fn add(&self, other: &Coefficient) -> Coefficient {
        if let (Coefficient::Small(left), Coefficient::Small(right)) = (self, other)
            && let Some(sum) = left.checked_add(*right)
        {
            return Coefficient::Small(sum);
        }
        (self.to_big() + other.to_big()).into()
    }

    /// The difference to a number that is not larger.
    pub fn subtract(&self, other: &Coefficient) -> Coefficient {
        match (self, other) {
            (Coefficient::Small(left), Coefficient::Small(right)) => {
                Coefficient::Small(left.saturating_sub(*right))
            }
            _ => {
                let (left, right) = (self.to_big(), other.to_big());
                if left < right {
                    BigUint::zero().into()
                } else {
                    (left - right).into()
                }
            }
        }
    }

    pub fn multiply(&self, other: &Coefficient) -> Coefficient {
        if let (Coefficient::Small(left), Coefficient::Small(right)) = (self, other)
            && let Some(product) = left.checked_mul(*right)
        {
            return Coefficient::Small(product);
        }
        (self.to_big() * other.to_big()).into()
    }

    /// Quotient and remainder; of zero by a zero divisor.
    pub fn divide(&self, other: &Coefficient) -> (Coefficient, Coefficient) {
        if other.is_zero() {
            return (Coefficient::Small(0), Coefficient::Small(0));
        }
        if let (Coefficient::Small(left), Coefficient::Small(right)) = (self, other) {
            return (
                Coefficient::Small(left / right),
                Coefficient::Small(left % right),
            );
        }
        let (quotient, remainder) = self.to_big().div_rem(&other.to_big());
        (quotient.into(), remainder.into())
    }

    /// Ten to a power.
    pub fn power_of_ten(power: i64) -> Coefficient {
        let power = u32::try_from(power).unwrap_or(0);
        match 10u128.checked_pow(power) {
            Some(small) => Coefficient::Small(small),
            None => BigUint::from(10u32).pow(power).into(),
        }
    }

    /// With so many zeros appended.
    pub fn scaled(&self, zeros: i64) -> Coefficient {
        if zeros <= 0 || self.is_zero() {
            return self.clone();
        }
        self.multiply(&Coefficient::power_of_ten(zeros))
    }

    pub fn compare(&self, other: &Coefficient) -> Ordering {
        match (self, other) {
            (Coefficient::Small(left), Coefficient::Small(right)) => left.cmp(right),
            (Coefficient::Small(_), Coefficient::Big(_)) => Ordering::Less,
            (Coefficient::Big(_), Coefficient::Small(_)) => Ordering::Greater,
            (Coefficient::Big(left), Coefficient::Big(right)) => left.cmp(right),
        }
    }

    pub fn to_text(&self) -> String {
        match self {
            Coefficient::Small(small) => small.to_string(),
            Coefficient::Big(big) => big.to_string(),
        }
    }
}

fn big_digits(big: &BigUint) -> i64 {
    // One bit is log10(2) digits; the estimate is at most one short.
    let bits = i64::try_from(big.bits()).unwrap_or(i64::MAX / 100_000);
    let estimate = ((bits - 1).max(0) as i128 * 30_102_999_566 / 100_000_000_000) as i64;
    match Coefficient::power_of_ten(estimate + 1) {
        Coefficient::Big(power) if *power <= *big => estimate + 2,
        _ => estimate + 1,
    }
}
