//! Our own format: evidence as it is shown by `touchstone evidence show -o json`, and written by whoever knows what no
//! scanner reports: files with their content, malware, when a vulnerability was first seen.
//!
//! `{"format": "touchstone/evidence/v1", "evidence": {…}}`, with [`Evidence`] as it is serialised. Absent `reports` are
//! one report of a tool named `touchstone`, which says all there is; where there is one report, it is that of every item
//! that names none.

mod check;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::super::model::{Evidence, Provenance};
use super::history::without_values;
use super::{Sketch, Wrong, hex, json};

/// What the key `format` says.
const FORMAT: &str = "touchstone/evidence/v1";

/// What a report is called that does not say what made it.
const NAME: &str = "touchstone";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(rename = "format")]
    _format: String,
    evidence: Evidence,
}

pub(super) fn detect(sketch: &Sketch<'_>) -> bool {
    sketch.text("format").as_deref() == Some(FORMAT)
}

pub(super) fn read(text: &str) -> Result<Evidence, Wrong> {
    let Raw { mut evidence, .. } = json(text)?;
    if evidence.reports.is_empty() {
        evidence.reports.push(Provenance::default());
    }
    for report in &mut evidence.reports {
        complete(report, text);
    }
    for step in evidence.history.iter_mut().flatten() {
        step.created_by = without_values(std::mem::take(&mut step.created_by));
    }
    check::check(&mut evidence)?;
    evidence.attribute();
    Ok(evidence)
}

/// Fills in what a report does not say of itself.
fn complete(report: &mut Provenance, text: &str) {
    for name in [&mut report.format, &mut report.tool] {
        if name.is_empty() {
            NAME.clone_into(name);
        }
    }
    if report.digest.is_empty() {
        report.digest = format!("sha256:{}", hex(&Sha256::digest(text)));
    }
}

#[cfg(test)]
mod tests;
