//! Evidence over HTTP: reports come in as they are, and what is known of an image can be seen and forgotten.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::records::Parameters;
use super::{Host, Refused, read};
use crate::evidence::{self, Format};
use crate::image::ImageName;
use crate::knowledge::{self, KeepError, weight};
use crate::source::SourceError;
use crate::store::StoreError;
use crate::store::reports::ReportQuery;

/// Reports in one request at most.
const MAX_PARTS: usize = 32;

impl From<KeepError> for Refused {
    fn from(error: KeepError) -> Refused {
        match error {
            KeepError::NoImage => Refused::BadRequest(error.to_string()),
            KeepError::Store(StoreError::TooManyReports { .. }) => {
                Refused::Conflict(error.to_string())
            }
            KeepError::Store(error) => error.into(),
        }
    }
}

/// An image reference in a parameter.
pub(super) fn image(text: &str) -> Result<String, Refused> {
    match ImageName::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(Refused::BadRequest(format!("image={text:?}: {error}"))),
    }
}

/// The key of an image in a parameter, which may be a bare digest.
fn key(text: &str) -> Result<String, Refused> {
    let wrong = || Refused::BadRequest(format!("image={text:?}: no image reference"));
    knowledge::key_of(text).ok_or_else(wrong)
}

/// A format in a parameter.
pub(super) fn format(name: &str) -> Result<&'static Format, Refused> {
    evidence::find(name).ok_or_else(|| {
        Refused::BadRequest(format!("format={name:?}: there are {}", evidence::names()))
    })
}

fn content_type(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_TYPE);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Whether a body has several parts.
pub(super) fn is_multipart(headers: &HeaderMap) -> bool {
    content_type(headers)
        .to_ascii_lowercase()
        .starts_with("multipart/form-data")
}

/// The parts of a body, each a report.
pub(super) async fn parts(headers: &HeaderMap, body: Vec<u8>) -> Result<Vec<Vec<u8>>, Refused> {
    let bad = |error: multer::Error| Refused::BadRequest(format!("multipart body: {error}"));
    let boundary = multer::parse_boundary(content_type(headers)).map_err(bad)?;
    let whole = futures_util::stream::once(async { Ok::<_, std::io::Error>(body) });
    let mut multipart = multer::Multipart::new(whole, boundary);
    let mut parts = Vec::new();
    while let Some(part) = multipart.next_field().await.map_err(bad)? {
        if parts.len() >= MAX_PARTS {
            return Err(Refused::BadRequest(format!(
                "multipart body: more than {MAX_PARTS} parts"
            )));
        }
        parts.push(part.bytes().await.map_err(bad)?.to_vec());
    }
    if parts.is_empty() {
        return Err(Refused::BadRequest(
            "multipart body: it has no part".to_owned(),
        ));
    }
    Ok(parts)
}

/// Reports about one image are kept, all or none.
pub(super) async fn keep(State(service): Host, request: Request) -> Result<Response, Refused> {
    let (head, body) = request.into_parts();
    let parameters = Parameters::parse(&head.uri, &["image", "format"])?;
    let wanted = parameters.text("format").map(|name| format(&name));
    let wanted = wanted.transpose()?;
    let named = parameters.text("image").map(|text| image(&text));
    let named = named.transpose()?;
    let body = read(&service, body).await?;
    let bodies = if is_multipart(&head.headers) {
        self::parts(&head.headers, body).await?
    } else {
        vec![body]
    };
    let knowledge = &service.outside.knowledge;
    let mut parts = Vec::with_capacity(bodies.len());
    for (index, body) in bodies.iter().enumerate() {
        let read = || evidence::read(body, wanted);
        let evidence = knowledge.reading(weight(body), read).await;
        parts.push(evidence.map_err(|error| match bodies.len() {
            1 => Refused::from(SourceError::from(error)),
            _ => Refused::BadRequest(format!("part {}: {error}", index + 1)),
        })?);
    }
    evidence::identify(&mut parts, named.as_deref()).map_err(SourceError::from)?;
    let mut parts: Vec<_> = parts.into_iter().map(Arc::new).collect();
    let kept = knowledge.keep(&mut parts).await?;
    let told = kept.into_iter().map(
        |kept| json!({"digest": kept.digest, "images": kept.images, "latest": kept.is_latest}),
    );
    let told: Vec<_> = told.collect();
    Ok(axum::Json(json!({ "reports": told })).into_response())
}

/// What is known of one image, or which reports there are.
pub(super) async fn list(State(service): Host, uri: Uri) -> Result<Response, Refused> {
    let parameters = Parameters::parse(&uri, &["image", "limit", "cursor"])?;
    if let Some(image) = parameters.text("image") {
        key(&image)?;
        let known = service.outside.knowledge.of_text(&image).await?;
        let Some(known) = known else {
            return Err(Refused::NotFound(format!("nothing is known of {image:?}")));
        };
        let answer = json!({
            "format": "touchstone/evidence/v1",
            "evidence": known.evidence.as_ref(),
        });
        return Ok(axum::Json(answer).into_response());
    }
    let query = ReportQuery {
        image: None,
        before: parameters.number("cursor")?,
        limit: parameters.limit()?,
    };
    let found = service.outside.store.reports(&query).await?;
    let cursor = found.last().filter(|_| found.len() >= query.limit as usize);
    let cursor = cursor.map(|(seq, _)| *seq);
    let reports = found.into_iter().map(|(_, report)| {
        json!({
            "digest": report.digest,
            "format": report.format,
            "tool": report.tool,
            "scanned": report.scanned,
            "received": report.received,
            "images": report.images,
        })
    });
    let reports: Vec<_> = reports.collect();
    Ok(axum::Json(json!({ "cursor": cursor, "reports": reports })).into_response())
}

/// Forgets what is known of an image.
pub(super) async fn forget(State(service): Host, uri: Uri) -> Result<Response, Refused> {
    let parameters = Parameters::parse(&uri, &["image"])?;
    let image = parameters.text("image").ok_or_else(|| {
        Refused::BadRequest("say which image: ?image=NAME or ?image=sha256:…".to_owned())
    })?;
    let key = key(&image)?;
    match service.outside.knowledge.forget(&key).await? {
        0 => Err(Refused::NotFound(format!("nothing is known of {image:?}"))),
        gone => Ok(axum::Json(json!({ "forgotten": gone })).into_response()),
    }
}
