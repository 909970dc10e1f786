//! What stands behind the verdicts: actions, evidence, and where to look them up.

use super::super::Judged;
use super::super::view;
use super::page::Page;
use crate::evidence::Provenance;
use crate::model::{KnownImage, PlannedAction};

pub(super) fn actions(page: &mut Page, judged: &[Judged]) {
    let actions: Vec<(&str, &PlannedAction)> = view::decisions(judged)
        .flat_map(|(document, decision)| {
            decision
                .actions
                .iter()
                .map(move |action| (document, action))
        })
        .collect();
    if actions.is_empty() {
        return;
    }
    page.section("Actions", |page| {
        let columns = [
            "Action",
            "Target",
            "Policy",
            "Document",
            "Condition",
            "What becomes of it",
        ];
        page.table("What policies asked to be done", &columns, |page| {
            for (document, action) in actions {
                page.row(|page| {
                    page.head(|page| {
                        page.text(&action.kind);
                    });
                    for name in [action.target.as_str(), &action.policy, document] {
                        page.cell(|page| {
                            page.code(name);
                        });
                    }
                    page.cell(|page| {
                        page.raw(view::condition_name(action.condition));
                    })
                    .cell(|page| {
                        page.raw(view::plan_name(action.state));
                    });
                });
            }
        });
    });
}

pub(super) fn evidence(page: &mut Page, judged: &[Judged]) {
    let known: Vec<&KnownImage> = view::decisions(judged)
        .flat_map(|(_, decision)| &decision.evidence)
        .collect();
    if known.is_empty() {
        return;
    }
    page.section("Evidence", |page| {
        let columns = [
            "Image",
            "Found by",
            "Tool",
            "Its database",
            "Scanned",
            "Report",
        ];
        page.table("What the verdicts rest on", &columns, |page| {
            for known in known {
                if known.reports.is_empty() {
                    page.row(|page| {
                        image(page, known);
                        page.raw("<td colspan=\"4\">no report</td>");
                    });
                }
                for report in &known.reports {
                    page.row(|page| {
                        image(page, known);
                        provenance(page, report);
                    });
                }
            }
        });
    });
}

fn image(page: &mut Page, known: &KnownImage) {
    page.head(|page| {
        page.code(&known.image);
        for digest in &known.digests {
            page.raw("<div class=\"quiet\">").code(digest).raw("</div>");
        }
    })
    .cell(|page| {
        page.text(&known.found_by);
    });
}

fn provenance(page: &mut Page, report: &Provenance) {
    page.cell(|page| {
        page.text(&view::tool(report));
    });
    for time in [report.database, report.scanned] {
        page.cell(|page| match time {
            Some(time) => {
                page.moment(time);
            }
            None => {
                page.raw("<span class=\"none\">not told</span>");
            }
        });
    }
    page.cell(|page| {
        page.text(&report.format)
            .raw("<div class=\"quiet\">")
            .code(&report.digest)
            .raw("</div>");
    });
}

pub(super) fn decisions(page: &mut Page, judged: &[Judged]) {
    if view::decisions(judged).next().is_none() {
        return;
    }
    page.section("Decisions", |page| {
        page.raw("<details>\n<summary>Where to look them up</summary>\n");
        let columns = [
            "Document",
            "Decision",
            "Event",
            "Source",
            "Time",
            "Generation",
        ];
        page.table("Decisions by document", &columns, |page| {
            for (document, decision) in view::decisions(judged) {
                page.row(|page| {
                    page.head(|page| {
                        page.code(document);
                    })
                    .cell(|page| {
                        page.code(&decision.id);
                    })
                    .cell(|page| {
                        page.text(&decision.event.kind);
                        if let Some(namespace) = &decision.event.namespace {
                            page.raw(" in ").text(namespace);
                        }
                    })
                    .cell(|page| {
                        page.code(&decision.event.source);
                    })
                    .cell(|page| {
                        page.moment(decision.event.time);
                    })
                    .cell(|page| {
                        page.code(&decision.generation);
                    });
                });
            }
        });
        page.raw("</details>\n");
    });
}
