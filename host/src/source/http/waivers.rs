//! Waivers over HTTP: those of the files are shown, others can be added and removed.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::records::Parameters;
use super::{Host, Name, Refused, read};
use crate::config::parse_duration;
use crate::model::{Decision, Verdict, WaiverState};
use crate::service::Service;
use crate::store::waivers::Uses;
use crate::store::{DecisionQuery, StoreError};
use crate::waiver::{Checked, Waiver, Waivers};

/// How many of the latest decisions are looked at for what would change.
const LOOKED_AT: u32 = 1000;
/// Soon, when nothing is said.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// Every waiver, with where it comes from and how often it was used.
struct Register {
    in_files: std::sync::Arc<Waivers>,
    added: std::sync::Arc<Waivers>,
    uses: BTreeMap<String, Uses>,
    now: Timestamp,
}

impl Register {
    async fn of(service: &Service) -> Result<Register, StoreError> {
        let generation = service.generations.current();
        Ok(Register {
            in_files: generation
                .map(|it| it.waivers().clone())
                .unwrap_or_default(),
            added: service.outside.waivers.load_full(),
            uses: service.outside.store.waiver_uses().await?,
            now: Timestamp::now(),
        })
    }

    fn all(&self) -> impl Iterator<Item = (&Checked, &'static str)> {
        let in_files = self.in_files.iter().map(|waiver| (waiver, "file"));
        in_files.chain(self.added.iter().map(|waiver| (waiver, "api")))
    }

    fn uses(&self, waiver: &Checked) -> Uses {
        let known = self.uses.get(&waiver.written().id);
        known.copied().unwrap_or_default()
    }

    fn tell(&self, waiver: &Checked, origin: &str) -> Value {
        let mut told = json!(waiver.written());
        let uses = self.uses(waiver);
        if let Some(told) = told.as_object_mut() {
            told.insert("origin".to_owned(), json!(origin));
            told.insert("state".to_owned(), json!(waiver.state(self.now)));
            told.insert("expires".to_owned(), json!(waiver.expires()));
            told.insert("uses".to_owned(), json!(uses.count));
            told.insert("lastUsed".to_owned(), json!(uses.last));
        }
        told
    }
}

pub(super) async fn list(State(service): Host, uri: Uri) -> Result<Response, Refused> {
    Parameters::parse(&uri, &[])?;
    let register = Register::of(&service).await?;
    let all = register
        .all()
        .map(|(waiver, origin)| register.tell(waiver, origin));
    let all: Vec<Value> = all.collect();
    Ok(axum::Json(json!({ "waivers": all })).into_response())
}

pub(super) async fn show(State(service): Host, Name(id): Name) -> Result<Response, Refused> {
    let register = Register::of(&service).await?;
    let found = register.all().find(|(waiver, _)| waiver.written().id == id);
    match found {
        Some((waiver, origin)) => Ok(axum::Json(register.tell(waiver, origin)).into_response()),
        None => Err(unknown(&id)),
    }
}

fn unknown(id: &str) -> Refused {
    Refused::NotFound(format!("there is no waiver {id:?}"))
}

/// Adds one, or replaces the one of the same id that was added before.
pub(super) async fn add(State(service): Host, request: Request) -> Result<Response, Refused> {
    let body = read(&service, request.into_body()).await?;
    let mut waiver: Waiver = serde_json::from_slice(&body)
        .map_err(|error| Refused::BadRequest(format!("no waiver: {error}")))?;
    waiver.created.get_or_insert_with(Timestamp::now);
    let checked = waiver.check();
    let checked = checked.map_err(|error| Refused::BadRequest(error.to_string()))?;
    checked
        .is_new(Timestamp::now())
        .map_err(|error| Refused::BadRequest(error.to_string()))?;
    let id = checked.written().id.clone();
    let register = Register::of(&service).await?;
    if register.in_files.get(&id).is_some() {
        return Err(Refused::Conflict(format!(
            "waiver {id:?} is in a file: change it there, or take another id"
        )));
    }
    let body = json!(checked.written()).to_string();
    let replaced = service.outside.store.put_waiver(&id, &body).await?;
    service.outside.read_waivers().await?;
    let mut told = register.tell(&checked, "api");
    if let Some(told) = told.as_object_mut() {
        told.insert("replaced".to_owned(), json!(replaced));
    }
    Ok(axum::Json(told).into_response())
}

