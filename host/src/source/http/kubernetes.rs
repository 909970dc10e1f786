//! What a Kubernetes API server asks: whether images may run, whether an object may be as it is, and how it should be.
//! It says how long it waits (`?timeout=10s`), and gets its answer before that, whatever the policies do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::Value;

use super::records::Parameters;
use super::{Host, Name, Refused, read};
use crate::decide::{Options, Priority};
use crate::document::Document;
use crate::model::{Decision, Event, Exemption};
use crate::service::Service;
use crate::source::kubernetes::{
    Phase, admission_answer, fields, image_review, image_review_answer, is_dry_run, is_workload,
    whole_admission_review,
};
use crate::source::{Defaults, SourceError};

/// The part of the time that is kept for the way back, and its bounds.
const MARGIN: u32 = 10;
const LEAST_MARGIN: Duration = Duration::from_millis(50);
const MOST_MARGIN: Duration = Duration::from_millis(500);
/// The longest time that an API server waits; what is longer is a mistake.
const LONGEST: Duration = Duration::from_secs(30);

/// Where an API server asks.
pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/k8s/image-review", post(review_images))
        .route("/k8s/validate", post(validate))
        .route("/k8s/validate/{policy}", post(validate_by))
        .route("/k8s/mutate", post(mutate))
        .route("/k8s/mutate/{policy}", post(mutate_by))
}

async fn validate(State(service): Host, request: Request) -> Result<Response, Refused> {
    review(&service, None, Phase::Validate, request).await
}

async fn validate_by(
    State(service): Host,
    Name(policy): Name,
    request: Request,
) -> Result<Response, Refused> {
    review(&service, Some(policy), Phase::Validate, request).await
}

async fn mutate(State(service): Host, request: Request) -> Result<Response, Refused> {
    review(&service, None, Phase::Mutate, request).await
}

async fn mutate_by(
    State(service): Host,
    Name(policy): Name,
    request: Request,
) -> Result<Response, Refused> {
    review(&service, Some(policy), Phase::Mutate, request).await
}

async fn review(
    service: &Service,
    policy: Option<String>,
    phase: Phase,
    request: Request,
) -> Result<Response, Refused> {
    let times = Times::of(request.uri())?;
    let source = match phase {
        Phase::Validate => "/k8s/validate",
        Phase::Mutate => "/k8s/mutate",
    };
    let answer = async {
        let event = event(service, request, source, whole_admission_review).await?;
        let (exempt, notes) = passes(service, &event);
        let options = Options {
            policy,
            dry_run: is_dry_run(&event),
            priority: Priority::Admission,
            deadline: times.policies,
            exempt,
            ..Options::default()
        };
        let fields = fields(&event);
        let decision = service.decider.decide(event, &options).await?;
        Ok(answered(admission_answer(
            &decision, &fields, &notes, phase,
        )))
    };
    times.in_time(answer).await
}

async fn review_images(State(service): Host, request: Request) -> Result<Response, Refused> {
    let times = Times::of(request.uri())?;
    let answer = async {
        let event = event(&service, request, "/k8s/image-review", image_review).await?;
        let (exempt, _) = passes(&service, &event);
        let options = Options {
            priority: Priority::Admission,
            deadline: times.policies,
            exempt,
            ..Options::default()
        };
        let decision: Decision = service.decider.decide(event, &options).await?;
        Ok(answered(image_review_answer(&decision)))
    };
    times.in_time(answer).await
}

/// Whether an event passes without being judged, and what is to be said of that.
fn passes(service: &Service, event: &Event) -> (Option<Exemption>, Vec<String>) {
    let config = service.config();
    let knows_images = event.kind == "image.review" || is_workload(&event.document);
    if let Some(exemption) = config.exempt.reason(event, knows_images) {
        return (Some(exemption), Vec::new());
    }
    let glass = config.break_glass.as_ref();
    match glass.map(|glass| glass.honour(event, knows_images)) {
        None | Some(Ok(None)) => (None, Vec::new()),
        Some(Ok(Some(exemption))) => {
            tracing::warn!(event = ?event.id, reason = ?exemption.reason, "break-glass");
            let note = format!("no policy was asked: {exemption}");
            (Some(exemption), vec![note])
        }
        Some(Err(why)) => {
            tracing::warn!(event = ?event.id, ?why, "break-glass is not honoured");
            (None, vec![format!("break-glass is not honoured: {why}")])
        }
    }
}

fn answered(answer: Value) -> Response {
    axum::Json(answer).into_response()
}

async fn event(
    service: &Service,
    request: Request,
    source: &str,
    read_form: fn(Document, &Defaults) -> Result<Event, SourceError>,
) -> Result<Event, Refused> {
    let body = read(service, request.into_body()).await?;
    let document = Document::parse_bytes(body).map_err(SourceError::from)?;
    let defaults = Defaults {
        source: source.to_owned(),
        ..Defaults::default()
    };
    Ok(read_form(document, &defaults)?)
}

/// Until when policies are waited for, and until when anything else is.
pub(super) struct Times {
    pub(super) policies: Option<Instant>,
    all: Option<Instant>,
}

impl Times {
    /// From `?timeout=`, counted from now.
    pub(super) fn of(uri: &Uri) -> Result<Times, Refused> {
        let parameters = Parameters::parse(uri, &["timeout"])?;
        let positive = |text: &str| {
            let timeout = humantime::parse_duration(text).ok()?;
            (!timeout.is_zero()).then_some(timeout.min(LONGEST))
        };
        let timeout = parameters.value("timeout", "a time such as 10s", positive)?;
        let now = Instant::now();
        let at = |timeout: Duration, margin: Duration| now + timeout.saturating_sub(margin);
        let margin = |timeout: Duration| (timeout / MARGIN).clamp(LEAST_MARGIN, MOST_MARGIN);
        Ok(Times {
            policies: timeout.map(|timeout| at(timeout, margin(timeout))),
            all: timeout.map(|timeout| at(timeout, margin(timeout) / 2)),
        })
    }

    /// An answer, or the news that there is none yet, before the caller gives up.
    pub(super) async fn in_time(
        &self,
        answer: impl Future<Output = Result<Response, Refused>>,
    ) -> Result<Response, Refused> {
        match self.all {
            Some(end) => {
                let answer = tokio::time::timeout_at(end.into(), answer).await;
                answer.unwrap_or(Err(Refused::Late))
            }
            None => answer.await,
        }
    }
}
