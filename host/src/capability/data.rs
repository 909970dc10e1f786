//! The documents that the host loaded.

use crate::guest::bindings::touchstone::policy::data::Host;
use crate::guest::bindings::touchstone::policy::types::Error;
use crate::guest::{Ctx, Refusal};

impl Host for Ctx {
    fn get(&mut self, path: String) -> Result<String, Refusal> {
        self.allow("data", &path)?;
        self.read_data(&path)
            .ok_or_else(|| Refusal::Error(Error::NotFound(format!("data has nothing at {path:?}"))))
    }
}
