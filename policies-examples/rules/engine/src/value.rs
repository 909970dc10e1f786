//! Values of the language. They are cheap to clone: what can be large is shared.

mod equality;
mod json;
mod mapping;
mod set;

use std::sync::Arc;

pub use mapping::Mapping;
pub use set::Set;

use crate::attributes::Bound;
use crate::builtins::Builtin;
use crate::decimal::Decimal;
use crate::error::{Error, Leak};
use crate::time::{Datetime, Timedelta};

/// A value. Equality is that of members of Python's collections: `1`, `1.0` and `true` are equal.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number: the language has one kind.
    Number(Decimal),
    /// Text
    String(Arc<str>),
    /// `b"…"`
    Bytes(Arc<[u8]>),
    /// `d"…"`, with its time zone
    Datetime(Datetime),
    /// `t"…"`
    Timedelta(Timedelta),
    /// `[…]`
    Array(Arc<[Value]>),
    /// `{…}`, in the order of insertion
    Set(Arc<Set>),
    /// `{…: …}`, in the order of insertion
    Mapping(Arc<Mapping>),
    /// `$abs`, `"text".starts_with`
    Function(Function),
}

/// What can be called.
#[derive(Clone, Debug)]
pub enum Function {
    /// A function of the built-in scope.
    Builtin(&'static Builtin),
    /// An attribute that is a function, with the value it belongs to.
    Bound(Arc<Bound>),
}

impl Value {
    /// Whether it counts as true. `nan` and every point in time do.
    pub fn is_true(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Boolean(boolean) => *boolean,
            Value::Number(number) => !number.is_zero(),
            Value::String(text) => !text.is_empty(),
            Value::Bytes(bytes) => !bytes.is_empty(),
            Value::Datetime(_) | Value::Function(_) => true,
            Value::Timedelta(delta) => !delta.is_zero(),
            Value::Array(members) => !members.is_empty(),
            Value::Set(members) => !members.is_empty(),
            Value::Mapping(members) => !members.is_empty(),
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn array(members: Vec<Value>) -> Value {
        Value::Array(members.into())
    }

    /// How much there is of it, to charge for walking through it.
    pub(crate) fn size(&self) -> usize {
        match self {
            Value::String(text) => text.len() / 16,
            Value::Bytes(bytes) => bytes.len() / 16,
            Value::Array(members) => members.len(),
            Value::Set(members) => members.len(),
            Value::Mapping(members) => members.len(),
            Value::Number(number) => number.weight(),
            _ => 0,
        }
    }

    /// The name of the Python class, as Python's own messages have it.
    pub(crate) fn python_name(&self) -> &'static str {
        match self {
            Value::Null => "NoneType",
            Value::Boolean(_) => "bool",
            Value::Number(_) => "decimal.Decimal",
            Value::String(_) => "str",
            Value::Bytes(_) => "bytes",
            Value::Datetime(_) => "datetime.datetime",
            Value::Timedelta(_) => "datetime.timedelta",
            Value::Array(_) => "tuple",
            Value::Set(_) => "set",
            Value::Mapping(_) => "collections.OrderedDict",
            Value::Function(_) => "function",
        }
    }

    /// Refuses what cannot be a member of a set or the key of a mapping.
    pub(crate) fn check_hashable(&self) -> Result<(), Error> {
        match self {
            Value::Set(_) | Value::Mapping(_) => Err(Error::leaked(
                Leak::TypeError,
                format!("unhashable type: '{}'", self.python_name()),
            )),
            Value::Array(members) => members.iter().try_for_each(Value::check_hashable),
            _ => Ok(()),
        }
    }
}

impl From<bool> for Value {
    fn from(boolean: bool) -> Value {
        Value::Boolean(boolean)
    }
}

impl From<Decimal> for Value {
    fn from(number: Decimal) -> Value {
        Value::Number(number)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Number(number.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Number(number.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::String(text.into())
    }
}

impl From<Vec<Value>> for Value {
    fn from(members: Vec<Value>) -> Value {
        Value::array(members)
    }
}
