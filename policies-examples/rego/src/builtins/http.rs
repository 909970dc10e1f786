//! `http.send`: asks another server by the host's `http`, as far as that may be asked without changing anything.

use std::collections::BTreeMap;
use std::time::Duration;

use regorus::Value;
use serde::Deserialize;
use serde_json::json;
use touchstone_sdk::{Error, http};

use super::{Builtin, Fault, json, value};

pub(super) const TABLE: &[Builtin] = &[Builtin {
    name: "http.send",
    arguments: 1,
    call: send,
}];

/// What OPA's `http.send` takes. What concerns TLS and caches is the host's, and left out of account; a request that
/// would not be made as it is meant is refused.
#[derive(Deserialize)]
struct Request {
    url: String,
    method: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Option<serde_json::Value>,
    #[serde(default)]
    raw_body: Option<String>,
    /// `5s`, or nanoseconds.
    #[serde(default)]
    timeout: Option<serde_json::Value>,
    #[serde(default)]
    force_json_decode: bool,
    /// Whether a server that does not answer leaves the event undecided.
    #[serde(default = "yes")]
    raise_error: bool,
    /// Ours: credentials of touchstone.yaml.
    #[serde(default)]
    credentials: Option<String>,
}

fn yes() -> bool {
    true
}

fn send(arguments: &[Value]) -> Result<Value, Fault> {
    let request = arguments.first().map(json).transpose()?.unwrap_or_default();
    let request: Request =
        serde_json::from_value(request).map_err(|error| Fault::Host(error.to_string()))?;
    let (raise_error, force) = (request.raise_error, request.force_json_decode);
    match prepare(request)?.send() {
        Ok(response) => value(told(&response, force)),
        Err(Error::Unavailable(why) | Error::Exhausted(why)) if !raise_error => value(json!({
            "status_code": 0,
            "error": {"code": "eval_http_send_network_error", "message": why},
        })),
        // Neither is an answer what was not granted, or makes no sense.
        Err(error) => Err(Fault::Host(error.message().to_owned())),
    }
}

fn prepare(request: Request) -> Result<http::Request, Fault> {
    let mut asked = match request.method.to_ascii_lowercase().as_str() {
        "get" => http::get(request.url),
        "head" => http::head(request.url),
        "post" => http::post(request.url),
        other => {
            return Err(Fault::Host(format!(
                "a policy asks by get, head or post, not by {other}"
            )));
        }
    };
    for (name, text) in request.headers {
        asked = asked.header(name, text);
    }
    if let Some(name) = request.credentials {
        asked = asked.credentials(name);
    }
    if let Some(timeout) = request.timeout {
        asked = asked.timeout(duration(&timeout)?);
    }
    Ok(match (request.raw_body, request.body) {
        (Some(text), _) => asked.body(text),
        (None, Some(body)) => asked.json(&body),
        (None, None) => asked,
    })
}

fn duration(timeout: &serde_json::Value) -> Result<Duration, Fault> {
    let nanoseconds = match timeout {
        serde_json::Value::String(text) => super::time::duration(text),
        other => other.as_i64(),
    };
    let nanoseconds = nanoseconds.and_then(|nanoseconds| u64::try_from(nanoseconds).ok());
    let wrong = || Fault::Host(format!("{timeout} is no timeout: write 500ms"));
    nanoseconds.map(Duration::from_nanos).ok_or_else(wrong)
}

fn told(response: &http::Response, force: bool) -> serde_json::Value {
    let raw = String::from_utf8_lossy(&response.body);
    let is_json = response
        .header("content-type")
        .is_some_and(|kind| kind.contains("json"));
    let body: Option<serde_json::Value> = match force || is_json {
        true => serde_json::from_slice(&response.body).ok(),
        false => None,
    };
    let mut headers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, text) in &response.headers {
        headers.entry(name).or_default().push(text);
    }
    json!({
        "status_code": response.status,
        "headers": headers,
        "raw_body": raw,
        "body": body,
    })
}
