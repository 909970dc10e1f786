//! What policies may do to the world. An action is a file in `action/`, which stages it (the host call) and performs it
//! (a worker of the outbox), and a row here; and a row in the capabilities.

mod command;
mod notify;
mod queue;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::guest::bindings::touchstone::policy::types::Terms;
use crate::guest::{Refusal, invalid};
use crate::model::{Action, Staged};
use crate::outside::Outside;

/// How much of what a receiver answers is kept.
const MAX_DETAIL: usize = 500;

/// A kind of action.
pub struct Kind {
    /// The capability, and what it is called everywhere.
    pub name: &'static str,
    /// Carries one out.
    perform: for<'a> fn(&'a Performers, &'a Action) -> BoxFuture<'a, Result<String, Failure>>,
}

/// Every kind.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "webhook",
        perform: |performers, action| Box::pin(webhook::perform(performers, action)),
    },
    Kind {
        name: "command",
        perform: |performers, action| Box::pin(command::perform(performers, action)),
    },
    Kind {
        name: "queue",
        perform: |performers, action| Box::pin(queue::perform(performers, action)),
    },
    Kind {
        name: "notify",
        perform: |performers, action| Box::pin(notify::perform(performers, action)),
    },
];

/// Why an action was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It may go better later.
    #[error("{reason}")]
    Passing {
        /// What happened.
        reason: String,
        /// When the receiver wants to be asked again.
        after: Option<Duration>,
    },
    /// It will not.
    #[error("{0}")]
    Final(String),
}

impl Failure {
    fn passing(reason: impl ToString) -> Failure {
        Failure::Passing {
            reason: reason.to_string(),
            after: None,
        }
    }
}

/// What carries actions out, with the connections that it keeps.
pub struct Performers {
    outside: Arc<Outside>,
    /// For one attempt.
    timeout: Duration,
    publisher: queue::Publisher,
    mailers: notify::Mailers,
}

impl Performers {
    /// Nothing is connected yet.
    pub fn new(outside: Arc<Outside>, timeout: Duration) -> Performers {
        Performers {
            outside,
            timeout,
            publisher: queue::Publisher::default(),
            mailers: notify::Mailers::default(),
        }
    }

    /// Carries an action out. What is answered, good or bad, holds no secret.
    pub async fn perform(&self, action: &Action) -> Result<String, Failure> {
        let Some(kind) = KINDS.iter().find(|kind| kind.name == action.kind) else {
            return Err(Failure::Final(format!(
                "there is no action {:?}",
                action.kind
            )));
        };
        let clean = |text: String| {
            let text = self.outside.secrets.scrub(&text);
            text.chars().take(MAX_DETAIL).collect::<String>()
        };
        match (kind.perform)(self, action).await {
            Ok(detail) => Ok(clean(detail)),
            Err(Failure::Final(reason)) => Err(Failure::Final(clean(reason))),
            Err(Failure::Passing { reason, after }) => Err(Failure::Passing {
                reason: clean(reason),
                after,
            }),
        }
    }
}

/// Puts together what a guest staged.
fn staged(
    kind: &'static str,
    target: String,
    destination: String,
    terms: Terms,
    request: &impl Serialize,
) -> Result<Staged, Refusal> {
    let Terms { when, key, ordered } = terms;
    let request = serde_json::to_string(request).map_err(|error| invalid(error.to_string()))?;
    Ok(Staged {
        kind,
        target,
        destination,
        when: when.into(),
        key,
        ordered,
        request,
    })
}

/// What a staged request says.
fn request<T: serde::de::DeserializeOwned>(action: &Action) -> Result<T, Failure> {
    serde_json::from_str(&action.request)
        .map_err(|error| Failure::Final(format!("the staged request cannot be read: {error}")))
}

/// JSON as the guest wrote it.
fn json(text: String) -> Result<Box<RawValue>, Refusal> {
    RawValue::from_string(text).map_err(|error| invalid(format!("the body is not JSON: {error}")))
}

/// Text without control characters, which would end a line of a header.
fn line(what: &str, text: &str) -> Result<(), Refusal> {
    if text.contains(char::is_control) {
        return Err(invalid(format!("{what} has control characters")));
    }
    Ok(())
}
