//! What is known of images: the reports that were kept, merged when somebody asks.

use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::data::hex;
use crate::evidence::{Evidence, Identity, beside, merge};
use crate::image::ImageName;
use crate::model::Event;
use crate::store::reports::Report;
use crate::store::{Store, StoreError};

/// Images whose merged evidence is held ready.
const HELD: u64 = 256;
/// MiB of reports that are read at the same time; what is larger is read alone.
const READ_AT_ONCE: u32 = 32;
/// What takes long enough to read, in bytes, that a worker thread should not be kept from other work by it.
const LONG: usize = 64 << 10;

/// How evidence was found for an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    /// It came with the event.
    Event,
    /// By the digest in the image reference.
    Digest,
    /// By name and tag: it is about the image that the tag meant when the report was made.
    Tag,
}

impl FoundBy {
    /// As it is written in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            FoundBy::Event => "event",
            FoundBy::Digest => "digest",
            FoundBy::Tag => "tag",
        }
    }
}

/// What is known of one image.
#[derive(Clone, Debug)]
pub struct Known {
    /// From all reports together.
    pub evidence: Arc<Evidence>,
    /// How it was found.
    pub found_by: FoundBy,
}

/// What is known of images.
pub struct Knowledge {
    store: Arc<dyn Store>,
    held: Cache<String, Option<Known>>,
    /// How often what is kept has changed.
    changes: RwLock<u64>,
    /// In MiB.
    reading: Semaphore,
}

/// Why a report is not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// Nobody would find it again.
    #[error("the report names no image: say which one, by ?image=NAME@sha256:… or --image")]
    NoImage,
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// `sha256:…`, which names what it tells, and of which image.
    pub digest: String,
    /// The images that it is kept for: digests, and names as `registry/repository:tag`.
    pub images: Vec<String>,
    /// Whether it is the latest of its kind for any of them; an older one changes nothing.
    pub is_latest: bool,
}

impl Knowledge {
    /// Of what a store keeps.
    pub fn new(store: Arc<dyn Store>) -> Knowledge {
        Knowledge {
            store,
            held: Cache::new(HELD),
            changes: RwLock::default(),
            reading: Semaphore::new(READ_AT_ONCE as usize),
        }
    }

    /// Reads what may be reports, of a [`weight`]. Others are answered meanwhile; but no more is read at the same time
    /// than there is memory for.
    pub async fn reading<T>(&self, bytes: usize, read: impl FnOnce() -> T) -> T {
        if bytes < LONG {
            return read();
        }
        let mebibytes = u32::try_from(bytes >> 20).unwrap_or(u32::MAX);
        let mebibytes = mebibytes.clamp(1, READ_AT_ONCE);
        // Nobody closes it.
        let _permit = self.reading.acquire_many(mebibytes).await.ok();
        tokio::task::block_in_place(read)
    }

    /// Keeps reports that came together, all or none of them.
    pub async fn keep(&self, parts: &mut [Arc<Evidence>]) -> Result<Vec<Kept>, KeepError> {
        let now = Timestamp::now();
        let reports: Option<Vec<Report>> = parts
            .iter_mut()
            .map(|part| report(Arc::make_mut(part), now))
            .collect();
        let reports = reports.ok_or(KeepError::NoImage)?;
        let latest = self.store.keep_reports(&reports).await?;
        self.forget_held();
        let kept = reports.into_iter().zip(latest);
        Ok(kept
            .map(|(report, is_latest)| Kept {
                digest: report.digest,
                images: report.images,
                is_latest,
            })
            .collect())
    }

    /// Forgets what is known of an image; answers how many reports were about it.
    pub async fn forget(&self, image: &str) -> Result<u64, StoreError> {
        let gone = self.store.forget_image(image).await?;
        self.forget_held();
        Ok(gone)
    }

