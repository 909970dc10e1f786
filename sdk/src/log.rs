//! Lines for the people who run the policy: into the host's log and the decision. Always granted.

#[cfg(target_arch = "wasm32")]
use crate::bindings::touchstone::policy::log as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::log as host;

use crate::bindings::touchstone::policy::log::LogLevel;

/// For the policy's author.
pub fn debug(message: &str, fields: &[(&str, &str)]) {
    write(LogLevel::Debug, message, fields);
}

/// For the record.
pub fn info(message: &str, fields: &[(&str, &str)]) {
    write(LogLevel::Info, message, fields);
}

/// Something is odd.
pub fn warn(message: &str, fields: &[(&str, &str)]) {
    write(LogLevel::Warn, message, fields);
}

/// Something is wrong.
pub fn error(message: &str, fields: &[(&str, &str)]) {
    write(LogLevel::Error, message, fields);
}

fn write(level: LogLevel, message: &str, fields: &[(&str, &str)]) {
    let fields: Vec<(String, String)> = fields
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    host::write(level, message, &fields);
}
