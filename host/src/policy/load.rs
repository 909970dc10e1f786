//! From a module's bytes to code that judges: componentize, check imports against grants, configure, snapshot, compile.

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use sha2::{Digest, Sha256};
use wasmtime::Store;
use wasmtime::component::{Component, Instance, Linker};

use crate::capability::{self, CAPABILITIES, Capability, IN_OUTCOME};
use crate::config::{PolicyConfig, suggestion};
use crate::data::{Data, hex};
use crate::grants::{Grant, Grants, Pattern};
use crate::guest::bindings::{PolicyIndices, PolicyPre};
use crate::guest::{Ctx, Info, Reach};
use crate::sandbox::cache::{Code, Entry, load_fresh};
use crate::sandbox::module::{self, Module, ModuleError, Surface};
use crate::sandbox::snapshot::Instrumented;
use crate::sandbox::{Effort, Sandbox};

use super::instance::{Failure, fault, pairs};
use super::{LoadError, bytes_of, humantime};

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
    let everything = |row: &Capability| (row.name.to_owned(), everywhere());
    let grants = Grants::new(CAPABILITIES.iter().map(everything).collect());
    let config = PolicyConfig::stand_in("inspected".to_owned(), path);
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

/// The grants of policy.yaml, checked, with those that every policy has.
pub(super) fn effective_grants(granted: &Grants) -> Result<Grants, LoadError> {
    let known: Vec<&str> = CAPABILITIES
        .iter()
        .filter(|row| row.example.is_some())
        .map(|row| row.name)
        .chain(IN_OUTCOME.iter().copied())
        .collect();
    let mut all = std::collections::BTreeMap::new();
    for (name, grants) in granted.iter() {
        if !known.contains(&name) {
            return Err(LoadError::UnknownGrant {
                name: name.to_owned(),
                hint: suggestion(name, &known),
            });
        }
        let grants = grants.iter().map(|grant| grant.as_ref().clone());
        all.insert(name.to_owned(), grants.collect());
    }
    for capability in CAPABILITIES.iter().filter(|row| row.example.is_none()) {
        all.insert(capability.name.to_owned(), everywhere());
    }
    Ok(Grants::new(all))
}

/// One grant of everything.
fn everywhere() -> Vec<Grant> {
    Pattern::parse("*").map(Grant::new).into_iter().collect()
}

pub(super) fn reads_hold(reads: &[(String, String)], data: &Data) -> bool {
    reads
        .iter()
        .all(|(path, hash)| read_hash(data, path) == *hash)
}

fn read_hash(data: &Data, path: &str) -> String {
    data.get(path)
        .map_or_else(String::new, |text| hex(&Sha256::digest(text)))
}

/// The steps of one load, with what they share.
pub(super) struct Loader<'a> {
    pub(super) sandbox: &'a Arc<Sandbox>,
    pub(super) config: &'a PolicyConfig,
    pub(super) module: &'a Module,
    pub(super) data: &'a Arc<Data>,
    pub(super) grants: &'a Arc<Grants>,
}

