//! The engine that guests run in: its limits, its clock, and how a module's bytes become something that it can run.

pub mod cache;
pub mod module;
pub mod snapshot;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::time::Duration;

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    RegallocAlgorithm, Store, WasmBacktraceDetails,
};

use crate::config::{MAX_MEMORY, PoolConfig};
use crate::guest::{Ctx, Reach};
use crate::memory;
use crate::outside::Outside;

use self::cache::Cache;

/// How often a running guest is looked at.
const TICK: Duration = Duration::from_millis(1);
/// Slots beside those for decisions: policies are configured in the same pool.
const SPARE_SLOTS: u32 = 8;
/// Core modules and tables in one component at most, so that a free slot is enough for any. Encoding a core module
/// makes up to three and two.
const CORE_INSTANCES: u32 = 8;
const TABLES: u32 = 4;
/// What a slot keeps mapped between two instances; most policies touch less, so a decision causes no page faults.
const KEEP_RESIDENT: usize = 1 << 20;
/// How long there has to be nothing to do until memory is given back, and given back again.
const RESTS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];
/// How nice the thread is that does what can wait: a tenth of what others get where processors are short.
const BACKGROUND: i32 = 10;
/// Stack for a guest's code. Interpreters of other languages call themselves for each level of what they read; half a
/// megabyte, wasmtime's default, ends expressions that people write.
const GUEST_STACK: usize = 2 << 20;
/// Stack for host calls that a guest made, beside its own.
const HOST_STACK: usize = 1 << 20;

/// The engine with its pool, its ticker, its two compilers and its cache of compiled policies.
pub struct Sandbox {
    engine: Engine,
    quick: Engine,
    cache: Option<Cache>,
    outside: Arc<Outside>,
    later: Option<mpsc::Sender<Job>>,
    turns: Mutex<HashMap<String, Weak<Mutex<()>>>>,
}

/// Something that can wait.
type Job = Box<dyn FnOnce() + Send>;

/// How code is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// In half the time.
    Quick,
    /// For half the running time.
    Full,
}

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot reserve a pool of {instances} instances: {source}; lower pool.instances or raise the address space limit (ulimit -v)"
)]
pub struct SandboxError {
    instances: u32,
    source: wasmtime::Error,
}

impl Sandbox {
    /// Reserves the pool and starts the ticker, which ends with the engine. A cache folder that cannot be trusted is
    /// left alone, and said so.
    pub fn new(
        pool: &PoolConfig,
        cache: Option<&Path>,
        outside: Arc<Outside>,
    ) -> Result<Sandbox, SandboxError> {
        let failed = |source| SandboxError {
            instances: pool.instances.get(),
            source,
        };
        let engine = Engine::new(&engine_config(pool)).map_err(failed)?;
        let quick = Engine::new(&quick_config()).map_err(failed)?;
        let ticking = engine.weak();
        std::thread::spawn(move || {
            while let Some(engine) = ticking.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        });
        let cache = cache.and_then(|folder| match Cache::open(folder, &engine) {
            Ok(cache) => Some(cache),
            Err(error) => {
                tracing::warn!(%error, "compiled policies are not cached");
                None
            }
        });
        Ok(Sandbox {
            engine,
            quick,
            cache,
            outside,
            later: None,
            turns: Mutex::default(),
        })
    }

    /// With a thread for what can wait: making policies faster that already serve. For processes that stay.
    pub fn with_optimiser(mut self) -> Sandbox {
        let (sender, jobs) = mpsc::channel::<Job>();
        std::thread::spawn(move || {
            // Nobody waits for it, and somebody may wait for a decision. On Linux, this is about the thread alone.
            let _ = rustix::process::nice(BACKGROUND);
            while let Ok(job) = jobs.recv() {
                run_job(job);
                // What a job replaced is freed by those who used it: most of it soon, the rest when they are done.
                for rest in RESTS {
                    while let Ok(job) = jobs.recv_timeout(rest) {
                        run_job(job);
                    }
                    memory::give_back();
                }
            }
        });
        self.later = Some(sender);
        self
    }

    /// Does something later, or never, where there is no thread for it.
    pub fn later(&self, job: impl FnOnce() + Send + 'static) {
        if let Some(later) = &self.later {
            // The thread lives as long as this sender.
            let _ = later.send(Box::new(job));
        }
    }

    /// What only one at a time does, of all who name it alike.
    pub fn turn(&self, name: &str) -> Arc<Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(name).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(name.to_owned(), Arc::downgrade(&turn));
        turn
    }

    /// The engine that every policy runs in.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What guests can reach beyond it, where they are allowed to.
    pub fn outside(&self) -> &Arc<Outside> {
        &self.outside
    }

    /// Where compiled policies are kept.
    pub fn cache(&self) -> Option<&Cache> {
        self.cache.as_ref()
    }

    /// Machine code for a component.
    pub fn compile(&self, component: &[u8], effort: Effort) -> wasmtime::Result<Vec<u8>> {
        match effort {
            Effort::Quick => self.quick.precompile_component(component),
            Effort::Full => self.engine.precompile_component(component),
        }
    }

    /// A store for one instance, with every limit in force.
    pub fn store(&self, reach: Reach, output: usize) -> Store<Ctx> {
        let mut store = Store::new(&self.engine, Ctx::new(reach));
        store.limiter(|ctx| &mut ctx.memory);
        store.set_hostcall_fuel(output);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut store| store.data_mut().meter.tick());
        store
    }

    /// Instances that exist at this moment.
    pub fn live_instances(&self) -> u64 {
        self.engine
            .pooling_allocator_metrics()
            .map_or(0, |metrics| metrics.component_instances())
    }
}

/// A job that panics must not take the later ones with it.
fn run_job(job: Job) {
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)).is_err() {
        tracing::error!("a policy could not be made faster: the compiler failed");
    }
}

fn engine_config(pool: &PoolConfig) -> Config {
    let slots = pool.instances.get().saturating_add(SPARE_SLOTS);
    let mut pooling = PoolingAllocationConfig::new();
    pooling
        .total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES))
        .max_core_instances_per_component(CORE_INSTANCES)
        .total_memories(slots)
        .max_memories_per_component(1)
        .total_tables(slots.saturating_mul(TABLES))
        .max_tables_per_component(TABLES)
        .total_stacks(slots)
        .max_memory_size(usize::try_from(MAX_MEMORY.as_u64()).unwrap_or(usize::MAX))
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(16 << 10)
        // Without it, every instance that ends costs a shoot-down of the other cores' TLBs.
        .pagemap_scan(Enabled::Auto);
    let mut config = common_config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling));
    // Full effort is made in the background: one core is enough, and nobody is kept waiting for it.
    config.parallel_compilation(false);
    config
}

/// What the code of both compilers has to agree on. No inlining: guests come optimised from their own compiler, and it
/// doubles the time that compiling takes.
fn common_config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .concurrency_support(false)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(GUEST_STACK + HOST_STACK);
    config
}

/// Half the time to compile, half the speed to run: for what is to be served at once.
fn quick_config() -> Config {
    let mut config = common_config();
    config
        .cranelift_opt_level(OptLevel::None)
        .cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass);
    config
}
