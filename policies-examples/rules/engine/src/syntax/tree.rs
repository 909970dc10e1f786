//! The tree of a rule as it was written.

use std::sync::Arc;

#[derive(Clone, Debug)]
pub(crate) enum Tree {
    Null,
    Boolean(bool),
    Float(String),
    String(Arc<str>),
    Bytes(Arc<[u8]>),
    Datetime(String),
    Timedelta(String),
    Symbol(String),
    /// `$name`, without the dollar sign
    Builtin(String),
    Array(Vec<Tree>),
    Set(Vec<Tree>),
    Mapping(Vec<(Tree, Tree)>),
    Comprehension(Box<Comprehension>),
    Negative(Box<Tree>),
    Not(Box<Tree>),
    Binary(BinaryOp, Box<[Tree; 2]>),
    /// A row of `and`, or of `or`: long ones would otherwise nest deeply.
    Logic(Logic, Vec<Tree>),
    /// Condition, then, else
    Ternary(Box<[Tree; 3]>),
    Attribute(Box<Attribute>),
    Item(Box<Item>),
    Slice(Box<Slice>),
    Call(Box<Call>),
}

#[derive(Clone, Debug)]
pub(crate) struct Comprehension {
    pub result: Tree,
    pub variable: String,
    pub iterable: Tree,
    pub condition: Option<Tree>,
}

#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub object: Tree,
    pub name: String,
    pub safe: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub container: Tree,
    pub item: Tree,
    pub safe: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Slice {
    pub container: Tree,
    pub start: Option<Tree>,
    pub stop: Option<Tree>,
    pub safe: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub function: Tree,
    pub arguments: Vec<Tree>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Logic {
    And,
    Or,
}

/// Operators with two operands, but for `and` and `or`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BinaryOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    DivideWhole,
    Modulo,
    Power,
    BitAnd,
    BitOr,
    BitXor,
    ShiftLeft,
    ShiftRight,
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Match,
    Search,
    NotMatch,
    NotSearch,
    In,
    NotIn,
    Coalesce,
}