    /// What is known of each image of an event, and of what the event, which is a report, is about. `own` are the digests
    /// under which the event's own reports were kept just now.
    pub async fn of_event(
        &self,
        event: &Event,
        own: &[String],
    ) -> Result<Vec<Option<Known>>, StoreError> {
        let mut known = Vec::with_capacity(event.images.len());
        for image in &event.images {
            known.push(match &image.name {
                Ok(name) => self.of(name).await?,
                Err(_) => None,
            });
        }
        if !event.evidence.is_empty() {
            let own = self.with_kept(&event.evidence, own).await?;
            match known.first_mut() {
                Some(first) => *first = Some(own),
                None => known.push(Some(own)),
            }
        }
        Ok(known)
    }

    /// What is known of the image that somebody means by a reference or a bare digest.
    pub async fn of_text(&self, text: &str) -> Result<Option<Known>, StoreError> {
        if is_digest(text) {
            return self.by_digest(text).await;
        }
        match ImageName::parse(text) {
            Ok(name) => self.of(&name).await,
            Err(_) => Ok(None),
        }
    }

    /// What reports that are an event tell, with what was known before of the same image: by digest, when they tell it.
    async fn with_kept(
        &self,
        own: &[Arc<Evidence>],
        digests: &[String],
    ) -> Result<Known, StoreError> {
        let mut keys: Vec<String> = own.iter().flat_map(|part| keys(&part.image)).collect();
        if keys.iter().any(|key| is_digest(key)) {
            keys.retain(|key| is_digest(key));
        }
        let kept = match keys.as_slice() {
            [] => Vec::new(),
            [tag] if !is_digest(tag) => self.tagged_parts(tag, digests).await?,
            keys => self.parts(keys, digests).await?,
        };
        let kept = beside(own, kept);
        let evidence = match (own, kept.is_empty()) {
            ([only], true) => Arc::clone(only),
            _ => {
                let own = own.iter().map(|part| part.as_ref().clone());
                Arc::new(merge(own.chain(kept).collect()))
            }
        };
        Ok(Known {
            evidence,
            found_by: FoundBy::Event,
        })
    }

    /// What is known of an image.
    pub async fn of(&self, name: &ImageName) -> Result<Option<Known>, StoreError> {
        let key = match &name.digest {
            Some(digest) => digest.clone(),
            None => tagged(name),
        };
        if let Some(held) = self.held.get(&key) {
            return Ok(held);
        }
        let before = *self.changes.read().unwrap_or_else(PoisonError::into_inner);
        let known = match &name.digest {
            Some(digest) => self.by_digest(digest).await?,
            None => self.by_tag(&key).await?,
        };
        // What was read before a change must not be held after it.
        let changes = self.changes.read().unwrap_or_else(PoisonError::into_inner);
        if *changes == before {
            self.held.insert(key, known.clone());
        }
        Ok(known)
    }

    fn forget_held(&self) {
        let mut changes = self.changes.write().unwrap_or_else(PoisonError::into_inner);
        *changes += 1;
        self.held.invalidate_all();
    }

    async fn by_digest(&self, digest: &str) -> Result<Option<Known>, StoreError> {
        let parts = self.parts(&[digest.to_owned()], &[]).await?;
        Ok(together(parts, FoundBy::Digest))
    }

    async fn by_tag(&self, tag: &str) -> Result<Option<Known>, StoreError> {
        let parts = self.tagged_parts(tag, &[]).await?;
        Ok(together(parts, FoundBy::Tag))
    }

    /// The tag means what it meant when the latest report about it was made: what was reported of other digests under
    /// the same tag is about other images.
    async fn tagged_parts(
        &self,
        tag: &str,
        except: &[String],
    ) -> Result<Vec<Evidence>, StoreError> {
        let mut named = self.parts(&[tag.to_owned()], except).await?;
        let latest = named
            .iter()
            .filter(|part| !part.image.digests.is_empty())
            .max_by_key(|part| part.time());
        let Some(latest) = latest.or(named.iter().max_by_key(|part| part.time())) else {
            return Ok(named);
        };
        let image = latest.image.clone();
        named.retain(|part| image.contradicts(&part.image).is_none());
        let digests = image.digests;
        if digests.is_empty() {
            return Ok(named);
        }
        named.retain(|part| part.image.digests.is_empty());
        named.extend(self.parts(&digests, except).await?);
        Ok(named)
    }

