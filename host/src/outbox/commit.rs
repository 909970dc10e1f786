//! Group commit: one task writes, and everything that came in while it wrote goes into the next transaction, so that many
//! decisions share one wait for the disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, mpsc, oneshot};

use super::dispatch::Message;
use crate::metrics::Metrics;
use crate::store::{Entries, Pending, Store, StoreError, Written};

/// Entries in one transaction.
const BATCH: usize = 512;
/// Decisions that may wait to be recorded: what a power failure can take, and what is kept while the state cannot be
/// written.
const BUFFER: usize = 4096;
/// How long decisions that nobody waits for are gathered: a transaction for each few of them would cost a tenth of what
/// deciding does.
const LINGER: Duration = Duration::from_millis(20);
/// How long to rest after a failure when nobody asks for anything.
const PAUSE: Duration = Duration::from_millis(500);

type Done = oneshot::Sender<Result<Written, StoreError>>;

/// What the writer is asked for.
enum Job {
    /// To write this, and to tell whoever waits for it.
    Write(Entries, Option<Waiter>),
    /// To tell when everything before is written, or has failed.
    Flush(oneshot::Sender<()>),
}

impl Job {
    /// Whether somebody waits for it.
    fn is_urgent(&self) -> bool {
        !matches!(self, Job::Write(_, None))
    }
}

/// Somebody who waits for an entry.
struct Waiter {
    done: Done,
    turn: Arc<Turn>,
}

/// Whose turn it is: whoever waits may give up only what is not being written, so that nobody is told that nothing
/// happened when it does.
#[derive(Default)]
struct Turn(AtomicBool);

impl Turn {
    /// Takes the entry to write it, or away from being written; only one of both can.
    fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// Takes what is to be written.
#[derive(Clone)]
pub(super) struct Committer {
    jobs: mpsc::Sender<Job>,
    /// Told when somebody waits.
    urgent: Arc<Notify>,
    failing: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
}

impl Committer {
    pub(super) fn start(
        store: &Arc<dyn Store>,
        metrics: &Arc<Metrics>,
        dispatcher: &mpsc::UnboundedSender<Message>,
    ) -> Committer {
        let (jobs, waiting) = mpsc::channel(BUFFER);
        let committer = Committer {
            jobs,
            urgent: Arc::default(),
            failing: Arc::default(),
            metrics: Arc::clone(metrics),
        };
        let writer = Writer {
            store: Arc::clone(store),
            dispatcher: dispatcher.clone(),
            urgent: Arc::clone(&committer.urgent),
            failing: Arc::clone(&committer.failing),
            metrics: Arc::clone(metrics),
            held: Vec::new(),
        };
        tokio::spawn(writer.run(waiting));
        committer
    }

    /// Writes an entry and waits until it is durable; when its turn has not come after `patience`, it is not written.
    pub(super) async fn write(
        &self,
        entry: Entries,
        patience: Duration,
    ) -> Result<Written, StoreError> {
        let (done, mut written) = oneshot::channel();
        let ended = || StoreError::Unavailable("the host is stopping".to_owned());
        let turn = Arc::new(Turn::default());
        let waiter = Waiter {
            done,
            turn: Arc::clone(&turn),
        };
        let outcome = async {
            let job = Job::Write(entry, Some(waiter));
            self.jobs.send(job).await.map_err(|_| ended())?;
            self.urgent.notify_one();
            (&mut written).await.map_err(|_| ended())?
        };
        match tokio::time::timeout(patience, outcome).await {
            Ok(outcome) => outcome,
            Err(_) if turn.take() => {
                let limit = humantime::format_duration(patience);
                Err(StoreError::Unavailable(format!(
                    "it is not written within {limit}"
                )))
            }
            Err(_) => written.await.map_err(|_| ended())?,
        }
    }

    /// Has an entry written soon. Waits where writing is slower than deciding; while nothing can be written, what does
    /// not fit is lost, and counted.
    pub(super) async fn record(&self, entry: Entries) {
        if !self.failing.load(Ordering::Relaxed) {
            let _ = self.jobs.send(Job::Write(entry, None)).await;
        } else if self.jobs.try_send(Job::Write(entry, None)).is_err() {
            self.metrics.unrecorded(1);
        }
    }

