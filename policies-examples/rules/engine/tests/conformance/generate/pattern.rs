//! Patterns.

use super::Generator;

impl Generator {
    /// A pattern; the texts are short, so that Python is done with it soon.
    pub fn pattern(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self
                .pick(&[
                    "a", "n", "g", "x", "\\w", "\\d", "\\s", ".", "[a-n]", "[^g]", "\\W", "\\S",
                    "ä", ":", "1", "\\.", "[\\w.]", "o", "e", "\n",
                ])
                .to_owned();
        }
        let depth = depth - 1;
        let inner = self.pattern(depth);
        match self.below(16) {
            0 => format!("{inner}|{}", self.pattern(depth)),
            1 | 2 => format!("({inner})"),
            3 => format!("(?:{inner})"),
            4 => format!(
                "({inner}){}",
                self.pick(&["*", "+", "?", "{2}", "{1,2}", "*?", "+?", "??"])
            ),
            5 => format!(
                "(?:{inner}){}",
                self.pick(&["*", "+", "?", "{0,2}", "*?", "*+", "?+"])
            ),
            6 => format!("^{inner}"),
            7 => format!("{inner}$"),
            8 => format!("(?={inner})"),
            9 => format!("(?!{inner}){}", self.pattern(depth)),
            10 => format!("(?<={inner})"),
            11 => format!("({inner})\\1"),
            12 => format!("\\b{inner}"),
            13 => format!("(?i:{inner})"),
            _ => format!("{inner}{}", self.pattern(depth)),
        }
    }
}
