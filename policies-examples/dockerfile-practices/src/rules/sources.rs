//! Rules about what comes into an image: other images, files, downloads. Only a Dockerfile tells most of it.

use touchstone_sdk::evidence::Instruction;
use touchstone_sdk::evidence::dockerfile::{Base, Dockerfile};
use touchstone_sdk::prelude::*;
use touchstone_sdk::serde_json;

use super::Hit;
use crate::build::Build;
use crate::settings::Practices;

/// What ADD unpacks, which COPY would not.
const ARCHIVES: [&str; 9] = [
    ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst",
];

/// A tag other than latest, or a digest.
pub fn tags(build: &Build, _: &Practices) -> Option<Vec<Hit>> {
    let hits = images(build.dockerfile.as_ref()?).filter_map(|image| {
        let message = match &image.reference {
            Err(variable) => format!(
                "any image may be meant: {}, and {variable} has no default",
                image.text
            ),
            Ok(reference) => match ImageName::parse(reference) {
                Err(why) => format!("{reference:?} is no image reference: {why}"),
                Ok(name) if name.digest.is_some() => return None,
                Ok(name) => match name.tag.as_deref() {
                    None => format!("{reference} has no tag, so any version may be built on"),
                    Some("latest") => format!("{reference} means another image tomorrow"),
                    Some(_) => return None,
                },
            },
        };
        Some(image.hit(message))
    });
    Some(hits.collect())
}

/// A digest.
pub fn digests(build: &Build, _: &Practices) -> Option<Vec<Hit>> {
    let hits = images(build.dockerfile.as_ref()?).filter_map(|image| {
        let reference = image.reference.as_ref().unwrap_or(&image.text);
        let pinned = ImageName::parse(reference).is_ok_and(|name| name.digest.is_some());
        (!pinned).then(|| image.hit(format!("{reference} is not pinned to a digest")))
    });
    Some(hits.collect())
}

/// An image that a Dockerfile names.
struct Named {
    line: u32,
    /// As it is written.
    text: String,
    /// With the defaults of variables; an error is the variable without one.
    reference: Result<String, String>,
}

impl Named {
    fn hit(&self, message: String) -> Hit {
        Hit {
            message,
            line: Some(self.line),
        }
    }
}

/// Those of `FROM`, of `COPY --from` and of `RUN --mount=from=`, as far as they are no stages.
fn images(dockerfile: &Dockerfile) -> impl Iterator<Item = Named> {
    let bases = dockerfile.stages().iter().filter_map(|stage| {
        let (text, reference) = match &stage.base {
            Base::Image(image) => (image.clone(), Ok(image.clone())),
            Base::Unknown { text, variable } => (format!("FROM {text}"), Err(variable.clone())),
            Base::Stage(_) | Base::Scratch => return None,
        };
        Some(Named {
            line: stage.line,
            text,
            reference,
        })
    });
    let others = dockerfile
        .instructions()
        .iter()
        .flat_map(move |instruction| {
            let names = sources(instruction).into_iter();
            let foreign =
                names.filter(|name| !name.contains('$') && dockerfile.stage(name).is_none());
            foreign.map(|name| Named {
                line: instruction.line,
                text: name.to_owned(),
                reference: Ok(name.to_owned()),
            })
        });
    bases.chain(others)
}

/// The stages or images that an instruction takes files from.
fn sources(instruction: &Instruction) -> Vec<&str> {
    let flags = instruction
        .arguments
        .split_whitespace()
        .take_while(|word| word.starts_with("--"));
    match instruction.name.as_str() {
        "COPY" => flags
            .filter_map(|flag| flag.strip_prefix("--from="))
            .collect(),
        "RUN" => {
            let mounts = flags.filter_map(|flag| flag.strip_prefix("--mount="));
            mounts
                .flat_map(|mount| mount.split(','))
                .filter_map(|part| part.strip_prefix("from="))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// ADD of a URL, in any stage, without a checksum.
pub fn urls(build: &Build, _: &Practices) -> Option<Vec<Hit>> {
    let every = build.every()?;
    let hits = every.iter().flat_map(|instruction| {
        let (flags, sources) = added(instruction);
        let checked = flags.iter().any(|flag| flag.starts_with("--checksum="));
        let urls = sources
            .into_iter()
            .filter(move |source| !checked && is_remote(source));
        urls.map(|url| Hit::at(instruction, format!("ADD fetches {} unchecked", bare(&url))))
    });
    Some(hits.collect())
}

/// ADD of files, in any stage, which COPY does without surprises. A history does not tell what was an archive.
pub fn files(build: &Build, _: &Practices) -> Option<Vec<Hit>> {
    build.dockerfile.as_ref()?;
    let every = build.every()?;
    let is_file = |source: &String| {
        !is_remote(source)
            && !source.contains('$')
            && !ARCHIVES.iter().any(|end| source.ends_with(end))
    };
    let hits = every.iter().filter_map(|instruction| {
        let (_, sources) = added(instruction);
        let files: Vec<String> = sources.into_iter().filter(is_file).collect();
        let message = || format!("ADD copies {}", files.join(" "));
        (!files.is_empty()).then(|| Hit::at(instruction, message()))
    });
    Some(hits.collect())
}

/// Flags and sources of an ADD.
fn added(instruction: &Instruction) -> (Vec<&str>, Vec<String>) {
    if instruction.name != "ADD" {
        return (Vec::new(), Vec::new());
    }
    let first = instruction.arguments.lines().next().unwrap_or_default();
    let words = first.split_whitespace();
    let (flags, rest): (Vec<&str>, Vec<&str>) = words.partition(|word| word.starts_with("--"));
    let list: Option<Vec<String>> = serde_json::from_str(&rest.join(" ")).ok();
    let mut sources = list.unwrap_or_else(|| rest.into_iter().map(str::to_owned).collect());
    // The last one is the destination.
    sources.pop();
    (flags, sources)
}

fn is_remote(source: &str) -> bool {
    let schemes = ["http://", "https://", "git://", "ssh://", "git@"];
    schemes.iter().any(|scheme| source.starts_with(scheme))
}

/// A URL without what may be secret in it.
fn bare(url: &str) -> String {
    let (url, _) = url.split_once(['?', '#']).unwrap_or((url, ""));
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = place.rsplit('@').next().unwrap_or(place);
            format!("{scheme}://{host}/{path}")
        }
        None => url.to_owned(),
    }
}
