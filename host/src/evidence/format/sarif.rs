//! SARIF 2.1.0 (OASIS, sarif-v2.1.0-os): what linters found, and vulnerabilities, secrets and licences as far as Trivy's
//! and Grype's words tell of them.

mod document;
mod message;
mod result;
mod vulnerability;
mod words;

use jiff::Timestamp;

use self::document::{Document, Run};
use self::result::Reader;
use super::super::model::{Evidence, Identity, Provenance};
use super::raw::identity;
use super::{Repeats, Sketch, Wrong, from_tool, json, time};

pub(super) fn detect(sketch: &Sketch<'_>) -> bool {
    let has_runs = sketch.raw("runs").is_some_and(|runs| runs.starts_with('['));
    has_runs && sketch.text("version").is_some()
}

pub(super) fn read(text: &str) -> Result<Evidence, Wrong> {
    let document: Document<'_> = json(text)?;
    let runs = document.runs.as_deref().unwrap_or_default();
    let mut evidence = Evidence {
        reports: provenance(runs)?,
        ..Evidence::default()
    };
    let mut repeats = Repeats::default();
    for (index, run) in runs.iter().enumerate() {
        open(run, &mut evidence);
        if evidence.image.is_empty() {
            evidence.image = image(run);
        }
        let reader = Reader::new(run, format!("runs[{index}]"));
        for (index, found) in run.results.iter().flatten().enumerate() {
            reader.add(index, found, &mut repeats, &mut evidence)?;
        }
    }
    Ok(evidence)
}

/// What a tool looks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Looks {
    Misconfigurations,
    Vulnerabilities,
    Secrets,
    /// Several things, and the report does not tell which of them it was told to look for; or what no words are known of.
    Unknown,
}

impl Looks {
    fn of(run: &Run<'_>) -> Looks {
        const TOOLS: [(&str, Looks); 7] = [
            ("docker scout", Looks::Unknown),
            ("gitleaks", Looks::Secrets),
            ("grype", Looks::Vulnerabilities),
            ("osv-scanner", Looks::Unknown),
            ("snyk container", Looks::Unknown),
            ("snyk open source", Looks::Unknown),
            ("trivy", Looks::Unknown),
        ];
        let name = &run.tool.driver.name;
        let known = TOOLS
            .iter()
            .find(|(tool, _)| tool.eq_ignore_ascii_case(name));
        known.map_or(Looks::Misconfigurations, |(_, looks)| *looks)
    }
}

/// A run without results is one that found nothing, where it is known what it looked for; one without even an empty
/// list of them did not look (§3.14.23).
fn open(run: &Run<'_>, evidence: &mut Evidence) {
    if run.results.is_none() {
        return;
    }
    match Looks::of(run) {
        Looks::Misconfigurations => {
            evidence.misconfigurations.get_or_insert_default();
        }
        Looks::Vulnerabilities => {
            evidence.vulnerabilities.get_or_insert_default();
        }
        Looks::Secrets => {
            evidence.secrets.get_or_insert_default();
        }
        Looks::Unknown => {}
    }
}

/// One report, of several tools if there are runs of several; as old as the oldest run.
fn provenance(runs: &[Run<'_>]) -> Result<Vec<Provenance>, Wrong> {
    let mut tools: Vec<(&str, Option<&str>)> = Vec::new();
    let mut scanned: Option<Timestamp> = None;
    for (index, run) in runs.iter().enumerate() {
        let driver = &run.tool.driver;
        let version = driver
            .version
            .as_deref()
            .or(driver.semantic_version.as_deref());
        tools.push((&driver.name, version.filter(|version| !version.is_empty())));
        let place = format!("runs[{index}].invocations");
        for invocation in run.invocations.iter().flatten() {
            let ended = invocation.end_time_utc.as_deref();
            let ran = ended.or(invocation.start_time_utc.as_deref());
            let ran = time(&place, ran.unwrap_or_default())?;
            scanned = scanned.into_iter().chain(ran).min();
        }
    }
    tools.sort_unstable();
    tools.dedup();
    let version = match tools.as_slice() {
        [(_, version)] => *version,
        _ => None,
    };
    let mut names: Vec<&str> = tools.into_iter().map(|(name, _)| name).collect();
    names.dedup();
    let mut reports = from_tool(&names.join(", "), version);
    for report in &mut reports {
        report.scanned = scanned;
    }
    Ok(reports)
}

/// As Trivy writes it.
fn image(run: &Run<'_>) -> Identity {
    let Some(properties) = &run.properties else {
        return Identity::default();
    };
    identity(
        properties.repo_tags.clone().unwrap_or_default(),
        properties.repo_digests.clone().unwrap_or_default(),
        properties.image_name.clone(),
        properties.image_id.clone().filter(|id| !id.is_empty()),
    )
}

#[cfg(test)]
mod tests;
