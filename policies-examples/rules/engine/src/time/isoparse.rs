//! ISO 8601 as `dateutil.parser.isoparse` reads it: `YYYY`, `YYYY-MM`, week dates, ordinal dates, `24:00`.

use super::datetime::{self, Fields};
use super::{DAY, Datetime, Timedelta, Zone};

/// Why a text is no point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DatetimeError {
    Invalid,
    /// Python lets its `OverflowError` through.
    OutOfRange,
}

use DatetimeError::{Invalid, OutOfRange};

/// Reads a point in time; without a zone it is local to the given one.
pub(crate) fn parse_datetime(text: &str, zone: &Zone) -> Result<Datetime, DatetimeError> {
    if !text.is_ascii() {
        return Err(Invalid);
    }
    let text = Text(text.as_bytes());
    let ((year, month, day), end) = parse_date(text).or_else(|_| parse_uncommon_date(text))?;
    let mut fields = Fields {
        year,
        month,
        day,
        hour: 0,
        minute: 0,
        second: 0,
        microsecond: 0,
    };
    let mut own_zone = None;
    if text.len() > end {
        // Any one character may stand between date and time.
        own_zone = parse_time(text.from(end + 1), &mut fields)?;
    }
    let next_day = fields.hour == 24;
    if next_day {
        fields.hour = 0;
    }
    let zone = own_zone.unwrap_or_else(|| zone.clone());
    let parsed = Datetime::from_fields(&fields, zone).ok_or(Invalid)?;
    match next_day {
        true => parsed
            .plus(&Timedelta::from_microseconds(DAY.into()))
            .ok_or(OutOfRange),
        false => Ok(parsed),
    }
}

type Date = ((i64, i64, i64), usize);

/// `YYYY`, `YYYY-MM`, `YYYY-MM-DD`, `YYYYMMDD`
fn parse_date(text: Text) -> Result<Date, DatetimeError> {
    if text.len() < 4 {
        return Err(Invalid);
    }
    let year = text.number(0, 4)?;
    if text.len() == 4 {
        return Ok(((year, 1, 1), 4));
    }
    let dashed = text.at(4) == Some(b'-');
    let mut end = 4 + usize::from(dashed);
    if text.len() < end + 2 {
        return Err(Invalid);
    }
    let month = text.number(end, 2)?;
    end += 2;
    if text.len() <= end {
        return match dashed {
            true => Ok(((year, month, 1), end)),
            false => Err(Invalid),
        };
    }
    if dashed {
        if text.at(end) != Some(b'-') {
            return Err(Invalid);
        }
        end += 1;
    }
    if text.len() < end + 2 {
        return Err(Invalid);
    }
    Ok(((year, month, text.number(end, 2)?), end + 2))
}

/// `YYYY-Www`, `YYYY-Www-D`, `YYYY-DDD`, with or without dashes
fn parse_uncommon_date(text: Text) -> Result<Date, DatetimeError> {
    if text.len() < 4 {
        return Err(Invalid);
    }
    let year = text.number(0, 4)?;
    let dashed = text.at(4) == Some(b'-');
    let mut end = 4 + usize::from(dashed);
    let day = if text.at(end) == Some(b'W') {
        let week = text.number(end + 1, 2)?;
        end += 3;
        let mut weekday = 1;
        if text.len() > end {
            if (text.at(end) == Some(b'-')) != dashed {
                return Err(Invalid);
            }
            end += usize::from(dashed);
            weekday = text.number(end, 1)?;
            end += 1;
        }
        week_date(year, week, weekday)?
    } else {
        if text.len() < end + 3 {
            return Err(Invalid);
        }
        let ordinal = text.number(end, 3)?;
        end += 3;
        let last = 365 + i64::from(datetime::is_leap(year));
        if !(1..=last).contains(&ordinal) || !(1..=9999).contains(&year) {
            return Err(Invalid);
        }
        datetime::days(year, 1, 1) + ordinal - 1
    };
    let date = datetime::civil(day);
    match date.0 {
        1..=9999 => Ok((date, end)),
        _ => Err(OutOfRange),
    }
}

