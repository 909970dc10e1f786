//! Instructions: of the Dockerfile, or else guessed from the image's history.

use crate::facts::Facts;
use crate::gates::Lack;
use crate::pattern::Expression;

/// Those that can be asked for.
pub(super) const INSTRUCTIONS: [&str; 18] = [
    "ADD",
    "ARG",
    "COPY",
    "CMD",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "USER",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "VOLUME",
    "WORKDIR",
];

/// What stands in a history for the value of a variable, which may be a secret.
const HIDDEN: &str = "***";

/// An instruction.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    name: String,
    /// What stands behind it.
    pub(super) arguments: String,
    stage: u32,
    /// Whether values of variables are not told.
    hides: bool,
}

impl Line {
    /// Whether this stands behind it; nothing when that cannot be told.
    pub(super) fn is(&self, text: &str) -> Option<bool> {
        let start =
            |text: &str| -> String { text.chars().take_while(|c| !"= ".contains(*c)).collect() };
        match self.arguments == text {
            false if self.hides && start(&self.arguments) == start(text) => None,
            same => Some(same),
        }
    }

    /// Whether what stands behind it is like an expression; nothing when that cannot be told.
    pub(super) fn is_like(&self, expression: &Expression) -> Option<bool> {
        let is_like = expression.matches(&self.arguments);
        (is_like || !self.hides).then_some(is_like)
    }
}

/// How an image was built.
#[derive(Debug)]
pub(super) struct Source(Vec<Line>);

/// The Dockerfile, or what the history tells of it.
pub(super) fn source(facts: &Facts<'_>) -> Result<Source, Lack> {
    if let Some(instructions) = facts.dockerfile() {
        let lines = instructions.iter().map(|instruction| Line {
            name: instruction.name.to_uppercase(),
            arguments: instruction.arguments.trim().to_owned(),
            stage: instruction.stage,
            hides: false,
        });
        return Ok(Source(lines.collect()));
    }
    let history = facts
        .history()
        .ok_or_else(|| Lack::of("a Dockerfile, or a report with the image's history"))?;
    // As Anchore guesses it: the history goes back to an empty image.
    let first = guess("FROM scratch");
    Ok(Source(
        std::iter::once(first)
            .chain(history.iter().map(|step| guess(&step.created_by)))
            .collect(),
    ))
}

impl Source {
    /// The instructions of a name, in order.
    pub(super) fn lines(&self, name: &str) -> impl Iterator<Item = &Line> {
        self.0.iter().filter(move |line| line.name == name)
    }

    /// What stands behind each instruction of a name, in order.
    pub(super) fn arguments(&self, name: &str) -> impl Iterator<Item = &str> {
        self.lines(name).map(|line| line.arguments.as_str())
    }

    /// The same of the stages that the image consists of: the last one, and those that it is built from.
    pub(super) fn inherited(&self, name: &str) -> impl Iterator<Item = &str> {
        let stages = self.stages();
        let lines = self
            .0
            .iter()
            .filter(move |line| line.name == name && stages.contains(&line.stage));
        lines.map(|line| line.arguments.as_str())
    }

    fn stages(&self) -> Vec<u32> {
        let mut stages = Vec::new();
        let mut next = self.0.iter().map(|line| line.stage).max();
        while let Some(stage) = next {
            stages.push(stage);
            let mut froms = self.0.iter().filter(|line| line.name == "FROM");
            let base = froms
                .find(|line| line.stage == stage)
                .map(|line| from(&line.arguments).0);
            let is_base = |line: &&Line| {
                let alias = from(&line.arguments).1;
                line.name == "FROM"
                    && line.stage < stage
                    && alias.is_some()
                    && alias.map(str::to_lowercase) == base.map(str::to_lowercase)
            };
            next = self.0.iter().filter(is_base).map(|line| line.stage).max();
        }
        stages
    }
}

/// `--platform=linux/amd64 debian:12 AS build`: the base, and the stage's own name.
fn from(arguments: &str) -> (&str, Option<&str>) {
    let mut words = arguments
        .split_whitespace()
        .skip_while(|word| word.starts_with("--"));
    let base = words.next().unwrap_or("");
    let is_named = words
        .next()
        .is_some_and(|word| word.eq_ignore_ascii_case("as"));
    (base, words.next().filter(|_| is_named))
}

/// What a step of the history was in the Dockerfile, as classic builders and BuildKit write it.
fn guess(created_by: &str) -> Line {
    let text = created_by.trim().trim_end_matches("# buildkit").trim_end();
    let text = text
        .strip_prefix("/bin/sh -c #(nop)")
        .unwrap_or(text)
        .trim_start();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let (name, arguments) = match INSTRUCTIONS.contains(&word) {
        true => (word, rest.trim()),
        false => ("RUN", text),
    };
    let arguments = match name {
        "RUN" => arguments
            .strip_prefix("/bin/sh -c ")
            .unwrap_or(arguments)
            .to_owned(),
        "EXPOSE" => ports(arguments),
        _ => arguments.to_owned(),
    };
    let ends = |word: &str| word == HIDDEN || word.ends_with("=***");
    Line {
        name: name.to_owned(),
        hides: arguments.split_whitespace().any(ends),
        arguments,
        stage: 0,
    }
}

/// Builders write `EXPOSE map[80/tcp:{}]` into the history.
fn ports(arguments: &str) -> String {
    let inside = arguments
        .strip_prefix("map[")
        .and_then(|rest| rest.strip_suffix(']'));
    let Some(inside) = inside else {
        return arguments.to_owned();
    };
    let ports: Vec<&str> = inside
        .split_whitespace()
        .map(|port| port.trim_end_matches(":{}"))
        .collect();
    ports.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_tells_its_instruction() {
        for (step, name, arguments) in [
            ("/bin/sh -c #(nop)  CMD [\"bash\"]", "CMD", "[\"bash\"]"),
            (
                "/bin/sh -c #(nop) ADD file:abc in / ",
                "ADD",
                "file:abc in /",
            ),
            (
                "/bin/sh -c #(nop)  EXPOSE map[80/tcp:{} 443/tcp:{}]",
                "EXPOSE",
                "80/tcp 443/tcp",
            ),
            ("/bin/sh -c apt-get update", "RUN", "apt-get update"),
            (
                "RUN /bin/sh -c apt-get update # buildkit",
                "RUN",
                "apt-get update",
            ),
            ("USER nginx", "USER", "nginx"),
            ("COPY a b # buildkit", "COPY", "a b"),
            ("|1 A=b /bin/sh -c make", "RUN", "|1 A=b /bin/sh -c make"),
            ("", "RUN", ""),
        ] {
            let line = guess(step);
            assert_eq!(
                (line.name.as_str(), line.arguments.as_str()),
                (name, arguments),
                "{step}"
            );
        }
    }

    #[test]
    fn an_image_inherits_from_the_stages_it_is_built_from() {
        let line = |name: &str, arguments: &str, stage| Line {
            name: name.to_owned(),
            arguments: arguments.to_owned(),
            stage,
            hides: false,
        };
        let source = Source(vec![
            line("FROM", "debian:12 AS Base", 0),
            line("USER", "app", 0),
            line("FROM", "golang", 1),
            line("USER", "builder", 1),
            line("FROM", "--platform=linux/amd64 base", 2),
            line("EXPOSE", "80", 2),
        ]);
        assert_eq!(source.stages(), [2, 0]);
        assert_eq!(source.inherited("USER").collect::<Vec<_>>(), ["app"]);
        assert_eq!(
            source.arguments("USER").collect::<Vec<_>>(),
            ["app", "builder"]
        );
    }
}
