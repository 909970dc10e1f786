//! What a policy is, and how the three exported functions come from it.

use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bindings::exports::touchstone::policy::guest::{Info, Need};
use crate::bindings::touchstone::policy::types::EventInfo;
use crate::evidence::Subject;
use crate::{Event, Finding, Level, Outcome, Problem, Severity, settings};

/// A policy: its settings are its fields.
///
/// `Sync` because it lies in a static; guests have one thread only.
pub trait Policy: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The event kinds that it understands; empty for all. For the reader of `touchstone inspect`; which events a
    /// policy gets is decided in policy.yaml.
    const KINDS: &'static [&'static str] = &[];

    /// Why it needs each capability that it uses: `&[("data", "layers and their vulnerabilities")]`. For the person who
    /// writes the grants.
    const NEEDS: &'static [crate::Need] = &[];

    /// What types cannot say about the settings; called once, when they have been read. Report every problem.
    fn check(&self) -> Vec<Problem> {
        Vec::new()
    }

    /// Makes ready what every decision needs, once, when the settings have been read and checked: parsed programs, compiled
    /// expressions, documents that grants allow to be read. What it leaves in its fields (`#[serde(skip)]`) is part of the
    /// snapshot that every decision starts from. Staging an action stages nothing here, but says whether it would be.
    /// Report every problem.
    fn prepare(&mut self) -> Vec<Problem> {
        Vec::new()
    }

    /// Judges one event.
    ///
    /// An error means "cannot decide". It is not "no": what it counts as is said by `onError` in policy.yaml. Every
    /// [`std::error::Error`] turns into one with `?`.
    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided>;
}

/// Why a policy cannot decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided(String);

impl Undecided {
    /// For a reason in words.
    pub fn new(reason: impl Into<String>) -> Undecided {
        Undecided(reason.into())
    }

    /// The reason.
    pub fn reason(&self) -> &str {
        &self.0
    }
}

impl<E: std::error::Error> From<E> for Undecided {
    fn from(error: E) -> Undecided {
        Undecided(error.to_string())
    }
}

impl From<Undecided> for String {
    fn from(undecided: Undecided) -> String {
        undecided.0
    }
}

impl Finding {
    /// A finding that denies. `id` is stable from event to event; `message` is one sentence for a person.
    pub fn deny(id: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding::new(Level::Deny, id, message)
    }

    /// A finding that warns.
    pub fn warn(id: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding::new(Level::Warn, id, message)
    }

    /// A finding that only informs.
    pub fn info(id: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding::new(Level::Info, id, message)
    }

    /// A finding of a level, of unknown severity.
    pub fn new(level: Level, id: impl Into<String>, message: impl Into<String>) -> Finding {
        let (id, message) = (id.into(), message.into());
        Finding {
            id,
            level,
            severity: Severity::Unknown,
            message,
            target: None,
            remedy: None,
            image: None,
            package: None,
            path: None,
            links: Vec::new(),
            details: None,
        }
    }

    /// How bad it is.
    pub fn severity(mut self, severity: Severity) -> Finding {
        self.severity = severity;
        self
    }

    /// What it was found on.
    pub fn on(mut self, target: impl Into<String>) -> Finding {
        self.target = Some(target.into());
        self
    }

    /// What the reader can do.
    pub fn remedy(mut self, remedy: impl Into<String>) -> Finding {
        self.remedy = Some(remedy.into());
        self
    }
}

/// What machines and waivers ask for.
impl Finding {
    /// The image that it is about.
    pub fn image(mut self, subject: &Subject) -> Finding {
        self.image = subject.image.as_ref().map(|image| image.text.clone());
        self
    }

    /// The package, by name.
    pub fn package(mut self, name: impl Into<String>) -> Finding {
        self.package = Some(name.into());
        self
    }

    /// The file.
    pub fn path(mut self, path: impl Into<String>) -> Finding {
        self.path = Some(path.into());
        self
    }

    /// A page about it.
    pub fn link(mut self, url: impl Into<String>) -> Finding {
        self.links.push(url.into());
        self
    }

    /// Pages about it.
    pub fn links(mut self, urls: impl IntoIterator<Item = String>) -> Finding {
        self.links.extend(urls);
        self
    }

