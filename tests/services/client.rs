//! A plain client of a broker: somebody else who uses it.

use futures_util::future::join_all;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions,
    ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind,
};
use tokio::runtime::Runtime;

use crate::support::wait_until;

/// Kept on the broker's disk.
const PERSISTENT: u8 = 2;

pub struct Client {
    runtime: Runtime,
    connection: Connection,
    channel: Channel,
}

impl Client {
    pub fn new(url: &str) -> Client {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let connect = async {
            let connection = Connection::connect(url, ConnectionProperties::default()).await?;
            let channel = connection.create_channel().await?;
            channel
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            Ok::<_, lapin::Error>((connection, channel))
        };
        let (connection, channel) = runtime.block_on(connect).unwrap();
        Client {
            runtime,
            connection,
            channel,
        }
    }

    /// Declares a queue that is gone when the broker is.
    pub fn queue(&self, name: &str) {
        self.declare(name, QueueDeclareOptions::default());
    }

    /// Declares a queue that stays.
    pub fn durable_queue(&self, name: &str) {
        let options = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        self.declare(name, options);
    }

    fn declare(&self, name: &str, options: QueueDeclareOptions) {
        let declare = self
            .channel
            .queue_declare(name.into(), options, FieldTable::default());
        self.runtime.block_on(declare).unwrap();
    }

    /// Declares a durable exchange that sorts by the whole routing key.
    pub fn exchange(&self, name: &str) {
        let options = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        let declare = self.channel.exchange_declare(
            name.into(),
            ExchangeKind::Direct,
            options,
            FieldTable::default(),
        );
        self.runtime.block_on(declare).unwrap();
    }

    pub fn bind(&self, queue: &str, exchange: &str, key: &str) {
        let bind = self.channel.queue_bind(
            queue.into(),
            exchange.into(),
            key.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        self.runtime.block_on(bind).unwrap();
    }

    /// Sends a message to a queue, without any property.
    pub fn send(&self, queue: &str, body: &str) {
        self.send_with(queue, body, BasicProperties::default());
    }

    pub fn send_with(&self, queue: &str, body: &str, properties: BasicProperties) {
        self.send_all(queue, [(body.to_owned(), properties)]);
    }

    /// Sends persistent messages with the message ids 0, 1, … Each has a body of its own.
    pub fn send_numbered(&self, queue: &str, number: usize, body: impl Fn(usize) -> String) {
        let message = |id: usize| {
            let properties = BasicProperties::default()
                .with_message_id(id.to_string().into())
                .with_delivery_mode(PERSISTENT);
            (body(id), properties)
        };
        self.send_all(queue, (0..number).map(message));
    }

    /// When this returns, the broker has confirmed every message.
    fn send_all(&self, queue: &str, messages: impl IntoIterator<Item = (String, BasicProperties)>) {
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        self.runtime.block_on(async {
            let mut confirms = Vec::new();
            for (body, properties) in messages {
                let sent = self.channel.basic_publish(
                    "".into(),
                    queue.into(),
                    options,
                    body.as_bytes(),
                    properties,
                );
                confirms.push(sent.await.unwrap());
            }
            for confirmed in join_all(confirms).await {
                assert_eq!(confirmed.unwrap(), Confirmation::Ack(None));
            }
        });
    }

    /// How many messages wait in a queue, besides those that a consumer has in hand; nothing, when there is no queue.
    pub fn waiting(&self, queue: &str) -> Option<u32> {
        let passive = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        self.runtime.block_on(async {
            // Asking for a queue that is not there closes the channel.
            let channel = self.connection.create_channel().await.unwrap();
            let found = channel
                .queue_declare(queue.into(), passive, FieldTable::default())
                .await;
            let count = found.ok().map(|queue| queue.message_count());
            if count.is_some() {
                channel.close(200, "asked".into()).await.unwrap();
            }
            count
        })
    }

    /// Takes a message out of a queue, for good.
    pub fn take(&self, queue: &str) -> Option<Delivery> {
        self.runtime.block_on(async {
            let got = self
                .channel
                .basic_get(queue.into(), BasicGetOptions::default())
                .await
                .unwrap()?;
            got.acker.ack(BasicAckOptions::default()).await.unwrap();
            Some(got.delivery)
        })
    }

    /// Waits for a message, and takes it.
    pub fn await_message(&self, queue: &str) -> Delivery {
        let mut found = None;
        wait_until(&format!("a message comes to {queue}"), || {
            found = self.take(queue);
            found.is_some()
        });
        found.unwrap()
    }

    /// The ids of all messages in a queue, which stay there.
    pub fn message_ids(&self, queue: &str) -> Vec<String> {
        self.runtime.block_on(async {
            let channel = self.connection.create_channel().await.unwrap();
            let mut ids = Vec::new();
            while let Some(got) = channel
                .basic_get(queue.into(), BasicGetOptions::default())
                .await
                .unwrap()
            {
                ids.push(got.properties.message_id().clone().unwrap().to_string());
            }
            // What was not acknowledged goes back.
            channel.close(200, "looked".into()).await.unwrap();
            ids
        })
    }
}

/// Text headers.
pub fn headers<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in pairs {
        let value = AMQPValue::LongString(LongString::from(value));
        table.insert(name.into(), value);
    }
    table
}

/// The text of a header.
pub fn header(delivery: &Delivery, name: &str) -> Option<String> {
    let headers = delivery.properties.headers().as_ref()?;
    let found = headers.inner().iter().find(|(key, _)| key.as_str() == name);
    match found {
        Some((_, AMQPValue::LongString(text))) => {
            Some(String::from_utf8_lossy(text.as_bytes()).into_owned())
        }
        Some((_, other)) => panic!("{name} is no text: {other:?}"),
        None => None,
    }
}
