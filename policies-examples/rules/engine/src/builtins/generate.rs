//! Numbers out of nothing: `random range`.

use num_bigint::BigUint;
use num_traits::ToPrimitive;

use super::refused;
use crate::decimal::Decimal;
use crate::error::{Error, Leak};
use crate::evaluate::Evaluation;
use crate::value::Value;

/// From 0 to below 1, or a whole number up to and with the boundary.
pub(super) fn random(evaluation: &mut Evaluation<'_>, arguments: &[Value]) -> Result<Value, Error> {
    let boundary = match arguments {
        [] | [Value::Null] => None,
        // Version 4 takes a boundary of 0 for none.
        [boundary] if evaluation.context.is_v4() && !boundary.is_true() => None,
        [boundary] => Some(boundary),
        _ => return Err(refused("random() takes at most one argument")),
    };
    let draw = &evaluation.context.random;
    let Some(boundary) = boundary else {
        // The 53 bits of a float's mantissa, as Python does it.
        return Ok(Value::from((draw() >> 11) as f64 / (1u64 << 53) as f64));
    };
    let natural = match boundary {
        Value::Number(number) if number.is_natural() => number.whole_magnitude(),
        _ => {
            return Err(Error::call(
                "argument #1 (boundary) must be a natural number",
            ));
        }
    };
    let mut drawn = BigUint::from(draw());
    for _ in 0..natural.bits() / 64 {
        drawn = (drawn << 64) | BigUint::from(draw());
    }
    Ok(Value::Number(Decimal::from_big(drawn % (natural + 1u32))))
}

pub(super) fn range(evaluation: &mut Evaluation<'_>, arguments: &[Value]) -> Result<Value, Error> {
    let v4 = evaluation.context.is_v4();
    // Version 4 takes 0 for an argument that is not there.
    let given = |at: usize| {
        let argument = arguments.get(at).filter(|argument| !argument.is_null());
        argument.filter(|argument| !v4 || argument.is_true())
    };
    if arguments.is_empty() || arguments.len() > 3 {
        return Err(refused("range() takes one to three arguments"));
    }
    let whole = |at: usize, name: &str| match arguments.get(at) {
        Some(Value::Number(number)) if number.is_whole() => integer(number),
        _ => Err(Error::call(format!(
            "argument #{} ({name}) must be an integer number",
            at + 1
        ))),
    };
    let (mut start, mut stop, mut step) = (0, whole(0, "start")?, 1);
    if given(1).is_some() {
        (start, stop) = (stop, whole(1, "stop")?);
        if given(2).is_some() {
            step = whole(2, "step")?;
        }
    }
    if step == 0 {
        return Err(Error::leaked(
            Leak::ValueError,
            "range() arg 3 must not be zero",
        ));
    }
    let span = if step > 0 { stop - start } else { start - stop };
    let width = step.unsigned_abs();
    let count = u128::try_from(span).map_or(0, |span| span.div_ceil(width));
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    evaluation.make(count)?;
    evaluation.spend(count)?;
    let mut next = start;
    let mut numbers = Vec::with_capacity(count);
    for _ in 0..count {
        let mut number = Decimal::from_big(BigUint::from(next.unsigned_abs()));
        number.negative = next < 0;
        numbers.push(Value::Number(number));
        next += step;
    }
    Ok(Value::array(numbers))
}

/// Numbers beyond this would overflow a sum.
const LARGEST: i128 = i128::MAX / 4;

fn integer(number: &Decimal) -> Result<i128, Error> {
    let magnitude = number.whole_magnitude().to_i128();
    let magnitude = magnitude.filter(|magnitude| *magnitude < LARGEST);
    let magnitude = magnitude.ok_or_else(|| Error::limit("a range is too large"))?;
    Ok(if number.is_negative() {
        -magnitude
    } else {
        magnitude
    })
}
