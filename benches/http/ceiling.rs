//! What an HTTP server on this machine can do at best: bare hyper that reads the body, parses it, and answers a constant; or
//! that judges it natively, or by Rego in the same process. `ceiling MODE`, where MODE is `read`, `value`, `typed`, `rego` or
//! `report`; prints its address.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark"
)]

use std::borrow::Cow;
use std::cell::RefCell;
use std::convert::Infallible;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use tokio::net::TcpListener;

/// What is done with a body.
type Judge = fn(&[u8]) -> String;

const ALLOWED: &str = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"705ab4f5-6393-11e8-b7cc-42010a800002","allowed":true}}"#;

#[derive(Deserialize)]
struct Review<'a> {
    #[serde(borrow)]
    request: RequestOf<'a>,
}

#[derive(Deserialize)]
struct RequestOf<'a> {
    #[serde(borrow)]
    uid: Cow<'a, str>,
    #[serde(borrow, default)]
    namespace: Cow<'a, str>,
    #[serde(borrow)]
    object: Object<'a>,
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    spec: Spec<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec<'a> {
    #[serde(borrow, default)]
    init_containers: Vec<Container<'a>>,
    #[serde(borrow)]
    containers: Vec<Container<'a>>,
}

#[derive(Deserialize)]
struct Container<'a> {
    #[serde(borrow)]
    image: Cow<'a, str>,
}

/// The example image-source by hand, as far as the benchmark's settings go: a tag that is not `latest`, a known registry.
fn judge_review(body: &[u8]) -> String {
    let review: Review<'_> = serde_json::from_slice(body).unwrap();
    let request = &review.request;
    let spec = &request.object.spec;
    let mut images = spec.init_containers.iter().chain(&spec.containers);
    let is_fine = |container: &Container<'_>| {
        let image = container.image.as_ref();
        let name = image.split('@').next().unwrap_or(image);
        let last = name.rsplit('/').next().unwrap_or(name);
        let tag = last.split_once(':').map(|(_, tag)| tag);
        let first = name.split('/').next().unwrap_or_default();
        let registry = if first.contains(['.', ':']) {
            first
        } else {
            "docker.io"
        };
        let known = [
            "docker.io",
            "ghcr.io",
            "registry.example.com",
            "registry.example.com:5000",
        ];
        known.contains(&registry) && tag.is_some_and(|tag| tag != "latest" || image.contains('@'))
    };
    let allowed = images.all(is_fine) && request.namespace != "forbidden";
    let uid = &request.uid;
    format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{{"uid":"{uid}","allowed":{allowed}}}}}"#
    )
}

/// The same in Rego.
const REGO: &str = r#"package source

known := {"docker.io", "ghcr.io", "registry.example.com", "registry.example.com:5000"}

containers contains container if some container in input.request.object.spec.containers

containers contains container if some container in input.request.object.spec.initContainers

registry(image) := first if {
  first := split(image, "/")[0]
  contains(first, ".")
} else := "docker.io"

tag(image) := text if {
  parts := split(image, "/")
  text := split(split(parts[count(parts) - 1], "@")[0], ":")[1]
}

pinned(image) if contains(image, "@")

pinned(image) if tag(image) != "latest"

deny contains sprintf("%s: not pinned", [container.image]) if {
  some container in containers
  not pinned(container.image)
}

deny contains sprintf("%s: not a known registry", [container.image]) if {
  some container in containers
  not registry(container.image) in known
}
"#;

thread_local! {
    static ENGINE: RefCell<regorus::Engine> = RefCell::new({
        let mut engine = regorus::Engine::new();
        engine.add_policy("source.rego".to_owned(), REGO.to_owned()).unwrap();
        engine
    });
}

fn judge_rego(body: &[u8]) -> String {
    let text = std::str::from_utf8(body).unwrap();
    let input = regorus::Value::from_json_str(text).unwrap();
    let denied = ENGINE.with_borrow_mut(|engine| {
        engine.set_input(input);
        engine.eval_rule("data.source.deny".to_owned()).unwrap()
    });
    let allowed = denied.as_set().unwrap().is_empty();
    format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{{"uid":"705ab4f5-6393-11e8-b7cc-42010a800002","allowed":{allowed}}}}}"#
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Report<'a> {
    #[serde(borrow)]
    results: Vec<ResultOf<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResultOf<'a> {
    #[serde(borrow, default)]
    vulnerabilities: Vec<Vulnerability<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Vulnerability<'a> {
    #[serde(borrow, rename = "VulnerabilityID")]
    id: Cow<'a, str>,
    #[serde(borrow)]
    pkg_name: Cow<'a, str>,
    #[serde(borrow, default)]
    fixed_version: Cow<'a, str>,
    #[serde(borrow)]
    severity: Cow<'a, str>,
}

/// The example severity-threshold by hand: critical ones that can be fixed.
fn judge_report(body: &[u8]) -> String {
    let report: Report<'_> = serde_json::from_slice(body).unwrap();
    let all = report
        .results
        .iter()
        .flat_map(|result| &result.vulnerabilities);
    let bad = all.filter(|one| one.severity == "CRITICAL" && !one.fixed_version.is_empty());
    let found: Vec<String> = bad
        .map(|one| format!(r#"{{"id":"{}","package":"{}"}}"#, one.id, one.pkg_name))
        .collect();
    format!(r#"{{"verdict":"deny","findings":[{}]}}"#, found.join(","))
}

fn judge_of(mode: &str) -> Judge {
    match mode {
        "read" => |body| {
            assert!(!body.is_empty());
            ALLOWED.to_owned()
        },
        "value" => |body| {
            let value: serde_json::Value = serde_json::from_slice(body).unwrap();
            assert!(value.is_object());
            ALLOWED.to_owned()
        },
        "typed" => judge_review,
        "rego" => judge_rego,
        "report" => judge_report,
        other => panic!("no mode {other}: read, value, typed, rego, report"),
    }
}

async fn answer(
    judge: Judge,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let answer = Response::builder().header("content-type", "application/json");
    Ok(answer.body(Full::from(judge(&body))).unwrap())
}

#[tokio::main]
async fn main() {
    let judge = judge_of(&std::env::args().nth(1).unwrap_or_default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let service = service_fn(move |request| answer(judge, request));
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            let _ = connection.await;
        });
    }
}
