//! JSON documents as values.

use std::sync::Arc;

use super::{Mapping, Value};
use crate::decimal::Decimal;

impl From<&serde_json::Value> for Value {
    fn from(json: &serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(boolean) => Value::Boolean(*boolean),
            serde_json::Value::Number(number) => Value::Number(to_decimal(number)),
            serde_json::Value::String(text) => Value::from(text.as_str()),
            serde_json::Value::Array(members) => {
                Value::Array(members.iter().map(Value::from).collect())
            }
            serde_json::Value::Object(members) => {
                let pairs = members
                    .iter()
                    .map(|(key, value)| (Value::from(key.as_str()), Value::from(value)));
                Value::Mapping(Arc::new(pairs.collect::<Mapping>()))
            }
        }
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Value {
        Value::from(&json)
    }
}

fn to_decimal(number: &serde_json::Number) -> Decimal {
    if let Some(number) = number.as_i64() {
        return number.into();
    }
    if let Some(number) = number.as_u64() {
        return number.into();
    }
    match number.as_f64() {
        Some(number) => number.into(),
        None => Decimal::nan(),
    }
}
