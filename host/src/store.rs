//! What outlives the process: decisions, the outbox, the policies' keys. A store is a file in `store/` and a row in
//! [`open`]; one contract test runs on every one.

mod memory;
pub mod reports;
mod sqlite;
pub mod waivers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::config::{Retention, State};
use crate::model::{Action, ActionState, Attempt, Entry, Verdict, Write};

/// Why the store did not do what it was asked to; nothing of it was done.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else uses it.
    #[error("{0} is used by another touchstone: stop that, or name another place with --state")]
    InUse(String),
    /// The file is not ours, or of a later version.
    #[error("{place}: {reason}")]
    Foreign {
        /// The file.
        place: String,
        /// Why.
        reason: String,
    },
    /// As many reports about an image as are kept.
    #[error(
        "there are {most} reports about {image} already, none of which this one replaces: \
         forget them with `touchstone evidence rm {image}` and send those that count",
        most = reports::MAX_REPORTS
    )]
    TooManyReports {
        /// Which: a digest, or a name as `registry/repository:tag`.
        image: String,
    },
    /// It cannot be reached, is full, locked, …
    #[error("the state cannot be used: {0}")]
    Unavailable(String),
}

/// What is written together.
#[derive(Clone, Debug)]
pub enum Entries {
    /// A decision and everything that it causes.
    Decision(Box<Commit>),
    /// What came of an attempt.
    Attempt(Attempt),
}

/// A decision and everything that it causes.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The decision.
    pub record: Record,
    /// To be carried out.
    pub actions: Vec<Action>,
    /// Keys to be changed, with the policy that they belong to.
    pub writes: Vec<(String, Write)>,
    /// The event that must not be decided again for a while, by source and id.
    pub seen: Option<Seen>,
    /// Ids of the waivers that it used.
    pub waivers: Vec<String>,
}

/// An event that must not be decided again for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Source and id of the event.
    pub event: String,
    /// Until then.
    pub until: Timestamp,
}

/// A decision as it is kept.
#[derive(Clone, Debug)]
pub struct Record {
    /// UUIDv7.
    pub id: String,
    /// When it was made.
    pub time: Timestamp,
    /// What the event was about.
    pub subject: Option<String>,
    /// The final one.
    pub verdict: Verdict,
    /// Who judged.
    pub policies: Vec<String>,
    /// The whole as JSON text.
    pub body: String,
}

/// What became of one of the entries of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It is kept; with the actions that are new, each with its place in the order of all.
    Kept(Vec<(String, i64)>),
    /// A key that it depended on has changed: nothing of it is kept.
    Conflict,
    /// Its event was decided before: nothing of it is kept.
    Seen,
}

/// An action to be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its place in the order of all actions.
    pub seq: i64,
    /// Attempts made since it is due.
    pub attempts: u32,
    /// Not before.
    pub due: Timestamp,
    /// The action.
    pub action: Action,
}

/// An action with its story.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionStory {
    /// The action.
    #[serde(flatten)]
    pub action: Action,
    /// Where it stands.
    pub state: ActionState,
    /// When it is due next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// How often it was tried since it is due.
    pub attempts: u32,
    /// What came of the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What it is to do, as its policy staged it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Box<RawValue>>,
    /// Every attempt, the first one first; only when one action is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Attempt>,
}

/// A list of decisions ends when their bodies are this large together, whatever its limit.
pub const PAGE_BYTES: usize = 8 << 20;

/// A list of a policy's keys ends when they are this large together.
pub const LIST_BYTES: usize = 1 << 20;

/// Which decisions to list, the newest first. Everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct DecisionQuery {
    /// Made at or after.
    pub since: Option<Timestamp>,
    /// Made before.
    pub until: Option<Timestamp>,
    /// About this, as written.
    pub subject: Option<String>,
    /// Judged by this policy.
    pub policy: Option<String>,
    /// With this verdict.
    pub verdict: Option<Verdict>,
    /// Older than the decision of this id: where the last page ended.
    pub before: Option<String>,
    /// Kept after this place in the order of writing: the oldest first then.
    pub after: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

/// Which actions to list, the newest first. Everything that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct ActionQuery {
    /// In this state.
    pub state: Option<ActionState>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Staged by this policy.
    pub policy: Option<String>,
    /// Caused by this decision.
    pub decision: Option<String>,
    /// Before this place in the order of all: where the last page ended.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

