//! Grype's JSON report (Grype 0.7 to 0.10x, `grype -o json`, `grype/presenter/models/document.go`). It has no version of
//! its own; the layout of vulnerabilities before Grype 0.9 and of the database before 0.88 are read as well.
//!
//! Only packages with vulnerabilities are there, so that it tells nothing of packages.

mod source;
mod vulnerability;

use serde::Deserialize;

use super::super::model::{Evidence, Provenance, Vulnerability};
use super::distribution::distribution;
use super::raw::{Text, filled, list};
use super::{Sketch, Wrong, json, time};

use self::source::{RawSource, Words};
use self::vulnerability::RawMatch;

#[derive(Deserialize)]
struct RawReport<'a> {
    #[serde(default, deserialize_with = "list::<_, RawMatch, _>")]
    matches: Option<Vec<Vulnerability>>,
    #[serde(borrow)]
    source: Option<RawSource<'a>>,
    #[serde(borrow)]
    distro: Option<RawDistro<'a>>,
    #[serde(borrow)]
    descriptor: Option<RawDescriptor<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDistro<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    version: Option<Text<'a>>,
    id_like: Option<Words>,
}

#[derive(Default, Deserialize)]
struct RawDescriptor<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    version: Option<Text<'a>>,
    #[serde(borrow)]
    timestamp: Option<Text<'a>>,
    #[serde(borrow)]
    db: Option<RawDatabase<'a>>,
}

#[derive(Deserialize)]
struct RawDatabase<'a> {
    #[serde(borrow)]
    built: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<RawStatus<'a>>,
}

/// Where the newer layout has the time.
#[derive(Deserialize)]
struct RawStatus<'a> {
    #[serde(borrow)]
    built: Option<Text<'a>>,
}

pub(super) fn detect(sketch: &Sketch<'_>) -> bool {
    sketch.has(&["matches", "source"]) || sketch.has(&["matches", "descriptor"])
}

pub(super) fn read(text: &str) -> Result<Evidence, Wrong> {
    let raw: RawReport<'_> = json(text)?;
    let mut evidence = Evidence {
        reports: vec![provenance(raw.descriptor.unwrap_or_default())?],
        distribution: raw.distro.and_then(|distro| {
            let mut found = distribution(&filled(distro.name)?, filled(distro.version).as_deref());
            found.like = distro.id_like.map(|words| words.0).unwrap_or_default();
            Some(found)
        }),
        vulnerabilities: Some(raw.matches.unwrap_or_default()),
        ..Evidence::default()
    };
    if let Some(source) = raw.source {
        source.add_to(&mut evidence)?;
    }
    Ok(evidence)
}

fn provenance(raw: RawDescriptor<'_>) -> Result<Provenance, Wrong> {
    let database = raw.db.and_then(|db| db.built.or_else(|| db.status?.built));
    let scanned = filled(raw.timestamp).unwrap_or_default();
    Ok(Provenance {
        tool: filled(raw.name).unwrap_or_else(|| "grype".to_owned()),
        version: filled(raw.version),
        database: time("descriptor.db.built", &filled(database).unwrap_or_default())?,
        scanned: time("descriptor.timestamp", &scanned)?,
        ..Provenance::default()
    })
}

#[cfg(test)]
mod tests;
