//! Times as texts, by the layouts of Go: `2006-01-02T15:04:05Z07:00` shows how one time is written.

use super::time::{Date, Moment};

/// RFC 3339, with parts of seconds where there are some.
pub(super) const RFC3339: &str = "2006-01-02T15:04:05.999999999Z07:00";

const NAMED: [(&str, &str); 10] = [
    ("ANSIC", "Mon Jan _2 15:04:05 2006"),
    ("UnixDate", "Mon Jan _2 15:04:05 MST 2006"),
    ("RubyDate", "Mon Jan 02 15:04:05 -0700 2006"),
    ("RFC822", "02 Jan 06 15:04 MST"),
    ("RFC822Z", "02 Jan 06 15:04 -0700"),
    ("RFC850", "Monday, 02-Jan-06 15:04:05 MST"),
    ("RFC1123", "Mon, 02 Jan 2006 15:04:05 MST"),
    ("RFC1123Z", "Mon, 02 Jan 2006 15:04:05 -0700"),
    ("RFC3339", "2006-01-02T15:04:05Z07:00"),
    ("RFC3339Nano", RFC3339),
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// 1970 began on a Thursday.
const WEEKDAYS: [&str; 7] = [
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    /// Four digits, or two.
    Year(usize),
    /// With at least so many digits.
    Month(usize),
    MonthName,
    MonthShort,
    Day(usize),
    DayPadded,
    Hour,
    /// Of twelve.
    HalfHour(usize),
    Minute(usize),
    Second(usize),
    Half,
    Weekday,
    WeekdayShort,
    /// Whether `Z` stands for UTC, and whether there is a colon.
    Offset(bool, bool),
    Zone,
    /// Digits after the second's point, which stand there even if they are zero.
    Fraction(usize),
    /// Digits after the point, with the point, where there are some.
    MaybeFraction,
}

/// The longer come before what they begin with.
const FIELDS: [(&str, Field); 28] = [
    ("2006", Field::Year(4)),
    ("January", Field::MonthName),
    ("Jan", Field::MonthShort),
    ("Monday", Field::Weekday),
    ("Mon", Field::WeekdayShort),
    ("MST", Field::Zone),
    ("Z07:00", Field::Offset(true, true)),
    ("Z0700", Field::Offset(true, false)),
    ("-07:00", Field::Offset(false, true)),
    ("-0700", Field::Offset(false, false)),
    (".000000000", Field::Fraction(9)),
    (".000000", Field::Fraction(6)),
    (".000", Field::Fraction(3)),
    (".999999999", Field::MaybeFraction),
    ("01", Field::Month(2)),
    ("02", Field::Day(2)),
    ("03", Field::HalfHour(2)),
    ("04", Field::Minute(2)),
    ("05", Field::Second(2)),
    ("06", Field::Year(2)),
    ("15", Field::Hour),
    ("PM", Field::Half),
    ("_2", Field::DayPadded),
    ("1", Field::Month(1)),
    ("2", Field::Day(1)),
    ("3", Field::HalfHour(1)),
    ("4", Field::Minute(1)),
    ("5", Field::Second(1)),
];

/// A layout by its name in Go, else itself.
pub(super) fn named(layout: &str) -> &str {
    let mut known = NAMED.iter();
    let found = known.find(|(name, _)| *name == layout);
    found.map_or(layout, |(_, meant)| meant)
}

pub(super) fn weekday(days: i64) -> &'static str {
    nth(&WEEKDAYS, days.rem_euclid(7))
}

fn nth<'a>(names: &[&'a str], index: i64) -> &'a str {
    let name = usize::try_from(index)
        .ok()
        .and_then(|index| names.get(index));
    name.copied().unwrap_or_default()
}

/// The field with which a layout begins, and the rest.
fn field(layout: &str) -> Option<(Field, &str)> {
    let find = |(text, field): &(&str, Field)| Some((*field, layout.strip_prefix(text)?));
    FIELDS.iter().find_map(find)
}

