//! A file as its writer meant it: what is indented is an action, blank lines say nothing, comments may stand anywhere.

use super::{Action, Entry, FileError, Lint, Quirk, Reading, RuleFile, is_comment, lines};

pub(super) fn read(text: &str) -> Result<RuleFile, FileError> {
    let mut file = RuleFile::default();
    let mut blank = None;
    for (number, line) in lines(text) {
        if line.trim().is_empty() {
            blank.get_or_insert(number);
            continue;
        }
        if is_comment(line) {
            continue;
        }
        let after = blank.take();
        match line.starts_with([' ', '\t']) {
            true => add_action(&mut file, number, line, after)?,
            false => file.entries.push(Entry {
                line: number,
                condition: line.trim_end().to_owned(),
                actions: Vec::new(),
            }),
        }
    }
    look_at_conditions(&mut file);
    file.lints.sort_by_key(|lint| lint.line);
    Ok(file)
}

fn add_action(
    file: &mut RuleFile,
    number: usize,
    line: &str,
    blank: Option<usize>,
) -> Result<(), FileError> {
    let Some(entry) = file.entries.last_mut() else {
        return Err(FileError {
            line: number,
            reason: "an action without a condition above it: conditions begin at the left edge"
                .to_owned(),
        });
    };
    let mut lint = |line: usize, quirk: Quirk, message: String| {
        file.lints.push(Lint {
            line,
            quirk,
            message,
        });
    };
    if let Some(blank) = blank {
        let message =
            "a blank line before an action: CIPolicE refuses the file; here it says nothing"
                .to_owned();
        lint(blank, Quirk::BlankLine, message);
    }
    if line.starts_with(' ') {
        let message =
            "an action indented with spaces: CIPolicE takes it for a condition".to_owned();
        lint(number, Quirk::Spaces, message);
    }
    let text = line.trim();
    let (text, comment) = match text.find(" #") {
        Some(at) => (text.get(..at).unwrap_or(text).trim_end(), true),
        None => (text, false),
    };
    if comment {
        let message =
            "a comment behind an action: to CIPolicE it is a part of the action".to_owned();
        lint(number, Quirk::Comment, message);
    }
    let (action, quirk) = Action::read(number, text, Reading::Sane);
    if let Some((quirk, message)) = quirk {
        lint(number, quirk, message);
    }
    entry.actions.push(action);
    Ok(())
}

fn look_at_conditions(file: &mut RuleFile) {
    for (index, entry) in file.entries.iter().enumerate() {
        let mut earlier = file.entries.iter().take(index);
        let first = earlier.find(|earlier| earlier.condition == entry.condition);
        if let Some(first) = first {
            let message = format!(
                "the condition of line {} again: CIPolicE does its actions there; here they keep their place",
                first.line
            );
            file.lints.push(Lint {
                line: entry.line,
                quirk: Quirk::Duplicate,
                message,
            });
        }
        if entry.actions.is_empty() {
            file.lints.push(Lint {
                line: entry.line,
                quirk: Quirk::NoAction,
                message: "a condition without an action: nothing comes of it".to_owned(),
            });
        }
    }
}
