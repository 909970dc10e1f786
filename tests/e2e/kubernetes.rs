//! What a Kubernetes API server asks and is answered: AdmissionReviews of every kind and operation, patches, deadlines,
//! exemptions.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64_URL};
use serde_json::{Value, json};

use crate::receiver::{Answer, Receiver};
use crate::support::{Folder, Server, TOUCHSTONE, fixtures, root, wait_until};

/// An AdmissionReview; `group/Kind`.
fn review(operation: &str, kind: &str, object: Value) -> Value {
    let (group, kind) = kind.split_once('/').unwrap();
    let (object, old) = match operation {
        "DELETE" => (Value::Null, object),
        "UPDATE" => (object.clone(), object),
        _ => (object, Value::Null),
    };
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "operation": operation, "namespace": "shop", "name": "web",
        "kind": {"group": group, "version": "v1", "kind": kind}, "object": object, "oldObject": old, "dryRun": false}})
}

fn pod(image: &str) -> Value {
    json!({"metadata": {"name": "web"}, "spec": {"containers": [{"name": "web", "image": image}]}})
}

fn ask(server: &Server, path: &str, review: &Value) -> Value {
    let (status, answer) = server.post(path, review.to_string().as_bytes());
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["apiVersion"], "admission.k8s.io/v1");
    assert_eq!(answer["kind"], "AdmissionReview");
    let response = answer["response"].clone();
    assert_eq!(response["uid"], review["request"]["uid"]);
    response
}

fn image_source() -> (Folder, Server) {
    let folder = Folder::new();
    let keys = json!({"match": {"kinds": ["pod.review"]}});
    folder.policy("image-source", "image-source", keys);
    let server = Server::start(&folder, &[]);
    (folder, server)
}

#[test]
fn every_kind_and_operation_is_answered() {
    let (_folder, server) = image_source();
    let bad = json!({"initContainers": [{"name": "i", "image": "nginx:1"}],
        "containers": [{"name": "a", "image": "nginx:1"}, {"name": "b", "image": "busybox:latest"}]});
    let late = json!({"containers": [], "ephemeralContainers": [{"name": "e", "image": "busybox:latest"}]});
    let template = json!({"metadata": {}, "spec": bad});
    for (kind, object, field) in [
        ("/Pod", json!({"spec": bad}), "spec.containers[1].image"),
        (
            "/Pod",
            json!({"spec": late}),
            "spec.ephemeralContainers[0].image",
        ),
        (
            "/Pod",
            json!({"spec": {"containers": [], "volumes": [{"name": "v", "image": {"reference": "busybox:latest"}}]}}),
            "spec.volumes[0].image.reference",
        ),
        (
            "/PodTemplate",
            json!({"template": template}),
            "template.spec.containers[1].image",
        ),
        (
            "/ReplicationController",
            json!({"spec": {"template": template}}),
            "spec.template.spec.containers[1].image",
        ),
        (
            "apps/Deployment",
            json!({"spec": {"template": template}}),
            "spec.template.spec.containers[1].image",
        ),
        (
            "apps/ReplicaSet",
            json!({"spec": {"template": template}}),
            "spec.template.spec.containers[1].image",
        ),
        (
            "apps/StatefulSet",
            json!({"spec": {"template": template}}),
            "spec.template.spec.containers[1].image",
        ),
        (
            "apps/DaemonSet",
            json!({"spec": {"template": template}}),
            "spec.template.spec.containers[1].image",
        ),
        (
            "batch/Job",
            json!({"spec": {"template": template}}),
            "spec.template.spec.containers[1].image",
        ),
        (
            "batch/CronJob",
            json!({"spec": {"jobTemplate": {"spec": {"template": template}}}}),
            "spec.jobTemplate.spec.template.spec.containers[1].image",
        ),
        // A kind of somebody's own that makes pods in the usual way.
        (
            "example.com/Worker",
            json!({"spec": {"template": template}}),
            "spec.template.spec.containers[1].image",
        ),
    ] {
        for operation in ["CREATE", "UPDATE"] {
            let answer = ask(
                &server,
                "/k8s/validate",
                &review(operation, kind, object.clone()),
            );
            let status = &answer["status"];
            assert_eq!(answer["allowed"], false, "{operation} {kind}: {answer}");
            assert_eq!(
                (&status["code"], &status["reason"]),
                (&json!(403), &json!("Forbidden"))
            );
            let message = status["message"].as_str().unwrap();
            for part in ["image-source: busybox:latest: ", " (", "[decision "] {
                assert!(message.contains(part), "{part}: {message}");
            }
            let causes = &status["details"]["causes"];
            assert_eq!(causes[0]["field"], field, "{operation} {kind}: {causes}");
            assert_eq!(causes[0]["reason"], "image-source/latest-tag");
            assert_eq!(answer["auditAnnotations"]["verdict"], "deny");
            let decision = answer["auditAnnotations"]["decision"].as_str().unwrap();
            assert!(message.contains(decision));
        }
        // What is to go may be whatever it is.
        let answer = ask(&server, "/k8s/validate", &review("DELETE", kind, object));
        assert_eq!(answer["allowed"], true, "DELETE {kind}: {answer}");
    }
}

