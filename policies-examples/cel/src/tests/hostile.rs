//! What is meant to break it. What only the host's limits of time and memory end, is in `cases`.

use std::time::{Duration, Instant};

use super::*;

fn told(expression: String) -> Vec<String> {
    problems(json!({"validations": [{"expression": expression}]}))
}

#[test]
fn what_nests_too_deeply_is_not_loaded() {
    for (name, expression) in [
        (
            "parentheses",
            format!("{}1{}", "(".repeat(5000), ")".repeat(5000)),
        ),
        (
            "lists",
            format!("{}1{}", "[".repeat(5000), "]".repeat(5000)),
        ),
        (
            "maps",
            format!("{}1{}", "{'a':".repeat(2000), "}".repeat(2000)),
        ),
        ("open lists", "[".repeat(16_000)),
        ("not", format!("{}true", "!(".repeat(5000))),
        ("conditionals", format!("{}1", "true ? 1 : ".repeat(1000))),
        (
            "conditionals in braces",
            format!("{{'a': {}1}}", "true ? 1 : ".repeat(1000)),
        ),
        ("sums", format!("1{}", "+1".repeat(1900))),
        ("signs", "!-".repeat(1900) + "1"),
        ("indices", format!("[[1]]{}", "[0]".repeat(1300))),
        ("fields", format!("object{}", ".a".repeat(1900))),
        ("optional fields", format!("object{}", ".?a".repeat(1300))),
        ("calls", format!("'a'{}", ".trim()".repeat(900))),
        ("and", format!("a{}", "&&a".repeat(3000))),
        (
            "comprehensions",
            (0..70).fold("1".to_owned(), |inner, place| {
                format!("[1].map(x{place}, {inner})")
            }),
        ),
    ] {
        let found = told(expression);
        let is_told = found
            .iter()
            .any(|found| found.contains("nests more than") || found.contains("words and signs"));
        assert!(is_told, "{name}: {found:?}");
    }
}

#[test]
fn variables_do_not_hide_how_deep_they_nest() {
    let link = |place: usize| match place {
        0 => json!({"name": "v0", "expression": "1"}),
        _ => {
            json!({"name": format!("v{place}"), "expression": format!("variables.v{} + 1", place - 1)})
        }
    };
    let settings = |count: usize| {
        let variables: Vec<Value> = (0..count).map(link).collect();
        json!({"variables": variables, "validations": [{"expression": format!("variables.v{} == {count}", count - 1)}]})
    };
    assert_eq!(
        judge(settings(12), TestEvent::new("event")).map(|found| found.len()),
        Ok(0)
    );
    let found = problems(settings(1000));
    assert!(
        found[0].contains("with its variables, it nests more than"),
        "{found:?}"
    );
}

#[test]
fn what_people_write_is_loaded() {
    let long: Vec<String> = (0..700).map(|place| format!("'name-{place}'")).collect();
    for expression in [
        format!("object.name in [{}]", long.join(", ")),
        format!("{}1 == 1", "false ? false : ".repeat(24)),
        format!("{}1{} != []", "[".repeat(20), "]".repeat(20)),
        format!("1{} == 33", "+1".repeat(32)),
        format!("object.name == 'a'{}", " || object.name == 'b'".repeat(400)),
        "[1].all(a, [1].all(b, [1].all(c, [1].exists(d, a + b + c + d == 4 || [a, b].exists(e, e > 4)))))".to_owned(),
    ] {
        assert!(holds(&expression, json!({"name": "name-5"})).is_ok(), "{expression}");
    }
}

#[test]
fn what_is_too_long_is_not_loaded() {
    assert!(told("a".repeat(1 << 20))[0].contains("bytes long"));
    assert!(told(format!("[{}]", "1,".repeat(7000)))[0].contains("words and signs"));
    assert!(told(format!("'{}' == ''", "a".repeat(16_000))).is_empty());
}

#[test]
fn patterns_do_not_explode() {
    for pattern in ["(a+)+$", "(a|aa)+$", "(.*)*b", "(a?){30}a{30}b"] {
        let before = Instant::now();
        let text = "a".repeat(50_000) + "!";
        let found = holds(
            &format!("object.text.matches('{pattern}')"),
            json!({"text": text}),
        );
        assert_eq!(found, Ok(false), "{pattern}");
        assert!(
            before.elapsed() < Duration::from_secs(10),
            "{pattern}: {:?}",
            before.elapsed()
        );
    }
    for pattern in [
        "a{1000}{1000}".to_owned(),
        "(".repeat(500) + &")".repeat(500),
        "(?=a)".to_owned(),
        "\\\\1".to_owned(),
    ] {
        let found = told(format!("'a'.matches('{pattern}')"));
        assert!(
            found.len() == 1 && found[0].contains("no regular expression"),
            "{pattern}: {found:?}"
        );
        let found = holds(
            "'a'.matches(object.p)",
            json!({"p": pattern.replace("\\\\", "\\")}),
        );
        assert!(found.is_err(), "{pattern}");
    }
}

#[test]
fn errors_are_short_whatever_they_are_about() {
    let why = holds(
        "object.text + 1 == ''",
        json!({"text": "a".repeat(100_000)}),
    )
    .unwrap_err();
    assert!(why.len() < 500, "{}", why.len());
}

/// The parser must not panic: a panic while the policy is configured tells nobody where the mistake is.
#[test]
fn no_text_breaks_the_parser() {
    let seeds = [
        "object.spec.containers.all(c, has(c.a) && c.a.?b[0].orValue('x') == \"y\")",
        "{'a': [1u, 2.5e3, -0x1F, b'\\x41', r'\\n'], ?'b': null}[?'a'].value().map(x, x > 1, x) ? true : false",
        "'''multi\nline''' + \"\\u00e4\\U0001F600\\101\" != `a b` // comment\n || !-(1 % 2) in {}",
        "a.b{c: 1, ?d: 2}.`e-f`(g)(h)",
    ];
    let signs: Vec<char> = "()[]{}.,?:!-+*/%&|<>='\"`\\ \n\0xu1e_raä😀"
        .chars()
        .collect();
    let mut random = 1_u64;
    let mut next = |below: usize| {
        // xorshift64, by Marsaglia.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % below as u64).unwrap()
    };
    for round in 0..20_000 {
        let mut text: Vec<char> = seeds[round % seeds.len()].chars().collect();
        for _ in 0..=next(4) {
            let place = next(text.len());
            match next(3) {
                0 => text.insert(place, signs[next(signs.len())]),
                1 => text[place] = signs[next(signs.len())],
                _ => drop(text.drain(place..(place + 1 + next(6)).min(text.len()))),
            }
            if text.is_empty() {
                text.push('a');
            }
        }
        let text: String = text.into_iter().collect();
        let found = std::panic::catch_unwind(|| told(text.clone()));
        assert!(found.is_ok(), "{text:?}");
    }
}
