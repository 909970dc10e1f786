//! Keeps the texts beside its policy.yaml: asked for the document `a/b`, it tells the text of `shelf/a/b.json` as JSON, and
//! every judgement has a finding that tells `shelf/motto.txt`. Of its own tests it tells what stands in `tests.json`.

use std::collections::BTreeMap;

use touchstone_sdk::prelude::*;

/// The settings.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Librarian {
    /// The texts.
    #[serde(default)]
    sources: BTreeMap<String, String>,
    /// Made ready before the first judgement.
    #[serde(skip)]
    motto: String,
}

impl Policy for Librarian {
    fn prepare(&mut self) -> Vec<Problem> {
        let motto = self.sources.get("shelf/motto.txt");
        self.motto = motto.cloned().unwrap_or_else(|| "none".to_owned());
        let is_bad = self.motto.contains("bad");
        let problem = is_bad.then(|| Problem {
            path: "/sources".to_owned(),
            message: "shelf/motto.txt:1: it is bad".to_owned(),
        });
        problem.into_iter().collect()
    }

    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
        let mut outcome = Outcome::from(Finding::info("motto", self.motto.trim()));
        let query = event.query();
        outcome.value = match query.as_deref() {
            Some("input") => Some(event.text()),
            Some("broken") => return Err(Undecided::new("told so")),
            Some("//tests") => self.sources.get("tests.json").cloned(),
            Some(path) => self.sources.get(&format!("shelf/{path}.json")).cloned(),
            None => None,
        };
        Ok(outcome)
    }
}

touchstone_sdk::export!(Librarian);