#[test]
fn what_makes_no_pods_is_no_policys_business_unless_it_asks_for_it() {
    let (folder, server) = image_source();
    let mut status = review("UPDATE", "/Pod", pod("busybox:latest"));
    status["request"]["subResource"] = json!("status");
    let exec = json!({"kind": "PodExecOptions", "command": ["sh"], "container": "web"});
    let mut reviews = vec![
        (
            "a service",
            review("CREATE", "/Service", json!({"spec": {"ports": []}})),
        ),
        (
            "a command in a pod",
            review("CONNECT", "/PodExecOptions", exec),
        ),
        ("the status of a pod", status),
    ];
    for (what, review) in &reviews {
        let answer = ask(&server, "/k8s/validate", review);
        assert_eq!(answer["allowed"], true, "{what}: {answer}");
    }
    // What should have images, and has none, is not passed over.
    let answer = ask(
        &server,
        "/k8s/validate",
        &review("CREATE", "/Pod", json!({"spec": {}})),
    );
    assert_eq!(
        (&answer["allowed"], &answer["status"]["code"]),
        (&json!(false), &json!(500)),
        "{answer}"
    );
    assert_eq!(
        answer["auditAnnotations"]["indeterminate"],
        "image-source (undecided)"
    );
    folder.policy(
        "rules",
        "cel",
        json!({"match": {"kinds": ["object.review"]}, "settings": {"validations": [
            {"expression": "request.operation != 'CONNECT'", "message": "nobody goes into pods"},
            {"expression": "request.operation != 'DELETE' || oldObject.metadata.name != 'web'", "message": "web stays"}]}}),
    );
    wait_until("both are there", || {
        server.get_json("/v1/policies")["policies"]
            .as_array()
            .unwrap()
            .len()
            == 2
    });
    reviews.push(("the end of a pod", review("DELETE", "/Pod", pod("nginx:1"))));
    let allowed: Vec<Value> = reviews
        .iter()
        .map(|(_, review)| ask(&server, "/k8s/validate", review)["allowed"].clone())
        .collect();
    assert_eq!(allowed, [true, false, true, false]);
}

#[test]
fn the_real_review_is_answered() {
    let Some(fixtures) = fixtures() else { return };
    let (_folder, server) = image_source();
    let text = std::fs::read(fixtures.join("kubernetes/admission-review-pod.json")).unwrap();
    let (status, answer) = server.post("/k8s/validate?timeout=10s", &text);
    assert_eq!(
        (status, &answer["response"]["allowed"]),
        (200, &json!(true)),
        "{answer}"
    );
}

#[test]
fn what_is_no_admission_review_is_400_and_never_allowed() {
    let (_folder, server) = image_source();
    let good = review("CREATE", "/Pod", pod("nginx:1"));
    let with = |pointer: &str, value: Value| {
        let mut review = good.clone();
        *review.pointer_mut(pointer).unwrap() = value;
        review.to_string()
    };
    for (body, expected) in [
        (String::new(), "malformed JSON"),
        ("{".to_owned(), ""),
        ("[]".to_owned(), "AdmissionReview"),
        ("{}".to_owned(), "an AdmissionReview is needed"),
        (json!({"apiVersion": "imagepolicy.k8s.io/v1alpha1", "kind": "ImageReview", "spec": {"containers": [{"image": "a"}]}}).to_string(), "ImageReview where an AdmissionReview is needed"),
        (with("/apiVersion", json!("admission.k8s.io/v1beta1")), "admissionReviewVersions"),
        (with("/request/uid", json!("")), "request.uid"),
        (with("/request/uid", json!(7)), "request.uid"),
        (with("/request/operation", json!("create")), "request.operation"),
        (with("/request/operation", Value::Null), "request.operation"),
        (with("/request/object", Value::Null), "request.object"),
        (with("/request/object", json!([])), "request.object"),
        (with("/request/dryRun", json!("yes")), "request.dryRun"),
        (good.to_string().replace("\"uid\"", "\"uid\":\"x\",\"uid\""), ""),
    ] {
        for path in ["/k8s/validate", "/k8s/mutate"] {
            let (status, answer) = server.post(path, body.as_bytes());
            let error = answer["error"].as_str().unwrap_or_default();
            assert!(
                status == 400 && error.contains(expected) && answer["response"].is_null(),
                "{body}: {status} {answer}"
            );
        }
    }
    for query in [
        "timeout=soon",
        "timeout=0s",
        "timeout=-1s",
        "timeout=1s&timeout=2s",
        "dryRun",
    ] {
        let (status, answer) = server.post(
            &format!("/k8s/validate?{query}"),
            good.to_string().as_bytes(),
        );
        assert_eq!(status, 400, "{query}: {answer}");
    }
    assert_eq!(
        server
            .post("/k8s/validate/nobody", good.to_string().as_bytes())
            .0,
        404
    );
    assert_eq!(server.get("/k8s/validate").0, 405);
}

