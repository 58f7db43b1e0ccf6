//! The records of jobs and of their items.

use std::collections::BTreeMap;

use rusqlite::{Row, params};
use shared::job::Progress;
use shared::limits::PATH_BYTES_MAX;
use shared::wire::{ChangeRequest, encode, encoded_length};
use shared::{Change, Job, JobId, JobState, Outcome, Timestamp, TrashId, VPath};

use super::column::{message, signed};
use super::database::Database;
use super::error::storage_error;
use crate::reserve::{LEFT_BYTES, ROOM_MAKING_BYTES};
use crate::server::authority::Owner;
use crate::storage::{Durability, StorageError, TrashGroup};

/// The record of a job.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::server) struct JobRecord {
    /// Its number, in the order in which jobs begin; 0 before it is recorded.
    pub number: i64,
    /// Its owner.
    pub owner: Owner,
    /// The key of its request.
    pub id: JobId,
    /// Its state.
    pub state: JobState,
    /// Counts up with each step.
    pub version: u64,
    /// Its progress.
    pub progress: Progress,
    /// The ids of its items in the trash are derived from this.
    pub seed: [u8; 16],
    /// Its client cancelled it.
    pub canceled: bool,
    /// Its request, with the scope of its caller at the time.
    pub request: ChangeRequest,
}

/// The record of an item of a job.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::server) struct ItemRecord {
    /// Its index in the request.
    pub item: usize,
    /// The paths in the storage that it was about to give, in their order.
    pub targets: Vec<VPath>,
    /// Its outcome; `None` until it has ended.
    pub outcome: Option<Outcome>,
}

impl JobRecord {
    /// The client that began it, of a caller without an account.
    pub(in crate::server) fn client(&self) -> Option<&str> {
        self.request.caller.client.as_deref().filter(|client| self.owner.client(client).is_some())
    }

    /// The job for its client, without outcomes.
    pub(in crate::server) fn describe(&self) -> Job {
        let Self { id, state, version, progress, .. } = self;
        Job { id: *id, state: *state, version: *version, progress: *progress, outcomes: Vec::new() }
    }

    /// The id under which item number `item` puts the entry at `path` into the trash. It is derived from a secret seed:
    /// a process after a restart finds the entry again, and others cannot guess the id.
    pub(in crate::server) fn trash_id(&self, item: usize, path: &VPath) -> TrashId {
        let mut hash = blake3::Hasher::new_derive_key("passerelle 2026 trash id");
        hash.update(&self.seed).update(&(item as u64).to_le_bytes()).update(path.as_bytes());
        let mut id = [0; 16];
        hash.finalize_xof().fill(&mut id);
        TrashId(id)
    }

    /// [`JobRecord::trash_id`] for an entry that goes to the trash together with those from item number `first` on.
    pub(in crate::server) fn trash_id_in_group(&self, first: usize, item: usize, path: &VPath) -> TrashId {
        let mut hash = blake3::Hasher::new_derive_key("passerelle 2026 trash group");
        hash.update(&self.seed).update(&(first as u64).to_le_bytes());
        let mut group = [0; 8];
        hash.finalize_xof().fill(&mut group);
        TrashGroup::from(u64::from_le_bytes(group)).id(self.trash_id(item, path))
    }
}

/// A part of an [`ItemRecord`] in a column, as an array: its number, one of its targets, its outcome.
type WrittenItem = (u64, Option<VPath>, Option<Outcome>);

/// The columns of a [`JobRecord`].
const JOBS: &str = "SELECT number, owner, state, version, progress, seed, canceled, request FROM jobs";

fn job(row: &Row<'_>) -> rusqlite::Result<JobRecord> {
    JobRow::read(row)?.decode()
}

/// A row of [`JOBS`] whose messages are not decoded.
struct JobRow {
    number: i64,
    owner: Vec<u8>,
    state: Vec<u8>,
    version: i64,
    progress: Vec<u8>,
    seed: [u8; 16],
    canceled: bool,
    request: Vec<u8>,
}

