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
    ten_thousand_misdeeds();
    a_thousand_generations();
}

fn keys(version: u32, time: &str) -> Value {
    json!({"settings": {"version": version}, "grants": {"data": ["version"], "clock": ["now"]},
        "limits": {"time": time, "memory": "4MiB", "calls": 200}})
}

fn ten_thousand_misdeeds() {
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
    let mut after_first = 0;
    for round in 0..1_000 {
        for act in acts {
            host.act(act);
        }
        if round == 100 {
            after_first = resident("self");
        }
    }
    let after = resident("self");
    assert!(
        after <= after_first + after_first / 10,
        "{after_first} KiB after 1000, {after} KiB after 10000"
    );
    assert_eq!(host.service.sandbox.live_instances(), 0);
}

fn a_thousand_generations() {
    let folder = Folder::new();
    folder.policy("p", "misbehave", keys(1, "1s"));
    let host = folder.service();
    let mut after_first = 0;
    for round in 0..1_000_u32 {
        match round % 2 {
            0 => drop(folder.data("v.json", &json!({"version": round}))),
            _ => drop(folder.yaml("p", keys(round % 8, "1s"))),
        }
        host.reload();
        assert_eq!(host.act("version").findings.len(), 1);
        if round == 100 {
            host.settle();
            after_first = resident("self");
        }
    }
    host.settle();
    let after = resident("self");
    assert!(
        after <= after_first + after_first / 10,
        "{after_first} KiB after 100 swaps, {after} KiB after 1000"
    );
}
