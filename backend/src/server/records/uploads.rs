//! The records of uploads.

use rusqlite::{Row, params};
use shared::wire::{Caller, Message, Stage, Upload, encode};
use shared::{Digests, JobId, Timestamp, UploadId, VPath};

use super::column::{message, signed};
use super::database::Database;
use crate::server::authority::Owner;
use crate::server::digests::upload_hasher::DigestCheckpoint;
use crate::storage::{Durability, StorageError};

/// The record of an upload.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::server) struct UploadRecord {
    /// Its id.
    pub id: UploadId,
    /// Its owner.
    pub owner: Owner,
    /// The key by which its client finds it again.
    pub key: Option<JobId>,
    /// When it began.
    pub created: Timestamp,
    /// When it is given up.
    pub expires: Timestamp,
    /// Its length in bytes, once announced.
    pub length: Option<u64>,
    /// Bytes that survive a crash.
    pub durable: u64,
    /// The digests of the first bytes, if they were computed.
    pub digests: Option<DigestCheckpoint>,
    /// The STAGE that began it, without its caller.
    pub request: Stage,
    /// The path in the storage that a COMMIT was about to give it.
    pub target: Option<Vec<u8>>,
    /// The answer to its COMMIT.
    pub answer: Option<Upload>,
}

impl UploadRecord {
    /// The record of an upload that begins.
    pub(in crate::server) fn new(
        id: UploadId,
        owner: Owner,
        mut request: Stage,
        now: Timestamp,
        expires: Timestamp,
    ) -> Self {
        request.caller = Caller::default();
        let (key, length) = (request.key, request.length);
        // A part of another upload needs no digests.
        let digests = request.target.is_some().then(DigestCheckpoint::default);
        Self { id, owner, key, created: now, expires, length, durable: 0, digests, request, target: None, answer: None }
    }

    /// True if it is the concatenation of other uploads, and takes no bytes of its own.
    pub(in crate::server) fn is_joined(&self) -> bool {
        !self.request.parts.is_empty()
    }

    /// The digests of the first `bytes` bytes, if exactly those were hashed.
    pub(in crate::server) fn digests_at(&self, bytes: u64) -> Option<&DigestCheckpoint> {
        self.digests.as_ref().filter(|digests| digests.bytes() == bytes && !self.is_joined())
    }

    /// Notes that only the first `bytes` bytes are durable.
    pub(in crate::server) fn cut_to(&mut self, bytes: u64) {
        self.durable = bytes;
        self.digests = match self.digests.take().filter(|digests| digests.bytes() == bytes) {
            None if bytes == 0 && self.request.target.is_some() => Some(DigestCheckpoint::default()),
            kept => kept,
        };
    }

    /// The upload for its client, with its digests once it is whole.
    pub(in crate::server) fn describe(&self) -> Upload {
        let whole = self.length.and_then(|length| self.digests_at(length));
        self.describe_with(whole.map(DigestCheckpoint::digests))
    }

    /// The upload for its client, with those digests.
    pub(in crate::server) fn describe_with(&self, digests: Option<Digests>) -> Upload {
        if let Some(answer) = &self.answer {
            return Upload { expires: self.expires, ..answer.clone() };
        }
        Upload {
            id: self.id,
            offset: if self.is_joined() { self.length.unwrap_or(0) } else { self.durable },
            length: self.length,
            target: self.request.target.clone(),
            metadata: self.request.metadata.clone(),
            expires: self.expires,
            entry: None,
            digests,
            replaced: false,
            trash: None,
            skipped: false,
            similar: None,
            parts: self.request.parts.clone(),
        }
    }

    /// The path that a COMMIT was about to give it.
    pub(in crate::server) fn target_path(&self) -> Option<VPath> {
        self.target.as_deref().and_then(|bytes| VPath::from_bytes(bytes).ok())
    }
}

/// The columns of an [`UploadRecord`].
const UPLOADS: &str =
    "SELECT id, owner, key, created, expires, length, durable, digests, request, target, answer FROM uploads";

