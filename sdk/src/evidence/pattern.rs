//! A text pattern as a setting: what filters of evidence do in the host, for what a policy has in its hands.

use schemars::JsonSchema;
use serde::Deserialize;

/// A text in which `*` stands for any text, also for none: `*/.ssh/id_*`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Pattern(String);

impl Pattern {
    /// From its text.
    pub fn new(text: impl Into<String>) -> Pattern {
        Pattern(text.into())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the whole text is as the pattern says.
    pub fn matches(&self, text: &str) -> bool {
        matches(&self.0, text, u8::eq)
    }

    /// The same, with ASCII letters of either case taken for equal.
    pub fn matches_any_case(&self, text: &str) -> bool {
        matches(&self.0, text, u8::eq_ignore_ascii_case)
    }
}

/// Takes time linear in both for one star, and at most their product.
fn matches(pattern: &str, text: &str, same: impl Fn(&u8, &u8) -> bool) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(wanted) if same(wanted, byte) => {
                p += 1;
                t += 1;
            }
            // Let the last star stand for one byte more.
            _ => match star {
                Some((after, from)) => {
                    (p, t) = (after, from + 1);
                    star = Some((after, from + 1));
                }
                None => return false,
            },
        }
    }
    let mut rest = pattern.iter().skip(p);
    rest.all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, expected) in [
            ("MIT", "MIT", true),
            ("MIT", "MIT-0", false),
            ("GPL-*", "GPL-2.0-only", true),
            ("GPL-*", "LGPL-2.0-only", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("*/.ssh/id_*", "/root/.ssh/id_rsa", true),
            ("*.pem", "/a.pem.bak", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("**", "x", true),
        ] {
            let pattern = Pattern::new(pattern);
            assert_eq!(pattern.matches(text), expected, "{pattern:?} {text}");
        }
        assert!(Pattern::new("gpl-*").matches_any_case("GPL-2.0"));
        assert!(!Pattern::new("gpl-*").matches("GPL-2.0"));
    }
}
