//! The policy's own keys. Keys and values come from the guest; writes only count when the decision is committed.

use std::time::Duration;

use crate::grants::Resource;
use crate::guest::bindings::touchstone::policy::store::{Entry as Told, Host};
use crate::guest::bindings::touchstone::policy::types::Error;
use crate::guest::{Ctx, Refusal, invalid};
use crate::model::{Entry, Write};
use crate::store::StoreError;

/// The longest key, in bytes.
const MAX_KEY: usize = 512;
/// The longest value, in bytes.
const MAX_VALUE: usize = 64 << 10;
/// Keys in one list.
const MAX_LIST: u32 = 1000;

impl Host for Ctx {
    async fn get(&mut self, key: String) -> Result<Option<Told>, Refusal> {
        self.allow("store", Resource::Path(&key))?;
        check_key(&key)?;
        let kept = self.kept(&key).await?;
        Ok(self.with_own_writes(&key, kept).map(told))
    }

    async fn list(&mut self, prefix: String, limit: u32) -> Result<Vec<(String, Told)>, Refusal> {
        self.allow("store", Resource::Path(&prefix))?;
        let (outside, policy, now) = (self.outside().clone(), self.policy().clone(), self.time()?);
        // As many more as this guest may have deleted.
        let own = u32::try_from(self.staged_writes().len()).unwrap_or(MAX_LIST);
        let most = limit.min(MAX_LIST);
        let reading = outside.store.entries(&policy, &prefix, most + own, now);
        let kept = self
            .wait(format!("store {prefix}"), reading)
            .await
            .map_err(unavailable)?;
        let mut found: std::collections::BTreeMap<String, Entry> = kept.into_iter().collect();
        let own: Vec<String> = self
            .staged_writes()
            .iter()
            .map(|write| write.key.clone())
            .collect();
        for key in own.into_iter().filter(|key| key.starts_with(&prefix)) {
            let kept = found.remove(&key);
            if let Some(entry) = self.with_own_writes(&key, kept) {
                found.insert(key, entry);
            }
        }
        found.retain(|key, _| self.may("store", &Resource::Path(key)));
        Ok(found
            .into_iter()
            .take(most as usize)
            .map(|(key, entry)| (key, told(entry)))
            .collect())
    }

    fn put(&mut self, key: String, value: String, ttl: Option<u64>) -> Result<(), Refusal> {
        self.allow("store", Resource::Path(&key))?;
        check_key(&key)?;
        let value = Some(check_value(value)?);
        let ttl = ttl.map(Duration::from_secs);
        self.stage_write(Write {
            key,
            value,
            ttl,
            expected: None,
        })
    }

    fn delete(&mut self, key: String) -> Result<(), Refusal> {
        self.allow("store", Resource::Path(&key))?;
        check_key(&key)?;
        self.stage_write(Write {
            key,
            value: None,
            ttl: None,
            expected: None,
        })
    }

    async fn compare_and_swap(
        &mut self,
        key: String,
        expected: Option<u64>,
        value: String,
        ttl: Option<u64>,
    ) -> Result<bool, Refusal> {
        self.allow("store", Resource::Path(&key))?;
        check_key(&key)?;
        let value = Some(check_value(value)?);
        let kept = self.kept(&key).await?;
        let before = kept.as_ref().map(|entry| entry.version);
        let version = self.with_own_writes(&key, kept).map(|entry| entry.version);
        if version != expected {
            return Ok(false);
        }
        // When it is committed, what counts is what the others did meanwhile.
        let ttl = ttl.map(Duration::from_secs);
        self.stage_write(Write {
            key,
            value,
            ttl,
            expected: Some(before),
        })?;
        Ok(true)
    }
}

impl Ctx {
    /// What is kept of a key.
    async fn kept(&mut self, key: &str) -> Result<Option<Entry>, Refusal> {
        let (outside, policy, now) = (self.outside().clone(), self.policy().clone(), self.time()?);
        let reading = outside.store.entry(&policy, key, now);
        Ok(self
            .wait(format!("store {key}"), reading)
            .await
            .map_err(unavailable)?)
    }

    /// A key as it will be when what this guest staged is committed.
    fn with_own_writes(&self, key: &str, kept: Option<Entry>) -> Option<Entry> {
        let own = self.staged_writes().iter().filter(|write| write.key == key);
        own.fold(kept, |before, write| {
            write.value.as_ref().map(|value| Entry {
                version: before.map_or(0, |entry| entry.version) + 1,
                value: value.clone(),
            })
        })
    }
}

fn told(Entry { version, value }: Entry) -> Told {
    Told { version, value }
}

fn check_key(key: &str) -> Result<(), Refusal> {
    if key.is_empty() || key.len() > MAX_KEY || key.contains(char::is_control) {
        return Err(invalid(format!(
            "a key has 1 to {MAX_KEY} bytes and no control characters"
        )));
    }
    Ok(())
}

fn check_value(value: String) -> Result<String, Refusal> {
    if value.len() > MAX_VALUE {
        return Err(invalid(format!("a value has at most {MAX_VALUE} bytes")));
    }
    Ok(value)
}

fn unavailable(error: StoreError) -> Error {
    tracing::error!(%error, "a policy's key cannot be read");
    Error::Unavailable("the state cannot be read".to_owned())
}
