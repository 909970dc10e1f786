//! What touchstone.yaml says of targets and sources, and policy.yaml of grants, before it is checked.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytesize::ByteSize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::grants::{Grant, Pattern, WebTerms};
use crate::secret::Secret;

use super::raw::{duration, size};
use super::targets::{Command, Credentials, MailServer, MailTls, Placeholder, Targets};
use super::{AmqpSource, OutboxConfig, Retention};

/// A text, or a mapping that says more.
pub(super) enum TextOr<T> {
    Text(String),
    Map(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TextOr<T>, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = TextOr<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a mapping")
            }
            fn visit_str<E>(self, text: &str) -> Result<TextOr<T>, E> {
                Ok(TextOr::Text(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TextOr<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(TextOr::Map)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSecretMap {
    env: Option<String>,
    file: Option<PathBuf>,
}

pub(super) type RawSecret = TextOr<RawSecretMap>;

/// Files count from the folder of touchstone.yaml.
pub(super) fn secret(raw: RawSecret, base: &Path) -> Result<Secret, String> {
    match raw {
        TextOr::Text(text) => Ok(Secret::Text(text)),
        TextOr::Map(RawSecretMap {
            env: Some(name),
            file: None,
        }) => Ok(Secret::Env(name)),
        TextOr::Map(RawSecretMap {
            env: None,
            file: Some(path),
        }) => Ok(Secret::File(base.join(path))),
        TextOr::Map(_) => Err("write the secret as a text, {env: NAME} or {file: PATH}".to_owned()),
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCredentials {
    headers: BTreeMap<String, RawSecret>,
    sign: Option<RawSecret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCommand {
    run: Vec<String>,
    #[serde(default)]
    placeholders: BTreeMap<String, TextOr<RawText>>,
    #[serde(default)]
    environment: BTreeMap<String, RawSecret>,
    #[serde(default, deserialize_with = "duration")]
    timeout: Option<Duration>,
    #[serde(default, deserialize_with = "size")]
    output: Option<ByteSize>,
    user: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawText {
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMail {
    host: String,
    port: Option<u16>,
    #[serde(default)]
    tls: MailTls,
    from: String,
    user: Option<String>,
    password: Option<RawSecret>,
}

/// The parts of touchstone.yaml that become [`Targets`].
pub(super) struct RawTargets {
    pub(super) credentials: BTreeMap<String, RawCredentials>,
    pub(super) commands: BTreeMap<String, RawCommand>,
    pub(super) broker: Option<RawSecret>,
    pub(super) mail: BTreeMap<String, RawMail>,
}

impl RawTargets {
    pub(super) fn typed(self, base: &Path) -> Result<Targets, String> {
        let RawTargets {
            credentials,
            commands,
            broker,
            mail,
        } = self;
        let at = |place: String| move |error: String| format!("{place}: {error}");
        let credentials = credentials
            .into_iter()
            .map(|(name, raw)| {
                raw.typed(base)
                    .map_err(at(format!("credentials.{name}")))
                    .map(|typed| (name, typed))
            })
            .collect::<Result<_, String>>()?;
        let commands = commands
            .into_iter()
            .map(|(name, raw)| {
                raw.typed(base)
                    .map_err(at(format!("commands.{name}")))
                    .map(|typed| (name, typed))
            })
            .collect::<Result<_, String>>()?;
        let mail = mail
            .into_iter()
            .map(|(name, raw)| {
                raw.typed(base)
                    .map_err(at(format!("mail.{name}")))
                    .map(|typed| (name, typed))
            })
            .collect::<Result<_, String>>()?;
        let broker = broker
            .map(|raw| secret(raw, base))
            .transpose()
            .map_err(at("broker".to_owned()))?;
        Ok(Targets {
            credentials,
            commands,
            broker,
            mail,
        })
    }
}

impl RawCredentials {
    fn typed(self, base: &Path) -> Result<Credentials, String> {
        let RawCredentials { headers, sign } = self;
        let headers = headers
            .into_iter()
            .map(|(name, value)| {
                let lower = name.to_ascii_lowercase();
                match http::HeaderName::from_bytes(lower.as_bytes()) {
                    Ok(_) => Ok((lower, secret(value, base)?)),
                    Err(_) => Err(format!("headers: {name:?} is no header name")),
                }
            })
            .collect::<Result<Vec<_>, String>>()?;
        let sign = sign.map(|raw| secret(raw, base)).transpose()?;
        if headers.is_empty() && sign.is_none() {
            return Err("name headers, or a key to sign with".to_owned());
        }
        Ok(Credentials { headers, sign })
    }
}

impl RawCommand {
    fn typed(self, base: &Path) -> Result<Command, String> {
        let RawCommand {
            run,
            placeholders,
            environment,
            timeout,
            output,
            user,
        } = self;
        let placeholders = placeholders
            .into_iter()
            .map(|(name, raw)| Ok((name, placeholder(raw)?)))
            .collect::<Result<_, String>>()?;
        let environment = environment
            .into_iter()
            .map(|(name, raw)| Ok((name, secret(raw, base)?)))
            .collect::<Result<_, String>>()?;
        let mut command = Command::new(&run, placeholders)?;
        command.environment = environment;
        command.timeout = timeout.unwrap_or(command.timeout);
        command.output = output.map_or(command.output, |size| size.as_u64());
        command.user = user;
        Ok(command)
    }
}

fn placeholder(raw: TextOr<RawText>) -> Result<Placeholder, String> {
    match raw {
        TextOr::Map(RawText { text }) => Placeholder::text(&text),
        TextOr::Text(kind) => match kind.as_str() {
            "image" => Ok(Placeholder::Image),
            "digest" => Ok(Placeholder::Digest),
            other => Err(format!(
                "placeholders: {other:?}: there are image, digest and {{text: \"expression\"}}"
            )),
        },
    }
}

impl RawMail {
    fn typed(self, base: &Path) -> Result<MailServer, String> {
        let RawMail {
            host,
            port,
            tls,
            from,
            user,
            password,
        } = self;
        let port = port.unwrap_or(match tls {
            MailTls::Starttls => 587,
            MailTls::Implicit => 465,
            MailTls::None => 25,
        });
        let login = match (user, password) {
            (Some(user), Some(password)) => Some((user, secret(password, base)?)),
            (None, None) => None,
            _ => return Err("give both user and password, or neither".to_owned()),
        };
        if from.parse::<lettre::Address>().is_err() {
            return Err(format!("from: {from:?} is no mail address"));
        }
        Ok(MailServer {
            host,
            port,
            tls,
            from,
            login,
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct RawOutbox {
    concurrency: Option<NonZeroU32>,
    rate: Option<NonZeroU32>,
    #[serde(deserialize_with = "duration")]
    timeout: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    first: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    most: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    max_age: Option<Duration>,
}

impl RawOutbox {
    pub(super) fn typed(self) -> OutboxConfig {
        let RawOutbox {
            concurrency,
            rate,
            timeout,
            first,
            most,
            max_age,
        } = self;
        let default = OutboxConfig::default();
        OutboxConfig {
            concurrency: concurrency.unwrap_or(default.concurrency),
            rate,
            timeout: timeout.unwrap_or(default.timeout),
            first: first.unwrap_or(default.first),
            most: most.unwrap_or(default.most),
            max_age: max_age.unwrap_or(default.max_age),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRetention {
    #[serde(deserialize_with = "duration")]
    age: Option<Duration>,
    #[serde(deserialize_with = "size")]
    size: Option<ByteSize>,
    #[serde(deserialize_with = "duration")]
    evidence: Option<Duration>,
}

impl RawRetention {
    pub(super) fn typed(self) -> Retention {
        let RawRetention {
            age,
            size,
            evidence,
        } = self;
        let default = Retention::default();
        Retention {
            age: age.unwrap_or(default.age),
            size: size.unwrap_or(default.size),
            evidence: evidence.unwrap_or(default.evidence),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSource {
    pub(super) amqp: RawAmqp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawAmqp {
    url: RawSecret,
    queue: String,
    prefetch: Option<std::num::NonZeroU16>,
    kind: Option<String>,
    dead_letter: Option<String>,
    #[serde(default, deserialize_with = "duration")]
    window: Option<Duration>,
}

impl RawAmqp {
    pub(super) fn typed(self, base: &Path) -> Result<AmqpSource, String> {
        let RawAmqp {
            url,
            queue,
            prefetch,
            kind,
            dead_letter,
            window,
        } = self;
        Ok(AmqpSource {
            url: secret(url, base)?,
            prefetch: prefetch.map_or(256, std::num::NonZeroU16::get),
            kind,
            dead_letter: dead_letter.unwrap_or_else(|| format!("{queue}.dead")),
            window: window.unwrap_or(Duration::from_secs(3600)),
            queue,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawGrant {
    pattern: String,
    per_decision: Option<u32>,
    per_minute: Option<u32>,
    #[serde(default)]
    credentials: Vec<String>,
    #[serde(default)]
    allow_private: bool,
    #[serde(default, deserialize_with = "duration")]
    ttl: Option<Duration>,
    #[serde(default, deserialize_with = "size")]
    size: Option<ByteSize>,
}

/// A grant of a capability; terms that mean nothing for it are refused.
pub(super) fn grant(capability: &str, raw: TextOr<RawGrant>) -> Result<Grant, String> {
    let parse = |text: &str| Pattern::of(capability, text).map_err(|error| error.to_string());
    let RawGrant {
        pattern,
        per_decision,
        per_minute,
        credentials,
        allow_private,
        ttl,
        size,
    } = match raw {
        TextOr::Text(text) => return parse(&text).map(Grant::new),
        TextOr::Map(raw) => raw,
    };
    let strange = [
        (
            "credentials",
            !credentials.is_empty(),
            matches!(capability, "http" | "webhook"),
        ),
        (
            "allowPrivate",
            allow_private,
            matches!(capability, "http" | "webhook"),
        ),
        ("ttl", ttl.is_some(), capability == "http"),
        ("size", size.is_some(), capability == "http"),
    ];
    if let Some((term, ..)) = strange.iter().find(|(_, given, fits)| *given && !fits) {
        return Err(format!("{term} means nothing for {capability}"));
    }
    Ok(Grant {
        pattern: parse(&pattern)?,
        per_decision,
        per_minute,
        web: WebTerms {
            credentials,
            allow_private,
            ttl,
            size: size.map(|size| size.as_u64()),
        },
    })
}
