//! Waivers in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::super::StoreError;
use super::super::waivers::{Uses, Waivers};
use super::Memory;

#[async_trait]
impl Waivers for Memory {
    async fn waivers(&self) -> Result<BTreeMap<String, String>, StoreError> {
        Ok(self.tables().waivers.clone())
    }

    async fn put_waiver(&self, id: &str, body: &str) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        Ok(tables
            .waivers
            .insert(id.to_owned(), body.to_owned())
            .is_some())
    }

    async fn remove_waiver(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self.tables().waivers.remove(id).is_some())
    }

    async fn waiver_uses(&self) -> Result<BTreeMap<String, Uses>, StoreError> {
        Ok(self.tables().waiver_uses.clone())
    }
}
