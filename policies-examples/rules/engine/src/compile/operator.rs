//! Operators.

use super::{Compiler, check};
use crate::datatype::DataType;
use crate::error::Error;
use crate::node::{Kind, Node};
use crate::syntax::{BinaryOp, Logic, Tree};
use crate::value::Value;

impl Compiler<'_> {
    pub(super) fn negative(&mut self, operand: &Tree) -> Result<Node, Error> {
        let operand = self.compile(operand)?;
        check::not_nullable(&operand.datatype, "unary minus operand")?;
        let constant = operand.is_constant();
        let literal = matches!(
            &operand.kind,
            Kind::Literal(Value::Number(_) | Value::Timedelta(_))
        );
        if constant && !literal {
            return Err(Error::evaluation(
                "data type mismatch (not a float or timedelta expression)",
            ));
        }
        let datatype = operand.datatype.clone();
        self.folded_if(
            constant,
            Node::new(Kind::Negative(Box::new(operand)), datatype),
        )
    }

    pub(super) fn not(&mut self, operand: &Tree) -> Result<Node, Error> {
        let operand = self.compile(operand)?;
        let constant = operand.is_constant();
        let node = Node::new(Kind::Not(Box::new(operand)), DataType::Boolean);
        self.folded_if(constant, node)
    }

    pub(super) fn binary(&mut self, op: BinaryOp, operands: &[Tree; 2]) -> Result<Node, Error> {
        if matches!(op, BinaryOp::In | BinaryOp::NotIn) {
            return self.contains(op, operands);
        }
        let left = self.compile(&operands[0])?;
        let right = self.compile(&operands[1])?;
        let datatype = match op {
            BinaryOp::Coalesce => check::coalesce(&left.datatype, &right.datatype)?,
            _ => check::binary(op, &left, &right)?,
        };
        let constant = left.is_constant() && right.is_constant();
        let is_match = matches!(
            op,
            BinaryOp::Match | BinaryOp::Search | BinaryOp::NotMatch | BinaryOp::NotSearch
        );
        let kind = if is_match {
            let regex = right.as_text().map(|text| self.evaluation.regex(text, op));
            let regex = regex.transpose()?;
            Kind::Match(op, Box::new([left, right]), regex)
        } else {
            Kind::Binary(op, Box::new([left, right]))
        };
        self.folded_if(constant, Node::new(kind, datatype))
    }

    /// `member in container`: the container comes first.
    fn contains(&mut self, op: BinaryOp, operands: &[Tree; 2]) -> Result<Node, Error> {
        let container = self.compile(&operands[1])?;
        let member = self.compile(&operands[0])?;
        check::not_nullable(&container.datatype, "containment container")?;
        let inner = member.datatype.unwrapped();
        match &container.datatype {
            DataType::Undefined => {}
            DataType::Bytes | DataType::String
                if inner.is_undefined() || *inner == container.datatype => {}
            other if other.is_scalar() => return Err(Error::mismatch()),
            _ => {}
        }
        let constant = container.is_constant() && member.is_constant();
        let kind = Kind::Binary(op, Box::new([member, container]));
        self.folded_if(constant, Node::new(kind, DataType::Boolean))
    }

    /// A row of `and` or `or`, from the left; constants at its start are folded.
    pub(super) fn logic(&mut self, logic: Logic, operands: &[Tree]) -> Result<Node, Error> {
        let mut row: Vec<Node> = Vec::with_capacity(operands.len());
        for operand in operands {
            let operand = self.compile(operand)?;
            if let [only] = row.as_slice() {
                check::logic(&only.datatype)?;
            }
            if !row.is_empty() {
                check::logic(&operand.datatype)?;
            }
            row.push(operand);
            if let [left, right] = row.as_slice()
                && left.is_constant()
                && right.is_constant()
            {
                let pair = Node::new(
                    Kind::Logic(logic, std::mem::take(&mut row)),
                    DataType::Boolean,
                );
                row.push(self.folded(pair)?);
            }
        }
        match row.len() {
            1 => Ok(row.remove(0)),
            _ => Ok(Node::new(Kind::Logic(logic, row), DataType::Boolean)),
        }
    }

    pub(super) fn ternary(&mut self, parts: &[Tree; 3]) -> Result<Node, Error> {
        let condition = self.compile(&parts[0])?;
        let then = self.compile(&parts[1])?;
        let otherwise = self.compile(&parts[2])?;
        if condition.is_constant() {
            let chosen = match is_true(&condition) {
                true => then,
                false => otherwise,
            };
            return Ok(chosen);
        }
        let (left, right) = (then.datatype.unwrapped(), otherwise.datatype.unwrapped());
        let mut datatype = match (left, right) {
            _ if left == right => left.clone(),
            (DataType::Array(_), DataType::Array(_)) => DataType::array(),
            _ => DataType::Undefined,
        };
        if then.datatype.is_nullable() || otherwise.datatype.is_nullable() {
            datatype = datatype.into_nullable();
        }
        let kind = Kind::Ternary(Box::new([condition, then, otherwise]));
        Ok(Node::new(kind, datatype))
    }
}

/// Truth of a constant: of a collection, whether it has members.
fn is_true(constant: &Node) -> bool {
    match &constant.kind {
        Kind::Literal(value) => value.is_true(),
        Kind::Array(members) | Kind::Set(members) => !members.is_empty(),
        Kind::Mapping(pairs) => !pairs.is_empty(),
        _ => true,
    }
}
