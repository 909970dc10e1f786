//! What the lists of the settings say about a licence, and about an expression of several.

use std::fmt;

use touchstone_sdk::evidence::{Act, Pattern};
use touchstone_sdk::prelude::*;

use crate::expression::Expression;
use crate::name::Licence;

/// What becomes of licences that no list names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// They pass.
    #[default]
    Denylist,
    /// They are denied.
    AllowOnly,
}

/// A line of a list: a licence (`GPL-2.0`, also `GPL-2`; with or without an exception), or a pattern with `*`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(from = "String")]
#[schemars(with = "String")]
pub enum Entry {
    /// With `*`.
    Pattern(Pattern),
    /// One licence; an expression of several is reported by `check`.
    Licences(Expression),
}

impl From<String> for Entry {
    fn from(text: String) -> Entry {
        match text.contains('*') {
            true => Entry::Pattern(Pattern::new(text)),
            false => Entry::Licences(Expression::new(&text)),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Pattern(pattern) => f.write_str(pattern.as_str()),
            Entry::Licences(expression) => expression.fmt(f),
        }
    }
}

impl Entry {
    /// Why it can mean no licence.
    pub fn problem(&self) -> Option<String> {
        match self {
            Entry::Licences(Expression::One(licence)) if licence.to_string().is_empty() => {
                Some("is empty".to_owned())
            }
            Entry::Licences(Expression::All(_) | Expression::Any(_)) => {
                Some(format!("{self} is several licences: list them one by one"))
            }
            _ => None,
        }
    }

    /// Whether it means the licence, and how particularly: an exception counts more than a name without one, a name
    /// more than a pattern.
    fn covers(&self, licence: &Licence) -> Option<(bool, bool)> {
        match self {
            Entry::Pattern(pattern) => {
                let forms = licence.forms();
                let matched = forms.iter().any(|form| pattern.matches_any_case(form));
                let exception = pattern.as_str().to_ascii_lowercase().contains(" with ");
                matched.then_some((exception, false))
            }
            Entry::Licences(Expression::One(entry)) => {
                entry.covers(licence).then(|| (entry.has_exception(), true))
            }
            Entry::Licences(_) => None,
        }
    }
}

/// What holds for a package.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    pub mode: Mode,
    pub denied: &'a [Entry],
    pub warned: &'a [Entry],
    pub allowed: &'a [Entry],
    pub unknown: Act,
    pub absent: Act,
}

/// What there is to say about a licence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The licence, or the alternatives of which none will do.
    pub licence: String,
    pub act: Act,
    pub why: Why,
}

/// Why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// By this entry of the list `denied`.
    Denied(String),
    /// By this entry of the list `warned`.
    Warned(String),
    /// The lists do not name it.
    NotAllowed,
    /// SPDX and the lists do not know it.
    Unknown,
    /// None of the alternatives will do.
    NoAlternative,
}

