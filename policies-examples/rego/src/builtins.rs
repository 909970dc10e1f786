//! Built-in functions besides those of the interpreter. To add one: a function in a file of `builtins/`, its row in that
//! file's table.

mod cases;
mod crypto;
mod former;
mod glob;
#[cfg(feature = "http")]
mod http;
mod jwt;
mod layout;
mod net;
mod pattern;
mod regex;
mod sprintf;
mod time;
mod touchstone;

use anyhow::anyhow;
use regorus::unstable::BUILTINS;
use regorus::{Engine, Value};

pub use self::regex::prepare as prepare_pattern;
pub use self::touchstone::set_event;

/// A built-in function.
pub struct Builtin {
    /// As Rego calls it.
    pub name: &'static str,
    /// How many it takes.
    pub arguments: u8,
    call: fn(&[Value]) -> Result<Value, Fault>,
}

/// Why a function has no result.
pub enum Fault {
    /// It cannot make anything of its arguments: undefined, unless functions are strict.
    Arguments(String),
    /// The host did not answer. Never taken for "undefined", which may mean that all is well.
    Host(String),
}

impl From<touchstone_sdk::Undecided> for Fault {
    fn from(undecided: touchstone_sdk::Undecided) -> Fault {
        Fault::Host(undecided.reason().to_owned())
    }
}

const TABLES: &[&[Builtin]] = &[
    cases::TABLE,
    crypto::TABLE,
    former::TABLE,
    glob::TABLE,
    #[cfg(feature = "http")]
    http::TABLE,
    jwt::TABLE,
    net::TABLE,
    regex::TABLE,
    sprintf::TABLE,
    time::TABLE,
    touchstone::TABLE,
];

/// What OPA has and this module has not, for a reason.
const REFUSED: &[(&str, &str)] = &[
    #[cfg(not(feature = "http"))]
    (
        "http.send",
        "this module asks nobody; take rego_http.wasm, and grant it http",
    ),
    (
        "rand.intn",
        "a decision can be repeated, so nothing is random",
    ),
    (
        "uuid.rfc4122",
        "a decision can be repeated, so nothing is random",
    ),
    ("opa.runtime", "policies know nothing of the machine"),
    ("net.lookup_ip_addr", "policies ask no name servers"),
    (
        "rego.parse_module",
        "the module holds no compiler for others",
    ),
];

/// OPA's namespaces. What this module has not of them would make it much larger, or is little used.
const NAMESPACES: &[&str] = &[
    "crypto",
    "glob",
    "graph",
    "graphql",
    "io",
    "json",
    "net",
    "numbers",
    "object",
    "providers",
    "regex",
    "rego",
    "semver",
    "strings",
    "time",
    "units",
    "urlquery",
    "uuid",
    "yaml",
];

/// The function of that name, if it is one of these.
pub fn added(name: &str) -> Option<&'static Builtin> {
    let mut all = TABLES.iter().copied().flatten();
    all.find(|builtin| builtin.name == name)
}

/// How many arguments the built-in function of that name takes, if there is one.
pub fn arguments(name: &str) -> Option<usize> {
    if refused(name).is_some() {
        return None;
    }
    let own = added(name).map(|builtin| builtin.arguments);
    let own = own.or_else(|| BUILTINS.get(name).map(|(_, count)| *count));
    own.map(usize::from)
}

/// Why there is no built-in function of that name, where OPA has one.
pub fn refused(name: &str) -> Option<&'static str> {
    if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        return Some(why);
    }
    let namespace = name.split('.').next().unwrap_or_default();
    let is_there = added(name).is_some() || BUILTINS.contains_key(name);
    let is_left_out = !is_there && name.contains('.') && NAMESPACES.contains(&namespace);
    is_left_out.then_some("this module leaves it out")
}

/// Whether the interpreter knows a function by itself: only of such ones the result can go into one more argument.
pub fn is_known_to_interpreter(name: &str) -> bool {
    BUILTINS.contains_key(name)
}

/// Makes the functions known to the interpreter.
pub fn add(engine: &mut Engine, strict: bool) -> anyhow::Result<()> {
    for builtin in TABLES.iter().copied().flatten() {
        let call = move |arguments: Vec<Value>| match (builtin.call)(&arguments) {
            Ok(value) => Ok(value),
            Err(Fault::Arguments(_)) if !strict => Ok(Value::Undefined),
            Err(Fault::Arguments(why) | Fault::Host(why)) => {
                Err(anyhow!("{}: {why}", builtin.name))
            }
        };
        engine.add_extension(builtin.name.to_owned(), builtin.arguments, Box::new(call))?;
    }
    Ok(())
}

/// An argument that has to be a text.
fn text(arguments: &[Value], index: usize) -> Result<&str, Fault> {
    match arguments.get(index) {
        Some(Value::String(text)) => Ok(text),
        other => Err(unexpected("a string", other)),
    }
}

/// An argument that has to be a whole number.
fn integer(arguments: &[Value], index: usize) -> Result<i64, Fault> {
    let value = arguments.get(index);
    let number = value.and_then(|value| value.as_i64().ok());
    number.ok_or_else(|| unexpected("a whole number", value))
}

fn unexpected(expected: &str, found: Option<&Value>) -> Fault {
    let found = found.map_or_else(|| "nothing".to_owned(), Value::to_string);
    Fault::Arguments(format!("expected {expected}, found {found}"))
}

/// A document as a value.
fn value(json: serde_json::Value) -> Result<Value, Fault> {
    serde_json::from_value(json).map_err(|error| Fault::Arguments(error.to_string()))
}

/// A value as a document.
fn json(value: &Value) -> Result<serde_json::Value, Fault> {
    serde_json::to_value(value).map_err(|error| Fault::Arguments(error.to_string()))
}
