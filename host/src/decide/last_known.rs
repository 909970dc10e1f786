//! What policies said of the same images before, for the time when something that they ask cannot be reached.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::generation::{Generation, Member};
use crate::knowledge::Known;
use crate::model::{Event, LastKnown, Outcome};
use crate::policy::Run;

/// How many answers are kept, and bytes of the findings of one, as JSON, at most. Policies choose how much they say, and
/// whoever asks how often.
const MOST: usize = 10_000;
const MOST_SAID: usize = 8 << 10;

/// A digest of everything that an answer depended on, but for what could be reached.
type Key = [u8; 32];

/// The answers, of all policies that say `lastKnown`. They are gone with the process.
#[derive(Default)]
pub(super) struct Answers(Mutex<HashMap<Key, Answer>>);

struct Answer {
    outcome: Outcome,
    decision: String,
    time: Timestamp,
}

/// Which evaluation an answer comes from.
pub(super) struct Asked<'a> {
    pub(super) event: &'a Event,
    pub(super) generation: &'a Generation,
    /// What is known of the event's images.
    pub(super) known: &'a [Option<Known>],
    /// The decision's id, and its time.
    pub(super) decision: &'a str,
    pub(super) now: Timestamp,
    /// Whether it may be kept: what only would be decided is none.
    pub(super) keep: bool,
}

impl Answers {
    /// Keeps what a policy said; where it could say nothing because something cannot be reached, puts its last answer in
    /// the place, and tells which that is.
    pub(super) fn settle(
        &self,
        member: &Member,
        asked: &Asked<'_>,
        run: &mut Run,
    ) -> Option<LastKnown> {
        let policy = member.policy()?;
        let oldest = SignedDuration::try_from(policy.config().last_known?).ok()?;
        let key = key(policy.identity(), asked)?;
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &run.outcome {
            // What it said without all that it asked for is no answer for later.
            Ok(outcome) if asked.keep && !run.unreachable && is_small(outcome) => {
                if answers.len() >= MOST && !answers.contains_key(&key) {
                    forget_half(&mut answers);
                }
                let answer = Answer {
                    outcome: outcome.clone(),
                    decision: asked.decision.to_owned(),
                    time: asked.now,
                };
                answers.insert(key, answer);
                None
            }
            Err(fault) if run.unreachable => {
                let answer = answers.get(&key)?;
                if asked.now.duration_since(answer.time) > oldest {
                    return None;
                }
                let last = LastKnown {
                    decision: answer.decision.clone(),
                    time: answer.time,
                    because: fault.to_string(),
                };
                run.outcome = Ok(answer.outcome.clone());
                Some(last)
            }
            _ => None,
        }
    }
}

/// A patch is for one object alone.
fn is_small(outcome: &Outcome) -> bool {
    let said = serde_json::to_vec(&outcome.findings);
    outcome.patch.is_none() && said.is_ok_and(|said| said.len() <= MOST_SAID)
}

fn forget_half(answers: &mut HashMap<Key, Answer>) {
    let mut times: Vec<Timestamp> = answers.values().map(|answer| answer.time).collect();
    times.sort_unstable();
    if let Some(middle) = times.get(times.len() / 2) {
        answers.retain(|_, answer| answer.time > *middle);
    }
}

/// The policy with its settings, the data, and of the event its kind, its namespace, its images by digest and the reports
/// about them. Nothing, when an image has no digest, or the event brings reports of its own.
fn key(identity: &str, asked: &Asked<'_>) -> Option<Key> {
    let Asked {
        event, generation, ..
    } = asked;
    if event.images.is_empty() || !event.evidence.is_empty() || event.query.is_some() {
        return None;
    }
    let image = |image: &crate::model::EventImage| {
        let name = image.name.as_ref().ok()?;
        let digest = name.digest.as_ref()?;
        Some(format!("{}/{}@{digest}", name.registry, name.repository))
    };
    let mut images: Vec<String> = event.images.iter().map(image).collect::<Option<_>>()?;
    images.sort_unstable();
    images.dedup();
    // Other reports may say something else.
    let reports = asked.known.iter().map(|known| {
        let known = known.as_ref()?;
        Some((&known.evidence.image.digests, &known.evidence.reports))
    });
    let reports: Vec<_> = reports.collect();
    let namespace = event.namespace.as_deref();
    // Debug quotes each part, so that no two read the same.
    let parts = (
        identity,
        generation.data().digest(),
        &event.kind,
        namespace,
        images,
        reports,
    );
    Some(Sha256::digest(format!("{parts:?}")).into())
}
