//! The records of uploads.

use rusqlite::{Row, params};
use shared::wire::{Caller, Failure, Message, Stage, Upload, encode};
use shared::{Digests, JobId, Rights, Scope, Timestamp, UploadId, VPath};

use super::column::{message, signed};
use super::database::Database;
use crate::admission::Who;
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
    /// The client that began it, as the gateway named it. `None` with an account, without a gateway, and where an
    /// earlier version of the server began it.
    pub client: Option<String>,
    /// The key by which its client finds it again: [`Owner::key_of`] that of the STAGE.
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
    /// Where the server makes it a file by itself, if the STAGE asked for that: that of the caller which brought the last
    /// bytes.
    pub destination: Option<Destination>,
    /// The BLAKE3 digest that its last bytes or a failed COMMIT named; it replaces that of the STAGE.
    pub required: Option<Vec<u8>>,
    /// The path in the storage that a COMMIT was about to give it.
    pub target: Option<Vec<u8>>,
    /// The BLAKE3 digest of the content that a COMMIT was about to publish there. `None` also where an earlier version
    /// of the server began the COMMIT.
    pub content: Option<Vec<u8>>,
    /// Why the last attempt to make it a file failed.
    pub refused: Option<Failure>,
    /// The answer to its COMMIT.
    pub answer: Option<Upload>,
}

/// An upload that is not committed yet.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::server) struct UnfinishedUpload {
    /// Its id.
    pub id: UploadId,
    /// Its owner.
    pub owner: Owner,
    /// As [`UploadRecord::client`].
    pub client: Option<String>,
    /// Its durable bytes.
    pub durable: u64,
}

/// Where an upload becomes a file, and what its caller may do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::server) struct Destination {
    /// The path in the storage.
    pub path: VPath,
    /// The scope of the caller, within the rights of its key.
    pub scope: Scope,
}

impl Destination {
    /// The rights at the path.
    pub(in crate::server) fn rights(&self) -> Rights {
        self.scope.rights_at(&self.path)
    }
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
        let caller = std::mem::take(&mut request.caller);
        // With an account the client decides nothing, and is not recorded.
        let client = caller.client.filter(|client| owner.client(client).is_some());
        // `None` is only in records of an earlier version: a repeated STAGE may ask for it there.
        request.finish = Some(request.finish == Some(true));
        let key = request.key.map(|key| owner.key_of(client.as_deref(), key));
        let length = request.length;
        // A part of another upload needs no digests.
        let digests = request.target.is_some().then(DigestCheckpoint::default);
        Self {
            id,
            owner,
            client,
            key,
            created: now,
            expires,
            length,
            durable: 0,
            digests,
            request,
            destination: None,
            required: None,
            target: None,
            content: None,
            refused: None,
            answer: None,
        }
    }

    /// The owner of the work on it in admissions: its client for callers without an account, else the principal.
    pub(in crate::server) fn who(&self) -> Who {
        self.owner.who(self.client.as_deref())
    }

    /// True if it is the concatenation of other uploads, and takes no bytes of its own.
    pub(in crate::server) fn is_joined(&self) -> bool {
        !self.request.parts.is_empty()
    }

    /// True once all bytes are there, in the upload itself or in its parts.
    pub(in crate::server) fn is_whole(&self) -> bool {
        self.length.is_some_and(|length| self.is_joined() || self.durable == length)
    }

    /// True if the server has to make it a file now: it is whole, and no attempt has ended.
    pub(in crate::server) fn is_due(&self) -> bool {
        self.destination.is_some() && self.is_whole() && self.answer.is_none() && self.refused.is_none()
    }

    /// True if an attempt to make it a file takes as long as reading or copying all of it.
    pub(in crate::server) fn takes_reading(&self) -> bool {
        let hashed = self.length.is_some_and(|length| self.digests_at(length).is_some());
        // A COMMIT that was interrupted may have made the file.
        !hashed || self.target.is_some()
    }

    /// The BLAKE3 digest that the content must have.
    pub(in crate::server) fn wanted_blake3(&self) -> Option<&[u8]> {
        self.required.as_deref().or(self.request.blake3.as_deref())
    }

    /// The digests of the first `bytes` bytes, if exactly those were hashed and are durable in the upload itself.
    pub(in crate::server) fn digests_at(&self, bytes: u64) -> Option<&DigestCheckpoint> {
        self.digests.as_ref().filter(|digests| digests.bytes() == bytes && self.durable == bytes)
    }

    /// True if `again` is the STAGE that began it. The digest that a later request named does not count.
    pub(in crate::server) fn is_begun_by(&self, again: &Stage) -> bool {
        let mut again = Stage { caller: Caller::default(), ..again.clone() };
        if self.is_joined() && (again.length.is_none() || self.request.length.is_none()) {
            // The length follows from the parts.
            again.length = self.request.length;
        }
        again.finish = self.request.finish.map(|_| again.finish == Some(true));
        again == self.request
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
            refused: self.refused.clone(),
        }
    }

    /// The path that a COMMIT was about to give it.
    pub(in crate::server) fn target_path(&self) -> Option<VPath> {
        self.target.as_deref().and_then(|bytes| VPath::from_bytes(bytes).ok())
    }

    /// The path in the storage that its bytes were staged for; the root for an upload without a target. `None` if that
    /// path is too long.
    pub(in crate::server) fn staged_for(&self) -> Option<VPath> {
        match &self.request.target {
            Some(target) => self.owner.base().join_path(target).ok(),
            None => Some(VPath::root()),
        }
    }
}

