//! The file server's own records, in SQLite: uploads, changes and digests. The only room that names the database; it
//! knows no network and decides nothing. Every call may block on a disk, so async code makes it on blocking threads.
//!
//! What a call has written survives a crash once the call returns (`synchronous = FULL` on a write-ahead log), unless
//! somebody wanted it otherwise for uploads. One connection behind a lock: what is written is small, and what several
//! threads have to write at the same time is written together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode as SqlCode, OptionalExtension, Row, params};
use shared::change::Progress;
use shared::wire::{Message, Stage, decode, encode};
use shared::{Algorithm, Checksum, ETag, ErrorCode, JobId, JobState, Outcome, Timestamp, TrashId, UploadId};

use super::group_commit::Queue;
use super::jobs::{JobRecord, Step};
use super::uploads::UploadRecord;
use crate::server::authority::Owner;
use crate::storage::{Durability, StorageError};

/// The records.
pub struct Database {
    connection: Mutex<Connection>,
    queue: Queue,
    /// Of what is written down of uploads.
    uploads: Durability,
    /// None where the machine is one that never loses power.
    #[cfg(feature = "testing")]
    powered: Option<Box<dyn Fn() -> bool + Send + Sync>>,
}

/// Why there are no records.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The file cannot be opened, or is not a database.
    #[error(
        "the server's records in {} cannot be used: {source}; move the file away to begin with new ones (unfinished \
         uploads and changes are forgotten then)", path.display()
    )]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The file is damaged.
    #[error("the server's records in {} are damaged ({finding}); move the file away to begin with new ones", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What was found first.
        finding: String,
    },
    /// The file is of a later version of this program.
    #[error("the server's records in {} are of a later version of Passerelle", path.display())]
    Later {
        /// Which file.
        path: PathBuf,
    },
    /// Nothing can be written there.
    #[error("the server's records in {} cannot be written to: {source}", path.display())]
    ReadOnly {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

/// What leads from one version of the tables to the next; `user_version` counts those that were taken.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE uploads (
        id BLOB PRIMARY KEY,
        owner BLOB NOT NULL,
        key BLOB,
        created INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        -- As long as nobody said, NULL.
        length INTEGER,
        -- What survives a crash.
        durable INTEGER NOT NULL,
        -- The STAGE that began it, without its caller.
        request BLOB NOT NULL,
        -- The path in the storage that a COMMIT is about to give it, or gave it.
        target BLOB,
        -- The answer to the COMMIT that ended it.
        answer BLOB
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX uploads_by_key ON uploads (owner, key) WHERE key IS NOT NULL;
    CREATE INDEX uploads_by_owner ON uploads (owner, created);
    CREATE INDEX uploads_by_expiry ON uploads (expires);

    CREATE TABLE jobs (
        number INTEGER PRIMARY KEY,
        owner BLOB NOT NULL,
        id BLOB NOT NULL,
        created INTEGER NOT NULL,
        -- NULL while it runs.
        ended INTEGER,
        state BLOB NOT NULL,
        version INTEGER NOT NULL,
        progress BLOB NOT NULL,
        -- From what the ids of what it puts into the trash are made.
        seed BLOB NOT NULL,
        -- True once its client cancelled it.
        canceled INTEGER NOT NULL DEFAULT 0,
        -- The CHANGE, with the scope that it was asked for with.
        request BLOB NOT NULL,
        UNIQUE (owner, id)
    );
    CREATE INDEX jobs_by_end ON jobs (ended);
    CREATE TABLE steps (
        job INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
        item INTEGER NOT NULL,
        -- The path in the storage that it was about to give, where it chose one.
        target BLOB,
        -- NULL while it is begun.
        outcome BLOB,
        PRIMARY KEY (job, item)
    ) WITHOUT ROWID;

    -- What is in the trash only to be removed for ever.
    CREATE TABLE purges (id BLOB PRIMARY KEY) WITHOUT ROWID;

    CREATE TABLE digests (
        etag BLOB NOT NULL,
        algorithm BLOB NOT NULL,
        digest BLOB NOT NULL,
        used INTEGER NOT NULL,
        PRIMARY KEY (etag, algorithm)
    ) WITHOUT ROWID;
    CREATE INDEX digests_by_use ON digests (used);
"];

/// How many statements are kept ready: more than there are.
const STATEMENTS_KEPT: usize = 32;
/// How long a call waits where another program holds the file.
const BUSY_TIME: Duration = Duration::from_secs(5);

type Answer<T> = Result<T, StorageError>;

/// Why a connection is of no use, before the path is known.
enum Trouble {
    Sql(rusqlite::Error),
    Damaged(String),
    Later,
}

impl Database {
    /// Opens the records, or makes new ones where there are none. Nothing that is there is ever thrown away.
    ///
    /// # Errors
    /// [`DatabaseError::ReadOnly`] where reading files is all that is left; the others want somebody to look.
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        let path = path.to_owned();
        Connection::open(&path).map_err(Trouble::Sql).and_then(prepare).map_err(|trouble| match trouble {
            Trouble::Sql(source) if cannot_write(&source) => DatabaseError::ReadOnly { path, source },
            Trouble::Sql(source) => DatabaseError::Unusable { path, source },
            Trouble::Damaged(finding) => DatabaseError::Damaged { path, finding },
            Trouble::Later => DatabaseError::Later { path },
        })
    }

    /// Records that end with the process.
    ///
    /// # Errors
    /// Where there is not even memory for that.
    #[cfg(feature = "testing")]
    pub fn in_memory() -> Result<Self, DatabaseError> {
        Self::open(Path::new(":memory:"))
    }

    /// Records that end with the process, for tests of what a crash leaves: while `powered` says no, every call fails.
    ///
    /// # Errors
    /// As [`Database::in_memory`].
    #[cfg(feature = "testing")]
    pub fn in_memory_while(powered: impl Fn() -> bool + Send + Sync + 'static) -> Result<Self, DatabaseError> {
        Ok(Self { powered: Some(Box::new(powered)), ..Self::in_memory()? })
    }

    /// The same records, with what is written down of uploads as durable as that; the rest is durable at once.
    pub fn keeping_uploads(self, durability: Durability) -> Self {
        Self { uploads: durability, ..self }
    }

    /// Writes down an upload that begins.
    pub(in crate::server) fn insert_upload(&self, upload: &UploadRecord) -> Answer<()> {
        const SQL: &str = "INSERT INTO uploads (id, owner, key, created, expires, length, durable, request)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let key = upload.key.map(|key| key.0);
        let request = encode(&upload.request);
        let (length, durable) = (upload.length.map(signed), signed(upload.durable));
        let (id, owner, created, expires) = (upload.id.0, upload.owner.0.clone(), upload.created.0, upload.expires.0);
        self.write(self.uploads, move |connection| {
            let values = params![id, owner, key, created, expires, length, durable, request];
            connection.prepare_cached(SQL)?.execute(values).map(drop)
        })
    }

    /// One upload.
    pub(in crate::server) fn upload(&self, id: UploadId) -> Answer<Option<UploadRecord>> {
        told(self.lock()?.query_row(&format!("{UPLOADS} WHERE id = ?1"), [id.0], upload_row).optional())
    }

    /// The upload that was begun with that key.
    pub(in crate::server) fn upload_by_key(&self, owner: &Owner, key: JobId) -> Answer<Option<UploadRecord>> {
        let sql = format!("{UPLOADS} WHERE owner = ?1 AND key = ?2");
        told(self.lock()?.query_row(&sql, params![owner.0, key.0], upload_row).optional())
    }

    /// One owner's uploads, newest first, at most so many.
    pub(in crate::server) fn uploads_of(&self, owner: &Owner, most: u32) -> Answer<Vec<UploadRecord>> {
        let sql = format!("{UPLOADS} WHERE owner = ?1 ORDER BY created DESC, id LIMIT ?2");
        self.rows(&sql, params![owner.0, most], upload_row)
    }

    /// Every upload that is written down.
    pub(in crate::server) fn upload_ids(&self) -> Answer<Vec<UploadId>> {
        self.rows("SELECT id FROM uploads", [], |row| row.get(0).map(UploadId))
    }

    /// The uploads that have expired by then.
    pub(in crate::server) fn expired_uploads(&self, now: Timestamp) -> Answer<Vec<UploadId>> {
        self.rows("SELECT id FROM uploads WHERE expires <= ?1", [now.0], |row| row.get(0).map(UploadId))
    }

    /// How many uploads are not files yet.
    pub(in crate::server) fn unfinished_uploads(&self) -> Answer<usize> {
        let sql = "SELECT count(*) FROM uploads WHERE answer IS NULL";
        told(self.lock()?.query_row(sql, [], |row| row.get::<_, i64>(0)))
            .map(|count| usize::try_from(count).unwrap_or(0))
    }

    /// So many bytes of an upload are durable now.
    pub(in crate::server) fn set_durable(
        &self,
        id: UploadId,
        durable: u64,
        length: Option<u64>,
        expires: Timestamp,
    ) -> Answer<()> {
        const SQL: &str = "UPDATE uploads SET durable = ?2, length = ?3, expires = ?4 WHERE id = ?1";
        self.write(self.uploads, move |connection| {
            let values = params![id.0, signed(durable), length.map(signed), expires.0];
            connection.prepare_cached(SQL)?.execute(values).map(drop)
        })
    }

    /// An upload is about to become the file at `target`.
    pub(in crate::server) fn set_target(&self, id: UploadId, target: &[u8]) -> Answer<()> {
        const SQL: &str = "UPDATE uploads SET target = ?2 WHERE id = ?1";
        let target = target.to_vec();
        self.write(self.uploads, move |connection| {
            connection.prepare_cached(SQL)?.execute(params![id.0, target]).map(drop)
        })
    }

    /// An upload is asked for otherwise than it was begun with.
    pub(in crate::server) fn set_request(&self, id: UploadId, request: &Stage) -> Answer<()> {
        const SQL: &str = "UPDATE uploads SET request = ?2 WHERE id = ?1";
        let request = encode(request);
        self.write(self.uploads, move |connection| {
            connection.prepare_cached(SQL)?.execute(params![id.0, request]).map(drop)
        })
    }

    /// An upload has become a file; the answer is kept until then.
    pub(in crate::server) fn set_answer(&self, id: UploadId, answer: &impl Message, expires: Timestamp) -> Answer<()> {
        const SQL: &str = "UPDATE uploads SET answer = ?2, expires = ?3 WHERE id = ?1";
        let answer = encode(answer);
        self.write(self.uploads, move |connection| {
            connection.prepare_cached(SQL)?.execute(params![id.0, answer, expires.0]).map(drop)
        })
    }

    /// Forgets an upload.
    pub(in crate::server) fn delete_upload(&self, id: UploadId) -> Answer<()> {
        const SQL: &str = "DELETE FROM uploads WHERE id = ?1";
        self.write(self.uploads, move |connection| connection.prepare_cached(SQL)?.execute([id.0]).map(drop))
    }

    /// Writes down a change that begins, and gives it its number.
    pub(in crate::server) fn insert_job(&self, job: &JobRecord, now: Timestamp) -> Answer<i64> {
        const SQL: &str = "INSERT INTO jobs (owner, id, created, state, version, progress, seed, request)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let connection = self.lock()?;
        let (state, progress, request) = (encode(&job.state), encode(&job.progress), encode(&job.request));
        let values = params![job.owner.0, job.id.0, now.0, state, signed(job.version), progress, job.seed, request];
        told(connection.execute(SQL, values))?;
        Ok(connection.last_insert_rowid())
    }

    /// One change.
    pub(in crate::server) fn job(&self, owner: &Owner, id: JobId) -> Answer<Option<JobRecord>> {
        let sql = format!("{JOBS} WHERE owner = ?1 AND id = ?2");
        told(self.lock()?.query_row(&sql, params![owner.0, id.0], job_row).optional())
    }

    /// One owner's changes, newest first, at most so many.
    pub(in crate::server) fn jobs_of(&self, owner: &Owner, most: u32) -> Answer<Vec<JobRecord>> {
        let sql = format!("{JOBS} WHERE owner = ?1 ORDER BY number DESC LIMIT ?2");
        self.rows(&sql, params![owner.0, most], job_row)
    }

    /// The changes that have not ended, oldest first.
    pub(in crate::server) fn running_jobs(&self) -> Answer<Vec<JobRecord>> {
        self.rows(&format!("{JOBS} WHERE ended IS NULL ORDER BY number"), [], job_row)
    }

    /// What is written down of a change's items, in order.
    pub(in crate::server) fn steps(&self, number: i64) -> Answer<Vec<Step>> {
        let sql = "SELECT item, target, outcome FROM steps WHERE job = ?1 ORDER BY item";
        self.rows(sql, [number], |row| {
            let item: i64 = row.get(0)?;
            let outcome: Option<Vec<u8>> = row.get(2)?;
            let outcome = outcome.map(|bytes| read::<Outcome>(2, &bytes)).transpose()?;
            Ok(Step { item: usize::try_from(item).unwrap_or(usize::MAX), target: row.get(1)?, outcome })
        })
    }

    /// One step on: the outcome of the item before, the item that begins, and how the whole stands; with a moment, that
    /// it has ended. All or nothing.
    pub(in crate::server) fn advance(&self, job: &JobRecord, steps: &[Step], ended: Option<Timestamp>) -> Answer<()> {
        const STEP: &str = "INSERT INTO steps (job, item, target, outcome) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (job, item) DO UPDATE SET target = coalesce(excluded.target, target), outcome = excluded.outcome";
        const JOB: &str = "UPDATE jobs SET version = ?2, progress = ?3, state = ?4, ended = ?5 WHERE number = ?1";
        let (number, version, progress, state) =
            (job.number, signed(job.version), encode(&job.progress), encode(&job.state));
        let steps: Vec<_> = steps
            .iter()
            .map(|step| {
                let item = i64::try_from(step.item).unwrap_or(i64::MAX);
                (item, step.target.clone(), step.outcome.as_ref().map(encode))
            })
            .collect();
        let ended = ended.map(|moment| moment.0);
        self.write(Durability::Strict, move |connection| {
            for (item, target, outcome) in steps {
                connection.prepare_cached(STEP)?.execute(params![number, item, target, outcome])?;
            }
            connection.prepare_cached(JOB)?.execute(params![number, version, progress, state, ended]).map(drop)
        })
    }

    /// A change was cancelled by its client.
    pub(in crate::server) fn cancel_job(&self, number: i64) -> Answer<()> {
        told(self.lock()?.execute("UPDATE jobs SET canceled = 1 WHERE number = ?1", [number])).map(drop)
    }

    /// Forgets the changes that ended before then.
    pub(in crate::server) fn forget_jobs(&self, before: Timestamp) -> Answer<usize> {
        told(self.lock()?.execute("DELETE FROM jobs WHERE ended < ?1", [before.0]))
    }

    /// Marks an item of the trash as one that is there only to be removed.
    pub(in crate::server) fn mark_purge(&self, id: TrashId) -> Answer<()> {
        told(self.lock()?.execute("INSERT OR IGNORE INTO purges (id) VALUES (?1)", [id.0])).map(drop)
    }

    /// Takes that mark away.
    pub(in crate::server) fn unmark_purge(&self, id: TrashId) -> Answer<()> {
        told(self.lock()?.execute("DELETE FROM purges WHERE id = ?1", [id.0])).map(drop)
    }

    /// Every item that has the mark.
    pub(in crate::server) fn purges(&self) -> Answer<Vec<TrashId>> {
        self.rows("SELECT id FROM purges", [], |row| row.get(0).map(TrashId))
    }

    /// Keeps digests of the content that files with those validators have.
    pub(in crate::server) fn keep_digests(
        &self,
        digests: BTreeMap<[u8; 16], Vec<Checksum>>,
        now: Timestamp,
    ) -> Answer<()> {
        const SQL: &str = "INSERT OR REPLACE INTO digests (etag, algorithm, digest, used) VALUES (?1, ?2, ?3, ?4)";
        // To lose them is to make them again.
        self.write(Durability::Relaxed, move |connection| {
            let mut statement = connection.prepare_cached(SQL)?;
            let mut each = digests.iter().flat_map(|(etag, sums)| sums.iter().map(move |sum| (etag, sum)));
            each.try_for_each(|(etag, sum)| {
                statement.execute(params![etag, encode(&sum.algorithm), sum.digest, now.0]).map(drop)
            })
        })
    }

    /// The digests that are known of the content of a file with that validator.
    pub(in crate::server) fn digests(&self, etag: ETag) -> Answer<Vec<Checksum>> {
        self.rows("SELECT algorithm, digest FROM digests WHERE etag = ?1", [etag.0], |row| {
            let algorithm: Vec<u8> = row.get(0)?;
            Ok(Checksum { algorithm: read::<Algorithm>(0, &algorithm)?, digest: row.get(1)? })
        })
    }

    /// Forgets the digests that were noted before then, and the oldest of more than `most`.
    pub(in crate::server) fn forget_digests(&self, before: Timestamp, most: u32) -> Answer<()> {
        const SQL: &str = "DELETE FROM digests WHERE used < ?1
            OR used <= (SELECT used FROM digests ORDER BY used DESC LIMIT 1 OFFSET ?2)";
        told(self.lock()?.execute(SQL, params![before.0, most])).map(drop)
    }

    /// Has something written down, together with what else is to be.
    fn write(
        &self,
        durability: Durability,
        work: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> Answer<()> {
        self.queue.write(|| self.lock(), durability, work)
    }

    fn rows<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Answer<Vec<T>> {
        let connection = self.lock()?;
        told(connection.prepare_cached(sql).and_then(|mut statement| statement.query_map(values, row)?.collect()))
    }

    fn lock(&self) -> Answer<MutexGuard<'_, Connection>> {
        #[cfg(feature = "testing")]
        if self.powered.as_ref().is_some_and(|powered| !powered()) {
            return Err(StorageError::new(ErrorCode::Io, "there is no power"));
        }
        Ok(self.connection.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

const UPLOADS: &str = "SELECT id, owner, key, created, expires, length, durable, request, target, answer FROM uploads";

fn upload_row(row: &Row<'_>) -> rusqlite::Result<UploadRecord> {
    let key: Option<[u8; 16]> = row.get(2)?;
    let (length, durable): (Option<i64>, i64) = (row.get(5)?, row.get(6)?);
    let request: Vec<u8> = row.get(7)?;
    let answer: Option<Vec<u8>> = row.get(9)?;
    Ok(UploadRecord {
        id: UploadId(row.get(0)?),
        owner: Owner(row.get(1)?),
        key: key.map(JobId),
        created: Timestamp(row.get(3)?),
        expires: Timestamp(row.get(4)?),
        length: length.map(i64::cast_unsigned),
        durable: durable.cast_unsigned(),
        request: read(7, &request)?,
        target: row.get(8)?,
        answer: answer.map(|bytes| read(9, &bytes)).transpose()?,
    })
}

const JOBS: &str = "SELECT number, owner, id, state, version, progress, seed, canceled, request FROM jobs";

fn job_row(row: &Row<'_>) -> rusqlite::Result<JobRecord> {
    let (state, progress, request): (Vec<u8>, Vec<u8>, Vec<u8>) = (row.get(3)?, row.get(5)?, row.get(8)?);
    Ok(JobRecord {
        number: row.get(0)?,
        owner: Owner(row.get(1)?),
        id: JobId(row.get(2)?),
        state: read::<JobState>(3, &state)?,
        version: row.get::<_, i64>(4)?.cast_unsigned(),
        progress: read::<Progress>(5, &progress)?,
        seed: row.get(6)?,
        canceled: row.get(7)?,
        request: read(8, &request)?,
    })
}

fn prepare(mut connection: Connection) -> Result<Database, Trouble> {
    let made = (|| {
        connection.busy_timeout(BUSY_TIME)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        let finding: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        Ok((finding, version))
    })();
    let (finding, version) = made.map_err(Trouble::Sql)?;
    if finding != "ok" {
        return Err(Trouble::Damaged(finding));
    }
    let taken = usize::try_from(version).map_err(|_| Trouble::Later)?;
    let missing = MIGRATIONS.get(taken..).ok_or(Trouble::Later)?;
    let migrated = (|| {
        let transaction = connection.transaction()?;
        missing.iter().try_for_each(|migration| transaction.execute_batch(migration))?;
        transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
        transaction.commit()
    })();
    migrated.map_err(Trouble::Sql)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    let (queue, uploads) = (Queue::default(), Durability::Strict);
    Ok(Database {
        connection: Mutex::new(connection),
        queue,
        uploads,
        #[cfg(feature = "testing")]
        powered: None,
    })
}

/// True where the place is at fault and not the file.
fn cannot_write(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(SqlCode::ReadOnly | SqlCode::PermissionDenied | SqlCode::CannotOpen | SqlCode::DiskFull)
    )
}

/// SQLite's numbers have a sign; lengths are checked to fit where they come in.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn read<M: Message>(column: usize, bytes: &[u8]) -> rusqlite::Result<M> {
    decode(bytes).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, Box::new(error))
    })
}

