//! Which action is carried out when: so many at a time for each destination, not faster than it wants, again after a
//! pause when it failed, and in order where that was asked for. What does not fit in memory waits in the store.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::commit::Committer;
use super::record;
use crate::action::{Failure, Performers};
use crate::config::OutboxConfig;
use crate::metrics::Metrics;
use crate::model::{ActionState, Attempt};
use crate::store::{Pending, Store};

/// Actions of one line in memory, and their size together.
const HELD: usize = 4096;
const HELD_BYTES: usize = 16 << 20;
/// Actions fetched from the store at a time.
const FETCH: u32 = 256;
/// How long an action rests that must wait for an earlier one, unless that ends before.
const LANE_PAUSE: Duration = Duration::from_secs(2);
/// Attempts at a time, whatever the number of destinations: each has a connection or a process.
const PLACES: usize = 256;
/// The longest that an action of an earlier process rests, unless `outbox.most` is longer.
const LONGEST_REST: Duration = Duration::from_secs(3600);
/// How long to rest when the store cannot be read.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// What the dispatcher is told.
pub(super) enum Message {
    /// To be carried out; in the store already.
    New(Vec<Pending>),
    /// Not to be carried out any more.
    Forget(Box<Pending>),
    /// Tell when everything is over.
    Drained(oneshot::Sender<()>),
    /// Start nothing more, and tell when nothing runs.
    Stop(oneshot::Sender<()>),
}

/// What a task comes back with.
enum Event {
    /// An attempt was made; its place is free.
    Performed(Box<Pending>, Attempt),
    /// What came of it is durable.
    Recorded(Box<Pending>, ActionState),
    /// It has to rest first: an earlier one of its lane is still due, or the store could not say.
    Blocked(Box<Pending>, Duration),
    /// Due actions of a destination, and whether there are more; nothing, when the store could not be read.
    Fetched(String, Option<(Vec<Pending>, bool)>),
}

/// The actions of one destination.
#[derive(Default)]
struct Line {
    ready: VecDeque<Pending>,
    running: usize,
    /// Everything in memory, wherever it is, with its size.
    held: HashMap<i64, usize>,
    bytes: usize,
    /// Whether the store has some that are not held.
    more: bool,
    fetching: bool,
    /// Over since the fetching began: what is fetched may be older news.
    gone: HashSet<i64>,
    /// Not before, because of the rate.
    next: Option<Instant>,
}

impl Line {
    /// Whether no more fits.
    fn is_full(&self) -> bool {
        self.held.len() >= HELD || self.bytes >= HELD_BYTES
    }

    /// Holds an action; answers whether it is new.
    fn hold(&mut self, pending: &Pending) -> bool {
        let size = pending.action.request.len();
        let new = self.held.insert(pending.seq, size).is_none();
        if new {
            self.bytes += size;
        }
        new
    }

    /// It is not to be carried out any more, whatever a fetch that is under way says.
    fn release(&mut self, seq: i64) {
        self.bytes -= self.held.remove(&seq).unwrap_or_default();
        if self.fetching {
            self.gone.insert(seq);
        }
    }
}

/// An action that rests.
struct Resting {
    /// By a clock that nobody sets.
    until: Instant,
    pending: Pending,
}

impl PartialEq for Resting {
    fn eq(&self, other: &Resting) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Resting {}
impl PartialOrd for Resting {
    fn partial_cmp(&self, other: &Resting) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Resting {
    fn cmp(&self, other: &Resting) -> std::cmp::Ordering {
        (self.until, self.pending.seq).cmp(&(other.until, other.pending.seq))
    }
}

pub(super) struct Dispatcher {
    store: Arc<dyn Store>,
    performers: Arc<Performers>,
    metrics: Arc<Metrics>,
    committer: Committer,
    config: OutboxConfig,
    lines: HashMap<String, Line>,
    resting: BinaryHeap<Reverse<Resting>>,
    /// Destinations where something may start.
    look: BTreeSet<String>,
    /// Discarded while they ran.
    forgotten: HashSet<i64>,
    /// Wanted once more while they ran: whatever comes of the attempt, they are due.
    again: HashMap<i64, Pending>,
    places: Arc<Semaphore>,
    tasks: JoinSet<Event>,
    drained: Vec<oneshot::Sender<()>>,
    stopping: Option<oneshot::Sender<()>>,
    loaded: bool,
}

impl Dispatcher {
    pub(super) fn new(
        store: &Arc<dyn Store>,
        performers: Arc<Performers>,
        metrics: &Arc<Metrics>,
        committer: &Committer,
        config: OutboxConfig,
    ) -> Dispatcher {
        Dispatcher {
            store: Arc::clone(store),
            performers,
            metrics: Arc::clone(metrics),
            committer: committer.clone(),
            config,
            lines: HashMap::new(),
            resting: BinaryHeap::new(),
            look: BTreeSet::new(),
            forgotten: HashSet::new(),
            again: HashMap::new(),
            places: Arc::new(Semaphore::new(PLACES)),
            tasks: JoinSet::new(),
            drained: Vec::new(),
            stopping: None,
            loaded: false,
        }
    }

