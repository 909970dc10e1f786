//! Arrays, sets, mappings and comprehensions.

use super::Compiler;
use crate::datatype::DataType;
use crate::error::{Error, ErrorKind};
use crate::node::{self, Kind, Node};
use crate::syntax::{Comprehension, Tree};

impl Compiler<'_> {
    pub(super) fn array(&mut self, members: &[Tree]) -> Result<Node, Error> {
        let members = self.all(members)?;
        let datatype = common(members.iter()).into_array();
        Ok(self.ready(Node::new(Kind::Array(members), datatype)))
    }

    pub(super) fn set(&mut self, members: &[Tree]) -> Result<Node, Error> {
        let members = self.all(members)?;
        let datatype = common(members.iter()).into_set();
        Ok(self.ready(Node::new(Kind::Set(members), datatype)))
    }

    pub(super) fn mapping(&mut self, pairs: &[(Tree, Tree)]) -> Result<Node, Error> {
        let mut nodes = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            nodes.push((self.compile(key)?, self.compile(value)?));
        }
        let keys = common(nodes.iter().map(|(key, _)| key));
        refuse_key(&keys)?;
        let datatype = keys.into_mapping(common(nodes.iter().map(|(_, value)| value)));
        Ok(self.ready(Node::new(Kind::Mapping(nodes), datatype)))
    }

    pub(super) fn all(&mut self, trees: &[Tree]) -> Result<Vec<Node>, Error> {
        trees.iter().map(|tree| self.compile(tree)).collect()
    }

    /// A collection of constants is made once. Where that fails, it fails at every evaluation, as in the original. Its
    /// type stays the one of its parts, which know more of functions than their values do.
    fn ready(&mut self, node: Node) -> Node {
        if !node.is_constant() {
            return node;
        }
        match self.evaluation.evaluate(&node) {
            Ok(value) => Node::new(Kind::Literal(value), node.datatype),
            Err(_) => node,
        }
    }

    pub(super) fn comprehension(&mut self, tree: &Comprehension) -> Result<Node, Error> {
        let iterable = self.compile(&tree.iterable)?;
        let member = match (&iterable.datatype, iterable.datatype.iterated()) {
            (_, Some(member)) => member.clone(),
            (DataType::Undefined, None) => DataType::Undefined,
            _ => return Err(not_iterable()),
        };
        self.locals.push((tree.variable.clone(), member));
        let inner = self.inside(tree);
        self.locals.pop();
        let (result, condition) = inner?;
        let datatype = result.datatype.clone().into_array();
        let comprehension = node::Comprehension {
            result,
            iterable,
            condition,
        };
        Ok(Node::new(
            Kind::Comprehension(Box::new(comprehension)),
            datatype,
        ))
    }

    fn inside(&mut self, tree: &Comprehension) -> Result<(Node, Option<Node>), Error> {
        let condition = tree.condition.as_ref().map(|tree| self.compile(tree));
        let condition = condition.transpose()?;
        Ok((self.compile(&tree.result)?, condition))
    }
}

fn common<'a>(nodes: impl Iterator<Item = &'a Node>) -> DataType {
    DataType::common(nodes.map(|node| node.datatype.clone()))
}

pub(crate) fn refuse_key(datatype: &DataType) -> Result<(), Error> {
    if datatype.is_scalar() || matches!(datatype, DataType::Array(_)) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::EngineError,
        format!(
            "the {} data type may not be used for mapping keys",
            datatype.name()
        ),
    ))
}

pub(crate) fn not_iterable() -> Error {
    Error::evaluation("data type mismatch (comprehension requires an iterable)")
}
