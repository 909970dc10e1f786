//! Its `describe` breaks the contract.
#![cfg(target_arch = "wasm32")]

use touchstone_sdk::guest::{EventInfo, Guest, Info};
use touchstone_sdk::{Outcome, Problem};

struct Liar;

impl Guest for Liar {
    fn describe() -> Info {
        Info {
            name: "liar".to_owned(),
            version: "0.1.0".to_owned(),
            description: String::new(),
            kinds: Vec::new(),
            settings_schema: "{".to_owned(),
            needs: Vec::new(),
        }
    }

    fn configure(_settings: String) -> Result<(), Vec<Problem>> {
        Ok(())
    }

    fn evaluate(_event: EventInfo) -> Result<Outcome, String> {
        Ok(Outcome::default())
    }
}

touchstone_sdk::bindings::export_guest!(Liar with_types_in touchstone_sdk::bindings);
