//! The border to the guests: the generated bindings, what a running guest can reach, and the one gate to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use wasmtime::ResourceLimiter;

use crate::data::Data;
use crate::grants::{Grant, Grants, Resource};
use crate::image::ImageName;
use crate::knowledge::Known;
use crate::model::{Condition, Event, EventImage, Finding, Level, LogLine, Outcome, Staged, Write};
use crate::outside::{CredentialsError, Outside};

use self::bindings::exports::touchstone::policy::guest as exported;
use self::bindings::touchstone::policy::types;

#[expect(missing_docs, reason = "generated from wit/, which is documented")]
pub mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "policy",
        imports: {
            "touchstone:policy/http.fetch": async | trappable,
            "touchstone:policy/store.get": async | trappable,
            "touchstone:policy/store.list": async | trappable,
            "touchstone:policy/store.compare-and-swap": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        trappable_error_type: { "touchstone:policy/types.error" => super::Refusal },
    });
}

/// What of a guest's log lines is kept from one evaluation.
const LOG_BYTES: usize = 16 << 10;
/// What one evaluation may stage, in bytes and in number.
const STAGED_BYTES: usize = 1 << 20;
const STAGED: usize = 1000;
/// The longest idempotency key.
const MAX_KEY: usize = 256;
/// A read that takes longer than all the time there is would end the guest; a little earlier, the guest gets to know.
const MARGIN: Duration = Duration::from_millis(20);

/// A host call that is not carried out: either an error that the guest gets to see, or the end of the guest.
#[derive(Debug)]
pub enum Refusal {
    /// The guest is told.
    Error(types::Error),
    /// The guest is stopped.
    Stop(Stop),
}

/// Why the host stopped a guest in the middle of a host call or a computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// `limits.calls` is used up.
    #[error("host call budget is spent")]
    Calls,
    /// `limits.time` is used up.
    #[error("computing time is spent")]
    Time,
    /// Something that exists only during `evaluate` was asked for elsewhere.
    #[error("there is no event and no time during configure: use them in evaluate")]
    NotEvaluating,
    /// The linker gave an interface that the grants do not cover; cannot happen.
    #[error("interface is not granted")]
    NotGranted,
}

impl From<Refusal> for wasmtime::Error {
    fn from(refusal: Refusal) -> wasmtime::Error {
        match refusal {
            Refusal::Stop(stop) => stop.into(),
            Refusal::Error(_) => Stop::NotGranted.into(),
        }
    }
}

impl From<types::Error> for Refusal {
    fn from(error: types::Error) -> Refusal {
        Refusal::Error(error)
    }
}

/// A request that makes no sense.
pub fn invalid(reason: String) -> Refusal {
    Refusal::Error(types::Error::Invalid(reason))
}

impl From<CredentialsError> for Refusal {
    fn from(error: CredentialsError) -> Refusal {
        let text = error.to_string();
        Refusal::Error(match error {
            CredentialsError::Unknown(_) => types::Error::NotFound(text),
            CredentialsError::Unusable { .. } => types::Error::Unavailable(text),
        })
    }
}

impl From<types::Condition> for Condition {
    fn from(condition: types::Condition) -> Condition {
        match condition {
            types::Condition::Always => Condition::Always,
            types::Condition::Allowed => Condition::Allowed,
            types::Condition::Denied => Condition::Denied,
        }
    }
}

impl From<Stop> for Refusal {
    fn from(stop: Stop) -> Refusal {
        Refusal::Stop(stop)
    }
}

/// What one evaluation is about. Absent while a policy is configured.
pub struct Evaluation {
    /// The event under judgement.
    pub event: Arc<Event>,
    /// The time that the guest sees.
    pub now: Timestamp,
    /// Whether what is staged can be carried out: neither in a dry run nor in monitor mode.
    pub real: bool,
    /// What is known of each of the event's images; nothing at all when no policy asks for evidence.
    pub known: Arc<[Option<Known>]>,
    /// Until when whoever asks needs the answer.
    pub deadline: Option<Instant>,
}

/// What a guest staged.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// Actions, in order.
    pub actions: Vec<Staged>,
    /// Changes of its keys, in order.
    pub writes: Vec<Write>,
}

