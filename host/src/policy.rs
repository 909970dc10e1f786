//! One policy: from its configuration and its module to something that judges events.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

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
use crate::sandbox::Sandbox;
use crate::sandbox::cache::Entry;
use crate::sandbox::module::{self, Module, ModuleError};
use crate::sandbox::snapshot::{self, Instrumented, SnapshotError};

/// A policy that is ready to judge.
pub struct Policy {
    config: PolicyConfig,
    info: Info,
    module_digest: String,
    identity: String,
    reads: Vec<(String, String)>,
    grants: Arc<Grants>,
    pre: PolicyPre<Ctx>,
    /// Whether the component starts configured; if not, every instance is configured first.
    configured: bool,
    sandbox: Arc<Sandbox>,
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

fn problems(problems: &[(String, String)]) -> String {
    let lines: Vec<String> = problems
        .iter()
        .map(|(path, message)| {
            if path.is_empty() {
                message.clone()
            } else {
                format!("{path}: {message}")
            }
        })
        .collect();
    lines.join("; ")
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
    ) -> Result<Policy, LoadError> {
        let grants = Arc::new(effective_grants(&config.grants)?);
        let loader = Loader {
            sandbox,
            config: &config,
            module,
            data,
            grants: &grants,
        };
        let (pre, entry) = match loader.cached()? {
            Some(ready) => ready,
            None => loader.build().await?,
        };
        let info = entry
            .info
            .ok_or_else(|| LoadError::Host("the description was lost".to_owned()))?;
        Ok(Policy {
            identity: identity(&config, module),
            module_digest: module.digest().to_owned(),
            info,
            reads: entry.reads,
            grants,
            pre,
            configured: entry.configured,
            sandbox: Arc::clone(sandbox),
            config,
        })
    }

    /// Judges an event in a fresh instance, which is thrown away after.
    pub async fn run(&self, event: &Arc<Event>, data: &Arc<Data>, now: Timestamp) -> Run {
        let started = Instant::now();
        let evaluation = Evaluation {
            event: Arc::clone(event),
            now,
        };
        let mut session = self.session(data, evaluation);
        let answer =
            match tokio::time::timeout(self.config.limits.wall, session.start_and_evaluate()).await
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
        let reach = Reach {
            grants: Arc::clone(&self.grants),
            data: Arc::clone(data),
            evaluation: Some(evaluation),
            max_calls: limits.calls,
            max_memory: bytes(limits.memory),
            max_time: limits.time,
        };
        Session {
            policy: self,
            store: self.sandbox.store(reach, bytes(limits.output)),
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
        self.configured
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

/// What a module says about itself. It runs with every capability linked, and no event.
pub async fn describe(
    sandbox: &Arc<Sandbox>,
    path: &std::path::Path,
    module: &Module,
) -> Result<Info, LoadError> {
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
    let component = Component::new(sandbox.engine(), &bytes).map_err(LoadError::Compile)?;
    let pre = loader.link(&component)?;
    let mut store = sandbox.store(loader.reach(), bytes_of_output(&config));
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
            let limit = humantime(config.limits.configure);
            Err(LoadError::Fault(fault(
                &config,
                error.into(),
                &store.into_data().traces(),
                &limit,
            )))
        }
    }
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

fn bytes(size: bytesize::ByteSize) -> usize {
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
    store: Store<Ctx>,
    instance: Option<Bindings>,
}

impl Session<'_> {
    /// Makes the instance, configures it where its module has no snapshot, and judges the event.
    async fn start_and_evaluate(&mut self) -> Result<Outcome, Failure> {
        self.start().await?;
        self.evaluate().await
    }

    /// Makes the instance.
    pub async fn start(&mut self) -> Result<(), Failure> {
        let instance = self.policy.pre.instantiate_async(&mut self.store).await?;
        if !self.policy.configured {
            let settings = &self.policy.config.settings;
            let configured = instance
                .touchstone_policy_guest()
                .call_configure(&mut self.store, settings)
                .await?;
            configured.map_err(|problems| Failure::Undecided(self::problems(&pairs(problems))))?;
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
                Ok(Some((self.link(&component)?, entry)))
            }
            _ => Ok(None),
        }
    }

