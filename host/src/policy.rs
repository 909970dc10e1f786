//! One policy: from its configuration and its module to something that judges events.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use wasmtime::component::{Component, Linker};
use wasmtime::{Store, Trap, WasmBacktrace};

use crate::capability::{self, CAPABILITIES, Capability};
use crate::config::{ConfigError, PolicyConfig, suggestion};
use crate::data::{Data, hex};
use crate::grants::{Grants, Pattern};
use crate::guest::bindings::exports::touchstone::policy::guest::Problem;
use crate::guest::bindings::{Policy as Bindings, PolicyIndices, PolicyPre};
use crate::guest::{Ctx, Evaluation, Info, Reach, Stop, Traces};
use crate::model::{Event, Explain, Fault, Outcome};
use crate::sandbox::cache::{Code, Entry, load_fresh};
use crate::sandbox::module::{self, Module, ModuleError, Surface};
use crate::sandbox::snapshot::{Instrumented, SnapshotError};
use crate::sandbox::{Effort, Sandbox};

/// A policy that is ready to judge.
pub struct Policy {
    config: PolicyConfig,
    info: Info,
    module_digest: String,
    identity: String,
    reads: Vec<(String, String)>,
    grants: Arc<Grants>,
    compiled: ArcSwap<Compiled>,
    sandbox: Arc<Sandbox>,
}

/// What instances are made from. A new policy serves from quickly compiled code that is configured for each decision;
/// as soon as its snapshot is compiled, that takes over. Both answer the same.
struct Compiled {
    pre: PolicyPre<Ctx>,
    /// Whether instances start configured.
    configured: bool,
}

/// Why a policy cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// policy.yaml is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The file is not a module.
    #[error("module {path}: {source}")]
    Module {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: ModuleError,
    },
    /// policy.yaml grants something that does not exist.
    #[error("grants: unknown capability {name:?}: {hint}")]
    UnknownGrant {
        /// The key.
        name: String,
        /// What might have been meant.
        hint: String,
    },
    /// The module asks for more than it was granted.
    #[error("{}", missing_grants(.0))]
    NotGranted(Vec<&'static Capability>),
    /// The module imports something that no host of this contract has.
    #[error("it imports {import}, which this host does not have: {hint}")]
    UnknownImport {
        /// The import's name.
        import: String,
        /// What to do.
        hint: String,
    },
    /// The types of an import or export differ from the contract's.
    #[error(
        "it does not fit the contract touchstone:policy@0.1.0: {0:#}; build it against wit/ of this version"
    )]
    Contract(wasmtime::Error),
    /// Compiling failed.
    #[error("it cannot be compiled: {0:#}")]
    Compile(wasmtime::Error),
    /// The settings are wrong.
    #[error("settings: {}", problems(.0))]
    Settings(Vec<(String, String)>),
    /// `describe` gave something that cannot be used.
    #[error("describe gave an invalid answer: {0}")]
    Describe(String),
    /// It broke while it was configured.
    #[error("while it was configured: {0}")]
    Fault(Fault),
    /// Its instance could not be read.
    #[error("{0}")]
    Snapshot(#[from] SnapshotError),
    /// The data that it is to read could not be loaded.
    #[error("data: {0}")]
    Data(String),
    /// Another policy has that name.
    #[error("the name {0:?} is taken by another policy: give each policy a name of its own")]
    NameTaken(String),
    /// A bug of ours.
    #[error("the host failed while loading it: {0}")]
    Host(String),
}

