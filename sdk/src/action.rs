//! What the four actions share: that they are staged, and the terms under which the host then carries them out.

use serde::Serialize;

use crate::bindings::touchstone::policy::types::Terms;
use crate::{Condition, Error};

/// An action that is being put together: by [`webhook`](crate::webhook), [`command`](crate::command),
/// [`queue`](crate::queue) or [`notify`](crate::notify).
///
/// A policy does nothing to the world while it judges. What it [stages](Action::stage) is committed together with the
/// decision and carried out after it, at least once, if its condition holds for the final verdict. It is forgotten when
/// the policy breaks or cannot decide, when it only monitors, and in a dry run.
#[derive(Clone, Debug)]
#[must_use = "an action is carried out only if it is staged"]
pub struct Action<R> {
    request: R,
    terms: Terms,
    /// What went wrong while it was put together; told when it is staged.
    wrong: Option<Error>,
}

/// A request that the host stages.
pub trait Stage {
    /// The host call.
    fn stage(&self, terms: &Terms) -> Result<(), Error>;
}

impl<R> Action<R> {
    pub(crate) fn new(request: R) -> Action<R> {
        let terms = Terms {
            when: Condition::Always,
            key: None,
            ordered: false,
        };
        Action {
            request,
            terms,
            wrong: None,
        }
    }

    /// Under which final verdict it is carried out: that of all policies together, which is known only after each has
    /// spoken. [`Condition::Always`] if nothing is said.
    pub fn when(mut self, condition: Condition) -> Action<R> {
        self.terms.when = condition;
        self
    }

    /// Names it among this policy's actions of its kind: one that was committed before under the same key is not carried
    /// out again, as long as the host remembers it. The key goes out with the action, so that the receiver can recognise
    /// a repetition. 1 to 256 bytes without control characters; without one, every action is a new one.
    pub fn key(mut self, key: impl Into<String>) -> Action<R> {
        self.terms.key = Some(key.into());
        self
    }

    /// Lets it wait for the earlier ordered actions of this policy on the same subject.
    pub fn ordered(mut self) -> Action<R> {
        self.terms.ordered = true;
        self
    }

    pub(crate) fn change(mut self, change: impl FnOnce(&mut R)) -> Action<R> {
        change(&mut self.request);
        self
    }

    pub(crate) fn change_json<T: Serialize + ?Sized>(
        mut self,
        value: &T,
        change: impl FnOnce(&mut R, String),
    ) -> Action<R> {
        match to_json(value) {
            Ok(text) => change(&mut self.request, text),
            Err(error) => self.wrong = Some(error),
        }
        self
    }
}

impl<R: Stage> Action<R> {
    /// Asks the host to carry it out after the decision.
    ///
    /// Errors: [`Error::Denied`] when no grant covers it, [`Error::Invalid`] when it makes no sense,
    /// [`Error::NotFound`] when touchstone.yaml does not have what it names, [`Error::Exhausted`] when a budget is used
    /// up.
    pub fn stage(self) -> Result<(), Error> {
        match self.wrong {
            Some(error) => Err(error),
            None => self.request.stage(&self.terms),
        }
    }
}

/// JSON text for the host; a value that has none, such as a map whose keys are no texts, is an invalid request.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value)
        .map_err(|error| Error::Invalid(format!("it cannot be written as JSON: {error}")))
}
