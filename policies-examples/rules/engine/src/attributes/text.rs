//! Attributes of texts.

use super::collection::{ENDS_WITH, IS_EMPTY, LENGTH, STARTS_WITH, TO_ARY, TO_SET};
use super::{Attribute, bind, codec, method, only, unfit};
use crate::compile::not_integer;
use crate::datatype::DataType;
use crate::decimal::{Decimal, Signal};
use crate::error::{Error, Leak};
use crate::evaluate::{Evaluation, leak};
use crate::python;
use crate::value::Value;

pub(super) const STRING: &[Attribute] = &[
    Attribute {
        name: "as_lower",
        datatype: |_| DataType::String,
        get: |object, evaluation| changed(object, evaluation, str::to_lowercase),
    },
    Attribute {
        name: "as_upper",
        datatype: |_| DataType::String,
        get: |object, evaluation| changed(object, evaluation, str::to_uppercase),
    },
    Attribute {
        name: "encode",
        datatype: |_| method("encode", DataType::String, DataType::Bytes),
        get: |object, _| Ok(bind(encode, object)),
    },
    Attribute {
        name: "to_flt",
        datatype: |_| DataType::Float,
        get: |object, evaluation| to_float(object, evaluation).map(Value::Number),
    },
    Attribute {
        name: "to_int",
        datatype: |_| DataType::Float,
        get: |object, evaluation| {
            let number = to_float(object, evaluation)?;
            match number.is_whole() {
                true => Ok(Value::Number(number)),
                false if is_huge_integer(object, &number) => Err(Error::leaked(
                    Leak::OverflowError,
                    "int too large to convert to float",
                )),
                false => Err(not_integer()),
            }
        },
    },
    ENDS_WITH,
    IS_EMPTY,
    LENGTH,
    STARTS_WITH,
    TO_ARY,
    Attribute {
        name: "to_str",
        datatype: |_| DataType::String,
        get: |object, _| Ok(object.clone()),
    },
    TO_SET,
];

fn text(object: &Value) -> Result<&str, Error> {
    object.as_str().ok_or_else(unfit)
}

fn changed(
    object: &Value,
    evaluation: &mut Evaluation<'_>,
    change: fn(&str) -> String,
) -> Result<Value, Error> {
    let text = text(object)?;
    evaluation.make(text.len())?;
    Ok(Value::from(change(text)))
}

fn encode(
    object: &Value,
    arguments: &[Value],
    evaluation: &mut Evaluation<'_>,
) -> Result<Value, Error> {
    let (text, encoding) = (text(object)?, only(arguments)?);
    let encoding = encoding
        .as_str()
        .ok_or_else(|| Error::leaked(Leak::TypeError, "the name of an encoding is a text"))?;
    evaluation.make(text.len())?;
    codec::encode(text, encoding).map(|bytes| Value::Bytes(bytes.into()))
}

/// A number as rules write it, or one that begins with `inf`; any other text is NaN. Numbers with a point or an exponent
/// pass through a float, others through an integer.
fn to_float(object: &Value, evaluation: &Evaluation<'_>) -> Result<Decimal, Error> {
    let text = python::strip(text(object)?);
    if text.strip_prefix('-').unwrap_or(text).starts_with("inf") {
        return Decimal::parse(text).ok_or_else(|| leak(Signal::InvalidOperation));
    }
    if text.len() > evaluation.context.limits.digits {
        return Err(Error::limit("a number has too many digits"));
    }
    for (prefix, base) in [("0b", 2), ("0o", 8), ("0x", 16)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return Ok(whole(digits, base));
        }
    }
    if !is_number(text) {
        return Ok(Decimal::nan());
    }
    if text.contains(['.', 'e', 'E']) {
        return Ok(text.parse::<f64>().unwrap_or(f64::NAN).into());
    }
    let zeros = text.trim_start_matches('0').is_empty();
    if (text.starts_with('0') && !zeros) || text.len() > 4300 {
        return Err(Error::leaked(Leak::SyntaxError, "invalid integer literal"));
    }
    Ok(if zeros {
        Decimal::zero()
    } else {
        whole(text, 10)
    })
}

fn whole(digits: &str, base: u32) -> Decimal {
    match !digits.is_empty() && digits.chars().all(|c| c.is_digit(base)) {
        true => Decimal::parse_whole(digits, base).unwrap_or_else(Decimal::nan),
        false => Decimal::nan(),
    }
}

fn is_huge_integer(object: &Value, number: &Decimal) -> bool {
    let is_float = match object.as_str().map(python::strip) {
        Some(text) if text.starts_with("0x") => false,
        Some(text) => text.contains(['.', 'e', 'E']),
        None => true,
    };
    !is_float && !number.is_nan() && !number.is_infinite()
}

/// `12`, `12.`, `1.5e-3`, `.5`
fn is_number(text: &str) -> bool {
    let is_digits = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if digits.is_empty() || !is_digits(digits) {
            return false;
        }
    }
    match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            is_digits(whole) && is_digits(fraction) && !(whole.is_empty() && fraction.is_empty())
        }
        None => !mantissa.is_empty() && is_digits(mantissa),
    }
}
