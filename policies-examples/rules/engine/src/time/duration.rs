//! Durations: `P[nW][nD][T[nH][nM][nS]]`, added up with floats the way Python's `timedelta` does it.

use super::{DAY, SECOND};

/// Python holds durations below a billion days.
const MOST_DAYS: i128 = 999_999_999;

/// A duration in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timedelta(i128);

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DurationError {
    Empty,
    Invalid,
    /// Python lets its `OverflowError` through.
    OutOfRange,
}

impl Timedelta {
    /// A duration of so many microseconds.
    pub fn from_microseconds(microseconds: i128) -> Timedelta {
        Timedelta(microseconds)
    }

    /// All of it in microseconds.
    pub fn microseconds(&self) -> i128 {
        self.0
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.0 == 0
    }

    pub(crate) fn in_range(self) -> Option<Timedelta> {
        let days = self.0.div_euclid(i128::from(DAY));
        (days.abs() <= MOST_DAYS).then_some(self)
    }

    /// Days, seconds of the day, microseconds of the second; only the days can be negative.
    pub(crate) fn parts(&self) -> (i64, i64, i64) {
        let day = i128::from(DAY);
        let days = i64::try_from(self.0.div_euclid(day)).unwrap_or(0);
        let rest = i64::try_from(self.0.rem_euclid(day)).unwrap_or(0);
        (days, rest / SECOND, rest % SECOND)
    }

    /// All of it in seconds, the nearest float.
    pub(crate) fn total_seconds(&self) -> f64 {
        let (sign, magnitude) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let second = SECOND.unsigned_abs() as u128;
        let text = format!("{sign}{}.{:06}", magnitude / second, magnitude % second);
        text.parse().unwrap_or(0.0)
    }
}

/// Reads a duration.
pub(crate) fn parse_duration(text: &str) -> Result<Timedelta, DurationError> {
    if text == "P" {
        return Err(DurationError::Empty);
    }
    // The original's pattern ends in `$`, which lets one newline follow.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let rest = text.strip_prefix('P').ok_or(DurationError::Invalid)?;
    if !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
        return Err(DurationError::Invalid);
    }
    let mut rest = rest;
    let weeks = part(&mut rest, 'W');
    let days = part(&mut rest, 'D');
    let mut time = [0.0; 3];
    if let Some(after) = rest.strip_prefix('T') {
        rest = after;
        time = [
            part(&mut rest, 'H'),
            part(&mut rest, 'M'),
            part(&mut rest, 'S'),
        ];
    }
    if !rest.is_empty() {
        return Err(DurationError::Invalid);
    }
    let [hours, minutes, seconds] = time;
    let mut sum = Sum::default();
    for (count, seconds) in [
        (seconds, 1),
        (minutes, 60),
        (hours, 3600),
        (days, 86_400),
        (weeks, 604_800),
    ] {
        sum.add(count, seconds * SECOND)?;
    }
    sum.finish().in_range().ok_or(DurationError::OutOfRange)
}

/// Takes a number with its unit off the front; zero if the unit is not next.
fn part(rest: &mut &str, unit: char) -> f64 {
    let Some((number, after)) = rest.split_once(unit) else {
        return 0.0;
    };
    let mut halves = number.splitn(2, ['.', ',']);
    let is_digits = |half: &str| !half.is_empty() && half.bytes().all(|byte| byte.is_ascii_digit());
    if !halves.all(is_digits) {
        return 0.0;
    }
    *rest = after;
    number.replace(',', ".").parse().unwrap_or(0.0)
}

/// Whole microseconds, and the fractions left over, as CPython's `accum` keeps them apart.
#[derive(Default)]
struct Sum {
    whole: i128,
    left_over: f64,
}

impl Sum {
    fn add(&mut self, count: f64, unit: i64) -> Result<(), DurationError> {
        // Beyond this the days are out of range anyway.
        if count > 1e18 {
            return Err(DurationError::OutOfRange);
        }
        self.whole += count.trunc() as i128 * i128::from(unit);
        let fraction = count.fract() * unit as f64;
        self.whole += fraction.trunc() as i128;
        self.left_over += fraction.fract();
        Ok(())
    }

    /// Rounds the rest half to even, even of the sum.
    fn finish(self) -> Timedelta {
        let mut rounded = self.left_over.round();
        if (rounded - self.left_over).abs() == 0.5 {
            let odd = (self.whole & 1) as f64;
            rounded = 2.0 * ((self.left_over + odd) * 0.5).round() - odd;
        }
        Timedelta(self.whole + rounded as i128)
    }
}
