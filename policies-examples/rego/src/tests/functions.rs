//! Built-in functions.

use std::time::{Duration, SystemTime};

use regorus::unstable::BUILTINS;

use super::*;

/// The values are those of Go 1.19's `fmt.Sprintf`, to which OPA hands them.
#[test]
fn texts_are_made_as_go_makes_them() {
    for (call, expected) in [
        (
            r#""%s has %d of %v", ["a", 5, [1, "b", {"c": null}]]"#,
            r#"a has 5 of [1, "b", {"c": null}]"#,
        ),
        (r#""%v %v %v", [set(), {1, 2}, true]"#, "set() {1, 2} true"),
        (
            r#""%d|%s|%t", [7.5, 5, true]"#,
            "%!d(float64=7.5)|%!s(int=5)|%!t(string=true)",
        ),
        (r#""100% of %s", ["x"]"#, "100%!o(string=x)f %!s(MISSING)"),
        (r#""%s", []"#, "%!s(MISSING)"),
        (r#""%s", ["a", "b", 3]"#, "a%!(EXTRA string=b, int=3)"),
        (
            r#""%+v %+d % d %q", [5, 5, 5, "a\"b\n"]"#,
            r#"5 +5  5 "a\"b\n""#,
        ),
        (
            r#""%5d|%-5d|%05d|%x|%#X|%o|%b|%c|%U", [42, 42, -42, 255, 255, 8, 5, 9989, 9989]"#,
            "   42|42   |-0042|ff|0XFF|10|101|✅|U+2705",
        ),
        (
            r#""%.2f|%8.3e|%g|%v", [3.14159, 12345.678, 123456789.5, 0.00001234]"#,
            "3.14|1.235e+04|1.234567895e+08|1.234e-05",
        ),
        (
            r#""%6.2f|%-8s|%8s|%.2s|%x|% x", [3.14159, "ab", "ab", "abc", "hi", "hi"]"#,
            "  3.14|ab      |      ab|ab|6869|68 69",
        ),
        (r#""%*d|%-*d|%.*f", [4, 1, 4, 1, 1, 2.55]"#, "   1|1   |2.5"),
        (r#""%[2]s %[1]s %[3]s", ["a", "b"]"#, "b a %!s(BADINDEX)"),
        (r#""%z %!", [1]"#, "%!z(int=1) %!!(MISSING)"),
        (r#""%d%%", [5]"#, "5%"),
        (r#""%", []"#, "%!(NOVERB)"),
        (r#""%T %T %T", [1, 1.5, "a"]"#, "int float64 string"),
    ] {
        let found = value_of(&format!("x := sprintf({call})")).unwrap();
        assert_eq!(found, Some(json!(expected)), "{call}");
    }
}

#[test]
fn functions_of_former_versions_are_there() {
    for (expression, expected) in [
        (
            "[any([false, true]), any([]), any({false})]",
            json!([true, false, false]),
        ),
        (
            "[all([true, true]), all([]), all({true, 1})]",
            json!([true, true, false]),
        ),
        (
            "[re_match(`^a+$`, \"aa\"), re_match(`^a+$`, \"b\")]",
            json!([true, false]),
        ),
        ("set_diff({1, 2}, {2, 3})", json!([1])),
        (
            "[cast_array({1}), cast_set([1, 1]), cast_string(\"a\"), cast_boolean(true), cast_null(null), cast_object({})]",
            json!([[1], [1], "a", true, null, {}]),
        ),
        (
            "net.cidr_overlap(\"10.0.0.0/8\", \"10.1.2.3\")",
            json!(true),
        ),
    ] {
        let found = value_of(&format!("x := {expression}")).unwrap();
        assert_eq!(found, Some(expected), "{expression}");
    }
    assert!(value_of("x := cast_string(1)").is_err());
}

#[test]
fn functions_answer_as_in_opa() {
    // 2026-02-03T04:05:06.789Z was a Tuesday.
    const NS: &str = "1770091506789000000";
    for (expression, expected) in [
        (
            "time.parse_rfc3339_ns(\"2026-02-03T04:05:06.789Z\")",
            json!(1_770_091_506_789_000_000_i64),
        ),
        (
            "time.parse_rfc3339_ns(\"2026-02-03T06:05:06.789+02:00\")",
            json!(1_770_091_506_789_000_000_i64),
        ),
        (
            "time.parse_rfc3339_ns(\"1969-12-31T23:59:59Z\")",
            json!(-1_000_000_000),
        ),
        (
            "time.parse_ns(\"2006-01-02\", \"2024-02-29\")",
            json!(1_709_164_800_000_000_000_i64),
        ),
        (
            "time.parse_ns(\"RFC1123Z\", \"Tue, 03 Feb 2026 04:05:06 +0000\")",
            json!(1_770_091_506_000_000_000_i64),
        ),
        (
            "time.parse_ns(\"Jan 2, 2006 3:04PM\", \"Feb 3, 2026 4:05PM\")",
            json!(1_770_134_700_000_000_000_i64),
        ),
        ("time.format(NS)", json!("2026-02-03T04:05:06.789Z")),
        (
            "time.format([NS, \"UTC\", \"RFC1123\"])",
            json!("Tue, 03 Feb 2026 04:05:06 UTC"),
        ),
        (
            "time.format([NS, \"UTC\", \"2 January 06, 3:04 PM\"])",
            json!("3 February 26, 4:05 AM"),
        ),
        ("time.date(NS)", json!([2026, 2, 3])),
        ("time.clock([NS, \"UTC\"])", json!([4, 5, 6])),
        ("time.weekday(NS)", json!("Tuesday")),
        ("time.date(time.add_date(NS, 0, 1, 0))", json!([2026, 3, 3])),
        (
            "time.date(time.add_date(NS, -1, -2, -3))",
            json!([2024, 11, 30]),
        ),
        (
            "time.date(time.add_date(time.parse_ns(\"2006-01-02\", \"2024-01-31\"), 0, 1, 0))",
            json!([2024, 3, 2]),
        ),
        (
            "time.diff(time.parse_ns(\"2006-01-02\", \"2024-03-01\"), time.parse_ns(\"2006-01-02\", \"2023-01-31\"))",
            json!([1, 1, 1, 0, 0, 0]),
        ),
        (
            "time.parse_duration_ns(\"1h30m0.5s\")",
            json!(5_400_500_000_000_i64),
        ),
        ("time.parse_duration_ns(\"-1.5ms\")", json!(-1_500_000)),
        (
            "crypto.sha256(\"a\")",
            json!("ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
        ),
        (
            "crypto.md5(\"a\")",
            json!("0cc175b9c0f1b6a831c399e269772661"),
        ),
        (
            "crypto.sha1(\"a\")",
            json!("86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ),
        // RFC 4231, test case 2.
        (
            "crypto.hmac.sha256(\"what do ya want for nothing?\", \"Jefe\")",
            json!("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        ),
        ("crypto.hmac.equal(\"a\", \"b\")", json!(false)),
        (
            "net.cidr_contains(\"10.0.0.0/8\", \"10.1.2.3\")",
            json!(true),
        ),
        (
            "net.cidr_contains(\"10.0.0.0/8\", \"11.0.0.0/16\")",
            json!(false),
        ),
        ("net.cidr_contains(\"::/0\", \"10.1.2.3\")", json!(false)),
        (
            "net.cidr_intersects(\"10.1.0.0/16\", \"10.0.0.0/8\")",
            json!(true),
        ),
        ("net.cidr_is_valid(\"10.0.0.0/33\")", json!(false)),
        ("regex.match(\"^a+$\", \"aaa\")", json!(true)),
        ("semver.compare(\"1.2.3\", \"1.10.0\")", json!(-1)),
        ("base64.encode(\"a\")", json!("YQ==")),
        ("hex.encode(\"a\")", json!("61")),
        ("yaml.unmarshal(\"a: 1\")", json!({"a": 1})),
        (
            "json.patch({\"a\": 1}, [{\"op\": \"replace\", \"path\": \"/a\", \"value\": 2}])",
            json!({"a": 2}),
        ),
        ("units.parse_bytes(\"1Mi\")", json!(1_048_576)),
        ("sprintf(\"%d-%s\", [1, \"a\"])", json!("1-a")),
        (
            "touchstone.parse_image(\"nginx:1.27\")",
            json!({"registry": "docker.io", "repository": "library/nginx", "tag": "1.27"}),
        ),
        ("touchstone.event().kind", json!("rego.demo")),
    ] {
        let found = value_of(&format!("x := {}", expression.replace("NS", NS)));
        assert_eq!(found, Ok(Some(expected)), "{expression}");
    }
}

#[test]
fn globs_are_matched_as_in_opa() {
    for (pattern, separators, text, expected) in [
        ("*.github.com", "[]", "api.github.com", true),
        ("*.github.com", "[]", "api.cdn.github.com", false),
        ("*hub.com", "null", "api.cdn.github.com", true),
        ("*:github:com", "[\":\"]", "api:github:com", true),
        ("api.**.com", "[\".\"]", "api.github.com", true),
        ("api.**.com", "[\".\"]", "api.cdn.github.com", true),
        ("?at", "[]", "cat", true),
        ("?at", "[]", "at", false),
        ("[abc]at", "[]", "bat", true),
        ("[!abc]at", "[]", "cat", false),
        ("[a-c]at", "[]", "cat", true),
        ("{cat,bat,[fr]at}", "[]", "rat", true),
        ("{cat,{b,d}og}", "[]", "dog", true),
        ("{cat,bat}", "[]", "lat", false),
        ("a\\*b", "[]", "a*b", true),
        ("a\\*b", "[]", "axb", false),
        (
            "registry.example.com/*",
            "[\"/\"]",
            "registry.example.com/a/b",
            false,
        ),
    ] {
        let pattern_text = json!(pattern);
        let found = value_of(&format!(
            "x := glob.match({pattern_text}, {separators}, \"{text}\")"
        ));
        assert_eq!(found, Ok(Some(json!(expected))), "{pattern} {text}");
    }
    let quoted = value_of("x := glob.quote_meta(\"a*[b]\")");
    assert_eq!(quoted, Ok(Some(json!("a\\*\\[b\\]"))));
    assert!(value_of("x := glob.match(\"[a\", [], \"a\")").is_err());
}

#[test]
fn tokens_are_taken_apart_and_checked() {
    // {"alg": "HS256"}, {"sub": "1234567890"}, by the secret "secret".
    let token = concat!(
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0",
        ".Rq8IxqeX7eA6GgYxlcHdPFVRNFFZc5rEI3MQTZZbK3I"
    );
    let header = value_of(&format!("x := io.jwt.decode(\"{token}\")"));
    let header = header.unwrap().unwrap();
    assert_eq!(
        (&header[0]["alg"], &header[1]["sub"]),
        (&json!("HS256"), &json!("1234567890"))
    );
    for (secret, expected) in [("secret", true), ("wrong", false)] {
        let found = value_of(&format!(
            "x := io.jwt.verify_hs256(\"{token}\", \"{secret}\")"
        ));
        assert_eq!(found, Ok(Some(json!(expected))), "{secret}");
    }
    let other = value_of(&format!(
        "x := io.jwt.verify_hs512(\"{token}\", \"secret\")"
    ));
    assert_eq!(other, Ok(Some(json!(false))));
    assert!(value_of("x := io.jwt.decode(\"a.b\")").is_err());
}

#[test]
fn time_is_the_decisions() {
    let then = SystemTime::UNIX_EPOCH + Duration::new(5, 6);
    let text = "package main\n\nallow := true\n\nx := time.now_ns()\n";
    let event = || event(json!({})).query("main/x");
    let outcome = host().now(then).evaluate::<Rego>(module(text), event());
    assert_eq!(outcome.unwrap().value.as_deref(), Some("5000000006"));
    let outcome = Host::new().evaluate::<Rego>(module(text), event());
    assert_eq!(
        outcome.unwrap_err().reason(),
        "rules/main.rego:5:17: time.now_ns: clock \"now\" is not granted"
    );
}

#[test]
fn functions_that_fail_leave_the_event_undecided_unless_settings_say_otherwise() {
    let text = "package main\n\ndeny contains \"old\" if time.parse_rfc3339_ns(input.t) < 0\n\n\
                deny contains \"big\" if to_number(input.n) > 3\n";
    let found = judge(module(text), json!({"t": "yesterday", "n": "1"}));
    assert!(
        found[0].starts_with("undecided: rules/main.rego:3:45: time.parse_rfc3339_ns: "),
        "{found:?}"
    );
    let lax = with(module(text), json!({"strictBuiltinErrors": false}));
    assert_eq!(judge(lax, json!({"t": "yesterday", "n": "many"})), [""; 0]);
    let zone = "package main\n\ndeny contains \"x\" if time.clock([1, \"Europe/Paris\"])[0] == 1\n";
    let lax = with(module(zone), json!({"strictBuiltinErrors": false}));
    let found = judge(lax, json!({}));
    assert!(found[0].contains("only UTC is known here"), "{found:?}");
}

#[test]
fn evidence_is_there_for_rules() {
    let text = r#"package main

deny contains {"msg": sprintf("%s in %s", [found.id, found.package]), "id": found.id, "severity": found.severity, "image": image.text} if {
	some image in touchstone.images()
	some found in touchstone.vulnerabilities(image.text, {"minSeverity": "high", "excludeVex": ["not_affected"]})
	found.fixState == "fixed"
}

deny contains sprintf("nobody looked at %s", [image.text]) if {
	some image in touchstone.images()
	not touchstone.evidence(image.text)
}

deny contains "root" if {
	some image in touchstone.images()
	touchstone.evidence(image.text).kinds[_] == "configuration"
	touchstone.configuration(image.text).user == "root"
}
"#;
    let evidence = json!({
        "vulnerabilities": [
            {"id": "CVE-1", "package": "openssl", "severity": "critical", "fixed": ["3"], "fixState": "fixed"},
            {"id": "CVE-2", "package": "bash", "severity": "high", "fixState": "notFixed"},
            {"id": "CVE-3", "package": "zlib", "severity": "low", "fixState": "fixed"},
        ],
        "configuration": {"user": "root"},
    });
    let scanned = event(json!({})).image("/image", "web:1").evidence(evidence);
    let found = told(host().evaluate::<Rego>(module(text), scanned));
    assert_eq!(
        found,
        ["Deny main.deny: root", "Deny CVE-1: CVE-1 in openssl"]
    );
    let clean = event(json!({}))
        .image("/image", "web:1")
        .evidence(json!({"vulnerabilities": []}));
    assert_eq!(told(host().evaluate::<Rego>(module(text), clean)), [""; 0]);
    let unknown = event(json!({})).image("/image", "web:1");
    let found = told(host().evaluate::<Rego>(module(text), unknown));
    assert!(
        found[0].contains("there is no evidence of web:1"),
        "{found:?}"
    );
    let wrong = text.replace("minSeverity", "minSevrity");
    let scanned = event(json!({}))
        .image("/image", "web:1")
        .evidence(json!({"vulnerabilities": []}));
    let found = told(host().evaluate::<Rego>(module(&wrong), scanned));
    assert!(found[0].contains("unknown field `minSevrity`"), "{found:?}");
}

#[test]
fn rows_hide_others_on_purpose_only() {
    for name in BUILTINS.keys() {
        let own = crate::builtins::added(name).is_some();
        assert!(
            !own || name.starts_with("regex.")
                || ["http.send", "sprintf", "upper", "lower"].contains(name),
            "{name} is in the interpreter, too"
        );
        assert!(
            crate::builtins::arguments(name).is_some() || crate::builtins::refused(name).is_some(),
            "{name}"
        );
    }
}

#[cfg(feature = "http")]
#[test]
fn others_are_asked_where_that_is_granted() {
    let text = "package main\n\ndefault allow := false\n\nallow if http.send({\"method\": \"GET\", \"url\": input.url}).body.owner == \"us\"\n";
    let url = "https://inventory.example.com/web";
    let granted = || host().grant("http", "https://inventory.example.com/*");
    let judge = |host: Host, url: &str| {
        told(host.evaluate::<Rego>(module(text), event(json!({"url": url}))))
    };
    let answering = granted()
        .answer(url, 200, r#"{"owner": "us"}"#)
        .header("content-type", "application/json");
    assert_eq!(judge(answering, url), [""; 0]);
    let found = judge(granted(), url);
    assert!(found[0].starts_with("undecided: rules/main.rego:5:19: http.send: https://inventory.example.com/web does not answer"), "{found:?}");
    let found = judge(granted(), "https://evil.example.com/");
    assert!(found[0].contains("is not granted"), "{found:?}");
    let quiet = text.replace("input.url}", "input.url, \"raise_error\": false}");
    let quiet = told(granted().evaluate::<Rego>(module(&quiet), event(json!({"url": url}))));
    assert_eq!(quiet, ["Deny main.allow: data.main.allow does not hold"]);
}

/// What Go's `regexp` says to the same.
#[test]
fn patterns_are_those_of_re2() {
    for (pattern, yes, no) in [
        (r"^\d+$", "12", "١٢"),
        (r"^[\d.]+$", "1.2", "١"),
        (r"^\w+$", "a_1", "é"),
        (r"^\D$", "é", "1"),
        (r"^[\W\d]$", "é", "a"),
        (r"^\s$", "\t", "\u{a0}"),
        (r"é\b", "éa", "é "),
        (r"^a\Q.+[\Eb$", "a.+[b", "aaab"),
        (r"^\Qa.b", "a.b", "axb"),
        (r"^${[a-z]+}$", "never", "${abc}"),
        (r"^\${[a-z]+}$", "${abc}", "abc"),
        ("^a{,2}$", "a{,2}", "aa"),
        ("^a{1,2}$", "aa", "aaa"),
        (r"^\<a\>$", "<a>", "a"),
        ("^[a&&b]$", "&", "c"),
        ("^[a-z-9]$", "-", "5"),
        ("^[+--]$", ",", "."),
        ("^[]a[]$", "]", "b"),
        ("^[^]a]$", "b", "]"),
        (r"^[\x41-\x43\]]+$", "AB]", "D"),
        ("^[[:alpha:]_[:digit:]]+$", "a_1", "-"),
        (r"^\p{Greek}\pL$", "αβ", "a1"),
        (r"^\101\x{42}$", "AB", "ab"),
        ("(?i)^abc$", "ABC", "abd"),
        ("^(?P<x>a)(?:b)$", "ab", "a"),
    ] {
        let lines =
            format!("x := [regex.match({pattern:?}, {yes:?}), regex.match({pattern:?}, {no:?})]");
        let lines = lines.replace(r"\u{a0}", "\u{a0}");
        let expected = json!([yes != "never", false]);
        assert_eq!(value_of(&lines).unwrap(), Some(expected), "{pattern}");
    }
    for wrong in [
        r"\u0041", r"(a)\1", "(?x)a", "[a", r"a\", "(", "a**", r"[z-a]",
    ] {
        let found = value_of(&format!("x := regex.is_valid(`{wrong}`)")).unwrap();
        assert_eq!(found, Some(json!(wrong == "a**")), "{wrong}");
    }
}

/// The values are those of OPA, which hands them to Go's `regexp`.
#[test]
fn patterns_are_used_as_by_opa() {
    for (call, expected) in [
        (r#"regex.split("", "abc")"#, json!(["a", "b", "c"])),
        (r#"regex.split("b", "abcb")"#, json!(["a", "c", ""])),
        (r#"regex.split("x", "")"#, json!([""])),
        (r#"regex.find_n("a*", "baaac", -1)"#, json!(["", "aaa", ""])),
        (r#"regex.find_n("[oa]", "foo bar", 2)"#, json!(["o", "o"])),
        (
            r#"regex.find_all_string_submatch_n("a(x*)b(y|z)?c", "axxxbyc-abc", -1)"#,
            json!([["axxxbyc", "xxx", "y"], ["abc", "", ""]]),
        ),
        (
            r#"regex.replace("abcd", "(b)(c)", "${2}$1")"#,
            json!("acbd"),
        ),
        (
            r#"regex.template_match("urn:foo:{.*}", "urn:foo:bar:baz", "{", "}")"#,
            json!(true),
        ),
        (
            r#"regex.template_match("a{b{2}}c.", "abbc.", "{", "}")"#,
            json!(true),
        ),
        (
            r#"regex.template_match("a.{b}", "a", "{", "}")"#,
            json!(false),
        ),
        (r#"upper("straße ᾳ")"#, json!("STRAßE ᾼ")),
        (r#"lower("İÄ")"#, json!("iä")),
    ] {
        let found = value_of(&format!("x := {call}")).unwrap();
        assert_eq!(found, Some(expected), "{call}");
    }
    let found = value_of("x := y if { upper(\"a\", y); regex.match(\"a\", \"a\", true) }");
    assert_eq!(found.unwrap(), Some(json!("A")));
}
