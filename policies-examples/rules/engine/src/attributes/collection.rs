//! Attributes of arrays and sets, and those that they share with texts, bytes and mappings.

use std::sync::Arc;

use super::{Attribute, bind, method, number, only, unfit};
use crate::datatype::DataType;
use crate::error::{Error, Leak};
use crate::evaluate::Evaluation;
use crate::value::{Set, Value};

pub(super) const ARRAY: &[Attribute] = &[ENDS_WITH, IS_EMPTY, LENGTH, STARTS_WITH, TO_ARY, TO_SET];

pub(super) const SET: &[Attribute] = &[IS_EMPTY, LENGTH, TO_ARY, TO_SET];

pub(super) const ENDS_WITH: Attribute = Attribute {
    name: "ends_with",
    datatype: |object| method("ends_with", object.clone(), DataType::Boolean),
    get: |object, _| Ok(bind(ends_with, object)),
};

pub(super) const STARTS_WITH: Attribute = Attribute {
    name: "starts_with",
    datatype: |object| method("starts_with", object.clone(), DataType::Boolean),
    get: |object, _| Ok(bind(starts_with, object)),
};

pub(super) const IS_EMPTY: Attribute = Attribute {
    name: "is_empty",
    datatype: |_| DataType::Boolean,
    get: |object, _| Ok(Value::Boolean(length(object)? == 0)),
};

pub(super) const LENGTH: Attribute = Attribute {
    name: "length",
    datatype: |_| DataType::Float,
    get: |object, evaluation| {
        evaluation.spend(object.size() / 16)?;
        number(length(object)?)
    },
};

pub(super) const TO_ARY: Attribute = Attribute {
    name: "to_ary",
    datatype: |object| member_type(object).into_array(),
    get: |object, evaluation| match object {
        Value::Array(_) => Ok(object.clone()),
        _ => members(object, evaluation).map(Value::array),
    },
};

pub(super) const TO_SET: Attribute = Attribute {
    name: "to_set",
    datatype: |object| member_type(object).into_set(),
    get: |object, evaluation| {
        evaluation.walk(object)?;
        let members = members(object, evaluation)?;
        Ok(Value::Set(Arc::new(Set::of(members)?)))
    },
};

fn member_type(object: &DataType) -> DataType {
    match object {
        DataType::Bytes => DataType::Float,
        DataType::String => DataType::String,
        other => other.contained().cloned().unwrap_or(DataType::Undefined),
    }
}

/// What Python iterates over: also the characters of a text, the numbers of bytes, the keys of a mapping.
pub(crate) fn members(value: &Value, evaluation: &mut Evaluation<'_>) -> Result<Vec<Value>, Error> {
    let length = length(value)?;
    evaluation.make(length)?;
    evaluation.spend(length)?;
    Ok(match value {
        Value::Array(members) => members.to_vec(),
        Value::Set(members) => members.iter().cloned().collect(),
        Value::Mapping(members) => members.keys().cloned().collect(),
        Value::Bytes(bytes) => bytes
            .iter()
            .map(|byte| Value::from(i64::from(*byte)))
            .collect(),
        Value::String(text) => text.chars().map(|c| Value::from(c.to_string())).collect(),
        _ => return Err(unfit()),
    })
}

fn length(value: &Value) -> Result<usize, Error> {
    Ok(match value {
        Value::Array(members) => members.len(),
        Value::Set(members) => members.len(),
        Value::Mapping(members) => members.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::String(text) => text.chars().count(),
        other => {
            let name = other.python_name();
            return Err(Error::leaked(
                Leak::TypeError,
                format!("object of type '{name}' has no len()"),
            ));
        }
    })
}

fn starts_with(
    object: &Value,
    arguments: &[Value],
    evaluation: &mut Evaluation<'_>,
) -> Result<Value, Error> {
    let prefix = only(arguments)?;
    length(prefix)?;
    evaluation.walk(prefix)?;
    Ok(Value::Boolean(match (object, prefix) {
        (Value::Array(members), Value::Array(prefix)) => members.starts_with(prefix),
        (Value::Bytes(bytes), Value::Bytes(prefix)) => bytes.starts_with(prefix),
        (Value::String(text), Value::String(prefix)) => text.starts_with(prefix.as_ref()),
        _ => false,
    }))
}

fn ends_with(
    object: &Value,
    arguments: &[Value],
    evaluation: &mut Evaluation<'_>,
) -> Result<Value, Error> {
    let suffix = only(arguments)?;
    let empty = length(suffix)? == 0;
    evaluation.walk(suffix)?;
    let ends = match (object, suffix) {
        (Value::Array(members), Value::Array(suffix)) => members.ends_with(suffix),
        (Value::Bytes(bytes), Value::Bytes(suffix)) => bytes.ends_with(suffix),
        (Value::String(text), Value::String(suffix)) => text.ends_with(suffix.as_ref()),
        _ => false,
    };
    // Version 4 takes the last 0 members for all of them.
    let wrong = evaluation.context.is_v4() && empty && length(object)? > 0;
    Ok(Value::Boolean(ends && !wrong))
}
