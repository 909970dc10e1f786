//! OPA's data API, for its clients: documents of the policies that say `opa: true` (Open Policy Agent, REST API, "Data API").
//! Errors have OPA's form: `{"code": …, "message": …}`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Host, Refused, read};
use crate::decide::Options;
use crate::document::Document;
use crate::evidence::decompress;
use crate::knowledge::weight;
use crate::model::{Decision, Event, Mode, PolicyDecision};
use crate::service::Service;
use crate::source::{Defaults, plain, recognise, undefined};

/// What a client may ask for besides. `pretty` is obeyed; the others change nothing in the result.
const PARAMETERS: [&str; 8] = [
    "pretty",
    "input",
    "explain",
    "metrics",
    "instrument",
    "provenance",
    "strict-builtin-errors",
    "timeout",
];

/// What OPA's clients look for.
const FORGOTTEN: &str = "'input' key missing from the request";

/// Why there is no document.
struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Failure {
    fn bad(message: impl Into<String>) -> Failure {
        Failure {
            status: StatusCode::BAD_REQUEST,
            code: "invalid_parameter",
            message: message.into(),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = json!({"code": self.code, "message": self.message});
        (self.status, axum::Json(body)).into_response()
    }
}

/// How a request is to be answered.
struct Asked {
    path: String,
    pretty: bool,
    input: Option<String>,
}

impl Asked {
    /// The path behind `/v0/data` or `/v1/data`, and the parameters.
    fn of(uri: &Uri) -> Result<Asked, Failure> {
        let path = uri.path().get("/v1/data".len()..).unwrap_or_default();
        // What is decoded may have slashes of its own; policies are told which are which as by RFC 6901.
        let part = |part: &str| {
            let part = percent_encoding::percent_decode_str(part).decode_utf8();
            part.map(|part| part.replace('~', "~0").replace('/', "~1"))
        };
        let path: Result<Vec<String>, _> = path.trim_matches('/').split('/').map(part).collect();
        let path = path.map_err(|_| Failure::bad("the path is not UTF-8"))?;
        let (mut pretty, mut input) = (false, None);
        for (key, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            match key.as_ref() {
                "pretty" => pretty = value != "false",
                "input" => input = Some(value.into_owned()),
                known if PARAMETERS.contains(&known) => {}
                other => {
                    let known = PARAMETERS.join(", ");
                    return Err(Failure::bad(format!(
                        "unknown parameter {other:?}; there are {known}"
                    )));
                }
            }
        }
        Ok(Asked {
            path: path.join("/"),
            pretty,
            input,
        })
    }
}

/// Where OPA's clients ask.
pub(super) fn routes() -> Router<Arc<Service>> {
    let v0 = || post(v0).fallback(other);
    let v1 = || get(v1).post(v1).fallback(other);
    Router::new()
        .route("/v0/data", v0())
        .route("/v0/data/", v0())
        .route("/v0/data/{*path}", v0())
        .route("/v1/data", v1())
        .route("/v1/data/", v1())
        .route("/v1/data/{*path}", v1())
}

/// The body is the input, the answer is the document itself.
async fn v0(State(service): Host, request: Request) -> Response {
    let answer = async {
        let asked = Asked::of(request.uri())?;
        let body = body(&service, request).await?;
        let event = event(&service, Some(body), &asked).await?;
        match decide(&service, event).await? {
            (_, Some(value)) => Ok(show(&value, asked.pretty)),
            (_, None) => Err(Failure {
                status: StatusCode::NOT_FOUND,
                code: "undefined_document",
                message: format!(
                    "document missing or undefined: data.{}",
                    asked.path.replace('/', ".")
                ),
            }),
        }
    };
    answer.await.unwrap_or_else(Failure::into_response)
}

/// The body has the input under `input`, the answer the document under `result`, if there is one.
async fn v1(State(service): Host, request: Request) -> Response {
    let answer = async {
        let asked = Asked::of(request.uri())?;
        let is_post = request.method() == Method::POST;
        let body = body(&service, request).await?;
        let input = input(body)?.or(asked.input.clone().map(String::into_bytes));
        // Who posts a document in place of `{"input": …}` has rules that see nothing, and may let pass.
        let is_forgotten = is_post && input.is_none();
        let event = event(&service, input, &asked).await?;
        let (decision, value) = decide(&service, event).await?;
        let mut answer = json!({"decision_id": decision.id});
        if let (Some(answer), Some(value)) = (answer.as_object_mut(), value) {
            answer.insert("result".to_owned(), value);
        }
        if let (Some(answer), true) = (answer.as_object_mut(), is_forgotten) {
            let warning = json!({"code": "api_usage_warning", "message": FORGOTTEN});
            answer.insert("warning".to_owned(), warning);
        }
        Ok::<_, Failure>(show(&answer, asked.pretty))
    };
    answer.await.unwrap_or_else(Failure::into_response)
}

/// The body as JSON: uncompressed, and where its type says YAML, rewritten.
async fn body(service: &Service, request: Request) -> Result<Vec<u8>, Failure> {
    let (head, body) = request.into_parts();
    let header = |name| {
        let value: Option<&HeaderValue> = head.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let body = read(service, body).await.map_err(|refused| Failure {
        status: refused.status(),
        code: "invalid_parameter",
        message: refused.text(),
    })?;
    let malformed = |error: &dyn std::fmt::Display| {
        Failure::bad(format!("body contains malformed input document: {error}"))
    };
    let body = match header(CONTENT_ENCODING) {
        "gzip" => decompress(&body)
            .map_err(|error| malformed(&error))?
            .into_owned(),
        _ => body,
    };
    if !header(CONTENT_TYPE).contains("yaml") {
        return Ok(body);
    }
    let value: Value = serde_saphyr::from_slice(&body).map_err(|error| malformed(&error))?;
    Ok(value.to_string().into_bytes())
}

/// What stands under `input`; nothing, when there is no body or no such key.
fn input(body: Vec<u8>) -> Result<Option<Vec<u8>>, Failure> {
    #[derive(Deserialize)]
    struct Body {
        // Without this, `null` would be taken for nothing.
        #[serde(default, deserialize_with = "given")]
        input: Option<Box<RawValue>>,
    }

    fn given<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Box<RawValue>>, D::Error> {
        Box::deserialize(input).map(Some)
    }
    // What is read into named fields may be an array for the reader, too.
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => return Ok(None),
        Some(b'[') => {
            return Err(Failure::bad(
                "body contains malformed input document: it is an array",
            ));
        }
        Some(_) => {}
    }
    let body: Option<Body> = serde_json::from_slice(&body).map_err(|error| {
        Failure::bad(format!("body contains malformed input document: {error}"))
    })?;
    let input = body.and_then(|body| body.input);
    Ok(input.map(|input| input.get().as_bytes().to_vec()))
}

/// An object of a known form is that event; anything else is an input and nothing more.
async fn event(service: &Service, input: Option<Vec<u8>>, asked: &Asked) -> Result<Event, Failure> {
    let defaults = Defaults {
        source: format!("/opa/{}", asked.path),
        ..Defaults::default()
    };
    let input = input.unwrap_or_default();
    let size = weight(&input);
    let read = || {
        if input.iter().all(u8::is_ascii_whitespace) {
            return undefined(&defaults);
        }
        let document = Document::parse_bytes(input)?;
        if document.is_object("") {
            recognise(document, &defaults)
        } else {
            plain(document, &defaults)
        }
    };
    let event = service.outside.knowledge.reading(size, read).await;
    let mut event = event.map_err(|error| Failure::bad(format!("input: {error}")))?;
    event.query = Some(asked.path.clone());
    Ok(event)
}

/// OPA's other methods change its documents.
async fn other() -> Failure {
    Failure {
        status: StatusCode::METHOD_NOT_ALLOWED,
        code: "method_not_allowed",
        message:
            "documents are changed in the data folders and beside the policies, not over this API"
                .to_owned(),
    }
}

/// Asks the policies; the first enforcing one that has such a document tells it. One that cannot say, when none has, is an error: that
/// is not the same as none.
async fn decide(service: &Service, event: Event) -> Result<(Decision, Option<Value>), Failure> {
    let internal = |message: String| Failure {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        code: "internal_error",
        message,
    };
    // Who asks for a document does not add to what is known of images.
    let options = Options {
        forget: true,
        ..Options::default()
    };
    let decided = service.decider.decide(event, &options).await;
    let mut decision = decided.map_err(|error| {
        let refused = Refused::from(error);
        Failure {
            status: refused.status(),
            ..internal(refused.text())
        }
    })?;
    // What only monitors decides nothing.
    let enforcing = |policy: &&mut PolicyDecision| policy.mode == Mode::Enforce;
    let mut policies = decision.policies.iter_mut().filter(enforcing);
    let value = policies.find_map(|policy| policy.value.take());
    let fault = decision
        .enforcing()
        .find_map(|policy| policy.fault.as_ref());
    match (&value, fault) {
        (None, Some(fault)) => Err(internal(fault.to_string())),
        _ => Ok((decision, value)),
    }
}

fn show(value: &Value, pretty: bool) -> Response {
    if !pretty {
        return axum::Json(value).into_response();
    }
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let headers = [(axum::http::header::CONTENT_TYPE, "application/json")];
    (headers, text + "\n").into_response()
}
