//! What OPA had before 1.0 and rules of that time use, Gatekeeper's among them.

use std::collections::BTreeSet;

use regorus::Value;

use super::{Builtin, Fault, net, unexpected};

pub(super) const TABLE: &[Builtin] = &[
    Builtin {
        name: "all",
        arguments: 1,
        call: |arguments| Ok(members(arguments)?.iter().all(is_true).into()),
    },
    Builtin {
        name: "any",
        arguments: 1,
        call: |arguments| Ok(members(arguments)?.iter().any(is_true).into()),
    },
    Builtin {
        name: "set_diff",
        arguments: 2,
        call: |arguments| {
            let (left, right) = (set(arguments, 0)?, set(arguments, 1)?);
            Ok(left
                .difference(&right)
                .cloned()
                .collect::<BTreeSet<_>>()
                .into())
        },
    },
    Builtin {
        name: "cast_array",
        arguments: 1,
        call: |arguments| members(arguments).map(Value::from),
    },
    Builtin {
        name: "cast_set",
        arguments: 1,
        call: |arguments| {
            let members = members(arguments)?.into_iter();
            Ok(members.collect::<BTreeSet<_>>().into())
        },
    },
    Builtin {
        name: "cast_string",
        arguments: 1,
        call: |arguments| {
            same(arguments, "a string", |value| {
                matches!(value, Value::String(_))
            })
        },
    },
    Builtin {
        name: "cast_boolean",
        arguments: 1,
        call: |arguments| {
            same(arguments, "a boolean", |value| {
                matches!(value, Value::Bool(_))
            })
        },
    },
    Builtin {
        name: "cast_null",
        arguments: 1,
        call: |arguments| same(arguments, "null", |value| matches!(value, Value::Null)),
    },
    Builtin {
        name: "cast_object",
        arguments: 1,
        call: |arguments| {
            same(arguments, "an object", |value| {
                matches!(value, Value::Object(_))
            })
        },
    },
    Builtin {
        name: "net.cidr_overlap",
        arguments: 2,
        call: net::contains,
    },
];

fn members(arguments: &[Value]) -> Result<Vec<Value>, Fault> {
    match arguments.first() {
        Some(Value::Array(items)) => Ok(items.to_vec()),
        Some(Value::Set(items)) => Ok(items.iter().cloned().collect()),
        other => Err(unexpected("an array or a set", other)),
    }
}

fn set(arguments: &[Value], index: usize) -> Result<BTreeSet<Value>, Fault> {
    match arguments.get(index) {
        Some(Value::Set(items)) => Ok(items.iter().cloned().collect()),
        other => Err(unexpected("a set", other)),
    }
}

fn is_true(value: &Value) -> bool {
    *value == Value::Bool(true)
}

fn same(
    arguments: &[Value],
    expected: &str,
    fits: impl Fn(&Value) -> bool,
) -> Result<Value, Fault> {
    let value = arguments.first();
    let found = value.filter(|value| fits(value)).cloned();
    found.ok_or_else(|| unexpected(expected, value))
}