fn upload(row: &Row<'_>) -> rusqlite::Result<UploadRecord> {
    let key: Option<[u8; 16]> = row.get(2)?;
    let (length, durable): (Option<i64>, i64) = (row.get(5)?, row.get(6)?);
    let digests: Option<Vec<u8>> = row.get(7)?;
    let request: Stage = message(8, &row.get::<_, Vec<u8>>(8)?)?;
    let answer: Option<Vec<u8>> = row.get(10)?;
    let durable = durable.cast_unsigned();
    let digests = match digests {
        Some(stored) => DigestCheckpoint::decode(&stored).filter(|digests| digests.bytes() == durable),
        None => (durable == 0 && request.target.is_some()).then(DigestCheckpoint::default),
    };
    Ok(UploadRecord {
        id: UploadId(row.get(0)?),
        owner: Owner(row.get(1)?),
        key: key.map(JobId),
        created: Timestamp(row.get(3)?),
        expires: Timestamp(row.get(4)?),
        length: length.map(i64::cast_unsigned),
        durable,
        digests,
        request,
        target: row.get(9)?,
        answer: answer.map(|bytes| message(10, &bytes)).transpose()?,
    })
}

impl Database {
    /// Records an upload that begins.
    pub(in crate::server) fn insert_upload(&self, upload: &UploadRecord) -> Result<(), StorageError> {
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

    /// The upload with this id.
    pub(in crate::server) fn upload(&self, id: UploadId) -> Result<Option<UploadRecord>, StorageError> {
        self.first(&format!("{UPLOADS} WHERE id = ?1"), [id.0], upload)
    }

    /// The upload that was begun with this key, and that the owner may name.
    pub(in crate::server) fn upload_by_key(
        &self,
        owner: &Owner,
        key: JobId,
    ) -> Result<Option<UploadRecord>, StorageError> {
        let begun_by = |owner: &Owner| {
            self.first(&format!("{UPLOADS} WHERE owner = ?1 AND key = ?2"), params![owner.0, key.0], upload)
        };
        match begun_by(owner)? {
            None => begun_by(&owner.without_principal()),
            found => Ok(found),
        }
    }

    /// The newest `limit` uploads of an owner, newest first.
    pub(in crate::server) fn uploads_of(&self, owner: &Owner, limit: u32) -> Result<Vec<UploadRecord>, StorageError> {
        let sql = format!("{UPLOADS} WHERE owner = ?1 ORDER BY created DESC, id LIMIT ?2");
        self.rows(&sql, params![owner.0, limit], upload)
    }

    /// The ids of all uploads.
    pub(in crate::server) fn upload_ids(&self) -> Result<Vec<UploadId>, StorageError> {
        self.rows("SELECT id FROM uploads", [], |row| row.get(0).map(UploadId))
    }

    /// The uploads that have expired at `now`.
    pub(in crate::server) fn expired_uploads(&self, now: Timestamp) -> Result<Vec<UploadId>, StorageError> {
        self.rows("SELECT id FROM uploads WHERE expires <= ?1", [now.0], |row| row.get(0).map(UploadId))
    }

    /// How many uploads are not committed yet.
    pub(in crate::server) fn unfinished_uploads(&self) -> Result<usize, StorageError> {
        let sql = "SELECT count(*) FROM uploads WHERE answer IS NULL";
        let count = self.first(sql, [], |row| row.get::<_, i64>(0))?;
        Ok(count.and_then(|count| usize::try_from(count).ok()).unwrap_or(0))
    }

    /// Records how many bytes of an upload are durable, and the digests of those bytes. With
    /// [`Durability::Relaxed`] the record may survive a crash that the bytes do not, so the digests are left out:
    /// COMMIT reads the bytes again.
    pub(in crate::server) fn set_durable(
        &self,
        id: UploadId,
        durable: u64,
        digests: Option<&DigestCheckpoint>,
        length: Option<u64>,
        expires: Timestamp,
    ) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE uploads SET durable = ?2, digests = ?3, length = ?4, expires = ?5 WHERE id = ?1";
        let digests = digests.filter(|_| self.uploads == Durability::Strict).map(DigestCheckpoint::encode);
        self.write(self.uploads, move |connection| {
            let values = params![id.0, signed(durable), digests, length.map(signed), expires.0];
            connection.prepare_cached(SQL)?.execute(values).map(drop)
        })
    }

