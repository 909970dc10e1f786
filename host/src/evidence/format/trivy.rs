//! Trivy's JSON report, schema version 2 (Trivy 0.20 to 0.6x, `trivy image --format json`, `pkg/types/report.go`).
//!
//! A report does not say which scanners ran. Trivy writes a result for the distribution's packages whenever it knows the
//! distribution and looks for their vulnerabilities or licences; there, no `Vulnerabilities` are none found, unless the
//! result may be there for its licences. Results of files and secrets are there only where something was found, so that
//! their absence says nothing; nor do no `Results` at all: neither distribution nor packages were recognised.

mod finding;
mod results;
mod vulnerability;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::super::model::{Distribution, Evidence, Layer, Provenance};
use super::distribution::distribution;
use super::raw::{Text, configure, filled, identity, texts};
use super::{Sketch, Wrong, json, time};

use self::results::{RawResult, Results};
pub(super) use self::vulnerability::{Cvss, fix_state, scores, versions};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawReport<'a> {
    schema_version: u64,
    #[serde(borrow)]
    trivy: Option<RawTool<'a>>,
    #[serde(borrow)]
    created_at: Option<Text<'a>>,
    #[serde(borrow)]
    artifact_name: Option<Text<'a>>,
    #[serde(borrow)]
    artifact_type: Option<Text<'a>>,
    #[serde(borrow)]
    metadata: Option<RawMetadata<'a>>,
    #[serde(borrow)]
    results: Option<Vec<RawResult<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawTool<'a> {
    #[serde(borrow)]
    version: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawMetadata<'a> {
    size: Option<u64>,
    #[serde(borrow, rename = "OS")]
    os: Option<RawOs<'a>>,
    #[serde(borrow, rename = "ImageID")]
    image_id: Option<Text<'a>>,
    #[serde(rename = "DiffIDs")]
    diff_ids: Option<Vec<String>>,
    repo_tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
    #[serde(borrow)]
    layers: Option<Vec<RawLayer<'a>>>,
    image_config: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawOs<'a> {
    #[serde(borrow)]
    family: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(rename = "EOSL")]
    end_of_life: Option<bool>,
}

/// `Size` is that of the uncompressed content, which the model does not have.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawLayer<'a> {
    #[serde(borrow)]
    digest: Option<Text<'a>>,
    #[serde(borrow, rename = "DiffID")]
    diff_id: Option<Text<'a>>,
}

pub(super) fn detect(sketch: &Sketch<'_>) -> bool {
    let others = ["ArtifactName", "ArtifactType", "Metadata", "Results"];
    others
        .iter()
        .any(|other| sketch.has(&["SchemaVersion", other]))
        || sketch.first_has(&["Target", "Vulnerabilities"])
        || sketch.first_has(&["Target", "Type"])
}

pub(super) fn read(text: &str) -> Result<Evidence, Wrong> {
    if text.trim_start().starts_with('[') {
        let reason = "a list is a report of schema version 1, of Trivy before 0.20; 2 is read";
        return Err(Wrong::at("the document", reason));
    }
    let raw: RawReport<'_> = json(text).map_err(|wrong| wrong_version(text).unwrap_or(wrong))?;
    if raw.schema_version != 2 {
        return Err(other_version(&raw.schema_version.to_string()));
    }
    let created = filled(raw.created_at).unwrap_or_default();
    let mut evidence = Evidence {
        reports: vec![Provenance {
            tool: "Trivy".to_owned(),
            version: raw.trivy.and_then(|tool| filled(tool.version)),
            scanned: time("CreatedAt", &created)?,
            ..Provenance::default()
        }],
        ..Evidence::default()
    };
    Results::default().add(&mut evidence, raw.results.unwrap_or_default())?;
    let is_image = raw
        .artifact_type
        .is_some_and(|kind| kind.0 == "container_image");
    let asked_for = filled(raw.artifact_name).filter(|_| is_image);
    describe(
        &mut evidence,
        raw.metadata.unwrap_or_default(),
        asked_for,
        text,
    )?;
    Ok(evidence)
}

/// A report of another version may differ in any way: that it is of another one says more than what it has otherwise.
fn wrong_version(text: &str) -> Option<Wrong> {
    let version = sonic_rs::get(text, ["SchemaVersion"]).ok()?;
    let version = version.as_raw_str();
    (version != "2").then(|| other_version(version))
}

fn other_version(version: &str) -> Wrong {
    let version: String = version.chars().take(40).collect();
    let reason = format!("version {version} is not read; 2 is");
    Wrong::at("SchemaVersion", reason)
}

/// What the report says of the image itself.
fn describe(
    evidence: &mut Evidence,
    metadata: RawMetadata<'_>,
    asked_for: Option<String>,
    text: &str,
) -> Result<(), Wrong> {
    if metadata.image_config.is_some()
        && let Ok(raw) = sonic_rs::get(text, ["Metadata", "ImageConfig"])
    {
        let place = "Metadata.ImageConfig";
        configure(evidence, place, raw.as_raw_str(), metadata.size)?;
    }
    evidence.image = identity(
        texts(metadata.repo_tags),
        texts(metadata.repo_digests),
        asked_for,
        filled(metadata.image_id),
    );
    // End of life is found out with vulnerabilities; where it is not so, the key is left out.
    let looked = evidence.vulnerabilities.is_some();
    evidence.distribution = metadata.os.and_then(|os| {
        let name = filled(os.family).filter(|name| name != "none")?;
        Some(Distribution {
            end_of_life: os.end_of_life.or(looked.then_some(false)),
            ..distribution(&name, filled(os.name).as_deref())
        })
    });
    let of_diff_id = |id| Layer {
        diff_id: Some(id),
        ..Layer::default()
    };
    let diff_ids = metadata.diff_ids.map(|ids| texts(Some(ids)));
    let diff_ids = diff_ids.map(|ids| ids.into_iter().map(of_diff_id).collect());
    let layers = metadata.layers.map(|layers| {
        let layers = layers.into_iter().map(|layer| Layer {
            digest: filled(layer.digest),
            diff_id: filled(layer.diff_id),
            size: None,
        });
        layers.collect()
    });
    evidence.layers = layers.or(diff_ids).or(evidence.layers.take());
    Ok(())
}

#[cfg(test)]
mod tests;
