//! What the image is: its size, its distribution, its layers.

use std::cmp::Ordering;

use super::{Asked, Lack, Match, Trigger};
use crate::facts::Facts;
use crate::params::{Given, Kind, Param};
use crate::version;

pub(super) const TRIGGERS: &[Trigger] = &[Trigger {
    gate: "metadata",
    name: "attribute",
    aliases: &[],
    params: &[
        Param::required("attribute", Kind::OneOf(&ATTRIBUTES)),
        Param::required("check", Kind::OneOf(&CHECKS)),
        Param::optional("value", Kind::Linked(value)),
    ],
    silent: false,
    run: attribute,
}];

const ATTRIBUTES: [&str; 7] = [
    "size",
    "architecture",
    "os_type",
    "distro",
    "distro_version",
    "like_distro",
    "layer_count",
];

const CHECKS: [&str; 12] = [
    "=",
    "!=",
    ">",
    "<",
    ">=",
    "<=",
    "exists",
    "not_exists",
    "like",
    "not_like",
    "in",
    "not_in",
];

fn value(given: &Given<'_>) -> (Kind, bool) {
    let (attribute, check) = (given.get("attribute").copied(), given.get("check").copied());
    let required = !matches!(check, None | Some("exists" | "not_exists"));
    let kind = match (attribute, check) {
        (Some("size"), _) => Kind::Size,
        (Some("layer_count"), _) => Kind::Integer,
        (_, Some("like" | "not_like")) => Kind::Expression,
        _ => Kind::Text,
    };
    (kind, required)
}

/// What an attribute is.
enum Known {
    Number(u64),
    Text(String),
    /// The image does not say.
    Nothing,
}

impl std::fmt::Display for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Known::Number(number) => number.fmt(f),
            Known::Text(text) => text.fmt(f),
            Known::Nothing => "None".fmt(f),
        }
    }
}

fn attribute(asked: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    let (Some(name), Some(check)) = (asked.params.text("attribute"), asked.params.text("check"))
    else {
        return Ok(());
    };
    let known = known(asked.facts, name)?;
    let is_there = match &known {
        Known::Number(number) => *number > 0,
        Known::Text(text) => !text.is_empty(),
        Known::Nothing => false,
    };
    let holds = match (check, &known) {
        ("exists", _) => is_there,
        ("not_exists", _) => !is_there,
        (_, Known::Nothing) => return Err(lack(name)),
        (_, Known::Number(number)) => asked
            .params
            .number("value")
            .is_some_and(|wanted| compares(check, number.cmp(&wanted))),
        (_, Known::Text(text)) => holds(asked, (name, check), text),
    };
    if holds {
        let wanted = wanted(asked, &known);
        found.push(Match::new(format!(
            "Attribute check for attribute: '{name}' check: '{check}' check_value: '{wanted}' matched image value: '{known}'"
        )));
    }
    Ok(())
}

/// As Anchore prints what it compared with.
fn wanted(asked: &Asked<'_>, known: &Known) -> String {
    let number = asked
        .params
        .number("value")
        .map(|number| number.to_string());
    let text = || asked.params.text("value").map(str::to_owned);
    number.or_else(text).unwrap_or_else(|| match known {
        Known::Text(_) => "None".to_owned(),
        _ => String::new(),
    })
}

fn known(facts: &Facts<'_>, name: &str) -> Result<Known, Lack> {
    let configuration = || facts.configuration().ok_or_else(|| lack(name));
    let distribution = || facts.distribution().ok_or_else(|| lack(name));
    let text = |text: Option<String>| text.map_or(Known::Nothing, Known::Text);
    Ok(match name {
        "size" => Known::Number(configuration()?.size.ok_or_else(|| lack(name))?),
        "architecture" => text(configuration()?.architecture.clone()),
        "os_type" => text(configuration()?.os.clone()),
        "distro" => text(Some(distribution()?.name.clone())),
        "distro_version" => text(distribution()?.version.clone()),
        "like_distro" => text(Some(distribution()?.like.join(","))),
        _ => {
            let layers = facts.layer_count().ok_or_else(|| lack(name))?;
            Known::Number(u64::try_from(layers).unwrap_or(u64::MAX))
        }
    })
}

fn lack(name: &str) -> Lack {
    Lack::of(format!(
        "a report with the image's {}",
        name.replace('_', " ")
    ))
}

fn holds(asked: &Asked<'_>, (name, check): (&str, &str), known: &str) -> bool {
    let Some(wanted) = asked.params.text("value") else {
        return false;
    };
    let like = || {
        asked
            .params
            .expression("value")
            .is_some_and(|expression| expression.matches(known))
    };
    // Anchore takes 9 for newer than 12.
    let numeric =
        || version::numeric(known, wanted).filter(|_| name == "distro_version" && !asked.exact());
    match check {
        "like" => like(),
        "not_like" => !like(),
        "in" => wanted.split(',').any(|item| item.trim() == known),
        "not_in" => wanted.split(',').all(|item| item.trim() != known),
        check => compares(check, numeric().unwrap_or_else(|| known.cmp(wanted))),
    }
}

/// Whether an order is as the operator says. For numbers, to be like another or among others is to be equal.
fn compares(check: &str, order: Ordering) -> bool {
    match check {
        "=" | "like" | "in" => order.is_eq(),
        "!=" | "not_like" | "not_in" => order.is_ne(),
        ">" => order.is_gt(),
        "<" => order.is_lt(),
        ">=" => order.is_ge(),
        "<=" => order.is_le(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
