//! Rules that lead back to themselves, or through more others than the stack has room for.

use std::collections::BTreeMap;

use regorus::unstable::Span;
use touchstone_sdk::Problem;

use super::walk::{RULE, STACK};
use super::{Facts, RuleFacts, problem};
use crate::path::{self, Path};

/// The first such rule.
pub fn find(facts: &Facts) -> Option<Problem> {
    let mut search = Search {
        facts,
        depths: BTreeMap::new(),
        above: Vec::new(),
    };
    facts.values().find_map(|rule| search.depth(rule).err())
}

struct Search<'a> {
    facts: &'a Facts,
    /// How much stack a rule takes with all that it needs.
    depths: BTreeMap<&'a Path, usize>,
    /// The rules that lead to the one that is looked at.
    above: Vec<&'a Path>,
}

impl<'a> Search<'a> {
    fn depth(&mut self, rule: &'a RuleFacts) -> Result<usize, Problem> {
        if let Some(known) = self.depths.get(&rule.path) {
            return Ok(*known);
        }
        self.above.push(&rule.path);
        let mut depth = rule.depth;
        for used in &rule.uses {
            for target in targets(self.facts, &used.path) {
                self.refuse_circle(target, &used.span)?;
                // Each takes at least so much: what is deeper need not be looked at.
                if self.above.len() * RULE > STACK {
                    return Err(too_deep(&used.span));
                }
                depth = depth.max(used.depth + self.depth(target)?);
                if depth > STACK {
                    return Err(too_deep(&used.span));
                }
            }
        }
        self.above.pop();
        self.depths.insert(&rule.path, depth);
        Ok(depth)
    }

    fn refuse_circle(&self, rule: &RuleFacts, span: &Span) -> Result<(), Problem> {
        let Some(start) = self.above.iter().position(|above| **above == rule.path) else {
            return Ok(());
        };
        let circle = self.above.iter().skip(start).copied().chain([&rule.path]);
        let circle: Vec<String> = circle.map(|path| path::short(path)).collect();
        Err(problem(
            span,
            &format!("recursion: {}", circle.join(" needs ")),
        ))
    }
}

fn too_deep(span: &Span) -> Problem {
    problem(
        span,
        "too many rules need each other in a row for the stack",
    )
}

/// The rule that a path leads to or into; or all that are below it.
fn targets<'a>(facts: &'a Facts, path: &'a [String]) -> Vec<&'a RuleFacts> {
    let longest = (1..=path.len()).rev();
    let exact = longest
        .filter_map(|count| path.get(..count))
        .find_map(|start| facts.get(start));
    match exact {
        Some(rule) => vec![rule],
        None => {
            let below = facts.range(path.to_vec()..);
            let below = below.take_while(|(other, _)| other.starts_with(path));
            below.map(|(_, rule)| rule).collect()
        }
    }
}
