//! The story of one decision.

mod effects;
mod last_known;
mod patch;
mod queue;

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use uuid::Uuid;

use crate::config::PoolConfig;
use crate::generation::{Generation, Generations, Member, State};
use crate::guest::{Effects, Evaluation};
use crate::knowledge::{KeepError, Known};
use crate::metrics::Metrics;
use crate::model::{
    Decision, Event, EventSummary, Exemption, Explain, Fault, Finding, KnownImage, LastKnown, Mode,
    Outcome, PolicyDecision, PolicyVerdict, Verdict,
};
use crate::outbox::{CommitError, Outbox};
use crate::outside::Outside;
use crate::policy::Run;
use crate::store::{Seen, StoreError};
use crate::waiver::{self, Waivers};

use self::effects::{StagedBy, commit, plan};
use self::last_known::{Answers, Asked};
use self::patch::Patches;
use self::queue::{Overloaded, Queue};

pub use self::queue::Priority;

/// How often a decision is made anew because a key that it depends on was changed meanwhile.
const MAX_CONFLICTS: usize = 10;

/// Decides events, with whatever generation is active when each comes in.
pub struct Decider {
    generations: Arc<Generations>,
    metrics: Arc<Metrics>,
    outbox: Arc<Outbox>,
    outside: Arc<Outside>,
    queue: Arc<Queue>,
    answers: Answers,
}

/// Why there is no decision.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// All instances are taken, and either the queue is full or the wait was too long.
    #[error("all instances are taken: try again later, or raise pool.instances")]
    Overloaded,
    /// There is no policy of that name.
    #[error("there is no policy {0:?}")]
    NoSuchPolicy(String),
    /// Nothing is loaded, so that nothing could be found.
    #[error("there is no policy at all: name folders that hold some")]
    NoPolicies,
    /// Nothing is loaded yet.
    #[error("the first generation of policies is still being built")]
    NotReady,
    /// The decision cannot be kept, and so neither can what it would cause.
    #[error("nothing was decided: {0}")]
    Store(#[from] StoreError),
    /// The host lacks something that it needs for running a policy.
    #[error("nothing was decided: {0}")]
    Host(String),
    /// Somebody else was faster with the same event.
    #[error("the event is decided already")]
    Seen,
    /// Other decisions were always faster.
    #[error("nothing was decided: others changed the same keys all the time")]
    Conflict,
}

/// What the caller of a decision may choose.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Ask only this policy, whatever it matches.
    pub policy: Option<String>,
    /// Only say what would happen.
    pub dry_run: bool,
    /// When it is; now, if not given.
    pub now: Option<Timestamp>,
    /// Remember that this event was decided, together with the decision; it is durable then.
    pub seen: Option<Seen>,
    /// Judge the reports that the event is, but do not keep them: whoever asks may not write.
    pub forget: bool,
    /// Who is served first when there is more than can be decided at a time.
    pub priority: Priority,
    /// Until when the answer is needed; what policies have not said by then, they cannot decide.
    pub deadline: Option<Instant>,
    /// Ask no policy at all, for this reason.
    pub exempt: Option<Exemption>,
}

impl Decider {
    /// With the limits of a pool.
    pub fn new(
        generations: Arc<Generations>,
        metrics: Arc<Metrics>,
        outbox: Arc<Outbox>,
        outside: Arc<Outside>,
        pool: &PoolConfig,
    ) -> Decider {
        Decider {
            generations,
            metrics,
            outbox,
            outside,
            queue: Queue::new(
                pool.instances.get() as usize,
                pool.queue as usize,
                pool.wait,
            ),
            answers: Answers::default(),
        }
    }

    /// Decides one event: every matching policy judges it, the worst verdict counts, and what follows from it is
    /// committed together with it.
    pub async fn decide(
        &self,
        mut event: Event,
        options: &Options,
    ) -> Result<Decision, DecideError> {
        let own = if options.dry_run || options.forget || event.evidence.is_empty() {
            Vec::new()
        } else {
            self.keep(&mut event).await?
        };
        let event = Arc::new(event);
        if let Some(exemption) = &options.exempt {
            return Ok(self.exempt(&event, exemption, options));
        }
        for _ in 0..MAX_CONFLICTS {
            let (mut decision, staged) = self.judge(&event, &own, options).await?;
            let (due, writes) = plan(&mut decision, staged, &event);
            if !options.dry_run {
                let commit = commit(&decision, due, writes, options.seen.clone());
                match self.outbox.commit(commit).await {
                    Ok(()) => {}
                    Err(CommitError::Conflict) => continue,
                    Err(CommitError::Seen) => return Err(DecideError::Seen),
                    Err(CommitError::Store(error)) => return Err(error.into()),
                }
            }
            self.metrics.record(&decision);
            return Ok(decision);
        }
        Err(DecideError::Conflict)
    }

