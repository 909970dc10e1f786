//! The AMQP source loses nothing and decides nothing twice, whatever happens to the broker, the host and its state.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use crate::amqp::{WARN, assert_empty, await_decisions, await_messages, id, scan_level, source};
use crate::broker::Broker;
use crate::client::Client;
use crate::service::{Test, alone, beside_others};
use crate::serving::{Running, Touchstone};
use crate::support::wait_until;

pub const TESTS: &[Test<Broker>] = &[
    beside_others(
        "messages wait while the state cannot be written",
        locked_state,
    ),
    beside_others(
        "a stop finishes what runs and leaves the rest in the queue",
        stopped,
    ),
    beside_others("a kill loses nothing and decides nothing twice", killed),
    alone(
        "ten thousand messages outlive a restart of the broker",
        broker_restarted,
    ),
];

fn locked_state(broker: &Broker) {
    let (place, client) = (Touchstone::new(), broker.client());
    client.durable_queue("patient");
    let mut config = source(broker, "patient");
    config["sources"][0]["amqp"]["prefetch"] = json!(5);
    let server = place.serve(config);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let state = SqliteConnectOptions::new().filename(place.state());
    let mut lock = runtime.block_on(state.connect()).unwrap();
    runtime
        .block_on(sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut lock))
        .unwrap();
    client.send_numbered("patient", 20, |_| WARN.to_owned());
    wait_until("all that may be under way have failed twice", || {
        server.log().matches("a message waits").count() >= 10
    });
    assert_eq!(client.waiting("patient"), Some(15));
    assert_eq!(client.waiting("patient.dead"), Some(0));
    assert_eq!(server.decisions().len(), 0);
    runtime
        .block_on(sqlx::raw_sql("ROLLBACK").execute(&mut lock))
        .unwrap();
    let decisions = await_decisions(&server, 20);
    assert_once_each(&decisions, 20);
    server.stop();
    assert_empty(&client, "patient");
    assert_empty(&client, "patient.dead");
}

/// Messages enough that a process is stopped in the middle of them.
const STREAM: usize = 4000;
/// By then it is in full swing.
const SWING: u64 = 500;

/// A body that is no other's.
fn scan(id: usize) -> String {
    json!({"image": format!("acme/web:{id}"), "level": [id % 8, 1.5, 2.5]}).to_string()
}

/// A durable queue that is full of persistent messages.
fn stream(client: &Client, queue: &str, number: usize) {
    client.durable_queue(queue);
    client.send_numbered(queue, number, scan);
}

/// What a process without any source finds in the state.
fn kept(place: &Touchstone) -> Vec<Value> {
    let server = place.serve(json!({}));
    let decisions = server.decisions();
    server.stop();
    decisions
}

/// Has everything decided and acknowledged, and ends.
fn drain(server: Running, broker: &Broker, queue: &str) {
    let client = &broker.client();
    wait_until("nothing waits any more", || {
        std::thread::sleep(Duration::from_millis(20));
        client.waiting(queue) == Some(0)
    });
    wait_until("everything is acknowledged", || broker.in_hand(queue) == 0);
    server.stop();
    assert_empty(client, queue);
}

fn stopped(broker: &Broker) {
    let (place, client) = (Touchstone::new(), broker.client());
    stream(&client, "stopped", STREAM);
    let config = scan_level(broker, "stopped");
    let server = place.serve(config.clone());
    await_messages(&server, "stopped", "decided", SWING);
    server.stop();
    let decided = kept(&place);
    let left = client.message_ids("stopped");
    assert!(!left.is_empty(), "it was stopped too late");
    let mut ids: Vec<&str> = decided.iter().map(id).collect();
    ids.extend(left.iter().map(String::as_str));
    assert_whole(ids, STREAM);
    // The rest is decided by the next process.
    drain(place.serve(config), broker, "stopped");
    assert_once_each(&kept(&place), STREAM);
}

fn killed(broker: &Broker) {
    let (place, client) = (Touchstone::new(), broker.client());
    stream(&client, "killed", STREAM);
    let config = scan_level(broker, "killed");
    for _ in 0..2 {
        let server = place.serve(config.clone());
        await_messages(&server, "killed", "decided", SWING);
        server.kill();
    }
    let before = kept(&place).len();
    assert!((1000..STREAM).contains(&before), "{before}");
    drain(place.serve(config), broker, "killed");
    assert_empty(&client, "killed.dead");
    assert_once_each(&kept(&place), STREAM);
}

fn broker_restarted(broker: &Broker) {
    const NUMBER: usize = 10_000;
    let place = Touchstone::new();
    stream(&broker.client(), "long", NUMBER);
    let server = place.serve(scan_level(broker, "long"));
    let start = Instant::now();
    await_messages(&server, "long", "decided", NUMBER as u64 / 2);
    let (before, took) = (server.messages("long", "decided"), start.elapsed());
    broker.go_down();
    let between = server.messages("long", "decided");
    assert!(between < NUMBER as u64, "the broker was stopped too late");
    broker.come_up().unwrap();
    drain(server, broker, "long");
    println!(
        "{before} messages in {took:.1?}, {:.0} a second; {NUMBER} with the restart in {:.1?}",
        before as f64 / took.as_secs_f64(),
        start.elapsed()
    );
    assert_empty(&broker.client(), "long.dead");
    assert_once_each(&kept(&place), NUMBER);
}

/// One decision for each of the message ids 0, 1, …
fn assert_once_each(decisions: &[Value], number: usize) {
    assert_whole(decisions.iter().map(id).collect(), number);
}

/// Each of 0, 1, … once, in any order.
fn assert_whole(ids: Vec<&str>, number: usize) {
    let mut counts = vec![0_usize; number];
    for id in ids {
        counts[id.parse::<usize>().unwrap()] += 1;
    }
    let wrong: Vec<(usize, usize)> = counts
        .into_iter()
        .enumerate()
        .filter(|(_, count)| *count != 1)
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {number} ids are there never or more than once (id, count): {:?}",
        wrong.len(),
        &wrong[..wrong.len().min(20)]
    );
}
