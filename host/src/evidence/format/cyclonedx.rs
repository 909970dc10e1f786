//! CycloneDX 1.4 to 1.7 in JSON (ECMA-424; `bom-1.7.schema.json`): a bill of materials, what is known to be
//! vulnerable in it, and VEX. Its XML is not read.

mod about;
mod document;
mod ratings;
mod vex;
mod vulnerabilities;

use std::collections::BTreeMap;

use self::document::{Bom, Component, Licence, Metadata, Tool};
use super::super::model::{Distribution, Evidence, File, Identity, Package, Provenance};
use super::purl::is_image;
use super::raw::sorted;
use super::sbom::{self, Named, Top, path, present};
use super::{Sketch, Wrong, distribution, from_tool, json, time};

/// How deep a document may nest, half of which are components within components; real ones take ten.
const MAX_DEPTH: usize = 64;

pub(super) fn detect(sketch: &Sketch<'_>) -> bool {
    sketch.text("bomFormat").as_deref() == Some("CycloneDX")
}

pub(super) fn read(text: &str) -> Result<Evidence, Wrong> {
    // Components hold components, so that the reader recurses.
    if crate::document::depth(text.as_bytes()) > MAX_DEPTH {
        let reason = format!("nested deeper than {MAX_DEPTH} levels");
        return Err(Wrong::at("the document", reason));
    }
    let mut bom: Bom<'_> = json(text)?;
    let mut parts = Vec::new();
    if let Some(top) = &mut bom.metadata.component {
        flatten(top.components.take().unwrap_or_default(), &mut parts);
    }
    let is_bill = bom.components.is_some() || !parts.is_empty();
    flatten(bom.components.take().unwrap_or_default(), &mut parts);

    let top = bom.metadata.component.as_ref();
    let mut evidence = Evidence {
        image: top.map(identity).unwrap_or_default(),
        ..Evidence::default()
    };
    vulnerabilities::read(&bom, &parts, is_bill, &mut evidence)?;
    // A VEX document alone did not look at the image.
    let has_looked = is_bill || evidence.vulnerabilities.is_some();
    evidence.reports = provenance(&bom.metadata, has_looked)?;
    if is_bill {
        take(parts, &mut evidence);
    }
    Ok(evidence)
}

fn provenance(metadata: &Metadata<'_>, has_looked: bool) -> Result<Vec<Provenance>, Wrong> {
    let version = first_tool(metadata).and_then(|tool| tool.version.as_deref());
    let mut reports = from_tool(tool(metadata), version);
    let written = metadata.timestamp.as_deref().unwrap_or_default();
    let written = time("metadata.timestamp", written)?;
    for report in &mut reports {
        report.scanned = written.filter(|_| has_looked);
    }
    Ok(reports)
}

/// Sorts the parts of a bill by what they are.
fn take(parts: Vec<Part>, evidence: &mut Evidence) {
    let mut packages = Vec::new();
    for part in parts {
        match part.role {
            Role::Package => packages.push(part.package),
            Role::System(distribution) => {
                evidence.distribution.get_or_insert(distribution);
            }
            Role::File(file) => evidence.files.get_or_insert_default().push(file),
            Role::Other => {}
        }
    }
    if evidence.distribution.is_none() {
        evidence.distribution = sbom::distribution_of(&packages);
    }
    evidence.packages = Some(packages);
}

/// The name of the tool that made the document.
fn tool<'a>(metadata: &'a Metadata<'_>) -> &'a str {
    first_tool(metadata).map_or("", |tool| &tool.name)
}

/// The tool that made the document, the first where it names several.
fn first_tool<'a>(metadata: &'a Metadata<'_>) -> Option<&'a Tool> {
    let mut tools = metadata.tools.as_ref()?.0.iter();
    tools.find(|tool| !tool.name.is_empty())
}

/// Nested components are parts like all others.
fn flatten(components: Vec<Component<'_>>, parts: &mut Vec<Part>) {
    for mut component in components {
        let nested = component.components.take();
        parts.push(Part::of(component));
        flatten(nested.unwrap_or_default(), parts);
    }
}

fn identity(top: &Component<'_>) -> Identity {
    let purl = top.purl.as_deref();
    if top.kind != "container" && !purl.is_some_and(is_image) {
        return Identity::default();
    }
    let hashes = top.hashes.iter().flatten();
    Top {
        name: &top.name,
        version: top.version.as_deref(),
        purls: purl.into_iter().chain(top.bom_ref.as_deref()).collect(),
        sha256: hashes
            .filter(|hash| hash.alg == "SHA-256")
            .map(|hash| &*hash.content)
            .collect(),
        properties: top.with_prefix(document::TRIVY).collect(),
    }
    .identity()
}

