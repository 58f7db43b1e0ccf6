//! The database file: opened, checked, and written to.
//!
//! What a call has written survives a crash once the call returns (`synchronous = FULL` on a write-ahead log), except
//! for uploads of a server with [`Durability::Relaxed`]. There is one connection behind a lock: what is written is
//! small, and writes of several threads share a transaction ([`super::group_commit`]).

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Row};
#[cfg(feature = "testing")]
use shared::ErrorCode;

use super::error::{DatabaseError, storage_error};
use super::group_commit::Queue;
use super::schema::{LaterVersion, migrate, missing};
use crate::storage::{Durability, StorageError};

/// How many prepared statements are kept: more than there are.
const STATEMENTS_KEPT: usize = 32;
/// How long a call waits for another process that holds the file.
const BUSY_TIME: Duration = Duration::from_secs(5);

/// The records.
pub struct Database {
    connection: Mutex<Connection>,
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
        let (queue, uploads) = (Queue::default(), Durability::Strict);
        Ok(Self {
            connection: Mutex::new(connection),
            queue,
            uploads,
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
        Self::open(Path::new(":memory:"))
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
