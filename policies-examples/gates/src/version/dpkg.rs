//! Debian: deb-version(7).

use std::cmp::Ordering;

use super::{digits, epoch, split};

pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (epoch(left), epoch(right));
    let revision = |text: &'_ str| -> (String, String) {
        let (upstream, revision) = text.rsplit_once('-').unwrap_or((text, ""));
        (upstream.to_owned(), revision.to_owned())
    };
    let (left_parts, right_parts) = (revision(left.1), revision(right.1));
    digits(left.0, right.0)
        .then_with(|| part(&left_parts.0, &right_parts.0))
        .then_with(|| part(&left_parts.1, &right_parts.1))
}

/// Text and number take turns.
fn part(mut left: &str, mut right: &str) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        let (left_text, left_rest) = split(left, |c| !c.is_ascii_digit());
        let (right_text, right_rest) = split(right, |c| !c.is_ascii_digit());
        let (left_number, left_rest) = split(left_rest, |c| c.is_ascii_digit());
        let (right_number, right_rest) = split(right_rest, |c| c.is_ascii_digit());
        let order = text(left_text, right_text).then_with(|| digits(left_number, right_number));
        if order.is_ne() {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
    Ordering::Equal
}

/// `~` sorts before everything, even the end; letters before other characters.
fn text(left: &str, right: &str) -> Ordering {
    let rank = |c: Option<char>| match c {
        Some('~') => -1,
        None => 0,
        Some(c) if c.is_ascii_alphabetic() => i64::from(u32::from(c)),
        Some(c) => i64::from(u32::from(c)) + 256,
    };
    let (mut left, mut right) = (left.chars(), right.chars());
    loop {
        let (l, r) = (left.next(), right.next());
        let order = rank(l).cmp(&rank(r));
        if order.is_ne() || (l.is_none() && r.is_none()) {
            return order;
        }
    }
}
