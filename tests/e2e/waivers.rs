//! Exceptions: whom they spare, until when, and that they are seen.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use touchstone::decide::Options;
use touchstone::model::{Decision, Verdict, WaiverState};

use crate::support::{Folder, Host, Server, wait_until};

/// A policy that finds something on every image, and waivers in a folder.
fn folder(find: Value, waivers: &str) -> Folder {
    let folder = Folder::new();
    folder.policy("strict", "witness", json!({"settings": {"find": find}}));
    fs::create_dir(folder.path().join("waivers")).unwrap();
    fs::write(folder.path().join("waivers/all.yaml"), waivers).unwrap();
    folder.config(json!({"waivers": ["waivers"]}));
    folder
}

fn review(images: &[&str]) -> Value {
    let containers: Vec<Value> = images.iter().map(|image| json!({"image": image})).collect();
    json!({"apiVersion": "imagepolicy.k8s.io/v1alpha1", "kind": "ImageReview", "spec": {"containers": containers}})
}

fn judge(host: &Host, images: &[&str]) -> Decision {
    host.decide_as(&review(images), None, &Options::default())
}

/// The waivers that were noted, by finding.
fn noted(decision: &Decision) -> Vec<(String, String, WaiverState)> {
    let findings = decision.policies.iter().flat_map(|policy| &policy.findings);
    findings
        .filter_map(|finding| {
            let waiver = finding.waiver.as_ref()?;
            Some((finding.id.clone(), waiver.id.clone(), waiver.state))
        })
        .collect()
}

#[test]
fn a_waiver_spares_what_it_names_and_nothing_else() {
    let find = json!([
        {"id": "CVE-2026-1", "level": "deny", "package": "openssl", "path": "/usr/lib/libssl.so", "named": true},
        {"id": "CVE-2026-2+zlib", "level": "warn", "named": true},
    ]);
    let both = ["CVE-2026-1", "CVE-2026-2+zlib"];
    for (waiver, image, spared) in [
        ("finding: CVE-2026-1", "ghcr.io/shop/web:1", &both[..1]),
        ("finding: CVE-2026-*", "ghcr.io/shop/web:1", &both[..]),
        ("finding: '*'", "ghcr.io/shop/web:1", &both[..]),
        ("finding: CVE-2026", "ghcr.io/shop/web:1", &[]),
        (
            "finding: CVE-2026-1+openssl",
            "ghcr.io/shop/web:1",
            &both[..1],
        ),
        ("finding: CVE-2026-1+zlib", "ghcr.io/shop/web:1", &[]),
        ("finding: CVE-2026-2+zlib", "ghcr.io/shop/web:1", &both[1..]),
        (
            "{finding: CVE-2026-1, package: open*}",
            "ghcr.io/shop/web:1",
            &both[..1],
        ),
        ("{finding: '*', package: zlib}", "ghcr.io/shop/web:1", &[]),
        (
            "{finding: '*', path: /usr/lib/*}",
            "ghcr.io/shop/web:1",
            &both[..1],
        ),
        (
            "{finding: '*', policy: strict}",
            "ghcr.io/shop/web:1",
            &both[..],
        ),
        ("{finding: '*', policy: other}", "ghcr.io/shop/web:1", &[]),
        (
            "{finding: '*', image: ghcr.io/shop/*}",
            "ghcr.io/shop/web:1",
            &both[..],
        ),
        (
            "{finding: '*', image: ghcr.io/shop/*}",
            "docker.io/shop/web:1",
            &[],
        ),
        (
            "{finding: '*', image: 'ghcr.io/shop/web:1'}",
            "ghcr.io/shop/web:1",
            &both[..],
        ),
        (
            "{finding: '*', image: 'ghcr.io/shop/web:1'}",
            "ghcr.io/shop/web:2",
            &[],
        ),
        (
            "{finding: '*', image: 'ghcr.io/shop/*'}",
            "not an image",
            &[],
        ),
        // A name that cannot be read is nobody's exception.
        ("finding: '*'", "not an image", &[]),
    ] {
        let waiver = waiver.trim_start_matches('{').trim_end_matches('}');
        let waivers =
            format!("- {{id: one, {waiver}, owner: ana, reason: because, expires: 2999-12-31}}\n");
        let host = folder(find.clone(), &waivers).service();
        let decision = judge(&host, &[image]);
        let found: Vec<String> = noted(&decision).into_iter().map(|(id, _, _)| id).collect();
        assert_eq!(found, spared, "{waiver} {image}");
        let verdict = match spared {
            [] | ["CVE-2026-2+zlib"] => Verdict::Deny,
            ["CVE-2026-1"] => Verdict::Warn,
            _ => Verdict::Allow,
        };
        assert_eq!(decision.verdict, verdict, "{waiver} {image}");
    }
}

