//! The contract is whole: what is a row in one place is there in all the others.

use std::collections::BTreeSet;
use std::fs;

use touchstone::capability::CAPABILITIES;

use crate::support::root;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
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
        assert!(
            read(&format!("host/src/capability/{name}.rs"))
                .contains(&format!("self.allow(\"{name}\",")),
            "{name}"
        );
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
        let text = read(&format!("host/src/capability/{}.rs", row.name));
        let bodies: Vec<&str> = text.split("    fn ").skip(1).collect();
        assert!(!bodies.is_empty(), "{}", row.name);
        for body in bodies {
            let first = body.split_once("{\n").unwrap().1.trim_start();
            assert!(first.starts_with("self.allow(\""), "{}: {body}", row.name);
        }
    }
}
