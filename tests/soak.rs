//! A while like any other: load at seven tenths of what the host can do, over TLS, while policies and certificates change
//! and guests are slow; then an orderly end in the middle of it. A minute, or as many seconds as `SOAK_SECONDS` says.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "certificates.rs"]
#[allow(dead_code, reason = "shared by test programs that use different parts")]
mod certificates;
#[path = "receiver.rs"]
#[allow(dead_code, reason = "shared by test programs that use different parts")]
mod receiver;
#[path = "support.rs"]
#[allow(dead_code, reason = "shared by test programs that use different parts")]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use certificates::{Ca, ca, client, leaf, names, show};
use receiver::{Answer, Receiver};
use support::{Folder, Server, TOUCHSTONE, resident, wait_until};

/// Connections.
const CALLERS: u64 = 16;
/// How long it is measured what the host can do.
const MEASURED: Duration = Duration::from_secs(3);
/// What guests wait for outside.
const SLOW: u64 = 50;

/// What the callers share.
struct Load {
    url: String,
    client: reqwest::Client,
    sent: AtomicU64,
    /// Nobody sends any more.
    over: AtomicBool,
    /// The host is told to end: connections may close, answers may not be missing.
    ending: AtomicBool,
    /// The uids that were answered while it ended.
    answered: Mutex<BTreeSet<String>>,
    wrong: Mutex<Vec<String>>,
}

impl Load {
    /// One request of the mixture.
    async fn ask(&self) {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let uid = format!("soak-{number}");
        let (path, body, expected) = match number % 20 {
            0 => ("/v1/decide?kind=slow", json!({}), "allow"),
            1 => ("/v1/decide?kind=spinning", json!({"act": "loop"}), "deny"),
            odd if odd % 2 == 1 => (
                "/k8s/validate?timeout=10s",
                review(&uid, "nginx:1.27"),
                "true",
            ),
            _ => (
                "/k8s/validate?timeout=10s",
                review(&uid, "nginx:latest"),
                "false",
            ),
        };
        let request = self.client.post(format!("{}{path}", self.url));
        let answer = request.body(body.to_string()).send().await;
        let answer = match answer {
            Ok(answer) => {
                let status = answer.status().as_u16();
                let body = answer.bytes().await;
                body.map(|body| {
                    (
                        status,
                        serde_json::from_slice::<Value>(&body).unwrap_or_default(),
                    )
                })
            }
            // A connection that closes before it takes a request.
            Err(_) if self.ending.load(Ordering::Relaxed) => return,
            Err(error) => Err(error),
        };
        let found = match &answer {
            Ok((200, answer)) => match (&answer["verdict"], &answer["response"]["allowed"]) {
                (Value::String(verdict), _) => verdict.clone(),
                (_, allowed) => allowed.to_string(),
            },
            other => format!("{other:?}"),
        };
        if found != expected {
            self.wrong.lock().unwrap().push(format!("{path}: {found}"));
        } else if self.ending.load(Ordering::Relaxed) && path.starts_with("/k8s") {
            self.answered.lock().unwrap().insert(uid);
        }
    }

    /// Asks every so often, or without a rest.
    async fn keep_asking(self: Arc<Load>, every: Option<Duration>) {
        let mut next = tokio::time::Instant::now();
        while !self.over.load(Ordering::Relaxed) {
            if let Some(every) = every {
                next += every;
                tokio::time::sleep_until(next).await;
            }
            self.ask().await;
        }
    }
}

fn review(uid: &str, image: &str) -> Value {
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": uid, "operation": "CREATE", "namespace": "shop", "name": "web",
        "kind": {"group": "", "version": "v1", "kind": "Pod"}, "oldObject": null, "dryRun": false,
        "object": {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "web", "image": image}]}}}})
}

