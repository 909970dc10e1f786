//! The HTTP endpoint: routes, and what each answers. Decisions are 200 whatever the verdict; errors are JSON with an
//! `error` that says what to do.

mod access;
mod cipolice;
mod evidence;
mod gatekeeper;
mod kubernetes;
mod opa;
mod records;
mod requests;
mod waivers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;
use serde_json::{Value, json};

use self::access::{MayWrite, scoped};
use self::records::Parameters;
use crate::config::Scope;
use crate::decide::{DecideError, Options};
use crate::document::Document;
use crate::evidence::Format;
use crate::generation::Member;
use crate::knowledge::weight;
use crate::model::Event;
use crate::service::Service;
use crate::source::{Attributes, Defaults, SourceError, binary, read_event, reports};

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);
/// How much room is made for a body that is only announced, in bytes.
const MAX_TRUST: u64 = 1 << 20;
/// The routes, as they are listed for whoever asks for one that is not there.
const ROUTES: &str = "POST /v1/decide, POST /v1/decide/{policy}, POST /k8s/image-review, POST /k8s/validate/{policy}, \
    POST /k8s/mutate/{policy}, POST /gatekeeper/v1beta1, GET /v1/policies, \
    GET /v1/policies/{name}, GET /v1/generation, GET /v1/decisions, GET /v1/decisions/{id}, GET /v1/actions, \
    GET /v1/actions/{id}, POST /v1/actions/{id}/retry, POST /v1/actions/{id}/discard, POST /v1/evidence, GET /v1/evidence, \
    DELETE /v1/evidence, GET /v1/waivers, POST /v1/waivers, GET /v1/waivers/check, GET /v1/waivers/{id}, DELETE /v1/waivers/{id}, \
    POST /v0/data/{path}, GET /v1/data/{path}, POST /v1/data/{path}, GET /healthz, GET /readyz, GET /metrics";

type Host = State<Arc<Service>>;

/// All routes of a service.
pub fn router(service: Arc<Service>) -> Router {
    let decisions = Router::new()
        .route("/", any(cipolice::message))
        .merge(opa::routes())
        .merge(kubernetes::routes())
        .merge(gatekeeper::routes())
        .route("/v1/decide", post(decide))
        .route("/v1/decide/{policy}", post(decide_one));
    let readings = Router::new()
        .route("/v1/policies", get(policies))
        .route("/v1/policies/{name}", get(policy))
        .route("/v1/generation", get(generation))
        .route("/v1/decisions", get(records::decisions))
        .route("/v1/decisions/{id}", get(records::decision))
        .route("/v1/actions", get(records::actions))
        .route("/v1/actions/{id}", get(records::action))
        .route("/v1/evidence", get(evidence::list))
        .route("/v1/waivers", get(waivers::list))
        .route("/v1/waivers/check", get(waivers::check))
        .route("/v1/waivers/{id}", get(waivers::show))
        .route("/metrics", get(metrics));
    let writings = Router::new()
        .route(
            "/v1/evidence",
            post(evidence::keep).delete(evidence::forget),
        )
        .route("/v1/waivers", post(waivers::add))
        .route("/v1/waivers/{id}", delete(waivers::remove));
    let administration = Router::new()
        .route("/v1/actions/{id}/retry", post(records::retry))
        .route("/v1/actions/{id}/discard", post(records::discard));
    Router::new()
        .merge(scoped(&service, Scope::Decide, decisions))
        .merge(scoped(&service, Scope::Read, readings))
        .merge(scoped(&service, Scope::Write, writings))
        .merge(scoped(&service, Scope::Admin, administration))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .fallback(|| async { Refused::no_route() })
        .method_not_allowed_fallback(|| async { Refused::NotAllowed })
        .layer(middleware::from_fn_with_state(
            service.bodies.clone(),
            requests::around,
        ))
        .with_state(service)
}

