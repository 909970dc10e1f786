//! The AMQP source: what becomes of a message.

use std::collections::HashMap;
use std::fs;
use std::process::Command;
use std::time::Duration;

use lapin::BasicProperties;
use serde_json::{Value, json};

use crate::broker::Broker;
use crate::client::{Client, header, headers};
use crate::service::{Test, beside_others};
use crate::serving::{Running, Touchstone};
use crate::support::{module, root, wait_until};

pub const TESTS: &[Test<Broker>] = &[
    beside_others(
        "a message of CIPolicE's own publisher is decided and acknowledged",
        cipolice,
    ),
    beside_others(
        "CIPolicE's rules act on what a publisher in Python sends",
        cipolices_rules,
    ),
    beside_others("a message id is decided once", message_id),
    beside_others(
        "without a message id, the same content is decided once",
        content,
    ),
    beside_others(
        "what cannot be decided becomes a dead letter with the reason",
        dead_letter,
    ),
    beside_others("nothing is given up to nobody", dead_letter_to_nobody),
    beside_others("the decision goes to replyTo", reply),
    beside_others("CloudEvents come in both modes", cloud_events),
];

/// A message that is decided with a warning.
pub const WARN: &str = r#"{"do": ["warn"]}"#;

/// touchstone.yaml with one queue as a source.
pub fn source(broker: &Broker, queue: &str) -> Value {
    json!({"sources": [{"amqp": {"url": broker.url(), "queue": queue}}]})
}

/// The scan-level example, just as it is.
pub fn scan_level(broker: &Broker, queue: &str) -> Value {
    module("scan-level");
    let mut config = source(broker, queue);
    config["policies"] = json!([root().join("policies-examples/scan-level")]);
    config
}

/// Waits until so many decisions are kept, and answers them, the newest first.
pub fn await_decisions(server: &Running, number: usize) -> Vec<Value> {
    let mut decisions = Vec::new();
    wait_until(&format!("{number} messages are decided"), || {
        decisions = server.decisions();
        decisions.len() >= number
    });
    assert_eq!(decisions.len(), number, "{decisions:#?}");
    decisions
}

/// Waits until so many messages have come to an end.
pub fn await_messages(server: &Running, queue: &str, result: &str, number: u64) {
    wait_until(&format!("{number} messages are {result}"), || {
        std::thread::sleep(Duration::from_millis(20));
        server.messages(queue, result) >= number
    });
}

/// Whatever was not acknowledged is back when the consumer has gone.
pub fn assert_empty(client: &Client, queue: &str) {
    assert_eq!(client.waiting(queue), Some(0), "{queue}");
}

/// As `pika` sends it in CIPolicE: the queue is not durable, the message has no property at all.
fn cipolice(broker: &Broker) {
    let place = Touchstone::new();
    // The publisher may come later than the consumer.
    let server = place.serve(scan_level(broker, "hello"));
    let client = broker.client();
    client.queue("hello");
    client.send(
        "hello",
        r#"{"image": "nginx:latest", "level": [7, 2.1, 2.9]}"#,
    );
    let decision = &await_decisions(&server, 1)[0];
    assert_eq!(decision["verdict"], "deny", "{decision}");
    assert_eq!(decision["event"]["subject"], "nginx:latest");
    assert_eq!(decision["event"]["source"], "/amqp/hello");
    assert_eq!(decision["policies"][0]["name"], "scan-level");
    let message = &decision["policies"][0]["findings"][0]["message"];
    assert!(message.as_str().unwrap().contains("level 7"), "{message}");
    server.stop();
    assert_empty(&client, "hello");
    assert_empty(&client, "hello.dead");
}

/// The RabbitMQ client of CIPolicE's tools; the arguments are the broker, the queue and the messages.
const PIKA: &str = "
import sys, pika
connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
channel = connection.channel()
channel.queue_declare(queue=sys.argv[2])
for body in sys.argv[3:]:
    channel.basic_publish(exchange='', routing_key=sys.argv[2], body=body)
connection.close()
";

