//! A mail server: `mail_server.py`, on two ports of its own choice.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::root;

/// Debian's own, which has Debian's packages.
const PYTHON: &str = "/usr/bin/python3";

/// Who may use the port that wants a login.
pub const USER: &str = "touchstone";
pub const PASSWORD: &str = "correct-horse-battery";

pub struct MailServer {
    /// For anybody.
    pub open: u16,
    /// For who logs in.
    pub login: u16,
    heard: Arc<Mutex<Vec<Value>>>,
    process: Mutex<Child>,
}

impl MailServer {
    pub fn is_installed() -> bool {
        let found = Command::new(PYTHON)
            .args(["-c", "import aiosmtpd"])
            .stderr(Stdio::null())
            .status();
        found.is_ok_and(|status| status.success())
    }

    pub fn start() -> Result<MailServer, String> {
        let mut process = Command::new(PYTHON)
            .args(["-W", "ignore"])
            .arg(root().join("tests/services/mail_server.py"))
            .args([USER, PASSWORD])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{PYTHON}: {error}"))?;
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut said = lines
            .map_while(Result::ok)
            .map(|line| serde_json::from_str::<Value>(&line).unwrap());
        let Some(first) = said.next() else {
            let _ = process.wait();
            return Err("it ended".to_owned());
        };
        let port = |name: &str| first["ports"][name].as_u64().unwrap().try_into().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let server = MailServer {
            open: port("open"),
            login: port("login"),
            heard: Arc::clone(&heard),
            process: Mutex::new(process),
        };
        std::thread::spawn(move || said.for_each(|what| heard.lock().unwrap().push(what)));
        Ok(server)
    }

    pub fn stop(&self) {
        let mut process = self.process.lock().unwrap();
        let _ = process.kill();
        let _ = process.wait();
    }

    /// What came for an address, and what was answered, in that order.
    pub fn heard(&self, address: &str) -> Vec<Value> {
        let heard = self.heard.lock().unwrap();
        let to = |what: &&Value| what["to"][0] == address;
        heard.iter().filter(to).cloned().collect()
    }
}
