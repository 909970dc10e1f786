//! Variables that nothing gives a value to. OPA refuses them; the interpreter takes some for "whatever there is", which
//! turns a `not` into its opposite.

use std::collections::BTreeSet;

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Query, Rule, RuleHead, Span};

type Vars<'a> = BTreeSet<&'a str>;

/// The variables of a rule that have no value anywhere, each where it is first used. `is_known` tells what else a name
/// may be: a rule, an import; `takes` how many arguments a function has.
pub fn unsafe_variables<'a>(
    rule: &'a Rule,
    is_known: &dyn Fn(&str) -> bool,
    takes: &dyn Fn(&Expr) -> Option<usize>,
) -> Vec<&'a Span> {
    let mut search = Search {
        is_known,
        takes,
        found: Vec::new(),
        reported: BTreeSet::new(),
    };
    search.rule(rule);
    search.found
}

struct Search<'a, 'b> {
    is_known: &'b dyn Fn(&str) -> bool,
    takes: &'b dyn Fn(&Expr) -> Option<usize>,
    found: Vec<&'a Span>,
    reported: BTreeSet<&'a str>,
}

impl<'a> Search<'a, '_> {
    fn rule(&mut self, rule: &'a Rule) {
        let Rule::Spec { head, bodies, .. } = rule else {
            return;
        };
        let mut given = Vars::new();
        if let RuleHead::Func { args, .. } = head {
            args.iter().for_each(|arg| pattern(arg, &mut given));
        }
        for (index, body) in bodies.iter().enumerate() {
            // The values of a head are part of the first body, as it were.
            let values = match index {
                0 => head_values(head),
                _ => body.assign.iter().map(|assign| &*assign.value).collect(),
            };
            self.scope(Some(&body.query), &values, &given);
        }
        if bodies.is_empty() {
            self.scope(None, &head_values(head), &given);
        }
    }

    /// A query with what is made of its variables.
    fn scope(&mut self, query: Option<&'a Query>, values: &[&'a Expr], outer: &Vars<'a>) {
        let mut known = outer.clone();
        if let Some(query) = query {
            self.bind(query, &mut known);
        }
        values
            .iter()
            .for_each(|value| self.bind_expr(value, &mut known));
        if let Some(query) = query {
            self.query(query, &known);
        }
        values.iter().for_each(|value| self.expr(value, &known));
    }

    /// Adds what a query gives values to, in whatever order its lines are.
    fn bind(&self, query: &'a Query, known: &mut Vars<'a>) {
        for stmt in &query.stmts {
            for replacement in &stmt.with_mods {
                self.bind_expr(&replacement.r#as, known);
            }
            match &stmt.literal {
                Literal::SomeVars { .. } | Literal::NotExpr { .. } => {}
                Literal::SomeIn {
                    key,
                    value,
                    collection,
                    ..
                } => {
                    if let Some(key) = key {
                        pattern(key, known);
                    }
                    pattern(value, known);
                    self.bind_expr(collection, known);
                }
                Literal::Expr { expr, .. } => self.bind_stmt(expr, known),
                Literal::Every { domain, .. } => self.bind_expr(domain, known),
            }
        }
    }

    fn bind_stmt(&self, expr: &'a Expr, known: &mut Vars<'a>) {
        match expr {
            Expr::AssignExpr { op, lhs, rhs, .. } => {
                pattern(lhs, known);
                self.bind_expr(lhs, known);
                if *op == AssignOp::Eq {
                    pattern(rhs, known);
                }
                self.bind_stmt(rhs, known);
            }
            // The last argument takes the result, where there is one too many.
            Expr::Call { fcn, params, .. } => {
                if let Some(last) = params.last()
                    && (self.takes)(fcn).is_some_and(|count| params.len() == count + 1)
                {
                    pattern(last, known);
                }
                self.bind_expr(expr, known);
            }
            other => self.bind_expr(other, known),
        }
    }

    /// What stands in brackets goes through all that there is.
    fn bind_expr(&self, expr: &'a Expr, known: &mut Vars<'a>) {
        if let Expr::RefBrack { index, .. } = expr {
            pattern(index, known);
        }
        parts(expr, &mut |part| self.bind_expr(part, known));
    }

    fn query(&mut self, query: &'a Query, known: &Vars<'a>) {
        for stmt in &query.stmts {
            self.stmt(stmt, known);
        }
    }

    fn stmt(&mut self, stmt: &'a LiteralStmt, known: &Vars<'a>) {
        match &stmt.literal {
            Literal::SomeVars { .. } => {}
            Literal::SomeIn {
                key,
                value,
                collection,
                ..
            } => {
                let declared: Vec<&Expr> = key.iter().chain([value]).map(|expr| &**expr).collect();
                declared.iter().for_each(|expr| self.expr(expr, known));
                self.expr(collection, &without(known, &declared));
            }
            Literal::Expr { expr, .. } if let Some((lhs, rhs)) = declaration(expr) => {
                self.expr(lhs, known);
                self.expr(rhs, &without(known, &[lhs]));
            }
            Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expr(expr, known),
            Literal::Every {
                key,
                value,
                domain,
                query,
                ..
            } => {
                self.expr(domain, known);
                let mut inner = known.clone();
                inner.extend(key.iter().chain([value]).map(Span::text));
                self.scope(Some(query), &[], &inner);
            }
        }
        for replacement in &stmt.with_mods {
            self.expr(&replacement.r#as, known);
        }
    }

    fn expr(&mut self, expr: &'a Expr, known: &Vars<'a>) {
        match expr {
            Expr::Var { span, .. } => self.variable(span, known),
            // A function is no variable.
            Expr::Call { params, .. } => {
                params.iter().for_each(|param| self.expr(param, known));
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.scope(Some(query), &[term], known);
            }
            Expr::ObjectCompr {
                key, value, query, ..
            } => {
                self.scope(Some(query), &[key, value], known);
            }
            other => {
                let mut found = Vec::new();
                parts(other, &mut |part| found.push(part));
                found.into_iter().for_each(|part| self.expr(part, known));
            }
        }
    }

    fn variable(&mut self, span: &'a Span, known: &Vars<'a>) {
        let name = span.text();
        // `_` is looked after elsewhere: in brackets and patterns it has a value.
        let is_given = name == "_" || known.contains(name) || (self.is_known)(name);
        if !is_given && self.reported.insert(name) {
            self.found.push(span);
        }
    }
}

/// What stands in the brackets of a head, and what it says.
fn head_values(head: &RuleHead) -> Vec<&Expr> {
    let (mut refr, said): (&Expr, Option<&Expr>) = match head {
        RuleHead::Compr { refr, assign, .. } | RuleHead::Func { refr, assign, .. } => {
            (refr, assign.as_ref().map(|assign| &*assign.value))
        }
        RuleHead::Set { refr, key, .. } => (refr, key.as_deref()),
    };
    let mut values: Vec<&Expr> = said.into_iter().collect();
    loop {
        match refr {
            Expr::RefDot { refr: next, .. } => refr = next,
            Expr::RefBrack {
                refr: next, index, ..
            } => {
                values.push(index);
                refr = next;
            }
            _ => return values,
        }
    }
}

/// The sides of `:=`.
fn declaration(expr: &Expr) -> Option<(&Expr, &Expr)> {
    match expr {
        Expr::AssignExpr {
            op: AssignOp::ColEq,
            lhs,
            rhs,
            ..
        } => Some((lhs, rhs)),
        _ => None,
    }
}

/// What is known where these are declared from: they have no values yet.
fn without<'a>(known: &Vars<'a>, declared: &[&'a Expr]) -> Vars<'a> {
    let mut names = Vars::new();
    declared.iter().for_each(|expr| pattern(expr, &mut names));
    known.difference(&names).copied().collect()
}

/// The names that a pattern gives values to.
fn pattern<'a>(expr: &'a Expr, known: &mut Vars<'a>) {
    match expr {
        Expr::Var { span, .. } => {
            known.insert(span.text());
        }
        Expr::Array { items, .. } => items.iter().for_each(|item| pattern(item, known)),
        Expr::Object { fields, .. } => {
            fields
                .iter()
                .for_each(|(_, _, value)| pattern(value, known));
        }
        _ => {}
    }
}

/// What an expression is directly made of, but for what is a query of its own. The function of a call is none of it.
fn parts<'a>(expr: &'a Expr, show: &mut dyn FnMut(&'a Expr)) {
    match expr {
        Expr::RefDot { refr, .. } => show(refr),
        Expr::RefBrack { refr, index, .. } => {
            show(refr);
            show(index);
        }
        Expr::Array { items, .. } | Expr::Set { items, .. } => {
            items.iter().for_each(|item| show(item));
        }
        Expr::Object { fields, .. } => fields.iter().for_each(|(_, key, value)| {
            show(key);
            show(value);
        }),
        Expr::Call { params, .. } => params.iter().for_each(|param| show(param)),
        Expr::UnaryExpr { expr, .. } => show(expr),
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => {
            show(lhs);
            show(rhs);
        }
        Expr::Membership {
            key,
            value,
            collection,
            ..
        } => {
            if let Some(key) = key {
                show(key);
            }
            show(value);
            show(collection);
        }
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. }
        | Expr::Var { .. }
        | Expr::ArrayCompr { .. }
        | Expr::SetCompr { .. }
        | Expr::ObjectCompr { .. } => {}
    }
}
