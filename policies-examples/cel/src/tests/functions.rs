//! What the functions do, and that the table of them is true.

use std::sync::Arc;

use interpreter::{Context, ExecutionError};

use super::*;
use crate::functions::{FUNCTIONS, environment};

#[test]
fn every_function_of_the_table_is_there() {
    let environment = Arc::new(environment().unwrap());
    let context = Context::with_env(environment);
    for function in FUNCTIONS {
        for count in 0..4 {
            let arguments = vec!["null"; count].join(", ");
            for (on_value, call) in [
                (false, format!("{}({arguments})", function.name)),
                (true, format!("null.{}({arguments})", function.name)),
            ] {
                if function.takes(on_value, count).is_err() {
                    continue;
                }
                let expression = interpreter::parser::PrattParser::new()
                    .parse(&call)
                    .unwrap();
                let found = context.resolve(&expression);
                let is_unknown = matches!(found, Err(ExecutionError::UndeclaredReference(_)));
                assert!(!is_unknown, "{call}: {found:?}");
            }
        }
    }
}

#[test]
fn functions_do_what_kubernetes_says() {
    for expression in [
        "'a,b,c'.split(',') == ['a', 'b', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c']",
        "'AbC'.lowerAscii() == 'abc' && 'AbC'.upperAscii() == 'ABC'",
        "'a-b-a'.replace('a', 'x') == 'x-b-x' && 'a-b-a'.replace('a', 'x', 1) == 'x-b-a'",
        "'  a '.trim() == 'a' && 'hello'.substring(1, 3) == 'el' && 'hello'.indexOf('l') == 2 && 'hello'.lastIndexOf('l') == 3",
        "['a', 'b'].join('/') == 'a/b' && '%s has %d'.format(['a', 2]) == 'a has 2'",
        "'release-1.27'.find('[0-9]+') == '1' && 'x'.find('[0-9]+') == ''",
        "'a1b22c333'.findAll('[0-9]+') == ['1', '22', '333'] && 'a1b22'.findAll('[0-9]+', 1) == ['1']",
        "'abc'.matches('^[a-z]+$') && !'abc1'.matches('^[a-z]+$') && matches('abc', 'b')",
        "[1, 2, 3].isSorted() && !['b', 'a'].isSorted() && [].isSorted()",
        "[1, 2, 3].sum() == 6 && [0.5, 0.5].sum() == 1.0 && [].sum() == 0",
        "[3, 1, 2].min() == 1 && [3, 1, 2].max() == 3 && ['b', 'a'].min() == 'a'",
        "[1, 2, 2].indexOf(2) == 1 && [1, 2, 2].lastIndexOf(2) == 2 && [1].indexOf(5) == -1",
        "[1, 2, 3].slice(1, 3) == [2, 3] && [[1], [2]].flatten() == [1, 2] && [2, 1].sort() == [1, 2]",
        "[1, 1, 2].distinct() == [1, 2] && lists.range(3) == [0, 1, 2]",
        "sets.contains([1, 2, 3], [2, 3]) && !sets.contains([1], [2]) && sets.contains([], [])",
        "sets.equivalent([1, 2], [2, 1, 1]) && sets.intersects([1, 2], [2, 3]) && !sets.intersects([1], [])",
        "size('abc') == 3 && [1, 2].size() == 2 && size({'a': 1}) == 1",
        "dyn(1) == 1 && type('a') == string && type([]) == list && type({}) == map && type(null) == null_type",
        "optional.none().orValue(1) == 1 && optional.of(2).value() == 2 && optional.none().or(optional.of(3)).value() == 3",
        "[?object.?x, 1] == [1] && {?'a': object.?x} == {}",
    ] {
        assert_eq!(holds(expression, json!({})), Ok(true), "{expression}");
    }
    for expression in [
        "[].min() == 1",
        "[1, 'a'].max() == 1",
        "[1, 'a'].sum() == 1",
        "object.pattern.matches('(') ",
    ] {
        let settings = json!({"validations": [{"expression": expression}]});
        let bad =
            problems(settings).len() + usize::from(holds("[].min() == 1", json!({})).is_err());
        assert!(bad > 0, "{expression}");
    }
    let why = holds("'a'.matches(object.pattern)", json!({"pattern": "("})).unwrap_err();
    assert!(why.contains("it is no regular expression"), "{why}");
}

#[test]
fn quantities_count_as_kubernetes_does() {
    for expression in [
        "quantity('1Gi').compareTo(quantity('1024Mi')) == 0 && quantity('1Gi') == quantity('1073741824')",
        "quantity('1.5').isGreaterThan(quantity('1499m')) && quantity('500m').isLessThan(quantity('1'))",
        "quantity('1k').asInteger() == 1000 && quantity('2Ki').asInteger() == 2048 && quantity('12e3').asInteger() == 12000",
        "quantity('1.5').asApproximateFloat() == 1.5 && !quantity('1.5').isInteger() && quantity('50k').isInteger()",
        "quantity('1').add(quantity('500m')) == quantity('1500m') && quantity('1').add(2) == quantity('3')",
        "quantity('1').sub(quantity('2')).sign() == -1 && quantity('3').sub(3).sign() == 0",
        "quantity('-1.5Gi').sign() == -1 && quantity('+1') == quantity('1') && quantity('.5') == quantity('500m')",
        "quantity('1n').isGreaterThan(quantity('0')) && quantity('0.1n') == quantity('1n')",
        "['1', '1.', '0.5Gi', '100m', '1E', '1e3', '1E3', '7Ei', '001', '9223372036854775807'].all(q, isQuantity(q))",
        "['', 'a', '1GB', '1 Gi', '1.2.3', '--1', '1e', '1e99', '8Ei', '1ki', '.', '99999999999999999999'].all(q, !isQuantity(q))",
    ] {
        assert_eq!(holds(expression, json!({})), Ok(true), "{expression}");
    }
    let long = format!("isQuantity('{}') || true", "9".repeat(5000));
    assert_eq!(holds(&long, json!({})), Ok(true));
    for text in ["1x", "8Ei"] {
        assert!(
            holds("quantity(object.q).isInteger()", json!({"q": text}))
                .unwrap_err()
                .contains("is none")
        );
    }
}
