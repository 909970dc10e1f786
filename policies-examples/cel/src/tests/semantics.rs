//! Where implementations of CEL are known to differ from Kubernetes', and from each other.

use super::*;

#[test]
fn numbers_of_documents_are_ints_where_they_are_whole() {
    let document = json!({"int": 3, "double": 3.0, "negative": -1, "large": u64::MAX, "half": 0.5});
    for expression in [
        "type(object.int) == int && type(object.negative) == int",
        "type(object.double) == double && type(object.half) == double",
        "type(object.large) == double",
        "object.int == 3 && object.int + 1 == 4 && object.int / 2 == 1 && object.int % 2 == 1",
        "object.int == 3.0 && object.double == 3 && object.int == 3u",
        "object.int > 2.5 && object.double >= 3 && object.int < 4u",
        "object.int in [1, 2, 3] && object.double in [3]",
        "int('7') == 7 && string(object.int) == '3' && double(object.int) == 3.0",
    ] {
        assert_eq!(
            holds(expression, document.clone()),
            Ok(true),
            "{expression}"
        );
    }
    let mixed = holds("object.int + object.double == 6.0", document);
    assert!(
        mixed.unwrap_err().contains("add"),
        "no addition of int and double"
    );
}

#[test]
fn what_is_missing_is_an_error_and_not_null() {
    let document = json!({"a": {"b": null, "c": 1}});
    for (expression, expected) in [
        ("has(object.a) && has(object.a.c)", Ok(true)),
        ("has(object.a.b) && object.a.b == null", Ok(true)),
        ("has(object.x)", Ok(false)),
        ("has(object.x.y)", Err("there is no key \"x\"")),
        ("object.x == null", Err("there is no key \"x\"")),
        ("object.a['x'] == 1", Err("there is no key \"x\"")),
        ("'c' in object.a && !('x' in object.a)", Ok(true)),
        ("object.?x.?y.orValue(1) == 1", Ok(true)),
        (
            "object.?a.?c.orValue(7) == 1 && object[?'a'].hasValue()",
            Ok(true),
        ),
        ("object.a.?x.hasValue()", Ok(false)),
        ("[1, 2][5] == 1", Err("Index out of bounds")),
        ("[1, 2][?5].orValue(0) == 0", Ok(true)),
        ("object.a.c.d == 1", Err("found no matching overload")),
        ("object.a.b.c == 1", Err("found no matching overload")),
    ] {
        let found = holds(expression, document.clone());
        match expected {
            Ok(expected) => assert_eq!(found, Ok(expected), "{expression}"),
            Err(part) => assert!(
                found.clone().is_err_and(|why| why.contains(part)),
                "{expression}: {found:?}"
            ),
        }
    }
}

#[test]
fn what_decides_absorbs_errors_on_both_sides() {
    for (expression, expected) in [
        ("object.x == 1 || true", Some(true)),
        ("true || object.x == 1", Some(true)),
        ("object.x == 1 && false", Some(false)),
        ("false && object.x == 1", Some(false)),
        ("object.x == 1 || false", None),
        ("object.x == 1 && true", None),
        ("object.x == 1 || object.y == 1", None),
        ("true ? true : object.x == 1", Some(true)),
        ("object.x ? true : true", None),
        ("[1, 0].exists(i, 1 / i == 1)", Some(true)),
        ("[0, 1].exists(i, 1 / i == 1)", Some(true)),
        ("[0, 2].exists(i, 1 / i == 1)", None),
        ("[0, 2].all(i, 1 / i == 1)", Some(false)),
        ("[0, 1].all(i, 1 / i == 1)", None),
        ("[0, 1].exists_one(i, 1 / i == 1)", None),
        ("[].all(i, false) && ![].exists(i, true)", Some(true)),
        ("object.x in []", None),
    ] {
        assert_eq!(holds(expression, json!({})).ok(), expected, "{expression}");
    }
}

#[test]
fn an_expression_that_is_not_bool_decides_nothing() {
    for (expression, part) in [
        ("1", "it is of type int, not bool"),
        ("'true'", "it is of type string, not bool"),
        ("null", "it is of type null_type, not bool"),
        ("optional.of(true)", "it is of type optional_type, not bool"),
        ("1 && true", "'_&&_'"),
        ("9223372036854775807 + 1 == 0", "Overflow"),
        ("1 / 0 == 1", "Division by zero"),
        ("1 < 'a'", "found no matching overload"),
    ] {
        let why = holds(expression, json!({})).unwrap_err();
        assert!(why.contains(part), "{expression}: {why}");
    }
}

#[test]
fn names_of_comprehensions_hide_others() {
    for expression in [
        "[1].all(object, object == 1)",
        "[1].map(variables, variables + 1) == [2]",
        "[[1, 2], [3]].all(x, x.all(x, x > 0))",
        "{'a': 1, 'b': 2}.all(key, key in ['a', 'b'])",
        "[1, 2, 3].filter(i, i > 1).map(i, i * 2) == [4, 6]",
        "[1, 2, 3].map(i, i > 1, i * 2) == [4, 6]",
        "[1, 2].existsOne(i, i == 1)",
    ] {
        assert_eq!(holds(expression, json!({})), Ok(true), "{expression}");
    }
    // A variable is evaluated as it stands in the settings, whatever is hidden where it is named.
    let settings = json!({
        "variables": [{"name": "limit", "expression": "object.limit"}],
        "validations": [{"expression": "[7].all(object, variables.limit == 3 && object == 7)"}]
    });
    let event = TestEvent::new("event").data(json!({"limit": 3}));
    assert_eq!(judge(settings, event).map(|found| found.len()), Ok(0));
}

#[test]
fn texts_are_unicode() {
    for expression in [
        "'Größe'.size() == 5 && 'Größe'.charAt(2) == 'ö'",
        r"'a\nb' == 'a' + '\n' + 'b' && r'\d' == '\\d' && '''it's''' == 'it\'s'",
        "'a' < 'b' && 'ä'.lowerAscii() == 'ä'",
    ] {
        assert_eq!(holds(expression, json!({})), Ok(true), "{expression}");
    }
}

#[test]
fn keys_that_are_no_identifiers_can_be_named() {
    let document =
        json!({"metadata": {"labels": {"app.kubernetes.io/name": "web"}}, "namespace": 1, "in": 2});
    for expression in [
        "object.metadata.labels['app.kubernetes.io/name'] == 'web'",
        "object.metadata.labels.`app.kubernetes.io/name` == 'web'",
        "object.namespace == 1 && object['in'] == 2",
    ] {
        assert_eq!(
            holds(expression, document.clone()),
            Ok(true),
            "{expression}"
        );
    }
}
