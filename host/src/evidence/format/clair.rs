//! Clair's API version 1 (Clair 2, `GET /v1/layers/{name}?vulnerabilities`, `Documentation/api_v1.md`), a layer with the
//! features of itself and those below; and version 3 (`GET /ancestry/{name}`, `clair.proto`), a whole image.
//!
//! Features that are absent were not asked for. A feature without `Vulnerabilities` has none.

mod vulnerability;

use serde::Deserialize;

use super::super::model::{Distribution, Evidence, Identity, Layer, Package, Vulnerability};
use super::distribution::namespace;
use super::raw::{Text, filled, list, required};
use super::{Repeats, Sketch, Wrong, from_tool, json, time};

pub(super) use self::vulnerability::{Found, RawVulnerability, fix, rate};

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "Layer")]
    layer: Option<RawLayer<'a>>,
    #[serde(borrow)]
    ancestry: Option<Ancestry<'a>>,
    #[serde(borrow)]
    status: Option<Status<'a>>,
}

#[derive(Deserialize)]
struct RawLayer<'a> {
    #[serde(borrow, rename = "NamespaceName")]
    namespace: Option<Text<'a>>,
    #[serde(default, rename = "Features", deserialize_with = "features")]
    features: Option<Vec<Feature>>,
}

#[derive(Deserialize)]
struct Ancestry<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(default, deserialize_with = "features")]
    features: Option<Vec<Feature>>,
    #[serde(borrow)]
    layers: Option<Vec<AncestryLayer<'a>>>,
}

/// Older ones have `hash` itself, and the features above; since 2.1 there is a `layer`, and the features are here.
#[derive(Deserialize)]
struct AncestryLayer<'a> {
    #[serde(borrow)]
    hash: Option<Text<'a>>,
    #[serde(borrow)]
    layer: Option<Hash<'a>>,
    #[serde(
        default,
        rename = "detectedFeatures",
        alias = "detected_features",
        deserialize_with = "features"
    )]
    features: Option<Vec<Feature>>,
}

#[derive(Deserialize)]
struct Hash<'a> {
    #[serde(borrow)]
    hash: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(borrow, rename = "lastUpdateTime", alias = "last_update_time")]
    updated: Option<Text<'a>>,
}

/// In both versions; the newer one has other spellings of the same keys.
#[derive(Deserialize)]
struct RawFeature<'a> {
    #[serde(borrow, rename = "Name", alias = "name")]
    name: Option<Text<'a>>,
    #[serde(
        borrow,
        rename = "NamespaceName",
        alias = "namespaceName",
        alias = "namespace_name"
    )]
    namespace_name: Option<Text<'a>>,
    #[serde(borrow)]
    namespace: Option<Namespace<'a>>,
    #[serde(borrow, rename = "Version", alias = "version")]
    version: Option<Text<'a>>,
    #[serde(
        borrow,
        rename = "VersionFormat",
        alias = "versionFormat",
        alias = "version_format"
    )]
    version_format: Option<Text<'a>>,
    #[serde(borrow, rename = "AddedBy")]
    added_by: Option<Text<'a>>,
    #[serde(
        default,
        rename = "Vulnerabilities",
        alias = "vulnerabilities",
        deserialize_with = "list::<_, RawVulnerability, _>"
    )]
    vulnerabilities: Option<Vec<Vulnerability>>,
}

#[derive(Deserialize)]
struct Namespace<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

/// A package, its vulnerabilities, and the distribution that it belongs to.
struct Feature {
    namespace: Option<Distribution>,
    package: Package,
    vulnerabilities: Vec<Vulnerability>,
}

pub(super) fn detect(sketch: &Sketch<'_>) -> bool {
    let is_object = |key| sketch.raw(key).is_some_and(|raw| raw.starts_with('{'));
    is_object("Layer") || is_object("ancestry")
}

