//! Order, equality and hash of decimal numbers: by value, so that `1.0` is `1`.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::{Body, Coefficient, Decimal};

impl Decimal {
    /// The order of two numbers; nothing if one is NaN.
    pub fn compare(&self, other: &Decimal) -> Option<Ordering> {
        if let (Body::Finite(left, left_exponent), Body::Finite(right, right_exponent)) =
            (&self.body, &other.body)
            && left_exponent == right_exponent
            && !self.negative
            && !other.negative
        {
            return Some(left.compare(right));
        }
        let (left, right) = (self.sign()?, other.sign()?);
        if left != right || left == 0 {
            return Some(left.cmp(&right));
        }
        let magnitude = self.magnitude(other);
        Some(if left < 0 {
            magnitude.reverse()
        } else {
            magnitude
        })
    }

    /// -1, 0 or 1; nothing for NaN.
    fn sign(&self) -> Option<i8> {
        match &self.body {
            Body::Nan(_) => None,
            Body::Finite(coefficient, _) if coefficient.is_zero() => Some(0),
            _ if self.negative => Some(-1),
            _ => Some(1),
        }
    }

    pub(super) fn magnitude(&self, other: &Decimal) -> Ordering {
        match (&self.body, &other.body) {
            (Body::Finite(left, left_exponent), Body::Finite(right, right_exponent)) => {
                let by_size = self.adjusted().cmp(&other.adjusted());
                by_size.then_with(|| {
                    let least = *left_exponent.min(right_exponent);
                    let left = left.scaled(left_exponent - least);
                    left.compare(&right.scaled(right_exponent - least))
                })
            }
            (Body::Infinite, Body::Infinite) => Ordering::Equal,
            (Body::Infinite, _) => Ordering::Greater,
            _ => Ordering::Less,
        }
    }

    /// Equality as members of a collection: a NaN is equal to itself and to its copies.
    pub(crate) fn same(&self, other: &Decimal) -> bool {
        match (&self.body, &other.body) {
            (Body::Nan(left), Body::Nan(right)) => left == right,
            _ => self.compare(other) == Some(Ordering::Equal),
        }
    }

    pub(crate) fn hash_value<H: Hasher>(&self, state: &mut H) {
        match &self.body {
            Body::Nan(identity) => identity.hash(state),
            Body::Infinite => (self.negative, "inf").hash(state),
            Body::Finite(coefficient, exponent) => {
                let (digits, exponent) = stripped(coefficient, *exponent);
                let negative = self.negative && !digits.is_zero();
                (negative, exponent).hash(state);
                match digits {
                    Coefficient::Small(small) => small.hash(state),
                    Coefficient::Big(big) => big.hash(state),
                }
            }
        }
    }
}

/// Without trailing zeros, which equal numbers may have more or less of.
fn stripped(coefficient: &Coefficient, mut exponent: i64) -> (Coefficient, i64) {
    if coefficient.is_zero() {
        return (Coefficient::Small(0), 0);
    }
    let mut digits = coefficient.clone();
    loop {
        let (tenth, last) = digits.divide(&Coefficient::Small(10));
        if !last.is_zero() {
            return (digits, exponent);
        }
        digits = tenth;
        exponent += 1;
    }
}
