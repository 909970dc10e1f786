//! Image references: the one place that takes them apart.
//!
//! The grammar is the distribution project's (`registry[:port]/path[:tag][@digest]`), the defaults are Docker Hub's.

use std::fmt;

/// Docker Hub's name in normalised references.
const DOCKER_HUB: &str = "docker.io";
/// distribution's limit on registry and path together.
const MAX_NAME: usize = 255;
const MAX_TAG: usize = 128;

/// A normalised image reference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageName {
    /// Host and port: `docker.io`, `registry.example.com:5000`, `[2001:db8::1]:5000`.
    pub registry: String,
    /// Path below the registry: `library/nginx`.
    pub repository: String,
    /// Absent when none was written; `latest` is never made up.
    pub tag: Option<String>,
    /// `sha256:…`
    pub digest: Option<String>,
}

/// Why a text is not an image reference.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ImageError {
    /// A number, a list, … where a reference should be.
    #[error("an image reference is a text")]
    NotText,
    /// Nothing there.
    #[error("an image reference is empty")]
    Empty,
    /// Longer than distribution allows.
    #[error("image name of {0} characters: at most {MAX_NAME} are allowed")]
    TooLong(usize),
    /// The registry's host or port.
    #[error("{0:?} is not a registry: expected host or host:port")]
    Registry(String),
    /// A path component.
    #[error(
        "{0:?} is not a repository path component: expected lower-case letters and digits, separated by `.`, `_`, `__` or `-`"
    )]
    Path(String),
    /// The tag.
    #[error(
        "{0:?} is not a tag: expected up to {MAX_TAG} of letters, digits, `_`, `.`, `-`, not starting with `.` or `-`"
    )]
    Tag(String),
    /// The digest.
    #[error(
        "{0:?} is not a digest: expected sha256: and 64 hexadecimal digits, or sha512: and 128"
    )]
    Digest(String),
}

impl ImageName {
    /// Takes a reference apart and fills in Docker Hub's defaults: `nginx:1.27` is `docker.io/library/nginx:1.27`.
    pub fn parse(text: &str) -> Result<ImageName, ImageError> {
        if text.is_empty() {
            return Err(ImageError::Empty);
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(parse_digest(digest)?)),
            None => (text, None),
        };
        // A colon after the last slash starts the tag; one before it belongs to the registry's port.
        let path_start = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest.get(path_start..).and_then(|last| last.split_once(':')) {
            Some((last, tag)) => (
                rest.get(..path_start + last.len()).unwrap_or_default(),
                Some(parse_tag(tag)?),
            ),
            None => (rest, None),
        };
        let (registry, repository) = parse_name(name)?;
        Ok(ImageName {
            registry,
            repository,
            tag,
            digest,
        })
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Splits `registry/path` and normalises both.
fn parse_name(name: &str) -> Result<(String, String), ImageError> {
    let (registry, path) = match name.split_once('/') {
        Some((first, rest)) if names_registry(first) => (parse_registry(first)?, rest),
        _ => (DOCKER_HUB.to_owned(), name),
    };
    for component in path.split('/') {
        if !is_path_component(component) {
            return Err(ImageError::Path(component.to_owned()));
        }
    }
    let repository = if registry == DOCKER_HUB && !path.contains('/') {
        // What looks like an image id is not a repository.
        if path.len() == 64 && path.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ImageError::Path(path.to_owned()));
        }
        format!("library/{path}")
    } else {
        path.to_owned()
    };
    let length = registry.len() + 1 + repository.len();
    if length > MAX_NAME {
        return Err(ImageError::TooLong(length));
    }
    Ok((registry, repository))
}

/// Whether the first component is a registry rather than a path: Docker's rule.
pub(crate) fn names_registry(component: &str) -> bool {
    component.contains(['.', ':'])
        || component == "localhost"
        || component.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Normalises a registry, so that one place has one name: lower case, the shortest form of addresses and ports, no
/// port where it is the usual one of HTTPS, Docker Hub's other names as `docker.io`. The usual port stays where nothing
/// else would tell a host from a path of Docker Hub: `INTRANET/app` is at `intranet:443`.
pub(crate) fn parse_registry(text: &str) -> Result<String, ImageError> {
    let wrong = || ImageError::Registry(text.to_owned());
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or_else(wrong)?;
            let address: std::net::Ipv6Addr = address.parse().map_err(|_| wrong())?;
            let port = after.strip_prefix(':');
            if port.is_none() && !after.is_empty() {
                return Err(wrong());
            }
            (format!("[{address}]"), port)
        }
        None => {
            let (host, port) = text
                .split_once(':')
                .map_or((text, None), |(host, port)| (host, Some(port)));
            if !host.split('.').all(is_host_label) {
                return Err(wrong());
            }
            (host.to_ascii_lowercase(), port)
        }
    };
    let port = match port {
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(port.parse::<u16>().map_err(|_| wrong())?)
        }
        Some(_) => return Err(wrong()),
        None => None,
    };
    Ok(match port {
        None | Some(443) if host == "index.docker.io" || host == "registry-1.docker.io" => {
            DOCKER_HUB.to_owned()
        }
        None | Some(443) if names_registry(&host) => host,
        None => format!("{host}:443"),
        Some(port) => format!("{host}:{port}"),
    })
}

fn is_host_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !label.is_empty()
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// `[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`
pub(crate) fn is_path_component(component: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut separator = String::new();
    let mut words = 0;
    for byte in component.bytes() {
        if is_word(byte) {
            let allowed = match separator.as_str() {
                "" => true,
                "." | "_" | "__" => words > 0,
                dashes => words > 0 && dashes.bytes().all(|dash| dash == b'-'),
            };
            if !allowed {
                return false;
            }
            words += 1;
            separator.clear();
        } else if matches!(byte, b'.' | b'_' | b'-') {
            separator.push(char::from(byte));
        } else {
            return false;
        }
    }
    words > 0 && separator.is_empty()
}

