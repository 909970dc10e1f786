//! Symbols: of the event, of the built-in scope, and of comprehensions.

use super::Evaluation;
use crate::builtins;
use crate::context::Context;
use crate::datatype::DataType;
use crate::error::{Error, ErrorKind, Leak};
use crate::suggestion::suggest;
use crate::value::{Mapping, Value};

impl Evaluation<'_> {
    pub(super) fn symbol(&mut self, name: &str, datatype: &DataType) -> Result<Value, Error> {
        let found = match self.thing {
            Value::Mapping(members) => members.get_name(name),
            _ => None,
        };
        let value = match (found, &self.context.default_value) {
            (Some(value), _) | (None, Some(value)) => value.clone(),
            (None, None) => {
                let suggestion = match self.thing {
                    Value::Mapping(members) => suggest_key(name, members)?,
                    _ => None,
                };
                return Err(Error::unknown_symbol(name, suggestion));
            }
        };
        self.typed(value, name, datatype)
    }

    pub(super) fn local(
        &mut self,
        index: usize,
        name: &str,
        datatype: &DataType,
    ) -> Result<Value, Error> {
        let value = self.locals.get(index).cloned().unwrap_or(Value::Null);
        self.typed(value, name, datatype)
    }

    pub(super) fn builtin(&mut self, name: &str, datatype: &DataType) -> Result<Value, Error> {
        let value = match builtins::value(name, self.context, &self.groups)? {
            Some(value) => value,
            None => match &self.context.default_value {
                Some(value) => value.clone(),
                None => {
                    let suggestion = suggest(name, builtins::names());
                    return Err(Error::unknown_symbol(name, suggestion));
                }
            },
        };
        self.typed(value, name, datatype)
    }

    /// Refuses a value that is not of the type that its symbol is known to have.
    fn typed(&mut self, value: Value, name: &str, datatype: &DataType) -> Result<Value, Error> {
        if datatype.is_undefined() {
            return Ok(value);
        }
        self.walk(&value)?;
        if is_of_type(&value, datatype, self.context) || value.is_null() {
            return Ok(value);
        }
        let is = DataType::of(&value).name();
        let expected = datatype.name();
        Err(Error::new(
            ErrorKind::SymbolTypeError,
            format!(
                "symbol '{name}' resolved to incorrect datatype (is: {is}, expected: {expected})"
            ),
        ))
    }
}

fn is_of_type(value: &Value, datatype: &DataType, context: &Context) -> bool {
    if value.is_null() && datatype.is_nullable() {
        return true;
    }
    let expected = datatype.unwrapped();
    let is = DataType::of(value);
    if !is.is_compatible(expected) {
        return false;
    }
    let (Some(expected), Some(is)) = (expected.contained(), is.contained()) else {
        return true;
    };
    if expected.is_undefined() {
        return true;
    }
    if context.is_v4() {
        return expected == is;
    }
    if is.is_undefined() {
        return true;
    }
    let nulls_allowed = expected.is_nullable() || matches!(expected, DataType::Null);
    (nulls_allowed || !has_null(value)) && expected.is_compatible(is)
}

/// Whether a member is null; of a mapping, a key.
fn has_null(value: &Value) -> bool {
    match value {
        Value::Array(members) => members.iter().any(Value::is_null),
        Value::Set(members) => members.iter().any(Value::is_null),
        Value::Mapping(members) => members.keys().any(Value::is_null),
        _ => false,
    }
}

/// The best of the keys. The original fails on keys that are no text.
pub(super) fn suggest_key(name: &str, members: &Mapping) -> Result<Option<String>, Error> {
    let names: Option<Vec<&str>> = members.keys().map(Value::as_str).collect();
    match names {
        Some(names) => Ok(suggest(name, names.into_iter())),
        None => Err(Error::leaked(
            Leak::TypeError,
            "expected string or bytes-like object",
        )),
    }
}