impl JobRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get(0)?,
            owner: row.get(1)?,
            state: row.get(2)?,
            version: row.get(3)?,
            progress: row.get(4)?,
            seed: row.get(5)?,
            canceled: row.get(6)?,
            request: row.get(7)?,
        })
    }

    fn decode(self) -> rusqlite::Result<JobRecord> {
        let request: ChangeRequest = message(7, &self.request)?;
        Ok(JobRecord {
            number: self.number,
            owner: Owner(self.owner),
            id: request.key,
            state: message::<JobState>(2, &self.state)?,
            version: self.version.cast_unsigned(),
            progress: message::<Progress>(4, &self.progress)?,
            seed: self.seed,
            canceled: self.canceled,
            request,
        })
    }
}

/// A row of `steps`.
fn step(row: &Row<'_>) -> rusqlite::Result<WrittenItem> {
    let (item, target, outcome): (i64, Option<Vec<u8>>, Option<Vec<u8>>) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let target = target.and_then(|bytes| VPath::from_bytes(bytes).ok());
    let outcome = outcome.map(|bytes| message::<Outcome>(2, &bytes)).transpose()?;
    Ok((item.cast_unsigned(), target, outcome))
}

/// The column with these items, as an array of [`WrittenItem`].
fn encode_items(items: &[ItemRecord]) -> Vec<u8> {
    let mut written = Vec::with_capacity(items.len());
    for ItemRecord { item, targets, outcome } in items {
        let number = *item as u64;
        written.extend(targets.iter().map(|target| (number, Some(target), None)));
        match outcome {
            None if !targets.is_empty() => {}
            outcome => written.push((number, None, outcome.as_ref())),
        }
    }
    encode(&written)
}

/// Most items of a small change, where it has several.
const FEW_ITEMS: usize = 16;
/// Most bytes of a small change of several items: their paths come again in the records of the items.
const FEW_BYTES: usize = 4 << 10;

/// Bytes of the reserve that the records of a change leave to other records.
fn floor(change: &Change) -> u64 {
    if is_small(change) { ROOM_MAKING_BYTES } else { LEFT_BYTES }
}

/// True for a change whose records take some kilobytes. One of a single item is small however long its path is, because
/// each entry can be deleted alone.
fn is_small(change: &Change) -> bool {
    let bytes = || match change {
        // The records name the paths of the items, which the request does not have.
        Change::Restore { items, .. } => items.len() * PATH_BYTES_MAX,
        _ => encoded_length(change),
    };
    change.len() <= 1 || change.len() <= FEW_ITEMS && bytes() <= FEW_BYTES
}

/// True for a change that needs more space than its records take. A change that frees space, and its reversal, may use
/// the reserve for those.
fn takes_space(change: &Change) -> bool {
    matches!(change, Change::MakeFolder { .. } | Change::Copy { .. })
}

