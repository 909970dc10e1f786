//! What a policy may use: patterns over the segments of a resource's name. Also used to match namespaces and images.

use std::collections::BTreeMap;
use std::fmt;

use crate::image::{ImageName, is_path_component, names_registry, parse_registry};

/// A pattern, matched segment by segment. `*` is one whole segment, and as the last segment one or more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern {
    text: String,
    segments: Vec<String>,
}

/// Why a text is not a pattern.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PatternError {
    /// Nothing there.
    #[error("an empty pattern matches nothing: write `*` for everything")]
    Empty,
    /// `team-*`: a reader would expect it to match, and it never would.
    #[error("`{segment}` in pattern {pattern:?}: `*` stands for a whole segment only")]
    PartialStar {
        /// The whole pattern.
        pattern: String,
        /// The segment at fault.
        segment: String,
    },
    /// `nginx:1.27`
    #[error("image pattern {0:?} names a tag or digest: patterns name registries and repositories")]
    TagInImage(String),
    /// `Nginx/*`: no image is called so.
    #[error("image pattern {pattern:?} can match nothing: {reason}")]
    Image {
        /// The whole pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Pattern {
    /// Parses `clair/*`: segments separated by slashes.
    pub fn parse(text: &str) -> Result<Pattern, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        let segments: Vec<String> = text.split('/').map(str::to_owned).collect();
        match segments
            .iter()
            .find(|segment| segment.contains('*') && *segment != "*")
        {
            Some(segment) => Err(PatternError::PartialStar {
                pattern: text.to_owned(),
                segment: segment.clone(),
            }),
            None => Ok(Pattern {
                text: text.to_owned(),
                segments,
            }),
        }
    }

    /// Whether it covers a name of these segments.
    pub fn matches<'a>(&self, name: impl IntoIterator<Item = &'a str>) -> bool {
        let mut name = name.into_iter();
        let mut pattern = self.segments.iter().peekable();
        while let Some(segment) = pattern.next() {
            let Some(part) = name.next() else {
                return false;
            };
            match segment.as_str() {
                "*" if pattern.peek().is_none() => return true,
                "*" => {}
                exact if exact == part => {}
                _ => return false,
            }
        }
        name.next().is_none()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A pattern over normalised image names, without tag and digest: `registry.example.com/*`. As in references, a
/// pattern that names no registry means Docker Hub: `library/*` is `docker.io/library/*`; `*` is every image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagePattern(Pattern);

impl ImagePattern {
    /// Parses a pattern. Its parts are normalised as those of images are; one that could match none is refused.
    pub fn parse(text: &str) -> Result<ImagePattern, PatternError> {
        let wrong = |reason: String| PatternError::Image {
            pattern: text.to_owned(),
            reason,
        };
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        let last = text.rsplit('/').next().unwrap_or_default();
        if text.contains('@') || last.contains(':') {
            return Err(PatternError::TagInImage(text.to_owned()));
        }
        let (registry, path) = match text.split_once('/') {
            Some(("*", path)) => ("*".to_owned(), path),
            Some((first, path)) if names_registry(first) => (
                parse_registry(first).map_err(|error| wrong(error.to_string()))?,
                path,
            ),
            None if text == "*" => return Ok(ImagePattern(Pattern::parse("*")?)),
            _ => ("docker.io".to_owned(), text),
        };
        if let Some(part) = path
            .split('/')
            .find(|part| !part.contains('*') && !is_path_component(part))
        {
            return Err(wrong(format!("{part:?} is no part of a repository's path")));
        }
        let library = registry == "docker.io" && !path.contains('/') && path != "*";
        let full = if library {
            format!("{registry}/library/{path}")
        } else {
            format!("{registry}/{path}")
        };
        Ok(ImagePattern(Pattern::parse(&full)?))
    }

    /// Whether it covers the image, whatever its tag and digest.
    pub fn matches(&self, image: &ImageName) -> bool {
        self.0
            .matches(std::iter::once(image.registry.as_str()).chain(image.repository.split('/')))
    }
}

/// What a policy was granted: patterns by capability.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(BTreeMap<String, Vec<Pattern>>);

impl Grants {
    /// From parsed patterns.
    pub fn new(grants: BTreeMap<String, Vec<Pattern>>) -> Grants {
        Grants(grants)
    }

    /// Whether the capability is granted at all.
    pub fn contains(&self, capability: &str) -> bool {
        self.0
            .get(capability)
            .is_some_and(|patterns| !patterns.is_empty())
    }

    /// Whether the capability may be used on a resource of these segments.
    pub fn permits<'a>(
        &self,
        capability: &str,
        resource: impl IntoIterator<Item = &'a str> + Clone,
    ) -> bool {
        self.0.get(capability).is_some_and(|patterns| {
            patterns
                .iter()
                .any(|pattern| pattern.matches(resource.clone()))
        })
    }

    /// The capabilities named, with their patterns.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Pattern])> {
        self.0
            .iter()
            .map(|(name, patterns)| (name.as_str(), patterns.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_segment_by_segment() {
        for (pattern, name, expected) in [
            ("clair/*", "clair/layers", true),
            ("clair/*", "clair/layers/sha256:ab", true),
            ("clair/*", "clair", false),
            ("clair/*", "clairvoyant/x", false),
            ("clair/*", "docker/clair/x", false),
            ("clair/*/b", "clair/a/b", true),
            ("clair/*/b", "clair/a/c/b", false),
            ("clair/*/b", "clair/a", false),
            ("a", "a", true),
            ("a", "a/b", false),
            ("*", "a/b/c", true),
            ("a/../b", "b", false),
            ("a/*", "a/../b", true),
        ] {
            let pattern = Pattern::parse(pattern).unwrap();
            assert_eq!(
                pattern.matches(name.split('/')),
                expected,
                "{pattern} on {name}"
            );
        }
        assert!(!Pattern::parse("*").unwrap().matches([]));
    }

    #[test]
    fn a_star_within_a_segment_is_refused() {
        assert!(matches!(
            Pattern::parse("team-*"),
            Err(PatternError::PartialStar { .. })
        ));
        assert!(matches!(
            Pattern::parse("a/**"),
            Err(PatternError::PartialStar { .. })
        ));
        assert_eq!(Pattern::parse(""), Err(PatternError::Empty));
    }

    #[test]
    fn image_patterns_know_docker_hub() {
        for (pattern, image, expected) in [
            ("*", "nginx", true),
            ("nginx", "nginx:1.27", true),
            ("nginx", "docker.io/library/nginx", true),
            ("library/*", "nginx", true),
            ("library/*", "openpolicyagent/opa", false),
            ("docker.io/*", "openpolicyagent/opa", true),
            ("registry.example.com/*", "registry.example.com/a/b:c", true),
            (
                "registry.example.com/*",
                "registry.example.com:5000/a",
                false,
            ),
            (
                "registry.example.com:5000/*",
                "registry.example.com:5000/a",
                true,
            ),
            (
                "registry.example.com/*",
                "registry.example.com.evil.com/a",
                false,
            ),
            (
                "registry.example.com/*/web",
                "registry.example.com/shop/web",
                true,
            ),
            ("*/shop/web", "ghcr.io/shop/web", true),
            ("Registry.Example.com/*", "registry.example.com/a", true),
            ("registry.example.com/*", "registry.example.com:443/a", true),
            ("docker.io/nginx", "nginx", true),
            ("index.docker.io/*", "nginx", true),
        ] {
            let matches = ImagePattern::parse(pattern)
                .unwrap()
                .matches(&ImageName::parse(image).unwrap());
            assert_eq!(matches, expected, "{pattern} on {image}");
        }
        for pattern in ["Nginx", "ghcr.io/A/b", "-x.io/a", "a//b"] {
            assert!(
                matches!(
                    ImagePattern::parse(pattern),
                    Err(PatternError::Image { .. })
                ),
                "{pattern}"
            );
        }
        for pattern in ["nginx:1.27", "ghcr.io/a:b", "a@sha256:ab"] {
            assert!(
                matches!(
                    ImagePattern::parse(pattern),
                    Err(PatternError::TagInImage(_))
                ),
                "{pattern}"
            );
        }
    }

    #[test]
    fn nothing_is_permitted_that_was_not_granted() {
        let data = vec![Pattern::parse("clair/*").unwrap()];
        let grants = Grants::new([("data".to_owned(), data), ("clock".to_owned(), vec![])].into());
        assert!(grants.contains("data") && grants.permits("data", ["clair", "x"]));
        assert!(!grants.permits("data", ["docker", "x"]) && !grants.permits("data", []));
        assert!(
            !grants.contains("clock")
                && !grants.permits("clock", ["now"])
                && !grants.contains("http")
        );
    }
}
