//! For people: what was found on each document, what to do about it, and a total. Colours are left out by the writer
//! where nobody would see them.

use std::collections::BTreeSet;
use std::io::Write;

use anstyle::{AnsiColor, Style};

use super::Judged;
use crate::model::{Decision, Finding, Level, Mode, Plan, PolicyDecision, Verdict};

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
                plain(&document.name),
                plain(error)
            )?,
        }
    }
    write_total(out, judged)
}

fn write_decision(out: &mut dyn Write, name: &str, decision: &Decision) -> std::io::Result<()> {
    let name = plain(name);
    let (style, verdict) = (verdict_style(decision.verdict), decision.verdict);
    let namespace = decision
        .event
        .namespace
        .as_ref()
        .map(|namespace| format!(" in {namespace}"))
        .unwrap_or_default();
    writeln!(
        out,
        "{style}{verdict:<5}{style:#} {BOLD}{name}{BOLD:#} {DIM}{}{}{DIM:#}",
        plain(&decision.event.kind),
        plain(&namespace)
    )?;
    if decision.policies.is_empty() {
        writeln!(
            out,
            "      {YELLOW}no policy matches: nothing judged it{YELLOW:#}"
        )?;
    }
    let width = decision
        .policies
        .iter()
        .map(|policy| policy.name.len())
        .max()
        .unwrap_or_default();
    for policy in &decision.policies {
        write_policy(out, policy, width)?;
    }
    for action in &decision.actions {
        let what = match action.state {
            Plan::Planned => "would be done",
            Plan::Due => "to be done",
            Plan::Skipped => "not under this verdict",
            Plan::Monitored => "not in monitor mode",
        };
        writeln!(
            out,
            "      {:width$}  {DIM}{what}:{DIM:#} {} {}",
            action.policy,
            action.kind,
            plain(&action.target)
        )?;
    }
    for name in &decision.skipped {
        writeln!(
            out,
            "      {DIM}{name:width$}  left out: an earlier policy said stop{DIM:#}"
        )?;
    }
    writeln!(out)
}

fn write_policy(out: &mut dyn Write, policy: &PolicyDecision, width: usize) -> std::io::Result<()> {
    let name = &policy.name;
    let monitor = if policy.mode == Mode::Monitor {
        " (monitor: does not count)"
    } else {
        ""
    };
    if let Some(fault) = &policy.fault {
        let text = plain(&fault.to_string());
        writeln!(
            out,
            "      {name:width$}  {RED}indeterminate{RED:#}, counts as {}{monitor}: {text}",
            policy.counts_as
        )?;
    } else if policy.findings.is_empty() {
        writeln!(
            out,
            "      {name:width$}  {GREEN}nothing found{GREEN:#}{monitor}"
        )?;
    } else {
        let style = verdict_style(policy.counts_as);
        writeln!(
            out,
            "      {name:width$}  {style}{}{style:#}{monitor}",
            policy.counts_as
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
        .filter(|target| seen.insert((*target).clone()));
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
        writeln!(out, "        {BOLD}{}{BOLD:#}", plain(target))?;
    }
    let width = findings
        .iter()
        .map(|finding| finding.id.chars().count())
        .max()
        .unwrap_or_default()
        .min(24);
    for finding in findings {
        let style = level_style(finding.level);
        let (level, id, message) = (
            level_name(finding.level),
            plain(&finding.id),
            plain(&finding.message),
        );
        writeln!(
            out,
            "          {style}{level:<4}{style:#}  {id:<width$}  {message}"
        )?;
        if let Some(remedy) = &finding.remedy {
            writeln!(out, "                {DIM}→ {}{DIM:#}", plain(remedy))?;
        }
    }
    Ok(())
}

fn write_total(out: &mut dyn Write, judged: &[Judged]) -> std::io::Result<()> {
    let count = |verdict: Verdict| {
        judged
            .iter()
            .flat_map(|one| &one.result)
            .filter(|one| one.verdict == verdict)
            .count()
    };
    let errors = judged.iter().filter(|one| one.result.is_err()).count();
    let undecided = judged
        .iter()
        .flat_map(|one| &one.result)
        .filter(|one| one.indeterminate)
        .count();
    let findings: usize = judged
        .iter()
        .flat_map(|one| &one.result)
        .flat_map(|one| &one.policies)
        .map(|policy| policy.findings.len())
        .sum();
    let parts = [
        (count(Verdict::Deny), "denied", RED),
        (count(Verdict::Warn), "with warnings", YELLOW),
        (count(Verdict::Allow), "allowed", GREEN),
        (undecided, "indeterminate", RED),
        (errors, "not judged", RED),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, what, style)| format!("{style}{number} {what}{style:#}"))
        .collect();
    let documents = if judged.len() == 1 {
        "document"
    } else {
        "documents"
    };
    let found = if findings == 1 { "finding" } else { "findings" };
    writeln!(
        out,
        "{BOLD}{} {documents}{BOLD:#}: {}; {findings} {found}",
        judged.len(),
        parts.join(", ")
    )
}

/// Without control characters, which could rewrite what stands on the terminal.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
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

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Deny => "deny",
    }
}
