//! `touchstone decisions`

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use http::Method;
use jiff::Timestamp;
use serde_json::Value;

use super::client::{Client, field};
use crate::config::parse_duration;

/// How often a host is asked for what is new.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Args)]
#[command(after_help = "Examples:
  touchstone decisions --verdict deny --since 1h
  touchstone decisions --subject nginx:1.27 -o json
  touchstone decisions --follow
  touchstone decisions 019a9f0e-…          one, with its actions and where they stand")]
pub(super) struct Decisions {
    /// Show this one in full
    id: Option<String>,
    /// Made at or after: a time such as 2026-01-31T12:00:00Z, or how long ago, as in 1h
    #[arg(long, value_parser = moment, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Made before
    #[arg(long, value_parser = moment, value_name = "TIME")]
    until: Option<Timestamp>,
    /// About this, as the event wrote it
    #[arg(long)]
    subject: Option<String>,
    /// Judged by this policy
    #[arg(long)]
    policy: Option<String>,
    /// allow, warn or deny
    #[arg(long)]
    verdict: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50, value_name = "NUMBER")]
    limit: u32,
    /// Then show what is new, until interrupted
    #[arg(long, short)]
    follow: bool,
    /// How to show them: text, or json (one line each)
    #[arg(long, short, default_value = "text", value_parser = ["text", "json"], value_name = "FORMAT")]
    output: String,
    #[command(flatten)]
    client: Client,
}

impl Decisions {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(self.show())?;
        Ok(ExitCode::SUCCESS)
    }

    async fn show(&self) -> anyhow::Result<()> {
        if let Some(id) = &self.id {
            let found = self
                .client
                .ask(Method::GET, &format!("/v1/decisions/{id}"), &[])
                .await?;
            return Ok(writeln!(
                anstream::stdout(),
                "{}",
                serde_json::to_string_pretty(&found)?
            )?);
        }
        let mut parameters = self.filter();
        parameters.push(("limit", self.limit.to_string()));
        let page = self
            .client
            .ask(Method::GET, "/v1/decisions", &parameters)
            .await?;
        let mut last = page.get("last").and_then(Value::as_i64).unwrap_or_default();
        // The oldest first, as a log is read.
        for decision in list(&page)?.iter().rev() {
            self.write(decision)?;
        }
        if !self.follow {
            return Ok(());
        }
        loop {
            tokio::time::sleep(PAUSE).await;
            let mut parameters = self.filter();
            parameters.extend([("after", last.to_string()), ("limit", "1000".to_owned())]);
            let page = self
                .client
                .ask(Method::GET, "/v1/decisions", &parameters)
                .await?;
            last = page.get("last").and_then(Value::as_i64).unwrap_or(last);
            for decision in list(&page)? {
                self.write(decision)?;
            }
        }
    }

    fn filter(&self) -> Vec<(&'static str, String)> {
        let given = [
            ("since", self.since.map(|time| time.to_string())),
            ("until", self.until.map(|time| time.to_string())),
            ("subject", self.subject.clone()),
            ("policy", self.policy.clone()),
            ("verdict", self.verdict.clone()),
        ];
        given
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }

    fn write(&self, decision: &Value) -> anyhow::Result<()> {
        let mut out = anstream::stdout();
        if self.output == "json" {
            return Ok(writeln!(out, "{decision}")?);
        }
        let findings = decision
            .pointer("/policies")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let findings: Vec<String> = findings
            .filter_map(|policy| policy.get("findings")?.as_array())
            .flatten()
            .filter(|finding| field(finding, "/level") != "info")
            .map(|finding| field(finding, "/id").into_owned())
            .collect();
        writeln!(
            out,
            "{:<5} {} {} {} {}",
            field(decision, "/verdict"),
            field(decision, "/id"),
            field(decision, "/event/kind"),
            field(decision, "/event/subject"),
            findings.join(" "),
        )?;
        Ok(())
    }
}

fn list(page: &Value) -> anyhow::Result<&Vec<Value>> {
    let found = page.get("decisions").and_then(Value::as_array);
    found.context("the host's answer has no decisions")
}

/// A time, or how long ago.
fn moment(text: &str) -> anyhow::Result<Timestamp> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let ago = parse_duration(text).map_err(|_| {
        anyhow!("write a time such as 2026-01-31T12:00:00Z, or how long ago, as in 1h")
    })?;
    Ok(Timestamp::now().saturating_sub(ago)?)
}
