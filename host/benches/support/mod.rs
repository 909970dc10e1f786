//! What the benchmarks have in common: services with policies of the examples.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark; each uses what it needs"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::runtime::Runtime;

use touchstone::config::{Overrides, State};
use touchstone::generation::Member;
use touchstone::service::{Origin, Service, Stay};

/// A runtime with so many threads.
pub fn runtime(threads: usize) -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .unwrap()
}

/// What is at a path of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The module of an example.
pub fn module(example: &str) -> Vec<u8> {
    let file = format!("{}.wasm", example.replace('-', "_"));
    let path = repository("policies-examples").join(example).join(file);
    fs::read(&path).unwrap_or_else(|_| {
        panic!(
            "{} is missing: run `touchstone build policies-examples`",
            path.display()
        )
    })
}

/// Puts an example's module into a policy's folder below `root`.
pub fn write_module(root: &Path, name: &str, example: &str) {
    let folder = root.join("policies").join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("m.wasm"), module(example)).unwrap();
}

/// Writes what a policy.yaml has besides its name and module.
pub fn write_yaml(root: &Path, name: &str, rest: &Value) {
    let mut yaml = rest.as_object().unwrap().clone();
    yaml.insert("name".to_owned(), name.into());
    yaml.insert("module".to_owned(), "m.wasm".into());
    let file = root.join("policies").join(name).join("policy.yaml");
    fs::write(file, Value::from(yaml).to_string()).unwrap();
}

/// A host of what is below `root`, with its state in memory and a cache of compiled policies.
pub fn origin(root: &Path) -> Origin {
    let data = root.join("data");
    Origin {
        file: None,
        overrides: Overrides {
            policies: vec![root.join("policies")],
            data: data.exists().then_some(data).into_iter().collect(),
            state: Some(State::Memory),
            cache: Some(root.join("cache")),
            ..Overrides::default()
        },
    }
}

/// A service that has not loaded anything.
pub fn open(runtime: &Runtime, origin: Origin) -> Arc<Service> {
    Arc::new(runtime.block_on(Service::new(origin, Stay::Serve)).unwrap())
}

/// A service whose policies are loaded, and start from their snapshots.
pub fn loaded(runtime: &Runtime, origin: Origin) -> Arc<Service> {
    let service = open(runtime, origin);
    runtime.block_on(service.reload());
    sound(&service);
    settle(&service);
    service
}

/// Fails when a policy could not be loaded.
pub fn sound(service: &Service) {
    for member in service.generations.current().unwrap().members() {
        assert_eq!(member.state.error(), None, "{}", member.name);
    }
}

/// Waits until every policy starts from its snapshot.
pub fn settle(service: &Service) {
    let generation = service.generations.current().unwrap();
    while !generation
        .members()
        .iter()
        .filter_map(Member::policy)
        .all(|policy| policy.is_snapshot())
    {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// How long it takes from a change to the moment when it is served, through the watcher.
pub fn served(service: &Service, change: impl FnOnce()) -> Duration {
    let before = service.generations.current().unwrap().id().to_owned();
    let start = Instant::now();
    change();
    while service.generations.current().unwrap().id() == before {
        std::thread::sleep(Duration::from_micros(500));
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "the change was not taken up"
        );
    }
    start.elapsed()
}
