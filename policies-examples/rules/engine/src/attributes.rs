//! What values have behind a dot. To add an attribute: a row in its type's file.

mod bytes;
mod codec;
mod collection;
mod datetime;
mod mapping;
mod number;
mod text;
mod timedelta;

pub(crate) use collection::members;

use std::sync::Arc;

use crate::datatype::{DataType, Signature};
use crate::error::{Error, ErrorKind, Leak};
use crate::evaluate::Evaluation;
use crate::suggestion::suggest;
use crate::value::{Function, Value};

/// An attribute of a type.
struct Attribute {
    name: &'static str,
    /// The type of the attribute, from that of the value.
    datatype: fn(&DataType) -> DataType,
    get: fn(&Value, &mut Evaluation<'_>) -> Result<Value, Error>,
}

type Method = fn(&Value, &[Value], &mut Evaluation<'_>) -> Result<Value, Error>;

/// An attribute that is a function, with the value it belongs to.
#[derive(Clone, Debug)]
pub struct Bound {
    method: Method,
    receiver: Value,
}

/// The order of the rows decides between suggestions that are equally near.
fn table(type_name: &str) -> &'static [Attribute] {
    match type_name {
        "ARRAY" => collection::ARRAY,
        "BYTES" => bytes::BYTES,
        "DATETIME" => datetime::DATETIME,
        "FLOAT" => number::FLOAT,
        "MAPPING" => mapping::MAPPING,
        "SET" => collection::SET,
        "STRING" => text::STRING,
        "TIMEDELTA" => timedelta::TIMEDELTA,
        _ => &[],
    }
}

/// The type of an attribute of a type.
pub(crate) fn datatype(object: &DataType, name: &str) -> Result<DataType, Error> {
    let attribute = find(object.name(), name)?;
    Ok((attribute.datatype)(object))
}

/// An attribute of a value.
pub(crate) fn get(
    object: &Value,
    name: &str,
    evaluation: &mut Evaluation<'_>,
) -> Result<Value, Error> {
    let type_name = match object {
        Value::Array(_) => "ARRAY",
        Value::Bytes(_) => "BYTES",
        Value::Datetime(_) => "DATETIME",
        Value::Number(_) => "FLOAT",
        Value::Mapping(_) => "MAPPING",
        Value::Set(_) => "SET",
        Value::String(_) => "STRING",
        Value::Timedelta(_) => "TIMEDELTA",
        Value::Null | Value::Boolean(_) | Value::Function(_) => "",
    };
    let attribute = find(type_name, name)?;
    (attribute.get)(object, evaluation)
}

fn find(type_name: &str, name: &str) -> Result<&'static Attribute, Error> {
    let table = table(type_name);
    table
        .iter()
        .find(|attribute| attribute.name == name)
        .ok_or_else(|| {
            let names = table.iter().map(|attribute| attribute.name);
            Error::unknown_attribute(name, suggest(name, names))
        })
}

/// Calls a bound function.
pub(crate) fn apply(
    bound: &Bound,
    arguments: &[Value],
    evaluation: &mut Evaluation<'_>,
) -> Result<Value, Error> {
    (bound.method)(&bound.receiver, arguments, evaluation)
}

fn bind(method: Method, receiver: &Value) -> Value {
    let receiver = receiver.clone();
    Value::Function(Function::Bound(Arc::new(Bound { method, receiver })))
}

/// The type of a function with one argument.
fn method(name: &'static str, argument: DataType, returns: DataType) -> DataType {
    DataType::function(Signature {
        name,
        returns,
        arguments: vec![argument],
        minimum: 1,
    })
}

fn only(arguments: &[Value]) -> Result<&Value, Error> {
    match arguments {
        [only] => Ok(only),
        _ => Err(Error::leaked(Leak::TypeError, "takes one argument")),
    }
}

fn number(number: impl Into<crate::decimal::Decimal>) -> Result<Value, Error> {
    Ok(Value::Number(number.into()))
}

/// Where a table and a value do not fit, which the lookup by type rules out.
fn unfit() -> Error {
    Error::new(ErrorKind::EngineError, "attribute of another type")
}
