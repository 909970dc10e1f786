//! `time.*`, in UTC: nanoseconds since 1970, as OPA counts them. The interpreter's own would ask a browser for the time,
//! and bring a database of time zones that is larger than all the rest.

use std::time::SystemTime;

use regorus::Value;
use touchstone_sdk::clock;

use super::{Builtin, Fault, integer, layout, text, unexpected};

pub(super) const TABLE: &[Builtin] = &[
    row("time.now_ns", 0, |_| now()),
    row("time.parse_rfc3339_ns", 1, |arguments| {
        let text = text(arguments, 0)?;
        nanoseconds(layout::parse(layout::RFC3339, text), text)
    }),
    row("time.parse_ns", 2, |arguments| {
        let (layout, text) = (text(arguments, 0)?, text(arguments, 1)?);
        nanoseconds(layout::parse(layout::named(layout), text), text)
    }),
    row("time.parse_duration_ns", 1, |arguments| {
        let text = text(arguments, 0)?;
        nanoseconds(duration(text), text)
    }),
    row("time.add_date", 4, |arguments| {
        let mut moment = Moment::of(instant(arguments, 0)?);
        let years = integer(arguments, 1)?;
        let months = integer(arguments, 2)?;
        let days = integer(arguments, 3)?;
        let sum = |date: Date| {
            let month = date.month.checked_add(months)?.checked_sub(1)?;
            let year = date
                .year
                .checked_add(years)?
                .checked_add(month.div_euclid(12))?;
            let first = Date::day_number(year, month.rem_euclid(12) + 1)?;
            first.checked_add(date.day - 1)?.checked_add(days)
        };
        let days = sum(Date::of(moment.days));
        moment.days = days.ok_or_else(|| out_of_range("the sum"))?;
        nanoseconds(moment.nanoseconds(), "the sum")
    }),
    row("time.date", 1, |arguments| {
        let Date { year, month, day } = Date::of(Moment::of(instant(arguments, 0)?).days);
        Ok(numbers([year, month, day]))
    }),
    row("time.clock", 1, |arguments| {
        Ok(numbers(Moment::of(instant(arguments, 0)?).clock()))
    }),
    row("time.weekday", 1, |arguments| {
        let days = Moment::of(instant(arguments, 0)?).days;
        Ok(layout::weekday(days).into())
    }),
    row("time.diff", 2, |arguments| {
        let (one, other) = (instant(arguments, 0)?, instant(arguments, 1)?);
        Ok(numbers(difference(one.min(other), one.max(other))))
    }),
    row("time.format", 1, |arguments| {
        let layout = match arguments.first() {
            Some(Value::Array(parts)) => parts.get(2).map(|layout| match layout {
                Value::String(layout) => Ok(layout.to_string()),
                other => Err(unexpected("a layout", Some(other))),
            }),
            _ => None,
        };
        let layout = layout.transpose()?;
        let layout = layout.as_deref().map_or(layout::RFC3339, layout::named);
        Ok(layout::format(layout, Moment::of(instant(arguments, 0)?)).into())
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

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// The decision's time.
fn now() -> Result<Value, Fault> {
    let since = clock::now()?.duration_since(SystemTime::UNIX_EPOCH);
    let since = since
        .ok()
        .and_then(|since| i64::try_from(since.as_nanos()).ok());
    since.map(Value::from).ok_or_else(|| out_of_range("now"))
}

fn out_of_range(what: &str) -> Fault {
    Fault::Arguments(format!("{what} is out of the range of nanoseconds"))
}

fn nanoseconds(found: Option<i64>, text: &str) -> Result<Value, Fault> {
    let wrong = || Fault::Arguments(format!("{text:?} is not of that form, or out of range"));
    found.map(Value::from).ok_or_else(wrong)
}

fn numbers<const N: usize>(numbers: [i64; N]) -> Value {
    numbers.map(Value::from).to_vec().into()
}

/// Nanoseconds, alone or with a time zone: `ns`, `[ns, "UTC"]`.
fn instant(arguments: &[Value], index: usize) -> Result<i64, Fault> {
    let Some(Value::Array(parts)) = arguments.get(index) else {
        return integer(arguments, index);
    };
    match parts.get(1) {
        None => {}
        Some(Value::String(zone)) if ["", "UTC"].contains(&&**zone) => {}
        // Never undefined: that time would be compared with nothing.
        Some(other) => return Err(Fault::Host(format!("{other}: only UTC is known here"))),
    }
    integer(parts.as_slice(), 0)
}

/// A point in time.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    /// Since 1970-01-01.
    pub(super) days: i64,
    /// Nanoseconds since midnight.
    pub(super) time: i64,
}

impl Moment {
    pub(super) fn of(instant: i64) -> Moment {
        Moment {
            days: instant.div_euclid(DAY),
            time: instant.rem_euclid(DAY),
        }
    }

    pub(super) fn nanoseconds(self) -> Option<i64> {
        self.days.checked_mul(DAY)?.checked_add(self.time)
    }

    /// Hours, minutes, seconds.
    pub(super) fn clock(self) -> [i64; 3] {
        let seconds = self.time / SECOND;
        [seconds / 3600, seconds / 60 % 60, seconds % 60]
    }
}

/// A day of the Gregorian calendar.
#[derive(Clone, Copy)]
pub(super) struct Date {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
}

impl Date {
    /// Of the days since 1970. Years begin in March, so that a leap day is the last (Hinnant, "chrono-Compatible
    /// Low-Level Date Algorithms").
    pub(super) fn of(days: i64) -> Date {
        let days = days.saturating_add(719_468);
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let early = i64::from(month >= 10);
        Date {
            year: era * 400 + year + early,
            month: month + 3 - 12 * early,
            day: day - (153 * month + 2) / 5 + 1,
        }
    }

    /// The days since 1970 of the first of a month; nothing beyond what nanoseconds can tell by far.
    pub(super) fn day_number(year: i64, month: i64) -> Option<i64> {
        if !(-9999..=9999).contains(&year) {
            return None;
        }
        let years = year - i64::from(month <= 2);
        let leaps = years.div_euclid(4) - years.div_euclid(100) + years.div_euclid(400);
        Some(365 * years + leaps + (153 * ((month + 9) % 12) + 2) / 5 - 719_468)
    }

    pub(super) fn is_right(self) -> bool {
        let next = match self.month {
            12 => Date::day_number(self.year.saturating_add(1), 1),
            month => Date::day_number(self.year, month.saturating_add(1)),
        };
        let length = next
            .zip(Date::day_number(self.year, self.month))
            .map_or(0, |(next, first)| next - first);
        (1..=12).contains(&self.month) && (1..=length).contains(&self.day)
    }
}

/// Years, months, days, hours, minutes, seconds between two times.
fn difference(early: i64, late: i64) -> [i64; 6] {
    let (early, late) = (Moment::of(early), Moment::of(late));
    let (from, to) = (Date::of(early.days), Date::of(late.days));
    let mut time = late.time - early.time;
    let mut days = to.day - from.day;
    let mut months = (to.year - from.year) * 12 + to.month - from.month;
    if time < 0 {
        time += DAY;
        days -= 1;
    }
    if days < 0 {
        // As OPA does: by the length of the earlier month.
        let next = match from.month {
            12 => Date::day_number(from.year + 1, 1),
            month => Date::day_number(from.year, month + 1),
        };
        let first = Date::day_number(from.year, from.month);
        days += next.unwrap_or_default() - first.unwrap_or_default();
        months -= 1;
    }
    let [hours, minutes, seconds] = Moment { days: 0, time }.clock();
    [months / 12, months % 12, days, hours, minutes, seconds]
}

/// `1h30m`, `-1.5s`, `100ms`, as Go writes durations.
pub(super) fn duration(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 8] = [
        ("ns", 1),
        ("us", 1000),
        ("µs", 1000),
        ("μs", 1000),
        ("ms", 1_000_000),
        ("s", SECOND),
        ("m", 60 * SECOND),
        ("h", 3600 * SECOND),
    ];
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut sum: i64 = 0;
    while !rest.is_empty() {
        let is_number = |c: char| c.is_ascii_digit() || c == '.';
        let (number, tail) = rest.split_at(rest.find(|c| !is_number(c))?);
        let (name, tail) = tail.split_at(tail.find(is_number).unwrap_or(tail.len()));
        let (_, unit) = UNITS.iter().find(|(known, _)| *known == name)?;
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && part.is_empty() {
            return None;
        }
        let whole: i64 = if whole.is_empty() {
            0
        } else {
            whole.parse().ok()?
        };
        let mut scale = *unit;
        let mut total = whole.checked_mul(*unit)?;
        for digit in part.chars() {
            scale /= 10;
            total = total.checked_add(i64::from(digit.to_digit(10)?).checked_mul(scale)?)?;
        }
        sum = sum.checked_add(total)?;
        rest = tail;
    }
    Some(sign * sum)
}
