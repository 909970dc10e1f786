//! The fake of `store`: the policy's keys, changed at once.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::grants::{Resource, allow};
use super::{HOST, Host};
use crate::Error;
use crate::store::Entry;

/// The longest key, in bytes.
const MAX_KEY: usize = 512;
/// The longest value, in bytes.
const MAX_VALUE: usize = 64 << 10;
/// Keys in one list.
const MAX_LIST: u32 = 1000;

/// Keys with their entries.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys(BTreeMap<String, Kept>);

#[derive(Clone, Debug)]
struct Kept {
    entry: Entry,
    ttl: Option<Duration>,
}

impl Keys {
    pub(super) fn put(&mut self, key: &str, value: &str, ttl: Option<Duration>) {
        let entry = Entry {
            version: self.version(key).unwrap_or(0) + 1,
            value: value.to_owned(),
        };
        self.0.insert(key.to_owned(), Kept { entry, ttl });
    }

    /// A value that is no JSON is shown as the text that it is.
    pub(super) fn value(&self, key: &str) -> Option<Value> {
        let text = &self.0.get(key)?.entry.value;
        Some(serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())))
    }

    pub(super) fn ttl(&self, key: &str) -> Option<Duration> {
        self.0.get(key)?.ttl
    }

    fn version(&self, key: &str) -> Option<u64> {
        self.0.get(key).map(|kept| kept.entry.version)
    }
}

pub(crate) fn get(key: &str) -> Result<Option<Entry>, Error> {
    HOST.with_borrow_mut(|host| {
        let keys = host.keys_at(key)?;
        Ok(keys.0.get(key).map(|kept| kept.entry.clone()))
    })
}

pub(crate) fn list(prefix: &str, limit: u32) -> Result<Vec<(String, Entry)>, Error> {
    HOST.with_borrow(|host| {
        allow(&host.grants, "store", &Resource::Path(prefix))?;
        let granted = |key: &str| allow(&host.grants, "store", &Resource::Path(key)).is_ok();
        let keys = host.keys.0.iter();
        let found = keys.filter(|(key, _)| key.starts_with(prefix) && granted(key));
        Ok(found
            .take(limit.min(MAX_LIST) as usize)
            .map(|(key, kept)| (key.clone(), kept.entry.clone()))
            .collect())
    })
}

pub(crate) fn put(key: &str, value: &str, ttl: Option<u64>) -> Result<(), Error> {
    HOST.with_borrow_mut(|host| {
        let keys = host.keys_at(key)?;
        check_value(value)?;
        keys.put(key, value, ttl.map(Duration::from_secs));
        Ok(())
    })
}

pub(crate) fn delete(key: &str) -> Result<(), Error> {
    HOST.with_borrow_mut(|host| {
        host.keys_at(key)?.0.remove(key);
        Ok(())
    })
}

pub(crate) fn compare_and_swap(
    key: &str,
    expected: Option<u64>,
    value: &str,
    ttl: Option<u64>,
) -> Result<bool, Error> {
    HOST.with_borrow_mut(|host| {
        let keys = host.keys_at(key)?;
        check_value(value)?;
        let same = keys.version(key) == expected;
        if same {
            keys.put(key, value, ttl.map(Duration::from_secs));
        }
        Ok(same)
    })
}

impl Host {
    /// The keys, for one that may be used.
    fn keys_at(&mut self, key: &str) -> Result<&mut Keys, Error> {
        allow(&self.grants, "store", &Resource::Path(key))?;
        if key.is_empty() || key.len() > MAX_KEY || key.contains(char::is_control) {
            let limits = format!("a key has 1 to {MAX_KEY} bytes and no control characters");
            return Err(Error::Invalid(limits));
        }
        Ok(&mut self.keys)
    }
}

