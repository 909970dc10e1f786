//! Which types an operator takes, and what refuses the others before anything is evaluated.

use crate::datatype::DataType;
use crate::error::Error;
use crate::node::{Kind, Node};
use crate::syntax::BinaryOp;
use crate::value::Value;

const ANY: &[&str] = &[
    "ARRAY",
    "BOOLEAN",
    "DATETIME",
    "TIMEDELTA",
    "FLOAT",
    "MAPPING",
    "NULL",
    "SET",
    "STRING",
];
const ORDERED: &[&str] = &[
    "ARRAY",
    "BOOLEAN",
    "DATETIME",
    "TIMEDELTA",
    "FLOAT",
    "NULL",
    "STRING",
];
const ADDED: &[&str] = &["BYTES", "FLOAT", "STRING", "DATETIME", "TIMEDELTA"];
const SUBTRACTED: &[&str] = &["FLOAT", "DATETIME", "TIMEDELTA"];

/// The types that an operator takes on either side, and what messages call its sides.
fn operands(op: BinaryOp) -> (&'static [&'static str], [&'static str; 2]) {
    use BinaryOp::*;
    match op {
        Add => (ADDED, ["left operand of '+'", "right operand of '+'"]),
        Subtract => (SUBTRACTED, ["left operand of '-'", "right operand of '-'"]),
        Multiply | Divide | DivideWhole | Modulo | Power => (
            &["FLOAT"],
            ["left arithmetic operand", "right arithmetic operand"],
        ),
        BitAnd | BitOr | BitXor => (
            &["FLOAT", "SET"],
            ["left bitwise operand", "right bitwise operand"],
        ),
        ShiftLeft | ShiftRight => (
            &["FLOAT"],
            ["left bitwise operand", "right bitwise operand"],
        ),
        Less | LessEqual | Greater | GreaterEqual => (
            ORDERED,
            [
                "left ordered-comparison operand",
                "right ordered-comparison operand",
            ],
        ),
        Match | Search | NotMatch | NotSearch => (
            &["NULL", "STRING"],
            ["left regex operand", "right regex operand"],
        ),
        Equal | Unequal | In | NotIn | Coalesce => (ANY, ["", ""]),
    }
}

/// Refuses the wrong types; answers the type of the result.
pub(super) fn binary(op: BinaryOp, left: &Node, right: &Node) -> Result<DataType, Error> {
    use BinaryOp::*;
    let (taken, roles) = operands(op);
    takes(taken, &left.datatype)?;
    takes(taken, &right.datatype)?;
    if matches!(op, Equal | Unequal) {
        return Ok(DataType::Boolean);
    }
    not_nullable(&left.datatype, roles[0])?;
    not_nullable(&right.datatype, roles[1])?;
    match op {
        Add => sum(&left.datatype, &right.datatype),
        Subtract => difference(&left.datatype, &right.datatype),
        Multiply | Divide | DivideWhole | Modulo | Power => Ok(DataType::Float),
        BitAnd | BitOr | BitXor => bitwise(left, right),
        ShiftLeft | ShiftRight => bitwise(left, right).map(|_| DataType::Float),
        Less | LessEqual | Greater | GreaterEqual => {
            same(&left.datatype, &right.datatype).map(|()| DataType::Boolean)
        }
        _ => Ok(DataType::Boolean),
    }
}

/// Operands of `and` and `or`.
pub(super) fn logic(datatype: &DataType) -> Result<(), Error> {
    takes(ANY, datatype)
}

fn takes(taken: &[&str], datatype: &DataType) -> Result<(), Error> {
    let fits = match datatype {
        DataType::Undefined => true,
        DataType::Nullable(inner) => taken.contains(&"NULL") || taken.contains(&inner.name()),
        other => taken.contains(&other.name()),
    };
    if fits { Ok(()) } else { Err(Error::mismatch()) }
}

pub(super) fn not_nullable(datatype: &DataType, role: &str) -> Result<(), Error> {
    if !datatype.is_nullable() {
        return Ok(());
    }
    Err(Error::evaluation(format!(
        "data type mismatch ({role} is nullable; discharge with '??' or use '&.' / '&[' for safe navigation)"
    )))
}

fn same(left: &DataType, right: &DataType) -> Result<(), Error> {
    let known = !left.is_undefined() && !right.is_undefined();
    match known && left != right {
        true => Err(Error::mismatch()),
        false => Ok(()),
    }
}

fn sum(left: &DataType, right: &DataType) -> Result<DataType, Error> {
    use DataType::{Datetime, Timedelta, Undefined};
    match (left, right) {
        (Undefined, _) | (_, Undefined) => Ok(Undefined),
        (Datetime, Timedelta) | (Timedelta, Datetime) => Ok(Datetime),
        (Timedelta, Timedelta) => Ok(Timedelta),
        (Datetime, Datetime) => Err(Error::mismatch()),
        _ => same(left, right).map(|()| left.clone()),
    }
}

fn difference(left: &DataType, right: &DataType) -> Result<DataType, Error> {
    use DataType::{Datetime, Timedelta, Undefined};
    match (left, right) {
        (Undefined, _) | (_, Undefined) => Ok(Undefined),
        (Datetime, Datetime) => Ok(Timedelta),
        (Datetime, Timedelta) => Ok(Datetime),
        _ => same(left, right).map(|()| left.clone()),
    }
}

/// Natural numbers or sets; constants are looked at right away.
fn bitwise(left: &Node, right: &Node) -> Result<DataType, Error> {
    let is_set = |node: &Node| matches!(node.datatype, DataType::Set(_));
    let known = !left.datatype.is_undefined() && !right.datatype.is_undefined();
    if known && is_set(left) != is_set(right) {
        return Err(Error::mismatch());
    }
    for side in [left, right] {
        if let Kind::Literal(Value::Number(number)) = &side.kind
            && !number.is_natural()
        {
            return Err(not_natural());
        }
    }
    let is_float = |node: &Node| matches!(node.datatype, DataType::Float);
    if is_set(left) || is_set(right) {
        return Ok(DataType::Undefined.into_set());
    }
    match is_float(left) || is_float(right) {
        true => Ok(DataType::Float),
        false => Ok(DataType::Undefined),
    }
}

pub(crate) fn not_natural() -> Error {
    Error::evaluation("data type mismatch (not a natural number)")
}

/// `left ?? right`
pub(super) fn coalesce(left: &DataType, right: &DataType) -> Result<DataType, Error> {
    let (left, right_inner) = (left.unwrapped(), right.unwrapped());
    let known = |datatype: &DataType| !matches!(datatype, DataType::Undefined | DataType::Null);
    if known(left) && known(right_inner) && !left.is_compatible(right_inner) {
        return Err(Error::mismatch());
    }
    let base = if known(left) { left } else { right_inner }.clone();
    let nullable = right.is_nullable() || matches!(right, DataType::Null);
    Ok(if nullable { base.into_nullable() } else { base })
}
