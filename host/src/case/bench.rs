//! A host for one case: one policy, a state in memory, and no way out.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::{Before, Case};
use crate::config::{HostConfig, Overrides, PolicyConfig};
use crate::data::Data;
use crate::decide::{Decider, Options};
use crate::egress::{self, Egress};
use crate::evidence;
use crate::generation::{Generation, Generations};
use crate::metrics::Metrics;
use crate::model::{Decision, Event};
use crate::outbox::Outbox;
use crate::outside::Outside;
use crate::sandbox::Sandbox;
use crate::source::{Defaults, read_event};
use crate::store;
use crate::waiver::Waivers;

/// A file of host settings that an example brings along: commands, credentials, …
const HOST_FILE: &str = "touchstone.yaml";

pub(super) struct Bench {
    decider: Decider,
    outside: Arc<Outside>,
    policy: String,
}

impl Bench {
    pub(super) async fn new(
        folder: &Path,
        case: &Case,
        cache: Option<&Path>,
    ) -> Result<Bench, String> {
        let mut policy = PolicyConfig::load(folder).map_err(told)?;
        if let Some(settings) = &case.settings {
            policy.replace_settings(settings)?;
        }
        let config = host_config(folder)?;
        let state = store::memory_with(&policy.name, &case.store);
        let answers = case
            .http
            .iter()
            .map(|(request, answer)| Ok((request.clone(), canned(answer)?)));
        let answers = answers.collect::<Result<_, String>>()?;
        let outside = Arc::new(Outside::sealed(state, Egress::canned(answers)));
        outside.configure(&config);
        let waivers = Waivers::of(case.waivers.clone()).map_err(told)?;
        outside.waivers.store(Arc::new(waivers));
        let data = match &case.data {
            Some(data) => Arc::new(Data::from_value(data.clone())),
            None => Arc::new(own_data(folder, &config)?),
        };
        let sandbox = Sandbox::new(&config.pool, cache, Arc::clone(&outside)).map_err(told)?;
        let name = policy.name.clone();
        let generation = Generation::of_one(&Arc::new(sandbox), policy, folder, data).await;
        if let Some(error) = generation
            .members()
            .iter()
            .find_map(|member| member.state.error())
        {
            return Err(format!("the policy cannot be loaded: {error}"));
        }
        let (generations, metrics) = (
            Arc::new(Generations::default()),
            Arc::new(Metrics::default()),
        );
        generations.set(generation);
        let outbox = Outbox::start(&outside, &metrics, config.audit, config.outbox);
        let decider = Decider::new(
            generations,
            metrics,
            Arc::new(outbox),
            Arc::clone(&outside),
            &config.pool,
        );
        Ok(Bench {
            decider,
            outside,
            policy: name,
        })
    }

    /// What is judged. Files are beside the case.
    pub(super) fn event(&self, case: &Case, folder: &Path) -> Result<Event, String> {
        let body = match (&case.event, &case.file) {
            (Some(_), Some(_)) => return Err("event and file: one of them is judged".to_owned()),
            (_, Some(file)) => {
                let broken = |error: std::io::Error| format!("{}: {error}", file.display());
                std::fs::read(folder.join(file)).map_err(broken)?
            }
            (Some(event), None) => event.to_string().into_bytes(),
            (None, None) => b"{}".to_vec(),
        };
        let defaults = Defaults {
            kind: case.kind.clone(),
            source: "/case".to_owned(),
            image: case.image.clone(),
            ..Defaults::default()
        };
        let mut event = read_event(body, &defaults).map_err(told)?;
        event.query.clone_from(&case.query);
        Ok(event)
    }

    /// Takes in what the host was told before.
    pub(super) async fn know(&self, case: &Case, folder: &Path) -> Result<(), String> {
        for (index, before) in case.evidence.iter().enumerate() {
            let place = |error: String| format!("evidence[{index}]: {error}");
            let bytes = report(before, folder).map_err(place)?;
            let evidence =
                evidence::read(&bytes, None).map_err(|error| place(error.to_string()))?;
            let mut parts = [evidence];
            evidence::identify(&mut parts, before.image.as_deref())
                .map_err(|error| place(error.to_string()))?;
            let mut parts = parts.map(Arc::new);
            let kept = self.outside.knowledge.keep(&mut parts).await;
            kept.map_err(|error| place(error.to_string()))?;
        }
        Ok(())
    }

    pub(super) async fn decide(
        &self,
        event: Event,
        now: Option<Timestamp>,
    ) -> Result<Decision, String> {
        let options = Options {
            policy: Some(self.policy.clone()),
            dry_run: true,
            now,
            ..Options::default()
        };
        self.decider.decide(event, &options).await.map_err(told)
    }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn report(before: &Before, folder: &Path) -> Result<Vec<u8>, String> {
    match (&before.file, &before.report) {
        (Some(file), None) => {
            std::fs::read(folder.join(file)).map_err(|error| format!("{}: {error}", file.display()))
        }
        (None, Some(report)) => Ok(report.to_string().into_bytes()),
        _ => Err("file or report, one of them".to_owned()),
    }
}

/// Commands, credentials and the like, as the policy's folder has them for its demonstration.
fn host_config(folder: &Path) -> Result<HostConfig, String> {
    let file = folder.join(HOST_FILE);
    let overrides = Overrides {
        policies: vec![folder.to_owned()],
        state: Some(crate::config::State::Memory),
        ..Overrides::default()
    };
    HostConfig::load(file.exists().then_some(file.as_path()), &overrides).map_err(told)
}

fn own_data(folder: &Path, config: &HostConfig) -> Result<Data, String> {
    let own = folder.join("data");
    let own = own.is_dir().then_some(own);
    let roots: Vec<_> = config.data.iter().cloned().chain(own).collect();
    Ok(Data::load(&roots, None).map_err(told)?.unwrap_or_default())
}

fn canned(answer: &super::Answer) -> Result<egress::Answer, String> {
    let pairs: Vec<(String, String)> = answer
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Ok(egress::Answer {
        status: answer.status,
        headers: egress::header_map(&pairs, &[])?,
        body: match &answer.body {
            Value::Null => Vec::new(),
            Value::String(text) => text.clone().into_bytes(),
            json => json.to_string().into_bytes(),
        },
    })
}
