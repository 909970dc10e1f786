//! What the two formats of bills of materials share: the package behind a package URL, the image at the top, the
//! distribution's name, licence expressions, paths.

use std::collections::HashSet;

use super::super::model::{Distribution, Identity, Package};
use super::super::query::is_os_kind;
use super::distribution;
use super::purl::{PackageUrl, full_name, is_image};
use super::raw::{self, sorted};
use crate::image::ImageName;

/// What a bill says to tell a package by.
pub(super) struct Named<'a> {
    pub(super) group: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) version: Option<&'a str>,
    pub(super) purl: Option<&'a str>,
}

/// The package of that name. The bill's spelling is kept, package URLs write some names in lower case; the rest of the
/// name comes from the URL where the bill has only its last part.
pub(super) fn package(named: &Named<'_>) -> Package {
    let url = named.purl.and_then(PackageUrl::parse);
    let kind = url.as_ref().map_or("generic", |url| url.kind.as_str());
    let group = named.group.filter(|group| !group.is_empty());
    let namespace = url
        .as_ref()
        .filter(|url| same_name(&url.name, named.name))
        .and_then(|url| url.namespace.as_deref());
    Package {
        name: full_name(kind, group.or(namespace), named.name),
        version: present(named.version)
            .map(str::to_owned)
            .or_else(|| url.as_ref().and_then(PackageUrl::full_version)),
        kind: kind.to_owned(),
        purl: url.as_ref().and(named.purl).map(str::to_owned),
        source: url.as_ref().and_then(source),
        ..Package::default()
    }
}

/// The package that only a reference tells of; its name is the reference, if that is no package URL.
pub(super) fn referred(text: &str) -> Package {
    match PackageUrl::parse(text) {
        Some(url) => package(&Named {
            group: url.namespace.as_deref(),
            name: &url.name,
            version: None,
            purl: Some(text),
        }),
        None => Package {
            name: text.to_owned(),
            ..Package::default()
        },
    }
}

/// What is neither empty nor SPDX's word for not telling.
pub(super) fn present(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty() && *text != "NOASSERTION")
}

/// PyPI's package URLs write `_` as `-`, too.
fn same_name(one: &str, other: &str) -> bool {
    let normal = |byte: u8| match byte {
        b'_' => b'-',
        byte => byte.to_ascii_lowercase(),
    };
    one.bytes().map(normal).eq(other.bytes().map(normal))
}

/// The source package, which Syft writes as `upstream=shadow`, `upstream=shadow@4.8`, or for RPM as a file's name.
fn source(url: &PackageUrl) -> Option<String> {
    let upstream = url.qualifier("upstream")?;
    let name = match upstream.strip_suffix(".src.rpm") {
        Some(file) => file.rsplitn(3, '-').nth(2).unwrap_or(file),
        None => upstream.split('@').next().unwrap_or(upstream),
    };
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

/// What a bill says of the image that it is about.
#[derive(Default)]
pub(super) struct Top<'a> {
    pub(super) name: &'a str,
    pub(super) version: Option<&'a str>,
    pub(super) purls: Vec<&'a str>,
    /// Of its manifest, in hexadecimal.
    pub(super) sha256: Vec<&'a str>,
    /// What Trivy says beyond the format, by its own keys.
    pub(super) properties: Vec<(&'a str, &'a str)>,
}

