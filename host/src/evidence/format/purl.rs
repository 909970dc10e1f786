//! Package URLs (purl-spec, `PURL-SPECIFICATION.rst`), `pkg:type/namespace/name@version?qualifiers#subpath`: as far as
//! packages are told apart by them; and the types of packages in the words of tools.

use super::super::query::is_os_kind;

/// A package URL, percent-decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PackageUrl {
    /// `deb`, `npm`, `oci`, …; in lower case.
    pub(super) kind: String,
    /// `debian`, `@babel`, `org.apache.logging.log4j`, `github.com/spf13`.
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    pub(super) version: Option<String>,
    qualifiers: Vec<(String, String)>,
}

impl PackageUrl {
    /// Takes one apart. Lenient, as tools write them: nothing is asked for but a type and a name.
    pub(super) fn parse(text: &str) -> Option<PackageUrl> {
        let rest = text.strip_prefix("pkg:")?.trim_start_matches('/');
        let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
        let (rest, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
        let (kind, path) = rest.split_once('/')?;
        // An `@` before the last slash is a namespace that somebody forgot to encode.
        let (path, version) = match path.rsplit_once('@') {
            Some((path, version)) if !path.is_empty() && !version.contains('/') => {
                (path, Some(version))
            }
            _ => (path, None),
        };
        let path = path.trim_matches('/');
        let (namespace, name) = match path.rsplit_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, path),
        };
        if kind.is_empty() || name.is_empty() {
            return None;
        }
        let qualifiers = qualifiers
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        Some(PackageUrl {
            kind: kind.to_ascii_lowercase(),
            namespace: namespace.map(decode),
            name: decode(name),
            version: version.map(decode).filter(|version| !version.is_empty()),
            qualifiers: qualifiers
                .map(|(key, value)| (key.to_ascii_lowercase(), decode(value)))
                .collect(),
        })
    }

    /// What a qualifier says.
    pub(super) fn qualifier(&self, wanted: &str) -> Option<&str> {
        let found = self.qualifiers.iter().find(|(key, _)| key == wanted);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// In full: distributions keep the epoch apart, in a qualifier.
    pub(super) fn full_version(&self) -> Option<String> {
        let version = self.version.as_ref()?;
        Some(match self.qualifier("epoch") {
            Some(epoch) if is_os_kind(&self.kind) && epoch != "0" => format!("{epoch}:{version}"),
            _ => version.clone(),
        })
    }
}

/// Whether a package URL names an image, not something installed in one.
pub(super) fn is_image(text: &str) -> bool {
    ["pkg:oci/", "pkg:docker/"]
        .iter()
        .any(|start| text.starts_with(start))
}

/// As the package's manager names it: Maven's names have a colon, the namespaces of distributions are only whose they
/// are, all others are a part of the name.
pub(super) fn full_name(kind: &str, namespace: Option<&str>, name: &str) -> String {
    match namespace.filter(|namespace| !namespace.is_empty()) {
        Some(namespace) if kind == "maven" => format!("{namespace}:{name}"),
        Some(namespace) if !is_os_kind(kind) => format!("{namespace}/{name}"),
        _ => name.to_owned(),
    }
}

/// The type in a package URL.
pub(super) fn kind_of_purl(purl: &str) -> Option<String> {
    let (kind, _) = purl.strip_prefix("pkg:")?.split_once('/')?;
    (!kind.is_empty()).then(|| kind.to_ascii_lowercase())
}

/// The type of packages by a tool's word for them. To add a word: a row here; what is not here is called alike: deb, rpm,
/// npm, gem, hex.
pub(super) fn kind_of_word(word: &str) -> String {
    /// Words of Syft, which are Grype's, too (`syft/pkg/type.go`), and of Anchore.
    const KINDS: [(&str, &str); 25] = [
        ("", "generic"),
        ("apkg", "apk"),
        ("binary", "generic"),
        ("dart-pub", "pub"),
        ("dotnet", "nuget"),
        ("dpkg", "deb"),
        ("erlang-otp", "otp"),
        ("go", "golang"),
        ("go-module", "golang"),
        ("graalvm-native-image", "maven"),
        ("java", "maven"),
        ("java-archive", "maven"),
        ("jenkins-plugin", "maven"),
        ("lua-rocks", "luarocks"),
        ("msrc-kb", "generic"),
        ("php", "composer"),
        ("php-composer", "composer"),
        ("php-pear", "pear"),
        ("pod", "cocoapods"),
        ("portage", "ebuild"),
        ("python", "pypi"),
        ("r-package", "cran"),
        ("rust", "cargo"),
        ("rust-crate", "cargo"),
        ("unknownpackage", "generic"),
    ];
    let word = word.to_ascii_lowercase();
    let known = KINDS.iter().find(|(theirs, _)| *theirs == word);
    known.map_or(word.clone(), |(_, kind)| (*kind).to_owned())
}

