//! Clair 4's vulnerability report (`GET /matcher/api/v1/vulnerability_report/{manifest}`, OpenAPI 1.1 of `clair-v4`), and
//! its index report, which has the packages only.
//!
//! Packages, distributions and vulnerabilities stand by ids that mean something in the report alone; other objects join
//! them by those.

mod enrichment;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::model::{
    Distribution, Evidence, FixState, Identity, Package, Score, Severity, Vulnerability,
};
use super::clair::agreed;
use super::distribution::distribution;
use super::purl::decode;
use super::raw::{Converted, Map, Text, filled, path, required};
use super::{Repeats, Sketch, Wrong, from_tool, json, time};
use enrichment::Enrichments;

#[derive(Deserialize)]
struct RawReport<'a> {
    #[serde(borrow)]
    manifest_hash: Option<Text<'a>>,
    #[serde(borrow)]
    packages: Option<Map<'a, Converted<RawPackage<'a>, Known>>>,
    #[serde(borrow)]
    distributions: Option<Map<'a, Converted<RawDistribution<'a>, Named>>>,
    #[serde(borrow)]
    environments: Option<Map<'a, Option<Vec<Environment<'a>>>>>,
    #[serde(borrow)]
    vulnerabilities: Option<Map<'a, Converted<RawVulnerability<'a>, Vulnerability>>>,
    #[serde(borrow)]
    package_vulnerabilities: Option<Map<'a, Option<Vec<Text<'a>>>>>,
    #[serde(borrow)]
    enrichments: Option<Enrichments<'a>>,
}

#[derive(Deserialize)]
struct RawPackage<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    version: Option<Text<'a>>,
    #[serde(borrow)]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    source: Option<Source<'a>>,
}

#[derive(Deserialize)]
struct Source<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct RawDistribution<'a> {
    #[serde(borrow)]
    did: Option<Text<'a>>,
    #[serde(borrow)]
    version_id: Option<Text<'a>>,
}

/// Where a package was found.
#[derive(Deserialize)]
struct Environment<'a> {
    #[serde(borrow)]
    package_db: Option<Text<'a>>,
    #[serde(borrow)]
    introduced_in: Option<Text<'a>>,
    #[serde(borrow)]
    distribution_id: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct RawVulnerability<'a> {
    #[serde(borrow)]
    updater: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    issued: Option<Text<'a>>,
    #[serde(borrow)]
    links: Option<Text<'a>>,
    #[serde(borrow)]
    severity: Option<Text<'a>>,
    #[serde(borrow)]
    normalized_severity: Option<Text<'a>>,
    #[serde(borrow)]
    fixed_in_version: Option<Text<'a>>,
}

/// Nothing where Clair could not tell.
struct Named(Option<Distribution>);

struct Known {
    package: Package,
    /// What binaries are built from is not installed itself.
    is_source: bool,
}

pub(super) fn detect(sketch: &Sketch<'_>) -> bool {
    sketch.has(&["manifest_hash", "packages"])
}

type Packages<'a> = BTreeMap<Cow<'a, str>, Known>;
type Findings<'a> = BTreeMap<Cow<'a, str>, Vulnerability>;
type Distributions<'a> = BTreeMap<Cow<'a, str>, Named>;