impl Top<'_> {
    /// Which image that is.
    pub(super) fn identity(&self) -> Identity {
        let all = |wanted: &str| {
            let pairs = self.properties.iter().filter(|(key, _)| *key == wanted);
            pairs.map(|(_, value)| (*value).to_owned()).collect()
        };
        let id: Vec<String> = all("ImageID");
        let id = id.into_iter().find(|id| is_digest(id));
        let mut identity = raw::identity(
            all("RepoTag"),
            all("RepoDigest"),
            Some(self.asked_for()),
            id,
        );
        let images = self.purls.iter().filter(|text| is_image(text));
        for url in images.filter_map(|text| PackageUrl::parse(text)) {
            let place = url.qualifier("repository_url").zip(url.qualifier("tag"));
            if let Some((place, tag)) = place.filter(|_| identity.names.is_empty()) {
                identity.names.push(format!("{place}:{tag}"));
            }
            identity.digests.extend(url.version);
        }
        let sums = self.sha256.iter().map(|sum| format!("sha256:{sum}"));
        identity.digests.extend(sums);
        identity.digests.extend(self.version.map(str::to_owned));
        identity
            .digests
            .iter_mut()
            .for_each(|digest| digest.make_ascii_lowercase());
        identity.digests.retain(|digest| is_digest(digest));
        identity.digests = sorted(identity.digests);
        identity
    }

    /// The image's name. Syft keeps the tag or the digest apart from it.
    fn asked_for(&self) -> String {
        let is_bare = ImageName::parse(self.name)
            .is_ok_and(|name| name.tag.is_none() && name.digest.is_none());
        match present(self.version).filter(|_| is_bare) {
            Some(version) if is_digest(version) => format!("{}@{version}", self.name),
            Some(version) => format!("{}:{version}", self.name),
            None => self.name.to_owned(),
        }
    }
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The distribution by its packages' URLs, for bills that do not name it: `distro=debian-12`, `distro=3.19.1`.
pub(super) fn distribution_of(packages: &[Package]) -> Option<Distribution> {
    let purls = packages
        .iter()
        .filter(|package| is_os_kind(&package.kind))
        .filter_map(|package| package.purl.as_deref());
    purls.filter_map(PackageUrl::parse).find_map(|url| {
        let (distro, name) = (url.qualifier("distro")?, url.namespace.as_deref()?);
        let version = distro
            .strip_prefix(name)
            .map_or(distro, |rest| rest.trim_start_matches('-'));
        let is_version = version.starts_with(|first: char| first.is_ascii_digit());
        Some(distribution::distribution(
            name,
            is_version.then_some(version),
        ))
    })
}

