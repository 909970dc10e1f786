//! What reports share below their own keys: texts, lists and maps as tools write them, scores, which image they are about.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::super::model::{Evidence, Identity, Score};
use super::Wrong;
use super::image::read_configuration;
use crate::image::ImageName;

/// A text of the document, borrowed where it has no escapes; a bare `Cow` never borrows inside of an `Option`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Borrowing(PhantomData))
    }
}

struct Borrowing<'a>(PhantomData<Text<'a>>);

impl<'de: 'a, 'a> Visitor<'de> for Borrowing<'a> {
    type Value = Text<'a>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'a>, E> {
        Ok(Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'a>, E> {
        Ok(Text(text.to_owned().into()))
    }
}

/// What a text says; nothing when it is empty, which is how tools write what they do not know.
pub(super) fn filled(text: Option<Text<'_>>) -> Option<String> {
    let text = text.map(|text| text.0.into_owned());
    text.filter(|text| !text.is_empty())
}

/// As [`filled`], of what must be there.
pub(super) fn required(key: &str, text: Option<Text<'_>>) -> Result<String, Wrong> {
    filled(text).ok_or_else(|| Wrong::at(key, "is missing or empty"))
}

/// The texts of a list that are not empty.
pub(super) fn texts(list: Option<Vec<String>>) -> Vec<String> {
    let mut texts = list.unwrap_or_default();
    texts.retain(|text| !text.is_empty());
    texts
}

/// The best page, and then the others.
pub(super) fn links(best: Option<Text<'_>>, others: Option<Vec<String>>) -> Vec<String> {
    let mut links = texts(others);
    if let Some(best) = filled(best) {
        links.retain(|link| *link != best);
        links.insert(0, best);
    }
    links
}

/// Sorted, each once.
pub(super) fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort_unstable();
    texts.dedup();
    texts
}

/// An object whose keys are data, sorted by them. A key that stands twice is an error.
#[derive(Debug)]
pub(super) struct Map<'a, T>(pub(super) Vec<(Cow<'a, str>, T)>);

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Map<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Pairs(PhantomData))
    }
}

struct Pairs<'a, T>(PhantomData<Map<'a, T>>);

impl<'de: 'a, 'a, T: Deserialize<'de>> Visitor<'de> for Pairs<'a, T> {
    type Value = Map<'a, T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Map<'a, T>, A::Error> {
        let mut pairs = Vec::new();
        while let Some((Text(key), value)) = source.next_entry()? {
            pairs.push((key, value));
        }
        // Tools mostly write them so already.
        pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
        for pair in pairs.windows(2) {
            if let [(one, _), (other, _)] = pair
                && one == other
            {
                return Err(A::Error::custom(format!("key {one:?} stands twice")));
            }
        }
        Ok(Map(pairs))
    }
}

/// Reads a list into the model, item by item: the raw form of only one is ever there. `null` is no list.
pub(super) fn list<'de, D, R, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    R: Deserialize<'de> + TryInto<T, Error = Wrong>,
{
    let list = Option::<Vec<Converted<R, T>>>::deserialize(deserializer)?;
    Ok(list.map(|list| list.into_iter().map(|item| item.0).collect()))
}

/// What becomes of a raw form, with its place where that fails.
pub(super) struct Converted<R, T>(pub(super) T, PhantomData<R>);

impl<'de, R, T> Deserialize<'de> for Converted<R, T>
where
    R: Deserialize<'de> + TryInto<T, Error = Wrong>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let item = R::deserialize(deserializer)?.try_into();
        item.map(|item| Converted(item, PhantomData))
            .map_err(D::Error::custom)
    }
}

/// A number from 0 to `most`.
pub(super) fn within(key: &str, number: f64, most: f64) -> Result<f64, Wrong> {
    if (0.0..=most).contains(&number) {
        Ok(number)
    } else {
        Err(Wrong::at(key, format!("{number} is not from 0 to {most}")))
    }
}

/// A path in the image, from the root.
pub(super) fn path(text: &str) -> String {
    if text.starts_with('/') {
        text.to_owned()
    } else {
        format!("/{text}")
    }
}

/// A CVSS score. The vector knows the version best: `CVSS:3.0/AV:N/…`.
pub(super) fn score(
    source: &str,
    version: &str,
    base: f64,
    vector: Option<String>,
) -> Result<Score, Wrong> {
    let own = vector.as_deref().and_then(|vector| {
        let (version, _) = vector.strip_prefix("CVSS:")?.split_once('/')?;
        Some(version)
    });
    Ok(Score {
        source: source.to_owned(),
        version: own.unwrap_or(version).to_owned(),
        base: within("CVSS base score", base, 10.0)?,
        vector,
        ..Score::default()
    })
}

impl Score {
    /// The parts that a score is made of, where they are known.
    pub(super) fn rate_parts(
        &mut self,
        exploitability: Option<f64>,
        impact: Option<f64>,
    ) -> Result<(), Wrong> {
        let part = |key, part: Option<f64>| part.map(|part| within(key, part, 10.0)).transpose();
        self.exploitability = part("CVSS exploitability score", exploitability)?;
        self.impact = part("CVSS impact score", impact)?;
        Ok(())
    }
}