    /// Lets an event pass without asking anybody, whatever state the host is in.
    fn exempt(&self, event: &Event, exemption: &Exemption, options: &Options) -> Decision {
        let generation = self.generations.current();
        let generation = generation
            .as_ref()
            .map_or("none", |generation| generation.id());
        let mut decision = open(event, generation, options);
        decision.exempt = Some(exemption.clone());
        let reason = exemption.to_string();
        tracing::info!(event = ?event.id, ?reason, "exempt");
        if !options.dry_run {
            let commit = commit(&decision, Vec::new(), Vec::new(), options.seen.clone());
            let (outbox, id) = (Arc::clone(&self.outbox), event.id.clone());
            // Whether it can be kept must not matter to who asks.
            tokio::spawn(async move {
                if let Err(error) = outbox.commit(commit).await {
                    tracing::warn!(event = ?id, %error, "an exemption is not in the log");
                }
            });
        }
        self.metrics.record(&decision);
        decision
    }

    /// Keeps the reports that the event is; answers the digests under which they are kept. What cannot be kept is judged
    /// all the same.
    async fn keep(&self, event: &mut Event) -> Result<Vec<String>, DecideError> {
        match self.outside.knowledge.keep(&mut event.evidence).await {
            Ok(kept) => Ok(kept.into_iter().map(|kept| kept.digest).collect()),
            Err(KeepError::NoImage) => Ok(Vec::new()),
            Err(KeepError::Store(error @ StoreError::TooManyReports { .. })) => {
                tracing::warn!(event = ?event.id, %error, "a report is judged, but not kept");
                Ok(Vec::new())
            }
            Err(KeepError::Store(error)) => Err(error.into()),
        }
    }

    /// What the policies say. Nothing has happened yet.
    async fn judge(
        &self,
        event: &Arc<Event>,
        own: &[String],
        options: &Options,
    ) -> Result<(Decision, Vec<StagedBy>), DecideError> {
        let generation = self.generations.current().ok_or(DecideError::NotReady)?;
        if generation.members().is_empty() {
            return Err(DecideError::NoPolicies);
        }
        let place = self.queue.place(options.priority).await;
        let _place = place.map_err(|Overloaded| {
            self.metrics.overloaded();
            DecideError::Overloaded
        })?;
        let now = options.now.unwrap_or_else(Timestamp::now);
        let started = Instant::now();
        let mut decision = open(event, generation.id(), options);
        let members = chosen(&generation, event, options)?;
        let known = self.known(&members, event, own).await?;
        decision.evidence = told(event, &known);
        let added = self.outside.waivers.load_full();
        let waivers = [generation.waivers().as_ref(), added.as_ref()];
        let mut members = members.into_iter();
        let mut staged = Vec::new();
        let mut patches = Patches::of(event);
        for member in members.by_ref() {
            let evaluation = Evaluation {
                event: Arc::clone(event),
                now,
                real: !options.dry_run && member.mode() == Mode::Enforce,
                known: Arc::clone(&known),
                deadline: options.deadline,
            };
            let mut run = run(member, evaluation, &generation).await;
            // A guest's failure is an answer, ours is none.
            if let Err(fault @ Fault::Host { .. }) = &run.outcome {
                return Err(DecideError::Host(fault.to_string()));
            }
            let asked = Asked {
                event,
                generation: &generation,
                known: &known,
                decision: &decision.id,
                now,
                keep: !options.dry_run && options.now.is_none(),
            };
            let last_known = self.answers.settle(member, &asked, &mut run);
            patches.join(member, &mut run);
            waive(&mut run, &waivers, &member.name, event, now);
            staged.push(StagedBy {
                policy: member.name.clone(),
                mode: member.mode(),
                effects: std::mem::take(&mut run.effects),
            });
            if record(&mut decision, member, run, last_known) {
                break;
            }
        }
        decision.skipped = members.map(|member| member.name.clone()).collect();
        decision.patch = patches.joined();
        close(&mut decision, started);
        Ok((decision, staged))
    }

    /// What is known of the event's images, if any of the policies may ask.
    async fn known(
        &self,
        members: &[&Member],
        event: &Event,
        own: &[String],
    ) -> Result<Arc<[Option<Known>]>, StoreError> {
        let asks = |member: &&Member| {
            member
                .policy()
                .is_some_and(|policy| policy.asks_for_evidence())
        };
        if members.iter().any(asks) {
            let known = self.outside.knowledge.of_event(event, own).await?;
            return Ok(known.into());
        }
        Ok(Arc::default())
    }
}

fn open(event: &Event, generation: &str, options: &Options) -> Decision {
    Decision {
        id: Uuid::now_v7().to_string(),
        event: EventSummary {
            id: event.id.clone(),
            kind: event.kind.clone(),
            source: event.source.clone(),
            time: event.time,
            subject: event.subject.clone(),
            namespace: event.namespace.clone(),
            images: event
                .images
                .iter()
                .map(|image| image.text.clone())
                .collect(),
        },
        generation: generation.to_owned(),
        verdict: Verdict::Allow,
        indeterminate: false,
        dry_run: options.dry_run,
        exempt: None,
        policies: Vec::new(),
        evidence: Vec::new(),
        skipped: Vec::new(),
        patch: None,
        actions: Vec::new(),
        duration_us: 0,
    }
}