/// A policy that asks for a patch, and may do what it asks for.
fn patching(folder: &Folder, name: &str, steps: Value, more: Value) {
    let mut keys = json!({"settings": {"do": steps}, "grants": {
        "patch": ["*"], "webhook": [], "command": [], "queue": [], "notify": [], "http": [], "store": []}});
    keys.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    folder.policy(name, "actor", keys);
}

fn set(path: &str, value: Value) -> Value {
    json!({"op": "replace", "path": path, "value": value})
}

/// The object as the answer makes it.
fn patched(answer: &Value, mut object: Value) -> Value {
    assert_eq!(answer["patchType"], "JSONPatch", "{answer}");
    let patch = BASE64_STANDARD
        .decode(answer["patch"].as_str().unwrap())
        .unwrap();
    let patch: json_patch::Patch = serde_json::from_slice(&patch).unwrap();
    json_patch::patch(&mut object, &patch).unwrap();
    object
}

#[test]
fn patches_of_all_policies_are_one() {
    let folder = Folder::new();
    let image = "/spec/containers/0/image";
    patching(
        &folder,
        "a",
        json!([{"patch": [set(image, json!("nginx:2"))]}]),
        json!({"order": 1}),
    );
    let note = |key: &str| json!([{"patch": [{"op": "add", "path": "/metadata/annotations", "value": {key: "x"}}]}]);
    patching(&folder, "b", note("b"), json!({"order": 2}));
    patching(&folder, "c", note("c"), json!({"order": 3}));
    patching(
        &folder,
        "watching",
        json!([{"patch": [set(image, json!("nginx:9"))]}]),
        json!({"order": 0, "mode": "monitor"}),
    );
    let server = Server::start(&folder, &[]);
    let review = review("CREATE", "/Pod", pod("nginx:1"));
    let answer = ask(&server, "/k8s/mutate", &review);
    assert_eq!(answer["allowed"], true, "{answer}");
    let object = patched(&answer, pod("nginx:1"));
    assert_eq!(object.pointer(image).unwrap(), "nginx:2");
    assert_eq!(
        object["metadata"]["annotations"],
        json!({"b": "x", "c": "x"})
    );
    // Who only asks whether it may be gets no changes.
    let answer = ask(&server, "/k8s/validate", &review);
    assert!(
        answer["allowed"] == true && answer["patch"].is_null(),
        "{answer}"
    );
    let answer = ask(&server, "/k8s/mutate/b", &review);
    assert_eq!(
        patched(&answer, pod("nginx:1"))["metadata"]["annotations"],
        json!({"b": "x"})
    );
}

#[test]
fn a_patch_that_cannot_be_joined_is_no_answer() {
    let image = "/spec/containers/0/image";
    let take = |value: &str| json!([{"patch": [set(image, json!(value))]}, "warn"]);
    for (steps, keys, expected) in [
        (take("nginx:3"), json!({}), "contradicts that of a"),
        (
            json!([{"patch": [set("/spec/replicas", json!(1))]}]),
            json!({}),
            "does not fit",
        ),
        (json!([{"patch": "no patch"}]), json!({}), "RFC 6902"),
        (
            take("nginx:2"),
            json!({"grants": {"patch": ["/metadata/*"], "webhook": [], "command": [], "queue": [], "notify": [], "http": [], "store": []}}),
            "not granted",
        ),
    ] {
        let folder = Folder::new();
        patching(&folder, "a", take("nginx:2"), json!({"order": 1}));
        let mut keys = keys;
        keys["order"] = json!(2);
        patching(&folder, "b", steps, keys.clone());
        let server = Server::start(&folder, &[]);
        let review = review("CREATE", "/Pod", pod("nginx:1"));
        let answer = ask(&server, "/k8s/mutate", &review);
        assert_eq!(
            (&answer["allowed"], &answer["patch"]),
            (&json!(false), &Value::Null),
            "{answer}"
        );
        let message = answer["status"]["message"].as_str().unwrap();
        assert!(
            message.contains("b: policy b gave an invalid answer: ") && message.contains(expected),
            "{message}"
        );
        // Where that does not deny, what the others ask for is done.
        keys["onError"] = json!("allow");
        keys["settings"] = json!({"do": take("nginx:3")});
        folder.yaml("b", keys_of(&keys));
        let object = || {
            let answer = ask(&server, "/k8s/mutate", &review);
            (answer["allowed"] == true).then(|| patched(&answer, pod("nginx:1")))
        };
        wait_until("b may be wrong", || object().is_some());
        assert_eq!(object().unwrap().pointer(image).unwrap(), "nginx:2");
    }
}

/// With the grants that the module needs in any case.
fn keys_of(keys: &Value) -> Value {
    let mut all = json!({"grants": {"patch": ["*"], "webhook": [], "command": [], "queue": [], "notify": [], "http": [], "store": []}});
    all.as_object_mut()
        .unwrap()
        .extend(keys.as_object().unwrap().clone());
    all
}

