//! A Dockerfile (docs.docker.com/reference/dockerfile), read line by line as Docker's own builder does: where a line ends
//! decides what is an instruction, and a policy must not see others than the builder.

mod heredoc;

use std::iter::Enumerate;
use std::str::Split;

use self::heredoc::{Heredoc, heredocs};
use super::super::model::{Evidence, Instruction};
use super::{Sketch, Wrong, from_tool};

/// How long a Dockerfile may be, in bytes. Even one of a hundred stages is shorter by far.
const MAX_LENGTH: usize = 4 << 20;

/// How many instructions it may have. Each takes a hundred bytes of memory, but only four to write; an image has at most
/// 127 layers, and a stage rarely thirty instructions.
const MAX_INSTRUCTIONS: usize = 10_000;

const INSTRUCTIONS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Instructions that may stand without arguments.
const BARE: [&str; 3] = ["CMD", "ENTRYPOINT", "RUN"];

pub(super) fn detect(sketch: &Sketch<'_>) -> bool {
    let Sketch::Text(text) = sketch else {
        return false;
    };
    let Ok(mut lines) = Lines::of(text) else {
        return true;
    };
    let Some(first) = lines.next() else {
        return false;
    };
    let (name, arguments) = split(&first.tidy);
    match name.as_str() {
        "FROM" => is_base(arguments),
        // Else any text could be one that begins with such a word.
        "ARG" => arguments.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'),
        _ => false,
    }
}

pub(super) fn read(text: &str) -> Result<Evidence, Wrong> {
    if text.len() > MAX_LENGTH {
        let reason = format!("longer than {} MiB", MAX_LENGTH >> 20);
        return Err(Wrong::at("the Dockerfile", reason));
    }
    let mut lines = Lines::of(text)?;
    let mut instructions = Vec::new();
    let mut stages = 0_u32;
    while let Some(line) = lines.next() {
        let number = line.number;
        let wrong = |reason: String| Wrong::at(format!("line {number}"), reason);
        if instructions.len() == MAX_INSTRUCTIONS {
            return Err(wrong(format!("more than {MAX_INSTRUCTIONS} instructions")));
        }
        let (name, arguments) = split(&line.tidy);
        check(&name, arguments, stages).map_err(wrong)?;
        stages += u32::from(name == "FROM");
        let mut arguments = arguments.to_owned();
        for heredoc in opened(&name, &line).map_err(wrong)? {
            lines.heredoc(&heredoc, &mut arguments).map_err(wrong)?;
        }
        instructions.push(Instruction {
            name,
            arguments,
            line: number,
            stage: stages.saturating_sub(1),
        });
    }
    if stages == 0 {
        return Err(Wrong::at("the Dockerfile", "it has no FROM"));
    }
    Ok(Evidence {
        reports: from_tool("", None),
        dockerfile: Some(instructions),
        ..Evidence::default()
    })
}

/// Name and arguments of an instruction, or of the one in an `ONBUILD`.
fn split(line: &str) -> (String, &str) {
    let line = line.trim();
    let (name, arguments) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (name.to_ascii_uppercase(), arguments.trim())
}

/// What is wrong with an instruction.
fn check(name: &str, arguments: &str, stages: u32) -> Result<(), String> {
    if !INSTRUCTIONS.contains(&name) {
        let name: String = name.chars().take(40).collect();
        return Err(format!("unknown instruction {name:?}"));
    }
    if arguments.is_empty() && !BARE.contains(&name) {
        return Err(format!("{name} without arguments"));
    }
    match name {
        "FROM" if !is_base(arguments) => {
            Err("FROM takes an image, or an image, AS and a name".to_owned())
        }
        "FROM" | "ARG" => Ok(()),
        name if stages == 0 => Err(format!("{name} before the first FROM")),
        "ONBUILD" => {
            let (name, arguments) = split(arguments);
            if ["ONBUILD", "FROM", "MAINTAINER"].contains(&name.as_str()) {
                return Err(format!("ONBUILD does not take {name}"));
            }
            check(&name, arguments, stages)
        }
        _ => Ok(()),
    }
}

/// Whether these are arguments of `FROM`.
fn is_base(arguments: &str) -> bool {
    let words = arguments.split_whitespace();
    let words: Vec<&str> = words
        .skip_while(|word| word.starts_with("--"))
        .take(4)
        .collect();
    match *words {
        [_] => true,
        [_, keyword, _] => keyword.eq_ignore_ascii_case("AS"),
        _ => false,
    }
}

