//! Attributes of mappings.

use super::collection::{IS_EMPTY, LENGTH};
use super::{Attribute, unfit};
use crate::datatype::DataType;
use crate::value::Value;

pub(super) const MAPPING: &[Attribute] = &[
    Attribute {
        name: "keys",
        datatype: |_| DataType::array(),
        get: |object, evaluation| {
            evaluation.spend(object.size())?;
            let Value::Mapping(members) = object else {
                return Err(unfit());
            };
            Ok(Value::array(members.keys().cloned().collect()))
        },
    },
    Attribute {
        name: "values",
        datatype: |_| DataType::array(),
        get: |object, evaluation| {
            evaluation.spend(object.size())?;
            let Value::Mapping(members) = object else {
                return Err(unfit());
            };
            Ok(Value::array(members.values().cloned().collect()))
        },
    },
    IS_EMPTY,
    LENGTH,
];
