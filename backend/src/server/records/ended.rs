//! A bound on what is kept of ended jobs and uploads, for each owner, so that the records of one cannot fill the disk, nor
//! use up the reserve of a full one.

use rusqlite::{Row, params};
use shared::UploadId;
use shared::limits::{ENDED_RECORDS_BYTES_MAX, ENDED_RECORDS_MAX};
use tracing::warn;

use super::column::signed;
use super::database::Database;
use crate::reserve::RESERVE_BYTES;
use crate::server::authority::Owner;
use crate::storage::StorageError;

/// Bytes of the records of ended jobs that are kept for an owner that begins a job on a full disk.
const KEPT_ON_FULL_DISK_BYTES: u64 = RESERVE_BYTES / 8;
/// How many ended jobs are forgotten for one that begins on a full disk. Each is synced.
const FORGOTTEN_FOR_ONE_MAX: usize = 16;

impl Database {
    /// While a part of the reserve is missing, makes room within the records for those of the next job of an owner: ended
    /// jobs are forgotten early, because they keep their space also if they have changed nothing. Where that fails, the
    /// next job takes more of the reserve.
    pub(super) fn make_room_for_job(&self, owner: &Owner) {
        if self.check_reserve().is_ok() {
            return;
        }
        let forgotten = self.surplus_jobs(owner, KEPT_ON_FULL_DISK_BYTES).and_then(|surplus| {
            surplus.into_iter().take(FORGOTTEN_FOR_ONE_MAX).try_for_each(|number| self.forget_job(number))
        });
        if let Err(error) = forgotten {
            warn!(%error, "ended changes could not be forgotten to make room on a full disk");
        }
    }

    /// Forgets the oldest ended jobs of each owner that has more of them than are kept, of the clients that have most.
    pub(in crate::server) fn forget_surplus_jobs(&self) -> Result<(), StorageError> {
        const ALL: &str = "SELECT DISTINCT owner FROM jobs WHERE ended IS NOT NULL";
        let all = || self.rows(ALL, [], |row| row.get(0).map(Owner));
        self.ended_jobs.sweep(all, |owner| {
            let surplus = self.surplus_jobs(&owner, ENDED_RECORDS_BYTES_MAX)?;
            // One by one: a job may have a thousand items, and other writers wait meanwhile.
            surplus.into_iter().try_for_each(|number| self.forget_job(number))
        })
    }