impl Database {
    /// Records a job that begins, and gives its number.
    pub(in crate::server) fn insert_job(&self, job: &JobRecord, now: Timestamp) -> Result<i64, StorageError> {
        const SQL: &str = "INSERT INTO jobs (owner, id, created, state, version, progress, seed, request, client, key)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        if takes_space(&job.request.change) {
            self.check_reserve()?;
        } else if !is_small(&job.request.change) {
            self.check_half_of_reserve()?;
        }
        self.make_room_for_job(&job.owner);
        let (state, progress, request) = (encode(&job.state), encode(&job.progress), encode(&job.request));
        let (client, id) = (job.client(), job.owner.key_of(job.client(), job.id));
        let key = client.map(|_| job.id.0);
        let (owner, version) = (&job.owner.0, signed(job.version));
        let values = params![owner, id.0, now.0, state, version, progress, job.seed, request, client, key];
        self.with_space(floor(&job.request.change), || {
            let connection = self.writable()?;
            connection.execute(SQL, values).map_err(storage_error)?;
            Ok(connection.last_insert_rowid())
        })
    }

    /// The job that this client of the owner, or version 0.1.0, began with this key.
    pub(in crate::server) fn job_begun_by(
        &self,
        owner: &Owner,
        client: Option<&str>,
        key: JobId,
    ) -> Result<Option<JobRecord>, StorageError> {
        let begun_by = |owner: &Owner| {
            let id = owner.key_of(client, key);
            self.first_job(&format!("{JOBS} WHERE owner = ?1 AND id = ?2"), params![owner.0, id.0])
        };
        match begun_by(owner)? {
            None => begun_by(&owner.without_principal()),
            found => Ok(found),
        }
    }

    /// The job with this id that the owner may name: that of its client, or else the newest one of another client.
    pub(in crate::server) fn job_named_by(
        &self,
        owner: &Owner,
        client: Option<&str>,
        id: JobId,
    ) -> Result<Option<JobRecord>, StorageError> {
        let of_others = format!("{JOBS} WHERE owner = ?1 AND (id = ?2 OR key = ?2) ORDER BY number DESC LIMIT 1");
        match self.job_begun_by(owner, client, id)? {
            None => self.first_job(&of_others, params![owner.0, id.0]),
            found => Ok(found),
        }
    }

    /// What `describe` makes of at most `limit` jobs of an owner: those that have not ended, then the newest. An owner may
    /// have many with long changes, so one at a time is in memory, and the records are locked only to read its row.
    pub(in crate::server) fn describe_jobs_of<T>(
        &self,
        owner: &Owner,
        limit: usize,
        describe: impl Fn(JobRecord) -> Option<T>,
    ) -> Result<Vec<T>, StorageError> {
        let numbers = "SELECT number FROM jobs WHERE owner = ?1 ORDER BY ended IS NOT NULL, number DESC";
        let mut found = Vec::new();
        for number in self.rows(numbers, [&owner.0], |row| row.get::<_, i64>(0))? {
            if found.len() == limit {
                break;
            }
            let job = self.first_job(&format!("{JOBS} WHERE number = ?1"), [number])?;
            found.extend(job.and_then(&describe));
        }
        Ok(found)
    }

    /// The jobs that have not ended, oldest first.
    pub(in crate::server) fn running_jobs(&self) -> Result<Vec<JobRecord>, StorageError> {
        self.rows(&format!("{JOBS} WHERE ended IS NULL ORDER BY number"), [], job)
    }

    /// The first job of a query on [`JOBS`]. Its messages, which may be long, are decoded while the records are unlocked.
    fn first_job(&self, sql: &str, values: impl rusqlite::Params) -> Result<Option<JobRecord>, StorageError> {
        let row = self.first(sql, values, JobRow::read)?;
        row.map(JobRow::decode).transpose().map_err(storage_error)
    }

    /// The records of a job's items, in order. They are decoded while the records are unlocked.
    pub(in crate::server) fn items(&self, number: i64) -> Result<Vec<ItemRecord>, StorageError> {
        const RECORDS: &str = "SELECT records FROM item_records WHERE job = ?1 ORDER BY version";
        // An earlier version of the server wrote these.
        let mut written = self.rows("SELECT item, target, outcome FROM steps WHERE job = ?1", [number], step)?;
        for records in self.rows(RECORDS, [number], |row| row.get::<_, Vec<u8>>(0))? {
            written.extend(message::<Vec<WrittenItem>>(0, &records).map_err(storage_error)?);
        }
        let mut items = BTreeMap::<u64, ItemRecord>::new();
        for (number, target, outcome) in written {
            let item = usize::try_from(number).unwrap_or(usize::MAX);
            let record = items.entry(number).or_insert(ItemRecord { item, targets: Vec::new(), outcome: None });
            record.targets.extend(target);
            record.outcome = outcome.or(record.outcome.take());
        }
        Ok(items.into_values().collect())
    }

    /// Records the next step of a job, all or nothing: outcomes, items that begin, its progress, and with `ended` its
    /// end.
    ///
    /// # Errors
    /// [`shared::ErrorCode::NoSpace`] on a full disk without a part of the reserve for it; [`shared::ErrorCode::Io`].
    pub(in crate::server) fn advance_job(
        &self,
        job: &JobRecord,
        items: &[ItemRecord],
        ended: Option<Timestamp>,
    ) -> Result<(), StorageError> {
        const ITEMS: &str = "INSERT OR REPLACE INTO item_records (job, version, records) VALUES (?1, ?2, ?3)";
        const JOB: &str = "UPDATE jobs SET version = ?2, progress = ?3, state = ?4, ended = ?5 WHERE number = ?1";
        let (number, version, progress, state) =
            (job.number, signed(job.version), encode(&job.progress), encode(&job.state));
        let records = encode_items(items);
        let (ended, writes_items) = (ended.map(|moment| moment.0), !items.is_empty());
        self.write_leaving(floor(&job.request.change), Durability::Strict, move |connection| {
            if writes_items {
                connection.prepare_cached(ITEMS)?.execute(params![number, version, records])?;
            }
            connection.prepare_cached(JOB)?.execute(params![number, version, progress, state, ended]).map(drop)
        })?;
        if ended.is_some() {
            self.ended_jobs.add(&job.owner);
        }
        Ok(())
    }

    /// Records that a client cancelled its job.
    pub(in crate::server) fn cancel_job(&self, number: i64) -> Result<(), StorageError> {
        self.execute("UPDATE jobs SET canceled = 1 WHERE number = ?1", [number]).map(drop)
    }

    /// Forgets the jobs that ended before `moment`.
    pub(in crate::server) fn forget_jobs(&self, moment: Timestamp) -> Result<(), StorageError> {
        self.execute("DELETE FROM jobs WHERE ended < ?1", [moment.0]).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use shared::wire::Caller;

    use super::*;

    fn record(id: u8, change: Change) -> JobRecord {
        let id = JobId([id; 16]);
        JobRecord {
            number: 0,
            owner: Owner(Vec::new()),
            id,
            state: JobState::Running,
            version: 1,
            progress: Progress::default(),
            seed: [0; 16],
            canceled: false,
            request: ChangeRequest { caller: Caller::default(), key: id, change, wait_ms: 0 },
        }
    }

    #[test]
    fn a_list_of_jobs_begins_with_those_that_have_not_ended() {
        let database = Database::in_memory().unwrap();
        let making = || Change::MakeFolder { paths: Vec::new(), existing_ok: true };
        let insert = |id, change, ended: bool| {
            let mut job = record(id, change);
            job.number = database.insert_job(&job, Timestamp(0)).unwrap();
            database.advance_job(&job, &[], ended.then_some(Timestamp(1))).unwrap();
        };
        insert(1, making(), false);
        insert(2, Change::Trash { items: Vec::new() }, true);
        insert(3, making(), false);
        insert(4, making(), true);
        insert(5, making(), true);
        let listed = |limit, allowed: fn(&Change) -> bool| -> Vec<u8> {
            let first_byte = |job: JobRecord| allowed(&job.request.change).then_some(job.id.0[0]);
            database.describe_jobs_of(&Owner(Vec::new()), limit, first_byte).unwrap()
        };
        assert_eq!(listed(9, |_| true), [3, 1, 5, 4, 2]);
        assert_eq!(listed(3, |_| true), [3, 1, 5]);
        assert_eq!(listed(1, |change| matches!(change, Change::Trash { .. })), [2]);
        assert!(database.describe_jobs_of(&Owner(b"other".to_vec()), 9, Some).unwrap().is_empty());
    }

    #[test]
    fn later_records_of_an_item_add_to_earlier_ones() {
        let records = Database::in_memory().unwrap();
        let mut job = record(1, Change::Purge { ids: None });
        job.number = records.insert_job(&job, Timestamp(0)).unwrap();
        // An earlier version of the server has begun two items.
        let step = "INSERT INTO steps (job, item, target) VALUES (?1, ?2, ?3)";
        records.execute(step, params![job.number, 0, b"a"]).unwrap();
        records.execute(step, params![job.number, 3, b"d"]).unwrap();
        let paths = |texts: &[&str]| texts.iter().map(|text| VPath::parse(text).unwrap()).collect();
        let begun = |item, targets: &[&str]| ItemRecord { item, targets: paths(targets), outcome: None };
        let done = |item| ItemRecord { item, targets: Vec::new(), outcome: Some(Outcome::Skipped) };
        let mut write = |items: &[ItemRecord]| {
            job.version += 1;
            // What a call has written although it failed is written once.
            (0..2).for_each(|_| records.advance_job(&job, items, None).unwrap());
        };
        write(&[done(0), begun(1, &["b"]), begun(2, &["c", "c (2)"]), begun(4, &[])]);
        write(&[done(1)]);
        write(&[begun(2, &["c (3)"])]);
        let expected = [
            ItemRecord { targets: paths(&["a"]), ..done(0) },
            ItemRecord { targets: paths(&["b"]), ..done(1) },
            begun(2, &["c", "c (2)", "c (3)"]),
            begun(3, &["d"]),
            begun(4, &[]),
        ];
        assert_eq!(records.items(job.number).unwrap(), expected);
    }
}