impl Loader<'_> {
    /// The policy as it was compiled before.
    pub(super) fn cached(&self) -> Result<Option<(PolicyPre<Ctx>, Entry)>, LoadError> {
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

    /// The policy from quickly compiled code. It is configured once, to know that it can be.
    pub(super) async fn first(&self) -> Result<(PolicyPre<Ctx>, Entry), LoadError> {
        let component = self.compile_first()?;
        let pre = link(self.sandbox, self.grants, &component)?;
        let (store, _, info) = self.configured(&pre).await?;
        let entry = self.entry(store, info);
        Ok((pre, entry))
    }

    /// The module compiled quickly, with accessors for its state where it can have them. That depends on the module
    /// alone, so that settings may change without compiling anything.
    fn compile_first(&self) -> Result<Component, LoadError> {
        let Some(cache) = self.sandbox.cache() else {
            return self.compile_anew(None);
        };
        let key = cache.key(&[b"first", self.module.digest().as_bytes()]);
        // Several policies of one module wait for the one that compiles it.
        let turn = self.sandbox.turn(&key);
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        match cache.load(&key, self.sandbox.engine()) {
            Some((component, _)) => Ok(component),
            None => self.compile_anew(Some(&key)),
        }
    }

    fn compile_anew(&self, key: Option<&str>) -> Result<Component, LoadError> {
        let bytes = self.component()?;
        let instrumented = Instrumented::new(&bytes);
        let first = match &instrumented {
            Ok(instrumented) => &instrumented.bytes,
            Err(_) => bytes.as_ref(),
        };
        compile(self.sandbox, first, Effort::Quick, key, Entry::default())
    }

    fn component(&self) -> Result<Cow<'_, [u8]>, LoadError> {
        let component = self.module.component();
        component.map_err(|source| self.module_error(source))
    }

    /// The module as it is when it is configured, from the code of [`Loader::first`].
    pub(super) async fn snapshot(
        &self,
        pre: &PolicyPre<Ctx>,
    ) -> Result<(Vec<u8>, Entry), LoadError> {
        let bytes = self.component()?;
        let instrumented = Instrumented::new(&bytes)?;
        let (mut store, instance, info) = self.configured(pre).await?;
        let snapshot = instrumented.snapshot(&mut store, instance).await?;
        Ok((snapshot, self.entry(store, info)))
    }

    /// An instance that has its settings.
    async fn configured(
        &self,
        pre: &PolicyPre<Ctx>,
    ) -> Result<(Store<Ctx>, Instance, Info), LoadError> {
        let output = bytes_of(self.config.limits.output);
        let mut store = self.sandbox.store(self.reach(), output);
        match self.configure(pre, &mut store).await {
            Ok((instance, info)) => Ok((store, instance, info)),
            Err(Configure::Problems(problems)) => Err(LoadError::Settings(problems)),
            Err(Configure::Describe(reason)) => Err(LoadError::Describe(reason)),
            Err(Configure::Failure(failure)) => Err(self.broke(failure, store)),
        }
    }

    /// What configuring the policy told.
    fn entry(&self, store: Store<Ctx>, info: Info) -> Entry {
        let reads = store.into_data().traces().reads;
        let hashed = |path: String| {
            let hash = read_hash(self.data, &path);
            (path, hash)
        };
        Entry {
            info: Some(info),
            reads: reads.into_iter().map(hashed).collect(),
        }
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
            Err(error) => Err(self.broke(error.into(), store)),
        }
    }

    /// What the cache knows the configured policy by. Limits and grants are part of it: they bound what `configure`
    /// could do and read, and the snapshot holds what came of it.
    pub(super) fn key(&self) -> String {
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
    ) -> Result<(Instance, Info), Configure> {
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

    /// The guest failed before it ever judged; its time limit is that of `configure`.
    fn broke(&self, failure: Failure, store: Store<Ctx>) -> LoadError {
        let limit = humantime(self.config.limits.configure);
        LoadError::Fault(fault(
            self.config,
            failure,
            &store.into_data().traces(),
            &limit,
        ))
    }

    fn reach(&self) -> Reach {
        let limits = &self.config.limits;
        Reach {
            policy: self.config.name.as_str().into(),
            grants: Arc::clone(self.grants),
            data: Arc::clone(self.data),
            outside: Arc::clone(self.sandbox.outside()),
            evaluation: None,
            wall: limits.configure,
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
pub(super) fn compile(
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

/// Whether a module imports an interface of the contract.
pub(super) fn imports(sandbox: &Sandbox, pre: &PolicyPre<Ctx>, interface: &str) -> bool {
    let component = pre.instance_pre().component();
    let imports = Surface::of(component, sandbox.engine()).imports;
    imports
        .iter()
        .any(|import| module::interface(import) == Some(interface))
}

/// Checks the imports against the grants and resolves them. Nothing of the guest has run yet.
pub(super) fn link(
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
        if grants.names(capability.name) {
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
