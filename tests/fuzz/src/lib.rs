//! The host's modules that read what strangers write, compiled alone, and what the fuzz targets share.

pub mod document;
pub mod evidence;
pub mod image;
mod mutate;

use self::evidence::{Evidence, Wrong};

pub use self::mutate::{mutate, mutate_part};

/// Writes evidence in the format `touchstone`, and reads that.
pub fn written_and_read(evidence: &Evidence) -> Result<Evidence, Wrong> {
    let text = serde_json::json!({"format": "touchstone/evidence/v1", "evidence": evidence});
    let format = evidence::find("touchstone").expect("it is in the table");
    (format.read)(&text.to_string())
}
