//! `+ - * / // % **` and the unary minus.

use super::{Evaluation, arithmetic_error, leak};
use crate::decimal::Decimal;
use crate::error::{Error, Leak};
use crate::node::Node;
use crate::syntax::BinaryOp;
use crate::time::Timedelta;
use crate::value::Value;

impl Evaluation<'_> {
    pub(super) fn sum(&mut self, adds: bool, left: &Node, right: &Node) -> Result<Value, Error> {
        let left = self.evaluate(left)?;
        let right = self.evaluate(right)?;
        if let (Value::Number(left), Value::Number(right)) = (&left, &right) {
            self.spend(left.weight() + right.weight())?;
            let sum = match adds {
                true => left.add(right),
                false => left.subtract(right),
            };
            return sum.map(Value::Number).map_err(leak);
        }
        match adds {
            true => self.add(&left, &right),
            false => subtract(&left, &right),
        }
    }

    fn add(&mut self, left: &Value, right: &Value) -> Result<Value, Error> {
        match (left, right) {
            (Value::Datetime(datetime), Value::Timedelta(delta))
            | (Value::Timedelta(delta), Value::Datetime(datetime)) => datetime
                .plus(delta)
                .map(Value::Datetime)
                .ok_or_else(out_of_range),
            (Value::Timedelta(left), Value::Timedelta(right)) => {
                duration(left.microseconds() + right.microseconds())
            }
            (Value::Datetime(_), _) => Err(not_timedelta()),
            (Value::Timedelta(_), _) => Err(not_datetime_or_timedelta()),
            (Value::Bytes(left), Value::Bytes(right)) => {
                self.make(left.len() + right.len())?;
                Ok(Value::Bytes(
                    [left.as_ref(), right.as_ref()].concat().into(),
                ))
            }
            (Value::String(left), Value::String(right)) => {
                self.make(left.len() + right.len())?;
                Ok(Value::String(
                    [left.as_ref(), right.as_ref()].concat().into(),
                ))
            }
            // Of two operands the original looks at the left one only.
            (Value::Bytes(_) | Value::String(_), _) if !bytes_after_text(left, right) => {
                Err(Error::leaked(Leak::TypeError, "can't concat"))
            }
            (_, Value::Bytes(_)) => {
                Err(Error::evaluation("data type mismatch (not a bytes value)"))
            }
            (_, Value::String(_)) => {
                Err(Error::evaluation("data type mismatch (not a string value)"))
            }
            _ => Err(not_numeric()),
        }
    }

    pub(super) fn product(
        &mut self,
        op: BinaryOp,
        left: &Node,
        right: &Node,
    ) -> Result<Value, Error> {
        let left = number(self.evaluate(left)?)?;
        let right = number(self.evaluate(right)?)?;
        self.spend(left.weight() + right.weight())?;
        let result = match op {
            BinaryOp::Multiply => left.multiply(&right),
            BinaryOp::Divide => left.divide(&right),
            BinaryOp::DivideWhole => left.divide_whole(&right),
            BinaryOp::Modulo => left.remainder(&right),
            _ => left.power(&right),
        };
        result
            .map(Value::Number)
            .map_err(|signal| arithmetic_error(signal, self.context.is_v4()))
    }

    pub(super) fn negative(&mut self, operand: &Node) -> Result<Value, Error> {
        match self.evaluate(operand)? {
            Value::Number(number) => number.negate().map(Value::Number).map_err(leak),
            Value::Timedelta(delta) => duration(-delta.microseconds()),
            _ => Err(Error::evaluation(
                "data type mismatch (not a numeric or timedelta value)",
            )),
        }
    }
}

/// Text before bytes: bytes are looked for first, and the left one is none.
fn bytes_after_text(left: &Value, right: &Value) -> bool {
    matches!((left, right), (Value::String(_), Value::Bytes(_)))
}

fn subtract(left: &Value, right: &Value) -> Result<Value, Error> {
    match (left, right) {
        (Value::Datetime(left), Value::Datetime(right)) => Ok(Value::Timedelta(left.minus(right))),
        (Value::Datetime(datetime), Value::Timedelta(delta)) => {
            let back = Timedelta::from_microseconds(-delta.microseconds());
            datetime
                .plus(&back)
                .map(Value::Datetime)
                .ok_or_else(out_of_range)
        }
        (Value::Timedelta(left), Value::Timedelta(right)) => {
            duration(left.microseconds() - right.microseconds())
        }
        (Value::Datetime(_), _) => Err(not_datetime_or_timedelta()),
        (Value::Timedelta(_), _) => Err(not_timedelta()),
        _ => Err(not_numeric()),
    }
}

fn number(value: Value) -> Result<Decimal, Error> {
    match value {
        Value::Number(number) => Ok(number),
        _ => Err(not_numeric()),
    }
}

fn duration(microseconds: i128) -> Result<Value, Error> {
    Timedelta::from_microseconds(microseconds)
        .in_range()
        .map(Value::Timedelta)
        .ok_or_else(out_of_range)
}

fn out_of_range() -> Error {
    Error::leaked(Leak::OverflowError, "date value out of range")
}

fn not_numeric() -> Error {
    Error::evaluation("data type mismatch (not a numeric value)")
}

fn not_timedelta() -> Error {
    Error::evaluation("data type mismatch (not a timedelta value)")
}

fn not_datetime_or_timedelta() -> Error {
    Error::evaluation("data type mismatch (not a datetime or timedelta value)")
}
