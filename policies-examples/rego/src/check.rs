//! What OPA's compiler refuses and the interpreter notices only while it runs, if at all: functions that do not exist,
//! recursion, rules that need more stack than there is. Everything is reported with its place.

mod kinds;
mod names;
mod nesting;
mod recursion;
mod safety;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use regorus::Value;
use regorus::unstable::{Expr, Module, Ref, Rule, Span};
use touchstone_sdk::Problem;

use self::kinds::Kind;
use self::names::{Names, name_of, start_of};
pub use self::nesting::unreadable;
use self::walk::{Call, Node, walk};
use crate::builtins;
use crate::fault;
use crate::path::{self, Path};

/// A rule: all that its definitions have in common.
#[derive(Debug)]
pub struct RuleFacts {
    /// Where it is.
    pub path: Path,
    /// Where it is first defined.
    pub span: Span,
    /// How many parts of the path are its package.
    pub package: usize,
    /// Whether it is a test, or only there for tests.
    pub is_test: bool,
    kind: Kind,
    /// Whether its name says the whole place, without brackets that go through many.
    is_whole: bool,
    /// Where its default is.
    default: Option<Span>,
    /// What it refers to.
    uses: Vec<Use>,
    /// How much stack it takes without what it refers to; see [`walk`].
    depth: usize,
}

impl RuleFacts {
    /// The number of its arguments, when it is a function.
    fn arguments(&self) -> Option<usize> {
        match self.kind {
            Kind::Function(count) => Some(count),
            Kind::Value | Kind::Set => None,
        }
    }
}

/// Something that a rule refers to.
#[derive(Debug)]
struct Use {
    /// A rule, or what is above some.
    path: Path,
    span: Span,
    /// How much stack is taken by then.
    depth: usize,
}

/// The rules by path.
pub type Facts = BTreeMap<Path, RuleFacts>;

/// What the modules are made of.
pub struct Checked {
    /// The rules, functions left out.
    pub rules: Facts,
    /// Built-in functions of this module that a test replaces.
    pub replaced: BTreeSet<&'static str>,
}

/// Looks the modules through. Reports every problem.
pub fn check(modules: &[Ref<Module>]) -> Result<Checked, Vec<Problem>> {
    let mut check = Check::default();
    for module in modules {
        let names = Names::of(module);
        for import in names::contradicting(module) {
            let message = format!("something else is imported as {} already", import.1);
            check.problems.push(problem(import.0, &message));
        }
        for rule in &module.policy {
            check.define(&names, rule);
        }
    }
    let packages: BTreeSet<Path> = modules
        .iter()
        .map(|module| Names::of(module).package())
        .collect();
    check.find_overlaps(&packages);
    for module in modules {
        let names = Names::of(module);
        for rule in &module.policy {
            check.look_through(&names, rule);
        }
    }
    if check.problems.is_empty() {
        check.problems.extend(recursion::find(&check.facts));
    }
    if !check.problems.is_empty() {
        return Err(check.problems);
    }
    let mut rules = check.facts;
    rules.retain(|_, rule| rule.arguments().is_none());
    Ok(Checked {
        rules,
        replaced: check.replaced,
    })
}

/// A problem at a place of a source.
pub fn problem(span: &Span, message: &str) -> Problem {
    Problem {
        path: pointer(span.source.get_path()),
        message: format!("{}: {message}", fault::place(span)),
    }
}

/// Where a source is in the settings.
pub fn pointer(file: &str) -> String {
    format!("/sources/{}", file.replace('~', "~0").replace('/', "~1"))
}

#[derive(Default)]
struct Check {
    facts: Facts,
    replaced: BTreeSet<&'static str>,
    problems: Vec<Problem>,
}

