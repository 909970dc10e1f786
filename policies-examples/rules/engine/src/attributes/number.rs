//! Attributes of numbers.

use super::{Attribute, unfit};
use crate::compile::not_integer;
use crate::datatype::DataType;
use crate::decimal::{Decimal, Signal};
use crate::error::{Error, Leak};
use crate::evaluate::{Evaluation, leak};
use crate::value::Value;

/// Version 4 goes through text, and Python refuses to write integers with more digits.
const DIGITS_V4: i64 = 4300;

pub(super) const FLOAT: &[Attribute] = &[
    Attribute {
        name: "ceiling",
        datatype: |_| DataType::Float,
        get: |object, evaluation| whole(decimal(object)?, evaluation, Decimal::ceiling),
    },
    Attribute {
        name: "floor",
        datatype: |_| DataType::Float,
        get: |object, evaluation| whole(decimal(object)?, evaluation, Decimal::floor),
    },
    Attribute {
        name: "is_nan",
        datatype: |_| DataType::Boolean,
        get: |object, _| Ok(Value::Boolean(decimal(object)?.is_nan())),
    },
    Attribute {
        name: "to_flt",
        datatype: |_| DataType::Float,
        get: |object, _| Ok(object.clone()),
    },
    Attribute {
        name: "to_int",
        datatype: |_| DataType::Float,
        get: |object, _| match decimal(object)?.is_whole() {
            true => Ok(object.clone()),
            false => Err(not_integer()),
        },
    },
    Attribute {
        name: "to_str",
        datatype: |_| DataType::String,
        get: |object, evaluation| {
            evaluation.spend(object.size())?;
            Ok(Value::from(text(decimal(object)?)))
        },
    },
];

fn decimal(object: &Value) -> Result<&Decimal, Error> {
    match object {
        Value::Number(number) => Ok(number),
        _ => Err(unfit()),
    }
}

fn whole(
    number: &Decimal,
    evaluation: &mut Evaluation<'_>,
    towards: fn(&Decimal, i64) -> Result<Decimal, Signal>,
) -> Result<Value, Error> {
    let whole = towards(number, evaluation.most_digits()).map_err(leak)?;
    if evaluation.context.is_v4() && whole.digits() > DIGITS_V4 {
        return Err(Error::leaked(
            Leak::ValueError,
            "exceeds the limit (4300 digits)",
        ));
    }
    Ok(Value::Number(whole))
}

fn text(number: &Decimal) -> String {
    match (number.is_nan(), number.is_infinite(), number.is_negative()) {
        (true, _, _) => "nan".to_owned(),
        (_, true, true) => "-inf".to_owned(),
        (_, true, false) => "inf".to_owned(),
        _ => number.to_string(),
    }
}
