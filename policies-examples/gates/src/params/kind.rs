//! What values of parameters have to be, and how they are read.

use super::Given;
use crate::bundle::Compat;
use crate::pattern::Expression;

/// What a value has to be.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// `true` or `false`, in any case.
    Flag,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A whole number.
    Integer,
    /// A number.
    Float,
    /// Items with commas between them.
    List,
    /// Whole numbers with commas between them.
    Numbers,
    /// A regular expression.
    Expression,
    /// A file's mode, octal.
    Mode,
    /// A number of bytes: `100mb`.
    Size,
    /// It depends on the other parameters, and so does whether it has to be given.
    Linked(fn(&Given<'_>) -> (Kind, bool)),
}

/// A value that was read.
#[derive(Debug)]
pub(super) enum Value {
    Text(String),
    Flag(bool),
    Number(u64),
    Float(f64),
    List(Vec<String>),
    Numbers(Vec<u64>),
    Expression(Expression),
}

impl Kind {
    /// Reads a value; the error says what it has to be.
    pub(super) fn read(self, text: &str, compat: Compat) -> Result<Value, String> {
        match self {
            // A linked kind is resolved before it is read.
            Kind::Text | Kind::Linked(_) => Ok(Value::Text(text.to_owned())),
            Kind::Flag => match text.to_ascii_lowercase().as_str() {
                "true" => Ok(Value::Flag(true)),
                "false" => Ok(Value::Flag(false)),
                _ => Err(format!("{text:?} is neither true nor false")),
            },
            Kind::OneOf(choices) => match choices.contains(&text) {
                true => Ok(Value::Text(text.to_owned())),
                false => Err(format!("{text:?} is none of {}", choices.join(", "))),
            },
            Kind::Integer => number(text.trim(), 10).map(Value::Number),
            Kind::Float => float(text.trim()).map(Value::Float),
            Kind::List => list(text).map(Value::List),
            Kind::Numbers => {
                let numbers = list(text)?
                    .iter()
                    .map(|item| number(item, 10))
                    .collect::<Result<_, _>>();
                numbers.map(Value::Numbers)
            }
            Kind::Expression => Expression::new(text).map(Value::Expression),
            Kind::Mode => {
                let digits = text.trim();
                let digits = digits.strip_prefix("0o").unwrap_or(digits);
                number(digits, 8).map(Value::Number)
            }
            Kind::Size if compat == Compat::Exact => size(text).map(Value::Number),
            Kind::Size => size(&text.trim().to_ascii_lowercase()).map(Value::Number),
        }
    }
}

fn number(text: &str, radix: u32) -> Result<u64, String> {
    let digits = !text.is_empty() && text.chars().all(|c| c.is_digit(radix));
    let read = digits
        .then(|| u64::from_str_radix(text, radix).ok())
        .flatten();
    let what = if radix == 8 {
        "an octal number"
    } else {
        "a whole number"
    };
    read.ok_or_else(|| format!("{text:?} is not {what}"))
}

fn float(text: &str) -> Result<f64, String> {
    let plain = |c: char| c.is_ascii_digit() || c == '.' || c == '-';
    let read = text.chars().all(plain).then(|| text.parse().ok()).flatten();
    read.ok_or_else(|| format!("{text:?} is not a number"))
}

fn list(text: &str) -> Result<Vec<String>, String> {
    let items: Vec<String> = text.split(',').map(|item| item.trim().to_owned()).collect();
    match items.iter().any(String::is_empty) {
        true => Err(format!(
            "{text:?} is not a list with commas between the items"
        )),
        false => Ok(items),
    }
}

/// `100`, `100kb`, `1gb`; by 1024.
fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 4] = [
        ("kb", 1 << 10),
        ("mb", 1 << 20),
        ("gb", 1 << 30),
        ("tb", 1 << 40),
    ];
    let unit = UNITS
        .iter()
        .find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)));
    let (digits, unit) = unit.unwrap_or((text, 1));
    let bytes = number(digits, 10)
        .ok()
        .and_then(|count| count.checked_mul(unit));
    bytes.ok_or_else(|| format!("{text:?} is not a size such as 100mb"))
}
