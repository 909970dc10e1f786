//! What cannot be loaded is refused before it runs, with what to do about it; the cache is trusted only when whole.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use serde_json::{Value, json};
use touchstone::model::{Fault, Verdict};
use touchstone::sandbox::module::Module;
use touchstone::service::Origin;

use crate::support::{Folder, Host, module};

fn error_of(bytes: &[u8], keys: Value) -> String {
    let folder = Folder::new();
    folder.policy_from("p", bytes, keys);
    let host = folder.service();
    assert_eq!(host.state("p"), "failed");
    // It never was good, so it stands in the way.
    let decision = host.decide(&json!({}));
    assert_eq!(decision.verdict, Verdict::Deny);
    assert!(matches!(
        decision.policies[0].fault,
        Some(Fault::NotLoaded { .. })
    ));
    host.error("p")
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

#[test]
fn a_file_that_is_no_policy_says_what_it_is() {
    let whole = fs::read(module("scan-level")).unwrap();
    let wasi = r#"(module (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32))))"#;
    for (bytes, expected) in [
        (vec![], "it is empty"),
        (
            whole[..whole.len() / 2].to_vec(),
            "it is not valid WebAssembly",
        ),
        (whole[..10].to_vec(), "it is not valid WebAssembly"),
        (b"\x7fELF and so on".to_vec(), "it is a native program"),
        (b"#!/bin/sh\n".to_vec(), "it is a script"),
        (b"{}".to_vec(), "it is JSON"),
        (b"(module)".to_vec(), "WebAssembly text"),
        (wat("(module)"), "without a component type"),
        (wat(wasi), "policies run without WASI"),
        (wat("(component)"), "does not fit the contract"),
    ] {
        let error = error_of(&bytes, json!({}));
        assert!(
            error.contains(expected),
            "{error:?} does not say {expected:?}"
        );
    }
}

#[test]
fn an_import_is_refused_with_the_line_to_add() {
    let layers = fs::read(module("vulnerable-layers")).unwrap();
    let error = error_of(&layers, json!({}));
    assert!(
        error.contains("it imports data without a grant")
            && error.contains("grants: {data: [\"clair/*\"]}"),
        "{error}"
    );
    let both = fs::read(module("misbehave")).unwrap();
    let error = error_of(&both, json!({"grants": {"clock": []}}));
    assert!(
        !error.contains("clock") && error.contains("data"),
        "{error}"
    );
    for (text, expected) in [
        (
            r#"(component (import "touchstone:policy/dota@0.1.0" (instance (export "go" (func)))))"#,
            "did you mean \"data\"?",
        ),
        (
            r#"(component (import "wasi:cli/environment@0.2.0" (instance (export "go" (func)))))"#,
            "policies run without WASI",
        ),
        (
            r#"(component (import "acme:thing/x" (func)))"#,
            "policies import only touchstone:policy",
        ),
        (
            r#"(component (import "touchstone:policy/event@0.1.0" (instance (export "data" (func (param "x" u32))))))"#,
            "does not fit the contract",
        ),
        (
            r#"(component (import "touchstone:policy/event@9.0.0" (instance (export "data" (func (result string))))))"#,
            "does not fit the contract",
        ),
    ] {
        let error = error_of(&wat(text), json!({}));
        assert!(
            error.contains(expected),
            "{error:?} does not say {expected:?}"
        );
    }
}

#[test]
fn every_capability_that_needs_a_grant_is_refused_without() {
    for row in touchstone::capability::CAPABILITIES
        .iter()
        .filter(|row| row.example.is_some())
    {
        let text = format!(
            r#"(component (import "touchstone:policy/{}@0.1.0" (instance (export "any" (func)))))"#,
            row.name
        );
        let error = error_of(&wat(&text), json!({}));
        assert!(
            error.contains(&format!("it imports {} without a grant", row.name)),
            "{error}"
        );
    }
}

#[test]
fn a_lie_in_describe_is_an_error_not_a_crash() {
    for (guest, expected) in [
        ("bad-json", "settings-schema is not JSON"),
        ("bad-utf8", "utf-8"),
    ] {
        let error = error_of(&fs::read(module(guest)).unwrap(), json!({}));
        assert!(
            error.contains(expected),
            "{error:?} does not say {expected:?}"
        );
    }
}

#[test]
fn configure_is_bounded_and_has_no_event() {
    let bytes = fs::read(module("misbehave")).unwrap();
    for (configure, expected) in [
        ("loop", "computed for longer than 50ms"),
        ("panic", "boom while configured"),
        ("clock", "there is no event and no time during configure"),
        ("event", "there is no event and no time during configure"),
    ] {
        let grants = json!({"data": ["configured"], "clock": ["now"]});
        let keys = json!({"settings": {"configure": configure}, "grants": grants, "limits": {"configure": "50ms"}});
        let error = error_of(&bytes, keys);
        assert!(
            error.contains("while it was configured") && error.contains(expected),
            "{error}"
        );
    }
}

#[test]
fn every_mistake_in_the_settings_is_reported() {
    let bytes = fs::read(module("image-source")).unwrap();
    let settings = json!({"pining": "tag", "pinning": "tags", "registries": {"a": "b"}});
    let error = error_of(&bytes, json!({ "settings": settings }));
    for part in [
        "/pining: unknown key",
        "/pinning:",
        "/registries/a: expected array, found string",
    ] {
        assert!(error.contains(part), "{part:?} is not in {error:?}");
    }
}

#[test]
fn unknown_grants_name_the_nearest() {
    let bytes = fs::read(module("scan-level")).unwrap();
    let error = error_of(&bytes, json!({"grants": {"dta": ["x"]}}));
    assert!(
        error.contains("unknown capability \"dta\": did you mean \"data\"?"),
        "{error}"
    );
}

#[test]
fn a_broken_policy_yaml_stands_in_the_way_of_everything() {
    let folder = Folder::new();
    folder.policy("good", "scan-level", json!({}));
    folder.policy("bad", "scan-level", json!({"modus": "enforce"}));
    let host = folder.service();
    assert_eq!(host.state("good"), "ready");
    assert!(
        host.error("bad")
            .contains("unknown key \"modus\": did you mean"),
        "{}",
        host.error("bad")
    );
    assert_eq!(
        host.decide(&json!({"image": "nginx", "level": 1})).verdict,
        Verdict::Deny
    );
}

#[test]
fn two_policies_cannot_have_one_name() {
    let folder = Folder::new();
    folder.policy("one", "scan-level", json!({}));
    folder.policy("two", "scan-level", json!({"name": "one"}));
    let host = folder.service();
    assert_eq!(
        host.decide(&json!({"image": "nginx", "level": 1})).verdict,
        Verdict::Deny
    );
    let generation = host.service.generations.current().unwrap();
    let errors: Vec<&str> = generation
        .members()
        .iter()
        .filter_map(|member| member.state.error())
        .collect();
    assert!(
        errors.len() == 1 && errors[0].contains("the name \"one\" is taken"),
        "{errors:?}"
    );
}

/// A service whose cache is a folder of its own.
fn with_cache(folder: &Folder, cache: &Path) -> Host {
    let origin = folder.origin();
    let overrides = touchstone::config::Overrides {
        cache: Some(cache.to_owned()),
        ..origin.overrides
    };
    Host::new(Origin {
        file: None,
        overrides,
    })
}

#[test]
fn a_damaged_cache_is_rebuilt() {
    let folder = Folder::new();
    folder.policy("p", "scan-level", json!({}));
    let cache = folder.path().join("cache");
    let judge = || {
        let host = with_cache(&folder, &cache);
        assert_eq!(host.state("p"), "ready");
        assert_eq!(
            host.decide(&json!({"image": "nginx", "level": 7})).verdict,
            Verdict::Deny
        );
        host.settle();
    };
    judge();
    assert_eq!(
        fs::metadata(&cache).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let files = || {
        fs::read_dir(&cache)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>()
    };
    assert!(files().len() >= 4, "{:?}", files());
    // Another file in its place, as a disk would give after a restart: of the host that has just ended, a thread may
    // still have the old one mapped.
    let replace = |file: &Path, bytes: Vec<u8>| {
        let other = folder.path().join("other");
        fs::write(&other, bytes).unwrap();
        fs::rename(other, file).unwrap();
    };
    for damage in [&b""[..], b"garbage", b"\x7fELF"] {
        for file in files() {
            let mut bytes = fs::read(&file).unwrap();
            let middle = bytes.len() / 2;
            bytes.splice(middle.., damage.iter().copied());
            replace(&file, bytes);
        }
        judge();
    }
    // One flipped bit in the machine code.
    for file in files().iter().filter(|file| {
        file.extension()
            .is_some_and(|extension| extension == "cwasm")
    }) {
        let mut bytes = fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        replace(file, bytes);
    }
    judge();
}

#[test]
fn a_cache_that_others_may_write_is_not_used() {
    let folder = Folder::new();
    folder.policy("p", "scan-level", json!({}));
    let cache = folder.path().join("open");
    fs::create_dir(&cache).unwrap();
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).unwrap();
    let host = with_cache(&folder, &cache);
    assert!(host.service.sandbox.cache().is_none());
    assert_eq!(host.state("p"), "ready");
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 0);
}

