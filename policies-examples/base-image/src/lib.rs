//! Images are built on approved bases: by their lowest layers, which nobody can forge, or by the reference that their
//! Dockerfile or their labels tell.

mod answer;
mod approval;
mod base;
mod settings;

use touchstone_sdk::evidence::Subject;
use touchstone_sdk::prelude::*;

use crate::answer::Answer;
use crate::approval::Approval;
use crate::base::{Bases, Standing};
use crate::settings::Require;

pub use crate::settings::BaseImage;

/// How many approved bases a remedy names.
const NAMED: usize = 5;

impl Policy for BaseImage {
    const KINDS: &'static [&'static str] = &[
        "image.scanned",
        "image.review",
        "pod.review",
        "image.pushed",
    ];
    const NEEDS: &'static [touchstone_sdk::Need] = &[
        ("data", "lists of approved bases"),
        ("clock", "whether an approval is over"),
    ];

    fn check(&self) -> Vec<Problem> {
        self.problems()
    }

    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
        let subjects = event.subjects();
        if subjects.is_empty() {
            return Err(Undecided::new("the event names no image and is no report"));
        }
        let bases = Bases::load(&self.approved, &self.documents)?;
        let mut outcome = Outcome::default();
        for subject in &subjects {
            self.check_age(subject, &mut outcome);
            self.judge(subject, &bases, &mut outcome);
        }
        Ok(outcome)
    }
}

impl BaseImage {
    fn judge(&self, subject: &Subject, bases: &Bases, outcome: &mut Outcome) {
        let (mut approvals, mut refusals, mut open, mut missing) = (vec![], vec![], vec![], vec![]);
        for answer in self.ask(subject, bases) {
            match answer {
                Answer::Approved(approval) => approvals.push(approval),
                Answer::Refused(what) => refusals.push(what),
                Answer::Open(what) => open.push(what),
                Answer::Missing(kind) => missing.push(kind),
            }
        }
        let all = refusals.is_empty() && open.is_empty() && missing.is_empty();
        if !approvals.is_empty() && (all || self.require == Require::Any) {
            return outcome
                .findings
                .extend(self.tell(subject, &approvals, bases));
        }
        let (id, found, what) = match (&*refusals, &*approvals) {
            // What nobody told counts only if nothing worse is known.
            ([], _) if open.is_empty() => {
                let kind = missing.first().copied().unwrap_or("layers");
                self.evidence.of(subject, kind, outcome);
                return;
            }
            ([], _) => ("base-unknown", open, "a base that nobody can tell"),
            (_, []) => ("base-not-approved", refusals, "none of the approved bases"),
            _ => (
                "base-not-approved",
                refusals,
                "an approved base only in part",
            ),
        };
        let name = subject.text();
        let message = format!("{name} is built on {what}: {}", found.join(", and "));
        outcome.push(
            Finding::new(self.level, id, message)
                .severity(Severity::High)
                .image(subject)
                .details(&json!({"found": found}))
                .remedy(self.remedy(id, bases)),
        );
    }

    /// Says so when what is known is too old.
    fn check_age(&self, subject: &Subject, outcome: &mut Outcome) {
        let kinds = ["layers", "dockerfile", "configuration"];
        let evidence = subject.evidence.as_ref();
        if let Some(kind) = kinds
            .iter()
            .find(|kind| evidence.is_some_and(|it| it.has(kind)))
        {
            self.evidence.of(subject, kind, outcome);
        }
    }

    /// What there is to say about an approved base; of several, about the approval that ends first.
    fn tell(&self, subject: &Subject, approvals: &[Approval], bases: &Bases) -> Option<Finding> {
        let ending = approvals.iter().filter(|approval| approval.end.is_some());
        let first = ending.min_by_key(|approval| approval.end);
        let approval = first.or(approvals.first())?;
        let standing = bases.standing(approval.end, self.warn_days);
        let worth_telling = self.tell || standing != Standing::Good;
        worth_telling.then(|| approval.finding(subject, standing, self.expired))?
    }

    fn remedy(&self, id: &str, bases: &Bases) -> String {
        if id == "base-unknown" {
            return "give the build argument a default, or label the image with org.opencontainers.image.base.name".to_owned();
        }
        let patterns = self.references.iter().map(Regex::as_str);
        let all: Vec<&str> = bases.names().chain(patterns).collect();
        let more = match all.len() > NAMED {
            true => ", …",
            false => "",
        };
        let first: Vec<&str> = all.into_iter().take(NAMED).collect();
        format!(
            "build it on {}{more}, or have its base approved",
            first.join(" or ")
        )
    }
}

touchstone_sdk::export!(BaseImage);

#[cfg(test)]
mod tests;
