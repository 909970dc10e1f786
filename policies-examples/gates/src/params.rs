//! Parameters of triggers: strings in the bundle, read once by what each is said to be.

mod kind;

use std::collections::BTreeMap;

use touchstone_sdk::Problem;

use crate::bundle::{Compat, RawParam};
use crate::pattern::Expression;

pub use self::kind::Kind;
use self::kind::Value;

/// A parameter that a trigger takes.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// In lower case.
    pub name: &'static str,
    /// What it may be called besides.
    pub aliases: &'static [&'static str],
    /// What its value has to be.
    pub kind: Kind,
    /// Whether it has to be given.
    pub required: bool,
}

/// The parameters of a rule as they are written, by their proper names.
pub type Given<'a> = BTreeMap<&'static str, &'a str>;

impl Param {
    /// One that may be left out.
    pub const fn optional(name: &'static str, kind: Kind) -> Param {
        Param {
            name,
            aliases: &[],
            kind,
            required: false,
        }
    }

    /// One that has to be given.
    pub const fn required(name: &'static str, kind: Kind) -> Param {
        Param {
            name,
            aliases: &[],
            kind,
            required: true,
        }
    }

    /// With other names.
    pub const fn or(self, aliases: &'static [&'static str]) -> Param {
        Param { aliases, ..self }
    }
}

/// The parameters of a rule.
#[derive(Debug, Default)]
pub struct Params {
    values: BTreeMap<&'static str, Value>,
    /// Why the rule cannot be evaluated, whatever is known of an image.
    broken: Option<String>,
}

impl Params {
    /// Text as it was written.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.values.get(name)? {
            Value::Text(text) => Some(text),
            Value::Expression(expression) => Some(expression.as_str()),
            _ => None,
        }
    }

    /// A flag; absent when it is not given.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.values.get(name)? {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// A whole number, a mode or a size.
    pub fn number(&self, name: &str) -> Option<u64> {
        match self.values.get(name)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// A number.
    pub fn float(&self, name: &str) -> Option<f64> {
        match self.values.get(name)? {
            Value::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// A list; empty when it is not given.
    pub fn list(&self, name: &str) -> &[String] {
        match self.values.get(name) {
            Some(Value::List(items)) => items,
            _ => &[],
        }
    }

    /// A list of numbers; empty when it is not given.
    pub fn numbers(&self, name: &str) -> &[u64] {
        match self.values.get(name) {
            Some(Value::Numbers(items)) => items,
            _ => &[],
        }
    }

    /// A regular expression.
    pub fn expression(&self, name: &str) -> Option<&Expression> {
        match self.values.get(name)? {
            Value::Expression(expression) => Some(expression),
            _ => None,
        }
    }

    /// Which parameter is a regular expression that cannot be read, and why not.
    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// Reads a rule's parameters, whose place is `path`; whatever is wrong with them goes to `problems`, but for regular
    /// expressions.
    pub fn read(
        raw: &[RawParam],
        known: &'static [Param],
        compat: Compat,
        (path, problems): (&str, &mut Vec<Problem>),
    ) -> Params {
        let given = given(raw, known, compat, (path, problems));
        let texts: Given<'_> = given
            .iter()
            .map(|(name, (_, text))| (*name, *text))
            .collect();
        let mut params = Params::default();
        for param in known {
            let (kind, required) = match param.kind {
                Kind::Linked(link) => link(&texts),
                kind => (kind, param.required),
            };
            // To leave it empty is to leave it out. For Anchore it then matches everything.
            let may_be_empty =
                matches!(kind, Kind::Expression) && !required && compat == Compat::Fixed;
            // Anchore lets a check that needs a value pass without one, and then finds nothing.
            let lenient = matches!(param.kind, Kind::Linked(_)) && compat == Compat::Exact;
            match given.get(param.name) {
                Some((_, "")) if may_be_empty => {}
                Some((index, text)) => match kind.read(text, compat) {
                    Ok(value) => {
                        params.values.insert(param.name, value);
                    }
                    // A bundle that Anchore took may have one: that is no reason to do without its other rules.
                    Err(why) if matches!(kind, Kind::Expression) => {
                        let why = format!("{} {text:?} cannot be read: {why}", param.name);
                        params.broken.get_or_insert(why);
                    }
                    Err(why) => {
                        let place = format!("{path}/{index}/value");
                        problem(problems, &place, &format!("{}: {why}", param.name));
                    }
                },
                None if required && !lenient => {
                    problem(
                        problems,
                        path,
                        &format!("parameter {} is missing", param.name),
                    );
                }
                None => {}
            }
        }
        params
    }
}

/// The parameters by their proper names, each with its place and its text.
fn given<'a>(
    raw: &'a [RawParam],
    known: &'static [Param],
    compat: Compat,
    (path, problems): (&str, &mut Vec<Problem>),
) -> BTreeMap<&'static str, (usize, &'a str)> {
    let mut given = BTreeMap::new();
    for (index, param) in raw.iter().enumerate() {
        let place = format!("{path}/{index}/name");
        let Some(name) = &param.name else {
            problem(problems, &place, "a parameter needs a name");
            continue;
        };
        let Some(known) = find(known, name) else {
            problem(problems, &place, &unknown(known, name));
            continue;
        };
        let Some(value) = &param.value else { continue };
        let before = given.insert(known.name, (index, value.as_str()));
        // Anchore takes the last one.
        if before.is_some() && compat == Compat::Fixed {
            problem(problems, &place, &format!("{name} is given twice"));
        }
    }
    given
}

fn find(known: &'static [Param], name: &str) -> Option<&'static Param> {
    let name = name.to_lowercase();
    let is_named = |param: &&Param| param.name == name || param.aliases.contains(&name.as_str());
    known.iter().find(is_named)
}

fn unknown(known: &[Param], name: &str) -> String {
    let names: Vec<&str> = known.iter().map(|param| param.name).collect();
    match names.is_empty() {
        true => format!("unknown parameter {name:?}; this trigger takes none"),
        false => format!("unknown parameter {name:?}; known are {}", names.join(", ")),
    }
}

fn problem(problems: &mut Vec<Problem>, path: &str, message: &str) {
    problems.push(Problem {
        path: path.to_owned(),
        message: message.to_owned(),
    });
}

#[cfg(test)]
mod tests;
