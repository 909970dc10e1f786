//! Static types: what is known of an expression before it is evaluated. They decide which mistakes are found at once.

use std::sync::Arc;

use crate::value::Value;

/// A type. Collections know the type of their members if all have the same.
#[derive(Clone, Debug)]
pub enum DataType {
    /// Not known
    Undefined,
    /// `null`
    Null,
    /// `true`, `false`
    Boolean,
    /// `b"…"`
    Bytes,
    /// `d"…"`
    Datetime,
    /// Numbers
    Float,
    /// Text
    String,
    /// `t"…"`
    Timedelta,
    /// A function, perhaps with a known signature
    Function(Option<Arc<Signature>>),
    /// An array and the type of its members
    Array(Arc<DataType>),
    /// A set and the type of its members
    Set(Arc<DataType>),
    /// A mapping and the types of its keys and values
    Mapping(Arc<DataType>, Arc<DataType>),
    /// The type, or null
    Nullable(Arc<DataType>),
}

/// What a function takes and gives.
#[derive(Clone, Debug)]
pub struct Signature {
    /// Its name, for messages.
    pub name: &'static str,
    /// What it gives.
    pub returns: DataType,
    /// What it takes, in order.
    pub arguments: Vec<DataType>,
    /// How many of the arguments must be there.
    pub minimum: usize,
}

impl DataType {
    /// An array of anything.
    pub fn array() -> DataType {
        DataType::Undefined.into_array()
    }

    /// An array of this.
    pub fn into_array(self) -> DataType {
        DataType::Array(Arc::new(self))
    }

    /// A set of this.
    pub fn into_set(self) -> DataType {
        DataType::Set(Arc::new(self))
    }

    /// A mapping from this to another.
    pub fn into_mapping(self, values: DataType) -> DataType {
        DataType::Mapping(Arc::new(self), Arc::new(values))
    }

    /// This or null; what is null, nullable or unknown stays.
    pub fn into_nullable(self) -> DataType {
        match self {
            DataType::Nullable(_) | DataType::Null | DataType::Undefined => self,
            other => DataType::Nullable(Arc::new(other)),
        }
    }

    /// Without the null.
    pub(crate) fn unwrapped(&self) -> &DataType {
        match self {
            DataType::Nullable(inner) => inner,
            other => other,
        }
    }

    pub(crate) fn function(signature: Signature) -> DataType {
        DataType::Function(Some(Arc::new(signature)))
    }

    /// The name that messages use.
    pub fn name(&self) -> &'static str {
        match self {
            DataType::Undefined => "UNDEFINED",
            DataType::Null => "NULL",
            DataType::Boolean => "BOOLEAN",
            DataType::Bytes => "BYTES",
            DataType::Datetime => "DATETIME",
            DataType::Float => "FLOAT",
            DataType::String => "STRING",
            DataType::Timedelta => "TIMEDELTA",
            DataType::Function(_) => "FUNCTION",
            DataType::Array(_) => "ARRAY",
            DataType::Set(_) => "SET",
            DataType::Mapping(..) => "MAPPING",
            DataType::Nullable(_) => "NULLABLE",
        }
    }

    pub(crate) fn is_undefined(&self) -> bool {
        matches!(self, DataType::Undefined)
    }

    pub(crate) fn is_nullable(&self) -> bool {
        matches!(self, DataType::Nullable(_))
    }

    /// Whether it has no parts.
    pub(crate) fn is_scalar(&self) -> bool {
        !matches!(
            self,
            DataType::Array(_) | DataType::Set(_) | DataType::Mapping(..) | DataType::Nullable(_)
        )
    }

    /// What a comprehension over it walks through.
    pub(crate) fn iterated(&self) -> Option<&DataType> {
        match self {
            DataType::Array(member) | DataType::Set(member) => Some(member),
            DataType::Mapping(key, _) => Some(key),
            _ => None,
        }
    }

    /// The type of the values in it.
    pub(crate) fn contained(&self) -> Option<&DataType> {
        match self {
            DataType::Array(member) | DataType::Set(member) => Some(member),
            DataType::Mapping(_, value) => Some(value),
            _ => None,
        }
    }

    /// Whether a value of one could be one of the other, as far as is known.
    pub fn is_compatible(&self, other: &DataType) -> bool {
        use DataType::{Array, Function, Mapping, Null, Nullable, Set, Undefined};
        match (self, other) {
            (Undefined, _) | (_, Undefined) => true,
            (Nullable(_), Null) | (Null, Nullable(_)) => true,
            (Nullable(_), _) | (_, Nullable(_)) => {
                self.unwrapped().is_compatible(other.unwrapped())
            }
            (Function(Some(left)), Function(Some(right))) => {
                left.returns.is_compatible(&right.returns)
                    && left.minimum == right.minimum
                    && left.arguments.len() == right.arguments.len()
                    && std::iter::zip(&left.arguments, &right.arguments)
                        .all(|(left, right)| left.is_compatible(right))
            }
            (Function(_), Function(_)) => true,
            (Array(left), Array(right)) | (Set(left), Set(right)) => left.is_compatible(right),
            (Mapping(left_key, left), Mapping(right_key, right)) => {
                left_key.is_compatible(right_key) && left.is_compatible(right)
            }
            _ => self == other,
        }
    }

    /// The type of a value.
    pub fn of(value: &Value) -> DataType {
        match value {
            Value::Null => DataType::Null,
            Value::Boolean(_) => DataType::Boolean,
            Value::Number(_) => DataType::Float,
            Value::String(_) => DataType::String,
            Value::Bytes(_) => DataType::Bytes,
            Value::Datetime(_) => DataType::Datetime,
            Value::Timedelta(_) => DataType::Timedelta,
            Value::Function(_) => DataType::Function(None),
            Value::Array(members) => DataType::of_members(members.iter()).into_array(),
            Value::Set(members) => DataType::of_members(members.iter()).into_set(),
            Value::Mapping(members) => {
                let keys = DataType::of_members(members.keys());
                keys.into_mapping(DataType::of_members(members.values()))
            }
        }
    }

    fn of_members<'a>(members: impl Iterator<Item = &'a Value>) -> DataType {
        DataType::common(members.map(DataType::of))
    }

    /// The type that all have, not counting nulls; unknown if there is none or more than one.
    pub(crate) fn common(types: impl Iterator<Item = DataType>) -> DataType {
        let mut common: Option<DataType> = None;
        for next in types {
            match &common {
                _ if matches!(next, DataType::Null) => {}
                None => common = Some(next),
                Some(known) if *known == next => {}
                Some(_) => return DataType::Undefined,
            }
        }
        common.unwrap_or(DataType::Undefined)
    }
}

impl PartialEq for DataType {
    fn eq(&self, other: &DataType) -> bool {
        use DataType::{Array, Function, Mapping, Nullable, Set};
        match (self, other) {
            (Function(Some(left)), Function(Some(right))) => {
                left.returns == right.returns
                    && left.arguments == right.arguments
                    && left.minimum == right.minimum
            }
            (Function(left), Function(right)) => left.is_none() && right.is_none(),
            (Array(left), Array(right))
            | (Set(left), Set(right))
            | (Nullable(left), Nullable(right)) => left == right,
            (Mapping(left_key, left), Mapping(right_key, right)) => {
                left_key == right_key && left == right
            }
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}
