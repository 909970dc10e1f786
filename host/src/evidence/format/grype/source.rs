//! What Grype looked at (`grype/presenter/models/source.go`, and of Syft, `syft/source/image_metadata.go`).

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::super::super::model::{Evidence, Layer};
use super::super::raw::{Text, configure, filled, identity, sorted, texts};
use super::super::{Wrong, sketch};

#[derive(Deserialize)]
pub(super) struct RawSource<'a> {
    #[serde(borrow)]
    target: Option<RawTarget<'a>>,
}

/// An image; nothing where there is a text, of a directory, a file, a bill of materials.
struct RawTarget<'a>(Option<RawImage<'a>>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawImage<'a> {
    #[serde(borrow)]
    user_input: Option<Text<'a>>,
    #[serde(borrow, rename = "imageID")]
    image_id: Option<Text<'a>>,
    #[serde(borrow)]
    manifest_digest: Option<Text<'a>>,
    tags: Option<Vec<String>>,
    repo_digests: Option<Vec<String>>,
    image_size: Option<u64>,
    #[serde(borrow)]
    layers: Option<Vec<RawLayer<'a>>>,
    /// In base64.
    #[serde(borrow)]
    config: Option<Text<'a>>,
}

/// Digest and size are those of the uncompressed content.
#[derive(Deserialize)]
struct RawLayer<'a> {
    #[serde(borrow)]
    digest: Option<Text<'a>>,
}

/// A list of words; older reports have one text.
pub(super) struct Words(pub(super) Vec<String>);

impl RawSource<'_> {
    pub(super) fn add_to(self, evidence: &mut Evidence) -> Result<(), Wrong> {
        let Some(RawTarget(Some(image))) = self.target else {
            return Ok(());
        };
        evidence.image = identity(
            texts(image.tags),
            texts(image.repo_digests),
            filled(image.user_input),
            filled(image.image_id),
        );
        // Where the image came from an engine, this is a manifest that Grype made up; no other image has it.
        evidence.image.digests.extend(filled(image.manifest_digest));
        evidence.image.digests = sorted(std::mem::take(&mut evidence.image.digests));
        let layers = image.layers.map(|layers| {
            let layers = layers.into_iter().map(|layer| Layer {
                diff_id: filled(layer.digest),
                ..Layer::default()
            });
            layers.collect()
        });
        if let Some(config) = filled(image.config) {
            let text = plain(&config)?;
            configure(evidence, "source.target.config", &text, image.image_size)?;
        }
        evidence.layers = layers.or(evidence.layers.take());
        Ok(())
    }
}

/// A text in base64.
fn plain(base64: &str) -> Result<String, Wrong> {
    let wrong = |reason: String| Wrong::at("source.target.config", reason);
    let text = decode(base64).and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.ok_or_else(|| wrong("is not base64 of a text".to_owned()))?;
    // The host measured the document, but did not look into its texts.
    match sketch::check(&text) {
        Ok(()) => Ok(text),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// Undoes base64 (RFC 4648, §4).
fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0_u32, 0);
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

impl<'de: 'a, 'a> Deserialize<'de> for RawTarget<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ImageOrText(PhantomData))
    }
}

struct ImageOrText<'a>(PhantomData<&'a str>);

impl<'de: 'a, 'a> Visitor<'de> for ImageOrText<'a> {
    type Value = RawTarget<'a>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object or a text")
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(RawTarget(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let image = RawImage::deserialize(MapAccessDeserializer::new(map))?;
        Ok(RawTarget(Some(image)))
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListOrText)
    }
}

struct ListOrText;

impl<'de> Visitor<'de> for ListOrText {
    type Value = Words;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list or a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<Words, E> {
        Ok(Words(text.split_whitespace().map(str::to_owned).collect()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Words, A::Error> {
        let words = Vec::deserialize(SeqAccessDeserializer::new(list))?;
        Ok(Words(texts(Some(words))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_undone() {
        for (text, expected) in [
            ("", Some("")),
            ("Zg==", Some("f")),
            ("Zm8=", Some("fo")),
            ("Zm9v", Some("foo")),
            ("Zm9vYg", Some("foob")),
            ("+/==", None),
            ("Zm9v!", None),
            ("Zm 9v", None),
        ] {
            let decoded = decode(text).and_then(|bytes| String::from_utf8(bytes).ok());
            assert_eq!(decoded.as_deref(), expected, "{text}");
        }
    }
}