    pub(super) async fn run(mut self, mut messages: mpsc::UnboundedReceiver<Message>) {
        self.find_what_is_left().await;
        loop {
            let wake = self.start_what_can();
            if self.tell_who_waits() {
                return;
            }
            tokio::select! {
                message = messages.recv() => match message {
                    Some(message) => self.take(message),
                    None => return,
                },
                Some(done) = self.tasks.join_next() => match done {
                    Ok(event) => self.heard(event),
                    Err(error) => tracing::error!(%error, "a worker broke"),
                },
                () = sleep_until(wake) => {
                    if self.loaded { self.wake() } else { self.find_what_is_left().await }
                }
            }
        }
    }

    /// What an earlier process left.
    async fn find_what_is_left(&mut self) {
        match self.store.destinations().await {
            Ok(destinations) => {
                self.loaded = true;
                for destination in destinations {
                    self.lines.entry(destination.clone()).or_default().more = true;
                    self.look.insert(destination);
                }
            }
            Err(error) => tracing::warn!(%error, "the outbox cannot be read yet"),
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::New(pending) => pending.into_iter().for_each(|pending| self.add(pending)),
            Message::Forget(pending) => self.forget(&pending),
            Message::Drained(tell) => self.drained.push(tell),
            Message::Stop(tell) => self.stopping = Some(tell),
        }
    }

    /// Holds an action, unless there are too many.
    fn add(&mut self, pending: Pending) {
        let line = self
            .lines
            .entry(pending.action.destination.clone())
            .or_default();
        self.look.insert(pending.action.destination.clone());
        if line.held.contains_key(&pending.seq) {
            // Somebody wants it now: it is ready, rests, or is in the middle of an attempt.
            if take_out(&mut self.resting, pending.seq).is_some() {
                line.ready.push_back(pending);
            } else if !line.ready.iter().any(|ready| ready.seq == pending.seq) {
                self.forgotten.remove(&pending.seq);
                self.again.insert(pending.seq, pending);
            }
        } else if line.more || line.is_full() {
            line.more = true;
        } else {
            line.hold(&pending);
            line.ready.push_back(pending);
        }
    }

    fn forget(&mut self, pending: &Pending) {
        let Some(line) = self.lines.get_mut(&pending.action.destination) else {
            return;
        };
        let waiting = line.ready.len();
        line.ready.retain(|ready| ready.seq != pending.seq);
        let waited =
            line.ready.len() < waiting || take_out(&mut self.resting, pending.seq).is_some();
        if waited || !line.held.contains_key(&pending.seq) {
            line.release(pending.seq);
        } else {
            self.again.remove(&pending.seq);
            self.forgotten.insert(pending.seq);
        }
        self.look.insert(pending.action.destination.clone());
        if let Some(lane) = &pending.action.lane {
            self.wake_lane(lane);
        }
    }

    /// Starts everything that may start now; answers when something else may.
    fn start_what_can(&mut self) -> Option<Instant> {
        let mut wake = (!self.loaded).then(|| Instant::now() + STORE_PAUSE);
        let look = std::mem::take(&mut self.look);
        if self.stopping.is_some() {
            return None;
        }
        for destination in look {
            if let Some(later) = self.start_line(&destination) {
                self.look.insert(destination);
                wake = Some(wake.map_or(later, |wake| wake.min(later)));
            }
        }
        if let Some(Reverse(first)) = self.resting.peek() {
            wake = Some(wake.map_or(first.until, |wake| wake.min(first.until)));
        }
        wake
    }

