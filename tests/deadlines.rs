//! Answers leave before the caller's deadline, whatever the policies do. A program of its own, so that the processors are
//! there for the host.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "receiver.rs"]
#[allow(dead_code, reason = "shared by test programs that use different parts")]
mod receiver;
#[path = "support.rs"]
#[allow(dead_code, reason = "shared by test programs that use different parts")]
mod support;

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use receiver::{Answer, Receiver};
use support::{Folder, Server, wait_until};

/// What an API server waits for, here.
const TIMEOUT: Duration = Duration::from_secs(4);

/// As an API server does it: with the time that it waits in the address. All answers are there before that has passed.
#[test]
fn answers_leave_before_the_deadline() {
    let receiver =
        Receiver::start(|_, _| Answer::Late(60_000, Box::new(Answer::Status(200, "late"))));
    let folder = Folder::new();
    let limits = json!({"time": "20s", "wall": "40s"});
    let grants = json!({"http": [{"pattern": format!("{}/*", receiver.url), "allowPrivate": true}],
        "patch": [], "webhook": [], "command": [], "queue": [], "notify": [], "store": []});
    let fetch = json!([{"fetch": {"url": format!("{}/slow", receiver.url)}}]);
    for (policy, steps) in [("hanging", fetch), ("spinning", json!(["spin"]))] {
        let keys = json!({"settings": {"do": steps}, "grants": grants, "limits": limits});
        folder.policy(policy, "actor", keys);
    }
    let server = Server::start(&folder, &["--pool-instances", "200"]);
    wait_until("both start from snapshots", || {
        let policies = server.get_json("/v1/policies");
        let mut policies = policies["policies"].as_array().unwrap().iter();
        policies.all(|policy| policy["snapshot"] == true)
    });
    // Each kind of waiting by itself, so that what is computed in vain does not slow down what only waits.
    let waits = format!("it waited for {}", receiver.url);
    thousand(&server, "hanging", 160, 800, &waits);
    let computes = "it waited for the policy's own computing";
    thousand(&server, "spinning", 20, 200, computes);
}

/// So many tries by so many callers.
fn thousand(server: &Server, policy: &str, callers: u32, tries: u32, why: &str) {
    let body = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "operation": "CREATE", "namespace": "shop",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "object": {"spec": {"containers": [{"name": "web", "image": "nginx:1"}]}}}})
    .to_string();
    let path = format!("/k8s/validate/{policy}?timeout={}s", TIMEOUT.as_secs());
    let done = AtomicU32::new(0);
    let machine = Machine::default();
    std::thread::scope(|scope| {
        scope.spawn(|| machine.watch());
        let callers: Vec<_> = (0..callers)
            .map(|number| {
                let (done, path, body, machine) = (&done, &path, &body, &machine);
                scope.spawn(move || {
                    // Not all at the same moment: this process has to keep up, too.
                    std::thread::sleep(TIMEOUT * number / callers);
                    while done.fetch_add(1, Ordering::Relaxed) < tries {
                        ask(server, policy, path, body, why, machine);
                    }
                })
            })
            .collect();
        let ended = callers.into_iter().map(|caller| caller.join());
        let failed = ended.filter(Result::is_err).count();
        machine.ended.store(true, Ordering::Relaxed);
        assert_eq!(failed, 0, "callers that saw something else");
    });
}

fn ask(server: &Server, policy: &str, path: &str, body: &str, why: &str, machine: &Machine) {
    let start = Instant::now();
    let (status, answer) = server.post(path, body.as_bytes());
    let elapsed = start.elapsed();
    let lost = machine.lost();
    assert!(
        elapsed < TIMEOUT + lost,
        "{policy}: {elapsed:?} of {TIMEOUT:?}, of which the machine stood still for {lost:?}"
    );
    let response = &answer["response"];
    assert_eq!(
        (status, &response["allowed"]),
        (200, &json!(false)),
        "{answer}"
    );
    let message = response["status"]["message"].as_str().unwrap();
    assert!(
        message.contains("before the caller's deadline") && message.contains(why),
        "{message}"
    );
    let broken = &response["auditAnnotations"]["indeterminate"];
    assert_eq!(*broken, format!("{policy} (deadline)"));
}

/// A virtual machine may stand still, which no process can help: somebody who only sleeps notices.
#[derive(Default)]
struct Machine {
    ended: AtomicBool,
    lost: AtomicU64,
}

impl Machine {
    fn watch(&self) {
        let nap = Duration::from_millis(5);
        while !self.ended.load(Ordering::Relaxed) {
            let start = Instant::now();
            std::thread::sleep(nap);
            let late = start.elapsed().saturating_sub(nap).as_millis() as u64;
            self.lost.fetch_max(late, Ordering::Relaxed);
        }
    }

    /// The longest that it stood still so far; what every process has to bear does not count.
    fn lost(&self) -> Duration {
        let lost = Duration::from_millis(self.lost.load(Ordering::Relaxed));
        lost.saturating_sub(Duration::from_millis(50))
    }
}
