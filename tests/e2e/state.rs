//! The state under stress: killed at any moment, locked by somebody, on a full disk. What was acknowledged is durable, what
//! cannot be made durable is refused, and everything goes on by itself.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::receiver::{Answer, Receiver};
use crate::support::{Folder, Server, TOUCHSTONE, wait_until};

fn folder() -> Folder {
    let folder = Folder::new();
    let web = json!([{"pattern": "*", "allowPrivate": true}]);
    let grants = json!({"http": ["*"], "webhook": web, "store": ["*"], "command": ["*"], "queue": ["*"], "notify": ["*"]});
    folder.policy("actor", "actor", json!({ "grants": grants }));
    folder.config(json!({"outbox": {"first": "20ms", "most": "200ms", "timeout": "2s"}}));
    folder
}

/// A server without its state.
fn serve(folder: &Folder) -> Command {
    let mut command = Command::new(TOUCHSTONE);
    command
        .args([
            "serve",
            "--log",
            "error,touchstone::cli=info",
            "--no-watch",
            "--config",
        ])
        .arg(folder.path().join("touchstone.yaml"));
    command
}

fn start(folder: &Folder, state: &Path) -> Server {
    let mut command = serve(folder);
    command
        .arg("--state")
        .arg(format!("sqlite:{}", state.display()));
    Server::spawn(&mut command)
}

fn action(receiver: &Receiver, n: u64) -> Vec<u8> {
    let step = json!({"webhook": {"url": receiver.url, "body": {"n": n}}});
    json!({"do": [step]}).to_string().into_bytes()
}

/// What a receiver did that does each thing once, however often it is told.
#[derive(Default)]
struct Book {
    done: HashMap<String, Value>,
    told: usize,
    contradictions: usize,
}

/// Kills it two hundred times in the middle of its work, with a receiver that drops, fails, dawdles and breaks off.
#[test]
fn nothing_acknowledged_is_lost_however_often_it_is_killed() {
    let book: Arc<Mutex<Book>> = Arc::default();
    let kept = Arc::clone(&book);
    let receiver = Receiver::start(move |received, number| {
        let does_it = !matches!(number % 7, 1 | 2);
        let mut book = kept.lock().unwrap();
        book.told += 1;
        if does_it {
            let before = book.done.insert(received.key().to_owned(), received.json());
            book.contradictions +=
                usize::from(before.is_some_and(|before| before != received.json()));
        }
        match number % 7 {
            1 => Answer::Status(500, "broken"),
            2 => Answer::Drop,
            // These did it, and could not say so.
            3 => Answer::CutOff,
            4 => Answer::Late(40, Box::new(Answer::Drop)),
            5 => Answer::Late(15, Box::new(Answer::Status(200, ""))),
            _ => Answer::Status(200, ""),
        }
    });
    let folder = folder();
    let state = folder.path().join("state.db");
    let next = AtomicU64::new(0);
    let acknowledged: Mutex<HashMap<u64, String>> = Mutex::default();
    for round in 0..200_u64 {
        // It opens its state, whatever the last one left.
        let mut server = start(&folder, &state);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        if let Some((200, decision)) =
                            server.try_post("/v1/decide", &action(&receiver, n))
                        {
                            let id = decision["actions"][0]["id"].as_str().unwrap().to_owned();
                            acknowledged.lock().unwrap().insert(n, id);
                        }
                    }
                });
            }
            // Not the same moment twice.
            std::thread::sleep(Duration::from_micros(3_000 + (round * 7_919) % 60_000));
            server.kill();
            stop.store(true, Ordering::Relaxed);
        });
        server.child.wait().unwrap();
    }
    let server = start(&folder, &state);
    wait_until("everything is done", || {
        server.get_json("/v1/actions?state=due&limit=1")["actions"]
            .as_array()
            .unwrap()
            .is_empty()
    });
    assert!(
        server.get_json("/v1/actions?state=dead")["actions"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let (book, acknowledged) = (book.lock().unwrap(), acknowledged.into_inner().unwrap());
    for (n, id) in &acknowledged {
        assert_eq!(
            book.done.get(id),
            Some(&json!({ "n": n })),
            "{n} was acknowledged as {id}"
        );
    }
    // One key for each thing, one thing for each key.
    let things: HashSet<String> = book.done.values().map(ToString::to_string).collect();
    assert_eq!((things.len(), book.contradictions), (book.done.len(), 0));
    let (acknowledged, done, told) = (acknowledged.len(), book.done.len(), book.told);
    // Enough that some were in every state; a busy machine kills most servers early.
    assert!(acknowledged > 200, "{acknowledged}");
    let _ = writeln!(
        std::io::stderr(),
        "killed 200 times: {acknowledged} acknowledged, {done} done, {told} requests"
    );
}

fn locked(state: PathBuf) -> (tokio::runtime::Runtime, SqliteConnection) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let connection = runtime.block_on(async {
        let mut connection =
            SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(state))
                .await
                .unwrap();
        sqlx::raw_sql("BEGIN IMMEDIATE")
            .execute(&mut connection)
            .await
            .unwrap();
        connection
    });
    (runtime, connection)
}

