//! RabbitMQ: a node of our own on free ports.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::client::Client;

const NODE: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const CONTROL: &str = "/usr/lib/rabbitmq/bin/rabbitmqctl";
/// Where Erlang's nodes find each other. A node would start one that outlives it, unless there is one already.
const NAMES: &str = "/usr/bin/epmd";
/// What a node may take to come and to go on a slow machine.
const PATIENCE: Duration = Duration::from_secs(90);

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
        let pika = Command::new("/usr/bin/python3")
            .args(["-c", "import pika"])
            .stderr(Stdio::null())
            .status();
        Path::new(NODE).exists()
            && Path::new(NAMES).exists()
            && pika.is_ok_and(|status| status.success())
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
