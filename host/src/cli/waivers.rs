//! `touchstone waivers`

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use http::Method;
use jiff::Timestamp;
use serde_json::Value;

use super::client::{Client, field, items};
use crate::config::parse_duration;
use crate::waiver::{self, Waiver, Waivers as Register};

#[derive(Args)]
#[command(after_help = "Examples:
  touchstone waivers list
  touchstone waivers add --finding CVE-2026-1234+openssl --image 'registry.example.com/shop/*' \\
      --owner ana@example.com --reason 'not reachable: no TLS server' --expires 2026-12-31
  touchstone waivers check --within 14d
  touchstone waivers check waivers/*.yaml      only whether the files are right

Exit codes of check: 0 nothing to do, 1 something expires and would turn to deny, 3 wrong usage or a wrong file.")]
pub(super) struct Waivers {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    client: Client,
}

#[derive(Subcommand)]
enum Command {
    /// List all waivers, with how often each was used
    List {
        /// How to show them: text, or json (one line each)
        #[arg(long, short, default_value = "text", value_parser = ["text", "json"], value_name = "FORMAT")]
        output: String,
    },
    /// Add a waiver to those that the host keeps
    Add(Box<Add>),
    /// Remove a waiver that was added
    Rm {
        /// Its id
        id: String,
    },
    /// Say which waivers are unused, expired or about to expire, and what would turn to deny
    Check {
        /// Only look whether these files are right
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        /// What counts as soon
        #[arg(long, default_value = "14d", value_name = "DURATION")]
        within: String,
        /// How to show it
        #[arg(long, short, default_value = "text", value_parser = ["text", "json"], value_name = "FORMAT")]
        output: String,
    },
}

#[derive(Args)]
struct Add {
    /// Names it; made from the finding, if not given
    #[arg(long)]
    id: Option<String>,
    /// Which findings: an id, a pattern with *, or ID+PACKAGE
    #[arg(long)]
    finding: String,
    /// Only those of this policy
    #[arg(long)]
    policy: Option<String>,
    /// Only on these images: a pattern, or one image with tag or digest
    #[arg(long)]
    image: Option<String>,
    /// Only in this package
    #[arg(long)]
    package: Option<String>,
    /// Only in this file
    #[arg(long)]
    path: Option<String>,
    /// Who answers for it
    #[arg(long)]
    owner: String,
    /// Why
    #[arg(long)]
    reason: String,
    /// Where it was discussed
    #[arg(long)]
    ticket: Option<String>,
    /// When it ends: a day, which counts to its end in UTC, or a time
    #[arg(long, required_unless_present = "permanent", value_name = "DATE")]
    expires: Option<String>,
    /// It has no end
    #[arg(long, conflicts_with = "expires")]
    permanent: bool,
}

impl Add {
    fn waiver(self) -> Waiver {
        let id = self.id.unwrap_or_else(|| made_up(&self.finding));
        Waiver {
            id,
            finding: self.finding,
            policy: self.policy,
            image: self.image,
            package: self.package,
            path: self.path,
            owner: self.owner,
            reason: self.reason,
            ticket: self.ticket,
            created: None,
            expires: self.expires,
            permanent: self.permanent,
        }
    }
}

/// An id that tells what it is about, and is like no other.
fn made_up(finding: &str) -> String {
    let plain = finding.chars().map(|c| match c {
        c if c.is_ascii_alphanumeric() || c == '.' => c.to_ascii_lowercase(),
        _ => '-',
    });
    let plain: String = plain.take(60).collect();
    let unique = uuid::Uuid::now_v7().simple().to_string();
    let end = unique.get(20..).unwrap_or_default();
    format!("{}-{end}", plain.trim_matches('-'))
}

impl Waivers {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(self.obey())
    }

    async fn obey(self) -> anyhow::Result<ExitCode> {
        let client = &self.client;
        let mut out = anstream::stdout().lock();
        match self.command {
            Command::List { output } => {
                let all = client.ask(Method::GET, "v1/waivers", &[]).await?;
                write_all(&mut out, &all, "/waivers", &output)?;
            }
            Command::Add(add) => {
                let waiver = add.waiver();
                let id = waiver.id.clone();
                waiver.clone().check()?.is_new(Timestamp::now())?;
                let body = serde_json::to_vec(&waiver)?;
                client.send(Method::POST, "v1/waivers", &[], body).await?;
                writeln!(out, "{id}")?;
            }
            Command::Rm { id } => {
                // Ids are letters, digits, hyphens, underscores and dots; anything else would be another path.
                let path =
                    percent_encoding::utf8_percent_encode(&id, percent_encoding::NON_ALPHANUMERIC);
                client
                    .ask(Method::DELETE, &format!("v1/waivers/{path}"), &[])
                    .await?;
            }
            Command::Check {
                files,
                within: _,
                output: _,
            } if !files.is_empty() => check_files(&mut out, &files)?,
            Command::Check { within, output, .. } => {
                parse_duration(&within).map_err(anyhow::Error::msg)?;
                let found = client
                    .ask(Method::GET, "v1/waivers/check", &[("within", within)])
                    .await?;
                return write_check(&mut out, &found, &output);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Whether files are right, and right together.
fn check_files(out: &mut dyn Write, files: &[PathBuf]) -> anyhow::Result<()> {
    let (mut all, mut errors) = (Vec::new(), Vec::new());
    for file in files {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        match waiver::parse(file, &text) {
            Ok(waivers) => all.extend(waivers),
            Err(error) => errors.push(error.to_string()),
        }
    }
    let count = all.len();
    let wrong = all.iter().filter_map(|waiver| waiver.clone().check().err());
    errors.extend(wrong.map(|error| error.to_string()));
    if errors.is_empty() {
        errors.extend(Register::of(all).err().map(|error| error.to_string()));
    }
    if !errors.is_empty() {
        bail!("{}", errors.join("\n       "));
    }
    match count {
        1 => writeln!(out, "1 waiver, which is right")?,
        _ => writeln!(out, "{count} waivers, all of them right")?,
    }
    Ok(())
}

fn write_all(
    out: &mut dyn Write,
    answer: &Value,
    pointer: &str,
    output: &str,
) -> anyhow::Result<()> {
    for waiver in items(answer, pointer) {
        if output == "json" {
            writeln!(out, "{waiver}")?;
        } else {
            write_one(out, waiver)?;
        }
    }
    Ok(())
}

fn write_one(out: &mut dyn Write, waiver: &Value) -> anyhow::Result<()> {
    let about = ["policy", "image", "package", "path"];
    let about = about.map(|key| (key, field(waiver, &format!("/{key}"))));
    let about: Vec<String> = about
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| format!("{key} {value}"))
        .collect();
    let expires = match field(waiver, "/expires") {
        none if none.is_empty() => "permanent".into(),
        time => time,
    };
    writeln!(
        out,
        "{:<8} {}  {}  {}",
        field(waiver, "/state"),
        field(waiver, "/id"),
        field(waiver, "/finding"),
        about.join(", ")
    )?;
    writeln!(
        out,
        "         until {expires}, {}: {}; used {}",
        field(waiver, "/owner"),
        field(waiver, "/reason"),
        match waiver.pointer("/uses").and_then(Value::as_u64) {
            Some(1) => "once".to_owned(),
            uses => format!("{} times", uses.unwrap_or_default()),
        }
    )?;
    Ok(())
}

fn write_check(out: &mut dyn Write, found: &Value, output: &str) -> anyhow::Result<ExitCode> {
    let turning = items(found, "/turning").count();
    let code = match turning {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(1),
    };
    if output == "json" {
        serde_json::to_writer_pretty(&mut *out, found)?;
        writeln!(out)?;
        return Ok(code);
    }
    for (key, title) in [
        ("/expired", "Expired"),
        ("/expiring", "Expiring soon"),
        ("/unused", "Never used"),
    ] {
        if items(found, key).next().is_some() {
            writeln!(out, "{title}:")?;
            write_all(out, found, key, "text")?;
        }
    }
    for subject in items(found, "/turning") {
        let waivers = items(subject, "/waivers").map(|id| field(id, ""));
        let waivers: Vec<_> = waivers.collect();
        writeln!(
            out,
            "{} would be {} instead of {}, without {}",
            field(subject, "/subject"),
            field(subject, "/becomes"),
            field(subject, "/verdict"),
            waivers.join(", ")
        )?;
    }
    Ok(code)
}
