//! One value from many: `abs any all sum max min`. As in Python they take more types than their signatures say, which
//! shows when `$map` calls them.

use super::refused;
use crate::attributes::members;
use crate::decimal::Decimal;
use crate::error::{Error, Leak};
use crate::evaluate::{Evaluation, Order, leak, order};
use crate::time::Timedelta;
use crate::value::Value;

pub(super) fn abs(_: &mut Evaluation<'_>, arguments: &[Value]) -> Result<Value, Error> {
    match arguments {
        [Value::Number(number)] => number.absolute().map(Value::Number).map_err(leak),
        [Value::Boolean(boolean)] => Ok(Value::from(i64::from(*boolean))),
        [Value::Timedelta(delta)] => {
            let absolute = Timedelta::from_microseconds(delta.microseconds().abs());
            let absolute = absolute.in_range().map(Value::Timedelta);
            absolute.ok_or_else(|| Error::leaked(Leak::OverflowError, "duration out of range"))
        }
        _ => Err(refused("bad operand type for abs()")),
    }
}

pub(super) fn any(evaluation: &mut Evaluation<'_>, arguments: &[Value]) -> Result<Value, Error> {
    let members = only(evaluation, arguments)?;
    Ok(Value::Boolean(members.iter().any(Value::is_true)))
}

pub(super) fn all(evaluation: &mut Evaluation<'_>, arguments: &[Value]) -> Result<Value, Error> {
    let members = only(evaluation, arguments)?;
    Ok(Value::Boolean(members.iter().all(Value::is_true)))
}

fn only(evaluation: &mut Evaluation<'_>, arguments: &[Value]) -> Result<Vec<Value>, Error> {
    match arguments {
        [iterable] => members(iterable, evaluation),
        _ => Err(refused("takes exactly one argument")),
    }
}

pub(super) fn sum(evaluation: &mut Evaluation<'_>, arguments: &[Value]) -> Result<Value, Error> {
    let (iterable, mut sum) = match arguments {
        [iterable] => (iterable, Decimal::zero()),
        [iterable, start] => (iterable, number(start)?),
        _ => return Err(refused("sum() takes one or two arguments")),
    };
    for member in members(iterable, evaluation)? {
        sum = sum.add(&number(&member)?).map_err(leak)?;
    }
    Ok(Value::Number(sum))
}

fn number(value: &Value) -> Result<Decimal, Error> {
    match value {
        Value::Number(number) => Ok(number.clone()),
        Value::Boolean(boolean) => Ok(i64::from(*boolean).into()),
        _ => Err(refused("unsupported operand type(s) for +")),
    }
}

pub(super) fn max(evaluation: &mut Evaluation<'_>, arguments: &[Value]) -> Result<Value, Error> {
    best(evaluation, arguments, Order::Greater)
}

pub(super) fn min(evaluation: &mut Evaluation<'_>, arguments: &[Value]) -> Result<Value, Error> {
    best(evaluation, arguments, Order::Less)
}

/// The first member that no later one beats.
fn best(
    evaluation: &mut Evaluation<'_>,
    arguments: &[Value],
    beats: Order,
) -> Result<Value, Error> {
    let candidates = match arguments {
        [iterable] => members(iterable, evaluation)?,
        several => several.to_vec(),
    };
    let mut best: Option<Value> = None;
    for candidate in candidates {
        evaluation.walk(&candidate)?;
        let better = match &best {
            None => true,
            Some(best) => order(beats, &candidate, best)?,
        };
        if better {
            best = Some(candidate);
        }
    }
    best.ok_or_else(|| Error::leaked(Leak::ValueError, "arg is an empty sequence"))
}
