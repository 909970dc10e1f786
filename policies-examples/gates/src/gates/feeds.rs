//! npm and Ruby packages. Anchore knew from feeds which of them there are; nothing tells that here.

use super::{Asked, Lack, Match, Trigger};
use crate::params::{Kind, Param};

const NAME_AND_VERSION: &[Param] = &[
    Param::required("name", Kind::Text),
    Param::optional("version", Kind::Text),
];

pub(super) const NPMS: &[Trigger] = &[
    needs_feed("npms", "newer_version_in_feed", |asked, _| {
        feed(asked, "npm")
    }),
    needs_feed("npms", "unknown_in_feeds", |asked, _| feed(asked, "npm")),
    needs_feed("npms", "version_not_in_feeds", |asked, _| {
        feed(asked, "npm")
    }),
    Trigger {
        gate: "npms",
        name: "blacklisted_name_version",
        aliases: &[],
        params: NAME_AND_VERSION,
        silent: false,
        run: |asked, found| blacklisted(asked, found, ("npm", "NPM Package is blacklisted: ")),
    },
    Trigger {
        gate: "npms",
        name: "feed_data_unavailable",
        aliases: &[],
        params: &[],
        silent: false,
        run: |_, found| unavailable(found, "NPM packages are present but the anchore npm feed"),
    },
];

pub(super) const RUBY_GEMS: &[Trigger] = &[
    needs_feed("ruby_gems", "newer_version_found_in_feed", |asked, _| {
        feed(asked, "gem")
    }),
    needs_feed("ruby_gems", "not_found_in_feed", |asked, _| {
        feed(asked, "gem")
    }),
    needs_feed("ruby_gems", "version_not_found_in_feed", |asked, _| {
        feed(asked, "gem")
    }),
    Trigger {
        gate: "ruby_gems",
        name: "blacklist",
        aliases: &[],
        params: NAME_AND_VERSION,
        silent: false,
        run: |asked, found| blacklisted(asked, found, ("gem", "Gem Package is blacklisted: ")),
    },
    Trigger {
        gate: "ruby_gems",
        name: "feed_data_unavailable",
        aliases: &[],
        params: &[],
        silent: false,
        run: |_, found| unavailable(found, "Gem packages are present but the anchore gem feed"),
    },
];

const fn needs_feed(
    gate: &'static str,
    name: &'static str,
    run: fn(&Asked<'_>, &mut Vec<Match>) -> Result<(), Lack>,
) -> Trigger {
    Trigger {
        gate,
        name,
        aliases: &[],
        params: &[],
        silent: true,
        run,
    }
}

/// Where there is no such package, the feed would not matter.
fn feed(asked: &Asked<'_>, kind: &str) -> Result<(), Lack> {
    let concerns = asked
        .facts
        .packages()?
        .iter()
        .any(|package| package.kind == kind);
    match concerns {
        true => Err(Lack::of(format!(
            "a feed of {kind} packages, which nothing provides"
        ))),
        false => Ok(()),
    }
}

fn blacklisted(
    asked: &Asked<'_>,
    found: &mut Vec<Match>,
    (kind, text): (&str, &str),
) -> Result<(), Lack> {
    let name = asked.params.text("name").unwrap_or_default();
    let version = asked
        .params
        .text("version")
        .filter(|version| !version.is_empty());
    let is_it = |version: Option<&str>| {
        let mut packages = asked
            .facts
            .packages()?
            .iter()
            .filter(|package| package.kind == kind && package.name == name);
        Ok(packages.any(|package| {
            version.is_none_or(|version| package.version.as_deref() == Some(version))
        }))
    };
    if is_it(version)? {
        let text = match version {
            Some(version) => format!("{text}{name}-{version}"),
            None => format!("{text}{name}"),
        };
        found.push(
            Match::new(text)
                .package(name)
                .remedy(format!("do without {name}")),
        );
    }
    Ok(())
}

fn unavailable(found: &mut Vec<Match>, what: &str) -> Result<(), Lack> {
    let text = format!(
        "{what} is not available - will be unable to perform checks that require feed data"
    );
    found.push(Match::new(text).remedy("take the rules that need a feed out of the bundle"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use touchstone_sdk::prelude::*;

    fn packages() -> Value {
        json!({"packages": [
            {"name": "left", "kind": "npm", "version": "1.0.0"},
            {"name": "left", "kind": "npm", "version": "1.1.0"},
            {"name": "rack", "kind": "gem", "version": "2.2.3"},
        ]})
    }

    #[test]
    fn what_only_a_feed_knows_is_not_known() {
        for (kind, rules) in [
            (
                "npm",
                [
                    "npms.newer_version_in_feed",
                    "npms.unknown_in_feeds",
                    "npms.version_not_in_feeds",
                ],
            ),
            (
                "gem",
                [
                    "ruby_gems.newer_version_found_in_feed",
                    "ruby_gems.not_found_in_feed",
                    "ruby_gems.version_not_found_in_feed",
                ],
            ),
        ] {
            let needs: &str =
                format!("needs a feed of {kind} packages, which nothing provides").leak();
            let silent: &str =
                format!("silent: a feed of {kind} packages, which nothing provides").leak();
            for rule in rules {
                run(
                    rule,
                    [
                        ("fixed", json!({}), packages(), vec![needs]),
                        ("exact", json!({}), packages(), vec![silent]),
                        (
                            "fixed",
                            json!({}),
                            json!({"packages": [{"name": "x", "kind": "deb"}]}),
                            vec![],
                        ),
                        (
                            "fixed",
                            json!({}),
                            json!({}),
                            vec!["needs a report that lists packages"],
                        ),
                    ],
                );
            }
        }
        run(
            "npms.feed_data_unavailable",
            [(
                "fixed",
                json!({}),
                json!({}),
                vec![
                    "NPM packages are present but the anchore npm feed is not available - will be unable to perform checks that require feed data",
                ],
            )],
        );
        run(
            "ruby_gems.feed_data_unavailable",
            [(
                "exact",
                json!({}),
                json!({}),
                vec![
                    "Gem packages are present but the anchore gem feed is not available - will be unable to perform checks that require feed data",
                ],
            )],
        );
    }

    #[test]
    fn a_package_is_told_once_whatever_its_versions() {
        run(
            "npms.blacklisted_name_version",
            [
                (
                    "fixed",
                    json!({"name": "left"}),
                    packages(),
                    vec!["NPM Package is blacklisted: left"],
                ),
                (
                    "fixed",
                    json!({"name": "left", "version": "1.1.0"}),
                    packages(),
                    vec!["NPM Package is blacklisted: left-1.1.0"],
                ),
                (
                    "fixed",
                    json!({"name": "left", "version": "2"}),
                    packages(),
                    vec![],
                ),
                ("fixed", json!({"name": "rack"}), packages(), vec![]),
                (
                    "exact",
                    json!({"name": "left"}),
                    json!({}),
                    vec!["needs a report that lists packages"],
                ),
            ],
        );
        run(
            "ruby_gems.blacklist",
            [(
                "fixed",
                json!({"name": "rack", "version": "2.2.3"}),
                packages(),
                vec!["Gem Package is blacklisted: rack-2.2.3"],
            )],
        );
    }
}
