//! Attributes, items and slices.

use super::Evaluation;
use super::symbol::suggest_key;
use crate::attributes;
use crate::compile::not_integer;
use crate::error::{Error, ErrorKind, Leak};
use crate::node::{Attribute, Item, Node, Slice};
use crate::suggestion::suggest;
use crate::value::Value;

impl Evaluation<'_> {
    /// An attribute of the value's type, else a comprehension's variable of that name, else a key of the mapping.
    pub(super) fn attribute(&mut self, attribute: &Attribute) -> Result<Value, Error> {
        let object = self.evaluate(&attribute.object)?;
        if object.is_null() && attribute.safe {
            return Ok(Value::Null);
        }
        let name = attribute.name.as_str();
        let mut error = match attributes::get(&object, name, self) {
            Err(error) if error.kind == ErrorKind::AttributeResolutionError => error,
            other => return other,
        };
        let is_mapping = matches!(object, Value::Mapping(_));
        if is_mapping && !self.context.mapping_attribute_lookup && !self.context.is_v4() {
            return Err(error);
        }
        if let Some(value) = attribute.local.and_then(|index| self.locals.get(index)) {
            return Ok(value.clone());
        }
        let mut suggestion = None;
        if let Value::Mapping(members) = &object {
            if let Some(value) = members.get_name(name) {
                return Ok(value.clone());
            }
            suggestion = suggest_key(name, members)?;
        }
        if let Some(value) = &self.context.default_value {
            return Ok(value.clone());
        }
        let both = [error.suggestion.take(), suggestion];
        error.suggestion = suggest(name, both.iter().flatten().map(String::as_str));
        Err(error)
    }

    pub(super) fn item(&mut self, item: &Item) -> Result<Value, Error> {
        let container = self.evaluate(&item.container)?;
        if container.is_null() {
            return match item.safe {
                true => Ok(Value::Null),
                false => Err(Error::evaluation("data type mismatch (container is null)")),
            };
        }
        let index = self.evaluate(&item.item)?;
        match self.lookup(&container, &index)? {
            Some(value) => Ok(value),
            None if item.safe => Ok(Value::Null),
            None => Err(Error::lookup()),
        }
    }

    fn lookup(&mut self, container: &Value, index: &Value) -> Result<Option<Value>, Error> {
        match container {
            Value::Array(members) => {
                let at = position(whole(index)?, members.len());
                Ok(at.and_then(|at| members.get(at)).cloned())
            }
            Value::Bytes(bytes) => {
                let at = position(whole(index)?, bytes.len());
                let byte = at.and_then(|at| bytes.get(at));
                Ok(byte.map(|byte| Value::from(i64::from(*byte))))
            }
            Value::String(text) => {
                self.spend(text.len() / 16)?;
                let at = position(whole(index)?, length(text));
                let found = at.and_then(|at| text.chars().nth(at));
                Ok(found.map(|c| Value::from(c.to_string())))
            }
            Value::Mapping(members) => {
                self.walk(index)?;
                index.check_hashable()?;
                Ok(members.get(index).cloned())
            }
            other => Err(not_subscriptable(other)),
        }
    }

    pub(super) fn slice(&mut self, slice: &Slice) -> Result<Value, Error> {
        let container = self.evaluate(&slice.container)?;
        if container.is_null() {
            return match slice.safe {
                true => Ok(Value::Null),
                false => Err(Error::mismatch()),
            };
        }
        let start = self.bound(slice.start.as_ref())?;
        let stop = self.bound(slice.stop.as_ref())?;
        let range = |length: usize| {
            let start = start.map_or(0, |start| clamp(start, length));
            let stop = stop.map_or(length, |stop| clamp(stop, length));
            start..stop.max(start)
        };
        self.spend(container.size())?;
        Ok(match &container {
            Value::Array(members) => {
                let part = members.get(range(members.len())).unwrap_or_default();
                Value::Array(part.into())
            }
            Value::Bytes(bytes) => {
                let part = bytes.get(range(bytes.len())).unwrap_or_default();
                Value::Bytes(part.into())
            }
            Value::String(text) => {
                let range = range(length(text));
                let part = text.chars().skip(range.start).take(range.len());
                Value::from(part.collect::<String>())
            }
            other => return Err(not_subscriptable(other)),
        })
    }

    fn bound(&mut self, bound: Option<&Node>) -> Result<Option<i64>, Error> {
        let Some(node) = bound else {
            return Ok(None);
        };
        match self.evaluate(node)? {
            Value::Null => Ok(None),
            value => whole(&value).map(Some),
        }
    }
}

fn length(text: &str) -> usize {
    match text.is_ascii() {
        true => text.len(),
        false => text.chars().count(),
    }
}

fn whole(value: &Value) -> Result<i64, Error> {
    match value {
        Value::Number(number) if number.is_whole() => Ok(number.to_index()),
        _ => Err(not_integer()),
    }
}

/// Negative indices count from the end.
fn position(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let index = if index < 0 { index + length } else { index };
    usize::try_from(index).ok()
}

fn clamp(bound: i64, length: usize) -> usize {
    match position(bound, length) {
        Some(bound) => bound.min(length),
        None => 0,
    }
}

fn not_subscriptable(value: &Value) -> Error {
    let name = value.python_name();
    Error::leaked(
        Leak::TypeError,
        format!("'{name}' object is not subscriptable"),
    )
}
