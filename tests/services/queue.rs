//! The `queue` action: a message that a policy staged arrives, whatever the broker goes through.

use serde_json::{Value, json};

use crate::broker::Broker;
use crate::client::header;
use crate::service::{Test, alone, beside_others};
use crate::serving::{Running, Touchstone};

pub const TESTS: &[Test<Broker>] = &[
    beside_others("a staged message arrives whole", arrives),
    beside_others(
        "a message that reaches no queue is tried again until it does",
        unroutable,
    ),
    alone(
        "a staged message outlives a broker that is down",
        broker_down,
    ),
];

fn serve(broker: &Broker) -> (Touchstone, Running) {
    let place = Touchstone::new();
    let server = place.serve(json!({"broker": broker.url()}));
    (place, server)
}

fn publication(key: &str) -> Value {
    json!({"queue": {"exchange": "events", "routingKey": key, "headers": {"team": "blau ♥"},
        "body": {"image": "nginx:1", "why": ["a", 1]}}})
}

fn arrives(broker: &Broker) {
    let client = broker.client();
    client.exchange("events");
    client.durable_queue("inbox");
    client.bind("inbox", "events", "image.denied");
    let (_place, server) = serve(broker);
    let id = server.act(publication("image.denied"));
    let message = client.await_message("inbox");
    let properties = &message.properties;
    assert_eq!(properties.delivery_mode(), &Some(2), "persistent");
    assert_eq!(properties.message_id().as_ref().unwrap().as_str(), id);
    assert_eq!(
        properties.content_type().as_ref().unwrap().as_str(),
        "application/json"
    );
    assert_eq!(header(&message, "team").as_deref(), Some("blau ♥"));
    let body: Value = serde_json::from_slice(&message.data).unwrap();
    assert_eq!(body, json!({"image": "nginx:1", "why": ["a", 1]}));
    let story = server.await_state(&id, "done");
    assert_eq!(
        (&story["attempts"], &story["target"]),
        (&json!(1), &json!("events/image.denied")),
        "{story}"
    );
    // A queue by its own name, on the exchange that always is.
    client.queue("alarms");
    let id =
        server.act(json!({"queue": {"exchange": "", "routingKey": "alarms", "body": "wake up"}}));
    assert_eq!(client.await_message("alarms").data, br#""wake up""#);
    server.await_state(&id, "done");
    server.stop();
    assert_eq!(client.waiting("inbox"), Some(0));
}

fn unroutable(broker: &Broker) {
    let client = broker.client();
    client.exchange("events");
    let (_place, server) = serve(broker);
    let id = server.act(publication("image.lost"));
    let story = server.await_failure(&id);
    let detail = story["detail"].as_str().unwrap();
    assert!(detail.contains("reaches no queue"), "{story}");
    client.durable_queue("lost-and-found");
    client.bind("lost-and-found", "events", "image.lost");
    let message = client.await_message("lost-and-found");
    assert_eq!(
        message.properties.message_id().as_ref().unwrap().as_str(),
        id
    );
    let story = server.await_state(&id, "done");
    let history = story["history"].as_array().unwrap();
    assert!(history.len() >= 2, "{story}");
    server.stop();
    assert_eq!(client.waiting("lost-and-found"), Some(0));
}

fn broker_down(broker: &Broker) {
    let client = broker.client();
    client.exchange("events");
    client.durable_queue("late");
    client.bind("late", "events", "image.late");
    let (_place, server) = serve(broker);
    // Over a connection that breaks then.
    let early = server.act(publication("image.late"));
    server.await_state(&early, "done");
    broker.go_down();
    let late = server.act(publication("image.late"));
    server.await_failure(&late);
    broker.come_up().unwrap();
    let client = broker.client();
    for id in [early, late] {
        let message = client.await_message("late");
        assert_eq!(
            message.properties.message_id().as_ref().unwrap().as_str(),
            id
        );
        server.await_state(&id, "done");
    }
    server.stop();
    assert_eq!(client.waiting("late"), Some(0));
}
