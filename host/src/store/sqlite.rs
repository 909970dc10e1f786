//! SQLite in a file: one connection that writes, a few that read, WAL, every commit on the disk before it counts.

mod reports;
mod waivers;

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use jiff::Timestamp;
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Connection, QueryBuilder, Row, Sqlite as Db};
use tokio::sync::Mutex;

use super::{
    ActionQuery, ActionStory, Commit, DecisionQuery, Entries, LIST_BYTES, Order, Ordered,
    PAGE_BYTES, Pending, Record, Store, StoreError, Written, expiry,
};
use crate::config::Retention;
use crate::model::{Action, ActionState, Attempt, Entry, Verdict, Write};

/// Marks a file as ours ("tstn").
const APPLICATION: i64 = 0x7473_746e;
/// What makes each version of the schema from the one before.
const SCHEMAS: [&str; 2] = [include_str!("schema.sql"), include_str!("schema_2.sql")];
/// The schema's version.
const VERSION: i64 = SCHEMAS.len() as i64;
/// How long to wait for whoever has locked the file.
const BUSY: Duration = Duration::from_secs(1);
/// Rows in one statement.
const ROWS: usize = 32;
/// Decisions forgotten in one transaction.
const FORGOTTEN: u32 = 500;

const ACTION: &str = "seq, id, decision, policy, kind, target, destination, lane, key, subject, request, since, state, due, attempts, detail";

const DECISIONS: &str =
    "SELECT seq, id, time, subject, verdict, policies, body FROM decisions WHERE ";

/// A database in a file.
pub(super) struct Sqlite {
    writer: Mutex<Writer>,
    /// For what policies and the outbox wait for.
    readers: SqlitePool,
    /// For lists that people ask for, which may take long.
    listing: SqlitePool,
    _lock: File,
}

/// The connection that writes; made anew after a failure, since nobody knows then how far SQLite has rolled back.
struct Writer {
    options: SqliteConnectOptions,
    connection: Option<SqliteConnection>,
}

impl Writer {
    /// Does something in one transaction.
    async fn transact<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&self.options).await?,
        };
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        let done = work(&mut transaction).await?;
        transaction.commit().await?;
        self.connection = Some(connection);
        Ok(done)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        StoreError::Unavailable(error.to_string())
    }
}

impl Sqlite {
    pub(super) async fn open(path: &Path) -> Result<Sqlite, StoreError> {
        let place = path.display().to_string();
        let unusable = |error: std::io::Error| StoreError::Unavailable(format!("{place}: {error}"));
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            std::fs::create_dir_all(folder).map_err(unusable)?;
        }
        let lock = lock(path).map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::InUse(place.clone()),
            TryLockError::Error(error) => unusable(error),
        })?;
        // What was decided is nobody else's business. The files beside it get the same mode.
        owned(path).map_err(unusable)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .busy_timeout(BUSY)
            .statement_cache_capacity(256);
        let mut writer = SqliteConnection::connect_with(&options).await?;
        prepare(&mut writer, &place).await?;
        // What the file is, the writer has said; who only reads may not say it again.
        let reading = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .busy_timeout(BUSY);
        let pool = |connections: u32| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(BUSY)
                .connect_lazy_with(reading.clone())
        };
        Ok(Sqlite {
            writer: Mutex::new(Writer {
                options,
                connection: Some(writer),
            }),
            readers: pool(4),
            listing: pool(2),
            _lock: lock,
        })
    }
}

/// Two hosts on one file would carry out every action twice. The lock goes with the process.
fn lock(path: &Path) -> Result<File, TryLockError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = owned(Path::new(&name)).map_err(TryLockError::Error)?;
    file.try_lock()?;
    Ok(file)
}

