//! A bound on what is kept of ended jobs and uploads, for each owner, so that the records of one cannot fill the disk.

use rusqlite::Row;
use shared::UploadId;
use shared::limits::{ENDED_RECORDS_BYTES_MAX, ENDED_RECORDS_MAX};

use super::column::signed;
use super::database::Database;
use crate::storage::StorageError;

/// What the records of a job take, against its request alone: its items name their paths again.
const JOB_BYTES_PER_REQUEST_BYTE: u64 = 3;

impl Database {
    /// Forgets the oldest ended jobs of each owner that has more of them than are kept.
    pub(in crate::server) fn forget_surplus_jobs(&self) -> Result<(), StorageError> {
        const SURPLUS: &str = "SELECT number FROM (
                SELECT number, row_number() OVER newest AS place, sum(length(request)) OVER newest AS bytes
                FROM jobs WHERE ended IS NOT NULL WINDOW newest AS (PARTITION BY owner ORDER BY number DESC))
            WHERE place > ?1 OR bytes > ?2";
        let surplus = self.surplus(SURPLUS, JOB_BYTES_PER_REQUEST_BYTE, |row| row.get::<_, i64>(0))?;
        // One by one: a job may have a thousand items, and other writers wait meanwhile.
        surplus
            .into_iter()
            .try_for_each(|number| self.execute("DELETE FROM jobs WHERE number = ?1", [number]).map(drop))
    }

    /// The oldest committed uploads of each owner that has more of them than are kept.
    pub(in crate::server) fn surplus_uploads(&self) -> Result<Vec<UploadId>, StorageError> {
        const SURPLUS: &str = "SELECT id FROM (
                SELECT id, row_number() OVER newest AS place,
                    sum(length(request) + length(answer)) OVER newest AS bytes
                FROM uploads WHERE answer IS NOT NULL
                WINDOW newest AS (PARTITION BY owner ORDER BY created DESC, id))
            WHERE place > ?1 OR bytes > ?2";
        self.surplus(SURPLUS, 1, |row| row.get(0).map(UploadId))
    }

    fn surplus<T>(
        &self,
        sql: &str,
        bytes_per_counted_byte: u64,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StorageError> {
        self.rows(sql, [signed(ENDED_RECORDS_MAX), signed(ENDED_RECORDS_BYTES_MAX / bytes_per_counted_byte)], row)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::params;

    use super::*;

    /// Ended jobs of one owner with requests of so many bytes, and one that runs.
    fn insert_jobs(database: &Database, owner: &[u8], jobs: u64, bytes: u64) {
        const SQL: &str = "WITH RECURSIVE count(at) AS (SELECT 1 UNION ALL SELECT at + 1 FROM count WHERE at < ?2)
            INSERT INTO jobs (owner, id, created, ended, state, version, progress, seed, request)
            SELECT ?1, randomblob(16), 0, iif(at = 1, NULL, 5), x'', 1, x'', x'', zeroblob(?3) FROM count";
        database.execute(SQL, params![owner, jobs as i64 + 1, bytes as i64]).unwrap();
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
        insert_jobs(&database, b"large", 5, ENDED_RECORDS_BYTES_MAX / JOB_BYTES_PER_REQUEST_BYTE / 2);
        database.forget_surplus_jobs().unwrap();
        // Beside the ended ones, the one that runs.
        assert_eq!(jobs_of(&database, b"many"), ENDED_RECORDS_MAX + 1);
        assert_eq!(jobs_of(&database, b"few"), 6);
        assert_eq!(jobs_of(&database, b"large"), 3);
        let oldest = database.first("SELECT min(number) FROM jobs WHERE ended IS NOT NULL", [], |row| row.get(0));
        assert_eq!(oldest.unwrap(), Some(9_i64));
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