fn missing_grants(missing: &[&'static Capability]) -> String {
    let names: Vec<&str> = missing.iter().map(|capability| capability.name).collect();
    let lines: Vec<String> = missing
        .iter()
        .map(|capability| {
            format!(
                "{}: [\"{}\"]",
                capability.name,
                capability.example.unwrap_or("*")
            )
        })
        .collect();
    format!(
        "it imports {} without a grant: add to policy.yaml `grants: {{{}}}`",
        names.join(", "),
        lines.join(", ")
    )
}

/// The guest's words may hold anything, and end on terminals and in logs.
fn problems(problems: &[(String, String)]) -> String {
    let line = |(path, message): &(String, String)| match path.as_str() {
        "" => message.clone(),
        path => format!("{path}: {message}"),
    };
    let text = problems.iter().map(line).collect::<Vec<_>>().join("; ");
    text.replace(char::is_control, "\u{fffd}")
}

/// What one evaluation gave.
pub struct Run {
    /// The policy's answer, or why there is none.
    pub outcome: Result<Outcome, Fault>,
    /// How it came about.
    pub explain: Explain,
}

impl Policy {
    /// Loads a policy: bytes → component → imports ⊆ grants → configure → snapshot → compile.
    ///
    /// What was compiled before, for the same module, settings and documents read, comes from the cache.
    pub async fn load(
        sandbox: &Arc<Sandbox>,
        config: PolicyConfig,
        module: &Module,
        data: &Arc<Data>,
    ) -> Result<Arc<Policy>, LoadError> {
        let grants = Arc::new(effective_grants(&config.grants)?);
        let loader = Loader {
            sandbox,
            config: &config,
            module,
            data,
            grants: &grants,
        };
        let (compiled, entry, snapshot) = match loader.cached()? {
            Some((pre, entry)) => (
                Compiled {
                    pre,
                    configured: true,
                },
                entry,
                None,
            ),
            None => {
                let Built {
                    pre,
                    entry,
                    snapshot,
                } = loader.build().await?;
                (
                    Compiled {
                        pre,
                        configured: false,
                    },
                    entry,
                    snapshot,
                )
            }
        };
        let key = loader.key();
        let info = entry
            .info
            .clone()
            .ok_or_else(|| LoadError::Host("the description was lost".to_owned()))?;
        if let Some(kind) = config.matches.unknown_kind(&info.kinds) {
            let understood = info.kinds.join(", ");
            tracing::warn!(
                policy = config.name,
                "match.kinds names {kind:?}; the module understands {understood}"
            );
        }
        let policy = Arc::new(Policy {
            identity: identity(&config, module),
            module_digest: module.digest().to_owned(),
            info,
            reads: entry.reads.clone(),
            grants,
            compiled: ArcSwap::from_pointee(compiled),
            sandbox: Arc::clone(sandbox),
            config,
        });
        if let Some(snapshot) = snapshot {
            let policy = Arc::downgrade(&policy);
            sandbox.later(move || {
                if let Some(policy) = policy.upgrade() {
                    policy.optimise(&snapshot, &key, entry);
                }
            });
        }
        Ok(policy)
    }

    /// Compiles the snapshot with full effort and lets it take over.
    fn optimise(&self, snapshot: &[u8], key: &str, entry: Entry) {
        let compiled = compile(&self.sandbox, snapshot, Effort::Full, Some(key), entry)
            .and_then(|component| link(&self.sandbox, &self.grants, &component));
        match compiled {
            Ok(pre) => self.compiled.store(Arc::new(Compiled {
                pre,
                configured: true,
            })),
            Err(error) => {
                tracing::warn!(policy = self.config.name, %error, "no snapshot: configuring for each decision")
            }
        }
    }

    /// Judges an event in a fresh instance, which is thrown away after.
    pub async fn run(&self, event: &Arc<Event>, data: &Arc<Data>, now: Timestamp) -> Run {
        let started = Instant::now();
        let evaluation = Evaluation {
            event: Arc::clone(event),
            now,
        };
        let mut session = self.session(data, evaluation);
        let answer = match tokio::time::timeout(session.wall(), session.start_and_evaluate()).await
        {
            Ok(answer) => answer,
            Err(_) => Err(Failure::Wall),
        };
        let traces = session.store.into_data().traces();
        let outcome = answer
            .map_err(|failure| self.fault(failure, &traces))
            .and_then(|outcome| self.check(outcome));
        let explain = Explain {
            module: Some(self.module_digest.clone()),
            duration_us: started.elapsed().as_micros().try_into().unwrap_or(u64::MAX),
            calls: traces.calls,
            log: traces.log,
            log_truncated: traces.log_truncated,
        };
        Run { outcome, explain }
    }

    /// Opens a session for an event. [`Policy::run`] uses it once; only measurements use it again.
    pub fn session(&self, data: &Arc<Data>, evaluation: Evaluation) -> Session<'_> {
        let limits = &self.config.limits;
        let compiled = self.compiled.load_full();
        let reach = Reach {
            grants: Arc::clone(&self.grants),
            data: Arc::clone(data),
            evaluation: Some(evaluation),
            max_calls: limits.calls,
            max_memory: bytes_of(limits.memory),
            max_time: if compiled.configured {
                limits.time
            } else {
                limits.configure
            },
        };
        let store = self.sandbox.store(reach, bytes_of(limits.output));
        Session {
            policy: self,
            compiled,
            store,
            instance: None,
        }
    }

    /// Its configuration.
    pub fn config(&self) -> &PolicyConfig {
        &self.config
    }

    /// What the module says about itself.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// `sha256:…` of the module's bytes.
    pub fn module_digest(&self) -> &str {
        &self.module_digest
    }

    /// Names everything that decides what this policy answers, besides the data.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Whether it starts from a snapshot.
    pub fn is_snapshot(&self) -> bool {
        self.compiled.load().configured
    }

    /// Whether a policy loaded now from this configuration, module and data would be the same.
    pub fn is_current(&self, identity: &str, data: &Data) -> bool {
        self.identity == identity && reads_hold(&self.reads, data)
    }

    /// The contract's rules that types cannot express.
    fn check(&self, outcome: Outcome) -> Result<Outcome, Fault> {
        let invalid = |reason: &str| Fault::Invalid {
            policy: self.config.name.clone(),
            reason: reason.to_owned(),
        };
        if outcome.findings.iter().any(|finding| finding.id.is_empty()) {
            return Err(invalid("a finding has an empty id"));
        }
        if let Some(patch) = &outcome.patch
            && serde_json::from_str::<Vec<serde_json::Value>>(patch).is_err()
        {
            return Err(invalid("the patch is not a JSON array of operations"));
        }
        Ok(outcome)
    }

    fn fault(&self, failure: Failure, traces: &Traces) -> Fault {
        fault(
            &self.config,
            failure,
            traces,
            &humantime(self.config.limits.time),
        )
    }
}

