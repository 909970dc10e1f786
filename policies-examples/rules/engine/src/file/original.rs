//! A file as CIPolicE reads it: a line that begins with a tab is an action, any other a condition, comments left out; the
//! conditions are the keys of a mapping.

use super::{Action, Entry, FileError, Reading, RuleFile, is_comment, lines};

pub(super) fn read(text: &str) -> Result<RuleFile, FileError> {
    let mut entries: Vec<Entry> = Vec::new();
    // Where the last condition is; nothing for an empty one, which counts as none.
    let mut last: Option<usize> = None;
    // What ends a file is not a line.
    let text = text.strip_suffix('\n').unwrap_or(text);
    for (number, line) in lines(text).filter(|(_, line)| !is_comment(line)) {
        let Some(action) = line.strip_prefix('\t') else {
            last = (!line.is_empty()).then(|| place(&mut entries, number, line));
            continue;
        };
        let Some(entry) = last.and_then(|last| entries.get_mut(last)) else {
            return Err(FileError {
                line: number,
                reason: "invalid rules format: an action without a condition".to_owned(),
            });
        };
        let (action, _) = Action::read(number, action.trim(), Reading::Original);
        entry.actions.push(action);
    }
    // What has no action is never looked at, not even for mistakes.
    entries.retain(|entry| !entry.actions.is_empty());
    Ok(RuleFile {
        entries,
        lints: Vec::new(),
    })
}

/// The place of a condition; a text that stood before keeps its place.
fn place(entries: &mut Vec<Entry>, line: usize, condition: &str) -> usize {
    let known = entries
        .iter()
        .position(|entry| entry.condition == condition);
    known.unwrap_or_else(|| {
        entries.push(Entry {
            line,
            condition: condition.to_owned(),
            actions: Vec::new(),
        });
        entries.len() - 1
    })
}