/// Whether a host is named by its address: such a name cannot be somebody else's.
fn is_address(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, _)) if !host.ends_with(']') => name,
        _ => host,
    };
    name == "localhost"
        || name.parse::<std::net::Ipv4Addr>().is_ok()
        || (name.starts_with('[') && name.ends_with(']'))
}

/// The part of a path that names something.
struct Name(String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Name, Refused> {
        let name = Path::<String>::from_request_parts(parts, state).await;
        name.map(|Path(name)| Name(name))
            .map_err(|error| Refused::BadRequest(format!("the path: {}", error.body_text())))
    }
}

/// Why a request gets no answer of its own.
#[derive(Debug)]
enum Refused {
    Forbidden,
    Unauthorized(&'static str),
    OutOfScope(Scope),
    Conflict(String),
    BadRequest(String),
    NotFound(String),
    NotAllowed,
    TooLarge(u64),
    TooSlow,
    Overloaded(DecideError),
    NoRoom,
    Late,
}

impl Refused {
    fn no_route() -> Refused {
        Refused::NotFound(format!("no such route; there are {ROUTES}"))
    }

    fn status(&self) -> StatusCode {
        match self {
            Refused::Forbidden | Refused::OutOfScope(_) => StatusCode::FORBIDDEN,
            Refused::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Refused::Conflict(_) => StatusCode::CONFLICT,
            Refused::BadRequest(_) => StatusCode::BAD_REQUEST,
            Refused::NotFound(_) => StatusCode::NOT_FOUND,
            Refused::NotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Refused::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Refused::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Refused::Overloaded(_) | Refused::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
            Refused::Late => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    fn text(self) -> String {
        match self {
            Refused::Forbidden => "a page of another origin asks: that is not allowed".to_owned(),
            Refused::Unauthorized(text) => text.to_owned(),
            Refused::OutOfScope(scope) => {
                format!("the token has not the scope {}", scope.as_str())
            }
            Refused::Conflict(text) | Refused::BadRequest(text) | Refused::NotFound(text) => text,
            Refused::NotAllowed => format!("not with this method; there are {ROUTES}"),
            Refused::TooLarge(limit) => {
                format!("the body is larger than {limit} bytes (bodyLimit)")
            }
            Refused::TooSlow => {
                format!("the body did not arrive within {} s", BODY_TIME.as_secs())
            }
            Refused::Overloaded(error) => error.to_string(),
            Refused::NoRoom => {
                "the bodies of all requests together are too large (bodiesLimit): try again later"
                    .to_owned()
            }
            Refused::Late => {
                "there is no decision within ?timeout=: it may still be made and kept".to_owned()
            }
        }
    }

    /// Which of the two counts, the sender and the reader may see differently.
    fn twice(parameter: &str) -> Refused {
        Refused::BadRequest(format!("parameter {parameter:?} stands twice"))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = self.status();
        let text = self.text();
        let mut response = (status, axum::Json(json!({ "error": text }))).into_response();
        let told = match status {
            StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, "1")),
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Bearer")),
            _ => None,
        };
        if let Some((name, value)) = told {
            let value = header::HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<SourceError> for Refused {
    fn from(error: SourceError) -> Refused {
        Refused::BadRequest(error.to_string())
    }
}

impl From<DecideError> for Refused {
    fn from(error: DecideError) -> Refused {
        match error {
            DecideError::NoSuchPolicy(_) => Refused::NotFound(error.to_string()),
            DecideError::Overloaded
            | DecideError::NotReady
            | DecideError::NoPolicies
            | DecideError::Store(_)
            | DecideError::Host(_)
            | DecideError::Seen
            | DecideError::Conflict => Refused::Overloaded(error),
        }
    }
}

async fn decide(State(service): Host, request: Request) -> Result<Response, Refused> {
    respond(&service, None, request).await
}

async fn decide_one(
    State(service): Host,
    Name(policy): Name,
    request: Request,
) -> Result<Response, Refused> {
    respond(&service, Some(policy), request).await
}

async fn respond(
    service: &Service,
    policy: Option<String>,
    request: Request,
) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let forget = !MayWrite::of(&parts.extensions);
    let query = Query::parse(&parts.uri)?;
    let defaults = Defaults {
        kind: query.kind,
        source: "/v1/decide".to_owned(),
        id: None,
        image: query.image,
        format: query.format,
    };
    let body = read(service, body).await?;
    let (knowledge, size) = (&service.outside.knowledge, weight(&body));
    let event = if evidence::is_multipart(&parts.headers) {
        let bodies = evidence::parts(&parts.headers, body).await?;
        let size = bodies.iter().map(|body| weight(body)).sum();
        knowledge
            .reading(size, || reports(&bodies, &defaults))
            .await?
    } else {
        let read = || event_of(&parts.headers, body, &defaults);
        knowledge.reading(size, read).await?
    };
    if let (Some(image), true) = (&defaults.image, event.evidence.is_empty()) {
        return Err(Refused::BadRequest(format!(
            "image={image}: it says which image a report is about, and the body is none"
        )));
    }
    let options = Options {
        policy,
        dry_run: query.dry_run,
        forget,
        ..Options::default()
    };
    let decision = service.decider.decide(event, &options).await?;
    Ok(axum::Json(if query.explain {
        decision
    } else {
        decision.brief()
    })
    .into_response())
}

/// What may stand behind the `?`.
struct Query {
    dry_run: bool,
    explain: bool,
    kind: Option<String>,
    image: Option<String>,
    format: Option<&'static Format>,
}

impl Query {
    /// A misspelt `dryRun` must not pass for none.
    fn parse(uri: &Uri) -> Result<Query, Refused> {
        let known = ["dryRun", "explain", "kind", "image", "format"];
        let parameters = Parameters::parse(uri, &known)?;
        let image = parameters.text("image");
        let format = parameters.text("format");
        Ok(Query {
            dry_run: parameters.flag("dryRun")?,
            explain: parameters.flag("explain")?,
            kind: parameters.text("kind"),
            image: image.map(|text| evidence::image(&text)).transpose()?,
            format: format.map(|name| evidence::format(&name)).transpose()?,
        })
    }
}

/// The body, up to the limit.
async fn read(service: &Service, body: Body) -> Result<Vec<u8>, Refused> {
    let limit = service.config().body_limit.as_u64();
    let mut limited = Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX));
    let collect = async {
        let announced = limited.size_hint().exact().unwrap_or_default();
        let mut bytes = Vec::with_capacity(announced.min(MAX_TRUST).try_into().unwrap_or(0));
        while let Some(frame) = limited.frame().await {
            let frame = frame.map_err(|error| match error.is::<LengthLimitError>() {
                true => Refused::TooLarge(limit),
                false => Refused::BadRequest(format!("the body could not be read: {error}")),
            })?;
            let Ok(part) = frame.into_data() else {
                continue;
            };
            let size = bytes.len() + part.len();
            requests::hold(&service.bodies, bytes.len(), size).ok_or(Refused::NoRoom)?;
            bytes.extend_from_slice(&part);
        }
        Ok(bytes)
    };
    let collected = tokio::time::timeout(BODY_TIME, collect).await;
    collected.unwrap_or(Err(Refused::TooSlow))
}

/// A CloudEvent in binary mode when the headers say so, else whatever the body is.
fn event_of(headers: &HeaderMap, body: Vec<u8>, defaults: &Defaults) -> Result<Event, Refused> {
    if !headers.contains_key("ce-specversion") {
        return Ok(read_event(body, defaults)?);
    }
    // An attribute that cannot be read must not look like one that is not there.
    let unreadable = headers
        .iter()
        .find(|(name, value)| name.as_str().starts_with("ce-") && value.to_str().is_err());
    if let Some((name, _)) = unreadable {
        return Err(Refused::BadRequest(format!(
            "CloudEvent: header {name} is not ASCII: percent-encode it"
        )));
    }
    let attributes = Attributes::read(|name| {
        let value = headers.get(format!("ce-{name}"))?.to_str().ok()?;
        // CloudEvents HTTP binding 1.0, §3.1.3.2.
        Some(
            percent_encoding::percent_decode_str(value)
                .decode_utf8_lossy()
                .into_owned(),
        )
    })?;
    let document = if body.is_empty() {
        Document::parse("{}".to_owned())
    } else {
        Document::parse_bytes(body)
    };
    let document = document.map_err(SourceError::from)?;
    Ok(binary(attributes, document, defaults)?)
}

async fn policies(State(service): Host) -> Response {
    let generation = service.generations.current();
    let members = generation
        .iter()
        .flat_map(|generation| generation.members());
    let list: Vec<Value> = members.map(|member| describe(&service, member)).collect();
    axum::Json(json!({ "policies": list })).into_response()
}

async fn policy(State(service): Host, Name(name): Name) -> Result<Response, Refused> {
    let generation = service.generations.current();
    let member = generation
        .as_ref()
        .and_then(|generation| generation.member(&name));
    match member {
        Some(member) => Ok(axum::Json(describe(&service, member)).into_response()),
        None => Err(DecideError::NoSuchPolicy(name).into()),
    }
}

/// Everything there is to know of a policy, but its settings, which may be nobody's business.
fn describe(service: &Service, member: &Member) -> Value {
    let mut description = json!({
        "name": member.name,
        "state": member.state.as_str(),
        "error": member.state.error(),
        "mode": member.mode(),
        "onError": member.on_error().as_str(),
        "folder": member.folder,
        "verdicts": service.metrics.verdicts_of(&member.name).into_iter().collect::<BTreeMap<_, _>>(),
    });
    if let (Some(policy), Some(object)) = (member.policy(), description.as_object_mut()) {
        let config = policy.config();
        let grants: BTreeMap<&str, Vec<String>> = config
            .grants
            .iter()
            .map(|(name, grants)| {
                let patterns = grants.iter().map(|grant| grant.pattern.to_string());
                (name, patterns.collect())
            })
            .collect();
        object.extend([
            ("order".to_owned(), json!(config.order)),
            ("module".to_owned(), json!(policy.module_digest())),
            ("snapshot".to_owned(), json!(policy.is_snapshot())),
            ("grants".to_owned(), json!(grants)),
            ("limits".to_owned(), config.limits.describe()),
            ("info".to_owned(), json!(policy.info())),
        ]);
    }
    description
}

async fn generation(State(service): Host) -> Result<Response, Refused> {
    let generation = service.generations.current().ok_or(DecideError::NotReady)?;
    let count = |state: &str| {
        generation
            .members()
            .iter()
            .filter(|member| member.state.as_str() == state)
            .count()
    };
    let answer = json!({
        "id": generation.id(),
        "built": generation.built(),
        "ready": count("ready"),
        "stale": count("stale"),
        "failed": count("failed"),
        "dataError": generation.data_error(),
        "waiversError": generation.waivers_error(),
        "configError": service.config_error(),
    });
    Ok(axum::Json(answer).into_response())
}

async fn ready(State(service): Host) -> Result<&'static str, Refused> {
    service
        .generations
        .current()
        .map(|_| "ready\n")
        .ok_or(Refused::Overloaded(DecideError::NotReady))
}

async fn metrics(State(service): Host) -> Response {
    // Without the state, the rest is worth knowing all the more.
    let depths = service.outside.store.depths().await;
    let depths = depths
        .as_ref()
        .map(|depths| depths.as_slice())
        .unwrap_or_default();
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    (
        [(header::CONTENT_TYPE, kind)],
        service.metrics.encode(&service.sandbox, depths),
    )
        .into_response()
}
