//! What is kept: decisions that were made, actions and what became of them.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Host, Name, Refused};
use crate::config::suggestion;
use crate::decide::DecideError;
use crate::model::{ActionState, Decision, Verdict};
use crate::report::{self, FORMATS, Judged};
use crate::service::Service;
use crate::store::{
    ActionQuery, ActionStory, DecisionQuery, Order, Ordered, PAGE_BYTES, Record, StoreError,
};

/// Entries in one answer, when nothing is said.
const PAGE: u32 = 50;
/// And at most.
const MAX_PAGE: u32 = 1000;

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Refused {
        Refused::Overloaded(DecideError::Store(error))
    }
}

/// The parameters behind the `?`, each of which has to be understood.
pub(super) struct Parameters {
    pairs: Vec<(String, String)>,
}

impl Parameters {
    pub(super) fn parse(uri: &Uri, known: &[&str]) -> Result<Parameters, Refused> {
        let query = uri.query().unwrap_or_default();
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        match pairs
            .iter()
            .find(|(name, _)| !known.contains(&name.as_str()))
        {
            Some((name, _)) => {
                let hint = suggestion(name, known);
                Err(Refused::BadRequest(format!(
                    "unknown parameter {name:?}: {hint}"
                )))
            }
            None => {
                let mut seen = BTreeSet::new();
                match pairs.iter().find(|(name, _)| !seen.insert(name)) {
                    Some((name, _)) => Err(Refused::twice(name)),
                    None => Ok(Parameters { pairs }),
                }
            }
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        let found = self.pairs.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    }

    pub(super) fn value<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Refused> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let wrong = || Refused::BadRequest(format!("{name}={text}: expected {expected}"));
        read(&text).map(Some).ok_or_else(wrong)
    }

    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refused> {
        self.value(name, "a number", |text| text.parse().ok())
    }

    /// Whether it is there, unless it says `false`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refused> {
        let read = |text: &str| match text {
            "" | "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        };
        let flag = self.value(name, "true or false", read)?;
        Ok(flag.unwrap_or(false))
    }

    fn time(&self, name: &str) -> Result<Option<Timestamp>, Refused> {
        self.value(name, "a time such as 2026-01-31T12:00:00Z", |text| {
            text.parse().ok()
        })
    }

    pub(super) fn limit(&self) -> Result<u32, Refused> {
        Ok(self.number("limit")?.unwrap_or(PAGE).min(MAX_PAGE))
    }
}

/// Decisions as they are kept: their text is passed on as it is.
#[derive(Serialize)]
struct Page {
    cursor: Option<String>,
    last: Option<i64>,
    decisions: Vec<Box<RawValue>>,
}

pub(super) async fn decisions(State(service): Host, uri: Uri) -> Result<Response, Refused> {
    let known = [
        "since", "until", "subject", "policy", "verdict", "limit", "cursor", "after",
    ];
    let parameters = Parameters::parse(&uri, &known)?;
    let query = DecisionQuery {
        since: parameters.time("since")?,
        until: parameters.time("until")?,
        subject: parameters.text("subject"),
        policy: parameters.text("policy"),
        verdict: parameters.value("verdict", "allow, warn or deny", Verdict::parse)?,
        before: parameters.text("cursor"),
        after: parameters.number("after")?,
        limit: parameters.limit()?,
    };
    let found = service.outside.store.decisions(&query).await?;
    let size: usize = found.iter().map(|(_, record)| record.body.len()).sum();
    let is_full = found.len() >= query.limit as usize || size >= PAGE_BYTES;
    let cursor = found.last().filter(|_| is_full && query.after.is_none());
    let cursor = cursor.map(|(_, record)| record.id.clone());
    let last = found.iter().map(|(seq, _)| *seq).max().or(query.after);
    let bodies: Vec<Box<RawValue>> = found
        .into_iter()
        .filter_map(|(_, record)| RawValue::from_string(record.body).ok())
        .collect();
    let page = Page {
        cursor,
        last,
        decisions: bodies,
    };
    Ok(axum::Json(page).into_response())
}

