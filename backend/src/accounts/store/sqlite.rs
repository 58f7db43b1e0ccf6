//! The database in SQLite: one file, one thread, a write-ahead log that is synced at each commit.
//!
//! Other processes (the command line) may write to the file: each batch takes the write lock first, and the thread asks
//! SQLite several times a second whether the file has changed.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode as SqlCode, ToSql, TransactionBehavior, params_from_iter};
use tokio::sync::{oneshot, watch};

use super::batch::{Applied, Batch, Cause, Refusal, Statement};
use super::error::{OpenError, StoreError};
use super::interface::{Instance, Latest, Pending, Query, Snapshot, Store};
use super::migrations::{self, SQLITE};
use super::row::Row;
use super::sql;
use super::value::Value;
use crate::random::random_bytes;

/// How long a batch waits for another process that writes.
const BUSY_TIME: Duration = Duration::from_secs(5);
/// How often the thread asks whether another process has written.
const POLL_TIME: Duration = Duration::from_millis(250);
/// Most requests that wait for the thread.
const QUEUE_MAX: usize = 1024;

/// The database in a file. Dropping it ends its thread, after the requests that wait.
pub struct Sqlite {
    jobs: SyncSender<Job>,
    latest: watch::Receiver<Latest>,
    instance: Instance,
}

enum Job {
    Read(Query, oneshot::Sender<Result<Vec<Row>, StoreError>>),
    Snapshot(Vec<Query>, oneshot::Sender<Result<Snapshot, StoreError>>),
    Write(Batch, oneshot::Sender<Result<Applied, StoreError>>),
}

impl Sqlite {
    /// Opens the file, or makes it with mode 0600, and brings its tables to the present version. Blocks.
    ///
    /// # Errors
    /// [`OpenError::File`], [`OpenError::Damaged`], [`OpenError::Later`] and [`OpenError::NoRandomness`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        make_private_file(path)?;
        let file = |source: rusqlite::Error| OpenError::File { path: path.to_owned(), source: source.into() };
        let mut connection = Connection::open(path).map_err(file)?;
        set_up(&connection).map_err(file)?;
        let finding: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(file)?;
        if finding != "ok" {
            return Err(OpenError::Damaged { path: path.to_owned(), finding });
        }
        let instance = migrate(&mut connection, random_bytes()?).map_err(file)?.ok_or(OpenError::Later)?;
        let change = last_change(&connection).map_err(file)?;
        let (latest_sender, latest) = watch::channel(Latest { change, is_connected: true });
        let (jobs, receiver) = sync_channel(QUEUE_MAX);
        let started = thread::Builder::new()
            .name("accounts".to_owned())
            .spawn(move || Worker { connection, latest: latest_sender }.run(&receiver));
        started.map_err(|source| OpenError::File { path: path.to_owned(), source: source.into() })?;
        Ok(Self { jobs, latest, instance })
    }

    fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job,
    ) -> Pending<'_, T> {
        let (sender, receiver) = oneshot::channel();
        let sent = self.jobs.try_send(job(sender)).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Unavailable,
        });
        Box::pin(async move {
            sent?;
            receiver.await.unwrap_or(Err(StoreError::InDoubt))
        })
    }
}

impl Store for Sqlite {
    fn read(&self, query: Query) -> Pending<'_, Vec<Row>> {
        self.ask(|answer| Job::Read(query, answer))
    }

    fn snapshot(&self, queries: Vec<Query>) -> Pending<'_, Snapshot> {
        self.ask(|answer| Job::Snapshot(queries, answer))
    }

    fn write(&self, batch: Batch) -> Pending<'_, Applied> {
        if let Err(error) = batch.check() {
            return Box::pin(std::future::ready(Err(error)));
        }
        self.ask(|answer| Job::Write(batch, answer))
    }

    fn changes(&self) -> watch::Receiver<Latest> {
        self.latest.clone()
    }

    fn instance(&self) -> Instance {
        self.instance
    }
}

/// The thread that has the connection.
struct Worker {
    connection: Connection,
    latest: watch::Sender<Latest>,
}

