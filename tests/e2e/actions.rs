//! Actions: staged during the evaluation, carried out after the verdict, at least once, and recorded.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use serde_json::{Value, json};
use touchstone::decide::Options;
use touchstone::model::{ActionState, Decision, Plan};
use touchstone::store::ActionQuery;

use crate::receiver::{Answer, Receiver};
use crate::support::{Folder, Host, Server, wait_until};

/// A folder with one actor that may do anything, and a touchstone.yaml.
fn actor(config: Value) -> Folder {
    let folder = Folder::new();
    folder.policy("actor", "actor", json!({"grants": everything()}));
    folder.config(config);
    folder
}

fn everything() -> Value {
    let web = json!([{"pattern": "*", "allowPrivate": true, "credentials": ["hooks"]}]);
    json!({"http": web, "webhook": web, "store": ["*"], "command": ["*"], "queue": ["*"], "notify": ["*"], "clock": ["now"]})
}

/// The actor imports everything, so each capability needs some grant.
fn only(grants: Value) -> Value {
    let mut all = everything();
    all.as_object_mut()
        .unwrap()
        .extend(grants.as_object().unwrap().clone());
    all
}

/// Quick to try again.
fn quick() -> Value {
    json!({"outbox": {"first": "20ms", "most": "100ms", "timeout": "2s"}})
}

fn webhook(receiver: &Receiver, more: Value) -> Value {
    let mut step = json!({"url": format!("{}/hook", receiver.url), "body": {"n": 1}});
    step.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!({ "webhook": step })
}

/// What the steps said, without those that went well.
fn said(decision: &Decision) -> Vec<String> {
    let findings = decision.policies.iter().flat_map(|policy| &policy.findings);
    findings
        .filter(|finding| finding.id == "said" && finding.message != "ok")
        .map(|finding| finding.message.clone())
        .collect()
}

fn plans(decision: &Decision) -> Vec<Plan> {
    decision.actions.iter().map(|action| action.state).collect()
}

fn stories(host: &Host) -> Vec<touchstone::store::ActionStory> {
    let query = ActionQuery {
        limit: 1000,
        ..ActionQuery::default()
    };
    let found = host
        .runtime
        .block_on(host.service.outside.store.actions(&query))
        .unwrap();
    found.into_iter().map(|(_, story)| story).collect()
}

fn settle(host: &Host) {
    let drained = host.service.outbox.drained();
    let settled = host
        .runtime
        .block_on(async { tokio::time::timeout(Duration::from_secs(30), drained).await });
    assert!(settled.is_ok(), "{:#?}", stories(host));
}

#[test]
fn an_action_is_carried_out_after_the_decision_and_recorded() {
    let receiver = Receiver::fine();
    let host = actor(quick()).service();
    let decision =
        host.decide(&json!({"do": [webhook(&receiver, json!({"headers": {"x-team": "a"}}))]}));
    assert_eq!(plans(&decision), [Plan::Due]);
    settle(&host);
    let book = receiver.book();
    assert_eq!(book.len(), 1);
    assert_eq!(
        (
            book[0].method.as_str(),
            book[0].path.as_str(),
            book[0].json()
        ),
        ("POST", "/hook", json!({"n": 1}))
    );
    assert_eq!(
        (book[0].key(), book[0].headers["x-team"].as_str()),
        (decision.actions[0].id.as_str(), "a")
    );
    assert_eq!(book[0].headers["content-type"], "application/json");
    let story = host
        .runtime
        .block_on(host.service.outside.store.action(&decision.actions[0].id))
        .unwrap()
        .unwrap();
    assert_eq!(
        (story.state, story.history.len(), story.action.decision),
        (ActionState::Done, 1, decision.id)
    );
    assert_eq!(story.history[0].detail, "200 fine");
}

#[test]
fn a_policy_that_breaks_has_caused_nothing() {
    let receiver = Receiver::fine();
    let host = actor(quick()).service();
    for last in ["trap", "undecided"] {
        let five = (0..5).map(|_| webhook(&receiver, json!({})));
        let mut steps: Vec<Value> = five.chain([json!({"put": ["kept", 1]})]).collect();
        steps.push(json!(last));
        let decision = host.decide(&json!({ "do": steps }));
        assert!(
            decision.indeterminate && decision.actions.is_empty(),
            "{decision:#?}"
        );
    }
    let decision = host.decide(&json!({"do": [{"get": "kept"}]}));
    assert_eq!(said(&decision), ["None"]);
    settle(&host);
    assert!(stories(&host).is_empty() && receiver.count() == 0);
}

