//! Runs a policy's `configure` once and keeps the instance as it is then, as a component that starts configured.

use std::time::Duration;

use wasmtime::Store;
use wasmtime::component::{Instance, Lift, WasmList};
use wasmtime_wizer::{ComponentInstanceState, Wizer};

use crate::guest::Ctx;

/// What copying a guest's memory out may take: the largest memory, and some.
const COPY_LIMIT: usize = 128 << 20;
/// How long it may take: the accessors are ours, not the guest's, and a busy machine is no reason to give up.
const COPY_TIME: Duration = Duration::from_secs(60);

/// Why a component cannot be snapshotted.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Its structure is beyond what the tool can do. The policy is configured for every decision instead.
    #[error("{0}")]
    Unsupported(wasmtime::Error),
    /// Reading the instance's state failed.
    #[error("cannot read the configured instance: {0}")]
    Read(wasmtime::Error),
}

/// A component with accessors for its state, ready to be compiled.
pub struct Instrumented<'a> {
    wizer: Wizer,
    context: wasmtime_wizer::ComponentContext<'a>,
    /// The component's bytes.
    pub bytes: Vec<u8>,
}

impl<'a> Instrumented<'a> {
    /// Adds the accessors.
    pub fn new(component: &'a [u8]) -> Result<Instrumented<'a>, SnapshotError> {
        let wizer = Wizer::new();
        let (context, bytes) = wizer
            .instrument_component(component)
            .map_err(SnapshotError::Unsupported)?;
        Ok(Instrumented {
            wizer,
            context,
            bytes,
        })
    }

    /// The original component with the state that this instance of the instrumented one has now.
    pub async fn snapshot(
        &self,
        store: &mut Store<Ctx>,
        instance: Instance,
    ) -> Result<Vec<u8>, SnapshotError> {
        store.set_hostcall_fuel(COPY_LIMIT);
        store.data_mut().restart(COPY_TIME, u64::MAX);
        let mut state = State {
            store,
            instance,
            longest: 0,
            failed: None,
        };
        let bytes = self
            .wizer
            .snapshot_component(&self.context, &mut state)
            .await;
        match state.failed {
            Some(error) => Err(SnapshotError::Read(error)),
            None => bytes.map_err(SnapshotError::Unsupported),
        }
    }
}

/// Answers wizer's questions. Its trait has no place for errors, so the first one is kept.
struct State<'a> {
    store: &'a mut Store<Ctx>,
    instance: Instance,
    /// The longest list so far.
    longest: usize,
    failed: Option<wasmtime::Error>,
}

impl State<'_> {
    async fn call<R: Lift + Send + Sync + 'static>(
        &mut self,
        instance: &str,
        function: &str,
    ) -> wasmtime::Result<R> {
        let missing = || wasmtime::format_err!("accessor {instance}#{function} is missing");
        let (_, interface) = self
            .instance
            .get_export(&mut *self.store, None, instance)
            .ok_or_else(missing)?;
        let (_, index) = self
            .instance
            .get_export(&mut *self.store, Some(&interface), function)
            .ok_or_else(missing)?;
        let function = self
            .instance
            .get_typed_func::<(), (R,)>(&mut *self.store, index)?;
        Ok(function.call_async(&mut *self.store, ()).await?.0)
    }

    async fn number<R: Lift + Default + Send + Sync + 'static>(
        &mut self,
        instance: &str,
        function: &str,
    ) -> R {
        match self.call(instance, function).await {
            Ok(number) => number,
            Err(error) => {
                self.failed.get_or_insert(error);
                R::default()
            }
        }
    }
}

impl ComponentInstanceState for State<'_> {
    async fn call_func_ret_list_u8(
        &mut self,
        instance: &str,
        func: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        match self.call::<WasmList<u8>>(instance, func).await {
            Ok(list) => {
                let bytes = list.as_le_slice(&*self.store);
                self.longest = self.longest.max(bytes.len());
                contents(bytes);
            }
            Err(error) => {
                self.failed.get_or_insert(error);
                // Wizer asks twice, and relies on getting as much again; what it makes of it is thrown away.
                contents(&vec![0; self.longest]);
            }
        }
    }

    async fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> i32 {
        self.number(instance, func).await
    }

    async fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> i64 {
        self.number(instance, func).await
    }

    async fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> u32 {
        self.number::<f32>(instance, func).await.to_bits()
    }

    async fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> u64 {
        self.number::<f64>(instance, func).await.to_bits()
    }
}
