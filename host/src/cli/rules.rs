//! `touchstone rules`

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use rule_engine::file::{self, Entry, Kind, Parameter, Reading, RuleFile};
use rule_engine::{Context, Error, Rule, Value, difference};

use super::EXIT_CONFIG;

#[derive(Args)]
#[command(after_help = "Examples:
  touchstone rules lint policies/*/*.rules
  touchstone rules explain clair.rules
  touchstone rules explain clair.rules --event message.json

Exit codes of lint: 0 nothing to say, 1 something odd or wrong, 3 a file cannot be read.")]
pub(super) struct Rules {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say what is wrong in rule files, what CIPolicE reads otherwise, and what versions of the expressions differ in
    Lint {
        /// Rule files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The version of the expressions: 5 (rule-engine 5.0.2) or 4 (4.5.3)
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(4..=5))]
        compat: u8,
    },
    /// Show how each rule of a file is understood, and what comes of it on an event
    Explain {
        /// A rule file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// An event: a JSON object
        #[arg(long, value_name = "FILE")]
        event: Option<PathBuf>,
        /// The version of the expressions: 5 (rule-engine 5.0.2) or 4 (4.5.3)
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(4..=5))]
        compat: u8,
        /// Read the file as CIPolicE does, with its quirks
        #[arg(long)]
        original: bool,
    },
}

impl Rules {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let mut out = anstream::stdout().lock();
        match self.command {
            Command::Lint { files, compat } => lint(&mut out, &files, &context(compat)),
            Command::Explain {
                file,
                event,
                compat,
                original,
            } => {
                let reading = if original {
                    Reading::Original
                } else {
                    Reading::Sane
                };
                let event = event.as_deref().map(read_event).transpose()?;
                let text = read(&file)?;
                let rules = file::read(&text, reading).map_err(|error| {
                    anyhow!("{}:{}: {}", file.display(), error.line, error.reason)
                })?;
                explain(&mut out, &rules, event.as_ref(), &context(compat))?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

fn context(compat: u8) -> Context {
    match compat {
        4 => Context::v4(),
        _ => Context::default(),
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| file.display().to_string())
}

fn read_event(file: &Path) -> anyhow::Result<Value> {
    let event: serde_json::Value =
        serde_json::from_str(&read(file)?).with_context(|| file.display().to_string())?;
    match event.is_object() {
        true => Ok(Value::from(event)),
        false => Err(anyhow!("{}: no JSON object", file.display())),
    }
}

fn lint(out: &mut dyn Write, files: &[PathBuf], context: &Context) -> anyhow::Result<ExitCode> {
    let mut said = false;
    let mut unreadable = false;
    for file in files {
        let name = file.display();
        let text = match read(file) {
            Ok(text) => text,
            Err(error) => {
                writeln!(out, "{}", super::chain(&error))?;
                unreadable = true;
                continue;
            }
        };
        for (line, message) in complaints(&text, context) {
            writeln!(out, "{name}:{line}: {}", plain(&message))?;
            said = true;
        }
    }
    Ok(match (unreadable, said) {
        (true, _) => ExitCode::from(EXIT_CONFIG),
        (false, true) => ExitCode::from(1),
        (false, false) => ExitCode::SUCCESS,
    })
}

/// What is to be said about a file, by line.
fn complaints(text: &str, context: &Context) -> Vec<(String, String)> {
    let rules = match file::read(text, Reading::Sane) {
        Ok(rules) => rules,
        Err(error) => return vec![(error.line.to_string(), format!("error: {}", error.reason))],
    };
    let mut found: Vec<(usize, String, String)> = Vec::new();
    for lint in &rules.lints {
        let message = format!("{} [{}]", lint.message, lint.quirk.name());
        found.push((lint.line, lint.line.to_string(), message));
    }
    for entry in &rules.entries {
        if let Err(error) = Rule::parse(&entry.condition, context) {
            let place = match error.position {
                Some(at) => format!("{}:{}", entry.line, at.column),
                None => entry.line.to_string(),
            };
            found.push((entry.line, place, format!("error: {}", told(&error))));
        }
        if let Some(both) = difference(&entry.condition, context.limits.depth) {
            let [four, five] = both.map(|parsed| match parsed {
                Ok(text) => text,
                Err(error) => format!("a mistake ({error})"),
            });
            let message = format!("rule-engine 4 reads {four}, 5 reads {five} [versions]");
            found.push((entry.line, entry.line.to_string(), message));
        }
    }
    found.sort_by_key(|(line, ..)| *line);
    found
        .into_iter()
        .map(|(_, place, message)| (place, message))
        .collect()
}

fn told(error: &Error) -> String {
    error.to_string()
}

fn explain(
    out: &mut dyn Write,
    rules: &RuleFile,
    event: Option<&Value>,
    context: &Context,
) -> anyhow::Result<()> {
    let mut ended = false;
    for entry in &rules.entries {
        writeln!(out, "line {}: {}", entry.line, plain(&entry.condition))?;
        match Rule::parse(&entry.condition, context) {
            Err(error) => writeln!(out, "  wrong       {}", plain(&told(&error)))?,
            Ok(rule) => {
                writeln!(out, "  understood  {}", plain(&rule.to_text()))?;
                let symbols: Vec<&str> = rule.symbols().collect();
                if !symbols.is_empty() {
                    writeln!(out, "  asks for    {}", symbols.join(", "))?;
                }
                if let Some(event) = event {
                    ended |= write_result(out, entry, &rule, event, ended)?;
                }
            }
        }
        for action in &entry.actions {
            writeln!(
                out,
                "  then        {}: {}",
                plain(&action.text),
                meaning(&action.kind)
            )?;
        }
    }
    Ok(())
}

/// What comes of a rule on an event; answers whether it ends the file.
fn write_result(
    out: &mut dyn Write,
    entry: &Entry,
    rule: &Rule,
    event: &Value,
    ended: bool,
) -> anyhow::Result<bool> {
    if ended {
        writeln!(out, "  left out    an earlier rule says break")?;
        return Ok(false);
    }
    let result = rule.matches(event);
    match &result {
        Ok(true) => writeln!(out, "  accepts     the event")?,
        Ok(false) => writeln!(out, "  rejects     the event")?,
        Err(error) => writeln!(out, "  undecided   {}", plain(&told(error)))?,
    }
    let breaks = entry
        .actions
        .iter()
        .any(|action| action.kind == Kind::Break);
    Ok(breaks && result == Ok(true))
}

fn meaning(kind: &Kind) -> String {
    match kind {
        Kind::Break => "ends the file".to_owned(),
        Kind::Script(path) => {
            let name = path.rsplit('/').next().unwrap_or(path);
            format!("the command {name} on the image")
        }
        Kind::Function {
            module,
            function,
            parameters,
        } => {
            let words = parameters.as_ref().map_or_else(
                || "the image".to_owned(),
                |all| {
                    let word = |one: &Parameter| match one {
                        Parameter::Text(text) => text.clone(),
                        Parameter::Key(key) => format!("the event's {key}"),
                    };
                    all.iter().map(word).collect::<Vec<_>>().join(", ")
                },
            );
            plain(&format!("the command {module}.{function} with {words}"))
        }
        Kind::Web(_) => "posts the event there".to_owned(),
        Kind::Named(_) => "what the settings say it is".to_owned(),
    }
}

/// What a file says must not rewrite the terminal.
fn plain(text: &str) -> String {
    text.replace(|c: char| c.is_control(), "\u{fffd}")
}