/// The columns of an [`UploadRecord`].
const UPLOADS: &str = "SELECT id, owner, key, created, expires, length, durable, digests, request, target, answer,
    path, rights, required, content, refused, client, scope FROM uploads";

fn upload(row: &Row<'_>) -> rusqlite::Result<UploadRecord> {
    let key: Option<[u8; 16]> = row.get(2)?;
    let (length, durable): (Option<i64>, i64) = (row.get(5)?, row.get(6)?);
    let digests: Option<Vec<u8>> = row.get(7)?;
    let request: Stage = message(8, &row.get::<_, Vec<u8>>(8)?)?;
    let answer: Option<Vec<u8>> = row.get(10)?;
    let owner = Owner(row.get(1)?);
    let (path, rights): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.get(11)?, row.get(12)?);
    let scope: Option<Vec<u8>> = row.get(17)?;
    let refused: Option<Vec<u8>> = row.get(15)?;
    let durable = durable.cast_unsigned();
    let path = path.and_then(|path| VPath::from_bytes(path).ok());
    let scope = match (scope, rights) {
        (Some(bytes), _) => Some(message(17, &bytes)?),
        // Of an earlier version, in which the rights at the base were all.
        (None, Some(bytes)) => Some(Scope::below(owner.base(), message(12, &bytes)?)),
        (None, None) => None,
    };
    let destination = path.zip(scope).map(|(path, scope)| Destination { path, scope });
    let digests = match digests {
        Some(stored) => DigestCheckpoint::decode(&stored).filter(|digests| digests.bytes() == durable),
        None => (durable == 0 && request.target.is_some()).then(DigestCheckpoint::default),
    };
    Ok(UploadRecord {
        id: UploadId(row.get(0)?),
        owner,
        client: row.get(16)?,
        key: key.map(JobId),
        created: Timestamp(row.get(3)?),
        expires: Timestamp(row.get(4)?),
        length: length.map(i64::cast_unsigned),
        durable,
        digests,
        request,
        destination,
        required: row.get(13)?,
        target: row.get(9)?,
        content: row.get(14)?,
        refused: refused.map(|bytes| message(15, &bytes)).transpose()?,
        answer: answer.map(|bytes| message(10, &bytes)).transpose()?,
    })
}

/// The columns of a destination.
fn columns(destination: Option<&Destination>) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    (destination.map(|at| at.path.as_bytes().to_vec()), destination.map(|at| encode(&at.scope)))
}

