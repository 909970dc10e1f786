//! `glob.*`: patterns with separators, as OPA's library gobwas/glob reads them. The one of the interpreter would make the
//! module larger by a third.

use regorus::Value;

use super::{Builtin, Fault, text, unexpected};

pub(super) const TABLE: &[Builtin] = &[
    Builtin {
        name: "glob.match",
        arguments: 3,
        call: |arguments| {
            let pattern: Vec<char> = text(arguments, 0)?.chars().collect();
            let text: Vec<char> = text(arguments, 2)?.chars().collect();
            let separators = separators(arguments.get(1))?;
            let matched = matches(&pattern, &text, &separators);
            matched.map(Value::from).ok_or_else(|| {
                Fault::Arguments("a bracket or a brace of the pattern is not closed".to_owned())
            })
        },
    },
    Builtin {
        name: "glob.quote_meta",
        arguments: 1,
        call: |arguments| {
            let special = |c: char| ['*', '?', '\\', '[', ']', '{', '}'].contains(&c);
            let quoted = text(arguments, 0)?.chars().flat_map(|c| {
                let escape = special(c).then_some('\\');
                escape.into_iter().chain([c])
            });
            Ok(quoted.collect::<String>().into())
        },
    },
];

/// A dot, when the list is empty; none for null.
fn separators(argument: Option<&Value>) -> Result<Vec<char>, Fault> {
    let wrong = || unexpected("an array of characters, or null", argument);
    match argument {
        Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) if items.is_empty() => Ok(vec!['.']),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| match item {
                Value::String(text) if text.chars().count() == 1 => {
                    text.chars().next().ok_or_else(wrong)
                }
                _ => Err(wrong()),
            })
            .collect(),
        _ => Err(wrong()),
    }
}

/// Nothing, when the pattern is none. Patterns with many stars take long; the decision's time is limited.
fn matches(pattern: &[char], text: &[char], separators: &[char]) -> Option<bool> {
    let is_separator = |c: &char| separators.contains(c);
    match pattern {
        [] => Some(text.is_empty()),
        ['*', '*', rest @ ..] => any_tail(text, text.len(), |tail| matches(rest, tail, separators)),
        ['*', rest @ ..] => {
            let most = text.iter().position(is_separator).unwrap_or(text.len());
            any_tail(text, most, |tail| matches(rest, tail, separators))
        }
        ['?', rest @ ..] => match text {
            [first, tail @ ..] if !is_separator(first) => matches(rest, tail, separators),
            _ => Some(false),
        },
        ['[', rest @ ..] => {
            let end = rest.iter().position(|c| *c == ']')?;
            let (class, rest) = (rest.get(..end)?, rest.get(end + 1..)?);
            match text {
                [first, tail @ ..] if in_class(class, *first) => matches(rest, tail, separators),
                _ => Some(false),
            }
        }
        ['{', rest @ ..] => {
            let (choices, rest) = choices(rest)?;
            for choice in choices {
                let whole = [choice, rest].concat();
                if matches(&whole, text, separators)? {
                    return Some(true);
                }
            }
            Some(false)
        }
        ['\\', literal, rest @ ..] | [literal, rest @ ..] => match text {
            [first, tail @ ..] if first == literal => matches(rest, tail, separators),
            _ => Some(false),
        },
    }
}

fn any_tail(text: &[char], most: usize, fits: impl Fn(&[char]) -> Option<bool>) -> Option<bool> {
    for skipped in 0..=most {
        if fits(text.get(skipped..)?)? {
            return Some(true);
        }
    }
    Some(false)
}

/// `abc`, `a-z`, `!a-z`.
fn in_class(class: &[char], c: char) -> bool {
    let (negated, class) = match class {
        ['!', class @ ..] => (true, class),
        class => (false, class),
    };
    let is_in = match class {
        [low, '-', high] => (*low..=*high).contains(&c),
        list => list.contains(&c),
    };
    is_in != negated
}

/// What stands between the braces, and what follows.
fn choices(pattern: &[char]) -> Option<(Vec<&[char]>, &[char])> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (index, c) in pattern.iter().enumerate() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.push(pattern.get(start..index)?);
                return Some((found, pattern.get(index + 1..)?));
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(pattern.get(start..index)?);
                start = index + 1;
            }
            _ => {}
        }
    }
    None
}
