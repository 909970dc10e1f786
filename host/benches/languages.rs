//! What policies in `.rules` and Rego cost, against their languages' own implementations. Needs the modules of the
//! examples: `cargo run --release -- build policies-examples`, then `cargo bench -p touchstone --bench languages`. With
//! `RULE_ENGINE_PYTHON`, a Python that has rule-engine 5.0.2, that evaluates the same rules in the same run.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark"
)]

mod support;

use std::fmt::Write;
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use touchstone::decide::Options;
use touchstone::document::Document;
use touchstone::model::{Decision, Event};
use touchstone::service::Service;
use touchstone::source::{Defaults, recognise};
use touchstone::watch::watch;

use support::{loaded, origin, repository, runtime, served, write_module, write_yaml};

/// Evaluates rules, compiled once, for as long as a second; prints how often per second.
const PYTHON: &str = "
import json, sys, time, rule_engine
given = json.load(sys.stdin)
rules = [rule_engine.Rule(text) for text in given['rules']]
message, count, start = given['message'], 0, time.perf_counter()
while time.perf_counter() - start < 1:
    held = sum(rule.matches(message) for rule in rules)
    count += 1
print(count / (time.perf_counter() - start), held)
";

/// A host with so many policies of an example, and the same texts in each.
struct Bench {
    folder: TempDir,
    service: Arc<Service>,
}

impl Bench {
    fn new(
        runtime: &Runtime,
        example: &str,
        count: usize,
        yaml: &Value,
        texts: &[(&str, &str)],
    ) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        for n in 0..count {
            let name = format!("p{n}");
            write_module(folder.path(), &name, example);
            write_yaml(folder.path(), &name, yaml);
            let policy = folder.path().join("policies").join(&name);
            fs::create_dir_all(policy.join("texts")).unwrap();
            for (file, text) in texts {
                fs::write(policy.join("texts").join(file), text).unwrap();
            }
        }
        let service = loaded(runtime, origin(folder.path()));
        Bench { folder, service }
    }

    fn rules(runtime: &Runtime, count: usize, patterns: Patterns) -> Bench {
        let mut text = String::new();
        for condition in conditions(patterns) {
            writeln!(text, "{condition}\n\ttell\n").unwrap();
        }
        let tell = json!({"finding": {"level": "info", "message": "{image} is at level {level}"}});
        let yaml = json!({
            "match": {"kinds": ["cipolice.message"]}, "sources": ["texts"],
            "settings": {"actions": {"tell": tell}},
            "grants": {"command": [], "webhook": [], "queue": [], "notify": [], "clock": []},
        });
        Bench::new(runtime, "rules", count, &yaml, &[("all.rules", &text)])
    }

    fn rego(runtime: &Runtime, count: usize) -> Bench {
        let yaml = json!({
            "match": {"kinds": ["image.review"]}, "sources": ["texts"],
            "grants": {"data": [], "clock": []},
        });
        let documents = documents().to_string();
        let texts = [
            ("documents.json", documents.as_str()),
            ("policy.rego", &image_policy()),
        ];
        Bench::new(runtime, "rego", count, &yaml, &texts)
    }

    fn decide(&self, runtime: &Runtime, event: &Event) -> Decision {
        let options = Options {
            dry_run: true,
            ..Options::default()
        };
        let decision = self.service.decider.decide(event.clone(), &options);
        let decision = runtime.block_on(decision).unwrap();
        assert!(!decision.indeterminate, "{decision:?}");
        decision
    }
}

fn event(kind: &str, value: &Value) -> Event {
    let document = Document::parse(value.to_string()).unwrap();
    let defaults = Defaults {
        source: "/bench".into(),
        kind: Some(kind.to_owned()),
        ..Defaults::default()
    };
    recognise(document, &defaults).unwrap()
}

/// What a quarter of the conditions match texts with.
#[derive(Clone, Copy)]
enum Patterns {
    /// `name.*`, as in CIPolicE's samples.
    Beginnings,
    /// With alternatives and ends.
    Real,
}

/// Conditions as CIPolicE's samples have them: ranges of levels, names, and beginnings of names; five of a hundred hold for
/// [`message`].
fn conditions(patterns: Patterns) -> Vec<String> {
    (0..100)
        .map(|n| match n % 4 {
            0 => format!("level >= {} and level <= {}", n % 10, n % 10 + 1),
            1 => match patterns {
                Patterns::Beginnings => format!("image =~ 'service-{n}:.*' and level > 2"),
                Patterns::Real => format!("image =~ '.*/(web|db)-{n}(:.+)?$' and level > 2"),
            },
            2 => format!("'shop/web-{n}' in image and level >= 3"),
            _ => format!(
                "image == 'registry.example.com/shop/web:{n}' or level == {}",
                n + 100
            ),
        })
        .collect()
}

fn message() -> Value {
    json!({"image": "registry.example.com/shop/web:1", "level": 5})
}

fn rules(c: &mut Criterion) {
    let runtime = runtime(1);
    for (name, patterns) in [
        ("100 rules", Patterns::Beginnings),
        ("100 rules, 25 of them with patterns", Patterns::Real),
    ] {
        against_python(c, &runtime, name, patterns);
    }
}

