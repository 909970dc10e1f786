//! Alpine: `1.2.3b_rc4-r5`, as apk-tools compare it.

use std::cmp::Ordering;

use super::{digits, split};

/// A part of a version; those that come later here are older when the other version goes on with an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'a> {
    First(&'a str),
    Number(&'a str),
    Letter(char),
    Suffix(i32, &'a str),
    Revision(&'a str),
    End,
}

/// From before the release to after it.
const SUFFIXES: [(&str, i32); 9] = [
    ("alpha", -4),
    ("beta", -3),
    ("pre", -2),
    ("rc", -1),
    ("cvs", 1),
    ("svn", 2),
    ("git", 3),
    ("hg", 4),
    ("p", 5),
];

pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (Parts::of(left), Parts::of(right));
    loop {
        let (l, r) = (left.next(), right.next());
        let order = match (l, r) {
            (Part::End, Part::End) => return Ordering::Equal,
            (Part::First(l), Part::First(r)) => digits(l, r),
            (Part::Number(l), Part::Number(r)) => number(l, r),
            (Part::Letter(l), Part::Letter(r)) => l.cmp(&r),
            (Part::Suffix(l, l_number), Part::Suffix(r, r_number)) => {
                l.cmp(&r).then_with(|| digits(l_number, r_number))
            }
            (Part::Revision(l), Part::Revision(r)) => digits(l, r),
            (Part::Suffix(rank, _), _) if rank < 0 => Ordering::Less,
            (_, Part::Suffix(rank, _)) if rank < 0 => Ordering::Greater,
            // The one that goes on with the weightier part is the newer.
            (l, r) => r.cmp(&l),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// With a leading zero it is a fraction: `1.01` is older than `1.1`.
fn number(left: &str, right: &str) -> Ordering {
    if left.starts_with('0') || right.starts_with('0') {
        left.cmp(right)
    } else {
        digits(left, right)
    }
}

struct Parts<'a> {
    rest: &'a str,
    started: bool,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Parts<'a> {
        Parts {
            rest: text,
            started: false,
        }
    }

    fn next(&mut self) -> Part<'a> {
        let is_digit = |c: char| c.is_ascii_digit();
        if !self.started {
            self.started = true;
            let (first, rest) = split(self.rest, is_digit);
            self.rest = rest;
            return Part::First(first);
        }
        let mut rest = self.rest.chars();
        let (part, rest) = match rest.next() {
            Some('.') => {
                let (number, rest) = split(rest.as_str(), is_digit);
                (Part::Number(number), rest)
            }
            Some('_') => {
                let (word, rest) = split(rest.as_str(), |c| c.is_ascii_lowercase());
                let rank = SUFFIXES.iter().find(|(name, _)| *name == word);
                let (number, rest) = split(rest, is_digit);
                (
                    Part::Suffix(rank.map_or(0, |(_, rank)| *rank), number),
                    rest,
                )
            }
            Some('-') => {
                let (number, rest) = split(rest.as_str().trim_start_matches('r'), is_digit);
                (Part::Revision(number), rest)
            }
            Some(letter) if letter.is_ascii_lowercase() => (Part::Letter(letter), rest.as_str()),
            _ => (Part::End, ""),
        };
        self.rest = rest;
        part
    }
}