/// Whose data it is, by Anchore's and Grype's names: `debian:distro:debian:12`, `github:language:python`, `nvdv2:cves`.
pub(super) fn feed(namespace: &str) -> String {
    match namespace.split(':').next().unwrap_or_default() {
        "nvdv2" => "nvd",
        name => name,
    }
    .to_owned()
}

/// Which image a report is about. What was asked for may be a file's name as well; where nothing else names the image,
/// it counts when it has a tag or a digest.
pub(super) fn identity(
    tags: Vec<String>,
    repository_digests: Vec<String>,
    asked_for: Option<String>,
    id: Option<String>,
) -> Identity {
    let digests = repository_digests.iter().filter_map(|name| digest(name));
    let mut digests: Vec<String> = digests.map(str::to_owned).collect();
    let mut names = tags;
    if names.is_empty() {
        names = repository_digests;
    }
    if let Some(asked_for) = asked_for.filter(|name| names.is_empty() && is_reference(name)) {
        digests.extend(digest(&asked_for).map(str::to_owned));
        names.push(asked_for);
    }
    Identity {
        names: sorted(names),
        digests: sorted(digests),
        id,
    }
}

/// Adds an image's configuration that stands within a report. Tools write an empty one for what is no image.
pub(super) fn configure(
    evidence: &mut Evidence,
    place: &str,
    text: &str,
    size: Option<u64>,
) -> Result<(), Wrong> {
    // Without this key it would be read as what an engine prints of an image.
    if sonic_rs::get(text, ["rootfs"]).is_err() {
        return Ok(());
    }
    let within = |wrong: Wrong| Wrong::at(format!("{place}, {}", wrong.place), wrong.reason);
    let read = read_configuration(text).map_err(within)?;
    if let Some(mut configuration) = read.configuration.filter(|known| known.os.is_some()) {
        configuration.size = size;
        evidence.configuration = Some(configuration);
        evidence.history = read.history;
        evidence.layers = read.layers;
    }
    Ok(())
}

fn digest(reference: &str) -> Option<&str> {
    reference.split_once('@').map(|(_, digest)| digest)
}

fn is_reference(text: &str) -> bool {
    ImageName::parse(text).is_ok_and(|name| name.tag.is_some() || name.digest.is_some())
}

#[cfg(test)]
mod tests {
    use super::super::json;
    use super::*;

    #[test]
    fn a_text_is_borrowed_unless_it_has_escapes() {
        let texts: Vec<Option<Text<'_>>> = json(r#"["plain", "a\tb", "", null]"#).unwrap();
        let borrowed = texts
            .iter()
            .flatten()
            .map(|text| matches!(text.0, Cow::Borrowed(_)));
        assert_eq!(borrowed.collect::<Vec<_>>(), [true, false, true]);
        let filled = texts.into_iter().map(filled);
        let expected = [
            Some("plain".to_owned()),
            Some("a\tb".to_owned()),
            None,
            None,
        ];
        assert_eq!(filled.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_map_is_sorted_and_has_each_key_once() {
        let map: Map<'_, u8> = json(r#"{"b":1,"a":2,"\u0063":3}"#).unwrap();
        let keys: Vec<&str> = map.0.iter().map(|(key, _)| &**key).collect();
        assert_eq!(keys, ["a", "b", "c"]);
        let wrong = json::<Map<'_, u8>>(r#"{"b":1,"a":2,"\u0062":3}"#).unwrap_err();
        assert!(wrong.reason.contains(r#"key "b" stands twice"#), "{wrong}");
    }

    #[test]
    fn the_best_link_comes_first_and_once() {
        let texts = |list: &[&str]| Some(list.iter().map(|text| (*text).to_owned()).collect());
        let best = || Some(Text("b".into()));
        for (best, others, expected) in [
            (best(), texts(&["a", "b", "", "c"]), vec!["b", "a", "c"]),
            (best(), None, vec!["b"]),
            (None, texts(&["a", "a"]), vec!["a", "a"]),
            (Some(Text("".into())), texts(&["a"]), vec!["a"]),
        ] {
            assert_eq!(links(best, others), expected);
        }
    }

    #[test]
    fn a_score_knows_its_version() {
        for (vector, expected) in [
            (Some("CVSS:3.1/AV:N"), "3.1"),
            (Some("CVSS:4.0/AV:N"), "4.0"),
            (Some("AV:N/AC:L"), "2.0"),
            (Some("CVSS:"), "2.0"),
            (None, "2.0"),
        ] {
            let score = score("nvd", "2.0", 1.0, vector.map(str::to_owned)).unwrap();
            assert_eq!(score.version, expected, "{vector:?}");
        }
        for (number, fits) in [
            (0.0, true),
            (10.0, true),
            (10.01, false),
            (-0.1, false),
            (f64::NAN, false),
        ] {
            assert_eq!(score("nvd", "2.0", number, None).is_ok(), fits, "{number}");
        }
    }
}
