//! What built a step of an image's history, without the values of variables: they may be secrets, and builders write them
//! there as they are. To hide those of another instruction: its name in [`VARIABLES`].

/// Instructions that set variables.
const VARIABLES: [&str; 2] = ["ARG", "ENV"];

/// Programs that builders start commands with, by their path. Whatever stands before one belongs to the arguments.
const SHELLS: [&str; 8] = ["ash", "bash", "busybox", "dash", "env", "ksh", "sh", "zsh"];

/// The same on Windows, where they have none.
const BARE_SHELLS: [&str; 3] = ["cmd", "powershell", "pwsh"];

/// What stands for a value.
const HIDDEN: &str = "***";

/// A step without the values of `ENV NAME=value`, `ARG NAME=value` and of the build arguments that a command was given:
/// `|1 NAME=value /bin/sh -c make`. As classic builders, BuildKit, Buildah and Kaniko write them. Done again it changes
/// nothing.
pub(super) fn without_values(step: String) -> String {
    let hidden = match step.split_once("#(nop)") {
        Some((shell, instruction)) => set(instruction).map(|rest| format!("{shell}#(nop)  {rest}")),
        None => set(&step).or_else(|| given(&step)),
    };
    hidden.unwrap_or(step)
}

/// An instruction that sets variables; nothing for another one.
fn set(instruction: &str) -> Option<String> {
    let (name, mut rest) = word(instruction);
    if name.eq_ignore_ascii_case("ONBUILD") {
        return set(rest).map(|inner| format!("{name} {inner}"));
    }
    let mut known = VARIABLES.iter();
    known.find(|known| name.eq_ignore_ascii_case(known))?;
    let (first, value) = word(rest);
    if name_of(first).is_none() {
        // `ENV NAME value`, `ENV NAME=`, `ARG NAME`, and what is no name.
        let (variable, sign, more) = match first.split_once('=') {
            Some((variable, more)) => (variable, "=", more),
            None => (first, " ", ""),
        };
        let is_empty = more.trim_matches(['"', '\'']).is_empty();
        return Some(match is_empty && value.trim().is_empty() {
            true => format!("{name} {first}"),
            false => format!("{name} {variable}{sign}{HIDDEN}"),
        });
    }
    let mut text = name.to_owned();
    while !rest.trim().is_empty() {
        let (next, after) = word(rest);
        if let Some(variable) = name_of(next) {
            text.push_str(&format!(" {variable}={HIDDEN}"));
        }
        rest = after;
    }
    Some(text)
}

/// A command that was given build arguments; nothing for another one.
fn given(step: &str) -> Option<String> {
    let (before, count, mut rest) = match word(step) {
        (count, rest) if count.starts_with('|') => ("", count, rest),
        ("RUN", rest) => {
            let (count, rest) = word(rest);
            ("RUN ", count, rest)
        }
        _ => return None,
    };
    let mut names: usize = count.strip_prefix('|')?.parse().ok()?;
    let mut text = format!("{before}{count}");
    while !rest.trim().is_empty() {
        let (next, after) = word(rest);
        if is_shell(next) {
            return Some(format!("{text} {}", rest.trim_start()));
        }
        if let Some(name) = name_of(next).filter(|_| names > 0) {
            text.push_str(&format!(" {name}={HIDDEN}"));
            names -= 1;
        }
        rest = after;
    }
    // Where a command without a shell begins cannot be told from the last value.
    Some(text)
}

/// The first word, with what is in its quotes, and the rest.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let mut quote = None;
    let mut escaped = false;
    let end = text.find(|c: char| {
        let ends = quote.is_none() && !escaped && c.is_whitespace();
        quote = match quote {
            _ if escaped => quote,
            Some(open) if open == c => None,
            None if matches!(c, '"' | '\'') => Some(c),
            other => other,
        };
        escaped = c == '\\' && !escaped;
        ends
    });
    // A quote that is not closed is one of the value's own letters.
    let end = match quote {
        Some(_) => text.find(char::is_whitespace),
        None => end,
    };
    text.split_at(end.unwrap_or(text.len()))
}

