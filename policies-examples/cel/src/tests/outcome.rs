//! What becomes of what expressions say.

use super::*;

fn event() -> TestEvent {
    TestEvent::new("event")
        .subject("acme/web:1")
        .data(json!({"a": 1, "list": [1, 2]}))
}

#[test]
fn a_finding_says_what_the_validation_says() {
    let settings = json!({"validations": [{
        "expression": "object.a == 2", "message": "a is not 2", "reason": "Invalid", "severity": "high", "level": "warn", "id": "a-is-two",
    }]});
    let found = judge(settings, event()).unwrap().remove(0);
    assert_eq!((&*found.id, &*found.message), ("a-is-two", "a is not 2"));
    assert_eq!((found.level, found.severity), (Level::Warn, Severity::High));
    assert_eq!(found.target.as_deref(), Some("acme/web:1"));
    let details: Value = found.details.unwrap().parse().unwrap();
    assert_eq!(
        details,
        json!({"expression": "object.a == 2", "reason": "Invalid"})
    );
}

#[test]
fn what_it_is_about_is_named_as_kubernetes_does() {
    let settings = json!({"validations": [{"expression": "false"}]});
    let found = judge(settings, create(json!({"kind": "Deployment"})))
        .unwrap()
        .remove(0);
    assert_eq!(found.target.as_deref(), Some("Deployment shop/web"));
    assert_eq!(
        (&*found.id, &*found.message),
        ("validation-0", "failed expression: false")
    );
}

#[test]
fn levels_come_from_actions() {
    for (actions, level, expected) in [
        (json!(["Deny"]), None, Level::Deny),
        (json!(["Warn", "Audit"]), None, Level::Warn),
        (json!(["Audit"]), None, Level::Info),
        (json!(["Audit"]), Some("deny"), Level::Deny),
        (json!(["Deny", "Audit"]), Some("info"), Level::Info),
    ] {
        let mut validation = json!({"expression": "false"});
        if let Some(level) = level {
            validation["level"] = json!(level);
        }
        let settings = json!({"validationActions": actions, "validations": [validation]});
        assert_eq!(
            judge(settings, event()).unwrap()[0].level,
            expected,
            "{actions} {level:?}"
        );
    }
}

#[test]
fn a_message_that_cannot_be_said_is_replaced() {
    for (expression, message, expected) in [
        ("'a is ' + string(object.a)", Some("other"), "a is 1"),
        ("''", Some("other"), "other"),
        ("'  '", Some("other"), "other"),
        ("'one\\ntwo'", Some("other"), "other"),
        ("object.b", Some("other"), "other"),
        ("object.a", Some("other"), "other"),
        ("object.b", None, "failed expression: object.a == 2 && true"),
    ] {
        let mut validation =
            json!({"expression": "object.a == 2\n  && true", "messageExpression": expression});
        if let Some(message) = message {
            validation["message"] = json!(message);
        }
        let found = judge(json!({"validations": [validation]}), event()).unwrap();
        assert_eq!(found[0].message, expected, "{expression}");
    }
}

#[test]
fn what_cannot_be_evaluated_is_not_decided() {
    let settings = json!({"validations": [
        {"expression": "object.b == 1", "id": "b"}, {"expression": "true"}, {"expression": "object.a > 'x'"},
    ]});
    let why = judge(settings, event()).unwrap_err();
    assert!(why.starts_with("b cannot be evaluated: there is no key \"b\"; validation-2 cannot be evaluated: found no"), "{why}");
}

#[test]
fn what_is_denied_stays_denied_and_the_rest_is_said() {
    let settings = json!({"validations": [{"expression": "object.b == 1"}, {"expression": "false", "id": "no"}]});
    let found = judge(settings, event()).unwrap();
    let told: Vec<(&str, Level)> = found
        .iter()
        .map(|found| (&*found.id, found.level))
        .collect();
    assert_eq!(told, [("no", Level::Deny), ("not-evaluated", Level::Deny)]);
    // A warning alone does not decide.
    let settings = json!({"validations": [{"expression": "object.b == 1"}, {"expression": "false", "level": "warn"}]});
    assert!(judge(settings, event()).is_err());
}

