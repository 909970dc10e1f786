//! Reports in SQLite.

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{QueryBuilder, Row, Sqlite as Db};

use super::super::reports::{MAX_REPORTS, Report, ReportQuery, Reports};
use super::super::{StoreError, newest_wins};
use super::{Sqlite, all, micros, time};

const COLUMNS: &str = "SELECT r.seq, r.digest, r.lineage, r.format, r.tool, r.scanned, r.received, \
    (SELECT group_concat(image, char(10)) FROM report_images WHERE report = r.seq) AS images, ";

fn report(row: &SqliteRow) -> Result<(i64, Report), sqlx::Error> {
    let images: Option<String> = row.try_get("images")?;
    let mut images: Vec<String> = images
        .unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect();
    images.sort();
    let report = Report {
        digest: row.try_get("digest")?,
        lineage: row.try_get("lineage")?,
        format: row.try_get("format")?,
        tool: row.try_get("tool")?,
        scanned: time(row.try_get("scanned")?),
        received: time(row.try_get("received")?),
        images,
        body: row.try_get("body")?,
    };
    Ok((row.try_get("seq")?, report))
}

/// Puts the report where it is the latest of its lineage; answers whether that is anywhere.
async fn keep(connection: &mut SqliteConnection, report: &Report) -> Result<bool, StoreError> {
    let Report {
        digest,
        lineage,
        format,
        tool,
        scanned,
        received,
        images,
        body,
    } = report;
    let seq: i64 = sqlx::query_scalar(
        "INSERT INTO reports (digest, lineage, format, tool, scanned, received, body) VALUES (?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (digest) DO UPDATE SET received = excluded.received RETURNING seq",
    )
    .bind(digest)
    .bind(lineage)
    .bind(format)
    .bind(tool)
    .bind(micros(*scanned))
    .bind(micros(*received))
    .bind(body)
    .fetch_one(&mut *connection)
    .await?;
    let mut is_latest = false;
    for image in images {
        let rival: Option<(i64, i64, i64)> = sqlx::query_as(
            "SELECT r.seq, r.scanned, r.received FROM report_images i JOIN reports r ON r.seq = i.report \
             WHERE i.image = ? AND r.lineage = ? AND r.seq <> ? ORDER BY r.scanned DESC LIMIT 1",
        )
        .bind(image)
        .bind(lineage)
        .bind(seq)
        .fetch_optional(&mut *connection)
        .await?;
        if let Some((rival, its_scan, its_receipt)) = rival {
            if !newest_wins((*scanned, *received), (time(its_scan), time(its_receipt))) {
                continue;
            }
            sqlx::query("DELETE FROM report_images WHERE image = ? AND report = ?")
                .bind(image)
                .bind(rival)
                .execute(&mut *connection)
                .await?;
        }
        let others: u32 = sqlx::query_scalar(
            "SELECT count(*) FROM report_images WHERE image = ? AND report <> ?",
        )
        .bind(image)
        .bind(seq)
        .fetch_one(&mut *connection)
        .await?;
        if others >= MAX_REPORTS {
            let image = image.clone();
            return Err(StoreError::TooManyReports { image });
        }
        is_latest = true;
        sqlx::query("INSERT OR IGNORE INTO report_images (image, report) VALUES (?, ?)")
            .bind(image)
            .bind(seq)
            .execute(&mut *connection)
            .await?;
    }
    drop_orphans(connection).await?;
    Ok(is_latest)
}

/// A report that is about no image any more is of no use.
async fn drop_orphans(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM reports WHERE NOT EXISTS (SELECT 1 FROM report_images WHERE report = seq)",
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets reports that came before a time.
pub(super) async fn forget_before(
    connection: &mut SqliteConnection,
    oldest: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM report_images WHERE report IN (SELECT seq FROM reports WHERE received < ?)",
    )
    .bind(oldest)
    .execute(&mut *connection)
    .await?;
    drop_orphans(connection).await
}

/// Forgets the oldest reports where all together are larger than so many bytes.
pub(super) async fn forget_beyond(
    connection: &mut SqliteConnection,
    size: u64,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM report_images WHERE report IN (SELECT seq FROM \
         (SELECT seq, sum(octet_length(body)) OVER (ORDER BY received DESC, seq DESC) AS size FROM reports) \
         WHERE size > ?)",
    )
    .bind(i64::try_from(size).unwrap_or(i64::MAX))
    .execute(&mut *connection)
    .await?;
    drop_orphans(connection).await
}

#[async_trait]
impl Reports for Sqlite {
    async fn keep_reports(&self, reports: &[Report]) -> Result<Vec<bool>, StoreError> {
        let mut writer = self.writer.lock().await;
        let work = async |connection: &mut SqliteConnection| {
            let mut kept = Vec::with_capacity(reports.len());
            for report in reports {
                kept.push(keep(connection, report).await?);
            }
            Ok(kept)
        };
        writer.transact(work).await
    }

    async fn reports_about(
        &self,
        images: &[String],
        except: &[String],
    ) -> Result<Vec<Report>, StoreError> {
        let mut sql = QueryBuilder::<Db>::new(COLUMNS);
        sql.push("r.body FROM reports r WHERE r.seq IN (SELECT report FROM report_images WHERE image IN (");
        let mut list = sql.separated(", ");
        for image in images {
            list.push_bind(image);
        }
        sql.push(")) AND r.digest NOT IN (");
        let mut list = sql.separated(", ");
        for digest in except {
            list.push_bind(digest);
        }
        sql.push(") ORDER BY r.received DESC, r.seq DESC");
        let found = all(&sql.build().fetch_all(&self.readers).await?, report)?;
        Ok(found.into_iter().map(|(_, report)| report).collect())
    }

    async fn reports(&self, query: &ReportQuery) -> Result<Vec<(i64, Report)>, StoreError> {
        let ReportQuery {
            image,
            before,
            limit,
        } = query;
        let mut sql = QueryBuilder::<Db>::new(COLUMNS);
        sql.push("'' AS body FROM reports r WHERE 1");
        if let Some(image) = image {
            sql.push(" AND r.seq IN (SELECT report FROM report_images WHERE image = ")
                .push_bind(image)
                .push(")");
        }
        if let Some(before) = before {
            sql.push(" AND r.seq < ").push_bind(*before);
        }
        sql.push(" ORDER BY r.seq DESC LIMIT ").push_bind(*limit);
        all(&sql.build().fetch_all(&self.listing).await?, report)
    }

    async fn forget_image(&self, image: &str) -> Result<u64, StoreError> {
        let mut writer = self.writer.lock().await;
        let work = async |connection: &mut SqliteConnection| {
            let gone = sqlx::query("DELETE FROM report_images WHERE image = ?")
                .bind(image)
                .execute(&mut *connection)
                .await?
                .rows_affected();
            drop_orphans(connection).await?;
            Ok(gone)
        };
        writer.transact(work).await
    }
}
