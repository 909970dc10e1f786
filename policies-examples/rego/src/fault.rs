//! What the interpreter complains about, in one line.

use regorus::unstable::Span;
use touchstone_sdk::Problem;

use crate::check;

/// A place in a source: `rules/main.rego:3:5`.
pub fn place(span: &Span) -> String {
    let line = span.source.line(span.line.saturating_sub(1));
    let column = column(line, span.col);
    format!("{}:{}:{column}", span.source.get_path(), span.line)
}

/// Which character of a line it is. The interpreter counts a tab as four.
fn column(line: &str, counted: u32) -> u32 {
    let mut at = 1;
    let before = line.chars().take_while(|c| {
        let is_before = at < counted;
        at += if *c == '\t' { 4 } else { 1 };
        is_before
    });
    let before = u32::try_from(before.count()).unwrap_or(u32::MAX);
    // What is after the end of a line.
    before + 1 + counted.saturating_sub(at)
}

/// A problem with the sources, at its place in the settings.
pub fn problem(error: &anyhow::Error) -> Problem {
    let text = error.to_string();
    let place = place_in(&text);
    let file = place
        .as_ref()
        .and_then(|place| place.rsplitn(3, ':').nth(2));
    Problem {
        path: file.map_or_else(|| "/sources".to_owned(), check::pointer),
        message: line(error),
    }
}

/// The interpreter draws the line of the source under its place; the place and what is wrong there are enough. What it
/// adds about another place (`definition:`) is not, without the drawing.
pub fn line(error: &anyhow::Error) -> String {
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().collect();
    let Some(place) = place_in(&text) else {
        return text.split_whitespace().collect::<Vec<_>>().join(" ");
    };
    let said = lines
        .iter()
        .rev()
        .find_map(|line| line.strip_prefix("error: "));
    let what = said.or(lines.last().copied()).unwrap_or_default().trim();
    let what = what.strip_suffix(" defined at:").unwrap_or(what);
    let what = what.replace(
        "used before definition below.",
        "is used before it has a value, or is given one twice",
    );
    format!("{place}: {what}")
}

/// The place of the last complaint.
fn place_in(text: &str) -> Option<String> {
    let complaint = text.rfind("\nerror: ").unwrap_or(text.len());
    let before: Vec<&str> = text.get(..complaint).unwrap_or(text).lines().collect();
    let arrow = before.iter().rposition(|line| line.starts_with("--> "))?;
    let place = before.get(arrow)?.strip_prefix("--> ")?;
    let drawn = before.get(arrow + 2).and_then(|line| line.split_once("| "));
    let (start, counted) = place.rsplit_once(':')?;
    Some(match (drawn, counted.parse()) {
        (Some((_, line)), Ok(counted)) => format!("{start}:{}", column(line, counted)),
        _ => place.to_owned(),
    })
}
