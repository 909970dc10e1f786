//! What is refused when the policy is loaded, and where it says that it lies.

use super::*;

#[test]
fn every_mistake_is_reported_with_its_place() {
    for (text, expected) in [
        ("package main\n\nallow if {", "rules/main.rego:3:"),
        ("package main\n\nallow if input.x ==\n", "rules/main.rego:"),
        ("deny := 1\n", "rules/main.rego:1:1: "),
        (
            "package main\n\nallow if missing(1)\n",
            "rules/main.rego:3:10: there is no function missing",
        ),
        (
            "package main\n\nallow if data.other.f(1)\n",
            "rules/main.rego:3:10: there is no function data.other.f",
        ),
        (
            "package main\n\nallow if count(1, 2, 3)\n",
            "rules/main.rego:3:10: count takes 1 argument, not 3",
        ),
        (
            "package main\n\nallow if count([], 1) == 0\n",
            "rules/main.rego:3:10: count takes 1 argument, not 2",
        ),
        (
            "package main\n\nallow if { y := f(1, 2); y == 3 }\n\nf(x) := x\n",
            "rules/main.rego:3:17: f takes 1 argument, not 2",
        ),
        (
            "package main\n\nallow if time.weekday(1, day)\n",
            "rules/main.rego:3:10: write y = time.weekday(x) in place of time.weekday(x, y)",
        ),
        (
            "package main\n\nallow if rand.intn(\"x\", 3) == 1\n",
            "rules/main.rego:3:10: rand.intn is not offered: a decision can be repeated",
        ),
        (
            "package main\n\nallow if io.jwt.verify_rs256(\"a\", \"b\")\n",
            "rules/main.rego:3:10: io.jwt.verify_rs256 is not offered: ",
        ),
        (
            "package main\n\nallow if { x == 1 }\n",
            "rules/main.rego:3:12: nothing gives the variable x a value",
        ),
        (
            "package main\n\nallow if allow\n",
            "rules/main.rego:3:10: recursion: main.allow needs main.allow",
        ),
        (
            "package main\n\nallow if f(1)\n\nf(x) := g(x)\n\ng(x) := f(x)\n",
            "rules/main.rego:7:9: recursion: main.f needs main.g needs main.f",
        ),
        (
            "package main\n\nallow if data.main\n",
            "rules/main.rego:3:10: recursion: main.allow needs main.allow",
        ),
        (
            "package main\n\nallow if data.main[_]\n",
            "rules/main.rego:3:10: recursion: main.allow needs main.allow",
        ),
        (
            "package main\n\nf(x) := 1\n\nf(x, y) := 2\n\nallow := true\n",
            "rules/main.rego:5:1: main.f is defined in another way, too",
        ),
        (
            "package main\n\nallow if { not input.a[i]; i := input.i }\n",
            "rules/main.rego:3:24: var `i` is used before it has a value",
        ),
        (
            "package main\n\ndeny contains \"x\"\n\ndeny := true\n",
            "rules/main.rego:5:1: main.deny is defined in another way, too",
        ),
        (
            "package main\n\na := 1\n\na.b := 2\n",
            "rules/main.rego:5:1: main.a.b is below the rule main.a, which has a value of its own",
        ),
        (
            "package main\n\ndefault a := 1\n\ndefault a := 1\n",
            "rules/main.rego:5:1: main.a has a default already",
        ),
        (
            "package main\n\ndefault a := [1, {\"b\": input.x}]\n",
            "rules/main.rego:3:24: a default is a constant",
        ),
        (
            "package main\n\ndefault a := input.x\n",
            "rules/main.rego:3:14: a default is a constant",
        ),
        (
            "package main\n\nallow if { x := x }\n",
            "rules/main.rego:3:17: nothing gives the variable x a value",
        ),
        (
            "package main\n\nallow if { some x in x }\n",
            "rules/main.rego:3:22: nothing gives the variable x a value",
        ),
        (
            "package main\n\nallow if [x, {\"a\": y}] = input.list\n",
            "rules/main.rego:3:14: a pattern that is an object",
        ),
        (
            "package main\n\nimport data.a.x\nimport data.b.x\n\nallow if x\n",
            "rules/main.rego:4:8: something else is imported as x already",
        ),
        (
            "package main\n\nallow if {\n\tsome i\n\tnot input.a[i]\n}\n",
            "rules/main.rego:5:14: nothing gives the variable i a value",
        ),
        (
            "package main\n\nallow if {\n\tsome x\n\tx != input.a\n}\n",
            "rules/main.rego:5:2: nothing gives the variable x a value",
        ),
        (
            "package main\n\nallow if count([1 | not input.a[i]]) == 1\n",
            "rules/main.rego:3:33: nothing gives the variable i a value",
        ),
        (
            "package main\n\nallow if every x in input.a { not x == y }\n",
            "rules/main.rego:3:40: nothing gives the variable y a value",
        ),
        (
            "package main\n\nallow if input.nothing with missing as 1\n",
            "rules/main.rego:3:",
        ),
    ] {
        let found = problems(module(text));
        let start = format!("/sources/rules~1main.rego: {expected}");
        assert!(
            found.len() == 1 && found[0].starts_with(&start),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn a_rule_where_a_package_is_is_refused() {
    for (package, expected) in [
        (
            "main.a",
            Some("there is a package main.a, or one below it, too"),
        ),
        (
            "main.a.b",
            Some("there is a package main.a, or one below it, too"),
        ),
        ("main.ab", None),
        ("main", Some("main.a.c is below the rule main.a")),
    ] {
        let settings = json!({"sources": {
            "rules/main.rego": "package main\n\na := 1\n\nallow := true\n",
            "rules/other.rego": format!("package {package}\n\na.c := 1\n"),
        }});
        match expected {
            Some(expected) => {
                let found = problems(settings);
                assert!(found[0].contains(expected), "{package}: {found:?}");
            }
            None => assert_eq!(judge(settings, json!({})), [""; 0]),
        }
    }
}

/// What has a value in some way or other is not taken for something that has none.
#[test]
fn variables_that_have_values_are_accepted() {
    for text in [
        "allow if { i := input.i; not input.a[i] }",
        "allow if { some i; input.a[i] == 1; not input.b[i] }",
        "allow if { some i, x in input.a; not input.b[i] == x }",
        "allow if { [x, y] := input.pair; not x == y }",
        "allow if { input.pair = [x, [y, _]]; not x == y }",
        "allow if { walk(input, [path, value]); not path == value }",
        "allow if { split(input.x, \"/\", parts); not parts == [] }",
        "allow if { f(input.x, y); not y == 1 }\n\nf(x) := x",
        "allow if { x := input.x; count([y | y := input.a[_]; not y == x]) > 0 }",
        "default m := {}\n\nm[x] := 1 if some x in input.a\n\nallow := true",
        "m[x] := 1 if some x in input.a\n\nm.b.c := 1\n\nallow := true",
        "default a := [{-1: {\"b\"}}]\n\nallow := true",
        "allow if count({i | some i in [1, 2]; not input.a[i]}) > 0",
        "allow if count({k: v | v := input.a[k]; not input.b[k]}) > 0",
        "allow if count([input.a[i] | not input.b[i]]) > 0",
        "allow if every k, v in input.a { not input.b[k] == v }",
        "allow if { every x in input.a[i] { x > 0 }; not input.b[i] }",
        "allow if { i := 1; not input.a.b with input as input.c[i] }",
        "allow if { input.a[i].b[j] == 1; not input.c[i][j] }",
        "allow if { not limit == 1 }\n\nlimit := 2",
        "allow if { not data.other.x; not other }\n\nother if input.x",
        "allow if { data.main.sets[[x, y]]; not x == y }\n\nsets contains [1, 2]",
        "m[x] := y if { some x; y := input.a[x]; not input.b[x] }\n\nallow := true",
        "m contains input.a[i] if not input.b[i]\n\nallow := true",
        "f(x, [y, z]) := 1 if { not x == y; not z == 1 }\n\nallow := true",
        "f(x) := 1 if { not x == 1 } else := 2 if { not x == 2 }\n\nallow := true",
    ] {
        let found = problems(module(&format!("package main\n\n{text}\n")));
        assert!(found.is_empty(), "{text}: {found:?}");
    }
}

#[cfg(not(feature = "http"))]
#[test]
fn asking_others_is_refused_where_the_module_cannot() {
    let text = "package main\n\nallow if http.send({\"method\": \"get\", \"url\": \"https://example.com\"}).status_code == 200\n";
    let found = problems(module(text));
    assert_eq!(
        found,
        [
            "/sources/rules~1main.rego: rules/main.rego:3:10: http.send is not offered: this module asks nobody; take rego_http.wasm, and grant it http"
        ]
    );
}

#[test]
fn all_files_are_looked_at() {
    let settings = json!({"sources": {
        "rules/a.rego": "package a\n\nallow if {\n",
        "rules/b.rego": "package b\n\nallow if {\n",
        "rules/c.json": "{\"a\": ",
        "rules/d.yaml": "- 1",
        "rules/e.txt": "",
    }});
    let found = problems(settings);
    let starts: Vec<&str> = found
        .iter()
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        starts,
        [
            "/sources/rules~1c.json",
            "/sources/rules~1d.yaml",
            "/sources/rules~1a.rego",
            "/sources/rules~1b.rego",
        ],
        "{found:?}"
    );
}

#[test]
fn other_files_are_passed_over() {
    let mut settings = module("package main\n\ndeny contains \"no\"\n");
    for name in [
        "rules/main.rego~",
        "rules/4913",
        "rules/#main.rego#",
        "rules/README.md",
    ] {
        settings["sources"][name] = json!("package main\n\ndeny contains \"other\"\n");
    }
    assert_eq!(judge(settings, json!({})), ["Deny main.deny: no"]);
}

#[test]
fn what_another_version_understands_is_said() {
    let former = "package main\n\ndeny[msg] {\n  msg := \"no\"\n}\n";
    let found = problems(module(former));
    assert!(found[0].ends_with("set regoVersion: v0"), "{found:?}");
    let mut settings = module("package main\n\ndeny contains \"no\" if true\n");
    settings["regoVersion"] = json!("v0");
    let found = problems(settings);
    assert!(found[0].ends_with("set regoVersion: v1"), "{found:?}");
}

#[test]
fn documents_that_contradict_each_other_are_both_named() {
    let mut settings = module("package main\n\nallow := true\n");
    settings["sources"]["rules/a.json"] = json!("{\"x\": 1}");
    settings["sources"]["rules/b.json"] = json!("{\"x\": 2}");
    let found = problems(settings);
    let ends = |line: &String| {
        line.starts_with("/sources/rules~1b.json: ")
            && line.ends_with("; see /sources/rules~1a.json")
    };
    assert!(found.iter().all(ends) && found.len() == 1, "{found:?}");
}

#[test]
fn what_is_said_of_rules_is_about_some_that_judge() {
    let text = "package main\n\ndeny contains \"no\"\n\nhelper := 1\n";
    for key in ["deny", "main.deny", "data.main.deny", "main/deny"] {
        let mut settings = module(text);
        settings["rules"] = json!({key: {"id": "own", "level": "warn"}});
        assert_eq!(judge(settings, json!({})), ["Warn own: no"], "{key}");
    }
    for key in ["helper", "main.denny"] {
        let mut settings = module(text);
        settings["rules"] = json!({key: {"level": "warn"}});
        let expected = format!("/rules/{key}: no rule {key} judges; there are main.deny");
        assert_eq!(problems(settings), [expected]);
    }
}

#[test]
fn names_that_a_rule_declares_are_no_recursion() {
    let text = "package main\n\nallow if check(user)\n\nuser := input.user\n\ncheck(user) if user == \"a\"\n\n\
                deny contains x if { some x in names }\n\nnames := {x | deny := input.names; some x in deny}\n";
    let found = judge(module(text), json!({"user": "a", "names": ["n"]}));
    assert_eq!(found, ["Deny main.deny: n"]);
}

#[test]
fn entry_points_have_to_be_there() {
    let text = "package main\n\nnotes := 1\n";
    assert_eq!(
        problems(module(text)),
        [
            "/entrypoints: no rule is called deny, violation, warn, allow or verify: name those that judge"
        ]
    );
    let settings = with(module(text), json!({"entrypoints": ["main.nots"]}));
    assert_eq!(
        problems(settings),
        ["/entrypoints/0: there is no rule main.nots; there are main.notes"]
    );
}

#[test]
fn what_needs_too_much_stack_is_refused() {
    let sum = format!(
        "package main\n\nallow if {{\n1{} > 1\n}}\n",
        "\n+ 1".repeat(900)
    );
    let found = problems(module(&sum));
    assert!(found[0].contains("nested too deep"), "{:.300}", found[0]);

    let rules: String = (0..1000).map(|n| format!("r{n} := r{}\n", n + 1)).collect();
    let chain = format!("package main\n\nallow if r0 == 1\n\n{rules}r1000 := 1\n");
    let found = problems(module(&chain));
    assert!(
        found[0].contains("too many rules need each other in a row for the stack"),
        "{:.300}",
        found[0]
    );

    let long = format!("package main\n\nallow if input{}\n", ".a".repeat(500));
    let found = problems(module(&long));
    assert!(found[0].contains("nested too deep"), "{:.300}", found[0]);

    for (text, expected) in [
        (
            format!("allow if {}1{} == 1", "count(".repeat(600), ")".repeat(600)),
            "3:615: parentheses are nested more than 100 deep",
        ),
        (
            format!("allow if {}1 == 1", "- ".repeat(5000)),
            "3:2010: an expression has more than 1000 signs of operators",
        ),
        (
            format!("allow if 1{} == 1", " + 1".repeat(20_000)),
            "3:4012: an expression has more than 1000 signs of operators",
        ),
        (
            format!("allow if (1{} == 1)", "\n\t+ f(1, 2)".repeat(20_000)),
            "1004:2: an expression has more than 1000 signs of operators",
        ),
        (
            format!("allow if 1{}1 == 1", " +\n".repeat(20_000)),
            "1003:2: an expression has more than 1000 signs of operators",
        ),
        (
            format!("allow if input{}", ".a".repeat(5000)),
            "3:2015: an expression has more than 1000 signs of operators",
        ),
    ] {
        let found = problems(module(&format!("package main\n\n{text}\n")));
        assert!(found[0].contains(expected), "{found:.300?}");
    }

    for nested in ["[", "{", "(", "f(", "{x|x:=", "input[", "[x|x:=", "-"] {
        let text = format!("package main\n\nallow := {}\n", nested.repeat(300));
        assert!(!problems(module(&text)).is_empty(), "{nested}");
    }
    for (text, expected) in [
        (
            "x := [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
            "rules/main.rego:3:22: brackets are nested more than 16 deep",
        ),
        (
            "x := \"[[[[[[[[[[[[[[[[[\\\"[\" # [[[[[[[[[[[[[[[[[",
            "/entrypoints: ",
        ),
        ("x := `[[[[[[[[[[[[[[[[[`", "/entrypoints: "),
    ] {
        let found = problems(module(&format!("package main\n\n{text}\n")));
        assert!(found[0].contains(expected), "{found:?}");
    }
}

#[test]
fn what_lies_deep_but_not_too_deep_is_evaluated() {
    let sum = format!("package main\n\nallow if 1{} == 81\n", " + 1".repeat(80));
    assert_eq!(judge(module(&sum), json!({})), [""; 0]);
    let rules: String = (0..20).map(|n| format!("r{n} := r{}\n", n + 1)).collect();
    let chain = format!("package main\n\nallow if r0 == 1\n\n{rules}r20 := 1\n");
    assert_eq!(judge(module(&chain), json!({})), [""; 0]);
}

#[test]
fn documents_are_where_opa_has_them() {
    let settings = json!({"sources": {
        "rules/main.rego": "package main\n\ndeny contains x if some x in data.acl.banned\n",
        "rules/acl/list.json": "{\"banned\": [\"a\"]}",
        "top.yaml": "other: 1",
    }});
    assert_eq!(judge(settings.clone(), json!({})), ["Deny main.deny: a"]);
    let whole = document(settings, "").unwrap().unwrap();
    assert_eq!(
        (&whole["acl"]["banned"], &whole["other"]),
        (&json!(["a"]), &json!(1))
    );
    let twice = json!({"sources": {
        "rules/main.rego": "package main\n\nallow := true\n",
        "rules/a.json": "{\"x\": 1}",
        "rules/b.json": "{\"x\": 2}",
    }});
    let found = problems(twice);
    assert!(
        found[0].starts_with("/sources/rules~1b.json: "),
        "{found:?}"
    );
}

#[test]
fn data_has_to_be_granted_and_there() {
    let text = "package main\n\ndeny contains x if some x in data.lists.banned\n";
    let settings = with(module(text), json!({"data": ["lists/banned"]}));
    let granted = || host().grant("data", "lists/*");
    assert_eq!(
        problems(settings.clone()),
        ["/data/0: data \"lists/banned\" is not granted"]
    );
    let judge = |host: Host| told(host.evaluate::<Rego>(settings.clone(), event(json!({}))));
    let full = granted().data(json!({"lists": {"banned": ["a"]}}));
    assert_eq!(judge(full), ["Deny main.deny: a"]);
    assert_eq!(
        judge(granted()),
        ["undecided: there is nothing in data at lists/banned"]
    );
}

#[test]
fn what_the_interpreter_passes_over_in_silence_is_refused() {
    for (text, expected) in [
        (
            "deny contains \"a\" if input.a\n\0\ndeny contains \"b\" if input.b\n",
            "rules/main.rego:4:1: there is a NUL",
        ),
        (
            "deny contains \"a\" if input.a # \0\n",
            "rules/main.rego:3:32: there is a NUL",
        ),
        (
            "allow if not input.cs[_].priv\n",
            "rules/main.rego:3:23: _ has no value after `not`",
        ),
        (
            "allow if every c in input.cs {\n\tnot c.caps[_] == \"ALL\"\n}\n",
            "rules/main.rego:4:13: _ has no value",
        ),
        (
            "container contains c if c := input.cs[_]\n\ndeny contains \"m\" if {\n\tsome container\n\tinput.cs[container].priv\n}\n",
            "rules/main.rego:6:7: there is a rule or an import container already",
        ),
        (
            "allow if {\n\tinput.o = {\"a\": m}\n\tm == 1\n}\n",
            "rules/main.rego:4:12: a pattern that is an object",
        ),
        (
            "allow if {\n\tsome {\"a\": m} in input.l\n\tm == 1\n}\n",
            "rules/main.rego:4:7: a pattern that is an object",
        ),
        (
            "deny contains \"a\" if {\n\t[path, value] := walk(input)\n\tpath[0] == value\n}\n",
            "rules/main.rego:4:19: write walk(x, [path, value])",
        ),
    ] {
        let found = problems(module(&format!("package main\n\n{text}")));
        assert!(found[0].contains(expected), "{found:?}");
    }
    for document in ["{\"main\": {\"deny\": []}}", "{\"main\": 1}"] {
        let rule = "package main\n\ndeny contains \"a\" if input.a\n";
        let sources = json!({"rules/main.rego": rule, "rules/data.json": document});
        let found = problems(json!({"sources": sources}));
        assert!(
            found[0].contains("data.main.deny, which is a rule"),
            "{found:?}"
        );
    }
}

#[test]
fn what_is_like_it_is_not_refused() {
    let text = "package main\n\nallow if {\n\tnot 2 in {x | x := input.l[_]}\n\tx = {\"a\": input.a}\n\tx.a == 1\n\tsome i\n\tinput.l[i] == 3\n\tnot input.m[i]\n}\n";
    assert_eq!(
        judge(module(text), json!({"a": 1, "l": [3], "m": []})),
        [""; 0]
    );
}

#[test]
fn what_says_nothing_that_is_understood_leaves_the_event_undecided() {
    for (rule, input) in [
        ("allow contains x if some x in input.l", json!({"l": []})),
        ("allow := []", json!({})),
        ("deny.images contains \"x\" if input.x", json!({"x": 1})),
        ("deny[\"m\"] := \"bad\" if input.x", json!({"x": 1})),
        (
            "verify := {\"response\": {\"uid\": \"x\"}, \"allowed\": true}",
            json!({}),
        ),
    ] {
        let text = format!("package main\n\nwarn contains \"w\" if input.w\n\n{rule}\n");
        let outcome = host().evaluate::<Rego>(module(&text), event(input));
        assert!(outcome.is_err(), "{rule}: {outcome:?}");
    }
    for rule in [
        "deny := {\"msg\": \"no\", \"allowed\": true}",
        "violation := {\"msg\": \"no\", \"findings\": []}",
    ] {
        let text = format!("package main\n\n{rule}\n");
        let outcome = host()
            .evaluate::<Rego>(module(&text), event(json!({})))
            .unwrap();
        assert_eq!(outcome.findings[0].message, "no", "{rule}");
    }
}
