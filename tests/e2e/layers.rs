//! `lib.rs` is a map: a module uses only those above it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::root;

/// The modules in the order of lib.rs.
fn order() -> Vec<String> {
    let text = fs::read_to_string(root().join("host/src/lib.rs")).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect()
}

/// Every `crate::x` in a file, but for its tests.
fn used(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    code.match_indices("crate::")
        .map(|(at, found)| {
            code[at + found.len()..]
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}

fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The module of lib.rs that a file belongs to.
fn module_of(path: &Path, source: &Path) -> String {
    let first = path.strip_prefix(source).unwrap().iter().next().unwrap();
    first.to_string_lossy().trim_end_matches(".rs").to_owned()
}

#[test]
fn a_module_uses_only_those_above_it() {
    let (order, source) = (order(), root().join("host/src"));
    assert!(order.len() > 10, "{order:?}");
    let place = |name: &str| order.iter().position(|module| module == name);
    let mut paths = Vec::new();
    files(&source, &mut paths);
    for path in paths {
        let name = module_of(&path, &source);
        if name == "lib" || name == "main" {
            continue;
        }
        let own = place(&name).unwrap_or_else(|| panic!("{} is not in lib.rs", path.display()));
        for other in used(&fs::read_to_string(&path).unwrap()) {
            let other_place =
                place(&other).unwrap_or_else(|| panic!("{}: crate::{other}?", path.display()));
            assert!(
                other_place <= own,
                "{} uses {other}, which stands below it",
                path.display()
            );
        }
    }
}

#[test]
fn libraries_stay_where_they_belong() {
    let source = root().join("host/src");
    let mut paths = Vec::new();
    files(&source, &mut paths);
    for (library, homes) in [
        (
            "wasmtime::",
            &["guest", "capability", "action", "sandbox", "policy"][..],
        ),
        ("hyper", &["source", "server"]),
        ("axum", &["source", "server"]),
        ("notify", &["watch"]),
        ("anyhow", &["cli"]),
        ("reqwest", &["egress"]),
        ("sqlx", &["store"]),
        ("lapin", &["action", "source"]),
        ("lettre", &["action"]),
    ] {
        for path in &paths {
            let name = module_of(path, &source);
            let text = fs::read_to_string(path).unwrap();
            let uses = text.lines().any(|line| {
                let line = line.trim_start();
                line.starts_with(&format!("use {library}"))
                    || line.starts_with(&format!("pub use {library}"))
            });
            assert!(
                !uses || homes.contains(&name.as_str()),
                "{} uses {library}",
                path.display()
            );
        }
    }
}
