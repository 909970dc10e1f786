//! Group commit: one task writes, and everything that came in while it wrote goes into the next transaction, so that many
//! decisions share one wait for the disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::dispatch::Message;
use super::silent;
use crate::metrics::Metrics;
use crate::store::{Entries, Pending, Store, StoreError, Written};

/// Entries in one transaction.
const BATCH: usize = 512;
/// Decisions that may wait to be recorded: what a power failure can take, and what is kept while the state cannot be
/// written.
const BUFFER: usize = 4096;
/// How long to rest after a failure when nobody asks for anything.
const PAUSE: Duration = Duration::from_millis(500);

type Done = oneshot::Sender<Result<Written, StoreError>>;

/// Something to be written.
pub(super) struct Job {
    pub(super) entry: Entries,
    /// Whoever waits for it.
    pub(super) done: Option<Done>,
}

/// Takes what is to be written.
#[derive(Clone)]
pub(super) struct Committer {
    jobs: mpsc::Sender<Job>,
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
            failing: Arc::default(),
            metrics: Arc::clone(metrics),
        };
        let writer = Writer {
            store: Arc::clone(store),
            dispatcher: dispatcher.clone(),
            failing: Arc::clone(&committer.failing),
            metrics: Arc::clone(metrics),
            held: Vec::new(),
        };
        tokio::spawn(writer.run(waiting));
        committer
    }

    /// Writes an entry and waits until it is durable.
    pub(super) async fn write(&self, entry: Entries) -> Result<Written, StoreError> {
        let (done, written) = oneshot::channel();
        let ended = || StoreError::Unavailable("the host is stopping".to_owned());
        let job = Job {
            entry,
            done: Some(done),
        };
        self.jobs.send(job).await.map_err(|_| ended())?;
        written.await.map_err(|_| ended())?
    }

    /// Has an entry written soon. Waits where writing is slower than deciding; while nothing can be written, what does
    /// not fit is lost, and counted.
    pub(super) async fn record(&self, entry: Entries) {
        if !self.failing.load(Ordering::Relaxed) {
            let _ = self.jobs.send(silent(entry)).await;
        } else if self.jobs.try_send(silent(entry)).is_err() {
            self.metrics.unrecorded(1);
        }
    }

    /// Waits until what was taken so far has been tried.
    pub(super) async fn flush(&self) {
        // Whatever comes behind everything else; it changes nothing.
        let nothing = crate::model::Attempt {
            action: String::new(),
            started: Timestamp::UNIX_EPOCH,
            duration_ms: 0,
            state: crate::model::ActionState::Done,
            next: None,
            detail: String::new(),
        };
        let _ = self.write(Entries::Attempt(nothing)).await;
    }
}

struct Writer {
    store: Arc<dyn Store>,
    dispatcher: mpsc::UnboundedSender<Message>,
    failing: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
    /// Decisions that could not be written, and wait.
    held: Vec<Entries>,
}

impl Writer {
    async fn run(mut self, mut waiting: mpsc::Receiver<Job>) {
        let mut jobs = Vec::with_capacity(BATCH);
        loop {
            let taken = if self.held.is_empty() {
                waiting.recv_many(&mut jobs, BATCH).await
            } else {
                let next = waiting.recv_many(&mut jobs, BATCH);
                match tokio::time::timeout(PAUSE, next).await {
                    Ok(taken) => taken,
                    Err(_) => usize::MAX,
                }
            };
            if taken == 0 {
                return;
            }
            self.write(&mut jobs).await;
        }
    }

    /// Writes what is held and what is new, in one transaction.
    async fn write(&mut self, jobs: &mut Vec<Job>) {
        let mut entries = std::mem::take(&mut self.held);
        let old = entries.len();
        let mut done = Vec::with_capacity(jobs.len());
        // Whoever has given up has told so to others.
        let given_up = |job: &Job| job.done.as_ref().is_some_and(oneshot::Sender::is_closed);
        for job in jobs.drain(..).filter(|job| !given_up(job)) {
            entries.push(job.entry);
            done.push(job.done);
        }
        match self.store.write(&entries, Timestamp::now()).await {
            Ok(written) => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("the state can be written again");
                }
                self.tell(entries, written, old, done);
            }
            Err(error) => {
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "the state cannot be written");
                }
                self.metrics.commit_failed();
                self.keep(entries, old, done, &error);
            }
        }
    }

    fn tell(
        &self,
        entries: Vec<Entries>,
        written: Vec<Written>,
        old: usize,
        done: Vec<Option<Done>>,
    ) {
        let mut new = Vec::new();
        for (entry, written) in entries.into_iter().zip(&written) {
            if let (Entries::Decision(commit), Written::Kept(kept)) = (entry, written) {
                let mut places = kept.iter();
                for action in commit.actions {
                    // Both are in the order of the commit.
                    if let Some((_, seq)) = places.clone().next().filter(|(id, _)| *id == action.id)
                    {
                        places.next();
                        let due = action.since;
                        new.push(Pending {
                            seq: *seq,
                            attempts: 0,
                            due,
                            action,
                        });
                    }
                }
            }
        }
        if !new.is_empty() {
            let _ = self.dispatcher.send(Message::New(new));
        }
        for (done, written) in done.into_iter().zip(written.into_iter().skip(old)) {
            if let Some(done) = done {
                let _ = done.send(Ok(written));
            }
        }
    }

    /// Whoever waits is told; what nobody waits for is tried again.
    fn keep(
        &mut self,
        entries: Vec<Entries>,
        old: usize,
        done: Vec<Option<Done>>,
        error: &StoreError,
    ) {
        let nobody = (0..old).map(|_| None);
        for (entry, done) in entries.into_iter().zip(nobody.chain(done)) {
            match done {
                Some(done) => drop(done.send(Err(StoreError::Unavailable(error.to_string())))),
                None if self.held.len() < BUFFER => self.held.push(entry),
                None => self.metrics.unrecorded(1),
            }
        }
    }
}
