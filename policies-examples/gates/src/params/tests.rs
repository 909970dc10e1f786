use super::*;

const CHOICE: Kind = Kind::OneOf(&["=", "like"]);

fn read(kind: Kind, text: &str) -> Result<String, String> {
    kind.read(text, Compat::Fixed)
        .map(|value| format!("{value:?}"))
}

#[test]
fn each_kind_takes_what_it_should() {
    for (kind, text, expected) in [
        (Kind::Text, "", "Text(\"\")"),
        (Kind::Flag, "TRUE", "Flag(true)"),
        (CHOICE, "=", "Text(\"=\")"),
        (Kind::Integer, " 7 ", "Number(7)"),
        (Kind::Float, "7.5", "Float(7.5)"),
        (Kind::Float, "-1", "Float(-1.0)"),
        (Kind::Float, ".5", "Float(0.5)"),
        (Kind::List, "a, b", "List([\"a\", \"b\"])"),
        (Kind::Numbers, "22,443", "Numbers([22, 443])"),
        (Kind::Mode, "00644", "Number(420)"),
        (Kind::Mode, "0o644", "Number(420)"),
        (Kind::Size, "10", "Number(10)"),
        (Kind::Size, "100MB", "Number(104857600)"),
        (Kind::Size, "2gb", "Number(2147483648)"),
    ] {
        assert_eq!(
            read(kind, text),
            Ok(expected.to_owned()),
            "{kind:?} {text:?}"
        );
    }
    for (kind, text) in [
        (Kind::Flag, "yes"),
        (CHOICE, "LIKE"),
        (Kind::Integer, "-7"),
        (Kind::Integer, ""),
        (Kind::Float, ""),
        (Kind::Float, "1.2.3"),
        (Kind::Float, "inf"),
        (Kind::List, "a,,b"),
        (Kind::List, ""),
        (Kind::Numbers, "22,ssh"),
        (Kind::Expression, "*"),
        (Kind::Mode, "rwx"),
        (Kind::Mode, "0899"),
        (Kind::Size, "10 mb"),
        (Kind::Size, "99999999999tb"),
    ] {
        assert!(read(kind, text).is_err(), "{kind:?} {text:?}");
    }
    assert!(Kind::Size.read("100MB", Compat::Exact).is_err());
}
