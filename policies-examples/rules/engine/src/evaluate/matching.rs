//! `=~ =~~ !~ !~~`

use super::Evaluation;
use crate::error::Error;
use crate::node::Node;
use crate::regex::{Match, Regex};
use crate::syntax::BinaryOp;
use crate::value::Value;

impl Evaluation<'_> {
    pub(super) fn matching(
        &mut self,
        op: BinaryOp,
        operands: &[Node; 2],
        regex: Option<&Regex>,
    ) -> Result<Value, Error> {
        let [left, right] = operands;
        let left = self.evaluate(left)?;
        if !matches!(left, Value::String(_) | Value::Null) {
            return Err(Error::mismatch());
        }
        let wants = matches!(op, BinaryOp::Match | BinaryOp::Search);
        let compiled;
        let regex = match regex {
            Some(regex) => Some(regex),
            None => match self.evaluate(right)? {
                Value::String(pattern) => {
                    compiled = self.regex(&pattern, op)?;
                    Some(&compiled)
                }
                Value::Null => None,
                _ => return Err(Error::mismatch()),
            },
        };
        let (Value::String(text), Some(regex)) = (&left, regex) else {
            // Null matches nothing but null.
            let both = left.is_null() && regex.is_none();
            return Ok(Value::Boolean(both == wants));
        };
        self.spend(text.len() / 16)?;
        let matched = match regex.find(text, self.keeps_groups)? {
            Match::No => false,
            Match::Yes => true,
            Match::Groups(groups) => {
                self.groups = Value::array(groups);
                true
            }
        };
        Ok(Value::Boolean(matched == wants))
    }

    /// The compiled pattern; one that is asked for again is not compiled again.
    pub fn regex(&mut self, pattern: &str, op: BinaryOp) -> Result<Regex, Error> {
        let anchored = matches!(op, BinaryOp::Match | BinaryOp::NotMatch);
        let known = self
            .regexes
            .iter()
            .find(|(known, known_anchored, _)| known == pattern && *known_anchored == anchored);
        if let Some((_, _, regex)) = known {
            return Ok(regex.clone());
        }
        // Compiling is much dearer than matching.
        self.spend(100 + pattern.len())?;
        let regex = Regex::new(pattern, anchored, self.context)?;
        self.regexes
            .push((pattern.to_owned(), anchored, regex.clone()));
        Ok(regex)
    }
}
