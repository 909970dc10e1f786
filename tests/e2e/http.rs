//! The endpoint: what each request gets, good and bad.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Folder, Server, TOUCHSTONE, fixtures, module, root, wait_until};

fn keys() -> Value {
    json!({"grants": {"data": ["version"], "clock": ["now"]}, "match": {"kinds": ["event", "acme.thing"]}})
}

fn server() -> (Folder, Server) {
    let folder = Folder::new();
    folder.policy("p", "misbehave", keys());
    folder.policy(
        "image-source",
        "image-source",
        json!({"match": {"kinds": ["image.review"]}}),
    );
    let server = Server::start(&folder, &["--body-limit", "64KiB"]);
    (folder, server)
}

#[test]
fn decisions_are_200_whatever_the_verdict() {
    let (_folder, server) = server();
    for (act, verdict) in [
        ("nothing", "allow"),
        ("warn", "warn"),
        ("deny", "deny"),
        ("panic", "deny"),
    ] {
        let (status, answer) =
            server.post("/v1/decide", json!({ "act": act }).to_string().as_bytes());
        assert_eq!(
            (status, &answer["verdict"]),
            (200, &json!(verdict)),
            "{answer}"
        );
        assert_eq!(answer["policies"][0]["name"], "p");
        assert!(answer["policies"][0]["explain"].is_null());
    }
    let (_, answer) = server.post("/v1/decide?explain&dryRun=true", br#"{"act":"log"}"#);
    assert_eq!(answer["dryRun"], true);
    let explain = &answer["policies"][0]["explain"];
    assert!(
        explain["module"].as_str().unwrap().starts_with("sha256:")
            && explain["log"][0]["level"] == "info",
        "{explain}"
    );
    let (_, answer) = server.post("/v1/decide/p", br#"{"act":"deny"}"#);
    assert_eq!(answer["verdict"], "deny");
}

#[test]
fn cloud_events_come_in_both_modes() {
    let (_folder, server) = server();
    let structured = json!({"specversion": "1.0", "id": "7", "source": "/acme", "type": "acme.thing", "data": {"act": "deny"}});
    let (_, answer) = server.post("/v1/decide", structured.to_string().as_bytes());
    assert_eq!(
        (
            &answer["verdict"],
            &answer["event"]["id"],
            &answer["event"]["kind"]
        ),
        (&json!("deny"), &json!("7"), &json!("acme.thing"))
    );
    let headers = [
        ("ce-specversion", "1.0"),
        ("ce-id", "8"),
        ("ce-source", "/acme"),
        ("ce-type", "acme.thing"),
        ("ce-subject", "a%20b"),
    ];
    let (_, answer) = server.post_with("/v1/decide", br#"{"act":"warn"}"#, &headers);
    assert_eq!(
        (&answer["verdict"], &answer["event"]["subject"]),
        (&json!("warn"), &json!("a b"))
    );
    let folder = Folder::new();
    let empty = Server::start(&folder, &[]);
    let (status, answer) = empty.post("/v1/decide", b"{}");
    assert_eq!(status, 503, "{answer}");
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .contains("no policy at all")
    );
    let (status, answer) = server.post_with("/v1/decide", b"{}", &headers[..2]);
    assert_eq!(status, 400);
    assert!(
        answer["error"].as_str().unwrap().contains("CloudEvent: "),
        "{answer}"
    );
}

#[test]
fn bad_requests_say_what_is_wrong() {
    let (_folder, server) = server();
    let deep = "[".repeat(200_000).into_bytes();
    let deep = &deep[..60_000];
    for (path, body, status, expected) in [
        ("/v1/decide", &b"{\"act\": oops}"[..], 400, "line 1, column"),
        ("/v1/decide", b"", 400, "malformed JSON"),
        ("/v1/decide", b"[]", 400, "not a JSON object"),
        ("/v1/decide", b"{\"a\":1,\"a\":2}", 400, "duplicate key"),
        ("/v1/decide", b"\xff\xfe", 400, "not valid UTF-8"),
        ("/v1/decide", deep, 400, "nested deeper"),
        (
            "/v1/decide",
            &[b' '; 70_000],
            413,
            "larger than 65536 bytes",
        ),
        (
            "/v1/decide?dryrun",
            b"{}",
            400,
            "did you mean \\\"dryRun\\\"?",
        ),
        (
            "/v1/decide?dryRun=maybe",
            b"{}",
            400,
            "expected true or false",
        ),
        ("/v1/decide/nobody", b"{}", 404, "no policy"),
        ("/v2/decide", b"{}", 404, "POST /v1/decide"),
        (
            "/k8s/image-review",
            b"{}",
            400,
            "JSON document where an ImageReview is needed",
        ),
        (
            "/k8s/image-review",
            b"{\"kind\":\"ImageReview\",\"apiVersion\":\"v1\"}",
            400,
            "where an ImageReview",
        ),
        (
            "/k8s/image-review",
            b"{\"kind\":\"ImageReview\",\"apiVersion\":\"imagepolicy.k8s.io/v1alpha1\"}",
            400,
            "spec.containers",
        ),
    ] {
        let (found, answer) = server.post(path, body);
        assert_eq!(found, status, "{path} {answer}");
        assert!(
            answer.to_string().contains(expected),
            "{path}: {answer} does not say {expected}"
        );
    }
    assert_eq!(server.get("/v1/decide").0, 405);
    assert_eq!(server.post("/v1/decide", br#"{"act":"nothing"}"#).0, 200);
}

#[test]
fn an_image_review_is_answered_as_kubernetes_wants_it() {
    let (_folder, server) = server();
    let review = |image: &str| {
        json!({"apiVersion": "imagepolicy.k8s.io/v1alpha1", "kind": "ImageReview", "spec": {"containers": [{"image": image}], "namespace": "n"}})
            .to_string()
    };
    let (status, answer) = server.post("/k8s/image-review", review("nginx:1.27").as_bytes());
    assert_eq!((status, &answer["status"]["allowed"]), (200, &json!(true)));
    assert_eq!(
        (&answer["kind"], &answer["apiVersion"]),
        (&json!("ImageReview"), &json!("imagepolicy.k8s.io/v1alpha1"))
    );
    let (_, answer) = server.post("/k8s/image-review", review("nginx:latest").as_bytes());
    assert_eq!(answer["status"]["allowed"], false);
    let reason = answer["status"]["reason"].as_str().unwrap();
    assert!(
        reason.contains("nginx:latest") && reason.contains("name a version"),
        "{reason}"
    );
    let annotations = &answer["status"]["auditAnnotations"];
    assert_eq!(annotations["generation"], json!(server.generation()));
    assert_eq!(annotations["decision"].as_str().unwrap().len(), 36);
}

#[test]
fn the_real_reviews_are_answered() {
    let Some(fixtures) = fixtures() else { return };
    module("vulnerable-layers");
    let mut command = Command::new(crate::support::TOUCHSTONE);
    command
        .arg("serve")
        .arg(root().join("policies-examples"))
        .arg("--data")
        .arg(fixtures.join("image_enforcer/data"));
    let server = Server::spawn(&mut command);
    let review = |file: &str| {
        let body = std::fs::read(fixtures.join("kubernetes").join(file)).unwrap();
        server.post("/k8s/image-review", &body).1["status"].clone()
    };
    let allowed = review("image-review-allowed.json");
    assert_eq!(
        (&allowed["allowed"], &allowed["reason"]),
        (&json!(true), &json!(""))
    );
    let denied = review("image-review-denied.json");
    assert_eq!(denied["allowed"], false);
    let reason = denied["reason"].as_str().unwrap();
    assert!(
        reason.contains("CVE-") && reason.contains("layer sha256:") && reason.len() < 10_000,
        "{reason}"
    );
    // Any scanner's report is a document, too.
    for file in [
        "trivy/debian-buster.json",
        "grype/many.json",
        "kubernetes/admission-review-pod.json",
    ] {
        let (status, answer) =
            server.post("/v1/decide", &std::fs::read(fixtures.join(file)).unwrap());
        assert_eq!(status, 200, "{file}: {answer}");
    }
}

#[test]
fn the_state_of_everything_can_be_read() {
    let folder = Folder::new();
    folder
        .policy("good", "misbehave", keys())
        .policy("bad", "vulnerable-layers", json!({}));
    let server = Server::start(&folder, &[]);
    server.post("/v1/decide/good", br#"{"act":"deny"}"#);
    server.post("/v1/decide/good", br#"{"act":"panic"}"#);
    let good = server.get_json("/v1/policies/good");
    assert_eq!(
        (
            &good["state"],
            &good["verdicts"]["deny"],
            &good["verdicts"]["indeterminate"]
        ),
        (&json!("ready"), &json!(1), &json!(1))
    );
    assert_eq!(
        good["grants"],
        json!({"clock": ["now"], "data": ["version"]})
    );
    assert_eq!(good["limits"]["time"], "100ms");
    assert_eq!(good["info"]["settingsSchema"]["type"], "object");
    let bad = server.get_json("/v1/policies/bad");
    assert_eq!(bad["state"], "failed");
    assert!(bad["error"].as_str().unwrap().contains("without a grant"));
    let all = server.get_json("/v1/policies");
    assert_eq!(all["policies"].as_array().unwrap().len(), 2);
    assert_eq!(server.get("/v1/policies/nobody").0, 404);
    let generation = server.get_json("/v1/generation");
    assert_eq!(
        (&generation["ready"], &generation["failed"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(server.get("/healthz"), (200, "ok\n".to_owned()));
    let metrics = server.get("/metrics").1;
    for line in [
        "touchstone_policy_verdicts_total{policy=\"good\",verdict=\"deny\"} 1",
        "touchstone_policy_faults_total{policy=\"good\",kind=\"trap\"} 1",
        "touchstone_decisions_total{verdict=\"deny\"} 2",
        "touchstone_decision_duration_seconds_count 2",
        "touchstone_reloads_total{result=\"swapped\"} 1",
        "touchstone_pool_instances 0",
        "# EOF",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}

#[test]
fn a_full_pool_answers_503_and_recovers() {
    let folder = Folder::new();
    let mut keys = keys();
    keys["limits"] = json!({"time": "2s", "wall": "30s"});
    folder.policy("p", "misbehave", keys);
    let arguments = [
        "--pool-instances",
        "1",
        "--pool-queue",
        "1",
        "--pool-wait",
        "200ms",
    ];
    let server = Server::start(&folder, &arguments);
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| server.post("/v1/decide", br#"{"act":"loop"}"#));
        std::thread::sleep(Duration::from_millis(300));
        let start = Instant::now();
        let answers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| server.post("/v1/decide", br#"{"act":"nothing"}"#)))
            .collect();
        for answer in answers {
            let (status, answer) = answer.join().unwrap();
            assert_eq!(status, 503, "{answer}");
            assert!(answer["error"].as_str().unwrap().contains("pool.instances"));
        }
        assert!(start.elapsed() < Duration::from_secs(2));
        assert_eq!(
            slow.join().unwrap().1["policies"][0]["fault"]["kind"],
            "time"
        );
    });
    assert_eq!(server.post("/v1/decide", br#"{"act":"nothing"}"#).0, 200);
    assert!(
        server
            .get("/metrics")
            .1
            .contains("touchstone_overloaded_total 4")
    );
}

#[test]
fn bodies_that_are_too_large_together_are_turned_away_until_some_are_answered() {
    let folder = Folder::new();
    folder.policy("p", "misbehave", keys());
    folder.config(json!({"bodyLimit": "1MiB", "bodiesLimit": "256KiB"}));
    let server = Server::with_config(&folder);
    let address = server.url.strip_prefix("http://").unwrap();
    let filler = "x".repeat(110_000);
    let body = json!({"act": "nothing", "filler": filler}).to_string();
    let head = format!(
        "POST /v1/decide HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    // Two that send nearly all, and then nothing.
    let slow: Vec<TcpStream> = (0..2)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            stream
                .write_all(&body.as_bytes()[..body.len() - 1])
                .unwrap();
            stream
        })
        .collect();
    // Both have to be in before the third comes, which would take the room of one of them otherwise.
    std::thread::sleep(Duration::from_secs(1));
    wait_until("the third is turned away", || {
        let (status, answer) = server.post("/v1/decide", body.as_bytes());
        status == 503 && answer["error"].as_str().unwrap().contains("bodiesLimit")
    });
    // What is small still goes, for which large ones leave an eighth.
    let small = json!({"act": "nothing", "filler": "x".repeat(30_000)}).to_string();
    assert_eq!(server.post("/v1/decide", small.as_bytes()).0, 200);
    for mut stream in slow {
        stream.write_all(b"}").unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }
    assert_eq!(server.post("/v1/decide", body.as_bytes()).0, 200);
}

#[test]
fn a_cluster_is_served_before_others() {
    let folder = Folder::new();
    let mut keys = keys();
    keys["limits"] = json!({"time": "3s", "wall": "30s"});
    keys["match"] = json!({"kinds": ["event"]});
    folder.policy("p", "misbehave", keys);
    folder.policy(
        "image-source",
        "image-source",
        json!({"match": {"kinds": ["pod.review"]}}),
    );
    let arguments = [
        "--pool-instances",
        "1",
        "--pool-queue",
        "2",
        "--pool-wait",
        "20s",
    ];
    let server = Server::start(&folder, &arguments);
    let review =
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u", "operation": "CREATE", "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "object": {"spec": {"containers": [{"name": "a", "image": "nginx:1"}]}}}})
        .to_string();
    let spin = || server.post("/v1/decide", br#"{"act":"loop"}"#).0;
    std::thread::scope(|scope| {
        // One computes, two wait: there is no room for a fourth.
        let slow: Vec<_> = (0..3).map(|_| scope.spawn(spin)).collect();
        wait_until("one computes", || {
            server
                .get("/metrics")
                .1
                .contains("touchstone_pool_instances 1")
        });
        std::thread::sleep(Duration::from_secs(1));
        let (status, answer) = server.post("/v1/decide", br#"{"act":"nothing"}"#);
        assert_eq!(status, 503, "{answer}");
        // But for one that a cluster waits for, which the last of the others makes room for.
        let (status, answer) = server.post("/k8s/validate", review.as_bytes());
        assert_eq!(
            (status, &answer["response"]["allowed"]),
            (200, &json!(true)),
            "{answer}"
        );
        let mut statuses: Vec<u16> = slow.into_iter().map(|one| one.join().unwrap()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 503]);
    });
}

#[test]
fn h2c_is_spoken() {
    let (_folder, server) = server();
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    // The client's preface and an empty SETTINGS frame; the server has to answer with its own (RFC 9113 §3.4).
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(head[3], 4, "a SETTINGS frame: {head:?}");
}

/// Who is one too many waits; who is there is served; and all is well when there is room again.
#[test]
fn a_host_without_descriptors_recovers() {
    let folder = Folder::new();
    folder.policy("p", "misbehave", keys());
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "ulimit -n 128; exec \"$0\" \"$@\"",
            TOUCHSTONE,
            "serve",
        ])
        .arg(folder.path().join("policies"));
    let server = Server::spawn(&mut command);
    let decide = || server.post("/v1/decide", br#"{"act":"version"}"#);
    let version = || decide().1["policies"][0]["findings"][0]["message"].clone();
    wait_until("it starts from a snapshot", || {
        server.get_json("/v1/policies")["policies"][0]["snapshot"] == true
    });
    let before = version();
    let address = server.url.strip_prefix("http://").unwrap();
    let held: Vec<TcpStream> = (0..150)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    let used = || {
        std::fs::read_dir(format!("/proc/{}/fd", server.child.id()))
            .unwrap()
            .count()
    };
    wait_until("there are no more", || used() >= 128);
    for _ in 0..20 {
        assert_eq!(decide().0, 200);
    }
    let mut other = keys();
    other["settings"] = json!({"version": 77});
    folder.policy("p", "misbehave", other);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(version(), before);
    drop(held);
    wait_until("what was saved meanwhile serves", || version() != before);
    assert_eq!(server.get("/readyz").0, 200);
    assert!(TcpStream::connect(address).is_ok());
}

#[test]
fn a_stop_finishes_what_runs() {
    let folder = Folder::new();
    let mut keys = keys();
    keys["limits"] = json!({"time": "1s", "wall": "30s"});
    folder.policy("p", "misbehave", keys);
    let mut server = Server::start(&folder, &[]);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| server.post("/v1/decide", br#"{"act":"loop"}"#));
        std::thread::sleep(Duration::from_millis(300));
        server.signal("TERM");
        std::thread::sleep(Duration::from_millis(100));
        assert!(
            TcpStream::connect(server.url.strip_prefix("http://").unwrap()).is_err(),
            "still listening"
        );
        assert_eq!(running.join().unwrap().0, 200);
    });
    let mut code = None;
    wait_until("the server ends", || {
        code = server.child.try_wait().unwrap();
        code.is_some()
    });
    assert_eq!(code.unwrap().code(), Some(0));
}

#[test]
fn whoever_still_sends_gets_the_answer() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[]);
    let mut stream = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let body = vec![b' '; 600 << 10];
    let (first, second) = body.split_at(body.len() / 2);
    // Twice, for a connection that is closed in the middle of the first would not take the second.
    for _ in 0..2 {
        let head = format!(
            "POST /nothing HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(first).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        stream.write_all(second).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            let mut part = [0; 4096];
            let read = stream.read(&mut part).unwrap();
            assert_ne!(read, 0, "{}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&part[..read]);
        }
        assert!(answer.starts_with(b"HTTP/1.1 404"));
    }
}
