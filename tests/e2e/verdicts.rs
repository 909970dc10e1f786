//! From findings to the verdict: the worst counts, monitors do not, `stop` ends the chain.

use serde_json::{Value, json};
use touchstone::decide::Options;
use touchstone::model::{Fault, Verdict};

use crate::support::{Folder, Host};

fn host(policies: &[(&str, Value)]) -> Host {
    let folder = Folder::new();
    for (name, keys) in policies {
        let mut keys = keys.clone();
        keys["grants"] = json!({"data": ["version"], "clock": ["now"]});
        folder.policy(name, "misbehave", keys);
    }
    folder.service()
}

#[test]
fn the_worst_of_the_enforcing_policies_counts() {
    let host = host(&[
        ("a", json!({"match": {"kinds": ["warn", "both"]}})),
        (
            "b",
            json!({"match": {"kinds": ["deny", "both", "monitored"]}, "mode": "monitor"}),
        ),
    ]);
    let options = Options::default();
    for (kind, act, verdict, count) in [
        ("warn", "warn", Verdict::Warn, 1),
        ("warn", "deny", Verdict::Deny, 1),
        ("warn", "nothing", Verdict::Allow, 1),
        ("both", "deny", Verdict::Deny, 2),
        ("monitored", "deny", Verdict::Allow, 1),
        ("other", "deny", Verdict::Allow, 0),
    ] {
        let decision = host.decide_as(&json!({"act": act}), kind, &options);
        assert_eq!(
            (decision.verdict, decision.policies.len()),
            (verdict, count),
            "{kind} {act}"
        );
    }
    let monitored = host.decide_as(&json!({"act": "panic"}), "monitored", &options);
    assert_eq!(
        (monitored.verdict, monitored.indeterminate),
        (Verdict::Allow, false)
    );
    assert!(matches!(
        monitored.policies[0].fault,
        Some(Fault::Trap { .. })
    ));
}

#[test]
fn on_error_says_what_indeterminate_counts_as() {
    for (on_error, verdict) in [
        ("allow", Verdict::Allow),
        ("warn", Verdict::Warn),
        ("deny", Verdict::Deny),
    ] {
        let host = host(&[("a", json!({"onError": on_error}))]);
        let decision = host.decide(&json!({"act": "undecided"}));
        assert_eq!((decision.verdict, decision.indeterminate), (verdict, true));
        assert_eq!(decision.denied_only_by_faults(), verdict == Verdict::Deny);
    }
}

#[test]
fn stop_leaves_out_what_comes_later_but_not_from_a_monitor() {
    let early = host(&[
        ("z", json!({"order": 1})),
        ("a", json!({"order": 2})),
        ("b", json!({"order": 2})),
    ]);
    let decision = early.decide(&json!({"act": "stop"}));
    let names: Vec<&str> = decision
        .policies
        .iter()
        .map(|policy| policy.name.as_str())
        .collect();
    assert_eq!(
        (names, decision.skipped),
        (vec!["z"], vec!["a".to_owned(), "b".to_owned()])
    );
    let decision = early.decide(&json!({"act": "nothing"}));
    let names: Vec<&str> = decision
        .policies
        .iter()
        .map(|policy| policy.name.as_str())
        .collect();
    assert_eq!(names, ["z", "a", "b"]);
    let monitored = host(&[
        ("z", json!({"order": 1, "mode": "monitor"})),
        ("a", json!({"order": 2})),
    ]);
    assert_eq!(monitored.decide(&json!({"act": "stop"})).policies.len(), 2);
}

#[test]
fn match_looks_at_kind_namespace_and_images() {
    let host = host(&[(
        "a",
        json!({"match": {"namespaces": ["production"], "images": ["ghcr.io/*", "nginx"]}}),
    )]);
    let matched = |document: Value| host.decide(&document).policies.len();
    for (namespace, image, expected) in [
        (Some("production"), "ghcr.io/a/b:1", 1),
        (Some("production"), "nginx:1.27", 1),
        (Some("production"), "quay.io/a/b:1", 0),
        (Some("test"), "ghcr.io/a/b:1", 0),
        (None, "ghcr.io/a/b:1", 0),
        // What is no reference cannot be ruled out.
        (Some("production"), "NOT:A:REFERENCE", 1),
    ] {
        let document = json!({"namespace": namespace, "image": image, "act": "nothing"});
        assert_eq!(matched(document), expected, "{namespace:?} {image}");
    }
    assert_eq!(
        matched(json!({"namespace": "production", "act": "nothing"})),
        0
    );
}

#[test]
fn a_policy_can_be_asked_by_name_whatever_it_matches() {
    let host = host(&[("a", json!({"match": {"kinds": ["never"]}}))]);
    let asked = Options {
        policy: Some("a".to_owned()),
        ..Options::default()
    };
    assert_eq!(
        host.decide_as(&json!({"act": "deny"}), "event", &asked)
            .verdict,
        Verdict::Deny
    );
}

#[test]
fn guests_see_each_image_taken_apart() {
    let host = host(&[("a", json!({}))]);
    let review = json!({"apiVersion": "imagepolicy.k8s.io/v1alpha1", "kind": "ImageReview", "act": "images",
        "spec": {"containers": [{"image": "localhost:5000/a/b:c"}, {"image": "A B"}]}});
    let said = &host.decide(&review).policies[0].findings[0].message;
    for part in [
        "/spec/containers/0/image",
        "localhost:5000",
        "a/b",
        "/spec/containers/1/image Err",
        "is not a repository path",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
}
