//! `touchstone check`

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget};

use super::{Common, EXIT_CONFIG};
use crate::config::{State, parse_state, yaml_reason};
use crate::decide::Options;
use crate::document::Document;
use crate::model::{ActionState, Event, Plan, Verdict};
use crate::report::{self, FORMATS, Judged};
use crate::service::{Service, Stay};
use crate::source::{Defaults, recognise};
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
  skopeo inspect --config docker://nginx:1.27 | touchstone check --kind image.configuration -
  touchstone check -o json --fail-on warn reports/*.json > decisions.json

Nothing is done to the world, but shown what would be; --perform does it.

Exit codes: 0 allowed, 1 denied, 2 warnings under --fail-on warn, 3 wrong usage, configuration or input,
4 denied only because a policy could not decide, 5 an action was not carried out under --perform.")]
pub(super) struct Check {
    /// Documents to judge, JSON or YAML; `-` is standard input
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
    /// Kind of documents that do not tell it themselves
    #[arg(long, default_value = "event")]
    kind: String,
    /// Ask only this policy, whatever it matches
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// How to show the decisions: text or json
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
        let format = report::find(&self.output).context("no such format")?;
        let options = Options {
            policy: self.policy,
            dry_run: !self.perform,
            seen: None,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let (judged, performed) = runtime.block_on(async {
            let service = Service::new(origin, Stay::Once).await?;
            load(&service).await?;
            let judged = judge_all(&service, &self.files, &self.kind, &options).await;
            let performed = if self.perform {
                wait_for_actions(&service, &judged).await?
            } else {
                Vec::new()
            };
            service.outbox.stop(STOP_TIME).await;
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
    let lines: Vec<String> = lines.into_iter().chain(data).collect();
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
    kind: &str,
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
        match read(file, kind) {
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
                    judged.push(Judged { name, result });
                }
            }
            Err(error) => judged.push(Judged {
                name,
                result: Err(super::chain(&error)),
            }),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    judged
}

/// The events in a file: one, or as many as a YAML file has documents.
fn read(file: &Path, kind: &str) -> anyhow::Result<Vec<Event>> {
    let (bytes, source) = if file == Path::new("-") {
        let mut bytes = Vec::new();
        if std::io::stdin().is_terminal() {
            tracing::info!("reading a document from the terminal; end it with Ctrl-D");
        }
        std::io::stdin()
            .lock()
            .read_to_end(&mut bytes)
            .context("cannot read standard input")?;
        (bytes, "-".to_owned())
    } else {
        if file.is_dir() {
            bail!("it is a folder: name the files in it");
        }
        (
            std::fs::read(file).context("cannot read it")?,
            file.display().to_string(),
        )
    };
    let defaults = Defaults {
        kind: kind.to_owned(),
        source,
        id: None,
    };
    let documents = parse(file, bytes)?;
    documents
        .into_iter()
        .map(|document| Ok(recognise(document, &defaults)?))
        .collect()
}

/// JSON, or else YAML. What does not look like YAML by name and is broken JSON is reported as that.
fn parse(file: &Path, bytes: Vec<u8>) -> anyhow::Result<Vec<Document>> {
    let yaml = file
        .extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml");
    let json_like = bytes
        .iter()
        .find(|byte| !byte.is_ascii_whitespace())
        .is_some_and(|byte| matches!(byte, b'{' | b'['));
    if !yaml
        && (json_like
            || file
                .extension()
                .is_some_and(|extension| extension == "json"))
    {
        return Ok(vec![Document::parse_bytes(bytes)?]);
    }
    let values: Vec<serde_json::Value> = serde_saphyr::from_slice_multiple(&bytes)
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
