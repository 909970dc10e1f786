//! A message to the AMQP 0-9-1 broker, done when the broker has it for good.

use std::collections::HashMap;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::Mutex;

use super::{Failure, Performers, json, line, request, staged};
use crate::grants::Resource;
use crate::guest::bindings::touchstone::policy::queue::{Host, Message};
use crate::guest::bindings::touchstone::policy::types::{Error, Terms};
use crate::guest::{Ctx, Refusal, invalid};
use crate::model::Action;

/// The longest name that AMQP 0-9-1 knows (a short string).
const MAX_NAME: usize = 255;
/// All headers together, far below the largest frame.
const MAX_HEADERS: usize = 32 << 10;
/// Kept on the broker's disk.
const PERSISTENT: u8 = 2;

/// A staged message.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Publication {
    exchange: String,
    routing_key: String,
    headers: Vec<(String, String)>,
    body: Box<RawValue>,
}

impl Host for Ctx {
    fn stage(&mut self, message: Message, terms: Terms) -> Result<(), Refusal> {
        self.allow(
            "queue",
            Resource::Message {
                exchange: &message.exchange,
                routing_key: &message.routing_key,
            },
        )?;
        let Message {
            exchange,
            routing_key,
            headers,
            body,
        } = message;
        for (what, name) in [
            ("the exchange", &exchange),
            ("the routing key", &routing_key),
        ] {
            line(what, name)?;
            if name.len() > MAX_NAME {
                return Err(invalid(format!("{what} is longer than {MAX_NAME} bytes")));
            }
        }
        if routing_key
            .split('.')
            .any(|word| word == "*" || word == "#")
        {
            return Err(invalid(
                "a message has one routing key: wildcards are for bindings".to_owned(),
            ));
        }
        let size: usize = headers
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if size > MAX_HEADERS {
            return Err(invalid(format!(
                "headers have at most {MAX_HEADERS} bytes together"
            )));
        }
        for (name, value) in &headers {
            line("a header", name)?;
            // RabbitMQ would send copies to the keys in these.
            if matches!(name.as_str(), "CC" | "BCC") {
                return Err(invalid(format!("header {name} would name other keys")));
            }
            line("a header", value)?;
            if name.is_empty() || name.len() > MAX_NAME {
                return Err(invalid(format!(
                    "a header's name has 1 to {MAX_NAME} bytes"
                )));
            }
        }
        if self.outside().targets().broker.is_none() {
            return Err(Error::NotFound("touchstone.yaml has no broker".to_owned()).into());
        }
        let target = format!("{exchange}/{routing_key}");
        let publication = Publication {
            exchange,
            routing_key,
            headers,
            body: json(body)?,
        };
        let action = staged("queue", target, "broker".to_owned(), terms, &publication)?;
        self.stage(action)
    }
}

/// The connection that messages are published over, with a channel for each policy: what the broker refuses closes the
/// channel, and concerns nobody else. Made anew when it broke.
#[derive(Default)]
pub(super) struct Publisher(Mutex<Option<Open>>);

struct Open {
    url: String,
    connection: Connection,
    channels: HashMap<String, Channel>,
}

impl Publisher {
    async fn channel(&self, url: String, policy: &str) -> Result<Channel, lapin::Error> {
        let mut place = self.0.lock().await;
        let usable = |open: &Open| open.url == url && open.connection.status().connected();
        let open = match place.take().filter(usable) {
            Some(open) => open,
            None => Open::connect(url).await?,
        };
        place.insert(open).channel(policy).await
    }
}

impl Open {
    async fn connect(url: String) -> Result<Open, lapin::Error> {
        let name = "touchstone actions".into();
        let properties = ConnectionProperties::default().with_connection_name(name);
        let connection = Connection::connect(&url, properties).await?;
        Ok(Open {
            url,
            connection,
            channels: HashMap::new(),
        })
    }

    async fn channel(&mut self, policy: &str) -> Result<Channel, lapin::Error> {
        if let Some(channel) = self.channels.get(policy)
            && channel.status().connected()
        {
            return Ok(channel.clone());
        }
        let channel = self.connection.create_channel().await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        self.channels.insert(policy.to_owned(), channel.clone());
        Ok(channel)
    }
}

pub(super) async fn perform(performers: &Performers, action: &Action) -> Result<String, Failure> {
    let publication: Publication = request(action)?;
    let Some(broker) = performers.outside.targets().broker.clone() else {
        return Err(Failure::passing("touchstone.yaml has no broker"));
    };
    let url = performers
        .outside
        .secrets
        .read_url(&broker)
        .map_err(Failure::passing)?;
    let publishing = publish(performers, action, &publication, url);
    let confirmed = tokio::time::timeout(performers.timeout, publishing)
        .await
        .map_err(|_| Failure::passing("the broker did not answer in time"))?;
    match confirmed.map_err(Failure::passing)? {
        Confirmation::Ack(None) => Ok("confirmed".to_owned()),
        Confirmation::Ack(Some(returned)) | Confirmation::Nack(Some(returned)) => Err(
            Failure::passing(format!("it reaches no queue: {}", returned.reply_text)),
        ),
        Confirmation::Nack(None) => Err(Failure::passing("the broker refused it")),
        Confirmation::NotRequested => Err(Failure::passing("the broker confirms nothing")),
    }
}

async fn publish(
    performers: &Performers,
    action: &Action,
    publication: &Publication,
    url: String,
) -> Result<Confirmation, lapin::Error> {
    let channel = performers.publisher.channel(url, &action.policy).await?;
    let mut headers = FieldTable::default();
    for (name, value) in &publication.headers {
        headers.insert(
            name.as_str().into(),
            AMQPValue::LongString(LongString::from(value.as_str())),
        );
    }
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT)
        .with_message_id(action.id.as_str().into())
        .with_app_id("touchstone".into())
        .with_headers(headers);
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let body = publication.body.get().as_bytes();
    let (exchange, key) = (
        publication.exchange.as_str().into(),
        publication.routing_key.as_str().into(),
    );
    channel
        .basic_publish(exchange, key, options, body, properties)
        .await?
        .await
}
