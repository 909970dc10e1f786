//! Image configurations: OCI image specification 1.1, `config.md`, and an image as the API of Docker Engine (1.24 and
//! later, `ImageInspect`) and Podman's `inspect` print it. They name the same things in different letters.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::super::super::model::{Configuration, Evidence, Identity, Layer, Step};
use super::super::history::without_values;
use super::super::{Wrong, from_tool, json, time};
use super::{digest, is_hex, plain_keys, sha256};

/// The configuration of an image, as a registry keeps it.
#[derive(Deserialize)]
struct RawImage<'a> {
    #[serde(borrow)]
    created: Option<Cow<'a, str>>,
    architecture: Option<String>,
    os: Option<String>,
    #[serde(borrow)]
    config: Option<RawConfig<'a>>,
    #[serde(borrow)]
    rootfs: Option<RawRootFs<'a>>,
    #[serde(borrow)]
    history: Option<Vec<RawStep<'a>>>,
}

#[derive(Deserialize)]
struct RawRootFs<'a> {
    #[serde(borrow)]
    diff_ids: Option<Vec<Cow<'a, str>>>,
}

/// An image, as an engine prints it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawInspect<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    repo_tags: Option<Vec<String>>,
    #[serde(borrow)]
    repo_digests: Option<Vec<Cow<'a, str>>>,
    /// Podman's.
    #[serde(borrow)]
    digest: Option<Cow<'a, str>>,
    #[serde(borrow)]
    created: Option<Cow<'a, str>>,
    architecture: Option<String>,
    os: Option<String>,
    size: Option<u64>,
    #[serde(borrow)]
    config: Option<RawConfig<'a>>,
    #[serde(rename = "RootFS", borrow)]
    root_fs: Option<RawLayers<'a>>,
    /// Podman's.
    #[serde(borrow)]
    history: Option<Vec<RawStep<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawLayers<'a> {
    #[serde(borrow)]
    layers: Option<Vec<Cow<'a, str>>>,
}

/// Keys of a registry's configuration, as [`RawImage`] has them.
const IMAGE: [&str; 6] = [
    "created",
    "architecture",
    "os",
    "config",
    "rootfs",
    "history",
];

/// Keys of its `config`, as [`RawConfig`] has them.
const CONFIG: [&str; 9] = [
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Volumes",
    "WorkingDir",
    "Labels",
    "Healthcheck",
];

/// What both name alike.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawConfig<'a> {
    user: Option<String>,
    exposed_ports: Option<BTreeMap<String, IgnoredAny>>,
    #[serde(borrow)]
    env: Option<Vec<Cow<'a, str>>>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    volumes: Option<BTreeMap<String, IgnoredAny>>,
    working_dir: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    healthcheck: Option<RawHealthcheck>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawHealthcheck {
    test: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct RawStep<'a> {
    #[serde(borrow)]
    created: Option<Cow<'a, str>>,
    created_by: Option<String>,
    empty_layer: Option<bool>,
}

pub(in super::super) fn read(text: &str) -> Result<Evidence, Wrong> {
    let start = text.trim_start();
    if start.starts_with('[') {
        let images: Vec<RawInspect<'_>> = json(text)?;
        let count = images.len();
        let [image] = <[RawInspect<'_>; 1]>::try_from(images).map_err(|_| {
            let reason = format!("{count} images; a report is about one: inspect each alone");
            Wrong::at("the list", reason)
        })?;
        return inspected(image);
    }
    // An image's maker may put any key into its configuration, so `Id` does not tell the two apart.
    let RawEither { rootfs } = json(text)?;
    if rootfs.is_none() {
        return inspected(json(text)?);
    }
    plain_keys(text, &[], &IMAGE)?;
    plain_keys(text, &["config"], &CONFIG)?;
    plain_keys(text, &["rootfs"], &["type", "diff_ids"])?;
    configured(json(text)?, sha256(text))
}

/// Enough to tell the two apart.
#[derive(Deserialize)]
struct RawEither {
    rootfs: Option<IgnoredAny>,
}