    async fn parts(
        &self,
        images: &[String],
        except: &[String],
    ) -> Result<Vec<Evidence>, StoreError> {
        let reports = self.store.reports_about(images, except).await?;
        reports
            .into_iter()
            .map(|report| {
                let evidence = serde_json::from_str(&report.body);
                let mut evidence: Evidence = evidence.map_err(|error| {
                    StoreError::Unavailable(format!("report {}: {error}", report.digest))
                })?;
                for told in &mut evidence.reports {
                    told.received = Some(report.received);
                }
                evidence.attribute();
                Ok(evidence)
            })
            .collect()
    }
}

/// How many bytes a body is about, when it may be compressed: reports grow about sixteen times.
pub fn weight(body: &[u8]) -> usize {
    let growth = if body.starts_with(&[0x1f, 0x8b]) {
        16
    } else {
        1
    };
    body.len().saturating_mul(growth)
}

fn together(parts: Vec<Evidence>, found_by: FoundBy) -> Option<Known> {
    (!parts.is_empty()).then(|| Known {
        evidence: Arc::new(merge(parts)),
        found_by,
    })
}

/// As it is kept; nothing when nobody would find it again.
fn report(evidence: &mut Evidence, now: Timestamp) -> Option<Report> {
    for report in &mut evidence.reports {
        report.received = None;
    }
    // Plain data: writing it as JSON cannot fail.
    let body = serde_json::to_string(evidence).unwrap_or_default();
    // What it tells, and of which image: what a report says of its own digest is only its word.
    let digest = hex(&Sha256::digest(&body));
    for report in &mut evidence.reports {
        report.received = Some(now);
    }
    let images = keys(&evidence.image);
    let first = evidence.reports.first()?;
    (!images.is_empty()).then(|| Report {
        digest: format!("sha256:{digest}"),
        lineage: evidence.lineage(),
        format: first.format.clone(),
        tool: first.tool.clone(),
        scanned: evidence.time().unwrap_or(now),
        received: now,
        images,
        body,
    })
}

/// OCI image specification, `descriptor.md`: the two registered algorithms.
fn is_digest(key: &str) -> bool {
    let is_hex = |text: &str, length: usize| {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        text.len() == length && text.bytes().all(hex)
    };
    match key.split_once(':') {
        Some(("sha256", rest)) => is_hex(rest, 64),
        Some(("sha512", rest)) => is_hex(rest, 128),
        _ => false,
    }
}

/// What an image is kept and found under when it is not by digest.
fn tagged(name: &ImageName) -> String {
    let tag = name.tag.as_deref().unwrap_or("latest");
    format!("{}/{}:{tag}", name.registry, name.repository)
}

/// Under which names evidence is kept.
fn keys(image: &Identity) -> Vec<String> {
    let mut keys = image.digests.clone();
    keys.retain(|digest| is_digest(digest));
    for name in &image.names {
        if let Ok(name) = ImageName::parse(name) {
            keys.extend(name.digest.clone());
            // A reference with a digest says nothing about its tag.
            if name.digest.is_none() {
                keys.push(tagged(&name));
            }
        }
    }
    keys.sort();
    keys.dedup();
    keys
}

/// The key that somebody means by an image reference or a bare digest.
pub fn key_of(text: &str) -> Option<String> {
    if is_digest(text) {
        return Some(text.to_owned());
    }
    let name = ImageName::parse(text).ok()?;
    Some(match &name.digest {
        Some(digest) => digest.clone(),
        None => tagged(&name),
    })
}
