//! Does to the world what the event tells it to, step by step, and says what came of each.
//!
//! `{"do": [{"webhook": {"url": "…", "body": {}, "when": "denied", "key": "…", "ordered": true}}, {"put": ["k", 1]}, "deny"]}`

use std::time::Duration;

use touchstone_sdk::bindings::touchstone::policy::{types, webhook as raw};
use touchstone_sdk::prelude::*;
use touchstone_sdk::{Error, command, http, log, notify, queue, store, webhook};

/// The settings.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Steps in place of the event's.
    #[serde(default, rename = "do")]
    steps: Option<Vec<Value>>,
}

impl Policy for Actor {
    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
        let steps = match &self.steps {
            Some(steps) => steps.clone(),
            None => event.require("/do")?,
        };
        let mut outcome = Outcome::default();
        for step in steps {
            let (what, with) = match &step {
                Value::String(what) => (what.as_str(), &Value::Null),
                Value::Object(one) => match one.iter().next() {
                    Some((what, with)) => (what.as_str(), with),
                    None => continue,
                },
                _ => continue,
            };
            match what {
                "deny" => outcome.push(Finding::deny("denied", "told so")),
                "warn" => outcome.push(Finding::warn("warned", "told so")),
                "stop" => outcome.stop = true,
                "patch" => outcome.patch = Some(with.to_string()),
                "spin" => spin(),
                "undecided" => return Err(Undecided::new("told so")),
                "need" => drop(act("fetch", with)?),
                "trap" => boom(),
                _ => {
                    let said = step_result(what, with);
                    outcome.push(Finding::info("said", said));
                }
            }
        }
        Ok(outcome)
    }
}

fn spin() {
    let mut number = 1_u64;
    while std::hint::black_box(number) != 0 {
        number |= 1;
    }
}

#[expect(clippy::panic, reason = "that is the point")]
fn boom() {
    panic!("on purpose");
}

fn step_result(what: &str, with: &Value) -> String {
    match act(what, with) {
        Ok(said) => said,
        Err(Error::Denied(text)) => format!("denied: {text}"),
        Err(Error::NotFound(text)) => format!("not-found: {text}"),
        Err(Error::Unavailable(text)) => format!("unavailable: {text}"),
        Err(Error::Invalid(text)) => format!("invalid: {text}"),
        Err(Error::Exhausted(text)) => format!("exhausted: {text}"),
    }
}

fn text<'a>(with: &'a Value, key: &str) -> &'a str {
    with.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn pairs(with: &Value, key: &str) -> Vec<(String, String)> {
    let object = with.get(key).and_then(Value::as_object);
    let pair = |(name, value): (&String, &Value)| {
        (name.clone(), value.as_str().unwrap_or_default().to_owned())
    };
    object.into_iter().flatten().map(pair).collect()
}

fn at(with: &Value, index: usize) -> &Value {
    with.get(index).unwrap_or(&Value::Null)
}

fn terms<R>(mut action: touchstone_sdk::Action<R>, with: &Value) -> touchstone_sdk::Action<R> {
    action = action.when(match text(with, "when") {
        "allowed" => Condition::Allowed,
        "denied" => Condition::Denied,
        _ => Condition::Always,
    });
    if let Some(key) = with.get("key").and_then(Value::as_str) {
        action = action.key(key);
    }
    if with.get("ordered") == Some(&Value::Bool(true)) {
        action = action.ordered();
    }
    action
}

