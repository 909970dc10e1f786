//! SPDX 2.2 and 2.3 in JSON (ISO/IEC 5962; spdx.github.io/spdx-spec/v2.3): a bill of materials.

mod document;

use std::collections::{BTreeMap, HashMap, HashSet};

use self::document::{Document, Package, Relationship};
use super::super::model::{self, Evidence, File, Identity, Provenance};
use super::purl::is_image;
use super::sbom::{self, Named, Top, path, present, unique};
use super::{Repeats, Sketch, Wrong, distribution, from_tool, json, raw, time};

/// Version 3 is recognised too, so as to say that it is not read.
pub(super) fn detect(sketch: &Sketch<'_>) -> bool {
    let context = sketch.text("@context").unwrap_or_default();
    sketch.text("spdxVersion").is_some() || context.starts_with("https://spdx.org/rdf/3")
}

pub(super) fn read(text: &str) -> Result<Evidence, Wrong> {
    let document: Document<'_> = json(text)?;
    check_version(&document)?;
    let mut evidence = Evidence {
        reports: provenance(&document)?,
        ..Evidence::default()
    };
    if let Some(packages) = &document.packages {
        take(packages, &document, &mut evidence)?;
    }
    let files = document.files.iter().flatten();
    let files: Vec<File> = files.filter_map(file).collect();
    evidence.files = Some(files).filter(|files| !files.is_empty());
    Ok(evidence)
}

fn check_version(document: &Document<'_>) -> Result<(), Wrong> {
    let (place, found) = match &document.context {
        Some(context) if document.version.is_empty() => ("@context", context),
        _ => ("spdxVersion", &document.version),
    };
    if matches!(&**found, "SPDX-2.2" | "SPDX-2.3") {
        return Ok(());
    }
    let reason = format!("version {found:?} is not read; those that are: SPDX-2.2, SPDX-2.3");
    Err(Wrong::at(place, reason))
}

/// The first tool among the creators, with the version that is written behind its name: `Tool: syft-1.4.1`.
fn provenance(document: &Document<'_>) -> Result<Vec<Provenance>, Wrong> {
    let creation = document.creation.as_ref();
    let creators = creation.and_then(|creation| creation.creators.as_deref());
    let mut creators = creators.unwrap_or_default().iter();
    let tool = creators.find_map(|creator| creator.strip_prefix("Tool:"));
    let tool = tool.unwrap_or_default().trim();
    let is_version = |text: &str| {
        let text = text.strip_prefix('v').unwrap_or(text);
        text.starts_with(|first: char| first.is_ascii_digit())
    };
    let mut dashes = tool.match_indices('-');
    let parts = dashes.find_map(|(at, _)| {
        let (name, version) = (tool.get(..at)?, tool.get(at + 1..)?);
        is_version(version).then_some((name, version))
    });
    let (name, version) = parts.map_or((tool, None), |(name, version)| (name, Some(version)));
    let mut reports = from_tool(name, version);
    let created = creation.and_then(|creation| creation.created.as_deref());
    for report in &mut reports {
        report.scanned = time("creationInfo.created", created.unwrap_or_default())?;
    }
    Ok(reports)
}

/// Sorts the packages by what they are: installed, the distribution, the image itself.
fn take(
    packages: &[Package<'_>],
    document: &Document<'_>,
    evidence: &mut Evidence,
) -> Result<(), Wrong> {
    let described = described(document);
    let is_described = |package: &&Package<'_>| described.contains(&*package.id);
    let tops = packages.iter().filter(|package| package.is_container());
    let top = tops
        .clone()
        .find(is_described)
        .or_else(|| tops.clone().next());
    evidence.image = top.map(identity).unwrap_or_default();

    let extracted = document.extracted.iter().flatten();
    let names =
        extracted.filter_map(|licence| Some((&*licence.id, present(licence.name.as_deref())?)));
    let mut reader = Reader {
        names: names.collect(),
        found_in: found_in(document),
        repeats: Repeats::default(),
    };
    let mut installed = Vec::new();
    for (index, package) in packages.iter().enumerate() {
        if package.is_system() {
            let version = present(package.version.as_deref());
            evidence
                .distribution
                .get_or_insert(distribution::distribution(&package.name, version));
        } else if is_installed(package, described.contains(&*package.id)) {
            installed.push(reader.package(package, &format!("packages[{index}]"))?);
        }
    }
    if evidence.distribution.is_none() {
        evidence.distribution = sbom::distribution_of(&installed);
    }
    evidence.packages = Some(installed);
    Ok(())
}

/// The elements that the document is about, by either of the format's two ways to say so.
fn described<'a>(document: &'a Document<'_>) -> HashSet<&'a str> {
    const DOCUMENT: &str = "SPDXRef-DOCUMENT";
    let relationships = document.relationships.iter().flatten();
    let related = relationships.filter_map(|relationship| {
        let Relationship { from, to, kind } = relationship;
        match &**kind {
            "DESCRIBES" if from == DOCUMENT => Some(&**to),
            "DESCRIBED_BY" if to == DOCUMENT => Some(&**from),
            _ => None,
        }
    });
    let listed = document.described.iter().flatten().map(|id| &**id);
    listed.chain(related).collect()
}

/// Whether a package is something in the image. One with a package URL is; what the document is about, files, sources
/// and what has no version, such as Trivy's lock files, are not.
fn is_installed(package: &Package<'_>, is_described: bool) -> bool {
    match package.purl() {
        Some(purl) => !is_image(purl),
        None => {
            let is_other = matches!(
                package.purpose.as_deref(),
                Some("CONTAINER" | "DEVICE" | "FILE" | "OPERATING-SYSTEM" | "SOURCE")
            );
            !is_described && !is_other && present(package.version.as_deref()).is_some()
        }
    }
}

fn identity(top: &Package<'_>) -> Identity {
    let checksums = top.checksums.iter().flatten();
    let checksums = checksums.filter(|checksum| checksum.algorithm == "SHA256");
    Top {
        name: &top.name,
        version: top.version.as_deref(),
        purls: top.purl().into_iter().collect(),
        sha256: checksums.map(|checksum| &*checksum.value).collect(),
        properties: top.trivy().collect(),
    }
    .identity()
}

struct Reader<'a> {
    /// What licences are called that are none of SPDX's list: `LicenseRef-…`.
    names: HashMap<&'a str, &'a str>,
    /// The file that a package was found by, by the package's id.
    found_in: HashMap<&'a str, String>,
    repeats: Repeats,
}

