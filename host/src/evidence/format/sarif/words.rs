//! What Trivy and Grype say in words, for SARIF has no keys for packages: Trivy in each result's message, line by line
//! (`pkg/report/sarif.go`), Grype in a sentence in the message and line by line in the rule's help
//! (`grype/presenter/sarif/presenter.go`).

/// What stands there. An empty text is a key without a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Words<'a> {
    pub(super) vulnerability: Option<&'a str>,
    pub(super) severity: Option<&'a str>,
    pub(super) package: Option<&'a str>,
    pub(super) installed: Option<&'a str>,
    pub(super) fixed: Option<&'a str>,
    /// Grype's word for the type of the package.
    pub(super) kind: Option<&'a str>,
    pub(super) location: Option<&'a str>,
    pub(super) link: Option<&'a str>,
    pub(super) image: Option<&'a str>,
    pub(super) licence: Option<&'a str>,
    pub(super) category: Option<&'a str>,
    /// Whether an empty `fixed` says that there is no fix: Trivy's does, Grype's is one that it does not know, too.
    pub(super) knows_fixes: bool,
}

impl<'a> Words<'a> {
    /// Of a result, by its message and its rule's help.
    pub(super) fn of(message: &'a str, help: &'a str) -> Words<'a> {
        let said = sentence(message).unwrap_or_else(|| lines(message));
        let more = lines(help);
        // A rule of Trivy's has the first of its packages.
        if more.package.is_some() && said.package.is_some() && more.package != said.package {
            return Words {
                link: said.link.or(more.link),
                ..said
            };
        }
        Words {
            vulnerability: said.vulnerability.or(more.vulnerability),
            severity: said.severity.or(more.severity),
            package: said.package.or(more.package),
            installed: said.installed.or(more.installed),
            fixed: said.fixed.or(more.fixed),
            kind: said.kind.or(more.kind),
            location: said.location.or(more.location),
            link: said.link.or(more.link),
            ..said
        }
    }
}

/// Line by line: `Installed Version: 1.2.3`. The first of each key counts: after the keys comes a description.
fn lines(text: &str) -> Words<'_> {
    let mut words = Words::default();
    for line in text.lines().map(str::trim) {
        let Some((key, value)) = line.split_once(':').or_else(|| line.split_once(' ')) else {
            continue;
        };
        let value = value.trim();
        let place = match key.trim() {
            "Vulnerability" => &mut words.vulnerability,
            "Severity" => &mut words.severity,
            "Package" | "PkgName" => &mut words.package,
            "Installed Version" | "Version" => &mut words.installed,
            // The second is Docker Scout's.
            "Fixed Version" | "Fixed version" => {
                words.knows_fixes = true;
                &mut words.fixed
            }
            "Fix Version" => &mut words.fixed,
            "Type" => &mut words.kind,
            "Location" | "Path" => &mut words.location,
            "License" => &mut words.licence,
            "Classification" => &mut words.category,
            "Link" => {
                words.link = words.link.or_else(|| link(value));
                continue;
            }
            _ => continue,
        };
        place.get_or_insert(if value == "not fixed" { "" } else { value });
    }
    words
}

/// Markdown's: `[CVE-2026-1](https://…)`.
fn link(text: &str) -> Option<&str> {
    let (_, url) = text.split_once("](")?;
    let url = url.trim_end().strip_suffix(')')?;
    url.starts_with("http").then_some(url)
}

/// `A high vulnerability in apk package: a, version 1 was found in image b:2 at: /c`, and as Grype wrote until 0.6x: `The
/// path /c reports a at version 1 which is a vulnerable (apk) package installed in the container`.
fn sentence(text: &str) -> Option<Words<'_>> {
    if let Some(rest) = text.strip_prefix("The path ") {
        let (location, rest) = rest.split_once(" reports ")?;
        let (package, rest) = rest.split_once(" at version ")?;
        let (installed, rest) = rest.split_once(" which ")?;
        let kind = rest
            .split_once('(')
            .and_then(|(_, rest)| rest.split_once(')'));
        return Some(Words {
            package: Some(package),
            installed: Some(installed.trim()),
            kind: kind.map(|(kind, _)| kind),
            location: Some(location),
            ..Words::default()
        });
    }
    let (start, rest) = text.split_once(" vulnerability in ")?;
    let severity = start
        .strip_prefix("A ")
        .or_else(|| start.strip_prefix("An "))?;
    let (kind, rest) = rest.split_once(" package: ")?;
    let (package, rest) = rest.split_once(", version ")?;
    let (installed, rest) = rest.split_once(" was found")?;
    let (before, location) = rest.split_once("at: ").unwrap_or((rest, ""));
    Some(Words {
        severity: Some(severity),
        package: Some(package),
        installed: Some(installed),
        kind: Some(kind),
        location: Some(location).filter(|location| !location.is_empty()),
        image: before.trim().strip_prefix("in image "),
        ..Words::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trivy_says_it_line_by_line() {
        let message = "Package: musl\nInstalled Version: 1.1-r4\nVulnerability CVE-2019-1\nSeverity: CRITICAL\nFixed Version: \nLink: [CVE-2019-1](https://example.com/1)";
        let help = "Vulnerability CVE-2019-1\nPackage: musl-utils\nFixed Version: 7\nLink: [x](https://example.com/2)\nPackage: no";
        let words = Words::of(message, help);
        let expected = Words {
            vulnerability: Some("CVE-2019-1"),
            severity: Some("CRITICAL"),
            package: Some("musl"),
            installed: Some("1.1-r4"),
            fixed: Some(""),
            link: Some("https://example.com/1"),
            knows_fixes: true,
            ..Words::default()
        };
        assert_eq!(words, expected);
    }

    #[test]
    fn grype_says_it_in_a_sentence_and_line_by_line() {
        let help = "Vulnerability GHSA-1\nSeverity: high\nPackage: log4j-core\nVersion: 2.14\nFix Version: 2.15.0\nType: java-archive\nLocation: /x.jar\nData Namespace: github\nLink: GHSA-1";
        for (message, image, location) in [
            (
                "A high vulnerability in java-archive package: log4j-core, version 2.14 was found in image web:2 at: /srv/a.jar",
                Some("web:2"),
                "/srv/a.jar",
            ),
            (
                "A high vulnerability in java-archive package: log4j-core, version 2.14 was found at: srv/a.jar",
                None,
                "srv/a.jar",
            ),
            (
                "A high vulnerability in java-archive package: log4j-core, version 2.14 was found from purl file x",
                None,
                "/x.jar",
            ),
            (
                "The path /srv/a.jar reports log4j-core at version 2.14  which is a vulnerable (java-archive) package installed in the container",
                None,
                "/srv/a.jar",
            ),
        ] {
            let words = Words::of(message, help);
            let expected = Words {
                vulnerability: Some("GHSA-1"),
                severity: Some("high"),
                package: Some("log4j-core"),
                installed: Some("2.14"),
                fixed: Some("2.15.0"),
                kind: Some("java-archive"),
                location: Some(location),
                image,
                ..Words::default()
            };
            assert_eq!(words, expected, "{message}");
        }
    }

    #[test]
    fn other_words_are_none() {
        for text in [
            "",
            "A vulnerability",
            "The path is long",
            "Vulnerable",
            "A b vulnerability in c package: d",
        ] {
            assert_eq!(Words::of(text, "").package, None, "{text}");
        }
    }
}
