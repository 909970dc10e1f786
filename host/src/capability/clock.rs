//! The decision's time, which stands still while the decision lasts.

use crate::grants::Resource;
use crate::guest::bindings::touchstone::policy::clock::{Host, Instant};
use crate::guest::{Ctx, Refusal};

impl Host for Ctx {
    fn now(&mut self) -> Result<Instant, Refusal> {
        self.allow("clock", Resource::Path("now"))?;
        let now = self.time()?;
        // jiff's nanoseconds are negative only before 1970.
        Ok(Instant {
            seconds: now.as_second(),
            nanoseconds: now.subsec_nanosecond().unsigned_abs(),
        })
    }
}
