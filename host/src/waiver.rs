//! Waivers: exceptions for findings, each with an owner, a reason and an end. One register for every policy language.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::config::yaml_reason;
use crate::evidence::wildcard;
use crate::grants::ImagePattern;
use crate::image::ImageName;
use crate::model::{Event, Finding, Level, Waived, WaiverState};

/// A waiver as it is written: in YAML files and in requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Waiver {
    /// Names it, once.
    pub id: String,
    /// Which findings, by id: `CVE-2026-1234`, `licence/*`; `CVE-2026-1234+openssl` for one in one package. `*` stands for
    /// any text.
    pub finding: String,
    /// Only those of this policy; `*` stands for any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Only on these images: a pattern as in policy.yaml's `match.images`, or one image with tag or digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Only in this package; `*` stands for any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Only in this file; `*` stands for any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Where it was discussed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// From when on it no longer counts: a time by RFC 3339, or a date, which is the end of that day in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Whether it has no end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub permanent: bool,
}

/// What is wrong with a waiver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaiverError {
    /// A field is wrong.
    #[error("waiver {id:?}: {reason}")]
    Wrong {
        /// Which.
        id: String,
        /// What, and what would be right.
        reason: String,
    },
    /// A file is wrong.
    #[error("{place}: {reason}")]
    File {
        /// Which.
        place: String,
        /// What.
        reason: String,
    },
}

/// A waiver that was checked.
#[derive(Clone, Debug)]
pub struct Checked {
    written: Waiver,
    finding: String,
    package: Option<String>,
    image: Option<Images>,
    expires: Option<Timestamp>,
}

/// Which images a waiver is about.
#[derive(Clone, Debug)]
enum Images {
    Pattern(ImagePattern),
    One(ImageName),
}

impl Images {
    fn parse(text: &str) -> Result<Images, String> {
        let last = text.rsplit('/').next().unwrap_or_default();
        let is_one = text.contains('@') || (last.contains(':') && !text.contains('*'));
        if is_one {
            return ImageName::parse(text)
                .map(Images::One)
                .map_err(|error| error.to_string());
        }
        ImagePattern::parse(text)
            .map(Images::Pattern)
            .map_err(|error| error.to_string())
    }

    fn cover(&self, image: &ImageName) -> bool {
        match self {
            Images::Pattern(pattern) => pattern.matches(image),
            Images::One(one) => {
                let same_name =
                    (&one.registry, &one.repository) == (&image.registry, &image.repository);
                let same = |wanted: &Option<String>, found: &Option<String>| {
                    wanted.is_none() || wanted == found
                };
                // A reference with a digest says nothing about its tag.
                let tag_is_meant = one.digest.is_none() && one.tag.is_some();
                same_name
                    && !(tag_is_meant && image.digest.is_some())
                    && same(&one.tag, &image.tag)
                    && same(&one.digest, &image.digest)
            }
        }
    }
}

impl Waiver {
    /// Checks every field.
    pub fn check(self) -> Result<Checked, WaiverError> {
        let wrong = |reason: String| WaiverError::Wrong {
            id: self.id.chars().take(100).collect(),
            reason,
        };
        let is_id = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if self.id.is_empty() || self.id.len() > 128 || !self.id.chars().all(is_id) {
            return Err(wrong(
                "id: 1 to 128 letters, digits, hyphens, underscores and dots".to_owned(),
            ));
        }
        // `/v1/waivers/check` is something else.
        if self.id == "check" {
            return Err(wrong("id: take another one".to_owned()));
        }
        for (name, text) in [
            ("finding", &self.finding),
            ("owner", &self.owner),
            ("reason", &self.reason),
        ] {
            if text.trim().is_empty() {
                return Err(wrong(format!("{name} is empty")));
            }
        }
        let expires = self.expires.as_deref().map(end).transpose();
        let expires = expires.map_err(|reason| wrong(format!("expires: {reason}")))?;
        match (expires, self.permanent) {
            (None, false) => {
                return Err(wrong(
                    "expires is missing: say when it ends, or permanent: true".to_owned(),
                ));
            }
            (Some(_), true) => {
                return Err(wrong("permanent: true, and yet it expires".to_owned()));
            }
            _ => {}
        }
        let image = self.image.as_deref().map(Images::parse).transpose();
        let image = image.map_err(|reason| wrong(format!("image: {reason}")))?;
        let (finding, package) = match (self.finding.split_once('+'), &self.package) {
            (Some((finding, package)), None) => (finding.to_owned(), Some(package.to_owned())),
            _ => (self.finding.clone(), self.package.clone()),
        };
        Ok(Checked {
            finding,
            package,
            image,
            expires,
            written: self,
        })
    }
}

