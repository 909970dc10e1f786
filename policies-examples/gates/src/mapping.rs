//! Which images a mapping or an image list is about.

use touchstone_sdk::ImageName;
use touchstone_sdk::evidence::Subject;

use crate::gates::Lack;
use crate::pattern::Pattern;

/// Docker Hub has two names, and leaves `library/` out of its own images'.
const DOCKER_HUB: &str = "docker.io";

/// Which images.
#[derive(Debug)]
pub struct Selector {
    /// For people.
    pub name: String,
    /// The registry.
    pub registry: Pattern,
    /// The path below it.
    pub repository: Pattern,
    /// Which of its images.
    pub image: Which,
}

/// Which of a repository's images.
#[derive(Debug)]
pub enum Which {
    /// By tag; or, as it is written, by digest or id.
    Tag(Pattern, String),
    /// By digest.
    Digest(String),
    /// By the digest of the configuration.
    Id(String),
}

/// What an image is called, as far as it is known.
#[derive(Debug, Default)]
pub struct Identity {
    name: Option<ImageName>,
    digests: Vec<String>,
    id: Option<String>,
    text: String,
}

impl Identity {
    /// Of an image of the event.
    pub fn of(subject: &Subject) -> Identity {
        let name = subject
            .image
            .as_ref()
            .and_then(|image| image.name.as_ref().ok())
            .cloned();
        let summary = subject.evidence.as_ref().map(|evidence| &evidence.summary);
        let mut digests = summary
            .map(|summary| summary.digests.clone())
            .unwrap_or_default();
        // The reference's own digest is what is judged.
        if let Some(digest) = name.as_ref().and_then(|name| name.digest.clone()) {
            digests.retain(|other| *other != digest);
            digests.insert(0, digest);
        }
        Identity {
            name,
            digests,
            id: summary.and_then(|summary| summary.id.clone()),
            text: subject.text().to_owned(),
        }
    }

    /// The configuration's digest, as Anchore writes it: without its algorithm. Empty when it is not known.
    pub fn id(&self) -> &str {
        self.id.as_deref().map_or("", bare)
    }

    /// The digest; empty when it is not known.
    pub fn digest(&self) -> &str {
        self.digests.first().map_or("", String::as_str)
    }

    /// `docker.io/library/nginx:1.27`
    pub fn tag(&self) -> String {
        match &self.name {
            None => self.text.clone(),
            Some(name) => match (tag(name), &name.digest) {
                ("", Some(digest)) => format!("{}@{digest}", name.full_repository()),
                (tag, _) => format!("{}:{tag}", name.full_repository()),
            },
        }
    }
}

/// A reference without tag and digest means `latest`; one with a digest has no tag.
fn tag(name: &ImageName) -> &str {
    match (&name.tag, &name.digest) {
        (Some(tag), _) => tag,
        (None, None) => "latest",
        (None, Some(_)) => "",
    }
}

/// Without `sha256:`.
fn bare(digest: &str) -> &str {
    digest.split_once(':').map_or(digest, |(_, hex)| hex)
}

impl Selector {
    /// Whether it is about the image. An error when too little is known of the image to tell.
    pub fn matches(&self, image: &Identity) -> Result<bool, Lack> {
        let is_any = self.registry.is_any() && self.repository.is_any();
        if !is_any && !self.is_of_repository(image)? {
            return Ok(false);
        }
        match &self.image {
            Which::Tag(pattern, _) if pattern.is_any() => Ok(true),
            Which::Tag(pattern, text) => {
                let name = image.name.as_ref().ok_or_else(unnamed)?;
                let id = image.id.as_deref().map(bare);
                Ok(pattern.matches(tag(name))
                    || image.digests.contains(text)
                    || id == Some(bare(text)))
            }
            Which::Digest(_) if image.digests.is_empty() => Err(Lack::of("the image's digest")),
            Which::Digest(digest) => Ok(image.digests.contains(digest)),
            Which::Id(id) => match &image.id {
                Some(known) => Ok(bare(known) == bare(id)),
                None => Err(Lack::of("the image's id")),
            },
        }
    }

    fn is_of_repository(&self, image: &Identity) -> Result<bool, Lack> {
        let name = image.name.as_ref().ok_or_else(unnamed)?;
        if name.registry != DOCKER_HUB {
            return Ok(
                self.registry.matches(&name.registry) && self.repository.matches(&name.repository)
            );
        }
        let path = name.repository.as_str();
        let path = path.strip_prefix("dockerhub/").unwrap_or(path);
        let short = path.strip_prefix("library/").unwrap_or(path);
        let long = match path.contains('/') {
            true => path.to_owned(),
            false => format!("library/{path}"),
        };
        let registry = [DOCKER_HUB, "dockerhub"]
            .iter()
            .any(|name| self.registry.matches(name));
        Ok(registry && (self.repository.matches(short) || self.repository.matches(&long)))
    }
}

fn unnamed() -> Lack {
    Lack::of("the image's name")
}

#[cfg(test)]
mod tests;
