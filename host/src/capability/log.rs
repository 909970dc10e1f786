//! Lines for the people who run the policy. They are kept in the decision, within bounds, and traced from there.

use crate::grants::Resource;
use crate::guest::Ctx;
use crate::guest::bindings::touchstone::policy::log::{Host, LogLevel};

impl Host for Ctx {
    fn write(
        &mut self,
        level: LogLevel,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        self.allow("log", Resource::Path("write"))?;
        let level = match level {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        };
        self.write_log(level, message, fields.into_iter().collect());
        Ok(())
    }
}
