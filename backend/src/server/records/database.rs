//! The database file: opened, checked, and written to.
//!
//! What a call has written survives a crash once the call returns (`synchronous = FULL` on a write-ahead log), except
//! for uploads of a server with [`Durability::Relaxed`]. There is one connection behind a lock: what is written is
//! small, and writes of several threads share a transaction ([`super::group_commit`]).

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Row};
use shared::ErrorCode;

use super::error::{DatabaseError, may_want_space, storage_error};
use super::file_identity::FileIdentity;
use super::group_commit::Queue;
use super::owners_to_sweep::OwnersToSweep;
use super::reserve;
use super::schema::{LaterVersion, migrate, missing};
use crate::reserve::Reserve;
use crate::storage::{Durability, StorageError};

/// How many prepared statements are kept: more than there are.
const STATEMENTS_KEPT: usize = 32;
/// The path of records that end with the process.
const MEMORY: &str = ":memory:";
/// Why changes are refused: no file is at the path of the records.
const GONE: &str = "the server's records are gone";
/// Why changes are refused: another file is at the path of the records.
const REPLACED: &str = "the server's records were replaced by another file: restart the server";
/// How long a call waits for another process that holds the file.
const BUSY_TIME: Duration = Duration::from_secs(5);

/// The records.
pub struct Database {
    connection: Mutex<Connection>,
    /// `None` for records in memory.
    path: Option<PathBuf>,
    /// The file that the connection has open.
    file: Option<FileIdentity>,
    /// Why nothing is written at present.
    lost: Mutex<Option<&'static str>>,
    queue: Queue,
    /// The space for the journal on a full disk; `None` for records in memory.
    reserve: Option<Reserve>,
    /// Of the records of uploads.
    pub(super) uploads: Durability,
    pub(super) ended_jobs: OwnersToSweep,
    pub(super) ended_uploads: OwnersToSweep,
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
        let named = path != Path::new(MEMORY);
        let reserve = named.then(|| reserve::begin(path)).flatten();
        let connection = reserve::open_with_space(reserve.as_ref(), || connect(path))?;
        Ok(Self {
            connection: Mutex::new(connection),
            path: named.then(|| path.to_owned()),
            file: named.then(|| FileIdentity::of(path).ok()).flatten(),
            lost: Mutex::default(),
            queue: Queue::default(),
            reserve,
            uploads: Durability::Strict,
            ended_jobs: OwnersToSweep::default(),
            ended_uploads: OwnersToSweep::default(),
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

    #[cfg(test)]
    pub(super) fn with_reserve(self, reserve: Reserve) -> Self {
        Self { reserve: Some(reserve), ..self }
    }

    /// Checks that changes can be recorded: that the path of the records leads to the file that is open. While it does
    /// not, nothing is written: what a deleted file gets is lost at the end of the process. Another file, such as a
    /// restored copy, is not opened, because SQLite would replay the log of the open file into it.
    ///
    /// # Errors
    /// [`ErrorCode::Io`] if the file is gone or another one is in its place.
    pub(in crate::server) fn check_file(&self) -> Result<(), StorageError> {
        let (Some(path), Some(open)) = (&self.path, self.file) else { return Ok(()) };
        let checked = match FileIdentity::of(path) {
            Ok(there) if there == open => Ok(()),
            Ok(_) => Err(StorageError::new(ErrorCode::Io, REPLACED)),
            Err(error) => Err(StorageError { code: ErrorCode::Io, ..StorageError::from_io(error, GONE) }),
        };
        let lost = checked.as_ref().err().map(|error| error.context);
        let before = std::mem::replace(&mut *self.lost(), lost);
        if lost.is_some() && before.is_none() {
            tracing::warn!(path = %path.display(), "{}", lost.unwrap_or_default());
            self.empty_log();
        }
        checked
    }

    /// Moves what the write-ahead log has into the open file: a later process must not take the log for that of the file
    /// that is at the path then.
    fn empty_log(&self) {
        let emptied = self.lock().and_then(|connection| {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(storage_error)
        });
        if let Err(error) = emptied {
            tracing::warn!(%error, "the log of the records could not be emptied");
        }
    }

    fn lost(&self) -> MutexGuard<'_, Option<&'static str>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As [`Database::check_file`], and writes to the file.
    ///
    /// # Errors
    /// As [`Database::check_file`], [`ErrorCode::ReadOnly`], [`ErrorCode::NoSpace`].
    pub(in crate::server) fn check_writing(&self) -> Result<(), StorageError> {
        self.check_file()?;
        // Writes the value that is there, so that nothing changes.
        self.write_without_reserve(Durability::Relaxed, |connection| {
            let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
            connection.pragma_update(None, "user_version", version)
        })
    }

    /// Lets work be recorded that takes space.
    ///
    /// # Errors
    /// [`ErrorCode::NoSpace`] while a part of the reserve is given up, and there is no room to take it again.
    pub(in crate::server) fn check_reserve(&self) -> Result<(), StorageError> {
        if self.reserve.as_ref().is_none_or(Reserve::is_whole) { Ok(()) } else { Err(kept_for_the_journal()) }
    }

    /// Lets a large change be recorded. The rest of the reserve is for small ones, so that one client with large ones
    /// leaves others room to delete.
    ///
    /// # Errors
    /// [`ErrorCode::NoSpace`] once the reserve is low.
    pub(super) fn check_half_of_reserve(&self) -> Result<(), StorageError> {
        if self.reserve.as_ref().is_some_and(Reserve::is_low) { Err(kept_for_the_journal()) } else { Ok(()) }
    }

    /// Takes the reserve of space again, as far as there is room.
    pub(in crate::server) fn maintain_reserve(&self) {
        if let Some(reserve) = &self.reserve {
            reserve.maintain();
        }
    }

    /// Writes, in one transaction with what other threads write at the same time. On a full disk, it is written with a
    /// part of the reserve.
    pub(super) fn write(
        &self,
        durability: Durability,
        work: impl Fn(&Connection) -> rusqlite::Result<()> + Send + Sync + 'static,
    ) -> Result<(), StorageError> {
        self.write_leaving(0, durability, work)
    }

    /// [`Database::write`] of what a full disk can do without.
    pub(super) fn write_without_reserve(
        &self,
        durability: Durability,
        work: impl Fn(&Connection) -> rusqlite::Result<()> + Send + Sync + 'static,
    ) -> Result<(), StorageError> {
        self.queue.write(|| self.writable(), durability, work)
    }

    /// [`Database::write`], which leaves `floor` bytes of the reserve.
    pub(super) fn write_leaving(
        &self,
        floor: u64,
        durability: Durability,
        work: impl Fn(&Connection) -> rusqlite::Result<()> + Send + Sync + 'static,
    ) -> Result<(), StorageError> {
        let work = Arc::new(work);
        self.with_space(floor, || {
            let work = Arc::clone(&work);
            self.queue.write(|| self.writable(), durability, move |connection| work(connection))
        })
    }

    /// Runs a statement at once, in a transaction of its own, and gives the number of changed rows.
    pub(super) fn execute(&self, sql: &str, values: impl rusqlite::Params + Clone) -> Result<usize, StorageError> {
        self.with_space(0, || self.writable()?.execute(sql, values.clone()).map_err(storage_error))
    }

    /// Writes, on a full disk with a part of the reserve, of which it leaves `floor` bytes.
    pub(super) fn with_space<T>(
        &self,
        floor: u64,
        write: impl FnMut() -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        reserve::write(self.reserve.as_ref(), floor, may_want_space, write)
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

    /// The connection, for writing.
    ///
    /// # Errors
    /// [`ErrorCode::Io`] while the file is gone or another one is in its place.
    pub(super) fn writable(&self) -> Result<MutexGuard<'_, Connection>, StorageError> {
        // No guard is held while the connection is waited for: what looks after the file would wait, too.
        let lost = *self.lost();
        match lost {
            Some(lost) => Err(StorageError::new(ErrorCode::Io, lost)),
            None => self.lock(),
        }
    }

    pub(super) fn lock(&self) -> Result<MutexGuard<'_, Connection>, StorageError> {
        #[cfg(feature = "testing")]
        if self.powered.as_ref().is_some_and(|powered| !powered()) {
            return Err(StorageError::new(ErrorCode::Io, "the simulated machine has no power"));
        }
        Ok(self.connection.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn kept_for_the_journal() -> StorageError {
    StorageError::new(ErrorCode::NoSpace, "the rest of the disk is for the journal")
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
    use std::sync::atomic::{AtomicU64, Ordering};

    use shared::TrashId;

    use super::*;
    use crate::reserve::{LEFT_BYTES, RESERVE_BYTES};

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

    /// A copy from before, put in the place of the records under a running server that is killed then.
    #[test]
    fn records_in_the_place_of_others_are_not_mixed_with_their_log() {
        let folder = tempfile::tempdir().unwrap();
        let (path, copy) = (folder.path().join("server.sqlite3"), folder.path().join("copy"));
        let ids = |from: u8| (from..from + 100).map(|number| TrashId([number; 16]));
        {
            let database = Database::open(&path).unwrap();
            ids(0).for_each(|id| database.mark_purge(id).unwrap());
        }
        std::fs::copy(&path, &copy).unwrap();
        let database = Database::open(&path).unwrap();
        ids(0).for_each(|id| database.unmark_purge(id).unwrap());
        ids(100).for_each(|id| database.mark_purge(id).unwrap());
        std::fs::rename(&copy, &path).unwrap();
        let refused = database.check_file().unwrap_err();
        assert_eq!((refused.code, refused.context), (ErrorCode::Io, REPLACED));
        assert_eq!(database.mark_purge(TrashId([250; 16])).unwrap_err().code, ErrorCode::Io);
        assert_eq!(database.purges().unwrap(), ids(100).collect());
        std::mem::forget(database);
        let database = Database::open(&path).unwrap();
        assert_eq!(database.purges().unwrap(), ids(0).collect());
        assert_eq!(check(&database.lock().unwrap()).unwrap(), "ok");
        database.check_file().unwrap();
    }

    #[test]
    fn records_that_come_back_are_written_to_again() {
        let folder = tempfile::tempdir().unwrap();
        let (path, away) = (folder.path().join("server.sqlite3"), folder.path().join("away"));
        let database = Database::open(&path).unwrap();
        std::fs::rename(&path, &away).unwrap();
        assert_eq!(database.check_file().unwrap_err().context, GONE);
        assert_eq!(database.mark_purge(TrashId([1; 16])).unwrap_err().context, GONE);
        std::fs::rename(&away, &path).unwrap();
        database.check_file().unwrap();
        database.mark_purge(TrashId([1; 16])).unwrap();
    }

    /// As for want of a right or of a descriptor.
    #[test]
    fn records_that_cannot_be_opened_use_up_no_reserve() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.sqlite3");
        std::fs::create_dir(&path).unwrap();
        assert!(matches!(Database::open(&path), Err(DatabaseError::ReadOnly { .. })));
        let reserve = std::fs::metadata(path.with_file_name("records.reserve")).unwrap();
        assert_eq!(reserve.len(), RESERVE_BYTES);
    }

    #[test]
    fn what_needs_much_of_the_reserve_leaves_a_part() {
        let held = Arc::new(AtomicU64::new(u64::MAX));
        let taken = Arc::clone(&held);
        let shrink = move |bytes| Ok(taken.fetch_min(bytes, Ordering::Relaxed).min(bytes));
        let reserve = Some(Reserve::begin(None, || None, shrink));
        let database = Database { reserve, ..Database::in_memory().unwrap() };
        // The limit becomes the present size.
        database.lock().unwrap().query_row("PRAGMA max_page_count = 1", [], |_| Ok(())).unwrap();
        let write = |floor| {
            let work =
                |connection: &Connection| connection.execute_batch("CREATE TABLE new AS SELECT zeroblob(100000)");
            let code = database.write_leaving(floor, Durability::Strict, work).unwrap_err().code;
            (code, held.load(Ordering::Relaxed))
        };
        assert_eq!(write(LEFT_BYTES), (ErrorCode::NoSpace, LEFT_BYTES));
        assert_eq!(write(LEFT_BYTES), (ErrorCode::NoSpace, LEFT_BYTES));
        assert_eq!(write(0), (ErrorCode::NoSpace, 0));
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
