//! touchstone.yaml and policy.yaml: private raw structs, parsed into typed ones; unknown keys are refused.

mod access;
mod break_glass;
mod exempt;
mod raw;
mod raw_targets;
mod sources;
mod targets;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Error as YamlError;

use crate::grants::{Grants, ImagePattern, Pattern};
use crate::model::{Event, Mode, Verdict};
use crate::secret::Secret;

use self::raw::{RawHost, RawMatch, RawPolicy, RawPool, Text, order};
use self::raw_targets::{RawTargets, grant};

pub use self::access::{Access, Clients, Scope, TlsConfig, Token};
pub use self::break_glass::BreakGlass;
pub use self::exempt::Exempt;
pub use self::targets::{Command, Credentials, MailServer, MailTls, Targets};

/// The file that makes a folder a policy.
pub const POLICY_FILE: &str = "policy.yaml";
/// What one instance of the pool can hold at most.
pub const MAX_MEMORY: ByteSize = ByteSize::mib(64);

/// Why a configuration file was refused: the place, the value and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A folder that is named does not exist.
    #[error("there is no folder {}: make it, or name another for {key}", path.display())]
    NoFolder {
        /// Which.
        path: PathBuf,
        /// The key that names it.
        key: &'static str,
    },
    /// A folder of policies that anybody may write to.
    #[error("anybody may write to {}, and so say what is allowed: chmod o-w, or serve with --allow-writable", path.display())]
    Writable {
        /// Which.
        path: PathBuf,
    },
    /// It is not YAML, or a value has the wrong form.
    #[error("{}{}: {reason}", path.display(), line_of(*line))]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Counted from 1; 0 when the whole file is meant.
        line: u64,
        /// What is wrong and what would be right.
        reason: String,
    },
}

fn line_of(line: u64) -> String {
    if line == 0 {
        String::new()
    } else {
        format!(", line {line}")
    }
}

/// `touchstone.yaml`, with everything filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct HostConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where to listen for TLS, besides.
    pub tls: Option<TlsConfig>,
    /// Who may ask for what.
    pub access: Access,
    /// Folders that hold policies, or are one.
    pub policies: Vec<PathBuf>,
    /// Whether folders of policies may be anybody's to write.
    pub allow_writable: bool,
    /// Folders of documents.
    pub data: Vec<PathBuf>,
    /// Folders of waivers.
    pub waivers: Vec<PathBuf>,
    /// The largest request body.
    pub body_limit: ByteSize,
    /// The bodies of all requests under way together.
    pub bodies_limit: ByteSize,
    /// How many decisions may be under way.
    pub pool: PoolConfig,
    /// Whose clients are served as they are used to.
    pub compat: Compat,
    /// What Kubernetes' requests are let pass for, without asking any policy.
    pub exempt: Exempt,
    /// Whose tokens let Kubernetes' requests pass.
    pub break_glass: Option<BreakGlass>,
    /// Where compiled policies are kept; nothing disables the cache.
    pub cache: Option<PathBuf>,
    /// How long running requests may take after SIGTERM.
    pub shutdown: Duration,
    /// Where decisions, actions and the policies' own keys are kept.
    pub state: State,
    /// Whether each decision waits until it is kept.
    pub audit: Audit,
    /// How long decisions are kept.
    pub retention: Retention,
    /// How actions are carried out.
    pub outbox: OutboxConfig,
    /// Where events come from, besides HTTP.
    pub sources: Vec<AmqpSource>,
    /// What policies may name.
    pub targets: Targets,
    /// Files of certificates that are trusted besides the system's.
    pub ca: Vec<PathBuf>,
    /// Names of log fields whose values are not shown, in lower case.
    pub mask: Vec<String>,
}

/// Where decisions, actions and the policies' own keys are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// A file; its folder is made where it is missing.
    Sqlite(PathBuf),
    /// Gone when the process ends.
    Memory,
}

/// Whether a decision that causes nothing waits until it is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audit {
    /// It is kept soon: what a power failure can take is the content of a bounded buffer.
    #[default]
    Buffered,
    /// It waits.
    Strict,
}

