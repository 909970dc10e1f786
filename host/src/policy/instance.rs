//! One instance of a policy at work, and what its failures are called.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::{Store, Trap, WasmBacktrace};

use crate::config::PolicyConfig;
use crate::guest::bindings::Policy as Bindings;
use crate::guest::bindings::exports::touchstone::policy::guest::Problem;
use crate::guest::{Ctx, Stop, Traces};
use crate::model::{Fault, Outcome};

use super::{Compiled, Policy, humantime};

/// One instance of a policy.
pub struct Instance<'a> {
    pub(super) policy: &'a Policy,
    pub(super) compiled: Arc<Compiled>,
    pub(super) store: Store<Ctx>,
    pub(super) guest: Option<Bindings>,
}

impl Instance<'_> {
    /// Makes the instance, configures it where its module has no snapshot, and judges the event.
    pub(super) async fn start_and_evaluate(&mut self) -> Result<Outcome, Failure> {
        self.start().await?;
        self.evaluate().await
    }

    /// How long it may take in all.
    pub(super) fn wall(&self) -> Duration {
        self.compiled.wall(&self.policy.config.limits)
    }

    /// Judges the event before its own limits or the caller's deadline end.
    pub(super) async fn start_and_evaluate_until(
        &mut self,
        deadline: Option<Instant>,
    ) -> Result<Outcome, Failure> {
        let own = Instant::now() + self.wall();
        let (end, late) = match deadline {
            Some(deadline) if deadline < own => (deadline, Failure::Deadline),
            _ => (own, Failure::Wall),
        };
        let answer = tokio::time::timeout_at(end.into(), self.start_and_evaluate()).await;
        answer.unwrap_or(Err(late))
    }

    /// Makes the instance.
    pub async fn start(&mut self) -> Result<(), Failure> {
        let instance = self.compiled.pre.instantiate_async(&mut self.store).await;
        let instance =
            instance.map_err(|error| match error.is::<Trap>() || error.is::<Stop>() {
                true => Failure::Wasm(error),
                // No slot, no descriptor, no memory: nothing of the guest ran.
                false => Failure::Host(error),
            })?;
        if !self.compiled.configured {
            let settings = &self.policy.config.settings;
            let evaluation = self.store.data_mut().set_aside();
            let configured = instance
                .touchstone_policy_guest()
                .call_configure(&mut self.store, settings)
                .await?;
            self.store.data_mut().begin(evaluation);
            configured.map_err(|problems| Failure::Undecided(self::problems(&pairs(problems))))?;
            // What it took is not held against the evaluation.
            let limits = &self.policy.config.limits;
            self.store.data_mut().restart(limits.time, limits.calls);
        }
        self.guest = Some(instance);
        Ok(())
    }

    /// Judges the event.
    pub async fn evaluate(&mut self) -> Result<Outcome, Failure> {
        let info = self
            .store
            .data()
            .event()
            .map_err(wasmtime::Error::from)?
            .as_ref()
            .into();
        let Some(instance) = &self.guest else {
            return Err(Failure::NotStarted);
        };
        let answer = instance
            .touchstone_policy_guest()
            .call_evaluate(&mut self.store, &info)
            .await?;
        let outcome = answer.map_err(Failure::Undecided)?;
        Outcome::try_from(outcome).map_err(Failure::Invalid)
    }
}

/// Why a guest gave no answer, before it is put in words.
#[derive(Debug)]
pub enum Failure {
    /// It said so.
    Undecided(String),
    /// Its answer breaks the contract.
    Invalid(String),
    /// It was too slow, with everything that it waited for.
    Wall,
    /// Whoever asks needs the answer now.
    Deadline,
    /// It was stopped, or broke.
    Wasm(wasmtime::Error),
    /// The host could not make an instance.
    Host(wasmtime::Error),
    /// [`Instance::evaluate`] before [`Instance::start`].
    NotStarted,
}

impl From<wasmtime::Error> for Failure {
    fn from(error: wasmtime::Error) -> Failure {
        Failure::Wasm(error)
    }
}

/// Puts a failure in words that name the policy, the limit and its value.
pub(super) fn fault(config: &PolicyConfig, failure: Failure, traces: &Traces, time: &str) -> Fault {
    let policy = config.name.clone();
    let limits = &config.limits;
    let error = match failure {
        Failure::Undecided(reason) => return Fault::Undecided { policy, reason },
        Failure::Invalid(reason) => return Fault::Invalid { policy, reason },
        Failure::Wall => {
            return Fault::Wall {
                policy,
                limit: humantime(limits.wall),
            };
        }
        Failure::Deadline => {
            let waited_for = traces.waiting_for.clone();
            return Fault::Deadline {
                policy,
                waited_for: waited_for.unwrap_or_else(|| "the policy's own computing".to_owned()),
            };
        }
        Failure::Host(error) if !traces.memory_refused => {
            return Fault::Host {
                policy,
                reason: format!("{error:#}"),
            };
        }
        Failure::NotStarted => {
            return Fault::Invalid {
                policy,
                reason: "it was not started".to_owned(),
            };
        }
        Failure::Wasm(error) | Failure::Host(error) => error,
    };
    match error.downcast_ref::<Stop>() {
        Some(Stop::Calls) => {
            return Fault::Calls {
                policy,
                limit: limits.calls.to_string(),
            };
        }
        Some(Stop::Time) => {
            return Fault::Time {
                policy,
                limit: time.to_owned(),
            };
        }
        Some(stop) => {
            return Fault::Invalid {
                policy,
                reason: stop.to_string(),
            };
        }
        None => {}
    }
    if traces.memory_refused {
        return Fault::Memory {
            policy,
            limit: limits.memory.to_string(),
        };
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return Fault::Trap {
            policy,
            trap: describe_trap(*trap, &error, traces),
        };
    }
    // wasmtime gives this one no type of its own; a test holds the text.
    if error
        .root_cause()
        .to_string()
        .contains("fuel allocated for hostcalls has been exhausted")
    {
        return Fault::Output {
            policy,
            limit: limits.output.to_string(),
        };
    }
    Fault::Invalid {
        policy,
        reason: error.root_cause().to_string(),
    }
}

/// The trap, where it happened, and the last that the policy logged as an error: its panic message.
fn describe_trap(trap: Trap, error: &wasmtime::Error, traces: &Traces) -> String {
    let mut text = trap.to_string();
    let backtrace = error.downcast_ref::<WasmBacktrace>();
    if let Some(name) =
        backtrace.and_then(|trace| trace.frames().iter().find_map(|frame| frame.func_name()))
    {
        // Writing to a String cannot fail.
        let _ = write!(text, " in {name}");
    }
    if let Some(last) = traces.log.iter().rfind(|line| line.level == "error") {
        let _ = write!(text, ": {}", last.message);
    }
    text
}

pub(super) fn pairs(problems: Vec<Problem>) -> Vec<(String, String)> {
    problems
        .into_iter()
        .map(|Problem { path, message }| (path, message))
        .collect()
}

/// The guest's words may hold anything, and end on terminals and in logs.
pub(super) fn problems(problems: &[(String, String)]) -> String {
    let line = |(path, message): &(String, String)| match path.as_str() {
        "" => message.clone(),
        path => format!("{path}: {message}"),
    };
    let text = problems.iter().map(line).collect::<Vec<_>>().join("; ");
    text.replace(char::is_control, "\u{fffd}")
}
