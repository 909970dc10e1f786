//! Definitions that do not go together.

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Rule, RuleHead};

use super::{Facts, RuleFacts};
use crate::path::Path;

/// What the definitions of a rule have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It has a value, or values by keys.
    Value,
    /// It is a set: `deny contains …`.
    Set,
    /// It takes so many arguments.
    Function(usize),
}

impl Kind {
    /// The name of a rule and its kind.
    pub fn of(rule: &Rule) -> (&Expr, Kind) {
        match rule {
            Rule::Spec { head, .. } => match head {
                RuleHead::Compr { refr, .. } => (refr, Kind::Value),
                RuleHead::Set { refr, .. } => (refr, Kind::Set),
                RuleHead::Func { refr, args, .. } => (refr, Kind::Function(args.len())),
            },
            Rule::Default { refr, args, .. } if args.is_empty() => (refr, Kind::Value),
            Rule::Default { refr, args, .. } => (refr, Kind::Function(args.len())),
        }
    }
}

/// Rules that have the whole value at their place, and what is below it in packages that are not.
pub fn overlapping(facts: &Facts) -> Vec<(&RuleFacts, &RuleFacts)> {
    let below = |rule: &RuleFacts| {
        let after = facts.range(rule.path.clone()..).skip(1);
        let mut below = after.take_while(|(path, _)| path.starts_with(&rule.path));
        below.find_map(|(_, other)| (other.package < rule.path.len()).then_some(other))
    };
    let whole = facts.values().filter(|rule| rule.is_whole);
    whole
        .filter_map(|rule| Some((rule, below(rule)?)))
        .collect()
}

/// Rules whose place is that of a package or above one.
pub fn over_packages<'a>(facts: &'a Facts, packages: &BTreeSet<Path>) -> Vec<&'a RuleFacts> {
    let is_over = |rule: &&RuleFacts| {
        let below = packages.range(rule.path.clone()..).next();
        below.is_some_and(|package| package.starts_with(&rule.path))
    };
    facts.values().filter(is_over).collect()
}

/// What a default value may not be made of: what has no value of its own. A comprehension has one.
pub fn not_constant(value: &Expr) -> Option<&Expr> {
    match value {
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. }
        | Expr::ArrayCompr { .. }
        | Expr::SetCompr { .. }
        | Expr::ObjectCompr { .. } => None,
        Expr::Array { items, .. } | Expr::Set { items, .. } => {
            items.iter().find_map(|item| not_constant(item))
        }
        Expr::Object { fields, .. } => {
            let mut parts = fields.iter().flat_map(|(_, key, value)| [key, value]);
            parts.find_map(|part| not_constant(part))
        }
        Expr::UnaryExpr { expr, .. } => not_constant(expr),
        other => Some(other),
    }
}
