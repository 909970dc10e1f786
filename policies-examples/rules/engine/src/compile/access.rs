//! Attributes, items, slices and calls.

use super::{Compiler, check};
use crate::attributes;
use crate::datatype::DataType;
use crate::error::Error;
use crate::evaluate::check_arguments;
use crate::node::{self, Kind, Node};
use crate::syntax::{Attribute, Call, Item, Slice};
use crate::value::Value;

impl Compiler<'_> {
    pub(super) fn attribute(&mut self, tree: &Attribute) -> Result<Node, Error> {
        let object = self.compile(&tree.object)?;
        if !tree.safe {
            check::not_nullable(&object.datatype, "attribute access target")?;
        }
        let mut datatype = self.attribute_type(object.datatype.unwrapped(), tree)?;
        if object.datatype.is_nullable() {
            datatype = datatype.into_nullable();
        }
        let constant = object.is_constant();
        let attribute = node::Attribute {
            object,
            name: tree.name.clone(),
            safe: tree.safe,
            local: self.local(&tree.name),
        };
        let node = Node::new(Kind::Attribute(Box::new(attribute)), datatype.clone());
        if !constant {
            return Ok(node);
        }
        let mut literal = self.folded(node)?;
        // The attribute knows the signature of a function, which its value alone does not tell.
        if matches!(literal.datatype, DataType::Function(_))
            && datatype.is_compatible(&literal.datatype)
        {
            literal.datatype = datatype;
        }
        Ok(literal)
    }

    fn attribute_type(&self, object: &DataType, tree: &Attribute) -> Result<DataType, Error> {
        if object.is_undefined() || (matches!(object, DataType::Null) && tree.safe) {
            return Ok(DataType::Undefined);
        }
        let error = match attributes::datatype(object, &tree.name) {
            Ok(datatype) => return Ok(datatype),
            Err(error) => error,
        };
        if !matches!(object, DataType::Mapping(..)) {
            return Err(error);
        }
        if self.context.mapping_attribute_lookup || self.context.is_v4() {
            // It may be a key.
            return Ok(DataType::Undefined);
        }
        let name = &tree.name;
        Err(Error::evaluation(format!(
            "attribute access on a MAPPING is disabled - use mapping['{name}'] instead, or set \
             mapping_attribute_lookup=True on the Context for v4-compatible behavior (deprecated, removal scheduled \
             for v6.0)"
        )))
    }

    pub(super) fn item(&mut self, tree: &Item) -> Result<Node, Error> {
        let container = self.compile(&tree.container)?;
        let item = self.compile(&tree.item)?;
        if !tree.safe {
            check::not_nullable(&container.datatype, "item access container")?;
        }
        let mut datatype = item_type(container.datatype.unwrapped(), &item.datatype, tree.safe)?;
        if container.datatype.is_nullable() {
            datatype = datatype.into_nullable();
        }
        if let DataType::Mapping(key, _) = &container.datatype
            && tree.safe
            && !item.datatype.is_compatible(key)
        {
            return Ok(Node::literal(Value::Null));
        }
        let constant = container.is_constant() && item.is_constant();
        let item = node::Item {
            container,
            item,
            safe: tree.safe,
        };
        self.folded_if(constant, Node::new(Kind::Item(Box::new(item)), datatype))
    }

    pub(super) fn slice(&mut self, tree: &Slice) -> Result<Node, Error> {
        let mut bound =
            |bound: &Option<_>| bound.as_ref().map(|tree| self.compile(tree)).transpose();
        let start = bound(&tree.start)?;
        let stop = bound(&tree.stop)?;
        let container = self.compile(&tree.container)?;
        if !tree.safe {
            check::not_nullable(&container.datatype, "slice container")?;
        }
        let mut datatype = match container.datatype.unwrapped() {
            DataType::Set(_) => return Err(container_is_set()),
            known @ (DataType::Undefined
            | DataType::Bytes
            | DataType::String
            | DataType::Array(_)) => known.clone(),
            DataType::Null if tree.safe => DataType::Undefined,
            _ => return Err(Error::mismatch()),
        };
        if container.datatype.is_nullable() {
            datatype = datatype.into_nullable();
        }
        let bounds_constant = [&start, &stop].into_iter().flatten().all(Node::is_constant);
        let constant = container.is_constant() && bounds_constant;
        let slice = node::Slice {
            container,
            start,
            stop,
            safe: tree.safe,
        };
        self.folded_if(constant, Node::new(Kind::Slice(Box::new(slice)), datatype))
    }

    pub(super) fn call(&mut self, tree: &Call) -> Result<Node, Error> {
        let function = self.compile(&tree.function)?;
        let arguments = self.all(&tree.arguments)?;
        let datatype = match &function.datatype {
            DataType::Undefined => DataType::Undefined,
            DataType::Function(None) => DataType::Undefined,
            DataType::Function(Some(signature)) => {
                let types = arguments.iter().map(|argument| argument.datatype.clone());
                check_arguments(signature, types)?;
                signature.returns.clone()
            }
            _ => return Err(not_callable()),
        };
        let constant = function.is_constant() && arguments.iter().all(Node::is_constant);
        let call = node::Call {
            function,
            arguments,
        };
        self.folded_if(constant, Node::new(Kind::Call(Box::new(call)), datatype))
    }
}

fn item_type(container: &DataType, item: &DataType, safe: bool) -> Result<DataType, Error> {
    let index = |result: DataType| match item.is_compatible(&DataType::Float) {
        true => Ok(result),
        false => Err(not_integer()),
    };
    match container {
        DataType::Undefined => Ok(DataType::Undefined),
        DataType::Bytes => index(DataType::Float),
        DataType::String => index(DataType::String),
        DataType::Array(member) => index(member.as_ref().clone()),
        DataType::Mapping(key, value) => match safe || item.is_compatible(key) {
            true => Ok(value.as_ref().clone()),
            false => Err(Error::lookup()),
        },
        DataType::Set(_) => Err(container_is_set()),
        DataType::Null if safe => Ok(DataType::Undefined),
        _ => Err(Error::mismatch()),
    }
}

fn container_is_set() -> Error {
    Error::evaluation("data type mismatch (container is a set)")
}

pub(crate) fn not_integer() -> Error {
    Error::evaluation("data type mismatch (not an integer number)")
}

pub(crate) fn not_callable() -> Error {
    Error::evaluation("data type mismatch (not a callable value)")
}
