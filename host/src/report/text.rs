//! For people: what was found on each document, what to do about it, and a total. Colours are left out by the writer
//! where nobody would see them.

use std::collections::BTreeSet;
use std::io::Write;

use anstyle::{AnsiColor, Style};

use super::Judged;
use super::plain::{self, NAME, SENTENCE};
use super::totals::Totals;
use super::view::{self, waiver_line};
use crate::model::{
    Decision, Finding, KnownImage, Level, Mode, PlannedAction, PolicyDecision, Verdict,
};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const GREEN: Style = AnsiColor::Green.on_default();

pub(super) fn write(out: &mut dyn Write, judged: &[Judged]) -> std::io::Result<()> {
    for document in judged {
        match &document.result {
            Ok(decision) => write_decision(out, &document.name, decision)?,
            Err(error) => writeln!(
                out,
                "{RED}error{RED:#} {BOLD}{}{BOLD:#}\n      {}\n",
                name(&document.name),
                sentence(error)
            )?,
        }
    }
    write_total(out, &Totals::of(judged))
}

fn write_decision(out: &mut dyn Write, document: &str, decision: &Decision) -> std::io::Result<()> {
    let (style, verdict) = (verdict_style(decision.verdict), decision.verdict);
    let namespace = decision
        .event
        .namespace
        .as_ref()
        .map(|namespace| format!(" in {}", name(namespace)))
        .unwrap_or_default();
    writeln!(
        out,
        "{style}{verdict:<5}{style:#} {BOLD}{}{BOLD:#} {DIM}{}{namespace}{DIM:#}",
        name(document),
        name(&decision.event.kind),
    )?;
    if decision.policies.is_empty() {
        writeln!(
            out,
            "      {YELLOW}no policy matches: nothing judged it{YELLOW:#}"
        )?;
    }
    let policies = decision.policies.iter();
    let width = policies
        .map(|policy| name(&policy.name).chars().count())
        .max()
        .unwrap_or_default();
    for policy in &decision.policies {
        write_policy(out, policy, width)?;
    }
    for action in &decision.actions {
        write_action(out, action, width)?;
    }
    for skipped in &decision.skipped {
        writeln!(
            out,
            "      {DIM}{:width$}  left out: an earlier policy said stop{DIM:#}",
            name(skipped)
        )?;
    }
    for known in &decision.evidence {
        write_evidence(out, known)?;
    }
    writeln!(out)
}

fn write_policy(out: &mut dyn Write, policy: &PolicyDecision, width: usize) -> std::io::Result<()> {
    let title = name(&policy.name);
    let monitor = if policy.mode == Mode::Monitor {
        " (monitor: does not count)"
    } else {
        ""
    };
    if let Some(fault) = &policy.fault {
        let text = sentence(&fault.to_string());
        writeln!(
            out,
            "      {title:width$}  {RED}indeterminate{RED:#}, counts as {}{monitor}: {text}",
            policy.counts_as
        )?;
    } else if policy.findings.is_empty() {
        writeln!(
            out,
            "      {title:width$}  {GREEN}nothing found{GREEN:#}{monitor}"
        )?;
    } else {
        let style = verdict_style(policy.counts_as);
        writeln!(
            out,
            "      {title:width$}  {style}{}{style:#}{monitor}",
            policy.counts_as
        )?;
    }
    if let Some(last_known) = &policy.last_known {
        writeln!(
            out,
            "        last known: {}",
            sentence(&last_known.to_string())
        )?;
    }
    for group in groups(&policy.findings) {
        write_findings(out, &group)?;
    }
    Ok(())
}

/// Findings on the same target stand together.
fn groups(findings: &[Finding]) -> Vec<Vec<&Finding>> {
    let mut seen = BTreeSet::new();
    let targets = findings
        .iter()
        .map(|finding| &finding.target)
        .filter(|target| seen.insert(*target));
    targets
        .map(|target| {
            findings
                .iter()
                .filter(|finding| &finding.target == target)
                .collect()
        })
        .collect()
}

