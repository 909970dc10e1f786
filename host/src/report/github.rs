//! Workflow commands of GitHub Actions: an annotation for each finding that counts. GitHub shows ten errors, ten warnings
//! and ten notices of a step and drops the rest, so the worst stand first.
//! (docs.github.com, "Workflow commands for GitHub Actions"; escapes as in actions/toolkit, core/src/command.ts)

use std::cmp::Reverse;
use std::io::Write;

use super::Judged;
use super::plain::{self, NAME, SENTENCE};
use super::totals::Totals;
use super::view::{self, Row, Standing, waiver_line};
use crate::evidence::Severity;
use crate::model::{Level, Mode, Verdict};

/// Of the ten that are shown, the summary takes one.
const NOTICES: usize = 9;

/// What becomes one annotation.
struct Note<'a> {
    level: Level,
    severity: Severity,
    document: &'a str,
    title: String,
    message: String,
}

pub(super) fn write(out: &mut dyn Write, judged: &[Judged]) -> std::io::Result<()> {
    let totals = Totals::of(judged);
    let mut notes = failures(judged);
    notes.extend(
        view::worst_first(judged)
            .iter()
            .filter(|row| row.standing() != Standing::Waived)
            .map(note),
    );
    notes.sort_by_key(|note| Reverse((note.level, note.severity)));
    let mut notices = 0;
    for note in &notes {
        notices += usize::from(note.level == Level::Info);
        if notices <= NOTICES {
            write_note(out, note)?;
        }
    }
    let left = match notices.saturating_sub(NOTICES) {
        0 => String::new(),
        left => format!("; {left} more of level info"),
    };
    let title = property(&format!("touchstone: {}", totals.headline()));
    let message = data(&format!("{}{left}", totals.summary()));
    writeln!(out, "::notice title={title}::{message}")
}

/// Documents that could not be judged and policies that could not decide.
fn failures(judged: &[Judged]) -> Vec<Note<'_>> {
    let errors = view::errors(judged).map(|(document, error)| Note {
        level: Level::Deny,
        severity: Severity::Critical,
        document,
        title: "not judged".to_owned(),
        message: plain::lines(error, SENTENCE),
    });
    let faults = view::faults(judged).map(|(document, policy, fault)| {
        let monitor = match policy.mode {
            Mode::Enforce => format!("counts as {}", policy.counts_as),
            Mode::Monitor => "monitor mode: does not count".to_owned(),
        };
        Note {
            level: match view::counts_as(policy) {
                Verdict::Deny => Level::Deny,
                Verdict::Warn => Level::Warn,
                Verdict::Allow => Level::Info,
            },
            severity: Severity::Critical,
            document,
            title: format!(
                "{}: indeterminate, {monitor}",
                plain::line(&policy.name, NAME)
            ),
            message: plain::lines(&fault.to_string(), SENTENCE),
        }
    });
    errors.chain(faults).collect()
}

fn note<'a>(row: &Row<'a>) -> Note<'a> {
    let finding = row.finding;
    let place: Vec<String> = row
        .place()
        .into_iter()
        .map(|part| plain::line(part, NAME))
        .collect();
    let mut message = plain::lines(&finding.message, SENTENCE);
    if !place.is_empty() {
        message = format!("{}: {message}", place.join(" · "));
    }
    if let Some(remedy) = &finding.remedy {
        message.push_str("\nfix: ");
        message.push_str(&plain::lines(remedy, SENTENCE));
    }
    if let Some(waiver) = row.expired() {
        message.push('\n');
        message.push_str(&waiver_line(waiver));
    }
    let monitor = match row.standing() {
        Standing::Monitored => " (monitor mode: does not count)",
        Standing::Waived | Standing::Counts => "",
    };
    Note {
        level: row.level(),
        severity: finding.severity,
        document: row.document,
        title: format!(
            "{}: {} [{}]{monitor}",
            plain::line(&row.policy.name, NAME),
            plain::line(&finding.id, NAME),
            finding.severity.as_str()
        ),
        message,
    }
}

fn write_note(out: &mut dyn Write, note: &Note<'_>) -> std::io::Result<()> {
    let command = match note.level {
        Level::Deny => "error",
        Level::Warn => "warning",
        Level::Info => "notice",
    };
    let (title, message) = (property(&note.title), data(&note.message));
    match file(note.document) {
        Some(file) => {
            let file = property(&plain::line(file, NAME));
            writeln!(
                out,
                "::{command} file={file},line=1,title={title}::{message}"
            )
        }
        None => writeln!(out, "::{command} title={title}::{message}"),
    }
}

/// The file that was judged, which may be in the repository; a finding's own path is one in the image. Several documents
/// of one file are told apart by `#`.
fn file(document: &str) -> Option<&str> {
    let file = match document.rsplit_once('#') {
        Some((file, index)) if index.bytes().all(|byte| byte.is_ascii_digit()) => file,
        _ => document,
    };
    (!file.is_empty() && file != "-").then_some(file)
}

/// What stands behind the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// What stands before it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests;
