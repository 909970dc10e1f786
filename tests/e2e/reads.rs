//! Reads during the decision: `http`, with the grant's terms in force wherever it leads, and `store`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use touchstone::decide::{DecideError, Options};

use crate::receiver::{Answer, Receiver};
use crate::support::{Folder, Host};

/// A policy that may read by these grants.
fn reader(http: Value, config: Value) -> Folder {
    let folder = Folder::new();
    let grants = json!({"http": http, "store": ["*"], "webhook": ["*"], "command": ["*"], "queue": ["*"], "notify": ["*"]});
    folder.policy(
        "reader",
        "actor",
        json!({"grants": grants, "limits": {"wall": "5s"}}),
    );
    folder.config(config);
    folder
}

fn open(more: Value) -> Value {
    let mut grant = json!({"pattern": "*", "allowPrivate": true});
    grant
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!([grant])
}

/// What each step said.
fn told(host: &Host, steps: Value) -> Vec<String> {
    let decision = host.decide(&json!({ "do": steps }));
    assert!(!decision.indeterminate, "{decision:#?}");
    decision.policies[0]
        .findings
        .iter()
        .map(|finding| finding.message.clone())
        .collect()
}

fn fetch(host: &Host, url: &str, more: Value) -> String {
    let mut step = json!({ "url": url });
    step.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    told(host, json!([{ "fetch": step }])).remove(0)
}

#[test]
fn a_policy_reads_what_a_server_says() {
    let receiver = Receiver::start(|received, _| match received.path.as_str() {
        "/missing" => Answer::Status(404, "nothing"),
        _ => Answer::With(
            200,
            vec![],
            format!(
                "{} {} {}",
                received.method,
                received.headers.get("x-a").map_or("", String::as_str),
                String::from_utf8_lossy(&received.body)
            ),
        ),
    });
    let host = reader(open(json!({})), json!({})).service();
    let url = format!("{}/a?b=c", receiver.url);
    assert_eq!(
        fetch(&host, &url, json!({"headers": {"x-a": "1"}})),
        "200 GET 1 "
    );
    assert_eq!(
        fetch(&host, &url, json!({"method": "post", "body": "text"})),
        "200 POST  text"
    );
    assert_eq!(fetch(&host, &url, json!({"method": "head"})), "200 ");
    assert_eq!(
        fetch(&host, &format!("{}/missing", receiver.url), json!({})),
        "404 nothing"
    );
    assert!(fetch(&host, &url, json!({"headers": {"host": "evil"}})).starts_with("invalid"));
    assert!(fetch(&host, "http://127.0.0.1:1/", json!({})).starts_with("unavailable"));
}

#[test]
fn private_addresses_are_reached_only_where_that_is_granted() {
    let receiver = Receiver::fine();
    let host = reader(json!(["*"]), json!({})).service();
    let port = receiver.address.port();
    for name in [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "169.254.169.254",
    ] {
        let said = fetch(&host, &format!("http://{name}:{port}/"), json!({}));
        assert!(
            said.starts_with("unavailable") && said.contains("private network"),
            "{name}: {said}"
        );
    }
    // A name that leads there.
    let said = fetch(&host, &format!("http://localhost:{port}/"), json!({}));
    assert!(
        said.starts_with("unavailable") && said.contains("localhost is an address of this machine"),
        "{said}"
    );
    assert_eq!(receiver.count(), 0);
    let host = reader(open(json!({})), json!({})).service();
    assert_eq!(
        fetch(&host, &format!("http://localhost:{port}/"), json!({})),
        "200 fine"
    );
}