/// What somebody wants of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Try it now, as if it were new.
    Retry,
    /// Never try it again.
    Discard,
}

impl Order {
    /// Where it brings an action that stands so; nothing, where it makes no sense.
    fn leads_to(self, state: ActionState) -> Option<ActionState> {
        match (self, state) {
            (Order::Retry, ActionState::Done) => None,
            (Order::Retry, _) => Some(ActionState::Due),
            (Order::Discard, ActionState::Due | ActionState::Dead) => Some(ActionState::Discarded),
            (Order::Discard, _) => None,
        }
    }
}

/// What came of an [`Order`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ordered {
    /// It is so now.
    Done(Box<Pending>),
    /// There is no such action.
    Unknown,
    /// It stands where this cannot be done.
    Refused(ActionState),
}

/// What outlives the process. Times are given by the caller, so that tests can choose them.
#[async_trait]
pub trait Store: reports::Reports + waivers::Waivers {
    /// Writes all entries in one transaction, which is durable when this returns. A conflict concerns its own entry only.
    async fn write(&self, batch: &[Entries], now: Timestamp) -> Result<Vec<Written>, StoreError>;

    /// The decision that an event got, if it is still remembered.
    async fn seen(&self, event: &str, now: Timestamp) -> Result<Option<String>, StoreError>;

    /// A policy's key.
    async fn entry(
        &self,
        policy: &str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<Entry>, StoreError>;

    /// A policy's keys that start with a prefix, in byte order. Fewer than there are, once they make [`LIST_BYTES`].
    async fn entries(
        &self,
        policy: &str,
        prefix: &str,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<(String, Entry)>, StoreError>;

    /// Every destination that has actions due.
    async fn destinations(&self) -> Result<Vec<String>, StoreError>;

    /// Due actions of a destination in their order, whether or not their time has come.
    async fn due(
        &self,
        destination: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Pending>, StoreError>;

    /// Whether an earlier action of the lane is still due.
    async fn earlier(&self, lane: &str, seq: i64) -> Result<bool, StoreError>;

    /// Decisions, each with its place in the order of writing. Fewer than there are, once they make [`PAGE_BYTES`].
    async fn decisions(&self, query: &DecisionQuery) -> Result<Vec<(i64, Record)>, StoreError>;

    /// One decision.
    async fn decision(&self, id: &str) -> Result<Option<Record>, StoreError>;

    /// Actions, without their history.
    async fn actions(&self, query: &ActionQuery) -> Result<Vec<(i64, ActionStory)>, StoreError>;

    /// One action with its history.
    async fn action(&self, id: &str) -> Result<Option<ActionStory>, StoreError>;

    /// Does what somebody wants of an action.
    async fn order(&self, id: &str, order: Order, now: Timestamp) -> Result<Ordered, StoreError>;

    /// How many actions are due and dead.
    async fn depths(&self) -> Result<[(ActionState, u64); 2], StoreError>;

    /// Forgets what is older than it needs to be. Actions that are due or dead stay.
    async fn prune(&self, retention: &Retention, now: Timestamp) -> Result<(), StoreError>;
}

/// Opens the store that the configuration names.
pub async fn open(state: &State) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match state {
        State::Memory => memory(),
        State::Sqlite(path) => Arc::new(sqlite::Sqlite::open(path).await?),
    })
}

/// A store that is gone with the process.
pub fn memory() -> Arc<dyn Store> {
    Arc::new(memory::Memory::default())
}

/// A store that is gone with the process, in which a policy has these keys.
pub fn memory_with(policy: &str, keys: &BTreeMap<String, String>) -> Arc<dyn Store> {
    let store = memory::Memory::default();
    store.preset(policy, keys);
    Arc::new(store)
}

/// Whether a report, by when the image was looked at and when it came, takes the place of another one.
fn newest_wins(new: (Timestamp, Timestamp), known: (Timestamp, Timestamp)) -> bool {
    new >= known
}

/// When an entry written now is gone.
fn expiry(ttl: Option<Duration>, now: Timestamp) -> Option<Timestamp> {
    ttl.map(|ttl| now.saturating_add(ttl).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod contract;