impl Reader<'_> {
    fn package(&mut self, package: &Package<'_>, place: &str) -> Result<model::Package, Wrong> {
        let of = |wanted: &str| {
            let mut all = package.trivy();
            all.find_map(|(key, value)| (key == wanted).then(|| value.to_owned()))
        };
        let mut locations = Vec::new();
        let mut source = None;
        match package
            .source_info
            .as_deref()
            .and_then(|info| info.split_once(": "))
        {
            // Trivy's.
            Some(("built package from", built)) => source = built.split(' ').next(),
            Some(("package found in", file)) => locations.extend(path(file)),
            // Syft's.
            Some((start, files)) if start.starts_with("acquired package info from") => {
                locations.extend(files.split(", ").filter_map(path));
            }
            _ => {}
        }
        if locations.is_empty() {
            locations.extend(self.found_in.get(&*package.id).cloned());
        }
        let named = sbom::package(&Named {
            group: None,
            name: &package.name,
            version: package.version.as_deref(),
            purl: package.purl(),
        });
        let size = locations.iter().map(String::len).sum();
        self.repeats.add(place, size)?;
        Ok(model::Package {
            licences: self.licences(package, place)?,
            origin: package.origin(),
            locations: raw::sorted(locations),
            layer: of("LayerDigest").or_else(|| of("LayerDiffID")),
            source: source.map(str::to_owned).or(named.source),
            ..named
        })
    }

    /// What the package says, and what the tool makes of it. `NONE` is nothing found, `NOASSERTION` not looked.
    fn licences(
        &mut self,
        package: &Package<'_>,
        place: &str,
    ) -> Result<Option<Vec<String>>, Wrong> {
        let both = [&package.declared, &package.concluded];
        let both = both.map(|licence| present(licence.as_deref()));
        if both == [None, None] {
            return Ok(None);
        }
        let mut found = Vec::new();
        let asserted = both
            .into_iter()
            .flatten()
            .filter(|licence| *licence != "NONE");
        for licence in asserted.flat_map(sbom::licences) {
            match self.names.get(&*licence) {
                Some(name) => {
                    self.repeats.add(place, name.len())?;
                    found.push((*name).to_owned());
                }
                None => found.push(licence),
            }
        }
        Ok(Some(unique(found)))
    }
}

/// The only file of a package is the one that it was found by; of several, nobody knows.
fn found_in<'a>(document: &'a Document<'_>) -> HashMap<&'a str, String> {
    let files = document.files.iter().flatten();
    let files: HashMap<&str, &str> = files.map(|file| (&*file.id, &*file.name)).collect();
    let mut found: HashMap<&str, Option<&str>> = HashMap::new();
    for relationship in document.relationships.iter().flatten() {
        if let Some(file) = files
            .get(&*relationship.to)
            .filter(|_| relationship.kind == "CONTAINS")
        {
            let only = found.entry(&*relationship.from);
            only.and_modify(|only| *only = None).or_insert(Some(*file));
        }
    }
    let found = found.into_iter();
    found
        .filter_map(|(id, file)| Some((id, path(file?)?)))
        .collect()
}

fn file(file: &document::File<'_>) -> Option<File> {
    let checksums = file.checksums.iter().flatten();
    // Syft writes zeros for what it did not count.
    let checksums = checksums.filter(|checksum| !checksum.value.bytes().all(|digit| digit == b'0'));
    let checksums: BTreeMap<String, String> = checksums
        .map(|checksum| {
            (
                checksum.algorithm.to_ascii_lowercase(),
                checksum.value.to_ascii_lowercase(),
            )
        })
        .collect();
    Some(File {
        path: path(&file.name)?,
        checksums,
        ..File::default()
    })
}

#[cfg(test)]
mod tests;
