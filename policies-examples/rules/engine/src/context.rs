//! What a rule is parsed and evaluated with: the version to be compatible with, time zone, clock, and limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::datatype::DataType;
use crate::time::Zone;
use crate::value::Value;

/// Which version's grammar and behaviour a rule has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compat {
    /// As version 4.5.3.
    V4,
    /// As version 5.0.2.
    #[default]
    V5,
}

/// Flags for all patterns of a rule, those of Python's `re` module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegexFlags {
    /// `re.IGNORECASE`
    pub ignore_case: bool,
    /// `re.MULTILINE`
    pub multi_line: bool,
    /// `re.DOTALL`
    pub dot_all: bool,
    /// `re.VERBOSE`
    pub verbose: bool,
    /// `re.ASCII`
    pub ascii: bool,
}

/// What a rule may cost. A rule that needs more ends with `LimitExceeded`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How deep expressions may be nested.
    pub depth: usize,
    /// How many steps an evaluation may take: one for each node, and one for each member of a collection walked through.
    pub steps: u64,
    /// How many members a collection or bytes a text may get.
    pub size: usize,
    /// How many digits a number may have.
    pub digits: usize,
    /// How often matching one pattern may go back and try another way.
    pub backtracks: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            depth: 100,
            steps: 1_000_000,
            size: 1 << 20,
            digits: 10_000,
            backtracks: 250_000,
        }
    }
}

/// The time in microseconds since 1970-01-01T00:00Z.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A random number of 64 bits.
pub type Random = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What a rule is parsed and evaluated with.
#[derive(Clone)]
pub struct Context {
    /// Which version to be compatible with.
    pub compat: Compat,
    /// The zone of points in time that name none, and of `$now`.
    pub default_timezone: Zone,
    /// What a missing symbol or attribute is; without it they are errors.
    pub default_value: Option<Value>,
    /// Flags for all patterns.
    pub regex_flags: RegexFlags,
    /// Whether `mapping.key` may mean `mapping["key"]`; version 4 always allows it.
    pub mapping_attribute_lookup: bool,
    /// The types of symbols; with them, other symbols are errors already at parse time.
    pub symbol_types: Option<BTreeMap<String, DataType>>,
    /// What time it is, for `$now` and `$today`. By default always 1970: a rule has no clock unless it is given one.
    pub now: Clock,
    /// Random numbers for `$random`. By default always the same: a rule has no dice unless it is given some.
    pub random: Random,
    /// What a rule may cost.
    pub limits: Limits,
}

impl Default for Context {
    fn default() -> Context {
        Context {
            compat: Compat::default(),
            default_timezone: Zone::Utc,
            default_value: None,
            regex_flags: RegexFlags::default(),
            mapping_attribute_lookup: true,
            symbol_types: None,
            now: Arc::new(|| 0),
            random: Arc::new(|| 0),
            limits: Limits::default(),
        }
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Context")
            .field("compat", &self.compat)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Context {
    /// The default of version 4.5.3.
    pub fn v4() -> Context {
        Context {
            compat: Compat::V4,
            ..Context::default()
        }
    }

    pub(crate) fn is_v4(&self) -> bool {
        self.compat == Compat::V4
    }
}