#[test]
fn digests_are_pinned_once() {
    let folder = Folder::new();
    let digest = format!("sha256:{}", "1".repeat(64));
    folder.data(
        "digests.json",
        &json!({"digests": {"docker.io/library/nginx:1.27": digest}}),
    );
    let keys = json!({"match": {"kinds": ["pod.review"]}, "grants": {"data": ["digests/*"], "patch": [
        "/spec/containers/*/image", "/metadata/annotations/touchstone.dev~1original-images"]}});
    folder.policy("pin-digest", "pin-digest", keys);
    let server = Server::start(&folder, &[]);
    let answer = ask(
        &server,
        "/k8s/mutate",
        &review("CREATE", "/Pod", pod("nginx:1.27")),
    );
    let pinned = patched(&answer, pod("nginx:1.27"));
    assert_eq!(
        pinned["spec"]["containers"][0]["image"],
        format!("nginx:1.27@{digest}")
    );
    let answer = ask(&server, "/k8s/mutate", &review("UPDATE", "/Pod", pinned));
    assert!(
        answer["patch"].is_null() && answer["allowed"] == true,
        "{answer}"
    );
    let answer = ask(
        &server,
        "/k8s/mutate",
        &review("CREATE", "/Pod", pod("nginx:1.28")),
    );
    let warning = answer["warnings"][0].as_str().unwrap();
    assert!(
        warning.starts_with("pin-digest: nginx:1.28: nobody knows the digest"),
        "{answer}"
    );
}