fn against_python(c: &mut Criterion, runtime: &Runtime, name: &str, patterns: Patterns) {
    let conditions = conditions(patterns);
    let bench = Bench::rules(runtime, 1, patterns);
    let event = event("cipolice.message", &message());
    let held = bench.decide(runtime, &event).policies[0].findings.len() / 2;
    let mut group = c.benchmark_group("rules");
    group.bench_function(name, |b| b.iter(|| bench.decide(runtime, &event)));
    group.finish();
    let Ok(python) = std::env::var("RULE_ENGINE_PYTHON") else {
        println!("RULE_ENGINE_PYTHON is not set: the original is not measured");
        return;
    };
    let given = json!({"rules": conditions, "message": message()}).to_string();
    let file = bench.folder.path().join("given.json");
    fs::write(&file, given).unwrap();
    let output = Command::new(python)
        .args(["-c", PYTHON])
        .stdin(fs::File::open(&file).unwrap())
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let (per_second, held_there) = output.trim().split_once(' ').unwrap();
    assert_eq!(held_there, held.to_string());
    let start = std::time::Instant::now();
    let mut count = 0_u32;
    while start.elapsed() < Duration::from_secs(1) {
        bench.decide(runtime, &event);
        count += 1;
    }
    let ours = f64::from(count) / start.elapsed().as_secs_f64();
    let theirs: f64 = per_second.parse().unwrap();
    println!(
        "{name}, per second: {ours:.0}, rule-engine in Python {theirs:.0}: {:.0} times",
        ours / theirs
    );
}

/// The documents of image_enforcer, in small: 200 images of three layers.
fn documents() -> Value {
    let mut images = serde_json::Map::new();
    let mut scans = serde_json::Map::new();
    for n in 0..200 {
        let layers: Vec<Value> = (0..3)
            .map(|layer| json!({"digest": format!("sha256:{n}-{layer}")}))
            .collect();
        images.insert(format!("service-{n}"), json!({"1.0": {"layers": layers}}));
        for layer in 0..3 {
            let features: Vec<Value> = (0..4)
                .map(|f| json!({"Name": format!("package-{f}")}))
                .collect();
            scans.insert(
                format!("sha256:{n}-{layer}"),
                json!({"Layer": {"Features": features}}),
            );
        }
    }
    json!({
        "docker": {"layers": {"team": images}},
        "clair": {"layers": scans},
        "config": {"compat": true, "secure_namespaces": ["production"]},
    })
}

/// An ImageReview of about 2 KB.
fn review() -> Value {
    let containers: Vec<Value> = (0..4)
        .map(|n| json!({"image": format!("team/service-{n}:1.0")}))
        .collect();
    let annotations = json!({"team.image-policy.k8s.io/ticket": "x".repeat(1700)});
    json!({"apiVersion": "imagepolicy.k8s.io/v1alpha1", "kind": "ImageReview",
        "spec": {"containers": containers, "annotations": annotations, "namespace": "production"}})
}

fn image_policy() -> String {
    fs::read_to_string(repository("policies-examples/rego/rules/image_policy.rego")).unwrap()
}

fn rego(c: &mut Criterion) {
    let runtime = runtime(1);
    let bench = Bench::rego(&runtime, 1);
    let event = event("image.review", &review());
    assert_eq!(bench.decide(&runtime, &event).policies[0].findings, []);

    let mut engine = regorus::Engine::new();
    let unused = |_: Vec<regorus::Value>| Ok(regorus::Value::Undefined);
    engine
        .add_extension("touchstone.parse_image".to_owned(), 1, Box::new(unused))
        .unwrap();
    engine
        .add_policy("policy.rego".to_owned(), image_policy())
        .unwrap();
    engine.add_data_json(&documents().to_string()).unwrap();
    let input = review().to_string();
    let native = |engine: &mut regorus::Engine| {
        engine.set_input_json(&input).unwrap();
        engine
            .eval_rule("data.io.k8s.image_policy.verify".to_owned())
            .unwrap()
    };
    let answer = native(&mut engine);
    assert_eq!(answer["status"]["allowed"], regorus::Value::from(true));

    let mut group = c.benchmark_group("rego");
    group.bench_function("native", |b| b.iter(|| native(&mut engine)));
    group.bench_function("decision", |b| b.iter(|| bench.decide(&runtime, &event)));
    group.finish();
}

/// From the save of a text to the first moment that it is served, through the watcher.
fn reload(c: &mut Criterion) {
    let runtime = runtime(2);
    let mut group = c.benchmark_group("save to served");
    group.sample_size(10);
    for count in [1, 20] {
        for (name, bench, file) in [
            (
                ".rules",
                Bench::rules(&runtime, count, Patterns::Beginnings),
                "all.rules",
            ),
            ("Rego", Bench::rego(&runtime, count), "policy.rego"),
        ] {
            let file = bench.folder.path().join("policies/p0/texts").join(file);
            let original = fs::read_to_string(&file).unwrap();
            let watching = runtime.spawn(watch(Arc::clone(&bench.service)));
            std::thread::sleep(Duration::from_millis(500));
            let mut number = 0;
            group.bench_function(format!("{name}, of {count} policies"), |b| {
                b.iter_custom(|iterations| {
                    let once = |_| {
                        number += 1;
                        let text = format!("{original}\n# {number}\n");
                        served(&bench.service, || fs::write(&file, text).unwrap())
                    };
                    (0..iterations).map(once).sum()
                });
            });
            watching.abort();
        }
    }
    group.finish();
}

criterion_group!(benches, rules, rego, reload);
criterion_main!(benches);
