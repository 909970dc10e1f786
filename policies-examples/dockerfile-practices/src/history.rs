//! The steps of an image's history as the instructions that they were.

use touchstone_sdk::evidence::{Instruction, Step};

/// Instructions that history tells. Its lines are all 0, since nobody knows them.
const TOLD: [&str; 12] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "HEALTHCHECK",
    "LABEL",
    "RUN",
    "USER",
    "WORKDIR",
];

/// The instruction of a step, by what Docker's old builder, BuildKit, Buildah and Kaniko write; nothing for what has none.
pub fn instruction(step: &Step) -> Option<Instruction> {
    let text = step.created_by.trim();
    let text = text.strip_suffix("# buildkit").unwrap_or(text).trim_end();
    let (name, arguments) = match text.split_once("#(nop)") {
        Some((_, text)) => split(text)?,
        None => split(text).unwrap_or(("RUN", text)),
    };
    let arguments = match name {
        "RUN" => command(arguments)?,
        _ => arguments,
    };
    Some(Instruction {
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        line: 0,
        stage: 0,
    })
}

fn split(text: &str) -> Option<(&str, &str)> {
    let (name, arguments) = text.trim_start().split_once(char::is_whitespace)?;
    TOLD.contains(&name).then(|| (name, arguments.trim_start()))
}

/// What a shell was given: `|1 VERSION=2 /bin/sh -c make` is `make`. Nothing when there is no shell.
fn command(text: &str) -> Option<&str> {
    let shell = text.starts_with('/') || text.starts_with('|');
    match text.split_once(" -c ") {
        Some((_, command)) if shell => Some(command.trim_start()),
        _ if shell => None,
        _ => Some(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_an_instruction() {
        for (text, expected) in [
            ("/bin/sh -c #(nop)  USER nginx", Some("USER nginx")),
            (
                "/bin/sh -c #(nop) ADD file:1f in / ",
                Some("ADD file:1f in /"),
            ),
            ("/bin/sh -c apt-get update", Some("RUN apt-get update")),
            ("RUN /bin/sh -c make # buildkit", Some("RUN make")),
            (
                "RUN |1 V=2 /bin/bash -o pipefail -c make install # buildkit",
                Some("RUN make install"),
            ),
            ("|1 V=2 /bin/sh -c make", Some("RUN make")),
            ("ENV A=b", Some("ENV A=b")),
            ("RUN make", Some("RUN make")),
            ("/usr/bin/bazel build", None),
            ("", Some("RUN ")),
        ] {
            let step = Step {
                created: None,
                created_by: text.to_owned(),
                empty: false,
            };
            let found = instruction(&step).map(|it| format!("{} {}", it.name, it.arguments));
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
