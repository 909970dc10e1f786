//! What comes of whole evidence.

use super::*;
use touchstone_sdk::testing::{Host, TestEvent};

fn judge(settings: Value, evidence: Value) -> Vec<Finding> {
    let event = TestEvent::new("image.scanned")
        .image("", "acme/web:1")
        .evidence(evidence);
    let outcome = Host::new().evaluate::<NoSecrets>(settings, event);
    outcome.unwrap().findings
}

/// `id path level` of each finding.
fn told(settings: Value, evidence: Value) -> Vec<String> {
    let findings = judge(settings, evidence).into_iter();
    findings
        .map(|finding| {
            assert_eq!(finding.image.as_deref(), Some("acme/web:1"));
            assert!(finding.remedy.is_some(), "{finding:?}");
            let level = format!("{:?}", finding.level);
            let path = finding.path.unwrap_or_default();
            format!(
                "{} {path} {}",
                finding.id,
                level.trim_start_matches("Level::")
            )
        })
        .collect()
}

#[test]
fn a_secret_that_a_scanner_found_counts_unless_it_is_allowed() {
    let evidence = json!({"secrets": [
        {"rule": "aws-access-key-id", "category": "AWS", "severity": "critical", "path": "/app/.env", "line": 3},
        {"rule": "aws-access-key-id", "category": "AWS", "severity": "critical", "path": "/app/.env", "line": 1},
        {"rule": "jwt-token", "severity": "medium", "path": "/app/test/a.js", "line": 7},
    ]});
    for (settings, expected) in [
        (
            json!({}),
            &[
                "aws-access-key-id /app/.env Deny",
                "jwt-token /app/test/a.js Deny",
            ][..],
        ),
        (
            json!({"level": "warn", "minSeverity": "high"}),
            &["aws-access-key-id /app/.env Warn"],
        ),
        (
            json!({"allowedPaths": ["*/test/*"]}),
            &["aws-access-key-id /app/.env Deny"],
        ),
        (
            json!({"allowedRules": ["aws-*"]}),
            &["jwt-token /app/test/a.js Deny"],
        ),
    ] {
        assert_eq!(
            told(settings.clone(), evidence.clone()),
            expected,
            "{settings}"
        );
    }
    let first = &judge(json!({}), evidence)[0];
    assert_eq!(
        first.message,
        "aws-access-key-id (AWS) in /app/.env, lines 1, 3"
    );
    assert_eq!(first.severity, Severity::Critical);
}

#[test]
fn a_file_may_have_the_name_of_a_key() {
    let certificate = "-----BEGIN CERTIFICATE-----\nMII";
    let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3B";
    for (file, expected) in [
        (
            json!({"path": "/root/.ssh/id_rsa"}),
            "key-file /root/.ssh/id_rsa Warn",
        ),
        (
            json!({"path": "/root/.ssh/id_rsa", "content": key}),
            "private-key /root/.ssh/id_rsa Deny",
        ),
        (json!({"path": "/root/.ssh/id_rsa", "size": 0}), ""),
        (json!({"path": "/root/.ssh/id_rsa.pub"}), ""),
        (json!({"path": "/.npmrc"}), "key-file /.npmrc Warn"),
        (
            json!({"path": "/home/web/.docker/config.json"}),
            "key-file /home/web/.docker/config.json Warn",
        ),
        (json!({"path": "/etc/ssl/certs/ca.pem"}), ""),
        (json!({"path": "/srv/tls.pem", "content": certificate}), ""),
        (
            json!({"path": "/srv/tls.pem", "content": format!("{certificate}\n{key}")}),
            "private-key /srv/tls.pem Deny",
        ),
        (
            json!({"path": "/srv/tls.pem"}),
            "key-file /srv/tls.pem Warn",
        ),
        (json!({"path": "/srv/sample/tls.pem"}), ""),
        (json!({"path": "/etc/passwd"}), ""),
    ] {
        let evidence = json!({"secrets": [], "files": [file]});
        let found = told(json!({"allowedPaths": ["*/sample/*"]}), evidence.clone());
        assert_eq!(found.join(""), expected, "{file}");
        let off = told(json!({"files": {"act": "off"}}), evidence);
        assert_eq!(off, Vec::<String>::new());
    }
}