    /// Starts what may start of a destination; answers when more may, if its rate is all that stands in the way.
    fn start_line(&mut self, destination: &str) -> Option<Instant> {
        let line = self.lines.get_mut(destination)?;
        let most = self.config.concurrency.get() as usize;
        let mut later = None;
        while line.running < most && !line.ready.is_empty() {
            let now = Instant::now();
            if let Some(next) = line.next.filter(|next| *next > now) {
                later = Some(next);
                break;
            }
            if let Some(rate) = self.config.rate {
                line.next = Some(now + Duration::from_secs(1) / rate.get());
            }
            let Some(pending) = line.ready.pop_front() else {
                break;
            };
            line.running += 1;
            let (store, performers) = (Arc::clone(&self.store), Arc::clone(&self.performers));
            let (places, config) = (Arc::clone(&self.places), self.config);
            self.tasks.spawn(async move {
                let _place = places.acquire().await;
                attempt(store, performers, config, pending).await
            });
        }
        if line.more && !line.fetching && line.ready.len() < most * 4 && !line.is_full() {
            (line.fetching, line.more) = (true, false);
            let (store, destination) = (Arc::clone(&self.store), destination.to_owned());
            // Those that are held are due, too, and must not hide the others.
            let limit = FETCH + u32::try_from(line.held.len()).unwrap_or_default();
            self.tasks.spawn(async move {
                let due = store.due(&destination, 0, limit).await;
                let due =
                    due.inspect_err(|error| tracing::warn!(%error, "due actions cannot be read"));
                if due.is_err() {
                    tokio::time::sleep(STORE_PAUSE).await;
                }
                let fetched = due.ok().map(|due| {
                    let more = due.len() >= limit as usize;
                    (due, more)
                });
                Event::Fetched(destination, fetched)
            });
        }
        if line.held.is_empty() && !line.more && !line.fetching && line.running == 0 {
            self.lines.remove(destination);
        }
        later
    }

    fn heard(&mut self, event: Event) {
        match event {
            Event::Performed(pending, made) => {
                self.metrics.attempted(&pending.action.kind, made.state);
                self.free(&pending);
                let committer = self.committer.clone();
                self.tasks.spawn(async move {
                    let (state, next) = (made.state, made.next);
                    record(committer, made).await;
                    let mut pending = pending;
                    pending.attempts += 1;
                    pending.due = next.unwrap_or(pending.due);
                    Event::Recorded(pending, state)
                });
            }
            Event::Recorded(pending, _) if self.again.contains_key(&pending.seq) => {
                if let Some(pending) = self.again.remove(&pending.seq) {
                    self.ready(pending);
                }
            }
            Event::Recorded(pending, ActionState::Due) => self.rest(*pending),
            Event::Recorded(pending, _) => {
                self.forgotten.remove(&pending.seq);
                self.over(&pending);
            }
            Event::Blocked(mut pending, pause) => {
                self.free(&pending);
                let until = Timestamp::now().saturating_add(pause);
                pending.due = until.unwrap_or(Timestamp::MAX);
                self.rest(*pending);
            }
            Event::Fetched(destination, fetched) => self.fetched(&destination, fetched),
        }
    }

    fn fetched(&mut self, destination: &str, fetched: Option<(Vec<Pending>, bool)>) {
        self.look.insert(destination.to_owned());
        let Some(line) = self.lines.get_mut(destination) else {
            return;
        };
        line.fetching = false;
        let gone = std::mem::take(&mut line.gone);
        let Some((fetched, more)) = fetched else {
            line.more = true;
            return;
        };
        line.more |= more;
        let now = Timestamp::now();
        for pending in fetched
            .into_iter()
            .filter(|pending| !gone.contains(&pending.seq))
        {
            if line.is_full() {
                line.more = true;
                break;
            }
            if !line.hold(&pending) {
                continue;
            }
            if pending.due <= now {
                line.ready.push_back(pending);
            } else {
                // Written by a clock that may have been set back since.
                let longest = self.config.most.max(LONGEST_REST);
                let until = Instant::now() + left(pending.due).min(longest);
                self.resting.push(Reverse(Resting { until, pending }));
            }
        }
    }

    /// Its place can be taken by another.
    fn free(&mut self, pending: &Pending) {
        if let Some(line) = self.lines.get_mut(&pending.action.destination) {
            line.running = line.running.saturating_sub(1);
        }
        self.look.insert(pending.action.destination.clone());
    }

    fn rest(&mut self, pending: Pending) {
        if self.forgotten.remove(&pending.seq) {
            return self.over(&pending);
        }
        let until = Instant::now() + left(pending.due);
        self.resting.push(Reverse(Resting { until, pending }));
    }

    /// It is done, or given up.
    fn over(&mut self, pending: &Pending) {
        if let Some(line) = self.lines.get_mut(&pending.action.destination) {
            line.release(pending.seq);
        }
        self.look.insert(pending.action.destination.clone());
        if let Some(lane) = &pending.action.lane {
            self.wake_lane(lane);
        }
    }

    /// The first that rests in a lane may be next.
    fn wake_lane(&mut self, lane: &str) {
        let of_lane = |resting: &&Reverse<Resting>| {
            let pending = &resting.0.pending;
            pending.attempts == 0 && pending.action.lane.as_deref() == Some(lane)
        };
        let first = self
            .resting
            .iter()
            .filter(of_lane)
            .map(|resting| resting.0.pending.seq)
            .min();
        let Some(first) = first else { return };
        if let Some(pending) = take_out(&mut self.resting, first) {
            self.ready(pending);
        }
    }

