//! `& | ^ << >>` of natural numbers, and `& | ^` of sets.

use std::sync::Arc;

use num_bigint::BigUint;
use num_traits::{ToPrimitive, Zero};

use super::Evaluation;
use crate::compile::not_natural;
use crate::decimal::Decimal;
use crate::error::{Error, Leak};
use crate::node::Node;
use crate::syntax::BinaryOp;
use crate::value::{Set, Value};

impl Evaluation<'_> {
    pub(super) fn bitwise(
        &mut self,
        op: BinaryOp,
        left: &Node,
        right: &Node,
    ) -> Result<Value, Error> {
        match self.evaluate(left)? {
            Value::Number(left) => {
                let left = natural(&left)?;
                let Value::Number(right) = self.evaluate(right)? else {
                    return Err(not_natural());
                };
                self.bits(op, left, natural(&right)?)
            }
            Value::Set(left) => {
                let Value::Set(right) = self.evaluate(right)? else {
                    return Err(Error::mismatch());
                };
                self.sets(op, &left, &right)
            }
            _ => Err(Error::mismatch()),
        }
    }

    fn bits(&mut self, op: BinaryOp, left: BigUint, right: BigUint) -> Result<Value, Error> {
        let bits = match op {
            BinaryOp::BitAnd => left & right,
            BinaryOp::BitOr => left | right,
            BinaryOp::BitXor => left ^ right,
            BinaryOp::ShiftRight => match right.to_u64() {
                Some(count) => left >> count,
                None => BigUint::zero(),
            },
            _ if left.is_zero() => left,
            _ => {
                // A digit is a good three bits.
                let most = self.context.limits.digits as u64 * 10 / 3;
                let count = right.to_u64().filter(|count| count + left.bits() <= most);
                left << count.ok_or_else(|| Error::limit("a number becomes too large"))?
            }
        };
        self.spend(usize::try_from(bits.bits() / 32).unwrap_or(0))?;
        Ok(Value::Number(Decimal::from_big(bits)))
    }

    fn sets(&mut self, op: BinaryOp, left: &Arc<Set>, right: &Arc<Set>) -> Result<Value, Error> {
        self.walk(&Value::Set(left.clone()))?;
        self.walk(&Value::Set(right.clone()))?;
        let set = match op {
            BinaryOp::BitAnd => left.and(right),
            BinaryOp::BitOr => left.or(right),
            BinaryOp::BitXor => left.xor(right),
            _ => {
                return Err(Error::leaked(
                    Leak::TypeError,
                    "unsupported operand type(s): 'set' and 'set'",
                ));
            }
        };
        Ok(Value::Set(Arc::new(set)))
    }
}

fn natural(number: &Decimal) -> Result<BigUint, Error> {
    match number.is_natural() {
        true => Ok(number.whole_magnitude()),
        false => Err(not_natural()),
    }
}
