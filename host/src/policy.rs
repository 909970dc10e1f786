//! One policy: what it is, how it is loaded, and how it judges an event.

mod error;
mod instance;
mod load;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use crate::config::{Limits, PolicyConfig};
use crate::data::{Data, hex};
use crate::grants::Grants;
use crate::guest::bindings::PolicyPre;
use crate::guest::{Ctx, Effects, Evaluation, Info, Reach, Traces};
use crate::model::{Explain, Fault, Outcome};
use crate::sandbox::module::{Module, Stamp};
use crate::sandbox::{Effort, Sandbox};

use self::instance::fault;
use self::load::{Loader, compile, effective_grants, imports, link, reads_hold};

pub use self::error::LoadError;
pub use self::instance::{Failure, Instance};
pub use self::load::{Inspection, inspect};

/// A policy that is ready to judge.
pub struct Policy {
    name: Arc<str>,
    config: PolicyConfig,
    info: Info,
    module_digest: String,
    module_stamp: Option<Stamp>,
    identity: String,
    reads: Vec<(String, String)>,
    grants: Arc<Grants>,
    asks_for_evidence: bool,
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

impl Compiled {
    /// How long an evaluation may take in all.
    fn wall(&self, limits: &Limits) -> Duration {
        if self.configured {
            limits.wall
        } else {
            limits.wall + limits.configure
        }
    }
}

/// What one evaluation gave.
pub struct Run {
    /// The policy's answer, or why there is none.
    pub outcome: Result<Outcome, Fault>,
    /// What it staged; nothing, where there is no answer.
    pub effects: Effects,
    /// How it came about.
    pub explain: Explain,
    /// Whether something that it asked could not be reached.
    pub unreachable: bool,
}

impl Policy {
    /// Loads a policy: bytes → component → imports ⊆ grants → configure → snapshot → compile.
    ///
    /// What was compiled before, for the same module, settings and documents read, comes from the cache.
    pub async fn load(
        sandbox: &Arc<Sandbox>,
        config: PolicyConfig,
        module: Module,
        data: &Arc<Data>,
    ) -> Result<Arc<Policy>, LoadError> {
        let grants = Arc::new(effective_grants(&config.grants)?);
        let loader = Loader {
            sandbox,
            config: &config,
            module: &module,
            data,
            grants: &grants,
        };
        let ((pre, entry), configured) = match loader.cached()? {
            Some(cached) => (cached, true),
            None => (loader.first().await?, false),
        };
        let asks_for_evidence = imports(sandbox, &pre, "evidence");
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
            name: config.name.as_str().into(),
            identity: identity(&config, module.digest()),
            module_digest: module.digest().to_owned(),
            module_stamp: module.stamp().cloned(),
            info,
            reads: entry.reads,
            grants,
            asks_for_evidence,
            compiled: ArcSwap::from_pointee(Compiled { pre, configured }),
            sandbox: Arc::clone(sandbox),
            config,
        });
        if !configured {
            let (data, runtime) = (Arc::clone(data), Handle::current());
            let policy = Arc::downgrade(&policy);
            sandbox.later(move || {
                if let Some(policy) = policy.upgrade() {
                    runtime.block_on(policy.optimise(&module, &data));
                }
            });
        }
        Ok(policy)
    }

    /// Compiles a snapshot with full effort and lets it take over.
    async fn optimise(&self, module: &Module, data: &Arc<Data>) {
        let loader = Loader {
            sandbox: &self.sandbox,
            config: &self.config,
            module,
            data,
            grants: &self.grants,
        };
        let first = self.compiled.load_full();
        let compiled = loader
            .snapshot(&first.pre)
            .await
            .and_then(|(snapshot, entry)| {
                let key = loader.key();
                let component = compile(&self.sandbox, &snapshot, Effort::Full, Some(&key), entry)?;
                link(&self.sandbox, &self.grants, &component)
            });
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
    pub async fn run(&self, evaluation: Evaluation, data: &Arc<Data>) -> Run {
        let started = Instant::now();
        let deadline = evaluation.deadline;
        let mut instance = self.instance(data, evaluation);
        let answer = instance.start_and_evaluate_until(deadline).await;
        let mut traces = instance.store.into_data().traces();
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
        // A guest that broke, or could not decide, has done nothing.
        let effects = match &outcome {
            Ok(_) => std::mem::take(&mut traces.effects),
            Err(_) => Effects::default(),
        };
        Run {
            outcome,
            effects,
            explain,
            unreachable: traces.unreachable || traces.waiting_for.is_some(),
        }
    }

    /// Opens an instance for an event. [`Policy::run`] uses it once; only measurements use it again.
    pub fn instance(&self, data: &Arc<Data>, evaluation: Evaluation) -> Instance<'_> {
        let limits = &self.config.limits;
        let compiled = self.compiled.load_full();
        let reach = Reach {
            policy: Arc::clone(&self.name),
            grants: Arc::clone(&self.grants),
            data: Arc::clone(data),
            outside: Arc::clone(self.sandbox.outside()),
            evaluation: Some(evaluation),
            wall: compiled.wall(limits),
            max_calls: limits.calls,
            max_memory: bytes_of(limits.memory),
            max_time: if compiled.configured {
                limits.time
            } else {
                limits.configure
            },
        };
        let store = self.sandbox.store(reach, bytes_of(limits.output));
        Instance {
            policy: self,
            compiled,
            store,
            guest: None,
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

    /// What it may use.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// Whether it may ask what is known of images.
    pub fn asks_for_evidence(&self) -> bool {
        self.asks_for_evidence
    }

    /// Whether it starts from a snapshot.
    pub fn is_snapshot(&self) -> bool {
        self.compiled.load().configured
    }

    /// The digest of its module, if the file is as it was when it was read.
    pub fn untouched_module(&self, stamp: &Stamp) -> Option<&str> {
        let same = self.module_stamp.as_ref() == Some(stamp);
        same.then_some(self.module_digest.as_str())
    }

    /// Whether a policy loaded now from this configuration, module and data would be the same.
    pub fn is_current(&self, identity: &str, data: &Data) -> bool {
        self.identity == identity && reads_hold(&self.reads, data)
    }

    /// The contract's rules that types cannot express.
    fn check(&self, outcome: Outcome) -> Result<Outcome, Fault> {
        if outcome.findings.iter().any(|finding| finding.id.is_empty()) {
            return Err(Fault::Invalid {
                policy: self.config.name.clone(),
                reason: "a finding has an empty id".to_owned(),
            });
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

/// Names everything that decides what a policy answers, besides the data.
pub fn identity(config: &PolicyConfig, module_digest: &str) -> String {
    // Debug shows every field, so that none can be forgotten.
    let text = format!(
        "{:?}",
        PolicyConfig {
            module: "".into(),
            ..config.clone()
        }
    );
    hex(&Sha256::digest(format!("{module_digest}\n{text}")))
}

fn bytes_of(size: bytesize::ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}

fn humantime(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}
