//! What the end-to-end tests share: built guests, folders of policies, services in process and as a program.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use touchstone::config::{Overrides, State};
use touchstone::decide::{DecideError, Options};
use touchstone::document::Document;
use touchstone::model::{Decision, Event, PolicyDecision};
use touchstone::service::{Origin, Service, Stay};
use touchstone::source::{Defaults, recognise};

/// The program under test.
pub const TOUCHSTONE: &str = env!("CARGO_BIN_EXE_touchstone");

/// The project's root.
pub fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .canonicalize()
            .unwrap()
    })
}

/// The real documents that a fresh clone does not have. Tests that need them say that they were skipped.
pub fn fixtures() -> Option<PathBuf> {
    let folder = root().join("../shared/fixtures");
    if folder.is_dir() {
        return Some(folder.canonicalize().unwrap());
    }
    // Not by eprintln!, which the test runner hides when a test passes.
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED {test}: {} is not there",
        folder.display()
    );
    None
}

/// The module of an example or a test guest; all are built at the first call.
pub fn module(name: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let built = Command::new(TOUCHSTONE)
            .current_dir(root())
            .args(["build", "policies-examples", "tests/guests"])
            .status();
        assert!(built.unwrap().success(), "the guests could not be built");
    });
    let file = format!("{}.wasm", name.replace('-', "_"));
    let places = ["policies-examples", "tests/guests"]
        .map(|parent| root().join(parent).join(name).join(&file));
    places
        .into_iter()
        .find(|place| place.exists())
        .unwrap_or_else(|| panic!("no guest {name}"))
}

/// Compiled policies are kept between tests, as they are between runs.
pub fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

/// A folder with `policies` and `data` in it.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Folder {
        let folder = tempfile::tempdir().unwrap();
        for name in ["policies", "data"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Folder(folder)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a policy that runs a guest, with further keys of policy.yaml.
    pub fn policy(&self, name: &str, guest: &str, keys: Value) -> &Folder {
        let bytes = fs::read(module(guest)).unwrap();
        self.policy_from(name, &bytes, keys)
    }

    /// Writes a policy that runs these bytes.
    pub fn policy_from(&self, name: &str, bytes: &[u8], keys: Value) -> &Folder {
        let folder = self.path().join("policies").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("m.wasm"), bytes).unwrap();
        self.yaml(name, keys)
    }

    /// Writes policy.yaml alone.
    pub fn yaml(&self, name: &str, keys: Value) -> &Folder {
        let mut yaml = json!({"name": name, "module": "m.wasm"});
        yaml.as_object_mut()
            .unwrap()
            .extend(keys.as_object().unwrap().clone());
        replace(
            &self.path().join("policies").join(name).join("policy.yaml"),
            yaml.to_string().as_bytes(),
        );
        self
    }

    pub fn data(&self, file: &str, value: &Value) -> &Folder {
        let file = self.path().join("data").join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        replace(&file, value.to_string().as_bytes());
        self
    }

    /// Writes touchstone.yaml, which names the folders.
    pub fn config(&self, config: Value) -> &Folder {
        let mut yaml = json!({"policies": ["policies"], "data": ["data"]});
        yaml.as_object_mut()
            .unwrap()
            .extend(config.as_object().unwrap().clone());
        replace(
            &self.path().join("touchstone.yaml"),
            yaml.to_string().as_bytes(),
        );
        self
    }

    pub fn origin(&self) -> Origin {
        let overrides = Overrides {
            policies: vec![self.path().join("policies")],
            data: vec![self.path().join("data")],
            cache: Some(cache()),
            state: Some(State::Memory),
            ..Overrides::default()
        };
        let file = self.path().join("touchstone.yaml");
        Origin {
            file: file.exists().then_some(file),
            overrides,
        }
    }

    /// A loaded service in this process.
    pub fn service(&self) -> Host {
        Host::new(self.origin())
    }
}

fn event<'a>(document: &Value, kind: impl Into<Option<&'a str>>) -> Event {
    let document = Document::parse(document.to_string()).unwrap();
    let defaults = Defaults {
        kind: kind.into().map(str::to_owned),
        source: "/test".into(),
        ..Defaults::default()
    };
    recognise(document, &defaults).unwrap()
}

/// As editors do it: a new file takes the place of the old one.
pub fn replace(path: &Path, bytes: &[u8]) {
    let new = path.with_extension("new");
    fs::write(&new, bytes).unwrap();
    fs::rename(new, path).unwrap();
}

/// A service in this process.
pub struct Host {
    pub runtime: Runtime,
    pub service: Arc<Service>,
}

impl Host {
    pub fn new(origin: Origin) -> Host {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let service = runtime.block_on(Service::new(origin, Stay::Serve));
        let service = Arc::new(service.unwrap());
        runtime.block_on(service.reload());
        Host { runtime, service }
    }

    pub fn reload(&self) {
        self.runtime.block_on(self.service.reload());
    }

    pub fn decide(&self, document: &Value) -> Decision {
        self.decide_as(document, "event", &Options::default())
    }

