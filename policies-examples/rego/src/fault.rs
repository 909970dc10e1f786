//! What the interpreter complains about, in one line.

use regorus::unstable::Span;
use touchstone_sdk::Problem;

use crate::check;

/// A place in a source: `rules/main.rego:3:5`.
pub fn place(span: &Span) -> String {
    format!("{}:{}:{}", span.source.get_path(), span.line, span.col)
}

/// A problem with the sources, at its place in the settings.
pub fn problem(error: &anyhow::Error) -> Problem {
    let text = error.to_string();
    let file = place_in(&text).and_then(|place| place.rsplitn(3, ':').nth(2));
    Problem {
        path: file.map_or_else(|| "/sources".to_owned(), check::pointer),
        message: line(error),
    }
}

/// The interpreter draws the line of the source under its place; the place and what is wrong there are enough.
pub fn line(error: &anyhow::Error) -> String {
    let text = error.to_string();
    let what = text.lines().last().unwrap_or_default().trim();
    let what = what.strip_prefix("error: ").unwrap_or(what);
    match place_in(&text) {
        Some(place) => format!("{place}: {what}"),
        None => text.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

fn place_in(text: &str) -> Option<&str> {
    let mut lines = text.lines().rev();
    lines.find_map(|line| line.strip_prefix("--> "))
}
