//! What a decision costs, in ratios that hold on a noisy machine. Needs the modules of the examples:
//! `cargo run --release -- build policies-examples`, then `cargo bench -p touchstone`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark"
)]

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use touchstone::decide::Options;
use touchstone::document::Document;
use touchstone::guest::Evaluation;
use touchstone::model::Event;
use touchstone::service::Service;
use touchstone::source::{Defaults, recognise};
use touchstone::watch::watch;

use support::{
    loaded, module, open, origin, runtime, served, settle, sound, write_module, write_yaml,
};

/// Policies in a folder of their own, and a service that loaded them.
struct Bench {
    folder: TempDir,
    service: Arc<Service>,
}

fn write_policy(root: &Path, name: &str, example: &str, settings: &Value) {
    write_module(root, name, example);
    write_yaml(root, name, &json!({"settings": settings}));
}

impl Bench {
    fn new(runtime: &Runtime, policies: &[(&str, &str, Value)]) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("data")).unwrap();
        for (name, example, settings) in policies {
            write_policy(folder.path(), name, example, settings);
        }
        let service = loaded(runtime, origin(folder.path()));
        Bench { folder, service }
    }

    fn decide(&self, runtime: &Runtime, event: &Event) {
        let decision = runtime
            .block_on(
                self.service
                    .decider
                    .decide(event.clone(), &Options::default()),
            )
            .unwrap();
        assert!(!decision.indeterminate, "{decision:?}");
    }
}

fn event(value: &Value) -> Event {
    let document = Document::parse(value.to_string()).unwrap();
    recognise(
        document,
        &Defaults {
            source: "/bench".into(),
            ..Defaults::default()
        },
    )
    .unwrap()
}

/// An ImageReview of about 2 KB.
fn review() -> Value {
    let containers: Vec<Value> =
        (0..4).map(|n| json!({"image": format!("registry.example.com/team-{n}/some/service-name-{n}:1.{n}.0-build.{}", 1000 + n)})).collect();
    let annotations = json!({"team.image-policy.k8s.io/ticket": "x".repeat(1500)});
    json!({"apiVersion": "imagepolicy.k8s.io/v1alpha1", "kind": "ImageReview",
        "spec": {"containers": containers, "annotations": annotations, "namespace": "production"}})
}

fn image_source() -> Value {
    json!({"pinning": "tag", "names": ["^team-[0-9]+/[a-z0-9/-]+$"], "registries": {"production": ["registry.example.com"]}})
}

/// A fresh instance for each decision, against one instance that judges again and again.
fn isolation(c: &mut Criterion) {
    let runtime = runtime(1);
    let bench = Bench::new(
        &runtime,
        &[("image-source", "image-source", image_source())],
    );
    let event = event(&review());
    let generation = bench.service.generations.current().unwrap();
    let policy = Arc::clone(generation.member("image-source").unwrap().policy().unwrap());
    let shared = Arc::new(event.clone());
    let evaluation = || Evaluation {
        event: Arc::clone(&shared),
        now: Timestamp::UNIX_EPOCH,
        real: true,
        known: Arc::default(),
        deadline: None,
    };
    let mut group = c.benchmark_group("isolation");
    group.bench_function("fresh instance", |b| {
        b.iter(|| {
            runtime
                .block_on(policy.run(evaluation(), generation.data()))
                .outcome
                .unwrap()
        });
    });
    group.bench_function("reused instance", |b| {
        // An instance's limits are for one decision; a new one is opened before they are used up.
        b.iter_custom(|iterations| {
            let mut spent = Duration::ZERO;
            let mut left = iterations;
            while left > 0 {
                let mut instance = policy.instance(generation.data(), evaluation());
                runtime.block_on(instance.start()).unwrap();
                let round = left.min(500);
                let start = Instant::now();
                for _ in 0..round {
                    runtime.block_on(instance.evaluate()).unwrap();
                }
                spent += start.elapsed();
                left -= round;
            }
            spent
        });
    });
    group.bench_function("whole decision", |b| {
        b.iter(|| bench.decide(&runtime, &event))
    });
    group.finish();
}