/// As it may be, where the folder was open to others before.
#[test]
fn what_others_may_write_in_the_cache_is_not_used() {
    let folder = Folder::new();
    folder.policy(
        "p",
        "misbehave",
        json!({"grants": {"data": [], "clock": []}}),
    );
    let cache = folder.path().join("cache");
    with_cache(&folder, &cache).settle();
    let files = || {
        let files = fs::read_dir(&cache)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let code = files.filter(|path| path.extension().is_some_and(|end| end == "cwasm"));
        code.map(|path| (fs::metadata(&path).unwrap().ino(), path))
            .collect::<Vec<_>>()
    };
    let before = files();
    assert!(!before.is_empty());
    for (_, path) in &before {
        fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap();
    }
    let host = with_cache(&folder, &cache);
    host.settle();
    let after = files();
    assert!(
        before
            .iter()
            .all(|(file, _)| after.iter().all(|(other, _)| file != other))
    );
}

#[test]
fn what_configure_read_is_part_of_what_is_cached() {
    let folder = Folder::new();
    let keys = json!({"settings": {"configure": "read"}, "grants": {"data": ["configured"], "clock": ["now"]}});
    folder
        .policy("p", "misbehave", keys)
        .data("x.json", &json!({"configured": 1}));
    let host = folder.service();
    host.settle();
    let policy = |host: &Host| {
        let generation = host.service.generations.current().unwrap();
        std::sync::Arc::clone(generation.member("p").unwrap().policy().unwrap())
    };
    let first = policy(&host);
    folder.data("x.json", &json!({"configured": 1, "other": 2}));
    host.reload();
    assert!(
        std::sync::Arc::ptr_eq(&first, &policy(&host)),
        "data that configure did not read changes nothing"
    );
    folder.data("x.json", &json!({"configured": 2}));
    host.reload();
    assert!(
        !std::sync::Arc::ptr_eq(&first, &policy(&host)),
        "data that configure read configures it again"
    );
}

