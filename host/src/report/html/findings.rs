//! What was found, what could not be judged, and what is excused.

use super::super::Judged;
use super::super::view::{self, Row, Standing};
use super::page::Page;
use crate::model::{Level, Mode, Waived};

/// Documents without a decision and policies without an answer.
pub(super) fn undecided(page: &mut Page, judged: &[Judged]) {
    let (errors, faults) = (view::errors(judged), view::faults(judged));
    if errors.count() + faults.count() == 0 {
        return;
    }
    page.section("Not decided", |page| {
        let columns = ["Document", "Policy", "Counts as", "Why"];
        page.table("What could not be judged", &columns, |page| {
            for (document, error) in view::errors(judged) {
                page.row(|page| {
                    page.head(|page| {
                        page.code(document);
                    })
                    .raw("<td>the document</td><td>not judged</td>")
                    .cell(|page| {
                        page.prose(error);
                    });
                });
            }
            for (document, policy, fault) in view::faults(judged) {
                page.row(|page| {
                    page.head(|page| {
                        page.code(document);
                    })
                    .cell(|page| {
                        page.code(&policy.name);
                    })
                    .cell(|page| match policy.mode {
                        Mode::Enforce => {
                            page.badge(policy.counts_as.as_str());
                        }
                        Mode::Monitor => {
                            page.raw("nothing: it monitors");
                        }
                    })
                    .cell(|page| {
                        page.prose(&fault.to_string());
                    });
                });
            }
        });
    });
}

/// What has to be mended, by document.
pub(super) fn failed(page: &mut Page, judged: &[Judged]) {
    let fails = |row: &Row| row.level() > Level::Info;
    if !view::rows(judged).any(|row| fails(&row)) {
        return;
    }
    page.section("Failed rules", |page| {
        for one in judged.chunks(1) {
            let rows = view::worst_first(one);
            let rows: Vec<&Row> = rows.iter().filter(|row| fails(row)).collect();
            if let Some(first) = rows.first() {
                page.raw("<details open>\n<summary>")
                    .badge(first.decision.verdict.as_str())
                    .raw(" ")
                    .code(first.document)
                    .raw(" <span class=\"quiet\">")
                    .text(&view::counted(rows.len(), "finding"))
                    .raw("</span></summary>\n");
                table(page, &format!("What failed on {}", first.document), &rows);
                page.raw("</details>\n");
            }
        }
    });
}

/// What only tells, and what monitors say.
pub(super) fn others(page: &mut Page, judged: &[Judged]) {
    let rows = view::worst_first(judged);
    let rows: Vec<&Row> = rows
        .iter()
        .filter(|row| row.level() == Level::Info && row.standing() != Standing::Waived)
        .collect();
    if rows.is_empty() {
        return;
    }
    page.section("To be known", |page| {
        page.raw("<details>\n<summary>")
            .text(&view::counted(rows.len(), "finding"))
            .raw(" without consequence</summary>\n");
        table(
            page,
            "Findings that only inform, and those of monitoring policies",
            &rows,
        );
        page.raw("</details>\n");
    });
}

fn table(page: &mut Page, caption: &str, rows: &[&Row]) {
    let columns = [
        "Finding", "Level", "Severity", "Policy", "Where", "What", "Fix",
    ];
    page.table(caption, &columns, |page| {
        for row in rows {
            page.row(|page| finding(page, row));
        }
    });
}

fn finding(page: &mut Page, row: &Row) {
    let finding = row.finding;
    page.head(|page| {
        page.code(&finding.id);
        for link in finding.links.iter().take(3) {
            page.raw("<div class=\"link\">").link(link).raw("</div>");
        }
    })
    .cell(|page| {
        page.badge(view::level_name(finding.level));
        if row.standing() == Standing::Monitored {
            page.raw("<div class=\"quiet\">monitor: does not count</div>");
        }
    })
    .cell(|page| {
        page.badge(finding.severity.as_str());
    })
    .cell(|page| {
        page.code(&row.policy.name);
    })
    .cell(|page| place(page, row))
    .cell(|page| {
        page.prose(&finding.message);
        if let Some(waiver) = row.expired() {
            page.raw("<div class=\"quiet\">")
                .text(&view::waiver_line(waiver))
                .raw("</div>");
        }
    })
    .cell(|page| {
        if let Some(remedy) = &finding.remedy {
            page.prose(remedy);
        }
    });
}

fn place(page: &mut Page, row: &Row) {
    for part in row.place() {
        page.raw("<div>").code(part).raw("</div>");
    }
}

pub(super) fn expired(page: &mut Page, judged: &[Judged]) {
    let rows = view::worst_first(judged);
    let rows = rows.iter().filter_map(|row| Some((row, row.expired()?)));
    excused(
        page,
        "Expired waivers",
        "Exceptions that have ended: these findings count again",
        rows.collect(),
    );
}

pub(super) fn waived(page: &mut Page, judged: &[Judged]) {
    let rows = view::worst_first(judged);
    let rows = rows
        .iter()
        .filter(|row| row.standing() == Standing::Waived)
        .filter_map(|row| Some((row, row.finding.waiver.as_ref()?)));
    excused(
        page,
        "Waived",
        "Exceptions that hold: these findings do not count",
        rows.collect(),
    );
}

fn excused(page: &mut Page, title: &'static str, caption: &str, rows: Vec<(&Row, &Waived)>) {
    if rows.is_empty() {
        return;
    }
    page.section(title, |page| {
        let columns = [
            "Finding", "Severity", "Where", "What", "Waiver", "Owner", "Until", "Why",
        ];
        page.table(caption, &columns, |page| {
            for (row, waiver) in rows {
                page.row(|page| excuse(page, row, waiver));
            }
        });
    });
}

fn excuse(page: &mut Page, row: &Row, waiver: &Waived) {
    page.head(|page| {
        page.code(&row.finding.id);
    })
    .cell(|page| {
        page.badge(row.finding.severity.as_str());
    })
    .cell(|page| place(page, row))
    .cell(|page| {
        page.prose(&row.finding.message);
    })
    .cell(|page| {
        page.code(&waiver.id);
    })
    .cell(|page| {
        page.text(&waiver.owner);
    })
    .cell(|page| match waiver.expires {
        Some(expires) => {
            page.moment(expires);
        }
        None => {
            page.raw("for good");
        }
    })
    .cell(|page| {
        page.prose(&waiver.reason);
        if let Some(ticket) = &waiver.ticket {
            page.raw("<div class=\"quiet\">").link(ticket).raw("</div>");
        }
    });
}