fn write_findings(out: &mut dyn Write, findings: &[&Finding]) -> std::io::Result<()> {
    if let Some(target) = findings.first().and_then(|finding| finding.target.as_ref()) {
        writeln!(out, "        {BOLD}{}{BOLD:#}", name(target))?;
    }
    let width = findings
        .iter()
        .map(|finding| finding.id.chars().count())
        .max()
        .unwrap_or_default()
        .min(24);
    for finding in findings {
        write_finding(out, finding, width)?;
    }
    Ok(())
}

fn write_finding(out: &mut dyn Write, finding: &Finding, width: usize) -> std::io::Result<()> {
    let (level, id) = (view::level_name(finding.level), name(&finding.id));
    let (message, place) = (sentence(&finding.message), place(finding));
    if finding.is_waived() {
        writeln!(
            out,
            "          {DIM}{level:<4}  {id:<width$}  {message}{place}{DIM:#}"
        )?;
    } else {
        let style = level_style(finding.level);
        writeln!(
            out,
            "          {style}{level:<4}{style:#}  {id:<width$}  {message}{place}"
        )?;
    }
    if let Some(waiver) = &finding.waiver {
        let style = if finding.is_waived() { DIM } else { YELLOW };
        writeln!(
            out,
            "                {style}{}{style:#}",
            waiver_line(waiver)
        )?;
    }
    // What is excused needs no mending now.
    if let Some(remedy) = finding.remedy.as_ref().filter(|_| !finding.is_waived()) {
        writeln!(out, "                {DIM}→ {}{DIM:#}", sentence(remedy))?;
    }
    Ok(())
}

/// Package and path, where the message does not tell.
fn place(finding: &Finding) -> String {
    let parts: Vec<String> = [&finding.package, &finding.path]
        .into_iter()
        .flatten()
        .filter(|part| !finding.message.contains(part.as_str()))
        .map(|part| name(part))
        .collect();
    match parts.as_slice() {
        [] => String::new(),
        parts => format!(" ({})", parts.join(", ")),
    }
}

fn write_action(out: &mut dyn Write, action: &PlannedAction, width: usize) -> std::io::Result<()> {
    writeln!(
        out,
        "      {:width$}  {DIM}{}:{DIM:#} {} {}",
        name(&action.policy),
        view::plan_name(action.state),
        name(&action.kind),
        name(&action.target)
    )
}

fn write_evidence(out: &mut dyn Write, known: &KnownImage) -> std::io::Result<()> {
    let image = if known.image.is_empty() {
        "it".to_owned()
    } else {
        name(&known.image)
    };
    let reports: Vec<String> = known
        .reports
        .iter()
        .map(|report| {
            let times = [("database", report.database), ("scanned", report.scanned)];
            let times: Vec<String> = times
                .into_iter()
                .filter_map(|(what, time)| Some(format!("{what} {}", view::moment(time?))))
                .collect();
            match times.as_slice() {
                [] => view::tool(report),
                times => format!("{} ({})", view::tool(report), times.join(", ")),
            }
        })
        .collect();
    writeln!(
        out,
        "      {DIM}what is known of {image}: {}, found by {}{DIM:#}",
        reports.join("; "),
        name(&known.found_by)
    )
}

fn write_total(out: &mut dyn Write, totals: &Totals) -> std::io::Result<()> {
    let parts: Vec<String> = totals
        .parts()
        .map(|(number, what, verdict)| {
            let style = verdict_style(verdict);
            format!("{style}{number} {what}{style:#}")
        })
        .collect();
    writeln!(
        out,
        "{BOLD}{}{BOLD:#}: {}; {}",
        view::counted(totals.documents, "document"),
        parts.join(", "),
        totals.found()
    )
}

fn name(text: &str) -> String {
    plain::line(text, NAME)
}

fn sentence(text: &str) -> String {
    plain::line(text, SENTENCE)
}

fn verdict_style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Allow => GREEN,
        Verdict::Warn => YELLOW,
        Verdict::Deny => RED,
    }
}

fn level_style(level: Level) -> Style {
    match level {
        Level::Info => DIM,
        Level::Warn => YELLOW,
        Level::Deny => RED,
    }
}

#[cfg(test)]
mod tests;
