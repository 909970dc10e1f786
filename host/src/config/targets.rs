//! What touchstone.yaml names for policies to use by that name: credentials, commands, a broker, mail servers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;

use crate::image::ImageName;
use crate::secret::Secret;

/// Everything that actions and reads may name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Targets {
    /// What the host adds to requests.
    pub credentials: BTreeMap<String, Credentials>,
    /// Programs.
    pub commands: BTreeMap<String, Command>,
    /// URL of the AMQP broker that `queue` publishes to.
    pub broker: Option<Secret>,
    /// SMTP servers.
    pub mail: BTreeMap<String, MailServer>,
}

/// What the host adds to a request, so that the policy never sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Names in lower case, and their values.
    pub headers: Vec<(String, Secret)>,
    /// Key of the signature over a webhook's body.
    pub sign: Option<Secret>,
}

/// An SMTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServer {
    /// Name or address.
    pub host: String,
    /// Usually 587 for STARTTLS, 465 for TLS from the start, 25 without.
    pub port: u16,
    /// How the connection is protected.
    pub tls: MailTls,
    /// The sender's address.
    pub from: String,
    /// Whom to log in as.
    pub login: Option<(String, Secret)>,
}

/// How a connection to an SMTP server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// Plain at first, and TLS before anything that matters; not without.
    #[default]
    Starttls,
    /// TLS from the start.
    Implicit,
    /// Not at all.
    None,
}

/// A program with its arguments, of which policies may fill placeholders.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Absolute path.
    pub program: PathBuf,
    arguments: Vec<Vec<Part>>,
    placeholders: BTreeMap<String, Placeholder>,
    /// All that its environment holds besides the host's own variables.
    pub environment: Vec<(String, Secret)>,
    /// After that it is killed and tried again.
    pub timeout: Duration,
    /// How much of what it prints is kept.
    pub output: u64,
    /// Whom to run as; the host's own user if not given.
    pub user: Option<String>,
}

/// A part of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Placeholder(String),
}

/// What may take a placeholder's place.
#[derive(Clone, Debug)]
pub enum Placeholder {
    /// An image reference.
    Image,
    /// `sha256:…`
    Digest,
    /// What the expression matches as a whole.
    Text(Regex),
}

impl PartialEq for Placeholder {
    fn eq(&self, other: &Placeholder) -> bool {
        match (self, other) {
            (Placeholder::Image, Placeholder::Image)
            | (Placeholder::Digest, Placeholder::Digest) => true,
            (Placeholder::Text(one), Placeholder::Text(other)) => one.as_str() == other.as_str(),
            _ => false,
        }
    }
}

impl Placeholder {
    /// One for a regular expression, which has to match the whole value.
    pub fn text(expression: &str) -> Result<Placeholder, String> {
        let whole = format!(r"\A(?:{expression})\z");
        Regex::new(expression)
            .and_then(|_| Regex::new(&whole))
            .map(Placeholder::Text)
            .map_err(|error| format!("{expression:?} is no regular expression: {error}"))
    }

    fn accept(&self, value: &str) -> Result<(), String> {
        match self {
            Placeholder::Image => ImageName::parse(value)
                .map(drop)
                .map_err(|error| format!("it is no image reference: {error}")),
            Placeholder::Digest => {
                let digest = ImageName::parse(&format!("a@{value}"));
                digest.map(drop).map_err(|_| "it is no digest".to_owned())
            }
            Placeholder::Text(expression) if expression.is_match(value) => Ok(()),
            Placeholder::Text(_) => {
                Err("it does not match the placeholder's expression".to_owned())
            }
        }
    }
}

