//! The database file: opened, checked, and written to.
//!
//! What a call has written survives a crash once the call returns (`synchronous = FULL` on a write-ahead log), except
//! for uploads of a server with [`Durability::Relaxed`]. There is one connection behind a lock: what is written is
//! small, and writes of several threads share a transaction ([`super::group_commit`]).

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Row};
use shared::ErrorCode;

use super::error::{DatabaseError, storage_error};
use super::file_identity::FileIdentity;
use super::group_commit::Queue;
use super::schema::{LaterVersion, migrate, missing};
use crate::storage::{Durability, StorageError};

/// How many prepared statements are kept: more than there are.
const STATEMENTS_KEPT: usize = 32;
/// The path of records that end with the process.
const MEMORY: &str = ":memory:";
/// Why changes are refused.
const GONE: &str = "the server's records are gone";
/// How long a call waits for another process that holds the file.
const BUSY_TIME: Duration = Duration::from_secs(5);

/// The records.
pub struct Database {
    connection: Mutex<Connection>,
    /// `None` for records in memory.
    path: Option<PathBuf>,
    /// The file that the connection has open.
    file: Mutex<Option<FileIdentity>>,
    queue: Queue,
    /// Of the records of uploads.
    pub(super) uploads: Durability,
    /// A simulated machine's power; `None` for a real one.
    #[cfg(feature = "testing")]
    powered: Option<Box<dyn Fn() -> bool + Send + Sync>>,
}

impl Database {
    /// Opens the records at `path`, or makes new ones. Existing records are never thrown away.
    ///
    /// # Errors
    /// [`DatabaseError::ReadOnly`] leaves a server that only reads; the others need an operator.
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        let connection = connect(path)?;
        let named = path != Path::new(MEMORY);
        Ok(Self {
            connection: Mutex::new(connection),
            path: named.then(|| path.to_owned()),
            file: Mutex::new(named.then(|| FileIdentity::of(path).ok()).flatten()),
            queue: Queue::default(),
            uploads: Durability::Strict,
            #[cfg(feature = "testing")]
            powered: None,
        })
    }

    /// Records that end with the process.
    ///
    /// # Errors
    /// As [`Database::open`].
    #[cfg(feature = "testing")]
    pub fn in_memory() -> Result<Self, DatabaseError> {
        Self::open(Path::new(MEMORY))
    }

    /// Records that end with the process, for tests of crashes: every call fails while `powered` returns false.
    ///
    /// # Errors
    /// As [`Database::in_memory`].
    #[cfg(feature = "testing")]
    pub fn in_memory_while(powered: impl Fn() -> bool + Send + Sync + 'static) -> Result<Self, DatabaseError> {
        Ok(Self { powered: Some(Box::new(powered)), ..Self::in_memory()? })
    }

    /// Sets the durability of the records of uploads. All other records are always strict.
    pub fn keeping_uploads(self, durability: Durability) -> Self {
        Self { uploads: durability, ..self }
    }

    /// Checks that changes can be recorded: that the file is there, or another one that has taken its place, such as a
    /// restored copy. A connection goes on with a file that was deleted, so what it writes there would be lost.
    ///
    /// # Errors
    /// [`ErrorCode::Io`] if the file is gone.
    pub(in crate::server) fn check_file(&self) -> Result<(), StorageError> {
        let Some(path) = &self.path else { return Ok(()) };
        let gone = |error| StorageError { code: ErrorCode::Io, ..StorageError::from_io(error, GONE) };
        let there = FileIdentity::of(path).map_err(gone)?;
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if *file == Some(there) {
            return Ok(());
        }
        let opened = connect(path).map_err(|error| gone(std::io::Error::other(error)))?;
        let before = std::mem::replace(&mut *self.lock()?, opened);
        // Closing it would delete the write-ahead log at its path, which is that of the new file now.
        std::mem::forget(before);
        tracing::warn!(path = %path.display(), "the server's records were replaced, and the new ones are used");
        *file = Some(there);
        Ok(())
    }

    /// As [`Database::check_file`], and writes to the file.
    ///
    /// # Errors
    /// As [`Database::check_file`], [`ErrorCode::ReadOnly`], [`ErrorCode::NoSpace`].
    pub(in crate::server) fn check_writing(&self) -> Result<(), StorageError> {
        self.check_file()?;
        // Writes the value that is there, so that nothing changes.
        self.write(Durability::Relaxed, |connection| {
            let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
            connection.pragma_update(None, "user_version", version)
        })
    }

    /// Writes, in one transaction with what other threads write at the same time.
    pub(super) fn write(
        &self,
        durability: Durability,
        work: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), StorageError> {
        self.queue.write(|| self.lock(), durability, work)
    }

    /// Runs a statement at once, in a transaction of its own.
    pub(super) fn execute(&self, sql: &str, values: impl rusqlite::Params) -> Result<usize, StorageError> {
        self.lock()?.execute(sql, values).map_err(storage_error)
    }

    /// All rows of a query.
    pub(super) fn rows<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StorageError> {
        let connection = self.lock()?;
        let rows = connection.prepare_cached(sql).and_then(|mut statement| statement.query_map(values, row)?.collect());
        rows.map_err(storage_error)
    }

    /// The first row of a query.
    pub(super) fn first<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StorageError> {
        Ok(self.rows(sql, values, row)?.into_iter().next())
    }

    pub(super) fn lock(&self) -> Result<MutexGuard<'_, Connection>, StorageError> {
        #[cfg(feature = "testing")]
        if self.powered.as_ref().is_some_and(|powered| !powered()) {
            return Err(StorageError::new(ErrorCode::Io, "the simulated machine has no power"));
        }
        Ok(self.connection.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Opens a file, checks it, and brings it to the present schema.
fn connect(path: &Path) -> Result<Connection, DatabaseError> {
    let sqlite = |error| DatabaseError::sqlite(path.to_owned(), error);
    let mut connection = Connection::open(path).map_err(sqlite)?;
    set_up(&connection).map_err(sqlite)?;
    let finding = check(&connection).map_err(sqlite)?;
    if finding != "ok" {
        return Err(DatabaseError::Damaged { path: path.to_owned(), finding });
    }
    let migrations = match missing(&connection).map_err(sqlite)? {
        Ok(migrations) => migrations,
        Err(LaterVersion) => return Err(DatabaseError::Later { path: path.to_owned() }),
    };
    migrate(&mut connection, migrations).map_err(sqlite)?;
    Ok(connection)
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIME)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(())
}

