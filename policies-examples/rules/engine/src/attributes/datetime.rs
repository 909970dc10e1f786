//! Attributes of points in time.

use super::{Attribute, number, unfit};
use crate::datatype::DataType;
use crate::error::{Error, ErrorKind};
use crate::time::{Datetime, Timedelta};
use crate::value::Value;

pub(super) const DATETIME: &[Attribute] = &[
    Attribute {
        name: "to_epoch",
        datatype: |_| DataType::Float,
        get: |object, _| {
            let since = Timedelta::from_microseconds(datetime(object)?.microseconds().into());
            number(since.total_seconds())
        },
    },
    Attribute {
        name: "date",
        datatype: |_| DataType::Datetime,
        get: |object, _| Ok(Value::Datetime(datetime(object)?.midnight())),
    },
    Attribute {
        name: "day",
        datatype: |_| DataType::Float,
        get: |object, _| number(datetime(object)?.fields().day),
    },
    Attribute {
        name: "hour",
        datatype: |_| DataType::Float,
        get: |object, _| number(datetime(object)?.fields().hour),
    },
    Attribute {
        name: "microsecond",
        datatype: |_| DataType::Float,
        get: |object, _| number(datetime(object)?.fields().microsecond),
    },
    Attribute {
        name: "millisecond",
        datatype: |_| DataType::Float,
        get: |object, _| number(datetime(object)?.fields().microsecond as f64 / 1000.0),
    },
    Attribute {
        name: "minute",
        datatype: |_| DataType::Float,
        get: |object, _| number(datetime(object)?.fields().minute),
    },
    Attribute {
        name: "month",
        datatype: |_| DataType::Float,
        get: |object, _| number(datetime(object)?.fields().month),
    },
    Attribute {
        name: "second",
        datatype: |_| DataType::Float,
        get: |object, _| number(datetime(object)?.fields().second),
    },
    Attribute {
        name: "weekday",
        datatype: |_| DataType::String,
        get: |object, _| Ok(Value::from(datetime(object)?.weekday())),
    },
    Attribute {
        name: "year",
        datatype: |_| DataType::Float,
        get: |object, _| number(datetime(object)?.fields().year),
    },
    Attribute {
        name: "zone_name",
        datatype: |_| DataType::String,
        get: |object, _| match datetime(object)?.zone_name() {
            Some(name) => Ok(Value::from(name)),
            // Fixed offsets have no name in Python.
            None => Err(Error::new(
                ErrorKind::AttributeTypeError,
                "attribute 'zone_name' resolved to incorrect datatype (is: NULL, expected: STRING)",
            )),
        },
    },
];

fn datetime(object: &Value) -> Result<&Datetime, Error> {
    match object {
        Value::Datetime(datetime) => Ok(datetime),
        _ => Err(unfit()),
    }
}
