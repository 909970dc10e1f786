//! Actions: what the words in rule files do by host calls.

use std::collections::BTreeMap;

use rule_engine::file::{Kind, Parameter};
use touchstone_sdk::prelude::*;
use touchstone_sdk::{Error, command, notify, queue, webhook};

use crate::Rules;
use crate::program::{Rule, Step};
use crate::scope::Scope;
use crate::settings::NamedAction;

/// An image for looking whether an action could be staged.
const SOME_IMAGE: &str = "registry.example.com/rehearsal:1";

/// What is to be done.
pub(crate) enum Act {
    Break,
    Find {
        level: Level,
        severity: Severity,
        message: Template,
    },
    Run {
        command: String,
        arguments: Vec<(String, Template)>,
        when: Condition,
    },
    Post {
        url: Template,
        credentials: Option<String>,
        when: Condition,
    },
    Publish {
        exchange: String,
        routing_key: Template,
        when: Condition,
    },
    Mail {
        to: Template,
        subject: Template,
        text: Template,
        server: Option<String>,
        when: Condition,
    },
}

/// A text with `{key}` in it.
pub(crate) struct Template(Vec<Parameter>);

impl Template {
    fn of(text: &str) -> Template {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, behind) = rest.split_at(open);
            let key = behind.get(1..).and_then(|behind| behind.split_once('}'));
            let Some((key, after)) = key else { break };
            parts.push(Parameter::Text(before.to_owned()));
            parts.push(Parameter::Key(key.to_owned()));
            rest = after;
        }
        parts.push(Parameter::Text(rest.to_owned()));
        Template(parts)
    }

    fn is_constant(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Parameter::Text(_)))
    }

    /// With the event's values; a key that the event lacks stays as it is written, as with CIPolicE.
    fn fill(&self, value: impl Fn(&str) -> Option<String>) -> String {
        let part = |part: &Parameter| match part {
            Parameter::Text(text) => text.clone(),
            Parameter::Key(key) => value(key).unwrap_or_else(|| format!("{{{key}}}")),
        };
        self.0.iter().map(part).collect()
    }
}

/// What actions know of the event.
pub(crate) struct Event<'a> {
    scope: &'a Scope<'a>,
    image: Option<String>,
}

impl<'a> Event<'a> {
    pub(crate) fn of(event: &touchstone_sdk::Event, scope: &'a Scope<'a>) -> Event<'a> {
        let image = scope.text("image").or_else(|| event.subject.clone());
        Event { scope, image }
    }
}

impl Act {
    /// What an action in a file means by the settings.
    pub(crate) fn of(kind: &Kind, rules: &Rules) -> Result<Act, String> {
        let run = |command: String, arguments: Vec<(String, Template)>| Act::Run {
            command,
            arguments,
            when: Condition::Always,
        };
        let image = || vec![("image".to_owned(), Template::of("{image}"))];
        Ok(match kind {
            Kind::Break => Act::Break,
            Kind::Script(path) => {
                let name = path.rsplit('/').next().unwrap_or(path);
                run(
                    rules
                        .commands
                        .get(path)
                        .map_or(name, String::as_str)
                        .to_owned(),
                    image(),
                )
            }
            Kind::Function {
                module,
                function,
                parameters,
            } => {
                let own = format!("{module}.{function}");
                let name = rules.commands.get(&format!("{module}.py:{function}"));
                let arguments = match parameters {
                    None => image(),
                    Some(parameters) => {
                        let numbered = (1..).zip(parameters);
                        numbered
                            .map(|(number, one): (u32, _)| {
                                (number.to_string(), Template(vec![one.clone()]))
                            })
                            .collect()
                    }
                };
                run(name.cloned().unwrap_or(own), arguments)
            }
            Kind::Web(url) => Act::Post {
                url: Template(vec![Parameter::Text(url.clone())]),
                credentials: rules.web.credentials.clone(),
                when: Condition::Always,
            },
            Kind::Named(name) => match rules.actions.get(name) {
                Some(named) => Act::named(named),
                None => return Err(unknown(name, &rules.actions)),
            },
        })
    }

    fn named(named: &NamedAction) -> Act {
        match named.clone() {
            NamedAction::Deny(message) => Act::Find {
                level: Level::Deny,
                severity: Severity::Unknown,
                message: Template::of(&message),
            },
            NamedAction::Finding {
                level,
                message,
                severity,
            } => Act::Find {
                level,
                severity: severity.unwrap_or(Severity::Unknown),
                message: Template::of(&message),
            },
            NamedAction::Command {
                name,
                arguments,
                when,
            } => Act::Run {
                command: name,
                arguments: arguments
                    .iter()
                    .map(|(name, text)| (name.clone(), Template::of(text)))
                    .collect(),
                when: when.into(),
            },
            NamedAction::Webhook {
                url,
                credentials,
                when,
            } => Act::Post {
                url: Template::of(&url),
                credentials,
                when: when.into(),
            },
            NamedAction::Queue {
                exchange,
                routing_key,
                when,
            } => Act::Publish {
                exchange,
                routing_key: Template::of(&routing_key),
                when: when.into(),
            },
            NamedAction::Notify {
                to,
                subject,
                text,
                server,
                when,
            } => Act::Mail {
                to: Template::of(&to),
                subject: Template::of(&subject),
                text: Template::of(&text),
                server,
                when: when.into(),
            },
        }
    }