/// A time, or the end of a day in UTC.
fn end(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if text == "9999-12-31" {
        // The last day that there is has no tomorrow.
        return Ok(Timestamp::MAX);
    }
    let day = text.parse::<Date>().and_then(|day| day.tomorrow());
    let midnight = day.and_then(|day| day.to_zoned(TimeZone::UTC));
    // A time without a zone can be read as a date, too, but it means something else.
    let is_date = text.len() == "2026-12-31".len() && text.matches('-').count() == 2;
    let midnight = midnight.ok().filter(|_| is_date);
    midnight
        .map(|midnight| midnight.timestamp())
        .ok_or_else(|| {
            format!("{text:?} is neither a date such as 2026-12-31 nor a time by RFC 3339")
        })
}

impl Checked {
    /// As it was written.
    pub fn written(&self) -> &Waiver {
        &self.written
    }

    /// When it ends.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// Whether it can be added at a time: one that has expired by then is a mistake. In files those stay, for the record.
    pub fn is_new(&self, now: Timestamp) -> Result<(), WaiverError> {
        match self.expires {
            Some(expires) if now >= expires => Err(WaiverError::Wrong {
                id: self.written.id.clone(),
                reason: format!("expires: {expires} is past"),
            }),
            _ => Ok(()),
        }
    }

    /// Whether it holds at a time: not any more at the second at which it expires.
    pub fn state(&self, now: Timestamp) -> WaiverState {
        match self.expires {
            Some(expires) if now >= expires => WaiverState::Expired,
            _ => WaiverState::Active,
        }
    }

    /// Whether it is about this finding of a policy on these images.
    fn covers(&self, finding: &Finding, policy: &str, images: &[&ImageName]) -> bool {
        let is = |pattern: &Option<String>, text: Option<&str>| {
            pattern
                .as_ref()
                .is_none_or(|pattern| text.is_some_and(|text| wildcard(pattern, text)))
        };
        // Ids such as Anchore's name the package themselves.
        let by_whole_id =
            self.written.package.is_none() && wildcard(&self.written.finding, &finding.id);
        let by_parts =
            wildcard(&self.finding, &finding.id) && is(&self.package, finding.package.as_deref());
        (by_whole_id || by_parts)
            && is(&self.written.policy, Some(policy))
            && is(&self.written.path, finding.path.as_deref())
            && self.image.as_ref().is_none_or(|wanted| {
                !images.is_empty() && images.iter().all(|image| wanted.cover(image))
            })
    }

    fn note(&self, now: Timestamp) -> Waived {
        let Waiver {
            id,
            owner,
            reason,
            ticket,
            ..
        } = self.written.clone();
        Waived {
            id,
            state: self.state(now),
            owner,
            reason,
            ticket,
            expires: self.expires,
        }
    }
}

/// Waivers that hold together.
#[derive(Clone, Debug, Default)]
pub struct Waivers(BTreeMap<String, Checked>);

