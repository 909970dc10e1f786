use std::collections::BTreeMap;

use touchstone_sdk::prelude::*;
use touchstone_sdk::testing::{Host, TestEvent, logged, staged};

use crate::Rules;

/// CIPolicE's `clair.rules`, told anew.
const CLAIR: &str = "# by the level of the scan\nlevel < 3\n\tnotify_maintainer\nlevel >= 3 and level <= 7\n\tblockimage\n\tcontaineractions.py:mark\n\t./label.sh\n\thttp://hooks.example.com/scan\n\tbreak\nlevel > 7\n\tblockimage\n";

fn actions() -> Value {
    json!({
        "blockimage": {"deny": "{image} is at level {level}"},
        "notify_maintainer": {"notify": {"to": "{maintainer}", "subject": "{image}: level {level}"}},
    })
}

fn settings(text: &str) -> Value {
    json!({"sources": {"a.rules": text}, "actions": actions()})
}

fn host() -> Host {
    Host::new()
        .grant("command", "containeractions.mark")
        .grant("command", "label.sh")
        .grant("webhook", "http://hooks.example.com/*")
        .grant("notify", "*")
}

fn message(fields: Value) -> TestEvent {
    let image = fields["image"].as_str().unwrap_or_default().to_owned();
    let event = TestEvent::new("event").data(fields);
    if image.is_empty() {
        event
    } else {
        event.image("/image", &image)
    }
}

fn judge(settings: Value, fields: Value) -> Result<Outcome, Undecided> {
    host().evaluate::<Rules>(settings, message(fields))
}

fn ids(outcome: &Outcome) -> Vec<&str> {
    outcome
        .findings
        .iter()
        .map(|finding| finding.id.as_str())
        .collect()
}

#[test]
fn every_action_of_a_rule_that_holds_is_done_until_it_breaks() {
    let outcome = judge(
        settings(CLAIR),
        json!({"image": "nginx:1", "level": 5, "compromised": true}),
    )
    .unwrap();
    assert_eq!(ids(&outcome), ["accepted", "blockimage"]);
    assert_eq!(outcome.findings[1].message, "nginx:1 is at level 5");
    assert_eq!(outcome.findings[1].target.as_deref(), Some("nginx:1"));
    assert!(!outcome.stop);
    let staged = staged();
    let kinds: Vec<(&str, &str)> = staged
        .iter()
        .map(|one| (one.kind, one.target.as_str()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("command", "containeractions.mark"),
            ("command", "label.sh"),
            ("webhook", "http://hooks.example.com/scan")
        ]
    );
    assert_eq!(
        staged[1].request["arguments"],
        json!([["image", "nginx:1"]])
    );
    // The event as JSON, and not as Python prints it.
    let body: Value = serde_json_of(&staged[2].request["body"]);
    assert_eq!(
        body,
        json!({"image": "nginx:1", "level": 5, "compromised": true})
    );
    let mut stopping = settings(CLAIR);
    stopping["stopChain"] = json!(true);
    assert!(
        judge(stopping.clone(), json!({"image": "nginx", "level": 5}))
            .unwrap()
            .stop
    );
    assert!(
        !judge(
            stopping,
            json!({"image": "nginx", "level": 2, "maintainer": "ana@example.com"})
        )
        .unwrap()
        .stop
    );
}

fn serde_json_of(body: &Value) -> Value {
    body.as_str()
        .map_or_else(|| body.clone(), |text| text.parse().unwrap())
}

#[test]
fn a_condition_that_cannot_be_evaluated_is_not_one_that_does_not_hold() {
    let text = "size - mb > 5\n\tblockimage\nlevel > 3\n\tblockimage\n";
    for (on_error, level) in [
        ("deny", Level::Deny),
        ("warn", Level::Warn),
        ("ignore", Level::Info),
    ] {
        let mut settings = settings(text);
        settings["onError"] = json!(on_error);
        let outcome = judge(
            settings,
            json!({"image": "nginx", "size-mb": 9, "level": [7, 4, 5]}),
        )
        .unwrap();
        assert_eq!(ids(&outcome), ["not-evaluated", "not-evaluated"]);
        assert!(
            outcome
                .findings
                .iter()
                .all(|finding| finding.level == level)
        );
        let told = &outcome.findings[0].message;
        assert!(
            told.contains("a.rules:1") && told.contains("unknown symbol: 'size'"),
            "{told}"
        );
        assert!(
            outcome.findings[1].message.contains("data type mismatch"),
            "{}",
            outcome.findings[1].message
        );
    }
}