fn policies(folder: &Folder, receiver: &Receiver) {
    let registries = json!({"pinning": "tag", "registries": {"*": ["docker.io"]}});
    folder.policy(
        "source",
        "image-source",
        json!({"match": {"kinds": ["pod.review"]}, "settings": registries}),
    );
    let fetch = json!({"do": [{"fetch": {"url": format!("{}/slow", receiver.url)}}]});
    let grants = json!({"http": [{"pattern": format!("{}/*", receiver.url), "allowPrivate": true}],
        "patch": [], "webhook": [], "command": [], "queue": [], "notify": [], "store": []});
    folder.policy(
        "slow",
        "actor",
        json!({"match": {"kinds": ["slow"]}, "settings": fetch, "grants": grants}),
    );
    spinning(folder, 0);
}

/// With other settings each time.
fn spinning(folder: &Folder, version: u64) {
    folder.policy(
        "spinning",
        "misbehave",
        json!({"match": {"kinds": ["spinning"]}, "settings": {"version": version % 10}, "limits": {"time": "3ms"},
            "grants": {"data": ["version"], "clock": ["now"]}}),
    );
}

/// The server, and where it listens for TLS.
fn serve(folder: &Folder, state: &str) -> (Server, String) {
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&lines);
    let mut command = Command::new(TOUCHSTONE);
    command.args(["serve", "--log", "error,touchstone::cli=info", "--config"]);
    command.arg(folder.path().join("touchstone.yaml"));
    command.args(["--state", state]);
    let server = Server::spawn_heard(&mut command, move |line| {
        if line.contains("ERROR") {
            eprintln!("{line}");
        }
        heard.lock().unwrap().push(line.to_owned());
    });
    let mut url = None;
    wait_until("it listens for TLS", || {
        let lines = lines.lock().unwrap();
        let line = lines
            .iter()
            .find_map(|line| line.split_once("listening on https://127.0.0.1:"));
        url = line.map(|(_, port)| format!("https://localhost:{}", port.trim()));
        url.is_some()
    });
    (server, url.unwrap())
}

fn descriptors(server: &Server) -> usize {
    fs::read_dir(format!("/proc/{}/fd", server.child.id()))
        .unwrap()
        .count()
}

fn optimised(server: &Server) -> bool {
    let policies = server.get_json("/v1/policies");
    let mut policies = policies["policies"].as_array().unwrap().iter();
    policies.all(|policy| policy["snapshot"] == true)
}

/// Each second something changes; what is used is written down.
fn disturb(
    folder: &Folder,
    server: &Server,
    ca: &Ca,
    url: &str,
    seconds: u64,
) -> Vec<(u64, usize)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let start = Instant::now();
    (0..seconds)
        .map(|second| {
            std::thread::sleep(
                (start + Duration::from_secs(second + 1)).saturating_duration_since(Instant::now()),
            );
            match second % 4 {
                0 | 2 => spinning(folder, second),
                1 => drop(folder.data("v.json", &json!({"version": second}))),
                _ => {
                    show(folder.path(), &leaf(ca, &names(), 4000));
                    // Who comes anew is let in.
                    let asked = client(ca, None).get(format!("{url}/healthz"));
                    let answer = runtime.block_on(async { asked.send().await });
                    assert_eq!(answer.unwrap().status(), 200);
                }
            }
            (
                resident(&server.child.id().to_string()),
                descriptors(server),
            )
        })
        .collect()
}