/// Settings are parsed once, so their size must not matter.
fn settings(c: &mut Criterion) {
    let runtime = runtime(1);
    let many = |count: usize| {
        let namespaces =
            (0..count).map(|n| (format!("namespace-{n:06}"), json!(["registry.example.com"])));
        let mut registries: serde_json::Map<String, Value> = namespaces.collect();
        registries.insert("production".into(), json!(["registry.example.com"]));
        json!({"registries": registries})
    };
    let event = event(&review());
    let mut group = c.benchmark_group("settings");
    for (name, count) in [("1 KB", 20), ("1 MB", 23_000)] {
        let settings = many(count);
        let bench = Bench::new(&runtime, &[("p", "image-source", settings.clone())]);
        group.bench_function(name, |b| b.iter(|| bench.decide(&runtime, &event)));
    }
    group.finish();
}

/// Decisions per second in process, by worker threads.
fn threads(c: &mut Criterion) {
    let mut group = c.benchmark_group("threads");
    for threads in [1_u64, 2] {
        let runtime = runtime(threads as usize);
        let bench = Bench::new(
            &runtime,
            &[("image-source", "image-source", image_source())],
        );
        let event = event(&review());
        group.throughput(Throughput::Elements(1));
        group.bench_function(threads.to_string(), |b| {
            b.iter_custom(|iterations| {
                let start = Instant::now();
                runtime.block_on(async {
                    let workers: Vec<_> = (0..threads)
                        .map(|_| {
                            let (service, event) = (Arc::clone(&bench.service), event.clone());
                            tokio::spawn(async move {
                                for _ in 0..iterations.div_ceil(threads) {
                                    service
                                        .decider
                                        .decide(event.clone(), &Options::default())
                                        .await
                                        .unwrap();
                                }
                            })
                        })
                        .collect();
                    for worker in workers {
                        worker.await.unwrap();
                    }
                });
                start.elapsed()
            });
        });
    }
    group.finish();
}