#[test]
fn what_a_scanner_found_in_a_file_is_told_once() {
    let evidence = json!({
        "secrets": [{"rule": "private-key", "severity": "high", "path": "/root/.ssh/id_rsa"}],
        "files": [{"path": "/root/.ssh/id_rsa"}, {"path": "/root/.netrc"}],
    });
    assert_eq!(
        told(json!({}), evidence),
        [
            "private-key /root/.ssh/id_rsa Deny",
            "key-file /root/.netrc Warn"
        ]
    );
}

#[test]
fn a_variable_may_have_the_name_of_a_password() {
    let evidence = json!({
        "secrets": [],
        "configuration": {"environment": ["PATH", "db_password", "DB_PASSWORD_FILE", "TOKENIZERS_PARALLELISM", "GPG_KEY", "NPM_TOKEN"]},
        "history": [
            {"createdBy": "RUN |2 NPM_TOKEN=abc HOME=/x /bin/sh -c npm i # buildkit"},
            {"createdBy": "|1 AWS_SECRET_ACCESS_KEY=a b /bin/sh -c API_KEY=x make"},
            {"createdBy": "RUN /bin/sh -c API_KEY=x make"},
        ],
    });
    assert_eq!(
        told(json!({}), evidence.clone()),
        [
            "environment/NPM_TOKEN  Warn",
            "environment/db_password  Warn",
            "build-argument/AWS_SECRET_ACCESS_KEY  Warn",
            "build-argument/NPM_TOKEN  Warn",
        ]
    );
    let settings = json!({"variables": {"act": "deny", "names": ["*_password"], "except": []}});
    assert_eq!(
        told(settings, evidence.clone()),
        ["environment/db_password  Deny"]
    );
    assert_eq!(
        told(json!({"variables": {"act": false}}), evidence),
        Vec::<String>::new()
    );
}

#[test]
fn where_nobody_looked_for_secrets_the_rest_is_told_all_the_same() {
    let evidence = json!({"configuration": {"environment": ["NPM_TOKEN"]}});
    assert_eq!(
        told(json!({}), evidence),
        ["no-evidence  Deny", "environment/NPM_TOKEN  Warn"]
    );
    let event = TestEvent::new("image.review").image("/image", "acme/web:1");
    let outcome = Host::new().evaluate::<NoSecrets>(json!({}), event).unwrap();
    assert_eq!(outcome.findings[0].id, "no-evidence");
    assert!(
        Host::new()
            .evaluate::<NoSecrets>(json!({}), TestEvent::new("event"))
            .is_err()
    );
}

#[test]
fn many_findings_are_summed_up_at_the_level_of_the_worst() {
    let secrets =
        (0..30).map(|n| json!({"rule": "jwt", "severity": "medium", "path": format!("/{n:02}")}));
    let evidence = json!({"secrets": secrets.collect::<Vec<_>>(), "files": [{"path": "/a.pem"}]});
    let found = judge(json!({"most": 28}), evidence);
    assert_eq!(found.len(), 29);
    assert_eq!(
        (found[28].id.as_str(), found[28].level),
        ("more-secrets", Level::Deny)
    );
    assert_eq!(
        found[28].message,
        "3 more that look like secrets are not told one by one: /28, /29, /a.pem"
    );
}

#[test]
fn wrong_settings_are_all_reported() {
    let settings = json!({
        "allowedPaths": ["/a", "*"],
        "allowedRules": ["**"],
        "files": {"names": []},
        "variables": {"names": [], "act": "off", "except": ["*"]},
    });
    let problems = Host::new().configure::<NoSecrets>(settings);
    let paths: Vec<&str> = problems
        .iter()
        .map(|problem| problem.path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            "/allowedPaths/1",
            "/allowedRules/0",
            "/variables/except/0",
            "/files/names"
        ]
    );
    let problems = Host::new()
        .configure::<NoSecrets>(json!({"level": "off", "most": 0, "variables": {"act": true}}));
    assert_eq!(problems.len(), 3);
}
