//! The `notify` action: a mail that a policy staged arrives, is tried again or given up, and tells no secret.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::mail_server::{MailServer, PASSWORD, USER};
use crate::service::{Test, beside_others};
use crate::serving::{Running, Touchstone};

pub const TESTS: &[Test<MailServer>] = &[
    beside_others("a mail arrives whole", arrives),
    beside_others(
        "a mail that is refused for now is tried again under the same Message-ID",
        refused_for_now,
    ),
    beside_others("a mail that is refused for good is given up", refused),
    beside_others("a login is told to nobody", login),
    beside_others("a server that repeats the password is not quoted", talk),
    beside_others("a mail waits for a server that is down", down),
];

const SUBJECT: &str = "Prüfung fehlgeschlagen: nginx – 3 Lücken ♥";
const TEXT: &str = "Guten Tag,\n\nnginx:1 hat Lücken.\n.\nEin Punkt allein endet nichts.\n";

/// touchstone.yaml with one mail server, which asks for no login.
fn mail(port: u16) -> Value {
    json!({"mail": {"ops": {"host": "127.0.0.1", "port": port, "tls": "none", "from": "touchstone@example.com"}}})
}

/// The same, with a login whose password is in the environment.
fn mail_with_login(port: u16) -> Value {
    let mut config = mail(port);
    config["mail"]["ops"]["user"] = json!(USER);
    config["mail"]["ops"]["password"] = json!({"env": "MAIL_PASSWORD"});
    config
}

/// Everything but how policies are compiled.
const LOG: &str =
    "trace,cranelift_codegen=warn,regalloc2=warn,wasmtime=warn,wasmtime_internal_cranelift=warn";

fn send(server: &Running, to: &str) -> String {
    server.act(json!({"notify": {"to": to, "subject": SUBJECT, "text": TEXT}}))
}

fn arrives(mail_server: &MailServer) {
    let place = Touchstone::new();
    let server = place.serve(mail(mail_server.open));
    let to = "security@example.com";
    let id = send(&server, to);
    let story = server.await_state(&id, "done");
    assert_eq!(
        (&story["target"], &story["attempts"]),
        (&json!(to), &json!(1)),
        "{story}"
    );
    let [came] = mail_server.heard(to).try_into().unwrap();
    let headers = &came["headers"];
    assert_eq!(came["sender"], "touchstone@example.com");
    assert_eq!(headers["From"], "touchstone@example.com");
    assert_eq!(headers["To"], to);
    assert_eq!(headers["Subject"], SUBJECT);
    assert!(headers["Message-ID"].as_str().unwrap().contains('@'));
    assert!(headers["Date"].is_string(), "{headers}");
    // Lines of a mail end with CR and LF.
    let text = came["text"].as_str().unwrap().replace("\r\n", "\n");
    assert_eq!(text.trim_end(), TEXT.trim_end());
    server.stop();
}

fn refused_for_now(mail_server: &MailServer) {
    let place = Touchstone::new();
    let server = place.serve(mail(mail_server.open));
    for (to, reason) in [
        ("greylisted@example.com", "451"),
        ("full@example.com", "452"),
    ] {
        let id = send(&server, to);
        let story = server.await_state(&id, "done");
        let history = story["history"].as_array().unwrap();
        assert_eq!(history.len(), 3, "{story}");
        for attempt in &history[..2] {
            assert_eq!(attempt["state"], "due", "{attempt}");
            let detail = attempt["detail"].as_str().unwrap();
            assert!(detail.contains(reason), "{attempt}");
        }
        let came = mail_server.heard(to);
        assert_eq!(came.len(), 3, "{came:?}");
        assert!(came[2]["answer"].as_str().unwrap().starts_with("250"));
        // Only those that came as far as that.
        let whole: Vec<&Value> = came
            .iter()
            .filter_map(|came| came.pointer("/headers/Message-ID"))
            .collect();
        assert!(whole.iter().all(|id| *id == whole[0]), "{whole:?}");
    }
    server.stop();
}

fn refused(mail_server: &MailServer) {
    let place = Touchstone::new();
    let server = place.serve(mail(mail_server.open));
    let id = send(&server, "nobody@example.com");
    let story = server.await_state(&id, "dead");
    let detail = story["detail"].as_str().unwrap();
    assert!(
        detail.contains("550") && detail.contains("There is no such user"),
        "{story}"
    );
    assert_eq!(story["attempts"], 1, "{story}");
    // The connection serves the next mail.
    let id = send(&server, "after-nobody@example.com");
    server.await_state(&id, "done");
    server.stop();
}

fn login(mail_server: &MailServer) {
    let place = Touchstone::new();
    let variables = [("MAIL_PASSWORD", PASSWORD), ("TOUCHSTONE_LOG", LOG)];
    let server = place.serve_with(mail_with_login(mail_server.login), &variables);
    let to = "login@example.com";
    let id = send(&server, to);
    server.await_state(&id, "done");
    let [came] = mail_server.heard(to).try_into().unwrap();
    assert_eq!(came["user"], USER);
    assert_not_told(&place, server, &id);
}

fn talk(mail_server: &MailServer) {
    let place = Touchstone::new();
    let wrong = "wrong-horse-battery";
    let variables = [("MAIL_PASSWORD", wrong), ("TOUCHSTONE_LOG", LOG)];
    let server = place.serve_with(mail_with_login(mail_server.login), &variables);
    let id = send(&server, "talk@example.com");
    let story = server.await_action(&id, "tried", |story| story["attempts"] == 1);
    let detail = story["detail"].as_str().unwrap();
    assert!(
        detail.contains("535") && detail.contains("cannot log in with"),
        "{story}"
    );
    assert_not_told(&place, server, &id);
}

/// No password, plain or as it is sent, in what is answered, logged or kept.
fn assert_not_told(place: &Touchstone, server: Running, action: &str) {
    let base64 = base64::engine::general_purpose::STANDARD;
    let mut told = vec![
        ("decisions", json!(server.decisions()).to_string()),
        ("actions", json!(server.actions()).to_string()),
        ("action", server.action(action).to_string()),
        ("generation", server.get("/v1/generation").1),
        ("metrics", server.get("/metrics").1),
        ("log", server.log()),
    ];
    for name in ["state.db", "state.db-wal"] {
        let bytes = std::fs::read(place.folder.path().join(name)).unwrap();
        told.push((name, String::from_utf8_lossy(&bytes).into_owned()));
    }
    assert!(server.log().contains("TRACE"), "nothing was logged");
    server.stop();
    for password in [PASSWORD, "wrong-horse-battery"] {
        let plain = base64.encode(format!("\0{USER}\0{password}"));
        let secrets = [password.to_owned(), base64.encode(password), plain];
        for (place, text) in &told {
            for line in text.lines() {
                let found = secrets.iter().find(|secret| line.contains(*secret));
                assert_eq!(found, None, "{place}: {line}");
            }
        }
    }
}

fn down(mail_server: &MailServer) {
    let place = Touchstone::new();
    // Nobody listens there.
    let server = place.serve(mail(1));
    let to = "waiting@example.com";
    let id = send(&server, to);
    server.await_failure(&id);
    // A name may come to mean another server while the action waits.
    let mut config = mail(mail_server.open);
    config["outbox"] = json!({"first": "50ms", "most": "500ms"});
    place.folder.config(config);
    server.await_state(&id, "done");
    assert_eq!(mail_server.heard(to).len(), 1);
    server.stop();
}
