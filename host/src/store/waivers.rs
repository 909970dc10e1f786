//! Waivers that were added while the host runs, and how often every waiver was used.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;

/// How often a waiver was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Uses {
    /// Decisions in which it made an exception.
    pub count: u64,
    /// When it last did.
    pub last: Option<Timestamp>,
}

/// The waivers' part of the store.
#[async_trait]
pub trait Waivers: Send + Sync {
    /// Every waiver that was added, as JSON text by id.
    async fn waivers(&self) -> Result<BTreeMap<String, String>, StoreError>;

    /// Adds a waiver; one of the same id is replaced. Answers whether there was one.
    async fn put_waiver(&self, id: &str, body: &str) -> Result<bool, StoreError>;

    /// Removes a waiver; answers whether there was one.
    async fn remove_waiver(&self, id: &str) -> Result<bool, StoreError>;

    /// How often waivers were used, by id. What decisions used comes with [`super::Commit::waivers`].
    async fn waiver_uses(&self) -> Result<BTreeMap<String, Uses>, StoreError>;
}
