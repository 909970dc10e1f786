//! Actions: what policies ask to be done to the world, and what is kept of it.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Verdict;

/// When a staged action is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// Whatever the verdict.
    Always,
    /// Unless the verdict is `deny`.
    Allowed,
    /// If the verdict is `deny`.
    Denied,
}

impl Condition {
    /// Whether it holds under the final verdict.
    pub fn holds(self, verdict: Verdict) -> bool {
        match self {
            Condition::Always => true,
            Condition::Allowed => verdict != Verdict::Deny,
            Condition::Denied => verdict == Verdict::Deny,
        }
    }
}

/// An action as a policy staged it.
#[derive(Clone, Debug)]
pub struct Staged {
    /// The capability: `webhook`, `command`, …
    pub kind: &'static str,
    /// Whom it reaches, for people: a URL, a command's name, an exchange and key, an address.
    pub target: String,
    /// What it shares concurrency and rate with: a web server, a command, a broker, a mail server.
    pub destination: String,
    /// When it is carried out.
    pub when: Condition,
    /// The policy's own name for it.
    pub key: Option<String>,
    /// Whether it waits for earlier ones of the same policy and subject.
    pub ordered: bool,
    /// JSON text of what its kind needs.
    pub request: String,
}

/// A change of one of a policy's keys, as it staged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The key.
    pub key: String,
    /// The value; nothing deletes it.
    pub value: Option<String>,
    /// After that it is gone.
    pub ttl: Option<Duration>,
    /// The version that it must still have, where the policy asked; `Some(None)`: there must be no such key.
    pub expected: Option<Option<u64>>,
}

/// A policy's key as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// 1 for a new key, one more with each write.
    pub version: u64,
    /// Its value.
    pub value: String,
}

/// What becomes of an action when the verdict is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    /// It is in the outbox.
    Due,
    /// Its condition does not hold.
    Skipped,
    /// It would be in the outbox, but the decision is a dry run.
    Planned,
    /// Its policy only monitors.
    Monitored,
}

/// An action in a decision.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedAction {
    /// As the outbox knows it.
    pub id: String,
    /// Who staged it.
    pub policy: String,
    /// See [`Staged::kind`].
    pub kind: Cow<'static, str>,
    /// See [`Staged::target`].
    pub target: String,
    /// See [`Staged::when`].
    pub condition: Condition,
    /// What becomes of it.
    pub state: Plan,
    /// What is sent, without what the host adds; only in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Box<RawValue>>,
}

/// An action in the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// A UUID; for one that has a key, made from policy, kind and key, so that the same key is the same action. It goes
    /// out with the action: the receiver can recognise a repetition by it.
    pub id: String,
    /// The decision that caused it.
    pub decision: String,
    /// Who staged it.
    pub policy: String,
    /// See [`Staged::kind`].
    pub kind: String,
    /// See [`Staged::target`].
    pub target: String,
    /// The policy and [`Staged::destination`]: what shares concurrency and rate.
    #[serde(skip)]
    pub destination: String,
    /// Ordered actions of one lane are carried out one after the other.
    #[serde(skip)]
    pub lane: Option<String>,
    /// See [`Staged::key`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What the event was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// See [`Staged::request`].
    #[serde(skip)]
    pub request: String,
    /// When it was committed, or last retried by hand.
    pub since: Timestamp,
}

/// Where an action stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActionState {
    /// To be carried out.
    Due,
    /// Carried out.
    Done,
    /// Given up; kept until somebody retries or discards it.
    Dead,
    /// Given up by hand.
    Discarded,
}

impl ActionState {
    /// Every state, for tables.
    pub const ALL: [ActionState; 4] = [
        ActionState::Due,
        ActionState::Done,
        ActionState::Dead,
        ActionState::Discarded,
    ];

    /// As it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            ActionState::Due => "due",
            ActionState::Done => "done",
            ActionState::Dead => "dead",
            ActionState::Discarded => "discarded",
        }
    }

    /// The state of that name.
    pub fn parse(text: &str) -> Option<ActionState> {
        ActionState::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// One attempt to carry out an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Which action.
    #[serde(skip)]
    pub action: String,
    /// When it began.
    pub started: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Where the action stands after it.
    pub state: ActionState,
    /// When the next one is due, after a failure that may pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
    /// What was answered, or why it failed; without secrets.
    pub detail: String,
}