/// A registry's configuration with its digest.
fn configured(raw: RawImage<'_>, id: String) -> Result<Evidence, Wrong> {
    let mut configuration = configuration(raw.config.unwrap_or_default());
    configuration.created = time("created", raw.created.as_deref().unwrap_or_default())?;
    configuration.architecture = set(raw.architecture);
    configuration.os = set(raw.os);
    let layers = raw.rootfs.and_then(|rootfs| rootfs.diff_ids);
    Ok(Evidence {
        reports: from_tool("", None),
        image: Identity {
            id: Some(id),
            ..Identity::default()
        },
        configuration: Some(configuration),
        layers: layers
            .map(|ids| layered("rootfs/diff_ids", &ids))
            .transpose()?,
        history: raw.history.map(steps).transpose()?,
        ..Evidence::default()
    })
}

/// What an engine prints of an image.
fn inspected(raw: RawInspect<'_>) -> Result<Evidence, Wrong> {
    let image = identity(&raw)?;
    let mut configuration = configuration(raw.config.unwrap_or_default());
    configuration.created = time("Created", raw.created.as_deref().unwrap_or_default())?;
    configuration.architecture = set(raw.architecture);
    configuration.os = set(raw.os);
    configuration.size = raw.size;
    let layers = raw.root_fs.and_then(|root_fs| root_fs.layers);
    Ok(Evidence {
        reports: from_tool("", None),
        image,
        configuration: Some(configuration),
        layers: layers
            .map(|ids| layered("RootFS/Layers", &ids))
            .transpose()?,
        history: raw.history.map(steps).transpose()?,
        ..Evidence::default()
    })
}

fn identity(raw: &RawInspect<'_>) -> Result<Identity, Wrong> {
    let mut image = Identity::default();
    for name in raw.repo_tags.iter().flatten() {
        if !name.is_empty() && !name.contains("<none>") {
            image.names.push(name.clone());
        }
    }
    for (index, name) in raw.repo_digests.iter().flatten().enumerate() {
        if let Some((_, known)) = name.rsplit_once('@')
            && !name.contains("<none>")
        {
            image
                .digests
                .push(digest(&format!("RepoDigests/{index}"), known)?);
        }
    }
    if let Some(known) = raw.digest.as_deref().filter(|known| !known.is_empty()) {
        image.digests.push(digest("Digest", known)?);
    }
    // Podman leaves the algorithm out.
    let id = match raw.id.len() {
        64 if is_hex(&raw.id) => format!("sha256:{}", raw.id),
        _ => digest("Id", &raw.id)?,
    };
    image.names.sort();
    image.names.dedup();
    image.digests.sort();
    image.digests.dedup();
    // Docker's containerd store calls the manifest's digest the id.
    if !image.digests.contains(&id) {
        image.id = Some(id);
    }
    Ok(image)
}

fn configuration(raw: RawConfig<'_>) -> Configuration {
    let names = raw.env.unwrap_or_default();
    let names = names
        .iter()
        .map(|line| line.split('=').next().unwrap_or_default());
    let names = names.filter(|name| !name.is_empty());
    let ports = raw.exposed_ports.unwrap_or_default().into_keys();
    let ports = ports.map(|port| {
        if port.contains('/') {
            port
        } else {
            format!("{port}/tcp")
        }
    });
    Configuration {
        user: set(raw.user),
        exposed_ports: ports.collect(),
        entrypoint: raw.entrypoint.filter(|words| !words.is_empty()),
        command: raw.cmd.filter(|words| !words.is_empty()),
        labels: raw.labels.unwrap_or_default(),
        environment: names.map(str::to_owned).collect(),
        volumes: raw.volumes.unwrap_or_default().into_keys().collect(),
        working_directory: set(raw.working_dir),
        healthcheck: raw
            .healthcheck
            .and_then(|check| check.test)
            .filter(|test| !test.is_empty()),
        ..Configuration::default()
    }
}

/// What is set; engines write an empty text for what is not.
fn set(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn layered(place: &str, ids: &[Cow<'_, str>]) -> Result<Vec<Layer>, Wrong> {
    let layers = ids.iter().enumerate().map(|(index, id)| {
        Ok(Layer {
            diff_id: Some(digest(&format!("{place}/{index}"), id)?),
            ..Layer::default()
        })
    });
    layers.collect()
}

fn steps(raw: Vec<RawStep<'_>>) -> Result<Vec<Step>, Wrong> {
    let steps = raw.into_iter().enumerate().map(|(index, step)| {
        let place = format!("history/{index}/created");
        Ok(Step {
            created: time(&place, step.created.as_deref().unwrap_or_default())?,
            created_by: without_values(step.created_by.unwrap_or_default()),
            empty: step.empty_layer.unwrap_or_default(),
        })
    });
    steps.collect()
}
