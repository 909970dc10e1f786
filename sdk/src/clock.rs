//! Time. Granted by `clock: [now]`.

use std::time::{Duration, SystemTime};

use crate::Undecided;

#[cfg(target_arch = "wasm32")]
use crate::bindings::touchstone::policy::clock as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::clock as host;

/// The time of the decision; the same at every call within one decision.
pub fn now() -> Result<SystemTime, Undecided> {
    let instant = host::now().map_err(|error| Undecided::new(error.message()))?;
    let seconds = Duration::from_secs(instant.seconds.unsigned_abs());
    let start = if instant.seconds < 0 {
        SystemTime::UNIX_EPOCH - seconds
    } else {
        SystemTime::UNIX_EPOCH + seconds
    };
    Ok(start + Duration::from_nanos(u64::from(instant.nanoseconds)))
}