/// How long decisions are kept; whichever is reached first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Since they were made.
    pub age: Duration,
    /// Of the whole state.
    pub size: ByteSize,
    /// How long reports about images are kept since they came; a later one of the same kind takes their place anyway.
    pub evidence: Duration,
}

impl Default for Retention {
    fn default() -> Retention {
        Retention {
            age: Duration::from_secs(30 * 24 * 3600),
            size: ByteSize::gib(1),
            evidence: Duration::from_secs(90 * 24 * 3600),
        }
    }
}

/// How actions are carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxConfig {
    /// Actions at a time for each destination.
    pub concurrency: NonZeroU32,
    /// Actions a second for each destination.
    pub rate: Option<NonZeroU32>,
    /// How long one attempt may take; commands have their own.
    pub timeout: Duration,
    /// The pause after the first failure; it doubles with each further one.
    pub first: Duration,
    /// The longest pause.
    pub most: Duration,
    /// After that an action is given up.
    pub max_age: Duration,
}

impl Default for OutboxConfig {
    fn default() -> OutboxConfig {
        OutboxConfig {
            concurrency: NonZeroU32::MIN.saturating_add(15),
            rate: None,
            timeout: Duration::from_secs(10),
            first: Duration::from_secs(1),
            most: Duration::from_secs(300),
            max_age: Duration::from_secs(24 * 3600),
        }
    }
}

/// A queue that events come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmqpSource {
    /// URL of the broker.
    pub url: Secret,
    /// The queue's name.
    pub queue: String,
    /// Messages under way at a time.
    pub prefetch: u16,
    /// The kind of events that do not tell theirs; by their nature, if not given.
    pub kind: Option<String>,
    /// The exchange that gets what cannot be decided.
    pub dead_letter: String,
    /// How long a message that comes again is recognised.
    pub window: Duration,
}

/// How many decisions may be under way, and wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    /// Instances at a time.
    pub instances: NonZeroU32,
    /// Decisions that may wait for one.
    pub queue: u32,
    /// How long.
    pub wait: Duration,
}

impl Default for PoolConfig {
    fn default() -> PoolConfig {
        PoolConfig {
            instances: NonZeroU32::MIN.saturating_add(63),
            queue: 1024,
            wait: Duration::from_secs(1),
        }
    }
}

/// What flags and `TOUCHSTONE_*` variables put above the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// See [`HostConfig::listen`].
    pub listen: Option<SocketAddr>,
    /// See [`HostConfig::policies`].
    pub policies: Vec<PathBuf>,
    /// See [`HostConfig::allow_writable`].
    pub allow_writable: bool,
    /// See [`HostConfig::data`].
    pub data: Vec<PathBuf>,
    /// See [`HostConfig::waivers`].
    pub waivers: Vec<PathBuf>,
    /// See [`HostConfig::body_limit`].
    pub body_limit: Option<ByteSize>,
    /// See [`HostConfig::pool`].
    pub pool: PoolOverrides,
    /// See [`HostConfig::shutdown`].
    pub shutdown: Option<Duration>,
    /// See [`HostConfig::cache`].
    pub cache: Option<PathBuf>,
    /// Keep no cache.
    pub no_cache: bool,
    /// See [`HostConfig::state`].
    pub state: Option<State>,
}

/// See [`PoolConfig`].
#[derive(Clone, Copy, Debug, Default)]
#[expect(missing_docs, reason = "the fields are those of PoolConfig")]
pub struct PoolOverrides {
    pub instances: Option<NonZeroU32>,
    pub queue: Option<u32>,
    pub wait: Option<Duration>,
}