/// What was known, as the decision repeats it.
fn told(event: &Event, known: &[Option<Known>]) -> Vec<KnownImage> {
    let of = |(index, known): (usize, &Option<Known>)| {
        let known = known.as_ref()?;
        let image = event.images.get(index).map(|image| image.text.clone());
        Some(KnownImage {
            image: image.unwrap_or_default(),
            found_by: known.found_by.as_str().into(),
            digests: known.evidence.image.digests.clone(),
            reports: known.evidence.reports.clone(),
        })
    };
    known.iter().enumerate().filter_map(of).collect()
}

/// Makes the exceptions that somebody answers for.
fn waive(run: &mut Run, waivers: &[&Waivers], policy: &str, event: &Event, now: Timestamp) {
    if let Ok(outcome) = &mut run.outcome {
        waiver::apply(waivers, &mut outcome.findings, policy, event, now);
    }
}

/// The one policy that was asked for, or all that match.
fn chosen<'a>(
    generation: &'a Generation,
    event: &'a Event,
    options: &Options,
) -> Result<Vec<&'a Member>, DecideError> {
    match &options.policy {
        Some(name) => {
            let member = generation
                .member(name)
                .ok_or_else(|| DecideError::NoSuchPolicy(name.clone()))?;
            Ok(vec![member])
        }
        None if event.query.is_some() => {
            let asked = generation.members().iter();
            Ok(asked.filter(|member| member.answers_opa()).collect())
        }
        None => Ok(generation.matching(event).collect()),
    }
}

async fn run(member: &Member, evaluation: Evaluation, generation: &Generation) -> Run {
    match &member.state {
        State::Ready(policy) | State::Stale(policy, _) => {
            policy.run(evaluation, generation.data()).await
        }
        State::Failed(failed) => Run {
            outcome: Err(Fault::NotLoaded {
                policy: member.name.clone(),
                reason: failed.error.clone(),
            }),
            effects: Effects::default(),
            explain: Explain::default(),
            unreachable: false,
        },
    }
}

/// Adds what a policy said; answers whether it ends the chain, which only an enforcing one can.
fn record(
    decision: &mut Decision,
    member: &Member,
    run: Run,
    last_known: Option<LastKnown>,
) -> bool {
    trace(&member.name, &run, last_known.as_ref());
    let (verdict, counts_as, outcome, fault) = match run.outcome {
        Ok(outcome) => (outcome.verdict().into(), outcome.verdict(), outcome, None),
        Err(fault) => (
            PolicyVerdict::Indeterminate,
            member.on_error(),
            Outcome::default(),
            Some(fault),
        ),
    };
    // What does not count does not end the chain either.
    let stops = outcome.stop && !outcome.findings.iter().any(Finding::is_waived);
    decision.policies.push(PolicyDecision {
        name: member.name.clone(),
        mode: member.mode(),
        verdict,
        counts_as,
        findings: outcome.findings,
        fault,
        last_known,
        patch: outcome.patch,
        value: outcome.value,
        explain: Some(run.explain),
    });
    stops && member.mode() == Mode::Enforce
}

/// The worst of what the enforcing policies count as.
fn close(decision: &mut Decision, started: Instant) {
    let verdict = decision.enforcing().map(|policy| policy.counts_as).max();
    let indeterminate = decision
        .enforcing()
        .any(|policy| policy.verdict == PolicyVerdict::Indeterminate);
    decision.verdict = verdict.unwrap_or(Verdict::Allow);
    decision.indeterminate = indeterminate;
    decision.duration_us = started.elapsed().as_micros().try_into().unwrap_or(u64::MAX);
}

/// What a policy logged, and what broke it, for the host's own log. Its text is quoted: it may hold anything.
fn trace(policy: &str, run: &Run, last_known: Option<&LastKnown>) {
    if let Some(LastKnown {
        decision, because, ..
    }) = last_known
    {
        tracing::warn!(policy, decision, ?because, "the last known answer counts");
    }
    if let Err(fault) = &run.outcome {
        tracing::warn!(policy, fault = ?fault.to_string(), "indeterminate");
    }
    for line in &run.explain.log {
        let (message, fields) = (&line.message, &line.fields);
        match line.level.as_ref() {
            "error" => tracing::error!(policy, ?message, ?fields, "policy"),
            "warn" => tracing::warn!(policy, ?message, ?fields, "policy"),
            "info" => tracing::info!(policy, ?message, ?fields, "policy"),
            _ => tracing::debug!(policy, ?message, ?fields, "policy"),
        }
    }
}