#[test]
fn a_finding_on_no_image_in_particular_is_on_all_of_them() {
    let find = json!([{"id": "x", "level": "deny"}]);
    let waivers = "- {id: one, finding: x, image: 'ghcr.io/shop/*', owner: ana, reason: because, permanent: true}\n";
    let host = folder(find, waivers).service();
    let verdict = |images: &[&str]| judge(&host, images).verdict;
    assert_eq!(
        verdict(&["ghcr.io/shop/a:1", "ghcr.io/shop/b:1"]),
        Verdict::Allow
    );
    assert_eq!(
        verdict(&["ghcr.io/shop/a:1", "ghcr.io/other/b:1"]),
        Verdict::Deny
    );
}

#[test]
fn a_waiver_ends_at_its_second_and_says_so() {
    let find = json!([{"id": "x", "level": "deny", "named": true}]);
    let end = Timestamp::now() + SignedDuration::from_secs(3);
    let waivers = format!(
        "- {{id: short, finding: x, owner: ana, reason: because, expires: \"{end}\", ticket: T-1}}\n\
         - {{id: past, finding: x, owner: ana, reason: because, expires: 2020-01-01}}\n"
    );
    let host = folder(find, &waivers).service();
    let decision = judge(&host, &["web:1"]);
    assert!(
        Timestamp::now() < end,
        "the machine is too slow for this test"
    );
    assert_eq!(decision.verdict, Verdict::Allow);
    assert_eq!(
        noted(&decision),
        [("x".into(), "short".into(), WaiverState::Active)]
    );
    wait_until("the waiver has ended", || Timestamp::now() >= end);
    let decision = judge(&host, &["web:1"]);
    assert_eq!(decision.verdict, Verdict::Deny);
    assert_eq!(
        noted(&decision),
        [("x".into(), "past".into(), WaiverState::Expired)]
    );
    let written = json!(decision.policies[0].findings[1].waiver);
    assert_eq!(written["owner"], "ana");
    assert_eq!(written["state"], "expired");
}

#[test]
fn what_is_wrong_with_a_file_is_said_and_the_last_good_waivers_hold() {
    let find = json!([{"id": "x", "level": "deny", "named": true}]);
    let good =
        "waivers:\n- {id: one, finding: x, owner: ana, reason: because, expires: 2999-12-31}\n";
    let folder = folder(find, good);
    let host = folder.service();
    assert_eq!(judge(&host, &["web:1"]).verdict, Verdict::Allow);
    let file = folder.path().join("waivers/all.yaml");
    for (text, expected) in [
        (
            "- {id: one, finding: x, owner: ana, reason: r}",
            "expires is missing",
        ),
        (
            "- {id: one, finding: x, owner: ana, reason: '', expires: 2999-12-31}",
            "reason is empty",
        ),
        (
            "- {id: one, finding: x, owner: ana, reason: r, expires: \"2026-11-22T00:00:00\"}",
            "neither a date",
        ),
        (
            "- {id: one, finding: x, owner: ana, reason: r, expires: soon}",
            "neither a date",
        ),
        (
            "- {id: one, finding: x, owner: ana, reason: r, expires: 2999-12-31, permanent: true}",
            "yet it expires",
        ),
        (
            "- {id: one, findings: x, owner: ana, reason: r, expires: 2999-12-31}",
            "findings",
        ),
        (
            "- {id: a b, finding: x, owner: ana, reason: r, expires: 2999-12-31}",
            "letters",
        ),
        (
            "- {id: one, finding: x, image: 'a//b', owner: ana, reason: r, expires: 2999-12-31}",
            "image:",
        ),
        (
            "- {id: one, finding: x, owner: ana, reason: r, expires: 2999-12-31}\n- {id: one, finding: y, owner: ana, reason: r, expires: 2999-12-31}",
            "stands twice",
        ),
        ("waivers: 3", "all.yaml"),
        ("- [", "all.yaml"),
    ] {
        fs::write(&file, text).unwrap();
        host.reload();
        let generation = host.service.generations.current().unwrap();
        let error = generation.waivers_error().unwrap_or_default().to_owned();
        assert!(error.contains(expected), "{text}: {error}");
        assert_eq!(judge(&host, &["web:1"]).verdict, Verdict::Allow, "{text}");
    }
    fs::write(&file, "").unwrap();
    host.reload();
    assert_eq!(judge(&host, &["web:1"]).verdict, Verdict::Deny);
}