impl Check {
    fn define(&mut self, names: &Names, rule: &Rule) {
        let (head, kind) = Kind::of(rule);
        let (path, is_whole) = names.of_rule(head);
        let known = self.facts.entry(path.clone()).or_insert_with(|| RuleFacts {
            package: names.package_length(),
            is_test: names.is_test || is_test(path.last()),
            path,
            span: rule.span().clone(),
            kind,
            is_whole,
            default: None,
            uses: Vec::new(),
            depth: 0,
        });
        known.is_whole |= is_whole;
        let name = path::short(&known.path);
        if known.kind != kind {
            let message = format!("{name} is defined in another way, too");
            self.problems.push(problem(rule.span(), &message));
        }
        let Rule::Default { span, value, .. } = rule else {
            return;
        };
        if known.default.replace(span.clone()).is_some() {
            let message = format!("{name} has a default already");
            self.problems.push(problem(span, &message));
        }
        if let Some(part) = kinds::not_constant(value) {
            let message = "a default is a constant: this depends on something";
            self.problems.push(problem(start_of(part), message));
        }
    }

    /// Rules in the way of others, and of packages.
    fn find_overlaps(&mut self, packages: &BTreeSet<Path>) {
        for (rule, below) in kinds::overlapping(&self.facts) {
            let (rule, name) = (path::short(&rule.path), path::short(&below.path));
            let message = format!("{name} is below the rule {rule}, which has a value of its own");
            self.problems.push(problem(&below.span, &message));
        }
        for rule in kinds::over_packages(&self.facts, packages) {
            let name = path::short(&rule.path);
            let message = format!("there is a package {name}, or one below it, too");
            self.problems.push(problem(&rule.span, &message));
        }
    }

    fn look_through(&mut self, names: &Names, rule: &Rule) {
        let mut locals = BTreeSet::new();
        let mut nodes = Vec::new();
        let depth = match walk(rule, &mut |node| match node {
            Node::Local(name) => {
                locals.insert(name.to_owned());
            }
            Node::Some(name) => {
                locals.insert(name.text().to_owned());
                nodes.push(Node::Some(name));
            }
            other => nodes.push(other),
        }) {
            Ok(depth) => depth,
            Err(span) => {
                self.problems.push(problem(span, "this is nested too deep"));
                return;
            }
        };
        let is_known = |name: &str| self.is_known(names, name);
        let takes = |function: &Expr| self.takes(names, function);
        let unsafe_ones = safety::unsafe_variables(rule, &is_known, &takes);
        self.problems.extend(unsafe_ones.into_iter().map(|span| {
            let message = format!("nothing gives the variable {} a value", span.text());
            problem(span, &message)
        }));
        let mut uses = Vec::new();
        for node in nodes {
            let (span, depth, path) = match node {
                Node::Reference(expr, depth) => {
                    let (parts, _) = name_of(expr);
                    (start_of(expr), depth, names.resolve(&parts, &locals))
                }
                Node::Call(call) => {
                    let path = self.call(names, &call);
                    (start_of(call.function), call.depth, path)
                }
                Node::Replaced(target) => {
                    self.replace(names, target);
                    continue;
                }
                Node::Some(name) => {
                    self.declare(names, name);
                    continue;
                }
                Node::Odd(span, why) => {
                    self.problems.push(problem(span, why));
                    continue;
                }
                Node::Local(_) => continue,
            };
            uses.extend(path.map(|path| Use {
                path,
                span: span.clone(),
                depth,
            }));
        }
        let (head, _) = Kind::of(rule);
        if let Some(known) = self.facts.get_mut(&names.of_rule(head).0) {
            known.uses.extend(uses);
            known.depth = known.depth.max(depth);
        }
    }

    /// Whether a name is that of something that is no variable: a document, an import, a rule or what is above one.
    fn is_known(&self, names: &Names, name: &str) -> bool {
        let is_there = |path: &Path| {
            let below = self.facts.range(path.clone()..).next();
            below.is_some_and(|(other, _)| other.starts_with(path))
        };
        let parts = [name.to_owned()];
        name == "input"
            || name == "data"
            || names.is_import(name)
            || names.candidates(&parts).iter().any(is_there)
    }

