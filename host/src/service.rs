//! The host as a whole: everything that lives as long as the process, and how it takes up a change of configuration.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use bytesize::ByteSize;
use tokio::sync::Semaphore;

use crate::config::{ConfigError, HostConfig, Overrides, State};
use crate::decide::Decider;
use crate::egress::CaError;
use crate::generation::{Generations, is_passing};
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::outside::Outside;
use crate::sandbox::{Sandbox, SandboxError};
use crate::store::{self, StoreError};
use crate::tls::{Tls, TlsError};

/// Where the configuration comes from, so that it can be read again.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// `touchstone.yaml`, when there is one.
    pub file: Option<PathBuf>,
    /// Flags and variables.
    pub overrides: Overrides,
}

/// How long the process means to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// Until it is told to stop: policies are made faster while they serve, the state is kept where touchstone.yaml says.
    Serve,
    /// For a few decisions: the state is in memory, unless a flag says otherwise.
    Once,
}

/// Sandbox, generations, outbox and decider, under one configuration.
pub struct Service {
    origin: Origin,
    started_with: HostConfig,
    config: ArcSwap<HostConfig>,
    config_error: ArcSwap<Option<String>>,
    config_may_pass: AtomicBool,
    /// The engine that policies run in.
    pub sandbox: Arc<Sandbox>,
    /// What is active.
    pub generations: Arc<Generations>,
    /// What the TLS listener shows, when there is one.
    pub tls: Option<Arc<Tls>>,
    /// What policies can reach.
    pub outside: Arc<Outside>,
    /// Where decisions go, and actions come from.
    pub outbox: Arc<Outbox>,
    /// Room for the bodies of all requests together, and for answers that are not read.
    pub bodies: Bodies,
    /// Decides.
    pub decider: Decider,
    /// Counts.
    pub metrics: Arc<Metrics>,
}

/// Room for bodies, in KiB. Large ones never have all of it, so that whoever sends some and stalls does not keep the small
/// ones out, such as a cluster's.
#[derive(Clone)]
pub struct Bodies {
    /// For everything.
    pub all: Arc<Semaphore>,
    /// What of it large ones may have.
    pub large: Arc<Semaphore>,
}

impl Bodies {
    /// With so much room.
    pub fn new(limit: ByteSize) -> Bodies {
        let units = usize::try_from(limit.as_u64() / 1024).unwrap_or(usize::MAX);
        let units = units.min(Semaphore::MAX_PERMITS);
        Bodies {
            all: Arc::new(Semaphore::new(units)),
            large: Arc::new(Semaphore::new(units - units / 8)),
        }
    }
}

/// Why the host cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// touchstone.yaml is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A certificate cannot be read.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// The TLS listener has nothing to show.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No sandbox.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

impl Service {
    /// Reads the configuration, opens the state, starts the outbox and reserves the pool. No policy is loaded yet: see
    /// [`Service::reload`]. Needs a runtime.
    pub async fn new(origin: Origin, stay: Stay) -> Result<Service, ServiceError> {
        let mut config = HostConfig::load(origin.file.as_deref(), &origin.overrides)?;
        config.check_folders()?;
        let tls = match (stay, &config.tls) {
            (Stay::Serve, Some(tls)) => Some(Arc::new(Tls::new(tls.clone())?)),
            _ => None,
        };
        if stay == Stay::Once {
            config.state = origin.overrides.state.clone().unwrap_or(State::Memory);
        }
        let store = store::open(&config.state).await?;
        let outside = Arc::new(Outside::new(store, &config.ca)?);
        outside.configure(&config);
        outside.read_waivers().await?;
        let bodies = Bodies::new(config.bodies_limit);
        let sandbox = Sandbox::new(&config.pool, config.cache.as_deref(), Arc::clone(&outside))?;
        let sandbox = Arc::new(match stay {
            Stay::Serve => sandbox.with_optimiser(),
            Stay::Once => sandbox,
        });
        let (generations, metrics) = (
            Arc::new(Generations::default()),
            Arc::new(Metrics::default()),
        );
        let outbox = Arc::new(Outbox::start(
            &outside,
            &metrics,
            config.audit,
            config.outbox,
        ));
        let decider = Decider::new(
            Arc::clone(&generations),
            Arc::clone(&metrics),
            Arc::clone(&outbox),
            Arc::clone(&outside),
            &config.pool,
        );
        Ok(Service {
            origin,
            started_with: config.clone(),
            config: ArcSwap::from_pointee(config),
            config_error: ArcSwap::default(),
            config_may_pass: AtomicBool::new(false),
            sandbox,
            generations,
            tls,
            outside,
            outbox,
            bodies,
            decider,
            metrics,
        })
    }

    /// Takes up what the files say now. A broken touchstone.yaml changes nothing and is reported; so is a key that
    /// only a restart can change.
    pub async fn reload(&self) {
        let before = self.config_error.load_full();
        let mut may_pass = false;
        let mut errors = Vec::new();
        match HostConfig::load(self.origin.file.as_deref(), &self.origin.overrides) {
            Ok(config) => {
                let later = self.started_with.needs_restart(&config);
                if !later.is_empty() {
                    let later = later.join(", ");
                    errors.push(format!("changed, but only a restart takes it up: {later}"));
                }
                self.outside.configure(&config);
                self.config.store(Arc::new(config));
            }
            Err(error) => {
                may_pass |= is_passing(&error);
                errors.push(error.to_string());
            }
        }
        // Certificates end, whatever touchstone.yaml is like.
        if let Some(Err(error)) = self.tls.as_ref().map(|tls| tls.reload()) {
            may_pass |= is_passing(&error);
            errors.push(error.to_string());
        }
        let error = (!errors.is_empty()).then(|| errors.join("; "));
        self.config_error.store(Arc::new(error));
        self.config_may_pass.store(may_pass, Ordering::Relaxed);
        let now = self.config_error.load_full();
        if let Some(error) = now.as_ref()
            && before != now
        {
            tracing::error!(?error, "configuration is not as touchstone.yaml says");
        }
        let changed = self
            .generations
            .rebuild(&self.sandbox, &self.config())
            .await;
        self.metrics.reloaded(changed);
    }

    /// The configuration in force, but for what needs a restart.
    pub fn config(&self) -> Arc<HostConfig> {
        self.config.load_full()
    }

    /// The configuration that the process started with.
    pub fn started_with(&self) -> &HostConfig {
        &self.started_with
    }

    /// Whether something could not be read that perhaps can be in a moment.
    pub fn may_pass(&self) -> bool {
        let generation = self.generations.current();
        self.config_may_pass.load(Ordering::Relaxed)
            || generation.is_some_and(|generation| generation.may_pass())
    }

    /// Why the configuration is not as the file says.
    pub fn config_error(&self) -> Option<String> {
        self.config_error.load().as_ref().clone()
    }

    /// The configuration's file.
    pub fn config_file(&self) -> Option<&PathBuf> {
        self.origin.file.as_ref()
    }
}
