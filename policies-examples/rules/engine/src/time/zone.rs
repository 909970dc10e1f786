//! Time zones: UTC, a fixed offset, or a named one with its rules.

use jiff::tz::{AmbiguousOffset, TimeZone};

use super::{DAY, SECOND, datetime};

/// The zone of a point in time.
#[derive(Clone, Debug, PartialEq)]
pub enum Zone {
    /// Universal time
    Utc,
    /// Seconds east of it, without a name
    Fixed(i32),
    /// A zone with a name and perhaps summer time
    Named(TimeZone),
}

impl Zone {
    /// Seconds east of universal time at a local time, given in microseconds. In a gap or an overlap it is the offset
    /// before the change, as Python takes it.
    pub(super) fn offset(&self, wall: i64) -> i64 {
        match self {
            Zone::Utc => 0,
            Zone::Fixed(seconds) => i64::from(*seconds),
            Zone::Named(zone) => named_offset(zone, wall),
        }
    }

    /// What the zone is called at a local time; a fixed offset has no name.
    pub(super) fn name(&self, wall: i64) -> Option<String> {
        match self {
            Zone::Utc => Some("UTC".to_owned()),
            Zone::Fixed(_) => None,
            Zone::Named(zone) => {
                let seconds = wall.div_euclid(SECOND) - named_offset(zone, wall);
                let instant = jiff::Timestamp::from_second(seconds).ok()?;
                Some(zone.to_offset_info(instant).abbreviation().to_owned())
            }
        }
    }

    /// The local time of a moment, given in microseconds since 1970.
    pub(super) fn local(&self, instant: i64) -> i64 {
        let offset = match self {
            Zone::Utc => 0,
            Zone::Fixed(seconds) => i64::from(*seconds),
            Zone::Named(zone) => match jiff::Timestamp::from_microsecond(instant) {
                Ok(instant) => i64::from(zone.to_offset(instant).seconds()),
                Err(_) => 0,
            },
        };
        instant + offset * SECOND
    }
}

fn named_offset(zone: &TimeZone, wall: i64) -> i64 {
    let (year, month, day) = datetime::civil(wall.div_euclid(DAY));
    let seconds = wall.rem_euclid(DAY) / SECOND;
    let (Ok(year), Ok(month), Ok(day)) =
        (i16::try_from(year), i8::try_from(month), i8::try_from(day))
    else {
        return 0;
    };
    let part = |seconds: i64| i8::try_from(seconds).unwrap_or(0);
    let civil = jiff::civil::DateTime::new(
        year,
        month,
        day,
        part(seconds / 3600),
        part(seconds / 60 % 60),
        part(seconds % 60),
        0,
    );
    let Ok(civil) = civil else { return 0 };
    let offset = match zone.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => before,
    };
    i64::from(offset.seconds())
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use crate::{Context, Rule, Value, Zone};

    #[test]
    fn a_named_zone_has_its_summer_time_and_the_offset_before_a_change() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
        let context = Context {
            default_timezone: Zone::Named(zone),
            now: std::sync::Arc::new(|| 1_719_784_800_000_000),
            ..Context::default()
        };
        for text in [
            "d\"2024-07-01\".to_epoch == 1719784800",
            "d\"2024-01-01\".to_epoch == 1704063600",
            "d\"2024-03-31T02:30\".to_epoch == 1711848600",
            "d\"2024-10-27T02:30\".to_epoch == 1729989000",
            "d\"2024-07-01\".zone_name == \"CEST\"",
            "d\"2024-01-01\".zone_name == \"CET\"",
            "$now == d\"2024-07-01\" and $today == d\"2024-06-30T22:00Z\"",
        ] {
            let rule = Rule::parse(text, &context).expect(text);
            assert_eq!(
                rule.evaluate(&Value::Null),
                Ok(Value::Boolean(true)),
                "{text}"
            );
        }
    }
}
