//! What changes leave of the reserve on a full disk.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use shared::change::{PathItem, RestoreItem};
use shared::job::Progress;
use shared::wire::{Caller, ChangeRequest, PRINCIPAL_UNKNOWN};
use shared::{
    Algorithm, Change, Checksum, Conflict, ErrorCode, JobId, JobState, Outcome, Rights, Scope, Timestamp, TrashId,
    VPath,
};

use super::database::Database;
use super::jobs::{ItemRecord, JobRecord};
use crate::reserve::{LEFT_BYTES, RESERVE_BYTES, Reserve};
use crate::server::authority::Owner;
use crate::server::keys::ServerKey;
use crate::server::peer::Peer;
use crate::storage::StorageError;
use crate::wire::Key;

/// SQLite's default, in bytes.
const PAGE_BYTES: u64 = 4096;

/// Records without room for a further page, and their reserve: what is given up of it is room.
struct FullDisk {
    records: Arc<Database>,
    held: Arc<AtomicU64>,
}

impl FullDisk {
    fn new() -> Self {
        let held = Arc::new(AtomicU64::new(0));
        let taken = Arc::clone(&held);
        let records = Arc::new_cyclic(|records: &Weak<Database>| {
            let records = Weak::clone(records);
            let resize = move |wanted: u64| {
                let before = taken.load(Ordering::Relaxed);
                let Some(records) = records.upgrade() else {
                    taken.store(wanted, Ordering::Relaxed);
                    return Ok(wanted);
                };
                if wanted < before {
                    add_pages(&records, ((before - wanted) / PAGE_BYTES) as i64);
                    taken.store(wanted, Ordering::Relaxed);
                }
                Ok(wanted.min(before))
            };
            Database::in_memory().unwrap().with_reserve(Reserve::begin(None, || None, resize))
        });
        // The limit becomes the present size.
        let disk = Self { records, held };
        disk.records.lock().unwrap().query_row("PRAGMA max_page_count = 1", [], |_| Ok(())).unwrap();
        disk
    }

    fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Records that a change of this client begins.
    fn begin(&self, client: &str, number: u32, change: Change) -> Result<JobRecord, StorageError> {
        let mut job = job(client, number, change);
        job.number = self.records.insert_job(&job, Timestamp(0))?;
        Ok(job)
    }

    /// Records a change that has changed nothing.
    fn end(&self, client: &str, number: u32, change: Change) -> Result<JobRecord, StorageError> {
        let failed = |path: &VPath| Outcome::Failed {
            code: ErrorCode::NotFound,
            path: Some(path.clone()),
            message: "not there".into(),
            incomplete: false,
        };
        let Change::Trash { items } = &change else { panic!("a change of the tests is one of the trash") };
        let outcomes = items.iter().enumerate();
        let outcomes: Vec<_> = outcomes
            .map(|(item, PathItem { path, .. })| ItemRecord { item, targets: Vec::new(), outcome: Some(failed(path)) })
            .collect();
        let job = self.begin(client, number, change)?;
        self.records.advance_job(&job, &outcomes, Some(Timestamp(1)))?;
        Ok(job)
    }

    fn is_known(&self, job: &JobRecord) -> bool {
        self.records.job_begun_by(&job.owner, job.client(), job.id).unwrap().is_some()
    }
}

fn add_pages(records: &Database, pages: i64) {
    let connection = records.lock().unwrap();
    let now: i64 = connection.query_row("PRAGMA max_page_count", [], |row| row.get(0)).unwrap();
    connection.query_row(&format!("PRAGMA max_page_count = {}", now + pages), [], |_| Ok(())).unwrap();
}

fn job(client: &str, number: u32, change: Change) -> JobRecord {
    let caller = Caller {
        scope: Scope::whole(Rights::ALL),
        principal: Some(PRINCIPAL_UNKNOWN.into()),
        client: Some(client.into()),
        ..Caller::default()
    };
    let key = Arc::new(ServerKey::gateway(Key::generate().unwrap()));
    let peer = Peer { key, data_bytes_max: 0, takes_fds: false };
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_le_bytes());
    JobRecord {
        number: 0,
        owner: Owner::of(&caller, &peer).unwrap(),
        id: JobId(id),
        state: JobState::Done,
        version: 1,
        progress: Progress::default(),
        seed: [0; 16],
        canceled: false,
        request: ChangeRequest { caller, key: JobId(id), change, wait_ms: 0 },
    }
}

/// A change of so many items, each with a path of so many names of 240 bytes.
fn trash(items: usize, names: usize) -> Change {
    let path = |item| VPath::parse(&vec![format!("{item:0240}"); names].join("/")).unwrap();
    Change::Trash { items: (0..items).map(|item| PathItem { path: path(item), if_etag: None }).collect() }
}

#[test]
fn changes_of_few_long_items_leave_half_of_the_reserve() {
    let disk = FullDisk::new();
    let refused = (0..1000).find_map(|number| disk.begin("192.0.2.1", number, trash(15, 15)).err());
    assert_eq!(refused.map(|error| error.code), Some(ErrorCode::NoSpace));
    assert_eq!(disk.held(), LEFT_BYTES);
    // Its records name paths.
    let restore = || Change::Restore {
        items: vec![RestoreItem { id: TrashId([0; 16]), to: None }; 16],
        conflict: Conflict::Fail,
    };
    let refused = (1000..2000).find_map(|number| disk.begin("192.0.2.1", number, restore()).err());
    assert_eq!(refused.map(|error| error.code), Some(ErrorCode::NoSpace));
    assert_eq!(disk.held(), LEFT_BYTES);
    // One item of the greatest length, and several short ones.
    disk.end("192.0.2.2", 0, trash(1, 16)).unwrap();
    disk.end("192.0.2.2", 1, trash(15, 1)).unwrap();
}

/// Also of changes that have changed nothing.
#[test]
fn ended_changes_make_room_for_the_next_ones_on_a_full_disk() {
    for (items, names, changes) in [(15, 1, 700), (15, 15, 100), (250, 1, 100)] {
        let disk = FullDisk::new();
        let before = disk.end("192.0.2.2", 0, trash(1, 1)).unwrap();
        let mut last = None;
        for number in 0..changes {
            last = Some(disk.end("192.0.2.1", number, trash(items, names)).unwrap());
        }
        assert!(disk.held() > LEFT_BYTES, "{items} items of {names} names: {} are left", disk.held());
        assert!(disk.is_known(&before) && disk.is_known(&last.unwrap()));
        disk.end("192.0.2.2", 1, trash(15, 1)).unwrap();
    }
}

/// They can be computed again, by clients that may only read.
#[test]
fn digests_use_no_reserve() {
    let disk = FullDisk::new();
    let sum = Checksum { algorithm: Algorithm::Sha256, digest: vec![0; 32] };
    let digests: BTreeMap<_, _> = (0..10_000_u128).map(|file| (file.to_le_bytes(), vec![sum.clone()])).collect();
    assert_eq!(disk.records.keep_digests(digests, Timestamp(0)).unwrap_err().code, ErrorCode::NoSpace);
    assert_eq!(disk.held(), RESERVE_BYTES);
}