    /// As an event of a kind; by its nature, where none is given.
    pub fn decide_as<'a>(
        &self,
        document: &Value,
        kind: impl Into<Option<&'a str>>,
        options: &Options,
    ) -> Decision {
        let event = event(document, kind);
        self.runtime
            .block_on(self.service.decider.decide(event, options))
            .unwrap()
    }

    pub fn try_decide(&self, document: &Value) -> Result<Decision, DecideError> {
        let decider = &self.service.decider;
        self.runtime
            .block_on(decider.decide(event(document, "event"), &Options::default()))
    }

    /// What the only policy says to `{"act": …}`.
    pub fn act(&self, act: &str) -> PolicyDecision {
        let mut decision = self.decide(&json!({ "act": act }));
        assert_eq!(decision.policies.len(), 1, "{decision:#?}");
        decision.policies.remove(0)
    }

    /// Why a policy is not as its files say.
    pub fn error(&self, policy: &str) -> String {
        let generation = self.service.generations.current().unwrap();
        let member = generation
            .member(policy)
            .unwrap_or_else(|| panic!("no policy {policy}"));
        member.state.error().unwrap_or_default().to_owned()
    }

    pub fn state(&self, policy: &str) -> &'static str {
        self.service
            .generations
            .current()
            .unwrap()
            .member(policy)
            .unwrap()
            .state
            .as_str()
    }

    /// Waits until every policy starts from its snapshot.
    pub fn settle(&self) {
        wait_until("all policies start from snapshots", || {
            let generation = self.service.generations.current().unwrap();
            generation
                .members()
                .iter()
                .filter_map(|member| member.policy())
                .all(|policy| policy.is_snapshot())
        });
    }
}

/// Waits for a condition, for as long as a slow machine may need.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "waited too long until {what}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// `touchstone serve` as a process of its own.
pub struct Server {
    pub child: Child,
    pub url: String,
    agent: ureq::Agent,
}

impl Server {
    pub fn start(folder: &Folder, arguments: &[&str]) -> Server {
        let (policies, data) = (folder.path().join("policies"), folder.path().join("data"));
        let mut command = Command::new(TOUCHSTONE);
        command
            .arg("serve")
            .arg(policies)
            .arg("--data")
            .arg(data)
            .args(arguments);
        Server::spawn(&mut command)
    }

    /// With the folder's touchstone.yaml.
    pub fn with_config(folder: &Folder) -> Server {
        let mut command = Command::new(TOUCHSTONE);
        command
            .args(["serve", "--config"])
            .arg(folder.path().join("touchstone.yaml"));
        Server::spawn(&mut command)
    }

    pub fn spawn(command: &mut Command) -> Server {
        Server::spawn_heard(command, |line| eprintln!("{line}"))
    }

    /// Gives what the server logs to somebody, line by line.
    pub fn spawn_heard(command: &mut Command, hear: impl Fn(&str) + Send + 'static) -> Server {
        // Without a state of its own, it keeps none.
        if !command.get_args().any(|argument| argument == "--state") {
            command.args(["--state", "memory"]);
        }
        if !command.get_args().any(|argument| argument == "--cache") {
            command.arg("--cache").arg(cache());
        }
        command.args(["--listen", "127.0.0.1:0"]);
        let mut child = command
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = loop {
            let line = lines.next().expect("the server ended").unwrap();
            if let Some((_, url)) = line.split_once("listening on ") {
                break url.trim().to_owned();
            }
            hear(&line);
        };
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| hear(&line)));
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            // Sooner than the server, which ends what is idle for ten seconds.
            .max_idle_age(Duration::from_secs(5))
            .max_idle_connections(200)
            .max_idle_connections_per_host(200)
            .build()
            .new_agent();
        let server = Server { child, url, agent };
        wait_until("the server is ready", || server.get("/readyz").0 == 200);
        server
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        let mut answer = self
            .agent
            .get(format!("{}{path}", self.url))
            .call()
            .unwrap();
        (
            answer.status().as_u16(),
            answer.body_mut().read_to_string().unwrap(),
        )
    }

    pub fn get_json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path).1).unwrap()
    }

    pub fn post(&self, path: &str, body: &[u8]) -> (u16, Value) {
        self.post_with(path, body, &[])
    }

    pub fn post_with(&self, path: &str, body: &[u8], headers: &[(&str, &str)]) -> (u16, Value) {
        let request = self.agent.post(format!("{}{path}", self.url));
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        let mut answer = request.send(body).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        (
            answer.status().as_u16(),
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    pub fn delete(&self, path: &str) -> (u16, Value) {
        let call = self.agent.delete(format!("{}{path}", self.url)).call();
        let mut answer = call.unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        (
            answer.status().as_u16(),
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    /// Nothing, where there is no answer.
    pub fn try_post(&self, path: &str, body: &[u8]) -> Option<(u16, Value)> {
        let request = self.agent.post(format!("{}{path}", self.url));
        let mut answer = request.send(body).ok()?;
        let value = serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()?;
        Some((answer.status().as_u16(), value))
    }

    /// Ends it without a word.
    pub fn kill(&self) {
        self.signal("KILL");
    }

    /// The generation that is served now.
    pub fn generation(&self) -> String {
        self.get_json("/v1/generation")["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Sends a signal to this server alone.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program; answers its exit code, and what it wrote.
pub fn touchstone(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(TOUCHSTONE).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Resident memory of a process, in KiB.
pub fn resident(process: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
