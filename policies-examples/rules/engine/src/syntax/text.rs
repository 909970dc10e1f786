//! A tree as text with all brackets, to show how a rule was understood.

use std::fmt;

use super::precedence::{Makes, sign_of};
use super::tree::Tree;
use crate::python;

impl fmt::Display for Tree {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tree::Null => out.write_str("null"),
            Tree::Boolean(boolean) => write!(out, "{boolean}"),
            Tree::Float(digits) => out.write_str(digits),
            Tree::String(text) => out.write_str(&quoted(text)),
            Tree::Bytes(bytes) => {
                out.write_str("b\"")?;
                bytes
                    .iter()
                    .try_for_each(|byte| write!(out, "\\x{byte:02x}"))?;
                out.write_str("\"")
            }
            Tree::Datetime(text) => write!(out, "d\"{text}\""),
            Tree::Timedelta(text) => write!(out, "t\"{text}\""),
            Tree::Symbol(name) => out.write_str(name),
            Tree::Builtin(name) => write!(out, "${name}"),
            Tree::Array(members) => write!(out, "[{}]", list(members)),
            Tree::Set(members) => write!(out, "{{{}}}", list(members)),
            Tree::Mapping(pairs) => {
                let pairs: Vec<String> = pairs
                    .iter()
                    .map(|(key, value)| format!("{key}: {value}"))
                    .collect();
                write!(out, "{{{}}}", pairs.join(", "))
            }
            Tree::Comprehension(comprehension) => {
                let (result, variable) = (&comprehension.result, &comprehension.variable);
                write!(
                    out,
                    "[{result} for {variable} in {}",
                    comprehension.iterable
                )?;
                if let Some(condition) = &comprehension.condition {
                    write!(out, " if {condition}")?;
                }
                out.write_str("]")
            }
            Tree::Negative(operand) => write!(out, "(-{operand})"),
            Tree::Not(operand) => write!(out, "(not {operand})"),
            Tree::Binary(op, operands) => {
                let [left, right] = operands.as_ref();
                write!(out, "({left} {} {right})", sign_of(Makes::Binary(*op)))
            }
            Tree::Logic(logic, operands) => {
                let sign = format!(" {} ", sign_of(Makes::Logic(*logic)));
                let operands: Vec<String> = operands.iter().map(Tree::to_string).collect();
                write!(out, "({})", operands.join(&sign))
            }
            Tree::Ternary(parts) => {
                let [condition, then, otherwise] = parts.as_ref();
                write!(out, "({condition} ? {then} : {otherwise})")
            }
            Tree::Attribute(attribute) => {
                let sign = if attribute.safe { "&." } else { "." };
                write!(out, "{}{sign}{}", object(&attribute.object), attribute.name)
            }
            Tree::Item(item) => {
                let sign = if item.safe { "&[" } else { "[" };
                write!(out, "{}{sign}{}]", object(&item.container), item.item)
            }
            Tree::Slice(slice) => {
                let sign = if slice.safe { "&[" } else { "[" };
                let part =
                    |part: &Option<Tree>| part.as_ref().map(Tree::to_string).unwrap_or_default();
                let (start, stop) = (part(&slice.start), part(&slice.stop));
                write!(out, "{}{sign}{start}:{stop}]", object(&slice.container))
            }
            Tree::Call(call) => write!(out, "{}({})", call.function, list(&call.arguments)),
        }
    }
}

/// Numbers and booleans need brackets before an attribute.
fn object(tree: &Tree) -> String {
    match tree {
        Tree::Float(_) | Tree::Boolean(_) => format!("({tree})"),
        _ => tree.to_string(),
    }
}

fn list(members: &[Tree]) -> String {
    let members: Vec<String> = members.iter().map(Tree::to_string).collect();
    members.join(", ")
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&python::escaped(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
