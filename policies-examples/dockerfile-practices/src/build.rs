//! What is known of how an image is built: its Dockerfile, or else its history; and what came of it, its configuration.

use touchstone_sdk::evidence::dockerfile::{Dockerfile, Variables};
use touchstone_sdk::evidence::{Evidence, ImageConfiguration, Instruction};

use crate::history;

/// What is known of how an image is built.
pub struct Build {
    /// Its Dockerfile.
    pub dockerfile: Option<Dockerfile>,
    /// Its configuration, in which its base has a part.
    pub configuration: Option<ImageConfiguration>,
    /// What its history tells, in which its base has a part; line 0 for all of it.
    history: Option<Vec<Instruction>>,
}

impl Build {
    /// From evidence.
    pub fn new(evidence: &Evidence) -> Build {
        let steps = evidence.history();
        let instructions = |steps: Vec<_>| steps.iter().filter_map(history::instruction).collect();
        let dockerfile = evidence.dockerfile().filter(|all| !all.is_empty());
        Build {
            dockerfile: dockerfile.map(Dockerfile::new),
            configuration: evidence.configuration(),
            history: steps.filter(|steps| !steps.is_empty()).map(instructions),
        }
    }

    /// Every instruction of every stage; that of an `ONBUILD` as if it stood there by itself.
    pub fn every(&self) -> Option<Vec<Instruction>> {
        let all = match &self.dockerfile {
            Some(dockerfile) => dockerfile.instructions(),
            None => self.history.as_deref()?,
        };
        Some(all.iter().map(unwrap).collect())
    }

    /// The instructions that make the image, the oldest first.
    pub fn effective(&self) -> Option<Vec<&Instruction>> {
        match &self.dockerfile {
            Some(dockerfile) => Some(dockerfile.effective().collect()),
            None => Some(self.history.as_ref()?.iter().collect()),
        }
    }

    /// Instructions of a name that make the image, each with its arguments as variables make them, or else the variable
    /// that only a build knows.
    pub fn expanded(&self, name: &str) -> Option<Vec<(&Instruction, Result<String, String>)>> {
        let effective = self.effective()?;
        // Variables before the first FROM count only where a stage takes them over.
        let first = self
            .dockerfile
            .as_ref()
            .and_then(|all| Some((all, all.stages().first()?)));
        let mut variables =
            first.map_or_else(Variables::default, |(all, stage)| all.variables(stage));
        let mut found = Vec::new();
        for instruction in effective {
            variables.apply(instruction);
            if instruction.name == name {
                found.push((instruction, variables.expand(&instruction.arguments)));
            }
        }
        Some(found)
    }
}

fn unwrap(instruction: &Instruction) -> Instruction {
    let inner = instruction.arguments.split_once(char::is_whitespace);
    match inner.filter(|_| instruction.name == "ONBUILD") {
        Some((name, arguments)) => Instruction {
            name: name.to_ascii_uppercase(),
            arguments: arguments.trim_start().to_owned(),
            ..instruction.clone()
        },
        None => instruction.clone(),
    }
}
