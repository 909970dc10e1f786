//! For a comment on a pull request, as GitHub and GitLab show it: the verdict, a table of findings, the rest folded away.

mod escape;

use std::io::Write;

use self::escape::{code, text};
use super::Judged;
use super::totals::Totals;
use super::view::{self, Row, Standing};
use crate::model::{Level, Mode, PolicyVerdict, Verdict, Waived};

/// GitHub takes 65 536 characters; some are left to whoever posts it. Bytes are counted: there are never fewer.
const LIMIT: usize = 60_000;
/// What has to fit in any case behind a row: the end of its table, of its block, and what was left out.
const RESERVE: usize = 1_000;
/// Findings in the table.
const ROWS: usize = 50;
/// Characters of a message in a cell.
const MESSAGE: usize = 300;
/// Characters of a name in a cell.
const NAME: usize = 120;

pub(super) fn write(out: &mut dyn Write, judged: &[Judged]) -> std::io::Result<()> {
    let mut page = Page::default();
    page.head(judged);
    page.findings(judged);
    page.undecided(judged);
    page.waived(judged);
    page.policies(judged);
    page.actions(judged);
    page.evidence(judged);
    out.write_all(page.text.as_bytes())
}

/// The comment as far as it is written.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    /// The rows of a table, at most so many, and how many there are besides.
    fn table(&mut self, head: &str, rows: impl IntoIterator<Item = String>, most: usize) {
        let columns = head.matches('|').count() - 1;
        self.text
            .push_str(&format!("{head}\n|{}\n", " --- |".repeat(columns)));
        let mut rows = rows.into_iter();
        let mut left = 0;
        for (written, row) in rows.by_ref().enumerate() {
            if written == most || self.text.len() + row.len() + RESERVE > LIMIT {
                left = 1;
                break;
            }
            self.text.push_str(&row);
            self.text.push('\n');
        }
        left += rows.count();
        if left > 0 {
            self.text.push_str(&format!("\nand {left} more\n"));
        }
        self.text.push('\n');
    }

    /// A table that is folded away; none, if it would be empty or there is no room.
    fn folded(&mut self, title: &str, head: &str, rows: Vec<String>) {
        if rows.is_empty() || self.text.len() + RESERVE > LIMIT {
            return;
        }
        let count = rows.len();
        self.text.push_str(&format!(
            "<details><summary>{title} ({count})</summary>\n\n"
        ));
        self.table(head, rows, usize::MAX);
        self.text.push_str("</details>\n\n");
    }

    fn head(&mut self, judged: &[Judged]) {
        let totals = Totals::of(judged);
        let sign = match totals.verdict() {
            Verdict::Deny => "❌",
            Verdict::Warn => "⚠️",
            Verdict::Allow => "✅",
        };
        let (headline, summary) = (totals.headline(), totals.summary());
        self.text.push_str(&format!(
            "### {sign} Touchstone: {headline}\n\n{summary}\n\n"
        ));
        for (document, error) in view::errors(judged).take(ROWS) {
            // A name at the beginning of a line might be taken for a list.
            let (document, error) = (code(document, NAME), text(error, MESSAGE));
            let line = format!("Not judged: {document}: {error}\n\n");
            if self.text.len() + line.len() + RESERVE < LIMIT {
                self.text.push_str(&line);
            }
        }
    }

    fn findings(&mut self, judged: &[Judged]) {
        let rows = view::worst_first(judged);
        let rows: Vec<&Row> = rows
            .iter()
            .filter(|row| row.standing() != Standing::Waived)
            .collect();
        if !rows.is_empty() {
            let head = "| level | severity | finding | policy | where | what |";
            self.table(head, rows.into_iter().map(finding_row), ROWS);
        }
    }

    fn undecided(&mut self, judged: &[Judged]) {
        let rows = view::faults(judged).map(|(document, policy, fault)| {
            let counts = match policy.mode {
                Mode::Enforce => policy.counts_as.as_str(),
                Mode::Monitor => "nothing (monitor)",
            };
            let (document, name) = (code(document, NAME), code(&policy.name, NAME));
            format!(
                "| {document} | {name} | {counts} | {} |",
                text(&fault.to_string(), MESSAGE)
            )
        });
        let head = "| document | policy | counts as | why |";
        self.folded("Could not decide", head, rows.collect());
    }

    fn waived(&mut self, judged: &[Judged]) {
        let rows = view::worst_first(judged);
        let row = |row: &Row, waiver: &Waived| {
            let (id, place) = (code(&row.finding.id, NAME), place(row));
            let ticket = waiver
                .ticket
                .as_deref()
                .map(|ticket| format!(" ({})", text(ticket, NAME)));
            let (owner, until) = (text(&waiver.owner, NAME), view::end(waiver));
            let (reason, ticket) = (text(&waiver.reason, MESSAGE), ticket.unwrap_or_default());
            format!("| {id} | {place} | {owner} | {until} | {reason}{ticket} |")
        };
        let head = "| finding | where | owner | until | why |";
        let active = rows
            .iter()
            .filter(|row| row.standing() == Standing::Waived)
            .filter_map(|one| Some(row(one, one.finding.waiver.as_ref()?)));
        self.folded("Waived", head, active.collect());
        let expired = rows.iter().filter_map(|one| Some(row(one, one.expired()?)));
        self.folded(
            "Expired waivers: these count again",
            head,
            expired.collect(),
        );
    }

    fn policies(&mut self, judged: &[Judged]) {
        let rows = view::policies(judged).map(|(document, _, policy)| {
            let monitor = match policy.mode {
                Mode::Enforce => "",
                Mode::Monitor => " (monitor: does not count)",
            };
            let (document, name) = (code(document, NAME), code(&policy.name, NAME));
            let said = match policy.verdict {
                PolicyVerdict::Indeterminate => {
                    format!("indeterminate, counts as {}", policy.counts_as)
                }
                verdict => verdict.as_str().to_owned(),
            };
            format!(
                "| {document} | {name} | {said}{monitor} | {} |",
                policy.findings.len()
            )
        });
        self.folded(
            "Policies",
            "| document | policy | says | findings |",
            rows.collect(),
        );
    }

    fn actions(&mut self, judged: &[Judged]) {
        let actions = view::decisions(judged).flat_map(|(document, decision)| {
            decision
                .actions
                .iter()
                .map(move |action| (document, action))
        });
        let rows = actions.map(|(document, action)| {
            let (document, policy) = (code(document, NAME), code(&action.policy, NAME));
            let (kind, target) = (text(&action.kind, NAME), code(&action.target, NAME));
            let (when, state) = (
                view::condition_name(action.condition),
                view::plan_name(action.state),
            );
            format!("| {document} | {policy} | {kind} | {target} | {when} | {state} |")
        });
        let head = "| document | policy | action | target | when | what becomes of it |";
        self.folded("Actions", head, rows.collect());
    }

    fn evidence(&mut self, judged: &[Judged]) {
        let known = view::decisions(judged).flat_map(|(_, decision)| &decision.evidence);
        let rows = known.flat_map(|known| {
            known.reports.iter().map(|report| {
                let time = |time: Option<_>| time.map(view::moment).unwrap_or_default();
                let (image, tool) = (code(&known.image, NAME), text(&view::tool(report), NAME));
                let (database, scanned) = (time(report.database), time(report.scanned));
                let digest = code(&report.digest, NAME);
                format!("| {image} | {tool} | {database} | {scanned} | {digest} |")
            })
        });
        let head = "| image | tool | its database | scanned | report |";
        self.folded("Evidence", head, rows.collect());
        for (_, decision) in view::decisions(judged).take(1) {
            let generation = code(&decision.generation, 40);
            self.text.push_str(&format!("Generation {generation}\n"));
        }
    }
}

fn finding_row(row: &Row) -> String {
    let finding = row.finding;
    let level = match row.standing() {
        Standing::Monitored => format!("({})", view::level_name(finding.level)),
        _ if finding.level == Level::Deny => "**deny**".to_owned(),
        _ => view::level_name(finding.level).to_owned(),
    };
    let mut what = text(&finding.message, MESSAGE);
    if let Some(remedy) = &finding.remedy {
        what.push_str(&format!("<br>→ {}", text(remedy, MESSAGE)));
    }
    if row.standing() == Standing::Monitored {
        what.push_str("<br>(monitor mode: does not count)");
    }
    if row.expired().is_some() {
        what.push_str("<br>(its waiver has expired)");
    }
    let (severity, id) = (finding.severity.as_str(), code(&finding.id, NAME));
    let (policy, place) = (code(&row.policy.name, NAME), place(row));
    format!("| {level} | {severity} | {id} | {policy} | {place} | {what} |")
}

fn place(row: &Row) -> String {
    let parts = row.place();
    let parts: Vec<String> = parts.into_iter().map(|part| code(part, NAME)).collect();
    parts.join("<br>")
}

#[cfg(test)]
mod tests;
