//! CIPolicE's webhook, for its clients: `POST /` with a JSON object, or with a form whose first key is one, which is what
//! `curl -d` sends. There under `compat: {cipolice: true}` only.

use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::{IntoResponse, Response};

use super::{Host, Refused, read};
use crate::decide::Options;
use crate::document::Document;
use crate::knowledge::weight;
use crate::source::{Defaults, recognise};

/// What its messages are called here.
const KIND: &str = "cipolice.message";

/// Answers `OK`, whatever the policies say: so did CIPolicE. What cannot be read is 400; it answered that with 500.
pub(super) async fn message(State(service): Host, request: Request) -> Result<Response, Refused> {
    if !service.config().compat.cipolice || request.method() != Method::POST {
        return Err(Refused::no_route());
    }
    let body = read(&service, request.into_body()).await?;
    let defaults = Defaults {
        kind: Some(KIND.to_owned()),
        source: "/".to_owned(),
        ..Defaults::default()
    };
    let knowledge = &service.outside.knowledge;
    let size = weight(&body);
    let event = knowledge
        .reading(size, || recognise(document(body)?, &defaults))
        .await?;
    let options = Options {
        forget: true,
        ..Options::default()
    };
    service.decider.decide(event, &options).await?;
    Ok("OK".into_response())
}

/// The body, or the first key of the form that it is.
fn document(body: Vec<u8>) -> Result<Document, crate::source::SourceError> {
    let form = form_urlencoded::parse(&body).next();
    let first = form.map(|(key, _)| key.into_owned());
    match (Document::parse_bytes(body), first) {
        (Ok(document), _) => Ok(document),
        (Err(error), None) => Err(error.into()),
        (Err(error), Some(key)) => Document::parse(key).map_err(|_| error.into()),
    }
}