impl HostConfig {
    /// Reads the file, when there is one, and lays the overrides on top. Paths in the file count from its folder.
    pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<HostConfig, ConfigError> {
        let (raw, base) = match file {
            Some(file) => (
                parse_file::<RawHost>(file)?,
                file.parent().unwrap_or(Path::new("")),
            ),
            None => (RawHost::default(), Path::new("")),
        };
        let RawHost {
            listen,
            tls,
            access,
            policies,
            allow_writable,
            data,
            waivers,
            body_limit,
            bodies_limit,
            compat,
            exempt,
            break_glass,
            pool,
            cache,
            shutdown,
            state,
            audit,
            retention,
            outbox,
            sources,
            credentials,
            commands,
            broker,
            mail,
            ca,
            mask,
        } = raw;
        let invalid = |reason: String| ConfigError::Invalid {
            path: file.unwrap_or(Path::new("touchstone.yaml")).to_owned(),
            line: 0,
            reason,
        };
        let targets = RawTargets {
            credentials,
            commands,
            broker,
            mail,
        };
        let state = overrides
            .state
            .clone()
            .or(state.map(|Text(state)| match state {
                State::Sqlite(path) => State::Sqlite(base.join(path)),
                State::Memory => State::Memory,
            }))
            .unwrap_or_else(default_state);
        let RawPool {
            instances,
            queue,
            wait,
        } = pool;
        let below = |paths: Vec<PathBuf>| {
            paths
                .into_iter()
                .map(|path| base.join(path))
                .collect::<Vec<_>>()
        };
        let either = |over: &[PathBuf], own: Vec<PathBuf>| {
            if over.is_empty() {
                below(own)
            } else {
                over.to_vec()
            }
        };
        let default = PoolConfig::default();
        let cache = overrides
            .cache
            .clone()
            .or(cache.map(|path| base.join(path)))
            .or_else(default_cache);
        Ok(HostConfig {
            listen: overrides
                .listen
                .or(listen)
                .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8181))),
            tls: tls
                .map(|tls| tls.typed(base))
                .transpose()
                .map_err(&invalid)?,
            access: access.typed().map_err(&invalid)?,
            allow_writable: allow_writable || overrides.allow_writable,
            policies: either(
                &overrides.policies,
                policies.unwrap_or_else(|| vec!["policies".into()]),
            ),
            data: either(&overrides.data, data.unwrap_or_default()),
            waivers: either(&overrides.waivers, waivers.unwrap_or_default()),
            body_limit: overrides
                .body_limit
                .or(body_limit)
                .unwrap_or(ByteSize::mib(16)),
            bodies_limit: bodies_limit.unwrap_or(ByteSize::mib(512)),
            pool: PoolConfig {
                instances: overrides
                    .pool
                    .instances
                    .or(instances)
                    .unwrap_or(default.instances),
                queue: overrides.pool.queue.or(queue).unwrap_or(default.queue),
                wait: overrides.pool.wait.or(wait).unwrap_or(default.wait),
            },
            compat,
            exempt: exempt.typed(),
            break_glass: break_glass
                .map(|raw| raw.typed(base))
                .transpose()
                .map_err(&invalid)?,
            cache: cache.filter(|_| !overrides.no_cache),
            shutdown: overrides
                .shutdown
                .or(shutdown)
                .unwrap_or(Duration::from_secs(30)),
            state,
            audit,
            retention: retention.typed(),
            outbox: outbox.typed(),
            sources: sources
                .into_iter()
                .map(|source| source.amqp.typed(base))
                .collect::<Result<_, _>>()
                .map_err(|error| invalid(format!("sources: {error}")))?,
            targets: targets.typed(base).map_err(&invalid)?,
            ca: below(ca),
            mask: mask.map_or_else(default_mask, |names| {
                names.iter().map(|name| name.to_lowercase()).collect()
            }),
        })
    }

    /// Whether the folders that are named exist. A mistake at the start; later, they may come and go.
    pub fn check_folders(&self) -> Result<(), ConfigError> {
        let named = [
            ("policies", &self.policies),
            ("data", &self.data),
            ("waivers", &self.waivers),
        ];
        let mut all = named
            .into_iter()
            .flat_map(|(key, paths)| paths.iter().map(move |path| (key, path)));
        match all.find(|(_, path)| !path.is_dir()) {
            Some((key, path)) => Err(ConfigError::NoFolder {
                path: path.clone(),
                key,
            }),
            None => Ok(()),
        }
    }

    /// Whether nobody but those who should can write to the folder of a policy, or to those above it up to the one that is
    /// named. On a file system that nobody can write to, as those that Kubernetes mounts, the mode says nothing.
    pub fn check_writers_of(&self, policy: &Path) -> Result<(), ConfigError> {
        if self.allow_writable {
            return Ok(());
        }
        let is_named = |path: &&Path| self.policies.iter().any(|root| path.starts_with(root));
        let mut all = policy.ancestors().take_while(is_named);
        match all.find(|path| anybody_writes(path)) {
            Some(path) => Err(ConfigError::Writable {
                path: path.to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// The keys in which `new` differs that only a restart can change.
    pub fn needs_restart(&self, new: &HostConfig) -> Vec<&'static str> {
        let HostConfig {
            listen,
            tls,
            access: _,
            policies: _,
            allow_writable: _,
            data: _,
            waivers: _,
            body_limit: _,
            bodies_limit,
            compat: _,
            exempt: _,
            break_glass: _,
            pool,
            cache,
            shutdown,
            state,
            audit,
            retention: _,
            outbox,
            sources,
            targets: _,
            ca,
            mask: _,
        } = self;
        let changed = [
            ("listen", *listen != new.listen),
            ("tls", *tls != new.tls),
            ("bodiesLimit", *bodies_limit != new.bodies_limit),
            ("pool", *pool != new.pool),
            ("cache", *cache != new.cache),
            ("shutdown", *shutdown != new.shutdown),
            ("state", *state != new.state),
            ("audit", *audit != new.audit),
            ("outbox", *outbox != new.outbox),
            ("sources", *sources != new.sources),
            ("ca", *ca != new.ca),
        ];
        changed
            .into_iter()
            .filter(|(_, changed)| *changed)
            .map(|(key, _)| key)
            .collect()
    }
}

#[cfg(unix)]
fn anybody_writes(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let is_open = std::fs::metadata(path).is_ok_and(|info| info.mode() & 0o002 != 0);
    let is_fixed = || {
        let mounted = nix::sys::statvfs::statvfs(path);
        mounted.is_ok_and(|mounted| {
            mounted
                .flags()
                .contains(nix::sys::statvfs::FsFlags::ST_RDONLY)
        })
    };
    is_open && !is_fixed()
}

#[cfg(not(unix))]
fn anybody_writes(_: &Path) -> bool {
    false
}

/// The user's cache folder.
pub fn default_cache() -> Option<PathBuf> {
    xdg("XDG_CACHE_HOME", ".cache")
}

/// A file in the user's state folder; in this one, where there is no user.
fn default_state() -> State {
    let folder = xdg("XDG_STATE_HOME", ".local/state").unwrap_or_default();
    State::Sqlite(folder.join("touchstone.db"))
}

/// A folder of our own by the XDG rules.
fn xdg(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = absolute(variable).or_else(|| absolute("HOME").map(|home| home.join(below_home)))?;
    Some(base.join("touchstone"))
}

/// What nobody means to log.
fn default_mask() -> Vec<String> {
    [
        "password",
        "secret",
        "token",
        "authorization",
        "apikey",
        "api-key",
    ]
    .map(str::to_owned)
    .into()
}

/// `sqlite:touchstone.db`, `memory`.
pub fn parse_state(text: &str) -> Result<State, String> {
    match text.split_once(':') {
        None if text == "memory" => Ok(State::Memory),
        Some(("sqlite", path)) if !path.is_empty() => Ok(State::Sqlite(path.into())),
        _ => Err(format!(
            "{text:?} is no place for the state: write sqlite:FILE or memory"
        )),
    }
}

/// Systems whose clients are served as they are used to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Compat {
    /// CIPolicE's webhook: `POST /`.
    pub cipolice: bool,
}

/// One `policy.yaml`.
#[derive(Clone, Debug)]
pub struct PolicyConfig {
    /// Lower-case letters, digits, `-` and `.`.
    pub name: String,
    /// The module's file.
    pub module: PathBuf,
    /// Which events it judges.
    pub matches: Match,
    /// Whether it counts.
    pub mode: Mode,
    /// Lower comes first; equal orders go by name.
    pub order: i32,
    /// JSON text that `configure` gets. `sources` of policy.yaml are among them, under that name, each file's text by its
    /// path below the policy's folder.
    pub settings: String,
    /// The files that hold them.
    pub sources: Vec<PathBuf>,
    /// Whether OPA's data API asks it.
    pub opa: bool,
    /// What it may use.
    pub grants: Grants,
    /// How much it may use.
    pub limits: Limits,
    /// What it counts as when it cannot decide.
    pub on_error: Verdict,
    /// How old an answer to the same images may be that counts while something that it asks cannot be reached; none does, if
    /// not given.
    pub last_known: Option<Duration>,
}

/// Which events a policy judges: all conditions that are given must hold.
#[derive(Clone, Debug, Default)]
pub struct Match {
    kinds: Vec<String>,
    namespaces: Vec<Pattern>,
    images: Vec<ImagePattern>,
}

impl Match {
    /// A kind that is matched, though the module says that it does not understand it.
    pub fn unknown_kind(&self, understood: &[String]) -> Option<&str> {
        let strange = |kind: &&String| !understood.is_empty() && !understood.contains(kind);
        self.kinds.iter().find(strange).map(String::as_str)
    }

    /// Whether the event is to be judged.
    ///
    /// An event without a namespace is in none. An image that is no valid reference is matched by every image pattern:
    /// it cannot be ruled out, so the policy has to look at it.
    pub fn covers(&self, event: &Event) -> bool {
        let Match {
            kinds,
            namespaces,
            images,
        } = self;
        let kind = kinds.is_empty() || kinds.contains(&event.kind);
        let namespace = namespaces.is_empty()
            || event
                .namespace
                .as_deref()
                .is_some_and(|name| namespaces.iter().any(|pattern| pattern.matches([name])));
        let image = images.is_empty()
            || event.images.iter().any(|image| match &image.name {
                Ok(name) => images.iter().any(|pattern| pattern.matches(name)),
                Err(_) => true,
            });
        kind && namespace && image
    }
}

/// How much a policy may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Computing time of one evaluation: a processor's, not the clock's.
    pub time: Duration,
    /// Time of one evaluation with everything that it waits for.
    pub wall: Duration,
    /// Linear memory.
    pub memory: ByteSize,
    /// Host calls of one evaluation.
    pub calls: u64,
    /// Bytes handed over in one call or answer.
    pub output: ByteSize,
    /// Computing time of `configure`.
    pub configure: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            time: Duration::from_millis(100),
            wall: Duration::from_secs(1),
            memory: MAX_MEMORY,
            calls: 10_000,
            output: ByteSize::mib(1),
            configure: Duration::from_secs(5),
        }
    }
}

