//! The contract is whole: what is a row in one place is there in all the others.

use std::collections::BTreeSet;
use std::fs;

use touchstone::action::KINDS;
use touchstone::capability::CAPABILITIES;

use crate::support::root;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Where the host functions of an interface are.
fn host_file(name: &str) -> String {
    let folder = if KINDS.iter().any(|kind| kind.name == name) {
        "action"
    } else {
        "capability"
    };
    read(&format!("host/src/{folder}/{name}.rs"))
}

#[test]
fn every_capability_has_wit_host_and_sdk() {
    let world = read("wit/policy.wit");
    let sdk_fakes = read("sdk/src/testing.rs");
    let readme = read("README.md");
    for row in CAPABILITIES {
        let name = row.name;
        assert!(
            read(&format!("wit/{name}.wit")).contains(&format!("interface {name} {{")),
            "{name}"
        );
        assert!(world.contains(&format!("import {name};")), "{name}");
        assert!(host_file(name).contains(&format!("\"{name}\",")), "{name}");
        assert!(!read(&format!("sdk/src/{name}.rs")).is_empty(), "{name}");
        assert!(
            sdk_fakes.contains(&format!("pub(crate) mod {name} {{")),
            "{name} has no fake"
        );
        assert!(
            readme.contains(&format!("`{name}`")),
            "{name} is not in the README"
        );
    }
}

#[test]
fn every_import_of_the_world_is_a_capability() {
    let names: BTreeSet<&str> = CAPABILITIES.iter().map(|row| row.name).collect();
    let world = read("wit/policy.wit");
    let imports: BTreeSet<&str> = world
        .lines()
        .filter_map(|line| line.trim().strip_prefix("import ")?.strip_suffix(';'))
        .collect();
    assert_eq!(imports, names);
}

#[test]
fn every_host_function_passes_the_gate_first() {
    for row in CAPABILITIES {
        let text = host_file(row.name);
        let (_, rest) = text.split_once("Host for Ctx {\n").unwrap();
        let (host, _) = rest.split_once("\n}\n").unwrap();
        let functions: Vec<&str> = host.split("fn ").skip(1).collect();
        assert!(!functions.is_empty(), "{}", row.name);
        for function in functions {
            let (_, body) = function.split_once("{\n").unwrap();
            let first = body
                .trim_start()
                .trim_start_matches("let mut grant = ")
                .trim_start_matches("let grant = ");
            let compact: String = first.split_whitespace().collect();
            assert!(
                compact.starts_with(&format!("self.allow(\"{}\",", row.name)),
                "{}: {body}",
                row.name
            );
        }
    }
}
