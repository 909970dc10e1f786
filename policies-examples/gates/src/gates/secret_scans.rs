//! Secrets that were left in the image.

use touchstone_sdk::evidence::FoundSecret;

use super::{Asked, Lack, Match, Trigger};
use crate::params::{Kind, Param};

pub(super) const TRIGGERS: &[Trigger] = &[Trigger {
    gate: "secret_scans",
    name: "content_regex_checks",
    aliases: &[],
    params: &[
        Param::optional("content_regex_name", Kind::Text),
        Param::optional("filename_regex", Kind::Expression),
        Param::optional("match_type", Kind::OneOf(&["found", "notfound"])),
    ],
    silent: true,
    run: content_regex_checks,
}];

/// The expressions that Anchore looks for unless it is told otherwise: they are part of ids. And by which words the rules
/// of other scanners are known to look for the same; the first that fits.
const NAMES: [Name; 5] = [
    Name {
        name: "AWS_SECRET_KEY",
        expression: "(?i).*aws_secret_access_key( *=+ *).*(?<![A-Za-z0-9/+=])[A-Za-z0-9/+=]{40}(?![A-Za-z0-9/+=]).*",
        words: &["aws", "secret"],
    },
    Name {
        name: "AWS_ACCESS_KEY",
        expression: "(?i).*aws_access_key_id( *=+ *).*(?<![A-Z0-9])[A-Z0-9]{20}(?![A-Z0-9]).*",
        words: &["aws", "access"],
    },
    Name {
        name: "PRIV_KEY",
        expression: "(?i)-+BEGIN(.*)PRIVATE KEY-+",
        words: &["private", "key"],
    },
    Name {
        name: "DOCKER_AUTH",
        expression: "(?i).*\"auth\": *\".+\"",
        words: &["docker"],
    },
    Name {
        name: "API_KEY",
        expression: "(?i).*api(-|_)key( *=+ *).*(?<![A-Z0-9])[A-Z0-9]{20,60}(?![A-Z0-9]).*",
        words: &["api", "key"],
    },
];

struct Name {
    name: &'static str,
    expression: &'static str,
    words: &'static [&'static str],
}

/// What Anchore calls it. What is none of the others is a key to some programming interface.
fn name_of(secret: &FoundSecret) -> (&'static str, String) {
    let rule = secret.rule.to_lowercase();
    let known = NAMES.iter().find(|known| {
        rule == known.name.to_lowercase() || known.words.iter().all(|word| rule.contains(word))
    });
    match known {
        Some(known) => (known.name, format!("{}={}", known.name, known.expression)),
        None => ("API_KEY", secret.rule.clone()),
    }
}

fn content_regex_checks(asked: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    let filter = asked
        .params
        .text("content_regex_name")
        .filter(|name| !name.is_empty());
    let files = asked
        .params
        .expression("filename_regex")
        .filter(|files| !files.as_str().is_empty());
    let secrets = match asked.facts.secrets() {
        Ok(secrets) => secrets,
        // To Anchore it is the same whether it has looked.
        Err(_) if asked.exact() => Vec::new(),
        Err(lack) => return Err(lack),
    };
    let in_files = secrets
        .iter()
        .filter(|secret| files.is_none_or(|files| files.matches(&secret.path)));
    let matches = matches(in_files, filter, asked.exact());
    if asked.params.text("match_type") != Some("notfound") {
        found.extend(matches);
        return unknown(filter.filter(|_| !asked.exact()), &secrets);
    }
    if matches.is_empty() {
        let files = files.map_or("*", |files| files.as_str());
        let name = filter.unwrap_or("all");
        found.push(Match::new(format!(
            "Secret content search analyzer did not find regexp match in container: filename_regex={files} content_regex_name={name}"
        )));
    }
    Ok(())
}

/// A file is told of once for each expression, on however many lines it matches.
fn matches<'a>(
    secrets: impl Iterator<Item = &'a FoundSecret>,
    filter: Option<&str>,
    exact: bool,
) -> Vec<Match> {
    let mut matches: Vec<Match> = Vec::new();
    for secret in secrets {
        let (name, expression) = name_of(secret);
        if !filter.is_none_or(|filter| is_meant(filter, (name, &expression, &secret.rule), exact)) {
            continue;
        }
        let text = format!(
            "Secret content search analyzer found regexp match in container: file={} regexp={expression}",
            secret.path
        );
        if !matches.iter().any(|other| other.text == text) {
            matches.push(
                Match::new(text)
                    .severity(secret.severity)
                    .path(&secret.path)
                    .remedy("take the secret out of the image, and replace it: it may be known"),
            );
        }
    }
    matches
}

/// A name of one's own is known to be looked for only when something is found by it.
fn unknown(filter: Option<&str>, secrets: &[FoundSecret]) -> Result<(), Lack> {
    let is_known = |wanted: &str| {
        NAMES
            .iter()
            .any(|known| [known.name, known.expression].contains(&wanted))
            || secrets.iter().any(|secret| secret.rule == wanted)
    };
    let Some(filter) = filter.filter(|filter| !is_known(filter)) else {
        return Ok(());
    };
    match filter
        .split([',', '|'])
        .map(str::trim)
        .find(|name| !is_known(name))
    {
        Some(name) => Err(Lack::of(format!(
            "a report of a search for secrets called {name}"
        ))),
        None => Ok(()),
    }
}

