//! `touchstone evidence`

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::Value;

use super::client::{Client, field, items};

#[derive(Args)]
#[command(after_help = "Examples:
  touchstone evidence add trivy.json --image nginx:1.27@sha256:…
  touchstone evidence list
  touchstone evidence show nginx:1.27 -o json
  touchstone evidence rm sha256:…")]
pub(super) struct Evidence {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    client: Client,
}

#[derive(Subcommand)]
enum Command {
    /// List the reports that the host keeps, the newest first
    List {
        /// At most so many
        #[arg(long, default_value_t = 50, value_name = "NUMBER")]
        limit: u32,
        #[command(flatten)]
        output: Output,
    },
    /// Show what is known of an image, from all reports together
    Show {
        /// A reference or a digest
        image: String,
        #[command(flatten)]
        output: Output,
    },
    /// Give the host reports in any known format
    Add {
        /// Files as the scanners wrote them
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The image that they are about, whatever they say themselves
        #[arg(long, value_name = "REFERENCE")]
        image: Option<String>,
    },
    /// Forget what is known of an image
    Rm {
        /// A reference or a digest
        image: String,
    },
}

#[derive(Args)]
struct Output {
    /// How to show it
    #[arg(long = "output", short = 'o', default_value = "text", value_parser = ["text", "json"], value_name = "FORMAT")]
    format: String,
}

impl Evidence {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(self.obey())?;
        Ok(ExitCode::SUCCESS)
    }

    async fn obey(self) -> anyhow::Result<()> {
        let client = &self.client;
        let mut out = anstream::stdout().lock();
        let image = |image: String| [("image", image)];
        match self.command {
            Command::List { limit, output } => {
                let parameters = [("limit", limit.to_string())];
                let found = client.ask(Method::GET, "v1/evidence", &parameters).await?;
                for report in items(&found, "/reports") {
                    if output.format == "json" {
                        writeln!(out, "{report}")?;
                    } else {
                        write_report(&mut out, report)?;
                    }
                }
            }
            Command::Show {
                image: wanted,
                output,
            } => {
                let known = client
                    .ask(Method::GET, "v1/evidence", &image(wanted))
                    .await?;
                if output.format == "json" {
                    serde_json::to_writer_pretty(&mut out, &known)?;
                    writeln!(out)?;
                } else {
                    write_evidence(&mut out, &known)?;
                }
            }
            Command::Add {
                files,
                image: about,
            } => {
                let parameters: Vec<(&str, String)> =
                    about.into_iter().map(|about| ("image", about)).collect();
                for file in files {
                    let name = file.display().to_string();
                    let body = std::fs::read(&file).with_context(|| name.clone())?;
                    let kept = client
                        .send(Method::POST, "v1/evidence", &parameters, body)
                        .await
                        .with_context(|| name.clone())?;
                    for report in items(&kept, "/reports") {
                        let images = list(report, "/images");
                        let state = match field(report, "/latest").as_ref() {
                            "true" => "kept",
                            _ => "older than what is known",
                        };
                        writeln!(out, "{name}: {state}, about {images}")?;
                    }
                }
            }
            Command::Rm { image: wanted } => {
                let gone = client
                    .ask(Method::DELETE, "v1/evidence", &image(wanted))
                    .await?;
                writeln!(out, "forgotten: {} reports", field(&gone, "/forgotten"))?;
            }
        }
        Ok(())
    }
}

fn list(value: &Value, pointer: &str) -> String {
    let items = items(value, pointer).map(|item| field(item, "").into_owned());
    items.collect::<Vec<_>>().join(", ")
}

fn write_report(out: &mut dyn Write, report: &Value) -> anyhow::Result<()> {
    let (format, tool) = (field(report, "/format"), field(report, "/tool"));
    writeln!(
        out,
        "{:<20}  {format:<20}  {tool:<16}  {}",
        field(report, "/scanned"),
        list(report, "/images")
    )?;
    Ok(())
}

/// What there is, in numbers.
fn write_evidence(out: &mut dyn Write, known: &Value) -> anyhow::Result<()> {
    let names = list(known, "/evidence/image/names");
    writeln!(out, "names    {names}")?;
    let digests = list(known, "/evidence/image/digests");
    writeln!(out, "digests  {digests}")?;
    for report in items(known, "/evidence/reports") {
        writeln!(
            out,
            "report   {} by {} {}, scanned {}",
            field(report, "/format"),
            field(report, "/tool"),
            field(report, "/version"),
            field(report, "/scanned")
        )?;
    }
    let Some(parts) = known.pointer("/evidence").and_then(Value::as_object) else {
        return Ok(());
    };
    let lists = parts
        .iter()
        .filter(|(name, _)| name.as_str() != "reports")
        .filter_map(|(name, value)| Some((name, value.as_array()?)));
    for (name, items) in lists {
        writeln!(out, "{:>7}  {name}{}", items.len(), by_severity(items))?;
    }
    Ok(())
}

fn by_severity(items: &[Value]) -> String {
    let words = ["critical", "high", "medium", "low", "negligible", "unknown"];
    let counts = words.map(|word| {
        let of_word = |item: &&Value| field(item, "/severity") == word;
        (items.iter().filter(of_word).count(), word)
    });
    let told: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    match told.is_empty() {
        true => String::new(),
        false => format!(": {}", told.join(", ")),
    }
}