/// What can be found out about a module without configuring it.
pub struct Inspection {
    /// What it asks for and offers.
    pub surface: Surface,
    /// What it says about itself, or why it cannot say anything.
    pub info: Result<Info, LoadError>,
}

/// Looks at a module. Its `describe` runs with every capability linked, but without an event.
pub async fn inspect(
    sandbox: &Arc<Sandbox>,
    path: &Path,
    module: &Module,
) -> Result<Inspection, LoadError> {
    let everything = |row: &Capability| {
        (
            row.name.to_owned(),
            Pattern::parse("*").into_iter().collect(),
        )
    };
    let grants = Grants::new(CAPABILITIES.iter().map(everything).collect());
    let config = PolicyConfig::for_inspection(path, grants.clone());
    let loader = Loader {
        sandbox,
        config: &config,
        module,
        data: &Arc::default(),
        grants: &Arc::new(grants),
    };
    let bytes = module
        .component()
        .map_err(|source| loader.module_error(source))?;
    let component = compile(sandbox, &bytes, Effort::Quick, None, Entry::default())?;
    let surface = Surface::of(&component, sandbox.engine());
    Ok(Inspection {
        surface,
        info: loader.describe(&component).await,
    })
}

/// Names everything that decides what a policy answers, besides the data.
pub fn identity(config: &PolicyConfig, module: &Module) -> String {
    // Debug shows every field, so that none can be forgotten.
    let text = format!(
        "{:?}",
        PolicyConfig {
            module: "".into(),
            ..config.clone()
        }
    );
    hex(&Sha256::digest(format!("{}\n{text}", module.digest())))
}

fn bytes_of(size: bytesize::ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}

fn humantime(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// The grants of policy.yaml, checked, with those that every policy has.
fn effective_grants(granted: &Grants) -> Result<Grants, LoadError> {
    let known: Vec<&str> = CAPABILITIES
        .iter()
        .filter(|row| row.example.is_some())
        .map(|row| row.name)
        .collect();
    let mut all = std::collections::BTreeMap::new();
    for (name, patterns) in granted.iter() {
        if !known.contains(&name) {
            return Err(LoadError::UnknownGrant {
                name: name.to_owned(),
                hint: suggestion(name, &known),
            });
        }
        all.insert(name.to_owned(), patterns.to_vec());
    }
    for capability in CAPABILITIES.iter().filter(|row| row.example.is_none()) {
        all.insert(
            capability.name.to_owned(),
            Pattern::parse("*").into_iter().collect(),
        );
    }
    Ok(Grants::new(all))
}

fn reads_hold(reads: &[(String, String)], data: &Data) -> bool {
    reads
        .iter()
        .all(|(path, hash)| read_hash(data, path) == *hash)
}

fn read_hash(data: &Data, path: &str) -> String {
    data.get(path)
        .map_or_else(String::new, |text| hex(&Sha256::digest(text)))
}

/// One instance of a policy.
pub struct Session<'a> {
    policy: &'a Policy,
    compiled: Arc<Compiled>,
    store: Store<Ctx>,
    instance: Option<Bindings>,
}

