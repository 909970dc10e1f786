//! How many there are of what: by severity, by image, by policy.

use std::collections::BTreeMap;

use super::super::Judged;
use super::super::view::{self, Row, Standing};
use super::page::Page;
use crate::evidence::Severity;
use crate::model::{Level, Mode, PolicyVerdict};

/// How many findings there are, by what they come to.
#[derive(Clone, Copy, Default)]
struct Counts {
    deny: usize,
    warn: usize,
    info: usize,
    /// Waived, or of a policy that monitors.
    aside: usize,
}

impl Counts {
    fn add(&mut self, row: &Row) {
        match (row.standing(), row.finding.level) {
            (Standing::Waived | Standing::Monitored, _) => self.aside += 1,
            (Standing::Counts, Level::Deny) => self.deny += 1,
            (Standing::Counts, Level::Warn) => self.warn += 1,
            (Standing::Counts, Level::Info) => self.info += 1,
        }
    }

    fn total(self) -> usize {
        self.deny + self.warn + self.info + self.aside
    }
}

/// A bar for each severity; beside it stand the numbers, for whoever does not see it.
pub(super) fn severities(page: &mut Page, judged: &[Judged]) {
    let mut counts: BTreeMap<Severity, Counts> = BTreeMap::new();
    for row in view::rows(judged) {
        counts.entry(row.finding.severity).or_default().add(&row);
    }
    if counts.is_empty() {
        return;
    }
    let most = counts
        .values()
        .map(|counts| counts.total())
        .max()
        .unwrap_or(1);
    page.section("Findings by severity", |page| {
        let columns = [
            "Severity",
            "Share",
            "<span class=\"swatch deny\"></span>Deny",
            "<span class=\"swatch warn\"></span>Warn",
            "<span class=\"swatch info\"></span>Info",
            "<span class=\"swatch aside\"></span>Do not count",
        ];
        page.table(
            "What was found, waived and monitored findings apart",
            &columns,
            |page| {
                for severity in Severity::ALL.into_iter().rev() {
                    let counts = counts.get(&severity).copied().unwrap_or_default();
                    page.row(|page| {
                        page.head(|page| {
                            page.badge(severity.as_str());
                        });
                        page.raw("<td class=\"share\">");
                        bar(page, counts, most);
                        page.raw("</td>")
                            .count(counts.deny)
                            .count(counts.warn)
                            .count(counts.info)
                            .count(counts.aside);
                    });
                }
            },
        );
    });
}

/// Parts of a thousand, so that small ones are seen.
fn bar(page: &mut Page, counts: Counts, most: usize) {
    const WIDTH: usize = 1000;
    page.raw("<svg class=\"bar\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\" focusable=\"false\">");
    page.raw("<rect class=\"track\" width=\"1000\" height=\"10\"/>");
    let mut x = 0;
    for (number, class) in [
        (counts.deny, "<rect class=\"deny\" height=\"10\" x=\""),
        (counts.warn, "<rect class=\"warn\" height=\"10\" x=\""),
        (counts.info, "<rect class=\"info\" height=\"10\" x=\""),
        (counts.aside, "<rect class=\"aside\" height=\"10\" x=\""),
    ] {
        let width = number * WIDTH / most.max(1);
        if number > 0 {
            page.raw(class)
                .number(x)
                .raw("\" width=\"")
                .number(width)
                .raw("\"/>");
        }
        x += width;
    }
    page.raw("</svg>");
}

pub(super) fn documents(page: &mut Page, judged: &[Judged]) {
    if judged.is_empty() {
        return;
    }
    page.section("Images and documents", |page| {
        let columns = [
            "Document",
            "Image",
            "Verdict",
            "Deny",
            "Warn",
            "Info",
            "Do not count",
        ];
        page.table("What was judged", &columns, |page| {
            for one in judged {
                match &one.result {
                    Ok(_) => images(page, one),
                    Err(_) => page.row(|page| {
                        page.head(|page| {
                            page.code(&one.name);
                        })
                        .raw("<td></td>")
                        .cell(|page| {
                            page.raw("<span class=\"badge deny\">not judged</span>");
                        })
                        .raw("<td colspan=\"4\"></td>");
                    }),
                }
            }
        });
    });
}

/// A row for each image of a document, and one for what is about none of them.
fn images(page: &mut Page, judged: &Judged) {
    let Ok(decision) = &judged.result else { return };
    let mut counts: BTreeMap<Option<&str>, Counts> = BTreeMap::new();
    for row in view::rows(std::slice::from_ref(judged)) {
        counts.entry(row.image()).or_default().add(&row);
    }
    let mut rows: Vec<Option<&str>> = Vec::new();
    rows.extend(
        decision
            .event
            .images
            .iter()
            .map(|image| Some(image.as_str())),
    );
    for image in counts.keys().filter(|image| image.is_some()) {
        if !rows.contains(image) {
            rows.push(*image);
        }
    }
    if rows.is_empty() || counts.contains_key(&None) {
        rows.push(None);
    }
    for image in rows {
        let counts = counts.get(&image).copied().unwrap_or_default();
        page.row(|page| {
            page.head(|page| {
                page.code(&judged.name);
            })
            .cell(|page| match image {
                Some(image) => {
                    page.code(image);
                }
                None => {
                    page.raw("the document as a whole");
                }
            })
            .cell(|page| {
                page.badge(decision.verdict.as_str());
                if decision.indeterminate {
                    page.raw(" <span class=\"badge deny\">indeterminate</span>");
                }
            })
            .count(counts.deny)
            .count(counts.warn)
            .count(counts.info)
            .count(counts.aside);
        });
    }
}

/// How often a policy said what.
#[derive(Default)]
struct Said {
    /// By the order of [`PolicyVerdict::ALL`].
    verdicts: [usize; 4],
    findings: usize,
}

pub(super) fn policies(page: &mut Page, judged: &[Judged]) {
    let mut said: BTreeMap<(&str, bool), Said> = BTreeMap::new();
    for (_, _, policy) in view::policies(judged) {
        let monitors = policy.mode == Mode::Monitor;
        let said = said.entry((&policy.name, monitors)).or_default();
        for (count, verdict) in said.verdicts.iter_mut().zip(PolicyVerdict::ALL) {
            *count += usize::from(policy.verdict == verdict);
        }
        said.findings += policy.findings.len();
    }
    if said.is_empty() {
        return;
    }
    page.section("Policies", |page| {
        let columns = [
            "Policy",
            "Mode",
            "Allow",
            "Warn",
            "Deny",
            "Indeterminate",
            "Findings",
        ];
        page.table("How often each policy said what", &columns, |page| {
            for ((name, monitors), said) in said {
                page.row(|page| {
                    page.head(|page| {
                        page.code(name);
                    })
                    .cell(|page| {
                        page.raw(if monitors {
                            "monitor: does not count"
                        } else {
                            "enforce"
                        });
                    });
                    for number in said.verdicts {
                        page.count(number);
                    }
                    page.count(said.findings);
                });
            }
        });
    });
}