#[test]
fn a_denied_image_is_never_signed_or_reported_under_allowed() {
    let receiver = Receiver::fine();
    let sign = json!({"do": [webhook(&receiver, json!({"when": "allowed"})), webhook(&receiver, json!({"when": "denied", "body": "no"}))]});
    for (first, second) in [(1, 2), (2, 1)] {
        let folder = Folder::new();
        folder.config(quick());
        folder.policy(
            "signer",
            "actor",
            json!({"order": first, "settings": sign, "grants": everything()}),
        );
        folder.policy(
            "denier",
            "actor",
            json!({"order": second, "settings": {"do": ["deny"]}, "grants": everything()}),
        );
        let host = folder.service();
        let decision = host.decide(&json!({}));
        assert_eq!(plans(&decision), [Plan::Skipped, Plan::Due]);
        settle(&host);
        // A warning allows.
        folder.policy(
            "denier",
            "actor",
            json!({"order": second, "settings": {"do": ["warn"]}, "grants": everything()}),
        );
        host.reload();
        assert_eq!(plans(&host.decide(&json!({}))), [Plan::Due, Plan::Skipped]);
        settle(&host);
    }
    let bodies: Vec<Value> = receiver
        .book()
        .iter()
        .map(|received| received.json())
        .collect();
    assert_eq!(
        bodies,
        [json!("no"), json!({"n": 1}), json!("no"), json!({"n": 1})]
    );
}

#[test]
fn monitors_and_dry_runs_cause_nothing() {
    let receiver = Receiver::fine();
    let folder = actor(quick());
    let host = folder.service();
    let event = json!({"do": [webhook(&receiver, json!({})), {"put": ["k", 1]}]});
    let dry = Options {
        dry_run: true,
        ..Options::default()
    };
    let decision = host.decide_as(&event, "event", &dry);
    assert_eq!(plans(&decision), [Plan::Planned]);
    let request: Value =
        serde_json::from_str(decision.actions[0].request.as_ref().unwrap().get()).unwrap();
    assert_eq!(request["body"], json!({"n": 1}));
    folder.yaml("actor", json!({"mode": "monitor", "grants": everything()}));
    host.reload();
    assert_eq!(plans(&host.decide(&event)), [Plan::Monitored]);
    assert_eq!(said(&host.decide(&json!({"do": [{"get": "k"}]}))), ["None"]);
    settle(&host);
    assert!(stories(&host).is_empty() && receiver.count() == 0);
}

#[test]
fn what_fails_for_now_is_tried_again_and_what_fails_for_good_is_not() {
    let receiver = Receiver::start(
        |received, number| match (received.path.as_str(), number % 6) {
            ("/gone", _) => Answer::Status(410, "gone"),
            ("/moved", _) => {
                Answer::With(307, vec![("location", "/hook".to_owned())], String::new())
            }
            (_, 0) => Answer::Drop,
            (_, 1) => Answer::Status(503, "later"),
            (_, 2) => Answer::Status(425, "too early"),
            (_, 3) => Answer::Late(3000, Box::new(Answer::Status(200, "too late"))),
            (_, 4) => Answer::Status(429, "slowly"),
            _ => Answer::Status(204, ""),
        },
    );
    let host = actor(quick()).service();
    let decision = host.decide(&json!({"do": [webhook(&receiver, json!({}))]}));
    settle(&host);
    let find = |id: &str| {
        host.runtime
            .block_on(host.service.outside.store.action(id))
            .unwrap()
            .unwrap()
    };
    let story = find(&decision.actions[0].id);
    assert_eq!(
        (story.state, story.history.len()),
        (ActionState::Done, 6),
        "{story:#?}"
    );
    let keys: Vec<String> = receiver
        .book()
        .iter()
        .map(|received| received.key().to_owned())
        .collect();
    assert!(keys.iter().all(|key| *key == decision.actions[0].id));
    for path in ["gone", "moved"] {
        let url = format!("{}/{path}", receiver.url);
        let decision = host.decide(&json!({"do": [{"webhook": {"url": url}}]}));
        settle(&host);
        let story = find(&decision.actions[0].id);
        assert_eq!(
            (story.state, story.history.len()),
            (ActionState::Dead, 1),
            "{story:#?}"
        );
    }
}

#[test]
fn what_never_goes_well_is_given_up_and_can_be_retried_by_hand() {
    let receiver = Receiver::start(|_, number| match number {
        0..20 => Answer::Status(500, "still broken"),
        _ => Answer::Status(200, "mended"),
    });
    let config = json!({"outbox": {"first": "10ms", "most": "20ms", "maxAge": "150ms"}});
    let host = actor(config).service();
    let decision = host.decide(&json!({"do": [webhook(&receiver, json!({}))]}));
    settle(&host);
    let id = decision.actions[0].id.clone();
    let find = || {
        host.runtime
            .block_on(host.service.outside.store.action(&id))
            .unwrap()
            .unwrap()
    };
    let story = find();
    assert_eq!(story.state, ActionState::Dead);
    assert!(
        story
            .detail
            .unwrap()
            .starts_with("given up after 150ms (outbox.maxAge): 500")
    );
    // Until the receiver is mended, by hand.
    while receiver.count() < 20 {
        let order = touchstone::store::Order::Retry;
        host.runtime
            .block_on(host.service.outbox.order(&id, order))
            .unwrap();
        settle(&host);
    }
    host.runtime
        .block_on(
            host.service
                .outbox
                .order(&id, touchstone::store::Order::Retry),
        )
        .unwrap();
    settle(&host);
    assert_eq!(find().state, ActionState::Done);
}