impl Database {
    /// Records an upload that begins.
    pub(in crate::server) fn insert_upload(&self, upload: &UploadRecord) -> Result<(), StorageError> {
        const SQL: &str =
            "INSERT INTO uploads (id, owner, key, created, expires, length, durable, request, path, scope,
                client)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        self.check_reserve()?;
        let key = upload.key.map(|key| key.0);
        let request = encode(&upload.request);
        let (length, durable) = (upload.length.map(signed), signed(upload.durable));
        let (id, owner, created, expires) = (upload.id.0, upload.owner.0.clone(), upload.created.0, upload.expires.0);
        let (path, scope) = columns(upload.destination.as_ref());
        let client = upload.client.clone();
        self.write(self.uploads, move |connection| {
            let values = params![id, owner, key, created, expires, length, durable, request, path, scope, client];
            connection.prepare_cached(SQL)?.execute(values).map(drop)
        })
    }

    /// The upload with this id.
    pub(in crate::server) fn upload(&self, id: UploadId) -> Result<Option<UploadRecord>, StorageError> {
        self.first(&format!("{UPLOADS} WHERE id = ?1"), [id.0], upload)
    }

    /// The upload that was begun with this key by this client of the owner, or by version 0.1.0.
    pub(in crate::server) fn upload_by_key(
        &self,
        owner: &Owner,
        client: Option<&str>,
        key: JobId,
    ) -> Result<Option<UploadRecord>, StorageError> {
        let begun_by = |owner: &Owner| {
            let key = owner.key_of(client, key);
            self.first(&format!("{UPLOADS} WHERE owner = ?1 AND key = ?2"), params![owner.0, key.0], upload)
        };
        match begun_by(owner)? {
            None => begun_by(&owner.without_principal()),
            found => Ok(found),
        }
    }

    /// At most `limit` uploads of an owner: those that are no files yet, then the newest.
    pub(in crate::server) fn uploads_of(&self, owner: &Owner, limit: u32) -> Result<Vec<UploadRecord>, StorageError> {
        let sql = format!("{UPLOADS} WHERE owner = ?1 ORDER BY answer IS NOT NULL, created DESC, id LIMIT ?2");
        self.rows(&sql, params![owner.0, limit], upload)
    }

    /// The uploads that have expired at `now`.
    pub(in crate::server) fn expired_uploads(&self, now: Timestamp) -> Result<Vec<UploadId>, StorageError> {
        self.rows("SELECT id FROM uploads WHERE expires <= ?1", [now.0], |row| row.get(0).map(UploadId))
    }

    /// The uploads that are not committed yet.
    pub(in crate::server) fn unfinished_uploads(&self) -> Result<Vec<UnfinishedUpload>, StorageError> {
        let sql = "SELECT id, owner, client, durable FROM uploads WHERE answer IS NULL";
        self.rows(sql, [], |row| {
            let (id, owner, durable) = (UploadId(row.get(0)?), Owner(row.get(1)?), row.get::<_, i64>(3)?);
            Ok(UnfinishedUpload { id, owner, client: row.get(2)?, durable: durable.cast_unsigned() })
        })
    }

    /// The uploads that the server may have to make files by itself: their length is known, and no attempt has ended.
    pub(in crate::server) fn undecided_uploads(&self) -> Result<Vec<(UploadId, Owner)>, StorageError> {
        let sql = "SELECT id, owner FROM uploads
            WHERE answer IS NULL AND refused IS NULL AND path IS NOT NULL AND length IS NOT NULL";
        self.rows(sql, [], |row| Ok((UploadId(row.get(0)?), Owner(row.get(1)?))))
    }

    /// Records the progress of an upload: its durable bytes with their digests, its length, expiry, destination and
    /// required digest. With [`Durability::Relaxed`] the record may survive a crash that the bytes do not, so the
    /// digests are left out: COMMIT reads the bytes again.
    pub(in crate::server) fn set_progress(&self, upload: &UploadRecord) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE uploads SET durable = ?2, digests = ?3, length = ?4, expires = ?5, path = ?6,
            scope = ?7, required = ?8 WHERE id = ?1";
        let strict = self.uploads == Durability::Strict;
        let digests = upload.digests.as_ref().filter(|_| strict).map(DigestCheckpoint::encode);
        let (id, durable, length) = (upload.id.0, signed(upload.durable), upload.length.map(signed));
        let (expires, required) = (upload.expires.0, upload.required.clone());
        let (path, scope) = columns(upload.destination.as_ref());
        self.write(self.uploads, move |connection| {
            let values = params![id, durable, digests, length, expires, path, scope, required];
            connection.prepare_cached(SQL)?.execute(values).map(drop)
        })
    }

    /// Records that an upload is about to become the file at `target`, whose content has the BLAKE3 digest `content`; or
    /// that it is not.
    pub(in crate::server) fn set_target(
        &self,
        id: UploadId,
        target: Option<&[u8]>,
        content: Option<&[u8]>,
    ) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE uploads SET target = ?2, content = ?3 WHERE id = ?1";
        let (target, content) = (target.map(<[u8]>::to_vec), content.map(<[u8]>::to_vec));
        self.write(self.uploads, move |connection| {
            connection.prepare_cached(SQL)?.execute(params![id.0, target, content]).map(drop)
        })
    }

    /// Records why an upload did not become a file, and the digest that is required from now on.
    pub(in crate::server) fn set_refused(
        &self,
        id: UploadId,
        refused: Option<&Failure>,
        required: Option<&[u8]>,
    ) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE uploads SET refused = ?2, required = ?3 WHERE id = ?1";
        let (refused, required) = (refused.map(encode), required.map(<[u8]>::to_vec));
        self.write(self.uploads, move |connection| {
            connection.prepare_cached(SQL)?.execute(params![id.0, refused, required]).map(drop)
        })
    }

    /// Records the answer to the COMMIT of an upload, until `expires`.
    pub(in crate::server) fn set_answer(
        &self,
        id: UploadId,
        owner: &Owner,
        answer: &impl Message,
        expires: Timestamp,
    ) -> Result<(), StorageError> {
        const SQL: &str = "UPDATE uploads SET answer = ?2, expires = ?3, digests = NULL, refused = NULL WHERE id = ?1";
        let answer = encode(answer);
        self.write(self.uploads, move |connection| {
            connection.prepare_cached(SQL)?.execute(params![id.0, answer, expires.0]).map(drop)
        })?;
        self.ended_uploads.add(owner);
        Ok(())
    }

    /// Forgets an upload.
    pub(in crate::server) fn delete_upload(&self, id: UploadId) -> Result<(), StorageError> {
        const SQL: &str = "DELETE FROM uploads WHERE id = ?1";
        self.write(self.uploads, move |connection| connection.prepare_cached(SQL)?.execute([id.0]).map(drop))
    }
}