/// The example as it is, but for where the broker is. The second message is what CIPolicE's scan sends over a queue: its
/// level is a list, which no condition can be evaluated with.
fn cipolices_rules(broker: &Broker) {
    module("rules");
    let example = root().join("policies-examples/rules/cipolice");
    let text = fs::read_to_string(example.join("touchstone.yaml")).unwrap();
    let mut config: Value = serde_saphyr::from_str(&text).unwrap();
    config["policies"] = json!([example]);
    config["sources"] = json!([{"amqp": {"url": broker.url(), "queue": "hello-rules", "kind": "cipolice.message"}}]);
    config.as_object_mut().unwrap().remove("listen");
    let place = Touchstone::new();
    let server = place.serve(config);
    let output = Command::new("/usr/bin/python3")
        .args(["-c", PIKA, &broker.url(), "hello-rules"])
        .arg(r#"{"image": "registry.example.com/web:1", "level": 6}"#)
        .arg(r#"{"image": "registry.example.com/list:1", "level": [7, 2.1, 2.9]}"#)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let decisions = await_decisions(&server, 2);
    let of = |image: &str| {
        let is_about = |decision: &&Value| decision["event"]["subject"] == image;
        let found = decisions.iter().find(is_about);
        found.unwrap_or_else(|| panic!("nothing about {image}: {decisions:#?}"))
    };
    let ids = |decision: &Value| -> Vec<String> {
        let findings = decision["policies"][0]["findings"].as_array().unwrap();
        let id = |finding: &Value| finding["id"].as_str().unwrap().to_owned();
        findings.iter().map(id).collect()
    };
    let blocked = of("registry.example.com/web:1");
    assert_eq!(blocked["verdict"], "deny", "{blocked}");
    assert_eq!(ids(blocked), ["accepted", "blockimage"], "{blocked}");
    let list = of("registry.example.com/list:1");
    assert_eq!(list["verdict"], "deny", "{list}");
    assert_eq!(ids(list), ["not-evaluated"; 3], "{list}");
    // Both programs of the first were run; nobody is at the other end of the hook.
    let performed = || {
        let actions = server.actions();
        let is_done = |action: &&Value| action["state"] == "done" && action["kind"] == "command";
        actions.iter().filter(is_done).count() == 2
    };
    wait_until("both programs have run", performed);
    server.stop();
    assert_empty(&broker.client(), "hello-rules");
}

fn message_id(broker: &Broker) {
    let (place, client) = (Touchstone::new(), broker.client());
    client.queue("by-id");
    let server = place.serve(source(broker, "by-id"));
    let send = |id: &str, body: &str| {
        let properties = BasicProperties::default().with_message_id(id.into());
        client.send_with("by-id", body, properties);
    };
    send("one", WARN);
    send("one", WARN);
    send("one", r#"{"do": ["deny"]}"#);
    send("two", WARN);
    await_messages(&server, "by-id", "seen", 2);
    let decisions = await_decisions(&server, 2);
    assert_eq!(count_ids(&decisions), [("one", 1), ("two", 1)].into());
    server.stop();
    assert_empty(&client, "by-id");
}

fn content(broker: &Broker) {
    let (place, client) = (Touchstone::new(), broker.client());
    client.queue("by-content");
    let server = place.serve(source(broker, "by-content"));
    client.send("by-content", WARN);
    client.send("by-content", WARN);
    client.send("by-content", r#"{"do": ["deny"]}"#);
    await_messages(&server, "by-content", "seen", 1);
    for decision in await_decisions(&server, 2) {
        let id = decision["event"]["id"].as_str().unwrap();
        assert!(id.starts_with("sha256:"), "{decision}");
    }
    server.stop();
    assert_empty(&client, "by-content");
}

fn dead_letter(broker: &Broker) {
    let (place, client) = (Touchstone::new(), broker.client());
    client.queue("mixed");
    let mut config = source(broker, "mixed");
    config["bodyLimit"] = json!("1KiB");
    let server = place.serve(config);
    let large = json!({"do": [], "padding": "x".repeat(2000)}).to_string();
    for (id, body) in [
        ("no-json", "hello"),
        ("no-object", "[1]"),
        ("large", &large),
    ] {
        let properties = BasicProperties::default()
            .with_message_id(id.into())
            .with_headers(headers([("team", "blue")]));
        client.send_with("mixed", body, properties);
    }
    await_messages(&server, "mixed", "dead", 3);
    // Whatever went round would be counted again before this one.
    client.send("mixed", WARN);
    await_decisions(&server, 1);
    assert_eq!(server.messages("mixed", "dead"), 3);
    server.stop();
    assert_empty(&client, "mixed");
    assert_eq!(client.waiting("mixed.dead"), Some(3));
    let letters = [(); 3].map(|()| client.take("mixed.dead").unwrap());
    for letter in &letters {
        let id = letter.properties.message_id().as_ref().unwrap().as_str();
        let (reason, body) = match id {
            "no-json" => ("malformed JSON", "hello"),
            "no-object" => ("not a JSON object", "[1]"),
            "large" => ("bodyLimit", large.as_str()),
            other => panic!("what is {other}?"),
        };
        let said = header(letter, "x-touchstone-reason").unwrap();
        assert!(said.contains(reason), "{id}: {said}");
        assert_eq!(
            header(letter, "x-touchstone-queue").as_deref(),
            Some("mixed")
        );
        assert_eq!(header(letter, "team").as_deref(), Some("blue"));
        assert_eq!(letter.data, body.as_bytes(), "{id}");
    }
}

/// An exchange that leads nowhere would swallow the message.
fn dead_letter_to_nobody(broker: &Broker) {
    let (place, client) = (Touchstone::new(), broker.client());
    client.queue("careful");
    client.exchange("nowhere");
    let mut config = source(broker, "careful");
    config["sources"][0]["amqp"]["deadLetter"] = json!("nowhere");
    let server = place.serve(config);
    client.send("careful", "hello");
    wait_until("the message cannot be given up", || {
        server.log().contains("exchange nowhere leads to no queue")
    });
    client.queue("found");
    client.bind("found", "nowhere", "");
    assert_eq!(client.await_message("found").data, b"hello");
    await_messages(&server, "careful", "dead", 1);
    server.stop();
    assert_empty(&client, "careful");
    assert_empty(&client, "found");
}

fn reply(broker: &Broker) {
    let (place, client) = (Touchstone::new(), broker.client());
    client.queue("questions");
    client.queue("answers");
    let server = place.serve(source(broker, "questions"));
    // The second time it is only remembered.
    for correlation in ["first", "again"] {
        let properties = BasicProperties::default()
            .with_message_id("7".into())
            .with_reply_to("answers".into())
            .with_correlation_id(correlation.into());
        client.send_with("questions", r#"{"do": ["deny"]}"#, properties);
        let answer = client.await_message("answers");
        let properties = &answer.properties;
        assert_eq!(
            properties.correlation_id().as_ref().unwrap().as_str(),
            correlation
        );
        assert_eq!(
            properties.content_type().as_ref().unwrap().as_str(),
            "application/json"
        );
        let body: Value = serde_json::from_slice(&answer.data).unwrap();
        let kept = &await_decisions(&server, 1)[0];
        assert_eq!(body["verdict"], "deny", "{correlation}: {body}");
        assert_eq!(body["id"], kept["id"], "{correlation}");
        assert!(
            body["policies"][0]["explain"].is_null(),
            "{correlation}: {body}"
        );
    }
    server.stop();
    assert_empty(&client, "questions");
}

fn cloud_events(broker: &Broker) {
    let (place, client) = (Touchstone::new(), broker.client());
    client.queue("cloud");
    let server = place.serve(source(broker, "cloud"));
    for (id, prefix) in [("one", "cloudEvents:"), ("two", "cloudEvents_")] {
        let attributes = [
            ("specversion", "1.0"),
            ("id", id),
            ("source", "/acme"),
            ("type", "acme.thing"),
            ("subject", "nginx:1"),
        ];
        let named = attributes.map(|(name, value)| (format!("{prefix}{name}"), value));
        let table = headers(named.iter().map(|(name, value)| (name.as_str(), *value)));
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_headers(table);
        client.send_with("cloud", WARN, properties);
    }
    let structured = json!({"specversion": "1.0", "id": "three", "source": "/acme", "type": "acme.thing",
        "subject": "nginx:1", "data": {"do": ["warn"]}});
    let properties =
        BasicProperties::default().with_content_type("application/cloudevents+json".into());
    client.send_with("cloud", &structured.to_string(), properties);
    let decisions = await_decisions(&server, 3);
    assert_eq!(
        count_ids(&decisions),
        [("one", 1), ("two", 1), ("three", 1)].into()
    );
    for decision in &decisions {
        let event = &decision["event"];
        assert_eq!(decision["verdict"], "warn", "{decision}");
        assert_eq!(event["kind"], "acme.thing", "{decision}");
        assert_eq!(event["source"], "/acme", "{decision}");
        assert_eq!(event["subject"], "nginx:1", "{decision}");
    }
    server.stop();
    assert_empty(&client, "cloud");
}

pub fn id(decision: &Value) -> &str {
    decision["event"]["id"].as_str().unwrap()
}

/// How many decisions there are for each event.
fn count_ids(decisions: &[Value]) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for decision in decisions {
        *counts.entry(id(decision)).or_default() += 1;
    }
    counts
}
