//! Gatekeeper's external data (`externaldata.gatekeeper.sh/v1beta1`): its constraints ask about images, and are told the
//! verdict. <https://open-policy-agent.github.io/gatekeeper/website/docs/externaldata>

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::kubernetes::Times;
use super::{Host, Refused, read};
use crate::decide::{Options, Priority};
use crate::document::Document;
use crate::service::Service;
use crate::source::kubernetes::{image_review, reason};
use crate::source::{Defaults, SourceError};

const VERSION: &str = "externaldata.gatekeeper.sh/v1beta1";
/// Keys in a request at most.
const MAX_KEYS: usize = 1000;
/// Keys that are judged at a time.
const AT_A_TIME: usize = 16;

/// Where Gatekeeper asks.
pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new().route("/gatekeeper/v1beta1", post(provide))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProviderRequest {
    api_version: String,
    kind: String,
    request: Keys,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<String>,
}

async fn provide(State(service): Host, request: Request) -> Result<Response, Refused> {
    let times = Times::of(request.uri())?;
    let answer = async {
        let body = read(&service, request.into_body()).await?;
        let keys = keys(&body)?;
        let items = keys.into_iter().map(|key| judge(&service, key, &times));
        let items: Vec<Value> = stream::iter(items)
            .buffered(AT_A_TIME)
            .try_collect()
            .await?;
        let answer = json!({
            "apiVersion": VERSION,
            "kind": "ProviderResponse",
            // Asked again, the same comes: mutations need that.
            "response": {"idempotent": true, "items": items},
        });
        Ok(axum::Json(answer).into_response())
    };
    times.in_time(answer).await
}

fn keys(body: &[u8]) -> Result<Vec<String>, Refused> {
    let wrong = |why: String| Refused::BadRequest(format!("ProviderRequest: {why}"));
    let request: ProviderRequest =
        serde_json::from_slice(body).map_err(|error| wrong(error.to_string()))?;
    if request.api_version != VERSION || request.kind != "ProviderRequest" {
        return Err(wrong(format!(
            "apiVersion and kind are not {VERSION} and ProviderRequest"
        )));
    }
    let keys = request.request.keys;
    if keys.len() > MAX_KEYS {
        return Err(wrong(format!("request.keys has more than {MAX_KEYS} keys")));
    }
    Ok(keys)
}

/// Judges an image as an ImageReview would be. It is a question only: nothing comes of it.
async fn judge(service: &Service, key: String, times: &Times) -> Result<Value, Refused> {
    let review = json!({
        "apiVersion": "imagepolicy.k8s.io/v1alpha1",
        "kind": "ImageReview",
        "spec": {"containers": [{"image": key}]},
    });
    let document = Document::parse(review.to_string()).map_err(SourceError::from)?;
    let defaults = Defaults {
        source: "/gatekeeper/v1beta1".to_owned(),
        ..Defaults::default()
    };
    let event = image_review(document, &defaults)?;
    let options = Options {
        dry_run: true,
        priority: Priority::Admission,
        deadline: times.policies,
        exempt: service.config().exempt.reason(&event, true),
        ..Options::default()
    };
    let decision = service.decider.decide(event, &options).await?;
    let reason = reason(&decision);
    Ok(match decision.allowed() {
        true => json!({"key": key, "value": {"verdict": decision.verdict, "reason": reason}}),
        false => json!({"key": key, "error": reason}),
    })
}