#[test]
fn redirects_are_followed_only_inside_the_grants() {
    let outside = Receiver::fine();
    let elsewhere = outside.url.clone();
    let receiver = Receiver::start(move |received, _| {
        let to = |url: &str| Answer::With(302, vec![("location", url.to_owned())], String::new());
        match received.path.as_str() {
            "/in/1" => to("/in/2"),
            "/in/2" => to("end?x=1"),
            "/in/out" => to(&format!("{elsewhere}/in/x")),
            "/in/up" => to("/secret"),
            "/in/dots" => to("/in/../secret"),
            "/in/file" => to("file:///etc/passwd"),
            "/in/user" => to("http://a@127.0.0.1/"),
            "/in/loop" => to("/in/loop"),
            "/in/post" => {
                Answer::With(307, vec![("location", "/in/end".to_owned())], String::new())
            }
            path => Answer::With(
                200,
                vec![],
                format!(
                    "{} {path} {}",
                    received.method,
                    received.headers.contains_key("authorization")
                ),
            ),
        }
    });
    let grants = json!([{"pattern": format!("{}/in/*", receiver.url), "allowPrivate": true, "credentials": ["c"]}]);
    let config = json!({"credentials": {"c": {"headers": {"authorization": "Bearer secret"}}}});
    let host = reader(grants, config.clone()).service();
    let get = |path: &str| fetch(&host, &format!("{}{path}", receiver.url), json!({}));
    assert_eq!(get("/in/1"), "200 GET /in/end?x=1 false");
    for path in ["/in/out", "/in/up", "/in/dots"] {
        assert!(get(path).starts_with("denied"), "{path}: {}", get(path));
    }
    for path in ["/in/file", "/in/user"] {
        assert!(
            get(path).starts_with("unavailable: it redirects to no good URL"),
            "{path}: {}",
            get(path)
        );
    }
    assert!(get("/in/loop").starts_with("unavailable: more than 5 redirects"));
    assert_eq!(outside.count(), 0);
    let post = fetch(
        &host,
        &format!("{}/in/post", receiver.url),
        json!({"method": "post", "body": "b"}),
    );
    assert_eq!(post, "200 POST /in/end false");
    // Credentials stay with their server, even where the other one is granted, too.
    let both = json!([
        {"pattern": format!("{}/*", receiver.url), "allowPrivate": true, "credentials": ["c"]},
        {"pattern": format!("{}/*", outside.url), "allowPrivate": true, "credentials": ["c"]},
    ]);
    let host = reader(both, config).service();
    let with = json!({"credentials": "c"});
    assert_eq!(
        fetch(&host, &format!("{}/in/1", receiver.url), with.clone()),
        "200 GET /in/end?x=1 true"
    );
    assert_eq!(
        fetch(&host, &format!("{}/in/out", receiver.url), with),
        "200 fine"
    );
    assert!(!outside.book()[0].headers.contains_key("authorization"));
}

#[test]
fn a_server_that_tells_what_it_was_told_tells_no_secrets() {
    let receiver = Receiver::start(|received, _| {
        let told = received.headers["authorization"].clone();
        Answer::With(
            200,
            vec![("x-told", told.clone())],
            format!("you said {told}"),
        )
    });
    let config = json!({"credentials": {"c": {"headers": {"authorization": "Basic dXNlcjpodW50ZXIyLXNlY3JldA=="}}}});
    let host = reader(open(json!({"credentials": ["c"], "perMinute": 2})), config).service();
    let said = fetch(&host, &receiver.url, json!({"credentials": "c"}));
    assert_eq!(said, "200 you said ***");
    // A read is real in a dry run, too.
    let dry = Options {
        dry_run: true,
        ..Options::default()
    };
    let event = json!({"do": [{"fetch": {"url": receiver.url, "credentials": "c"}}]});
    host.decide_as(&event, "event", &dry);
    let decision = host.decide_as(&event, "event", &dry);
    assert!(
        decision.policies[0].findings[0]
            .message
            .starts_with("exhausted"),
        "{decision:#?}"
    );
}

