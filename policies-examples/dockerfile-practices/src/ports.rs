//! Ports and ranges of ports, as settings and `EXPOSE` write them: `22`, `5900-5910`, `161/udp`.

use std::borrow::Cow;
use std::fmt;

use schemars::{Schema, SchemaGenerator, json_schema};
use touchstone_sdk::prelude::*;

/// A port, or a range of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports {
    first: u16,
    last: u16,
    /// `tcp`, `udp`, …; every one, when not given.
    protocol: Option<Cow<'static, str>>,
    /// What was written, when it is none.
    wrong: Option<String>,
}

impl Ports {
    /// That of ssh.
    pub const SSH: Ports = Ports {
        first: 22,
        last: 22,
        protocol: None,
        wrong: None,
    };

    /// Reads a text; nothing when it is none.
    pub fn read(text: &str) -> Option<Ports> {
        let (numbers, protocol) = match text.split_once('/') {
            Some((numbers, protocol)) => (numbers, Some(protocol.to_ascii_lowercase())),
            None => (text, None),
        };
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (first <= last).then_some(Ports {
            first,
            last,
            protocol: protocol.map(Cow::from),
            wrong: None,
        })
    }

    /// As `EXPOSE` means them: TCP, when nothing else is said.
    pub fn exposed(text: &str) -> Option<Ports> {
        let ports = Ports::read(text)?;
        let protocol = ports.protocol.or(Some("tcp".into()));
        Some(Ports { protocol, ..ports })
    }

    /// Whether they have a port in common.
    pub fn meets(&self, other: &Ports) -> bool {
        let same = match (&self.protocol, &other.protocol) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        self.wrong.is_none() && same && self.first <= other.last && other.first <= self.last
    }

    /// Why a setting is none.
    pub fn problem(&self) -> Option<String> {
        let text = self.wrong.as_ref()?;
        Some(format!(
            "{text} is no port, such as 22, 5900-5910 or 161/udp"
        ))
    }
}

impl<'de> Deserialize<'de> for Ports {
    /// A number or a text. What is wrong with it is told by `check`, together with all other problems.
    fn deserialize<D: touchstone_sdk::serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Ports, D::Error> {
        let value = Value::deserialize(from)?;
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        Ok(Ports::read(&text).unwrap_or(Ports {
            wrong: Some(value.to_string()),
            ..Ports::SSH
        }))
    }
}

impl JsonSchema for Ports {
    fn schema_name() -> Cow<'static, str> {
        "Ports".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["integer", "string"]})
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        if self.last > self.first {
            write!(f, "-{}", self.last)?;
        }
        match &self.protocol {
            Some(protocol) => write!(f, "/{protocol}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_meet_where_a_number_and_the_protocol_are_the_same() {
        for (forbidden, exposed, expected) in [
            ("22", "22", true),
            ("22", "22/udp", true),
            ("22/tcp", "22", true),
            ("22/tcp", "22/UDP", false),
            ("22", "20-25", true),
            ("5900-5910", "5910", true),
            ("5900-5910", "5911", false),
            ("22", "2222", false),
        ] {
            let (forbidden, exposed) = (
                Ports::read(forbidden).unwrap(),
                Ports::exposed(exposed).unwrap(),
            );
            assert_eq!(forbidden.meets(&exposed), expected, "{forbidden} {exposed}");
        }
        for text in ["", "ssh", "70000", "30-20", "1-2-3", "-1"] {
            assert_eq!(Ports::read(text), None, "{text}");
        }
    }
}