impl Limits {
    /// As they would be written in policy.yaml.
    pub fn describe(&self) -> Value {
        let Limits {
            time,
            wall,
            memory,
            calls,
            output,
            configure,
        } = self;
        let duration = |duration: &Duration| humantime::format_duration(*duration).to_string();
        serde_json::json!({
            "time": duration(time),
            "wall": duration(wall),
            "memory": memory.to_string(),
            "calls": calls,
            "output": output.to_string(),
            "configure": duration(configure),
        })
    }
}

impl PolicyConfig {
    /// Where there is none to be read: it judges every event, counts, and has no grants.
    pub fn stand_in(name: String, module: &Path) -> PolicyConfig {
        PolicyConfig {
            name,
            module: module.to_owned(),
            matches: Match::default(),
            mode: Mode::Enforce,
            order: order(),
            settings: "{}".to_owned(),
            sources: Vec::new(),
            opa: false,
            grants: Grants::default(),
            limits: Limits::default(),
            on_error: Verdict::Deny,
            last_known: None,
        }
    }

    /// Reads `policy.yaml` in a folder.
    pub fn load(folder: &Path) -> Result<PolicyConfig, ConfigError> {
        let file = folder.join(POLICY_FILE);
        let RawPolicy {
            name,
            module,
            matches,
            mode,
            order,
            settings,
            sources: named,
            opa,
            grants,
            limits,
            on_error,
            last_known,
        } = parse_file(&file)?;
        let invalid = |reason: String| ConfigError::Invalid {
            path: file.clone(),
            line: 0,
            reason,
        };
        if !is_policy_name(&name) {
            return Err(invalid(format!(
                "name {name:?}: expected up to 63 lower-case letters, digits, `-` and `.`, starting and ending with a letter or digit"
            )));
        }
        if !settings.is_object() && !settings.is_null() {
            return Err(invalid("settings: expected a mapping".to_owned()));
        }
        let limits = limits.typed().map_err(invalid)?;
        let sources = sources::read(folder, &named);
        let sources = sources.map_err(|wrong| match wrong {
            sources::Wrong::Read(path, source) => ConfigError::Read {
                path: folder.join(path),
                source,
            },
            sources::Wrong::Named(reason) => invalid(format!("sources: {reason}")),
        })?;
        let files = sources.keys().map(|name| folder.join(name)).collect();
        let settings = with_sources(settings, named.is_empty(), sources).map_err(invalid)?;
        let RawMatch {
            kinds,
            namespaces,
            images,
        } = matches;
        let grants = grants
            .into_iter()
            .map(|(capability, granted)| {
                let typed = granted.into_iter().map(|raw| {
                    grant(&capability, raw.value).map_err(|error| ConfigError::Invalid {
                        path: file.clone(),
                        line: raw.referenced.line(),
                        reason: format!("grants.{capability}: {error}"),
                    })
                });
                let typed = typed.collect::<Result<Vec<_>, _>>()?;
                Ok((capability, typed))
            })
            .collect::<Result<_, ConfigError>>()?;
        Ok(PolicyConfig {
            name,
            module: folder.join(module),
            matches: Match {
                kinds,
                namespaces: namespaces
                    .into_iter()
                    .map(|Text(pattern)| pattern)
                    .collect(),
                images: images.into_iter().map(|Text(pattern)| pattern).collect(),
            },
            mode,
            order,
            settings,
            sources: files,
            opa,
            grants: Grants::new(grants),
            limits,
            on_error: on_error.into(),
            last_known,
        })
    }
}