pub(super) fn read(text: &str) -> Result<Evidence, Wrong> {
    let raw: RawReport<'_> = json(text)?;
    let distributions: Distributions<'_> = converted(raw.distributions);
    let distribution = agreed(distributions.values().map(|named| named.0.as_ref()));
    let mut packages: Packages<'_> = converted(raw.packages);
    place(&mut packages, raw.environments, &distributions);
    let kind = distribution.as_ref().and_then(Distribution::kind);
    for known in packages.values_mut() {
        if known.package.kind.is_empty() {
            kind.unwrap_or("generic")
                .clone_into(&mut known.package.kind);
        }
    }
    // An index report has no vulnerabilities: nobody looked for them.
    let looked = raw.vulnerabilities.is_some() || raw.package_vulnerabilities.is_some();
    let mut findings: Findings<'_> = converted(raw.vulnerabilities);
    if let Some(enrichments) = raw.enrichments {
        enrichments.add_to(&mut findings)?;
    }
    let vulnerabilities = join(raw.package_vulnerabilities, &packages, &findings)?;
    let packages = packages.into_values().filter(|known| !known.is_source);
    Ok(Evidence {
        image: Identity {
            digests: vec![required("manifest_hash", raw.manifest_hash)?],
            ..Identity::default()
        },
        reports: from_tool("Clair", None),
        distribution,
        packages: Some(packages.map(|known| known.package).collect()),
        vulnerabilities: looked.then_some(vulnerabilities),
        ..Evidence::default()
    })
}

fn converted<'a, R, T>(map: Option<Map<'a, Converted<R, T>>>) -> BTreeMap<Cow<'a, str>, T> {
    let pairs = map.into_iter().flat_map(|map| map.0);
    pairs.map(|(id, value)| (id, value.0)).collect()
}

/// Says of packages where they are, and by that, of what type.
fn place<'a>(
    packages: &mut Packages<'a>,
    environments: Option<Map<'a, Option<Vec<Environment<'_>>>>>,
    distributions: &Distributions<'_>,
) {
    for (id, environments) in environments.into_iter().flat_map(|map| map.0) {
        let Some(Known { package, .. }) = packages.get_mut(&id) else {
            continue;
        };
        for environment in environments.into_iter().flatten() {
            let of_distribution = || {
                let id = environment.distribution_id.as_ref()?;
                distributions.get(&id.0)?.0.as_ref()?.kind()
            };
            let database = filled(environment.package_db);
            let by_database = database.as_deref().and_then(kind_of_database);
            if let Some(kind) = by_database.or_else(of_distribution) {
                kind.clone_into(&mut package.kind);
            }
            if let Some(database) = database {
                let file = database
                    .split_once(':')
                    .map_or(&*database, |(_, file)| file);
                package.locations.push(path(file));
            }
            if package.layer.is_none() {
                package.layer = filled(environment.introduced_in);
            }
        }
        package.locations.sort_unstable();
        package.locations.dedup();
    }
}

/// The type of packages by where they are listed: `var/lib/dpkg/status`, `sqlite:usr/lib/sysimage/rpm`, `maven:app.jar`.
fn kind_of_database(database: &str) -> Option<&'static str> {
    const READERS: [(&str, &str); 8] = [
        ("bdb", "rpm"),
        ("go", "golang"),
        ("maven", "maven"),
        ("ndb", "rpm"),
        ("nodejs", "npm"),
        ("python", "pypi"),
        ("ruby", "gem"),
        ("sqlite", "rpm"),
    ];
    const FILES: [(&str, &str); 3] = [("/dpkg", "deb"), ("/apk", "apk"), ("/rpm", "rpm")];
    match database.split_once(':') {
        Some((reader, _)) => READERS.iter().find(|(known, _)| *known == reader),
        None => FILES.iter().find(|(part, _)| database.contains(part)),
    }
    .map(|(_, kind)| *kind)
}

/// Every vulnerability of every package.
fn join<'a>(
    pairs: Option<Map<'a, Option<Vec<Text<'a>>>>>,
    packages: &Packages<'a>,
    findings: &Findings<'a>,
) -> Result<Vec<Vulnerability>, Wrong> {
    let mut repeats = Repeats::default();
    let mut joined = Vec::new();
    for (id, ids) in pairs.into_iter().flat_map(|map| map.0) {
        let place = || format!("package_vulnerabilities.{id}");
        let Some(Known { package, .. }) = packages.get(&id) else {
            return Err(Wrong::at(place(), "packages has none of this id"));
        };
        for Text(finding) in ids.into_iter().flatten() {
            let Some(finding) = findings.get(&finding) else {
                let reason = format!("vulnerabilities has none of the id {finding:?}");
                return Err(Wrong::at(place(), reason));
            };
            repeats.add("package_vulnerabilities", size(package, finding))?;
            joined.push(Vulnerability {
                package: package.name.clone(),
                kind: package.kind.clone(),
                installed: package.version.clone(),
                locations: package.locations.clone(),
                layer: package.layer.clone(),
                ..finding.clone()
            });
        }
    }
    Ok(joined)
}

