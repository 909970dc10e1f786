//! What stands between operators: names, literals, brackets, and the calls, attributes and items behind them.

use super::{Parser, refuse};
use crate::error::Error;
use crate::syntax::token::{Kind, Token};
use crate::syntax::tree::{Attribute, Call, Comprehension, Item, Slice, Tree};
use crate::syntax::{bytes, strings};

impl Parser<'_> {
    /// An operand with its calls, attributes and items.
    pub fn operand(&mut self) -> Result<Tree, Error> {
        let (mut tree, mut is_object) = self.primary()?;
        if matches!(tree, Tree::Negative(_) | Tree::Not(_)) && !is_object {
            return Ok(tree);
        }
        loop {
            let sign = match self.peek()? {
                Some(Kind::Sign(sign)) => *sign,
                _ => return Ok(tree),
            };
            tree = match sign {
                "(" => self.call(tree)?,
                "." | "&." if is_object => self.attribute(tree, sign == "&.")?,
                "[" | "&[" if is_object => self.item(tree, sign == "&[")?,
                _ => return Ok(tree),
            };
            is_object = true;
            self.raise()?;
        }
    }

    /// An operand, and whether it may have attributes and items: numbers and booleans may not.
    fn primary(&mut self) -> Result<(Tree, bool), Error> {
        let token = self.take()?;
        let tree = match token.as_ref().map(|token| &token.kind) {
            Some(Kind::Float(digits)) => return Ok((Tree::Float(digits.clone()), false)),
            Some(Kind::Word(word @ ("nan" | "inf"))) => {
                return Ok((Tree::Float((*word).to_owned()), false));
            }
            Some(Kind::Word("true")) => return Ok((Tree::Boolean(true), false)),
            Some(Kind::Word("false")) => return Ok((Tree::Boolean(false), false)),
            Some(Kind::Sign("-")) => {
                let operand = self.expression(self.precedence.minus())?;
                return Ok((Tree::Negative(Box::new(operand)), false));
            }
            Some(Kind::Word("not")) => {
                let operand = self.expression(self.precedence.not())?;
                return Ok((Tree::Not(Box::new(operand)), false));
            }
            Some(Kind::Word("null")) => Tree::Null,
            Some(Kind::Symbol(name)) => match name.strip_prefix('$') {
                Some(name) => Tree::Builtin(name.to_owned()),
                None => Tree::Symbol(name.clone()),
            },
            Some(Kind::Quoted(prefix, content)) => match self.quoted(*prefix, content) {
                Ok(tree) => tree,
                Err(error) => return Err(self.refuse_operand()?.unwrap_or(error)),
            },
            Some(Kind::Sign("(")) => {
                let inner = self.expression(0)?;
                self.expect_sign(")")?;
                inner
            }
            // The original has one token for both, so that `1 & &[2]` is an array too.
            Some(Kind::Sign("[" | "&[")) => self.array()?,
            Some(Kind::Sign("{")) => self.set_or_mapping()?,
            _ => return Err(refuse(token)),
        };
        Ok((tree, true))
    }

    fn quoted(&self, prefix: char, content: &str) -> Result<Tree, Error> {
        Ok(match prefix {
            'b' => Tree::Bytes(bytes::unescape(content, self.v4)?.into()),
            'd' => Tree::Datetime(content.to_owned()),
            't' => Tree::Timedelta(content.to_owned()),
            'r' => Tree::String(content.into()),
            _ => Tree::String(strings::unescape(content)?.into()),
        })
    }

    /// The mistake of an operand that follows on an operand: it comes before a broken escape in the first.
    fn refuse_operand(&mut self) -> Result<Option<Error>, Error> {
        let is_operand = matches!(
            self.peek()?,
            Some(
                Kind::Float(_)
                    | Kind::Quoted(..)
                    | Kind::Symbol(_)
                    | Kind::Word("true" | "false" | "null" | "nan" | "inf")
                    | Kind::Sign("{")
            )
        );
        match is_operand {
            true => Ok(Some(refuse(self.take()?))),
            false => Ok(None),
        }
    }

    fn call(&mut self, function: Tree) -> Result<Tree, Error> {
        self.take()?;
        let mut arguments = Vec::new();
        if !self.take_sign(")")? {
            arguments.push(self.expression(0)?);
            while self.take_sign(",")? {
                arguments.push(self.expression(0)?);
            }
            self.expect_sign(")")?;
        }
        Ok(Tree::Call(Box::new(Call {
            function,
            arguments,
        })))
    }

    fn attribute(&mut self, object: Tree, safe: bool) -> Result<Tree, Error> {
        self.take()?;
        match self.take()? {
            Some(Token {
                kind: Kind::Symbol(name),
                ..
            }) => Ok(Tree::Attribute(Box::new(Attribute { object, name, safe }))),
            other => Err(refuse(other)),
        }
    }

    /// `[item]`, `[start:stop]`
    fn item(&mut self, container: Tree, safe: bool) -> Result<Tree, Error> {
        self.take()?;
        let mut start = None;
        if !self.peek_sign(":")? {
            let first = self.expression(0)?;
            if self.take_sign("]")? {
                return Ok(Tree::Item(Box::new(Item {
                    container,
                    item: first,
                    safe,
                })));
            }
            start = Some(first);
        }
        self.expect_sign(":")?;
        let mut stop = None;
        if !self.take_sign("]")? {
            stop = Some(self.expression(0)?);
            self.expect_sign("]")?;
        }
        Ok(Tree::Slice(Box::new(Slice {
            container,
            start,
            stop,
            safe,
        })))
    }

    /// `[a, b]`, `[a for b in c if d]`
    fn array(&mut self) -> Result<Tree, Error> {
        if self.take_sign("]")? {
            return Ok(Tree::Array(Vec::new()));
        }
        let first = self.expression(0)?;
        if self.peek()? == Some(&Kind::Word("for")) {
            return self.comprehension(first);
        }
        Ok(Tree::Array(self.members(first, "]")?))
    }

    fn comprehension(&mut self, result: Tree) -> Result<Tree, Error> {
        self.take()?;
        let variable = match self.take()? {
            Some(Token {
                kind: Kind::Symbol(name),
                ..
            }) => name,
            other => return Err(refuse(other)),
        };
        self.expect(Kind::Word("in"))?;
        let iterable = self.expression(0)?;
        let mut condition = None;
        if self.peek()? == Some(&Kind::Word("if")) {
            self.take()?;
            condition = Some(self.expression(0)?);
        }
        self.expect_sign("]")?;
        Ok(Tree::Comprehension(Box::new(Comprehension {
            result,
            variable,
            iterable,
            condition,
        })))
    }

    /// `{}`, `{a, b}`, `{a: b}`
    fn set_or_mapping(&mut self) -> Result<Tree, Error> {
        if self.take_sign("}")? {
            return Ok(Tree::Mapping(Vec::new()));
        }
        let first = self.expression(0)?;
        if !self.take_sign(":")? {
            return Ok(Tree::Set(self.members(first, "}")?));
        }
        let mut pairs = vec![(first, self.expression(0)?)];
        while self.take_sign(",")? && !self.peek_sign("}")? {
            let key = self.expression(0)?;
            self.expect_sign(":")?;
            pairs.push((key, self.expression(0)?));
        }
        self.expect_sign("}")?;
        Ok(Tree::Mapping(pairs))
    }

    /// The rest of a row of members; a comma may follow the last.
    fn members(&mut self, first: Tree, end: &'static str) -> Result<Vec<Tree>, Error> {
        let mut members = vec![first];
        while self.take_sign(",")? && !self.peek_sign(end)? {
            members.push(self.expression(0)?);
        }
        self.expect_sign(end)?;
        Ok(members)
    }
}