impl Session<'_> {
    /// Makes the instance, configures it where its module has no snapshot, and judges the event.
    async fn start_and_evaluate(&mut self) -> Result<Outcome, Failure> {
        self.start().await?;
        self.evaluate().await
    }

    /// How long it may take in all.
    fn wall(&self) -> Duration {
        let limits = &self.policy.config.limits;
        if self.compiled.configured {
            limits.wall
        } else {
            limits.wall + limits.configure
        }
    }

    /// Makes the instance.
    pub async fn start(&mut self) -> Result<(), Failure> {
        let instance = self.compiled.pre.instantiate_async(&mut self.store).await?;
        if !self.compiled.configured {
            let settings = &self.policy.config.settings;
            let configured = instance
                .touchstone_policy_guest()
                .call_configure(&mut self.store, settings)
                .await?;
            configured.map_err(|problems| Failure::Undecided(self::problems(&pairs(problems))))?;
            // What it took is not held against the evaluation.
            let limits = &self.policy.config.limits;
            self.store.data_mut().restart(limits.time, limits.calls);
        }
        self.instance = Some(instance);
        Ok(())
    }

    /// Judges the event.
    pub async fn evaluate(&mut self) -> Result<Outcome, Failure> {
        let info = self
            .store
            .data()
            .event()
            .map_err(wasmtime::Error::from)?
            .as_ref()
            .into();
        let Some(instance) = &self.instance else {
            return Err(Failure::NotStarted);
        };
        let answer = instance
            .touchstone_policy_guest()
            .call_evaluate(&mut self.store, &info)
            .await?;
        answer.map(Outcome::from).map_err(Failure::Undecided)
    }
}

/// Why a guest gave no answer, before it is put in words.
#[derive(Debug)]
pub enum Failure {
    /// It said so.
    Undecided(String),
    /// It was too slow, with everything that it waited for.
    Wall,
    /// It was stopped, or broke.
    Wasm(wasmtime::Error),
    /// [`Session::evaluate`] before [`Session::start`].
    NotStarted,
}

impl From<wasmtime::Error> for Failure {
    fn from(error: wasmtime::Error) -> Failure {
        Failure::Wasm(error)
    }
}

/// Puts a failure in words that name the policy, the limit and its value.
fn fault(config: &PolicyConfig, failure: Failure, traces: &Traces, time: &str) -> Fault {
    let policy = config.name.clone();
    let limits = &config.limits;
    let error = match failure {
        Failure::Undecided(reason) => return Fault::Undecided { policy, reason },
        Failure::Wall => {
            return Fault::Wall {
                policy,
                limit: humantime(limits.wall),
            };
        }
        Failure::NotStarted => {
            return Fault::Invalid {
                policy,
                reason: "it was not started".to_owned(),
            };
        }
        Failure::Wasm(error) => error,
    };
    match error.downcast_ref::<Stop>() {
        Some(Stop::Calls) => {
            return Fault::Calls {
                policy,
                limit: limits.calls.to_string(),
            };
        }
        Some(Stop::Time) => {
            return Fault::Time {
                policy,
                limit: time.to_owned(),
            };
        }
        Some(stop) => {
            return Fault::Invalid {
                policy,
                reason: stop.to_string(),
            };
        }
        None => {}
    }
    if traces.memory_refused {
        return Fault::Memory {
            policy,
            limit: limits.memory.to_string(),
        };
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return Fault::Trap {
            policy,
            trap: describe_trap(*trap, &error, traces),
        };
    }
    // wasmtime gives this one no type of its own; a test holds the text.
    if error
        .root_cause()
        .to_string()
        .contains("fuel allocated for hostcalls has been exhausted")
    {
        return Fault::Output {
            policy,
            limit: limits.output.to_string(),
        };
    }
    Fault::Invalid {
        policy,
        reason: error.root_cause().to_string(),
    }
}

/// The trap, where it happened, and the last that the policy logged as an error: its panic message.
fn describe_trap(trap: Trap, error: &wasmtime::Error, traces: &Traces) -> String {
    let mut text = trap.to_string();
    let backtrace = error.downcast_ref::<WasmBacktrace>();
    if let Some(name) =
        backtrace.and_then(|trace| trace.frames().iter().find_map(|frame| frame.func_name()))
    {
        // Writing to a String cannot fail.
        let _ = write!(text, " in {name}");
    }
    if let Some(last) = traces.log.iter().rfind(|line| line.level == "error") {
        let _ = write!(text, ": {}", last.message);
    }
    text
}

