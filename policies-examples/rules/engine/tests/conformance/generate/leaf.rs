//! Names and literals.

use super::{Generator, Type, Type::*};

impl Generator {
    pub fn leaf(&mut self, of: Type) -> String {
        let locals: Vec<&'static str> = self
            .locals
            .iter()
            .filter(|(_, local)| *local == of)
            .map(|(name, _)| *name)
            .collect();
        if !locals.is_empty() && self.one_in(2) {
            return self.pick(&locals).to_owned();
        }
        if self.one_in(400) {
            return self.pick(&["nope", "$nope", "imge", "lvl"]).to_owned();
        }
        match of {
            Number => self.number(),
            Text => self.text(),
            Boolean => self.pick(&["true", "false", "yes", "no"]).to_owned(),
            Bytes => self
                .pick(&[
                    "b\"ab\"",
                    "b\"\"",
                    "raw",
                    "norawbytes",
                    "b\"\\x00\\xff\"",
                    "b'a\\n'",
                ])
                .to_owned(),
            Datetime => self
                .pick(&[
                    "moment",
                    "later",
                    "d\"2020-02-29\"",
                    "d\"2020-01-01T10:30:15.123456\"",
                    "d\"2020-01-01T10:30+02:00\"",
                    "d\"1969-12-31T23:59:59.5Z\"",
                    "d\"2024-W10-3\"",
                    "d\"9999-12-31\"",
                    "d\"0001-01-01\"",
                ])
                .to_owned(),
            Timedelta => self
                .pick(&[
                    "delta",
                    "nodelta",
                    "past",
                    "t\"PT1H\"",
                    "t\"P1DT0.5S\"",
                    "t\"P1.5W\"",
                    "t\"PT0.000001S\"",
                    "t\"P3650000D\"",
                ])
                .to_owned(),
            Numbers => self
                .pick(&[
                    "list",
                    "none",
                    "[1, 2, 3]",
                    "[]",
                    "[0.5]",
                    "[3, 1.0, one]",
                    "[null, 1]",
                    "nulls",
                    "nested[0]",
                    "[1, 2.50, -3]",
                ])
                .to_owned(),
            Texts => self
                .pick(&[
                    "words",
                    "labels",
                    "[\"a\"]",
                    "[\"b\", word]",
                    "none",
                    "[]",
                    "[\"a\", null]",
                ])
                .to_owned(),
            Set => self
                .pick(&[
                    "bag", "emptybag", "wordbag", "{1}", "{2, 3}", "{\"a\"}", "{1, 4}",
                ])
                .to_owned(),
            Mapping => self
                .pick(&[
                    "map",
                    "nomap",
                    "deep",
                    "{}",
                    "{\"a\": 1}",
                    "{\"a\": {\"b\": 2}}",
                    "{1: \"x\"}",
                    "{\"k\": one, word: two}",
                    "deep.x",
                    "objects[0]",
                ])
                .to_owned(),
            Null => self
                .pick(&["null", "nothing", "map.b", "nothing&.x"])
                .to_owned(),
        }
    }

    pub fn number(&mut self) -> String {
        match self.below(8) {
            0 | 1 => self.below(12).to_string(),
            2 => format!("{}.{:02}", self.below(100), self.below(100)),
            3 => format!("{}e{}", self.below(1000), self.below(60) as i64 - 30),
            4 => self.next().to_string(),
            5 => self
                .pick(&[
                    "0x1f",
                    "0b11",
                    "0",
                    "0.0",
                    "1e28",
                    "9999999999999999999999999999",
                    "0.1",
                    "nan",
                    "inf",
                    "$pi",
                    "1e400",
                    "1e-999999",
                    "5.",
                    ".5",
                ])
                .to_owned(),
            _ => self
                .pick(&[
                    "zero", "one", "two", "ten", "half", "neg", "big", "tiny", "huge", "price",
                    "level", "notnum", "infinite",
                ])
                .to_owned(),
        }
    }

    pub fn text(&mut self) -> String {
        self.pick(&[
            "word",
            "image",
            "line",
            "uni",
            "digits",
            "spaced",
            "empty",
            "\"a\"",
            "\"ab\"",
            "\"\"",
            "'x y'",
            "\"1.5\"",
            "\"-7\"",
            "\"0x10\"",
            "\"tab\\tnew\\n\"",
            "\"\\u00e9\"",
            "s\"p\"",
            "\"É\"",
            "\"1e5\"",
            "\"2020-01-01\"",
            "\"inf\"",
            "\"P1D\"",
        ])
        .to_owned()
    }
}
