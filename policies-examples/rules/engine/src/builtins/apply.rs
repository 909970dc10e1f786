//! Functions over collections: `map filter`.

use super::refused;
use crate::attributes::members;
use crate::error::Error;
use crate::evaluate::Evaluation;
use crate::value::Value;

pub(super) fn map(evaluation: &mut Evaluation<'_>, arguments: &[Value]) -> Result<Value, Error> {
    let [function, iterable] = arguments else {
        return Err(refused("map() takes two arguments"));
    };
    let mut results = Vec::new();
    for member in members(iterable, evaluation)? {
        let Value::Function(function) = function else {
            return Err(refused("object is not callable"));
        };
        results.push(evaluation.apply(function, &[member])?);
    }
    Ok(Value::array(results))
}

pub(super) fn filter(evaluation: &mut Evaluation<'_>, arguments: &[Value]) -> Result<Value, Error> {
    let [function, iterable] = arguments else {
        return Err(refused("filter() takes two arguments"));
    };
    let mut kept = Vec::new();
    for member in members(iterable, evaluation)? {
        let keeps = match function {
            Value::Function(function) => evaluation
                .apply(function, std::slice::from_ref(&member))?
                .is_true(),
            Value::Null => member.is_true(),
            _ => return Err(refused("object is not callable")),
        };
        if keeps {
            kept.push(member);
        }
    }
    Ok(Value::array(kept))
}