/// Bytes of what is said again for each of them, about.
fn size(package: &Package, finding: &Vulnerability) -> usize {
    let optional = [
        &package.version,
        &package.layer,
        &finding.severity_source,
        &finding.severity_text,
        &finding.title,
    ];
    let lists = [&package.locations, &finding.links, &finding.fixed];
    let optional = optional.into_iter().flatten();
    let texts = optional.chain(lists.into_iter().flatten());
    let texts = texts.chain([&package.name, &finding.id]);
    let scores = finding.scores.iter().flat_map(|score| &score.vector);
    let scores_size = finding.scores.len() * size_of::<Score>();
    texts.chain(scores).map(String::len).sum::<usize>() + scores_size
}

impl TryFrom<RawPackage<'_>> for Known {
    type Error = Wrong;

    fn try_from(raw: RawPackage<'_>) -> Result<Known, Wrong> {
        Ok(Known {
            package: Package {
                name: required("name", raw.name)?,
                version: filled(raw.version),
                source: raw.source.and_then(|source| filled(source.name)),
                ..Package::default()
            },
            is_source: raw.kind.is_some_and(|kind| kind.0 == "source"),
        })
    }
}

impl TryFrom<RawDistribution<'_>> for Named {
    type Error = Wrong;

    fn try_from(raw: RawDistribution<'_>) -> Result<Named, Wrong> {
        let version = filled(raw.version_id);
        let name = filled(raw.did);
        Ok(Named(
            name.map(|name| distribution(&name, version.as_deref())),
        ))
    }
}

impl TryFrom<RawVulnerability<'_>> for Vulnerability {
    type Error = Wrong;

    fn try_from(raw: RawVulnerability<'_>) -> Result<Vulnerability, Wrong> {
        let name = required("name", raw.name)?;
        // Some sources say more in the name: `RHSA-2019:4326: freetype security update (Important)`.
        let id = name.split_whitespace().next().unwrap_or_default();
        let id = id.trim_end_matches(':').to_owned();
        let severity = raw.normalized_severity.or_else(|| raw.severity.clone());
        let issued = raw.issued.as_ref().map_or("", |issued| &issued.0);
        let links = filled(raw.links).unwrap_or_default();
        let fixed = filled(raw.fixed_in_version);
        let fixed = fixed.as_deref().and_then(fixed_version);
        Ok(Vulnerability {
            title: (name != id).then_some(name),
            id,
            fix_state: match fixed {
                Some(_) => FixState::Fixed,
                None => FixState::NotFixed,
            },
            fixed: fixed.into_iter().collect(),
            severity: severity
                .map(|word| Severity::of(&word.0))
                .unwrap_or_default(),
            severity_source: filled(raw.updater).or_else(|| Some("Clair".to_owned())),
            severity_text: filled(raw.severity),
            links: links.split_whitespace().map(str::to_owned).collect(),
            published: time("issued", issued)?,
            ..Vulnerability::default()
        })
    }
}

/// Of packages of languages, there is a query: `fixed=2.15.0&introduced=2.13.0`.
fn fixed_version(text: &str) -> Option<String> {
    let is_query = |text: &str| {
        let keys = ["fixed=", "introduced=", "lastAffected="];
        keys.iter().any(|key| text.starts_with(key))
    };
    if !is_query(text) {
        return Some(text.to_owned());
    }
    let mut pairs = text.split('&');
    pairs
        .find_map(|pair| pair.strip_prefix("fixed="))
        .map(decode)
}

#[cfg(test)]
mod tests;
