//! Which functions expressions may call. Those of the language and of its extensions for strings and lists are the
//! crate's; what Kubernetes adds is here.

pub mod lists;
pub mod quantity;
pub mod regex;
pub mod sets;

use interpreter::common::value::{FromVal, Val};
use interpreter::{DeclarationError, Env, ExecutionError, extensions};

/// A function, and how many arguments it takes: called alone, and on a value.
pub struct Function {
    /// As it is called, with its namespace.
    pub name: &'static str,
    alone: &'static [usize],
    on_value: &'static [usize],
}

impl Function {
    /// Whether it can be called so; or why not.
    pub fn takes(&self, on_value: bool, count: usize) -> Result<(), String> {
        let name = self.name;
        let (counts, form) = match on_value {
            true => (self.on_value, "on a value"),
            false => (self.alone, "alone"),
        };
        if counts.contains(&count) {
            return Ok(());
        }
        let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
        Err(match counts.is_empty() {
            true => format!("{name:?} cannot be called {form}"),
            false => format!(
                "{name:?} takes {} arguments, not {count}",
                counts.join(" or ")
            ),
        })
    }
}

/// The function of a name.
pub fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

const fn alone(name: &'static str, alone: &'static [usize]) -> Function {
    Function {
        name,
        alone,
        on_value: &[],
    }
}

const fn on_value(name: &'static str, on_value: &'static [usize]) -> Function {
    Function {
        name,
        alone: &[],
        on_value,
    }
}

const fn both(name: &'static str, alone: &'static [usize], on_value: &'static [usize]) -> Function {
    Function {
        name,
        alone,
        on_value,
    }
}

/// Types that expressions may name.
pub const TYPES: &[&str] = &[
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
];

/// To add one: its row here, what it does in [`environment`], and its name in README.md.
#[rustfmt::skip]
pub const FUNCTIONS: &[Function] = &[
    // the language
    alone("bool", &[1]),
    alone("bytes", &[1]),
    alone("double", &[1]),
    alone("dyn", &[1]),
    alone("int", &[1]),
    alone("string", &[1]),
    alone("type", &[1]),
    alone("uint", &[1]),
    both("size", &[1], &[0]),
    on_value("contains", &[1]),
    on_value("endsWith", &[1]),
    on_value("startsWith", &[1]),
    // optional values
    alone("optional.of", &[1]),
    alone("optional.ofNonZeroValue", &[1]),
    alone("optional.none", &[0]),
    on_value("hasValue", &[0]),
    on_value("or", &[1]),
    on_value("orValue", &[1]),
    on_value("value", &[0]),
    // strings; some of them for lists, too
    on_value("charAt", &[1]),
    on_value("format", &[1]),
    on_value("indexOf", &[1, 2]),
    on_value("join", &[0, 1]),
    on_value("lastIndexOf", &[1, 2]),
    on_value("lowerAscii", &[0]),
    on_value("replace", &[2, 3]),
    on_value("reverse", &[0]),
    on_value("split", &[1, 2]),
    on_value("substring", &[1, 2]),
    on_value("trim", &[0]),
    on_value("upperAscii", &[0]),
    alone("strings.quote", &[1]),
    // lists
    on_value("distinct", &[0]),
    on_value("flatten", &[0, 1]),
    on_value("isSorted", &[0]),
    on_value("max", &[0]),
    on_value("min", &[0]),
    on_value("slice", &[2]),
    on_value("sort", &[0]),
    on_value("sum", &[0]),
    alone("lists.range", &[1]),
    alone("sets.contains", &[2]),
    alone("sets.equivalent", &[2]),
    alone("sets.intersects", &[2]),
    // patterns
    both("matches", &[2], &[1]),
    on_value("find", &[1]),
    on_value("findAll", &[1, 2]),
    // quantities
    alone("isQuantity", &[1]),
    alone("quantity", &[1]),
    on_value("add", &[1]),
    on_value("asApproximateFloat", &[0]),
    on_value("asInteger", &[0]),
    on_value("compareTo", &[1]),
    on_value("isGreaterThan", &[1]),
    on_value("isInteger", &[0]),
    on_value("isLessThan", &[1]),
    on_value("sign", &[0]),
    on_value("sub", &[1]),
    // evidence
    on_value("packages", &[0, 1]),
    on_value("vulnerabilities", &[0, 1]),
];

/// What they do.
pub fn environment() -> Result<Env, DeclarationError> {
    let mut env = Env::stdlib();
    for extension in [
        extensions::strings,
        extensions::lists,
        lists::extension,
        sets::extension,
        regex::extension,
        quantity::extension,
        crate::evidence::extension,
    ] {
        env.add_extension(extension)?;
    }
    Ok(env)
}

/// An argument as what the overload was declared for.
fn argument<'b, 'v, T: FromVal<'b, 'v>>(
    function: &str,
    value: Option<&'b (dyn Val + 'v)>,
) -> Result<&'b T, ExecutionError> {
    value
        .and_then(|value| value.downcast_ref::<T>())
        .ok_or_else(|| ExecutionError::function_error(function, "an argument of another type"))
}