pub(super) async fn decision(
    State(service): Host,
    Name(id): Name,
    uri: Uri,
) -> Result<Response, Refused> {
    let parameters = Parameters::parse(&uri, &["format"])?;
    let names = || {
        let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
        names.join(", ")
    };
    let format =
        match parameters.text("format") {
            Some(name) => Some(report::find(&name).ok_or_else(|| {
                Refused::BadRequest(format!("format={name}: there are {}", names()))
            })?),
            None => None,
        };
    let Some(record) = service.outside.store.decision(&id).await? else {
        return Err(Refused::NotFound(format!(
            "there is no decision {id:?}, or no more"
        )));
    };
    if let Some(format) = format {
        return show(format, &record);
    }
    let mut decision: Value = serde_json::from_str(&record.body).unwrap_or_default();
    for action in decision
        .get_mut("actions")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        tell_state(&service, action).await?;
    }
    Ok(axum::Json(decision).into_response())
}

/// A kept decision in one of the report formats.
fn show(format: &report::Format, record: &Record) -> Result<Response, Refused> {
    let unreadable = |error: String| {
        let text = format!("decision {} cannot be shown: {error}", record.id);
        Refused::Overloaded(DecideError::Store(StoreError::Unavailable(text)))
    };
    let decision: Decision =
        serde_json::from_str(&record.body).map_err(|error| unreadable(error.to_string()))?;
    let name = record.subject.clone().unwrap_or_else(|| record.id.clone());
    let judged = [Judged {
        name,
        result: Ok(decision),
        performed: Default::default(),
    }];
    // Colours are for terminals.
    let mut body = anstream::StripStream::new(Vec::new());
    (format.write)(&mut body, &judged).map_err(|error| unreadable(error.to_string()))?;
    let body = body.into_inner();
    // A page made of what strangers wrote must not do anything.
    let headers = [
        (header::CONTENT_TYPE, format.media),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
        ),
    ];
    Ok((headers, body).into_response())
}

/// Where an action of a decision stands now.
async fn tell_state(service: &Service, action: &mut Value) -> Result<(), Refused> {
    let id = action
        .get("id")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    if action.get("state").and_then(Value::as_str) != Some(ActionState::Due.as_str()) {
        return Ok(());
    }
    if let (Some(story), Some(action)) = (
        service.outside.store.action(&id).await?,
        action.as_object_mut(),
    ) {
        action.insert("state".to_owned(), json!(story.state));
        action.insert("attempts".to_owned(), json!(story.attempts));
        action.insert("detail".to_owned(), json!(story.detail));
    }
    Ok(())
}

pub(super) async fn actions(State(service): Host, uri: Uri) -> Result<Response, Refused> {
    let known = ["state", "kind", "policy", "decision", "limit", "cursor"];
    let parameters = Parameters::parse(&uri, &known)?;
    let query = ActionQuery {
        state: parameters.value("state", "due, done, dead or discarded", ActionState::parse)?,
        kind: parameters.text("kind"),
        policy: parameters.text("policy"),
        decision: parameters.text("decision"),
        before: parameters.number("cursor")?,
        limit: parameters.limit()?,
    };
    let found = service.outside.store.actions(&query).await?;
    let cursor = found.last().filter(|_| found.len() >= query.limit as usize);
    let cursor = cursor.map(|(seq, _)| *seq);
    let stories: Vec<ActionStory> = found.into_iter().map(|(_, story)| story).collect();
    Ok(axum::Json(json!({ "cursor": cursor, "actions": stories })).into_response())
}

pub(super) async fn action(State(service): Host, Name(id): Name) -> Result<Response, Refused> {
    story(&service, &id).await
}

async fn story(service: &Service, id: &str) -> Result<Response, Refused> {
    match service.outside.store.action(id).await? {
        Some(story) => Ok(axum::Json(story).into_response()),
        None => Err(unknown(id)),
    }
}

fn unknown(id: &str) -> Refused {
    Refused::NotFound(format!("there is no action {id:?}, or no more"))
}

pub(super) async fn retry(State(service): Host, Name(id): Name) -> Result<Response, Refused> {
    order(&service, &id, Order::Retry).await
}

pub(super) async fn discard(State(service): Host, Name(id): Name) -> Result<Response, Refused> {
    order(&service, &id, Order::Discard).await
}

async fn order(service: &Arc<Service>, id: &str, order: Order) -> Result<Response, Refused> {
    match service.outbox.order(id, order).await? {
        Ordered::Done(_) => story(service, id).await,
        Ordered::Unknown => Err(unknown(id)),
        Ordered::Refused(state) => Err(Refused::Conflict(format!(
            "the action is {}",
            state.as_str()
        ))),
    }
}