#[test]
fn a_component_that_cannot_be_snapshotted_is_configured_for_each_decision() {
    // Beyond what can be snapshotted: a component within the component, with a module of its own.
    let bytes = fs::read(module("misbehave")).unwrap();
    let mut nested = Module::new(bytes).component().unwrap().into_owned();
    // A component is a header and sections; sections may be appended.
    nested.extend_from_slice(&wat("(component (component (core module)))")[8..]);
    let folder = Folder::new();
    let keys =
        json!({"settings": {"version": 5}, "grants": {"data": ["version"], "clock": ["now"]}});
    folder.policy_from("p", &nested, keys);
    let host = folder.service();
    assert_eq!(host.error("p"), "");
    for _ in 0..3 {
        assert_eq!(host.act("version").findings[0].message, "5 null");
        assert_eq!(host.act("count").findings[0].message, "1");
    }
    let generation = host.service.generations.current().unwrap();
    assert!(
        !generation
            .member("p")
            .unwrap()
            .policy()
            .unwrap()
            .is_snapshot()
    );
}

#[test]
fn what_a_grant_let_configure_read_is_forgotten_with_the_grant() {
    let folder = Folder::new();
    let keys = |granted: &str| json!({"settings": {"configure": "read"}, "grants": {"data": [granted], "clock": ["now"]}});
    folder.data("x.json", &json!({"configured": "secret"}));
    folder.policy("p", "misbehave", keys("configured"));
    let host = folder.service();
    host.settle();
    assert_eq!(
        host.act("remembered").findings[0].message,
        "Ok(Some(String(\"secret\")))"
    );
    for granted in ["nothing", "configured", "nothing"] {
        folder.yaml("p", keys(granted));
        host.reload();
        for _ in 0..2 {
            let said = host.act("remembered").findings[0].message.clone();
            assert_eq!(
                said.contains("secret"),
                granted == "configured",
                "{granted}: {said}"
            );
            host.settle();
        }
    }
}

/// Component types within one another, as deep as one likes.
fn nested_types(depth: usize) -> Vec<u8> {
    fn leb(mut number: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let low = (number & 0x7f) as u8;
            number >>= 7;
            bytes.push(if number == 0 { low } else { low | 0x80 });
            if number == 0 {
                return bytes;
            }
        }
    }
    // component types: (component (type (component (type …)))), the innermost empty.
    let mut body = vec![0x41, 0x01]
        .into_iter()
        .chain([0x01])
        .collect::<Vec<u8>>()
        .repeat(depth);
    body.extend([0x41, 0x00]);
    let mut section = vec![0x01];
    section.extend(body);
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    bytes.push(7);
    bytes.extend(leb(section.len()));
    bytes.extend(section);
    bytes
}

#[test]
fn a_module_that_means_to_crash_its_readers_is_refused() {
    for depth in [500, 20_000, 1_000_000] {
        let error = error_of(&nested_types(depth), json!({}));
        assert!(error.contains("nest too deeply"), "{error}");
    }
}

#[test]
fn a_bug_while_loading_keeps_the_last_good_version() {
    let folder = Folder::new();
    folder.policy("p", "scan-level", json!({}));
    let host = folder.service();
    // The snapshot tool panics on imported tags.
    let tag = wat(r#"(component (core module (import "a" "b" (tag))))"#);
    folder.policy_from("p", &tag, json!({}));
    host.reload();
    assert_eq!(host.state("p"), "stale");
    assert_eq!(
        host.decide(&json!({"image": "nginx", "level": 1})).verdict,
        Verdict::Allow
    );
}

#[test]
fn a_policy_that_cannot_be_read_is_not_one_that_is_not_there() {
    let folder = Folder::new();
    folder.policy("p", "scan-level", json!({}));
    let yaml = folder.path().join("policies/p/policy.yaml");
    fs::remove_file(&yaml).unwrap();
    std::os::unix::fs::symlink("nowhere", &yaml).unwrap();
    let host = folder.service();
    assert_eq!(
        host.decide(&json!({"image": "nginx", "level": 1})).verdict,
        Verdict::Deny
    );
}