#[cfg(test)]
mod tests {
    use shared::Grant;
    use shared::wire::PRINCIPAL_UNKNOWN;

    use super::super::super::digests::upload_hasher::UploadHasher;
    use super::*;

    #[test]
    fn an_upload_takes_the_share_of_the_client_that_began_it() {
        let database = Database::in_memory().unwrap();
        let caller = Caller { client: Some("192.0.2.1".into()), ..Caller::default() };
        let request = Stage { caller, ..Stage::default() };
        let check = |number, owner: &[u8], expected, client: Option<&str>| {
            let (id, owner) = (UploadId([number; 16]), Owner(owner.to_vec()));
            let record = UploadRecord::new(id, owner, request.clone(), Timestamp(0), Timestamp(9));
            database.insert_upload(&record).unwrap();
            let read = database.upload(id).unwrap().unwrap();
            assert_eq!((record.who(), read.who(), read.client.as_deref()), (expected, expected, client));
            let unfinished = database.unfinished_uploads().unwrap();
            assert_eq!(unfinished.iter().find(|upload| upload.id == id).unwrap().client.as_deref(), client);
            assert!(read.is_begun_by(&Stage::default()));
        };
        check(1, format!("\x01{PRINCIPAL_UNKNOWN}\0docs").as_bytes(), Who::client("192.0.2.1"), Some("192.0.2.1"));
        check(2, b"\x01ada\0docs", Who::principal(b"ada"), None);
    }

    #[test]
    fn a_destination_is_read_back_also_that_of_an_earlier_version() {
        let database = Database::in_memory().unwrap();
        let path = |text| VPath::parse(text).unwrap();
        let grants = vec![Grant { at: path("a"), rights: Rights::ADD }, Grant { at: path("b"), rights: Rights::READ }];
        let scope = Scope { base: VPath::root(), grants };
        let destination = Some(Destination { path: path("a/file"), scope });
        let id = UploadId([1; 16]);
        let record =
            UploadRecord::new(id, Owner(b"\x01ada\0docs".to_vec()), Stage::default(), Timestamp(0), Timestamp(9));
        let record = UploadRecord { destination, ..record };
        database.insert_upload(&record).unwrap();
        assert_eq!(database.upload(id).unwrap(), Some(record.clone()));

        let sql = "UPDATE uploads SET rights = ?2, scope = NULL WHERE id = ?1";
        let rights = encode(&Rights::ADD);
        database
            .write(Durability::Strict, move |connection| connection.execute(sql, params![id.0, rights]).map(drop))
            .unwrap();
        let earlier = database.upload(id).unwrap().unwrap().destination.unwrap();
        assert_eq!(earlier.scope, Scope::below(path("docs"), Rights::ADD));
    }

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
        let begun = database.upload(id).unwrap().unwrap();
        let set = |durable| {
            let progress = UploadRecord { durable, digests: Some(digests.clone()), ..begun.clone() };
            database.set_progress(&progress).unwrap();
        };
        set(5000);
        assert_eq!(database.upload(id).unwrap().unwrap().digests_at(5000), Some(&digests));
        set(4999);
        assert_eq!(database.upload(id).unwrap().unwrap().digests, None);
    }

    #[test]
    fn a_list_of_uploads_begins_with_those_that_are_no_files() {
        let database = Database::in_memory().unwrap();
        for number in 1..=4_u8 {
            let (id, created) = (UploadId([number; 16]), Timestamp(number.into()));
            let record = UploadRecord::new(id, Owner(Vec::new()), Stage::default(), created, Timestamp(9));
            database.insert_upload(&record).unwrap();
            if number > 2 {
                database.set_answer(id, &record.owner, &record.describe(), Timestamp(9)).unwrap();
            }
        }
        let listed = |limit| -> Vec<u8> {
            let uploads = database.uploads_of(&Owner(Vec::new()), limit).unwrap();
            uploads.iter().map(|upload| upload.id.0[0]).collect()
        };
        assert_eq!(listed(9), [2, 1, 4, 3]);
        assert_eq!(listed(3), [2, 1, 4]);
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
        let begun = database.upload(id).unwrap().unwrap();
        let progress = UploadRecord { durable: 5000, digests: Some(hasher.checkpoint()), ..begun };
        database.set_progress(&progress).unwrap();
        let read = database.upload(id).unwrap().unwrap();
        assert_eq!((read.durable, read.digests), (5000, None));
    }
}
