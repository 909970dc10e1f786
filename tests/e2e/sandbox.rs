//! Guests that misbehave are contained: the right fault, the next event answered well, nobody else affected.

use serde_json::json;
use touchstone::model::{Fault, PolicyVerdict, Verdict};

use crate::support::Folder;

fn grants() -> serde_json::Value {
    json!({"data": ["version", "configured"], "clock": ["now"]})
}

fn limits() -> serde_json::Value {
    // Others may compute on this machine too: it is not the wall clock that is looked at.
    json!({"time": "300ms", "wall": "30s", "memory": "8MiB", "calls": 500, "output": "1MiB"})
}

/// What each act leads to.
fn expected() -> Vec<(&'static str, Fault)> {
    let policy = || "p".to_owned();
    vec![
        (
            "loop",
            Fault::Time {
                policy: policy(),
                limit: "300ms".into(),
            },
        ),
        (
            "memory",
            Fault::Memory {
                policy: policy(),
                limit: "8.0 MiB".into(),
            },
        ),
        (
            "giant",
            Fault::Output {
                policy: policy(),
                limit: "1.0 MiB".into(),
            },
        ),
        (
            "calls",
            Fault::Calls {
                policy: policy(),
                limit: "500".into(),
            },
        ),
        (
            "undecided",
            Fault::Undecided {
                policy: policy(),
                reason: "told so".into(),
            },
        ),
        (
            "empty",
            Fault::Invalid {
                policy: policy(),
                reason: "a finding has an empty id".into(),
            },
        ),
        (
            "patch",
            Fault::Invalid {
                policy: policy(),
                reason: "its patch is none (RFC 6902): expected ident at line 1 column 2".into(),
            },
        ),
    ]
}

#[test]
fn every_misdeed_is_the_right_fault_and_the_next_event_is_answered() {
    let folder = Folder::new();
    folder.policy(
        "p",
        "misbehave",
        json!({"grants": grants(), "limits": limits(), "match": {"kinds": ["event"]}}),
    );
    let host = folder.service();
    assert_eq!(host.error("p"), "");
    // Both before and after the snapshot takes over.
    for _ in 0..2 {
        for (act, fault) in expected() {
            let policy = host.act(act);
            assert_eq!(policy.verdict, PolicyVerdict::Indeterminate, "{act}");
            assert_eq!(policy.counts_as, Verdict::Deny, "{act}");
            assert_eq!(policy.fault, Some(fault), "{act}");
            assert_eq!(
                host.act("nothing").verdict,
                PolicyVerdict::Allow,
                "after {act}"
            );
        }
        for (act, words) in [("recurse", ""), ("panic", "boom on purpose")] {
            let fault = host.act(act).fault.unwrap();
            assert!(
                matches!(&fault, Fault::Trap { trap, .. } if trap.contains(words)),
                "{act}: {fault}"
            );
            assert_eq!(
                host.act("nothing").verdict,
                PolicyVerdict::Allow,
                "after {act}"
            );
        }
        host.settle();
    }
}

#[test]
fn a_global_counter_always_says_one() {
    let folder = Folder::new();
    folder.policy("p", "misbehave", json!({"grants": grants()}));
    let host = folder.service();
    for _ in 0..2 {
        for _ in 0..20 {
            assert_eq!(host.act("count").findings[0].message, "1");
        }
        host.settle();
    }
}

#[test]
fn one_policys_fault_leaves_the_others_alone() {
    let folder = Folder::new();
    folder.policy(
        "bad",
        "misbehave",
        json!({"grants": grants(), "limits": limits(), "onError": "warn"}),
    );
    folder.policy("good", "scan-level", json!({}));
    let host = folder.service();
    for act in ["loop", "memory", "panic", "giant", "calls", "recurse"] {
        let decision = host.decide(&json!({"act": act, "image": "nginx", "level": 7}));
        assert_eq!(decision.verdict, Verdict::Deny, "{act}");
        assert_eq!(decision.policies[0].verdict, PolicyVerdict::Indeterminate);
        assert_eq!(decision.policies[0].counts_as, Verdict::Warn);
        assert_eq!(decision.policies[1].findings[0].id, "scan-level");
    }
}

#[test]
fn time_stands_still_within_a_decision() {
    let folder = Folder::new();
    folder.policy("p", "misbehave", json!({"grants": grants()}));
    let said = folder.service().act("clock").findings.remove(0).message;
    let (first, second) = said.split_at(said.len() / 2);
    assert_eq!(first.trim(), second.trim());
}

#[test]
fn what_is_not_granted_is_denied_and_logged() {
    let folder = Folder::new();
    folder.data(
        "x.json",
        &json!({"secret": {"key": "hunter2"}, "version": 7}),
    );
    folder.policy(
        "p",
        "misbehave",
        json!({"grants": grants(), "settings": {"version": 3}}),
    );
    let host = folder.service();
    let policy = host.act("secret");
    assert!(
        policy.findings[0].message.contains("is not granted")
            && !policy.findings[0].message.contains("hunter2")
    );
    let log = &policy.explain.unwrap().log;
    assert!(
        log.iter()
            .any(|line| line.message.contains("\"secret/key\" is not granted")),
        "{log:?}"
    );
    assert_eq!(host.act("version").findings[0].message, "3 7");
}

#[test]
fn a_flood_of_log_lines_is_cut() {
    let folder = Folder::new();
    folder.policy("p", "misbehave", json!({"grants": grants()}));
    let explain = folder.service().act("log").explain.unwrap();
    assert!(explain.log_truncated);
    let bytes: usize = explain.log.iter().map(|line| line.message.len()).sum();
    assert!(bytes <= 16 << 10 && bytes > 8 << 10, "{bytes}");
}

#[test]
fn the_wall_clock_bounds_everything() {
    let folder = Folder::new();
    let limits = json!({"time": "30ms", "wall": "30ms"});
    folder.policy(
        "p",
        "misbehave",
        json!({"grants": grants(), "limits": limits}),
    );
    let host = folder.service();
    host.settle();
    let start = std::time::Instant::now();
    let fault = host.act("loop").fault.unwrap();
    assert!(
        matches!(fault, Fault::Wall { .. } | Fault::Time { .. }),
        "{fault}"
    );
    assert!(start.elapsed().as_secs() < 5);
}

#[test]
fn a_loop_does_not_keep_others_waiting() {
    // Two workers, four endless policies: a fifth still gets its turn between ticks.
    let folder = Folder::new();
    folder.policy(
        "loop",
        "misbehave",
        json!({"grants": grants(), "limits": {"time": "2s", "wall": "30s"}}),
    );
    folder.policy(
        "good",
        "scan-level",
        json!({"match": {"kinds": ["image.scanned"]}}),
    );
    let host = folder.service();
    host.settle();
    std::thread::scope(|scope| {
        let loops: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| host.decide(&json!({"act": "loop"}))))
            .collect();
        std::thread::sleep(std::time::Duration::from_millis(50));
        let start = std::time::Instant::now();
        let options = touchstone::decide::Options {
            policy: Some("good".into()),
            ..Default::default()
        };
        let decision = host.decide_as(
            &json!({"image": "nginx", "level": 1}),
            "image.scanned",
            &options,
        );
        let spent = start.elapsed();
        assert_eq!(decision.verdict, Verdict::Allow);
        assert!(spent.as_millis() < 2_000, "{spent:?}");
        for one in loops {
            assert!(one.join().unwrap().indeterminate);
        }
    });
}