fn act(what: &str, with: &Value) -> Result<String, Error> {
    match what {
        "webhook" => {
            let url = text(with, "url");
            let mut action = match text(with, "method") {
                "put" => webhook::put(url),
                _ => webhook::post(url),
            };
            action = action.json(with.get("body").unwrap_or(&Value::Null));
            for (name, value) in pairs(with, "headers") {
                action = action.header(name, value);
            }
            if let Some(name) = with.get("credentials").and_then(Value::as_str) {
                action = action.credentials(name);
            }
            terms(action, with).stage()?;
        }
        // What the SDK would not let through.
        "raw-webhook" => {
            let request = raw::Request {
                method: raw::Method::Post,
                url: text(with, "url").to_owned(),
                headers: pairs(with, "headers"),
                credentials: None,
                body: text(with, "body").to_owned(),
            };
            let terms = types::Terms {
                when: Condition::Always,
                key: None,
                ordered: false,
            };
            stage_raw(&request, &terms)?;
        }
        "command" => {
            let mut action = command::run(text(with, "name"));
            for (name, value) in pairs(with, "with") {
                action = action.with(name, value);
            }
            if let Some(input) = with.get("input") {
                action = action.input(input);
            }
            terms(action, with).stage()?;
        }
        "queue" => {
            let mut action = queue::publish(text(with, "exchange"), text(with, "routingKey"));
            for (name, value) in pairs(with, "headers") {
                action = action.header(name, value);
            }
            action = action.json(with.get("body").unwrap_or(&Value::Null));
            terms(action, with).stage()?;
        }
        "notify" => {
            let mut action = notify::mail(text(with, "to"))
                .subject(text(with, "subject"))
                .text(text(with, "text"));
            if let Some(server) = with.get("server").and_then(Value::as_str) {
                action = action.server(server);
            }
            terms(action, with).stage()?;
        }
        "fetch" => return fetch(with),
        "log" => log::info("told so", &[(text(with, "field"), text(with, "value"))]),
        "get" => {
            return Ok(format!(
                "{:?}",
                store::entry(with.as_str().unwrap_or_default())?.map(shown)
            ));
        }
        "put" => store::put(at(with, 0).as_str().unwrap_or_default(), at(with, 1))?,
        "put-for" => {
            let ttl = Duration::from_secs(at(with, 2).as_u64().unwrap_or_default());
            store::put_for(at(with, 0).as_str().unwrap_or_default(), at(with, 1), ttl)?;
        }
        "delete" => store::delete(with.as_str().unwrap_or_default())?,
        "list" => {
            let found = store::list(with.as_str().unwrap_or_default())?;
            let found: Vec<String> = found
                .into_iter()
                .map(|(key, entry)| format!("{key}={}", shown(entry)))
                .collect();
            return Ok(found.join(" "));
        }
        "cas" => {
            let key = at(with, 0).as_str().unwrap_or_default();
            return Ok(
                store::compare_and_swap(key, at(with, 1).as_u64(), at(with, 2))?.to_string(),
            );
        }
        // One more than there was, unless somebody else was faster.
        "count" => {
            let key = with.as_str().unwrap_or_default();
            let before = store::entry(key)?;
            let number = before
                .as_ref()
                .and_then(|entry| entry.value.parse::<u64>().ok())
                .unwrap_or_default();
            let version = before.map(|entry| entry.version);
            return Ok(store::compare_and_swap(key, version, &(number + 1))?.to_string());
        }
        other => return Ok(format!("what is {other}?")),
    }
    Ok("ok".to_owned())
}

fn shown(entry: store::Entry) -> String {
    format!("{}@{}", entry.value, entry.version)
}

#[cfg(target_arch = "wasm32")]
fn stage_raw(request: &raw::Request, terms: &types::Terms) -> Result<(), Error> {
    raw::stage(request, terms)
}

#[cfg(not(target_arch = "wasm32"))]
fn stage_raw(_: &raw::Request, _: &types::Terms) -> Result<(), Error> {
    Ok(())
}

fn fetch(with: &Value) -> Result<String, Error> {
    let url = text(with, "url");
    let mut request = match text(with, "method") {
        "head" => http::head(url),
        "post" => http::post(url).body(text(with, "body")),
        _ => http::get(url),
    };
    for (name, value) in pairs(with, "headers") {
        request = request.header(name, value);
    }
    if let Some(name) = with.get("credentials").and_then(Value::as_str) {
        request = request.credentials(name);
    }
    if let Some(millis) = with.get("timeout").and_then(Value::as_u64) {
        request = request.timeout(Duration::from_millis(millis));
    }
    let answer = request.send()?;
    let body = String::from_utf8_lossy(&answer.body);
    Ok(format!("{} {body}", answer.status))
}

touchstone_sdk::export!(Actor);