    /// Configures the policy and compiles it as it is then.
    async fn build(&self) -> Result<(PolicyPre<Ctx>, Entry), LoadError> {
        let bytes = self
            .module
            .component()
            .map_err(|source| self.module_error(source))?;
        let instrumented = match Instrumented::new(&bytes) {
            Ok(instrumented) => Some(instrumented),
            Err(reason) => {
                tracing::info!(policy = self.config.name, %reason, "no snapshot possible: configuring for each decision");
                None
            }
        };
        let first = instrumented
            .as_ref()
            .map_or(bytes.as_ref(), |instrumented| &instrumented.bytes);
        let component = self.compile_first(first)?;
        let pre = self.link(&component)?;

        let mut store = self
            .sandbox
            .store(self.reach(), bytes_of_output(self.config));
        let configured = self.configure(&pre, &mut store).await;
        let (instance, info) = match configured {
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
            Some(instrumented) => Some(instrumented.snapshot(&mut store, instance).await?),
            None => None,
        };
        let reads = store.into_data().traces().reads;
        let entry = Entry {
            info: Some(info),
            configured: snapshot.is_some(),
            reads: reads
                .into_iter()
                .map(|path| (path.clone(), read_hash(self.data, &path)))
                .collect(),
        };
        let (component, entry) = match snapshot {
            Some(snapshot) => self.compile_last(&snapshot, entry)?,
            None => (component, entry),
        };
        Ok((self.link(&component)?, entry))
    }

    /// Compiles the component that `configure` runs in; it depends on the module alone, so settings may change.
    fn compile_first(&self, bytes: &[u8]) -> Result<Component, LoadError> {
        let engine = self.sandbox.engine();
        let Some(cache) = self.sandbox.cache() else {
            return Component::new(engine, bytes).map_err(LoadError::Compile);
        };
        let key = cache.key(&[b"first", bytes]);
        if let Some((component, _)) = cache.load(&key, engine) {
            return Ok(component);
        }
        let entry = Entry {
            info: None,
            configured: false,
            reads: Vec::new(),
        };
        self.compile_and_keep(&key, bytes, entry)
            .map(|(component, _)| component)
    }

    /// Compiles the configured component, to be found again by module and settings.
    fn compile_last(&self, snapshot: &[u8], entry: Entry) -> Result<(Component, Entry), LoadError> {
        if self.sandbox.cache().is_none() {
            let component =
                Component::new(self.sandbox.engine(), snapshot).map_err(LoadError::Compile)?;
            return Ok((component, entry));
        }
        self.compile_and_keep(&self.key(), snapshot, entry)
    }

    fn compile_and_keep(
        &self,
        key: &str,
        bytes: &[u8],
        entry: Entry,
    ) -> Result<(Component, Entry), LoadError> {
        let engine = self.sandbox.engine();
        let code = engine
            .precompile_component(bytes)
            .map_err(LoadError::Compile)?;
        let copy = Entry {
            info: entry.info.clone(),
            reads: entry.reads.clone(),
            configured: entry.configured,
        };
        let stored = self
            .sandbox
            .cache()
            .map(|cache| cache.store(key, &code, copy, engine));
        let component = match stored {
            Some(Ok(component)) => component,
            Some(Err(error)) => {
                tracing::warn!(%error, "compiled policy is not cached");
                Component::new(engine, bytes).map_err(LoadError::Compile)?
            }
            None => Component::new(engine, bytes).map_err(LoadError::Compile)?,
        };
        Ok((component, entry))
    }

    /// What the cache knows the configured policy by. The call limits are part of it: they bound `configure`, too.
    fn key(&self) -> String {
        let Some(cache) = self.sandbox.cache() else {
            return String::new();
        };
        let limits = format!("{:?}", self.config.limits);
        cache.key(&[
            b"last",
            self.module.digest().as_bytes(),
            self.config.settings.as_bytes(),
            limits.as_bytes(),
        ])
    }

    /// Checks the imports against the grants and resolves them. Nothing of the guest has run yet.
    fn link(&self, component: &Component) -> Result<PolicyPre<Ctx>, LoadError> {
        let engine = self.sandbox.engine();
        let mut linker = Linker::new(engine);
        let mut missing = Vec::new();
        for import in module::imports(component, engine) {
            let capability = module::interface(&import).and_then(capability::find);
            let Some(capability) = capability else {
                return Err(unknown_import(import));
            };
            if self.grants.contains(capability.name) {
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
        let pre = snapshot::fits(&pre).map_err(LoadError::Contract)?;
        snapshot::warm(component);
        Ok(pre)
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
            max_memory: bytes(limits.memory),
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

fn bytes_of_output(config: &PolicyConfig) -> usize {
    bytes(config.limits.output)
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