#[test]
fn what_is_discarded_and_retried_while_it_runs_is_tried_again() {
    use touchstone::store::Order;
    let receiver = Receiver::start(|_, number| {
        let status = if number == 0 { 500 } else { 200 };
        Answer::Late(300, Box::new(Answer::Status(status, "")))
    });
    let host = actor(json!({"outbox": {"first": "1h", "most": "1h"}})).service();
    let steps = [
        webhook(&receiver, json!({"ordered": true})),
        webhook(&receiver, json!({"ordered": true})),
    ];
    let decision = host.decide(&json!({ "do": steps }));
    let id = &decision.actions[0].id;
    wait_until("it is under way", || receiver.count() == 1);
    for order in [Order::Discard, Order::Retry] {
        host.runtime
            .block_on(host.service.outbox.order(id, order))
            .unwrap();
    }
    settle(&host);
    assert!(
        stories(&host)
            .iter()
            .all(|story| story.state == ActionState::Done)
    );
    assert!(receiver.count() >= 3, "{}", receiver.count());
}

#[test]
fn a_good_status_is_done_whatever_the_body_does() {
    let receiver = Receiver::start(|_, number| match number {
        0 => Answer::With(200, vec![], "x".repeat(1 << 20)),
        _ => Answer::CutOff,
    });
    let host = actor(quick()).service();
    host.decide(&json!({"do": [webhook(&receiver, json!({})), webhook(&receiver, json!({}))]}));
    settle(&host);
    assert!(
        stories(&host)
            .iter()
            .all(|story| story.state == ActionState::Done)
    );
    assert_eq!(receiver.count(), 2);
}