/// What one running guest can reach. Lives as long as its instance.
pub struct Ctx {
    policy: Arc<str>,
    grants: Arc<Grants>,
    data: Arc<Data>,
    outside: Arc<Outside>,
    evaluation: Option<Evaluation>,
    deadline: Instant,
    effects: Effects,
    staged_bytes: usize,
    used: Vec<(Arc<Grant>, u32)>,
    calls: u64,
    max_calls: u64,
    log: Vec<LogLine>,
    log_bytes: usize,
    log_truncated: bool,
    reads: BTreeSet<String>,
    waiting_for: Option<String>,
    unreachable: bool,
    /// Memory limit.
    pub(crate) memory: MemoryLimit,
    /// Computing time.
    pub(crate) meter: Meter,
}

/// What [`Ctx`] is made from.
pub struct Reach {
    /// The policy's name.
    pub policy: Arc<str>,
    /// What the guest may use.
    pub grants: Arc<Grants>,
    /// The documents.
    pub data: Arc<Data>,
    /// Everything else.
    pub outside: Arc<Outside>,
    /// The event, when there is one.
    pub evaluation: Option<Evaluation>,
    /// How long it may take in all.
    pub wall: Duration,
    /// Host calls at most.
    pub max_calls: u64,
    /// Bytes of linear memory at most.
    pub max_memory: usize,
    /// Computing time at most.
    pub max_time: Duration,
}

/// What a guest left behind.
#[derive(Default)]
pub struct Traces {
    /// Lines logged.
    pub log: Vec<LogLine>,
    /// Whether lines were cut.
    pub log_truncated: bool,
    /// Host calls made.
    pub calls: u64,
    /// Paths of documents that were asked for.
    pub reads: BTreeSet<String>,
    /// Whether it was refused memory.
    pub memory_refused: bool,
    /// What outside it waits for.
    pub waiting_for: Option<String>,
    /// Whether something outside could not be reached.
    pub unreachable: bool,
    /// What it staged.
    pub effects: Effects,
}

impl Ctx {
    /// For one instance.
    pub fn new(reach: Reach) -> Ctx {
        Ctx {
            policy: reach.policy,
            grants: reach.grants,
            data: reach.data,
            outside: reach.outside,
            evaluation: reach.evaluation,
            deadline: Instant::now() + reach.wall,
            effects: Effects::default(),
            staged_bytes: 0,
            used: Vec::new(),
            calls: 0,
            max_calls: reach.max_calls,
            log: Vec::new(),
            log_bytes: 0,
            log_truncated: false,
            reads: BTreeSet::new(),
            waiting_for: None,
            unreachable: false,
            memory: MemoryLimit {
                max: reach.max_memory,
                refused: false,
            },
            meter: Meter::new(reach.max_time),
        }
    }

    /// The one gate. Every host call passes it before it does anything: it counts the call against the budget, looks
    /// whether the capability is granted for the resource, and uses the grant once.
    pub fn allow(
        &mut self,
        capability: &'static str,
        resource: Resource<'_>,
    ) -> Result<Arc<Grant>, Refusal> {
        if self.calls >= self.max_calls {
            return Err(Stop::Calls.into());
        }
        self.calls += 1;
        let found = self.grants.find(capability, &resource);
        let shown = || resource.to_string().chars().take(200).collect::<String>();
        let grant = match found {
            Ok(Some(grant)) => Arc::clone(grant),
            Ok(None) => {
                let shown = shown();
                let message = format!(
                    "{capability} {shown:?} is not granted (grants: {{ {capability}: [{shown:?}] }})"
                );
                self.write_log("warn", message.clone(), BTreeMap::new());
                return Err(types::Error::Denied(message).into());
            }
            Err(error) => return Err(invalid(format!("{:?}: {error}", shown()))),
        };
        self.spend(capability, &grant)?;
        Ok(grant)
    }

    /// Whether something that an allowed call came upon is granted, too.
    pub fn may(&self, capability: &str, resource: &Resource<'_>) -> bool {
        self.grants.permits(capability, resource)
    }