/// Opens a file; one that is new can be read by nobody else.
fn owned(path: &Path) -> std::io::Result<File> {
    File::options()
        .create(true)
        .write(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

/// Makes the tables, or finds them.
async fn prepare(writer: &mut SqliteConnection, place: &str) -> Result<(), StoreError> {
    let foreign = |reason: String| StoreError::Foreign {
        place: place.to_owned(),
        reason,
    };
    let number = |sql: &'static str| sqlx::query_scalar::<_, i64>(sql);
    let tables = number("SELECT count(*) FROM sqlite_schema")
        .fetch_one(&mut *writer)
        .await?;
    let mut version = 0;
    if tables > 0 {
        if number("PRAGMA application_id")
            .fetch_one(&mut *writer)
            .await?
            != APPLICATION
        {
            return Err(foreign("it is another program's database".to_owned()));
        }
        version = number("PRAGMA user_version")
            .fetch_one(&mut *writer)
            .await?;
    }
    let known = usize::try_from(version)
        .ok()
        .and_then(|from| SCHEMAS.get(from..));
    let Some(missing) = known else {
        return Err(foreign(format!(
            "it has schema {version}, and this touchstone knows {VERSION}"
        )));
    };
    if missing.is_empty() {
        return Ok(());
    }
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    for schema in missing {
        sqlx::raw_sql(*schema).execute(&mut *transaction).await?;
    }
    let stamp = format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(stamp))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

fn record(row: &SqliteRow) -> Result<(i64, Record), sqlx::Error> {
    let policies: String = row.try_get("policies")?;
    let verdict: String = row.try_get("verdict")?;
    let record = Record {
        id: row.try_get("id")?,
        time: time(row.try_get("time")?),
        subject: row.try_get("subject")?,
        verdict: Verdict::parse(&verdict).unwrap_or(Verdict::Deny),
        policies: policies.split_whitespace().map(str::to_owned).collect(),
        body: row.try_get("body")?,
    };
    Ok((row.try_get("seq")?, record))
}

fn action(row: &SqliteRow) -> Result<Action, sqlx::Error> {
    Ok(Action {
        id: row.try_get("id")?,
        decision: row.try_get("decision")?,
        policy: row.try_get("policy")?,
        kind: row.try_get("kind")?,
        target: row.try_get("target")?,
        destination: row.try_get("destination")?,
        lane: row.try_get("lane")?,
        key: row.try_get("key")?,
        subject: row.try_get("subject")?,
        request: row.try_get("request")?,
        since: time(row.try_get("since")?),
    })
}

fn pending(row: &SqliteRow) -> Result<Pending, sqlx::Error> {
    Ok(Pending {
        seq: row.try_get("seq")?,
        attempts: row.try_get("attempts")?,
        due: time(row.try_get("due")?),
        action: action(row)?,
    })
}

fn state(row: &SqliteRow) -> Result<ActionState, sqlx::Error> {
    let text: String = row.try_get("state")?;
    Ok(ActionState::parse(&text).unwrap_or(ActionState::Dead))
}

fn story(row: &SqliteRow) -> Result<(i64, ActionStory), sqlx::Error> {
    let state = state(row)?;
    let due: i64 = row.try_get("due")?;
    let story = ActionStory {
        action: action(row)?,
        state,
        due: (state == ActionState::Due).then(|| time(due)),
        attempts: row.try_get("attempts")?,
        detail: row.try_get("detail")?,
        request: None,
        history: Vec::new(),
    };
    Ok((row.try_get("seq")?, story))
}

fn entry(row: &SqliteRow) -> Result<(String, Entry), sqlx::Error> {
    let version: i64 = row.try_get("version")?;
    let entry = Entry {
        version: version.unsigned_abs(),
        value: row.try_get("value")?,
    };
    Ok((row.try_get("key")?, entry))
}

/// Every row, read by a function.
fn all<T>(
    rows: &[SqliteRow],
    read: fn(&SqliteRow) -> Result<T, sqlx::Error>,
) -> Result<Vec<T>, StoreError> {
    rows.iter()
        .map(read)
        .collect::<Result<_, _>>()
        .map_err(StoreError::from)
}

#[async_trait]
impl Store for Sqlite {
    async fn write(&self, batch: &[Entries], now: Timestamp) -> Result<Vec<Written>, StoreError> {
        let mut writer = self.writer.lock().await;
        let work =
            async |connection: &mut SqliteConnection| write_all(connection, batch, now).await;
        writer.transact(work).await
    }

    async fn seen(&self, event: &str, now: Timestamp) -> Result<Option<String>, StoreError> {
        let found = sqlx::query_scalar("SELECT decision FROM seen WHERE event = ? AND until > ?")
            .bind(event)
            .bind(micros(now))
            .fetch_optional(&self.readers);
        Ok(found.await?)
    }

    async fn entry(
        &self,
        policy: &str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<Entry>, StoreError> {
        let row = sqlx::query("SELECT key, version, value FROM keys WHERE policy = ? AND key = ? AND (expires IS NULL OR expires > ?)")
            .bind(policy)
            .bind(key)
            .bind(micros(now))
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.as_ref().map(entry).transpose()?.map(|(_, entry)| entry))
    }

    async fn entries(
        &self,
        policy: &str,
        prefix: &str,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<(String, Entry)>, StoreError> {
        let mut rows = sqlx::query(
            "SELECT key, version, value FROM keys WHERE policy = ?1 AND key >= ?2 AND key < ?2 || char(1114111) \
             AND (expires IS NULL OR expires > ?3) ORDER BY key LIMIT ?4",
        )
        .bind(policy)
        .bind(prefix)
        .bind(micros(now))
        .bind(limit)
        .fetch(&self.readers);
        let (mut found, mut size) = (Vec::new(), 0);
        while size < LIST_BYTES
            && let Some(row) = rows.try_next().await?
        {
            let (key, entry) = entry(&row)?;
            size += key.len() + entry.value.len();
            found.push((key, entry));
        }
        Ok(found)
    }

    async fn destinations(&self) -> Result<Vec<String>, StoreError> {
        let found =
            sqlx::query_scalar("SELECT DISTINCT destination FROM actions WHERE state = 'due'");
        Ok(found.fetch_all(&self.readers).await?)
    }

    async fn due(
        &self,
        destination: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Pending>, StoreError> {
        let mut query = QueryBuilder::<Db>::new("SELECT ");
        query
            .push(ACTION)
            .push(" FROM actions WHERE state = 'due' AND destination = ");
        query
            .push_bind(destination)
            .push(" AND seq > ")
            .push_bind(after);
        query.push(" ORDER BY seq LIMIT ").push_bind(limit);
        all(&query.build().fetch_all(&self.readers).await?, pending)
    }

    async fn earlier(&self, lane: &str, seq: i64) -> Result<bool, StoreError> {
        let found: i64 = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM actions WHERE lane = ? AND state = 'due' AND seq < ?)",
        )
        .bind(lane)
        .bind(seq)
        .fetch_one(&self.readers)
        .await?;
        Ok(found != 0)
    }

    async fn decisions(&self, query: &DecisionQuery) -> Result<Vec<(i64, Record)>, StoreError> {
        let DecisionQuery {
            since,
            until,
            subject,
            policy,
            verdict,
            before,
            after,
            limit,
        } = query;
        let mut sql = QueryBuilder::<Db>::new(DECISIONS);
        sql.push("1");
        // Ids are UUIDv7: they begin with the time, so their index serves both.
        if let Some(since) = since {
            sql.push(" AND id >= ")
                .push_bind(id_at(*since))
                .push(" AND time >= ")
                .push_bind(micros(*since));
        }
        if let Some(until) = until {
            let end = until
                .saturating_add(Duration::from_millis(1))
                .unwrap_or(Timestamp::MAX);
            sql.push(" AND id < ")
                .push_bind(id_at(end))
                .push(" AND time < ")
                .push_bind(micros(*until));
        }
        if let Some(subject) = subject {
            sql.push(" AND subject = ").push_bind(subject);
        }
        if let Some(policy) = policy {
            sql.push(" AND instr(policies, ")
                .push_bind(format!(" {policy} "))
                .push(") > 0");
        }
        if let Some(verdict) = verdict {
            sql.push(" AND verdict = ").push_bind(verdict.as_str());
        }
        if let Some(before) = before {
            sql.push(" AND id < ").push_bind(before);
        }
        match after {
            Some(after) => sql
                .push(" AND seq > ")
                .push_bind(*after)
                .push(" ORDER BY seq"),
            None => sql.push(" ORDER BY id DESC"),
        };
        sql.push(" LIMIT ").push_bind(*limit);
        let query = sql.build();
        let mut rows = query.fetch(&self.listing);
        let (mut found, mut size) = (Vec::new(), 0);
        while size < PAGE_BYTES
            && let Some(row) = rows.try_next().await?
        {
            let (seq, record) = record(&row)?;
            size += record.body.len();
            found.push((seq, record));
        }
        Ok(found)
    }

    async fn decision(&self, id: &str) -> Result<Option<Record>, StoreError> {
        let mut sql = QueryBuilder::<Db>::new(DECISIONS);
        sql.push("id = ").push_bind(id);
        let row = sql.build().fetch_optional(&self.listing).await?;
        Ok(row
            .as_ref()
            .map(record)
            .transpose()?
            .map(|(_, record)| record))
    }

    async fn actions(&self, query: &ActionQuery) -> Result<Vec<(i64, ActionStory)>, StoreError> {
        let ActionQuery {
            state,
            kind,
            policy,
            decision,
            before,
            limit,
        } = query;
        let mut sql = QueryBuilder::<Db>::new("SELECT ");
        sql.push(ACTION.replace("request", "'' AS request"))
            .push(" FROM actions WHERE 1");
        if let Some(state) = state {
            // Written out, so that the partial indexes are used.
            sql.push(match state {
                ActionState::Due => " AND state = 'due'",
                ActionState::Dead => " AND state = 'dead'",
                ActionState::Done => " AND state = 'done'",
                ActionState::Discarded => " AND state = 'discarded'",
            });
        }
        for (column, value) in [
            (" AND kind = ", kind),
            (" AND policy = ", policy),
            (" AND decision = ", decision),
        ] {
            if let Some(value) = value {
                sql.push(column).push_bind(value);
            }
        }
        if let Some(before) = before {
            sql.push(" AND seq < ").push_bind(*before);
        }
        sql.push(" ORDER BY seq DESC LIMIT ").push_bind(*limit);
        all(&sql.build().fetch_all(&self.listing).await?, story)
    }

    async fn action(&self, id: &str) -> Result<Option<ActionStory>, StoreError> {
        let mut sql = QueryBuilder::<Db>::new("SELECT ");
        sql.push(ACTION)
            .push(" FROM actions WHERE id = ")
            .push_bind(id);
        let Some(row) = sql.build().fetch_optional(&self.listing).await? else {
            return Ok(None);
        };
        let (_, mut story) = story(&row)?;
        let rows = sqlx::query("SELECT action, started, duration, state, next, detail FROM attempts WHERE action = ? ORDER BY rowid")
            .bind(id)
            .fetch_all(&self.listing)
            .await?;
        story.history = all(&rows, attempt)?;
        story.request = serde_json::value::RawValue::from_string(story.action.request.clone()).ok();
        Ok(Some(story))
    }

    async fn order(&self, id: &str, order: Order, now: Timestamp) -> Result<Ordered, StoreError> {
        let mut writer = self.writer.lock().await;
        let work = async |connection: &mut SqliteConnection| obey(connection, id, order, now).await;
        writer.transact(work).await
    }

    async fn depths(&self) -> Result<[(ActionState, u64); 2], StoreError> {
        let count = |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(&self.readers);
        let due = count("SELECT count(*) FROM actions WHERE state = 'due'").await?;
        let dead = count("SELECT count(*) FROM actions WHERE state = 'dead'").await?;
        Ok([
            (ActionState::Due, due.unsigned_abs()),
            (ActionState::Dead, dead.unsigned_abs()),
        ])
    }

    async fn prune(&self, retention: &Retention, now: Timestamp) -> Result<(), StoreError> {
        let mut more = true;
        while more {
            // One piece at a time: decisions wait meanwhile.
            let mut writer = self.writer.lock().await;
            let work = async |connection: &mut SqliteConnection| {
                forget_some(connection, retention, now).await
            };
            more = writer.transact(work).await?;
            if let Some(connection) = &mut writer.connection {
                sqlx::raw_sql("PRAGMA incremental_vacuum")
                    .execute(connection)
                    .await?;
            }
        }
        Ok(())
    }
}

/// The least id that a decision made then can have.
fn id_at(time: Timestamp) -> String {
    let millis = time.as_millisecond().max(0).unsigned_abs();
    let mut bytes = [0_u8; 16];
    for (byte, part) in bytes
        .iter_mut()
        .zip(millis.to_be_bytes().into_iter().skip(2))
    {
        *byte = part;
    }
    uuid::Uuid::from_bytes(bytes).to_string()
}

fn attempt(row: &SqliteRow) -> Result<Attempt, sqlx::Error> {
    let next: Option<i64> = row.try_get("next")?;
    let duration: i64 = row.try_get("duration")?;
    Ok(Attempt {
        action: row.try_get("action")?,
        started: time(row.try_get("started")?),
        duration_ms: duration.unsigned_abs(),
        state: state(row)?,
        next: next.map(time),
        detail: row.try_get("detail")?,
    })
}

async fn write_all(
    connection: &mut SqliteConnection,
    batch: &[Entries],
    now: Timestamp,
) -> Result<Vec<Written>, StoreError> {
    let mut written = Vec::with_capacity(batch.len());
    let mut commits: Vec<&Commit> = Vec::new();
    let mut attempts: Vec<&Attempt> = Vec::new();
    for entry in batch {
        match entry {
            Entries::Attempt(attempt) => {
                attempts.push(attempt);
                written.push(Written::Kept(Vec::new()));
            }
            Entries::Decision(commit) if is_seen(connection, commit, now).await? => {
                written.push(Written::Seen);
            }
            Entries::Decision(commit) if holds(connection, commit, now).await? => {
                change_keys(connection, commit, now).await?;
                commits.push(commit);
                written.push(Written::Kept(Vec::new()));
            }
            Entries::Decision(_) => written.push(Written::Conflict),
        }
    }
    insert_decisions(connection, &commits).await?;
    waivers::count_uses(connection, &commits, now).await?;
    let mut new = insert_actions(connection, &commits, now).await?;
    insert_attempts(connection, &attempts, now).await?;
    for (entry, written) in batch.iter().zip(&mut written) {
        if let (Entries::Decision(commit), Written::Kept(kept)) = (entry, written) {
            let ids = commit.actions.iter().map(|action| &action.id);
            kept.extend(ids.filter_map(|id| new.remove_entry(id)));
        }
    }
    Ok(written)
}

async fn obey(
    connection: &mut SqliteConnection,
    id: &str,
    order: Order,
    now: Timestamp,
) -> Result<Ordered, StoreError> {
    let found: Option<String> = sqlx::query_scalar("SELECT state FROM actions WHERE id = ?")
        .bind(id)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(found) = found.as_deref().and_then(ActionState::parse) else {
        return Ok(Ordered::Unknown);
    };
    let Some(state) = order.leads_to(found) else {
        return Ok(Ordered::Refused(found));
    };
    let mut sql = QueryBuilder::<Db>::new("UPDATE actions SET attempts = 0, state = ");
    sql.push_bind(state.as_str());
    sql.push(", due = ").push_bind(micros(now));
    sql.push(", changed = ").push_bind(micros(now));
    if order == Order::Retry {
        sql.push(", since = ").push_bind(micros(now));
    }
    sql.push(" WHERE id = ").push_bind(id);
    sql.push(" RETURNING ").push(ACTION);
    let row = sql.build().fetch_one(connection).await?;
    Ok(Ordered::Done(Box::new(pending(&row)?)))
}

/// Forgets some of what is too old, or the oldest where the file is too large; answers whether there may be more.
async fn forget_some(
    connection: &mut SqliteConnection,
    retention: &Retention,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let oldest = now.saturating_sub(retention.age).unwrap_or(Timestamp::MIN);
    let used: i64 = sqlx::query_scalar(
        "SELECT (page_count - freelist_count) * page_size \
         - (SELECT coalesce(sum(length(key) + length(value)), 0) FROM keys) \
         - (SELECT coalesce(sum(length(request)), 0) FROM actions WHERE state IN ('due', 'dead')) \
         - (SELECT coalesce(sum(octet_length(body)), 0) FROM reports) \
         FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
    )
    .fetch_one(&mut *connection)
    .await?;
    // Keys and actions that are due or dead stay, and reports have a bound of their own: the log must not be given up
    // for their sake.
    let too_large = used.max(0).unsigned_abs() > retention.size.as_u64();
    let mut most = 0;
    for (table, old, only) in [
        ("decisions", "time < ", "1"),
        ("actions", "changed < ", "state IN ('done', 'discarded')"),
    ] {
        let mut sql = QueryBuilder::<Db>::new("DELETE FROM ");
        sql.push(table)
            .push(" WHERE seq IN (SELECT seq FROM ")
            .push(table);
        sql.push(" WHERE ").push(only);
        if !too_large {
            sql.push(" AND ").push(old).push_bind(micros(oldest));
        }
        sql.push(" ORDER BY seq LIMIT ")
            .push_bind(FORGOTTEN)
            .push(")");
        let gone = sql.build().execute(&mut *connection).await?.rows_affected();
        most = most.max(gone);
    }
    for sql in [
        "DELETE FROM seen WHERE until <= ?",
        "DELETE FROM keys WHERE expires <= ?",
    ] {
        sqlx::query(sql)
            .bind(micros(now))
            .execute(&mut *connection)
            .await?;
    }
    let oldest = now
        .saturating_sub(retention.evidence)
        .unwrap_or(Timestamp::MIN);
    reports::forget_before(&mut *connection, micros(oldest)).await?;
    reports::forget_beyond(&mut *connection, retention.size.as_u64()).await?;
    if most > 0 {
        let orphans =
            "DELETE FROM attempts WHERE NOT EXISTS (SELECT 1 FROM actions WHERE id = action)";
        sqlx::query(orphans).execute(connection).await?;
    }
    Ok(most >= u64::from(FORGOTTEN) || (too_large && most > 0))
}

/// Whether its event was decided already.
async fn is_seen(
    connection: &mut SqliteConnection,
    commit: &Commit,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(seen) = &commit.seen else {
        return Ok(false);
    };
    let found: i64 =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM seen WHERE event = ? AND until > ?)")
            .bind(&seen.event)
            .bind(micros(now))
            .fetch_one(connection)
            .await?;
    Ok(found != 0)
}

/// Whether every key that the decision depends on is as it was.
async fn holds(
    connection: &mut SqliteConnection,
    commit: &Commit,
    now: Timestamp,
) -> Result<bool, StoreError> {
    for (policy, write) in &commit.writes {
        let Some(expected) = write.expected else {
            continue;
        };
        let version: Option<i64> = sqlx::query_scalar(
            "SELECT version FROM keys WHERE policy = ? AND key = ? AND (expires IS NULL OR expires > ?)",
        )
        .bind(policy)
        .bind(&write.key)
        .bind(micros(now))
        .fetch_optional(&mut *connection)
        .await?;
        if version.map(i64::unsigned_abs) != expected {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn change_keys(
    connection: &mut SqliteConnection,
    commit: &Commit,
    now: Timestamp,
) -> Result<(), StoreError> {
    for (
        policy,
        Write {
            key, value, ttl, ..
        },
    ) in &commit.writes
    {
        let Some(value) = value else {
            sqlx::query("DELETE FROM keys WHERE policy = ? AND key = ?")
                .bind(policy)
                .bind(key)
                .execute(&mut *connection)
                .await?;
            continue;
        };
        // What has expired counts as not there: its version begins anew.
        sqlx::query(
            "INSERT INTO keys (policy, key, version, value, expires) VALUES (?1, ?2, 1, ?3, ?4) ON CONFLICT (policy, key) DO UPDATE \
             SET version = CASE WHEN expires <= ?5 THEN 1 ELSE version + 1 END, value = ?3, expires = ?4",
        )
        .bind(policy)
        .bind(key)
        .bind(value)
        .bind(expiry(*ttl, now).map(micros))
        .bind(micros(now))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn insert_decisions(
    connection: &mut SqliteConnection,
    commits: &[&Commit],
) -> Result<(), StoreError> {
    for rows in commits.chunks(ROWS) {
        let mut sql = QueryBuilder::<Db>::new(
            "INSERT INTO decisions (id, time, subject, verdict, policies, body) ",
        );
        sql.push_values(rows, |mut row, commit| {
            let Record {
                id,
                time,
                subject,
                verdict,
                policies,
                body,
            } = &commit.record;
            row.push_bind(id)
                .push_bind(micros(*time))
                .push_bind(subject)
                .push_bind(verdict.as_str());
            row.push_bind(format!(" {} ", policies.join(" ")))
                .push_bind(body);
        });
        sql.build().execute(&mut *connection).await?;
    }
    let seen: Vec<_> = commits
        .iter()
        .filter_map(|commit| Some((commit.seen.as_ref()?, &commit.record.id)))
        .collect();
    for rows in seen.chunks(ROWS) {
        let mut sql =
            QueryBuilder::<Db>::new("INSERT OR REPLACE INTO seen (event, decision, until) ");
        sql.push_values(rows, |mut row, (seen, id)| {
            row.push_bind(&seen.event)
                .push_bind(*id)
                .push_bind(micros(seen.until));
        });
        sql.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Answers the actions that are new, with their places. The places are given here, rather than asked for row by row after
/// the insertion, which takes longer than the insertion itself.
async fn insert_actions(
    connection: &mut SqliteConnection,
    commits: &[&Commit],
    now: Timestamp,
) -> Result<HashMap<String, i64>, StoreError> {
    let mut new = HashMap::new();
    if commits.iter().all(|commit| commit.actions.is_empty()) {
        return Ok(new);
    }
    let last = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'actions'";
    let mut place: i64 = sqlx::query_scalar(last).fetch_one(&mut *connection).await?;
    let mut rows: Vec<(i64, &Action)> = Vec::new();
    for action in commits.iter().flat_map(|commit| &commit.actions) {
        // Only an action with a key can be there already.
        let known = new.contains_key(&action.id)
            || (action.key.is_some() && is_known(connection, &action.id).await?);
        if !known {
            place += 1;
            new.insert(action.id.clone(), place);
            rows.push((place, action));
        }
    }
    for rows in rows.chunks(ROWS) {
        let mut sql = QueryBuilder::<Db>::new(
            "INSERT INTO actions (seq, id, decision, policy, kind, target, destination, lane, key, subject, request, since, state, due, changed) ",
        );
        sql.push_values(rows, |mut row, (place, action)| {
            row.push_bind(place)
                .push_bind(&action.id)
                .push_bind(&action.decision)
                .push_bind(&action.policy)
                .push_bind(&action.kind)
                .push_bind(&action.target)
                .push_bind(&action.destination)
                .push_bind(&action.lane)
                .push_bind(&action.key)
                .push_bind(&action.subject)
                .push_bind(&action.request)
                .push_bind(micros(action.since))
                .push_bind(ActionState::Due.as_str())
                .push_bind(micros(now))
                .push_bind(micros(now));
        });
        sql.build().execute(&mut *connection).await?;
    }
    Ok(new)
}

async fn is_known(connection: &mut SqliteConnection, id: &str) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM actions WHERE id = ?)");
    let found: i64 = found.bind(id).fetch_one(connection).await?;
    Ok(found != 0)
}

/// Attempts count only for actions that are still due: one that was discarded meanwhile stays so.
async fn insert_attempts(
    connection: &mut SqliteConnection,
    attempts: &[&Attempt],
    now: Timestamp,
) -> Result<(), StoreError> {
    for rows in attempts.chunks(ROWS) {
        let mut sql = QueryBuilder::<Db>::new(
            "INSERT INTO attempts (action, started, duration, state, next, detail) ",
        );
        sql.push_values(rows, |mut row, attempt| {
            row.push_bind(&attempt.action)
                .push_bind(micros(attempt.started));
            row.push_bind(i64::try_from(attempt.duration_ms).unwrap_or(i64::MAX))
                .push_bind(attempt.state.as_str());
            row.push_bind(attempt.next.map(micros))
                .push_bind(&attempt.detail);
        });
        sql.build().execute(&mut *connection).await?;
        let mut sql = QueryBuilder::<Db>::new("WITH new (id, state, due, detail) AS (");
        sql.push_values(rows, |mut row, attempt| {
            row.push_bind(&attempt.action)
                .push_bind(attempt.state.as_str());
            row.push_bind(micros(attempt.next.unwrap_or(now)))
                .push_bind(&attempt.detail);
        });
        sql.push(
            ") UPDATE actions SET state = new.state, due = new.due, detail = new.detail, attempts = attempts + 1, changed = ",
        );
        sql.push_bind(micros(now))
            .push(" FROM new WHERE actions.id = new.id AND actions.state = 'due'");
        sql.build().execute(&mut *connection).await?;
    }
    Ok(())
}
