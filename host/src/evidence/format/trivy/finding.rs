//! Packages, misconfigurations, secrets and licences as Trivy writes them (`pkg/fanal/types/package.go`,
//! `pkg/types/misconfiguration.go`, `pkg/fanal/types/secret.go`, `pkg/types/license.go`).

use serde::Deserialize;

use super::super::super::model::{FoundLicence, FoundSecret, Misconfiguration, Package, Severity};
use super::super::Wrong;
use super::super::purl::kind_of_purl;
use super::super::raw::{Text, filled, links, path, required, texts, within};

/// The layer of something.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawPlace<'a> {
    #[serde(borrow)]
    digest: Option<Text<'a>>,
    #[serde(borrow, rename = "DiffID")]
    diff_id: Option<Text<'a>>,
}

impl RawPlace<'_> {
    /// Archives have no compressed layers.
    pub(super) fn digest(self) -> Option<String> {
        filled(self.digest).or_else(|| filled(self.diff_id))
    }
}

#[derive(Deserialize)]
pub(super) struct RawIdentifier<'a> {
    #[serde(borrow, rename = "PURL")]
    pub(super) purl: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawPackage<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    identifier: Option<RawIdentifier<'a>>,
    #[serde(borrow)]
    version: Option<Text<'a>>,
    #[serde(borrow)]
    release: Option<Text<'a>>,
    epoch: Option<u64>,
    #[serde(borrow)]
    src_name: Option<Text<'a>>,
    licenses: Option<Vec<String>>,
    #[serde(borrow)]
    maintainer: Option<Text<'a>>,
    #[serde(borrow)]
    layer: Option<RawPlace<'a>>,
    #[serde(borrow)]
    file_path: Option<Text<'a>>,
}

impl TryFrom<RawPackage<'_>> for Package {
    type Error = Wrong;

    fn try_from(raw: RawPackage<'_>) -> Result<Package, Wrong> {
        let purl = raw
            .identifier
            .and_then(|identifier| filled(identifier.purl));
        let version = filled(raw.version).map(|version| {
            let epoch = raw.epoch.filter(|epoch| *epoch != 0);
            let epoch = epoch.map_or(String::new(), |epoch| format!("{epoch}:"));
            let release = filled(raw.release).map_or(String::new(), |text| format!("-{text}"));
            epoch + &version + &release
        });
        Ok(Package {
            name: required("Name", raw.name)?,
            version,
            kind: purl.as_deref().and_then(kind_of_purl).unwrap_or_default(),
            purl,
            licences: raw.licenses.map(|licences| texts(Some(licences))),
            origin: filled(raw.maintainer),
            source: filled(raw.src_name),
            locations: filled(raw.file_path)
                .iter()
                .map(|file| path(file))
                .collect(),
            layer: raw.layer.and_then(RawPlace::digest),
            ..Package::default()
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawMisconfiguration<'a> {
    #[serde(borrow, rename = "ID")]
    id: Option<Text<'a>>,
    #[serde(borrow, rename = "AVDID")]
    avd_id: Option<Text<'a>>,
    #[serde(borrow)]
    title: Option<Text<'a>>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
    #[serde(borrow)]
    resolution: Option<Text<'a>>,
    #[serde(borrow)]
    severity: Option<Text<'a>>,
    #[serde(borrow, rename = "PrimaryURL")]
    primary_url: Option<Text<'a>>,
    references: Option<Vec<String>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    cause_metadata: Option<RawCause>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawCause {
    start_line: Option<u32>,
}

impl TryFrom<RawMisconfiguration<'_>> for Misconfiguration {
    type Error = Wrong;

    fn try_from(raw: RawMisconfiguration<'_>) -> Result<Misconfiguration, Wrong> {
        let line = raw.cause_metadata.and_then(|cause| cause.start_line);
        Ok(Misconfiguration {
            id: filled(raw.id).map_or_else(|| required("ID", raw.avd_id), Ok)?,
            severity: severity(raw.severity),
            // `EXCEPTION` was found, too.
            passed: raw.status.is_some_and(|status| status.0 == "PASS"),
            title: filled(raw.title),
            message: filled(raw.message),
            remedy: filled(raw.resolution),
            links: links(raw.primary_url, raw.references),
            line: line.filter(|line| *line != 0),
            ..Misconfiguration::default()
        })
    }
}

/// What was found, `Match` and `Code`, is not even read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawSecret<'a> {
    #[serde(borrow, rename = "RuleID")]
    rule_id: Option<Text<'a>>,
    #[serde(borrow)]
    category: Option<Text<'a>>,
    #[serde(borrow)]
    severity: Option<Text<'a>>,
    #[serde(borrow)]
    title: Option<Text<'a>>,
    start_line: Option<u32>,
    #[serde(borrow)]
    layer: Option<RawPlace<'a>>,
}

impl TryFrom<RawSecret<'_>> for FoundSecret {
    type Error = Wrong;

    fn try_from(raw: RawSecret<'_>) -> Result<FoundSecret, Wrong> {
        Ok(FoundSecret {
            rule: required("RuleID", raw.rule_id)?,
            category: filled(raw.category),
            severity: severity(raw.severity),
            title: filled(raw.title),
            line: raw.start_line.filter(|line| *line != 0),
            layer: raw.layer.and_then(RawPlace::digest),
            ..FoundSecret::default()
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RawLicence<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    category: Option<Text<'a>>,
    #[serde(borrow)]
    severity: Option<Text<'a>>,
    #[serde(borrow)]
    pkg_name: Option<Text<'a>>,
    #[serde(borrow)]
    file_path: Option<Text<'a>>,
    confidence: Option<f64>,
}

impl TryFrom<RawLicence<'_>> for FoundLicence {
    type Error = Wrong;

    fn try_from(raw: RawLicence<'_>) -> Result<FoundLicence, Wrong> {
        let confidence = raw
            .confidence
            .map(|number| within("Confidence", number, 1.0));
        Ok(FoundLicence {
            name: filled(raw.name).unwrap_or_default(),
            category: filled(raw.category),
            severity: severity(raw.severity),
            package: filled(raw.pkg_name),
            path: filled(raw.file_path).map(|file| path(&file)),
            confidence: confidence.transpose()?,
            ..FoundLicence::default()
        })
    }
}

fn severity(word: Option<Text<'_>>) -> Severity {
    word.map_or(Severity::Unknown, |word| Severity::of(&word.0))
}