impl Waivers {
    /// Of these. An id that stands twice is an error.
    pub fn of(waivers: Vec<Waiver>) -> Result<Waivers, WaiverError> {
        let mut checked = BTreeMap::new();
        for waiver in waivers {
            let waiver = waiver.check()?;
            let id = waiver.written.id.clone();
            if checked.insert(id.clone(), waiver).is_some() {
                return Err(WaiverError::Wrong {
                    id,
                    reason: "the id stands twice".to_owned(),
                });
            }
        }
        Ok(Waivers(checked))
    }

    /// All, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Checked> {
        self.0.values()
    }

    /// The one of that id.
    pub fn get(&self, id: &str) -> Option<&Checked> {
        self.0.get(id)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Notes on each finding that asks for something the waiver that covers it. A waiver that holds comes before one that has
/// expired.
pub fn apply(
    registers: &[&Waivers],
    findings: &mut [Finding],
    policy: &str,
    event: &Event,
    now: Timestamp,
) {
    if registers.iter().all(|register| register.is_empty()) {
        return;
    }
    for finding in findings
        .iter_mut()
        .filter(|finding| finding.level > Level::Info)
    {
        let Some(images) = concerned(finding, event) else {
            continue;
        };
        let covering = registers
            .iter()
            .flat_map(|register| register.iter())
            .filter(|waiver| waiver.covers(finding, policy, &images));
        let best = covering.min_by_key(|waiver| {
            (
                waiver.state(now) == WaiverState::Expired,
                &waiver.written.id,
            )
        });
        finding.waiver = best.map(|waiver| waiver.note(now));
    }
}

/// The images that a finding is about: the one that it names, or else all of the event's. Nothing, when one of them is no
/// image reference: no waiver can be about that.
fn concerned<'a>(finding: &Finding, event: &'a Event) -> Option<Vec<&'a ImageName>> {
    let about = event.images.iter().filter(|image| {
        finding
            .image
            .as_ref()
            .is_none_or(|named| *named == image.text)
    });
    about.map(|image| image.name.as_ref().ok()).collect()
}

/// The waivers in a YAML file: a list, or `waivers:` with one.
pub fn parse(path: &Path, text: &str) -> Result<Vec<Waiver>, WaiverError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Listed {
        waivers: Vec<Waiver>,
    }
    let file = |reason: String| WaiverError::File {
        place: path.display().to_string(),
        reason,
    };
    let is_list = text
        .lines()
        .map(str::trim_start)
        .find(|line| !line.is_empty() && !line.starts_with('#') && *line != "---")
        .is_none_or(|line| line.starts_with('-') || line.starts_with('['));
    if is_list {
        serde_saphyr::from_str::<Option<Vec<Waiver>>>(text)
            .map(Option::unwrap_or_default)
            .map_err(|error| file(yaml_reason(&error)))
    } else {
        serde_saphyr::from_str::<Listed>(text)
            .map(|listed| listed.waivers)
            .map_err(|error| file(yaml_reason(&error)))
    }
}

/// The waivers in the YAML files of folders, and those files.
pub fn load(
    folders: &[std::path::PathBuf],
) -> Result<(Waivers, Vec<std::path::PathBuf>), WaiverError> {
    let mut files = Vec::new();
    for folder in folders {
        let broken = |error: std::io::Error| WaiverError::File {
            place: folder.display().to_string(),
            reason: error.to_string(),
        };
        for entry in std::fs::read_dir(folder).map_err(broken)? {
            let path = entry.map_err(broken)?.path();
            let is_yaml = path
                .extension()
                .is_some_and(|extension| extension == "yaml" || extension == "yml");
            let is_hidden = path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if is_yaml && !is_hidden && path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    let mut all = Vec::new();
    for path in &files {
        let text = std::fs::read_to_string(path).map_err(|error| WaiverError::File {
            place: path.display().to_string(),
            reason: error.to_string(),
        })?;
        all.extend(parse(path, &text)?);
    }
    Ok((Waivers::of(all)?, files))
}
