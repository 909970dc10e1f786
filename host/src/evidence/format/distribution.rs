//! Distributions, by the names that tools have for them. To add one: its other names in [`distribution`], the type of its
//! packages in [`Distribution::kind`].

use super::super::model::Distribution;

/// A distribution, by what scanners call those whose os-release says otherwise.
pub(super) fn distribution(name: &str, version: Option<&str>) -> Distribution {
    const NAMES: [(&str, &str); 15] = [
        ("alma", "almalinux"),
        ("amazon", "amzn"),
        ("amazon linux", "amzn"),
        ("amazonlinux", "amzn"),
        ("archlinux", "arch"),
        ("cbl-mariner", "mariner"),
        ("centos-stream", "centos"),
        ("opensuse.leap", "opensuse-leap"),
        ("opensuse.tumbleweed", "opensuse-tumbleweed"),
        ("oracle", "ol"),
        ("oraclelinux", "ol"),
        ("redhat", "rhel"),
        ("slem", "sle-micro"),
        ("suse linux enterprise micro", "sle-micro"),
        ("suse linux enterprise server", "sles"),
    ];
    let name = name.to_lowercase();
    let known = NAMES.iter().find(|(theirs, _)| *theirs == name);
    // Some add a code name: `2 (Karoo)`; Clair and Alpine's own file a `v`.
    let version = version.and_then(|version| version.split_whitespace().next());
    let version = version.map(|version| match name.as_str() {
        "alpine" => version.trim_start_matches('v'),
        _ => version,
    });
    Distribution {
        version: version.map(str::to_owned),
        name: known.map_or(name, |(_, id)| (*id).to_owned()),
        ..Distribution::default()
    }
}

/// A distribution as Clair and Anchore write it: `debian:8`.
pub(super) fn namespace(text: &str) -> Option<Distribution> {
    let (name, version) = text.split_once(':')?;
    let version = Some(version).filter(|version| !version.is_empty());
    (!name.is_empty()).then(|| distribution(name, version))
}

impl Distribution {
    /// The type of the packages that it is made of.
    pub(super) fn kind(&self) -> Option<&'static str> {
        Some(match self.name.as_str() {
            "debian" | "ubuntu" | "raspbian" | "linuxmint" | "kali" | "echo" => "deb",
            "alpine" | "wolfi" | "chainguard" | "minimos" | "postmarketos" => "apk",
            "arch" | "manjaro" => "alpm",
            "rhel" | "centos" | "fedora" | "rocky" | "almalinux" | "ol" | "amzn" => "rpm",
            "photon" | "mariner" | "azurelinux" | "sles" | "sle-micro" | "openeuler" => "rpm",
            name if name.starts_with("opensuse") => "rpm",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_named_as_by_os_release() {
        for (name, version, expected) in [
            ("debian", Some("12.5"), ("debian", Some("12.5"))),
            ("Alpine", Some("v3.5"), ("alpine", Some("3.5"))),
            ("amazon", Some("2 (Karoo)"), ("amzn", Some("2"))),
            ("redhat", Some("8.4"), ("rhel", Some("8.4"))),
            (
                "opensuse.leap",
                Some("15.1"),
                ("opensuse-leap", Some("15.1")),
            ),
            ("wolfi", Some(""), ("wolfi", None)),
            ("wolfi", None, ("wolfi", None)),
        ] {
            let found = distribution(name, version);
            assert_eq!(
                (found.name.as_str(), found.version.as_deref()),
                expected,
                "{name}"
            );
        }
        for (text, expected) in [
            (
                "debian:8",
                Some(("debian".to_owned(), Some("8".to_owned()))),
            ),
            ("debian:", Some(("debian".to_owned(), None))),
            ("debian", None),
            (":8", None),
        ] {
            let found = namespace(text).map(|found| (found.name, found.version));
            assert_eq!(found, expected, "{text}");
        }
    }
}