    /// Waits until what was taken so far is written, or has failed.
    pub(super) async fn flush(&self) {
        let (tell, told) = oneshot::channel();
        if self.jobs.send(Job::Flush(tell)).await.is_ok() {
            self.urgent.notify_one();
            let _ = told.await;
        }
    }
}

/// Decisions that are nearly made are waited for: they share the wait for the disk, which is longer. Nothing is lost where
/// there are none, since giving way costs nothing then.
async fn gather(waiting: &mut mpsc::Receiver<Job>, jobs: &mut Vec<Job>) {
    let mut before = 0;
    while before < jobs.len() && jobs.len() < BATCH {
        before = jobs.len();
        tokio::task::yield_now().await;
        while jobs.len() < BATCH
            && let Ok(job) = waiting.try_recv()
        {
            jobs.push(job);
        }
    }
}

struct Writer {
    store: Arc<dyn Store>,
    dispatcher: mpsc::UnboundedSender<Message>,
    urgent: Arc<Notify>,
    failing: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
    /// Decisions that could not be written, and wait.
    held: Vec<Entries>,
}

impl Writer {
    async fn run(mut self, mut waiting: mpsc::Receiver<Job>) {
        let mut jobs = Vec::with_capacity(BATCH);
        loop {
            let next = waiting.recv_many(&mut jobs, BATCH);
            // What is held is tried again, even if nobody asks for anything.
            let taken = if self.held.is_empty() {
                Ok(next.await)
            } else {
                tokio::time::timeout(PAUSE, next).await
            };
            if matches!(taken, Ok(0)) {
                return;
            }
            if !jobs.iter().any(Job::is_urgent) {
                // A notice that is older than these jobs ends it at once, which does no harm.
                let _ = tokio::time::timeout(LINGER, self.urgent.notified()).await;
            }
            gather(&mut waiting, &mut jobs).await;
            self.write(&mut jobs).await;
        }
    }

    /// Writes what is held and what is new, in one transaction.
    async fn write(&mut self, jobs: &mut Vec<Job>) {
        let mut entries = std::mem::take(&mut self.held);
        let mut done: Vec<Option<Done>> = entries.iter().map(|_| None).collect();
        let mut flushed = Vec::new();
        for job in jobs.drain(..) {
            match job {
                // Whoever has given up has told so to others.
                Job::Write(_, Some(waiter)) if !waiter.turn.take() => {}
                Job::Write(entry, waiter) => {
                    entries.push(entry);
                    done.push(waiter.map(|waiter| waiter.done));
                }
                Job::Flush(tell) => flushed.push(tell),
            }
        }
        if !entries.is_empty() {
            self.transact(entries, done).await;
        }
        for tell in flushed {
            let _ = tell.send(());
        }
    }

    async fn transact(&mut self, entries: Vec<Entries>, done: Vec<Option<Done>>) {
        match self.store.write(&entries, Timestamp::now()).await {
            Ok(written) => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("the state can be written again");
                }
                self.tell(entries, written, done);
            }
            Err(error) => {
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "the state cannot be written");
                }
                self.metrics.commit_failed();
                self.keep(entries, done, &error);
            }
        }
    }

    /// Hands what is due to the dispatcher, and then tells whoever waits.
    fn tell(&self, entries: Vec<Entries>, written: Vec<Written>, done: Vec<Option<Done>>) {
        let mut new = Vec::new();
        for (entry, written) in entries.into_iter().zip(&written) {
            if let (Entries::Decision(commit), Written::Kept(kept)) = (entry, written) {
                // Both are in the order of the commit; what was known already is left out of `kept`.
                let mut places = kept.iter().peekable();
                for action in commit.actions {
                    if let Some((_, seq)) = places.next_if(|(id, _)| *id == action.id) {
                        new.push(Pending {
                            seq: *seq,
                            attempts: 0,
                            due: action.since,
                            action,
                        });
                    }
                }
            }
        }
        if !new.is_empty() {
            let _ = self.dispatcher.send(Message::New(new));
        }
        for (done, written) in done.into_iter().zip(written) {
            if let Some(done) = done {
                let _ = done.send(Ok(written));
            }
        }
    }

    /// Whoever waits is told; what nobody waits for is tried again.
    fn keep(&mut self, entries: Vec<Entries>, done: Vec<Option<Done>>, error: &StoreError) {
        for (entry, done) in entries.into_iter().zip(done) {
            match done {
                Some(done) => drop(done.send(Err(StoreError::Unavailable(error.to_string())))),
                None if self.held.len() < BUFFER => self.held.push(entry),
                None => self.metrics.unrecorded(1),
            }
        }
    }
}
