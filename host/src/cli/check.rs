//! `touchstone check`

use std::collections::BTreeMap;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget};

use super::{Common, EXIT_CONFIG};
use crate::config::{State, parse_state, yaml_reason};
use crate::decide::Options;
use crate::document::Document;
use crate::evidence::{self, Evidence, Format};
use crate::image::{ImageError, ImageName};
use crate::model::{ActionState, Event, EventImage, Plan, Verdict};
use crate::report::{self, FORMATS, Judged};
use crate::service::{Service, Stay};
use crate::source::{Defaults, read_event, recognise};
use crate::store::ActionStory;

/// An action was not carried out.
const EXIT_ACTION: u8 = 5;
/// How long actions may take under `--perform`.
const PERFORM_TIME: Duration = Duration::from_secs(60);
/// How long those that run then are waited for.
const STOP_TIME: Duration = Duration::from_secs(1);

#[derive(Args)]
#[command(after_help = "Examples:
  touchstone check --policies policies-examples/scan-level message.json
  touchstone check trivy.json --image nginx:1.27
  touchstone check trivy.json --evidence Dockerfile --evidence vex.json -o sarif > touchstone.sarif
  skopeo inspect --config docker://nginx:1.27 | touchstone check --kind image.configuration -
  touchstone check -o json --fail-on warn reports/*.json > decisions.json

Nothing is done to the world, but shown what would be; --perform does it.

Exit codes: 0 allowed, 1 denied, 2 warnings under --fail-on warn, 3 wrong usage, configuration or input,
4 denied only because a policy could not decide, 5 an action was not carried out under --perform.")]
pub(super) struct Check {
    /// What to judge: documents in JSON or YAML, scanners' reports in any known format; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Folder that holds policies, or is one; may be repeated
    #[arg(
        long,
        short,
        env = "TOUCHSTONE_POLICIES",
        value_delimiter = ':',
        value_name = "PATH"
    )]
    policies: Vec<PathBuf>,
    /// Kind of what does not tell it itself; image.scanned for reports and event for the rest, if not given
    #[arg(long)]
    kind: Option<String>,
    /// The image that reports are about, whatever they say themselves
    #[arg(long, value_name = "REFERENCE", value_parser = image)]
    image: Option<String>,
    /// The format that reports have to be of; by their content, if not given
    #[arg(long, value_name = "FORMAT", value_parser = evidence::FORMATS.iter().map(|format| format.name).collect::<Vec<_>>())]
    format: Option<String>,
    /// A further report about the same image, known while judging; may be repeated
    #[arg(long, value_name = "FILE")]
    evidence: Vec<PathBuf>,
    /// Ask only this policy, whatever it matches
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// How to show the decisions
    #[arg(long, short, default_value = "text", value_name = "FORMAT", value_parser = FORMATS.iter().map(|format| format.name).collect::<Vec<_>>())]
    output: String,
    /// From which verdict on the exit code tells
    #[arg(long, default_value = "deny", value_name = "VERDICT")]
    fail_on: FailOn,
    /// Carry out the actions that are due, and wait until each is done or given up (after a minute at most)
    #[arg(long)]
    perform: bool,
    /// The state that policies find: sqlite:FILE or memory
    #[arg(long, value_parser = parse_state, default_value = "memory", value_name = "STATE")]
    state: State,
    #[command(flatten)]
    common: Common,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Warn,
    Deny,
}

impl Check {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let mut origin = self.common.origin(self.policies, None, None);
        origin.overrides.state = Some(self.state);
        let reading = Reading {
            kind: self.kind,
            image: self.image,
            format: self.format.as_deref().and_then(evidence::find),
            evidence: further(&self.evidence)?,
        };
        let format = report::find(&self.output).context("no such format")?;
        let options = Options {
            policy: self.policy,
            dry_run: !self.perform,
            ..Options::default()
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let (judged, performed) = runtime.block_on(async {
            let service = Service::new(origin, Stay::Once).await?;
            load(&service).await?;
            let mut judged = judge_all(&service, &self.files, &reading, &options).await;
            let performed = if self.perform {
                wait_for_actions(&service, &judged).await?
            } else {
                Vec::new()
            };
            service.outbox.stop(STOP_TIME).await;
            let states = performed
                .iter()
                .map(|story| (story.action.id.clone(), story.state));
            let states: BTreeMap<String, ActionState> = states.collect();
            for judged in &mut judged {
                judged.performed.clone_from(&states);
            }
            anyhow::Ok((judged, performed))
        })?;
        let mut out = anstream::stdout().lock();
        match (format.write)(&mut out, &judged) {
            // The reader has seen enough.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
            written => written.context("cannot write the report")?,
        }
        for story in &performed {
            let detail = story.detail.as_deref().unwrap_or_default();
            tracing::info!(
                action = story.action.id,
                state = story.state.as_str(),
                ?detail,
                "performed"
            );
            if story.state != ActionState::Done {
                anstream::eprintln!(
                    "{}: {} {}: {detail:?}",
                    story.state.as_str(),
                    story.action.kind,
                    story.action.target
                );
            }
        }
        if performed
            .iter()
            .any(|story| story.state != ActionState::Done)
        {
            return Ok(ExitCode::from(EXIT_ACTION));
        }
        Ok(exit_code(&judged, self.fail_on))
    }
}

/// Waits until every action that was due is over.
async fn wait_for_actions(
    service: &Service,
    judged: &[Judged],
) -> anyhow::Result<Vec<ActionStory>> {
    let decisions = judged.iter().flat_map(|one| &one.result);
    let due = decisions
        .flat_map(|decision| &decision.actions)
        .filter(|action| action.state == Plan::Due);
    let ids: Vec<&str> = due.map(|action| action.id.as_str()).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    if tokio::time::timeout(PERFORM_TIME, service.outbox.drained())
        .await
        .is_err()
    {
        tracing::warn!("some actions are not done after a minute");
    }
    let mut stories = Vec::new();
    for id in ids {
        stories.extend(service.outside.store.action(id).await?);
    }
    Ok(stories)
}

/// Loads the policies; one that cannot be loaded is a mistake to mend, not a verdict.
async fn load(service: &Service) -> anyhow::Result<()> {
    service.reload().await;
    let generation = service
        .generations
        .current()
        .context("nothing was loaded")?;
    let broken = generation
        .members()
        .iter()
        .filter_map(|member| Some((&member.name, member.state.error()?)));
    let lines: Vec<String> = broken
        .map(|(name, error)| format!("policy {name}: {error}"))
        .collect();
    let data = generation
        .data_error()
        .map(|error| format!("data: {error}"));
    let waivers = generation
        .waivers_error()
        .map(|error| format!("waivers: {error}"));
    let lines: Vec<String> = lines.into_iter().chain(data).chain(waivers).collect();
    if !lines.is_empty() {
        bail!("{}", lines.join("\n       "));
    }
    if generation.members().is_empty() {
        let folders: Vec<String> = service
            .config()
            .policies
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        bail!(
            "no policy.yaml in or below {}: name folders with --policies",
            folders.join(", ")
        );
    }
    Ok(())
}

async fn judge_all(
    service: &Service,
    files: &[PathBuf],
    reading: &Reading,
    options: &Options,
) -> Vec<Judged> {
    // A bar for one file would only flicker.
    let target = if files.len() > 1 {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(files.len() as u64), target);
    let mut judged = Vec::new();
    for file in files {
        let name = file.display().to_string();
        match read(file, reading) {
            Ok(events) => {
                let many = events.len() > 1;
                for (index, event) in events.into_iter().enumerate() {
                    let result = service
                        .decider
                        .decide(event, options)
                        .await
                        .map_err(|error| error.to_string());
                    let name = if many {
                        format!("{name}#{index}")
                    } else {
                        name.clone()
                    };
                    judged.push(Judged {
                        name,
                        result,
                        performed: Default::default(),
                    });
                }
            }
            Err(error) => judged.push(Judged {
                name,
                result: Err(super::chain(&error)),
                performed: Default::default(),
            }),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    judged
}

/// How files are read.
struct Reading {
    kind: Option<String>,
    image: Option<String>,
    format: Option<&'static Format>,
    /// Known of whatever image is judged.
    evidence: Vec<Arc<Evidence>>,
}

fn image(text: &str) -> Result<String, ImageError> {
    ImageName::parse(text).map(|_| text.to_owned())
}

/// Reports that go with what is judged.
fn further(files: &[PathBuf]) -> anyhow::Result<Vec<Arc<Evidence>>> {
    let read = |file: &PathBuf| {
        let name = || file.display().to_string();
        let (bytes, _) = bytes_of(file).with_context(name)?;
        let evidence = evidence::read(&bytes, None).with_context(name)?;
        Ok(Arc::new(evidence::merge(vec![evidence])))
    };
    files.iter().map(read).collect()
}

fn bytes_of(file: &Path) -> anyhow::Result<(Vec<u8>, String)> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        if std::io::stdin().is_terminal() {
            tracing::info!("reading a document from the terminal; end it with Ctrl-D");
        }
        std::io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .context("cannot read standard input")?;
        return Ok((bytes, "-".to_owned()));
    }
    if file.is_dir() {
        bail!("it is a folder: name the files in it");
    }
    let bytes = std::fs::read(file).context("cannot read it")?;
    Ok((bytes, file.display().to_string()))
}

/// The events in a file: one, or as many as a YAML file has documents.
fn read(file: &Path, reading: &Reading) -> anyhow::Result<Vec<Event>> {
    let (bytes, source) = bytes_of(file)?;
    let defaults = Defaults {
        kind: reading.kind.clone(),
        source,
        id: None,
        image: reading.image.clone(),
        format: reading.format,
    };
    let mut events = if is_yaml(file, &bytes) {
        let documents = yaml(&bytes)?.into_iter();
        documents
            .map(|document| Ok(recognise(document, &defaults)?))
            .collect::<anyhow::Result<Vec<_>>>()?
    } else {
        vec![read_event(bytes, &defaults)?]
    };
    for event in &mut events {
        event.evidence.extend(reading.evidence.iter().cloned());
        if let (Some(image), true) = (&reading.image, event.images.is_empty()) {
            event.images.push(EventImage::new(image, String::new()));
        }
    }
    Ok(events)
}

/// What is neither YAML by its name, nor JSON or a report by its look, is taken for YAML.
fn is_yaml(file: &Path, bytes: &[u8]) -> bool {
    let named = |names: &[&str]| {
        let extension = file.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| names.contains(&extension))
    };
    if named(&["yaml", "yml"]) {
        return true;
    }
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let looks_otherwise =
        matches!(first, Some(b'{' | b'[' | b'<')) || bytes.starts_with(&[0x1f, 0x8b]);
    let is_report = || std::str::from_utf8(bytes).is_ok_and(evidence::is_report);
    !named(&["json", "xml", "gz"]) && !looks_otherwise && !is_report()
}

fn yaml(bytes: &[u8]) -> anyhow::Result<Vec<Document>> {
    let values: Vec<serde_json::Value> = serde_saphyr::from_slice_multiple(bytes)
        .map_err(|error| anyhow!("no good YAML: {}", yaml_reason(&error)))?;
    if values.is_empty() {
        bail!("it holds no document");
    }
    values
        .into_iter()
        .map(|value| Ok(Document::parse(value.to_string())?))
        .collect()
}

/// The worst that happened decides.
fn exit_code(judged: &[Judged], fail_on: FailOn) -> ExitCode {
    let decisions = || judged.iter().flat_map(|one| &one.result);
    let denied = |by_faults: bool| {
        decisions()
            .any(|one| one.verdict == Verdict::Deny && one.denied_only_by_faults() == by_faults)
    };
    if judged.iter().any(|one| one.result.is_err()) {
        ExitCode::from(EXIT_CONFIG)
    } else if denied(false) {
        ExitCode::from(1)
    } else if denied(true) {
        ExitCode::from(4)
    } else if fail_on == FailOn::Warn && decisions().any(|one| one.verdict == Verdict::Warn) {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    }
}
