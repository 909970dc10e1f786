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

    pub fn add(&mut self, found: Vulnerability, judgement: Judgement) {
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
fn describe(finding: Finding, found: Vulnerability) -> Finding {
    let finding = finding
        .details(&Details::of(&found))
        .remedy(found.remedy())
        .package(found.package)
        .links(found.links);
    match found.locations.into_iter().next() {
        Some(path) => finding.path(path),
        None => finding,
    }
}

/// What a machine may want to sort by; without what the report does not tell.
#[derive(Serialize)]
struct Details<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    aliases: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    cvss: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epss: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exploited: Option<bool>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    fixed: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    installed: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<&'a str>,
}

impl Details<'_> {
    fn of(found: &Vulnerability) -> Details<'_> {
        Details {
            aliases: &found.aliases,
            cvss: found.cvss,
            epss: found.epss,
            exploited: found.exploited,
            fixed: &found.fixed,
            installed: found.installed.as_deref(),
            published: found.published.as_deref(),
            purl: found.purl.as_deref(),
        }
    }
}