pub(super) async fn remove(State(service): Host, Name(id): Name) -> Result<Response, Refused> {
    let register = Register::of(&service).await?;
    if register.in_files.get(&id).is_some() {
        return Err(Refused::Conflict(format!(
            "waiver {id:?} is in a file: remove it there"
        )));
    }
    if !service.outside.store.remove_waiver(&id).await? {
        return Err(unknown(&id));
    }
    service.outside.read_waivers().await?;
    Ok(axum::Json(json!({ "removed": id })).into_response())
}

/// The unused, those that end soon, and what would turn to deny when they do.
pub(super) async fn check(State(service): Host, uri: Uri) -> Result<Response, Refused> {
    let parameters = Parameters::parse(&uri, &["within"])?;
    let within = parameters.value("within", "a time such as 14d", |text| {
        parse_duration(text).ok()
    })?;
    let register = Register::of(&service).await?;
    let soon = register
        .now
        .saturating_add(within.unwrap_or(SOON))
        .unwrap_or(Timestamp::MAX);
    let ends = |waiver: &Checked| waiver.expires().is_some_and(|expires| expires <= soon);
    let list = |wanted: &dyn Fn(&Checked) -> bool| -> Vec<Value> {
        let wanted = register.all().filter(|(waiver, _)| wanted(waiver));
        wanted
            .map(|(waiver, origin)| register.tell(waiver, origin))
            .collect()
    };
    let is_active = |waiver: &Checked| waiver.state(register.now) == WaiverState::Active;
    let turning = turning(&service, soon).await?;
    let answer = json!({
        "unused": list(&|waiver| register.uses(waiver).count == 0 && is_active(waiver)),
        "expired": list(&|waiver| !is_active(waiver)),
        "expiring": list(&|waiver| is_active(waiver) && ends(waiver)),
        "turning": turning,
    });
    Ok(axum::Json(answer).into_response())
}

/// The latest decision on each subject whose verdict would be another one at that time.
async fn turning(service: &Service, then: Timestamp) -> Result<Vec<Value>, StoreError> {
    let query = DecisionQuery {
        limit: LOOKED_AT,
        ..DecisionQuery::default()
    };
    let mut seen = std::collections::BTreeSet::new();
    let mut turning = Vec::new();
    for (_, record) in service.outside.store.decisions(&query).await? {
        let Ok(decision) = serde_json::from_str::<Decision>(&record.body) else {
            continue;
        };
        if !seen.insert((record.subject.clone(), decision.event.kind.clone())) {
            continue;
        }
        let (verdict, waivers) = without_expiring(&decision, then);
        if verdict > decision.verdict {
            turning.push(json!({
                "subject": record.subject,
                "decision": record.id,
                "verdict": decision.verdict,
                "becomes": verdict,
                "waivers": waivers,
            }));
        }
    }
    Ok(turning)
}

/// The verdict that a decision would have at a time, and the waivers that no longer count then.
fn without_expiring(decision: &Decision, then: Timestamp) -> (Verdict, Vec<String>) {
    let (mut verdict, mut waivers) = (decision.verdict, Vec::new());
    let findings = decision.enforcing().flat_map(|policy| &policy.findings);
    for finding in findings.filter(|finding| finding.is_waived()) {
        let Some(waiver) = &finding.waiver else {
            continue;
        };
        if waiver.expires.is_some_and(|expires| expires <= then) {
            verdict = verdict.max(finding.level.verdict());
            waivers.push(waiver.id.clone());
        }
    }
    waivers.sort();
    waivers.dedup();
    (verdict, waivers)
}
