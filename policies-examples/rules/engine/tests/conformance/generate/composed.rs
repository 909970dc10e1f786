//! Expressions with parts.

use serde_json::json;

use super::{Generator, Type, Type::*};

impl Generator {
    pub fn composed(&mut self, of: Type, depth: usize) -> String {
        match of {
            Number => self.of_numbers(depth),
            Text => self.of_texts(depth),
            Boolean => self.of_booleans(depth),
            Bytes => match self.below(3) {
                0 => self.infix(Bytes, "+", Bytes, depth),
                1 => format!(
                    "({}).encode({})",
                    self.expression(Text, depth),
                    self.pick(&[
                        "\"utf-8\"",
                        "\"hex\"",
                        "\"base64\"",
                        "\"ascii\"",
                        "\"utf-16\"",
                        "\"nope\""
                    ])
                ),
                _ => self.leaf(Bytes),
            },
            Datetime => match self.below(4) {
                0 => self.infix(Datetime, "+", Timedelta, depth),
                1 => self.infix(Datetime, "-", Timedelta, depth),
                2 => self.infix(Timedelta, "+", Datetime, depth),
                _ => format!("({}).date", self.expression(Datetime, depth)),
            },
            Timedelta => match self.below(4) {
                0 => self.infix(Timedelta, "+", Timedelta, depth),
                1 => self.infix(Timedelta, "-", Timedelta, depth),
                2 => self.infix(Datetime, "-", Datetime, depth),
                _ => format!("-({})", self.expression(Timedelta, depth)),
            },
            Numbers => self.of_lists(Numbers, Number, depth),
            Texts => self.of_lists(Texts, Text, depth),
            Set => match self.below(3) {
                0 => {
                    let operator = self.pick(&["&", "|", "^"]);
                    self.infix(Set, operator, Set, depth)
                }
                1 => format!("({}).to_set", self.expression(Numbers, depth)),
                _ => self.leaf(Set),
            },
            Mapping => {
                let value = self.any_type();
                let (key, value) = (self.expression(Text, depth), self.expression(value, depth));
                format!(
                    "{{{key}: {value}, \"a\": {}}}",
                    self.expression(Number, depth)
                )
            }
            Null => format!(
                "({})&.{}",
                self.leaf(Null),
                self.pick(&["x", "length", "to_str"])
            ),
        }
    }

    pub fn of_numbers(&mut self, depth: usize) -> String {
        match self.below(16) {
            0 | 1 => self.infix(Number, "+", Number, depth),
            2 => self.infix(Number, "-", Number, depth),
            3 | 4 => self.infix(Number, "*", Number, depth),
            5 => self.infix(Number, "/", Number, depth),
            6 => {
                let operator = self.pick(&["//", "%"]);
                self.infix(Number, operator, Number, depth)
            }
            7 => format!(
                "({}) ** {}",
                self.expression(Number, depth),
                self.pick(&[
                    "2", "3", "0", "0.5", "(-1)", "neg", "half", "1.5", "10", "20", "-2", "two"
                ])
            ),
            8 => format!("-{}", self.expression(Number, depth)),
            9 => {
                let (operator, left, right) =
                    (self.pick(&["&", "|", "^"]), self.natural(), self.natural());
                format!("({left} {operator} {right})")
            }
            10 => {
                let (operator, left) = (self.pick(&["<<", ">>"]), self.natural());
                format!("({left} {operator} {})", self.below(70))
            }
            11 => {
                let name = self.pick(&["ceiling", "floor", "to_flt", "to_int"]);
                format!("({}).{name}", self.expression(Number, depth))
            }
            12 => {
                let of = self.pick(&[Numbers, Texts, Text, Set, Mapping, Bytes]);
                format!("({}).length", self.expression(of, depth))
            }
            13 => {
                let name = self.pick(&["$sum", "$max", "$min"]);
                format!("{name}({})", self.expression(Numbers, depth))
            }
            14 => {
                let name = self.pick(&["to_flt", "to_int"]);
                format!("({}).{name}", self.expression(Text, depth))
            }
            _ => self.number_of_time(depth),
        }
    }

    pub fn number_of_time(&mut self, depth: usize) -> String {
        if self.one_in(2) {
            let name = self.pick(&["days", "seconds", "microseconds", "total_seconds"]);
            return format!("({}).{name}", self.expression(Timedelta, depth));
        }
        let name = self.pick(&[
            "day",
            "hour",
            "minute",
            "month",
            "second",
            "year",
            "microsecond",
            "millisecond",
            "to_epoch",
        ]);
        format!("({}).{name}", self.expression(Datetime, depth))
    }

