//! Good practice in Dockerfiles and image configurations: a table of rules, and what scanners reported.

mod build;
mod history;
mod packages;
mod ports;
mod reported;
mod rules;
mod settings;
mod shell;

use std::cmp::Reverse;

use touchstone_sdk::evidence::{Act, Evidence, Subject};
use touchstone_sdk::prelude::*;

use crate::build::Build;
use crate::rules::{Hit, RULES, Rule};

pub use crate::settings::Practices;

/// Any of these tells something about the rules.
const TELLING: [&str; 3] = ["dockerfile", "configuration", "history"];

impl Policy for Practices {
    const KINDS: &'static [&'static str] = &[
        "image.scanned",
        "image.review",
        "pod.review",
        "image.pushed",
    ];

    fn check(&self) -> Vec<Problem> {
        self.problems()
    }

    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
        let subjects = event.subjects();
        if subjects.is_empty() {
            return Err(Undecided::new("the event names no image and is no report"));
        }
        let mut outcome = Outcome::default();
        for subject in &subjects {
            let mut findings = self.judge(subject, &mut outcome);
            if let Some(evidence) = self.reports(subject, &mut outcome) {
                findings.extend(reported::findings(evidence, &self.reported)?);
            }
            self.tell(findings, subject, &mut outcome);
        }
        Ok(outcome)
    }
}

impl Practices {
    /// What the rules find. Where nobody knows how the image is built, that is a finding, unless no rule asks for it.
    fn judge(&self, subject: &Subject, outcome: &mut Outcome) -> Vec<Finding> {
        let asked: Vec<(&Rule, Act)> = RULES
            .iter()
            .map(|rule| (rule, (rule.act)(&self.rules)))
            .filter(|(_, act)| *act != Act::Off)
            .collect();
        if asked.is_empty() {
            return Vec::new();
        }
        let has = |kind: &&&str| subject.evidence.as_ref().is_some_and(|it| it.has(kind));
        let kind = TELLING.iter().find(has).unwrap_or(&"dockerfile");
        let Some(evidence) = self.evidence.of(subject, kind, outcome) else {
            return Vec::new();
        };
        let build = Build::new(evidence);
        let (mut findings, mut unjudged) = (Vec::new(), Vec::new());
        for (rule, act) in asked {
            let Some(hits) = (rule.find)(&build, self) else {
                unjudged.push((rule.id, self.unjudged.unwrap_or(act)));
                continue;
            };
            let new = hits.into_iter().filter_map(|hit| finding(rule, act, hit));
            findings.extend(new);
        }
        findings.extend(not_judged(&unjudged));
        findings
    }

    /// Evidence with what scanners reported, if that counts. Where no rule is asked for, it is what the policy is for.
    fn reports<'a>(&self, subject: &'a Subject, outcome: &mut Outcome) -> Option<&'a Evidence> {
        let counts = self.reported.counts();
        let rules = RULES.iter().any(|rule| (rule.act)(&self.rules) != Act::Off);
        if counts && !rules {
            return self.evidence.of(subject, "misconfigurations", outcome);
        }
        let evidence = subject.evidence.as_ref().filter(|_| counts);
        evidence.filter(|evidence| evidence.has("misconfigurations"))
    }

    /// The worst first, at most so many, and one about the others.
    fn tell(&self, mut findings: Vec<Finding>, subject: &Subject, outcome: &mut Outcome) {
        findings.sort_by_key(|one| Reverse((one.level as u8, one.severity as u8)));
        let rest = findings.split_off(findings.len().min(self.most));
        if let Some(worst) = rest.first() {
            let message = format!("{} more findings are not told one by one", rest.len());
            let more = Finding::new(worst.level, "more-findings", message)
                .severity(worst.severity)
                .remedy("settle those that are told, or raise `most` in the policy's settings");
            findings.push(more);
        }
        let findings = findings.into_iter().map(|finding| finding.image(subject));
        outcome.findings.extend(findings);
    }
}

fn finding(rule: &Rule, act: Act, hit: Hit) -> Option<Finding> {
    let message = match hit.line {
        Some(0) => format!("{}, as the image's history tells", hit.message),
        Some(line) => format!("{}, line {line}", hit.message),
        None => hit.message,
    };
    let mut finding = Finding::new(act.level()?, rule.id, message)
        .severity(rule.severity)
        .remedy(rule.remedy);
    finding.path = hit
        .line
        .filter(|line| *line > 0)
        .map(|_| "Dockerfile".to_owned());
    Some(finding)
}

/// Rules that nobody can judge pass nobody: what is done about them is done about this.
fn not_judged(rules: &[(&str, Act)]) -> Option<Finding> {
    let act = rules.iter().map(|(_, act)| *act).max()?;
    let counted = rules.iter().filter(|(_, act)| *act != Act::Off);
    let ids: Vec<&str> = counted.map(|(id, _)| *id).collect();
    let message = format!(
        "nobody can tell about {} without the Dockerfile",
        ids.join(", ")
    );
    let finding = Finding::new(act.level()?, "not-judged", message)
        .remedy("send the Dockerfile with the image's name to POST /v1/evidence");
    Some(finding)
}

touchstone_sdk::export!(Practices);

#[cfg(test)]
mod tests;
