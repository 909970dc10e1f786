//! Moments as seconds since 1970.

/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// Reads RFC 3339; without an offset it is UTC. Fractions are cut off.
pub fn seconds(text: &str) -> Option<i64> {
    let (date, time) = text.trim().split_once(['T', 't', ' '])?;
    let [year, month, day] = numbers(date, '-')?;
    let (time, offset) = match time.find(['Z', 'z', '+', '-']) {
        Some(at) => time.split_at_checked(at)?,
        None => (time, "Z"),
    };
    let [hour, minute, second] =
        numbers(time.split_once('.').map_or(time, |(whole, _)| whole), ':')?;
    let in_range = (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    in_range.then_some(())?;
    let clock = hour * 3600 + minute * 60 + second;
    Some(days(year, month, day) * DAY + clock - offset_seconds(offset)?)
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator).map(|part| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<i64>().ok()).flatten()
    });
    let found = [parts.next()??, parts.next()??, parts.next()??];
    (parts.next().is_none() && found.iter().all(|number| *number < 10_000)).then_some(found)
}

/// `Z`, `+02:00`, `-0530`.
fn offset_seconds(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits: String = text.chars().skip(1).filter(|c| *c != ':').collect();
    let (hours, minutes) = digits.split_at_checked(2)?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (digits.len() == 4 && minutes < 60 && hours < 24)
        .then_some(sign * (hours * 3600 + minutes * 60))
}

fn days_of(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 in the proleptic Gregorian calendar. The year begins in March, so that the leap day is its last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_and_nothing_else() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T12:00:00Z", Some(951_825_600)),
            ("2026-01-01T00:00:00Z", Some(1_767_225_600)),
            ("2026-01-01T00:00:00.123456Z", Some(1_767_225_600)),
            ("2026-01-01T02:00:00+02:00", Some(1_767_225_600)),
            ("2025-12-31 18:30:00-0530", Some(1_767_225_600)),
            ("2026-01-01T00:00:00", Some(1_767_225_600)),
            ("2026-02-29T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-01-01", None),
            ("tomorrow", None),
            ("2026-01-01T00:00:00+2", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
