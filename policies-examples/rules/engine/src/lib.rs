//! The expression language of the Python package [`rule-engine`](https://pypi.org/project/rule-engine/), version 5.0.2,
//! and on demand that of 4.5.3.
//!
//! ```
//! use rule_engine::{Context, Rule, Value};
//!
//! let rule = Rule::parse(r#"level >= 3 and image =~ "nginx.*""#, &Context::default())?;
//! let event = serde_json::json!({ "level": 5, "image": "nginx:1.27" });
//! assert!(rule.matches(&Value::from(event))?);
//! # Ok::<(), rule_engine::Error>(())
//! ```
//!
//! From text to value: `syntax` makes a tree, `compile` checks types and folds constants, `evaluate` gives the
//! value. `attributes` are what stands behind a dot, `builtins` what begins with a dollar sign. Rules cannot run for
//! long, nest deeply, or grow large: [`Limits`] says how far they may go.

mod attributes;
mod builtins;
mod compile;
mod context;
mod datatype;
mod decimal;
mod error;
mod evaluate;
pub mod file;
mod node;
mod python;
mod regex;
mod rule;
mod suggestion;
mod syntax;
mod time;
mod value;

pub use attributes::Bound;
pub use builtins::Builtin;
pub use context::{Clock, Compat, Context, Limits, Random, RegexFlags};
pub use datatype::{DataType, Signature};
pub use decimal::{Decimal, Signal};
pub use error::{Error, ErrorKind, Leak, Position, Report};
pub use rule::{Rule, difference};
pub use time::{Datetime, Timedelta, Zone};
pub use value::{Function, Mapping, Set, Value};