#[test]
fn errors_may_be_ignored() {
    let settings = json!({"failurePolicy": "Ignore", "validations": [{"expression": "object.b == 1"}, {"expression": "object.a == 2"}]});
    let found = judge(settings, event()).unwrap();
    let told: Vec<(&str, Level)> = found
        .iter()
        .map(|found| (&*found.id, found.level))
        .collect();
    assert_eq!(
        told,
        [
            ("validation-1", Level::Deny),
            ("not-evaluated", Level::Warn)
        ]
    );
}

#[test]
fn conditions_say_what_is_none_of_its_business() {
    let judged = |conditions: &[&str], policy: &str| {
        let conditions: Vec<Value> = conditions
            .iter()
            .map(|condition| json!({"name": "c", "expression": condition}))
            .collect();
        let settings = json!({"matchConditions": conditions, "failurePolicy": policy, "validations": [{"expression": "false"}]});
        judge(settings, event()).map(|found| found.len())
    };
    assert_eq!(judged(&[], "Fail"), Ok(1));
    assert_eq!(judged(&["true", "object.a == 1"], "Fail"), Ok(1));
    assert_eq!(judged(&["true", "object.a == 2"], "Fail"), Ok(0));
    // One that is false counts more than one that is broken.
    assert_eq!(judged(&["object.b == 1", "false"], "Fail"), Ok(0));
    assert_eq!(judged(&["object.b == 1", "true"], "Ignore"), Ok(0));
    let why = judged(&["object.b == 1", "true"], "Fail").unwrap_err();
    assert_eq!(
        why,
        "condition c cannot be evaluated: there is no key \"b\""
    );
}

#[test]
fn variables_are_evaluated_when_they_are_needed() {
    let settings = |expression: &str| {
        json!({
            "variables": [
                {"name": "broken", "expression": "object.b"},
                {"name": "numbers", "expression": "object.list.map(i, i * 10)"},
                {"name": "sum", "expression": "variables.numbers.sum()"},
                {"name": "limit", "expression": "quantity('1Gi')"},
                {"name": "maybe", "expression": "object.?b"},
                {"name": "map", "expression": "{'a': b'x', 'n': null, 't': int}"},
            ],
            "validations": [{"expression": expression}]
        })
    };
    for expression in [
        "variables.sum == 30 && variables.numbers[0] == 10",
        "variables.sum == 30 || variables.broken",
        "variables.broken || true",
        "variables.limit.isGreaterThan(quantity('1G'))",
        "!variables.maybe.hasValue() && variables.maybe.orValue(2) == 2",
        "variables.map.a == b'x' && variables.map.n == null && variables.map.t == type(1)",
        "has(variables.map.a) && !has(variables.map.b)",
        "[1, 2].all(i, variables.numbers[i - 1] == i * 10)",
    ] {
        assert_eq!(
            judge(settings(expression), event()).map(|found| found.len()),
            Ok(0),
            "{expression}"
        );
    }
    for expression in [
        "variables.broken",
        "variables.broken == variables.sum",
        "[1].all(i, variables.broken)",
    ] {
        let why = judge(settings(expression), event()).unwrap_err();
        assert!(
            why.ends_with("variables.broken: there is no key \"b\""),
            "{why}"
        );
    }
}

#[test]
fn any_document_is_an_object() {
    for expression in [
        "object.a == 1 && oldObject == null && request == null && namespaceObject == null && params == null",
        "event.kind == 'event' && event.subject == 'acme/web:1' && event.id == 'test' && !has(event.namespace)",
        "event.time.startsWith('2026-')",
    ] {
        let settings = json!({"validations": [{"expression": expression}]});
        assert_eq!(
            judge(settings, event()).map(|found| found.len()),
            Ok(0),
            "{expression}"
        );
    }
    for expression in [
        "object.kind == 'Pod' && oldObject == null && request.operation == 'CREATE' && request.kind.kind == 'Pod'",
        "request.userInfo.username == 'ana' && request.namespace == 'shop' && !has(request.object) && !has(request.oldObject)",
    ] {
        let settings = json!({"validations": [{"expression": expression}]});
        assert_eq!(
            judge(settings, create(json!({"kind": "Pod"}))).map(|found| found.len()),
            Ok(0),
            "{expression}"
        );
    }
    // What is deleted is only in oldObject.
    let settings =
        json!({"validations": [{"expression": "object == null && oldObject.kind == 'Pod'"}]});
    assert_eq!(
        judge(
            settings,
            review("DELETE", Value::Null, json!({"kind": "Pod"}))
        )
        .map(|found| found.len()),
        Ok(0)
    );
}
