//! `touchstone actions`

use std::collections::HashMap;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::Value;

use super::client::{Client, field};

/// How often a host is asked for what is new.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Args)]
#[command(after_help = "Examples:
  touchstone actions --state dead
  touchstone actions --follow
  touchstone actions show 019a9f0e-…       with every attempt
  touchstone actions retry 019a9f0e-…
  touchstone actions discard 019a9f0e-…")]
pub(super) struct Actions {
    #[command(subcommand)]
    order: Option<Order>,
    /// due, done, dead or discarded
    #[arg(long)]
    state: Option<String>,
    /// webhook, command, queue or notify
    #[arg(long)]
    kind: Option<String>,
    /// Staged by this policy
    #[arg(long)]
    policy: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 50, value_name = "NUMBER")]
    limit: u32,
    /// Then show what changes among them and what is new, until interrupted
    #[arg(long, short)]
    follow: bool,
    /// How to show them: text, or json (one line each)
    #[arg(long, short, default_value = "text", value_parser = ["text", "json"], value_name = "FORMAT")]
    output: String,
    #[command(flatten)]
    client: Client,
}

#[derive(Subcommand)]
enum Order {
    /// Show one in full, with every attempt
    Show {
        /// Its id
        id: String,
    },
    /// Try one now, as if it were new
    Retry {
        /// Its id
        id: String,
    },
    /// Never try one again
    Discard {
        /// Its id
        id: String,
    },
}

impl Actions {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(self.show())?;
        Ok(ExitCode::SUCCESS)
    }

    async fn show(&self) -> anyhow::Result<()> {
        let (method, path) = match &self.order {
            Some(Order::Show { id }) => (Method::GET, format!("/v1/actions/{id}")),
            Some(Order::Retry { id }) => (Method::POST, format!("/v1/actions/{id}/retry")),
            Some(Order::Discard { id }) => (Method::POST, format!("/v1/actions/{id}/discard")),
            None => return self.list().await,
        };
        let found = self.client.ask(method, &path, &[]).await?;
        writeln!(
            anstream::stdout(),
            "{}",
            serde_json::to_string_pretty(&found)?
        )?;
        Ok(())
    }

    async fn list(&self) -> anyhow::Result<()> {
        let mut shown: HashMap<String, String> = HashMap::new();
        loop {
            let given = [
                ("state", self.state.clone()),
                ("kind", self.kind.clone()),
                ("policy", self.policy.clone()),
                ("limit", Some(self.limit.to_string())),
            ];
            let given: Vec<(&str, String)> = given
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect();
            let page = self.client.ask(Method::GET, "/v1/actions", &given).await?;
            let found = page.get("actions").and_then(Value::as_array);
            let found = found.context("the host's answer has no actions")?;
            let mut now = HashMap::new();
            for action in found.iter().rev() {
                let id = field(action, "/id").into_owned();
                let state = format!("{} {}", field(action, "/state"), field(action, "/attempts"));
                if shown.get(&id) != Some(&state) {
                    self.write(action)?;
                }
                now.insert(id, state);
            }
            shown = now;
            if !self.follow {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn write(&self, action: &Value) -> anyhow::Result<()> {
        let mut out = anstream::stdout();
        if self.output == "json" {
            return Ok(writeln!(out, "{action}")?);
        }
        writeln!(
            out,
            "{:<9} {} {} {} by {}, attempts {}: {}",
            field(action, "/state"),
            field(action, "/id"),
            field(action, "/kind"),
            field(action, "/target"),
            field(action, "/policy"),
            field(action, "/attempts"),
            field(action, "/detail"),
        )?;
        Ok(())
    }
}