impl Worker {
    fn run(mut self, jobs: &Receiver<Job>) {
        let mut version = data_version(&self.connection);
        let mut asked = Instant::now();
        loop {
            match jobs.recv_timeout(POLL_TIME) {
                // An answer that is not waited for any more is dropped.
                Ok(Job::Read(query, answer)) => drop(answer.send(self.read(&query))),
                Ok(Job::Snapshot(queries, answer)) => drop(answer.send(self.snapshot(&queries))),
                Ok(Job::Write(batch, answer)) => drop(answer.send(self.write(&batch))),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if asked.elapsed() >= POLL_TIME {
                asked = Instant::now();
                self.look_for_others(&mut version);
            }
        }
    }

    /// `PRAGMA data_version` differs once another connection has committed.
    fn look_for_others(&self, version: &mut Option<i64>) {
        let now = data_version(&self.connection);
        let change = last_change(&self.connection).ok();
        let is_connected = now.is_some() && change.is_some();
        if now != *version || self.latest.borrow().is_connected != is_connected {
            *version = now;
            self.publish(change, is_connected);
        }
    }

    fn publish(&self, change: Option<i64>, is_connected: bool) {
        self.latest.send_if_modified(|latest| {
            let new = Latest { change: change.unwrap_or(latest.change).max(latest.change), is_connected };
            std::mem::replace(latest, new) != new
        });
    }

    fn read(&self, query: &Query) -> Result<Vec<Row>, StoreError> {
        rows(&self.connection, query).map_err(|error| failed(&error, query.sql.name))
    }

    fn snapshot(&mut self, queries: &[Query]) -> Result<Snapshot, StoreError> {
        let begun = self.connection.transaction().map_err(|error| failed(&error, "BEGIN"))?;
        let change = last_change(&begun).map_err(|error| failed(&error, "meta"))?;
        let answers = queries.iter().map(|query| rows(&begun, query).map_err(|error| failed(&error, query.sql.name)));
        Ok(Snapshot { change, answers: answers.collect::<Result<_, _>>()? })
    }

    fn write(&mut self, batch: &Batch) -> Result<Applied, StoreError> {
        let applied = apply(&mut self.connection, batch)?;
        if let Applied::Committed { change } = applied {
            self.publish(Some(change), true);
        }
        Ok(applied)
    }
}

/// Runs a batch in one transaction, which is rolled back unless it reaches its commit.
fn apply(connection: &mut Connection, batch: &Batch) -> Result<Applied, StoreError> {
    let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    let transaction = begun.map_err(|error| failed(&error, "BEGIN"))?;
    let change = transaction
        .prepare_cached(sql::NEXT_CHANGE.text)
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .map_err(|error| failed(&error, sql::NEXT_CHANGE.name))?;
    for (index, statement) in batch.statements.iter().enumerate() {
        batch.reach(index);
        if let Some(cause) = run(&transaction, statement)? {
            return Ok(Applied::Refused(Refusal { sql: statement.sql, cause }));
        }
    }
    batch.reach(batch.len());
    transaction.commit().map_err(|error| {
        tracing::error!(%error, "the accounts' database failed during a commit");
        StoreError::InDoubt
    })?;
    Ok(Applied::Committed { change })
}

/// Why the statement refuses its batch; `None` if it does not.
fn run(connection: &Connection, statement: &Statement) -> Result<Option<Cause>, StoreError> {
    let done = connection
        .prepare_cached(statement.sql.text)
        .and_then(|mut prepared| prepared.execute(params_from_iter(&statement.values)));
    match done {
        Ok(count) if statement.rows.permits(count as u64) => Ok(None),
        Ok(_) => Ok(Some(Cause::Rows)),
        Err(error) if error.sqlite_error_code() == Some(SqlCode::ConstraintViolation) => Ok(Some(Cause::Constraint)),
        Err(error) => Err(failed(&error, statement.sql.name)),
    }
}

fn rows(connection: &Connection, query: &Query) -> rusqlite::Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(query.sql.text)?;
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        let values = (0..columns).map(|column| row.get_ref(column).map(value));
        values.collect::<rusqlite::Result<_>>().map(Row)
    };
    statement.query_map(params_from_iter(&query.values), row)?.collect()
}

/// The log has the failure; the caller has its kind.
fn failed(error: &rusqlite::Error, statement: &'static str) -> StoreError {
    tracing::error!(%error, statement, "a statement of the accounts' database failed");
    match error.sqlite_error_code() {
        Some(
            SqlCode::DatabaseBusy
            | SqlCode::DatabaseLocked
            | SqlCode::CannotOpen
            | SqlCode::DiskFull
            | SqlCode::PermissionDenied
            | SqlCode::ReadOnly
            | SqlCode::SystemIoFailure,
        ) => StoreError::Unavailable,
        Some(SqlCode::DatabaseCorrupt | SqlCode::NotADatabase) => StoreError::Damaged,
        _ => StoreError::Statement,
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// No statement computes with fractions; a text that is not UTF-8 would fail as damage, which bytes do.
fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null | ValueRef::Real(_) => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(text) => {
            String::from_utf8(text.to_vec()).map_or_else(|error| Value::Bytes(error.into_bytes()), Value::Text)
        }
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

fn data_version(connection: &Connection) -> Option<i64> {
    connection.pragma_query_value(None, "data_version", |row| row.get(0)).ok()
}

fn last_change(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached(sql::LAST_CHANGE.text)?.query_row([], |row| row.get(0))
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIME)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(sql::COUNT);
    Ok(())
}

/// Brings the tables to the present version, all or nothing, and gives the id of the database. `None` for a database of
/// a later version, which is left as it is.
fn migrate(connection: &mut Connection, new_instance: [u8; 16]) -> rusqlite::Result<Option<Instance>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(&SQLITE.translate(migrations::META))?;
    transaction.execute(migrations::FIRST_ROW, [new_instance])?;
    let (instance, done) = transaction.query_row(migrations::STATE, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Some(missing) = migrations::missing(done, &SQLITE) else { return Ok(None) };
    missing.iter().try_for_each(|statement| transaction.execute_batch(statement))?;
    transaction.execute(migrations::FINISH, [migrations::newest()])?;
    transaction.commit()?;
    Ok(Some(Instance(instance)))
}

/// The file has hashes of passwords: it is made for its owner alone, and the files of SQLite beside it get its mode.
fn make_private_file(path: &Path) -> Result<(), OpenError> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(source) => Err(OpenError::File { path: path.to_owned(), source: source.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_database_or_of_a_later_version_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts.sqlite3");
        let instance = Sqlite::open(&path).unwrap().instance();
        assert_eq!(Sqlite::open(&path).unwrap().instance(), instance);

        Connection::open(&path).unwrap().execute(migrations::FINISH, [migrations::newest() + 1]).unwrap();
        assert!(matches!(Sqlite::open(&path), Err(OpenError::Later)));

        let other = folder.path().join("other");
        std::fs::write(&other, b"precious, but no database".repeat(100)).unwrap();
        assert!(matches!(Sqlite::open(&other), Err(OpenError::File { .. })));
        assert!(std::fs::read(&other).unwrap().starts_with(b"precious"));
    }

    #[cfg(unix)]
    #[test]
    fn the_files_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts.sqlite3");
        let _store = Sqlite::open(&path).unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
        }
    }
}
