//! Random expressions by a grammar that knows types, so that most of them have a value. A few operands are of any type, and
//! a few texts are broken afterwards.

#[path = "generate/composed.rs"]
mod composed;
#[path = "generate/leaf.rs"]
mod leaf;
#[path = "generate/pattern.rs"]
mod pattern;

use rule_engine::Compat;
use serde_json::json;

use crate::case::Case;

pub fn cases(seed: u64, count: u64, version: Compat) -> Vec<Case> {
    let mut generator = Generator {
        state: seed,
        locals: Vec::new(),
        v4: version == Compat::V4,
    };
    (0..count).map(|_| generator.case()).collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Type {
    Number,
    Text,
    Boolean,
    Bytes,
    Datetime,
    Timedelta,
    Numbers,
    Texts,
    Set,
    Mapping,
    Null,
}

use Type::*;

struct Generator {
    state: u64,
    /// The variables of the comprehensions around.
    locals: Vec<(&'static str, Type)>,
    v4: bool,
}

impl Generator {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn case(&mut self) -> Case {
        let depth = 1 + self.below(4);
        let of = self.any_type();
        let mut expression = self.expression(of, depth);
        if self.one_in(25) && !expression.contains("<<") {
            expression = self.broken(&expression);
        }
        let mut case = Case::new(expression);
        match self.below(20) {
            0 => {
                case.settings =
                    json!({ "regex_flags": self.pick(&["i", "m", "s", "x", "a", "ims"]) })
            }
            1 => case.settings = json!({ "default_value": null }),
            2 => case.settings = json!({ "mapping_attribute_lookup": false }),
            _ => {}
        }
        case
    }

    fn any_type(&mut self) -> Type {
        self.pick(&[
            Number, Number, Number, Text, Text, Boolean, Boolean, Boolean, Boolean, Bytes,
            Datetime, Timedelta, Numbers, Texts, Set, Mapping, Null,
        ])
    }

    /// Drops, doubles or adds something.
    fn broken(&mut self, text: &str) -> String {
        let mut chars: Vec<char> = text.chars().collect();
        let at = self.below(chars.len());
        match self.below(3) {
            0 => {
                chars.remove(at);
            }
            1 => chars.insert(at, chars[at]),
            _ => {
                let c = self.pick(&[
                    '(', ')', '[', ']', '{', '}', ',', '.', ':', '?', '&', '-', ' ', '"', '\'',
                    '#', '\\', '1', 'x', '$', '\n',
                ]);
                chars.insert(at, c);
            }
        }
        chars.into_iter().collect()
    }

    fn expression(&mut self, of: Type, depth: usize) -> String {
        // A little nonsense. Not with sets: their order shows when they are walked through.
        if self.one_in(40) {
            let other = self.any_type();
            if other != Set && of != Set {
                return self.expression(other, depth);
            }
        }
        if depth == 0 || self.one_in(6) {
            return self.leaf(of);
        }
        let depth = depth - 1;
        match self.below(14) {
            0 => self.ternary(of, depth),
            1 if !self.v4 => {
                let left = if self.one_in(2) { Null } else { of };
                self.infix(left, "??", of, depth)
            }
            2 => self.item(of, depth),
            3 => format!("({})", self.expression(of, depth)),
            _ => self.composed(of, depth),
        }
    }

    /// Two operands, mostly in brackets: without, precedence decides.
    fn infix(&mut self, left: Type, operator: &str, right: Type, depth: usize) -> String {
        let (left, right) = (self.expression(left, depth), self.expression(right, depth));
        match self.below(3) {
            0 => format!("{left} {operator} {right}"),
            1 => format!("({left} {operator} {right})"),
            _ => format!("({left}) {operator} ({right})"),
        }
    }

    fn ternary(&mut self, of: Type, depth: usize) -> String {
        let condition = self.any_type();
        let (condition, then) = (
            self.expression(condition, depth),
            self.expression(of, depth),
        );
        format!("({condition} ? {then} : {})", self.expression(of, depth))
    }

    /// Something taken out of a collection.
    fn item(&mut self, of: Type, depth: usize) -> String {
        let safe = self.pick(&["", "", "&"]);
        match of {
            Number => {
                let (list, index) = (
                    self.expression(Numbers, depth),
                    self.pick(&["0", "1", "-1", "one", "two", "9", "-3"]),
                );
                format!("({list}){safe}[{index}]")
            }
            Text => {
                let source = self.pick(&[Texts, Text]);
                let (list, index) = (
                    self.expression(source, depth),
                    self.pick(&["0", "1", "-1", "one", "two", "9"]),
                );
                format!("({list}){safe}[{index}]")
            }
            Numbers | Texts | Bytes => {
                let list = self.expression(of, depth);
                let bounds = self.pick(&[
                    "0:1", "1:", ":1", ":", ":-1", "-2:", "one:two", "5:", "2:1", "null:1",
                ]);
                format!("({list})[{bounds}]")
            }
            _ => {
                let (map, key) = (
                    self.leaf(Mapping),
                    self.pick(&["\"a\"", "\"b\"", "\"zz\"", "\"key\"", "word", "1"]),
                );
                format!("({map}){safe}[{key}]")
            }
        }
    }
}