impl PolicyConfig {
    /// Puts other settings in place of those that were read; texts of sources stay.
    pub fn replace_settings(&mut self, settings: &Value) -> Result<(), String> {
        let mut settings = settings
            .as_object()
            .cloned()
            .ok_or("settings: expected a mapping")?;
        let before: Value = serde_json::from_str(&self.settings).unwrap_or_default();
        if let Some(sources) = before.get("sources").filter(|_| !self.sources.is_empty()) {
            settings.entry("sources").or_insert_with(|| sources.clone());
        }
        self.settings = Value::Object(settings).to_string();
        Ok(())
    }
}

/// The settings as JSON text, with the texts of the sources, if any are named.
fn with_sources(settings: Value, none: bool, sources: sources::Sources) -> Result<String, String> {
    let mut settings = match settings {
        Value::Object(settings) => settings,
        _ => serde_json::Map::new(),
    };
    if !none {
        let texts = sources.into_iter().map(|(name, text)| (name, text.into()));
        let texts = Value::Object(texts.collect());
        if settings.insert("sources".to_owned(), texts).is_some() {
            return Err("sources: they stand in settings, too; write them once".to_owned());
        }
    }
    Ok(Value::Object(settings).to_string())
}

/// Usable in URLs, metrics labels and Kubernetes names as it is.
fn is_policy_name(name: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = name.bytes().next().is_some_and(word) && name.bytes().last().is_some_and(word);
    ends && name.len() <= 63
        && name
            .bytes()
            .all(|byte| word(byte) || matches!(byte, b'-' | b'.'))
}