fn kept(server: &Server) -> usize {
    server.get_json("/v1/decisions?limit=1000")["decisions"]
        .as_array()
        .unwrap()
        .len()
}

#[test]
fn a_locked_state_stops_what_must_be_durable_and_nothing_else() {
    let receiver = Receiver::fine();
    let folder = folder();
    let state = folder.path().join("state.db");
    let server = start(&folder, &state);
    assert_eq!(server.post("/v1/decide", &action(&receiver, 0)).0, 200);
    wait_until("the first is done", || receiver.count() == 1);
    let (runtime, connection) = locked(state);
    let (status, answer) = server.post("/v1/decide", &action(&receiver, 1));
    assert!(
        status == 503
            && answer["error"]
                .as_str()
                .unwrap()
                .starts_with("nothing was decided: the state cannot be"),
        "{answer}"
    );
    assert_eq!(
        server
            .post(
                "/v1/decide",
                &json!({"do": [{"put": ["k", 1]}]}).to_string().into_bytes()
            )
            .0,
        503
    );
    for _ in 0..50 {
        assert_eq!(server.post("/v1/decide", b"{\"do\":[]}").0, 200);
    }
    assert_eq!(
        server.post("/v1/decide", b"{\"do\":[\"deny\"]}").1["verdict"],
        "deny"
    );
    runtime.block_on(connection.close()).unwrap();
    wait_until("it can be written again", || {
        server.post("/v1/decide", &action(&receiver, 2)).0 == 200
    });
    wait_until("what was decided meanwhile is kept", || kept(&server) == 53);
    wait_until("the last is done", || receiver.count() == 2);
    let bodies: Vec<Value> = receiver
        .book()
        .iter()
        .map(|received| received.json())
        .collect();
    assert_eq!(bodies, [json!({"n": 0}), json!({"n": 2})]);
}

#[test]
fn a_full_disk_stops_what_must_be_durable_and_nothing_else() {
    let folder = folder();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let Some(_unmount) = mount(&disk, "4m", "a_full_disk_stops_…") else {
        return;
    };
    let receiver = Receiver::fine();
    let server = start(&folder, &disk.join("state.db"));
    assert_eq!(server.post("/v1/decide", &action(&receiver, 0)).0, 200);
    let filler = disk.join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    drop(file);
    // The last free pages of its files are used up first.
    wait_until("nothing more fits", || {
        server.post("/v1/decide", &action(&receiver, 1)).0 == 503
    });
    for _ in 0..50 {
        assert_eq!(server.post("/v1/decide", b"{\"do\":[]}").0, 200);
    }
    let before = receiver.count();
    assert_eq!(server.post("/v1/decide", &action(&receiver, 2)).0, 503);
    fs::remove_file(filler).unwrap();
    wait_until("it can be written again", || {
        server.post("/v1/decide", &action(&receiver, 3)).0 == 200
    });
    wait_until("the last is done", || {
        receiver.book().last().unwrap().json() == json!({"n": 3})
    });
    assert!(
        receiver.book()[before..]
            .iter()
            .all(|received| received.json() != json!({"n": 2}))
    );
    wait_until("what was decided meanwhile is kept", || kept(&server) >= 52);
}

/// Debian's libfaketime, of whatever architecture.
fn faketime() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten();
    let library = |folder: fs::DirEntry| folder.path().join("faketime/libfaketimeMT.so.1");
    folders.map(library).find(|library| library.exists())
}

/// Clocks are set: by a day forward, by a day back. What is decided and what rests goes on as before; times of decisions are
/// those of the clock.
#[test]
fn a_clock_that_is_set_holds_nothing_up() {
    let Some(faketime) = faketime() else {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED a_clock_that_is_set_…: Debian's libfaketime is not installed"
        );
        return;
    };
    let fails = Arc::new(AtomicBool::new(true));
    let failing = Arc::clone(&fails);
    let receiver = Receiver::start(move |_, _| match failing.load(Ordering::Relaxed) {
        true => Answer::Status(503, "not now"),
        false => Answer::Status(200, "done"),
    });
    let folder = folder();
    folder.config(
        json!({"outbox": {"first": "300ms", "most": "300ms", "timeout": "2s", "maxAge": "30d"}}),
    );
    let offset = folder.path().join("offset");
    fs::write(&offset, "+0").unwrap();
    let mut command = serve(&folder);
    command
        .env("LD_PRELOAD", faketime)
        .env("FAKETIME_TIMESTAMP_FILE", &offset)
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let server = Server::spawn(&mut command);
    assert_eq!(server.post("/v1/decide", &action(&receiver, 0)).0, 200);
    wait_until("it was tried", || receiver.count() >= 1);
    let mut tried = receiver.count();
    for shift in ["+1d", "-1d", "+0"] {
        fs::write(&offset, shift).unwrap();
        wait_until("it is tried again and again", || {
            receiver.count() > tried + 2
        });
        tried = receiver.count();
        let start = Instant::now();
        let (status, answer) = server.post("/v1/decide", b"{\"do\":[]}");
        assert_eq!(
            (status, &answer["verdict"]),
            (200, &json!("allow")),
            "{answer}"
        );
        let (_, undecided) = server.post("/v1/decide", b"{\"do\":[\"spin\"]}");
        assert_eq!(undecided["policies"][0]["verdict"], "indeterminate");
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{:?}",
            start.elapsed()
        );
        let time: jiff::Timestamp = answer["event"]["time"].as_str().unwrap().parse().unwrap();
        let ahead = time.duration_since(jiff::Timestamp::now()).as_secs_f64() / 86400.0;
        let expected = shift.trim_end_matches('d').parse::<f64>().unwrap();
        assert!((ahead - expected).abs() < 0.1, "{shift}: {ahead}");
    }
    fails.store(false, Ordering::Relaxed);
    wait_until("it is done", || {
        server.get_json("/v1/actions")["actions"][0]["state"] == "done"
    });
}

