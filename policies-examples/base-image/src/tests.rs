//! What comes of whole evidence.

use std::time::{Duration, SystemTime};

use super::*;
use touchstone_sdk::testing::{Host, TestEvent};

fn digest(n: u8) -> String {
    format!("sha256:{}", format!("{n:02x}").repeat(32))
}

/// On 2026-06-15 at noon, with a list of bases in the data.
fn host() -> Host {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_781_524_800);
    let data = json!({"bases": {"approved": {
        "node": {"layers": [digest(1), digest(2)], "until": "2026-07-01"},
        "old": {"layers": [digest(7)], "until": "2026-06-14"},
        "today": {"layers": [digest(8)], "until": "2026-06-15"},
    }, "wrong": {"node": {"layers": []}}}});
    Host::new()
        .grant("data", "bases/*")
        .grant("clock", "now")
        .data(data)
        .now(now)
}

fn judge(settings: &Value, evidence: Value) -> Vec<Finding> {
    let event = TestEvent::new("image.scanned")
        .image("", "acme/web:1")
        .evidence(evidence);
    host()
        .evaluate::<BaseImage>(settings.clone(), event)
        .unwrap()
        .findings
}

/// `id: message` of each finding.
fn told(settings: &Value, evidence: Value) -> String {
    let findings = judge(settings, evidence).into_iter().map(|finding| {
        assert_eq!(finding.image.as_deref(), Some("acme/web:1"));
        assert!(
            finding.remedy.is_some() || finding.level == Level::Info,
            "{finding:?}"
        );
        format!("{}: {}", finding.id, finding.message)
    });
    findings.collect::<Vec<_>>().join("; ")
}

fn layers(image: &[u8]) -> Value {
    image
        .iter()
        .map(|n| json!({"diffId": digest(*n)}))
        .collect()
}

/// A line each: `FROM debian:12`.
fn dockerfile(lines: &[&str]) -> Value {
    let mut stages = 0_u32;
    let instructions = lines.iter().zip(1..).map(|(text, line)| {
        let (name, arguments) = text.split_once(' ').unwrap();
        stages += u32::from(name == "FROM");
        json!({"name": name, "arguments": arguments, "line": line, "stage": stages.saturating_sub(1)})
    });
    instructions.collect()
}

#[test]
fn an_image_is_built_on_a_base_whose_layers_are_its_lowest() {
    let settings = json!({
        "approved": {"debian": {"layers": [digest(1)]}},
        "documents": ["bases/approved"],
        "warnDays": 10,
    });
    let early = json!({
        "approved": {"debian": {"layers": [digest(1)]}},
        "documents": ["bases/approved"],
        "warnDays": 30, "allowBases": false, "tell": false, "expired": "off",
    });
    for (image, expected, strict) in [
        (
            &[1, 5][..],
            "base: acme/web:1 is built on the approved base debian",
            "",
        ),
        (
            &[1, 2, 5],
            "base: acme/web:1 is built on the approved base node, until 2026-07-01",
            "base-expires-soon: acme/web:1 is built on the approved base node, but only until 2026-07-01",
        ),
        (
            &[1],
            "base: acme/web:1 is the approved base debian itself",
            "base-not-approved: acme/web:1 is built on none of the approved bases: it is the base debian itself",
        ),
        (
            &[7, 1],
            "base-expired: acme/web:1 is built on the approved base old, which was approved until 2026-06-14",
            "",
        ),
        (
            &[8, 1],
            "base-expires-soon: acme/web:1 is built on the approved base today, but only until 2026-06-15",
            "base-expires-soon: acme/web:1 is built on the approved base today, but only until 2026-06-15",
        ),
    ] {
        assert_eq!(
            told(&settings, json!({"layers": layers(image)})),
            expected,
            "{image:?}"
        );
        assert_eq!(
            told(&early, json!({"layers": layers(image)})),
            strict,
            "{image:?}"
        );
    }
    let found = &judge(&settings, json!({"layers": layers(&[5, 1])}))[0];
    assert_eq!(
        (found.id.as_str(), found.level),
        ("base-not-approved", Level::Deny)
    );
    assert!(
        found
            .message
            .ends_with(&format!("its lowest layer is {}", digest(5)))
    );
    assert_eq!(
        found.remedy.as_deref(),
        Some("build it on debian or node or today, or have its base approved")
    );
    assert!(told(&settings, json!({"layers": []})).contains("its layers have no digests"));
}