/// Two fields of a 1 MB document, for one policy and for ten, against the host's own parse of it.
fn large(c: &mut Criterion) {
    let runtime = runtime(1);
    let packages: Vec<Value> = (0..4_200)
        .map(|n| json!({"id": format!("CVE-2026-{n:05}"), "package": format!("package-{}", n % 700), "installed": "1.2.3-4+deb12u1",
            "fixed": "1.2.3-5", "severity": "medium", "score": 5.5, "title": "Something that goes wrong when something else happens, at length",
            "links": ["https://security-tracker.debian.org/tracker/CVE-2026-00000"]}))
        .collect();
    let text = json!({"report": {"vulnerabilities": packages}, "image": "nginx:1.27", "level": 2})
        .to_string();
    let defaults = Defaults {
        source: "/bench".into(),
        ..Defaults::default()
    };
    let mut group = c.benchmark_group("large");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("parse", |b| {
        b.iter_batched(
            || text.clone(),
            |text| Document::parse(text).unwrap(),
            BatchSize::LargeInput,
        )
    });
    for count in [1, 10] {
        let names: Vec<String> = (0..count).map(|n| format!("scan-level-{n}")).collect();
        let policies: Vec<_> = names
            .iter()
            .map(|name| (name.as_str(), "scan-level", json!({})))
            .collect();
        let bench = Bench::new(&runtime, &policies);
        group.bench_function(format!("parse and {count} policies"), |b| {
            b.iter_batched(
                || text.clone(),
                |text| {
                    let event = recognise(Document::parse(text).unwrap(), &defaults).unwrap();
                    runtime
                        .block_on(bench.service.decider.decide(event, &Options::default()))
                        .unwrap()
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// Twenty policies, each a module and settings of its own, from nothing to ready.
fn start(c: &mut Criterion) {
    let runtime = runtime(2);
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("data")).unwrap();
    let examples = [
        ("image-source", image_source()),
        ("vulnerable-layers", json!({})),
        ("scan-level", json!({})),
        ("required-labels", json!({"labels": {"maintainer": "."}})),
    ];
    for n in 0..20 {
        let (example, settings) = &examples[n % examples.len()];
        let name = format!("policy-{n}");
        write_policy(folder.path(), &name, example, settings);
        // An own custom section makes it a module of its own.
        let path = folder.path().join("policies").join(&name).join("m.wasm");
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend([0, 3, 1, b'v', n as u8]);
        fs::write(&path, bytes).unwrap();
        if *example == "vulnerable-layers" {
            let grants = json!({"grants": {"data": ["docker/*", "clair/*"]}});
            write_yaml(folder.path(), &name, &grants);
        }
    }
    let cache = folder.path().join("cache");
    let ready = |settled: bool| {
        let start = Instant::now();
        let service = open(&runtime, origin(folder.path()));
        runtime.block_on(service.reload());
        if settled {
            settle(&service);
        }
        let spent = start.elapsed();
        sound(&service);
        spent
    };
    let mut group = c.benchmark_group("start");
    group.sample_size(10);
    for (name, settled) in [
        ("20 policies, cold cache", false),
        ("20 policies, cold cache, all optimised", true),
    ] {
        group.bench_function(name, |b| {
            b.iter_custom(|iterations| {
                let once = |_| {
                    let _ = fs::remove_dir_all(&cache);
                    ready(settled)
                };
                (0..iterations).map(once).sum()
            });
        });
    }
    group.bench_function("20 policies, warm cache", |b| {
        b.iter_custom(|iterations| (0..iterations).map(|_| ready(false)).sum())
    });
    group.finish();
}

/// From the save of a file to the first moment that it is served, through the watcher.
fn reload(c: &mut Criterion) {
    let runtime = runtime(2);
    let mut bench = Bench::new(&runtime, &[("p", "image-source", image_source())]);
    let root = bench.folder.path().to_owned();
    // A service whose cache cannot help: every change is new.
    bench.service = open(&runtime, origin(&root));
    let service = Arc::clone(&bench.service);
    runtime.block_on(service.reload());
    runtime.spawn(watch(Arc::clone(&service)));
    std::thread::sleep(Duration::from_millis(500));
    let mut count = 0_u32;
    let mut changed = |change: &dyn Fn(u32)| {
        count += 1;
        served(&service, || change(count))
    };
    let original = module("image-source");
    let file = root.join("policies/p/m.wasm");
    let mut group = c.benchmark_group("reload");
    group.sample_size(10);
    group.bench_function("module", |b| {
        b.iter_custom(|iterations| {
            let once = |_| {
                changed(&|n| {
                    let mut bytes = original.clone();
                    bytes.extend([0, 6, 1, b'v']);
                    bytes.extend(n.to_le_bytes());
                    fs::write(&file, bytes).unwrap();
                })
            };
            (0..iterations).map(once).sum()
        });
    });
    group.bench_function("settings", |b| {
        b.iter_custom(|iterations| {
            let once = |_| {
                changed(&|n| {
                    let settings = json!({"registries": {"production": [format!("registry-{n}.example.com")]}});
                    write_yaml(&root, "p", &json!({"settings": settings}));
                })
            };
            (0..iterations).map(once).sum()
        });
    });
    group.bench_function("data", |b| {
        b.iter_custom(|iterations| {
            (0..iterations)
                .map(|_| {
                    changed(&|n| {
                        fs::write(root.join("data/x.json"), json!({"n": n}).to_string()).unwrap()
                    })
                })
                .sum()
        });
    });
    group.finish();
}

criterion_group!(benches, isolation, settings, threads, large, start, reload);
criterion_main!(benches);