    fn ready(&mut self, pending: Pending) {
        self.look.insert(pending.action.destination.clone());
        let line = self
            .lines
            .entry(pending.action.destination.clone())
            .or_default();
        line.ready.push_back(pending);
    }

    /// Those that have rested enough.
    fn wake(&mut self) {
        let now = Instant::now();
        while self
            .resting
            .peek()
            .is_some_and(|Reverse(first)| first.until <= now)
        {
            if let Some(Reverse(resting)) = self.resting.pop() {
                self.ready(resting.pending);
            }
        }
    }

    /// Answers whether this is the end.
    fn tell_who_waits(&mut self) -> bool {
        if !self.drained.is_empty()
            && self.loaded
            && self
                .lines
                .values()
                .all(|line| line.held.is_empty() && !line.more)
        {
            for tell in self.drained.drain(..) {
                let _ = tell.send(());
            }
        }
        match self.stopping.take() {
            Some(tell) if self.tasks.is_empty() => {
                let _ = tell.send(());
                true
            }
            stopping => {
                self.stopping = stopping;
                false
            }
        }
    }
}

/// An action that rests, wherever it is among the others.
fn take_out(resting: &mut BinaryHeap<Reverse<Resting>>, seq: i64) -> Option<Pending> {
    let mut all = std::mem::take(resting).into_vec();
    let found = all
        .iter()
        .position(|Reverse(resting)| resting.pending.seq == seq);
    let found = found.map(|index| all.swap_remove(index).0.pending);
    *resting = all.into();
    found
}

/// How long it is until then.
fn left(due: Timestamp) -> Duration {
    let left = due.duration_since(Timestamp::now());
    Duration::try_from(left).unwrap_or(Duration::ZERO)
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

/// Carries an action out, unless an earlier one of its lane has to come first.
async fn attempt(
    store: Arc<dyn Store>,
    performers: Arc<Performers>,
    config: OutboxConfig,
    pending: Pending,
) -> Event {
    if let Some(lane) = &pending.action.lane {
        match store.earlier(lane, pending.seq).await {
            Ok(false) => {}
            Ok(true) => return Event::Blocked(Box::new(pending), LANE_PAUSE),
            Err(_) => return Event::Blocked(Box::new(pending), STORE_PAUSE),
        }
    }
    let started = Timestamp::now();
    let result = performers.perform(&pending.action).await;
    let ended = Timestamp::now();
    let took = ended.duration_since(started);
    let (state, next, detail) = match result {
        Ok(detail) => (ActionState::Done, None, detail),
        Err(Failure::Final(reason)) => (ActionState::Dead, None, reason),
        Err(Failure::Passing { reason, after }) => {
            // The last attempt is at the end of its time, however long the pause would be.
            let end = pending.action.since.saturating_add(config.max_age);
            let end = end.unwrap_or(Timestamp::MAX);
            let pause = pause(&config, pending.attempts, after);
            let next = ended
                .saturating_add(pause)
                .unwrap_or(Timestamp::MAX)
                .min(end);
            if ended >= end {
                let limit = humantime::format_duration(config.max_age);
                let reason = format!("given up after {limit} (outbox.maxAge): {reason}");
                (ActionState::Dead, None, reason)
            } else {
                (ActionState::Due, Some(next), reason)
            }
        }
    };
    if state == ActionState::Dead {
        tracing::warn!(action = pending.action.id, kind = pending.action.kind, reason = ?detail, "an action is given up");
    }
    let made = Attempt {
        action: pending.action.id.clone(),
        started,
        duration_ms: u64::try_from(took.as_millis()).unwrap_or_default(),
        state,
        next,
        detail,
    };
    Event::Performed(Box::new(pending), made)
}

/// Twice as long with each failure, up to a limit, and somewhere between half and all of it, so that those that failed
/// together do not come back together.
fn pause(config: &OutboxConfig, attempts: u32, after: Option<Duration>) -> Duration {
    let doubled = config
        .first
        .saturating_mul(2_u32.saturating_pow(attempts.min(30)));
    let whole = doubled.min(config.most);
    let jittered = whole.mul_f64(rand::random_range(0.5..=1.0));
    jittered.max(after.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit() {
        let config = OutboxConfig {
            first: Duration::from_secs(1),
            most: Duration::from_secs(60),
            ..OutboxConfig::default()
        };
        for (attempts, whole) in [(0, 1), (1, 2), (5, 32), (6, 60), (40, 60), (u32::MAX, 60)] {
            let pause = pause(&config, attempts, None);
            let whole = Duration::from_secs(whole);
            assert!(
                pause >= whole / 2 && pause <= whole,
                "{attempts}: {pause:?}"
            );
        }
        assert_eq!(
            pause(&config, 0, Some(Duration::from_secs(100))),
            Duration::from_secs(100)
        );
    }
}