pub(super) fn format(mut layout: &str, moment: Moment) -> String {
    let mut text = String::new();
    while let Some(first) = layout.chars().next() {
        let Some((field, rest)) = field(layout) else {
            text.push(first);
            layout = layout.get(first.len_utf8()..).unwrap_or_default();
            continue;
        };
        text.push_str(&written(field, moment));
        layout = rest;
    }
    text
}

fn written(field: Field, moment: Moment) -> String {
    let Date { year, month, day } = Date::of(moment.days);
    let [hour, minute, second] = moment.clock();
    let nanoseconds = moment.time % 1_000_000_000;
    let short = |name: &str| name.chars().take(3).collect();
    match field {
        Field::Year(2) => format!("{:02}", year.rem_euclid(100)),
        Field::Year(_) => format!("{year:04}"),
        Field::Month(digits) => format!("{month:0digits$}"),
        Field::MonthName => nth(&MONTHS, month - 1).to_owned(),
        Field::MonthShort => short(nth(&MONTHS, month - 1)),
        Field::Day(digits) => format!("{day:0digits$}"),
        Field::DayPadded => format!("{day:2}"),
        Field::Hour => format!("{hour:02}"),
        Field::HalfHour(digits) => format!("{:0digits$}", (hour + 11) % 12 + 1),
        Field::Minute(digits) => format!("{minute:0digits$}"),
        Field::Second(digits) => format!("{second:0digits$}"),
        Field::Half => if hour < 12 { "AM" } else { "PM" }.to_owned(),
        Field::Weekday => weekday(moment.days).to_owned(),
        Field::WeekdayShort => short(weekday(moment.days)),
        Field::Offset(true, _) => "Z".to_owned(),
        Field::Offset(false, true) => "+00:00".to_owned(),
        Field::Offset(false, false) => "+0000".to_owned(),
        Field::Zone => "UTC".to_owned(),
        Field::Fraction(digits) => {
            let all = format!(".{nanoseconds:09}");
            all.chars().take(digits + 1).collect()
        }
        Field::MaybeFraction if nanoseconds == 0 => String::new(),
        Field::MaybeFraction => {
            let all = format!(".{nanoseconds:09}");
            all.trim_end_matches('0').to_owned()
        }
    }
}

/// Nanoseconds since 1970; nothing when the text is not of the layout, or there is no such time.
pub(super) fn parse(mut layout: &str, text: &str) -> Option<i64> {
    let mut reader = Reader {
        rest: text,
        date: Date {
            year: 0,
            month: 1,
            day: 1,
        },
        clock: [0; 3],
        nanoseconds: 0,
        offset: 0,
        afternoon: None,
    };
    while let Some(first) = layout.chars().next() {
        match field(layout) {
            Some((field, rest)) => {
                reader.read(field)?;
                // Go takes parts of a second even where the layout has none.
                if matches!(field, Field::Second(_)) && !rest.starts_with('.') {
                    reader.read(Field::MaybeFraction)?;
                }
                layout = rest;
            }
            None => {
                reader.rest = reader.rest.strip_prefix(first)?;
                layout = layout.get(first.len_utf8()..)?;
            }
        }
    }
    reader.finish()
}

struct Reader<'a> {
    rest: &'a str,
    date: Date,
    clock: [i64; 3],
    nanoseconds: i64,
    /// Seconds east of Greenwich.
    offset: i64,
    afternoon: Option<bool>,
}

