//! The value of a node. Everything that a rule does costs steps, so that it ends.

mod access;
mod arithmetic;
mod bitwise;
mod call;
mod collection;
mod compare;
mod matching;
mod symbol;

pub(crate) use call::check_arguments;
pub(crate) use compare::{Order, order};

use crate::context::Context;
use crate::decimal::Signal;
use crate::error::{Error, ErrorKind, Leak};
use crate::node::{Kind, Node};
use crate::regex::Regex;
use crate::syntax::{BinaryOp, Logic};
use crate::value::Value;

/// One evaluation of a rule.
pub(crate) struct Evaluation<'a> {
    pub context: &'a Context,
    /// The event.
    thing: &'a Value,
    /// The values of the comprehensions' variables, from the outermost.
    locals: Vec<Value>,
    /// The groups of the last match, for `$re_groups`.
    groups: Value,
    keeps_groups: bool,
    steps: u64,
    /// Patterns that were not literals, compiled in this evaluation.
    regexes: Vec<(String, bool, Regex)>,
}

impl<'a> Evaluation<'a> {
    pub fn new(context: &'a Context, thing: &'a Value, keeps_groups: bool) -> Evaluation<'a> {
        Evaluation {
            context,
            thing,
            locals: Vec::new(),
            groups: Value::Null,
            keeps_groups,
            steps: context.limits.steps,
            regexes: Vec::new(),
        }
    }

    pub fn evaluate(&mut self, node: &Node) -> Result<Value, Error> {
        self.spend(1)?;
        match &node.kind {
            Kind::Literal(value) => Ok(value.clone()),
            Kind::Array(members) => self.array(members),
            Kind::Set(members) => self.set(members),
            Kind::Mapping(pairs) => self.mapping(pairs),
            Kind::Symbol(name) => self.symbol(name, &node.datatype),
            Kind::Builtin(name) => self.builtin(name, &node.datatype),
            Kind::Local(index, name) => self.local(*index, name, &node.datatype),
            Kind::Comprehension(comprehension) => self.comprehension(comprehension),
            Kind::Negative(operand) => self.negative(operand),
            Kind::Not(operand) => Ok(Value::Boolean(!self.evaluate(operand)?.is_true())),
            Kind::Binary(op, operands) => self.binary(*op, operands),
            Kind::Match(op, operands, regex) => self.matching(*op, operands, regex.as_ref()),
            Kind::Logic(logic, operands) => self.logic(*logic, operands),
            Kind::Ternary(parts) => self.ternary(parts),
            Kind::Attribute(attribute) => self.attribute(attribute),
            Kind::Item(item) => self.item(item),
            Kind::Slice(slice) => self.slice(slice),
            Kind::Call(call) => self.call(call),
        }
    }

    fn logic(&mut self, logic: Logic, operands: &[Node]) -> Result<Value, Error> {
        let decides = logic == Logic::Or;
        for operand in operands {
            if self.evaluate(operand)?.is_true() == decides {
                return Ok(Value::Boolean(decides));
            }
        }
        Ok(Value::Boolean(!decides))
    }

    fn ternary(&mut self, parts: &[Node; 3]) -> Result<Value, Error> {
        let [condition, then, otherwise] = parts;
        match self.evaluate(condition)?.is_true() {
            true => self.evaluate(then),
            false => self.evaluate(otherwise),
        }
    }

    fn binary(&mut self, op: BinaryOp, operands: &[Node; 2]) -> Result<Value, Error> {
        use BinaryOp::*;
        let [left, right] = operands;
        match op {
            Equal | Unequal => self.equality(op == Equal, left, right),
            Less | LessEqual | Greater | GreaterEqual => self.ordering(op, left, right),
            Add | Subtract => self.sum(op == Add, left, right),
            Multiply | Divide | DivideWhole | Modulo | Power => self.product(op, left, right),
            BitAnd | BitOr | BitXor | ShiftLeft | ShiftRight => self.bitwise(op, left, right),
            In => self.contains(left, right).map(Value::Boolean),
            NotIn => Ok(Value::Boolean(!self.contains(left, right)?)),
            Coalesce | Match | Search | NotMatch | NotSearch => match self.evaluate(left)? {
                Value::Null => self.evaluate(right),
                value => Ok(value),
            },
        }
    }

    /// Pays for work.
    pub fn spend(&mut self, steps: usize) -> Result<(), Error> {
        match self.steps.checked_sub(steps as u64) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => Err(Error::limit("the rule takes too many steps")),
        }
    }

    /// Pays for walking through all of a value.
    pub fn walk(&mut self, value: &Value) -> Result<(), Error> {
        self.spend(value.size())?;
        match value {
            Value::Array(members) => members.iter().try_for_each(|member| self.walk(member)),
            Value::Set(members) => members.iter().try_for_each(|member| self.walk(member)),
            Value::Mapping(members) => members.iter().try_for_each(|(key, value)| {
                self.walk(key)?;
                self.walk(value)
            }),
            _ => Ok(()),
        }
    }

    /// Refuses to make something so large, and pays for making it.
    pub fn make(&mut self, members: usize) -> Result<(), Error> {
        if members > self.context.limits.size {
            return Err(Error::limit("a value becomes too large"));
        }
        self.spend(members / 16)
    }

    pub fn most_digits(&self) -> i64 {
        i64::try_from(self.context.limits.digits).unwrap_or(i64::MAX)
    }
}

/// Conditions of the arithmetic that the original does not catch.
pub(crate) fn leak(signal: Signal) -> Error {
    match signal {
        Signal::InvalidOperation | Signal::DivisionByZero => {
            Error::leaked(Leak::InvalidOperation, "invalid operation")
        }
        Signal::Overflow => Error::leaked(Leak::Overflow, "overflow"),
        Signal::TooLarge => Error::limit("a number becomes too large"),
    }
}

/// Conditions of the arithmetic that it does catch.
fn arithmetic_error(signal: Signal, v4: bool) -> Error {
    let kind = match v4 {
        true => ErrorKind::EvaluationError,
        false => ErrorKind::ArithmeticError,
    };
    match signal {
        Signal::DivisionByZero => Error::new(kind, "arithmetic error: division by zero"),
        Signal::InvalidOperation | Signal::Overflow => Error::new(kind, "arithmetic error"),
        Signal::TooLarge => leak(signal),
    }
}
