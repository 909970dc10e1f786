//! Pins images of pods to the digests that their tags stand for, so that what was judged is what runs.

use std::collections::{BTreeMap, BTreeSet};

use touchstone_sdk::data;
use touchstone_sdk::prelude::*;

/// The settings.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct PinDigest {
    /// Where the digests are in `data`: an object by reference, `docker.io/library/nginx:1.27`.
    table: String,
    /// What to do about a tag that is not in there.
    unresolved: Act,
    /// The kinds of objects whose images are pinned. Those that a GitOps tool keeps as they are in its repository would be
    /// set back by it.
    kinds: BTreeSet<String>,
    /// The annotation with the references as they were, by container.
    annotation: String,
}

/// What a finding does.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Act {
    /// Says nothing.
    Allow,
    /// Warns.
    Warn,
    /// Denies.
    Deny,
}

impl Default for PinDigest {
    fn default() -> PinDigest {
        PinDigest {
            table: "digests".to_owned(),
            unresolved: Act::Warn,
            kinds: ["Pod".to_owned()].into(),
            annotation: "touchstone.dev/original-images".to_owned(),
        }
    }
}

/// As far as it matters.
#[derive(Deserialize)]
struct Container {
    name: String,
    image: Option<String>,
}

/// References as they were, by container.
type Originals = BTreeMap<String, String>;

impl Policy for PinDigest {
    const KINDS: &'static [&'static str] = &["pod.review"];
    const NEEDS: &'static [touchstone_sdk::Need] = &[("data", "the digests that tags stand for")];

    fn check(&self) -> Vec<Problem> {
        let texts = [("/table", &self.table), ("/annotation", &self.annotation)];
        let empty = texts.into_iter().filter(|(_, text)| text.is_empty());
        let problem = |(path, _): (&str, _)| Problem {
            path: path.to_owned(),
            message: "it is empty".to_owned(),
        };
        empty.map(problem).collect()
    }

    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
        let kind: Option<String> = event.get("/request/kind/kind")?;
        if event.kind != "pod.review" || !kind.is_some_and(|kind| self.kinds.contains(&kind)) {
            return Ok(Outcome::default());
        }
        let (mut outcome, mut patch) = (Outcome::default(), Patch::default());
        let before = self.originals(event, "/request/oldObject")?;
        let mut originals = self.originals(event, "/request/object")?;
        for image in event.images() {
            let is_pinned = image.name()?.digest.is_some();
            let Some(place) = image.place().filter(|_| !is_pinned) else {
                continue;
            };
            let container = container_of(event, &image)?;
            let pinned = match pinned_before(event, &image, &container, &before)? {
                Some(pinned) => Some(pinned),
                None => self.resolve(&image)?,
            };
            match pinned {
                Some(pinned) => {
                    patch.replace(place, pinned);
                    originals.insert(container, image.text.clone());
                }
                None => outcome.findings.extend(self.unresolved(&image)),
            }
        }
        if !patch.is_empty() {
            self.annotate(event, &originals, &mut patch)?;
        }
        Ok(outcome.with_patch(&patch))
    }
}

impl PinDigest {
    /// The references that were written before images were pinned.
    fn originals(&self, event: &Event, object: &str) -> Result<Originals, Undecided> {
        let key = Patch::key(&self.annotation);
        let text = event.get::<Option<String>>(&format!("{object}/metadata/annotations/{key}"))?;
        // Whoever may write the object may write this, too: what makes no sense counts for nothing.
        let read = |text: String| touchstone_sdk::serde_json::from_str(&text).ok();
        Ok(text.flatten().and_then(read).unwrap_or_default())
    }

    /// The reference with the digest that its tag stands for, if that is known.
    fn resolve(&self, image: &Image) -> Result<Option<String>, Undecided> {
        let name = image.name()?;
        let tag = name.tag.as_deref().unwrap_or("latest");
        let key = format!("{}:{tag}", name.full_repository());
        let keys = self.table.split('/').chain([key.as_str()]);
        let digest: Option<String> = data::get(&data::path(keys))?;
        match digest {
            Some(digest) if !is_digest(&digest) => Err(Undecided::new(format!(
                "{}: the digest of {key} is {digest:?}, not sha256:…",
                self.table
            ))),
            digest => Ok(digest.map(|digest| format!("{}@{digest}", image.text))),
        }
    }

    fn unresolved(&self, image: &Image) -> Option<Finding> {
        let level = match self.unresolved {
            Act::Allow => return None,
            Act::Warn => Level::Warn,
            Act::Deny => Level::Deny,
        };
        let message = "nobody knows the digest of this tag, so it may change";
        let finding = Finding::new(level, "unresolved-tag", message).on(&image.text);
        Some(finding.remedy(format!("name a digest, or add it to {}", self.table)))
    }

    fn annotate(
        &self,
        event: &Event,
        originals: &Originals,
        patch: &mut Patch,
    ) -> Result<(), Undecided> {
        let text = touchstone_sdk::serde_json::to_string(originals)?;
        let annotations: Option<Option<BTreeMap<String, String>>> =
            event.get("/request/object/metadata/annotations")?;
        match annotations.flatten() {
            Some(_) => {
                let key = Patch::key(&self.annotation);
                patch.add(&format!("/metadata/annotations/{key}"), text);
            }
            None => patch.add("/metadata/annotations", json!({ &self.annotation: text })),
        }
        Ok(())
    }
}

/// The name of the container, or of the volume, whose image it is.
fn container_of(event: &Event, image: &Image) -> Result<String, Undecided> {
    let image = &image.pointer;
    let container = image
        .strip_suffix("/image/reference")
        .or(image.strip_suffix("/image"));
    event.require(&format!("{}/name", container.unwrap_or_default()))
}

/// The image that the container had before, if the same reference was pinned to it: what is applied again changes nothing.
fn pinned_before(
    event: &Event,
    image: &Image,
    container: &str,
    before: &Originals,
) -> Result<Option<String>, Undecided> {
    let is_volume = image.pointer.ends_with("/reference");
    if is_volume || before.get(container) != Some(&image.text) {
        return Ok(None);
    }
    let old = image
        .pointer
        .replacen("/request/object", "/request/oldObject", 1);
    let list = old.rsplitn(3, '/').last().unwrap_or_default();
    let containers: Vec<Container> = event.get(list)?.unwrap_or_default();
    let same = containers.into_iter().find(|old| old.name == container);
    let pinned = same.and_then(|old| old.image);
    let is_of_it = |pinned: &String| {
        let digest = pinned.strip_prefix(&image.text);
        digest
            .and_then(|rest| rest.strip_prefix('@'))
            .is_some_and(is_digest)
    };
    Ok(pinned.filter(is_of_it))
}

fn is_digest(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:");
    hex.is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

touchstone_sdk::export!(PinDigest);
