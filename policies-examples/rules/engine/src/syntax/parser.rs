//! Tokens to a tree, by climbing the levels of [`Precedence`]. The original is generated from an ambiguous grammar; the
//! same texts are accepted here, the same trees made, and mistakes found at the same token.

mod operand;

use super::lexer::Lexer;
use super::precedence::{Makes, Precedence, Side};
use super::token::{Kind, Token};
use super::tree::{BinaryOp, Tree};
use crate::error::Error;

/// Reads the text of a rule.
pub(crate) fn parse(text: &str, v4: bool, depth: usize) -> Result<Tree, Error> {
    let mut parser = Parser {
        lexer: Lexer::new(text, v4),
        peeked: None,
        precedence: Precedence::new(v4),
        v4,
        depth: 0,
        height: 0,
        most_depth: depth,
    };
    let tree = parser.expression(0)?;
    if parser.peek()? == Some(&Kind::Comment) {
        parser.take()?;
    }
    match parser.take()? {
        None => Ok(tree),
        unexpected => Err(refuse(unexpected)),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// Looked at, but not yet taken. Looking is put off as long as possible: a mistake in this token comes before one
    /// that the next token has.
    peeked: Option<Option<Token>>,
    precedence: Precedence,
    v4: bool,
    /// How many expressions are open.
    depth: usize,
    /// How tall what has been read of the innermost of them is: rows of operators are tall without being nested.
    height: usize,
    most_depth: usize,
}

fn refuse(token: Option<Token>) -> Error {
    Error::syntax("syntax error", token.map(|token| token.position))
}

impl Parser<'_> {
    fn peek(&mut self) -> Result<Option<&Kind>, Error> {
        if self.peeked.is_none() {
            self.peeked = Some(self.lexer.next()?);
        }
        Ok(self.peeked.iter().flatten().next().map(|token| &token.kind))
    }

    fn take(&mut self) -> Result<Option<Token>, Error> {
        self.peek()?;
        Ok(self.peeked.take().flatten())
    }

    fn peek_sign(&mut self, sign: &'static str) -> Result<bool, Error> {
        Ok(self.peek()? == Some(&Kind::Sign(sign)))
    }

    /// Takes the sign if it is next.
    fn take_sign(&mut self, sign: &'static str) -> Result<bool, Error> {
        let is_next = self.peek_sign(sign)?;
        if is_next {
            self.take()?;
        }
        Ok(is_next)
    }

    fn expect(&mut self, kind: Kind) -> Result<(), Error> {
        match self.take()? {
            Some(token) if token.kind == kind => Ok(()),
            other => Err(refuse(other)),
        }
    }

    fn expect_sign(&mut self, sign: &'static str) -> Result<(), Error> {
        self.expect(Kind::Sign(sign))
    }

    /// Counts a node above what has been read.
    fn raise(&mut self) -> Result<(), Error> {
        self.height += 1;
        self.check_depth()
    }

    fn check_depth(&self) -> Result<(), Error> {
        match self.depth.max(self.height) > self.most_depth {
            true => Err(Error::limit("the rule is nested too deeply")),
            false => Ok(()),
        }
    }

    /// An expression whose operators all bind at least so tightly.
    fn expression(&mut self, least: u8) -> Result<Tree, Error> {
        self.depth += 1;
        self.check_depth()?;
        let beside = std::mem::take(&mut self.height);
        let tree = self.operations(least)?;
        self.raise()?;
        self.height = self.height.max(beside);
        self.depth -= 1;
        Ok(tree)
    }

    fn operations(&mut self, least: u8) -> Result<Tree, Error> {
        let mut left = self.operand()?;
        let mut single = None;
        while let Some(operator) = self.operator(least)? {
            let negated = operator.makes == Makes::Binary(BinaryOp::NotIn);
            if single == Some(operator.level) && !negated {
                return Err(refuse(self.take()?));
            }
            single = (operator.side == Side::None).then_some(operator.level);
            let above = match operator.side {
                Side::Right => operator.level,
                Side::Left | Side::None => operator.level + 1,
            };
            self.take()?;
            left = match operator.makes {
                Makes::Binary(op) => {
                    if negated {
                        self.expect(Kind::Word("in"))?;
                    }
                    let right = self.expression(above)?;
                    self.raise()?;
                    Tree::Binary(op, Box::new([left, right]))
                }
                Makes::Logic(logic) => {
                    let right = self.expression(above)?;
                    match left {
                        Tree::Logic(row, mut operands) if row == logic => {
                            operands.push(right);
                            Tree::Logic(logic, operands)
                        }
                        left => {
                            self.raise()?;
                            Tree::Logic(logic, vec![left, right])
                        }
                    }
                }
                Makes::Ternary => {
                    let then = self.expression(0)?;
                    self.expect_sign(":")?;
                    let otherwise = self.expression(above)?;
                    self.raise()?;
                    Tree::Ternary(Box::new([left, then, otherwise]))
                }
            };
        }
        Ok(left)
    }

    /// The operator that is next, if it binds tightly enough.
    fn operator(&mut self, least: u8) -> Result<Option<super::precedence::Operator>, Error> {
        let precedence = self.precedence;
        let sign = match self.peek()? {
            Some(Kind::Sign(sign) | Kind::Word(sign)) => *sign,
            _ => return Ok(None),
        };
        if sign == "not" {
            // `not in`: the generated grammar decides by the level of `not` whether to go on, and then by that of `in`.
            let operator = precedence
                .operator("in")
                .filter(|_| precedence.not() >= least);
            return Ok(operator.map(|operator| super::precedence::Operator {
                makes: Makes::Binary(BinaryOp::NotIn),
                ..operator
            }));
        }
        let operator = precedence.operator(sign);
        Ok(operator.filter(|operator| operator.level >= least))
    }
}
