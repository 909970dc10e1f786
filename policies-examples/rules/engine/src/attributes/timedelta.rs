//! Attributes of durations.

use super::{Attribute, number, unfit};
use crate::datatype::DataType;
use crate::error::Error;
use crate::time::Timedelta;
use crate::value::Value;

pub(super) const TIMEDELTA: &[Attribute] = &[
    Attribute {
        name: "days",
        datatype: |_| DataType::Float,
        get: |object, _| number(timedelta(object)?.parts().0),
    },
    Attribute {
        name: "seconds",
        datatype: |_| DataType::Float,
        get: |object, _| number(timedelta(object)?.parts().1),
    },
    Attribute {
        name: "microseconds",
        datatype: |_| DataType::Float,
        get: |object, _| number(timedelta(object)?.parts().2),
    },
    Attribute {
        name: "total_seconds",
        datatype: |_| DataType::Float,
        get: |object, _| number(timedelta(object)?.total_seconds()),
    },
];

fn timedelta(object: &Value) -> Result<&Timedelta, Error> {
    match object {
        Value::Timedelta(delta) => Ok(delta),
        _ => Err(unfit()),
    }
}