/// `100ms`, `1s`, `5m`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| {
        format!("{text:?} is not a duration: write a number and a unit, as in 100ms, 1s or 5m")
    })
}

/// `64MiB`, `500kB`; a bare number does not say of what.
pub fn parse_size(text: &str) -> Result<ByteSize, String> {
    let wrong =
        || format!("{text:?} is not a size: write a number and a unit, as in 512KiB or 64MiB");
    if text.trim().ends_with(|last: char| last.is_ascii_digit()) {
        return Err(wrong());
    }
    ByteSize::from_str(text).map_err(|_| wrong())
}

/// The word among `known` that `word` was probably meant to be.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate));
    let (distance, candidate) = scored.min()?;
    (distance <= ((word.chars().count() + 1) / 3).max(1)).then_some(candidate)
}

/// `did you mean …`, or all that is possible.
pub fn suggestion(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(candidate) => format!("did you mean {candidate:?}?"),
        None => format!("known are {}", known.join(", ")),
    }
}

fn parse_file<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })?;
    serde_saphyr::from_str(&text).map_err(|error| ConfigError::Invalid {
        path: path.to_owned(),
        line: error.location().map_or(0, |location| location.line()),
        reason: yaml_reason(&error),
    })
}

/// The error in our words where we have better ones.
pub fn yaml_reason(error: &YamlError) -> String {
    match error.without_snippet() {
        YamlError::SerdeUnknownField {
            field, expected, ..
        } => {
            format!("unknown key {field:?}: {}", suggestion(field, expected))
        }
        YamlError::SerdeMissingField { field, .. } => format!("key {field:?} is missing"),
        YamlError::SerdeUnknownVariant {
            variant, expected, ..
        } => {
            format!(
                "unknown value {variant:?}: {}",
                suggestion(variant, expected)
            )
        }
        YamlError::Message { msg, .. } => msg.clone(),
        YamlError::DuplicateMappingKey { key: Some(key), .. } => {
            format!("key {key:?} stands twice")
        }
        YamlError::Unexpected { expected, .. } => match *expected {
            "sequence start" => "expected a list: write [a, b]".to_owned(),
            "mapping start" => "expected keys with values: write { key: value }".to_owned(),
            other => format!("expected {other}"),
        },
        YamlError::InvalidScalar { ty, .. } => match *ty {
            "i32" | "i64" | "u16" | "u32" | "u64" | "usize" => "expected a whole number".to_owned(),
            "f64" => "expected a number".to_owned(),
            "bool" | "boolean" => "expected true or false".to_owned(),
            other => format!("expected {other}"),
        },
        other => other.to_string(),
    }
}

