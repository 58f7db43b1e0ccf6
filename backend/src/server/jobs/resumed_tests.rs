//! Jobs that the previous process did not end.

use std::sync::Arc;

use shared::change::{PathItem, PathPair};
use shared::job::Progress;
use shared::wire::{Caller, ChangeRequest};
use shared::{Change, Conflict, ErrorCode, Job, JobId, JobState, Outcome, Rights, Scope, Timestamp, VPath};

use super::registry::Jobs;
use super::trash::into_trash;
use crate::server::admissions::Admissions;
use crate::server::authority::Owner;
use crate::server::config::ServerConfig;
use crate::server::kept_files::KeptFiles;
use crate::server::records::database::Database;
use crate::server::records::jobs::{ItemRecord, JobRecord};
use crate::storage::Storage;
use crate::storage::memory::MemoryStorage;

const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);

fn path(text: &str) -> VPath {
    VPath::parse(text).unwrap()
}

fn job(change: Change, entries: usize) -> JobRecord {
    let caller = Caller { scope: Scope::whole(Rights::ALL), ..Caller::default() };
    JobRecord {
        number: 0,
        owner: Owner(b"owner".to_vec()),
        id: JobId([1; 16]),
        state: JobState::Running,
        version: 1,
        progress: Progress { entries_total: entries as u64, ..Progress::default() },
        seed: [7; 16],
        canceled: false,
        request: ChangeRequest { caller, key: JobId([1; 16]), change, wait_ms: 0 },
    }
}

/// A cancelled job that moves these files to the trash, and of which nothing is journalled.
fn canceled_job(names: &[&str]) -> JobRecord {
    let items = names.iter().map(|name| PathItem { path: path(name), if_etag: None }).collect();
    JobRecord { canceled: true, ..job(Change::Trash { items }, names.len()) }
}

/// Starts again, and returns the job once it has ended.
async fn resume(storage: &Arc<MemoryStorage>, records: &Arc<Database>, number: i64) -> Job {
    let admissions = Admissions::new(&ServerConfig::default());
    let jobs = Jobs::new(storage.clone(), Some(Arc::clone(records)), Arc::new(KeptFiles::new(1 << 20)), &admissions);
    let jobs = Arc::new(jobs);
    jobs.resume().unwrap();
    let live = jobs.live_by_number().remove(&number).unwrap();
    live.wait_for(|_| false).await;
    live.describe()
}

/// The process ended between the renames of a group and the write of its outcomes, and the client cancelled.
#[tokio::test]
async fn a_cancelled_job_has_outcomes_for_what_the_previous_process_trashed() {
    let names = ["a", "b", "c", "d", "e"];
    let record = canceled_job(&names);
    let storage = Arc::new(MemoryStorage::new());
    for name in names {
        storage.add_file(name, "1").unwrap();
    }
    // Of the third item the rename failed; the fourth went under the id of an earlier version.
    let trashed = [(0, true), (1, true), (3, false)].map(|(index, in_group)| {
        let path = path(names[index]);
        let id = if in_group { record.trash_id_in_group(0, index, &path) } else { record.trash_id(index, &path) };
        storage.trash(&path, None, id, NOW).unwrap();
        id
    });

    let records = Arc::new(Database::in_memory().unwrap());
    let number = records.insert_job(&record, NOW).unwrap();
    records.cancel_job(number).unwrap();
    let job = resume(&storage, &records, number).await;
    assert_eq!(job.state, JobState::Canceled);
    let [first, second, fourth] = trashed.map(into_trash);
    assert_eq!(job.outcomes.len(), 4, "the last item was not attempted: {:?}", job.outcomes);
    assert_eq!((&job.outcomes[0], &job.outcomes[1], &job.outcomes[3]), (&first, &second, &fourth));
    let third = &job.outcomes[2];
    assert!(matches!(third, Outcome::Failed { code: ErrorCode::Canceled, incomplete: false, .. }), "{third:?}");
    let recorded: Vec<_> = records.items(number).unwrap().into_iter().filter_map(|item| item.outcome).collect();
    assert_eq!(recorded, job.outcomes);
}

/// A broken link does not tell where it leads: the one at the target is not the work of the previous process.
#[tokio::test]
async fn a_resumed_merge_replaces_broken_links_and_loses_none() {
    let items = || vec![PathPair { from: path("from"), to: path("to"), if_etag: None }];
    let changes = [
        Change::Move { items: items(), conflict: Conflict::Replace },
        Change::Copy { items: items(), conflict: Conflict::Replace },
    ];
    for change in changes {
        let storage = Arc::new(MemoryStorage::new());
        for (name, target) in [("from/link", "new"), ("to/link", "old"), ("new link", "new")] {
            storage.add_link(name, target).unwrap();
        }
        let records = Arc::new(Database::in_memory().unwrap());
        let mut record = job(change, 1);
        record.number = records.insert_job(&record, NOW).unwrap();
        record.version += 1;
        let begun = ItemRecord { item: 0, targets: vec![path("to")], outcome: None };
        records.advance_job(&record, &[begun], None).unwrap();

        let job = resume(&storage, &records, record.number).await;
        assert!(storage.is_same_link(&path("to/link"), &path("new link")).unwrap(), "{job:?}");
        let [Outcome::Done { replaced, .. }] = &job.outcomes[..] else { panic!("{job:?}") };
        assert_eq!(replaced.len(), 1, "the old link is in the trash");
    }
}