#[test]
fn what_is_wrong_with_a_file_is_found_when_it_is_loaded() {
    let problems = |text: &str| -> String {
        let problems = host().configure::<Rules>(settings(text));
        problems
            .iter()
            .map(|problem| format!("{} {}\n", problem.path, problem.message))
            .collect()
    };
    assert_eq!(problems(CLAIR), "");
    for (text, expected) in [
        ("level >\n\tblockimage\n", "/sources a.rules:1"),
        (
            "level > 1\n\tunknownword\n",
            "a.rules:2: unknownword: nobody says what \"unknownword\" means",
        ),
        (
            "level > 1\n\t./other.sh\n",
            "a.rules:2: ./other.sh: command \"other.sh\" is not granted",
        ),
        ("level > 1\n\thttp://evil.example.com/\n", "is not granted"),
        ("\tblockimage\n", "a.rules:1: an action without a condition"),
        ("1/0 == level\n\tblockimage\n", "division by zero"),
        ("image =~ \"(\"\n\tblockimage\n", "a.rules:1"),
    ] {
        let told = problems(text);
        assert!(told.contains(expected), "{text:?}: {told}");
    }
    let both = problems("level >\n\tblockimage\nb\n\tunknownword\n");
    assert!(
        both.contains("a.rules:1") && both.contains("a.rules:4"),
        "{both}"
    );
    let mut misspelt = settings(CLAIR);
    misspelt["onErorr"] = json!("ignore");
    assert_eq!(host().configure::<Rules>(misspelt).len(), 1);
    let mut version = settings(CLAIR);
    version["compat"] = json!(3);
    assert_eq!(host().configure::<Rules>(version).len(), 1);
    assert!(
        host().configure::<Rules>(json!({}))[0]
            .message
            .contains("no rule file")
    );
    let nobody = host().configure::<Rules>(
        json!({"sources": {"a.rules": "x\n\tblockimage\n", "a.rules~": "x ==", "README.md": "x =="}, "files": {"b": {}}, "actions": actions()}),
    );
    assert!(nobody[0].message.contains("b: there is no such file"));
}

#[test]
fn functions_get_their_parameters() {
    let text = "true\n\tm.py:f {image} {level} plain {nothing} {flag}\n\tm.py:g\n";
    let host = Host::new()
        .grant("command", "m.f")
        .grant("command", "other");
    let mut settings = settings(text);
    settings["commands"] = json!({"m.py:g": "other"});
    host.evaluate::<Rules>(
        settings,
        message(json!({"image": "nginx", "level": 2.5, "flag": true})),
    )
    .unwrap();
    let staged = staged();
    assert_eq!(
        staged[0].request["arguments"],
        json!([
            ["1", "nginx"],
            ["2", "2.5"],
            ["3", "plain"],
            ["4", "{nothing}"],
            ["5", "True"]
        ])
    );
    assert_eq!(staged[1].target, "other");
}

#[test]
fn rules_may_ask_what_is_known_of_the_image() {
    let text = "maintainer == \"ana\" and \"cipolice\" in labels\n\tblockimage\n";
    let event = message(json!({"image": "nginx"})).evidence(
        json!({"configuration": {"labels": {"maintainer": "ana", "cipolice": "approved"}}}),
    );
    let outcome = host().evaluate::<Rules>(settings(text), event).unwrap();
    assert_eq!(ids(&outcome), ["accepted", "blockimage"]);
    // Nobody knows: as CIPolicE has it when docker knows no such label.
    let outcome = judge(
        settings("maintainer == null and labels == []\n\tblockimage\n"),
        json!({"image": "nginx"}),
    )
    .unwrap();
    assert_eq!(ids(&outcome), ["accepted", "blockimage"]);
    // What the message says itself counts.
    let said = judge(
        settings("maintainer == \"bob\"\n\tblockimage\n"),
        json!({"image": "nginx", "maintainer": "bob"}),
    );
    assert_eq!(ids(&said.unwrap()), ["accepted", "blockimage"]);
}