#[test]
fn an_answer_has_bounds() {
    let receiver = Receiver::start(|received, _| match received.path.as_str() {
        "/large" => Answer::With(200, vec![], "x".repeat(2 << 20)),
        "/slow" => Answer::Late(3000, Box::new(Answer::Status(200, "late"))),
        "/cut" => Answer::CutOff,
        _ => Answer::Drop,
    });
    let folder = reader(open(json!({})), json!({}));
    folder.yaml("reader", json!({"grants": {"http": open(json!({})), "store": ["*"], "webhook": ["*"], "command": ["*"], "queue": ["*"], "notify": ["*"]}, "limits": {"wall": "1s"}}));
    let host = folder.service();
    host.settle();
    let get = |path: &str| fetch(&host, &format!("{}{path}", receiver.url), json!({}));
    assert_eq!(
        get("/large"),
        "exhausted: the answer is larger than 1048576 bytes"
    );
    assert!(get("/cut").starts_with("unavailable") && get("/drop").starts_with("unavailable"));
    // The guest is told before its own time is over.
    let start = Instant::now();
    let slow = get("/slow");
    assert!(slow.contains(": no answer within"), "{slow}");
    assert!(start.elapsed() < Duration::from_millis(2500));
    let said = fetch(
        &host,
        &format!("{}/slow", receiver.url),
        json!({"timeout": 50}),
    );
    assert!(
        said.contains("no answer within 5") || said.contains("no answer within 4"),
        "{said}"
    );
    let small = reader(open(json!({"size": "10B"})), json!({})).service();
    assert_eq!(
        fetch(&small, &format!("{}/large", receiver.url), json!({})),
        "exhausted: the answer is larger than 10 bytes"
    );
}

#[test]
fn waiting_is_no_computing() {
    let receiver = Receiver::start(|_, _| Answer::Late(300, Box::new(Answer::Status(200, ""))));
    let host = reader(open(json!({})), json!({})).service();
    host.settle();
    // limits.time is 100 ms.
    assert_eq!(fetch(&host, &receiver.url, json!({})), "200 ");
}

#[test]
fn answers_are_kept_for_the_grants_time_and_asked_for_by_their_validators() {
    let receiver = Receiver::start(|received, number| {
        match received.headers.get("if-none-match").map(String::as_str) {
            Some("\"v1\"") if number < 3 => Answer::Status(304, ""),
            _ => Answer::With(
                200,
                vec![("etag", "\"v1\"".to_owned())],
                format!("answer {number}"),
            ),
        }
    });
    let host = reader(open(json!({"ttl": "200ms"})), json!({})).service();
    let get = || fetch(&host, &receiver.url, json!({}));
    assert_eq!(
        (get(), get(), receiver.count()),
        ("200 answer 0".into(), "200 answer 0".into(), 1)
    );
    // Another question.
    assert_eq!(
        fetch(&host, &receiver.url, json!({"headers": {"x": "1"}})),
        "200 answer 1"
    );
    std::thread::sleep(Duration::from_millis(250));
    assert_eq!((get(), receiver.count()), ("200 answer 0".into(), 3));
    assert_eq!(receiver.book()[2].headers["if-none-match"], "\"v1\"");
    std::thread::sleep(Duration::from_millis(250));
    assert_eq!(get(), "200 answer 3");
    // Nothing is kept without a ttl.
    let host = reader(open(json!({})), json!({})).service();
    let before = receiver.count();
    fetch(&host, &receiver.url, json!({}));
    fetch(&host, &receiver.url, json!({}));
    assert_eq!(receiver.count(), before + 2);
}

#[test]
fn equal_questions_at_the_same_time_are_asked_once() {
    let receiver =
        Receiver::start(|_, _| Answer::Late(300, Box::new(Answer::Status(200, "shared"))));
    let host = reader(open(json!({})), json!({})).service();
    host.settle();
    let event = json!({"do": [{"fetch": {"url": receiver.url}}]});
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let decision = host.decide(&event);
                assert_eq!(
                    decision.policies[0].findings[0].message, "200 shared",
                    "{decision:#?}"
                );
            });
        }
    });
    assert!(receiver.count() <= 3, "{}", receiver.count());
}

/// A server's TLS, and the certificate of whoever signed its own.
fn own_tls() -> (rustls::ServerConfig, String) {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &ca)
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    (config, ca.pem())
}

