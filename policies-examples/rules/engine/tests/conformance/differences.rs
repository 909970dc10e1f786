//! What is known to differ: `conformance/differences.txt`, a row a difference.

use crate::case::Case;
use crate::outcome::Outcome;

/// A row: how the expression looks, what comes of it here and in the original, why.
struct Row {
    part: String,
    here: String,
    original: String,
}

pub struct Differences(Vec<Row>);

impl Differences {
    /// The columns are divided by ` | `: a part of the expression, or `*`; the class of the error here, or `value`; the
    /// same of the original; the reason.
    pub fn read() -> Differences {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance/differences.txt");
        let text = std::fs::read_to_string(path).expect(path);
        let rows = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let rows = rows.map(|line| {
            let columns: Vec<&str> = line.split(" | ").collect();
            let [part, here, original, reason] = columns[..] else {
                panic!("four columns: {line}");
            };
            assert!(!reason.is_empty(), "a reason: {line}");
            Row {
                part: part.to_owned(),
                here: here.to_owned(),
                original: original.to_owned(),
            }
        });
        Differences(rows.collect())
    }

    pub fn knows(&self, case: &Case, here: &Outcome, original: &Outcome) -> bool {
        let class = |outcome: &Outcome| match outcome.is_value() {
            true => "value".to_owned(),
            false => outcome.class().to_owned(),
        };
        let (here, original) = (class(here), class(original));
        let fits = |column: &str, is: &str| column == "*" || column == is;
        self.0.iter().any(|row| {
            (row.part == "*" || case.expression.contains(&row.part))
                && fits(&row.here, &here)
                && fits(&row.original, &original)
        })
    }
}
