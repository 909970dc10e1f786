//! `touchstone serve` with a touchstone.yaml and a state that stays when it ends.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::support::{Folder, Server, TOUCHSTONE, wait_until};

/// Everything that is on the disk.
pub struct Touchstone {
    pub folder: Folder,
}

impl Touchstone {
    /// With the guest that does what the event says, and may do anything.
    pub fn new() -> Touchstone {
        let folder = Folder::new();
        let names = ["http", "store", "webhook", "command", "queue", "notify"];
        let grants = names.map(|name| (name.to_owned(), json!(["*"])));
        folder.policy(
            "actor",
            "actor",
            json!({"grants": Value::Object(grants.into_iter().collect())}),
        );
        Touchstone { folder }
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    /// Serves under these keys of touchstone.yaml.
    pub fn serve(&self, config: Value) -> Running {
        self.serve_with(config, &[])
    }

    /// Serves with these environment variables.
    pub fn serve_with(&self, mut config: Value, variables: &[(&str, &str)]) -> Running {
        config["outbox"] = json!({"first": "50ms", "most": "500ms"});
        self.folder.config(config);
        let mut command = Command::new(TOUCHSTONE);
        command
            .args(["serve", "--config"])
            .arg(self.folder.path().join("touchstone.yaml"))
            .arg("--state")
            .arg(format!("sqlite:{}", self.state().display()))
            .envs(variables.iter().copied());
        let log = Arc::new(Mutex::new(String::new()));
        let lines = Arc::clone(&log);
        let server = Server::spawn_heard(&mut command, move |line| {
            let mut log = lines.lock().unwrap();
            log.push_str(line);
            log.push('\n');
        });
        SERVING.lock().unwrap().insert(server.child.id());
        Running { server, log }
    }
}

/// The processes that serve now, by their ids.
static SERVING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Ends every process, when there is no time to end the tests.
pub fn kill_all() {
    for id in SERVING.lock().unwrap().iter() {
        let _ = kill(Pid::from_raw((*id).try_into().unwrap()), Signal::SIGKILL);
    }
}

/// A process that serves. What it logged is shown when its test fails.
pub struct Running {
    server: Server,
    log: Arc<Mutex<String>>,
}

impl Deref for Running {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        SERVING.lock().unwrap().remove(&self.server.child.id());
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

impl Running {
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Every decision that is kept, the newest first.
    pub fn decisions(&self) -> Vec<Value> {
        self.all("/v1/decisions", "decisions")
    }

    /// Every action, the newest first.
    pub fn actions(&self) -> Vec<Value> {
        self.all("/v1/actions", "actions")
    }

    fn all(&self, path: &str, list: &str) -> Vec<Value> {
        let mut all = Vec::new();
        let mut next = format!("{path}?limit=1000");
        loop {
            let mut page = self.get_json(&next);
            all.append(page[list].as_array_mut().unwrap());
            next = match &page["cursor"] {
                Value::Null => return all,
                Value::String(cursor) => format!("{path}?limit=1000&cursor={cursor}"),
                cursor => format!("{path}?limit=1000&cursor={cursor}"),
            };
        }
    }

    /// Has a step taken, and answers the action that comes of it.
    pub fn act(&self, step: Value) -> String {
        let (status, decision) =
            self.post("/v1/decide", json!({ "do": [step] }).to_string().as_bytes());
        assert_eq!(status, 200, "{decision}");
        let findings = &decision["policies"][0]["findings"];
        assert_eq!(findings[0]["message"], "ok", "{decision}");
        decision["actions"][0]["id"].as_str().unwrap().to_owned()
    }

    pub fn action(&self, id: &str) -> Value {
        self.get_json(&format!("/v1/actions/{id}"))
    }

    /// Waits until an action is where it should be.
    pub fn await_action(&self, id: &str, what: &str, there: impl Fn(&Value) -> bool) -> Value {
        let mut story = Value::Null;
        wait_until(&format!("action {id} is {what}"), || {
            story = self.action(id);
            there(&story)
        });
        story
    }

    pub fn await_state(&self, id: &str, state: &str) -> Value {
        self.await_action(id, state, |story| story["state"] == state)
    }

    /// Waits until an action has failed, and will be tried again.
    pub fn await_failure(&self, id: &str) -> Value {
        let failed = |story: &Value| story["attempts"].as_u64() > Some(0);
        let story = self.await_action(id, "tried", failed);
        assert_eq!(story["state"], "due", "{story}");
        story
    }

    /// How many messages of a queue this process has brought to this end: `decided`, `seen` or `dead`.
    pub fn messages(&self, queue: &str, result: &str) -> u64 {
        let start = format!("touchstone_messages_total{{queue=\"{queue}\",result=\"{result}\"}} ");
        let metrics = self.get("/metrics").1;
        let count = metrics.lines().find_map(|line| line.strip_prefix(&start));
        count.map_or(0, |count| count.parse().unwrap())
    }

    /// Ends the process in order.
    pub fn stop(mut self) {
        self.signal("TERM");
        let mut ended = None;
        wait_until("the server ends", || {
            ended = self.server.child.try_wait().unwrap();
            ended.is_some()
        });
        assert_eq!(ended.unwrap().code(), Some(0));
    }

    /// Ends the process as a power failure does.
    pub fn kill(mut self) {
        self.server.child.kill().unwrap();
        self.server.child.wait().unwrap();
    }
}