    /// Records that an upload is about to become the file at `target`.
    pub(in crate::server) fn set_target(&self, id: UploadId, target: &[u8]) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE uploads SET target = ?2 WHERE id = ?1";
        let target = target.to_vec();
        self.write(self.uploads, move |connection| {
            connection.prepare_cached(SQL)?.execute(params![id.0, target]).map(drop)
        })
    }

    /// Replaces the STAGE of an upload.
    pub(in crate::server) fn set_request(&self, id: UploadId, request: &Stage) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE uploads SET request = ?2 WHERE id = ?1";
        let request = encode(request);
        self.write(self.uploads, move |connection| {
            connection.prepare_cached(SQL)?.execute(params![id.0, request]).map(drop)
        })
    }

    /// Records the answer to the COMMIT of an upload, until `expires`.
    pub(in crate::server) fn set_answer(
        &self,
        id: UploadId,
        answer: &impl Message,
        expires: Timestamp,
    ) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE uploads SET answer = ?2, expires = ?3, digests = NULL WHERE id = ?1";
        let answer = encode(answer);
        self.write(self.uploads, move |connection| {
            connection.prepare_cached(SQL)?.execute(params![id.0, answer, expires.0]).map(drop)
        })
    }

    /// Forgets an upload.
    pub(in crate::server) fn delete_upload(&self, id: UploadId) -> Result<(), StorageError> {
        const SQL: &str = "DELETE FROM uploads WHERE id = ?1";
        self.write(self.uploads, move |connection| connection.prepare_cached(SQL)?.execute([id.0]).map(drop))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::digests::upload_hasher::UploadHasher;
    use super::*;

    #[test]
    fn digests_are_kept_with_the_offset_that_they_cover() {
        let database = Database::in_memory().unwrap();
        let request = Stage { target: Some(VPath::parse("a").unwrap()), ..Stage::default() };
        let id = UploadId([1; 16]);
        let record = UploadRecord::new(id, Owner(Vec::new()), request, Timestamp(0), Timestamp(9));
        database.insert_upload(&record).unwrap();
        assert_eq!(database.upload(id).unwrap(), Some(record));

        let mut hasher = UploadHasher::resume(DigestCheckpoint::default());
        hasher.update(&[7; 5000]);
        let digests = hasher.checkpoint();
        let set = |durable| database.set_durable(id, durable, Some(&digests), None, Timestamp(9)).unwrap();
        set(5000);
        assert_eq!(database.upload(id).unwrap().unwrap().digests_at(5000), Some(&digests));
        set(4999);
        assert_eq!(database.upload(id).unwrap().unwrap().digests, None);
    }

    #[test]
    fn relaxed_records_have_no_digests_of_bytes_that_a_crash_may_lose() {
        let database = Database::in_memory().unwrap().keeping_uploads(Durability::Relaxed);
        let request = Stage { target: Some(VPath::parse("a").unwrap()), ..Stage::default() };
        let id = UploadId([1; 16]);
        let record = UploadRecord::new(id, Owner(Vec::new()), request, Timestamp(0), Timestamp(9));
        database.insert_upload(&record).unwrap();
        let mut hasher = UploadHasher::resume(DigestCheckpoint::default());
        hasher.update(&[7; 5000]);
        database.set_durable(id, 5000, Some(&hasher.checkpoint()), None, Timestamp(9)).unwrap();
        let read = database.upload(id).unwrap().unwrap();
        assert_eq!((read.durable, read.digests), (5000, None));
    }
}
