//! Which ports the image says it listens on.

use super::asked_source;
use crate::gates::{Asked, Lack, Match, python_list};

/// A port, or a range of ports, as `EXPOSE` writes them.
struct Port {
    text: String,
    range: Option<(u64, u64)>,
    protocol: String,
}

impl Port {
    fn new(text: &str) -> Port {
        let (numbers, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let (low, high) = numbers.split_once('-').unwrap_or((numbers, numbers));
        let range = low.parse().ok().zip(high.parse().ok());
        Port {
            text: text.to_owned(),
            range,
            protocol: protocol.to_ascii_lowercase(),
        }
    }

    fn has(&self, port: u64) -> bool {
        self.range
            .is_some_and(|(low, high)| (low..=high).contains(&port))
    }

    fn covers(&self, other: &Port) -> bool {
        let within = |low, high| self.has(low) && self.has(high);
        self.protocol == other.protocol && other.range.is_some_and(|(low, high)| within(low, high))
    }
}

pub(super) fn exposed_ports(asked: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    let ports = asked.params.numbers("ports");
    let is_allowlist = asked.params.text("type") == Some("whitelist");
    let Some(lines) = lines(asked)? else {
        return Ok(());
    };
    for line in &lines {
        match asked.exact() {
            true => exact(line, ports, is_allowlist, found),
            false => fixed(line, ports, is_allowlist, found),
        }
    }
    // What a variable stands for is known when the image is built.
    let unknown = lines.iter().flatten().any(|port| port.range.is_none());
    match unknown && !is_allowlist && !asked.exact() {
        true => Err(Lack::of("a report with the image's configuration")),
        false => Ok(()),
    }
}

/// The ports of each `EXPOSE`; then those that only the configuration has, for instance from the base image.
fn lines(asked: &Asked<'_>) -> Result<Option<Vec<Vec<Port>>>, Lack> {
    let read = |line: &str| -> Vec<Port> { line.split_whitespace().map(Port::new).collect() };
    let source = asked_source(asked);
    let only_dockerfile =
        asked.exact() || asked.params.flag("actual_dockerfile_only") == Some(true);
    let configuration = asked.facts.configuration().filter(|_| !only_dockerfile);
    let (mut lines, ports): (Vec<Vec<Port>>, &[String]) = match (source, configuration) {
        (Ok(None), _) => return Ok(None),
        (Err(lack), None) => return Err(lack),
        (Err(_), Some(configuration)) => (Vec::new(), &configuration.exposed_ports),
        (Ok(Some(source)), None) if asked.exact() => {
            (source.arguments("EXPOSE").map(read).collect(), &[])
        }
        (Ok(Some(source)), None) => (source.inherited("EXPOSE").map(read).collect(), &[]),
        (Ok(Some(source)), Some(configuration)) => {
            let lines = source.inherited("EXPOSE").map(read);
            // Its variables have their values in the configuration.
            let known = lines.map(|line| {
                line.into_iter()
                    .filter(|port| port.range.is_some())
                    .collect()
            });
            (known.collect(), &configuration.exposed_ports)
        }
    };
    let is_new = |port: &Port| !lines.iter().flatten().any(|known| known.covers(port));
    let rest: Vec<Port> = ports
        .iter()
        .map(|port| Port::new(port))
        .filter(is_new)
        .collect();
    lines.push(rest);
    Ok(Some(lines))
}

fn exact(line: &[Port], ports: &[u64], is_allowlist: bool, found: &mut Vec<Match>) {
    let spellings = |port: &u64| {
        [
            format!("{port}"),
            format!("{port}/tcp"),
            format!("{port}/udp"),
        ]
    };
    if is_allowlist {
        let is_allowed = |port: &&Port| {
            ports
                .iter()
                .any(|allowed| spellings(allowed).contains(&port.text))
        };
        found.extend(
            line.iter()
                .filter(|port| !is_allowed(port))
                .map(not_allowed),
        );
        return;
    }
    for port in ports {
        let spelled = spellings(port);
        let hit = spelled
            .iter()
            .find_map(|text| line.iter().find(|port| port.text == *text));
        found.extend(hit.map(denied));
    }
}

/// 0 stands for any port: none is allowed, or each is denied.
fn fixed(line: &[Port], ports: &[u64], is_allowlist: bool, found: &mut Vec<Match>) {
    if ports.contains(&0) && !line.is_empty() {
        let texts: Vec<&str> = line.iter().map(|port| port.text.as_str()).collect();
        let list = if is_allowlist {
            "ALLOWEDPORTS"
        } else {
            "DENIEDPORTS"
        };
        let text = format!(
            "Dockerfile exposes network ports but policy sets {list}=0: {}",
            python_list(&texts)
        );
        found.push(Match::new(text).remedy("take EXPOSE out of the Dockerfile"));
        return;
    }
    for port in line {
        if is_allowlist {
            let all = |(low, high)| (low..=high).all(|number| ports.contains(&number));
            // No image listens on more than there are.
            let is_allowed = port
                .range
                .filter(|(_, high)| *high <= u64::from(u16::MAX))
                .is_some_and(all);
            found.extend((!is_allowed).then(|| not_allowed(port)));
        } else {
            found.extend(
                ports
                    .iter()
                    .any(|denied| port.has(*denied))
                    .then(|| denied(port)),
            );
        }
    }
}

fn not_allowed(port: &Port) -> Match {
    let text = format!(
        "Dockerfile exposes port ({}) which is not in policy file ALLOWEDPORTS list",
        port.text
    );
    Match::new(text).remedy(format!("do not expose port {}", port.text))
}

fn denied(port: &Port) -> Match {
    let text = format!(
        "Dockerfile exposes port ({}) which is in policy file DENIEDPORTS list",
        port.text
    );
    Match::new(text).remedy(format!("do not expose port {}", port.text))
}
