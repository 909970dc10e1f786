//! Asking a host that runs.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;
use url::Url;

use crate::egress::{Call, Egress};

const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_ANSWER: u64 = 64 << 20;

/// Which host is asked.
#[derive(Args)]
pub(super) struct Client {
    /// The host to ask
    #[arg(
        long,
        global = true,
        env = "TOUCHSTONE_SERVER",
        default_value = "http://127.0.0.1:8181",
        value_name = "URL"
    )]
    server: Url,
    /// A file with the token that is shown; or the token itself in TOUCHSTONE_TOKEN
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A file of certificates that are trusted besides the system's
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<PathBuf>,
    #[arg(skip)]
    egress: std::sync::OnceLock<Egress>,
}

impl Client {
    /// The answer as JSON; what the host says when it refuses is the error.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        parameters: &[(&str, String)],
    ) -> anyhow::Result<Value> {
        self.send(method, path, parameters, Vec::new()).await
    }

    /// The same, with something to send.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        parameters: &[(&str, String)],
        body: Vec<u8>,
    ) -> anyhow::Result<Value> {
        let mut url = self.server.join(path).context("--server")?;
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        let egress = match self.egress.get() {
            Some(egress) => egress,
            None => {
                let egress = Egress::new(self.ca.as_slice())?;
                self.egress.get_or_init(|| egress)
            }
        };
        let call = Call {
            method,
            url,
            headers: self.headers()?,
            body,
            allow_private: true,
            timeout: TIMEOUT,
            max_body: MAX_ANSWER,
            cut: false,
        };
        let sent = egress.send(call).await;
        let answer = sent
            .with_context(|| format!("cannot ask {}: name the host with --server", self.server))?;
        let value: Value = serde_json::from_slice(&answer.body)
            .with_context(|| format!("{} does not answer like a touchstone", self.server))?;
        if answer.status != 200 {
            let text = value
                .get("error")
                .and_then(Value::as_str)
                .unwrap_or("no reason given");
            bail!("{}: {text}", answer.status);
        }
        Ok(value)
    }

    fn headers(&self) -> anyhow::Result<HeaderMap> {
        let token = match &self.token_file {
            Some(file) => {
                let text = std::fs::read_to_string(file);
                Some(text.with_context(|| format!("--token-file {}", file.display()))?)
            }
            None => std::env::var("TOUCHSTONE_TOKEN").ok(),
        };
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
                .context("the token has characters that none has")?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }
}

/// A field as text, without control characters; nothing where there is none.
pub(super) fn field<'a>(value: &'a Value, pointer: &str) -> std::borrow::Cow<'a, str> {
    match value.pointer(pointer) {
        Some(Value::String(text)) if text.contains(char::is_control) => {
            text.replace(char::is_control, "\u{fffd}").into()
        }
        Some(Value::String(text)) => text.as_str().into(),
        None | Some(Value::Null) => "".into(),
        Some(other) => other.to_string().into(),
    }
}

/// The items of a list in an answer; none where there is no list.
pub(super) fn items<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    let list = value.pointer(pointer).and_then(Value::as_array);
    list.into_iter().flatten()
}
