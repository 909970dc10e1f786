//! The plain data that one decision is made of: what comes in, what policies say, what goes out.

mod action;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::evidence::{Evidence, Provenance};
use crate::image::{ImageError, ImageName};

pub use crate::evidence::Severity;

pub use self::action::{
    Action, ActionState, Attempt, Condition, Entry, Plan, PlannedAction, Staged, Write,
};

/// What is judged. Shaped after CloudEvents 1.0.
#[derive(Clone, Debug)]
pub struct Event {
    /// Unique together with `source`.
    pub id: String,
    /// `image.review`, `pod.review`, … or the sender's own.
    pub kind: String,
    /// URI reference of the sender.
    pub source: String,
    /// When it happened.
    pub time: Timestamp,
    /// What it is about, as written; usually an image reference.
    pub subject: Option<String>,
    /// The Kubernetes namespace, or its like.
    pub namespace: Option<String>,
    /// The images that it is about, in document order.
    pub images: Vec<EventImage>,
    /// The document under judgement.
    pub document: Document,
    /// RFC 6901 pointer to what policies may change with a patch: the object of an AdmissionReview, else all of it.
    pub object: &'static str,
    /// The path of a document that policies are asked for besides.
    pub query: Option<String>,
    /// What it tells of its first image, report by report, when it is made of scanners' reports.
    pub evidence: Vec<Arc<Evidence>>,
}

/// An image that an event names.
#[derive(Clone, Debug)]
pub struct EventImage {
    /// As written.
    pub text: String,
    /// RFC 6901 pointer into the document; empty for the event's subject.
    pub pointer: String,
    /// Its parts, or why it has none.
    pub name: Result<ImageName, ImageError>,
}

/// Images that one event may be about. Kubernetes' largest objects, of 1.5 MB, have fewer that are meant.
pub const MAX_IMAGES: usize = 1000;

impl EventImage {
    /// Parses the reference that stands at `pointer`.
    pub fn new(text: &str, pointer: String) -> EventImage {
        EventImage {
            text: text.to_owned(),
            pointer,
            name: ImageName::parse(text),
        }
    }
}

/// What an event counts as in the end. Ordered: `Allow` is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing speaks against it.
    Allow,
    /// Let through, with something to say.
    Warn,
    /// Refused.
    Deny,
}

impl Verdict {
    /// As it is written in configuration, answers and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Allow => "allow",
            Verdict::Warn => "warn",
            Verdict::Deny => "deny",
        }
    }

    /// The verdict of that name.
    pub fn parse(text: &str) -> Option<Verdict> {
        [Verdict::Allow, Verdict::Warn, Verdict::Deny]
            .into_iter()
            .find(|verdict| verdict.as_str() == text)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What one policy said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyVerdict {
    /// See [`Verdict::Allow`].
    Allow,
    /// See [`Verdict::Warn`].
    Warn,
    /// See [`Verdict::Deny`].
    Deny,
    /// It could not decide; its `onError` says what that counts as.
    Indeterminate,
}

impl PolicyVerdict {
    /// Every value, for tables.
    pub const ALL: [PolicyVerdict; 4] = [
        PolicyVerdict::Allow,
        PolicyVerdict::Warn,
        PolicyVerdict::Deny,
        PolicyVerdict::Indeterminate,
    ];

    /// As it is written in answers and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            PolicyVerdict::Allow => "allow",
            PolicyVerdict::Warn => "warn",
            PolicyVerdict::Deny => "deny",
            PolicyVerdict::Indeterminate => "indeterminate",
        }
    }
}

impl From<Verdict> for PolicyVerdict {
    fn from(verdict: Verdict) -> PolicyVerdict {
        match verdict {
            Verdict::Allow => PolicyVerdict::Allow,
            Verdict::Warn => PolicyVerdict::Warn,
            Verdict::Deny => PolicyVerdict::Deny,
        }
    }
}

/// What a finding asks for. Ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// To be known.
    Info,
    /// To be told to whoever asks.
    Warn,
    /// To be refused.
    Deny,
}

impl Level {
    /// The verdict that this level leads to.
    pub fn verdict(self) -> Verdict {
        match self {
            Level::Info => Verdict::Allow,
            Level::Warn => Verdict::Warn,
            Level::Deny => Verdict::Deny,
        }
    }
}

/// One thing that a policy has to say about an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable from event to event: `no-latest-tag`, `CVE-2021-44228`.
    pub id: String,
    /// What it asks for.
    pub level: Level,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence for a person.
    pub message: String,
    /// What it was found on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What the reader can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The image that it is about, as the event has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The package, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Pages about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// Whatever else a machine should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
    /// The exception that was made for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<Waived>,
}

