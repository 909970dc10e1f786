//! Evidence: what is known of an image, from any scanner's report. Every report is recognised by its content, read into
//! the same plain data ([`Evidence`]), merged with what other reports say of the same image, and queried by filter.

mod format;
mod merge;
mod model;
mod query;

pub use self::format::{
    Candidate, FORMATS, Format, ReadError, Sketch, Wrong, decompress, find, is_report, names, read,
};
pub use self::merge::{IdentityError, beside, identify, merge};
pub use self::model::*;
pub use self::query::{
    FileQuery, PackageQuery, Page, Query, RuleQuery, VulnerabilityQuery, Window, ask, is_os_kind,
    wildcard,
};
