//! `regex.*`, by patterns of RE2. The interpreter has these functions, too, with patterns of Rust.

use regex::Regex;
use regorus::Value;

use super::{Builtin, Fault, integer, pattern, text, unexpected};

pub(super) const TABLE: &[Builtin] = &[
    row("regex.match", 2, |arguments| {
        Ok(compiled(arguments, 0)?.is_match(text(arguments, 1)?).into())
    }),
    row("re_match", 2, |arguments| {
        Ok(compiled(arguments, 0)?.is_match(text(arguments, 1)?).into())
    }),
    row("regex.is_valid", 1, |arguments| {
        match text(arguments, 0).and_then(pattern::compile) {
            Ok(_) => Ok(true.into()),
            Err(Fault::Arguments(_)) => Ok(false.into()),
            Err(fault) => Err(fault),
        }
    }),
    row("regex.replace", 3, |arguments| {
        let (whole, by) = (text(arguments, 0)?, text(arguments, 2)?);
        let replaced = compiled(arguments, 1)?.replace_all(whole, by);
        Ok(replaced.as_ref().into())
    }),
    row("regex.split", 2, |arguments| {
        let parts = split(&compiled(arguments, 0)?, text(arguments, 1)?);
        Ok(array(parts.into_iter().map(Value::from)))
    }),
    row("regex.find_n", 3, |arguments| {
        let (regex, most) = (compiled(arguments, 0)?, most(arguments)?);
        let found = regex.find_iter(text(arguments, 1)?).take(most);
        Ok(array(found.map(|found| found.as_str().into())))
    }),
    row("regex.find_all_string_submatch_n", 3, |arguments| {
        let (regex, most) = (compiled(arguments, 0)?, most(arguments)?);
        let found = regex.captures_iter(text(arguments, 1)?).take(most);
        Ok(array(found.map(|groups| {
            let groups = groups.iter();
            array(groups.map(|group| group.map_or("", |group| group.as_str()).into()))
        })))
    }),
    row("regex.template_match", 4, |arguments| {
        let whole = template(
            text(arguments, 0)?,
            delimiter(arguments, 2)?,
            delimiter(arguments, 3)?,
        )?;
        Ok(pattern::compile(&whole)?
            .is_match(text(arguments, 1)?)
            .into())
    }),
];

const fn row(
    name: &'static str,
    arguments: u8,
    call: fn(&[Value]) -> Result<Value, Fault>,
) -> Builtin {
    Builtin {
        name,
        arguments,
        call,
    }
}

fn array(items: impl Iterator<Item = Value>) -> Value {
    items.collect::<Vec<_>>().into()
}

fn compiled(arguments: &[Value], index: usize) -> Result<Regex, Fault> {
    pattern::compile(text(arguments, index)?)
}

/// All, when the number is below zero.
fn most(arguments: &[Value]) -> Result<usize, Fault> {
    Ok(usize::try_from(integer(arguments, 2)?).unwrap_or(usize::MAX))
}

/// As Go's `Split` does it: what matches nothing at an end of the text makes no part.
fn split<'a>(regex: &Regex, whole: &'a str) -> Vec<&'a str> {
    if whole.is_empty() {
        return vec![whole];
    }
    let (mut parts, mut start, mut end) = (Vec::new(), 0, 0);
    for found in regex.find_iter(whole) {
        end = found.start();
        if found.end() != 0 {
            parts.push(whole.get(start..end).unwrap_or_default());
        }
        start = found.end();
    }
    if end != whole.len() {
        parts.push(whole.get(start..).unwrap_or_default());
    }
    parts
}

fn delimiter(arguments: &[Value], index: usize) -> Result<char, Fault> {
    let mut characters = text(arguments, index)?.chars();
    match (characters.next(), characters.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(unexpected("one character", arguments.get(index))),
    }
}

/// A text in which patterns stand between two characters, as a pattern for the whole.
fn template(text: &str, open: char, close: char) -> Result<String, Fault> {
    let unbalanced = || Fault::Arguments(format!("{text:?}: {open} and {close} are not in pairs"));
    let (mut whole, mut literal, mut inner) =
        ("^".to_owned(), String::new(), None::<(usize, String)>);
    for c in text.chars() {
        match &mut inner {
            None if c == open => {
                whole.push_str(&regex::escape(&std::mem::take(&mut literal)));
                inner = Some((1, String::new()));
            }
            None if c == close => return Err(unbalanced()),
            None => literal.push(c),
            Some((depth, pattern)) => {
                *depth = match c {
                    c if c == open => *depth + 1,
                    c if c == close => *depth - 1,
                    _ => *depth,
                };
                if *depth == 0 {
                    whole.push_str(&format!("({pattern})"));
                    inner = None;
                } else {
                    pattern.push(c);
                }
            }
        }
    }
    if inner.is_some() {
        return Err(unbalanced());
    }
    whole.push_str(&regex::escape(&literal));
    whole.push('$');
    Ok(whole)
}

/// Compiles a pattern that stands in a rule, so that no decision has to.
pub fn prepare(pattern: &str) {
    // What is none is told when it is used.
    drop(pattern::compile(pattern));
}
