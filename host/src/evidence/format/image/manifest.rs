//! Image manifests: OCI image specification 1.1, `manifest.md`, and Docker image manifest version 2, schema 2, which
//! differ in media types only.

use std::borrow::Cow;

use serde::Deserialize;

use super::super::super::model::{Evidence, Identity, Layer};
use super::super::{Wrong, from_tool, json};
use super::{digest, plain_keys, sha256};

/// Media types of an image's configuration; a manifest with another one is of an artefact: a chart, a signature.
const CONFIGURATIONS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawManifest<'a> {
    schema_version: u32,
    #[serde(borrow)]
    config: Option<RawDescriptor<'a>>,
    #[serde(borrow)]
    layers: Option<Vec<RawDescriptor<'a>>>,
    #[serde(borrow)]
    manifests: Option<Vec<RawEntry<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescriptor<'a> {
    #[serde(borrow)]
    media_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    digest: Cow<'a, str>,
    size: u64,
}

#[derive(Deserialize)]
struct RawEntry<'a> {
    #[serde(borrow)]
    platform: Option<RawPlatform<'a>>,
}

#[derive(Deserialize)]
struct RawPlatform<'a> {
    #[serde(borrow)]
    os: Cow<'a, str>,
    #[serde(borrow)]
    architecture: Cow<'a, str>,
    #[serde(borrow)]
    variant: Option<Cow<'a, str>>,
}

pub(in super::super) fn read(text: &str) -> Result<Evidence, Wrong> {
    let raw: RawManifest<'_> = json(text)?;
    if raw.schema_version == 1 {
        let reason = "1 is Docker's old form of manifest; it is read with 2";
        return Err(Wrong::at("schemaVersion", reason));
    }
    if let Some(manifests) = &raw.manifests {
        return Err(index(manifests));
    }
    plain_keys(
        text,
        &[],
        &["schemaVersion", "mediaType", "config", "layers"],
    )?;
    plain_keys(text, &["config"], &["mediaType", "digest", "size"])?;
    let config = raw
        .config
        .ok_or_else(|| Wrong::at("config", "it is null"))?;
    if let Some(kind) = &config.media_type
        && !CONFIGURATIONS.contains(&kind.as_ref())
    {
        let known = CONFIGURATIONS.join(" or ");
        let reason = format!("{kind:?} is no image's configuration, that is {known}");
        return Err(Wrong::at("config/mediaType", reason));
    }
    let layers = raw.layers.unwrap_or_default();
    let layers = layers.iter().enumerate().map(|(index, layer)| {
        Ok(Layer {
            digest: Some(digest(&format!("layers/{index}/digest"), &layer.digest)?),
            diff_id: None,
            size: Some(layer.size),
        })
    });
    Ok(Evidence {
        reports: from_tool("", None),
        image: Identity {
            digests: vec![sha256(text)],
            id: Some(digest("config/digest", &config.digest)?),
            ..Identity::default()
        },
        layers: Some(layers.collect::<Result<_, _>>()?),
        ..Evidence::default()
    })
}

/// Why an index is not taken: it is not about one image.
fn index(manifests: &[RawEntry<'_>]) -> Wrong {
    let platforms = manifests.iter().filter_map(|entry| entry.platform.as_ref());
    // Build tools file what they attest under the platform unknown/unknown.
    let platforms = platforms.filter(|platform| platform.os != "unknown");
    let mut names: Vec<String> = Vec::new();
    for platform in platforms.take(32) {
        let mut name = format!("{}/{}", platform.os, platform.architecture);
        if let Some(variant) = &platform.variant {
            name.push('/');
            name.push_str(variant);
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let names = names.join(", ");
    let reason =
        format!("this is an index of images, for {names}: give the manifest of one of them");
    Wrong::at("manifests", reason)
}