fn pairs(problems: Vec<Problem>) -> Vec<(String, String)> {
    problems
        .into_iter()
        .map(|Problem { path, message }| (path, message))
        .collect()
}

/// The steps of one load, with what they share.
struct Loader<'a> {
    sandbox: &'a Arc<Sandbox>,
    config: &'a PolicyConfig,
    module: &'a Module,
    data: &'a Arc<Data>,
    grants: &'a Arc<Grants>,
}

/// A policy that was configured, and what would make it faster.
struct Built {
    pre: PolicyPre<Ctx>,
    entry: Entry,
    snapshot: Option<Vec<u8>>,
}

impl Loader<'_> {
    /// The policy as it was compiled before.
    fn cached(&self) -> Result<Option<(PolicyPre<Ctx>, Entry)>, LoadError> {
        let Some(cache) = self.sandbox.cache() else {
            return Ok(None);
        };
        match cache.load(&self.key(), self.sandbox.engine()) {
            Some((component, entry))
                if entry.info.is_some() && reads_hold(&entry.reads, self.data) =>
            {
                Ok(Some((link(self.sandbox, self.grants, &component)?, entry)))
            }
            _ => Ok(None),
        }
    }

    /// Compiles the module quickly, configures it, and takes a snapshot of it as it is then.
    async fn build(&self) -> Result<Built, LoadError> {
        let bytes = self
            .module
            .component()
            .map_err(|source| self.module_error(source))?;
        let instrumented = Instrumented::new(&bytes);
        let first = match &instrumented {
            Ok(instrumented) => &instrumented.bytes,
            Err(reason) => {
                tracing::info!(policy = self.config.name, %reason, "no snapshot possible: configuring for each decision");
                bytes.as_ref()
            }
        };
        // It depends on the module alone, so that settings may change without compiling anything.
        let key = self
            .sandbox
            .cache()
            .map(|cache| cache.key(&[b"first", first]));
        let component = match self
            .sandbox
            .cache()
            .zip(key.as_ref())
            .and_then(|(cache, key)| cache.load(key, self.sandbox.engine()))
        {
            Some((component, _)) => component,
            None => compile(
                self.sandbox,
                first,
                Effort::Quick,
                key.as_deref(),
                Entry::default(),
            )?,
        };
        let pre = link(self.sandbox, self.grants, &component)?;
        let mut store = self
            .sandbox
            .store(self.reach(), bytes_of(self.config.limits.output));
        let (instance, info) = match self.configure(&pre, &mut store).await {
            Ok(done) => done,
            Err(Configure::Problems(problems)) => return Err(LoadError::Settings(problems)),
            Err(Configure::Describe(reason)) => return Err(LoadError::Describe(reason)),
            Err(Configure::Failure(failure)) => {
                let limit = humantime(self.config.limits.configure);
                return Err(LoadError::Fault(fault(
                    self.config,
                    failure,
                    &store.into_data().traces(),
                    &limit,
                )));
            }
        };
        let snapshot = match &instrumented {
            Ok(instrumented) => Some(instrumented.snapshot(&mut store, instance).await?),
            Err(_) => None,
        };
        let reads = store.into_data().traces().reads;
        let reads = reads
            .into_iter()
            .map(|path| (path.clone(), read_hash(self.data, &path)))
            .collect();
        Ok(Built {
            pre,
            entry: Entry {
                info: Some(info),
                reads,
            },
            snapshot,
        })
    }

    /// Asks a module that nobody has configured for its description.
    async fn describe(&self, component: &Component) -> Result<Info, LoadError> {
        let pre = link(self.sandbox, self.grants, component)?;
        let mut store = self
            .sandbox
            .store(self.reach(), bytes_of(self.config.limits.output));
        let answer = async {
            let guest = pre.instantiate_async(&mut store).await?;
            guest
                .touchstone_policy_guest()
                .call_describe(&mut store)
                .await
        };
        match answer.await {
            Ok(info) => Info::try_from(info).map_err(LoadError::Describe),
            Err(error) => {
                let limit = humantime(self.config.limits.configure);
                Err(LoadError::Fault(fault(
                    self.config,
                    error.into(),
                    &store.into_data().traces(),
                    &limit,
                )))
            }
        }
    }

    /// What the cache knows the configured policy by. Limits and grants are part of it: they bound what `configure`
    /// could do and read, and the snapshot holds what came of it.
    fn key(&self) -> String {
        let Some(cache) = self.sandbox.cache() else {
            return String::new();
        };
        let bounds = format!("{:?} {:?}", self.config.limits, self.grants);
        cache.key(&[
            b"last",
            self.module.digest().as_bytes(),
            self.config.settings.as_bytes(),
            bounds.as_bytes(),
        ])
    }

    /// Asks the module for its description and gives it its settings.
    async fn configure(
        &self,
        pre: &PolicyPre<Ctx>,
        store: &mut Store<Ctx>,
    ) -> Result<(wasmtime::component::Instance, Info), Configure> {
        let instance = pre.instance_pre().instantiate_async(&mut *store).await?;
        let bindings = PolicyIndices::new(pre.instance_pre())?.load(&mut *store, &instance)?;
        let guest = bindings.touchstone_policy_guest();
        let info = guest.call_describe(&mut *store).await?;
        let info = Info::try_from(info).map_err(Configure::Describe)?;
        let configured = guest
            .call_configure(&mut *store, &self.config.settings)
            .await?;
        configured.map_err(|problems| Configure::Problems(pairs(problems)))?;
        Ok((instance, info))
    }

    fn reach(&self) -> Reach {
        let limits = &self.config.limits;
        Reach {
            grants: Arc::clone(self.grants),
            data: Arc::clone(self.data),
            evaluation: None,
            max_calls: limits.calls,
            max_memory: bytes_of(limits.memory),
            max_time: limits.configure,
        }
    }

    fn module_error(&self, source: ModuleError) -> LoadError {
        LoadError::Module {
            path: self.config.module.display().to_string(),
            source,
        }
    }
}

