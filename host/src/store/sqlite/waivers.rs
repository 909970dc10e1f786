//! Waivers in SQLite.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::super::waivers::{Uses, Waivers};
use super::super::{Commit, StoreError};
use super::{Sqlite, micros, time};

/// Counts what decisions used.
pub(super) async fn count_uses(
    connection: &mut SqliteConnection,
    commits: &[&Commit],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut uses: BTreeMap<&str, i64> = BTreeMap::new();
    for id in commits.iter().flat_map(|commit| &commit.waivers) {
        *uses.entry(id).or_default() += 1;
    }
    for (id, count) in uses {
        sqlx::query(
            "INSERT INTO waiver_uses (id, uses, last) VALUES (?1, ?2, ?3) \
             ON CONFLICT (id) DO UPDATE SET uses = uses + ?2, last = ?3",
        )
        .bind(id)
        .bind(count)
        .bind(micros(now))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

#[async_trait]
impl Waivers for Sqlite {
    async fn waivers(&self) -> Result<BTreeMap<String, String>, StoreError> {
        let rows: Vec<(String, String)> = sqlx::query_as("SELECT id, body FROM waivers")
            .fetch_all(&self.readers)
            .await?;
        Ok(rows.into_iter().collect())
    }

    async fn put_waiver(&self, id: &str, body: &str) -> Result<bool, StoreError> {
        let mut writer = self.writer.lock().await;
        let work = async |connection: &mut SqliteConnection| {
            let known: i64 =
                sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM waivers WHERE id = ?)")
                    .bind(id)
                    .fetch_one(&mut *connection)
                    .await?;
            sqlx::query("INSERT OR REPLACE INTO waivers (id, body) VALUES (?, ?)")
                .bind(id)
                .bind(body)
                .execute(connection)
                .await?;
            Ok(known != 0)
        };
        writer.transact(work).await
    }

    async fn remove_waiver(&self, id: &str) -> Result<bool, StoreError> {
        let mut writer = self.writer.lock().await;
        let work = async |connection: &mut SqliteConnection| {
            let gone = sqlx::query("DELETE FROM waivers WHERE id = ?")
                .bind(id)
                .execute(connection)
                .await?;
            Ok(gone.rows_affected() > 0)
        };
        writer.transact(work).await
    }

    async fn waiver_uses(&self) -> Result<BTreeMap<String, Uses>, StoreError> {
        let rows = sqlx::query("SELECT id, uses, last FROM waiver_uses")
            .fetch_all(&self.readers)
            .await?;
        let mut found = BTreeMap::new();
        for row in &rows {
            let count: i64 = row.try_get("uses")?;
            let uses = Uses {
                count: count.unsigned_abs(),
                last: Some(time(row.try_get("last")?)),
            };
            found.insert(row.try_get("id")?, uses);
        }
        Ok(found)
    }
}
