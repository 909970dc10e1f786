//! Tests in Rego.

use super::*;

fn run(settings: Value) -> Value {
    document(settings, "//tests").unwrap().unwrap()
}

#[test]
fn tests_are_run_with_their_coverage() {
    let settings = json!({"sources": {
        "rules/main.rego": "package main\n\ndefault allow := false\n\nallow if {\n  input.x == 1\n}\n\nother(x) if {\n  x == 1\n}\n",
        "rules/main_test.rego": "package main_test\n\nimport data.main\n\n\
            test_good if main.allow with input as {\"x\": 1}\n\n\
            test_bad if {\n  print(\"x is\", 2)\n  main.allow with input as {\"x\": 2}\n}\n\n\
            test_false := false\n\n\
            test_broken if to_number(\"x\") == 1\n\n\
            todo_test_later if true\n",
    }});
    let told = run(settings);
    let lines: Vec<String> = told["tests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|test| {
            let field = |name: &str| test[name].as_str().unwrap_or_default().to_owned();
            let line = &test["line"];
            format!(
                "{} {}:{line} {} {}",
                field("outcome"),
                field("file"),
                field("name"),
                field("message")
            )
        })
        .collect();
    assert_eq!(lines.len(), 5, "{lines:#?}");
    for (line, start) in lines.iter().zip([
        "pass rules/main_test.rego:5 data.main_test.test_good",
        "fail rules/main_test.rego:7 data.main_test.test_bad it is undefined\nrules/main_test.rego:8: x is 2",
        "fail rules/main_test.rego:12 data.main_test.test_false it is false",
        "error rules/main_test.rego:14 data.main_test.test_broken rules/main_test.rego:14:",
        "skip rules/main_test.rego:16 data.main_test.todo_test_later",
    ]) {
        assert!(line.starts_with(start), "{lines:#?}");
    }
    let coverage = &told["coverage"]["rules/main.rego"];
    assert_eq!(coverage["covered"], json!([3, 6]), "{coverage}");
    assert_eq!(coverage["notCovered"], json!([10]), "{coverage}");
}

#[test]
fn every_function_can_be_replaced_in_tests() {
    let settings = json!({"sources": {
        "rules/main.rego": "package main\n\nallow if time.now_ns() > 5\n\nimages := touchstone.images()\n\n\
            weekday := time.weekday(time.now_ns())\n\n\
            claims := io.jwt.decode(input.token)[1]\n",
        "rules/main_test.rego": "package main\n\n\
            test_late if allow with time.now_ns as 6\n\n\
            test_early if not allow with time.now_ns as 4\n\n\
            test_weekday if weekday == \"Thursday\" with time.now_ns as 0\n\n\
            test_images if images == [1] with touchstone.images as [1]\n\n\
            decode(_) := [1, {\"sub\": \"me\"}, 3]\n\n\
            test_token if claims.sub == \"me\" with io.jwt.decode as decode with input.token as \"x\"\n\n\
            test_upper if upper(\"a\") == \"x\" with upper as \"x\"\n",
    }});
    let told = run(settings.clone());
    let outcomes: Vec<&str> = told["tests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|test| test["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["pass"; 6], "{told:#}");
    assert_eq!(judge(settings.clone(), json!({"token": ""})), [""; 0]);
    let files: Vec<&String> = told["coverage"].as_object().unwrap().keys().collect();
    assert_eq!(files, ["rules/main.rego", "rules/main_test.rego"]);
    let whole = document(with(settings, json!({"strictBuiltinErrors": false})), "");
    let whole = whole.unwrap().unwrap();
    assert_eq!(
        whole.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["main"]
    );
}

#[test]
fn a_suite_without_data_still_runs() {
    let text = "package main\n\nallow := data.lists.ok\n\ntest_allow if allow with data.lists as {\"ok\": true}\n";
    let settings = with(module(text), json!({"data": ["lists"]}));
    let outcome = host()
        .grant("data", "lists")
        .evaluate::<Rego>(settings, event(json!({})).query("//tests"))
        .unwrap();
    assert!(outcome.value.unwrap().contains(r#""outcome":"pass""#));
}
