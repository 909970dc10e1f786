//! Values out of texts: `parse_datetime parse_float parse_timedelta split`.

use super::refused;
use crate::compile;
use crate::error::{Error, Leak};
use crate::evaluate::Evaluation;
use crate::python;
use crate::value::Value;

pub(super) fn parse_datetime(
    evaluation: &mut Evaluation<'_>,
    arguments: &[Value],
) -> Result<Value, Error> {
    compile::parse_datetime(text(arguments)?, evaluation.context)
}

pub(super) fn parse_float(
    evaluation: &mut Evaluation<'_>,
    arguments: &[Value],
) -> Result<Value, Error> {
    let text = text(arguments)?;
    if text.len() > evaluation.context.limits.digits {
        return Err(Error::limit("a number has too many digits"));
    }
    compile::parse_float(text).map(Value::Number)
}

pub(super) fn parse_timedelta(_: &mut Evaluation<'_>, arguments: &[Value]) -> Result<Value, Error> {
    compile::parse_timedelta(text(arguments)?)
}

fn text(arguments: &[Value]) -> Result<&str, Error> {
    match arguments {
        [Value::String(text)] => Ok(text),
        _ => Err(refused("expected string")),
    }
}

pub(super) fn split(evaluation: &mut Evaluation<'_>, arguments: &[Value]) -> Result<Value, Error> {
    let Some((Value::String(text), options)) = arguments.split_first() else {
        return Err(refused("split() needs a text"));
    };
    let most = match options.get(1) {
        None | Some(Value::Null) => usize::MAX,
        Some(Value::Number(number)) if number.is_natural() => {
            usize::try_from(number.to_index()).unwrap_or(usize::MAX)
        }
        _ => {
            return Err(Error::call(
                "argument #3 (maxsplit) must be a natural number",
            ));
        }
    };
    evaluation.make(text.len())?;
    let parts: Vec<Value> = match options.first() {
        None | Some(Value::Null) => words(text, most),
        Some(Value::String(separator)) if separator.is_empty() => {
            return Err(Error::leaked(Leak::ValueError, "empty separator"));
        }
        Some(Value::String(separator)) => {
            let parts = text.splitn(most.saturating_add(1), separator.as_ref());
            parts.map(Value::from).collect()
        }
        _ => return Err(refused("must be str or None")),
    };
    evaluation.spend(parts.len())?;
    Ok(Value::array(parts))
}

/// Between runs of white space; what is beyond the most splits stays together, with the space at its end.
fn words(text: &str, most: usize) -> Vec<Value> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start_matches(python::is_space);
    while !rest.is_empty() {
        let end = rest.find(python::is_space).filter(|_| parts.len() < most);
        let Some((word, after)) = end.and_then(|end| rest.split_at_checked(end)) else {
            break;
        };
        parts.push(Value::from(word));
        rest = after.trim_start_matches(python::is_space);
    }
    if !rest.is_empty() {
        parts.push(Value::from(rest));
    }
    parts
}