/// The variable that a word sets. One to an empty value cannot be told from the end of a value in base64.
fn name_of(word: &str) -> Option<&str> {
    let (name, value) = word.split_once('=')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_set = !value.trim_matches(['=', '"', '\'']).is_empty();
    (is_set && !name.is_empty() && name.chars().all(is_name)).then_some(name)
}

fn is_shell(word: &str) -> bool {
    match word.strip_prefix('/') {
        Some(path) => SHELLS.contains(&path.rsplit('/').next().unwrap_or_default()),
        None => BARE_SHELLS.contains(&word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_variables_are_not_kept() {
        for (step, expected) in [
            ("ENV TOKEN=abc", "ENV TOKEN=***"),
            (
                "/bin/sh -c #(nop)  ENV TOKEN=abc",
                "/bin/sh -c #(nop)  ENV TOKEN=***",
            ),
            ("cmd /S /C #(nop)  ENV A=b c", "cmd /S /C #(nop)  ENV A=***"),
            (
                "/bin/sh -c #(nop) ENV A=\"b c=d\" E='f g'",
                "/bin/sh -c #(nop)  ENV A=*** E=***",
            ),
            ("ENV A=b C=d # buildkit", "ENV A=*** C=***"),
            // A value with blanks, as BuildKit writes it.
            ("ENV MSG=it's two words B=1", "ENV MSG=*** B=***"),
            ("ENV KEY=a bm90IGEgbmFtZQ==", "ENV KEY=***"),
            ("ENV A=b\\ c=d", "ENV A=***"),
            ("ENV TOKEN abc def", "ENV TOKEN ***"),
            ("env TOKEN=abc", "env TOKEN=***"),
            ("ENV A=", "ENV A="),
            ("ENV A=\"\"", "ENV A=\"\""),
            ("ENV A= B=c", "ENV A=***"),
            ("ENV a$b=c", "ENV a$b=***"),
            ("ARG TOKEN=abc", "ARG TOKEN=***"),
            ("ARG TOKEN", "ARG TOKEN"),
            (
                "/bin/sh -c #(nop)  ARG TOKEN=abc",
                "/bin/sh -c #(nop)  ARG TOKEN=***",
            ),
            (
                "/bin/sh -c #(nop)  ONBUILD ENV A=b",
                "/bin/sh -c #(nop)  ONBUILD ENV A=***",
            ),
            (
                "|1 TOKEN=abc /bin/sh -c make",
                "|1 TOKEN=*** /bin/sh -c make",
            ),
            (
                "RUN |2 A=b TOKEN=x /y z /bin/bash -o pipefail -c make A=b # buildkit",
                "RUN |2 A=*** TOKEN=*** /bin/bash -o pipefail -c make A=b # buildkit",
            ),
            (
                "|1 A=b powershell -Command dir",
                "|1 A=*** powershell -Command dir",
            ),
            ("|1 A=b c make install", "|1 A=***"),
            ("|0 /bin/sh -c make", "|0 /bin/sh -c make"),
            // Nothing to hide.
            (
                "/bin/sh -c #(nop)  USER nginx",
                "/bin/sh -c #(nop)  USER nginx",
            ),
            (
                "/bin/sh -c #(nop)  LABEL a=b",
                "/bin/sh -c #(nop)  LABEL a=b",
            ),
            (
                "RUN /bin/sh -c make A=b # buildkit",
                "RUN /bin/sh -c make A=b # buildkit",
            ),
            ("ENVIRONMENT A=b", "ENVIRONMENT A=b"),
            ("/bin/sh -c apt-get update", "/bin/sh -c apt-get update"),
            ("|x A=b make", "|x A=b make"),
            ("", ""),
        ] {
            let hidden = without_values(step.to_owned());
            assert_eq!(hidden, expected, "{step}");
            assert_eq!(without_values(hidden), expected, "{step}, again");
        }
    }
}
