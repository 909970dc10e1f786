//! From the text of a rule to its tree: [`lexer`] makes tokens, [`parser`] a tree, [`text`] writes it with all brackets.

mod bytes;
mod lexer;
mod parser;
mod precedence;
mod strings;
mod text;
mod token;
mod tree;

pub(crate) use parser::parse;
pub(crate) use tree::{Attribute, BinaryOp, Call, Comprehension, Item, Logic, Slice, Tree};
