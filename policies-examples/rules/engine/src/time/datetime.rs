//! A point in time with its zone.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::{DAY, SECOND, Timedelta, Zone};

/// Days from 0001-01-01 and from 10000-01-01 to 1970-01-01: the years that Python has.
const FIRST_DAY: i64 = -719_162;
const END_DAY: i64 = 2_932_897;

/// A local time and the zone it is local to.
#[derive(Clone, Debug)]
pub struct Datetime {
    /// Microseconds of the local clock since 1970-01-01T00:00 of the same clock.
    wall: i64,
    zone: Zone,
}

/// Year, month, day and so on of the local clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    pub microsecond: i64,
}

impl Datetime {
    /// The moment so many microseconds after 1970-01-01T00:00Z, on the clock of a zone; nothing beyond the year 9999.
    pub fn from_microseconds(instant: i64, zone: Zone) -> Option<Datetime> {
        let wall = zone.local(instant);
        Datetime::new(wall, zone)
    }

    fn new(wall: i64, zone: Zone) -> Option<Datetime> {
        (FIRST_DAY..END_DAY)
            .contains(&wall.div_euclid(DAY))
            .then_some(Datetime { wall, zone })
    }

    pub(crate) fn from_fields(fields: &Fields, zone: Zone) -> Option<Datetime> {
        let valid = (1..=9999).contains(&fields.year)
            && (1..=12).contains(&fields.month)
            && (1..=days_in_month(fields.year, fields.month)).contains(&fields.day)
            && (0..24).contains(&fields.hour)
            && (0..60).contains(&fields.minute)
            && (0..60).contains(&fields.second)
            && (0..SECOND).contains(&fields.microsecond);
        if !valid {
            return None;
        }
        let seconds = fields.hour * 3600 + fields.minute * 60 + fields.second;
        let days = days(fields.year, fields.month, fields.day);
        Datetime::new(days * DAY + seconds * SECOND + fields.microsecond, zone)
    }

    /// Microseconds since 1970-01-01T00:00Z.
    pub fn microseconds(&self) -> i64 {
        self.wall - self.zone.offset(self.wall) * SECOND
    }

    /// Seconds east of universal time.
    pub fn offset_seconds(&self) -> i64 {
        self.zone.offset(self.wall)
    }

    pub(crate) fn zone_name(&self) -> Option<String> {
        self.zone.name(self.wall)
    }

    pub(crate) fn fields(&self) -> Fields {
        let (year, month, day) = civil(self.wall.div_euclid(DAY));
        let rest = self.wall.rem_euclid(DAY);
        let seconds = rest / SECOND;
        Fields {
            year,
            month,
            day,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            microsecond: rest % SECOND,
        }
    }

    /// The English name of the day of the week.
    pub(crate) fn weekday(&self) -> &'static str {
        match (self.wall.div_euclid(DAY) + 3).rem_euclid(7) {
            0 => "Monday",
            1 => "Tuesday",
            2 => "Wednesday",
            3 => "Thursday",
            4 => "Friday",
            5 => "Saturday",
            _ => "Sunday",
        }
    }

    pub(crate) fn midnight(&self) -> Datetime {
        Datetime {
            wall: self.wall.div_euclid(DAY) * DAY,
            zone: self.zone.clone(),
        }
    }

    /// The local clock moved on; nothing beyond the years that Python has.
    pub(crate) fn plus(&self, delta: &Timedelta) -> Option<Datetime> {
        let wall = i128::from(self.wall) + delta.microseconds();
        Datetime::new(i64::try_from(wall).ok()?, self.zone.clone())
    }

    /// What is between: of the local clocks if both are of one zone, as Python has it.
    pub(crate) fn minus(&self, other: &Datetime) -> Timedelta {
        let (left, right) = self.comparable(other);
        Timedelta::from_microseconds(i128::from(left) - i128::from(right))
    }

    fn comparable(&self, other: &Datetime) -> (i64, i64) {
        match self.zone == other.zone {
            true => (self.wall, other.wall),
            false => (self.microseconds(), other.microseconds()),
        }
    }
}

impl PartialEq for Datetime {
    fn eq(&self, other: &Datetime) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Datetime {}

impl PartialOrd for Datetime {
    fn partial_cmp(&self, other: &Datetime) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Datetime {
    fn cmp(&self, other: &Datetime) -> Ordering {
        let (left, right) = self.comparable(other);
        left.cmp(&right)
    }
}

impl Hash for Datetime {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.microseconds().hash(state);
    }
}

/// Days since 1970-01-01, by Howard Hinnant's algorithm (howardhinnant.github.io/date_algorithms.html).
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a day since 1970-01-01; the inverse of [`days`].
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

pub(super) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
