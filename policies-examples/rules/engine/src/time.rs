//! Points in time and durations, as Python's `datetime` counts them: microseconds, years 1 to 9999, no leap seconds.

mod datetime;
mod duration;
mod isoparse;
mod zone;

pub use datetime::Datetime;
pub use duration::Timedelta;
pub use zone::Zone;

pub(crate) use duration::{DurationError, parse_duration};
pub(crate) use isoparse::{DatetimeError, parse_datetime};

/// Microseconds in a second, and so on up.
pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const DAY: i64 = 86_400 * SECOND;
