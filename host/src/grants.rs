//! What a policy may use: patterns over the segments of a resource's name. Also used to match namespaces and images.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::address::{self, AddressError};
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
    /// `ok.example.com/*` for `webhook`: no URL looks like that.
    #[error("pattern {pattern:?}: {reason}")]
    Notation {
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
        Pattern::from_segments(text, text.split('/'))
    }

    fn from_segments<'a>(
        text: &str,
        segments: impl IntoIterator<Item = &'a str>,
    ) -> Result<Pattern, PatternError> {
        let segments: Vec<String> = segments.into_iter().map(str::to_owned).collect();
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

/// How a capability's resources are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notation {
    /// `clair/layers`: segments separated by slashes.
    Path,
    /// `https://hooks.example.com/a`: scheme, host with port, path.
    Url,
    /// `exchange/routing.key`: two segments, whatever the key holds.
    Message,
    /// `local@domain`: two segments.
    Address,
    /// `/spec/containers/*/image`: an RFC 6901 pointer.
    Pointer,
}

/// Which notation a capability has.
fn notation(capability: &str) -> Notation {
    match capability {
        "http" | "webhook" => Notation::Url,
        "queue" => Notation::Message,
        "notify" => Notation::Address,
        "patch" => Notation::Pointer,
        _ => Notation::Path,
    }
}

impl Pattern {
    /// Parses a pattern in the notation of a capability. `*` alone is everything in each.
    pub fn of(capability: &str, text: &str) -> Result<Pattern, PatternError> {
        if text == "*" {
            return Pattern::parse(text);
        }
        let wrong = |reason: String| PatternError::Notation {
            pattern: text.to_owned(),
            reason,
        };
        match notation(capability) {
            Notation::Path => Pattern::parse(text),
            Notation::Pointer if text.starts_with('/') => Pattern::parse(text),
            Notation::Pointer => Err(wrong(
                "write a place in the object: /spec/containers/*/image".to_owned(),
            )),
            Notation::Url => {
                let url = address::parse(text).map_err(|error| wrong(error.to_string()))?;
                if url.query().is_some() {
                    return Err(wrong("the query does not count: leave it out".to_owned()));
                }
                // `https://*` is every host with every path.
                let all = text.ends_with("//*");
                let shown = if all {
                    url.as_str().trim_end_matches('/')
                } else {
                    url.as_str()
                };
                Pattern::parse(shown)
            }
            Notation::Message => match text.split_once('/') {
                Some((exchange, key)) => Pattern::from_segments(text, [exchange, key]),
                None => Err(wrong(
                    "write exchange/routing.key, or exchange/*".to_owned(),
                )),
            },
            Notation::Address => match text.rsplit_once('@') {
                Some((local, domain)) => {
                    Pattern::from_segments(text, [local, &domain.to_ascii_lowercase()])
                }
                None => Err(wrong("write local@domain, or *@domain".to_owned())),
            },
        }
    }
}

/// What a host call is about, as the guest named it.
#[derive(Clone, Copy, Debug)]
pub enum Resource<'a> {
    /// Segments separated by slashes.
    Path(&'a str),
    /// A URL, and the credentials that are to go with it.
    Url {
        /// As the guest wrote it.
        url: &'a str,
        /// Their name in touchstone.yaml.
        credentials: Option<&'a str>,
    },
    /// An AMQP exchange and routing key.
    Message {
        /// Empty for the default one.
        exchange: &'a str,
        /// One key.
        routing_key: &'a str,
    },
    /// A mail address.
    Address(&'a str),
}

impl fmt::Display for Resource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Resource::Path(text) | Resource::Address(text) => f.write_str(text),
            Resource::Url { url, credentials } => match credentials {
                Some(name) => write!(f, "{url} with credentials {name}"),
                None => f.write_str(url),
            },
            Resource::Message {
                exchange,
                routing_key,
            } => write!(f, "{exchange}/{routing_key}"),
        }
    }
}

/// One thing that a policy may do, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// On what.
    pub pattern: Pattern,
    /// Calls in one decision at most.
    pub per_decision: Option<u32>,
    /// Calls in a minute at most, over all decisions.
    pub per_minute: Option<u32>,
    /// What a grant of `http` or `webhook` may also say.
    pub web: WebTerms,
}

