//! Sets. Python's have an order of their own making; these keep the order of insertion.

use indexmap::IndexSet;

use super::Value;
use crate::error::Error;

/// A set of values that can be hashed.
#[derive(Clone, Debug, Default)]
pub struct Set(IndexSet<Value>);

impl Set {
    /// A set of the members; of equal ones the first stays. Refuses members that are sets or mappings.
    pub fn of<I: IntoIterator<Item = Value>>(members: I) -> Result<Set, Error> {
        let mut set = IndexSet::new();
        for member in members {
            member.check_hashable()?;
            set.insert(member);
        }
        Ok(Set(set))
    }

    /// Whether an equal member is in it.
    pub fn contains(&self, member: &Value) -> bool {
        self.0.contains(member)
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = &Value> {
        self.0.iter()
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all of its members are in the other.
    pub fn is_subset(&self, other: &Set) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The members of both, as they are in the smaller one.
    pub(crate) fn and(&self, other: &Set) -> Set {
        let (walked, asked) = match other.len() > self.len() {
            true => (self, other),
            false => (other, self),
        };
        Set(walked.0.intersection(&asked.0).cloned().collect())
    }

    /// The members of either.
    pub(crate) fn or(&self, other: &Set) -> Set {
        Set(self.0.union(&other.0).cloned().collect())
    }

    /// The members of one but not of the other.
    pub(crate) fn xor(&self, other: &Set) -> Set {
        Set(self.0.symmetric_difference(&other.0).cloned().collect())
    }
}

impl PartialEq for Set {
    fn eq(&self, other: &Set) -> bool {
        self.0 == other.0
    }
}
