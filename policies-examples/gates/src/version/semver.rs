//! Semantic Versioning 2.0.0, §11; a leading `v` and missing parts are let pass.

use std::cmp::Ordering;

use super::digits;

pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let ((left, left_pre), (right, right_pre)) = (parts(left), parts(right));
    core(left, right).then_with(|| match (left_pre, right_pre) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(left), Some(right)) => prerelease(left, right),
    })
}

/// The numbers, and what is before the release; what was built does not count.
fn parts(text: &str) -> (&str, Option<&str>) {
    let text = text.strip_prefix('v').unwrap_or(text);
    let text = text.split_once('+').map_or(text, |(text, _)| text);
    match text.split_once('-') {
        Some((core, prerelease)) => (core, Some(prerelease)),
        None => (text, None),
    }
}

fn core(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let (l, r) = (left.next(), right.next());
        if l.is_none() && r.is_none() {
            return Ordering::Equal;
        }
        let order = digits(l.unwrap_or("0"), r.unwrap_or("0"));
        if order.is_ne() {
            return order;
        }
    }
}

fn prerelease(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(left), Some(right)) => identifier(left, right),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Numbers are older than words.
fn identifier(left: &str, right: &str) -> Ordering {
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match (is_number(left), is_number(right)) {
        (true, true) => digits(left, right),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => left.cmp(right),
    }
}
