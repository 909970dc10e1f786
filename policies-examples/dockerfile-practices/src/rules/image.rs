//! Rules about what the image is in the end: its configuration, where somebody knows it, or else what makes it.

use std::collections::BTreeSet;

use touchstone_sdk::evidence::Instruction;
use touchstone_sdk::evidence::dockerfile::assignments;

use super::Hit;
use crate::build::Build;
use crate::ports::Ports;
use crate::settings::Practices;

/// Not root. The configuration tells what became of variables, and what the base sets.
pub fn user(build: &Build, _: &Practices) -> Option<Vec<Hit>> {
    let users = build.expanded("USER");
    let last = users.as_ref().and_then(|users| users.last());
    let hit = match (&build.configuration, last) {
        (Some(configuration), last) => {
            let user = configuration.user.as_deref().unwrap_or_default();
            let message = match (user, last) {
                ("", Some(_)) => {
                    "its configuration sets no USER, whatever the Dockerfile says".to_owned()
                }
                _ => runs_as(user),
            };
            is_root(user).then(|| Hit {
                message,
                line: last.map(|(instruction, _)| instruction.line),
            })
        }
        (None, Some((instruction, Ok(user)))) => {
            is_root(user).then(|| Hit::at(instruction, runs_as(user)))
        }
        (None, Some((instruction, Err(variable)))) => {
            let user = &instruction.arguments;
            let message = format!(
                "nobody can tell who it runs as: USER {user}, and {variable} has no default"
            );
            Some(Hit::at(instruction, message))
        }
        (None, None) => {
            users.as_ref()?;
            Some(Hit::new(
                "it has no USER, so it runs as root unless its base says otherwise",
            ))
        }
    };
    Some(hit.into_iter().collect())
}

fn runs_as(user: &str) -> String {
    match user.trim() {
        "" => "it runs as root, since no USER is set".to_owned(),
        user => format!("it runs as root: USER {user}"),
    }
}

/// By name or number, whatever the group.
fn is_root(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or_default().trim();
    let is_zero = name.parse::<u64>() == Ok(0);
    let roots = ["", "root", "ContainerAdministrator"];
    is_zero || roots.iter().any(|root| name.eq_ignore_ascii_case(root))
}

/// None of the forbidden ones. What the configuration exposes besides comes from the base.
pub fn ports(build: &Build, settings: &Practices) -> Option<Vec<Hit>> {
    let exposed = build.expanded("EXPOSE");
    if exposed.is_none() && build.configuration.is_none() {
        return None;
    }
    let mut hits = Vec::new();
    let mut seen: Vec<Ports> = Vec::new();
    for (instruction, text) in exposed.unwrap_or_default() {
        match text {
            Ok(text) => {
                for ports in text.split(|c: char| !c.is_ascii_alphanumeric() && !"-/".contains(c)) {
                    let found = Ports::exposed(ports).filter(|ports| is_forbidden(ports, settings));
                    if let Some(ports) = found.filter(|ports| !seen.contains(ports)) {
                        hits.push(Hit::at(instruction, format!("it exposes {ports}")));
                        seen.push(ports);
                    }
                }
            }
            Err(variable) if build.configuration.is_none() => {
                let text = &instruction.arguments;
                let message = format!(
                    "nobody can tell what it exposes: EXPOSE {text}, and {variable} has no default"
                );
                hits.push(Hit::at(instruction, message));
            }
            Err(_) => {}
        }
    }
    let configured = build.configuration.iter().flat_map(|it| &it.exposed_ports);
    for ports in configured.filter_map(|text| Ports::exposed(text)) {
        if is_forbidden(&ports, settings) && !seen.iter().any(|seen| seen.meets(&ports)) {
            hits.push(Hit::new(format!("it exposes {ports}")));
        }
    }
    Some(hits)
}

fn is_forbidden(ports: &Ports, settings: &Practices) -> bool {
    settings
        .forbidden_ports
        .iter()
        .any(|forbidden| forbidden.meets(ports))
}

/// One that is not switched off. Images in the OCI's format have no place for it, so that the Dockerfile counts first.
pub fn healthcheck(build: &Build, _: &Practices) -> Option<Vec<Hit>> {
    let effective = build.effective();
    let mut instructions = effective.iter().flatten();
    let last: Option<&&Instruction> = instructions.rfind(|one| one.name == "HEALTHCHECK");
    let hit = match (last, &build.configuration) {
        (Some(last), _) => is_none(&last.arguments)
            .then(|| Hit::at(last, "HEALTHCHECK NONE switches the check off")),
        (None, Some(configuration)) => match configuration.healthcheck.as_deref() {
            Some([first, ..]) if first == "NONE" => Some(Hit::new("its HEALTHCHECK is NONE")),
            Some([_, ..]) => None,
            Some([]) | None => Some(Hit::new("it has no HEALTHCHECK")),
        },
        (None, None) => {
            effective.as_ref()?;
            Some(Hit::new("it has no HEALTHCHECK, unless its base has one"))
        }
    };
    Some(hit.into_iter().collect())
}

/// As a Dockerfile has it, or a history: `NONE`, `&{["NONE"] "0s" "0s" "0s" '\x00'}`.
fn is_none(arguments: &str) -> bool {
    let arguments = arguments.trim();
    arguments.eq_ignore_ascii_case("NONE") || arguments.contains("[\"NONE\"]")
}

/// Not those of secrets, in any stage: a Dockerfile is read by more people than an image. Values are told to nobody.
pub fn secret_names(build: &Build, settings: &Practices) -> Option<Vec<Hit>> {
    let every = build.every();
    if every.is_none() && build.configuration.is_none() {
        return None;
    }
    let mut hits = Vec::new();
    let mut seen = BTreeSet::new();
    for instruction in every.iter().flatten() {
        // An empty variable is there to be set; an argument without a default is given to the build, and kept.
        let given = assignments(instruction)
            .into_iter()
            .filter(|(_, value)| value.as_deref() != Some(""));
        for (name, _) in given.filter(|(name, _)| settings.secret_names.look_like(name)) {
            let message = format!("{} {name} has the name of a secret", instruction.name);
            hits.push(Hit::at(instruction, message));
            seen.insert(name);
        }
        let empty = assignments(instruction)
            .into_iter()
            .filter(|(_, value)| value.as_deref() == Some(""));
        seen.extend(empty.map(|(name, _)| name));
    }
    let environment = build.configuration.iter().flat_map(|it| &it.environment);
    for name in environment.filter(|name| settings.secret_names.look_like(name)) {
        if !seen.contains(name) {
            hits.push(Hit::new(format!("ENV {name} has the name of a secret")));
        }
    }
    Some(hits)
}