impl Command {
    /// From what touchstone.yaml says, with every placeholder declared and used.
    pub fn new(
        run: &[String],
        placeholders: BTreeMap<String, Placeholder>,
    ) -> Result<Command, String> {
        let Some((program, arguments)) = run.split_first() else {
            return Err("run: name the program and its arguments".to_owned());
        };
        let program = PathBuf::from(program);
        if !program.is_absolute() {
            return Err(format!(
                "run: {}: name the program by its absolute path",
                program.display()
            ));
        }
        let arguments: Vec<Vec<Part>> = arguments
            .iter()
            .map(|argument| parts(argument))
            .collect::<Result<_, _>>()?;
        let used: BTreeSet<&String> = arguments
            .iter()
            .flatten()
            .filter_map(|part| match part {
                Part::Placeholder(name) => Some(name),
                Part::Text(_) => None,
            })
            .collect();
        if let Some(name) = used.iter().find(|name| !placeholders.contains_key(**name)) {
            return Err(format!(
                "run: {{{name}}} is not declared: add to placeholders `{name}: image`, `digest` or `{{text: \"…\"}}`"
            ));
        }
        if let Some(name) = placeholders.keys().find(|name| !used.contains(name)) {
            return Err(format!("placeholders: {name} is not used in run"));
        }
        Ok(Command {
            program,
            arguments,
            placeholders,
            environment: Vec::new(),
            timeout: Duration::from_secs(30),
            output: 64 << 10,
            user: None,
        })
    }

    /// Whether values are named that the command takes, and all of them.
    pub fn takes(&self, values: &[(String, String)]) -> Result<(), String> {
        let is_known = |name: &String| self.placeholders.contains_key(name);
        if let Some((name, _)) = values.iter().find(|(name, _)| !is_known(name)) {
            let known: Vec<&str> = self.placeholders.keys().map(String::as_str).collect();
            return Err(match known.as_slice() {
                [] => format!("there is no placeholder {name:?}, nor any other"),
                known => format!(
                    "there is no placeholder {name:?}; there are {}",
                    known.join(", ")
                ),
            });
        }
        let mut given = BTreeSet::new();
        if let Some((name, _)) = values.iter().find(|(name, _)| !given.insert(name)) {
            return Err(format!("placeholder {name:?} is given twice"));
        }
        let is_given = |name: &String| values.iter().any(|(given, _)| given == name);
        match self.placeholders.keys().find(|name| !is_given(name)) {
            Some(missing) => Err(format!("placeholder {missing:?} has no value")),
            None => Ok(()),
        }
    }

    /// The arguments with the placeholders filled. Each value is one argument's part, whatever it holds; one that would
    /// make an argument look like an option is refused.
    pub fn fill(&self, values: &[(String, String)]) -> Result<Vec<String>, String> {
        self.takes(values)?;
        let mut given = BTreeMap::new();
        for (name, value) in values {
            let Some(placeholder) = self.placeholders.get(name) else {
                continue;
            };
            let wrong = |reason: &str| Err(format!("placeholder {name}: {value:?}: {reason}"));
            if value.contains('\0') {
                return wrong("an argument cannot hold NUL");
            }
            if let Err(reason) = placeholder.accept(value) {
                return wrong(&reason);
            }
            given.insert(name.as_str(), value.as_str());
        }
        self.arguments
            .iter()
            .map(|argument| fill(argument, &given))
            .collect()
    }
}

fn fill(argument: &[Part], given: &BTreeMap<&str, &str>) -> Result<String, String> {
    let text: String = argument
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Placeholder(name) => given.get(name.as_str()).copied().unwrap_or_default(),
        })
        .collect();
    let starts_with_value = matches!(argument.first(), Some(Part::Placeholder(_)));
    if starts_with_value && text.starts_with('-') {
        return Err(format!("{text:?} would be taken for an option"));
    }
    Ok(text)
}