    /// How many arguments a function takes whose result may go into one more.
    fn takes(&self, names: &Names, function: &Expr) -> Option<usize> {
        let (parts, _) = name_of(function);
        let own = names.candidates(&parts);
        let own = own
            .iter()
            .find_map(|path| self.facts.get(path)?.arguments());
        own.or_else(|| builtins::arguments(&parts.join(".")))
    }

    /// `some x`, which the interpreter would take for what is called so already.
    fn declare(&mut self, names: &Names, name: &Span) {
        let parts = [name.text().to_owned()];
        let taken = names.is_import(name.text())
            || names
                .candidates(&parts)
                .iter()
                .any(|path| self.facts.contains_key(path));
        if taken {
            let message = format!("there is a rule or an import {} already", name.text());
            self.problems.push(problem(name, &message));
        }
    }

    /// The function that is called, if it is one of the modules; a problem when there is none.
    fn call(&mut self, names: &Names, call: &Call<'_>) -> Option<Path> {
        let count = call.arguments.len();
        let span = start_of(call.function);
        let (parts, is_whole) = name_of(call.function);
        let name = parts.join(".");
        let own = names.candidates(&parts);
        let own = own.into_iter().find(|path| self.is_function(path));
        if own.is_none() && name == "walk" && count == 1 {
            let remedy = "write walk(x, [path, value]): the interpreter finds nothing for [path, value] := walk(x)";
            self.problems.push(problem(span, remedy));
            return None;
        }
        let expected = match &own {
            Some(path) => self.facts.get(path).and_then(RuleFacts::arguments),
            None if is_whole => builtins::arguments(&name),
            None => None,
        };
        let message = match expected {
            Some(expected) if count == expected => {
                if own.is_none() && name.starts_with("regex.") {
                    call.arguments.iter().for_each(|argument| prepare(argument));
                }
                return own;
            }
            // The last one takes the result: `f(x, y)` is `y = f(x)`.
            Some(expected) if count == expected + 1 && call.is_statement => {
                if own.is_some() || builtins::is_known_to_interpreter(&name) {
                    return own;
                }
                format!("write y = {name}(x) in place of {name}(x, y)")
            }
            // Of any number.
            None if name == "print" => return None,
            Some(1) => format!("{name} takes 1 argument, not {count}"),
            Some(expected) => format!("{name} takes {expected} arguments, not {count}"),
            None => match builtins::refused(&name) {
                Some(why) => format!("{name} is not offered: {why}"),
                None => format!("there is no function {name}"),
            },
        };
        self.problems.push(problem(span, &message));
        None
    }

    /// What `with` replaces: a document, or a function.
    fn replace(&mut self, names: &Names, target: &Expr) {
        let (parts, _) = name_of(target);
        let name = parts.join(".");
        let is_document = parts
            .first()
            .is_some_and(|root| root == "input" || root == "data" || names.is_import(root));
        let candidates = names.candidates(&parts);
        if is_document || candidates.iter().any(|path| self.is_function(path)) {
            return;
        }
        if builtins::is_known_to_interpreter(&name) || name == "print" {
            return;
        }
        let message = match builtins::added(&name) {
            Some(builtin) if name.contains('.') => {
                self.replaced.insert(builtin.name);
                return;
            }
            Some(_) => {
                format!("{name} cannot be replaced: give the function that calls it another")
            }
            None => format!("there is no function {name} to replace"),
        };
        self.problems.push(problem(start_of(target), &message));
    }

    fn is_function(&self, path: &[String]) -> bool {
        let rule = self.facts.get(path);
        rule.is_some_and(|rule| rule.arguments().is_some())
    }
}

/// A text that stands among the arguments of a function of patterns may be one.
fn prepare(argument: &Expr) {
    if let Expr::String { value, .. } | Expr::RawString { value, .. } = argument
        && let Value::String(text) = value
    {
        builtins::prepare_pattern(text);
    }
}

fn is_test(name: Option<&String>) -> bool {
    name.is_some_and(|name| name.starts_with("test_") || name.starts_with("todo_test_"))
}