/// Whether a rule that names some expression means this one. Anchore asks whether the name is any part of the text.
fn is_meant(filter: &str, (name, expression, rule): (&str, &str, &str), exact: bool) -> bool {
    let bare = expression
        .split_once('=')
        .map_or(expression, |(_, bare)| bare);
    let is_one = |wanted: &str| [name, rule, expression, bare].contains(&wanted);
    match exact {
        true => filter.contains(name) || filter.contains(rule) || filter.contains(bare),
        false => is_one(filter) || filter.split([',', '|']).any(|wanted| is_one(wanted.trim())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use touchstone_sdk::prelude::*;

    const FOUND: &str = "Secret content search analyzer found regexp match in container";
    const NOT_FOUND: &str = "Secret content search analyzer did not find regexp match in container";

    fn secrets() -> Value {
        json!({"secrets": [
            {"rule": "private-key", "path": "/root/.ssh/id_rsa", "line": 1, "severity": "high"},
            {"rule": "private-key", "path": "/root/.ssh/id_rsa", "line": 30, "severity": "high"},
            {"rule": "github-pat", "path": "/app/.env", "severity": "critical"},
        ]})
    }

    fn key() -> &'static str {
        format!("{FOUND}: file=/root/.ssh/id_rsa regexp=PRIV_KEY=(?i)-+BEGIN(.*)PRIVATE KEY-+")
            .leak()
    }

    fn token() -> &'static str {
        format!("{FOUND}: file=/app/.env regexp=github-pat").leak()
    }

    #[test]
    fn secrets_are_told_by_file_and_expression() {
        let name = |name: &str| json!({"content_regex_name": name});
        run(
            "secret_scans.content_regex_checks",
            [
                ("fixed", json!({}), secrets(), vec![key(), token()]),
                ("fixed", name("PRIV_KEY"), secrets(), vec![key()]),
                ("fixed", name("API_KEY"), secrets(), vec![token()]),
                ("fixed", name("github-pat"), secrets(), vec![token()]),
                (
                    "fixed",
                    name("PRIV_KEY,API_KEY"),
                    secrets(),
                    vec![key(), token()],
                ),
                (
                    "fixed",
                    name("MY_PRIV_KEY"),
                    secrets(),
                    vec!["needs a report of a search for secrets called MY_PRIV_KEY"],
                ),
                ("fixed", name("DOCKER_AUTH"), secrets(), vec![]),
                (
                    "fixed",
                    name("PRIV_KEY|MINE"),
                    secrets(),
                    vec![key(), "needs a report of a search for secrets called MINE"],
                ),
                ("exact", name("MY_PRIV_KEY"), secrets(), vec![key()]),
                (
                    "fixed",
                    json!({"filename_regex": "/app/.*"}),
                    secrets(),
                    vec![token()],
                ),
                ("fixed", json!({}), json!({"secrets": []}), vec![]),
                (
                    "fixed",
                    json!({}),
                    json!({}),
                    vec!["needs a report of a search for secrets"],
                ),
                ("exact", json!({}), json!({}), vec![]),
            ],
        );
    }

    #[test]
    fn what_is_not_there_is_told_once() {
        let none = |files: &str, name: &str| -> &'static str {
            format!("{NOT_FOUND}: filename_regex={files} content_regex_name={name}").leak()
        };
        run(
            "secret_scans.content_regex_checks",
            [
                (
                    "fixed",
                    json!({"match_type": "notfound"}),
                    secrets(),
                    vec![],
                ),
                (
                    "fixed",
                    json!({"match_type": "notfound", "content_regex_name": "DOCKER_AUTH"}),
                    secrets(),
                    vec![none("*", "DOCKER_AUTH")],
                ),
                (
                    "fixed",
                    json!({"match_type": "notfound", "filename_regex": "/etc"}),
                    secrets(),
                    vec![none("/etc", "all")],
                ),
                (
                    "exact",
                    json!({"match_type": "notfound"}),
                    json!({}),
                    vec![none("*", "all")],
                ),
            ],
        );
    }

    #[test]
    fn rules_of_scanners_have_names_of_anchore() {
        for (rule, expected) in [
            ("aws-access-key-id", "AWS_ACCESS_KEY"),
            ("aws-secret-access-key", "AWS_SECRET_KEY"),
            ("AWS_ACCESS_KEY", "AWS_ACCESS_KEY"),
            ("private-key", "PRIV_KEY"),
            ("PRIV_KEY", "PRIV_KEY"),
            ("dockerconfig-secret", "DOCKER_AUTH"),
            ("generic-api-key", "API_KEY"),
            ("slack-access-token", "API_KEY"),
        ] {
            let secret = super::FoundSecret {
                rule: rule.to_owned(),
                category: None,
                severity: Severity::High,
                title: None,
                path: String::new(),
                line: None,
                layer: None,
            };
            assert_eq!(super::name_of(&secret).0, expected, "{rule}");
        }
    }
}