/// What grants of URLs say besides the pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebTerms {
    /// Names of credentials in touchstone.yaml that may be sent there.
    pub credentials: Vec<String>,
    /// Whether addresses of this machine and of private networks may be reached.
    pub allow_private: bool,
    /// How long an answer is kept.
    pub ttl: Option<Duration>,
    /// The largest answer, in bytes.
    pub size: Option<u64>,
}

impl Grant {
    /// Without budgets and other terms.
    pub fn new(pattern: Pattern) -> Grant {
        Grant {
            pattern,
            per_decision: None,
            per_minute: None,
            web: WebTerms::default(),
        }
    }

    fn covers(&self, resource: &Resource<'_>, url: Option<&Url>) -> bool {
        match resource {
            Resource::Path(text) => self.pattern.matches(text.split('/')),
            Resource::Message {
                exchange,
                routing_key,
            } => self.pattern.matches([*exchange, *routing_key]),
            Resource::Address(text) => text.rsplit_once('@').is_some_and(|(local, domain)| {
                self.pattern.matches([local, &domain.to_ascii_lowercase()])
            }),
            Resource::Url { credentials, .. } => {
                let listed = |name: &str| self.web.credentials.iter().any(|listed| listed == name);
                url.is_some_and(|url| self.pattern.matches(address::segments(url)))
                    && credentials.is_none_or(listed)
            }
        }
    }
}

/// What a policy was granted, by capability.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants(BTreeMap<String, Vec<Arc<Grant>>>);

impl Grants {
    /// From parsed grants.
    pub fn new(grants: BTreeMap<String, Vec<Grant>>) -> Grants {
        let shared = |grants: Vec<Grant>| grants.into_iter().map(Arc::new).collect();
        Grants(
            grants
                .into_iter()
                .map(|(name, grants)| (name, shared(grants)))
                .collect(),
        )
    }

    /// Whether the capability is named at all: a module may import it then, even if `[]` grants it for nothing.
    pub fn names(&self, capability: &str) -> bool {
        self.0.contains_key(capability)
    }

    /// Whether the capability is granted for anything.
    pub fn contains(&self, capability: &str) -> bool {
        self.0
            .get(capability)
            .is_some_and(|grants| !grants.is_empty())
    }

    /// The first grant that covers the resource; an error when the resource is not one.
    pub fn find(
        &self,
        capability: &str,
        resource: &Resource<'_>,
    ) -> Result<Option<&Arc<Grant>>, AddressError> {
        let url = match resource {
            Resource::Url { url, .. } => Some(address::parse(url)?),
            _ => None,
        };
        let grants = self
            .0
            .get(capability)
            .map(Vec::as_slice)
            .unwrap_or_default();
        Ok(grants
            .iter()
            .find(|grant| grant.covers(resource, url.as_ref())))
    }

    /// Whether a grant covers the resource.
    pub fn permits(&self, capability: &str, resource: &Resource<'_>) -> bool {
        matches!(self.find(capability, resource), Ok(Some(_)))
    }

    /// The capabilities named, with their grants.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Arc<Grant>])> {
        self.0
            .iter()
            .map(|(name, grants)| (name.as_str(), grants.as_slice()))
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

    fn grants(capability: &str, patterns: &[&str]) -> Grants {
        let grants = patterns
            .iter()
            .map(|text| Grant::new(Pattern::of(capability, text).unwrap()));
        Grants::new([(capability.to_owned(), grants.collect())].into())
    }

    #[test]
    fn nothing_is_permitted_that_was_not_granted() {
        let data = grants("data", &["clair/*"]);
        assert!(data.contains("data") && data.permits("data", &Resource::Path("clair/x")));
        assert!(
            !data.permits("data", &Resource::Path("docker/x"))
                && !data.permits("data", &Resource::Path(""))
        );
        let none = grants("clock", &[]);
        assert!(
            !none.contains("clock")
                && !none.permits("clock", &Resource::Path("now"))
                && !none.contains("http")
        );
    }

