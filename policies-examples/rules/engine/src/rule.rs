//! A rule: parsed once, evaluated as often as there are events.

use std::collections::BTreeSet;

use crate::compile::Compiler;
use crate::context::{Compat, Context};
use crate::error::Error;
use crate::evaluate::Evaluation;
use crate::node::Node;
use crate::syntax::{self, Tree};
use crate::value::Value;

/// A parsed rule.
#[derive(Clone, Debug)]
pub struct Rule {
    context: Context,
    tree: Tree,
    node: Node,
    symbols: BTreeSet<String>,
    uses_groups: bool,
}

impl Rule {
    /// Parses a rule. What is constant in it is evaluated now, so mistakes in that are found now.
    pub fn parse(text: &str, context: &Context) -> Result<Rule, Error> {
        let tree = syntax::parse(text, context.is_v4(), context.limits.depth)?;
        let mut compiler = Compiler::new(context);
        let node = compiler.compile(&tree)?;
        let (symbols, uses_groups) = (compiler.symbols, compiler.uses_groups);
        Ok(Rule {
            context: context.clone(),
            tree,
            node,
            symbols,
            uses_groups,
        })
    }

    /// The value of the rule for an event: a mapping of the symbols.
    pub fn evaluate(&self, event: &Value) -> Result<Value, Error> {
        Evaluation::new(&self.context, event, self.uses_groups).evaluate(&self.node)
    }

    /// Whether the value of the rule for an event counts as true.
    pub fn matches(&self, event: &Value) -> Result<bool, Error> {
        Ok(self.evaluate(event)?.is_true())
    }

    /// The symbols that the rule asks the event for, in alphabetical order. Not the built-in ones, and not the variables
    /// of comprehensions.
    pub fn symbols(&self) -> impl Iterator<Item = &str> {
        self.symbols.iter().map(String::as_str)
    }

    /// The rule with all its brackets, as it was understood.
    pub fn to_text(&self) -> String {
        self.tree.to_string()
    }
}

/// How each version understands a text, both with all brackets; nothing if they understand it alike, or if neither does.
/// A version to which the text is a mistake answers with the error.
pub fn difference(text: &str, depth: usize) -> Option<[Result<String, Error>; 2]> {
    let both = [Compat::V4, Compat::V5].map(|compat| {
        let tree = syntax::parse(text, compat == Compat::V4, depth)?;
        Ok(tree.to_string())
    });
    match &both {
        [Ok(left), Ok(right)] if left == right => None,
        [Err(_), Err(_)] => None,
        _ => Some(both),
    }
}

#[cfg(test)]
mod tests {
    use super::{Rule, difference};
    use crate::context::Context;

    fn parse(text: &str) -> Rule {
        Rule::parse(text, &Context::default()).expect(text)
    }

    #[test]
    fn only_the_symbols_of_the_event_are_listed() {
        let rule = parse("level > 3 and $any([x.size > y for x in layers]) or map.image =~ \"a\"");
        let symbols: Vec<&str> = rule.symbols().collect();
        assert_eq!(symbols, ["layers", "level", "map", "y"]);
    }

    #[test]
    fn a_rule_is_written_with_all_its_brackets_and_reads_back_the_same() {
        let rows = [
            (
                "not a == b and -c ** 2 > 1",
                "((not (a == b)) and ((-(c ** 2)) > 1))",
            ),
            ("a ? b : c ?? d", "(a ? b : (c ?? d))"),
            (
                "x[1:][0]&.y(\"q\\\"\", r\"\\d\")",
                "x[1:][0]&.y(\"q\\\"\", \"\\\\d\")",
            ),
            (
                "[a for b in {1: c} if b not in {2,}]",
                "[a for b in {1: c} if (b not in {2})]",
            ),
            (
                "(1).to_str + b'a'.decode('hex')",
                "((1).to_str + b\"\\x61\".decode(\"hex\"))",
            ),
        ];
        for (text, expected) in rows {
            let context = Context::default();
            let tree = crate::syntax::parse(text, false, context.limits.depth).expect(text);
            assert_eq!(tree.to_string(), expected);
            let again =
                crate::syntax::parse(expected, false, context.limits.depth).expect(expected);
            assert_eq!(again.to_string(), expected);
        }
    }

    #[test]
    fn texts_that_the_versions_read_differently_are_told() {
        let rows = [
            ("level >= 3 and level <= 7", None),
            ("a + (", None),
            ("-2 ** 2", Some([Ok("((-2) ** 2)"), Ok("(-(2 ** 2))")])),
            (
                "1 & 1 == 1",
                Some([Ok("(1 & (1 == 1))"), Ok("((1 & 1) == 1)")]),
            ),
            ("a ?? b", Some([Err(()), Ok("(a ?? b)")])),
        ];
        for (text, expected) in rows {
            let found = difference(text, 100);
            let found = found.map(|both| both.map(|parsed| parsed.map_err(|_| ())));
            let expected = expected.map(|both| both.map(|parsed| parsed.map(str::to_owned)));
            assert_eq!(found, expected, "{text}");
        }
    }
}