/// The same, with its line.
pub fn yaml_reason_at(error: &YamlError) -> String {
    match error.location() {
        Some(location) => format!("line {}: {}", location.line(), yaml_reason(error)),
        None => yaml_reason(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::Resource;

    fn policy(text: &str) -> Result<PolicyConfig, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(POLICY_FILE), text).unwrap();
        PolicyConfig::load(folder.path()).map_err(|error| {
            error
                .to_string()
                .replace(&format!("{}/", folder.path().display()), "")
        })
    }

    #[test]
    fn a_whole_policy_is_read() {
        let policy = policy(
            "name: no-critical\nmodule: a.wasm\nmatch: {kinds: [image.review], namespaces: [production], images: [\"ghcr.io/*\"]}\n\
             mode: monitor\norder: -5\nsettings: {max: high, list: [1, 2.5]}\ngrants: {data: [\"clair/*\"], clock: [now]}\n\
             limits: {time: 20ms, memory: 16MiB, calls: 5, output: 1KiB, wall: 2s, configure: 1s}\nonError: warn\n",
        )
        .unwrap();
        assert_eq!(
            (policy.order, policy.mode, policy.on_error),
            (-5, Mode::Monitor, Verdict::Warn)
        );
        assert_eq!(policy.settings, r#"{"list":[1,2.5],"max":"high"}"#);
        assert_eq!(policy.limits.time, Duration::from_millis(20));
        assert_eq!(policy.limits.memory, ByteSize::mib(16));
        assert!(
            policy.grants.permits("data", &Resource::Path("clair/x"))
                && policy.grants.permits("clock", &Resource::Path("now"))
        );
        assert!(policy.module.ends_with("a.wasm"));
    }

    #[test]
    fn mistakes_name_the_place_the_value_and_the_remedy() {
        for (text, expected) in [
            (
                "name: a\nmodule: a.wasm\nsetings: {}",
                "policy.yaml, line 3: unknown key \"setings\": did you mean \"settings\"?",
            ),
            (
                "name: a\nmodule: a.wasm\nlimits:\n  tyme: 1s",
                "policy.yaml, line 4: unknown key \"tyme\": did you mean \"time\"?",
            ),
            (
                "name: a\nmodule: a.wasm\nzzzzzz: 1",
                "known are name, module, match",
            ),
            ("name: a", "key \"module\" is missing"),
            (
                "name: A b\nmodule: a.wasm",
                "name \"A b\": expected up to 63",
            ),
            (
                "name: a\nmodule: a.wasm\nmode: enforced",
                "line 3: unknown value \"enforced\": did you mean \"enforce\"?",
            ),
            (
                "name: a\nmodule: a.wasm\nonError: block",
                "line 3: unknown value \"block\": known are allow, warn, deny",
            ),
            (
                "name: a\nmodule: a.wasm\nlimits: {time: 100}",
                "line 3: \"100\" is not a duration",
            ),
            (
                "name: a\nmodule: a.wasm\nlimits: {memory: 64}",
                "line 3: \"64\" is not a size",
            ),
            (
                "name: a\nmodule: a.wasm\nlimits: {memory: 1GiB}",
                "at most 64.0 MiB",
            ),
            (
                "name: a\nmodule: a.wasm\nlimits: {time: 2s, wall: 1s}",
                "limits.wall is less than limits.time",
            ),
            (
                "name: a\nmodule: a.wasm\nmatch: {images: [\"nginx:1\"]}",
                "line 3: image pattern \"nginx:1\" names a tag",
            ),
            (
                "name: a\nmodule: a.wasm\ngrants: {data: [\"clair*\"]}",
                "line 3: grants.data: `clair*` in pattern",
            ),
            (
                "name: a\nmodule: a.wasm\nsettings: [1]",
                "settings: expected a mapping",
            ),
            ("name: a\nname: b\nmodule: a.wasm", "line 2"),
            ("name: [", "policy.yaml, line"),
        ] {
            let error = policy(text).unwrap_err();
            assert!(
                error.contains(expected),
                "{text:?} gave {error:?}, not {expected:?}"
            );
        }
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("touchstone.yaml");
        std::fs::write(
            &file,
            "listen: 127.0.0.1:9\npolicies: [p]\nbodyLimit: 1MiB\npool: {instances: 3, wait: 5ms}",
        )
        .unwrap();
        let config = HostConfig::load(
            Some(&file),
            &Overrides {
                body_limit: Some(ByteSize::kib(1)),
                ..Overrides::default()
            },
        )
        .unwrap();
        assert_eq!(config.listen.port(), 9);
        assert_eq!(config.policies, [folder.path().join("p")]);
        assert_eq!(config.body_limit, ByteSize::kib(1));
        assert_eq!(
            (
                config.pool.instances.get(),
                config.pool.queue,
                config.pool.wait
            ),
            (3, 1024, Duration::from_millis(5))
        );
        assert_eq!(config.data, Vec::<PathBuf>::new());
        let listen = Overrides {
            listen: Some(([127, 0, 0, 1], 10).into()),
            ..Overrides::default()
        };
        assert_eq!(
            config.needs_restart(&HostConfig::load(Some(&file), &listen).unwrap()),
            ["listen"]
        );
    }
}
