//! How the image was built.

mod ports;
mod source;

use self::source::{Line, Source, source};
use super::{Asked, Lack, Match, Trigger};
use crate::params::{Given, Kind, Param};

pub(super) const TRIGGERS: &[Trigger] = &[
    Trigger {
        gate: "dockerfile",
        name: "instruction",
        aliases: &[],
        params: &[
            Param::required("instruction", Kind::OneOf(&source::INSTRUCTIONS)),
            Param::required("check", Kind::OneOf(&CHECKS)),
            Param::optional("value", Kind::Linked(value)),
            Param::optional("actual_dockerfile_only", Kind::Flag),
        ],
        silent: true,
        run: instruction,
    },
    Trigger {
        gate: "dockerfile",
        name: "effective_user",
        aliases: &[],
        params: &[
            Param::required("users", Kind::List),
            Param::required("type", Kind::OneOf(&["whitelist", "blacklist"])),
        ],
        silent: true,
        run: effective_user,
    },
    Trigger {
        gate: "dockerfile",
        name: "exposed_ports",
        aliases: &[],
        params: &[
            Param::required("ports", Kind::Numbers),
            Param::required("type", Kind::OneOf(&["whitelist", "blacklist"])),
            Param::optional("actual_dockerfile_only", Kind::Flag),
        ],
        silent: true,
        run: ports::exposed_ports,
    },
    Trigger {
        gate: "dockerfile",
        name: "no_dockerfile_provided",
        aliases: &[],
        params: &[],
        silent: false,
        run: no_dockerfile_provided,
    },
];

const CHECKS: [&str; 8] = [
    "=",
    "!=",
    "exists",
    "not_exists",
    "like",
    "not_like",
    "in",
    "not_in",
];

fn value(given: &Given<'_>) -> (Kind, bool) {
    match given.get("check").copied() {
        Some("like" | "not_like") => (Kind::Expression, true),
        Some("exists" | "not_exists") | None => (Kind::Text, false),
        Some(_) => (Kind::Text, true),
    }
}

/// The instructions; nothing when only a Dockerfile is asked for and there is none.
fn asked_source(asked: &Asked<'_>) -> Result<Option<Source>, Lack> {
    let only_actual = asked.params.flag("actual_dockerfile_only") == Some(true);
    if only_actual && asked.facts.dockerfile().is_none() {
        return Ok(None);
    }
    source(asked.facts).map(Some)
}

fn instruction(asked: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    let Some(source) = asked_source(asked)? else {
        return Ok(());
    };
    let (Some(name), Some(check)) = (asked.params.text("instruction"), asked.params.text("check"))
    else {
        return Ok(());
    };
    let value = asked.params.text("value");
    let lines: Vec<&Line> = source.lines(name).collect();
    let mut hides = false;
    for line in &lines {
        let holds = holds(asked, check, line);
        hides |= holds.is_none();
        if holds == Some(true) {
            let (value, line) = (value.unwrap_or(""), &line.arguments);
            found.push(Match::new(format!(
                "Dockerfile directive '{name}' check '{check}' matched against '{value}' for line '{line}'"
            )));
        }
    }
    if check == "not_exists" && lines.is_empty() {
        found.push(
            Match::new(format!(
                "Dockerfile directive '{name}' not found, matching condition 'not_exists' check"
            ))
            .remedy(format!("add the instruction {name} to the Dockerfile")),
        );
    }
    if hides {
        let need = format!("a Dockerfile: the image's history has no values of {name}");
        return Err(Lack::ours(need));
    }
    Ok(())
}

/// Whether a check holds; nothing when that cannot be told. Without a value none does.
fn holds(asked: &Asked<'_>, check: &str, line: &Line) -> Option<bool> {
    if check == "exists" {
        return Some(true);
    }
    let Some(value) = asked.params.text("value") else {
        return Some(false);
    };
    let like = || {
        let expression = asked.params.expression("value")?;
        line.is_like(expression)
    };
    let listed = || {
        let items: Vec<Option<bool>> = value.split(',').map(|item| line.is(item.trim())).collect();
        match items.contains(&Some(true)) {
            false if items.contains(&None) => None,
            is_listed => Some(is_listed),
        }
    };
    match check {
        "=" => line.is(value),
        "!=" => line.is(value).map(|is| !is),
        "like" => like(),
        "not_like" => like().map(|is| !is),
        "in" => listed(),
        "not_in" => listed().map(|is| !is),
        _ => Some(false),
    }
}

fn effective_user(asked: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    let Some(user) = user(asked)? else {
        return Ok(());
    };
    let users = asked.params.list("users");
    let is_listed = match asked.exact() {
        true => users.contains(&user),
        false => users.iter().any(|listed| is_same_user(listed, &user)),
    };
    let is_allowlist = asked.params.text("type") == Some("whitelist");
    // What a variable stands for is known when the image is built.
    if user.contains('$') && !is_allowlist && !asked.exact() {
        return Err(Lack::of("a report with the image's configuration"));
    }
    match (is_allowlist, is_listed) {
        (true, false) => found.push(
            Match::new(format!(
                "User {user} found as effective user, which is not on the allowed list"
            ))
            .remedy(format!("run as {}: set USER", users.join(" or "))),
        ),
        (false, true) => found.push(
            Match::new(format!(
                "User {user} found as effective user, which is explicity not allowed"
            ))
            .remedy("run as another user: set USER"),
        ),
        _ => {}
    }
    Ok(())
}

/// Who the image runs as. The configuration knows best: it has what the base image says, too.
fn user(asked: &Asked<'_>) -> Result<Option<String>, Lack> {
    if !asked.exact()
        && let Some(configuration) = asked.facts.configuration()
    {
        let user = configuration.user.clone().filter(|user| !user.is_empty());
        return Ok(Some(user.unwrap_or_else(|| "root".to_owned())));
    }
    let source = source(asked.facts)?;
    let last = match asked.exact() {
        true => source.arguments("USER").last(),
        false => source.inherited("USER").last(),
    };
    let Some(line) = last else {
        return Ok(Some("root".to_owned()));
    };
    let line = line.strip_prefix('[').unwrap_or(line);
    let user = line.split(']').next().unwrap_or("").trim();
    Ok((!user.is_empty()).then(|| user.to_owned()))
}

/// `app` is `app:staff`, and root is 0.
fn is_same_user(listed: &str, user: &str) -> bool {
    let name = |text: &'_ str| -> String {
        match text.split(':').next() {
            Some("0") => "root".to_owned(),
            name => name.unwrap_or("").to_owned(),
        }
    };
    listed == user || (!listed.contains(':') && name(listed) == name(user))
}

fn no_dockerfile_provided(asked: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    if asked.facts.dockerfile().is_none() {
        found.push(
            Match::new("Image was not analyzed with an actual Dockerfile")
                .remedy("send the Dockerfile to POST /v1/evidence"),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
