//! VEX as CycloneDX has it: a vulnerability's `analysis`, and the versions that it is said to affect.

use super::super::super::model::{Vex, VexStatus};
use super::super::{Wrong, time};
use super::document::{AffectedVersion, Analysis, Metadata, Party};

/// What `analysis.state` may be.
const STATES: [(&str, VexStatus); 6] = [
    ("resolved", VexStatus::Fixed),
    ("resolved_with_pedigree", VexStatus::Fixed),
    ("exploitable", VexStatus::Affected),
    ("in_triage", VexStatus::UnderInvestigation),
    ("false_positive", VexStatus::NotAffected),
    ("not_affected", VexStatus::NotAffected),
];

/// Reads an analysis. One without a state says nothing yet.
pub(super) fn read(
    analysis: &Analysis,
    metadata: &Metadata<'_>,
    place: &str,
) -> Result<Option<Vex>, Wrong> {
    let Some(state) = analysis.state.as_deref() else {
        return Ok(None);
    };
    let Some((_, status)) = STATES.iter().find(|(known, _)| *known == state) else {
        let known: Vec<&str> = STATES.iter().map(|(known, _)| *known).collect();
        let reason = format!("{state:?} is no state; those are {}", known.join(", "));
        return Err(Wrong::at(format!("{place}.analysis.state"), reason));
    };
    let (written, key) = match (&analysis.last_updated, &analysis.first_issued) {
        (Some(time), _) => (Some(time.as_str()), "analysis.lastUpdated"),
        (None, Some(time)) => (Some(time.as_str()), "analysis.firstIssued"),
        (None, None) => (metadata.timestamp.as_deref(), "metadata.timestamp"),
    };
    let mut authors = metadata
        .supplier
        .iter()
        .chain(metadata.authors.iter().flatten());
    Ok(Some(Vex {
        status: *status,
        justification: analysis
            .justification
            .clone()
            .filter(|text| !text.is_empty()),
        statement: in_words(analysis),
        author: authors.find_map(Party::name).map(str::to_owned),
        time: time(&format!("{place}, {key}"), written.unwrap_or_default())?,
    }))
}

/// The detail, and what is done about it.
fn in_words(analysis: &Analysis) -> Option<String> {
    let detail = analysis.detail.as_deref().unwrap_or_default();
    let response = analysis.response.as_deref().unwrap_or_default().join(", ");
    match (detail, response.as_str()) {
        ("", "") => None,
        (detail, "") => Some(detail.to_owned()),
        ("", response) => Some(response.to_owned()),
        (detail, response) => Some(format!("{detail} ({response})")),
    }
}

/// What holds for an installed version, which may be listed for itself.
pub(super) fn of_version(
    vex: Option<&Vex>,
    installed: Option<&str>,
    versions: &[AffectedVersion<'_>],
    place: &str,
) -> Result<Option<Vex>, Wrong> {
    let is_it = |listed: &&AffectedVersion<'_>| {
        installed.is_some() && listed.version.as_deref() == installed
    };
    match versions.iter().find(is_it) {
        Some(listed) => of_status(vex, listed, place),
        None => Ok(vex.cloned()),
    }
}

/// What holds for a listed version.
pub(super) fn of_status(
    vex: Option<&Vex>,
    listed: &AffectedVersion<'_>,
    place: &str,
) -> Result<Option<Vex>, Wrong> {
    let status = match (listed.status.as_deref(), vex) {
        (None | Some("affected"), vex) => return Ok(vex.cloned()),
        (Some("unknown"), None) => return Ok(None),
        (Some("unknown"), _) => VexStatus::UnderInvestigation,
        (Some("unaffected"), _) => VexStatus::NotAffected,
        (Some(status), _) => {
            let reason =
                format!("{status:?} is no status; those are affected, unaffected, unknown");
            return Err(Wrong::at(format!("{place}.affects"), reason));
        }
    };
    Ok(Some(Vex {
        status,
        author: vex.and_then(|vex| vex.author.clone()),
        time: vex.and_then(|vex| vex.time),
        ..Vex::default()
    }))
}

/// Whether it says that there is nothing to fear.
pub(super) fn clears(vex: &Vex) -> bool {
    matches!(vex.status, VexStatus::NotAffected | VexStatus::Fixed)
}