/// A component, and what it is.
#[derive(Debug)]
struct Part {
    reference: Option<String>,
    /// As far as vulnerabilities concern it, whatever it is.
    package: Package,
    role: Role,
}

#[derive(Debug)]
enum Role {
    Package,
    System(Distribution),
    File(File),
    Other,
}

impl Part {
    fn of(component: Component<'_>) -> Part {
        Part {
            package: package(&component),
            role: role(&component),
            reference: component.bom_ref,
        }
    }
}

/// What a component is. One with a package URL is a package whatever its type.
fn role(component: &Component<'_>) -> Role {
    let purl = component.purl.as_deref().unwrap_or_default();
    match &*component.kind {
        _ if component.is_external == Some(true) => Role::Other,
        "operating-system" => Role::System(distribution(component)),
        "file" if purl.is_empty() => match path(&component.name) {
            Some(path) if component.name.starts_with('/') => Role::File(file(component, path)),
            _ => Role::Other,
        },
        _ if is_image(purl) => Role::Other,
        _ if !purl.is_empty() => Role::Package,
        "container" | "cryptographic-asset" | "data" | "device" => Role::Other,
        // Trivy's way to name a lock file.
        "application" if component.trivy("Class").is_some() => Role::Other,
        _ => Role::Package,
    }
}

fn package(component: &Component<'_>) -> Package {
    let package = sbom::package(&Named {
        group: component.group.as_deref(),
        name: &component.name,
        version: component.version.as_deref(),
        purl: component.purl.as_deref(),
    });
    let by_syft = || component.with_prefix("syft:location:");
    let layer = || by_syft().find(|(key, _)| key.ends_with(":layerID"));
    let layer = [
        component.trivy("LayerDigest"),
        component.trivy("LayerDiffID"),
    ]
    .into_iter()
    .find_map(|layer| layer)
    .or_else(|| layer().map(|(_, value)| value));
    Package {
        licences: component.licences.as_deref().map(licences_of),
        origin: component.origin().map(str::to_owned),
        locations: locations(component),
        layer: layer.map(str::to_owned),
        source: component
            .trivy("SrcName")
            .map(str::to_owned)
            .or(package.source),
        ..package
    }
}

/// Where it was found: by the format's own key, by Syft, by Trivy.
fn locations(component: &Component<'_>) -> Vec<String> {
    let evidence = component
        .evidence
        .as_ref()
        .and_then(|evidence| evidence.occurrences.as_deref());
    let occurrences = evidence.unwrap_or_default().iter();
    let by_key = occurrences.filter_map(|occurrence| occurrence.location.as_deref());
    let by_syft = component.with_prefix("syft:location:");
    let by_syft = by_syft
        .filter(|(key, _)| key.ends_with(":path"))
        .map(|(_, path)| path);
    let all = by_key.chain(by_syft).chain(component.trivy("FilePath"));
    sorted(all.filter_map(path).collect())
}

fn licences_of(choices: &[Licence]) -> Vec<String> {
    let mut found = Vec::new();
    for choice in choices {
        let named = choice.licence.as_ref();
        let id = named.and_then(|named| present(named.id.as_deref()));
        let name = named.and_then(|named| present(named.name.as_deref()));
        found.extend(id.or(name).map(str::to_owned));
        found.extend(
            choice
                .expression
                .as_deref()
                .map(sbom::licences)
                .unwrap_or_default(),
        );
    }
    found
}

fn distribution(component: &Component<'_>) -> Distribution {
    let like = component.with_prefix("syft:distro:idLike:");
    Distribution {
        like: like.map(|(_, value)| value.to_owned()).collect(),
        ..distribution::distribution(&component.name, component.version.as_deref())
    }
}

fn file(component: &Component<'_>, path: String) -> File {
    let hashes = component.hashes.iter().flatten();
    let checksums: BTreeMap<String, String> = hashes
        .map(|hash| {
            let algorithm = hash.alg.to_ascii_lowercase();
            // `SHA-256`, but `SHA3-256` and `BLAKE2b-256`.
            let algorithm = algorithm.replacen("sha-", "sha", 1);
            (algorithm, hash.content.to_ascii_lowercase())
        })
        .collect();
    File {
        path,
        checksums,
        ..File::default()
    }
}

#[cfg(test)]
mod tests;
