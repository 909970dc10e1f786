//! What acting costs, in ratios that hold on a noisy machine. Needs the test guest:
//! `cargo run --release -- build tests/guests`, then `cargo bench -p touchstone --bench act`. With a broker,
//! `TOUCHSTONE_BENCH_AMQP=amqp://127.0.0.1:5672 cargo bench …` measures the queue, too.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark"
)]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures_util::StreamExt;
use lapin::options::{BasicPublishOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use touchstone::config::{Overrides, State};
use touchstone::decide::Options;
use touchstone::document::Document;
use touchstone::model::Event;
use touchstone::service::{Origin, Service};
use touchstone::source::{Defaults, amqp, recognise};

#[path = "../../tests/receiver.rs"]
#[allow(dead_code, reason = "shared with the tests, which use more of it")]
mod receiver;
mod support;

use receiver::Receiver;
use support::{loaded, runtime};

/// Decisions at a time.
const CONCURRENT: u64 = 32;

/// A service with one policy that does the same at every event, and its state in a file.
struct Bench {
    service: Arc<Service>,
    _folder: TempDir,
}

impl Bench {
    fn new(runtime: &Runtime, steps: &Value, config: &Value) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let policy = folder.path().join("policies/actor");
        fs::create_dir_all(&policy).unwrap();
        let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guests/actor/actor.wasm");
        fs::copy(&module, policy.join("m.wasm")).unwrap_or_else(|_| {
            panic!(
                "{} is missing: run `touchstone build tests/guests`",
                module.display()
            )
        });
        let web = json!([{"pattern": "*", "allowPrivate": true}]);
        let grants = json!({"http": ["*"], "webhook": web, "store": ["*"], "command": ["*"], "queue": ["*"], "notify": ["*"]});
        let yaml = json!({"name": "actor", "module": "m.wasm", "settings": {"do": steps}, "grants": grants});
        fs::write(policy.join("policy.yaml"), yaml.to_string()).unwrap();
        let file = folder.path().join("touchstone.yaml");
        fs::write(&file, config.to_string()).unwrap();
        let overrides = Overrides {
            policies: vec![folder.path().join("policies")],
            cache: Some(folder.path().join("cache")),
            state: Some(State::Sqlite(folder.path().join("state.db"))),
            ..Overrides::default()
        };
        let origin = Origin {
            file: Some(file),
            overrides,
        };
        let service = loaded(runtime, origin);
        Bench {
            service,
            _folder: folder,
        }
    }

    /// So many decisions, 32 at a time, each in a task of its own as requests are.
    fn decide(&self, runtime: &Runtime, decisions: u64, options: &Options) -> Duration {
        let left = Arc::new(AtomicU64::new(decisions));
        let start = Instant::now();
        runtime.block_on(async {
            let one = || {
                let (service, left, options) = (
                    Arc::clone(&self.service),
                    Arc::clone(&left),
                    options.clone(),
                );
                tokio::spawn(async move {
                    let take = |left: u64| left.checked_sub(1);
                    while left
                        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                        .is_ok()
                    {
                        service.decider.decide(event(), &options).await.unwrap();
                    }
                })
            };
            futures_util::future::join_all((0..CONCURRENT).map(|_| one())).await;
        });
        start.elapsed()
    }
}

