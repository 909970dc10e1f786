use super::*;
use crate::evidence::format::{is_report, read};

fn fields(sketch: &Sketch<'_>) -> Vec<(String, String)> {
    let (Sketch::Object(fields) | Sketch::Array(Some(fields))) = sketch else {
        return Vec::new();
    };
    let pair = |field: &Field<'_>| (field.key.clone(), field.raw.to_owned());
    fields.iter().map(pair).collect()
}

#[test]
fn the_keys_at_the_top_are_noted_with_their_values() {
    let cases: [(&str, &[(&str, &str)]); 15] = [
        (
            r#"{"a":1,"b":"x","c":[1,{"d":2}],"e":{"f":{}}}"#,
            &[
                ("a", "1"),
                ("b", r#""x""#),
                ("c", r#"[1,{"d":2}]"#),
                ("e", r#"{"f":{}}"#),
            ],
        ),
        (
            " \n{ \"a\" : true ,\r\n\t\"b\": null }\n",
            &[("a", "true"), ("b", "null")],
        ),
        (
            r#"{"a":"}\"],","b":"\\","c":"\\\"","d":0}"#,
            &[
                ("a", r#""}\"],""#),
                ("b", r#""\\""#),
                ("c", r#""\\\"""#),
                ("d", "0"),
            ],
        ),
        (r#"{"\u0061":1,"é":2}"#, &[("a", "1"), ("é", "2")]),
        (r#"{"a":1,"a":2}"#, &[("a", "1"), ("a", "2")]),
        (r#"[{"a":1,"b":[2]},{"c":3}]"#, &[("a", "1"), ("b", "[2]")]),
        (r#"[ { "a" : -1.5e3 } ]"#, &[("a", "-1.5e3")]),
        // Up to the first place that is broken.
        (r#"{"a":1 "b":2}"#, &[("a", "1")]),
        (r#"{"a":1,b:2}"#, &[("a", "1")]),
        (r#"{"a":1,"b""#, &[("a", "1")]),
        (r#"{"a":1,"b":"#, &[("a", "1")]),
        (r#"{"a":1,"b":[1,{"#, &[("a", "1")]),
        (r#"{"a":1,"\x":2}"#, &[("a", "1")]),
        (r#"{"a":1,"\""#, &[("a", "1")]),
        ("{", &[]),
    ];
    for (text, expected) in cases {
        let sketch = Sketch::of(text).unwrap();
        let expected: Vec<(String, String)> = expected
            .iter()
            .map(|(key, raw)| ((*key).to_owned(), (*raw).to_owned()))
            .collect();
        assert_eq!(fields(&sketch), expected, "{text}");
    }
    assert!(matches!(Sketch::of("[1,{}]").unwrap(), Sketch::Array(None)));
    assert!(matches!(Sketch::of("[]").unwrap(), Sketch::Array(None)));
    assert!(matches!(Sketch::of("").unwrap(), Sketch::Text("")));
}

#[test]
fn a_text_is_told_from_other_values() {
    let sketch = Sketch::of(r#"{"a":"x\ty","b":1,"c":"z","d":["z"]}"#).unwrap();
    assert_eq!(sketch.text("a").as_deref(), Some("x\ty"));
    assert_eq!(sketch.text("b"), None);
    assert_eq!(sketch.text("c").as_deref(), Some("z"));
    assert_eq!(sketch.text("d"), None);
    assert_eq!(sketch.raw("d"), Some(r#"["z"]"#));
    assert!(sketch.has(&["a", "d"]) && !sketch.has(&["a", "z"]) && !sketch.first_has(&["a"]));
}

#[test]
fn a_text_of_json_is_measured() {
    for (text, depth, objects, values) in [
        ("{}", 1, 1, 1),
        ("[1,2,3]", 1, 0, 3),
        (r#"{"a":{"b":[1,{"c":2}]},"d":"[[[{{{,,,"}"#, 4, 3, 6),
        (r#"[{"a":"\\\"[{,"},{"b":1}]"#, 2, 2, 4),
        // Whatever is broken, the rest counts.
        ("[1 2 [3,[", 3, 0, 4),
        ("]]]]{}", 1, 1, 1),
        ("{]]]{[", 2, 2, 3),
        ("{\"a\":}}}[[[", 3, 1, 4),
    ] {
        let found = Walk::new(text).finish();
        let expected = Extent {
            depth,
            objects,
            values,
            elements: 0,
        };
        assert_eq!(found, expected, "{text}");
        // The same where keys were noted before.
        let (_, noted) = Sketch::look(text);
        if text.starts_with(['{', '[']) {
            assert_eq!(noted, expected, "{text}");
        }
    }
    // Strings of every length, so that each place within eight bytes ends one.
    for length in 0..40 {
        let text = format!(
            "[\"{}\",\"{}\\\"\",[]]",
            "x".repeat(length),
            "y".repeat(length)
        );
        assert_eq!(Walk::new(&text).finish().values, 4, "{length}");
        let text = format!("[\n{}{{}},\n{0}[]\n{0}]", " ".repeat(length));
        assert_eq!(Walk::new(&text).finish().values, 4, "{length}");
    }
}

#[test]
fn a_report_of_countless_things_is_refused_by_number() {
    let list = |head: &str, item: &str, count: usize, tail: &str| {
        let mut text = head.to_owned();
        for index in 0..count {
            text.push_str(if index == 0 { "" } else { "," });
            text.push_str(item);
        }
        text + tail
    };
    let trivy = |item: &str, count| {
        let head = r#"{"SchemaVersion":2,"ArtifactName":"a","Results":[{"Class":"custom","x":["#;
        list(head, item, count, "]}]}")
    };
    for (text, expected) in [
        (
            trivy("{}", 1_000_000),
            "1000002 objects, and a report of its size may have at most 1000000",
        ),
        (
            trivy("1", 8_000_000),
            "8000006 values, and a report of its size may have at most 8000000",
        ),
        (
            format!("<Benchmark>{}</Benchmark>", "<a/>".repeat(1_000_000)),
            "1000001 elements, and a report of its size may have at most 1000000",
        ),
    ] {
        assert_eq!(
            read(text.as_bytes(), None).unwrap_err().to_string(),
            expected
        );
        // It is a report all the same, and no other document.
        assert!(is_report(&text));
    }
    // As many as there are of real size are read.
    let long = format!("\"{}\"", "x".repeat(90));
    let text = trivy(&format!("{{\"a\":{long}}}"), 1_000_000);
    assert!(read(text.as_bytes(), None).is_ok());
}

#[test]
fn deep_nesting_is_refused() {
    for depth in [document::MAX_DEPTH, 1_000_000] {
        let text = format!("{{\"a\":{}", "[".repeat(depth));
        assert_eq!(Sketch::of(&text).unwrap_err(), ReadError::TooDeep);
    }
}