/// Compiles a component, and keeps the code where there is a cache and a key.
fn compile(
    sandbox: &Sandbox,
    component: &[u8],
    effort: Effort,
    key: Option<&str>,
    entry: Entry,
) -> Result<Component, LoadError> {
    let code = Code::compile(sandbox, component, effort).map_err(LoadError::Compile)?;
    if let Some((cache, key)) = sandbox.cache().zip(key) {
        match cache.store(key, &code, entry, sandbox.engine()) {
            Ok(component) => return Ok(component),
            Err(error) => tracing::warn!(%error, "compiled policy is not cached"),
        }
    }
    load_fresh(sandbox.engine(), &code).map_err(LoadError::Compile)
}

/// Checks the imports against the grants and resolves them. Nothing of the guest has run yet.
fn link(
    sandbox: &Sandbox,
    grants: &Grants,
    component: &Component,
) -> Result<PolicyPre<Ctx>, LoadError> {
    let engine = sandbox.engine();
    let mut linker = Linker::new(engine);
    let mut missing = Vec::new();
    for import in Surface::of(component, engine).imports {
        let capability = module::interface(&import).and_then(capability::find);
        let Some(capability) = capability else {
            return Err(unknown_import(import));
        };
        if grants.contains(capability.name) {
            (capability.link)(&mut linker).map_err(LoadError::Contract)?;
        } else {
            missing.push(capability);
        }
    }
    if !missing.is_empty() {
        return Err(LoadError::NotGranted(missing));
    }
    let pre = linker
        .instantiate_pre(component)
        .map_err(LoadError::Contract)?;
    let pre = PolicyPre::new(pre).map_err(LoadError::Contract)?;
    // The first decision would otherwise pay for it.
    if let Err(error) = component.initialize_copy_on_write_image() {
        tracing::debug!(%error, "no copy-on-write image");
    }
    Ok(pre)
}

/// Why `configure` did not succeed.
enum Configure {
    Problems(Vec<(String, String)>),
    Describe(String),
    Failure(Failure),
}

impl From<wasmtime::Error> for Configure {
    fn from(error: wasmtime::Error) -> Configure {
        Configure::Failure(Failure::Wasm(error))
    }
}

fn unknown_import(import: String) -> LoadError {
    let hint = match module::interface(&import) {
        Some(name) => {
            let known: Vec<&str> = CAPABILITIES.iter().map(|row| row.name).collect();
            suggestion(name, &known)
        }
        None if import.starts_with("wasi:") => {
            "policies run without WASI; build it for wasm32-unknown-unknown, or with --stub-wasi where the language's tool has that".to_owned()
        }
        None => format!("policies import only {}", capability::PACKAGE),
    };
    LoadError::UnknownImport { import, hint }
}
