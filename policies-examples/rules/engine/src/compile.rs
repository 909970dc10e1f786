//! From a tree to nodes: finds the types, refuses what cannot work, and evaluates what is constant. The order of all
//! this is that of the original, because the first mistake is the one that is reported.

mod access;
mod check;
mod collection;
mod literal;
mod operator;

pub(crate) use access::{not_callable, not_integer};
pub(crate) use check::not_natural;
pub(crate) use collection::{not_iterable, refuse_key};
pub(crate) use literal::{parse_datetime, parse_float, parse_timedelta};

use std::collections::BTreeSet;

use crate::builtins;
use crate::context::Context;
use crate::datatype::DataType;
use crate::error::Error;
use crate::evaluate::Evaluation;
use crate::node::{Kind, Node};
use crate::suggestion::suggest;
use crate::syntax::Tree;
use crate::value::Value;

pub(crate) struct Compiler<'a> {
    context: &'a Context,
    /// Evaluates what is constant.
    evaluation: Evaluation<'a>,
    /// The variables of the comprehensions around, from the outermost, and their types.
    locals: Vec<(String, DataType)>,
    /// The symbols that must come from the event.
    pub symbols: BTreeSet<String>,
    /// Whether `$re_groups` is asked for, so that matches must keep their groups.
    pub uses_groups: bool,
}

impl<'a> Compiler<'a> {
    pub fn new(context: &'a Context) -> Compiler<'a> {
        Compiler {
            context,
            evaluation: Evaluation::new(context, &Value::Null, false),
            locals: Vec::new(),
            symbols: BTreeSet::new(),
            uses_groups: false,
        }
    }

    pub fn compile(&mut self, tree: &Tree) -> Result<Node, Error> {
        match tree {
            Tree::Null => Ok(Node::literal(Value::Null)),
            Tree::Boolean(boolean) => Ok(Node::literal(Value::Boolean(*boolean))),
            Tree::Float(digits) => literal::float(digits, self.context),
            Tree::String(text) => Ok(Node::literal(Value::String(text.clone()))),
            Tree::Bytes(bytes) => Ok(Node::literal(Value::Bytes(bytes.clone()))),
            Tree::Datetime(text) => literal::datetime(text, self.context),
            Tree::Timedelta(text) => literal::timedelta(text),
            Tree::Symbol(name) => self.symbol(name),
            Tree::Builtin(name) => Ok(self.builtin(name)),
            Tree::Array(members) => self.array(members),
            Tree::Set(members) => self.set(members),
            Tree::Mapping(pairs) => self.mapping(pairs),
            Tree::Comprehension(comprehension) => self.comprehension(comprehension),
            Tree::Negative(operand) => self.negative(operand),
            Tree::Not(operand) => self.not(operand),
            Tree::Binary(op, operands) => self.binary(*op, operands),
            Tree::Logic(logic, operands) => self.logic(*logic, operands),
            Tree::Ternary(parts) => self.ternary(parts),
            Tree::Attribute(attribute) => self.attribute(attribute),
            Tree::Item(item) => self.item(item),
            Tree::Slice(slice) => self.slice(slice),
            Tree::Call(call) => self.call(call),
        }
    }

    /// The variable of that name of the outermost comprehension that has one.
    fn local(&self, name: &str) -> Option<usize> {
        self.locals.iter().position(|(local, _)| local == name)
    }

    fn symbol(&mut self, name: &str) -> Result<Node, Error> {
        if let Some(index) = self.local(name) {
            let datatype = self.locals.get(index).map(|(_, datatype)| datatype.clone());
            let kind = Kind::Local(index, name.to_owned());
            return Ok(Node::new(kind, datatype.unwrap_or(DataType::Undefined)));
        }
        self.symbols.insert(name.to_owned());
        let datatype = match &self.context.symbol_types {
            None => DataType::Undefined,
            Some(types) => types.get(name).cloned().ok_or_else(|| {
                let names = types.keys().map(String::as_str);
                Error::unknown_symbol(name, suggest(name, names))
            })?,
        };
        Ok(Node::new(Kind::Symbol(name.to_owned()), datatype))
    }

    fn builtin(&mut self, name: &str) -> Node {
        self.uses_groups |= name == "re_groups";
        Node::new(Kind::Builtin(name.to_owned()), builtins::datatype(name))
    }

    /// Evaluates a node whose parts are constant.
    fn folded(&mut self, node: Node) -> Result<Node, Error> {
        Ok(Node::literal(self.evaluation.evaluate(&node)?))
    }

    fn folded_if(&mut self, constant: bool, node: Node) -> Result<Node, Error> {
        match constant {
            true => self.folded(node),
            false => Ok(node),
        }
    }
}