#[test]
fn an_image_is_built_on_what_its_dockerfile_or_its_labels_say() {
    let settings = json!({"references": ["^docker\\.io/library/debian:12(@|$)", "^registry\\.example\\.com/base/"]});
    let name = "org.opencontainers.image.base.name";
    let labels = |name_: &str| json!({"labels": {name: name_, "org.opencontainers.image.base.digest": digest(1)}});
    for (evidence, expected) in [
        (json!({"dockerfile": dockerfile(&["FROM debian:12"])}), "base: acme/web:1 is built on the approved base docker.io/library/debian:12".to_owned()),
        (
            json!({"dockerfile": dockerfile(&["ARG R=registry.example.com", "FROM golang AS build", "FROM $R/base/go:1 AS run", "FROM run"])}),
            "base: acme/web:1 is built on the approved base registry.example.com/base/go:1".to_owned(),
        ),
        (
            json!({"dockerfile": dockerfile(&["FROM debian:12 AS build", "FROM scratch"])}),
            "base-not-approved: acme/web:1 is built on none of the approved bases: its Dockerfile says scratch".to_owned(),
        ),
        (
            json!({"dockerfile": dockerfile(&["FROM debian:11"]), "configuration": labels("debian:12")}),
            "base-not-approved: acme/web:1 is built on none of the approved bases: its Dockerfile says docker.io/library/debian:11".to_owned(),
        ),
        (
            json!({"dockerfile": dockerfile(&["ARG BASE", "FROM $BASE"])}),
            "base-unknown: acme/web:1 is built on a base that nobody can tell: its Dockerfile says FROM $BASE, and BASE has no default".to_owned(),
        ),
        (
            json!({"dockerfile": dockerfile(&["FROM $BASE"]), "configuration": labels("debian:12")}),
            format!("base: acme/web:1 is built on the approved base docker.io/library/debian:12@{}", digest(1)),
        ),
        (
            json!({"configuration": labels("ubuntu:24.04")}),
            format!("base-not-approved: acme/web:1 is built on none of the approved bases: its labels say docker.io/library/ubuntu:24.04@{}", digest(1)),
        ),
        (json!({"configuration": {"labels": {"a": "b"}}}), "no-evidence: no report tells of dockerfile of acme/web:1".to_owned()),
        (json!({"layers": layers(&[1])}), "no-evidence: no report tells of dockerfile of acme/web:1".to_owned()),
    ] {
        assert_eq!(told(&settings, evidence.clone()), expected, "{evidence}");
    }
}

#[test]
fn any_or_all_of_the_ways_have_to_approve() {
    let settings = |require: &str| {
        json!({
            "require": require, "tell": false,
            "approved": {"debian": {"layers": [digest(1)]}},
            "references": ["^docker\\.io/library/debian:12$"],
        })
    };
    let (good, bad) = (layers(&[1, 2]), layers(&[3]));
    let (right, wrong) = (
        dockerfile(&["FROM debian:12"]),
        dockerfile(&["FROM debian:11"]),
    );
    for (evidence, any, all) in [
        (json!({"layers": good, "dockerfile": right}), "", ""),
        (
            json!({"layers": good, "dockerfile": wrong}),
            "",
            "base-not-approved",
        ),
        (
            json!({"layers": bad, "dockerfile": right}),
            "",
            "base-not-approved",
        ),
        (
            json!({"layers": bad, "dockerfile": wrong}),
            "base-not-approved",
            "base-not-approved",
        ),
        (json!({"layers": good}), "", "no-evidence"),
        (
            json!({"layers": bad}),
            "base-not-approved",
            "base-not-approved",
        ),
        (json!({"dockerfile": right}), "", "no-evidence"),
        (
            json!({"dockerfile": dockerfile(&["FROM $BASE"])}),
            "base-unknown",
            "base-unknown",
        ),
        (json!({"vulnerabilities": []}), "no-evidence", "no-evidence"),
    ] {
        for (require, expected) in [("any", any), ("all", all)] {
            let found = told(&settings(require), evidence.clone());
            let id = found.split(':').next().unwrap();
            assert_eq!(id, expected, "{require} {evidence}");
        }
    }
    let found = told(
        &settings("all"),
        json!({"layers": good, "dockerfile": wrong}),
    );
    assert!(
        found.contains("built on an approved base only in part: its Dockerfile says"),
        "{found}"
    );
}