/// What cannot be cached is compiled again, and serves all the same.
#[test]
fn a_full_disk_under_the_cache_costs_time_only() {
    let folder = folder();
    let disk = folder.path().join("cache");
    fs::create_dir(&disk).unwrap();
    let Some(_unmount) = mount(&disk, "1m", "a_full_disk_under_the_cache_…") else {
        return;
    };
    let mut file = fs::File::create(disk.join("filler")).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    drop(file);
    for _ in 0..2 {
        let mut command = Command::new(TOUCHSTONE);
        command.arg("serve").arg(folder.path().join("policies"));
        command.arg("--cache").arg(&disk);
        let server = Server::spawn(&mut command);
        assert_eq!(server.post("/v1/decide", b"{\"do\":[]}").0, 200);
        wait_until("it starts from a snapshot", || {
            server.get_json("/v1/policies")["policies"][0]["snapshot"] == true
        });
    }
}

/// A small disk of its own; nothing, said so, where this user cannot have one.
fn mount(place: &Path, size: &str, test: &str) -> Option<Unmount> {
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
        .arg(place)
        .status();
    if mounted.is_ok_and(|status| status.success()) {
        return Some(Unmount(place.to_owned()));
    }
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED {test}: this user cannot mount a small disk"
    );
    None
}

struct Unmount(PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_strict_host_decides_nothing_that_it_cannot_keep() {
    let folder = folder();
    folder.config(json!({"audit": "strict"}));
    let state = folder.path().join("state.db");
    let server = start(&folder, &state);
    assert_eq!(server.post("/v1/decide", b"{\"do\":[]}").0, 200);
    assert_eq!(kept(&server), 1);
    let (runtime, connection) = locked(state);
    assert_eq!(server.post("/v1/decide", b"{\"do\":[]}").0, 503);
    runtime.block_on(connection.close()).unwrap();
    assert_eq!(server.post("/v1/decide", b"{\"do\":[]}").0, 200);
    assert_eq!(kept(&server), 2);
}

#[test]
fn a_stop_waits_for_what_is_being_done_and_keeps_the_rest() {
    let receiver =
        Receiver::start(|_, _| Answer::Late(400, Box::new(Answer::Status(200, "at last"))));
    let folder = folder();
    folder.config(json!({"outbox": {"concurrency": 2}}));
    let state = folder.path().join("state.db");
    let mut server = start(&folder, &state);
    for n in 0..5 {
        assert_eq!(server.post("/v1/decide", &action(&receiver, n)).0, 200);
    }
    wait_until("two are under way", || receiver.count() >= 2);
    server.signal("TERM");
    assert!(server.child.wait().unwrap().success());
    let begun = receiver.count();
    assert!(begun < 5, "{begun}");
    let server = start(&folder, &state);
    let actions = || server.get_json("/v1/actions")["actions"].clone();
    let done = |action: &Value| action["state"] == "done" && action["attempts"] == 1;
    assert!(
        actions()
            .as_array()
            .unwrap()
            .iter()
            .filter(|action| done(action))
            .count()
            >= begun
    );
    wait_until("all are done, each at the first attempt", || {
        actions().as_array().unwrap().iter().all(done)
    });
    assert_eq!(receiver.count(), 5);
}

#[test]
fn two_hosts_do_not_share_a_state() {
    let folder = folder();
    let state = folder.path().join("state.db");
    let _server = start(&folder, &state);
    let second = Command::new(TOUCHSTONE)
        .args(["serve", "--listen", "127.0.0.1:0", "--state"])
        .arg(format!("sqlite:{}", state.display()))
        .arg(folder.path().join("policies"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&second.stderr);
    assert!(
        second.status.code() == Some(3) && errors.contains("is used by another touchstone"),
        "{errors}"
    );
    for (state, expected) in [
        ("postgres://x", "write sqlite:FILE or memory"),
        ("sqlite:/proc/x/y.db", "/proc/x"),
    ] {
        let output = Command::new(TOUCHSTONE)
            .args(["serve", "--state", state])
            .arg(folder.path().join("policies"))
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.code() == Some(3) && errors.contains(expected),
            "{errors}"
        );
    }
}