    /// Whether it could be staged: asked when the policy is loaded, where staging causes nothing. What depends on the
    /// event is not known yet, so that only grants and names count there.
    pub(crate) fn rehearse(&self) -> Result<(), String> {
        let (constant, done) = match self {
            Act::Break | Act::Find { .. } => return Ok(()),
            Act::Run { arguments, .. } => (
                arguments.iter().all(|(_, value)| value.is_constant()),
                self.stage(&some, &Value::Null),
            ),
            Act::Post { url, .. } => (url.is_constant(), self.stage(&some, &Value::Null)),
            Act::Publish { routing_key, .. } => {
                (routing_key.is_constant(), self.stage(&some, &Value::Null))
            }
            Act::Mail { to, .. } => (to.is_constant(), self.stage(&some, &Value::Null)),
        };
        match done {
            Ok(()) => Ok(()),
            Err(Error::Invalid(_)) if !constant => Ok(()),
            // Whom it goes to is not known yet.
            Err(Error::Denied(_)) if !constant && !matches!(self, Act::Run { .. }) => Ok(()),
            Err(error) => Err(error.message().to_owned()),
        }
    }

    /// Does it for a rule that holds; answers what is kept of it.
    pub(crate) fn perform(
        &self,
        rule: &Rule,
        step: &Step,
        event: &Event<'_>,
        findings: &mut Vec<Finding>,
    ) -> Result<Value, Undecided> {
        let value = |key: &str| match key {
            "image" => event.image.clone(),
            key => event.scope.text(key),
        };
        if let Act::Find {
            level,
            severity,
            message,
        } = self
        {
            let mut finding =
                Finding::new(*level, &step.text, message.fill(value)).severity(*severity);
            finding.target = event.image.clone();
            finding.details = Some(json!({"rule": rule.text, "place": rule.place}).to_string());
            findings.push(finding);
            return Ok(json!({"action": step.text, "kind": "finding"}));
        }
        let kind = self.kind();
        if event.image.is_none() && self.needs_image() {
            return Err(Undecided::new(format!(
                "{}: {}: the event names no image",
                rule.place, step.text
            )));
        }
        self.stage(&value, event.scope.document())
            .map_err(|error| Undecided::new(format!("{}: {}: {error}", rule.place, step.text)))?;
        Ok(json!({"action": step.text, "kind": kind}))
    }

    fn kind(&self) -> &'static str {
        match self {
            Act::Break => "break",
            Act::Find { .. } => "finding",
            Act::Run { .. } => "command",
            Act::Post { .. } => "webhook",
            Act::Publish { .. } => "queue",
            Act::Mail { .. } => "notify",
        }
    }

    fn needs_image(&self) -> bool {
        let is_image = |part: &Parameter| matches!(part, Parameter::Key(key) if key == "image");
        match self {
            Act::Run { arguments, .. } => arguments
                .iter()
                .any(|(_, value)| value.0.iter().any(is_image)),
            _ => false,
        }
    }

    fn stage(&self, value: &dyn Fn(&str) -> Option<String>, document: &Value) -> Result<(), Error> {
        match self {
            Act::Break | Act::Find { .. } => Ok(()),
            Act::Run {
                command,
                arguments,
                when,
            } => arguments
                .iter()
                .fold(command::run(command), |run, (name, text)| {
                    run.with(name, text.fill(value))
                })
                .when(*when)
                .stage(),
            Act::Post {
                url,
                credentials,
                when,
            } => {
                let post = webhook::post(url.fill(value)).json(document).when(*when);
                match credentials {
                    Some(name) => post.credentials(name).stage(),
                    None => post.stage(),
                }
            }
            Act::Publish {
                exchange,
                routing_key,
                when,
            } => queue::publish(exchange, routing_key.fill(value))
                .json(document)
                .when(*when)
                .stage(),
            Act::Mail {
                to,
                subject,
                text,
                server,
                when,
            } => {
                let mail = notify::mail(to.fill(value))
                    .subject(subject.fill(value))
                    .text(text.fill(value))
                    .when(*when);
                match server {
                    Some(name) => mail.server(name).stage(),
                    None => mail.stage(),
                }
            }
        }
    }
}

/// A value for looking whether an action could be staged.
fn some(key: &str) -> Option<String> {
    Some(match key {
        "image" => SOME_IMAGE.to_owned(),
        key => format!("some-{key}"),
    })
}

fn unknown(name: &str, known: &BTreeMap<String, NamedAction>) -> String {
    if known.is_empty() {
        return format!("nobody says what {name:?} means: add it to `actions` in the settings");
    }
    let names: Vec<&str> = known.keys().map(String::as_str).collect();
    format!(
        "nobody says what {name:?} means: add it to `actions` in the settings; there are {}",
        names.join(", ")
    )
}
