//! A queue of an AMQP 0-9-1 broker. At least once: a message is acknowledged when its decision is durable, and decided
//! once however often it comes. What cannot be decided goes to the dead-letter exchange, with the reason.

mod message;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use jiff::Timestamp;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind,
};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::config::AmqpSource;
use crate::decide::{DecideError, Options, Priority};
use crate::knowledge::weight;
use crate::secret::SecretError;
use crate::service::Service;
use crate::store::Seen;

use self::message::{brief, identity, read};

/// The first pause after a failure; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// A connection that lasted so long was a good one.
const GOOD: Duration = Duration::from_secs(10);
/// What an acknowledgement is waited for. A connection that breaks just then may never answer (lapin 4.12).
const ACK_TIME: Duration = Duration::from_secs(5);
const CONSUMER: &str = "touchstone";
const PERSISTENT: u8 = 2;

/// The queues that are consumed.
pub struct Sources {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// Consumes every queue of the configuration. Needs a runtime.
pub fn start(service: &Arc<Service>) -> Sources {
    let (stop, stopped) = watch::channel(false);
    let sources = service.started_with().sources.clone();
    let tasks = sources
        .into_iter()
        .map(|source| {
            let consumer = Consumer {
                service: Arc::clone(service),
                source,
                stopped: stopped.clone(),
                under_way: Mutex::default(),
            };
            tokio::spawn(Arc::new(consumer).run())
        })
        .collect();
    Sources { stop, tasks }
}

impl Sources {
    /// Takes no more messages, and waits for those that are being decided. The others stay in the queue.
    pub async fn stop(self, grace: Duration) {
        let _ = self.stop.send(true);
        let all = futures_util::future::join_all(self.tasks);
        if tokio::time::timeout(grace, all).await.is_err() {
            tracing::warn!("some messages were not decided in time; they will come again");
        }
    }
}

/// Why a queue is not consumed now.
#[derive(Debug, thiserror::Error)]
enum AmqpError {
    #[error("{0}")]
    Broker(#[from] lapin::Error),
    #[error(transparent)]
    Secret(#[from] SecretError),
    #[error("the broker ended the consumer: was the queue deleted?")]
    Cancelled,
}

struct Consumer {
    service: Arc<Service>,
    source: AmqpSource,
    stopped: watch::Receiver<bool>,
    /// The same message may come twice at the same time.
    under_way: Mutex<HashSet<String>>,
}

/// A message in hand, however that ends.
struct Claim<'a> {
    consumer: &'a Consumer,
    event: &'a str,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.consumer
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(self.event);
    }
}

/// One connection, with a channel to take from and one to publish to.
struct Link {
    connection: Connection,
    taking: Channel,
    publishing: Channel,
}

impl Consumer {
    /// Consumes until it is stopped, over as many connections as that takes.
    async fn run(self: Arc<Self>) {
        let mut pause = FIRST_PAUSE;
        // Those of a connection that broke go on: their messages come again, and must find what was decided.
        let mut tasks = JoinSet::new();
        while !*self.stopped.borrow() {
            let began = Instant::now();
            let Err(error) = self.consume(&mut tasks).await else {
                return;
            };
            let text = self.service.outside.secrets.scrub(&error.to_string());
            tracing::warn!(queue = self.source.queue, error = ?text, "the queue is not consumed: trying again");
            if began.elapsed() > GOOD {
                pause = FIRST_PAUSE;
            }
            self.rest(pause.mul_f64(rand::random_range(0.5..=1.0)))
                .await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Waits, or until it is stopped.
    async fn rest(&self, pause: Duration) {
        let mut stopped = self.stopped.clone();
        let _ = tokio::time::timeout(pause, stopped.wait_for(|stopped| *stopped)).await;
    }

    async fn consume(self: &Arc<Self>, tasks: &mut JoinSet<()>) -> Result<(), AmqpError> {
        let link = Arc::new(self.connect().await?);
        let mut deliveries = link
            .taking
            .basic_consume(
                self.source.queue.as_str().into(),
                CONSUMER.into(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await?;
        tracing::info!(queue = self.source.queue, "consuming");
        let mut stopped = self.stopped.clone();
        loop {
            tokio::select! {
                delivery = deliveries.next() => match delivery {
                    Some(delivery) => {
                        let (own, link, delivery) = (Arc::clone(self), Arc::clone(&link), delivery?);
                        tasks.spawn(async move { own.take(&link, delivery).await });
                    }
                    None => return Err(AmqpError::Cancelled),
                },
                Some(_) = tasks.join_next() => {}
                _ = stopped.wait_for(|stopped| *stopped) => break,
            }
        }
        link.taking
            .basic_cancel(CONSUMER.into(), BasicCancelOptions::default())
            .await?;
        while tasks.join_next().await.is_some() {}
        link.connection.close(200, "stopping".into()).await?;
        Ok(())
    }

    async fn connect(&self) -> Result<Link, AmqpError> {
        let url = self.service.outside.secrets.read_url(&self.source.url)?;
        let name = format!("touchstone {}", self.source.queue);
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let connection = Connection::connect(&url, properties).await?;
        self.find_dead_letter(&connection).await?;
        let taking = connection.create_channel().await?;
        taking
            .basic_qos(self.source.prefetch, BasicQosOptions::default())
            .await?;
        let publishing = connection.create_channel().await?;
        publishing
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        Ok(Link {
            connection,
            taking,
            publishing,
        })
    }

    /// Makes the dead-letter exchange, with a queue that keeps what is sent there, unless it is there already.
    async fn find_dead_letter(&self, connection: &Connection) -> Result<(), lapin::Error> {
        let name = self.source.dead_letter.as_str();
        let passive = ExchangeDeclareOptions {
            passive: true,
            ..ExchangeDeclareOptions::default()
        };
        let asking = connection.create_channel().await?;
        if asking
            .exchange_declare(
                name.into(),
                ExchangeKind::Fanout,
                passive,
                FieldTable::default(),
            )
            .await
            .is_ok()
        {
            return asking.close(200, "found".into()).await;
        }
        // Asking for what is not there has closed that channel.
        let making = connection.create_channel().await?;
        let durable = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        making
            .exchange_declare(
                name.into(),
                ExchangeKind::Fanout,
                durable,
                FieldTable::default(),
            )
            .await?;
        let durable = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        making
            .queue_declare(name.into(), durable, FieldTable::default())
            .await?;
        making
            .queue_bind(
                name.into(),
                name.into(),
                "".into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            )
            .await?;
        making.close(200, "made".into()).await
    }

    /// Decides a message and acknowledges it. Where anything fails, it is not acknowledged, and comes again.
    async fn take(&self, link: &Link, delivery: Delivery) {
        let id = identity(&delivery);
        let event = format!("amqp {} {id}", self.source.queue);
        let claim = loop {
            if let Some(claim) = self.claim(&event) {
                break claim;
            }
            if self.is_over(link) {
                return;
            }
            self.rest(FIRST_PAUSE).await;
        };
        let taken = self.decide(link, &delivery, &event, &id).await;
        drop(claim);
        let Some(result) = taken else { return };
        self.service.metrics.message(&self.source.queue, result);
        let acknowledged = delivery.acker.ack(BasicAckOptions::default());
        match tokio::time::timeout(ACK_TIME, acknowledged).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::debug!(%error, "a message was not acknowledged: it will come again");
            }
            Err(_) => tracing::debug!("a message may not be acknowledged: it may come again"),
        }
    }

    /// Takes a message in hand, unless somebody else has it.
    fn claim<'a>(&'a self, event: &'a str) -> Option<Claim<'a>> {
        let mut under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let new = under_way.insert(event.to_owned());
        // Only then: one that is dropped gives the message away.
        new.then(|| Claim {
            consumer: self,
            event,
        })
    }

    /// Whether messages of this connection can no more be acknowledged, or should not be tried any longer.
    fn is_over(&self, link: &Link) -> bool {
        *self.stopped.borrow() || !link.taking.status().connected()
    }

    /// What became of a message; nothing, when it has to come again.
    async fn decide(
        &self,
        link: &Link,
        delivery: &Delivery,
        event: &str,
        id: &str,
    ) -> Option<&'static str> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.try_to_decide(delivery, event, id).await {
                Ok((body, result)) => {
                    self.reply(link, delivery, body).await;
                    return Some(result);
                }
                Err(Trouble::Message(reason)) => {
                    match self.dead_letter(link, delivery, &reason).await {
                        Ok(()) => return Some("dead"),
                        Err(error) => {
                            tracing::warn!(error = ?error, "a message cannot be given up yet")
                        }
                    }
                }
                // Everything is kept as it is until it passes: the broker sends no more than `prefetch` meanwhile.
                Err(Trouble::Host(error)) => tracing::warn!(%error, "a message waits"),
            }
            if self.is_over(link) {
                return None;
            }
            self.rest(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The decision as JSON text, and what the message counts as.
    async fn try_to_decide(
        &self,
        delivery: &Delivery,
        event: &str,
        id: &str,
    ) -> Result<(String, &'static str), Trouble> {
        let store = &self.service.outside.store;
        let now = Timestamp::now();
        if let Some(decision) = store
            .seen(event, now)
            .await
            .map_err(|error| Trouble::Host(error.into()))?
        {
            let record = store
                .decision(&decision)
                .await
                .map_err(|error| Trouble::Host(error.into()))?;
            let body = record.map(|record| brief(&record.body));
            return Ok((body.unwrap_or_default(), "seen"));
        }
        let limit = self.service.config().body_limit;
        if delivery.data.len() as u64 > limit.as_u64() {
            return Err(Trouble::Message(format!(
                "it is larger than {limit} (bodyLimit)"
            )));
        }
        let parsed = self
            .service
            .outside
            .knowledge
            .reading(weight(&delivery.data), || read(&self.source, delivery, id))
            .await
            .map_err(|error| Trouble::Message(error.to_string()))?;
        let until = now
            .saturating_add(self.source.window)
            .unwrap_or(Timestamp::MAX);
        let options = Options {
            priority: Priority::Batch,
            seen: Some(Seen {
                event: event.to_owned(),
                until,
            }),
            ..Options::default()
        };
        let decision = self
            .service
            .decider
            .decide(parsed, &options)
            .await
            .map_err(Trouble::Host)?;
        let body = serde_json::to_string(&decision.brief()).unwrap_or_default();
        Ok((body, "decided"))
    }

    /// Sends the decision where the message wants it, which is a queue on the default exchange. That it arrives is the
    /// asker's concern.
    async fn reply(&self, link: &Link, delivery: &Delivery, body: String) {
        let Some(queue) = delivery.properties.reply_to() else {
            return;
        };
        let mut properties =
            BasicProperties::default().with_content_type("application/json".into());
        if let Some(correlation) = delivery.properties.correlation_id() {
            properties = properties.with_correlation_id(correlation.clone());
        }
        let options = BasicPublishOptions::default();
        let sent = link.publishing.basic_publish(
            "".into(),
            queue.clone(),
            options,
            body.as_bytes(),
            properties,
        );
        if let Err(error) = sent.await {
            tracing::warn!(%error, "a reply was not sent");
        }
    }

    /// Gives a message up: to an exchange that confirms that a queue has it.
    async fn dead_letter(
        &self,
        link: &Link,
        delivery: &Delivery,
        reason: &str,
    ) -> Result<(), String> {
        tracing::warn!(queue = self.source.queue, ?reason, "a message is given up");
        let mut headers = delivery.properties.headers().clone().unwrap_or_default();
        let reason: String = reason.chars().take(1000).collect();
        for (name, value) in [
            ("x-touchstone-reason", reason.as_str()),
            ("x-touchstone-queue", &self.source.queue),
        ] {
            headers.insert(name.into(), AMQPValue::LongString(LongString::from(value)));
        }
        let properties = kept(&delivery.properties)
            .with_headers(headers)
            .with_delivery_mode(PERSISTENT);
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let exchange = self.source.dead_letter.as_str();
        let published = link
            .publishing
            .basic_publish(
                exchange.into(),
                "".into(),
                options,
                &delivery.data,
                properties,
            )
            .await
            .map_err(|error| error.to_string())?;
        match published.await.map_err(|error| error.to_string())? {
            Confirmation::Ack(None) => Ok(()),
            _ => Err(format!("exchange {exchange} leads to no queue")),
        }
    }
}

/// What of a message's properties stays. Not its expiry, which is over, nor its user, whom only the sender can name.
fn kept(old: &BasicProperties) -> BasicProperties {
    let mut new = BasicProperties::default();
    if let Some(value) = old.content_type() {
        new = new.with_content_type(value.clone());
    }
    if let Some(value) = old.message_id() {
        new = new.with_message_id(value.clone());
    }
    if let Some(value) = old.correlation_id() {
        new = new.with_correlation_id(value.clone());
    }
    if let Some(value) = old.reply_to() {
        new = new.with_reply_to(value.clone());
    }
    if let Some(value) = old.timestamp() {
        new = new.with_timestamp(*value);
    }
    new
}

/// Why a message is not decided.
enum Trouble {
    /// Nobody could decide it.
    Message(String),
    /// The host cannot, for now.
    Host(DecideError),
}
