//! What registries and container engines say of an image themselves: its manifest (OCI image specification 1.1,
//! `manifest.md`; Docker image manifest version 2, schema 2), its configuration (`config.md`), and what `docker inspect`
//! and `podman inspect` print of it.

mod configuration;
mod manifest;

use sha2::{Digest, Sha256};

use super::{Sketch, Wrong, hex};

pub(super) use self::configuration::read as read_configuration;
pub(super) use self::manifest::read as read_manifest;

/// Manifests, and what looks like one and is refused: indices and Docker's schema 1.
pub(super) fn detect_manifest(sketch: &Sketch<'_>) -> bool {
    match sketch.raw("schemaVersion") {
        Some("2") => sketch.has(&["config", "layers"]) || sketch.has(&["manifests"]),
        Some("1") => sketch.has(&["fsLayers"]),
        _ => false,
    }
}

/// Configurations and images as engines print them, alone or in a list.
pub(super) fn detect_configuration(sketch: &Sketch<'_>) -> bool {
    sketch.has(&["rootfs", "architecture"])
        || sketch.has(&["rootfs", "config"])
        || sketch.has(&["Id", "RepoTags", "Config"])
        || sketch.first_has(&["Id", "RepoTags", "Config"])
}

/// The digest by which a registry knows a text.
fn sha256(text: &str) -> String {
    format!("sha256:{}", hex(&Sha256::digest(text.as_bytes())))
}

/// A digest as it stands in a document: `sha256:` and 64 digits, `sha512:` and 128.
fn digest(place: &str, text: &str) -> Result<String, Wrong> {
    let lengths = [("sha256:", 64), ("sha512:", 128)];
    let fits = lengths.iter().any(|(algorithm, length)| {
        text.strip_prefix(algorithm)
            .is_some_and(|digits| digits.len() == *length && is_hex(digits))
    });
    if fits {
        return Ok(text.to_owned());
    }
    let reason = format!("{text:?} is no digest like sha256:… with 64 digits");
    Err(Wrong::at(place, reason))
}

/// Engines read JSON with Go, which takes `user` for `User` as well and lets the last one count: an image could show us
/// one user and run as another. So keys that differ from known ones in letters only are refused.
fn plain_keys(text: &str, path: &[&str], known: &[&str]) -> Result<(), Wrong> {
    let Ok(object) = sonic_rs::get(text, path) else {
        return Ok(());
    };
    for (key, _) in sonic_rs::to_object_iter(object.as_raw_str()).map_while(Result::ok) {
        let twin = known
            .iter()
            .find(|known| **known != key && folds(known, &key));
        if let Some(twin) = twin {
            let reason = format!("key {key:?} could be taken for {twin:?}");
            let place = if path.is_empty() {
                "the document"
            } else {
                &path.join("/")
            };
            return Err(Wrong::at(place, reason));
        }
    }
    Ok(())
}

/// Whether Go takes one key for the other: upper and lower case, the long s and the Kelvin sign.
fn folds(known: &str, key: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    known.chars().map(fold).eq(key.chars().map(fold))
}

/// Whether all of it is lower-case hexadecimal, as digests are written.
fn is_hex(text: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.bytes().all(digit)
}

#[cfg(test)]
mod tests;