/// The first finding of SQLite's check; `ok` for none.
fn check(connection: &Connection) -> rusqlite::Result<String> {
    connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use shared::TrashId;

    use super::*;

    #[test]
    fn records_survive_the_process_and_are_never_thrown_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.sqlite3");
        let id = TrashId([3; 16]);
        Database::open(&path).unwrap().mark_purge(id).unwrap();
        assert_eq!(Database::open(&path).unwrap().purges().unwrap(), HashSet::from([id]));

        std::fs::write(&path, b"precious, but no database".repeat(100)).unwrap();
        assert!(matches!(Database::open(&path), Err(DatabaseError::Unusable { .. })));
        assert!(std::fs::read(&path).unwrap().starts_with(b"precious"));
    }

    #[test]
    fn records_of_a_later_version_are_refused_in_one_line_and_left_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.sqlite3");
        drop(Database::open(&path).unwrap());
        let version = || -> i64 {
            let connection = Connection::open(&path).unwrap();
            connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
        };
        let later = version() + 1;
        Connection::open(&path).unwrap().pragma_update(None, "user_version", later).unwrap();
        let Err(error) = Database::open(&path) else { panic!("records of a later version were opened") };
        assert!(matches!(error, DatabaseError::Later { .. }));
        assert_eq!(error.to_string().lines().count(), 1, "{error}");
        assert_eq!(version(), later);
    }

    #[test]
    fn damaged_records_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.sqlite3");
        drop(Database::open(&path).unwrap());
        let mut bytes = std::fs::read(&path).unwrap();
        let half = bytes.len() / 2;
        bytes[4096..half].fill(0x5a);
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(Database::open(&path), Err(DatabaseError::Damaged { .. } | DatabaseError::Unusable { .. })));
    }
}
