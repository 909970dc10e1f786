//! Does what the event tells it to: well, or badly in every way that a guest can.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use touchstone_sdk::prelude::*;
use touchstone_sdk::{clock, data, log};

/// The settings.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Misbehave {
    /// Told by `act: version`.
    #[serde(default)]
    version: u32,
    /// What to do while it is configured.
    #[serde(default)]
    configure: String,
    /// Only there to be large.
    #[serde(default)]
    #[expect(dead_code, reason = "only there to be large")]
    ballast: Vec<String>,
}

static COUNT: AtomicU32 = AtomicU32::new(0);
static REMEMBERED: OnceLock<String> = OnceLock::new();

impl Policy for Misbehave {
    fn check(&self) -> Vec<Problem> {
        match self.configure.as_str() {
            "loop" => endless(),
            "panic" => boom("while configured"),
            "read" => {
                let found = format!("{:?}", data::get::<Value>("configured"));
                // A second reading finds the first one there.
                let _ = REMEMBERED.set(found);
            }
            "clock" => drop(clock::now()),
            "event" => drop(touchstone_sdk::bindings::touchstone::policy::event::data()),
            _ => {}
        }
        Vec::new()
    }

    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
        let act: String = event.require("/act")?;
        match act.as_str() {
            "loop" => endless(),
            "memory" => eat(),
            "recurse" => drop(recurse(1)),
            "giant" => return Ok(Finding::deny("giant", "x".repeat(2 << 20)).into()),
            "calls" => (0..1_000_000).for_each(|_| drop(event.get::<Value>("/act"))),
            "panic" => boom("on purpose"),
            "log" => (0..1_000).for_each(|n| log::info(&"x".repeat(100), &[("n", &n.to_string())])),
            "undecided" => return Err(Undecided::new("told so")),
            "empty" => return Ok(Finding::deny("", "nameless").into()),
            "patch" => {
                return Ok(Outcome {
                    patch: Some("no patch".to_owned()),
                    ..Outcome::default()
                });
            }
            "warn" => return Ok(Finding::warn("warned", "told so").into()),
            "deny" => return Ok(Finding::deny("denied", "told so").into()),
            "stop" => return Ok(Outcome::default().stop()),
            "count" => {
                return Ok(said(
                    (COUNT.fetch_add(1, Ordering::Relaxed) + 1).to_string(),
                ));
            }
            "secret" => return Ok(said(format!("{:?}", data::get::<Value>("secret/key")))),
            "remembered" => return Ok(said(REMEMBERED.get().cloned().unwrap_or_default())),
            "clock" => return Ok(said(format!("{:?} {:?}", clock::now()?, clock::now()?))),
            "version" => {
                let found: Option<Value> = data::get("version")?;
                return Ok(said(format!(
                    "{} {}",
                    self.version,
                    found.unwrap_or_default()
                )));
            }
            "images" => {
                let names = event
                    .images()
                    .into_iter()
                    .map(|image| format!("{} {:?}", image.pointer, image.name));
                return Ok(said(names.collect::<Vec<_>>().join("; ")));
            }
            _ => {}
        }
        Ok(Outcome::default())
    }
}

fn said(text: String) -> Outcome {
    Finding::info("said", text).into()
}

fn endless() {
    let mut number = 1_u64;
    while std::hint::black_box(number) != 0 {
        number |= 1;
    }
}

fn eat() {
    let mut eaten = Vec::new();
    loop {
        eaten.push(vec![1_u8; 1 << 16]);
        std::hint::black_box(&eaten);
    }
}

#[expect(unconditional_recursion, reason = "that is the point")]
fn recurse(depth: u64) -> u64 {
    let space = std::hint::black_box([depth; 64]);
    recurse(depth + 1) + space.iter().sum::<u64>()
}

#[expect(clippy::panic, reason = "that is the point")]
fn boom(when: &str) {
    panic!("boom {when}");
}

touchstone_sdk::export!(Misbehave);
