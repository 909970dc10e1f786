//! Samples of the arithmetic; the conformance corpus holds it against the original.

use super::Decimal;

fn number(text: &str) -> Decimal {
    Decimal::parse(text).expect(text)
}

#[test]
fn results_are_those_of_pythons_decimal() {
    let rows = [
        ("1.0", "+", "2.00", "3.00"),
        ("1", "/", "3", "0.3333333333333333333333333333"),
        ("6", "/", "2.0", "3"),
        ("7", "//", "-2", "-3"),
        ("-7", "%", "3", "-1"),
        ("1E+20", "+", "1E-20", "100000000000000000000.0000000"),
        ("1.1", "**", "100", "13780.61233982227018411833717"),
        ("2", "**", "0.5", "1.414213562373095048801688724"),
        ("4", "**", "0.5", "2.000000000000000000000000000"),
        ("1.00", "**", "3", "1.000000"),
        ("0.9", "**", "100000000", "0E-1000026"),
        (
            "1.0000000000000000000000001",
            "**",
            "1E20",
            "1.000010000050000166667083334",
        ),
        ("1E-1000026", "/", "2", "0E-1000026"),
    ];
    for (left, operator, right, expected) in rows {
        let (left, right) = (number(left), number(right));
        let result = match operator {
            "+" => left.add(&right),
            "/" => left.divide(&right),
            "//" => left.divide_whole(&right),
            "%" => left.remainder(&right),
            _ => left.power(&right),
        };
        assert_eq!(
            result.map(|number| number.to_string()),
            Ok(expected.to_owned())
        );
    }
}