fn event() -> Event {
    let document = Document::parse(r#"{"image":"nginx:1.27","level":3}"#.to_owned()).unwrap();
    let defaults = Defaults {
        source: "/bench".into(),
        ..Defaults::default()
    };
    recognise(document, &defaults).unwrap()
}

fn webhooks(url: &str, number: usize) -> Value {
    let one = json!({"webhook": {"url": url, "body": {"image": "nginx:1.27", "level": 3}}});
    Value::Array(vec![one; number])
}

/// Nothing is carried out meanwhile: what is measured is the decision and its commit.
fn idle() -> Value {
    json!({"outbox": {"rate": 1, "concurrency": 1}})
}

fn commit(c: &mut Criterion) {
    let runtime = runtime(2);
    let mut group = c.benchmark_group("commit");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    for (name, number) in [("no action", 0), ("one action", 1)] {
        let bench = Bench::new(&runtime, &webhooks("http://127.0.0.1:9/", number), &idle());
        group.bench_function(name, |b| {
            b.iter_custom(|decisions| bench.decide(&runtime, decisions, &Options::default()));
        });
    }
    group.finish();
}

fn staging(c: &mut Criterion) {
    let runtime = runtime(2);
    let dry = Options {
        dry_run: true,
        ..Options::default()
    };
    let mut group = c.benchmark_group("staging, in process");
    for number in [0, 1, 11] {
        let bench = Bench::new(
            &runtime,
            &webhooks("https://hooks.example.com/scan", number),
            &idle(),
        );
        group.bench_function(format!("{number} actions"), |b| {
            b.iter(|| {
                runtime
                    .block_on(bench.service.decider.decide(event(), &dry))
                    .unwrap()
            });
        });
    }
    group.finish();
}

fn outbox(c: &mut Criterion) {
    let runtime = runtime(2);
    let receiver = Receiver::fine();
    let bench = Bench::new(&runtime, &webhooks(&receiver.url, 10), &json!({}));
    let mut group = c.benchmark_group("outbox");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    group.bench_function("to a local receiver", |b| {
        b.iter_custom(|actions| {
            let start = Instant::now();
            bench.decide(&runtime, actions.div_ceil(10), &Options::default());
            runtime.block_on(bench.service.outbox.drained());
            start
                .elapsed()
                .mul_f64(actions as f64 / (actions.div_ceil(10) * 10) as f64)
        });
    });
    group.finish();
}

fn queue(c: &mut Criterion) {
    let Ok(url) = std::env::var("TOUCHSTONE_BENCH_AMQP") else {
        eprintln!("SKIPPED queue: no broker in TOUCHSTONE_BENCH_AMQP");
        return;
    };
    let runtime = runtime(2);
    let name = format!("touchstone-bench-{}", std::process::id());
    let channel = runtime.block_on(async {
        let connection = Connection::connect(&url, ConnectionProperties::default())
            .await
            .unwrap();
        let channel = connection.create_channel().await.unwrap();
        let durable = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        channel
            .queue_declare(name.as_str().into(), durable, FieldTable::default())
            .await
            .unwrap();
        // It lives as long as the benchmark.
        std::mem::forget(connection);
        channel
    });
    let source = json!({"amqp": {"url": url, "queue": name}});
    let bench = Bench::new(&runtime, &json!([]), &json!({ "sources": [source] }));
    let seq = AtomicU64::new(0);
    let depth = || {
        runtime.block_on(async {
            let passive = QueueDeclareOptions {
                passive: true,
                ..QueueDeclareOptions::default()
            };
            channel
                .queue_declare(name.as_str().into(), passive, FieldTable::default())
                .await
                .unwrap()
                .message_count()
        })
    };
    let mut group = c.benchmark_group("queue");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    group.bench_function("decided and acknowledged", |b| {
        b.iter_custom(|messages| {
            runtime.block_on(async {
                futures_util::stream::iter(0..messages)
                    .for_each_concurrent(256, |_| async {
                        let id = seq.fetch_add(1, Ordering::Relaxed);
                        let properties = BasicProperties::default()
                            .with_delivery_mode(2)
                            .with_message_id(id.to_string().into());
                        let body = br#"{"image":"nginx:1.27","level":3}"#;
                        channel
                            .basic_publish(
                                "".into(),
                                name.as_str().into(),
                                BasicPublishOptions::default(),
                                body,
                                properties,
                            )
                            .await
                            .unwrap()
                            .await
                            .unwrap();
                    })
                    .await;
            });
            while u64::from(depth()) < messages {
                std::thread::sleep(Duration::from_millis(5));
            }
            let start = Instant::now();
            let _inside = runtime.enter();
            let sources = amqp::start(&bench.service);
            let text = format!(
                "touchstone_messages_total{{queue=\"{name}\",result=\"decided\"}} {}",
                seq.load(Ordering::Relaxed)
            );
            while !bench
                .service
                .metrics
                .encode(&bench.service.sandbox, &[])
                .contains(&text)
            {
                std::thread::sleep(Duration::from_micros(500));
            }
            let took = start.elapsed();
            runtime.block_on(sources.stop(Duration::from_secs(5)));
            took
        });
    });
    group.finish();
    runtime.block_on(async {
        channel
            .queue_delete(name.as_str().into(), QueueDeleteOptions::default())
            .await
            .unwrap()
    });
}

criterion_group!(benches, commit, staging, outbox, queue);
criterion_main!(benches);
