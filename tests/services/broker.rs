//! RabbitMQ: a node of our own on free ports, and a plain client of it.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

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
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::support::wait_until;

const NODE: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const CONTROL: &str = "/usr/lib/rabbitmq/bin/rabbitmqctl";
/// Where Erlang's nodes find each other. A node would start one that outlives it, unless there is one already.
const NAMES: &str = "/usr/bin/epmd";
/// What a node may take to come and to go on a slow machine.
const PATIENCE: Duration = Duration::from_secs(90);
const PERSISTENT: u8 = 2;

pub struct Broker {
    folder: TempDir,
    port: u16,
    names_port: u16,
    nodes_port: u16,
    processes: Mutex<Processes>,
}

struct Processes {
    names: Child,
    node: Option<Child>,
}

impl Broker {
    pub fn is_installed() -> bool {
        Path::new(NODE).exists() && Path::new(NAMES).exists()
    }

    pub fn start() -> Result<Broker, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        fs::write(folder.path().join("plugins"), "[].").map_err(|error| error.to_string())?;
        fs::write(folder.path().join("rabbitmq.conf"), "").map_err(|error| error.to_string())?;
        let [port, names_port, nodes_port] = free_ports();
        let names = Command::new(NAMES)
            .args(["-address", "127.0.0.1", "-port", &names_port.to_string()])
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| format!("{NAMES}: {error}"))?;
        let broker = Broker {
            folder,
            port,
            names_port,
            nodes_port,
            processes: Mutex::new(Processes { names, node: None }),
        };
        broker
            .come_up()
            .inspect_err(|_| broker.stop())
            .map(|()| broker)
    }

    /// Ends everything that was started.
    pub fn stop(&self) {
        self.go_down();
        let names = &mut self.processes.lock().unwrap().names;
        let _ = names.kill();
        let _ = names.wait();
    }

    /// Starts the node, with whatever it held before.
    pub fn come_up(&self) -> Result<(), String> {
        let place = |name: &str| self.folder.path().join(name);
        let output = fs::File::create(place("output")).map_err(|error| error.to_string())?;
        let errors = output.try_clone().map_err(|error| error.to_string())?;
        let mut node = self
            .command(NODE)
            .env("RABBITMQ_DIST_PORT", self.nodes_port.to_string())
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_MNESIA_BASE", place("data"))
            .env("RABBITMQ_LOG_BASE", place("log"))
            .env("RABBITMQ_LOGS", place("log.txt"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", place("plugins"))
            .env("RABBITMQ_CONFIG_FILE", place("rabbitmq.conf"))
            .env("RABBITMQ_PID_FILE", place("pid"))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("{NODE}: {error}"))?;
        let start = Instant::now();
        let result = loop {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                break Ok(());
            }
            let said = || fs::read_to_string(place("output")).unwrap_or_default();
            match node.try_wait() {
                Ok(None) if start.elapsed() < PATIENCE => {}
                Ok(None) => break Err(format!("it takes too long: {}", said())),
                _ => break Err(format!("it ended: {}", said())),
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        self.processes.lock().unwrap().node = Some(node);
        result
    }

    /// Stops the node in order; its folder stays.
    pub fn go_down(&self) {
        let Some(mut node) = self.processes.lock().unwrap().node.take() else {
            return;
        };
        let _ = kill(
            Pid::from_raw(node.id().try_into().unwrap()),
            Signal::SIGTERM,
        );
        let start = Instant::now();
        while let Ok(None) = node.try_wait() {
            if start.elapsed() > PATIENCE {
                // What was started is a script, and the node is its child.
                if let Ok(id) = fs::read_to_string(self.folder.path().join("pid")) {
                    let _ = kill(Pid::from_raw(id.trim().parse().unwrap()), Signal::SIGKILL);
                }
                let _ = node.kill();
                let _ = node.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A program that finds the node.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("HOME", self.folder.path())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", self.names_port.to_string())
            .env(
                "RABBITMQ_NODENAME",
                format!("touchstone-{}@localhost", std::process::id()),
            );
        command
    }

    /// How many messages of a queue consumers have in hand. That takes a second.
    pub fn in_hand(&self, queue: &str) -> u32 {
        let listed = self
            .command(CONTROL)
            .args([
                "--quiet",
                "list_queues",
                "name",
                "messages_unacknowledged",
                "--no-table-headers",
            ])
            .output()
            .unwrap();
        let text = String::from_utf8(listed.stdout).unwrap();
        let line = text.lines().find_map(|line| {
            let (name, count) = line.split_once('\t')?;
            (name == queue).then_some(count)
        });
        let line = line.unwrap_or_else(|| panic!("no queue {queue} in {text:?}"));
        line.trim().parse().unwrap()
    }

    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    pub fn client(&self) -> Client {
        Client::new(&self.url())
    }
}

/// Ports that nobody uses now.
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// Somebody else who uses the broker.
pub struct Client {
    runtime: Runtime,
    connection: Connection,
    channel: Channel,
}

impl Client {
    fn new(url: &str) -> Client {
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