fn parse_tag(tag: &str) -> Result<String, ImageError> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut bytes = tag.bytes();
    let starts_well = bytes.next().is_some_and(is_word);
    if starts_well
        && tag.len() <= MAX_TAG
        && bytes.all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
    {
        Ok(tag.to_owned())
    } else {
        Err(ImageError::Tag(tag.to_owned()))
    }
}

/// The OCI image specification's registered algorithms.
fn parse_digest(digest: &str) -> Result<String, ImageError> {
    let is_hex = |hex: &str| {
        hex.bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
    };
    match digest.split_once(':') {
        Some(("sha256", hex)) if hex.len() == 64 && is_hex(hex) => Ok(digest.to_owned()),
        Some(("sha512", hex)) if hex.len() == 128 && is_hex(hex) => Ok(digest.to_owned()),
        _ => Err(ImageError::Digest(digest.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "abababababababababababababababababababababababababababababababab";

    #[test]
    fn references_are_normalised() {
        let digest = format!("sha256:{HEX}");
        for (text, registry, repository, tag, pinned) in [
            ("nginx", "docker.io", "library/nginx", None, false),
            (
                "nginx:1.27",
                "docker.io",
                "library/nginx",
                Some("1.27"),
                false,
            ),
            (
                "library/wordpress:4-apache",
                "docker.io",
                "library/wordpress",
                Some("4-apache"),
                false,
            ),
            (
                "openpolicyagent/opa:0.4.9",
                "docker.io",
                "openpolicyagent/opa",
                Some("0.4.9"),
                false,
            ),
            ("docker.io/nginx", "docker.io", "library/nginx", None, false),
            ("index.docker.io/a/b", "docker.io", "a/b", None, false),
            ("localhost/a", "localhost", "a", None, false),
            (
                "localhost:5000/a:b",
                "localhost:5000",
                "a",
                Some("b"),
                false,
            ),
            (
                "registry.example.com:5000/tools/deep/init:3.2",
                "registry.example.com:5000",
                "tools/deep/init",
                Some("3.2"),
                false,
            ),
            (
                "REGISTRY.example.com/a",
                "registry.example.com",
                "a",
                None,
                false,
            ),
            ("INTRANET/a", "intranet:443", "a", None, false),
            ("intranet:0443/a", "intranet:443", "a", None, false),
            (
                "[2001:db8::1]:5000/a/b:c",
                "[2001:db8::1]:5000",
                "a/b",
                Some("c"),
                false,
            ),
            ("[::1]/a", "[::1]", "a", None, false),
            (
                "[2001:DB8:0::0001]:05000/a",
                "[2001:db8::1]:5000",
                "a",
                None,
                false,
            ),
            ("ghcr.io:443/a/b", "ghcr.io", "a/b", None, false),
            (
                "docker.io:443/nginx",
                "docker.io",
                "library/nginx",
                None,
                false,
            ),
            ("localhost:05000/a", "localhost:5000", "a", None, false),
            (
                "a__b/c.d-e--f_g",
                "docker.io",
                "a__b/c.d-e--f_g",
                None,
                false,
            ),
            (
                &format!("ghcr.io/acme/sidecar:v2@{digest}"),
                "ghcr.io",
                "acme/sidecar",
                Some("v2"),
                true,
            ),
            (
                &format!("nginx@{digest}"),
                "docker.io",
                "library/nginx",
                None,
                true,
            ),
        ] {
            let expected = ImageName {
                registry: registry.into(),
                repository: repository.into(),
                tag: tag.map(Into::into),
                digest: pinned.then(|| digest.clone()),
            };
            assert_eq!(ImageName::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_reference_is_refused() {
        let long = format!("example.com/{}", "a".repeat(250));
        for text in [
            "",
            " ",
            "nginx ",
            "Nginx",
            "nginx:",
            "nginx:.a",
            "nginx:-a",
            "nginx:a b",
            "nginx@",
            "nginx@sha256:ab",
            "nginx@md5:abababababababababababababababab",
            "a//b",
            "/a",
            "a/",
            "example.com/",
            "example.com:/a",
            "example.com:port/a",
            "example.com:123456/a",
            "-a.com/b",
            "a-.com/b",
            "a..com/b",
            "[::1/a",
            "[zz]/a",
            "[::1]x/a",
            "a/b:c:d",
            "a:b/c:d:e",
            "a_/b",
            "a/_b",
            "a/b___c",
            "a/b..c",
            "https://example.com/a",
            "nginx';rm -rf /;'",
            "nginx\n",
            "nginx\0",
            "ngıñx",
            HEX,
            &long,
            &format!("a:{}", "t".repeat(129)),
            &format!("nginx@sha256:{}", HEX.to_uppercase()),
        ] {
            assert!(
                ImageName::parse(text).is_err(),
                "{text:?} was taken for {:?}",
                ImageName::parse(text)
            );
        }
    }

    #[test]
    fn what_is_printed_parses_to_the_same() {
        for text in [
            "nginx",
            "a/b:c",
            "localhost:5000/a:b",
            "[::1]:80/x/y",
            "000J/a",
            "intranet:443/a",
            "LOCALHOST:443/a",
            "Docker/a/b:c",
            &format!("a/b:c@sha256:{HEX}"),
        ] {
            let name = ImageName::parse(text).unwrap();
            assert_eq!(ImageName::parse(&name.to_string()), Ok(name));
        }
    }
}
