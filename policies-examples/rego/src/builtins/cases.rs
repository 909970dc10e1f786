//! `upper` and `lower` as Go has them: one character for each. The interpreter's make `SS` of `ß`.

use regorus::Value;

use super::{Builtin, text};

pub(super) const TABLE: &[Builtin] = &[
    Builtin {
        name: "upper",
        arguments: 1,
        call: |arguments| Ok(each(text(arguments, 0)?, upper)),
    },
    Builtin {
        name: "lower",
        arguments: 1,
        call: |arguments| Ok(each(text(arguments, 0)?, lower)),
    },
];

fn each(text: &str, change: fn(char) -> char) -> Value {
    text.chars().map(change).collect::<String>().into()
}

/// The simple mapping of Unicode: where the full one has more characters, there is none, but for Greek letters with a
/// iota below, which have capitals with one beside.
fn upper(c: char) -> char {
    let with_iota = match u32::from(c) {
        code @ (0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7) => Some(code + 8),
        code @ (0x1fb3 | 0x1fc3 | 0x1ff3) => Some(code + 9),
        _ => None,
    };
    match with_iota.and_then(char::from_u32) {
        Some(capital) => capital,
        None => single(c.to_uppercase()).unwrap_or(c),
    }
}

fn lower(c: char) -> char {
    match c {
        'İ' => 'i',
        c => single(c.to_lowercase()).unwrap_or(c),
    }
}

fn single(mut mapped: impl Iterator<Item = char>) -> Option<char> {
    let first = mapped.next();
    first.filter(|_| mapped.next().is_none())
}
