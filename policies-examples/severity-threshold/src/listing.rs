//! The findings about one image: so many are written out, the others are counted.

use touchstone_sdk::evidence::{Subject, Vulnerability};
use touchstone_sdk::prelude::*;

use crate::judge::Judgement;
use crate::settings::BySeverity;

/// Links that a finding has at most; scanners give dozens.
pub const LINKS: u32 = 3;

/// What was found on an image.
pub struct Listing<'a> {
    subject: &'a Subject,
    room: usize,
    denied: Group,
    warned: Group,
    tallies: Vec<Tally>,
}

/// Findings of one level.
#[derive(Default)]
struct Group {
    listed: Vec<Finding>,
    left_out: u64,
    worst_left_out: Option<Severity>,
}

/// How many allowed vulnerabilities there are of a severity, and may be.
struct Tally {
    severity: Severity,
    most: u32,
    found: u32,
}

impl<'a> Listing<'a> {
    pub fn new(subject: &'a Subject, room: u32, most: &BySeverity) -> Listing<'a> {
        let tally = |(severity, most)| Tally {
            severity,
            most,
            found: 0,
        };
        Listing {
            subject,
            room: room as usize,
            denied: Group::default(),
            warned: Group::default(),
            tallies: most.given().map(tally).collect(),
        }
    }

    pub fn add(&mut self, found: &Vulnerability, judgement: Judgement) {
        let of_severity = |tally: &&mut Tally| tally.severity == judgement.severity;
        if let Some(tally) = self.tallies.iter_mut().find(of_severity)
            && judgement.counts
        {
            tally.found += 1;
        }
        let Some((level, message)) = judgement.verdict else {
            return;
        };
        let group = match level {
            Level::Deny => &mut self.denied,
            Level::Warn | Level::Info => &mut self.warned,
        };
        if group.listed.len() >= self.room {
            return group.leave_out(judgement.severity);
        }
        let finding = Finding::new(level, &found.id, message).severity(judgement.severity);
        let finding = describe(finding.image(self.subject), found);
        group.listed.push(finding);
    }

    /// What is too much first, then what denies, then what is warned about.
    pub fn findings(mut self) -> Vec<Finding> {
        self.warned.shorten(self.room - self.denied.listed.len());
        let rest = self.rest();
        let mut findings: Vec<Finding> = self.too_many().collect();
        findings.append(&mut self.denied.listed);
        findings.append(&mut self.warned.listed);
        findings.extend(rest);
        findings
    }

    fn too_many(&self) -> impl Iterator<Item = Finding> {
        let exceeded = self.tallies.iter().filter(|tally| tally.found > tally.most);
        exceeded.map(|tally| {
            let severity = tally.severity.as_str();
            let Tally { found, most, .. } = tally;
            let message =
                format!("vulnerabilities of severity {severity}: {found}, allowed {most}");
            Finding::deny(format!("too-many-{severity}"), message)
                .severity(tally.severity)
                .image(self.subject)
                .remedy("update what can be updated, or rebuild the image on a newer base")
        })
    }

    /// What is not written out.
    fn rest(&self) -> Option<Finding> {
        let worst = self.denied.worst_left_out.max(self.warned.worst_left_out)?;
        let (denied, warned) = (self.denied.left_out, self.warned.left_out);
        let level = if denied > 0 { Level::Deny } else { Level::Warn };
        let message = format!(
            "vulnerabilities not listed: {denied} that deny, {warned} that are warned about"
        );
        let remedy = "mend what is listed first, or raise maxFindings to see more";
        Some(
            Finding::new(level, "more-vulnerabilities", message)
                .severity(worst)
                .image(self.subject)
                .remedy(remedy),
        )
    }
}

impl Group {
    fn shorten(&mut self, room: usize) {
        let end = room.min(self.listed.len());
        for finding in self.listed.split_off(end) {
            self.leave_out(finding.severity);
        }
    }

    fn leave_out(&mut self, severity: Severity) {
        self.left_out += 1;
        self.worst_left_out = self.worst_left_out.max(Some(severity));
    }
}

/// Adds where it is, what can be done, and where to read on.
fn describe(finding: Finding, found: &Vulnerability) -> Finding {
    let finding = finding
        .package(&found.package)
        .remedy(found.remedy())
        .links(found.links.iter().cloned())
        .details(&details(found));
    match found.locations.first() {
        Some(path) => finding.path(path),
        None => finding,
    }
}

/// What a machine may want to sort by; without what the report does not tell.
fn details(found: &Vulnerability) -> Value {
    let mut details = json!({
        "aliases": found.aliases,
        "purl": found.purl,
        "installed": found.installed,
        "fixed": found.fixed,
        "cvss": found.cvss,
        "epss": found.epss,
        "exploited": found.exploited,
        "published": found.published,
    });
    if let Some(details) = details.as_object_mut() {
        details.retain(|_, value| !value.is_null() && *value != json!([]));
    }
    details
}
