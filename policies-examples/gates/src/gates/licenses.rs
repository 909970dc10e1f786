//! Which licences the packages have.

use touchstone_sdk::evidence::Package;

use super::{Asked, Lack, Match, Trigger};
use crate::facts::Facts;
use crate::gates::packages::is_os;
use crate::params::{Kind, Param};

const PARAMS: &[Param] = &[Param::required("licenses", Kind::List)];

pub(super) const TRIGGERS: &[Trigger] = &[
    Trigger {
        gate: "licenses",
        name: "blacklist_exact_match",
        aliases: &[],
        params: PARAMS,
        silent: false,
        run: |asked, found| {
            search(asked, found, "LICFULLMATCH", |licence, listed| {
                licence == listed
            })
        },
    },
    Trigger {
        gate: "licenses",
        name: "blacklist_partial_match",
        aliases: &[],
        params: PARAMS,
        silent: false,
        run: |asked, found| {
            search(asked, found, "LICSUBMATCH", |licence, listed| {
                licence.contains(listed)
            })
        },
    },
];

/// A package's name, and a word of its licence.
type Licence = (String, String);

fn search(
    asked: &Asked<'_>,
    found: &mut Vec<Match>,
    word: &str,
    is_listed: fn(&str, &str) -> bool,
) -> Result<(), Lack> {
    let listed = asked.params.list("licenses");
    let mut hits: Vec<Licence> = Vec::new();
    for licence in licences(asked.facts, asked.exact())? {
        let times = listed
            .iter()
            .filter(|listed| is_listed(&licence.1, listed))
            .count();
        // Anchore tells of a licence once for each item of the list that it contains.
        let times = if asked.exact() { times } else { times.min(1) };
        hits.extend(std::iter::repeat_n(licence, times));
    }
    let text = |hits: &[Licence]| {
        let hits: Vec<String> = hits
            .iter()
            .map(|(name, licence)| format!("{name}({licence})"))
            .collect();
        format!(
            "{word} Packages are installed that have blacklisted licenses: {}",
            hits.join(", ")
        )
    };
    if asked.exact() {
        found.extend((!hits.is_empty()).then(|| Match::new(text(&hits))));
        return Ok(());
    }
    for package in hits.chunk_by(|left, right| left.0 == right.0) {
        let name = package.first().map_or("", |(name, _)| name);
        found.push(
            Match::new(text(package))
                .package(name)
                .remedy(format!("do without {name}")),
        );
    }
    Ok(())
}

/// The licences, package by package. Anchore knows those of the distribution's packages only.
fn licences(facts: &Facts<'_>, only_os: bool) -> Result<Vec<Licence>, Lack> {
    let packages = facts.packages();
    // Where there is no package, there is no licence.
    let is_asked = |package: &&Package| !only_os || is_os(&package.kind);
    let mut looked = packages
        .as_ref()
        .is_ok_and(|packages| !packages.iter().any(|package| is_asked(&package)));
    let packages = packages.unwrap_or_default();
    let mut all: Vec<Licence> = Vec::new();
    for package in packages.iter().filter(is_asked) {
        looked |= package.licences.is_some();
        let words = package
            .licences
            .iter()
            .flatten()
            .flat_map(|licence| words(licence, only_os));
        all.extend(words.map(|word| (package.name.clone(), word)));
    }
    if let Some(found) = facts.licences() {
        looked = true;
        for licence in found {
            let Some(name) = licence.package else {
                continue;
            };
            if packages
                .iter()
                .any(|package| package.name == name && !is_asked(&package))
            {
                continue;
            }
            all.extend(
                words(&licence.name, only_os)
                    .into_iter()
                    .map(|word| (name.clone(), word)),
            );
        }
    }
    if !looked {
        return Err(Lack::of("a report with the licences of packages"));
    }
    if !only_os {
        all.sort();
        all.dedup();
    }
    Ok(all)
}

/// `(GPL-2.0-only OR MIT)` has parts. Anchore leaves the parentheses on.
fn words(licence: &str, exact: bool) -> Vec<String> {
    let words = licence.split_whitespace();
    match exact {
        true => words.map(str::to_owned).collect(),
        false => {
            let bare = words.map(|word| word.trim_matches(['(', ')', ',', ';']));
            bare.filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use touchstone_sdk::prelude::*;

    fn packages() -> Value {
        json!({"packages": [
            {"name": "bash", "kind": "deb", "licences": ["GPL-3.0+ MIT"]},
            {"name": "curl", "kind": "deb", "licences": ["curl"]},
            {"name": "left", "kind": "npm", "licences": ["(GPL-3.0+ OR LGPL-2)"]},
            {"name": "zlib", "kind": "deb", "licences": ["GPL-3.0+", "LGPL-2"]},
        ]})
    }

    #[test]
    fn a_licence_is_one_of_the_list() {
        let gpl = || json!({"licenses": "GPL-3.0+, AGPL"});
        run(
            "licenses.blacklist_exact_match",
            [
                (
                    "exact",
                    gpl(),
                    packages(),
                    vec![
                        "LICFULLMATCH Packages are installed that have blacklisted licenses: bash(GPL-3.0+), zlib(GPL-3.0+)",
                    ],
                ),
                (
                    "fixed",
                    gpl(),
                    packages(),
                    vec![
                        "LICFULLMATCH Packages are installed that have blacklisted licenses: bash(GPL-3.0+)",
                        "LICFULLMATCH Packages are installed that have blacklisted licenses: left(GPL-3.0+)",
                        "LICFULLMATCH Packages are installed that have blacklisted licenses: zlib(GPL-3.0+)",
                    ],
                ),
                (
                    "fixed",
                    gpl(),
                    json!({"licences": [{"name": "AGPL", "package": "mongo"}, {"name": "AGPL", "path": "/x"}]}),
                    vec![
                        "LICFULLMATCH Packages are installed that have blacklisted licenses: mongo(AGPL)",
                    ],
                ),
                ("fixed", json!({"licenses": "MPL"}), packages(), vec![]),
                (
                    "fixed",
                    gpl(),
                    json!({"packages": [{"name": "bash", "kind": "deb"}]}),
                    vec!["needs a report with the licences of packages"],
                ),
                ("fixed", gpl(), json!({"packages": []}), vec![]),
                (
                    "exact",
                    gpl(),
                    json!({"packages": [{"name": "left", "kind": "npm"}]}),
                    vec![],
                ),
                (
                    "exact",
                    gpl(),
                    json!({}),
                    vec!["needs a report with the licences of packages"],
                ),
            ],
        );
    }

    #[test]
    fn a_licence_contains_one_of_the_list() {
        let gpl = || json!({"licenses": "GPL,LGPL"});
        run(
            "licenses.blacklist_partial_match",
            [
                (
                    "exact",
                    gpl(),
                    packages(),
                    vec![
                        "LICSUBMATCH Packages are installed that have blacklisted licenses: bash(GPL-3.0+), zlib(GPL-3.0+), zlib(LGPL-2), zlib(LGPL-2)",
                    ],
                ),
                (
                    "fixed",
                    gpl(),
                    packages(),
                    vec![
                        "LICSUBMATCH Packages are installed that have blacklisted licenses: bash(GPL-3.0+)",
                        "LICSUBMATCH Packages are installed that have blacklisted licenses: left(GPL-3.0+), left(LGPL-2)",
                        "LICSUBMATCH Packages are installed that have blacklisted licenses: zlib(GPL-3.0+), zlib(LGPL-2)",
                    ],
                ),
            ],
        );
    }
}
