//! What expressions see of what scanners reported.

use super::*;

fn scanned() -> TestEvent {
    TestEvent::new("image.review")
        .image("/spec/containers/0/image", "registry.example.com/shop/web:1")
        .evidence(json!({
            "vulnerabilities": [
                {"id": "CVE-1", "package": "openssl", "kind": "deb", "severity": "critical", "fixed": ["3"], "fixState": "fixed", "exploited": true},
                {"id": "CVE-2", "package": "zlib", "kind": "deb", "severity": "high", "fixState": "notFixed"},
                {"id": "CVE-3", "package": "bash", "severity": "low", "vex": {"status": "not_affected"}},
            ],
            "packages": [{"name": "openssl", "version": "1", "kind": "deb", "licences": ["Apache-2.0"]}],
            "distribution": {"name": "debian", "version": "12"},
            "configuration": {"user": "app", "labels": {"team": "a"}},
        }))
        .image("/spec/containers/1/image", "nginx")
}

fn seen(expression: &str) -> Result<bool, String> {
    let settings = json!({"validations": [{"expression": expression}]});
    judge(settings, scanned()).map(|findings| findings.is_empty())
}

#[test]
fn fields_tell_what_is_known() {
    for expression in [
        "size(evidence) == 2 && evidence[0].found && !evidence[1].found",
        "evidence[0].image == 'registry.example.com/shop/web:1' && evidence[0].registry == 'registry.example.com'",
        "evidence[0].repository == 'shop/web' && evidence[0].tag == '1' && !has(evidence[1].tag) && evidence[1].registry == 'docker.io'",
        "evidence[0].severities.critical == 1 && evidence[0].severities['high'] == 1 && evidence[0].severities.medium == 0",
        "evidence[0].fixable == 1 && 'vulnerabilities' in evidence[0].kinds && evidence[0].foundBy == 'event'",
        "evidence[0].distribution.name == 'debian' && !has(evidence[0].distribution.endOfLife)",
        "evidence[0].configuration.user == 'app' && evidence[0].configuration.labels['team'] == 'a'",
        "!has(evidence[0].ageDays) && evidence[0].?ageDays.orValue(99) == 99",
        "evidence.filter(e, e.found).all(e, e.severities.critical < 2)",
        "evidence[0] == evidence[0] && evidence[0] != evidence[1]",
    ] {
        assert_eq!(seen(expression), Ok(true), "{expression}");
    }
}

#[test]
fn functions_ask_the_host() {
    for expression in [
        "evidence[0].vulnerabilities().map(v, v.id) == ['CVE-1', 'CVE-2']",
        "evidence[0].vulnerabilities('critical').map(v, v.package) == ['openssl']",
        "evidence[0].vulnerabilities('high').all(v, v.fixable || v.package == 'zlib')",
        "evidence[0].vulnerabilities('unknown').exists(v, v.?exploited.orValue(false))",
        "evidence[0].packages('open*')[0].licences == ['Apache-2.0'] && evidence[0].packages().size() == 1",
        "evidence[0].packages('nothing').size() == 0",
    ] {
        assert_eq!(seen(expression), Ok(true), "{expression}");
    }
}

#[test]
fn what_nobody_looked_for_is_an_error() {
    for (expression, part) in [
        (
            "evidence[1].severities.critical == 0",
            "there is no key \"severities\"",
        ),
        (
            "evidence[1].vulnerabilities('high').size() == 0",
            "there is no evidence of nginx",
        ),
        (
            "evidence.all(e, e.fixable >= 0)",
            "there is no key \"fixable\"",
        ),
        (
            "evidence[0].vulnerabilities('bad').size() == 0",
            "\"bad\" is no severity",
        ),
        ("evidence[2].found", "Index out of bounds"),
        ("evidence[0].colour == 1", "there is no key \"colour\""),
    ] {
        let why = seen(expression).unwrap_err();
        assert!(why.contains(part), "{expression}: {why}");
    }
}

#[test]
fn a_variable_may_hold_evidence() {
    let settings = json!({
        "variables": [{"name": "known", "expression": "evidence.filter(e, e.found)"}],
        "validations": [{"expression": "variables.known[0].severities.critical == 0", "messageExpression": "variables.known[0].image + ' has ' + variables.known[0].vulnerabilities('critical')[0].id"}]
    });
    let found = judge(settings, scanned()).unwrap();
    assert_eq!(
        found[0].message,
        "registry.example.com/shop/web:1 has CVE-1"
    );
}