impl Finding {
    /// Whether an exception is made for it: it does not count.
    pub fn is_waived(&self) -> bool {
        self.waiver
            .as_ref()
            .is_some_and(|waiver| waiver.state == WaiverState::Active)
    }
}

/// The exception that was made for a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waived {
    /// The waiver's id.
    pub id: String,
    /// Whether it still holds.
    pub state: WaiverState,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Where it was discussed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Until when; for good, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// Whether a waiver holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WaiverState {
    /// The finding does not count.
    Active,
    /// It did not count; now it does again.
    Expired,
}

/// What a policy answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// In the policy's order.
    pub findings: Vec<Finding>,
    /// Leave out the policies that come later.
    pub stop: bool,
    /// RFC 6902 text.
    pub patch: Option<String>,
    /// The document that was asked for by [`Event::query`].
    pub value: Option<serde_json::Value>,
}

impl Outcome {
    /// The worst level among the findings that are not waived.
    pub fn verdict(&self) -> Verdict {
        self.findings
            .iter()
            .filter(|finding| !finding.is_waived())
            .map(|finding| finding.level.verdict())
            .max()
            .unwrap_or(Verdict::Allow)
    }
}

/// Why a policy gave no answer. A guest's failure is an answer: it counts as [`PolicyVerdict::Indeterminate`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The policy said that it cannot decide.
    #[error("policy {policy} cannot decide: {reason}")]
    Undecided {
        /// Its name.
        policy: String,
        /// Its words.
        reason: String,
    },
    /// The policy trapped: a panic, a wild pointer, an exhausted stack.
    #[error("policy {policy} broke: {trap}")]
    Trap {
        /// Its name.
        policy: String,
        /// What the sandbox saw; the policy's own last words are among its log lines.
        trap: String,
    },
    /// It computed for too long.
    #[error("policy {policy} computed for longer than {limit} (limits.time)")]
    Time {
        /// Its name.
        policy: String,
        /// As configured.
        limit: String,
    },
    /// It took too long, host calls included.
    #[error("policy {policy} took longer than {limit} in all (limits.wall)")]
    Wall {
        /// Its name.
        policy: String,
        /// As configured.
        limit: String,
    },
    /// The caller needed the answer earlier.
    #[error(
        "policy {policy} gave no answer before the caller's deadline: it waited for {waited_for}"
    )]
    Deadline {
        /// Its name.
        policy: String,
        /// What it was in the middle of.
        waited_for: String,
    },
    /// It wanted more memory than it may have, and broke when it was refused.
    #[error("policy {policy} wanted more memory than {limit} (limits.memory)")]
    Memory {
        /// Its name.
        policy: String,
        /// As configured.
        limit: String,
    },
    /// It called the host too often.
    #[error("policy {policy} called the host more than {limit} times (limits.calls)")]
    Calls {
        /// Its name.
        policy: String,
        /// As configured.
        limit: String,
    },
    /// It handed over too many bytes in one call or in its answer.
    #[error("policy {policy} handed over more than {limit} in one call (limits.output)")]
    Output {
        /// Its name.
        policy: String,
        /// As configured.
        limit: String,
    },
    /// The host could not run it.
    #[error("policy {policy} could not be run: {reason}")]
    Host {
        /// Its name.
        policy: String,
        /// What was missing.
        reason: String,
    },
    /// Its answer breaks the contract.
    #[error("policy {policy} gave an invalid answer: {reason}")]
    Invalid {
        /// Its name.
        policy: String,
        /// Which rule it breaks.
        reason: String,
    },
    /// It could not be loaded and has no earlier good version.
    #[error("policy {policy} is not loaded: {reason}")]
    NotLoaded {
        /// Its name.
        policy: String,
        /// Why it failed to load.
        reason: String,
    },
    /// Any of these, as a decision that was kept tells it.
    #[error("{message}")]
    Recorded {
        /// See [`Fault::kind`].
        kind: String,
        /// In words.
        message: String,
    },
}

impl Fault {
    /// Its kind, as answers and metrics name it.
    pub fn kind(&self) -> &str {
        match self {
            Fault::Undecided { .. } => "undecided",
            Fault::Trap { .. } => "trap",
            Fault::Time { .. } => "time",
            Fault::Wall { .. } => "wall",
            Fault::Deadline { .. } => "deadline",
            Fault::Memory { .. } => "memory",
            Fault::Calls { .. } => "calls",
            Fault::Output { .. } => "output",
            Fault::Host { .. } => "host",
            Fault::Invalid { .. } => "invalid",
            Fault::NotLoaded { .. } => "notLoaded",
            Fault::Recorded { kind, .. } => kind,
        }
    }
}

