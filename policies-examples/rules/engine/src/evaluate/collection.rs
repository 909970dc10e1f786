//! Collections: written out, by comprehension, and what is in them.

use std::sync::Arc;

use super::Evaluation;
use crate::compile::{not_iterable, refuse_key};
use crate::datatype::DataType;
use crate::error::{Error, Leak};
use crate::node::{Comprehension, Node};
use crate::value::{Mapping, Set, Value};

impl Evaluation<'_> {
    pub(super) fn array(&mut self, members: &[Node]) -> Result<Value, Error> {
        let members: Result<Vec<Value>, Error> =
            members.iter().map(|member| self.evaluate(member)).collect();
        members.map(Value::array)
    }

    pub(super) fn set(&mut self, members: &[Node]) -> Result<Value, Error> {
        let mut values = Vec::with_capacity(members.len());
        for member in members {
            let value = self.evaluate(member)?;
            self.walk(&value)?;
            values.push(value);
        }
        Ok(Value::Set(Arc::new(Set::of(values)?)))
    }

    /// All keys first, then the values of those that are left: of equal keys the last value counts.
    pub(super) fn mapping(&mut self, pairs: &[(Node, Node)]) -> Result<Value, Error> {
        let mut keys: indexmap::IndexMap<Value, &Node> = indexmap::IndexMap::new();
        for (key, value) in pairs {
            let key = self.evaluate(key)?;
            self.walk(&key)?;
            refuse_key(&DataType::of(&key))?;
            key.check_hashable()?;
            keys.insert(key, value);
        }
        let mut mapping = Mapping::new();
        for (key, value) in keys {
            mapping.insert(key, self.evaluate(value)?);
        }
        Ok(Value::Mapping(Arc::new(mapping)))
    }

    pub(super) fn comprehension(&mut self, comprehension: &Comprehension) -> Result<Value, Error> {
        let iterable = self.evaluate(&comprehension.iterable)?;
        let mut results = Vec::new();
        match &iterable {
            Value::Array(members) => self.each(comprehension, members.iter(), &mut results)?,
            Value::Set(members) => self.each(comprehension, members.iter(), &mut results)?,
            Value::Mapping(members) => self.each(comprehension, members.keys(), &mut results)?,
            _ => return Err(not_iterable()),
        }
        Ok(Value::array(results))
    }

    fn each<'v>(
        &mut self,
        comprehension: &Comprehension,
        members: impl Iterator<Item = &'v Value>,
        results: &mut Vec<Value>,
    ) -> Result<(), Error> {
        for member in members {
            self.spend(1)?;
            self.locals.push(member.clone());
            let result = self.one(comprehension);
            self.locals.pop();
            results.extend(result?);
        }
        Ok(())
    }

    fn one(&mut self, comprehension: &Comprehension) -> Result<Option<Value>, Error> {
        if let Some(condition) = &comprehension.condition
            && !self.evaluate(condition)?.is_true()
        {
            return Ok(None);
        }
        self.evaluate(&comprehension.result).map(Some)
    }

    pub(super) fn contains(&mut self, member: &Node, container: &Node) -> Result<bool, Error> {
        let container = self.evaluate(container)?;
        let member = self.evaluate(member)?;
        match (&container, &member) {
            (Value::String(text), Value::String(part)) => {
                self.spend(text.len() / 16)?;
                Ok(text.contains(part.as_ref()))
            }
            (Value::Bytes(bytes), Value::Bytes(part)) => {
                self.spend(bytes.len() / 16 * (1 + part.len() / 16))?;
                let mut windows = bytes.windows(part.len().max(1));
                Ok(part.is_empty() || windows.any(|window| window == part.as_ref()))
            }
            (Value::String(_) | Value::Bytes(_), _) => Err(Error::mismatch()),
            (Value::Array(members), _) => {
                self.walk(&container)?;
                Ok(members.contains(&member))
            }
            // Python looks for a set in a set as if it could be there.
            (Value::Set(_), Value::Set(_)) => Ok(false),
            (Value::Set(members), _) => {
                self.walk(&member)?;
                member.check_hashable()?;
                Ok(members.contains(&member))
            }
            (Value::Mapping(members), _) => {
                self.walk(&member)?;
                member.check_hashable()?;
                Ok(members.get(&member).is_some())
            }
            (other, _) => Err(Error::leaked(
                Leak::TypeError,
                format!("argument of type '{}' is not iterable", other.python_name()),
            )),
        }
    }
}