/// The heredocs of an instruction that takes them, unless its arguments are a list in JSON.
fn opened(name: &str, line: &Line) -> Result<Vec<Heredoc>, String> {
    let (mut inner, mut rest) = split(&line.tidy);
    if name == "ONBUILD" {
        (inner, rest) = split(rest);
    }
    if !["ADD", "COPY", "RUN"].contains(&inner.as_str()) {
        return Ok(Vec::new());
    }
    let heredocs = heredocs(&line.exact)?;
    if heredocs.is_empty() {
        return Ok(heredocs);
    }
    while rest.starts_with("--") {
        let (_, after) = rest.split_once(char::is_whitespace).unwrap_or_default();
        rest = after.trim_start();
    }
    match serde_json::from_str::<Vec<String>>(rest) {
        Ok(_) => Ok(Vec::new()),
        Err(_) => Ok(heredocs),
    }
}

/// A logical line.
struct Line {
    /// Where it begins, counted from 1.
    number: u32,
    /// As the builder puts it together.
    exact: String,
    /// The same, with one blank for the white space around each joint.
    tidy: String,
}

/// The logical lines of a Dockerfile.
struct Lines<'a> {
    lines: Enumerate<Split<'a, char>>,
    escape: char,
}

impl<'a> Lines<'a> {
    /// Reads the directives at the top: `# escape=` says what continues a line.
    fn of(text: &'a str) -> Result<Lines<'a>, Wrong> {
        let mut escape = '\\';
        let mut seen = Vec::new();
        for (index, line) in text.split('\n').enumerate() {
            let Some((key, value)) = directive(line) else {
                break;
            };
            let wrong = |reason| Err(Wrong::at(format!("line {}", index + 1), reason));
            if seen.contains(&key) {
                return wrong(format!("a second directive {key:?}"));
            }
            escape = match (key.as_str(), value) {
                ("escape", "`") => '`',
                ("escape", "\\") => '\\',
                ("escape", _) => return wrong(format!("escape={value}: it can be \\ or `")),
                _ => escape,
            };
            seen.push(key);
        }
        let lines = text.split('\n').enumerate();
        Ok(Lines { lines, escape })
    }

    fn next(&mut self) -> Option<Line> {
        loop {
            let (index, line) = self.lines.next()?;
            let (piece, goes_on) = self.piece(line.trim_start());
            if is_comment(piece) || (piece.trim().is_empty() && !goes_on) {
                continue;
            }
            let mut line = Line {
                number: u32::try_from(index + 1).unwrap_or(u32::MAX),
                exact: piece.to_owned(),
                tidy: piece.to_owned(),
            };
            if goes_on {
                self.join(&mut line);
            }
            if !line.tidy.trim().is_empty() {
                return Some(line);
            }
        }
    }

    /// Takes in the lines that continue one.
    fn join(&mut self, line: &mut Line) {
        while let Some((_, next)) = self.lines.next() {
            if next.trim().is_empty() || is_comment(next) {
                continue;
            }
            let (piece, goes_on) = self.piece(next);
            line.exact.push_str(piece);
            // Where there is no white space the builder joins two halves of a word.
            if line.tidy.ends_with(char::is_whitespace) || piece.starts_with(char::is_whitespace) {
                line.tidy.truncate(line.tidy.trim_end().len());
                line.tidy.push(' ');
                line.tidy.push_str(piece.trim_start());
            } else {
                line.tidy.push_str(piece);
            }
            if !goes_on {
                break;
            }
        }
    }

    /// A line without its end, and whether the next one continues it: whether it ends with the escape character alone.
    fn piece<'b>(&self, line: &'b str) -> (&'b str, bool) {
        let line = line.trim_end_matches('\r');
        if is_comment(line) {
            return (line, false);
        }
        match line.trim_end_matches([' ', '\t']).strip_suffix(self.escape) {
            Some(piece) if !piece.ends_with(self.escape) => (piece, true),
            _ => (line, false),
        }
    }

    /// Takes in the text of a heredoc with the line that ends it.
    fn heredoc(&mut self, heredoc: &Heredoc, arguments: &mut String) -> Result<(), String> {
        for (_, line) in self.lines.by_ref() {
            let line = line.trim_end_matches('\r');
            arguments.push('\n');
            arguments.push_str(line);
            let line = match heredoc.tabs {
                true => line.trim_start_matches('\t'),
                false => line,
            };
            if line == heredoc.end {
                return Ok(());
            }
        }
        let end: String = heredoc.end.chars().take(40).collect();
        Err(format!("heredoc without its end: no line {end:?} follows"))
    }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// The directive on a line: `# escape=\`.
fn directive(line: &str) -> Option<(String, &str)> {
    let (key, value) = line.trim().strip_prefix('#')?.split_once('=')?;
    let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
    if value.is_empty() {
        return None;
    }
    ["check", "escape", "syntax"]
        .contains(&key.as_str())
        .then_some((key, value))
}

#[cfg(test)]
mod tests;
