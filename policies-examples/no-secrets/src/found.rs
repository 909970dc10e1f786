//! What was found, and how it is told: the worst first, and not too many.

use std::cmp::Reverse;

use touchstone_sdk::evidence::{File, FoundSecret, Subject};
use touchstone_sdk::prelude::*;

/// How many places a summary or a finding names.
const NAMED: usize = 10;

/// Something that looks like a secret.
pub struct Found {
    finding: Finding,
    /// Lines of a file, counted from 1.
    lines: Vec<u32>,
}

/// Where a variable is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the configuration: `ENV`.
    Environment,
    /// In the history: `ARG`, with the value that it was given.
    Build,
}

impl Found {
    /// What a scanner found in a file.
    pub fn secret(secret: FoundSecret, level: Level) -> Found {
        let title = secret
            .title
            .or(secret.category)
            .filter(|title| *title != secret.rule);
        let what = title.map_or(secret.rule.clone(), |title| {
            format!("{} ({title})", secret.rule)
        });
        let finding = Finding::new(level, secret.rule, format!("{what} in {}", secret.path))
            .severity(secret.severity)
            .path(secret.path)
            .details(&json!({"layer": secret.layer}))
            .remedy("revoke it, build the image without it (a later layer only hides it), and give it when the container runs");
        Found {
            finding,
            lines: secret.line.into_iter().collect(),
        }
    }

    /// The same rule found something in the same file again.
    pub fn again(&mut self, secret: &FoundSecret) {
        self.lines.extend(secret.line);
        if secret.severity as u8 > self.finding.severity as u8 {
            self.finding.severity = secret.severity;
        }
    }

    /// A file whose content is a private key.
    pub fn key(file: &File, level: Level) -> Found {
        let message = format!("{} is a private key", file.path);
        Found::of_file(
            file,
            Finding::new(level, "private-key", message).severity(Severity::Critical),
        )
    }

    /// A file that has a name as keys have them.
    pub fn file(file: &File, level: Level) -> Found {
        let message = format!(
            "{} has the name of a file with keys or passwords",
            file.path
        );
        Found::of_file(
            file,
            Finding::new(level, "key-file", message).severity(Severity::High),
        )
    }

    fn of_file(file: &File, finding: Finding) -> Found {
        let finding = finding.path(&file.path).remedy(
            "build the image without it (a later layer only hides it), or list it under allowedPaths",
        );
        Found {
            finding,
            lines: Vec::new(),
        }
    }

    /// A variable that has a name as passwords have it.
    pub fn variable(place: Place, name: &str, level: Level) -> Found {
        let finding = match place {
            Place::Environment => Finding::new(
                level,
                format!("environment/{name}"),
                format!("the image's configuration sets {name}, which has the name of a secret"),
            )
            .remedy("set it when the container runs, or list it under variables.except"),
            Place::Build => Finding::new(
                level,
                format!("build-argument/{name}"),
                format!("the image's history tells what the build argument {name} was, which has the name of a secret"),
            )
            .remedy("revoke it, and give it to the build with RUN --mount=type=secret"),
        };
        Found {
            finding: finding.severity(Severity::High),
            lines: Vec::new(),
        }
    }

    /// The file.
    pub fn path(&self) -> Option<String> {
        self.finding.path.clone()
    }

    fn finding(mut self) -> Finding {
        self.lines.sort_unstable();
        self.lines.dedup();
        let lines: Vec<String> = self.lines.iter().take(NAMED).map(u32::to_string).collect();
        let more = match self.lines.len() > NAMED {
            true => ", …",
            false => "",
        };
        match lines.as_slice() {
            [] => {}
            [only] => self.finding.message.push_str(&format!(", line {only}")),
            several => {
                let lines = several.join(", ");
                self.finding
                    .message
                    .push_str(&format!(", lines {lines}{more}"));
            }
        }
        self.finding
    }
}

/// Adds findings to an outcome: at most so many, and one about the others.
pub fn tell(mut found: Vec<Found>, subject: &Subject, most: usize, outcome: &mut Outcome) {
    found.sort_by_key(|one| Reverse((one.finding.level as u8, one.finding.severity as u8)));
    let rest = found.split_off(found.len().min(most));
    let findings = found.into_iter().map(Found::finding);
    let findings = findings
        .chain(summary(&rest))
        .map(|finding| finding.image(subject));
    outcome.findings.extend(findings);
}

/// What is left out, at the level of the worst of it, which is the first: a limit must not make an image better.
fn summary(rest: &[Found]) -> Option<Finding> {
    let worst = &rest.first()?.finding;
    let mut places: Vec<&str> = rest
        .iter()
        .map(|one| one.finding.path.as_deref().unwrap_or(&one.finding.id))
        .collect();
    places.dedup();
    let more = match places.len() > NAMED {
        true => ", …",
        false => "",
    };
    places.truncate(NAMED);
    let message = format!(
        "{} more that look like secrets are not told one by one: {}{more}",
        rest.len(),
        places.join(", ")
    );
    let finding = Finding::new(worst.level, "more-secrets", message)
        .severity(worst.severity)
        .remedy("settle those that are told, or raise `most` in the policy's settings");
    Some(finding)
}
