//! Findings that do not count.

use serde_json::{Value, json};

use crate::pattern::Pattern;

/// A list of findings that do not count.
#[derive(Debug)]
pub struct Allowlist {
    /// Its id.
    pub id: String,
    /// For people.
    pub name: Option<String>,
    /// In order.
    pub items: Vec<Item>,
}

/// A finding that does not count, or a pattern for several.
#[derive(Debug)]
pub struct Item {
    /// Told with what it covers.
    pub id: Option<String>,
    /// In lower case.
    pub gate: String,
    /// As it is written.
    pub trigger_id: String,
    /// The same as a pattern.
    pub pattern: Pattern,
    /// Seconds since 1970, and as it is written.
    pub expires: Option<(i64, String)>,
}

/// What allowlists say of a finding.
#[derive(Debug, PartialEq)]
pub enum Standing {
    /// Nothing.
    Counts,
    /// It does not count: the evaluation's word for why.
    Allowed(Value),
    /// It did not count until then.
    Expired(String),
}

impl Allowlist {
    fn covers(&self, item: &Item) -> Value {
        json!({"whitelist_name": self.name, "whitelist_id": self.id, "matched_rule_id": item.id})
    }
}

impl Item {
    fn is_about(&self, gate: &str, trigger_id: &str) -> bool {
        self.gate == gate && (self.trigger_id == trigger_id || self.pattern.matches(trigger_id))
    }
}

/// What these lists say; the first item that covers a finding wins. An item expires unless it is known that its time has
/// not come.
pub fn standing<'a>(
    lists: impl Iterator<Item = &'a Allowlist>,
    (gate, trigger_id): (&str, &str),
    now: impl Fn() -> Option<i64>,
) -> Standing {
    let mut standing = Standing::Counts;
    for list in lists {
        for item in list
            .items
            .iter()
            .filter(|item| item.is_about(gate, trigger_id))
        {
            let valid = |(end, _): &(i64, String)| now().is_some_and(|now| now < *end);
            match &item.expires {
                Some(expires) if !valid(expires) => standing = Standing::Expired(expires.1.clone()),
                _ => return Standing::Allowed(list.covers(item)),
            }
        }
    }
    standing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: &str, gate: &str, trigger_id: &str, expires: Option<i64>) -> Item {
        Item {
            id: Some(id.to_owned()),
            gate: gate.to_owned(),
            trigger_id: trigger_id.to_owned(),
            pattern: Pattern::new(trigger_id).unwrap(),
            expires: expires.map(|end| (end, end.to_string())),
        }
    }

    #[test]
    fn the_first_item_that_holds_covers_a_finding() {
        let lists = [
            Allowlist {
                id: "one".to_owned(),
                name: Some("One".to_owned()),
                items: vec![
                    item("old", "vulnerabilities", "CVE-1+openssl", Some(100)),
                    item("exact", "vulnerabilities", "CVE-2+openssl", Some(101)),
                ],
            },
            Allowlist {
                id: "two".to_owned(),
                name: None,
                items: vec![
                    item("star", "vulnerabilities", "CVE-3+*", None),
                    item("expression", "dockerfile", "regexp:[0-9a-f]+$", None),
                ],
            },
        ];
        let covered = |list: &str, name: Value, id: &str| {
            Standing::Allowed(
                json!({"whitelist_name": name, "whitelist_id": list, "matched_rule_id": id}),
            )
        };
        for (gate, id, expected) in [
            (
                "vulnerabilities",
                "CVE-1+openssl",
                Standing::Expired("100".to_owned()),
            ),
            (
                "vulnerabilities",
                "CVE-2+openssl",
                covered("one", json!("One"), "exact"),
            ),
            ("vulnerabilities", "CVE-2+openssl3", Standing::Counts),
            (
                "vulnerabilities",
                "CVE-3+zlib",
                covered("two", Value::Null, "star"),
            ),
            ("files", "CVE-3+zlib", Standing::Counts),
            (
                "dockerfile",
                "00ff",
                covered("two", Value::Null, "expression"),
            ),
            ("dockerfile", "00ff-", Standing::Counts),
        ] {
            assert_eq!(
                standing(lists.iter(), (gate, id), || Some(100)),
                expected,
                "{gate} {id}"
            );
        }
        let unknown = standing(lists.iter(), ("vulnerabilities", "CVE-2+openssl"), || None);
        assert_eq!(unknown, Standing::Expired("101".to_owned()));
    }
}