fn check_value(value: &str) -> Result<(), Error> {
    match value.len() {
        0..=MAX_VALUE => Ok(()),
        _ => Err(Error::Invalid(format!(
            "a value has at most {MAX_VALUE} bytes"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store;
    use crate::testing::{stored, stored_for};

    fn version(key: &str) -> Option<u64> {
        store::entry(key).unwrap().map(|entry| entry.version)
    }

    #[test]
    fn what_is_written_is_seen_at_once() {
        HOST.set(
            Host::new()
                .grant("store", "seen/*")
                .stored("seen/a", json!([1])),
        );
        assert_eq!(
            (store::get::<Vec<u8>>("seen/a").unwrap(), version("seen/a")),
            (Some(vec![1]), Some(1))
        );
        store::put("seen/a", &json!([2])).unwrap();
        store::put_for("seen/b", "text", Duration::from_millis(1500)).unwrap();
        assert_eq!((version("seen/a"), version("seen/b")), (Some(2), Some(1)));
        assert_eq!(
            (stored("seen/a"), stored("seen/b")),
            (Some(json!([2])), Some(json!("text")))
        );
        assert_eq!(
            (stored_for("seen/a"), stored_for("seen/b")),
            (None, Some(Duration::from_secs(2)))
        );
        let wrong = store::get::<u8>("seen/b").unwrap_err();
        assert!(
            wrong.reason().starts_with("store at seen/b: invalid type"),
            "{wrong:?}"
        );
        store::delete("seen/b").unwrap();
        store::delete("seen/b").unwrap();
        assert_eq!(store::get::<String>("seen/b").unwrap(), None);
        store::put("seen/b", &1).unwrap();
        assert_eq!(version("seen/b"), Some(1));
    }

    #[test]
    fn a_key_is_swapped_only_from_the_version_that_was_seen() {
        HOST.set(Host::new().grant("store", "*"));
        assert!(!store::compare_and_swap("a", Some(1), &1).unwrap());
        assert!(store::compare_and_swap("a", None, &1).unwrap());
        assert!(!store::compare_and_swap("a", None, &2).unwrap());
        assert!(store::compare_and_swap_for("a", Some(1), &2, Duration::from_secs(3)).unwrap());
        assert_eq!((version("a"), stored("a")), (Some(2), Some(json!(2))));
        assert_eq!(stored_for("a"), Some(Duration::from_secs(3)));
    }

    #[test]
    fn a_list_has_what_is_granted_in_order() {
        let stored = ["seen/b", "seen/a", "seen/c/d", "seen", "other/a"];
        let host = stored
            .into_iter()
            .fold(Host::new(), |host, key| host.stored(key, json!(1)));
        HOST.set(host.grant("store", "seen/*").grant("store", "other/b"));
        let keys = |prefix| {
            let found = store::list(prefix)?;
            Ok(found.into_iter().map(|(key, _)| key).collect::<Vec<_>>())
        };
        assert_eq!(
            keys("seen/"),
            Ok(vec![
                "seen/a".to_owned(),
                "seen/b".to_owned(),
                "seen/c/d".to_owned()
            ])
        );
        assert_eq!(keys("other/b"), Ok(vec![]));
        for prefix in ["", "seen", "other/"] {
            assert!(matches!(keys(prefix), Err(Error::Denied(_))), "{prefix}");
        }
    }

    #[test]
    fn keys_and_values_have_their_limits() {
        HOST.set(Host::new().grant("store", "a/*"));
        assert!(matches!(store::put("b", &1), Err(Error::Denied(_))));
        for key in ["a/\n", &format!("a/{}", "x".repeat(MAX_KEY - 1))] {
            assert!(
                matches!(store::put(key, &1), Err(Error::Invalid(_))),
                "{key}"
            );
        }
        assert!(store::put(&format!("a/{}", "x".repeat(MAX_KEY - 2)), &1).is_ok());
        assert!(store::put("a/b", &"x".repeat(MAX_VALUE - 2)).is_ok());
        assert!(matches!(
            store::put("a/b", &"x".repeat(MAX_VALUE)),
            Err(Error::Invalid(_))
        ));
        assert_eq!(store::key(["seen", "a/b~c"]), "seen/a~1b~0c");
    }
}
