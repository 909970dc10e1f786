use super::*;

const SAMPLE: &str = "# levels\nlevel < 3\n\tnotify_maintainer\n\nlevel >= 3 and level <= 7\n\tblockimage\n\t# marks it\n\tcontaineractions.py:mark {image} bad\n\t./label.sh\n\thttp://example.com/hook\n\tbreak\nlevel > 7\n\tshouldnotbereached\n";

fn texts(file: &RuleFile) -> Vec<(usize, &str, Vec<&str>)> {
    file.entries
        .iter()
        .map(|entry| {
            let actions = entry.actions.iter().map(|action| action.text.as_str());
            (entry.line, entry.condition.as_str(), actions.collect())
        })
        .collect()
}

fn quirks(text: &str) -> Vec<(usize, &'static str)> {
    let file = read(text, Reading::Sane).unwrap();
    file.lints
        .iter()
        .map(|lint| (lint.line, lint.quirk.name()))
        .collect()
}

#[test]
fn both_readings_agree_on_what_is_written_well() {
    let sane = read(SAMPLE, Reading::Sane).unwrap();
    let original = read(SAMPLE, Reading::Original).unwrap();
    assert_eq!(sane.entries, original.entries);
    assert_eq!(sane.lints, []);
    assert_eq!(
        texts(&sane),
        [
            (2, "level < 3", vec!["notify_maintainer"]),
            (
                5,
                "level >= 3 and level <= 7",
                vec![
                    "blockimage",
                    "containeractions.py:mark {image} bad",
                    "./label.sh",
                    "http://example.com/hook",
                    "break"
                ]
            ),
            (12, "level > 7", vec!["shouldnotbereached"]),
        ]
    );
    let crlf = read(&SAMPLE.replace('\n', "\r\n"), Reading::Original).unwrap();
    assert_eq!(crlf.entries, original.entries);
}

#[test]
fn actions_mean_what_cipolice_takes_them_for() {
    let of = |text: &str| Action::read(1, text, Reading::Original).0.kind;
    let function =
        |module: &str, function: &str, parameters: Option<Vec<Parameter>>| Kind::Function {
            module: module.to_owned(),
            function: function.to_owned(),
            parameters,
        };
    let text = |text: &str| Parameter::Text(text.to_owned());
    assert_eq!(of("break"), Kind::Break);
    assert_eq!(of("./label.sh"), Kind::Script("./label.sh".to_owned()));
    assert_eq!(
        of("http://x/y.sh"),
        Kind::Script("http://x/y.sh".to_owned())
    );
    assert_eq!(of("m.py:f"), function("m", "f", None));
    let key = Parameter::Key("image".to_owned());
    assert_eq!(
        of("m.py:f a {image}  {x"),
        function("m", "f", Some(vec![text("a"), key, text(""), text("{x")]))
    );
    assert_eq!(of("see https://x"), Kind::Web("see https://x".to_owned()));
    assert_eq!(
        of("blockimage # now"),
        Kind::Named("blockimage # now".to_owned())
    );
    let sane = |text: &str| Action::read(1, text, Reading::Sane);
    assert_eq!(
        sane("http://x/y.sh").0.kind,
        Kind::Web("http://x/y.sh".to_owned())
    );
    assert_eq!(sane("http://x/y.sh").1.unwrap().0, Quirk::Kind);
    assert_eq!(
        sane("see https://x").0.kind,
        Kind::Named("see https://x".to_owned())
    );
}

#[test]
fn every_quirk_is_told_with_its_line() {
    for (text, expected) in [
        ("a\n\n\tx\n", vec![(2, "blank-line")]),
        ("a\n    x\n", vec![(2, "spaces")]),
        ("a\n\tx\nb\n\ty\na\n\tz\n", vec![(5, "duplicate")]),
        ("a\nb\n\tx\n", vec![(1, "no-action")]),
        ("a\n\tx # why\n", vec![(2, "comment")]),
        ("a # why\n\thttp://h/#anchor\n", vec![]),
        ("a\n\thttps://h/x.sh\n", vec![(2, "kind")]),
        ("\n\na\n\tx\n\n\nb\n\ty\n", vec![]),
        ("\u{feff}a\r\n\tx\r\n", vec![]),
    ] {
        assert_eq!(quirks(text), expected, "{text:?}");
    }
    let error = read("# only\n\n\tx\n", Reading::Sane).unwrap_err();
    assert_eq!(error.line, 3);
}

#[test]
fn the_original_reading_has_its_quirks() {
    let read = |text: &str| super::read(text, Reading::Original);
    assert_eq!(read("a\n\n\tx\n").unwrap_err().line, 3);
    assert_eq!(read("\tx\n").unwrap_err().line, 1);
    assert_eq!(texts(&read("a\n\tx\n\nb\n\ty\n").unwrap()).len(), 2);
    // What begins with spaces is a condition, and one without actions is nothing.
    assert_eq!(
        texts(&read("a\n  x\n\ty\n").unwrap()),
        [(2, "  x", vec!["y"])]
    );
    assert_eq!(
        texts(&read("a\n\tx\nb\n\ty\na\n\tz\n").unwrap()),
        [(1, "a", vec!["x", "z"]), (3, "b", vec!["y"])]
    );
    assert_eq!(
        texts(&read("1 +\na\n\tx\n").unwrap()),
        [(2, "a", vec!["x"])]
    );
    assert_eq!(
        texts(&read("a # why\n\tx # what\n").unwrap()),
        [(1, "a # why", vec!["x # what"])]
    );
    assert_eq!(
        texts(&read("a\n\t # hidden\n\tx\n").unwrap()),
        [(1, "a", vec!["x"])]
    );
}