/// Undoes percent-encoding; what is none stays as it is.
pub(super) fn decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match code {
            Some((high, low)) => {
                bytes.push((high << 4) | low);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(byte: u8) -> Option<u8> {
    let digit = char::from(byte).to_digit(16)?;
    u8::try_from(digit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_told_by_a_package_url() {
        for (purl, expected) in [
            ("pkg:deb/debian/a@1", Some("deb")),
            ("pkg:NPM/a", Some("npm")),
            ("pkg:/a", None),
            ("pkg:deb", None),
            ("deb/a", None),
        ] {
            assert_eq!(kind_of_purl(purl).as_deref(), expected, "{purl}");
        }
    }

    #[test]
    fn a_type_is_told_by_a_tools_word() {
        for (word, expected) in [
            ("R-package", "cran"),
            ("go-module", "golang"),
            ("APKG", "apk"),
            ("deb", "deb"),
            ("Hex", "hex"),
            ("", "generic"),
        ] {
            assert_eq!(kind_of_word(word), expected, "{word}");
        }
    }

    #[test]
    fn a_package_is_named_as_its_manager_does() {
        for (text, kind, name, version) in [
            (
                "pkg:deb/debian/zlib1g@1.2.13-1?arch=amd64&epoch=1",
                "deb",
                "zlib1g",
                Some("1:1.2.13-1"),
            ),
            (
                "pkg:rpm/redhat/bash@5.1-2.el9?epoch=0",
                "rpm",
                "bash",
                Some("5.1-2.el9"),
            ),
            (
                "pkg:maven/org.example/core@2.13",
                "maven",
                "org.example:core",
                Some("2.13"),
            ),
            (
                "pkg:npm/%40babel/core@7.0.0",
                "npm",
                "@babel/core",
                Some("7.0.0"),
            ),
            ("pkg:npm/@babel/core", "npm", "@babel/core", None),
            (
                "pkg:npm/@babel/core@7.0.0",
                "npm",
                "@babel/core",
                Some("7.0.0"),
            ),
            (
                "pkg:golang/github.com/a/b@v1.0.0#sub/dir",
                "golang",
                "github.com/a/b",
                Some("v1.0.0"),
            ),
            ("pkg:golang/stdlib@1.22", "golang", "stdlib", Some("1.22")),
            ("PKG:PyPI/x@1".strip_prefix("PKG:").unwrap(), "", "", None),
            ("pkg:PyPI/django@", "pypi", "django", None),
            ("pkg://gem/rails@7.0%2Bx", "gem", "rails", Some("7.0+x")),
            ("pkg:generic/100%25@1%zz", "generic", "100%", Some("1%zz")),
            ("pkg:oci/a@sha256%3Aab?tag=1", "oci", "a", Some("sha256:ab")),
        ] {
            let Some(url) = PackageUrl::parse(text) else {
                assert!(kind.is_empty(), "{text}");
                continue;
            };
            let found = full_name(&url.kind, url.namespace.as_deref(), &url.name);
            assert_eq!((url.kind.as_str(), found.as_str()), (kind, name), "{text}");
            assert_eq!(url.full_version().as_deref(), version, "{text}");
        }
    }

    #[test]
    fn what_is_no_package_url_is_none() {
        for text in [
            "",
            "pkg:",
            "pkg:npm",
            "pkg:npm/",
            "pkg:/x",
            "pkg:npm//",
            "cpe:2.3:a:b",
            "npm/x@1",
        ] {
            assert_eq!(PackageUrl::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_qualifier_is_decoded() {
        let url =
            PackageUrl::parse("pkg:apk/alpine/libcrypto3@3?upstream=openssl&distro=alpine%2d3&x=")
                .unwrap();
        assert_eq!(url.qualifier("upstream"), Some("openssl"));
        assert_eq!(url.qualifier("distro"), Some("alpine-3"));
        assert_eq!(url.qualifier("x"), None);
    }
}
