//! Hostile rules end, soon and with an error.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on may panic"
)]

use std::time::{Duration, Instant};

use rule_engine::{Context, ErrorKind, Rule, Value};
use serde_json::json;

fn run(text: &str) -> Result<Value, rule_engine::Error> {
    let event = Value::from(json!({
        "big": "x".repeat(50_000),
        "as": "a".repeat(50_000) + "b",
        "list": vec![1; 1000],
        "level": 1,
        "nothing": null,
    }));
    Rule::parse(text, &Context::default())?.evaluate(&event)
}

#[track_caller]
fn ends_with_a_limit(text: &str) {
    let start = Instant::now();
    let shown: String = text.chars().take(60).collect();
    let error = run(text).expect_err(&shown);
    assert_eq!(error.kind, ErrorKind::LimitExceeded, "{shown}: {error}");
    // Debug builds are slow; a second would be long in a release build.
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{shown}: {:?}",
        start.elapsed()
    );
    println!("{:?} {shown}", start.elapsed());
}

#[test]
fn nesting_is_limited() {
    for (open, middle, close) in [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("{1:", "1", "}"),
        ("{", "1", "}"),
        ("-", "1", ""),
        ("not ", "1", ""),
        ("$abs(", "1", ")"),
        ("a[", "1", "]"),
        ("1 ? 1 : ", "1", ""),
        ("2 ** (", "1", ")"),
        ("[x for x in ", "[1]", "]"),
        ("a ?? ", "1", ""),
    ] {
        ends_with_a_limit(&format!(
            "{}{middle}{}",
            open.repeat(100_000),
            close.repeat(100_000)
        ));
    }
    for part in [" + 1", ".a", "[0]", "&.a", "(1)", " & 1", " * 1", "[0:1]"] {
        ends_with_a_limit(&format!("a{}", part.repeat(100_000)));
    }
    ends_with_a_limit(&format!(
        "{}a{}",
        "(".repeat(90),
        " + 1)".repeat(90).repeat(3)
    ));
}

#[test]
fn what_is_allowed_does_not_overflow_the_stack() {
    for (open, middle, close) in [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("{1:", "1", "}"),
        ("{[", "1", "]}.to_ary"),
        ("-", "level", ""),
        ("not ", "1", ""),
        ("$abs(", "level", ")"),
        ("list[", "0", "]"),
        ("level ? 1 : ", "1", ""),
        ("level + (", "1", ")"),
        ("[x for x in ", "[1]", "]"),
        ("[[x for x in ", "list", "] for y in [1]]"),
        ("nothing ?? ", "1", ""),
        ("\"a\" =~ (", "\"a\"", " ? \"a\" : \"b\")"),
    ] {
        let mut evaluated = 0;
        for depth in 1..=Context::default().limits.depth {
            let text = format!("{}{middle}{}", open.repeat(depth), close.repeat(depth));
            evaluated += usize::from(run(&text).is_ok());
        }
        println!("{evaluated} {open}");
        assert!(evaluated > 20, "{open}");
    }
}

#[test]
fn long_rows_are_not_nested() {
    let text = format!("{}false", "list == [] or ".repeat(5_000));
    assert!(!run(&text).expect("a value").is_true());
    let text = format!("[{}]", "1,".repeat(5_000));
    assert!(run(&text).is_ok());
}

#[test]
fn numbers_are_limited() {
    for text in [
        "1 << 1000000000000",
        "1 << 1e300",
        "(1e999999).floor",
        "(1e999999).ceiling",
        "$range(1000000000000)",
        "$range(1e300)",
        "$range(0, 1e300, 1)",
        "$range(-1e38, 1e38)",
    ] {
        ends_with_a_limit(text);
    }
    ends_with_a_limit(&"9".repeat(1_000_000));
    ends_with_a_limit(&format!("$parse_float(\"{}\")", "9".repeat(1_000_000)));
    assert!(run("10 ** 999999").is_ok());
    assert!(run("1e999999 + 1e-999999").is_ok());
    assert!(run("1e999999999999999999 % 7").is_err());
}

#[test]
fn loops_are_limited() {
    let walk = "[[[[x for a in list] for b in list] for c in list] for x in list]";
    ends_with_a_limit(walk);
    ends_with_a_limit("[[big + big for b in list] for a in list]");
    ends_with_a_limit("[[big =~ big for b in list] for a in list]");
    ends_with_a_limit("[$range(10000) for a in list]");
    ends_with_a_limit("[[list == list for b in list] for a in list]");
    ends_with_a_limit("[[a in list for b in list] for a in list]");
    ends_with_a_limit("[[\"zz\" in big for b in list] for a in list]");
    ends_with_a_limit("[[$sum(list) for b in list] for a in list]");
    ends_with_a_limit("[[list.to_set for b in list] for a in list]");
    ends_with_a_limit("[[big.as_upper for b in list] for a in list]");
    ends_with_a_limit("[[(1 << 30000) * (1 << 30000) for b in list] for a in list]");
    ends_with_a_limit("[[(1 << 30000) % (1 << 29990) for b in list] for a in list]");
    ends_with_a_limit("[[((1 << 30000) + b).to_str for b in list] for a in list]");
}

#[test]
fn patterns_are_limited() {
    let start = Instant::now();
    for pattern in [
        "(a+)+$",
        "^(a+)+$",
        "(a|aa)+$",
        "(a|a?)+$",
        "(.*a){25}",
        "((a+)\\2?)+$",
        "(?=(a+)+$)",
        "(a+)+\\1$",
        "(?:(?=a)a+)+$",
        "^(?:(a+)\\1?)+$",
        "(?:a(?!c))+$",
        "(a*)*\\1b$",
        "(?<=a)(a+)+(?=c)",
    ] {
        for operator in ["=~", "=~~"] {
            let from = Instant::now();
            let quoted = json!(pattern);
            let result = run(&format!("as {operator} {quoted}"));
            println!(
                "{:?} {operator} {pattern} {:?}",
                from.elapsed(),
                result
                    .map(|value| value.is_true())
                    .map_err(|error| error.kind)
            );
            assert!(from.elapsed() < Duration::from_secs(20), "{pattern}");
        }
    }
    println!("{:?}", start.elapsed());
    ends_with_a_limit("big =~ \"(x{1000}){1000}\"");
    ends_with_a_limit("big =~ \"x{4000000}\"");
    ends_with_a_limit(&format!(
        "big =~ \"{}{}\"",
        "(".repeat(10_000),
        ")".repeat(10_000)
    ));
}