impl Rules<'_> {
    /// Whether a list allows every licence of an expression, or one of each choice, by name.
    pub fn allow(&self, expression: &Expression) -> bool {
        match expression {
            Expression::One(licence) => matches!(self.entry(licence), Some((Act::Off, _))),
            Expression::All(parts) => parts.iter().all(|part| self.allow(part)),
            Expression::Any(parts) => parts.iter().any(|part| self.allow(part)),
        }
    }

    /// What there is to say about an expression; nothing when it passes.
    pub fn judge(&self, expression: &Expression) -> Vec<Complaint> {
        match expression {
            Expression::One(licence) => self.judge_one(licence).into_iter().collect(),
            Expression::All(parts) => parts.iter().flat_map(|part| self.judge(part)).collect(),
            Expression::Any(parts) => {
                let best = self.best(parts);
                let complaint = |act| Complaint {
                    licence: expression.to_string(),
                    act,
                    why: Why::NoAlternative,
                };
                best.map(complaint).into_iter().collect()
            }
        }
    }

    /// What is done about the best of several alternatives; nothing when it passes. One that nobody knows does not save
    /// the others.
    fn best(&self, parts: &[Expression]) -> Option<Act> {
        let judged: Vec<Vec<Complaint>> = parts.iter().map(|part| self.judge(part)).collect();
        let is_known =
            |complaints: &&Vec<Complaint>| complaints.iter().all(|one| one.why != Why::Unknown);
        let mut known = judged.iter().filter(is_known).peekable();
        let act = |complaints: &Vec<Complaint>| complaints.iter().map(|one| one.act).max();
        match known.peek() {
            Some(_) => known.map(act).min()?,
            None => judged.iter().map(act).min()?,
        }
    }

    fn judge_one(&self, licence: &Licence) -> Option<Complaint> {
        let (act, why) = match self.entry(licence) {
            Some((Act::Off, _)) => return None,
            Some((act @ Act::Deny, entry)) => (act, Why::Denied(entry.to_string())),
            Some((act, entry)) => (act, Why::Warned(entry.to_string())),
            None if !licence.known => (self.unknown, Why::Unknown),
            None if self.mode == Mode::AllowOnly => (Act::Deny, Why::NotAllowed),
            None => return None,
        };
        Some(Complaint {
            licence: licence.to_string(),
            act,
            why,
        })
    }

    /// The entry that counts: the most particular one, of those the strictest.
    fn entry(&self, licence: &Licence) -> Option<(Act, &Entry)> {
        let lists = [
            (Act::Off, self.allowed),
            (Act::Warn, self.warned),
            (Act::Deny, self.denied),
        ];
        let entries = lists
            .iter()
            .flat_map(|(act, list)| list.iter().map(move |entry| (*act, entry)));
        let covering =
            entries.filter_map(|(act, entry)| Some((entry.covers(licence)?, act, entry)));
        let best = covering.max_by_key(|(particular, act, _)| (*particular, *act));
        best.map(|(_, act, entry)| (act, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&str]) -> Vec<Entry> {
        texts
            .iter()
            .map(|text| Entry::from((*text).to_owned()))
            .collect()
    }

    /// `licence: act` of each complaint.
    fn judge(mode: Mode, lists: [&[&str]; 3], text: &str) -> Vec<String> {
        let [denied, warned, allowed] = lists.map(list);
        let rules = Rules {
            mode,
            denied: &denied,
            warned: &warned,
            allowed: &allowed,
            unknown: Act::Warn,
            absent: Act::Info,
        };
        let complaints = rules.judge(&Expression::new(text));
        complaints
            .iter()
            .map(|one| format!("{}: {:?}", one.licence, one.act))
            .collect()
    }

    #[test]
    fn a_denylist_denies_what_it_names() {
        let lists: [&[&str]; 3] = [
            &["GPL-*", "AGPL-3.0", "Proprietary*"],
            &["LGPL-*", "GPL-* WITH *"],
            &["GPL-2.0-only WITH Classpath-exception-2.0"],
        ];
        for (text, expected) in [
            ("MIT", &[][..]),
            ("GPL-2", &["GPL-2.0-only: Deny"]),
            ("agpl-3.0+", &["AGPL-3.0-or-later: Deny"]),
            ("LGPLv2.1+", &["LGPL-2.1-or-later: Warn"]),
            ("MIT OR GPL-3.0-only", &[]),
            (
                "AGPL-3.0 OR GPL-3.0",
                &["AGPL-3.0-only OR GPL-3.0-only: Deny"],
            ),
            (
                "LGPL-3.0 OR GPL-3.0",
                &["LGPL-3.0-only OR GPL-3.0-only: Warn"],
            ),
            (
                "MIT AND GPL-3.0 AND LGPL-3.0",
                &["GPL-3.0-only: Deny", "LGPL-3.0-only: Warn"],
            ),
            ("MIT AND (GPL-3.0 OR ISC)", &[]),
            ("GPL-2.0-with-classpath-exception", &[]),
            (
                "GPL-3.0-only WITH GCC-exception-3.1",
                &["GPL-3.0-only WITH GCC-exception-3.1: Warn"],
            ),
            ("Acme", &["Acme: Warn"]),
            ("proprietary", &["proprietary: Deny"]),
            ("GPL-3.0 OR Acme", &["GPL-3.0-only OR Acme: Deny"]),
            ("Acme OR Other", &["Acme OR Other: Warn"]),
            (
                "GPL-3.0 AND some words",
                &["GPL-3.0-only: Deny", "some words: Warn"],
            ),
        ] {
            assert_eq!(judge(Mode::Denylist, lists, text), expected, "{text}");
        }
    }

    #[test]
    fn with_allow_only_the_rest_is_denied() {
        let lists: [&[&str]; 3] = [
            &["BSD-4-Clause"],
            &["MPL-*"],
            &["MIT", "BSD-*", "GPL-2.0-or-later", "see COPYING"],
        ];
        for (text, expected) in [
            ("MIT", &[][..]),
            ("BSD-2-Clause", &[]),
            ("BSD-4-Clause", &["BSD-4-Clause: Deny"]),
            ("ISC", &["ISC: Deny"]),
            ("MPL-2.0 OR ISC", &["MPL-2.0 OR ISC: Warn"]),
            ("MIT OR ISC", &[]),
            ("GPL-2.0+", &[]),
            ("GPL-2.0", &["GPL-2.0-only: Deny"]),
            ("see  copying", &[]),
            ("see below", &["see below: Warn"]),
        ] {
            assert_eq!(judge(Mode::AllowOnly, lists, text), expected, "{text}");
        }
    }
}