    /// The ended jobs of an owner that are too many, or take more than `bytes_max`.
    fn surplus_jobs(&self, owner: &Owner, bytes_max: u64) -> Result<Vec<i64>, StorageError> {
        // The items name the paths of the request again; those of a restore name paths that its request does not have. In
        // rows of earlier versions the items of a job take twice as much as its request.
        const ENDED: &str = "SELECT number AS id, -number AS age, client, max(3 * length(request), length(request)
                + coalesce((SELECT sum(length(records)) FROM item_records WHERE job = number), 0)) AS bytes
            FROM jobs WHERE owner = ?1 AND ended IS NOT NULL";
        self.surplus(owner, ENDED, bytes_max, |row| row.get(0))
    }

    fn forget_job(&self, number: i64) -> Result<(), StorageError> {
        self.execute("DELETE FROM jobs WHERE number = ?1", [number]).map(drop)
    }

    /// The oldest committed uploads of each owner that has more of them than are kept, of the clients that have most.
    pub(in crate::server) fn surplus_uploads(&self) -> Result<Vec<UploadId>, StorageError> {
        const ALL: &str = "SELECT DISTINCT owner FROM uploads WHERE answer IS NOT NULL";
        const ENDED: &str = "SELECT id, -created AS age, client, length(request) + length(answer) AS bytes
            FROM uploads WHERE owner = ?1 AND answer IS NOT NULL";
        let all = || self.rows(ALL, [], |row| row.get(0).map(Owner));
        let mut surplus = Vec::new();
        self.ended_uploads.sweep(all, |owner| {
            surplus.extend(self.surplus(&owner, ENDED, ENDED_RECORDS_BYTES_MAX, |row| row.get(0).map(UploadId))?);
            Ok(())
        })?;
        Ok(surplus)
    }

    /// The surplus uploads are looked up for all owners at the next time: one of them could not be forgotten.
    pub(in crate::server) fn look_again_for_surplus_uploads(&self) {
        self.ended_uploads.add_all();
    }

    /// The rows of `ended` that are too many, or take more than `bytes_max`; first those of the client with most. All
    /// callers without an account are one owner: what counts are a row's place among those of its client and what these
    /// take up to it, so that one client pushes out its own alone.
    fn surplus<T>(
        &self,
        owner: &Owner,
        ended: &str,
        bytes_max: u64,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StorageError> {
        let sql = format!(
            "SELECT id FROM (
                SELECT id, row_number() OVER by_place AS place, sum(bytes) OVER by_bytes AS bytes FROM (
                    SELECT id, age, bytes, row_number() OVER own AS own_place, sum(bytes) OVER own AS own_bytes
                    FROM ({ended}) WINDOW own AS (PARTITION BY client ORDER BY age, id))
                WINDOW by_place AS (ORDER BY own_place, age, id), by_bytes AS (ORDER BY own_bytes, age, id))
            WHERE place > ?2 OR bytes > ?3 ORDER BY bytes DESC"
        );
        self.rows(&sql, params![owner.0, signed(ENDED_RECORDS_MAX), signed(bytes_max)], row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ended jobs of one owner with requests of so many bytes, and one that runs.
    fn insert_jobs(database: &Database, owner: &[u8], jobs: u64, bytes: u64) {
        insert_jobs_of(database, owner, None, jobs, bytes);
    }

    fn insert_jobs_of(database: &Database, owner: &[u8], client: Option<&str>, jobs: u64, bytes: u64) {
        const SQL: &str = "WITH RECURSIVE count(at) AS (SELECT 1 UNION ALL SELECT at + 1 FROM count WHERE at < ?2)
            INSERT INTO jobs (owner, id, created, ended, state, version, progress, seed, request, client)
            SELECT ?1, randomblob(16), 0, iif(at = 1, NULL, 5), x'', 1, x'', x'', zeroblob(?3), ?4 FROM count";
        database.execute(SQL, params![owner, jobs as i64 + 1, bytes as i64, client]).unwrap();
        database.ended_jobs.add(&Owner(owner.to_vec()));
    }

    fn jobs_of(database: &Database, owner: &[u8]) -> u64 {
        let count = |row: &Row<'_>| row.get::<_, i64>(0);
        database.first("SELECT count(*) FROM jobs WHERE owner = ?1", [owner], count).unwrap().unwrap() as u64
    }

    #[test]
    fn the_newest_ended_jobs_of_each_owner_are_kept() {
        let database = Database::in_memory().unwrap();
        insert_jobs(&database, b"many", ENDED_RECORDS_MAX + 7, 1);
        insert_jobs(&database, b"few", 5, 1);
        insert_jobs(&database, b"large", 5, ENDED_RECORDS_BYTES_MAX / 3 / 2);
        database.forget_surplus_jobs().unwrap();
        // Beside the ended ones, the one that runs.
        assert_eq!(jobs_of(&database, b"many"), ENDED_RECORDS_MAX + 1);
        assert_eq!(jobs_of(&database, b"few"), 6);
        assert_eq!(jobs_of(&database, b"large"), 3);
        let oldest = database.first("SELECT min(number) FROM jobs WHERE ended IS NOT NULL", [], |row| row.get(0));
        assert_eq!(oldest.unwrap(), Some(9_i64));
    }

    #[test]
    fn one_client_pushes_out_its_own_jobs_alone() {
        let database = Database::in_memory().unwrap();
        let count = |client: &str| {
            let sql = "SELECT count(*) FROM jobs WHERE client = ?1 AND ended IS NOT NULL";
            database.first(sql, [client], |row| row.get::<_, i64>(0)).unwrap().unwrap() as u64
        };
        insert_jobs_of(&database, b"all", Some("early"), 5, 1);
        insert_jobs_of(&database, b"all", Some("flood"), ENDED_RECORDS_MAX, 1);
        database.forget_surplus_jobs().unwrap();
        assert_eq!((count("early"), count("flood")), (5, ENDED_RECORDS_MAX - 5));
        let large = ENDED_RECORDS_BYTES_MAX / 3 / 10;
        insert_jobs_of(&database, b"all", Some("large"), 12, large);
        database.forget_surplus_jobs().unwrap();
        assert_eq!((count("early"), count("large")), (5, 9));
    }

    #[test]
    fn the_newest_committed_uploads_of_each_owner_are_kept() {
        const SQL: &str = "WITH RECURSIVE count(at) AS (SELECT 1 UNION ALL SELECT at + 1 FROM count WHERE at < ?2)
            INSERT INTO uploads (id, owner, created, expires, durable, request, answer)
            SELECT randomblob(16), ?1, at, 9, 0, x'00', iif(at = 1, NULL, x'00') FROM count";
        let database = Database::in_memory().unwrap();
        database.execute(SQL, params![b"many", ENDED_RECORDS_MAX as i64 + 3]).unwrap();
        database.execute(SQL, params![b"few", 5]).unwrap();
        let mut created: Vec<i64> = Vec::new();
        for id in database.surplus_uploads().unwrap() {
            let of = |row: &Row<'_>| row.get::<_, i64>(0);
            created.extend(database.first("SELECT created FROM uploads WHERE id = ?1", [id.0], of).unwrap());
        }
        created.sort_unstable();
        assert_eq!(created, [2, 3]);
    }
}
