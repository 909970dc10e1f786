//! From an AMQP message to an event: a JSON document of any form, or a CloudEvent whose attributes stand in the headers
//! (AMQP binding 1.0, §3.1, as it is used with 0-9-1).

use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::config::AmqpSource;
use crate::data::hex;
use crate::document::Document;
use crate::model::Event;
use crate::source::{Attributes, Defaults, SourceError, binary, read_event};

/// What CloudEvents attributes begin with; the second form is for brokers that do not like the first.
const PREFIXES: [&str; 2] = ["cloudEvents:", "cloudEvents_"];

/// What a message is recognised by when it comes again: its message id, else source and id of its CloudEvent, else its
/// content.
pub(super) fn identity(delivery: &Delivery) -> String {
    if let Some(id) = delivery
        .properties
        .message_id()
        .as_ref()
        .filter(|id| !id.as_str().is_empty())
    {
        return format!("id {}", id.as_str());
    }
    match (attribute(delivery, "source"), attribute(delivery, "id")) {
        // With a length, so that no two pairs read the same.
        (Some(source), Some(id)) => format!("event {}:{source} {id}", source.len()),
        _ => format!("sha256:{}", hex(&Sha256::digest(&delivery.data))),
    }
}

/// Reads the event.
pub(super) fn read(
    source: &AmqpSource,
    delivery: &Delivery,
    id: &str,
) -> Result<Event, SourceError> {
    let named = delivery.properties.message_id().as_ref();
    let named = named.filter(|name| !name.as_str().is_empty());
    let defaults = Defaults {
        kind: source.kind.clone(),
        source: format!("/amqp/{}", source.queue),
        id: Some(named.map_or(id, |name| name.as_str()).to_owned()),
        ..Defaults::default()
    };
    if attribute(delivery, "specversion").is_none() {
        return read_event(delivery.data.clone(), &defaults);
    }
    let attributes = Attributes::read(|name| attribute(delivery, name))?;
    let document = if delivery.data.is_empty() {
        Document::parse("{}".to_owned())
    } else {
        Document::parse_bytes(delivery.data.clone())
    };
    binary(attributes, document?, &defaults)
}

/// A kept decision as it was told the first time, without the details behind each policy's answer.
pub(super) fn brief(body: &str) -> String {
    let mut decision: Value = serde_json::from_str(body).unwrap_or_default();
    let policies = decision.get_mut("policies").and_then(Value::as_array_mut);
    for policy in policies.into_iter().flatten() {
        if let Some(policy) = policy.as_object_mut() {
            policy.remove("explain");
        }
    }
    decision.to_string()
}

fn attribute(delivery: &Delivery, name: &str) -> Option<String> {
    let headers: &FieldTable = delivery.properties.headers().as_ref()?;
    let value = PREFIXES.iter().find_map(|prefix| {
        let full = format!("{prefix}{name}");
        let mut all = headers.inner().iter();
        all.find(|(key, _)| key.as_str() == full)
            .map(|(_, value)| value)
    })?;
    match value {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        AMQPValue::ShortString(text) => Some(text.as_str().to_owned()),
        _ => None,
    }
}
