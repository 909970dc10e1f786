//! The engine that guests run in: its limits, its clock, and how a module's bytes become something that it can run.

pub mod cache;
pub mod module;
pub mod snapshot;

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wasmtime::{
    CacheStore, Config, Enabled, Engine, Inlining, InstanceAllocationStrategy, OptLevel,
    PoolingAllocationConfig, Store, WasmBacktraceDetails,
};

use crate::config::{MAX_MEMORY, PoolConfig};
use crate::guest::{Ctx, Reach};

use self::cache::Cache;

/// How often a running guest is looked at.
const TICK: Duration = Duration::from_millis(1);
/// Slots beside those for decisions: policies are configured in the same pool.
const SPARE_SLOTS: u32 = 8;
/// What a slot keeps mapped between two instances; most policies touch less, so a decision causes no page faults.
const KEEP_RESIDENT: usize = 1 << 20;
/// Compiled functions that are kept for the next compilation of nearly the same code.
const FUNCTION_CACHE_BYTES: usize = 32 << 20;

/// The engine with its pool, its ticker and its cache of compiled policies.
pub struct Sandbox {
    engine: Engine,
    cache: Option<Cache>,
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
    pub fn new(pool: &PoolConfig, cache: Option<&Path>) -> Result<Sandbox, SandboxError> {
        let failed = |source| SandboxError {
            instances: pool.instances,
            source,
        };
        let engine = Engine::new(&engine_config(pool).map_err(failed)?).map_err(failed)?;
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
        Ok(Sandbox { engine, cache })
    }

    /// The engine that every policy is compiled for.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Where compiled policies are kept.
    pub fn cache(&self) -> Option<&Cache> {
        self.cache.as_ref()
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

fn engine_config(pool: &PoolConfig) -> wasmtime::Result<Config> {
    let slots = pool.instances.saturating_add(SPARE_SLOTS);
    let mut pooling = PoolingAllocationConfig::new();
    pooling
        .total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(4))
        .total_memories(slots)
        .total_tables(slots.saturating_mul(2))
        .total_stacks(slots)
        .max_memory_size(usize::try_from(MAX_MEMORY.as_u64()).unwrap_or(usize::MAX))
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(16 << 10)
        .decommit_batch_size(16)
        // Without it, every instance that ends costs a shoot-down of the other cores' TLBs.
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pooling))
        .epoch_interruption(true)
        .concurrency_support(false)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .cranelift_opt_level(OptLevel::Speed)
        .compiler_inlining(Inlining::Yes)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .enable_incremental_compilation(Arc::new(Functions::default()))?;
    Ok(config)
}

/// Compiled functions by the hash of their code. A snapshot with other settings has other data, but the same functions.
#[derive(Debug, Default)]
struct Functions(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    functions: HashMap<Vec<u8>, Vec<u8>>,
    bytes: usize,
}

impl CacheStore for Functions {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.functions.get(key).cloned().map(Cow::Owned)
    }

    fn insert(&self, key: &[u8], value: Vec<u8>) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + value.len() > FUNCTION_CACHE_BYTES {
            *kept = Kept::default();
        }
        kept.bytes += value.len();
        kept.functions.insert(key.to_owned(), value);
        true
    }
}