    /// Uses a grant once, if its budgets allow it.
    fn spend(&mut self, capability: &'static str, grant: &Arc<Grant>) -> Result<(), Refusal> {
        let exhausted = |often: u32, when: &str| {
            let text = format!(
                "{capability} {} is granted {often} times {when}",
                grant.pattern
            );
            Err(types::Error::Exhausted(text).into())
        };
        if self.evaluation.is_none() {
            return Ok(());
        }
        if let Some(most) = grant.per_decision {
            let at = self
                .used
                .iter()
                .position(|(used, _)| Arc::ptr_eq(used, grant));
            let at = at.unwrap_or_else(|| {
                self.used.push((Arc::clone(grant), 0));
                self.used.len() - 1
            });
            if let Some((_, times)) = self.used.get_mut(at) {
                if *times >= most {
                    return exhausted(most, "in a decision (perDecision)");
                }
                *times += 1;
            }
        }
        let real = self
            .evaluation
            .as_ref()
            .is_some_and(|evaluation| evaluation.real);
        // A read is real in every mode.
        let counts = real || capability == "http";
        if let Some(most) = grant.per_minute.filter(|_| counts) {
            let pattern = grant.pattern.to_string();
            if !self
                .outside
                .budgets
                .take(&self.policy, capability, &pattern, most)
            {
                return exhausted(most, "a minute (perMinute)");
            }
        }
        Ok(())
    }

    /// Stages an action, on the guest's terms.
    ///
    /// While the policy is configured, nothing is staged: what it means to do is only looked at.
    pub fn stage(&mut self, action: Staged) -> Result<(), Refusal> {
        if let Some(key) = &action.key
            && (key.is_empty() || key.len() > MAX_KEY || key.contains(char::is_control))
        {
            return Err(invalid(format!(
                "a key has 1 to {MAX_KEY} bytes and no control characters"
            )));
        }
        if self.evaluation.is_some() {
            self.weigh(action.request.len() + action.target.len() + 128)?;
            self.effects.actions.push(action);
        }
        Ok(())
    }

    /// Stages a change of a key.
    pub fn stage_write(&mut self, write: Write) -> Result<(), Refusal> {
        self.event()?;
        let value = write.value.as_ref().map_or(0, String::len);
        self.weigh(write.key.len() + value + 128)?;
        self.effects.writes.push(write);
        Ok(())
    }

    fn weigh(&mut self, bytes: usize) -> Result<(), Refusal> {
        let number = self.effects.actions.len() + self.effects.writes.len();
        if number >= STAGED || self.staged_bytes + bytes > STAGED_BYTES {
            let text = format!(
                "one decision stages at most {STAGED} actions and writes, of 1 MiB together"
            );
            return Err(types::Error::Exhausted(text).into());
        }
        self.staged_bytes += bytes;
        Ok(())
    }

    /// What this guest has done to its keys so far, in order.
    pub fn staged_writes(&self) -> &[Write] {
        &self.effects.writes
    }

    /// Takes the event away while the policy is configured: what `configure` sees and does must be the same wherever it
    /// runs.
    pub fn set_aside(&mut self) -> Option<Evaluation> {
        self.evaluation.take()
    }

    /// Gives the event back.
    pub fn begin(&mut self, evaluation: Option<Evaluation>) {
        self.evaluation = evaluation;
    }

    /// Everything outside.
    pub fn outside(&self) -> &Arc<Outside> {
        &self.outside
    }

    /// The policy's name.
    pub fn policy(&self) -> &Arc<str> {
        &self.policy
    }

    /// How long a host call may still wait.
    pub fn time_left(&self) -> Duration {
        self.deadline
            .saturating_duration_since(Instant::now() + MARGIN)
    }

    /// Waits for something outside, and remembers for what; that is not computing time.
    pub async fn wait<T>(&mut self, what: String, answer: impl Future<Output = T>) -> T {
        self.meter.pause();
        self.waiting_for = Some(what);
        let answer = answer.await;
        self.waiting_for = None;
        self.meter.resume();
        answer
    }

    /// The event; stops a guest that asks for it while it is configured.
    pub fn event(&self) -> Result<&Arc<Event>, Stop> {
        self.evaluation
            .as_ref()
            .map(|evaluation| &evaluation.event)
            .ok_or(Stop::NotEvaluating)
    }

    /// What is known of the event's images.
    pub fn known(&self) -> Result<&[Option<Known>], Stop> {
        self.evaluation
            .as_ref()
            .map(|evaluation| evaluation.known.as_ref())
            .ok_or(Stop::NotEvaluating)
    }

