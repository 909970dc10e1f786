//! Equality and hash of values as members of Python's collections: by value across numbers and booleans, and by
//! identity for what is not even equal to itself.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::{Function, Value};
use crate::decimal::Decimal;

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Boolean(left), Value::Boolean(right)) => left == right,
            (Value::Number(left), Value::Number(right)) => left.same(right),
            (Value::Boolean(boolean), Value::Number(number))
            | (Value::Number(number), Value::Boolean(boolean)) => {
                number.same(&Decimal::from(i64::from(*boolean)))
            }
            (Value::String(left), Value::String(right)) => left == right,
            (Value::Bytes(left), Value::Bytes(right)) => left == right,
            (Value::Datetime(left), Value::Datetime(right)) => left == right,
            (Value::Timedelta(left), Value::Timedelta(right)) => left == right,
            (Value::Array(left), Value::Array(right)) => left == right,
            (Value::Set(left), Value::Set(right)) => left == right,
            (Value::Mapping(left), Value::Mapping(right)) => left == right,
            (Value::Function(left), Value::Function(right)) => left == right,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Value::Boolean(boolean) => Decimal::from(i64::from(*boolean)).hash_value(state),
            Value::Number(number) => number.hash_value(state),
            Value::String(text) => text.hash(state),
            Value::Bytes(bytes) => bytes.hash(state),
            Value::Datetime(datetime) => datetime.hash(state),
            Value::Timedelta(delta) => delta.hash(state),
            Value::Array(members) => members.hash(state),
            // Null has no content; the others are refused as members before they are hashed.
            Value::Null | Value::Set(_) | Value::Mapping(_) | Value::Function(_) => {}
        }
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        match (self, other) {
            (Function::Builtin(left), Function::Builtin(right)) => {
                // The original makes parse_datetime anew every time that it is named.
                left.name == right.name && left.name != "parse_datetime"
            }
            (Function::Bound(left), Function::Bound(right)) => Arc::ptr_eq(left, right),
            _ => false,
        }
    }
}
