//! What is installed.

use touchstone_sdk::evidence::Package;

use super::{Asked, Lack, Match, Trigger};
use crate::params::{Kind, Param};
use crate::version;

pub(super) const TRIGGERS: &[Trigger] = &[
    Trigger {
        gate: "packages",
        name: "required_package",
        aliases: &[],
        params: &[
            Param::required("name", Kind::Text),
            Param::optional("version", Kind::Text),
            Param::optional("version_match_type", Kind::OneOf(&["exact", "minimum"])),
        ],
        silent: false,
        run: required_package,
    },
    Trigger {
        gate: "packages",
        name: "verify",
        aliases: &[],
        params: &[
            Param::optional("only_packages", Kind::List),
            Param::optional("only_directories", Kind::List),
            Param::optional("check", Kind::OneOf(&["changed", "missing"])),
        ],
        silent: true,
        run: verify,
    },
    Trigger {
        gate: "packages",
        name: "blacklist",
        aliases: &[],
        params: &[
            Param::required("name", Kind::Text),
            Param::optional("version", Kind::Text),
        ],
        silent: false,
        run: blacklist,
    },
];

/// Whether packages of this type come from the operating system's distribution.
pub(super) fn is_os(kind: &str) -> bool {
    matches!(kind, "deb" | "rpm" | "apk" | "alpm")
}

fn named<'a>(asked: &'a Asked<'_>) -> Result<(&'a str, Vec<&'a Package>), Lack> {
    let name = asked.params.text("name").unwrap_or_default();
    let packages = asked.facts.packages()?.iter();
    Ok((
        name,
        packages.filter(|package| package.name == name).collect(),
    ))
}

fn version_of(package: &Package) -> &str {
    package.version.as_deref().unwrap_or("")
}

fn required_package(asked: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    let (name, installed) = named(asked)?;
    let wanted = asked
        .params
        .text("version")
        .filter(|version| !version.is_empty());
    let remedy = match wanted {
        Some(version) => format!("install {name} {version}"),
        None => format!("install {name}"),
    };
    let text = match (installed.first(), wanted) {
        (Some(_), None) => return Ok(()),
        (None, Some(version)) => {
            format!("Required input package ({name},{version}) is not present in container image")
        }
        (None, None) => {
            format!("Required input package ({name}) is not present in container image")
        }
        (Some(first), Some(version)) => match wrong_version(asked, (first, &installed), version)? {
            Some(text) => text,
            None => return Ok(()),
        },
    };
    found.push(Match::new(text).package(name).remedy(remedy));
    Ok(())
}

/// One good version is enough. Anchore looks at the first.
fn wrong_version(
    asked: &Asked<'_>,
    (first, installed): (&Package, &[&Package]),
    wanted: &str,
) -> Result<Option<String>, Lack> {
    let (name, version) = (&first.name, version_of(first));
    if asked.params.text("version_match_type") != Some("minimum") {
        let text = format!(
            "Required input package ({name}) is present ({version}), but not at the version specified in policy ({name})"
        );
        let is_there = installed
            .iter()
            .any(|package| version_of(package) == wanted);
        return Ok((!is_there).then_some(text));
    }
    for package in installed {
        let (kind, version) = (&package.kind, version_of(package));
        let order = version::compare(kind, version, wanted).filter(|_| !version.is_empty());
        if order
            .ok_or_else(|| {
                Lack::of(format!(
                    "a way to compare versions of {kind} packages ({name} {version})"
                ))
            })?
            .is_ge()
        {
            return Ok(None);
        }
    }
    Ok(Some(format!(
        "Required min-version input package ({name}) is present ({version}), but is lower version than what is specified in policy ({wanted})"
    )))
}

/// No report carries what the package database says of each file. Where none of the packages is installed, it does not
/// matter.
fn verify(asked: &Asked<'_>, _: &mut Vec<Match>) -> Result<(), Lack> {
    let only = asked.params.list("only_packages");
    let is_meant = |package: &&Package| {
        is_os(&package.kind) && (only.is_empty() || only.contains(&package.name))
    };
    match asked
        .facts
        .packages()?
        .iter()
        .any(|package| is_meant(&package))
    {
        true => Err(Lack::of(
            "the package database's list of files, which nothing provides",
        )),
        false => Ok(()),
    }
}

fn blacklist(asked: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    let (name, installed) = named(asked)?;
    let wanted = asked
        .params
        .text("version")
        .filter(|version| !version.is_empty());
    for package in installed {
        let text = match wanted {
            None => format!("Package is blacklisted: {name}"),
            Some(version) if is_version(package, version) => {
                format!("Package is blacklisted: {name}-{version}")
            }
            Some(_) => continue,
        };
        found.push(
            Match::new(text)
                .package(name)
                .remedy(format!("do without {name}")),
        );
    }
    Ok(())
}

/// Anchore compares the version without epoch and release; in full it is meant, too.
fn is_version(package: &Package, wanted: &str) -> bool {
    let full = version_of(package);
    let without_epoch = full.split_once(':').map_or(full, |(_, version)| version);
    let without_release = without_epoch
        .rsplit_once('-')
        .filter(|_| is_os(&package.kind));
    [
        full,
        without_epoch,
        without_release.map_or(full, |(version, _)| version),
    ]
    .contains(&wanted)
}

#[cfg(test)]
mod tests;