impl Reader<'_> {
    fn read(&mut self, field: Field) -> Option<()> {
        match field {
            Field::Year(2) => {
                let year = self.number(2, 2)?;
                self.date.year = if year < 69 { 2000 + year } else { 1900 + year };
            }
            Field::Year(_) => self.date.year = self.number(4, 4)?,
            Field::Month(digits) => self.date.month = self.number(digits, 2)?,
            Field::MonthName => self.date.month = self.name(&MONTHS, usize::MAX)? + 1,
            Field::MonthShort => self.date.month = self.name(&MONTHS, 3)? + 1,
            Field::Day(digits) => self.date.day = self.number(digits, 2)?,
            Field::DayPadded => {
                self.rest = self.rest.trim_start_matches(' ');
                self.date.day = self.number(1, 2)?;
            }
            Field::Hour => self.clock[0] = self.number(2, 2)?,
            Field::HalfHour(digits) => {
                self.clock[0] = self.number(digits, 2).filter(|hour| *hour <= 12)?;
            }
            Field::Minute(digits) => self.clock[1] = self.number(digits, 2)?,
            Field::Second(digits) => self.clock[2] = self.number(digits, 2)?,
            Field::Half => self.afternoon = Some(self.name(&["AM", "PM"], 2)? == 1),
            Field::Weekday => drop(self.name(&WEEKDAYS, usize::MAX)?),
            Field::WeekdayShort => drop(self.name(&WEEKDAYS, 3)?),
            Field::Offset(zulu, colon) => self.offset(zulu, colon)?,
            Field::Zone => {
                let zones = ["UTC", "GMT"].iter();
                self.rest = zones
                    .filter_map(|zone| self.rest.strip_prefix(zone))
                    .next()?;
            }
            Field::Fraction(_) => self.fraction()?,
            Field::MaybeFraction if self.rest.starts_with(['.', ',']) => self.fraction()?,
            Field::MaybeFraction => {}
        }
        Some(())
    }

    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let digits = self.rest.bytes().take(most);
        let digits = digits.take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        (digits >= least).then(|| number.parse().ok())?
    }

    fn name(&mut self, names: &[&str], length: usize) -> Option<i64> {
        let found = names.iter().enumerate().find_map(|(index, name)| {
            let name = name.get(..length.min(name.len()))?;
            Some((index, self.rest.strip_prefix(name)?))
        });
        let (index, rest) = found?;
        self.rest = rest;
        i64::try_from(index).ok()
    }

    fn offset(&mut self, zulu: bool, colon: bool) -> Option<()> {
        if let Some(rest) = self.rest.strip_prefix('Z').filter(|_| zulu) {
            self.rest = rest;
            return Some(());
        }
        let sign = if self.rest.starts_with('-') { -1 } else { 1 };
        self.rest = self.rest.strip_prefix(['+', '-'])?;
        let hours = self.number(2, 2).filter(|hours| *hours < 24)?;
        if colon {
            self.rest = self.rest.strip_prefix(':')?;
        }
        let minutes = self.number(2, 2).filter(|minutes| *minutes < 60)?;
        self.offset = sign * (hours * 3600 + minutes * 60);
        Some(())
    }

    fn fraction(&mut self) -> Option<()> {
        let rest = self.rest.strip_prefix(['.', ','])?;
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (digits, rest) = rest.split_at_checked(end)?;
        self.rest = rest;
        let nine: String = digits.chars().chain("000000000".chars()).take(9).collect();
        self.nanoseconds = nine.parse().ok()?;
        (!digits.is_empty()).then_some(())
    }

    fn finish(self) -> Option<i64> {
        let [mut hour, minute, second] = self.clock;
        match self.afternoon {
            Some(true) if hour < 12 => hour += 12,
            Some(false) if hour == 12 => hour = 0,
            _ => {}
        }
        let is_right = self.date.is_right() && hour < 24 && minute < 60 && second < 60;
        if !self.rest.is_empty() || !is_right {
            return None;
        }
        let seconds = hour * 3600 + minute * 60 + second - self.offset;
        let moment = Moment {
            days: Date::day_number(self.date.year, self.date.month)? + self.date.day - 1,
            time: seconds * 1_000_000_000 + self.nanoseconds,
        };
        moment.nanoseconds()
    }
}
