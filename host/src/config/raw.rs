//! What the files say, before it is checked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use serde_saphyr::Spanned;

use crate::grants::{ImagePattern, Pattern};
use crate::model::{Mode, Verdict};

use super::access::{RawAccess, RawTls};
use super::break_glass::RawBreakGlass;
use super::exempt::{Exempt, own_namespace};
use super::raw_targets::{
    RawCommand, RawCredentials, RawGrant, RawMail, RawOutbox, RawRetention, RawSecret, RawSource,
    TextOr,
};
use super::{Audit, Compat, Limits, MAX_MEMORY, State, parse_duration, parse_size, parse_state};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct RawHost {
    pub(super) listen: Option<SocketAddr>,
    pub(super) tls: Option<RawTls>,
    pub(super) access: RawAccess,
    pub(super) allow_writable: bool,
    pub(super) policies: Option<Vec<PathBuf>>,
    pub(super) data: Option<Vec<PathBuf>>,
    pub(super) waivers: Option<Vec<PathBuf>>,
    #[serde(deserialize_with = "size")]
    pub(super) body_limit: Option<ByteSize>,
    #[serde(deserialize_with = "size")]
    pub(super) bodies_limit: Option<ByteSize>,
    pub(super) compat: Compat,
    pub(super) exempt: RawExempt,
    pub(super) break_glass: Option<RawBreakGlass>,
    pub(super) pool: RawPool,
    pub(super) cache: Option<PathBuf>,
    #[serde(deserialize_with = "duration")]
    pub(super) shutdown: Option<Duration>,
    pub(super) state: Option<Text<State>>,
    pub(super) audit: Audit,
    pub(super) retention: RawRetention,
    pub(super) outbox: RawOutbox,
    pub(super) sources: Vec<RawSource>,
    pub(super) credentials: BTreeMap<String, RawCredentials>,
    pub(super) commands: BTreeMap<String, RawCommand>,
    pub(super) broker: Option<RawSecret>,
    pub(super) mail: BTreeMap<String, RawMail>,
    pub(super) ca: Vec<PathBuf>,
    pub(super) mask: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct RawExempt {
    pub(super) namespaces: Vec<Text<Pattern>>,
    pub(super) images: Vec<Text<ImagePattern>>,
}

impl RawExempt {
    pub(super) fn typed(self) -> Exempt {
        let RawExempt { namespaces, images } = self;
        let namespaces = namespaces.into_iter().map(|Text(pattern)| pattern);
        Exempt {
            namespaces: namespaces.chain(own_namespace()).collect(),
            images: images.into_iter().map(|Text(pattern)| pattern).collect(),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct RawPool {
    pub(super) instances: Option<NonZeroU32>,
    pub(super) queue: Option<u32>,
    #[serde(deserialize_with = "duration")]
    pub(super) wait: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawPolicy {
    pub(super) name: String,
    pub(super) module: PathBuf,
    #[serde(default, rename = "match")]
    pub(super) matches: RawMatch,
    #[serde(default = "enforce")]
    pub(super) mode: Mode,
    #[serde(default = "order")]
    pub(super) order: i32,
    #[serde(default)]
    pub(super) settings: Value,
    #[serde(default)]
    pub(super) sources: Vec<PathBuf>,
    #[serde(default)]
    pub(super) opa: bool,
    #[serde(default)]
    pub(super) grants: BTreeMap<String, Vec<Spanned<TextOr<RawGrant>>>>,
    #[serde(default)]
    pub(super) limits: RawLimits,
    #[serde(default)]
    pub(super) on_error: RawVerdict,
    #[serde(default, deserialize_with = "duration")]
    pub(super) last_known: Option<Duration>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct RawMatch {
    pub(super) kinds: Vec<String>,
    pub(super) namespaces: Vec<Text<Pattern>>,
    pub(super) images: Vec<Text<ImagePattern>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct RawLimits {
    #[serde(deserialize_with = "duration")]
    pub(super) time: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    pub(super) wall: Option<Duration>,
    #[serde(deserialize_with = "size")]
    pub(super) memory: Option<ByteSize>,
    pub(super) calls: Option<u64>,
    #[serde(deserialize_with = "size")]
    pub(super) output: Option<ByteSize>,
    #[serde(deserialize_with = "duration")]
    pub(super) configure: Option<Duration>,
}

impl RawLimits {
    pub(super) fn typed(self) -> Result<Limits, String> {
        let RawLimits {
            time,
            wall,
            memory,
            calls,
            output,
            configure,
        } = self;
        let default = Limits::default();
        let time = time.unwrap_or(default.time);
        let limits = Limits {
            time,
            wall: wall.unwrap_or(default.wall.max(time * 2)),
            memory: memory.unwrap_or(default.memory),
            calls: calls.unwrap_or(default.calls),
            output: output.unwrap_or(default.output),
            configure: configure.unwrap_or(default.configure),
        };
        if limits.memory > MAX_MEMORY {
            return Err(format!(
                "limits.memory {}: at most {MAX_MEMORY}",
                limits.memory
            ));
        }
        if limits.wall < limits.time {
            return Err(
                "limits.wall is less than limits.time: the whole cannot be less than the part"
                    .to_owned(),
            );
        }
        Ok(limits)
    }
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawVerdict {
    Allow,
    Warn,
    #[default]
    Deny,
}

impl From<RawVerdict> for Verdict {
    fn from(raw: RawVerdict) -> Verdict {
        match raw {
            RawVerdict::Allow => Verdict::Allow,
            RawVerdict::Warn => Verdict::Warn,
            RawVerdict::Deny => Verdict::Deny,
        }
    }
}

pub(super) fn enforce() -> Mode {
    Mode::Enforce
}

pub(super) fn order() -> i32 {
    100
}

/// A value that is written as text.
pub(super) struct Text<T>(pub(super) T);

pub(super) trait FromText: Sized {
    type Error: std::fmt::Display;
    fn from_text(text: &str) -> Result<Self, Self::Error>;
}

impl FromText for Pattern {
    type Error = crate::grants::PatternError;
    fn from_text(text: &str) -> Result<Pattern, Self::Error> {
        Pattern::parse(text)
    }
}

impl FromText for State {
    type Error = String;
    fn from_text(text: &str) -> Result<State, String> {
        parse_state(text)
    }
}

impl FromText for ImagePattern {
    type Error = crate::grants::PatternError;
    fn from_text(text: &str) -> Result<ImagePattern, Self::Error> {
        ImagePattern::parse(text)
    }
}

impl<'de, T: FromText> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<T>, D::Error> {
        let text = String::deserialize(deserializer)?;
        T::from_text(&text)
            .map(Text)
            .map_err(serde::de::Error::custom)
    }
}

pub(super) fn duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text)
        .map(Some)
        .map_err(serde::de::Error::custom)
}

pub(super) fn size<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ByteSize>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_size(&text)
        .map(Some)
        .map_err(serde::de::Error::custom)
}
