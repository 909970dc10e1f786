//! Addition, subtraction, multiplication, and the signs.

use std::cmp::Ordering;

use super::{Body, Coefficient, Decimal, PRECISION, Signal};

impl Decimal {
    /// The sum, rounded.
    pub fn add(&self, other: &Decimal) -> Result<Decimal, Signal> {
        match (&self.body, &other.body) {
            (Body::Finite(left, left_exponent), Body::Finite(right, right_exponent)) => {
                let left = Term(self.negative, left.clone(), *left_exponent);
                let right = Term(other.negative, right.clone(), *right_exponent);
                sum(left, right)?.fitted(PRECISION)
            }
            _ if self.is_nan() || other.is_nan() => Ok(self.nan_from(other)),
            (Body::Infinite, Body::Infinite) if self.negative != other.negative => {
                Err(Signal::InvalidOperation)
            }
            (Body::Infinite, _) => Ok(self.clone()),
            _ => Ok(other.clone()),
        }
    }

    /// The difference, rounded.
    pub fn subtract(&self, other: &Decimal) -> Result<Decimal, Signal> {
        let mut negated = other.clone();
        negated.negative = other.negative == other.is_nan();
        self.add(&negated)
    }

    /// The product, rounded.
    pub fn multiply(&self, other: &Decimal) -> Result<Decimal, Signal> {
        self.multiply_within(other, PRECISION)
    }

    pub(super) fn multiply_within(
        &self,
        other: &Decimal,
        precision: i64,
    ) -> Result<Decimal, Signal> {
        let negative = self.negative != other.negative;
        match (&self.body, &other.body) {
            (Body::Finite(left, left_exponent), Body::Finite(right, right_exponent)) => {
                let product = left.multiply(right);
                Decimal::finite(negative, product, left_exponent + right_exponent).fitted(precision)
            }
            _ if self.is_nan() || other.is_nan() => Ok(self.nan_from(other)),
            _ if self.is_zero() || other.is_zero() => Err(Signal::InvalidOperation),
            _ => Ok(Decimal::infinity(negative)),
        }
    }

    /// The number with the other sign, rounded; a zero becomes positive.
    pub fn negate(&self) -> Result<Decimal, Signal> {
        if self.is_nan() {
            return Ok(self.nan_from(self));
        }
        let mut negated = self.clone();
        negated.negative = !self.negative && !self.is_zero();
        negated.fitted(PRECISION)
    }

    /// The number without its sign, rounded.
    pub fn absolute(&self) -> Result<Decimal, Signal> {
        if self.is_nan() {
            return Ok(self.nan_from(self));
        }
        let mut absolute = self.clone();
        absolute.negative = false;
        absolute.fitted(PRECISION)
    }
}

/// Sign, digits and exponent of a finite number.
struct Term(bool, Coefficient, i64);

fn sum(left: Term, right: Term) -> Result<Decimal, Signal> {
    let exponent = left.2.min(right.2);
    match (left.1.is_zero(), right.1.is_zero()) {
        (true, true) => {
            let negative = left.0 && right.0;
            return Ok(Decimal::finite(negative, Coefficient::Small(0), exponent));
        }
        (true, false) => return Ok(alone(right, exponent)),
        (false, true) => return Ok(alone(left, exponent)),
        (false, false) => {}
    }
    let (left, right) = aligned(left, right);
    if left.0 == right.0 {
        return Ok(Decimal::finite(left.0, left.1.add(&right.1), left.2));
    }
    Ok(match left.1.compare(&right.1) {
        Ordering::Equal => Decimal::finite(false, Coefficient::Small(0), exponent),
        Ordering::Greater => Decimal::finite(left.0, left.1.subtract(&right.1), left.2),
        Ordering::Less => Decimal::finite(right.0, right.1.subtract(&left.1), left.2),
    })
}

/// A number plus zero: its exponent goes down towards that of the zero, as far as the precision lets it.
fn alone(term: Term, exponent: i64) -> Decimal {
    let exponent = exponent.max(term.2 - PRECISION - 1);
    Decimal::finite(term.0, term.1, term.2).rescaled(exponent)
}

/// Gives both the smaller exponent. A term too small to matter becomes a single unit that still decides the rounding,
/// so that `1E+999999 + 1` does not write a million zeros.
fn aligned(left: Term, right: Term) -> (Term, Term) {
    if left.2 < right.2 {
        let (right, left) = aligned(right, left);
        return (left, right);
    }
    let (high, mut low) = (left, right);
    let floor = high.2 + (high.1.digits() - PRECISION - 2).min(-1);
    if low.1.digits() + low.2 - 1 < floor {
        low = Term(low.0, Coefficient::Small(1), floor);
    }
    let high = Term(high.0, high.1.scaled(high.2 - low.2), low.2);
    (high, low)
}