/// The database's failure as one of the storage, which it is: the same disk under another file.
pub(super) fn told<T>(result: rusqlite::Result<T>) -> Answer<T> {
    result.map_err(|error| {
        let code = match error.sqlite_error_code() {
            Some(SqlCode::DiskFull) => ErrorCode::NoSpace,
            Some(SqlCode::ReadOnly | SqlCode::PermissionDenied) => ErrorCode::ReadOnly,
            _ => ErrorCode::Io,
        };
        let source = Some(std::io::Error::other(error));
        StorageError { code, context: "the server's records cannot be kept", source }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_outlive_the_process_and_are_never_thrown_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.sqlite3");
        let id = TrashId([3; 16]);
        Database::open(&path).unwrap().mark_purge(id).unwrap();
        assert_eq!(Database::open(&path).unwrap().purges().unwrap(), [id]);

        std::fs::write(&path, b"precious, but no database".repeat(100)).unwrap();
        assert!(matches!(Database::open(&path), Err(DatabaseError::Unusable { .. })));
        assert!(std::fs::read(&path).unwrap().starts_with(b"precious"));
    }

    #[test]
    fn a_later_version_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.sqlite3");
        drop(Database::open(&path).unwrap());
        Connection::open(&path).unwrap().pragma_update(None, "user_version", MIGRATIONS.len() as i64 + 1).unwrap();
        assert!(matches!(Database::open(&path), Err(DatabaseError::Later { .. })));
    }

    #[test]
    fn damage_is_told_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.sqlite3");
        drop(Database::open(&path).unwrap());
        let mut bytes = std::fs::read(&path).unwrap();
        let half = bytes.len() / 2;
        bytes[4096..half].fill(0x5a);
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(Database::open(&path), Err(DatabaseError::Damaged { .. } | DatabaseError::Unusable { .. })));
    }

    #[test]
    fn the_oldest_digests_go_first() {
        let database = Database::in_memory().unwrap();
        let sum = |byte| Checksum { algorithm: Algorithm::Crc32, digest: vec![byte; 4] };
        for byte in 0..5 {
            let digests = BTreeMap::from([([byte; 16], vec![sum(byte)])]);
            database.keep_digests(digests, Timestamp(i64::from(byte))).unwrap();
        }
        database.forget_digests(Timestamp(1), 2).unwrap();
        let kept: Vec<_> = (0..5).filter(|byte| !database.digests(ETag([*byte; 16])).unwrap().is_empty()).collect();
        assert_eq!(kept, [3, 4]);
    }
}
