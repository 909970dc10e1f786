//! Attributes of bytes.

use super::collection::{ENDS_WITH, IS_EMPTY, LENGTH, STARTS_WITH, TO_ARY, TO_SET};
use super::{Attribute, bind, codec, method, only, unfit};
use crate::datatype::DataType;
use crate::error::{Error, Leak};
use crate::evaluate::Evaluation;
use crate::value::Value;

pub(super) const BYTES: &[Attribute] = &[
    Attribute {
        name: "decode",
        datatype: |_| method("decode", DataType::String, DataType::String),
        get: |object, _| Ok(bind(decode, object)),
    },
    ENDS_WITH,
    IS_EMPTY,
    LENGTH,
    STARTS_WITH,
    TO_ARY,
    TO_SET,
];

fn decode(
    object: &Value,
    arguments: &[Value],
    evaluation: &mut Evaluation<'_>,
) -> Result<Value, Error> {
    let Value::Bytes(bytes) = object else {
        return Err(unfit());
    };
    let encoding = only(arguments)?;
    let encoding = encoding
        .as_str()
        .ok_or_else(|| Error::leaked(Leak::TypeError, "the name of an encoding is a text"))?;
    evaluation.make(bytes.len() * 2)?;
    codec::decode(bytes, encoding).map(Value::from)
}
