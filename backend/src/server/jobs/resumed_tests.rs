//! Jobs that the previous process did not end.

use std::sync::Arc;

use shared::change::PathItem;
use shared::job::Progress;
use shared::wire::{Caller, ChangeRequest};
use shared::{Change, ErrorCode, JobId, JobState, Outcome, Rights, Scope, Timestamp, VPath};

use super::registry::Jobs;
use super::trash::into_trash;
use crate::server::admissions::Admissions;
use crate::server::authority::Owner;
use crate::server::config::ServerConfig;
use crate::server::kept_files::KeptFiles;
use crate::server::records::database::Database;
use crate::server::records::jobs::JobRecord;
use crate::storage::Storage;
use crate::storage::memory::MemoryStorage;

const NOW: Timestamp = Timestamp(1_700_000_000_000_000_000);

fn path(text: &str) -> VPath {
    VPath::parse(text).unwrap()
}

/// A cancelled job that moves these files to the trash, and of which nothing is journalled.
fn canceled_job(names: &[&str]) -> JobRecord {
    let items = names.iter().map(|name| PathItem { path: path(name), if_etag: None }).collect();
    let caller = Caller { scope: Scope::whole(Rights::ALL), ..Caller::default() };
    JobRecord {
        number: 0,
        owner: Owner(b"owner".to_vec()),
        id: JobId([1; 16]),
        state: JobState::Running,
        version: 1,
        progress: Progress { entries_total: names.len() as u64, ..Progress::default() },
        seed: [7; 16],
        canceled: true,
        request: ChangeRequest { caller, key: JobId([1; 16]), change: Change::Trash { items }, wait_ms: 0 },
    }
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
    let admissions = Admissions::new(&ServerConfig::default());
    let jobs = Jobs::new(storage.clone(), Some(Arc::clone(&records)), Arc::new(KeptFiles::new(0)), &admissions);
    let jobs = Arc::new(jobs);
    jobs.resume().unwrap();
    let live = jobs.live_by_number().remove(&number).unwrap();
    live.wait_for(|_| false).await;

    let job = live.describe();
    assert_eq!(job.state, JobState::Canceled);
    let [first, second, fourth] = trashed.map(into_trash);
    assert_eq!(job.outcomes.len(), 4, "the last item was not attempted: {:?}", job.outcomes);
    assert_eq!((&job.outcomes[0], &job.outcomes[1], &job.outcomes[3]), (&first, &second, &fourth));
    let third = &job.outcomes[2];
    assert!(matches!(third, Outcome::Failed { code: ErrorCode::Canceled, incomplete: false, .. }), "{third:?}");
    let recorded: Vec<_> = records.items(number).unwrap().into_iter().filter_map(|item| item.outcome).collect();
    assert_eq!(recorded, job.outcomes);
}
