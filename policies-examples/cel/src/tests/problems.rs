//! Mistakes that are found when the policy is loaded: all at once, each with its place.

use super::*;

#[test]
fn everything_is_reported_at_once() {
    let found = problems(json!({
        "variables": [
            {"name": "first", "expression": "variables.second"},
            {"name": "second", "expression": "variables.second + 1"},
            {"name": "second", "expression": "1"},
            {"name": "no-name", "expression": "1 +"},
        ],
        "matchConditions": [{"name": "c", "expression": "reqest.operation == 'CREATE'"}],
        "validations": [
            {"expression": "object.spec.replicas <=\n  maximum(5)"},
            {"expression": "true", "messageExpression": "'a' + ", "message": "one\ntwo"},
            {"expression": "object.name.matches('(')", "message": " "},
            {"expression": "quantity('1Gb').isLessThan(object.memory)"},
            {"expression": ""},
            {"expression": "variables.first"},
        ]
    }));
    let expected = [
        "/variables/0/expression: line 1, column 11: there is no variable \"second\" before this",
        "/variables/1/expression: line 1, column 11: there is no variable \"second\" before this",
        "/variables/2/name: there are two variables \"second\"",
        "/variables/3/name: \"no-name\" is no identifier",
        "/variables/3/expression: line 1, column 4:",
        "/matchConditions/0/expression: line 1, column 1: there is no \"reqest\"; there are object, oldObject,",
        "/validations/0/expression: line 2, column 3: there is no function \"maximum\"",
        "/validations/1/message: it has more than one line",
        "/validations/1/messageExpression: line 1, column",
        "/validations/2/message: it says nothing",
        "/validations/2/expression: line 1, column 21: it is no regular expression:",
        "/validations/3/expression: line 1, column 10: \"1Gb\" is no quantity",
        "/validations/4/expression: it is empty",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
}

#[test]
fn each_mistake_has_its_place() {
    for (expression, expected) in [
        ("object.", "line 1, column 8: expected identifier"),
        ("object..a", "line 1, column 8: "),
        ("true &&\n(false", "line 2, column"),
        ("'abc", "line 1, column 1: unterminated string literal"),
        ("a ? b", "line 1, column"),
        ("1 = 1", "line 1, column 3: "),
        ("object.spec ?? 1", "line 1, column"),
        ("has(object)", "line 1, column"),
        (
            "has(object.a, object.b)",
            "line 1, column 1: there is no function \"has\"",
        ),
        ("[1].all(1, true)", "line 1, column"),
        (
            "[1].all(i, v, true)",
            "line 1, column 5: there is no function \"all\"",
        ),
        ("for", "line 1, column 1: "),
        (
            "'a'.lower()",
            "line 1, column 5: there is no function \"lower\"",
        ),
        (
            "'a'.split()",
            "line 1, column 5: \"split\" takes 1 or 2 arguments, not 0",
        ),
        (
            "split('a', ',')",
            "line 1, column 1: \"split\" cannot be called alone",
        ),
        (
            "url('https://a.example').getHost() == 'a'",
            "line 1, column 26: there is no function \"getHost\"",
        ),
        (
            "authorizer.group('').check('get').allowed()",
            "line 1, column",
        ),
        (
            "timestamp('2026-01-01T00:00:00Z') > timestamp('x')",
            "line 1, column 1: there is no function \"timestamp\"",
        ),
        ("Pod{name: 'a'}.name == 'a'", "line 1, column"),
        (
            "variables['a']",
            "line 1, column 1: variables can only be named one by one",
        ),
        (
            "has(variables.a)",
            "line 1, column 5: variables can only be named one by one",
        ),
        (
            "[1].map(x, x)[0] == x",
            "line 1, column 9: there is no \"x\"",
        ),
        (
            "sets.conains([1], [1])",
            "line 1, column 6: there is no function \"conains\"",
        ),
    ] {
        let settings = json!({"validations": [{"expression": expression}]});
        let found = problems(settings);
        let place = format!("/validations/0/expression: {expected}");
        assert!(
            found.iter().any(|found| found.starts_with(&place)),
            "{expression}: {found:#?}"
        );
    }
}

#[test]
fn settings_without_expressions_are_mistakes_too() {
    for (settings, expected) in [
        (json!({}), ": key \"validations\" is missing"),
        (
            json!({"validations": []}),
            "/validations: number of items 0 is less than 1",
        ),
        (
            json!({"validations": [{"expresion": "true"}]}),
            "/validations/0/expresion: unknown key",
        ),
        (
            json!({"validations": [{"expression": "true"}], "failurePolicy": "Deny"}),
            "/failurePolicy: ",
        ),
        (
            json!({"validations": [{"expression": "true"}], "validationActions": ["Block"]}),
            "/validationActions/0: ",
        ),
        (
            json!({"validations": [{"expression": "true", "level": "high"}]}),
            "/validations/0/level: ",
        ),
    ] {
        let found = problems(settings.clone());
        assert!(
            found.iter().any(|found| found.starts_with(expected)),
            "{settings}: {found:#?}"
        );
    }
}