impl Serialize for Fault {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fault = serializer.serialize_struct("Fault", 2)?;
        fault.serialize_field("kind", self.kind())?;
        fault.serialize_field("message", &self.to_string())?;
        fault.end()
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Fault, D::Error> {
        #[derive(Deserialize)]
        struct Recorded {
            kind: String,
            message: String,
        }
        let Recorded { kind, message } = Recorded::deserialize(deserializer)?;
        Ok(Fault::Recorded { kind, message })
    }
}

/// A line that a policy logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// `debug`, `info`, `warn` or `error`.
    pub level: Cow<'static, str>,
    /// Its text.
    pub message: String,
    /// Its fields.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
}

/// Whether a policy counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Its verdict counts.
    Enforce,
    /// Its verdict is recorded only.
    Monitor,
}

/// The answer to one event.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// UUIDv7: sorts by time.
    pub id: String,
    /// What was judged.
    pub event: EventSummary,
    /// The generation of policies and data that judged it.
    pub generation: String,
    /// The worst of what the enforcing policies count as.
    pub verdict: Verdict,
    /// Whether an enforcing policy could not decide.
    pub indeterminate: bool,
    /// Whether the caller only asked what would happen.
    pub dry_run: bool,
    /// Why no policy was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exempt: Option<Exemption>,
    /// What each matching policy said, in order.
    pub policies: Vec<PolicyDecision>,
    /// What was known of the images, as far as some policy asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<KnownImage>,
    /// Matching policies that were left out because an earlier one said `stop`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<String>,
    /// RFC 6902 operations on the event's object that all enforcing policies ask for together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<serde_json::Value>,
    /// What is to be done, in the order in which it was staged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<PlannedAction>,
    /// Wall-clock time of the whole decision in microseconds.
    pub duration_us: u64,
}

/// The event's metadata, as a decision repeats it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of Event")]
pub struct EventSummary {
    pub id: String,
    pub kind: String,
    pub source: String,
    pub time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
}

/// What was known of an image when it was judged.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownImage {
    /// The image as the event has it; empty when the event is a report that names none.
    pub image: String,
    /// `event`, `digest` or `tag`.
    pub found_by: Cow<'static, str>,
    /// Digests that the reports name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub digests: Vec<String>,
    /// The reports.
    pub reports: Vec<Provenance>,
}

/// Why an event passed without being judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exemption {
    /// `namespace` or `images`, as touchstone.yaml exempts them, or `breakGlass`.
    pub by: Cow<'static, str>,
    /// Which, or who and why.
    pub reason: String,
}

impl fmt::Display for Exemption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Exemption { by, reason } = self;
        write!(f, "{by}: {reason}")
    }
}

/// An answer that a policy gave before, and that counts because something that it asks cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastKnown {
    /// The decision that it was part of.
    pub decision: String,
    /// When that was made.
    pub time: Timestamp,
    /// Why the policy could not decide now.
    pub because: String,
}

impl fmt::Display for LastKnown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LastKnown {
            decision,
            time,
            because,
        } = self;
        write!(
            f,
            "{because}; what it said in decision {decision} at {time:.0} counts"
        )
    }
}

/// What one policy said about one event.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyDecision {
    /// Its name.
    pub name: String,
    /// Whether it counts.
    pub mode: Mode,
    /// What it said.
    pub verdict: PolicyVerdict,
    /// What that counts as; in monitor mode, what it would count as.
    pub counts_as: Verdict,
    /// What it found.
    pub findings: Vec<Finding>,
    /// Why it could not decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// Whether it said that before, and not now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_known: Option<LastKnown>,
    /// RFC 6902 text that it proposes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
    /// The document that was asked for by [`Event::query`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    /// How it came about; left out of short answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explain: Option<Explain>,
}

/// The details behind a [`PolicyDecision`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explain {
    /// `sha256:…` of the module's bytes; absent when none was loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Wall-clock time in microseconds.
    pub duration_us: u64,
    /// Host calls made.
    pub calls: u64,
    /// Lines logged.
    pub log: Vec<LogLine>,
    /// Whether lines were cut because there were too many.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub log_truncated: bool,
}

impl Decision {
    /// Whether the event may pass.
    pub fn allowed(&self) -> bool {
        self.verdict != Verdict::Deny
    }

    /// Whether nothing but policies that could not decide stands in the way.
    pub fn denied_only_by_faults(&self) -> bool {
        self.verdict == Verdict::Deny
            && self.enforcing().all(|policy| {
                policy.counts_as != Verdict::Deny || policy.verdict == PolicyVerdict::Indeterminate
            })
    }

    /// The policies whose verdict counts.
    pub fn enforcing(&self) -> impl Iterator<Item = &PolicyDecision> {
        self.policies
            .iter()
            .filter(|policy| policy.mode == Mode::Enforce)
    }

    /// Without the details behind each policy's answer.
    pub fn brief(mut self) -> Decision {
        for policy in &mut self.policies {
            policy.explain = None;
        }
        self
    }
}