    /// The decision's time.
    pub fn time(&self) -> Result<Timestamp, Stop> {
        self.evaluation
            .as_ref()
            .map(|evaluation| evaluation.now)
            .ok_or(Stop::NotEvaluating)
    }

    /// Reads a document and, while the policy is configured, notes that it did.
    pub fn read_data(&mut self, path: &str) -> Option<String> {
        if self.evaluation.is_none() {
            self.reads.insert(path.to_owned());
        }
        self.data.get(path)
    }

    /// Keeps a line, as long as there is room.
    pub fn write_log(
        &mut self,
        level: &'static str,
        message: String,
        mut fields: BTreeMap<String, String>,
    ) {
        for (name, value) in &mut fields {
            if self.outside.masks(name) {
                "***".clone_into(value);
            }
        }
        let fields_size: usize = fields
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum();
        let size = 32 + message.len() + fields_size;
        if self.log_bytes + size > LOG_BYTES {
            self.log_truncated = true;
            return;
        }
        self.log_bytes += size;
        self.log.push(LogLine {
            level: level.into(),
            message,
            fields,
        });
    }

    /// Gives the guest its budgets anew, after it was configured.
    pub fn restart(&mut self, max_time: Duration, max_calls: u64) {
        (self.calls, self.max_calls) = (0, max_calls);
        self.meter = Meter::new(max_time);
    }

    /// Takes out what the guest left behind.
    pub fn traces(self) -> Traces {
        Traces {
            log: self.log,
            log_truncated: self.log_truncated,
            calls: self.calls,
            reads: self.reads,
            memory_refused: self.memory.refused,
            waiting_for: self.waiting_for,
            unreachable: self.unreachable,
            effects: self.effects,
        }
    }
}

/// Refuses growth beyond the limit, and remembers that it did.
pub struct MemoryLimit {
    max: usize,
    refused: bool,
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = desired <= self.max;
        self.refused |= !fits;
        Ok(fits)
    }

    /// The pool bounds tables already.
    fn table_growing(
        &mut self,
        _current: usize,
        _desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(true)
    }
}

/// How long a guest computed. What it waited for, its turn on a busy machine included, is not counted.
pub struct Meter {
    limit: Duration,
    used: Duration,
    since: Arc<Mark>,
}

/// The moment from which the present slice of computing counts; set again after each pause, on whatever thread goes on.
struct Mark(std::sync::Mutex<Option<Moment>>);

#[derive(Clone, Copy)]
struct Moment {
    /// What the thread has computed until then.
    computed: Duration,
    thread: std::thread::ThreadId,
}

impl Moment {
    fn now() -> Moment {
        Moment {
            computed: thread_time(),
            thread: std::thread::current().id(),
        }
    }
}

/// How long this thread has held a processor.
#[cfg(unix)]
fn thread_time() -> Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID)
        .map(Duration::from)
        .unwrap_or_default()
}

/// Where nobody tells what a thread computed, what passes counts.
#[cfg(not(unix))]
fn thread_time() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed()
}

impl Mark {
    /// Not set yet: what most guests compute in all is less than a tick, and asking what it was costs more than they do.
    fn later() -> Mark {
        Mark(std::sync::Mutex::new(None))
    }

    fn set(&self) {
        let mut mark = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *mark = Some(Moment::now());
    }

    /// What was computed since. A thread that took over without a pause has computed nothing of it that can be told.
    fn elapsed(&self) -> Duration {
        let mark = *self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // The first slice, up to a tick: it is free.
        let Some(mark) = mark else {
            return Duration::ZERO;
        };
        let now = Moment::now();
        if now.thread != mark.thread {
            return Duration::ZERO;
        }
        now.computed.saturating_sub(mark.computed)
    }
}

impl Meter {
    fn new(limit: Duration) -> Meter {
        Meter {
            limit,
            used: Duration::ZERO,
            since: Arc::new(Mark::later()),
        }
    }

    /// Waiting begins.
    fn pause(&mut self) {
        self.used += self.since.elapsed();
    }

    /// Waiting is over.
    fn resume(&self) {
        self.since.set();
    }

