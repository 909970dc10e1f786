//! Equality and order.

use std::cmp::Ordering;

use super::{Evaluation, leak};
use crate::decimal::Signal;
use crate::error::{Error, Leak};
use crate::node::Node;
use crate::syntax::BinaryOp;
use crate::value::{Set, Value};

impl Evaluation<'_> {
    /// Values of different types are unequal; a NaN is, even to itself.
    pub(super) fn equality(
        &mut self,
        wants: bool,
        left: &Node,
        right: &Node,
    ) -> Result<Value, Error> {
        let left = self.evaluate(left)?;
        let right = self.evaluate(right)?;
        if left.size() == right.size() {
            self.walk(&left)?;
        }
        let equal = match (&left, &right) {
            (Value::Number(left), Value::Number(right)) => {
                left.compare(right) == Some(Ordering::Equal)
            }
            _ => same_type(&left, &right) && left == right,
        };
        Ok(Value::Boolean(equal == wants))
    }

    pub(super) fn ordering(
        &mut self,
        op: BinaryOp,
        left: &Node,
        right: &Node,
    ) -> Result<Value, Error> {
        let left = self.evaluate(left)?;
        let right = self.evaluate(right)?;
        let order = match op {
            BinaryOp::Less => Order::Less,
            BinaryOp::LessEqual => Order::LessEqual,
            BinaryOp::Greater => Order::Greater,
            _ => Order::GreaterEqual,
        };
        self.ordered(order, &left, &right).map(Value::Boolean)
    }

    /// Arrays are ordered by their first members that differ, else by their lengths; nulls are equal.
    fn ordered(&mut self, order: Order, left: &Value, right: &Value) -> Result<bool, Error> {
        self.spend(1 + scalar_weight(left) + scalar_weight(right))?;
        match (left, right) {
            (Value::Null, Value::Null) => Ok(order.holds(Ordering::Equal)),
            (Value::Array(left), Value::Array(right)) => {
                for (left, right) in std::iter::zip(left.iter(), right.iter()) {
                    if self.differs(left, right)? {
                        return self.ordered(order, left, right);
                    }
                }
                Ok(order.holds(left.len().cmp(&right.len())))
            }
            _ if !same_type(left, right) => Err(Error::mismatch()),
            _ => python_order(order, left, right),
        }
    }

    /// Whether members of arrays differ; members of different types cannot be told.
    fn differs(&mut self, left: &Value, right: &Value) -> Result<bool, Error> {
        self.spend(1)?;
        match (left, right) {
            (Value::Array(left), Value::Array(right)) => {
                for (left, right) in std::iter::zip(left.iter(), right.iter()) {
                    if self.differs(left, right)? {
                        return Ok(true);
                    }
                }
                Ok(left.len() != right.len())
            }
            _ if !same_type(left, right) => Err(Error::mismatch()),
            (Value::Number(left), Value::Number(right)) => {
                Ok(left.compare(right) != Some(Ordering::Equal))
            }
            _ => Ok(left != right),
        }
    }
}

fn scalar_weight(value: &Value) -> usize {
    match value {
        Value::Number(number) => number.weight(),
        Value::String(text) => text.len() / 16,
        _ => 0,
    }
}

fn same_type(left: &Value, right: &Value) -> bool {
    std::mem::discriminant(left) == std::mem::discriminant(right)
}

/// `<`, `<=`, `>` or `>=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

impl Order {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Order::Less => ordering == Ordering::Less,
            Order::LessEqual => ordering != Ordering::Greater,
            Order::Greater => ordering == Ordering::Greater,
            Order::GreaterEqual => ordering != Ordering::Less,
        }
    }

    fn subset(self, left: &Set, right: &Set) -> bool {
        match self {
            Order::Less => left.is_subset(right) && left.len() < right.len(),
            Order::LessEqual => left.is_subset(right),
            Order::Greater => right.is_subset(left) && right.len() < left.len(),
            Order::GreaterEqual => right.is_subset(left),
        }
    }
}

/// The order of two values as Python itself sees it: also between numbers and booleans, and of sets by inclusion.
pub(crate) fn order(order: Order, left: &Value, right: &Value) -> Result<bool, Error> {
    match (left, right) {
        (Value::Boolean(left), Value::Number(_)) => {
            python_order(order, &Value::from(i64::from(*left)), right)
        }
        (Value::Number(_), Value::Boolean(right)) => {
            python_order(order, left, &Value::from(i64::from(*right)))
        }
        _ => python_order(order, left, right),
    }
}

fn python_order(by: Order, left: &Value, right: &Value) -> Result<bool, Error> {
    let ordering = match (left, right) {
        (Value::Number(left), Value::Number(right)) => left
            .compare(right)
            .ok_or_else(|| leak(Signal::InvalidOperation))?,
        (Value::Boolean(left), Value::Boolean(right)) => left.cmp(right),
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Bytes(left), Value::Bytes(right)) => left.cmp(right),
        (Value::Datetime(left), Value::Datetime(right)) => left.cmp(right),
        (Value::Timedelta(left), Value::Timedelta(right)) => left.cmp(right),
        (Value::Set(left), Value::Set(right)) => return Ok(by.subset(left, right)),
        (Value::Array(left), Value::Array(right)) => {
            let mut pairs = std::iter::zip(left.iter(), right.iter());
            return match pairs.find(|(left, right)| left != right) {
                Some((left, right)) => order(by, left, right),
                None => Ok(by.holds(left.len().cmp(&right.len()))),
            };
        }
        _ => {
            return Err(Error::leaked(
                Leak::TypeError,
                format!(
                    "not supported between instances of '{}' and '{}'",
                    left.python_name(),
                    right.python_name()
                ),
            ));
        }
    };
    Ok(by.holds(ordering))
}
