//! Goes through all that a rule is made of.

use regorus::Value;
use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Query, Ref, Rule, RuleHead, Span};

/// How much stack there is, in units of what an expression in another one takes: about 5 KiB in code that is compiled
/// quickly. A chain such as `a + b + c` is as deep as it is long.
pub const STACK: usize = 400;
/// What the rule itself takes.
pub const RULE: usize = 3;
/// What a comprehension takes, or an `every`.
const QUERY: usize = 3;

/// OPA refuses it, too: it would ask whether there is one that is not, where people mean that there is none that is.
const UNSAFE: &str =
    "_ has no value after `not`: name what is meant in a rule or in a comprehension of its own";
/// In OPA, both objects have the same keys.
const PARTIAL: &str = "a pattern that is an object would match objects with more keys, too: name the fields that are meant";

/// What is of interest in a rule.
pub enum Node<'a> {
    /// A name that the rule declares for itself.
    Local(&'a str),
    /// The same, by `some x`.
    Some(&'a Span),
    /// Something that the interpreter understands otherwise than OPA, and why.
    Odd(&'a Span, &'static str),
    /// A variable, or a reference that begins with one; and how deep it lies.
    Reference(&'a Expr, usize),
    /// A function that is called.
    Call(Call<'a>),
    /// What `with` replaces.
    Replaced(&'a Expr),
}

/// A function that is called.
pub struct Call<'a> {
    /// What names it.
    pub function: &'a Expr,
    /// What it gets.
    pub arguments: &'a [Ref<Expr>],
    /// Whether it is a whole statement: only then one more argument may take its result.
    pub is_statement: bool,
    /// How deep it lies.
    pub depth: usize,
}

/// Shows everything in a rule, and answers how deep it is. The error is the place that is too deep.
pub fn walk<'a>(rule: &'a Rule, show: &mut dyn FnMut(Node<'a>)) -> Result<usize, &'a Span> {
    let mut walk = Walk {
        show,
        is_negated: false,
        is_statement: false,
        depth: RULE,
        deepest: RULE,
    };
    walk.rule(rule)?;
    Ok(walk.deepest)
}
struct Walk<'a, 'b> {
    show: &'b mut dyn FnMut(Node<'a>),
    /// Whether what is looked at stands after a `not`.
    is_negated: bool,
    /// Whether the call that comes next is a whole statement.
    is_statement: bool,
    depth: usize,
    deepest: usize,
}

type Walked<'a> = Result<(), &'a Span>;

impl<'a> Walk<'a, '_> {
    fn rule(&mut self, rule: &'a Rule) -> Walked<'a> {
        match rule {
            Rule::Default { value, .. } => self.expr(value),
            Rule::Spec { head, bodies, .. } => {
                self.head(head)?;
                for body in bodies {
                    if let Some(assign) = &body.assign {
                        self.expr(&assign.value)?;
                    }
                    self.query(&body.query)?;
                }
                Ok(())
            }
        }
    }

    fn head(&mut self, head: &'a RuleHead) -> Walked<'a> {
        match head {
            RuleHead::Compr { refr, assign, .. } => {
                self.indices(refr)?;
                self.maybe(assign.as_ref().map(|assign| &assign.value))
            }
            RuleHead::Set { refr, key, .. } => {
                self.indices(refr)?;
                self.maybe(key.as_ref())
            }
            RuleHead::Func { args, assign, .. } => {
                for argument in args {
                    self.pattern(argument)?;
                }
                self.maybe(assign.as_ref().map(|assign| &assign.value))
            }
        }
    }

    fn query(&mut self, query: &'a Query) -> Walked<'a> {
        query.stmts.iter().try_for_each(|stmt| self.stmt(stmt))
    }

    fn stmt(&mut self, stmt: &'a LiteralStmt) -> Walked<'a> {
        match &stmt.literal {
            Literal::SomeVars { vars, .. } => {
                vars.iter().for_each(|var| (self.show)(Node::Some(var)));
            }
            Literal::SomeIn {
                key,
                value,
                collection,
                ..
            } => {
                if let Some(key) = key {
                    self.pattern(key)?;
                }
                self.pattern(value)?;
                self.expr(collection)?;
            }
            Literal::Expr { expr, .. } => {
                self.is_statement = matches!(**expr, Expr::Call { .. });
                self.expr(expr)?;
            }
            Literal::NotExpr { expr, .. } => {
                self.is_statement = matches!(**expr, Expr::Call { .. });
                self.negated(true, |walk| walk.expr(expr))?;
            }
            Literal::Every {
                key,
                value,
                domain,
                query,
                ..
            } => {
                let names = key.iter().chain([value]);
                names.for_each(|name| (self.show)(Node::Local(name.text())));
                self.expr(domain)?;
                self.deeper(&stmt.span, QUERY, |walk| walk.query(query))?;
            }
        }
        for replacement in &stmt.with_mods {
            (self.show)(Node::Replaced(&replacement.refr));
            self.expr(&replacement.r#as)?;
        }
        Ok(())
    }

    fn negated(
        &mut self,
        is_negated: bool,
        inner: impl FnOnce(&mut Self) -> Walked<'a>,
    ) -> Walked<'a> {
        let before = std::mem::replace(&mut self.is_negated, is_negated);
        let walked = inner(self);
        self.is_negated = before;
        walked
    }

    fn maybe(&mut self, expr: Option<&'a Ref<Expr>>) -> Walked<'a> {
        expr.map_or(Ok(()), |expr| self.expr(expr))
    }

    fn expr(&mut self, expr: &'a Expr) -> Walked<'a> {
        let cost = match expr {
            Expr::ArrayCompr { .. } | Expr::SetCompr { .. } | Expr::ObjectCompr { .. } => QUERY,
            _ => 1,
        };
        self.deeper(expr.span(), cost, |walk| walk.parts(expr))
    }

    fn deeper(
        &mut self,
        span: &'a Span,
        cost: usize,
        inner: impl FnOnce(&mut Self) -> Walked<'a>,
    ) -> Walked<'a> {
        if self.depth + cost > STACK {
            return Err(span);
        }
        self.depth += cost;
        self.deepest = self.deepest.max(self.depth);
        let walked = inner(self);
        self.depth -= cost;
        walked
    }

    fn parts(&mut self, expr: &'a Expr) -> Walked<'a> {
        match expr {
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. } => Ok(()),
            Expr::Var { span, .. } => {
                if self.is_negated && span.text() == "_" {
                    (self.show)(Node::Odd(span, UNSAFE));
                }
                (self.show)(Node::Reference(expr, self.depth));
                Ok(())
            }
            Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                (self.show)(Node::Reference(expr, self.depth));
                self.indices(expr)
            }
            Expr::Array { items, .. } | Expr::Set { items, .. } => {
                items.iter().try_for_each(|item| self.expr(item))
            }
            Expr::Object { fields, .. } => fields.iter().try_for_each(|(_, key, value)| {
                self.expr(key)?;
                self.expr(value)
            }),
            // What stands in it is a query of its own.
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => self
                .negated(false, |walk| {
                    walk.expr(term)?;
                    walk.query(query)
                }),
            Expr::ObjectCompr {
                key, value, query, ..
            } => self.negated(false, |walk| {
                walk.expr(key)?;
                walk.expr(value)?;
                walk.query(query)
            }),
            Expr::Call { fcn, params, .. } => {
                (self.show)(Node::Call(Call {
                    function: fcn,
                    arguments: params,
                    is_statement: std::mem::take(&mut self.is_statement),
                    depth: self.depth,
                }));
                params.iter().try_for_each(|param| self.expr(param))
            }
            Expr::UnaryExpr { expr, .. } => self.expr(expr),
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::BoolExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. } => {
                self.expr(lhs)?;
                self.expr(rhs)
            }
            Expr::AssignExpr { op, lhs, rhs, .. } => {
                match op {
                    AssignOp::ColEq => self.pattern(lhs)?,
                    AssignOp::Eq => {
                        for (one, other) in [(lhs, rhs), (rhs, lhs)] {
                            if !matches!(**other, Expr::Var { .. })
                                && let Some(pattern) = object_pattern(one)
                            {
                                (self.show)(Node::Odd(pattern.span(), PARTIAL));
                            }
                        }
                        self.expr(lhs)?;
                    }
                }
                self.expr(rhs)
            }
            Expr::Membership {
                key,
                value,
                collection,
                ..
            } => {
                self.maybe(key.as_ref())?;
                self.expr(value)?;
                self.expr(collection)
            }
        }
    }

    /// What stands in the brackets of a reference, and what it begins with, if that is no variable.
    fn indices(&mut self, mut expr: &'a Expr) -> Walked<'a> {
        let whole = expr.span();
        for _ in 0..STACK {
            match expr {
                Expr::RefDot { refr, .. } => expr = refr,
                Expr::RefBrack { refr, index, .. } => {
                    self.expr(index)?;
                    expr = refr;
                }
                Expr::Var { .. } => return Ok(()),
                other => return self.expr(other),
            }
        }
        Err(whole)
    }

    /// What declares names: arguments, and what is left of `:=` and `in`.
    fn pattern(&mut self, expr: &'a Expr) -> Walked<'a> {
        match expr {
            Expr::Var {
                value: Value::String(name),
                ..
            } => {
                (self.show)(Node::Local(name));
                Ok(())
            }
            Expr::Array { items, .. } => items
                .iter()
                .try_for_each(|item| self.deeper(item.span(), 1, |walk| walk.pattern(item))),
            Expr::Object { span, fields, .. } => {
                (self.show)(Node::Odd(span, PARTIAL));
                fields.iter().try_for_each(|(_, key, value)| {
                    self.expr(key)?;
                    self.deeper(value.span(), 1, |walk| walk.pattern(value))
                })
            }
            other => self.expr(other),
        }
    }
}

/// The object with names in it that an expression is or has, which `=` may give values to.
fn object_pattern(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::Array { items, .. } => items.iter().find_map(|item| object_pattern(item)),
        Expr::Object { fields, .. } => {
            let mut values = fields.iter().map(|(_, _, value)| &**value);
            let has_names =
                |value: &Expr| matches!(value, Expr::Var { .. }) || object_pattern(value).is_some();
            values.any(has_names).then_some(expr)
        }
        _ => None,
    }
}