#[test]
fn waivers_come_and_go_while_the_host_serves() {
    let find = json!([{"id": "CVE-1", "level": "deny", "named": true}]);
    let waivers = "- {id: filed, finding: CVE-9, owner: ana, reason: because, permanent: true}\n";
    let folder = folder(find, waivers);
    let server = Server::with_config(&folder);
    let verdict = || {
        let (_, decision) = server.post("/v1/decide", review(&["web:1"]).to_string().as_bytes());
        decision["verdict"].as_str().unwrap().to_owned()
    };
    assert_eq!(verdict(), "deny");
    let add = |waiver: Value| server.post("/v1/waivers", waiver.to_string().as_bytes());
    let soon = (Timestamp::now() + SignedDuration::from_hours(48)).to_string();
    let waiver = json!({"id": "added", "finding": "CVE-1", "owner": "ana", "reason": "because", "expires": soon});
    let (status, told) = add(waiver.clone());
    assert_eq!(
        (status, told["origin"].as_str(), told["replaced"].as_bool()),
        (200, Some("api"), Some(false)),
        "{told}"
    );
    assert!(told["created"].is_string());
    assert_eq!(verdict(), "allow");
    assert_eq!(verdict(), "allow");
    assert_eq!(add(waiver).1["replaced"], true);

    let uses = || {
        server.get_json("/v1/waivers/added")["uses"]
            .as_u64()
            .unwrap()
    };
    wait_until("both uses are counted", || uses() == 2);
    let all = server.get_json("/v1/waivers");
    let ids: Vec<&str> = all["waivers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["filed", "added"]);

    let check = server.get_json("/v1/waivers/check?within=3d");
    assert_eq!(check["unused"][0]["id"], "filed");
    assert_eq!(check["expiring"][0]["id"], "added");
    assert_eq!(check["turning"][0]["becomes"], "deny", "{check}");
    assert_eq!(check["turning"][0]["waivers"], json!(["added"]));
    assert_eq!(
        server.get_json("/v1/waivers/check?within=1d")["turning"],
        json!([])
    );

    for (waiver, status, expected) in [
        (
            json!({"id": "filed", "finding": "x", "owner": "a", "reason": "b", "permanent": true}),
            409,
            "is in a file",
        ),
        (
            json!({"id": "n", "finding": "x", "owner": "a", "reason": "b"}),
            400,
            "expires is missing",
        ),
        (
            json!({"id": "n", "finding": "x", "owner": "a", "reason": "b", "permanent": true, "expire": 1}),
            400,
            "expire",
        ),
        (
            json!({"id": "n", "finding": "x", "owner": "a", "reason": "b", "expires": "2026-01-31"}),
            400,
            "is past",
        ),
        (json!({"id": "n"}), 400, "finding"),
        (json!([]), 400, "no waiver"),
    ] {
        let (found, told) = add(waiver.clone());
        let error = told["error"].as_str().unwrap_or_default();
        assert!(
            found == status && error.contains(expected),
            "{waiver}: {found} {told}"
        );
    }
    assert_eq!(server.get("/v1/waivers/%ff").0, 400);
    let remove = |id: &str| server.delete(&format!("/v1/waivers/{id}"));
    assert_eq!(remove("filed").0, 409);
    assert_eq!(remove("added").0, 200);
    assert_eq!(remove("added").0, 404);
    assert_eq!(verdict(), "deny");

    // A file that is saved is taken up without being asked to.
    let text = "- {id: filed, finding: CVE-1, owner: ana, reason: because, permanent: true}\n";
    fs::write(folder.path().join("waivers/all.yaml"), text).unwrap();
    wait_until("the saved waiver holds", || verdict() == "allow");
}

#[test]
fn added_waivers_and_their_uses_outlive_the_process() {
    let find = json!([{"id": "CVE-1", "level": "deny", "named": true}]);
    let folder = folder(find, "");
    let state = format!("sqlite:{}", folder.path().join("state.db").display());
    let start = || {
        let mut command = std::process::Command::new(crate::support::TOUCHSTONE);
        command
            .args(["serve", "--state", &state, "--config"])
            .arg(folder.path().join("touchstone.yaml"));
        Server::spawn(&mut command)
    };
    let server = start();
    let waiver = json!({"id": "kept", "finding": "CVE-1", "owner": "ana", "reason": "because", "permanent": true});
    assert_eq!(
        server.post("/v1/waivers", waiver.to_string().as_bytes()).0,
        200
    );
    let judge = |server: &Server| {
        server
            .post("/v1/decide", review(&["web:1"]).to_string().as_bytes())
            .1
    };
    assert_eq!(judge(&server)["verdict"], "allow");
    let used = |server: &Server| server.get_json("/v1/waivers/kept")["uses"].clone();
    wait_until("the use is counted", || used(&server) == json!(1));
    drop(server);
    let server = start();
    assert_eq!(used(&server), json!(1));
    assert_eq!(judge(&server)["verdict"], "allow");
}
