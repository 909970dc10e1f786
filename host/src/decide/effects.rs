//! What a decision causes: which of the staged actions are due under the final verdict, and what is committed.

use jiff::Timestamp;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::data::hex;
use crate::guest::Effects;
use crate::model::{Action, Decision, Event, Mode, Plan, PlannedAction, Staged, Write};
use crate::store::{Commit, Record, Seen};

/// How much of an event's subject is kept with each action; events come from anybody.
const SHOWN_SUBJECT: usize = 300;

/// What a policy staged.
pub(super) struct StagedBy {
    pub(super) policy: String,
    pub(super) mode: Mode,
    pub(super) effects: Effects,
}

/// Lists every staged action in the decision, with what becomes of it; answers those that are due, and the writes. A
/// policy that only monitors causes nothing, and neither does a dry run.
pub(super) fn plan(
    decision: &mut Decision,
    staged: Vec<StagedBy>,
    event: &Event,
) -> (Vec<Action>, Vec<(String, Write)>) {
    let (mut due, mut writes) = (Vec::new(), Vec::new());
    for StagedBy {
        policy,
        mode,
        effects: Effects {
            actions,
            writes: own,
        },
    } in staged
    {
        for action in actions {
            let state = match mode {
                _ if !action.when.holds(decision.verdict) => Plan::Skipped,
                Mode::Monitor => Plan::Monitored,
                Mode::Enforce if decision.dry_run => Plan::Planned,
                Mode::Enforce => Plan::Due,
            };
            let id = id(&policy, &action);
            decision.actions.push(PlannedAction {
                id: id.clone(),
                policy: policy.clone(),
                kind: action.kind.into(),
                target: action.target.clone(),
                condition: action.when,
                state,
                request: request(decision.dry_run, &action),
            });
            if state == Plan::Due {
                due.push(order(id, &policy, action, decision, event));
            }
        }
        if mode == Mode::Enforce && !decision.dry_run {
            writes.extend(own.into_iter().map(|write| (policy.clone(), write)));
        }
    }
    (due, writes)
}

/// The same key is the same action: its id is made from it (a UUID of version 8). Without one, it is new.
fn id(policy: &str, action: &Staged) -> String {
    let Some(key) = &action.key else {
        return Uuid::now_v7().to_string();
    };
    // Lengths, so that no two different triples read the same.
    let text = format!(
        "{}:{policy}{}:{}{key}",
        policy.len(),
        action.kind.len(),
        action.kind
    );
    let hash = Sha256::digest(text);
    let mut bytes = [0; 16];
    bytes
        .iter_mut()
        .zip(hash)
        .for_each(|(byte, hashed)| *byte = hashed);
    Uuid::new_v8(bytes).to_string()
}

/// The plan of a dry run shows what would be sent.
fn request(dry_run: bool, action: &Staged) -> Option<Box<RawValue>> {
    dry_run
        .then(|| RawValue::from_string(action.request.clone()).ok())
        .flatten()
}

fn order(id: String, policy: &str, action: Staged, decision: &Decision, event: &Event) -> Action {
    let Staged {
        kind,
        target,
        destination,
        when: _,
        key,
        ordered,
        request,
    } = action;
    let subject = event.subject.as_deref().unwrap_or_default();
    let lane = ordered.then(|| hex(&Sha256::digest(format!("{policy} {subject}"))));
    let shown = |subject: &String| subject.chars().take(SHOWN_SUBJECT).collect();
    let subject = event.subject.as_ref().map(shown);
    Action {
        decision: decision.id.clone(),
        policy: policy.to_owned(),
        kind: kind.to_owned(),
        target,
        // A policy whose actions fail does not stand in the way of others.
        destination: format!("{policy} {destination}"),
        lane,
        key,
        subject,
        request,
        since: Timestamp::now(),
        id,
    }
}

/// The waivers that made an exception, each once.
fn used(decision: &Decision) -> Vec<String> {
    let policies = decision.policies.iter();
    let findings = policies.flat_map(|policy| &policy.findings);
    let mut used: Vec<String> = findings
        .filter(|finding| finding.is_waived())
        .filter_map(|finding| Some(finding.waiver.as_ref()?.id.clone()))
        .collect();
    used.sort();
    used.dedup();
    used
}

/// What is kept of a decision, and what comes of it.
pub(super) fn commit(
    decision: &Decision,
    actions: Vec<Action>,
    writes: Vec<(String, Write)>,
    seen: Option<Seen>,
) -> Commit {
    let policies = decision.policies.iter().map(|policy| policy.name.clone());
    Commit {
        record: Record {
            id: decision.id.clone(),
            time: Timestamp::now(),
            subject: decision.event.subject.clone(),
            verdict: decision.verdict,
            policies: policies.collect(),
            // A decision is plain data: writing it as JSON cannot fail.
            body: serde_json::to_string(decision).unwrap_or_default(),
        },
        actions,
        writes,
        seen,
        waivers: used(decision),
    }
}
