//! Which host calls a test's grants cover, matched like the host's own, but over texts as they are written.

use std::fmt;

use crate::Error;

/// A grant as a test gives it.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) capability: String,
    pub(super) pattern: String,
    pub(super) credentials: Vec<String>,
}

/// What a host call is about.
#[derive(Clone, Copy)]
pub(super) enum Resource<'a> {
    /// Segments separated by slashes.
    Path(&'a str),
    /// A URL, and the credentials that are to go with it.
    Url(&'a str, Option<&'a str>),
    /// An AMQP exchange and routing key.
    Message(&'a str, &'a str),
    /// A mail address.
    Address(&'a str),
}

impl Resource<'_> {
    /// What people know it by.
    pub(super) fn target(&self) -> String {
        match self {
            Resource::Path(text) | Resource::Url(text, _) | Resource::Address(text) => {
                (*text).to_owned()
            }
            Resource::Message(exchange, routing_key) => format!("{exchange}/{routing_key}"),
        }
    }

    /// Itself and a pattern of its kind, as segments; nothing when one of the two is no such thing.
    fn segments<'a>(&'a self, pattern: &'a str) -> Option<(Vec<&'a str>, Vec<&'a str>)> {
        let pair = |(one, other): (&'a str, &'a str)| vec![one, other];
        let both = match self {
            Resource::Path(text) => (text.split('/').collect(), pattern.split('/').collect()),
            Resource::Url(url, _) => (url_segments(url), url_segments(pattern)),
            Resource::Message(exchange, routing_key) => (
                vec![*exchange, *routing_key],
                pair(pattern.split_once('/')?),
            ),
            Resource::Address(text) => (
                pair(text.rsplit_once('@')?),
                pair(pattern.rsplit_once('@')?),
            ),
        };
        Some(both)
    }
}

impl fmt::Display for Resource<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.target())?;
        match self {
            Resource::Url(_, Some(credentials)) => write!(f, " with credentials {credentials}"),
            _ => Ok(()),
        }
    }
}

impl Grant {
    fn covers(&self, resource: &Resource<'_>) -> bool {
        let listed = match resource {
            Resource::Url(_, Some(name)) => self.credentials.iter().any(|listed| listed == name),
            _ => true,
        };
        let matches = |(resource, pattern): (Vec<&str>, Vec<&str>)| covers(&pattern, &resource);
        listed && (self.pattern == "*" || resource.segments(&self.pattern).is_some_and(matches))
    }
}

/// An error when no grant of the capability covers the resource.
pub(super) fn allow(
    grants: &[Grant],
    capability: &str,
    resource: &Resource<'_>,
) -> Result<(), Error> {
    let mut granted = grants.iter().filter(|grant| grant.capability == capability);
    if granted.any(|grant| grant.covers(resource)) {
        return Ok(());
    }
    let shown = resource.to_string();
    Err(Error::Denied(format!(
        "{capability} {shown:?} is not granted"
    )))
}

/// Without the query, which does not count; a URL that ends with its host has the path `/`.
fn url_segments(url: &str) -> Vec<&str> {
    let before_query = url.split('?').next().unwrap_or_default();
    let mut segments: Vec<&str> = before_query.split('/').collect();
    if segments.len() == 3 && segments.last() != Some(&"*") {
        segments.push("");
    }
    segments
}

/// Segment by segment; `*` is one whole segment, and as the last segment the rest.
fn covers(pattern: &[&str], resource: &[&str]) -> bool {
    match (pattern, resource) {
        ([], []) => true,
        (["*"], [_, ..]) => true,
        ([segment, pattern @ ..], [part, resource @ ..]) => {
            (*segment == "*" || segment == part) && covers(pattern, resource)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_matched_like_the_hosts() {
        use Resource::{Address, Message, Path, Url};
        for (pattern, resource, expected) in [
            ("clair/*", Path("clair/a/b"), true),
            ("clair/*", Path("clair"), false),
            ("*/a", Path("clair/a"), true),
            ("mark", Path("mark"), true),
            ("*", Path("anything/at/all"), true),
            (
                "https://ok.example.com/*",
                Url("https://ok.example.com/a/b?c=d/e", None),
                true,
            ),
            (
                "https://ok.example.com/*",
                Url("https://ok.example.com", None),
                true,
            ),
            (
                "https://ok.example.com/*",
                Url("http://ok.example.com/a", None),
                false,
            ),
            (
                "https://ok.example.com/*",
                Url("https://ok.example.com.evil.com/a", None),
                false,
            ),
            (
                "https://ok.example.com",
                Url("https://ok.example.com/", None),
                true,
            ),
            ("https://*", Url("https://ok.example.com/a/b", None), true),
            (
                "https://ok.example.com/*",
                Url("https://ok.example.com/a", Some("hooks")),
                false,
            ),
            ("events/*", Message("events", "image.denied"), true),
            ("events/*", Message("", "events/x"), false),
            ("/alarms", Message("", "alarms"), true),
            ("*@example.com", Address("security@example.com"), true),
            (
                "*@example.com",
                Address("security@example.com.evil.com"),
                false,
            ),
            ("*@example.com", Address("security"), false),
        ] {
            let grant = Grant {
                capability: "any".to_owned(),
                pattern: pattern.to_owned(),
                credentials: vec!["other".to_owned()],
            };
            assert_eq!(grant.covers(&resource), expected, "{pattern} on {resource}");
            assert!(allow(&[grant], "more", &resource).is_err());
        }
    }
}