pub(super) fn read(text: &str) -> Result<Evidence, Wrong> {
    let envelope: Envelope<'_> = json(text)?;
    let mut all = Report::default();
    if let Some(layer) = envelope.layer {
        all.evidence.distribution = layer.namespace.and_then(|text| namespace(&text.0));
        all.add(layer.features, None)?;
    } else if let Some(ancestry) = envelope.ancestry {
        all.add_ancestry(ancestry)?;
    } else {
        let reason = "is null: a layer with its features is needed";
        return Err(Wrong::at("Layer", reason));
    }
    let mut provenance = from_tool("Clair", None);
    let updated = envelope.status.and_then(|status| filled(status.updated));
    if let (Some(updated), Some(provenance)) = (updated, provenance.first_mut()) {
        provenance.database = time("status.lastUpdateTime", &updated)?;
    }
    all.evidence.reports = provenance;
    Ok(all.evidence)
}

#[derive(Default)]
struct Report {
    evidence: Evidence,
    repeats: Repeats,
}

impl Report {
    fn add_ancestry(&mut self, ancestry: Ancestry<'_>) -> Result<(), Wrong> {
        // An ancestry is called as its sender likes; for an image, that should be the manifest's digest.
        let digest = filled(ancestry.name).filter(|name| name.starts_with("sha256:"));
        self.evidence.image = Identity {
            digests: digest.into_iter().collect(),
            ..Identity::default()
        };
        self.add(ancestry.features, None)?;
        for layer in ancestry.layers.into_iter().flatten() {
            let digest = filled(layer.hash).or_else(|| filled(layer.layer?.hash));
            self.add(layer.features, digest.as_deref())?;
            let layers = self.evidence.layers.get_or_insert_default();
            layers.push(Layer {
                digest,
                ..Layer::default()
            });
        }
        Ok(())
    }

    fn add(&mut self, features: Option<Vec<Feature>>, layer: Option<&str>) -> Result<(), Wrong> {
        let Some(features) = features else {
            return Ok(());
        };
        let evidence = &mut self.evidence;
        if evidence.distribution.is_none() {
            evidence.distribution = agreed(features.iter().map(|one| one.namespace.as_ref()));
        }
        let packages = evidence.packages.get_or_insert_default();
        let vulnerabilities = evidence.vulnerabilities.get_or_insert_default();
        for mut feature in features {
            let package = &mut feature.package;
            if let Some(layer) = layer {
                package.layer = Some(layer.to_owned());
            }
            let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
            let said = package.name.len() + length(&package.version) + length(&package.layer);
            let count = 1 + feature.vulnerabilities.len();
            self.repeats.add("Features", said.saturating_mul(count))?;
            for vulnerability in &mut feature.vulnerabilities {
                package.name.clone_into(&mut vulnerability.package);
                vulnerability.installed.clone_from(&package.version);
                vulnerability.layer.clone_from(&package.layer);
                if vulnerability.kind.is_empty() && package.kind != "generic" {
                    package.kind.clone_into(&mut vulnerability.kind);
                }
            }
            packages.push(feature.package);
            vulnerabilities.append(&mut feature.vulnerabilities);
        }
        Ok(())
    }
}

/// The distribution, where all that name one name the same.
pub(super) fn agreed<'a>(
    namespaces: impl Iterator<Item = Option<&'a Distribution>>,
) -> Option<Distribution> {
    let mut named = namespaces.flatten();
    let first = named.next()?;
    named.all(|other| other == first).then(|| first.clone())
}

/// `deserialize_with` takes a path, and this one stands thrice.
fn features<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Vec<Feature>>, D::Error> {
    list::<_, RawFeature<'_>, _>(from)
}

impl TryFrom<RawFeature<'_>> for Feature {
    type Error = Wrong;

    fn try_from(raw: RawFeature<'_>) -> Result<Feature, Wrong> {
        let name = raw.namespace_name.or_else(|| raw.namespace?.name);
        let namespace = name.and_then(|text| namespace(&text.0));
        let by_namespace = namespace.as_ref().and_then(Distribution::kind);
        let kind = by_namespace.or(match raw.version_format {
            Some(format) if format.0 == "rpm" => Some("rpm"),
            Some(format) if format.0 == "dpkg" => Some("deb"),
            _ => None,
        });
        Ok(Feature {
            namespace,
            package: Package {
                name: required("Name", raw.name)?,
                version: filled(raw.version),
                kind: kind.unwrap_or("generic").to_owned(),
                layer: filled(raw.added_by),
                ..Package::default()
            },
            vulnerabilities: raw.vulnerabilities.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests;