#[test]
fn a_file_is_read_with_its_quirks_on_demand() {
    let text = "level > 1\n\n\tblockimage\n";
    assert_eq!(
        ids(&judge(settings(text), json!({"image": "a", "level": 2})).unwrap()),
        ["accepted", "blockimage"]
    );
    let mut strict = settings(text);
    strict["strict"] = json!(false);
    let problems = host().configure::<Rules>(strict);
    assert!(
        problems[0].message.contains("invalid rules format"),
        "{problems:?}"
    );
    let mut older = settings("-2**2 == 4\n\tblockimage\n");
    let none: [&str; 0] = [];
    assert_eq!(
        ids(&judge(older.clone(), json!({"image": "a"})).unwrap()),
        none
    );
    older["compat"] = json!(4);
    assert_eq!(
        ids(&judge(older, json!({"image": "a"})).unwrap()),
        ["accepted", "blockimage"]
    );
}

#[test]
fn each_file_may_have_settings_of_its_own() {
    let settings = json!({
        "sources": {"a.rules": "missing\n\tblockimage\n", "b.rules": "missing\n\tblockimage\n"},
        "files": {"b.rules": {"onError": "ignore"}}, "actions": actions()});
    let outcome = judge(settings, json!({"image": "a"})).unwrap();
    let levels: Vec<Level> = outcome
        .findings
        .iter()
        .map(|finding| finding.level)
        .collect();
    assert_eq!(levels, [Level::Deny, Level::Info]);
}

#[test]
fn without_an_image_nothing_is_run_on_one() {
    let text = "level > 1\n\t./label.sh\n";
    let error = judge(settings(text), json!({"level": 2})).unwrap_err();
    assert!(
        error
            .reason()
            .contains("a.rules:1: ./label.sh: the event names no image"),
        "{}",
        error.reason()
    );
    assert!(
        judge(settings(text), json!([]))
            .unwrap_err()
            .reason()
            .contains("no JSON object")
    );
}

#[test]
fn every_rule_is_traced_on_demand() {
    let mut settings = settings("level > 5\n\tblockimage\nlevel > 1\n\tblockimage\n");
    settings["trace"] = json!(true);
    judge(settings, json!({"image": "a", "level": 2})).unwrap();
    assert_eq!(
        logged(),
        [
            "info: REJECT RULE rule=level > 5",
            "info: ACCEPT RULE rule=level > 1"
        ]
    );
}

#[test]
fn time_is_asked_for_only_where_a_rule_asks() {
    let host = Host::new().grant("clock", "now");
    let now = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_767_225_600);
    let outcome = host.now(now).evaluate::<Rules>(
        settings("$now.year == 2026\n\tblockimage\n"),
        message(json!({"image": "a"})),
    );
    assert_eq!(ids(&outcome.unwrap()), ["accepted", "blockimage"]);
    assert!(
        judge(
            settings("$now.year == 2026\n\tblockimage\n"),
            json!({"image": "a"})
        )
        .is_err()
    );
}

#[test]
fn hostile_rules_end() {
    let deep = format!("{}1{}\n\tblockimage\n", "(".repeat(5000), ")".repeat(5000));
    let problems = host().configure::<Rules>(settings(&deep));
    assert!(!problems.is_empty());
    let text = format!("{}\n", "a".repeat(50_000));
    let outcome = judge(
        settings("text =~ \"(a+)+$\"\n\tblockimage\n"),
        json!({"image": "a", "text": text}),
    );
    let outcome = outcome.unwrap();
    assert!(
        ["not-evaluated", "accepted"].contains(&ids(&outcome)[0]),
        "{:?}",
        ids(&outcome)
    );
    let ranges = judge(
        settings("[x for x in $range(10**12)]\n\tblockimage\n"),
        json!({"image": "a"}),
    );
    assert!(ranges.is_err() || ids(&ranges.unwrap())[0] == "not-evaluated");
}

#[test]
fn many_files_are_one_program() {
    let sources: BTreeMap<String, String> = (0..3)
        .map(|number| (format!("{number}.rules"), "true\n\tblockimage\n".to_owned()))
        .collect();
    let outcome = judge(
        json!({"sources": sources, "actions": actions()}),
        json!({"image": "a"}),
    )
    .unwrap();
    assert_eq!(outcome.findings.len(), 6);
}
