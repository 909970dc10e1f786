//! The built-in scope, `$name`. To add a function: a row in `FUNCTIONS`, its body in a file here.

mod aggregate;
mod apply;
mod generate;
mod parse;

use crate::context::Context;
use crate::datatype::{DataType, Signature};
use crate::decimal::Decimal;
use crate::error::{Error, Leak};
use crate::evaluate::Evaluation;
use crate::time::Datetime;
use crate::value::{Function, Value};

/// A function of the built-in scope.
pub struct Builtin {
    pub(crate) name: &'static str,
    arguments: &'static [Argument],
    minimum: usize,
    returns: Argument,
    pub(crate) call: fn(&mut Evaluation<'_>, &[Value]) -> Result<Value, Error>,
}

impl std::fmt::Debug for Builtin {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "${}", self.name)
    }
}

/// The types that occur in signatures.
#[derive(Clone, Copy)]
enum Argument {
    Float,
    String,
    Boolean,
    Datetime,
    Timedelta,
    Function,
    Array,
    Floats,
    Strings,
}

impl Argument {
    fn datatype(self) -> DataType {
        match self {
            Argument::Float => DataType::Float,
            Argument::String => DataType::String,
            Argument::Boolean => DataType::Boolean,
            Argument::Datetime => DataType::Datetime,
            Argument::Timedelta => DataType::Timedelta,
            Argument::Function => DataType::Function(None),
            Argument::Array => DataType::array(),
            Argument::Floats => DataType::Float.into_array(),
            Argument::Strings => DataType::String.into_array(),
        }
    }
}

/// All names, in the order that decides between suggestions that are equally near.
const NAMES: [&str; 19] = [
    "e",
    "pi",
    "now",
    "today",
    "abs",
    "any",
    "all",
    "sum",
    "map",
    "max",
    "min",
    "filter",
    "parse_datetime",
    "parse_float",
    "parse_timedelta",
    "random",
    "range",
    "split",
    "re_groups",
];

static FUNCTIONS: [Builtin; 14] = {
    use Argument::*;
    [
        Builtin {
            name: "abs",
            arguments: &[Float],
            minimum: 1,
            returns: Float,
            call: aggregate::abs,
        },
        Builtin {
            name: "any",
            arguments: &[Array],
            minimum: 1,
            returns: Boolean,
            call: aggregate::any,
        },
        Builtin {
            name: "all",
            arguments: &[Array],
            minimum: 1,
            returns: Boolean,
            call: aggregate::all,
        },
        Builtin {
            name: "sum",
            arguments: &[Floats],
            minimum: 1,
            returns: Float,
            call: aggregate::sum,
        },
        Builtin {
            name: "map",
            arguments: &[Function, Array],
            minimum: 2,
            returns: Array,
            call: apply::map,
        },
        Builtin {
            name: "max",
            arguments: &[Floats],
            minimum: 1,
            returns: Float,
            call: aggregate::max,
        },
        Builtin {
            name: "min",
            arguments: &[Floats],
            minimum: 1,
            returns: Float,
            call: aggregate::min,
        },
        Builtin {
            name: "filter",
            arguments: &[Function, Array],
            minimum: 2,
            returns: Array,
            call: apply::filter,
        },
        Builtin {
            name: "parse_datetime",
            arguments: &[String],
            minimum: 1,
            returns: Datetime,
            call: parse::parse_datetime,
        },
        Builtin {
            name: "parse_float",
            arguments: &[String],
            minimum: 1,
            returns: Float,
            call: parse::parse_float,
        },
        Builtin {
            name: "parse_timedelta",
            arguments: &[String],
            minimum: 1,
            returns: Timedelta,
            call: parse::parse_timedelta,
        },
        Builtin {
            name: "random",
            arguments: &[Float],
            minimum: 0,
            returns: Float,
            call: generate::random,
        },
        Builtin {
            name: "range",
            arguments: &[Float, Float, Float],
            minimum: 1,
            returns: Floats,
            call: generate::range,
        },
        Builtin {
            name: "split",
            arguments: &[String, String, Float],
            minimum: 1,
            returns: Strings,
            call: parse::split,
        },
    ]
};

pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter()
}

fn function(name: &str) -> Option<&'static Builtin> {
    FUNCTIONS.iter().find(|builtin| builtin.name == name)
}

/// The type of a name; unknown for one that is not there.
pub(crate) fn datatype(name: &str) -> DataType {
    match name {
        "e" | "pi" => return DataType::Float,
        "now" | "today" => return DataType::Datetime,
        "re_groups" => return DataType::String.into_array(),
        _ => {}
    }
    let Some(builtin) = function(name) else {
        return DataType::Undefined;
    };
    DataType::function(Signature {
        name: builtin.name,
        returns: builtin.returns.datatype(),
        arguments: builtin
            .arguments
            .iter()
            .map(|argument| argument.datatype())
            .collect(),
        minimum: builtin.minimum,
    })
}

/// The value of a name, if there is one of that name.
pub(crate) fn value(name: &str, context: &Context, groups: &Value) -> Result<Option<Value>, Error> {
    Ok(Some(match name {
        "e" => Value::Number(Decimal::from(std::f64::consts::E)),
        "pi" => Value::Number(Decimal::from(std::f64::consts::PI)),
        "now" => Value::Datetime(now(context)?),
        "today" => Value::Datetime(now(context)?.midnight()),
        "re_groups" => groups.clone(),
        _ => match function(name) {
            Some(builtin) => Value::Function(Function::Builtin(builtin)),
            None => return Ok(None),
        },
    }))
}

fn now(context: &Context) -> Result<Datetime, Error> {
    Datetime::from_microseconds((context.now)(), context.default_timezone.clone())
        .ok_or_else(|| Error::leaked(Leak::OverflowError, "date value out of range"))
}

/// The wrong number or types of arguments, where Python itself notices them.
fn refused(what: &'static str) -> Error {
    Error::leaked(Leak::TypeError, what)
}
