//! The verdicts of OPA's image_enforcer, open cases included, and that they are closed by default.

use std::path::Path;

use super::*;

const SOURCES: [(&str, &str); 3] = [
    ("rules/config.yaml", include_str!("../../rules/config.yaml")),
    (
        "rules/image_policy.rego",
        include_str!("../../rules/image_policy.rego"),
    ),
    (
        "rules/image_policy_test.rego",
        include_str!("../../rules/image_policy_test.rego"),
    ),
];

fn settings(compat: bool) -> Value {
    let mut settings = json!({"sources": {}, "data": ["docker/layers", "clair/layers"]});
    for (file, text) in SOURCES {
        let text = text.replace("compat: false", &format!("compat: {compat}"));
        settings["sources"][file] = text.into();
    }
    settings
}

/// Whether an image may run, by the policy in both ways: as the original, and closed.
fn allowed(data: &Value, namespace: &str, image: &str) -> (bool, bool) {
    let review = json!({
        "apiVersion": "imagepolicy.k8s.io/v1alpha1", "kind": "ImageReview",
        "spec": {"namespace": namespace, "containers": [{"image": image}]},
    });
    let ask = |compat| {
        let host = host()
            .grant("data", "docker/*")
            .grant("data", "clair/*")
            .data(data.clone());
        let asked = event(review.clone()).query("io/k8s/image_policy/verify");
        let Ok(outcome) = host.evaluate::<Rego>(settings(compat), asked) else {
            return false;
        };
        let answer: Value = serde_json::from_str(&outcome.value.unwrap()).unwrap();
        let allowed = answer["status"]["allowed"].as_bool().unwrap();
        assert_eq!(allowed, outcome.findings.is_empty());
        assert_eq!(answer["kind"], "ImageReview");
        allowed
    };
    (ask(true), ask(false))
}

fn small() -> Value {
    json!({
        "docker": {"layers": {"acme": {"web": {
            "1.0": {"layers": [{"digest": "sha256:base"}, {"digest": "sha256:bad"}]},
            "2.0": {"layers": [{"digest": "sha256:base"}]},
            "3.0": {"layers": [{"digest": "sha256:new"}]},
            "old": {"schemaVersion": 1},
        }}}},
        "clair": {"layers": {
            "sha256:base": {"Layer": {"Features": [{"Name": "bash"}, {"Name": "dash", "Vulnerabilities": []}]}},
            "sha256:bad": {"Layer": {"Features": [{"Name": "openssl", "Vulnerabilities": [{"Name": "CVE-2014-0160"}]}]}},
        }},
    })
}

#[test]
fn verdicts_are_those_of_the_original_and_open_cases_are_closed() {
    let data = small();
    for (namespace, image, expected) in [
        ("production", "acme/web:2.0", (true, true)),
        ("production", "acme/web:1.0", (false, false)),
        ("test", "acme/web:1.0", (true, true)),
        // What the original lets pass: no tag, a registry, a registry with a port, a digest, one component, three, an
        // image that is not synced, a layer that is not scanned, a manifest without layers.
        ("production", "acme/web", (true, false)),
        ("production", "ghcr.io/acme/web:1.0", (true, false)),
        ("production", "localhost:5000/acme/web:1.0", (true, false)),
        (
            "production",
            "acme/web:1.0@sha256:abababababababababababababababababababababababababababababababab",
            (true, false),
        ),
        ("production", "web:1.0", (true, false)),
        ("production", "acme/shop/web:1.0", (true, false)),
        ("production", "acme/web:9", (true, false)),
        ("production", "acme/web:3.0", (true, false)),
        ("production", "acme/web:old", (true, false)),
        ("production", "Not An Image", (true, false)),
    ] {
        assert_eq!(
            allowed(&data, namespace, image),
            expected,
            "{image} in {namespace}"
        );
    }
}

#[test]
fn its_tests_in_rego_pass() {
    let host = host()
        .grant("data", "docker/*")
        .grant("data", "clair/*")
        .data(small());
    let outcome = host.evaluate::<Rego>(settings(false), event(json!({})).query("//tests"));
    let told: Value = serde_json::from_str(&outcome.unwrap().value.unwrap()).unwrap();
    let tests = told["tests"].as_array().unwrap();
    assert!(
        tests.len() == 7 && tests.iter().all(|test| test["outcome"] == "pass"),
        "{told:#}"
    );
    let missed = &told["coverage"]["rules/image_policy.rego"]["notCovered"];
    assert_eq!(missed, &json!([]), "{told:#}");
}

/// The documents of the original, where they are at hand.
fn fixtures() -> Option<(Value, Value)> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    if !shared.exists() {
        return None;
    }
    let read = |file: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(shared.join(file)).unwrap()).unwrap()
    };
    let data = json!({
        "docker": read("image_enforcer/data/docker/docker.json"),
        "clair": read("image_enforcer/data/clair/clair.json"),
    });
    let reviews = json!([
        [read("kubernetes/image-review-allowed.json"), true],
        [read("kubernetes/image-review-denied.json"), false],
    ]);
    Some((data, reviews))
}

#[test]
fn verdicts_on_the_documents_of_the_original_are_the_same() {
    let Some((data, reviews)) = fixtures() else {
        eprintln!("SKIPPED: the documents of image_enforcer are not at hand");
        return;
    };
    let mut seen = [0, 0];
    for (organisation, images) in data["docker"]["layers"].as_object().unwrap() {
        for (name, tags) in images.as_object().unwrap() {
            for (tag, manifest) in tags.as_object().unwrap() {
                let layers = manifest["layers"].as_array().cloned().unwrap_or_default();
                let scan =
                    |layer: &Value| &data["clair"]["layers"][layer["digest"].as_str().unwrap()];
                let is_bad = |feature: &Value| {
                    let found = feature["Vulnerabilities"].as_array();
                    found.is_some_and(|found| !found.is_empty())
                };
                let is_vulnerable = |layer: &Value| {
                    let features = scan(layer)["Layer"]["Features"].as_array();
                    features.is_some_and(|features| features.iter().any(is_bad))
                };
                let vulnerable = layers.iter().any(is_vulnerable);
                let known = !layers.is_empty() && layers.iter().all(|layer| !scan(layer).is_null());
                let image = format!("{organisation}/{name}:{tag}");
                let expected = (!vulnerable, !vulnerable && known);
                assert_eq!(allowed(&data, "production", &image), expected, "{image}");
                assert_eq!(allowed(&data, "test", &image), (true, true), "{image}");
                seen[usize::from(vulnerable)] += 1;
            }
        }
    }
    assert!(seen[0] > 0 && seen[1] > 0, "{seen:?}");
    for review in reviews.as_array().unwrap() {
        let host = host()
            .grant("data", "docker/*")
            .grant("data", "clair/*")
            .data(data.clone());
        let outcome = host
            .evaluate::<Rego>(settings(true), event(review[0].clone()))
            .unwrap();
        assert_eq!(outcome.findings.is_empty(), review[1], "{review}");
    }
}