/// Splits `--label={label}`; `{{` and `}}` are braces.
fn parts(argument: &str) -> Result<Vec<Part>, String> {
    let wrong = || format!("run: {argument:?}: write a placeholder as {{name}}, a brace twice");
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut chars = argument.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '}' if chars.peek() == Some(&c) => {
                chars.next();
                text.push(c);
            }
            '{' => {
                let name: String = chars.by_ref().take_while(|c| *c != '}').collect();
                if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
                    return Err(wrong());
                }
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                parts.push(Part::Placeholder(name));
            }
            '}' => return Err(wrong()),
            c => text.push(c),
        }
    }
    if !text.is_empty() || parts.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(run: &[&str]) -> Result<Command, String> {
        let run: Vec<String> = run.iter().map(|part| (*part).to_owned()).collect();
        let placeholders = [
            ("image".to_owned(), Placeholder::Image),
            ("label".to_owned(), Placeholder::text("[^;]+").unwrap()),
        ];
        Command::new(&run, placeholders.into())
    }

    #[test]
    fn a_value_is_one_argument_whatever_it_holds() {
        let command = command(&[
            "/bin/mark",
            "{image}",
            "--label={label}",
            "{{x}}",
            "",
            "{label}",
        ])
        .unwrap();
        let fill = |image: &str, label: &str| {
            command.fill(&[
                ("image".into(), image.into()),
                ("label".into(), label.into()),
            ])
        };
        assert_eq!(
            fill("nginx:1", "a b'\"\n$(x) `y` {image}").unwrap(),
            [
                "nginx:1",
                "--label=a b'\"\n$(x) `y` {image}",
                "{x}",
                "",
                "a b'\"\n$(x) `y` {image}"
            ]
        );
        for (image, label, expected) in [
            ("nginx:1; rm -rf /", "a", "image reference"),
            ("nginx'", "a", "image reference"),
            ("-v", "a", "image reference"),
            ("nginx", "a;b", "expression"),
            ("nginx", "", "expression"),
            ("nginx", "-rf", "option"),
            ("nginx", "a\0b", "NUL"),
        ] {
            let error = fill(image, label).unwrap_err();
            assert!(error.contains(expected), "{image:?} {label:?}: {error}");
        }
        let image = |value: &str| ("image".to_owned(), value.to_owned());
        assert!(
            command
                .fill(&[image("nginx")])
                .unwrap_err()
                .contains("\"label\" has no value")
        );
        assert!(
            command
                .fill(&[image("nginx"), image("nginx")])
                .unwrap_err()
                .contains("twice")
        );
        assert!(
            command
                .fill(&[("imgae".into(), "nginx".into())])
                .unwrap_err()
                .contains("no placeholder")
        );
    }

    #[test]
    fn an_expression_matches_the_whole_value() {
        let placeholder = Placeholder::text("a|b").unwrap();
        assert!(placeholder.accept("a").is_ok() && placeholder.accept("b").is_ok());
        for value in ["ab", "xa", "bx", "a\n", "\na", ""] {
            assert!(placeholder.accept(value).is_err(), "{value:?}");
        }
        assert!(Placeholder::text("(").is_err() && Placeholder::text("a)|(b").is_err());
        let digest = format!("sha256:{}", "a".repeat(64));
        assert!(Placeholder::Digest.accept(&digest).is_ok());
        assert!(
            Placeholder::Digest.accept("sha256:abc").is_err()
                && Placeholder::Digest.accept("latest").is_err()
        );
    }

    #[test]
    fn a_command_is_whole() {
        for (run, expected) in [
            (&[][..], "name the program"),
            (&["mark"], "absolute path"),
            (
                &["/bin/mark", "{image}", "{lable}"],
                "{lable} is not declared",
            ),
            (&["/bin/mark", "{image}"], "label is not used"),
            (&["/bin/mark", "{image"], "not used"),
            (&["/bin/mark", "{}"], "placeholder as {name}"),
            (&["/bin/mark", "}"], "placeholder as {name}"),
        ] {
            let error = command(run).unwrap_err();
            assert!(error.contains(expected), "{run:?}: {error}");
        }
    }
}
