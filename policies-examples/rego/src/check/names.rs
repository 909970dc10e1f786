//! What names in a module mean.

use std::collections::{BTreeMap, BTreeSet};

use regorus::Value;
use regorus::unstable::{Expr, Module, Span};

use crate::path::Path;

/// What names in a module mean.
pub struct Names {
    package: Path,
    /// With their roots: `data`, `input`.
    imports: BTreeMap<String, Vec<String>>,
    /// Whether the module is only there for tests.
    pub is_test: bool,
}

impl Names {
    pub fn of(module: &Module) -> Names {
        let (package, _) = name_of(&module.package.refr);
        let imports = imports(module).map(|(_, alias, target)| (alias, target));
        let file = module.package.span.source.get_path();
        let last = package.last().map_or("", String::as_str);
        Names {
            is_test: file.ends_with("_test.rego") || last.ends_with("_test"),
            imports: imports.collect(),
            package,
        }
    }

    /// Where a rule of the module is, by its head, and whether that is all of its place.
    pub fn of_rule(&self, head: &Expr) -> (Path, bool) {
        let (parts, is_whole) = name_of(head);
        ([self.package.clone(), parts].concat(), is_whole)
    }

    /// Where the package is.
    pub fn package(self) -> Path {
        self.package
    }

    /// Where a reference leads below `data`; nowhere, when it is to something else.
    pub fn resolve(&self, parts: &[String], locals: &BTreeSet<String>) -> Option<Path> {
        let root = parts.first()?;
        if locals.contains(root) {
            return None;
        }
        let whole = match self.imports.get(root) {
            Some(target) => [target.as_slice(), parts.get(1..)?].concat(),
            None if root == "data" || root == "input" => parts.to_vec(),
            None => return Some([self.package.as_slice(), parts].concat()),
        };
        match whole.split_first() {
            Some((root, rest)) if root == "data" => Some(rest.to_vec()),
            _ => None,
        }
    }

    /// Where a function of that name may be, in the interpreter's order.
    pub fn candidates(&self, parts: &[String]) -> Vec<Path> {
        let named = self.resolve(parts, &BTreeSet::new());
        let own = [self.package.as_slice(), parts].concat();
        named.into_iter().chain([own]).collect()
    }

    /// How many parts the path of the package has.
    pub fn package_length(&self) -> usize {
        self.package.len()
    }

    pub fn is_import(&self, root: &str) -> bool {
        self.imports.contains_key(root)
    }
}

/// The documents that a module imports: where it says so, how it calls them, and where they are.
fn imports(module: &Module) -> impl Iterator<Item = (&Span, String, Vec<String>)> {
    module.imports.iter().filter_map(|import| {
        let (target, _) = name_of(&import.refr);
        let alias = match &import.r#as {
            Some(alias) => alias.text().to_owned(),
            None => target.last()?.clone(),
        };
        let is_document = ["data", "input"].contains(&target.first()?.as_str());
        is_document.then_some((start_of(&import.refr), alias, target))
    })
}

/// Imports by a name that something else was imported by before, where the interpreter takes either.
pub fn contradicting(module: &Module) -> Vec<(&Span, String)> {
    let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut contradicting = Vec::new();
    for (span, alias, target) in imports(module) {
        match known.get(&alias) {
            Some(before) if *before != target => contradicting.push((span, alias)),
            _ => drop(known.insert(alias, target)),
        }
    }
    contradicting
}

/// The constant parts with which a reference begins, and whether it has no others.
pub fn name_of(mut expr: &Expr) -> (Vec<String>, bool) {
    let mut parts = Vec::new();
    let mut is_whole = true;
    let mut drop_all = |parts: &mut Vec<String>| {
        parts.clear();
        is_whole = false;
    };
    loop {
        match expr {
            Expr::RefDot { refr, field, .. } => {
                match &field.1 {
                    Value::String(name) => parts.push(name.to_string()),
                    _ => drop_all(&mut parts),
                }
                expr = refr;
            }
            Expr::RefBrack { refr, index, .. } => {
                match index.as_ref() {
                    Expr::String {
                        value: Value::String(name),
                        ..
                    } => parts.push(name.to_string()),
                    _ => drop_all(&mut parts),
                }
                expr = refr;
            }
            Expr::Var {
                value: Value::String(name),
                ..
            } => {
                parts.push(name.to_string());
                break;
            }
            _ => {
                drop_all(&mut parts);
                break;
            }
        }
    }
    parts.reverse();
    (parts, is_whole)
}

/// Where a reference begins; the interpreter's own place of one is that of its last dot.
pub fn start_of(mut expr: &Expr) -> &Span {
    while let Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } = expr {
        expr = refr;
    }
    expr.span()
}