#[test]
fn warnings_are_as_short_as_kubernetes_wants_them() {
    let folder = Folder::new();
    let long = format!("told so at length: {}", "so ".repeat(200));
    let steps = json!([{"patch": []}, "warn"]);
    patching(&folder, "short", steps, json!({"order": 0}));
    let rules: Vec<Value> = (0..40)
        .map(|n| json!({"expression": "false", "message": format!("{n}: {long}"), "level": "warn"}))
        .collect();
    let settings = json!({"validations": rules});
    folder.policy("long", "cel", json!({"order": 1, "settings": settings}));
    let server = Server::start(&folder, &[]);
    let answer = ask(
        &server,
        "/k8s/validate",
        &review("CREATE", "/Pod", pod("nginx:1")),
    );
    let warnings: Vec<&str> = answer["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect();
    assert_eq!(warnings[0], "short: told so");
    assert!(
        warnings.iter().all(|text| text.chars().count() <= 256),
        "{warnings:?}"
    );
    let all: usize = warnings.iter().map(|text| text.chars().count()).sum();
    assert!(all <= 4096 && all > 3000, "{all}");
    let last = warnings.last().unwrap();
    assert!(last.contains(" more, see decision "), "{last}");
}

#[test]
fn a_dry_run_causes_nothing() {
    let receiver = Receiver::fine();
    let folder = Folder::new();
    let grants = json!({"webhook": [{"pattern": format!("{}/*", receiver.url), "allowPrivate": true}],
        "patch": [], "command": [], "queue": [], "notify": [], "http": [], "store": []});
    let steps = json!([{"webhook": {"url": format!("{}/hook", receiver.url)}}]);
    folder.policy(
        "a",
        "actor",
        json!({"settings": {"do": steps}, "grants": grants}),
    );
    let server = Server::start(&folder, &[]);
    let mut review = review("CREATE", "/Pod", pod("nginx:1"));
    review["request"]["dryRun"] = json!(true);
    ask(&server, "/k8s/validate", &review);
    assert_eq!(server.get_json("/v1/actions")["actions"], json!([]));
    review["request"]["dryRun"] = json!(false);
    ask(&server, "/k8s/validate", &review);
    wait_until("the hook was called", || receiver.book().len() == 1);
    assert_eq!(
        server.get_json("/v1/actions")["actions"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

/// What an API server sends for every kind of workload and operation (`tests/kubernetes`), and what it is answered: by
/// image-source to whom validates, by pin-digest to whom changes. `BLESS=1` writes the answers anew; the difference is read.
#[test]
fn answers_are_the_golden_ones() {
    let folder = Folder::new();
    let registries =
        json!({"pinning": "tag", "registries": {"*": ["docker.io", "registry.example.com:5000"]}});
    let pods = json!({"kinds": ["pod.review"]});
    folder.policy(
        "source",
        "image-source",
        json!({"match": pods, "settings": registries}),
    );
    let places = json!([
        "/spec/containers/*/image",
        "/spec/initContainers/*/image",
        "/spec/ephemeralContainers/*/image",
        "/spec/volumes/*/image/reference",
        "/metadata/annotations/touchstone.dev~1original-images"
    ]);
    let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
    let tags = json!({"docker.io/library/nginx:1.27": digest("1"), "docker.io/library/busybox:latest": digest("2"),
        "quay.io/acme/proxy:2.1": digest("3"), "registry.example.com:5000/tools/migrate:3.2": digest("4")});
    folder.data("digests/tags.json", &tags);
    folder.policy(
        "pin",
        "pin-digest",
        json!({"match": pods, "grants": {"data": ["digests/*"], "patch": places}}),
    );
    let server = Server::start(&folder, &[]);
    let answer = |path: &str, request: &Value| {
        let mut response = ask(&server, path, request);
        let annotations = response["auditAnnotations"].as_object_mut().unwrap();
        let id = annotations["decision"].as_str().unwrap().to_owned();
        annotations.remove("generation");
        if let Some(patch) = response["patch"].as_str() {
            let patch = BASE64_STANDARD.decode(patch).unwrap();
            response["patch"] = serde_json::from_slice(&patch).unwrap();
        }
        let text = response.to_string().replace(&id, "DECISION");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let mut files: Vec<_> = fs::read_dir(root().join("tests/kubernetes"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 10, "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let mut cases: Value = serde_json::from_str(&text).unwrap();
        for case in cases.as_array_mut().unwrap() {
            let request = case["request"].clone();
            let found = json!({
                "validate": answer("/k8s/validate", &request),
                "mutate": answer("/k8s/mutate/pin", &request),
            });
            if std::env::var_os("BLESS").is_some() {
                case["answers"] = found;
            } else {
                let operation = &request["request"]["operation"];
                assert_eq!(
                    case["answers"],
                    found,
                    "{}: {operation}; BLESS=1 accepts it",
                    file.display()
                );
            }
        }
        if std::env::var_os("BLESS").is_some() {
            fs::write(&file, serde_json::to_string_pretty(&cases).unwrap() + "\n").unwrap();
        }
    }
}

/// A policy that says `lastKnown` answers about a digest as before, while what it asks cannot be reached; and says so.
#[test]
fn the_last_known_answer_counts_while_something_cannot_be_reached() {
    let state = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&state);
    let receiver = Receiver::start(move |_, _| match seen.load(Ordering::Relaxed) {
        0 => Answer::Status(200, "fine"),
        1 => Answer::Drop,
        _ => Answer::Late(60_000, Box::new(Answer::Status(200, "late"))),
    });
    let folder = Folder::new();
    let grants = json!({"http": [{"pattern": format!("{}/*", receiver.url), "allowPrivate": true}],
        "patch": [], "webhook": [], "command": [], "queue": [], "notify": [], "store": []});
    let need = json!({"need": {"url": format!("{}/x", receiver.url)}});
    let keys = |steps: Value, last_known: &str| json!({"settings": {"do": steps}, "grants": grants, "lastKnown": last_known, "limits": {"wall": "40s"}});
    folder.policy("asks", "actor", keys(json!([need, "warn"]), "1h"));
    let server = Server::start(&folder, &[]);
    let image = |digit: &str| format!("registry.example.com/a@sha256:{}", digit.repeat(64));
    let review_of = |image: &str| review("CREATE", "/Pod", pod(image));
    let ask = |image: &str| ask(&server, "/k8s/validate?timeout=2s", &review_of(image));
    let known = image("1");
    let first = ask(&known);
    assert_eq!(first["warnings"], json!(["asks: told so"]));
    let first = first["auditAnnotations"]["decision"].as_str().unwrap();
    ask("registry.example.com/a:tag");
    for down in [1, 2] {
        state.store(down, Ordering::Relaxed);
        let answer = ask(&known);
        assert_eq!(answer["allowed"], true, "{answer}");
        assert_eq!(answer["auditAnnotations"]["last-known"], "asks", "{answer}");
        let warnings = answer["warnings"].to_string();
        assert!(
            warnings.contains("told so") && warnings.contains(&receiver.url),
            "{warnings}"
        );
        let id = answer["auditAnnotations"]["decision"].as_str().unwrap();
        wait_until("the decision is kept", || {
            server.get(&format!("/v1/decisions/{id}")).0 == 200
        });
        let kept = server.get_json(&format!("/v1/decisions/{id}"));
        let last = &kept["policies"][0]["lastKnown"];
        assert_eq!(last["decision"], first, "{kept}");
        // Neither another digest, nor a tag, nor another namespace, nor what one would only be told.
        for other in [image("2").as_str(), "registry.example.com/a:tag"] {
            assert_eq!(ask(other)["status"]["code"], 500);
        }
        let mut elsewhere = review_of(&known);
        elsewhere["request"]["namespace"] = json!("other");
        let (_, answer) = server.post("/k8s/validate?timeout=2s", elsewhere.to_string().as_bytes());
        assert_eq!(answer["response"]["status"]["code"], 500);
    }
    let metrics = server.get("/metrics").1;
    assert!(
        metrics.contains("touchstone_last_known_total{policy=\"asks\"} 2"),
        "{metrics}"
    );
    // Other settings are another policy, and so are other data.
    folder.policy("asks", "actor", keys(json!([need, "warn", "warn"]), "1h"));
    wait_until("the new settings serve", || ask(&known)["allowed"] == false);
    state.store(0, Ordering::Relaxed);
    assert_eq!(ask(&known)["allowed"], true);
    state.store(1, Ordering::Relaxed);
    assert_eq!(ask(&known)["allowed"], true);
    folder.data("more.json", &json!({"x": 1}));
    wait_until("the new data serve", || ask(&known)["allowed"] == false);
    // So is it under other reports, where any policy asks for them.
    folder.policy("witness", "witness", json!({}));
    state.store(0, Ordering::Relaxed);
    wait_until("both serve", || {
        server.get_json("/v1/generation")["ready"] == 2
    });
    assert_eq!(ask(&known)["allowed"], true);
    state.store(1, Ordering::Relaxed);
    assert_eq!(ask(&known)["allowed"], true);
    let report = json!({"SchemaVersion": 2, "ArtifactName": known, "ArtifactType": "container_image",
        "Results": [{"Target": "a", "Class": "os-pkgs", "Type": "debian"}]});
    let (status, kept) = server.post("/v1/evidence", report.to_string().as_bytes());
    assert!(status < 300, "{status} {kept}");
    assert_eq!(ask(&known)["allowed"], false);
    // An answer that is too old.
    folder.policy("asks", "actor", keys(json!([need, "warn"]), "1s"));
    state.store(0, Ordering::Relaxed);
    wait_until("it is allowed", || ask(&known)["allowed"] == true);
    state.store(1, Ordering::Relaxed);
    wait_until("it is too old", || ask(&known)["allowed"] == false);
}

#[test]
fn what_is_exempt_passes_in_whatever_state_the_host_is() {
    let folder = Folder::new();
    folder.policy("broken", "misbehave", json!({"settings": {"unknown": 1}}));
    folder.config(
        json!({"exempt": {"namespaces": ["kube-system"], "images": ["registry.k8s.io/*"]}}),
    );
    let mut command = Command::new(TOUCHSTONE);
    command
        .args(["serve", "--config"])
        .arg(folder.path().join("touchstone.yaml"));
    command.env("TOUCHSTONE_NAMESPACE", "touchstone");
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let book = Arc::clone(&heard);
    let server = Server::spawn_heard(&mut command, move |line| {
        book.lock().unwrap().push(line.to_owned())
    });
    let asked = |namespace: &str, image: &str| {
        let mut review = review("CREATE", "/Pod", pod(image));
        review["request"]["namespace"] = json!(namespace);
        let answer = ask(&server, "/k8s/validate", &review);
        (
            answer["allowed"] == true,
            answer["auditAnnotations"]["exempt"].clone(),
        )
    };
    assert_eq!(asked("shop", "nginx:1"), (false, Value::Null));
    assert_eq!(
        asked("kube-system", "nginx:1"),
        (true, json!("namespace: kube-system"))
    );
    assert_eq!(
        asked("touchstone", "nginx:1"),
        (true, json!("namespace: touchstone"))
    );
    assert_eq!(
        asked("shop", "registry.k8s.io/pause:3.9"),
        (true, json!("images: registry.k8s.io/pause:3.9"))
    );
    assert!(!asked("shop", "docker.io/registry.k8s.io/pause:3.9").0);
    // What somebody's own kind holds besides is not known, nor is a volume's image of any registry exempt.
    let decoy = json!({"spec": {"containers": [{"image": "registry.k8s.io/pause:3.9"}], "templates": [{"image": "x"}]}});
    let volume = json!({"spec": {"containers": [{"image": "registry.k8s.io/pause:3.9"}],
        "volumes": [{"name": "v", "image": {"reference": "evil.example.com/x:1"}}]}});
    for (kind, object) in [("argoproj.io/Workflow", decoy), ("/Pod", volume)] {
        let answer = ask(&server, "/k8s/validate", &review("CREATE", kind, object));
        assert_eq!(answer["allowed"], false, "{kind}: {answer}");
    }
    // What an object is called writes no lines of its own into the log.
    let mut forged = review("CREATE", "/Pod", pod("registry.k8s.io/pause:3.9"));
    forged["request"]["uid"] = json!("u\n2026-01-01T00:00:00Z  INFO forged\u{1b}[31m");
    ask(&server, "/k8s/validate", &forged);
    let told = |line: &String| line.contains("exempt") && line.contains("forged");
    wait_until("it is in the log", || {
        heard.lock().unwrap().iter().any(told)
    });
    let heard = heard.lock().unwrap().clone();
    assert!(
        !heard
            .iter()
            .any(|line| line.starts_with("2026-01-01") || line.contains('\u{1b}')),
        "{heard:?}"
    );
    let image_review = json!({"apiVersion": "imagepolicy.k8s.io/v1alpha1", "kind": "ImageReview",
        "spec": {"namespace": "kube-system", "containers": [{"image": "nginx"}]}});
    let (_, answer) = server.post("/k8s/image-review", image_review.to_string().as_bytes());
    assert_eq!(answer["status"]["allowed"], true, "{answer}");
    // Only of Kubernetes' own requests is it known that their namespace is true.
    let (_, answer) = server.post("/v1/decide", image_review.to_string().as_bytes());
    assert_eq!(answer["verdict"], "deny");
    let metrics = server.get("/metrics").1;
    assert!(
        metrics.contains("touchstone_exempt_total{by=\"namespace\"} 3"),
        "{metrics}"
    );
    wait_until("all are kept", || {
        let decisions = server.get_json("/v1/decisions");
        let decisions = decisions["decisions"].as_array().unwrap().iter();
        decisions
            .filter(|decision| !decision["exempt"].is_null())
            .count()
            == 5
    });
}

#[test]
fn gatekeeper_is_told_the_verdict_on_each_image() {
    let folder = Folder::new();
    let keys = json!({"match": {"kinds": ["image.review"]}});
    folder.policy("image-source", "image-source", keys);
    let server = Server::start(&folder, &[]);
    let request = |keys: Value| {
        json!({"apiVersion": "externaldata.gatekeeper.sh/v1beta1", "kind": "ProviderRequest", "request": {"keys": keys}})
            .to_string()
    };
    let path = "/gatekeeper/v1beta1";
    let (status, answer) = server.post(
        path,
        request(json!(["nginx:1", "busybox:latest", "no image"])).as_bytes(),
    );
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        (
            &answer["apiVersion"],
            &answer["kind"],
            &answer["response"]["idempotent"]
        ),
        (
            &json!("externaldata.gatekeeper.sh/v1beta1"),
            &json!("ProviderResponse"),
            &json!(true)
        )
    );
    let items = answer["response"]["items"].as_array().unwrap();
    assert_eq!(
        items[0],
        json!({"key": "nginx:1", "value": {"verdict": "allow", "reason": ""}})
    );
    for (item, key) in [(&items[1], "busybox:latest"), (&items[2], "no image")] {
        assert_eq!((&item["key"], &item["value"]), (&json!(key), &Value::Null));
        let error = item["error"].as_str().unwrap();
        assert!(
            error.starts_with(&format!("image-source: {key}: ")),
            "{error}"
        );
    }
    let (_, answer) = server.post(path, request(json!([])).as_bytes());
    assert_eq!(answer["response"]["items"], json!([]));
    for body in [
        "".to_owned(),
        "{}".to_owned(),
        request(json!("nginx")),
        request(json!([1])),
        request(json!(vec!["a"; 1001])),
        request(json!([])).replace("v1beta1", "v1alpha1"),
        request(json!([])).replace("ProviderRequest", "ProviderResponse"),
    ] {
        let (status, answer) = server.post(path, body.as_bytes());
        assert!(
            status == 400 && answer["response"].is_null(),
            "{body:.100}: {status} {answer}"
        );
    }
    // A question is no event: nothing is kept of it.
    assert_eq!(server.get_json("/v1/decisions")["decisions"], json!([]));
}

/// A token as those who may break the glass make it; `openssl` is not needed for it.
fn token(key: &rcgen::KeyPair, claims: Value) -> String {
    let key = jsonwebtoken::EncodingKey::from_ed_pem(key.serialize_pem().as_bytes()).unwrap();
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
    jsonwebtoken::encode(&header, &claims, &key).unwrap()
}

#[test]
fn the_glass_is_broken_with_a_signed_token_only() {
    let ed25519 = || rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let (key, other) = (ed25519(), ed25519());
    let folder = Folder::new();
    fs::write(folder.path().join("glass.pub"), key.public_key_pem()).unwrap();
    let keys = json!({"match": {"kinds": ["pod.review", "image.review"]}});
    folder.policy("image-source", "image-source", keys);
    folder.config(json!({"breakGlass": {"keys": ["glass.pub"], "longest": "2h"}}));
    let server = Server::with_config(&folder);
    let now = jiff::Timestamp::now().as_second();
    let claims = |more: Value| {
        let mut claims = json!({"aud": "touchstone", "sub": "ann@example.com", "reason": "INC-7", "iat": now, "exp": now + 3600});
        claims
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        claims
    };
    let annotation = "touchstone.image-policy.k8s.io/break-glass";
    let asked = |token: &str| {
        let mut pod = pod("busybox:latest");
        pod["metadata"]["annotations"] = json!({annotation: token});
        ask(&server, "/k8s/validate", &review("CREATE", "/Pod", pod))
    };
    for (what, claims) in [
        ("all", claims(json!({}))),
        ("its namespace", claims(json!({"namespaces": ["shop"]}))),
        ("its image", claims(json!({"images": ["library/*"]}))),
    ] {
        let answer = asked(&token(&key, claims));
        assert_eq!(answer["allowed"], true, "{what}: {answer}");
        let told = answer["auditAnnotations"]["exempt"].as_str().unwrap();
        assert!(
            told.starts_with("breakGlass: ann@example.com, until ") && told.ends_with(": INC-7"),
            "{told}"
        );
        let warning = answer["warnings"][0].as_str().unwrap();
        assert!(
            warning.starts_with("no policy was asked: breakGlass: ann@example.com"),
            "{warning}"
        );
    }
    let good = token(&key, claims(json!({})));
    let (head, rest) = good.split_once('.').unwrap();
    let unsigned = format!(
        "{}.{}.",
        BASE64_URL.encode(r#"{"alg":"none"}"#),
        rest.split_once('.').unwrap().0
    );
    let with_secret = {
        // The public key as a secret: what a verifier falls for that lets the token choose the algorithm.
        let secret = jsonwebtoken::EncodingKey::from_secret(key.public_key_pem().as_bytes());
        jsonwebtoken::encode(
            &jsonwebtoken::Header::default(),
            &claims(json!({})),
            &secret,
        )
        .unwrap()
    };
    let with_extension = {
        let head = BASE64_URL.encode(r#"{"alg":"EdDSA","crit":["x"],"x":1}"#);
        let claims = BASE64_URL.encode(claims(json!({})).to_string());
        let text = format!("{head}.{claims}");
        let key = jsonwebtoken::EncodingKey::from_ed_pem(key.serialize_pem().as_bytes()).unwrap();
        let algorithm = jsonwebtoken::Algorithm::EdDSA;
        let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &key, algorithm).unwrap();
        format!("{text}.{signature}")
    };
    for (what, token) in [
        ("an extension that must be understood", with_extension),
        ("another key", token(&other, claims(json!({})))),
        ("ended", token(&key, claims(json!({"exp": now - 1})))),
        (
            "too long",
            token(&key, claims(json!({"exp": now + 3 * 3600}))),
        ),
        (
            "too long, and nearly over",
            token(
                &key,
                claims(json!({"iat": now - 3 * 3600, "exp": now + 600})),
            ),
        ),
        (
            "from tomorrow",
            token(&key, claims(json!({"iat": now + 600}))),
        ),
        ("not yet", token(&key, claims(json!({"nbf": now + 600})))),
        (
            "another audience",
            token(&key, claims(json!({"aud": "somebody"}))),
        ),
        ("nobody", token(&key, claims(json!({"sub": " "})))),
        ("no reason", token(&key, claims(json!({"reason": ""})))),
        (
            "another namespace",
            token(&key, claims(json!({"namespaces": ["other"]}))),
        ),
        (
            "another image",
            token(&key, claims(json!({"images": ["ghcr.io/*"]}))),
        ),
        (
            "a broken pattern",
            token(&key, claims(json!({"images": ["team-*"]}))),
        ),
        ("unsigned", unsigned),
        ("signed with the public key", with_secret),
        ("cut", good[..good.len() - 4].to_owned()),
        (
            "another head",
            good.replace(head, &BASE64_URL.encode(r#"{"alg":"EdDSA","x":1}"#)),
        ),
        ("no token", "please".to_owned()),
        ("nothing", String::new()),
    ] {
        let answer = asked(&token);
        assert_eq!(answer["allowed"], false, "{what}: {answer}");
        let warning = answer["warnings"][0].as_str().unwrap();
        assert!(
            warning.starts_with("break-glass is not honoured: "),
            "{what}: {warning}"
        );
    }
    for missing in ["exp", "iat"] {
        let mut claims_without = claims(json!({}));
        claims_without.as_object_mut().unwrap().remove(missing);
        assert_eq!(asked(&token(&key, claims_without))["allowed"], false);
    }
    // Where not all images can be known, a token for some of them is for nothing.
    let mut custom = pod("busybox:latest");
    custom["metadata"]["annotations"] =
        json!({annotation: token(&key, claims(json!({"images": ["library/*"]})))});
    let answer = ask(
        &server,
        "/k8s/validate",
        &review("CREATE", "acme.example/Thing", custom),
    );
    assert_eq!(answer["allowed"], false, "{answer}");
    // Also where only the images are asked about.
    let image_review = json!({"apiVersion": "imagepolicy.k8s.io/v1alpha1", "kind": "ImageReview",
        "spec": {"namespace": "shop", "annotations": {annotation: good}, "containers": [{"image": "busybox:latest"}]}});
    let (_, answer) = server.post("/k8s/image-review", image_review.to_string().as_bytes());
    assert_eq!(answer["status"]["allowed"], true, "{answer}");
    // Anybody may say what they want elsewhere.
    let (_, answer) = server.post("/v1/decide", image_review.to_string().as_bytes());
    assert_eq!(answer["verdict"], "deny");
    assert!(
        server
            .get("/metrics")
            .1
            .contains("touchstone_exempt_total{by=\"breakGlass\"} 4")
    );
    wait_until("each use is kept", || {
        let decisions = server.get_json("/v1/decisions");
        let decisions = decisions["decisions"].as_array().unwrap().iter();
        let uses = decisions.filter(|decision| decision["exempt"]["by"] == "breakGlass");
        uses.count() == 4
    });
    // A key that leaked is replaced.
    fs::write(folder.path().join("glass.pub"), other.public_key_pem()).unwrap();
    wait_until("the old key opens nothing", || {
        asked(&good)["allowed"] == false
    });
    let new = token(&other, claims(json!({})));
    assert_eq!(asked(&new)["allowed"], true);
}