#[test]
fn a_policy_whose_actions_fail_does_not_stand_in_the_way_of_others() {
    let receiver = Receiver::start(|received, _| match received.path.as_str() {
        "/bad" => Answer::Late(300, Box::new(Answer::Status(503, ""))),
        _ => Answer::Status(200, ""),
    });
    let folder = actor(json!({"outbox": {"concurrency": 1, "first": "50ms", "most": "50ms"}}));
    folder.policy("other", "actor", json!({"grants": everything()}));
    let host = folder.service();
    let only = |policy: &str| Options {
        policy: Some(policy.to_owned()),
        ..Options::default()
    };
    let bad: Vec<Value> = (0..100)
        .map(|_| json!({"webhook": {"url": format!("{}/bad", receiver.url)}}))
        .collect();
    host.decide_as(&json!({ "do": bad }), "event", &only("actor"));
    let decision = host.decide_as(
        &json!({"do": [webhook(&receiver, json!({}))]}),
        "event",
        &only("other"),
    );
    let id = &decision.actions[0].id;
    let state = || {
        host.runtime
            .block_on(host.service.outside.store.action(id))
            .unwrap()
            .unwrap()
            .state
    };
    let start = std::time::Instant::now();
    wait_until("the other one's is done", || state() == ActionState::Done);
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn the_same_key_is_carried_out_once() {
    let receiver = Receiver::fine();
    let folder = actor(quick());
    folder.policy(
        "other",
        "actor",
        json!({"grants": everything(), "match": {"kinds": ["both"]}}),
    );
    let host = folder.service();
    let event = json!({"do": [webhook(&receiver, json!({"key": "once"}))]});
    let ids: Vec<String> = (0..3)
        .map(|_| host.decide(&event).actions[0].id.clone())
        .collect();
    settle(&host);
    assert!(ids.iter().all(|id| *id == ids[0]) && receiver.count() == 1);
    // Another policy's key is another key.
    host.decide_as(&event, "both", &Options::default());
    settle(&host);
    assert_eq!(receiver.count(), 2);
    for key in ["", "a\nb", &"x".repeat(257)] {
        let decision = host.decide(&json!({"do": [webhook(&receiver, json!({"key": key}))]}));
        assert!(
            said(&decision)[0].starts_with("invalid: a key has"),
            "{key:?}"
        );
    }
}

#[test]
fn ordered_actions_of_a_subject_wait_for_each_other() {
    let receiver = Receiver::start(|received, number| {
        let n = received.json()["n"].as_u64().unwrap();
        // The first of each subject fails a few times.
        if n == 0 && number < 12 {
            Answer::Status(500, "not yet")
        } else {
            Answer::Late(
                u64::try_from(number % 3).unwrap() * 5,
                Box::new(Answer::Status(200, "")),
            )
        }
    });
    let host = actor(quick()).service();
    for n in 0..10 {
        for image in ["one", "two"] {
            let steps = [webhook(
                &receiver,
                json!({"ordered": true, "body": {"n": n, "image": image}}),
            )];
            host.decide(&json!({"image": image, "do": steps}));
        }
    }
    settle(&host);
    for image in ["one", "two"] {
        let book = receiver.book();
        let of_image = book
            .iter()
            .map(|received| received.json())
            .filter(|body| body["image"] == image);
        let mut order: Vec<u64> = of_image.map(|body| body["n"].as_u64().unwrap()).collect();
        order.dedup();
        assert_eq!(order, (0..10).collect::<Vec<_>>(), "{image}");
    }
}

#[test]
fn a_destination_gets_as_much_as_it_can_bear() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let receiver = Receiver::start(|_, _| {
        // The answer comes later, on the same runtime: what is counted is how many requests are open.
        Answer::Late(20, Box::new(Answer::Status(200, "")))
    });
    let host = actor(json!({"outbox": {"concurrency": 3, "rate": 100}})).service();
    let steps: Vec<Value> = (0..60).map(|_| webhook(&receiver, json!({}))).collect();
    let start = std::time::Instant::now();
    host.decide(&json!({ "do": steps }));
    settle(&host);
    let _ = (&NOW, &MOST, Ordering::Relaxed);
    assert_eq!(receiver.count(), 60);
    // 60 at 100 a second.
    assert!(
        start.elapsed() >= Duration::from_millis(580),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn secrets_go_out_with_the_request_and_nowhere_else() {
    let receiver = Receiver::start(|received, _| {
        // It tells everybody what it was sent.
        let said = format!("{:?}", received.headers);
        Answer::With(400, vec![], said)
    });
    let folder = actor(json!({
        "credentials": {"hooks": {"headers": {"Authorization": "Bearer s3cret-token"}, "sign": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}},
        "mask": ["Token"],
    }));
    let host = folder.service();
    let steps = json!([webhook(&receiver, json!({"credentials": "hooks"})), {"log": {"field": "token", "value": "s3cret-token"}}]);
    let decision = host.decide(&json!({ "do": steps }));
    settle(&host);
    let book = receiver.book();
    assert_eq!(book[0].headers["authorization"], "Bearer s3cret-token");
    assert!(
        book[0].headers["webhook-signature"].starts_with("v1,")
            && book[0].headers["webhook-id"] == book[0].key()
    );
    let story = host
        .runtime
        .block_on(host.service.outside.store.action(&decision.actions[0].id))
        .unwrap()
        .unwrap();
    let kept = host
        .runtime
        .block_on(host.service.outside.store.decision(&decision.id))
        .unwrap();
    let written = format!(
        "{} {story:?} {kept:?}",
        serde_json::to_string(&decision).unwrap()
    );
    assert!(
        !written.contains("s3cret-token") && !written.contains("MfKQ9r8"),
        "{written}"
    );
    assert!(story.detail.unwrap().contains("***"));
    // A name that the grant does not list, or touchstone.yaml does not have.
    let decision =
        host.decide(&json!({"do": [webhook(&receiver, json!({"credentials": "others"}))]}));
    assert!(said(&decision)[0].starts_with("denied"), "{decision:#?}");
    folder.config(json!({}));
    host.reload();
    let decision =
        host.decide(&json!({"do": [webhook(&receiver, json!({"credentials": "hooks"}))]}));
    assert_eq!(
        said(&decision),
        ["not-found: touchstone.yaml has no credentials \"hooks\""]
    );
}

#[test]
fn a_request_holds_nothing_but_what_it_may() {
    let receiver = Receiver::fine();
    let host = actor(quick()).service();
    for (headers, expected) in [
        (json!({"Host": "evil.com"}), "header host is the host's"),
        (
            json!({"Content-Length": "3"}),
            "header content-length is the host's",
        ),
        (json!({"Transfer-Encoding": "chunked"}), "is the host's"),
        (json!({"Idempotency-Key": "mine"}), "is the host's"),
        (json!({"webhook-signature": "v1,x"}), "is the host's"),
        (
            json!({"x": "a\r\nauthorization: b"}),
            "characters that no header has",
        ),
        (json!({"x\r\ny": "a"}), "is no header name"),
        (json!({"x y": "a"}), "is no header name"),
        (json!({"": "a"}), "is no header name"),
    ] {
        let decision =
            host.decide(&json!({"do": [webhook(&receiver, json!({"headers": headers}))]}));
        let said = said(&decision);
        assert!(
            said[0].starts_with("invalid: ") && said[0].contains(expected),
            "{headers}: {said:?}"
        );
    }
    for body in ["", "{", "nope", "{'a': True}", "1 2"] {
        let step = json!({"raw-webhook": {"url": receiver.url, "body": body}});
        let decision = host.decide(&json!({"do": [step]}));
        assert!(
            said(&decision)[0].starts_with("invalid: the body is not JSON"),
            "{body}"
        );
    }
    settle(&host);
    assert_eq!(receiver.count(), 0);
}

#[test]
fn grants_bound_what_is_reached() {
    let receiver = Receiver::fine();
    let folder = Folder::new();
    let hooks = format!("{}/hooks/*", receiver.url);
    folder.policy("actor", "actor", json!({"grants": only(json!({
        "webhook": [{"pattern": hooks, "allowPrivate": true, "perDecision": 3}, "https://ok.example.com/*"],
        "command": ["good"], "queue": ["events/a.b"], "notify": ["*@example.com"], "store": ["mine/*"],
        "http": ["https://ok.example.com/*"],
    }))}));
    folder.config(json!({
        "commands": {"good": {"run": ["/bin/true"]}, "bad": {"run": ["/bin/true"]}},
        "broker": "amqp://127.0.0.1:1", "mail": {"m": {"host": "127.0.0.1", "port": 1, "tls": "none", "from": "a@example.com"}},
    }));
    let host = folder.service();
    let url = |path: &str| json!({"webhook": {"url": format!("{}{path}", receiver.url)}});
    let far = |url: &str| json!({"webhook": {"url": url}});
    for (step, expected) in [
        (url("/hooks/a"), ""),
        (url("/hooks"), "denied"),
        (url("/other"), "denied"),
        (url("/hooks/../other"), "denied"),
        (url("/hooks/%2e%2e/other"), "denied"),
        (url("/hooks/..%2fother"), "invalid"),
        (url("/hooks//x"), "invalid"),
        (far("https://ok.example.com/a"), ""),
        (far("https://OK.EXAMPLE.com/a"), ""),
        (far("https://ok.example.com.evil.com/a"), "denied"),
        (far("https://ok.example.com@evil.com/a"), "invalid"),
        (far("https://ok.example.com%2f@evil.com/a"), "invalid"),
        (far("http://ok.example.com/a"), "denied"),
        (far("https://ok.example.com:8443/a"), "denied"),
        (far("file:///etc/passwd"), "invalid"),
        (json!({"command": {"name": "good"}}), ""),
        (json!({"command": {"name": "bad"}}), "denied"),
        (json!({"command": {"name": "../good"}}), "denied"),
        (
            json!({"queue": {"exchange": "events", "routingKey": "a.b"}}),
            "",
        ),
        (
            json!({"queue": {"exchange": "events", "routingKey": "a.*"}}),
            "denied",
        ),
        (
            json!({"queue": {"exchange": "events", "routingKey": "#"}}),
            "denied",
        ),
        (
            json!({"queue": {"exchange": "", "routingKey": "a.b"}}),
            "denied",
        ),
        (
            json!({"notify": {"to": "a@example.com", "subject": "s"}}),
            "",
        ),
        (
            json!({"notify": {"to": "a@example.com.evil.com", "subject": "s"}}),
            "denied",
        ),
        (
            json!({"notify": {"to": "a@evil.com, b@example.com", "subject": "s"}}),
            "invalid",
        ),
        (
            json!({"notify": {"to": "a@example.com", "subject": "s\r\nBcc: x@evil.com"}}),
            "invalid",
        ),
        (
            json!({"notify": {"to": "a\r\nb@example.com", "subject": "s"}}),
            "invalid",
        ),
        (json!({"put": ["mine/a", 1]}), ""),
        (json!({"put": ["theirs/a", 1]}), "denied"),
        (json!({"get": "mine"}), "denied"),
        (json!({"fetch": {"url": receiver.url}}), "denied"),
    ] {
        let dry = Options {
            dry_run: true,
            ..Options::default()
        };
        let decision = host.decide_as(&json!({"do": [step]}), "event", &dry);
        let answer = if decision.indeterminate {
            // A capability that was not granted at all is not there.
            decision.policies[0].fault.as_ref().unwrap().to_string()
        } else {
            said(&decision).join("")
        };
        assert!(
            answer.starts_with(expected) && (expected.is_empty() == answer.is_empty()),
            "{step}: {answer:?}, not {expected:?}"
        );
    }
    let four = (0..4).map(|_| url("/hooks/a")).collect::<Vec<_>>();
    let decision = host.decide(&json!({ "do": four }));
    assert!(said(&decision)[0].starts_with("exhausted: webhook") && plans(&decision).len() == 3);
}

#[test]
fn wildcards_are_no_routing_keys_even_where_everything_is_granted() {
    let host = actor(json!({"broker": "amqp://127.0.0.1:1"})).service();
    for key in ["#", "*", "a.*", "#.b", "a\0b", "a\nb"] {
        let decision =
            host.decide(&json!({"do": [{"queue": {"exchange": "e", "routingKey": key}}]}));
        assert!(
            said(&decision)[0].starts_with("invalid"),
            "{key:?}: {decision:#?}"
        );
    }
    let host = actor(json!({})).service();
    let decision = host.decide(&json!({"do": [{"queue": {"exchange": "e", "routingKey": "k"}}, {"notify": {"to": "a@b.c", "subject": ""}}, {"command": {"name": "x"}}]}));
    assert_eq!(
        said(&decision),
        [
            "not-found: touchstone.yaml has no broker",
            "not-found: touchstone.yaml has no mail server",
            "not-found: touchstone.yaml has no command \"x\"",
        ]
    );
}

#[test]
fn a_grant_by_the_minute_outlives_a_reload() {
    let receiver = Receiver::fine();
    let folder = Folder::new();
    let grants = only(json!({"webhook": [{"pattern": "*", "allowPrivate": true, "perMinute": 3}]}));
    folder.policy("actor", "actor", json!({ "grants": grants }));
    let host = folder.service();
    let event = json!({"do": [webhook(&receiver, json!({}))]});
    let dry = Options {
        dry_run: true,
        ..Options::default()
    };
    for _ in 0..5 {
        assert!(
            said(&host.decide_as(&event, "event", &dry)).is_empty(),
            "a dry run uses nothing up"
        );
    }
    for _ in 0..3 {
        assert!(said(&host.decide(&event)).is_empty());
    }
    folder.yaml("actor", json!({"grants": grants, "order": 5}));
    host.reload();
    assert!(said(&host.decide(&event))[0].starts_with("exhausted"));
}

#[test]
fn a_policy_stages_only_so_much() {
    let receiver = Receiver::fine();
    let host = actor(quick()).service();
    host.settle();
    let large = (0..20)
        .map(|_| webhook(&receiver, json!({"body": "x".repeat(100_000)})))
        .collect::<Vec<_>>();
    let decision = host.decide(&json!({ "do": large }));
    assert!(said(&decision)[0].starts_with("exhausted: one decision stages at most"));
    assert_eq!(plans(&decision).len(), 10);
}

#[test]
fn a_command_gets_arguments_and_nothing_else() {
    let folder = actor(json!({}));
    let out = folder.path().join("out");
    let script = folder.path().join("show");
    fs::write(&script, format!("#!/bin/sh\n{{ for a in \"$@\"; do printf '[%s]' \"$a\"; done; echo; env | sort; pwd; cat; }} > {0}.new\nmv {0}.new {0}\necho done\n", out.display())).unwrap();
    make_executable(&script);
    folder.config(json!({"commands": {"show": {
        "run": [script, "{image}", "--label={label}"],
        "placeholders": {"image": "image", "label": {"text": "(?s).*"}},
        "environment": {"COLOUR": "blue"},
    }}}));
    let host = folder.service();
    let label = "a 'b' \"c\" $(id) `id` ; rm -rf / \n -x";
    let step = json!({"command": {"name": "show", "with": {"image": "nginx:1.27", "label": label}, "input": {"why": "because"}}});
    let decision = host.decide(&json!({ "do": [step] }));
    settle(&host);
    let story = stories(&host).remove(0);
    assert_eq!(
        (story.state, story.detail.as_deref()),
        (ActionState::Done, Some("exit code 0 done"))
    );
    let text = fs::read_to_string(&out).unwrap();
    assert!(
        text.starts_with(&format!("[nginx:1.27][--label={label}]\n")),
        "{text}"
    );
    assert!(text.ends_with("{\"why\":\"because\"}"), "{text}");
    assert!(
        text.contains("COLOUR=blue")
            && text.contains(&format!(
                "TOUCHSTONE_IDEMPOTENCY_KEY={}",
                decision.actions[0].id
            ))
    );
    assert!(!text.contains("HOME=") && !text.contains("CARGO"), "{text}");
    for (with, expected) in [
        (
            json!({"image": "nginx; id", "label": "x"}),
            "no image reference",
        ),
        (json!({"image": "-v", "label": "x"}), "no image reference"),
        (json!({"image": "nginx", "label": "a\0b"}), "NUL"),
        (json!({"image": "nginx"}), "\"label\" has no value"),
        (
            json!({"image": "nginx", "label": "x", "more": "y"}),
            "no placeholder \"more\"",
        ),
    ] {
        let decision = host.decide(&json!({"do": [{"command": {"name": "show", "with": with}}]}));
        let said = said(&decision);
        let kind = match expected.contains("\"") {
            true => "not-found: command show: ",
            false => "invalid: ",
        };
        assert!(
            said[0].starts_with(kind) && said[0].contains(expected),
            "{with}: {said:?}"
        );
    }
}

#[test]
fn a_commands_exit_code_says_what_becomes_of_it() {
    let folder = actor(json!({}));
    let count = folder.path().join("count");
    let script = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        make_executable(&path);
        json!({"run": [path], "timeout": "300ms", "output": "1KiB"})
    };
    let count = count.display();
    folder.config(json!({"outbox": {"first": "10ms", "most": "20ms", "maxAge": "1500ms"}, "commands": {
        "later": script("later", format!("echo x >> {count}; test $(wc -l < {count}) -ge 3 || exit 75")),
        "bad": script("bad", "echo it broke >&2; exit 3".to_owned()),
        "loud": script("loud", "head -c 100000 /dev/zero | tr '\\0' x".to_owned()),
        "slow": script("slow", "sleep 5 & sleep 5".to_owned()),
        "leaves": script("leaves", "sleep 5 & echo done".to_owned()),
        "missing": {"run": ["/nonexistent/program"]},
    }}));
    let host = folder.service();
    for (name, state, detail) in [
        ("later", ActionState::Done, "exit code 0"),
        ("bad", ActionState::Dead, "exit code 3 it broke"),
        ("loud", ActionState::Done, "exit code 0 xxx"),
        ("leaves", ActionState::Done, "exit code 0 done"),
        (
            "slow",
            ActionState::Dead,
            "given up after 1s 500ms (outbox.maxAge): it took longer than 300ms and was killed",
        ),
        (
            "missing",
            ActionState::Dead,
            "given up after 1s 500ms (outbox.maxAge): /nonexistent/program cannot be run",
        ),
    ] {
        let decision = host.decide(&json!({"do": [{"command": {"name": name}}]}));
        settle(&host);
        let story = host
            .runtime
            .block_on(host.service.outside.store.action(&decision.actions[0].id))
            .unwrap()
            .unwrap();
        assert_eq!(story.state, state, "{name}: {story:#?}");
        assert!(
            story.detail.as_ref().unwrap().starts_with(detail),
            "{name}: {story:#?}"
        );
        assert!(story.detail.unwrap().len() <= 500);
    }
}

#[test]
fn a_command_runs_as_whom_it_should() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED a_command_runs_as_whom_it_should: only root can"
        );
        return;
    }
    let config = json!({"outbox": {"first": "10ms", "maxAge": "100ms"}, "commands": {
        "id": {"run": ["/bin/sh", "-c", "id -un; id -Gn; touch here && ls -ld ."], "user": "nobody"},
        "ghost": {"run": ["/bin/true"], "user": "no-such-user"},
    }});
    let host = actor(config).service();
    host.decide(&json!({"do": [{"command": {"name": "id"}}, {"command": {"name": "ghost"}}]}));
    settle(&host);
    let details: Vec<String> = stories(&host)
        .into_iter()
        .filter_map(|story| story.detail)
        .collect();
    assert!(
        details[1].starts_with("exit code 0 nobody\nnogroup\ndrwx------ 2 nobody nogroup"),
        "{details:?}"
    );
    assert!(
        details[0].ends_with("there is no user \"no-such-user\""),
        "{details:?}"
    );
}

