//! RPM: epoch, version and release, each by `rpmvercmp`.

use std::cmp::Ordering;

use super::{digits, epoch, split};

/// Where one names no release, the release does not count.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let ((left_epoch, left), (right_epoch, right)) = (epoch(left), epoch(right));
    let release = |text| match str::rsplit_once(text, '-') {
        Some((version, release)) => (version, Some(release)),
        None => (text, None),
    };
    let ((left, left_release), (right, right_release)) = (release(left), release(right));
    digits(left_epoch, right_epoch)
        .then_with(|| part(left, right))
        .then_with(|| match (left_release, right_release) {
            (Some(left), Some(right)) => part(left, right),
            _ => Ordering::Equal,
        })
}

fn part(mut left: &str, mut right: &str) -> Ordering {
    let is_separator = |c: char| !c.is_ascii_alphanumeric() && c != '~' && c != '^';
    loop {
        left = left.trim_start_matches(is_separator);
        right = right.trim_start_matches(is_separator);
        if let Some(order) = special(left, right) {
            if order.is_ne() {
                return order;
            }
            (left, right) = (rest(left), rest(right));
            continue;
        }
        if left.is_empty() || right.is_empty() {
            // Whoever has something left is the newer.
            return left.len().min(1).cmp(&right.len().min(1));
        }
        let number = left.starts_with(|c: char| c.is_ascii_digit());
        let same = |c: char| {
            if number {
                c.is_ascii_digit()
            } else {
                c.is_ascii_alphabetic()
            }
        };
        let ((left_part, left_rest), (right_part, right_rest)) =
            (split(left, same), split(right, same));
        if right_part.is_empty() {
            // A number is newer than letters.
            return if number {
                Ordering::Greater
            } else {
                Ordering::Less
            };
        }
        let order = match number {
            true => digits(left_part, right_part),
            false => left_part.cmp(right_part),
        };
        if order.is_ne() {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
}

/// `~` is older than everything, even the end; `^` newer than the end, and older than anything else.
fn special(left: &str, right: &str) -> Option<Ordering> {
    let rank = |text: &str| match text.chars().next() {
        Some('~') => 0,
        None => 1,
        Some('^') => 2,
        Some(_) => 3,
    };
    let (left, right) = (rank(left), rank(right));
    let is_special = |rank| rank == 0 || rank == 2;
    (is_special(left) || is_special(right)).then(|| left.cmp(&right))
}

fn rest(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    chars.as_str()
}
