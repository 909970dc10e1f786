//! `x ** y` for a `y` with a fraction: `e ** (y · ln x)`, with the intermediate roundings of libmpdec, which can show in
//! the last digit.

use num_bigint::{BigInt, BigUint, Sign};
use num_integer::Integer;
use num_traits::{One, Zero};

use super::rounding::drop_digits;
use super::{Body, Coefficient, Decimal, PRECISION, Signal};

/// What libmpdec works with beyond the precision: four digits, and as many as an exponent can have.
const GUARD: i64 = 4 + 19;
/// Digits behind those, so that each step is rounded correctly.
const SAFE: i64 = 20;
/// A base with more digits than this is worked with as if it had only so many.
const MOST: i64 = 300;

pub(super) fn power(base: &Decimal, exponent: &Decimal) -> Result<Decimal, Signal> {
    let Body::Finite(base_digits, _) = &base.body else {
        return Err(Signal::InvalidOperation);
    };
    let precision = base_digits.digits().clamp(PRECISION, MOST) + GUARD;
    let logarithm = logarithm(base, precision)?;
    let product = logarithm.multiply_within(exponent, precision)?;
    exponential(&product, precision)
}

fn logarithm(base: &Decimal, precision: i64) -> Result<Decimal, Signal> {
    let Body::Finite(digits, exponent) = &base.body else {
        return Err(Signal::InvalidOperation);
    };
    // Near one the logarithm is as small as the distance to it.
    let one = Decimal::from(1i64);
    let distance = base.subtract(&one)?.adjusted().unwrap_or(0);
    let fixed = Fixed::new(precision + SAFE + (-distance).max(0));
    let first = exponent + digits.digits() - 1;
    let mantissa = fixed.mantissa(digits.to_big(), digits.digits() - 1);
    let mut sum = fixed.logarithm(&mantissa);
    if first != 0 {
        sum += fixed.logarithm(&(&fixed.one * 10)) * first;
    }
    Ok(fixed.rounded(&sum, precision, 0))
}

fn exponential(power: &Decimal, precision: i64) -> Result<Decimal, Signal> {
    let Body::Finite(digits, exponent) = &power.body else {
        return Err(Signal::InvalidOperation);
    };
    let fixed = Fixed::new(precision + SAFE + power.adjusted().unwrap_or(0).max(0));
    let shift = exponent + fixed.places;
    let magnitude = match shift >= 0 {
        true => digits.scaled(shift).to_big(),
        false => drop_digits(digits, -shift).to_big(),
    };
    let sign = if power.negative {
        Sign::Minus
    } else {
        Sign::Plus
    };
    let ten = fixed.logarithm(&(&fixed.one * 10));
    let (tens, rest) = BigInt::from_biguint(sign, magnitude).div_mod_floor(&ten);
    let tens = i64::try_from(tens).map_err(|_| Signal::Overflow)?;
    Ok(fixed.rounded(&fixed.exponential(&rest), precision, tens))
}

/// Numbers as whole multiples of `10^-places`.
struct Fixed {
    places: i64,
    one: BigInt,
}

impl Fixed {
    fn new(places: i64) -> Fixed {
        let one = pow10(places);
        Fixed { places, one }
    }

    /// The digits with the point after the first of them.
    fn mantissa(&self, digits: BigUint, behind: i64) -> BigInt {
        (BigInt::from(digits) * &self.one) / pow10(behind)
    }

    /// Natural logarithm of a number from 1 up: halves it towards 1, then `2 · artanh((m-1)/(m+1))`.
    fn logarithm(&self, number: &BigInt) -> BigInt {
        let mut mantissa = number.clone();
        let mut halvings = 0u32;
        while &mantissa * 2 > &self.one * 3 {
            mantissa /= 2;
            halvings += 1;
        }
        let mut sum = self.artanh(&(&mantissa - &self.one), &(&mantissa + &self.one));
        if halvings > 0 {
            let two = self.artanh(&BigInt::one(), &BigInt::from(3));
            sum += two * halvings;
        }
        sum * 2
    }

    fn artanh(&self, numerator: &BigInt, denominator: &BigInt) -> BigInt {
        let ratio = numerator * &self.one / denominator;
        let square = &ratio * &ratio / &self.one;
        let mut term = ratio;
        let mut sum = BigInt::zero();
        let mut divisor = 1u32;
        while !term.is_zero() {
            sum += &term / divisor;
            term = term * &square / &self.one;
            divisor += 2;
        }
        sum
    }

    /// `e` to a power from 0 up to ln 10, by its Taylor series.
    fn exponential(&self, power: &BigInt) -> BigInt {
        let mut term = self.one.clone();
        let mut sum = BigInt::zero();
        let mut divisor = 1u32;
        while !term.is_zero() {
            sum += &term;
            term = term * power / &self.one / divisor;
            divisor += 1;
        }
        sum
    }

    /// As a decimal number with so many digits, times a power of ten.
    fn rounded(&self, number: &BigInt, precision: i64, tens: i64) -> Decimal {
        let digits = Coefficient::from(number.magnitude().clone());
        let excess = (digits.digits() - precision).max(0);
        Decimal::finite(
            number.sign() == Sign::Minus,
            drop_digits(&digits, excess),
            tens - self.places + excess,
        )
    }
}

fn pow10(power: i64) -> BigInt {
    BigInt::from(10).pow(u32::try_from(power).unwrap_or(0))
}
