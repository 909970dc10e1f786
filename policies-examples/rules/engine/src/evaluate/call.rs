//! Calls of functions.

use super::Evaluation;
use crate::attributes;
use crate::compile::not_callable;
use crate::datatype::{DataType, Signature};
use crate::error::{Error, ErrorKind};
use crate::node::Call;
use crate::value::{Function, Value};

impl Evaluation<'_> {
    pub(super) fn call(&mut self, call: &Call) -> Result<Value, Error> {
        let Value::Function(function) = self.evaluate(&call.function)? else {
            return Err(not_callable());
        };
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            arguments.push(self.evaluate(argument)?);
        }
        let mut returns = None;
        if let DataType::Function(Some(signature)) = &call.function.datatype {
            arguments
                .iter()
                .try_for_each(|argument| self.walk(argument))?;
            check_arguments(signature, arguments.iter().map(DataType::of))?;
            returns = Some(&signature.returns);
        }
        let result = self.apply(&function, &arguments).map_err(failed)?;
        if let Some(returns) = returns
            && !DataType::of(&result).is_compatible(returns)
        {
            return Err(Error::call(
                "function call failed (data type mismatch on returned value)",
            ));
        }
        Ok(result)
    }

    /// Calls a function without asking what types it takes, as functions call functions.
    pub fn apply(&mut self, function: &Function, arguments: &[Value]) -> Result<Value, Error> {
        self.spend(1)?;
        let result = match function {
            Function::Builtin(builtin) => (builtin.call)(self, arguments)?,
            Function::Bound(bound) => attributes::apply(bound, arguments, self)?,
        };
        self.spend(result.size())?;
        Ok(result)
    }
}

/// Whatever goes wrong in a function is the call's failure, unless it says so itself.
fn failed(error: Error) -> Error {
    match error.kind {
        ErrorKind::FunctionCallError | ErrorKind::LimitExceeded => error,
        _ => Error::call("function call failed"),
    }
}

/// Refuses the wrong number or the wrong types of arguments.
pub(crate) fn check_arguments(
    signature: &Signature,
    arguments: impl ExactSizeIterator<Item = DataType>,
) -> Result<(), Error> {
    let (minimum, most) = (signature.minimum, signature.arguments.len());
    if arguments.len() < minimum {
        return Err(Error::call(format!(
            "expected at least {minimum} positional arguments"
        )));
    }
    if arguments.len() > most {
        return Err(Error::call(format!(
            "expected at most {most} positional arguments"
        )));
    }
    for (position, (is, takes)) in std::iter::zip(arguments, &signature.arguments).enumerate() {
        let number = position + 1;
        if !is.is_compatible(takes) {
            return Err(Error::call(format!(
                "data type mismatch (argument #{number})"
            )));
        }
        if is.is_nullable() && !takes.is_nullable() && !takes.is_undefined() {
            return Err(Error::call(format!(
                "data type mismatch (argument #{number} is nullable; discharge with '??' or use '&.' / '&[' for safe \
                 navigation)"
            )));
        }
    }
    Ok(())
}