fn week_date(year: i64, week: i64, weekday: i64) -> Result<i64, DatetimeError> {
    if !(1..54).contains(&week) || !(1..8).contains(&weekday) || !(1..=9999).contains(&year) {
        return Err(Invalid);
    }
    // The first week is the one with the fourth of January in it.
    let fourth = datetime::days(year, 1, 4);
    let monday = fourth - (fourth + 3).rem_euclid(7);
    Ok(monday + (week - 1) * 7 + weekday - 1)
}

/// Hours, minutes, seconds and fraction, each of which may be missing from the right, then a zone.
fn parse_time(text: Text, fields: &mut Fields) -> Result<Option<Zone>, DatetimeError> {
    if text.len() < 2 {
        return Err(Invalid);
    }
    let mut zone = None;
    let (mut at, mut coloned) = (0, false);
    for component in 0..=5 {
        if at >= text.len() {
            break;
        }
        if matches!(text.at(at), Some(b'-' | b'+' | b'Z' | b'z')) {
            zone = Some(parse_zone(text.from(at))?);
            at = text.len();
            break;
        }
        let colon = text.at(at) == Some(b':');
        if component == 1 && colon {
            coloned = true;
            at += 1;
        } else if component == 2 && coloned {
            if !colon {
                return Err(Invalid);
            }
            at += 1;
        }
        match component {
            0 => fields.hour = text.number(at, 2)?,
            1 => fields.minute = text.number(at, 2)?,
            2 => fields.second = text.number(at, 2)?,
            3 => at += parse_fraction(text.from(at), fields),
            _ => {}
        }
        if component < 3 {
            at += 2;
        }
    }
    if at < text.len() {
        return Err(Invalid);
    }
    let rest = (fields.minute, fields.second, fields.microsecond);
    if fields.hour == 24 && rest != (0, 0, 0) {
        return Err(Invalid);
    }
    Ok(zone)
}

/// A point or a comma and digits, of which six count; answers how long it was.
fn parse_fraction(text: Text, fields: &mut Fields) -> usize {
    if !matches!(text.at(0), Some(b'.' | b',')) {
        return 0;
    }
    let digits: Vec<u8> = text
        .from(1)
        .0
        .iter()
        .copied()
        .take_while(u8::is_ascii_digit)
        .collect();
    if digits.is_empty() {
        return 0;
    }
    let six = digits
        .iter()
        .copied()
        .chain(std::iter::repeat(b'0'))
        .take(6);
    fields.microsecond = six.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    digits.len() + 1
}

fn parse_zone(text: Text) -> Result<Zone, DatetimeError> {
    if matches!(text.0, b"Z" | b"z") {
        return Ok(Zone::Utc);
    }
    if !matches!(text.len(), 3 | 5 | 6) {
        return Err(Invalid);
    }
    let sign = match text.at(0) {
        Some(b'-') => -1,
        Some(b'+') => 1,
        _ => return Err(Invalid),
    };
    let hours = text.number(1, 2)?;
    let minutes = match text.len() {
        3 => 0,
        length => {
            let start = if text.at(3) == Some(b':') { 4 } else { 3 };
            text.number(start, length - start)?
        }
    };
    if hours == 0 && minutes == 0 {
        return Ok(Zone::Utc);
    }
    if minutes > 59 || hours > 23 {
        return Err(Invalid);
    }
    let seconds = sign * (hours * 60 + minutes) * 60;
    i32::try_from(seconds).map(Zone::Fixed).map_err(|_| Invalid)
}

#[derive(Clone, Copy)]
struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn at(&self, index: usize) -> Option<u8> {
        self.0.get(index).copied()
    }

    fn from(&self, start: usize) -> Text<'a> {
        Text(self.0.get(start..).unwrap_or_default())
    }

    /// What Python's `int` makes of a slice: spaces around, a sign, and single underscores between digits are fine.
    fn number(&self, start: usize, length: usize) -> Result<i64, DatetimeError> {
        let slice = self.from(start);
        let slice = slice.0.get(..length).unwrap_or(slice.0);
        let text = std::str::from_utf8(slice).map_err(|_| Invalid)?;
        let text = text.trim_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        let halves = digits.split('_');
        let valid = halves
            .into_iter()
            .all(|half| !half.is_empty() && half.bytes().all(|byte| byte.is_ascii_digit()));
        if !valid {
            return Err(Invalid);
        }
        let number: i64 = digits.replace('_', "").parse().map_err(|_| Invalid)?;
        Ok(if text.starts_with('-') {
            -number
        } else {
            number
        })
    }
}
