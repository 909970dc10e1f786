//! Counters for Prometheus. Every label's values come from the configuration or from a fixed list.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::model::{ActionState, Decision, PolicyVerdict, Verdict};
use crate::sandbox::Sandbox;

/// What the host counts.
pub struct Metrics {
    registry: Registry,
    policies: Family<PolicyLabels, Counter>,
    faults: Family<FaultLabels, Counter>,
    decisions: Family<VerdictLabels, Counter>,
    duration: Histogram,
    reloads: Family<ReloadLabels, Counter>,
    overloaded: Counter,
    exempt: Family<ExemptLabels, Counter>,
    last_known: Family<PolicyLabel, Counter>,
    actions: Family<ActionLabels, Counter>,
    outbox: Family<StateLabels, Gauge<u64, AtomicU64>>,
    commit_failures: Counter,
    unrecorded: Counter,
    messages: Family<MessageLabels, Counter>,
    pool: Gauge<u64, AtomicU64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PolicyLabels {
    policy: Arc<str>,
    verdict: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FaultLabels {
    policy: Arc<str>,
    kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PolicyLabel {
    policy: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ExemptLabels {
    by: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerdictLabels {
    verdict: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ActionLabels {
    kind: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MessageLabels {
    queue: String,
    result: &'static str,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let mut registry = Registry::with_prefix("touchstone");
        // 25 µs to 1.6 s.
        let duration = Histogram::new(exponential_buckets(25e-6, 2.0, 17));
        let metrics = Metrics {
            policies: Family::default(),
            faults: Family::default(),
            decisions: Family::default(),
            duration,
            reloads: Family::default(),
            overloaded: Counter::default(),
            exempt: Family::default(),
            last_known: Family::default(),
            actions: Family::default(),
            outbox: Family::default(),
            commit_failures: Counter::default(),
            unrecorded: Counter::default(),
            messages: Family::default(),
            pool: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register(
            "policy_verdicts",
            "What each policy said",
            metrics.policies.clone(),
        );
        registry.register(
            "policy_faults",
            "Why a policy could not decide",
            metrics.faults.clone(),
        );
        registry.register(
            "decisions",
            "Decisions by verdict",
            metrics.decisions.clone(),
        );
        registry.register(
            "decision_duration_seconds",
            "Time of a whole decision",
            metrics.duration.clone(),
        );
        registry.register(
            "reloads",
            "Builds of a generation, by what came of them",
            metrics.reloads.clone(),
        );
        registry.register(
            "overloaded",
            "Events turned away because all instances were taken",
            metrics.overloaded.clone(),
        );
        registry.register(
            "last_known",
            "Answers from before that counted, because something could not be reached",
            metrics.last_known.clone(),
        );
        registry.register(
            "exempt",
            "Events let pass without asking any policy",
            metrics.exempt.clone(),
        );
        registry.register(
            "action_attempts",
            "Attempts to carry out actions, by where the action stood after it",
            metrics.actions.clone(),
        );
        registry.register(
            "outbox_actions",
            "Actions that are due, and that were given up",
            metrics.outbox.clone(),
        );
        registry.register(
            "commit_failures",
            "Transactions that the state did not take",
            metrics.commit_failures.clone(),
        );
        registry.register(
            "unrecorded_decisions",
            "Decisions without actions that were lost to the log while the state could not be written",
            metrics.unrecorded.clone(),
        );
        registry.register(
            "messages",
            "Messages from queues, by what came of them",
            metrics.messages.clone(),
        );
        registry.register(
            "pool_instances",
            "Instances that exist now",
            metrics.pool.clone(),
        );
        Metrics {
            registry,
            ..metrics
        }
    }
}

impl Metrics {
    /// Counts a decision. Policies are counted by name, which only the configuration gives.
    pub fn record(&self, decision: &Decision) {
        self.decisions
            .get_or_create(&VerdictLabels {
                verdict: decision.verdict.as_str(),
            })
            .inc();
        if let Some(exemption) = &decision.exempt {
            let by = exemption.by.to_string();
            self.exempt.get_or_create(&ExemptLabels { by }).inc();
        }
        self.duration
            .observe(Duration::from_micros(decision.duration_us).as_secs_f64());
        for policy in &decision.policies {
            let name: Arc<str> = policy.name.as_str().into();
            if let Some(fault) = &policy.fault {
                self.faults
                    .get_or_create(&FaultLabels {
                        policy: Arc::clone(&name),
                        kind: fault.kind().to_owned(),
                    })
                    .inc();
            }
            if policy.last_known.is_some() {
                let policy = Arc::clone(&name);
                self.last_known.get_or_create(&PolicyLabel { policy }).inc();
            }
            self.policies
                .get_or_create(&PolicyLabels {
                    policy: name,
                    verdict: policy.verdict.as_str(),
                })
                .inc();
        }
    }

    /// How many decisions there were.
    pub fn decided(&self) -> u64 {
        let verdicts = [Verdict::Allow, Verdict::Warn, Verdict::Deny];
        let of = |verdict: Verdict| {
            let verdict = verdict.as_str();
            let counter = self.decisions.get(&VerdictLabels { verdict });
            counter.map_or(0, |counter| counter.get())
        };
        verdicts.into_iter().map(of).sum()
    }

    /// Counts a build that changed something, or did not.
    pub fn reloaded(&self, changed: bool) {
        let result = if changed { "swapped" } else { "unchanged" };
        self.reloads.get_or_create(&ReloadLabels { result }).inc();
    }

    /// Counts an event that was turned away.
    pub fn overloaded(&self) {
        self.overloaded.inc();
    }

    /// Counts an attempt to carry out an action.
    pub fn attempted(&self, kind: &str, state: ActionState) {
        let (kind, state) = (kind.to_owned(), state.as_str());
        self.actions
            .get_or_create(&ActionLabels { kind, state })
            .inc();
    }

    /// Counts a transaction that failed.
    pub fn commit_failed(&self) {
        self.commit_failures.inc();
    }

    /// Counts decisions that are not in the log.
    pub fn unrecorded(&self, number: u64) {
        self.unrecorded.inc_by(number);
    }

    /// Counts a message by what came of it.
    pub fn message(&self, queue: &str, result: &'static str) {
        let queue = queue.to_owned();
        self.messages
            .get_or_create(&MessageLabels { queue, result })
            .inc();
    }

    /// How often a policy said what.
    pub fn verdicts_of(&self, policy: &str) -> Vec<(&'static str, u64)> {
        let policy: Arc<str> = policy.into();
        let count = |verdict: PolicyVerdict| {
            let labels = PolicyLabels {
                policy: Arc::clone(&policy),
                verdict: verdict.as_str(),
            };
            (
                verdict.as_str(),
                self.policies
                    .get(&labels)
                    .map_or(0, |counter| counter.get()),
            )
        };
        PolicyVerdict::ALL.into_iter().map(count).collect()
    }

    /// The text that Prometheus scrapes (OpenMetrics 1.0).
    pub fn encode(&self, sandbox: &Sandbox, depths: &[(ActionState, u64)]) -> String {
        for (state, number) in depths {
            let state = state.as_str();
            self.outbox
                .get_or_create(&StateLabels { state })
                .set(*number);
        }
        self.pool.set(sandbox.live_instances());
        let mut text = String::new();
        if prometheus_client::encoding::text::encode(&mut text, &self.registry).is_err() {
            tracing::error!("metrics could not be written");
        }
        text
    }
}
