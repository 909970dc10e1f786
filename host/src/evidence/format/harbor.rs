//! Harbor's vulnerability report (Harbor 2, `GET …/artifacts/{reference}/additions/vulnerabilities`): reports by media
//! type; and the report alone, as scanners give it to Harbor (Pluggable Image Vulnerability Scanning 1.1,
//! `HarborVulnerabilityReport`), with the artefact.

use serde::Deserialize;

use super::super::model::{Evidence, Identity, Provenance, Score, Severity, Vulnerability};
use super::raw::{Map, Text, filled, list, required, score, sorted, texts};
use super::trivy::{Cvss, fix_state, scores, versions};
use super::{Repeats, Sketch, Wrong, json, time};

/// Reports by media type. The older one lacks scores; with both, the newer counts.
#[derive(Deserialize)]
struct ByType<'a> {
    #[serde(
        borrow,
        rename = "application/vnd.security.vulnerability.report; version=1.1"
    )]
    newer: Option<Report<'a>>,
    #[serde(
        borrow,
        rename = "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0"
    )]
    older: Option<Report<'a>>,
}

#[derive(Deserialize)]
struct Report<'a> {
    #[serde(borrow)]
    generated_at: Option<Text<'a>>,
    #[serde(borrow)]
    artifact: Option<Artifact<'a>>,
    #[serde(borrow)]
    scanner: Option<Scanner<'a>>,
    #[serde(default, deserialize_with = "list::<_, Item, _>")]
    vulnerabilities: Option<Vec<Found>>,
}

#[derive(Deserialize)]
struct Artifact<'a> {
    #[serde(borrow)]
    digest: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Scanner<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    version: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    package: Option<Text<'a>>,
    #[serde(borrow)]
    version: Option<Text<'a>>,
    #[serde(borrow)]
    fix_version: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    severity: Option<Text<'a>>,
    links: Option<Vec<String>>,
    artifact_digests: Option<Vec<String>>,
    #[serde(borrow)]
    layer: Option<Layer<'a>>,
    #[serde(borrow)]
    preferred_cvss: Option<Preferred<'a>>,
    #[serde(borrow)]
    vendor_attributes: Option<Attributes<'a>>,
}

#[derive(Deserialize)]
struct Layer<'a> {
    #[serde(borrow)]
    digest: Option<Text<'a>>,
    #[serde(borrow)]
    diff_id: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Preferred<'a> {
    score_v3: Option<f64>,
    score_v2: Option<f64>,
    #[serde(borrow)]
    vector_v3: Option<Text<'a>>,
    #[serde(borrow)]
    vector_v2: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Attributes<'a> {
    #[serde(borrow, rename = "CVSS")]
    cvss: Option<Map<'a, Cvss<'a>>>,
}

/// A vulnerability, and the manifests that it is in.
struct Found {
    vulnerability: Vulnerability,
    digests: Vec<String>,
}

pub(super) fn detect(sketch: &Sketch<'_>) -> bool {
    let Sketch::Object(fields) = sketch else {
        return false;
    };
    let types = [
        "application/vnd.security.vulnerability.report",
        "application/vnd.scanner.adapter.vuln.report.",
    ];
    let is_type = |key: &str| types.iter().any(|known| key.starts_with(known));
    fields.iter().any(|field| is_type(&field.key)) || is_bare(sketch)
}

fn is_bare(sketch: &Sketch<'_>) -> bool {
    sketch.has(&["generated_at", "scanner", "vulnerabilities"])
}

pub(super) fn read(text: &str) -> Result<Evidence, Wrong> {
    if sonic_rs::get(text, &["generated_at"]).is_ok() {
        return evidence(json(text)?);
    }
    let reports: ByType<'_> = json(text)?;
    let Some(report) = reports.newer.or(reports.older) else {
        let reason = "has no vulnerability report of version 1.1 or 1.0, which are read";
        return Err(Wrong::at("the document", reason));
    };
    evidence(report)
}

fn evidence(report: Report<'_>) -> Result<Evidence, Wrong> {
    let scanner = report.scanner;
    let (name, version) = scanner.map_or((None, None), |one| (one.name, one.version));
    let name = filled(name).unwrap_or_else(|| "Harbor".to_owned());
    let scanned = filled(report.generated_at).unwrap_or_default();
    let (mut repeats, mut digests) = (Repeats::default(), Vec::new());
    let mut complete = |found: Found| {
        let mut vulnerability = found.vulnerability;
        repeats.add(
            "scanner.name",
            name.len() * (1 + vulnerability.scores.len()),
        )?;
        vulnerability.severity_source = Some(name.clone());
        for score in &mut vulnerability.scores {
            if score.source.is_empty() {
                score.source.clone_from(&name);
            }
        }
        digests.extend(found.digests);
        Ok(vulnerability)
    };
    let found = report.vulnerabilities.unwrap_or_default().into_iter();
    let vulnerabilities = found.map(&mut complete).collect::<Result<_, Wrong>>()?;
    // The report of an index is about several images.
    let mut digests = sorted(digests);
    digests.truncate(if digests.len() == 1 { 1 } else { 0 });
    digests.extend(report.artifact.and_then(|artifact| filled(artifact.digest)));
    Ok(Evidence {
        image: Identity {
            digests: sorted(digests),
            ..Identity::default()
        },
        reports: vec![Provenance {
            tool: name,
            version: filled(version),
            scanned: time("generated_at", &scanned)?,
            ..Provenance::default()
        }],
        vulnerabilities: Some(vulnerabilities),
        ..Evidence::default()
    })
}

impl TryFrom<Item<'_>> for Found {
    type Error = Wrong;

    fn try_from(raw: Item<'_>) -> Result<Found, Wrong> {
        let fixed = versions(filled(raw.fix_version));
        let severity = filled(raw.severity);
        let by_source = raw.vendor_attributes.and_then(|attributes| attributes.cvss);
        let mut scores = match by_source {
            Some(by_source) => scores(by_source)?,
            None => Vec::new(),
        };
        if let Some(preferred) = raw.preferred_cvss.filter(|_| scores.is_empty()) {
            scores = preferred.scores()?;
        }
        Ok(Found {
            vulnerability: Vulnerability {
                id: required("id", raw.id)?,
                package: required("package", raw.package)?,
                installed: filled(raw.version),
                layer: raw
                    .layer
                    .and_then(|layer| filled(layer.digest).or_else(|| filled(layer.diff_id))),
                fix_state: fix_state(raw.status, !fixed.is_empty()),
                fixed,
                severity: severity.as_deref().map(Severity::of).unwrap_or_default(),
                severity_text: severity,
                scores,
                links: texts(raw.links),
                ..Vulnerability::default()
            },
            digests: texts(raw.artifact_digests),
        })
    }
}

impl Preferred<'_> {
    /// Whose scores these are, the scanner does not tell.
    fn scores(self) -> Result<Vec<Score>, Wrong> {
        let pairs = [
            ("2.0", self.score_v2, self.vector_v2),
            ("3.0", self.score_v3, self.vector_v3),
        ];
        let known = pairs.into_iter().filter_map(|(version, base, vector)| {
            let base = base.filter(|base| *base != 0.0)?;
            Some(score("", version, base, filled(vector)))
        });
        known.collect()
    }
}

#[cfg(test)]
mod tests;