/// The parts of an expression that all hold; the expression itself, where it has a choice.
pub(super) fn licences(expression: &str) -> Vec<String> {
    let expression = expression.trim();
    if expression.contains('(') || expression.contains(" OR ") {
        return vec![expression.to_owned()];
    }
    let parts = expression.split(" AND ").map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A path in the image, from the root.
pub(super) fn path(text: &str) -> Option<String> {
    let text = text.strip_prefix("file://").unwrap_or(text);
    let text = text
        .strip_prefix("./")
        .unwrap_or(text)
        .trim_start_matches('/');
    (!text.is_empty()).then(|| format!("/{text}"))
}

/// In the same order, each once.
pub(super) fn unique(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::new();
    let texts = texts.into_iter();
    texts.filter(|text| seen.insert(text.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn a_package_has_its_full_name_in_the_bills_spelling() {
        for (group, name, purl, expected) in [
            ("", "zlib1g", "pkg:deb/debian/zlib1g@1", "zlib1g"),
            (
                "org.example",
                "core",
                "pkg:maven/org.example/core@1",
                "org.example:core",
            ),
            (
                "",
                "core",
                "pkg:maven/org.example/core@1",
                "org.example:core",
            ),
            (
                "",
                "github.com/Azure/sdk",
                "pkg:golang/github.com/azure/sdk@1",
                "github.com/Azure/sdk",
            ),
            (
                "github.com/Azure",
                "sdk",
                "pkg:golang/github.com/azure/sdk@1",
                "github.com/Azure/sdk",
            ),
            ("", "@babel/core", "pkg:npm/%40babel/core@7", "@babel/core"),
            ("@babel", "core", "pkg:npm/%40babel/core@7", "@babel/core"),
            ("", "Some_Thing", "pkg:pypi/some-thing@1", "Some_Thing"),
            ("debian", "bash", "pkg:deb/debian/bash@5", "bash"),
            ("acme", "tool", "", "acme/tool"),
        ] {
            let named = Named {
                group: Some(group),
                name,
                version: None,
                purl: Some(purl),
            };
            assert_eq!(package(&named).name, expected, "{group} {name} {purl}");
        }
    }

    #[test]
    fn a_package_has_a_source() {
        for (upstream, expected) in [
            ("shadow", "shadow"),
            ("shadow%401%3A4.8", "shadow"),
            ("glibc-2.28-1.el8.src.rpm", "glibc"),
            ("x.src.rpm", "x"),
        ] {
            let purl = format!("pkg:rpm/redhat/a@1?upstream={upstream}");
            let named = Named {
                group: None,
                name: "a",
                version: None,
                purl: Some(&purl),
            };
            assert_eq!(
                package(&named).source.as_deref(),
                Some(expected),
                "{upstream}"
            );
        }
    }

    #[test]
    fn an_image_is_told_by_name_tag_digest_and_id() {
        let digest = format!("sha256:{HEX}");
        let purl =
            format!("pkg:oci/web@sha256%3A{HEX}?repository_url=registry.example.com/web&tag=2");
        let top = |name, version| {
            let top = Top {
                name,
                version,
                ..Top::default()
            };
            let found = top.identity();
            (found.names.join(" "), found.digests.join(" "))
        };
        assert_eq!(
            top("alpine", Some("3.19")),
            ("alpine:3.19".into(), String::new())
        );
        assert_eq!(
            top("alpine:3.19", Some(&digest)),
            ("alpine:3.19".into(), digest.clone())
        );
        assert_eq!(
            top("alpine", Some(&digest)),
            (format!("alpine@{digest}"), digest.clone())
        );
        assert_eq!(top("some file", Some("1")), (String::new(), String::new()));
        assert_eq!(top("image.tar", None), (String::new(), String::new()));
        let mut full = Top {
            name: "web",
            version: None,
            purls: vec![&purl, "pkg:npm/x@1"],
            sha256: vec![HEX],
            properties: vec![("ImageID", &digest), ("Size", "1")],
        };
        let identity = full.identity();
        assert_eq!(identity.names, ["registry.example.com/web:2"]);
        assert_eq!(identity.digests.join(" "), digest);
        assert_eq!(identity.id.as_ref(), Some(&digest));
        full.properties = vec![("RepoTag", "web:2"), ("RepoTag", "web:latest")];
        assert_eq!(full.identity().names, ["web:2", "web:latest"]);
    }

    #[test]
    fn a_distribution_is_told_by_the_urls_of_its_packages() {
        for (purl, expected) in [
            (
                "pkg:deb/debian/a@1?distro=debian-12",
                Some(("debian", Some("12"))),
            ),
            (
                "pkg:apk/alpine/a@1?distro=3.19.1",
                Some(("alpine", Some("3.19.1"))),
            ),
            (
                "pkg:rpm/redhat/a@1?distro=redhat-8.4",
                Some(("rhel", Some("8.4"))),
            ),
            ("pkg:deb/debian/a@1?distro=bookworm", Some(("debian", None))),
            ("pkg:npm/a@1?distro=debian-12", None),
        ] {
            let named = Named {
                group: None,
                name: "a",
                version: None,
                purl: Some(purl),
            };
            let found = distribution_of(&[package(&named)]);
            let found = found
                .as_ref()
                .map(|found| (&*found.name, found.version.as_deref()));
            assert_eq!(found, expected, "{purl}");
        }
    }

    #[test]
    fn an_expression_is_split_where_all_parts_hold() {
        for (text, expected) in [
            ("MIT", vec!["MIT"]),
            ("MIT AND ISC", vec!["MIT", "ISC"]),
            (
                "GPL-2.0-only WITH Classpath-exception-2.0 AND MIT",
                vec!["GPL-2.0-only WITH Classpath-exception-2.0", "MIT"],
            ),
            ("MIT OR ISC", vec!["MIT OR ISC"]),
            ("(MIT OR ISC) AND Zlib", vec!["(MIT OR ISC) AND Zlib"]),
            (" ", vec![]),
        ] {
            assert_eq!(licences(text), expected, "{text}");
        }
    }
}
