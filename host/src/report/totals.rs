//! How many there are of what, and what that comes to.

use super::Judged;
use super::view::{Standing, counted, decisions, errors, rows};
use crate::model::Verdict;

/// How many there are of what.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub documents: usize,
    pub denied: usize,
    pub warned: usize,
    pub allowed: usize,
    pub undecided: usize,
    pub errors: usize,
    pub findings: usize,
    pub waived: usize,
    pub expired: usize,
}

impl Totals {
    pub(super) fn of(judged: &[Judged]) -> Totals {
        let mut totals = Totals {
            documents: judged.len(),
            errors: errors(judged).count(),
            ..Totals::default()
        };
        for (_, decision) in decisions(judged) {
            match decision.verdict {
                Verdict::Deny => totals.denied += 1,
                Verdict::Warn => totals.warned += 1,
                Verdict::Allow => totals.allowed += 1,
            }
            totals.undecided += usize::from(decision.indeterminate);
        }
        for row in rows(judged) {
            totals.findings += 1;
            totals.waived += usize::from(row.standing() == Standing::Waived);
            totals.expired += usize::from(row.expired().is_some());
        }
        totals
    }

    /// Of the documents: how many, what they are, and how bad that is.
    pub(super) fn parts(&self) -> impl Iterator<Item = (usize, &'static str, Verdict)> {
        [
            (self.denied, "denied", Verdict::Deny),
            (self.warned, "with warnings", Verdict::Warn),
            (self.allowed, "allowed", Verdict::Allow),
            (self.undecided, "indeterminate", Verdict::Deny),
            (self.errors, "not judged", Verdict::Deny),
        ]
        .into_iter()
        .filter(|(number, ..)| *number > 0)
    }

    /// `7 findings, 2 of them waived`
    pub(super) fn found(&self) -> String {
        let mut found = counted(self.findings, "finding");
        if self.waived > 0 {
            found.push_str(&format!(", {} of them waived", self.waived));
        }
        if self.expired > 0 {
            found.push_str(&format!(", {} with an expired waiver", self.expired));
        }
        found
    }

    /// All of it in one line.
    pub(super) fn summary(&self) -> String {
        let parts: Vec<String> = self
            .parts()
            .map(|(number, what, _)| format!("{number} {what}"))
            .collect();
        let documents = counted(self.documents, "document");
        format!("{documents}: {}; {}", parts.join(", "), self.found())
    }

    /// The worst of what happened; what could not be judged does not pass.
    pub(super) fn verdict(&self) -> Verdict {
        if self.denied + self.errors > 0 {
            Verdict::Deny
        } else if self.warned > 0 {
            Verdict::Warn
        } else {
            Verdict::Allow
        }
    }

    /// That in a word or two.
    pub(super) fn headline(&self) -> &'static str {
        match self.verdict() {
            _ if self.documents == 0 => "nothing to judge",
            Verdict::Deny if self.denied == 0 => "not judged",
            Verdict::Deny => "denied",
            Verdict::Warn => "allowed with warnings",
            Verdict::Allow => "allowed",
        }
    }
}
