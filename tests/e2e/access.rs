//! Who reaches the endpoint, and what for: TLS, certificates of clients, tokens and their scopes.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;

use crate::certificates::{Ca, Leaf, ca, client, leaf, names, own_address, show};
use crate::support::{Folder, Server, TOUCHSTONE, wait_until};

/// A server with a TLS listener on every address.
struct Secured {
    folder: Folder,
    server: Server,
    port: u16,
    runtime: Runtime,
    ca: Ca,
}

impl Secured {
    fn start(tls: Value, access: Value) -> Secured {
        let (folder, ca) = (Folder::new(), ca());
        let keys = json!({"grants": {"data": [], "clock": []}, "match": {"kinds": ["event"]}});
        folder.policy("p", "misbehave", keys);
        show(folder.path(), &leaf(&ca, &names(), 4000));
        let mut all = json!({"listen": "0.0.0.0:0", "certificate": "tls.crt", "key": "tls.key"});
        all.as_object_mut()
            .unwrap()
            .extend(tls.as_object().unwrap().clone());
        folder.config(json!({"tls": all, "access": access}));
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let heard = Arc::clone(&lines);
        let mut command = Command::new(TOUCHSTONE);
        command
            .args(["serve", "--config"])
            .arg(folder.path().join("touchstone.yaml"));
        let server = Server::spawn_heard(&mut command, move |line| {
            heard.lock().unwrap().push(line.to_owned())
        });
        let mut port = None;
        wait_until("it listens for TLS", || {
            let lines = lines.lock().unwrap();
            let found = lines.iter().find_map(|line| {
                Some(
                    line.split_once("listening on https://0.0.0.0:")?
                        .1
                        .to_owned(),
                )
            });
            port = found.and_then(|text| text.trim().parse().ok());
            port.is_some()
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        Secured {
            folder,
            server,
            port: port.unwrap(),
            runtime,
            ca,
        }
    }

    fn client(&self, shown: Option<&Leaf>) -> reqwest::Client {
        client(&self.ca, shown)
    }

    /// The status, or what the connection failed by.
    fn ask(
        &self,
        client: &reqwest::Client,
        host: &str,
        path: &str,
        token: Option<&str>,
    ) -> Result<u16, String> {
        let url = format!("https://{host}:{}{path}", self.port);
        let request = match path {
            "/v1/decide" => client.post(url).body(r#"{"act": "nothing"}"#),
            path if path.ends_with("/retry") => client.post(url),
            path if path.starts_with("/v1/evidence?") => client.delete(url),
            _ => client.get(url),
        };
        let request = token
            .into_iter()
            .fold(request, |request, token| request.bearer_auth(token));
        let answer = self.runtime.block_on(async { request.send().await });
        answer
            .map(|answer| answer.status().as_u16())
            .map_err(|error| format!("{error:?}"))
    }
}

#[test]
fn a_new_certificate_is_shown_and_a_bad_one_is_not() {
    let secured = Secured::start(json!({}), json!({}));
    let client = secured.client(None);
    assert_eq!(
        secured.ask(&client, "localhost", "/v1/decide", None),
        Ok(200)
    );
    // A connection that stays while certificates come and go.
    let other = ca();
    let foreign = || leaf(&other, &names(), 4000);
    let error = || {
        secured.server.get_json("/v1/generation")["configError"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    fs::write(secured.folder.path().join("tls.crt"), "no certificate").unwrap();
    wait_until("the bad one is told", || error().contains("tls.crt"));
    assert_eq!(
        secured.ask(&secured.client(None), "localhost", "/v1/decide", None),
        Ok(200)
    );
    assert_eq!(
        secured.ask(&client, "localhost", "/v1/decide", None),
        Ok(200)
    );
    show(secured.folder.path(), &foreign());
    // Who trusts the first CA alone does not trust what is shown now.
    wait_until("the new one is shown", || {
        secured
            .ask(&secured.client(None), "localhost", "/v1/decide", None)
            .is_err()
    });
    assert_eq!(error(), "");
    assert_eq!(
        secured.ask(&client, "localhost", "/v1/decide", None),
        Ok(200)
    );
    // Whatever else is wrong.
    let yaml = secured.folder.path().join("touchstone.yaml");
    fs::write(&yaml, "unknown: 1\n").unwrap();
    wait_until("the mistake is told", || error().contains("unknown"));
    show(secured.folder.path(), &leaf(&secured.ca, &names(), 4000));
    wait_until("it is trusted again", || {
        secured.ask(&secured.client(None), "localhost", "/v1/decide", None) == Ok(200)
    });
    assert!(error().contains("unknown"), "{}", error());
}

#[test]
fn only_certificates_of_the_client_ca_connect() {
    let clients = ca();
    let trusted = tempfile::NamedTempFile::new().unwrap();
    fs::write(trusted.path(), clients.pem()).unwrap();
    let none = || json!([]);
    for mode in ["required", "optional"] {
        let tls = json!({"clientCa": [trusted.path()], "clients": mode});
        let access = json!({"loopback": none(), "anonymous": none(), "certificates": ["decide"]});
        let secured = Secured::start(tls, access);
        let ask = |leaf: Option<&Leaf>, path: &str| {
            secured.ask(&secured.client(leaf), "localhost", path, None)
        };
        let name = ["client".to_owned()];
        let known = leaf(&clients, &name, 4000);
        assert_eq!(
            ask(Some(&known), "/v1/decide"),
            Ok(401),
            "from this machine, it is what this machine may"
        );
        if let Some(address) = own_address() {
            let client = secured.client(Some(&known));
            let host = address.to_string();
            assert_eq!(secured.ask(&client, &host, "/v1/decide", None), Ok(200));
            assert_eq!(secured.ask(&client, &host, "/v1/decisions", None), Ok(401));
        }
        for (what, shown) in [
            ("of another CA", leaf(&ca(), &name, 4000)),
            ("that has expired", leaf(&clients, &name, 2020)),
        ] {
            assert!(
                ask(Some(&shown), "/healthz").is_err(),
                "a certificate {what}"
            );
        }
        let without = ask(None, "/healthz");
        assert_eq!(without.is_ok(), mode == "optional", "{without:?}");
    }
}

fn hash(token: &str) -> String {
    Sha256::digest(token)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn tokens_open_what_they_are_good_for() {
    let tokens = json!([
        {"name": "ci", "sha256": hash("for-ci"), "scopes": ["decide", "read"]},
        {"name": "ops", "sha256": hash("for-ops"), "scopes": ["admin", "write"]}]);
    let secured = Secured::start(json!({}), json!({"tokens": tokens, "loopback": []}));
    let client = secured.client(None);
    let ask =
        |path: &str, token: Option<&str>| secured.ask(&client, "localhost", path, token).unwrap();
    let retry = "/v1/actions/019a0000-0000-7000-8000-000000000001/retry";
    for (path, without, ci, ops) in [
        ("/healthz", 200, 200, 200),
        ("/readyz", 200, 200, 200),
        ("/v1/decide", 401, 200, 403),
        ("/v1/decisions", 401, 200, 403),
        ("/metrics", 401, 200, 403),
        ("/v1/evidence", 401, 200, 403),
        ("/v1/evidence?digest=sha256:00", 401, 403, 400),
        (retry, 401, 403, 404),
        ("/v1/waivers/x", 401, 404, 403),
    ] {
        assert_eq!(ask(path, None), without, "{path}");
        assert_eq!(ask(path, Some("for-ci")), ci, "{path}");
        assert_eq!(ask(path, Some("for-ops")), ops, "{path}");
    }
    for wrong in ["", "for-c", "for-ci2", &hash("for-ci")] {
        assert_eq!(ask("/v1/decide", Some(wrong)), 401, "{wrong}");
    }
    // A token that was taken away is none, from the next request on.
    let config = secured.folder.path().join("touchstone.yaml");
    let text = fs::read_to_string(&config).unwrap();
    crate::support::replace(
        &config,
        text.replace(&hash("for-ci"), &hash("another")).as_bytes(),
    );
    wait_until("the token is no more", || {
        ask("/v1/decide", Some("for-ci")) == 401
    });
    assert_eq!(ask("/v1/decide", Some("another")), 200);
}

#[test]
fn without_a_token_others_may_have_events_judged_and_nothing_else() {
    let Some(address) = own_address() else {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: this machine has no address but its loopback"
        );
        return;
    };
    let secured = Secured::start(json!({}), json!({}));
    let client = secured.client(None);
    let (host, retry) = (
        address.to_string(),
        "/v1/actions/019a0000-0000-7000-8000-000000000001/retry",
    );
    for (path, here, there) in [
        ("/healthz", 200, 200),
        ("/v1/decide", 200, 200),
        ("/v1/decisions", 200, 401),
        ("/v1/evidence?digest=sha256:00", 400, 401),
        (retry, 404, 401),
    ] {
        assert_eq!(
            secured.ask(&client, "localhost", path, None),
            Ok(here),
            "{path}"
        );
        assert_eq!(secured.ask(&client, &host, path, None), Ok(there), "{path}");
    }
}

#[test]
fn who_says_nothing_in_a_handshake_holds_nobody() {
    let secured = Secured::start(json!({}), json!({}));
    let silent: Vec<TcpStream> = (0..50)
        .map(|_| TcpStream::connect(("127.0.0.1", secured.port)).unwrap())
        .collect();
    let mut plain = TcpStream::connect(("127.0.0.1", secured.port)).unwrap();
    plain
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "no TLS, no answer");
    assert_eq!(
        secured.ask(&secured.client(None), "localhost", "/v1/decide", None),
        Ok(200)
    );
    drop(silent);
}

#[test]
fn requests_have_names_and_headers_have_bounds() {
    let folder = Folder::new();
    folder.policy(
        "p",
        "misbehave",
        json!({"grants": {"data": [], "clock": []}}),
    );
    let server = Server::start(&folder, &[]);
    let raw = |text: &str| {
        let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    };
    let get = |headers: &str| {
        raw(&format!(
            "GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n{headers}\r\n"
        ))
    };
    assert!(get("x-request-id: build-7\r\n").contains("x-request-id: build-7\r\n"));
    let own = get("");
    assert!(own.contains("x-request-id: 0"), "{own}");
    let long = get(&format!("x: {}\r\n", "y".repeat(200_000)));
    assert!(
        long.is_empty() || long.starts_with("HTTP/1.1 431"),
        "{long:.100}"
    );
    let many = get(&"x: y\r\n".repeat(200));
    assert!(
        many.is_empty() || many.starts_with("HTTP/1.1 431"),
        "{many:.100}"
    );
}

#[test]
fn policies_that_anybody_may_write_are_not_served() {
    let folder = Folder::new();
    folder.policy(
        "p",
        "misbehave",
        json!({"grants": {"data": [], "clock": []}}),
    );
    let policies = folder.path().join("policies");
    for open in [policies.clone(), policies.join("p")] {
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        let output = Command::new(TOUCHSTONE)
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--state",
                "memory",
                "--no-cache",
            ])
            .arg(&policies)
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{error}");
        assert!(
            error.contains(&format!("anybody may write to {}", open.display())),
            "{error}"
        );
        let server = Server::start(&folder, &["--allow-writable"]);
        assert_eq!(server.post("/v1/decide", br#"{"act": "nothing"}"#).0, 200);
        drop(server);
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
    }
    // Nor is what comes later, or deeper.
    let keys = |version: u32| json!({"name": "q", "settings": {"version": version}, "grants": {"data": [], "clock": []}});
    let team = policies.join("team");
    folder.policy("team/q", "misbehave", keys(1));
    let server = Server::start(&folder, &[]);
    let state = |name: &str| {
        let policy = server.get_json(&format!("/v1/policies/{name}"));
        (policy["state"].clone(), policy["error"].to_string())
    };
    assert_eq!(state("q").0, "ready");
    fs::set_permissions(&team, fs::Permissions::from_mode(0o777)).unwrap();
    folder.yaml("team/q", keys(2));
    wait_until("what was good before serves", || state("q").0 == "stale");
    assert!(
        state("q").1.contains("anybody may write to"),
        "{}",
        state("q").1
    );
    fs::set_permissions(&team, fs::Permissions::from_mode(0o755)).unwrap();
    wait_until("it is taken up", || state("q").0 == "ready");
}

#[test]
fn what_is_wrong_with_tls_or_tokens_is_told_at_the_start() {
    let folder = Folder::new();
    let (first, second) = (leaf(&ca(), &names(), 4000), leaf(&ca(), &names(), 4000));
    show(folder.path(), &first);
    fs::write(folder.path().join("other.key"), second.key.serialize_pem()).unwrap();
    let tls = |key: &str, more: Value| {
        let mut tls = json!({"listen": "127.0.0.1:0", "certificate": "tls.crt", "key": key});
        tls.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({"tls": tls})
    };
    let token = |token: Value| json!({"access": {"tokens": token}});
    let good = json!({"name": "a", "sha256": hash("x"), "scopes": ["read"]});
    for (config, expected) in [
        (tls("none.key", json!({})), "none.key"),
        (tls("tls.crt", json!({})), "tls.crt"),
        (tls("other.key", json!({})), "tls.crt"),
        (
            tls("tls.key", json!({"clientCa": ["tls.key"]})),
            "no certificate in PEM",
        ),
        (tls("tls.key", json!({"clients": "perhaps"})), "perhaps"),
        (
            tls("tls.key", json!({"clients": "required"})),
            "without tls.clientCa",
        ),
        (
            token(json!([{"name": "a", "sha256": "x", "scopes": []}])),
            "64 hexadecimal digits",
        ),
        (token(json!([good, good])), "a stands twice"),
        (
            token(json!([{"name": "a", "sha256": hash("x"), "scopes": ["all"]}])),
            "all",
        ),
    ] {
        folder.config(config.clone());
        let output = Command::new(TOUCHSTONE)
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--state",
                "memory",
                "--no-cache",
                "--config",
            ])
            .arg(folder.path().join("touchstone.yaml"))
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{config}: {error}");
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

/// To have something judged is not to say what others are judged by.
#[test]
fn reports_of_those_who_may_not_write_are_judged_and_forgotten() {
    let folder = Folder::new();
    folder.policy(
        "p",
        "severity-threshold",
        json!({"grants": {"clock": []}, "match": {"kinds": ["image.scanned"]}}),
    );
    folder.config(json!({"access": {"loopback": ["decide", "read"],
        "tokens": [{"name": "ci", "sha256": hash("for-ci"), "scopes": ["write"]}]}}));
    let server = Server::with_config(&folder);
    let report = json!({"SchemaVersion": 2, "CreatedAt": "2026-01-02T03:04:05Z", "ArtifactName": "registry.example.com/web:1",
        "ArtifactType": "container_image", "Results": [{"Target": "web", "Class": "os-pkgs", "Type": "debian", "Vulnerabilities": [
            {"VulnerabilityID": "CVE-1", "PkgName": "a", "InstalledVersion": "1", "Severity": "CRITICAL"}]}]});
    let report = report.to_string();
    let kept = || {
        server.get_json("/v1/evidence")["reports"]
            .as_array()
            .map_or(0, Vec::len)
    };
    for path in ["/v1/decide", "/v1/decide/p"] {
        let (status, answer) = server.post(path, report.as_bytes());
        assert_eq!(
            (status, &answer["verdict"]),
            (200, &json!("deny")),
            "{answer}"
        );
        assert_eq!(kept(), 0, "{path}");
    }
    let token = [("authorization", "Bearer for-ci")];
    assert_eq!(
        server.post_with("/v1/decide", report.as_bytes(), &token).0,
        200
    );
    wait_until("it is kept", || kept() == 1);
}

/// A page whose name was made to lead here sends no `Origin` when it reads.
#[test]
fn a_name_that_leads_here_is_not_this_machine() {
    let folder = Folder::new();
    folder.policy(
        "p",
        "misbehave",
        json!({"grants": {"data": [], "clock": []}}),
    );
    let server = Server::start(&folder, &[]);
    let address = server.url.trim_start_matches("http://").to_owned();
    let port = address.rsplit_once(':').unwrap().1;
    let get = |path: &str, host: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    for host in [
        address.clone(),
        format!("localhost:{port}"),
        format!("[::1]:{port}"),
    ] {
        assert_eq!(get("/v1/decisions", &host), "200", "{host}");
    }
    for host in [
        format!("evil.example.com:{port}"),
        "127.0.0.1.evil.example.com".to_owned(),
    ] {
        assert_eq!(get("/v1/decisions", &host), "401", "{host}");
        assert_eq!(get("/healthz", &host), "200", "{host}");
    }
}