#[test]
fn a_while_like_any_other() {
    let seconds: u64 = std::env::var("SOAK_SECONDS").map_or(60, |text| text.parse().unwrap());
    let receiver =
        Receiver::start(|_, _| Answer::Late(SLOW, Box::new(Answer::Status(200, "at last"))));
    let (folder, ca) = (Folder::new(), ca());
    policies(&folder, &receiver);
    show(folder.path(), &leaf(&ca, &names(), 4000));
    folder.config(
        json!({"tls": {"listen": "127.0.0.1:0", "certificate": "tls.crt", "key": "tls.key"}}),
    );
    let place = tempfile::tempdir().unwrap();
    let state = format!("sqlite:{}/state.db", place.path().display());
    let (mut server, url) = serve(&folder, &state);
    wait_until("all start from snapshots", || optimised(&server));
    let load = |sent: u64| {
        Arc::new(Load {
            url: url.clone(),
            client: client(&ca, None),
            sent: AtomicU64::new(sent),
            over: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            answered: Mutex::default(),
            wrong: Mutex::default(),
        })
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let begin = |load: &Arc<Load>, every: Option<Duration>| {
        for _ in 0..CALLERS {
            runtime.spawn(Arc::clone(load).keep_asking(every));
        }
    };
    let most = load(0);
    begin(&most, None);
    std::thread::sleep(MEASURED);
    most.over.store(true, Ordering::Relaxed);
    let rate = most.sent.load(Ordering::Relaxed) as f64 / MEASURED.as_secs_f64();
    assert_eq!(*most.wrong.lock().unwrap(), Vec::<String>::new());

    let load = load(most.sent.load(Ordering::Relaxed) + CALLERS);
    begin(
        &load,
        Some(Duration::from_secs_f64(CALLERS as f64 / (0.7 * rate))),
    );
    let used = disturb(&folder, &server, &ca, &url, seconds);
    let sent = load.sent.load(Ordering::Relaxed) - most.sent.load(Ordering::Relaxed);
    assert_eq!(*load.wrong.lock().unwrap(), Vec::<String>::new());

    // The least of a third is what is not there for a moment alone.
    let least = |third: &[(u64, usize)]| {
        let memory = third.iter().map(|(memory, _)| *memory).min().unwrap();
        (
            memory,
            third
                .iter()
                .map(|(_, descriptors)| *descriptors)
                .min()
                .unwrap(),
        )
    };
    let third = used.len() / 3;
    let (before, after) = (least(&used[third..2 * third]), least(&used[2 * third..]));
    println!(
        "{rate:.0} requests/s at most, {sent} in {seconds} s; KiB resident and descriptors: {before:?}, then {after:?}"
    );
    assert!(after.0 <= before.0 + before.0 / 20, "KiB: {used:?}");
    assert!(after.1 <= before.1 + 2, "descriptors: {used:?}");

    // The end, under full load.
    load.ending.store(true, Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(500));
    server.signal("TERM");
    let mut code = None;
    wait_until("the server ends", || {
        code = server.child.try_wait().unwrap();
        code.is_some()
    });
    assert_eq!(code.unwrap().code(), Some(0));
    load.over.store(true, Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(*load.wrong.lock().unwrap(), Vec::<String>::new());

    // What was decided was answered, and what was answered is kept.
    let (server, _) = serve(&folder, &state);
    let answered = load.answered.lock().unwrap().clone();
    assert!(answered.len() > 20, "{answered:?}");
    let first = *answered
        .iter()
        .map(|uid| number(uid))
        .collect::<BTreeSet<_>>()
        .first()
        .unwrap();
    let (mut kept, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let page = server.get_json(&format!("/v1/decisions?limit=500{cursor}"));
        let decisions = page["decisions"].as_array().unwrap();
        let ids = decisions
            .iter()
            .map(|decision| decision["event"]["id"].as_str().unwrap().to_owned());
        let before = kept.len();
        kept.extend(ids.filter(|id| id.starts_with("soak-") && number(id) >= first));
        match page["cursor"].as_str() {
            Some(next) if kept.len() > before => cursor = format!("&cursor={next}"),
            _ => break,
        }
    }
    let unanswered: Vec<&String> = kept.difference(&answered).collect();
    let unkept: Vec<&String> = answered.difference(&kept).collect();
    // Those that were under way when the book was opened are in it by chance.
    let late = |id: &&&String| number(id) > first + 4 * CALLERS;
    assert_eq!(
        unanswered.iter().filter(late).count(),
        0,
        "decided, not answered: {unanswered:?}"
    );
    assert_eq!(unkept.len(), 0, "answered, not kept: {unkept:?}");
}

fn number(uid: &str) -> u64 {
    uid.strip_prefix("soak-").unwrap().parse().unwrap()
}