    /// Called at every tick that the guest computes through: ends it, or lets others have a turn.
    pub(crate) fn tick(&mut self) -> wasmtime::Result<wasmtime::UpdateDeadline> {
        self.used += self.since.elapsed();
        if self.used >= self.limit {
            return Err(Stop::Time.into());
        }
        let since = Arc::clone(&self.since);
        let turn = async move {
            tokio::task::yield_now().await;
            since.set();
        };
        Ok(wasmtime::UpdateDeadline::YieldCustom(1, Box::pin(turn)))
    }
}

// ---- WIT to model and back ----

impl types::Host for Ctx {
    fn convert_error(&mut self, refusal: Refusal) -> wasmtime::Result<types::Error> {
        match refusal {
            Refusal::Error(error) => {
                self.unreachable |= matches!(error, types::Error::Unavailable(_));
                Ok(error)
            }
            Refusal::Stop(stop) => Err(stop.into()),
        }
    }
}

impl From<&ImageName> for types::ImageName {
    fn from(name: &ImageName) -> types::ImageName {
        types::ImageName {
            registry: name.registry.clone(),
            repository: name.repository.clone(),
            tag: name.tag.clone(),
            digest: name.digest.clone(),
        }
    }
}

impl From<&EventImage> for types::Image {
    fn from(image: &EventImage) -> types::Image {
        types::Image {
            text: image.text.clone(),
            pointer: image.pointer.clone(),
            name: image
                .name
                .as_ref()
                .map(types::ImageName::from)
                .map_err(ToString::to_string),
        }
    }
}

impl From<&Event> for types::EventInfo {
    fn from(event: &Event) -> types::EventInfo {
        types::EventInfo {
            id: event.id.clone(),
            kind: event.kind.clone(),
            source: event.source.clone(),
            time: event.time.to_string(),
            subject: event.subject.clone(),
            namespace: event.namespace.clone(),
        }
    }
}

impl TryFrom<types::Finding> for Finding {
    type Error = String;

    fn try_from(finding: types::Finding) -> Result<Finding, String> {
        let types::Finding {
            id,
            level,
            severity,
            message,
            target,
            remedy,
            image,
            package,
            path,
            links,
            details,
        } = finding;
        let details = details.map(|text| match serde_json::from_str(&text) {
            Ok(details @ serde_json::Value::Object(_)) => Ok(details),
            _ => Err(format!("details of {id:?} are no JSON object")),
        });
        Ok(Finding {
            level: match level {
                types::Level::Info => Level::Info,
                types::Level::Warn => Level::Warn,
                types::Level::Deny => Level::Deny,
            },
            severity: severity.into(),
            message,
            target,
            remedy,
            image,
            package,
            path,
            links,
            details: details.transpose()?,
            waiver: None,
            id,
        })
    }
}

impl TryFrom<types::Outcome> for Outcome {
    type Error = String;

    fn try_from(outcome: types::Outcome) -> Result<Outcome, String> {
        let types::Outcome {
            findings,
            stop,
            patch,
            value,
        } = outcome;
        let value = value.map(|text| serde_json::from_str(&text)).transpose();
        let findings = findings.into_iter().map(Finding::try_from);
        Ok(Outcome {
            findings: findings.collect::<Result<_, _>>()?,
            stop,
            patch,
            value: value.map_err(|error| format!("the value is no JSON: {error}"))?,
        })
    }
}

/// What a module says about itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// The module's own name.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// One sentence.
    pub description: String,
    /// Event kinds that it understands; empty for all.
    pub kinds: Vec<String>,
    /// JSON Schema of its settings.
    pub settings_schema: serde_json::Value,
    /// Why it wants each capability.
    pub needs: BTreeMap<String, String>,
}

impl TryFrom<exported::Info> for Info {
    type Error = String;

    fn try_from(info: exported::Info) -> Result<Info, String> {
        let exported::Info {
            name,
            version,
            description,
            kinds,
            settings_schema,
            needs,
        } = info;
        let settings_schema = match settings_schema.as_str() {
            "" => serde_json::Value::Bool(true),
            text => serde_json::from_str(text)
                .map_err(|error| format!("settings-schema is not JSON: {error}"))?,
        };
        let needs = needs
            .into_iter()
            .map(|need| (need.capability, need.why))
            .collect();
        Ok(Info {
            name,
            version,
            description,
            kinds,
            settings_schema,
            needs,
        })
    }
}