fn make_executable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn decisions_and_actions_can_be_listed_and_ordered_over_http() {
    let receiver = Receiver::start(|received, _| match received.path.as_str() {
        "/bad" => Answer::Status(404, "nobody here"),
        _ => Answer::Status(200, ""),
    });
    let folder = actor(quick());
    let server = Server::with_config(&folder);
    let bad = json!({"webhook": {"url": format!("{}/bad", receiver.url), "body": {"why": "x"}}});
    let (status, decision) = server.post(
        "/v1/decide",
        json!({"image": "nginx:1", "do": [bad, "deny"]})
            .to_string()
            .as_bytes(),
    );
    assert_eq!(
        (status, decision["actions"][0]["state"].as_str()),
        (200, Some("due"))
    );
    for image in ["nginx:1", "redis:7"] {
        server.post(
            "/v1/decide",
            json!({"image": image, "do": []}).to_string().as_bytes(),
        );
    }
    let id = decision["actions"][0]["id"].as_str().unwrap();
    wait_until("the action is dead", || {
        server.get_json(&format!("/v1/actions/{id}"))["state"] == "dead"
    });
    let shown = server.get_json(&format!("/v1/actions/{id}"));
    assert_eq!(
        (
            shown["detail"].as_str(),
            shown["history"].as_array().unwrap().len()
        ),
        (Some("404 nobody here"), 1)
    );
    assert_eq!(shown["request"]["body"], json!({"why": "x"}));
    let kept = server.get_json(&format!(
        "/v1/decisions/{}",
        decision["id"].as_str().unwrap()
    ));
    assert_eq!(
        (&kept["verdict"], &kept["actions"][0]["state"]),
        (&json!("deny"), &json!("dead"))
    );
    wait_until("all decisions are kept", || {
        server.get_json("/v1/decisions")["decisions"]
            .as_array()
            .unwrap()
            .len()
            == 3
    });
    let count = |query: &str| {
        server.get_json(&format!("/v1/decisions?{query}"))["decisions"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(
        (
            count("verdict=deny"),
            count("subject=nginx:1"),
            count("policy=actor"),
            count("policy=act")
        ),
        (1, 2, 3, 0)
    );
    assert_eq!(
        (
            count("since=2020-01-01T00:00:00Z"),
            count("until=2020-01-01T00:00:00Z")
        ),
        (3, 0)
    );
    let page = server.get_json("/v1/decisions?limit=2");
    let rest = server.get_json(&format!(
        "/v1/decisions?limit=2&cursor={}",
        page["cursor"].as_str().unwrap()
    ));
    assert_eq!(
        (rest["decisions"].as_array().unwrap().len(), &rest["cursor"]),
        (1, &Value::Null)
    );
    assert_eq!(
        server.get_json("/v1/actions?state=dead")["actions"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        server.get_json("/v1/actions?state=due")["actions"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    let (status, _) = server.post(&format!("/v1/actions/{id}/retry"), b"");
    assert_eq!(status, 200);
    wait_until("it was tried again", || {
        server.get_json(&format!("/v1/actions/{id}"))["history"]
            .as_array()
            .unwrap()
            .len()
            == 2
    });
    wait_until("it is dead again", || {
        server.get_json(&format!("/v1/actions/{id}"))["state"] == "dead"
    });
    let (status, after) = server.post(&format!("/v1/actions/{id}/discard"), b"");
    assert_eq!((status, after["state"].as_str()), (200, Some("discarded")));
    assert_eq!(
        server.post(&format!("/v1/actions/{id}/discard"), b"").0,
        409
    );
    for path in ["/v1/actions/nothing", "/v1/decisions/nothing"] {
        assert_eq!(server.get(path).0, 404);
    }
    for path in [
        "/v1/decisions?verdct=deny",
        "/v1/decisions?since=yesterday",
        "/v1/actions?state=lost",
        "/v1/decisions?limit=x",
    ] {
        assert_eq!(server.get(path).0, 400, "{path}");
    }
    let metrics = server.get("/metrics").1;
    assert!(
        metrics.contains("touchstone_action_attempts_total{kind=\"webhook\",state=\"dead\"} 2"),
        "{metrics}"
    );
    // A page that somebody has open cannot do that.
    let foreign = [("origin", "https://evil.example.com")];
    assert_eq!(
        server
            .post_with(&format!("/v1/actions/{id}/retry"), b"", &foreign)
            .0,
        403
    );
    assert_eq!(
        server.post_with("/v1/decide", b"{\"do\":[]}", &foreign).0,
        403
    );
    // Nor can one whose own name leads here.
    let rebound = [
        ("host", "evil.example.com:8181"),
        ("origin", "http://evil.example.com:8181"),
    ];
    assert_eq!(
        server.post_with("/v1/decide", b"{\"do\":[]}", &rebound).0,
        403
    );
}

#[test]
fn the_command_line_shows_and_orders_the_same() {
    let receiver = Receiver::start(|_, number| {
        if number == 0 {
            Answer::Status(400, "no\u{1b}[2J")
        } else {
            Answer::Status(200, "yes")
        }
    });
    let folder = actor(quick());
    let server = Server::with_config(&folder);
    server.post(
        "/v1/decide",
        json!({"image": "nginx:1", "do": [webhook(&receiver, json!({})), "deny"]})
            .to_string()
            .as_bytes(),
    );
    wait_until("the action is dead", || {
        !server.get_json("/v1/actions?state=dead")["actions"]
            .as_array()
            .unwrap()
            .is_empty()
    });
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(crate::support::TOUCHSTONE)
            .args(arguments)
            .args(["--server", &server.url])
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, out, _) = run(&["decisions", "--verdict", "deny", "--since", "1h"]);
    assert!(
        code == Some(0) && out.starts_with("deny  ") && out.contains(" event nginx:1 denied"),
        "{out}"
    );
    let (_, out, _) = run(&["actions", "--state", "dead"]);
    assert!(
        out.starts_with("dead ") && out.contains("webhook") && !out.contains('\u{1b}'),
        "{out}"
    );
    let id = out.split_whitespace().nth(1).unwrap();
    assert_eq!(run(&["actions", "retry", id]).0, Some(0));
    wait_until("it is done", || {
        run(&["actions", "show", id])
            .1
            .contains("\"state\": \"done\"")
    });
    let (code, _, errors) = run(&["actions", "discard", id]);
    assert!(
        code == Some(3) && errors.contains("409: the action is done"),
        "{errors}"
    );
    let (code, _, errors) = run(&["decisions", "--verdict", "denied"]);
    assert!(
        code == Some(3) && errors.contains("expected allow, warn or deny"),
        "{errors}"
    );
}

#[test]
fn check_shows_the_plan_and_performs_it_only_when_told() {
    let receiver = Receiver::start(|received, _| {
        if received.path == "/bad" {
            Answer::Status(404, "no")
        } else {
            Answer::Status(200, "")
        }
    });
    let folder = actor(quick());
    let check = |steps: Value, arguments: &[&str]| {
        let file = folder.path().join("event.json");
        fs::write(&file, json!({ "do": steps }).to_string()).unwrap();
        let output = std::process::Command::new(crate::support::TOUCHSTONE)
            .args(["check", "--config"])
            .arg(folder.path().join("touchstone.yaml"))
            .arg("--cache")
            .arg(crate::support::cache())
            .args(arguments)
            .arg(file)
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let fine = json!([
        webhook(&receiver, json!({})),
        webhook(&receiver, json!({"when": "denied"}))
    ]);
    let (code, out, _) = check(fine.clone(), &[]);
    assert!(
        code == Some(0)
            && out.contains("would be done: webhook http://127.0.0.1")
            && out.contains("not under this verdict: webhook"),
        "{out}"
    );
    assert_eq!(receiver.count(), 0);
    let (code, out, errors) = check(fine, &["--perform"]);
    assert_eq!((code, receiver.count()), (Some(0), 1), "{out} {errors}");
    let bad = json!([{"webhook": {"url": format!("{}/bad", receiver.url)}}]);
    let (code, _, errors) = check(bad, &["--perform"]);
    assert!(
        code == Some(5) && errors.contains("dead: webhook"),
        "{errors}"
    );
}
