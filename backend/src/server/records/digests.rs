//! The digests of files, by validator.

use std::collections::BTreeMap;

use rusqlite::params;
use shared::wire::encode;
use shared::{Algorithm, Checksum, ETag, Timestamp};

use super::column::message;
use super::database::Database;
use crate::storage::{Durability, StorageError};

impl Database {
    /// Keeps digests of files with these validators. They can be computed again, so a crash may lose them, and a
    /// full disk takes none.
    pub(super) fn keep_digests(
        &self,
        digests: BTreeMap<[u8; 16], Vec<Checksum>>,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        const SQL: &str = "INSERT OR REPLACE INTO digests (etag, algorithm, digest, used) VALUES (?1, ?2, ?3, ?4)";
        self.write_without_reserve(Durability::Relaxed, move |connection| {
            let mut statement = connection.prepare_cached(SQL)?;
            let mut each = digests.iter().flat_map(|(etag, sums)| sums.iter().map(move |sum| (etag, sum)));
            each.try_for_each(|(etag, sum)| {
                statement.execute(params![etag, encode(&sum.algorithm), sum.digest, now.0]).map(drop)
            })
        })
    }

    /// The known digests of a file with this validator.
    pub(super) fn digests(&self, etag: ETag) -> Result<Vec<Checksum>, StorageError> {
        self.rows("SELECT algorithm, digest FROM digests WHERE etag = ?1", [etag.0], |row| {
            let algorithm: Vec<u8> = row.get(0)?;
            Ok(Checksum { algorithm: message::<Algorithm>(0, &algorithm)?, digest: row.get(1)? })
        })
    }

    /// Forgets the digests from before `moment`, and the oldest of more than `most`.
    pub(super) fn forget_digests(&self, moment: Timestamp, most: u32) -> Result<(), StorageError> {
        const SQL: &str = "DELETE FROM digests WHERE used < ?1
            OR used <= (SELECT used FROM digests ORDER BY used DESC LIMIT 1 OFFSET ?2)";
        self.execute(SQL, params![moment.0, most]).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_digests_are_forgotten_first() {
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
