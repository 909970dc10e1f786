//! Changes are taken up while clients ask: no failed answer, no mixture, the last good version when a file is broken.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::{Folder, Server, TOUCHSTONE, module, replace, wait_until};

fn keys(version: u32) -> Value {
    // Compilers and eight askers share two cores here: what a decision may take is not what is looked at.
    let limits = json!({"time": "10s"});
    json!({"settings": {"version": version}, "grants": {"data": ["version"], "clock": ["now"]}, "limits": limits})
}

fn ask(server: &Server) -> (u16, Value) {
    server.post("/v1/decide", br#"{"act":"version"}"#)
}

fn said(answer: &Value, policy: usize) -> &str {
    answer["policies"][policy]["findings"][0]["message"]
        .as_str()
        .unwrap_or_default()
}

#[test]
fn a_hundred_changes_under_load_lose_and_mix_nothing() {
    let folder = Folder::new();
    folder
        .policy("a", "misbehave", keys(0))
        .policy("b", "misbehave", keys(0))
        .data("v.json", &json!({"version": 0}));
    let server = Server::start(&folder, &[]);
    let (done, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    // What each generation said: always the same.
    let seen: Mutex<BTreeMap<String, String>> = Mutex::default();
    let good = fs::read(module("misbehave")).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let (status, answer) = ask(&server);
                    assert_eq!(
                        (status, &answer["verdict"]),
                        (200, &json!("allow")),
                        "{answer}"
                    );
                    let both = format!("{} | {}", said(&answer, 0), said(&answer, 1));
                    let generation = answer["generation"].as_str().unwrap().to_owned();
                    let mut seen = seen.lock().unwrap();
                    let before = seen.entry(generation).or_insert_with(|| both.clone());
                    assert_eq!(*before, both, "one generation gave two answers");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for change in 1..=100_u32 {
            let before = server.generation();
            let a = folder.path().join("policies/a");
            match change % 5 {
                0 => replace(&a.join("m.wasm"), b"\0asm broken"),
                1 => {
                    // Another module of the same meaning.
                    let mut bytes = good.clone();
                    bytes.extend([0, 6, 1, b'v']);
                    bytes.extend(change.to_le_bytes());
                    replace(&a.join("m.wasm"), &bytes);
                }
                2 => drop(folder.yaml("a", keys(change))),
                3 => drop(folder.yaml("b", keys(change))),
                _ => drop(folder.data("v.json", &json!({"version": change}))),
            }
            wait_until("the change is taken up", || server.generation() != before);
            if change % 5 == 0 {
                let state = server.get_json("/v1/policies/a");
                assert_eq!(state["state"], "stale");
                assert!(
                    state["error"]
                        .as_str()
                        .unwrap()
                        .contains("not valid WebAssembly"),
                    "{state}"
                );
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(asked.load(Ordering::Relaxed) > 200);
    assert!(seen.lock().unwrap().len() > 20);
}

#[test]
fn identical_content_builds_nothing() {
    let folder = Folder::new();
    folder.policy("a", "misbehave", keys(1));
    let server = Server::start(&folder, &[]);
    let looks = || {
        let metrics = server.get("/metrics").1;
        let line = metrics
            .lines()
            .find(|line| line.contains("result=\"unchanged\""));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<u32>().ok())
            .unwrap_or(0)
    };
    // The first look is at what changed before the watch began.
    wait_until("the watch has begun", || looks() > 0);
    let (before, looked) = (server.get_json("/v1/generation")["built"].clone(), looks());
    folder.yaml("a", keys(1));
    wait_until("the change was looked at", || looks() > looked);
    assert_eq!(server.get_json("/v1/generation")["built"], before);
}

#[test]
fn policies_come_and_go_with_their_folders() {
    let folder = Folder::new();
    folder.policy("a", "misbehave", keys(1));
    let server = Server::start(&folder, &[]);
    folder.policy("b", "misbehave", keys(2));
    wait_until("b is ready", || {
        server.get("/v1/policies/b").1.contains("\"ready\"")
    });
    assert_eq!(said(&ask(&server).1, 1), "2 null");
    fs::remove_dir_all(folder.path().join("policies/b")).unwrap();
    wait_until("b is gone", || server.get("/v1/policies/b").0 == 404);
    // The whole folder is replaced by another of the same name.
    fs::rename(folder.path().join("policies"), folder.path().join("old")).unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    wait_until("a is gone", || server.get("/v1/policies/a").0 != 200);
    folder.policy("c", "misbehave", keys(3));
    wait_until("c is ready", || {
        server.get("/v1/policies/c").1.contains("\"ready\"")
    });
    folder.yaml("c", keys(4));
    wait_until("c has changed", || said(&ask(&server).1, 0) == "4 null");
}

#[test]
fn a_config_map_is_swapped_by_its_link() {
    let folder = Folder::new();
    let mount = folder.path().join("policies/mounted");
    let write = |revision: &str, version: u32| {
        let real = mount.join(format!("..{revision}"));
        fs::create_dir_all(&real).unwrap();
        fs::copy(module("misbehave"), real.join("m.wasm")).unwrap();
        let mut yaml = keys(version);
        yaml["name"] = json!("mounted");
        yaml["module"] = json!("m.wasm");
        fs::write(real.join("policy.yaml"), yaml.to_string()).unwrap();
        symlink(format!("..{revision}"), mount.join("..data_tmp")).unwrap();
        fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    };
    write("2026_1", 1);
    for file in ["policy.yaml", "m.wasm"] {
        symlink(format!("..data/{file}"), mount.join(file)).unwrap();
    }
    let server = Server::start(&folder, &[]);
    assert_eq!(said(&ask(&server).1, 0), "1 null");
    write("2026_2", 2);
    wait_until("the new revision is served", || {
        said(&ask(&server).1, 0) == "2 null"
    });
}

#[test]
fn a_linked_folder_is_watched_where_it_really_is() {
    let (folder, elsewhere) = (Folder::new(), Folder::new());
    elsewhere.policy("a", "misbehave", keys(1));
    symlink(
        elsewhere.path().join("policies/a"),
        folder.path().join("policies/a"),
    )
    .unwrap();
    let server = Server::start(&folder, &[]);
    elsewhere.yaml("a", keys(2));
    wait_until("the change is served", || {
        said(&ask(&server).1, 0) == "2 null"
    });
    // While it is not there, the policy is not gone.
    let (there, away) = (
        elsewhere.path().join("policies"),
        elsewhere.path().join("away"),
    );
    fs::rename(&there, &away).unwrap();
    folder.policy("b", "misbehave", keys(7));
    let state = || server.get_json("/v1/policies/a")["state"].clone();
    wait_until("it is missed", || state() == "stale");
    assert_eq!(said(&ask(&server).1, 0), "2 null");
    fs::rename(&away, &there).unwrap();
    wait_until("it is back", || state() == "ready");
}

#[test]
fn broken_data_keeps_the_last_good() {
    let folder = Folder::new();
    folder
        .policy("a", "misbehave", keys(1))
        .data("v.json", &json!({"version": 1}));
    let server = Server::start(&folder, &[]);
    replace(&folder.path().join("data/w.json"), b"{");
    wait_until("the error is reported", || {
        server.get_json("/v1/generation")["dataError"].is_string()
    });
    assert_eq!(said(&ask(&server).1, 0), "1 1");
    fs::remove_file(folder.path().join("data/w.json")).unwrap();
    folder.data("v.json", &json!({"version": 2}));
    wait_until("the new data is served", || {
        said(&ask(&server).1, 0) == "1 2"
    });
    assert!(server.get_json("/v1/generation")["dataError"].is_null());
}

#[test]
fn touchstone_yaml_is_taken_up_but_for_what_needs_a_restart() {
    let folder = Folder::new();
    folder.policy("a", "misbehave", keys(1));
    let file = folder.path().join("touchstone.yaml");
    fs::write(&file, "policies: [policies]\nbodyLimit: 1MiB\n").unwrap();
    let server = Server::spawn(
        Command::new(TOUCHSTONE)
            .arg("serve")
            .arg("--config")
            .arg(&file),
    );
    assert_eq!(ask(&server).0, 200);
    replace(&file, b"policies: [policies]\nbodyLimit: 5B\n");
    wait_until("the limit is taken up", || ask(&server).0 == 413);
    replace(
        &file,
        b"policies: [policies]\nbodyLimit: 1MiB\npool: {instances: 3}\n",
    );
    wait_until("the rest waits", || {
        server
            .get("/v1/generation")
            .1
            .contains("only a restart takes it up: pool")
    });
    assert_eq!(ask(&server).0, 200);
    replace(&file, b"polices: [policies]\n");
    wait_until("the mistake is reported", || {
        server.get("/v1/generation").1.contains("did you mean")
    });
    assert_eq!(ask(&server).0, 200);
}
