//! Nothing leaks: not from guests that misbehave, not from generations that are gone. A program of its own, so that
//! nobody else's memory is measured.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "support.rs"]
#[allow(dead_code, reason = "shared by test programs that use different parts")]
mod support;

use serde_json::{Value, json};
use support::{Folder, resident};

/// Both measure this process, so one after the other.
#[test]
fn memory_does_not_grow() {
    misdeeds();
    generations();
}

fn keys(version: u32, time: &str) -> Value {
    json!({"settings": {"version": version}, "grants": {"data": ["version"], "clock": ["now"]},
        "limits": {"time": time, "memory": "4MiB", "calls": 200}})
}

/// A leak grows for ever, what an allocator keeps to itself does not: of ten equal windows, the first is for warming up
/// and one of the others has to end within 2 % of where it began.
fn settles(what: &str, mut window: impl FnMut()) {
    window();
    let mut sizes = vec![resident("self")];
    for _ in 1..10 {
        window();
        let (before, now) = (sizes[sizes.len() - 1], resident("self"));
        if now <= before + before / 50 {
            return;
        }
        sizes.push(now);
    }
    panic!("KiB resident after each window of {what}: {sizes:?}");
}

fn misdeeds() {
    let folder = Folder::new();
    folder.policy("p", "misbehave", keys(1, "2ms"));
    let host = folder.service();
    host.settle();
    let acts = [
        "loop",
        "memory",
        "recurse",
        "giant",
        "calls",
        "panic",
        "log",
        "undecided",
        "count",
        "secret",
    ];
    settles("2000 misdeeds", || {
        for _ in 0..200 {
            acts.iter().for_each(|act| drop(host.act(act)));
        }
    });
    assert_eq!(host.service.sandbox.live_instances(), 0);
}

fn generations() {
    let folder = Folder::new();
    folder.policy("p", "misbehave", keys(1, "1s"));
    let host = folder.service();
    let mut round = 0_u32;
    settles("400 generations", || {
        for _ in 0..400 {
            match round % 2 {
                0 => drop(folder.data("v.json", &json!({"version": round}))),
                _ => drop(folder.yaml("p", keys(round % 8, "1s"))),
            }
            host.reload();
            assert_eq!(host.act("version").findings.len(), 1);
            round += 1;
        }
        host.settle();
    });
}
