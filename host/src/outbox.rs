//! The outbox: decisions are committed together with the actions that they cause, and actions are carried out until they
//! are done or given up, whatever happens to the process meanwhile.

mod commit;
mod dispatch;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::action::Performers;
use crate::config::{Audit, OutboxConfig, Retention};
use crate::metrics::Metrics;
use crate::model::Attempt;
use crate::outside::Outside;
use crate::store::{Commit, Entries, Order, Ordered, Store, StoreError, Written};

use self::commit::Committer;
use self::dispatch::{Dispatcher, Message};

/// How often the state is looked through for what is old.
const PRUNE_TIME: Duration = Duration::from_secs(60);
/// How long a decision waits for its turn to be written before it is refused.
const COMMIT_TIME: Duration = Duration::from_secs(5);

/// Where decisions go.
pub struct Outbox {
    store: Arc<dyn Store>,
    audit: Audit,
    committer: Committer,
    dispatcher: mpsc::UnboundedSender<Message>,
}

/// Why a decision was not committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// A key that it depends on has changed meanwhile.
    #[error("a key that the decision depends on was changed meanwhile")]
    Conflict,
    /// Somebody else has decided the event meanwhile.
    #[error("the event is decided already")]
    Seen,
    /// The state cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Outbox {
    /// Starts the workers; what an earlier process left is carried out, too. Needs a runtime.
    pub fn start(
        outside: &Arc<Outside>,
        metrics: &Arc<Metrics>,
        audit: Audit,
        config: OutboxConfig,
    ) -> Outbox {
        let store = Arc::clone(&outside.store);
        let (dispatcher, messages) = mpsc::unbounded_channel();
        let committer = Committer::start(&store, metrics, &dispatcher);
        let performers = Arc::new(Performers::new(Arc::clone(outside), config.timeout));
        let dispatching = Dispatcher::new(&store, performers, metrics, &committer, config);
        tokio::spawn(dispatching.run(messages));
        Outbox {
            store,
            audit,
            committer,
            dispatcher,
        }
    }

    /// Commits a decision with all that it causes. When this returns, that is durable; only a decision that causes
    /// nothing, and whose event nobody has to know again, is kept a little later.
    pub async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        let causes =
            !commit.actions.is_empty() || !commit.writes.is_empty() || commit.seen.is_some();
        let entry = Entries::Decision(Box::new(commit));
        if !causes && self.audit == Audit::Buffered {
            self.committer.record(entry).await;
            return Ok(());
        }
        match self.committer.write(entry, COMMIT_TIME).await? {
            Written::Kept(_) => Ok(()),
            Written::Conflict => Err(CommitError::Conflict),
            Written::Seen => Err(CommitError::Seen),
        }
    }

    /// Does what somebody wants of an action.
    pub async fn order(&self, id: &str, order: Order) -> Result<Ordered, StoreError> {
        let ordered = self.store.order(id, order, Timestamp::now()).await?;
        if let Ordered::Done(pending) = &ordered {
            let pending = pending.clone();
            let message = match order {
                Order::Retry => Message::New(vec![*pending]),
                Order::Discard => Message::Forget(pending),
            };
            self.send(message);
        }
        Ok(ordered)
    }

    /// Waits until every action is over.
    pub async fn drained(&self) {
        let (tell, told) = oneshot::channel();
        self.send(Message::Drained(tell));
        let _ = told.await;
    }

    /// Starts nothing more, waits for what runs, and writes what is still in memory. What is left is carried out by the
    /// next process.
    pub async fn stop(&self, grace: Duration) {
        let (tell, told) = oneshot::channel();
        self.send(Message::Stop(tell));
        if tokio::time::timeout(grace, told).await.is_err() {
            tracing::warn!("some actions did not finish in time; they will be tried again");
        }
        self.committer.flush().await;
    }

    /// Forgets what is older than the configuration says, from time to time.
    pub async fn prune(&self, retention: impl Fn() -> Retention) {
        loop {
            tokio::time::sleep(PRUNE_TIME).await;
            if let Err(error) = self.store.prune(&retention(), Timestamp::now()).await {
                tracing::warn!(%error, "old decisions were not forgotten");
            }
        }
    }

    fn send(&self, message: Message) {
        // The dispatcher lives as long as this.
        let _ = self.dispatcher.send(message);
    }
}

/// Writes what came of an attempt, however long that takes: an action that was carried out must not look as if it was not.
async fn record(committer: Committer, attempt: Attempt) {
    const PAUSE: Duration = Duration::from_millis(500);
    let entry = || Entries::Attempt(attempt.clone());
    while let Err(error) = committer.write(entry(), COMMIT_TIME).await {
        tracing::warn!(%error, action = attempt.action, "an attempt is not recorded yet");
        tokio::time::sleep(PAUSE).await;
    }
}