#[test]
fn an_image_may_be_an_approved_base_by_its_name() {
    let judge = |settings: Value, image: &str| {
        let event = TestEvent::new("pod.review").image("/spec/containers/0/image", image);
        let outcome = host().evaluate::<BaseImage>(settings, event).unwrap();
        outcome
            .findings
            .into_iter()
            .map(|finding| finding.id)
            .collect::<Vec<_>>()
    };
    let references = ["^registry\\.example\\.com/base/"];
    assert_eq!(
        judge(
            json!({"references": references}),
            "registry.example.com/base/debian:12"
        ),
        ["base"]
    );
    assert_eq!(
        judge(
            json!({"references": references}),
            "registry.example.com/web:1"
        ),
        ["no-evidence"]
    );
    let strict = json!({"references": references, "allowBases": false});
    assert_eq!(
        judge(strict, "registry.example.com/base/debian:12"),
        ["no-evidence"]
    );
}

#[test]
fn old_evidence_is_told() {
    let settings = json!({
        "approved": {"debian": {"layers": [digest(1)]}}, "tell": false,
        "evidence": {"maxAgeDays": 7, "stale": "warn"},
    });
    let found = told(
        &settings,
        json!({"layers": layers(&[1]), "reports": [{"scanned": "2026-06-01T00:00:00Z"}]}),
    );
    assert!(found.starts_with("stale-evidence: "), "{found}");
}

#[test]
fn without_the_lists_it_does_not_decide() {
    for (path, reason) in [
        ("bases/others", "data has nothing at bases/others"),
        (
            "bases/wrong",
            "data at bases/wrong, node/layers is empty, so every image would be built on it",
        ),
        ("secret/bases", "data \"secret/bases\" is not granted"),
    ] {
        let event = TestEvent::new("image.review").image("/image", "acme/web:1");
        let undecided = host().evaluate::<BaseImage>(json!({"documents": [path]}), event);
        assert_eq!(undecided.unwrap_err().reason(), reason);
    }
    let nothing =
        host().evaluate::<BaseImage>(json!({"references": ["^a"]}), TestEvent::new("event"));
    assert!(nothing.is_err());
}

#[test]
fn wrong_settings_are_all_reported() {
    let paths = |settings: Value| {
        let problems = Host::new().configure::<BaseImage>(settings).into_iter();
        problems.map(|problem| problem.path).collect::<Vec<_>>()
    };
    for (settings, expected) in [
        (json!({"references": ["^docker"]}), &[][..]),
        (json!({}), &[""]),
        (
            json!({"approved": {"a/b": {"layers": []}, "c": {"layers": ["x"], "until": "soon"}}}),
            &[
                "/approved/a~1b/layers",
                "/approved/c/layers/0",
                "/approved/c/until",
            ],
        ),
        (
            json!({"documents": ["", "/bases"], "references": [".*"]}),
            &["/documents/0", "/documents/1", "/references/0"],
        ),
        (json!({"approvd": {}}), &["/approvd"]),
    ] {
        assert_eq!(paths(settings.clone()), expected, "{settings}");
    }
}