    pub fn natural(&mut self) -> String {
        match self.below(4) {
            0 => self.next().to_string(),
            1 => self
                .pick(&["one", "two", "ten", "big", "level", "(1 << 100)"])
                .to_owned(),
            _ => self.below(300).to_string(),
        }
    }

    pub fn of_texts(&mut self, depth: usize) -> String {
        match self.below(8) {
            0 | 1 => self.infix(Text, "+", Text, depth),
            2 => {
                let name = self.pick(&["as_lower", "as_upper", "to_str"]);
                format!("({}).{name}", self.expression(Text, depth))
            }
            3 | 4 => format!("({}).to_str", self.expression(Number, depth)),
            5 => format!(
                "({}).decode({})",
                self.expression(Bytes, depth),
                self.pick(&["\"utf-8\"", "\"hex\"", "\"base64\"", "\"latin-1\""])
            ),
            6 => format!("({}).weekday", self.expression(Datetime, depth)),
            _ => self.leaf(Text),
        }
    }

    pub fn of_lists(&mut self, of: Type, member: Type, depth: usize) -> String {
        match self.below(7) {
            0 | 1 => {
                let count = self.below(4);
                let members: Vec<String> =
                    (0..count).map(|_| self.expression(member, depth)).collect();
                format!("[{}]", members.join(", "))
            }
            2 | 3 => self.comprehension(member, depth),
            4 if member == Number => format!("$range({}, {})", self.below(5), self.below(8)),
            4 => {
                let text = self.expression(Text, depth);
                match self.below(3) {
                    0 => format!("$split({text})"),
                    1 => format!("$split({text}, \"a\")"),
                    _ => format!("({text}).to_ary"),
                }
            }
            5 if member == Number => format!("$map($abs, {})", self.expression(of, depth)),
            _ => self.leaf(of),
        }
    }

    pub fn comprehension(&mut self, member: Type, depth: usize) -> String {
        let (source, walked) = self.pick(&[
            (Numbers, Number),
            (Numbers, Number),
            (Texts, Text),
            (Mapping, Text),
        ]);
        let iterable = self.expression(source, depth);
        let name = self.pick(&["x", "y", "z"]);
        self.locals.push((name, walked));
        let result = self.expression(member, depth);
        let condition = match self.below(3) {
            0 => format!(" if {}", self.expression(Boolean, depth)),
            _ => String::new(),
        };
        self.locals.pop();
        format!("[{result} for {name} in {iterable}{condition}]")
    }

    pub fn of_booleans(&mut self, depth: usize) -> String {
        let any = self.any_type();
        match self.below(16) {
            0 | 1 => {
                let (operator, other) = (self.pick(&["and", "or"]), self.any_type());
                self.infix(any, operator, other, depth)
            }
            2 => format!("not {}", self.expression(any, depth)),
            3 | 4 => {
                let operator = self.pick(&["==", "!="]);
                self.infix(any, operator, any, depth)
            }
            5..=7 => {
                let operator = self.pick(&["<", "<=", ">", ">="]);
                let of = self.pick(&[
                    Number, Number, Number, Text, Datetime, Timedelta, Numbers, Texts, Boolean,
                ]);
                self.infix(of, operator, of, depth)
            }
            8 | 9 => {
                let (member, container) = self.pick(&[
                    (Number, Numbers),
                    (Text, Texts),
                    (Text, Text),
                    (Number, Set),
                    (Text, Mapping),
                    (Bytes, Bytes),
                ]);
                let operator = self.pick(&["in", "not in"]);
                self.infix(member, operator, container, depth)
            }
            10 | 11 => {
                let (operator, pattern) = (self.pick(&["=~", "=~~", "!~", "!~~"]), self.pattern(3));
                let quoted = json!(pattern).to_string();
                let groups = if self.one_in(3) {
                    " and $re_groups"
                } else {
                    ""
                };
                format!(
                    "({} {operator} {quoted}{groups})",
                    self.expression(Text, depth)
                )
            }
            12 => {
                let (name, of) = self.pick(&[
                    ("starts_with", Text),
                    ("ends_with", Text),
                    ("starts_with", Numbers),
                    ("ends_with", Texts),
                    ("ends_with", Bytes),
                ]);
                let (object, argument) = (self.expression(of, depth), self.expression(of, depth));
                format!("({object}).{name}({argument})")
            }
            13 => {
                let of = self.pick(&[Numbers, Texts, Text, Set, Mapping, Bytes]);
                format!("({}).is_empty", self.expression(of, depth))
            }
            14 => {
                let name = self.pick(&["$any", "$all"]);
                format!("{name}({})", self.expression(Numbers, depth))
            }
            _ => format!("({}).is_nan", self.expression(Number, depth)),
        }
    }
}
