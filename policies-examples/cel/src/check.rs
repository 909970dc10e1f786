//! What can be told of an expression without an event: that it names only what there is, and that it does not nest too
//! deeply. What is wrong here would otherwise be found in the middle of a decision.

use interpreter::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, SelectExpr,
};
use interpreter::parser::Expression;

use crate::functions::{self, quantity, regex};
use crate::scope;
use crate::source::Anchor;

/// How deep an expression may nest, with the variables that it names: the evaluator calls itself for each level. A guest's
/// stack of 2 MiB is enough for 260 to 320 levels of code that was compiled quickly.
const MAX_DEPTH: usize = 190;

/// A variable that later expressions may name.
pub struct Known {
    /// Its name.
    pub name: String,
    /// How deep it nests.
    pub depth: usize,
}

/// What came out.
pub struct Check<'a> {
    known: &'a [Known],
    /// Names that comprehensions around the present place gave.
    local: Vec<&'a str>,
    /// How deep it nests.
    pub depth: usize,
    /// What is wrong.
    pub problems: Vec<(Anchor, String)>,
}

impl<'a> Check<'a> {
    /// Looks at all of an expression.
    pub fn run(expression: &'a Expression, known: &'a [Known]) -> Check<'a> {
        let mut check = Check {
            known,
            local: Vec::new(),
            depth: 0,
            problems: Vec::new(),
        };
        check.look(expression, 1);
        if check.depth > MAX_DEPTH {
            let message = format!("with its variables, it nests more than {MAX_DEPTH} deep");
            check.problems.push((Anchor::Whole, message));
        }
        check
    }

    fn look(&mut self, expression: &'a Expression, depth: usize) {
        self.depth = self.depth.max(depth);
        if depth > MAX_DEPTH {
            return;
        }
        let below = depth + 1;
        match &expression.expr {
            Expr::Unspecified | Expr::Literal(_) => {}
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.select(select, below),
            Expr::Call(call) => self.call(call, below),
            Expr::List(list) => {
                let elements = list.elements.iter();
                elements.for_each(|element| self.look(element, below));
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.look(&entry.key, below);
                        self.look(&entry.value, below);
                    }
                }
            }
            Expr::Struct(message) => {
                let name = &message.type_name;
                let problem = format!("there is no message type {name:?}");
                self.problems.push((Anchor::Name(name.clone()), problem));
            }
            Expr::Comprehension(comprehension) => self.comprehension(comprehension, below),
        }
    }

    fn comprehension(&mut self, comprehension: &'a ComprehensionExpr, depth: usize) {
        self.look(&comprehension.iter_range, depth);
        self.look(&comprehension.accu_init, depth);
        let before = self.local.len();
        self.local.push(&comprehension.iter_var);
        self.local.push(&comprehension.accu_var);
        self.look(&comprehension.loop_cond, depth);
        self.look(&comprehension.loop_step, depth);
        self.look(&comprehension.result, depth);
        self.local.truncate(before);
    }

    fn is_local(&self, name: &str) -> bool {
        self.local.contains(&name)
    }

    /// Whether an expression is one name that no comprehension gave.
    fn global(&self, expression: &'a Expression) -> Option<&'a str> {
        match &expression.expr {
            Expr::Ident(name) if !self.is_local(name) => Some(name),
            _ => None,
        }
    }

    fn name(&mut self, name: &str) {
        let plain = name.trim_start_matches('.');
        if self.is_local(name) || scope::is_name(plain) || functions::TYPES.contains(&plain) {
            return;
        }
        let message = match plain {
            "variables" => "variables can only be named one by one: variables.NAME".to_owned(),
            _ => format!(
                "there is no {plain:?}; there are {}, variables, and what macros name",
                scope::names().join(", ")
            ),
        };
        self.problems
            .push((Anchor::Name(plain.to_owned()), message));
    }

    fn select(&mut self, select: &'a SelectExpr, depth: usize) {
        if self.global(&select.operand) != Some("variables") || select.test {
            return self.look(&select.operand, depth);
        }
        let name = &select.field;
        if let Some(known) = self.known.iter().find(|known| known.name == *name) {
            self.depth = self.depth.max(depth + known.depth);
            return;
        }
        let message = format!("there is no variable {name:?} before this");
        self.problems.push((Anchor::Name(name.clone()), message));
    }

    fn call(&mut self, call: &'a CallExpr, depth: usize) {
        let count = call.args.len();
        let name = &call.func_name;
        let namespace = call
            .target
            .as_deref()
            .and_then(|target| self.global(target));
        let qualified = namespace.map(|namespace| format!("{namespace}.{name}"));
        let known = if is_operator(name) {
            Ok(())
        } else if let Some(function) = qualified.as_deref().and_then(functions::find) {
            function.takes(false, count)
        } else {
            if let Some(target) = &call.target {
                self.look(target, depth);
            }
            functions::find(name)
                .ok_or_else(|| format!("there is no function {name:?}"))
                .and_then(|function| function.takes(call.target.is_some(), count))
        };
        if let Err(message) = known {
            self.problems
                .push((Anchor::Function(name.clone()), message));
        }
        self.literal(call);
        call.args
            .iter()
            .for_each(|argument| self.look(argument, depth));
    }

    /// Texts that have to be something: patterns and quantities.
    fn literal(&mut self, call: &CallExpr) {
        let (place, problem): (usize, fn(&str) -> Option<String>) = match call.func_name.as_str() {
            "matches" if call.target.is_none() => (1, regex::problem),
            "matches" | "find" | "findAll" => (0, regex::problem),
            "quantity" => (0, quantity::problem),
            _ => return,
        };
        let Some(Expr::Literal(LiteralValue::String(text))) =
            call.args.get(place).map(|argument| &argument.expr)
        else {
            return;
        };
        if let Some(problem) = problem(text.inner()) {
            let anchor = Anchor::Text(text.inner().to_owned());
            self.problems.push((anchor, problem));
        }
    }
}

/// What the parser makes of operators and macros is no identifier, and always there.
fn is_operator(name: &str) -> bool {
    !name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