    #[test]
    fn urls_are_matched_as_they_are_sent() {
        for (pattern, url, expected) in [
            (
                "https://ok.example.com/*",
                "https://ok.example.com/a/b?c=d",
                true,
            ),
            ("https://ok.example.com/*", "https://ok.example.com", true),
            (
                "https://OK.example.com:443/*",
                "https://ok.EXAMPLE.com/a",
                true,
            ),
            (
                "https://bücher.example/*",
                "https://xn--bcher-kva.example/a",
                true,
            ),
            (
                "https://ok.example.com/*",
                "https://ok.example.com.evil.com/a",
                false,
            ),
            (
                "https://ok.example.com/*",
                "https://ok.example.com@evil.com/a",
                false,
            ),
            (
                "https://ok.example.com/*",
                "https://ok.example.com%2f@evil.com/a",
                false,
            ),
            ("https://ok.example.com/*", "http://ok.example.com/a", false),
            (
                "https://ok.example.com/*",
                "https://ok.example.com:8443/a",
                false,
            ),
            (
                "https://ok.example.com/hooks/*",
                "https://ok.example.com/hooks/../admin",
                false,
            ),
            (
                "https://ok.example.com/hooks/*",
                "https://ok.example.com/hooks/%2e%2e/admin",
                false,
            ),
            (
                "https://ok.example.com/hooks/*",
                "https://ok.example.com/hooks/..%2fadmin",
                false,
            ),
            (
                "https://ok.example.com/hook",
                "https://ok.example.com/hook?x=1",
                true,
            ),
            (
                "https://ok.example.com/hook",
                "https://ok.example.com/hook/x",
                false,
            ),
            ("https://ok.example.com", "https://ok.example.com/", true),
            ("https://ok.example.com", "https://ok.example.com/x", false),
            ("https://*/hook", "https://any.example.com/hook", true),
            ("https://*", "https://any.example.com/a/b", true),
            ("https://*", "http://any.example.com/", false),
            ("*", "http://any.example.com:8080/a", true),
            ("*", "ftp://any.example.com/a", false),
            ("http://127.0.0.1/*", "http://2130706433/a", true),
            (
                "http://[::1]:8080/*",
                "http://[0:0:0:0:0:0:0:1]:8080/a",
                true,
            ),
        ] {
            let resource = Resource::Url {
                url,
                credentials: None,
            };
            assert_eq!(
                grants("http", &[pattern]).permits("http", &resource),
                expected,
                "{pattern} on {url}"
            );
        }
        for pattern in [
            "ok.example.com/*",
            "https://*.example.com/*",
            "ftp://ok/*",
            "https://a@b/*",
            "https://ok/?a=*",
            "https://ok/#*",
        ] {
            assert!(Pattern::of("http", pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn credentials_go_only_where_a_grant_lists_them() {
        let mut grant = Grant::new(Pattern::of("webhook", "https://ok.example.com/*").unwrap());
        grant.web.credentials = vec!["hooks".to_owned()];
        let grants = Grants::new([("webhook".to_owned(), vec![grant])].into());
        let with = |credentials| Resource::Url {
            url: "https://ok.example.com/a",
            credentials,
        };
        assert!(
            grants.permits("webhook", &with(Some("hooks")))
                && grants.permits("webhook", &with(None))
        );
        assert!(!grants.permits("webhook", &with(Some("other"))));
    }

    #[test]
    fn messages_and_addresses_have_two_segments() {
        for (pattern, exchange, routing_key, expected) in [
            ("events/image.denied", "events", "image.denied", true),
            ("events/image.denied", "events", "image.allowed", false),
            ("events/*", "events", "a/b", true),
            ("/alarms", "", "alarms", true),
            ("/alarms", "events", "alarms", false),
            ("*/alarms", "any", "alarms", true),
            ("events/*", "event", "s/x", false),
        ] {
            let resource = Resource::Message {
                exchange,
                routing_key,
            };
            assert_eq!(
                grants("queue", &[pattern]).permits("queue", &resource),
                expected,
                "{pattern} on {resource}"
            );
        }
        for (pattern, address, expected) in [
            ("security@example.com", "security@EXAMPLE.com", true),
            ("*@example.com", "anyone@example.com", true),
            ("*@example.com", "anyone@example.com.evil.com", false),
            ("*@example.com", "x@evil.com@example.com", true),
            ("security@example.com", "security", false),
        ] {
            assert_eq!(
                grants("notify", &[pattern]).permits("notify", &Resource::Address(address)),
                expected,
                "{pattern} on {address}"
            );
        }
        assert!(Pattern::of("queue", "events").is_err() && Pattern::of("queue", "ev*/x").is_err());
        assert!(
            Pattern::of("notify", "example.com").is_err()
                && Pattern::of("notify", "*x@example.com").is_err()
        );
    }
}
