//! A compiled rule: the tree with its types, names resolved, constants folded, patterns compiled.

use crate::datatype::DataType;
use crate::regex::Regex;
use crate::syntax::{BinaryOp, Logic};
use crate::value::Value;

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub kind: Kind,
    pub datatype: DataType,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Literal(Value),
    Array(Vec<Node>),
    Set(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
    Symbol(String),
    /// `$name`
    Builtin(String),
    /// The variable of a comprehension around, counted from the outermost, and its name.
    Local(usize, String),
    Comprehension(Box<Comprehension>),
    Negative(Box<Node>),
    Not(Box<Node>),
    Binary(BinaryOp, Box<[Node; 2]>),
    /// A comparison with a pattern; compiled already if it is a literal.
    Match(BinaryOp, Box<[Node; 2]>, Option<Regex>),
    Logic(Logic, Vec<Node>),
    /// Condition, then, else
    Ternary(Box<[Node; 3]>),
    Attribute(Box<Attribute>),
    Item(Box<Item>),
    Slice(Box<Slice>),
    Call(Box<Call>),
}

#[derive(Clone, Debug)]
pub(crate) struct Comprehension {
    pub result: Node,
    pub iterable: Node,
    pub condition: Option<Node>,
}

#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub object: Node,
    pub name: String,
    pub safe: bool,
    /// A comprehension's variable of that name, which the original falls back to.
    pub local: Option<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub container: Node,
    pub item: Node,
    pub safe: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Slice {
    pub container: Node,
    pub start: Option<Node>,
    pub stop: Option<Node>,
    pub safe: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub function: Node,
    pub arguments: Vec<Node>,
}

impl Node {
    pub fn new(kind: Kind, datatype: DataType) -> Node {
        Node { kind, datatype }
    }

    pub fn literal(value: Value) -> Node {
        let datatype = DataType::of(&value);
        Node::new(Kind::Literal(value), datatype)
    }

    /// Whether it is made of literals only.
    pub fn is_constant(&self) -> bool {
        match &self.kind {
            Kind::Literal(_) => true,
            Kind::Array(members) | Kind::Set(members) => members.iter().all(Node::is_constant),
            Kind::Mapping(pairs) => pairs
                .iter()
                .all(|(key, value)| key.is_constant() && value.is_constant()),
            _ => false,
        }
    }

    /// The text, if it is a literal one.
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Literal(value) => value.as_str(),
            _ => None,
        }
    }
}