#[test]
fn tls_is_checked_against_the_systems_roots_and_those_of_the_configuration() {
    let (config, ca) = own_tls();
    let receiver = Receiver::tls(config, |_, _| Answer::Status(200, "over TLS"));
    let folder = reader(open(json!({})), json!({"ca": ["ca.pem"]}));
    std::fs::write(folder.path().join("ca.pem"), ca).unwrap();
    assert_eq!(
        fetch(&folder.service(), &receiver.url, json!({})),
        "200 over TLS"
    );
    // By its address, for which the certificate is not.
    let by_address = receiver.url.replace("localhost", "127.0.0.1");
    assert!(fetch(&folder.service(), &by_address, json!({})).starts_with("unavailable"));
    folder.config(json!({}));
    let said = fetch(&folder.service(), &receiver.url, json!({}));
    assert!(
        said.starts_with("unavailable") && said.contains("certificate"),
        "{said}"
    );
    assert_eq!(receiver.count(), 1);
}

#[test]
fn keys_are_kept_with_the_decision() {
    let folder = reader(json!(["*"]), json!({}));
    let host = folder.service();
    let steps = json!([
        {"get": "a"}, {"put": ["a", {"x": 1}]}, {"get": "a"}, {"put": ["a", 2]}, {"get": "a"}, {"put": ["b/1", true]}, {"put": ["b/2", true]},
        {"delete": "b/1"}, {"list": "b/"}, {"cas": ["a", 7, 3]}, {"cas": ["a", 2, 3]}, {"cas": ["c", null, 1]}, {"cas": ["c", null, 2]},
    ]);
    let said = told(&host, steps);
    assert_eq!(
        said,
        [
            "None",
            "ok",
            "Some(\"{\\\"x\\\":1}@1\")",
            "ok",
            "Some(\"2@2\")",
            "ok",
            "ok",
            "ok",
            "b/2=true@1",
            "false",
            "true",
            "true",
            "false"
        ]
    );
    assert_eq!(
        told(&host, json!([{"get": "a"}, {"list": ""}])),
        ["Some(\"3@3\")", "a=3@3 b/2=true@1 c=1@1"]
    );
    // A denied event is a decision like any other.
    host.decide(&json!({"do": [{"delete": "a"}, "deny"]}));
    assert_eq!(told(&host, json!([{"get": "a"}])), ["None"]);
    assert_eq!(told(&host, json!([{"put-for": ["t", 1, 0]}]))[0], "ok");
    assert_eq!(told(&host, json!([{"get": "t"}])), ["None"]);
    for step in [
        json!({"put": ["", 1]}),
        json!({"put": ["x".repeat(513), 1]}),
        json!({"put": ["a\nb", 1]}),
        json!({"put": ["a", "x".repeat(65 << 10)]}),
    ] {
        assert!(
            told(&host, json!([step]))[0].starts_with("invalid"),
            "{step}"
        );
    }
    // Another policy has other keys.
    folder.policy("other", "actor", json!({"grants": {"http": ["*"], "store": ["*"], "webhook": ["*"], "command": ["*"], "queue": ["*"], "notify": ["*"]}}));
    host.reload();
    let only = Options {
        policy: Some("other".to_owned()),
        ..Options::default()
    };
    let decision = host.decide_as(&json!({"do": [{"list": ""}]}), "event", &only);
    assert_eq!(decision.policies[0].findings[0].message, "");
}

#[test]
fn counting_loses_nothing_however_many_count() {
    let host = reader(json!(["*"]), json!({})).service();
    host.settle();
    let (event, done, late) = (
        json!({"do": [{"count": "n"}]}),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..25 {
                    match host.try_decide(&event) {
                        Ok(decision) if decision.policies[0].findings[0].message == "true" => {
                            done.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(_) | Err(DecideError::Conflict) => {
                            late.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    let done = done.into_inner();
    assert_eq!(
        told(&host, json!([{"get": "n"}])),
        [format!("Some(\"{done}@{done}\")")]
    );
    assert_eq!(done + late.into_inner(), 200);
    assert!(done >= 25, "{done}");
}
