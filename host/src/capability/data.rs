//! The documents that the host loaded.

use crate::grants::Resource;
use crate::guest::bindings::touchstone::policy::data::Host;
use crate::guest::bindings::touchstone::policy::types::Error;
use crate::guest::{Ctx, Refusal};

/// Longer than any path of real documents; what `configure` reads is remembered.
const MAX_PATH: usize = 4096;

impl Host for Ctx {
    fn get(&mut self, path: String) -> Result<String, Refusal> {
        self.allow("data", Resource::Path(&path))?;
        if path.len() > MAX_PATH {
            return Err(Refusal::Error(Error::Invalid(format!(
                "a path has at most {MAX_PATH} bytes"
            ))));
        }
        self.read_data(&path)
            .ok_or_else(|| Refusal::Error(Error::NotFound(format!("data has nothing at {path:?}"))))
    }
}