    /// Whatever else a machine should know: what is written as a JSON object. None, if writing it fails.
    pub fn details(mut self, details: &impl Serialize) -> Finding {
        self.details = serde_json::to_string(details).ok();
        self
    }
}

/// Nothing to say, which allows.
impl Default for Outcome {
    fn default() -> Outcome {
        Outcome {
            findings: Vec::new(),
            stop: false,
            patch: None,
            value: None,
        }
    }
}

impl Outcome {
    /// Adds a finding.
    pub fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Leaves out the policies that come later.
    pub fn stop(mut self) -> Outcome {
        self.stop = true;
        self
    }
}

impl From<Vec<Finding>> for Outcome {
    fn from(findings: Vec<Finding>) -> Outcome {
        Outcome {
            findings,
            stop: false,
            patch: None,
            value: None,
        }
    }
}

impl From<Finding> for Outcome {
    fn from(finding: Finding) -> Outcome {
        Outcome::from(vec![finding])
    }
}

/// Where the configured policy lies between `configure` and `evaluate`.
pub struct Slot<P>(OnceLock<P>);

impl<P> Slot<P> {
    /// Empty.
    #[expect(
        clippy::new_without_default,
        reason = "only the macro makes one, in a static"
    )]
    pub const fn new() -> Slot<P> {
        Slot(OnceLock::new())
    }
}

/// Compiles only for a policy.
pub const fn is_policy<P: Policy>() {}

/// What a module is called: its crate's name, version and description.
pub struct Module {
    /// The crate's name.
    pub name: &'static str,
    /// The crate's version.
    pub version: &'static str,
    /// The crate's description.
    pub description: &'static str,
}

/// The exported `describe`.
pub fn describe<P: Policy>(module: Module) -> Info {
    report_panics();
    let need = |(capability, why): &crate::Need| Need {
        capability: (*capability).to_owned(),
        why: (*why).to_owned(),
    };
    Info {
        name: module.name.to_owned(),
        version: module.version.to_owned(),
        description: module.description.to_owned(),
        kinds: P::KINDS.iter().map(|kind| (*kind).to_owned()).collect(),
        settings_schema: schema::<P>().to_string(),
        needs: P::NEEDS.iter().map(need).collect(),
    }
}

fn schema<P: Policy>() -> Value {
    schemars::SchemaGenerator::default()
        .into_root_schema_for::<P>()
        .to_value()
}

/// The exported `configure`.
pub fn configure<P: Policy>(slot: &Slot<P>, settings: &str) -> Result<(), Vec<Problem>> {
    report_panics();
    let policy = read_settings::<P>(settings)?;
    // A second `configure` of the same instance keeps the first settings; the host never calls it.
    let _ = slot.0.set(policy);
    Ok(())
}

/// Reads settings, or reports every problem with them.
pub(crate) fn read_settings<P: Policy>(text: &str) -> Result<P, Vec<Problem>> {
    let whole = |message: String| {
        vec![Problem {
            path: String::new(),
            message,
        }]
    };
    let settings: Value = serde_json::from_str(text).map_err(|error| whole(error.to_string()))?;
    let problems = settings::problems(&schema::<P>(), &settings);
    if !problems.is_empty() {
        return Err(problems);
    }
    // The snapshot holds the memory as it was at its largest: the policy takes the place of what was only checked.
    drop(settings);
    let mut policy: P =
        crate::event::from_json(text).map_err(|(path, message)| vec![Problem { path, message }])?;
    let mut problems = policy.check();
    if problems.is_empty() {
        problems = policy.prepare();
    }
    if problems.is_empty() {
        Ok(policy)
    } else {
        Err(problems)
    }
}

/// The exported `evaluate`.
pub fn evaluate<P: Policy>(slot: &Slot<P>, info: EventInfo) -> Result<Outcome, String> {
    let policy = slot.0.get().ok_or("it was not configured")?;
    policy.evaluate(&Event::new(info)).map_err(String::from)
}

/// A panic ends the instance; its message goes to the log first.
fn report_panics() {
    #[cfg(target_arch = "wasm32")]
    std::panic::set_hook(Box::new(|panic| crate::log::error(&panic.to_string(), &[])));
}
