//! Whose jobs run and wait.

use std::sync::Arc;
use std::time::Duration;

use shared::change::PathPair;
use shared::limits::{JOBS_OF_ONE_MAX, LONG_JOBS_AT_A_TIME_MAX, SHORT_JOB_TURN_TIME, SHORT_JOBS_AT_A_TIME_MAX};
use shared::wire::{Caller, ChangeRequest};
use shared::{Change, Conflict, ErrorCode, JobId, JobState, Rights, Scope, VPath};

use super::live_job::LiveJob;
use super::registry::{Jobs, Named};
use crate::admission::Who;
use crate::server::admissions::Admissions;
use crate::server::authority::Owner;
use crate::server::config::ServerConfig;
use crate::server::error::RequestError;
use crate::server::exchange::effect::EffectGate;
use crate::server::kept_files::KeptFiles;
use crate::server::keys::ServerKey;
use crate::server::peer::Peer;
use crate::server::records::database::Database;
use crate::storage::Storage;
use crate::storage::memory::MemoryStorage;
use crate::wire::Key;

pub(super) fn path(text: &str) -> VPath {
    VPath::parse(text).unwrap()
}

pub(super) struct Fixture {
    admissions: Admissions,
    pub(super) jobs: Arc<Jobs>,
    peer: Peer,
}

impl Fixture {
    fn new() -> Self {
        Self::with_turns(SHORT_JOB_TURN_TIME)
    }

    /// Jobs of short items keep their turn for `turn_time`.
    fn with_turns(turn_time: Duration) -> Self {
        let storage = MemoryStorage::new();
        storage.add_file("a", "1").unwrap();
        storage.add_file("tree/in/b", "1").unwrap();
        Self::with_all(Arc::new(storage), Arc::new(Database::in_memory().unwrap()), turn_time)
    }

    /// The jobs of a server over this storage, with these records.
    pub(super) fn with(storage: Arc<dyn Storage>, records: Arc<Database>) -> Self {
        Self::with_all(storage, records, SHORT_JOB_TURN_TIME)
    }

    fn with_all(storage: Arc<dyn Storage>, records: Arc<Database>, turn_time: Duration) -> Self {
        let admissions = Admissions::new(&ServerConfig::default());
        let mut jobs = Jobs::new(storage, Some(records), Arc::new(KeptFiles::new(0)), &admissions);
        jobs.turn_time = turn_time;
        let key = ServerKey::gateway(Key::generate().unwrap());
        let peer = Peer { key: Arc::new(key), data_bytes_max: 0, takes_fds: false };
        Self { admissions, jobs: Arc::new(jobs), peer }
    }

    pub(super) fn begin(&self, client: &str, number: u32, change: Change) -> Result<(Owner, JobId), ErrorCode> {
        let scope = Scope::whole(Rights::ALL);
        let caller = Caller { scope, client: Some(client.into()), ..Caller::default() };
        let owner = Owner::of(&caller, &self.peer)?;
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_le_bytes());
        let key = JobId(id);
        let request = ChangeRequest { caller, key, change, wait_ms: 0 };
        match self.jobs.begin(owner.clone(), request, &EffectGate::default()) {
            Ok(()) => Ok((owner, key)),
            Err(RequestError::Failed(failure)) => {
                assert!(failure.retry_after_ms.is_some(), "{}", failure.message);
                Err(failure.code)
            }
            Err(RequestError::Connection(error)) => panic!("{error}"),
        }
    }

    pub(super) fn live(&self, owner: &Owner, client: &str, key: JobId) -> Arc<LiveJob> {
        match self.jobs.named(owner, Some(client), key).unwrap() {
            Named::Live(live) => live,
            Named::Ended(record) => panic!("{:?}", record.describe()),
        }
    }

    async fn ends(&self, client: &str, number: u32, change: Change) {
        let (owner, key) = self.begin(client, number, change).unwrap();
        if let Ok(Named::Live(live)) = self.jobs.named(&owner, Some(client), key) {
            tokio::time::timeout(Duration::from_secs(60), live.wait_for(|_| false)).await.unwrap();
            assert_eq!(live.describe().state, JobState::Done);
        }
    }
}

pub(super) fn pairs(from: &str, to: &str) -> Vec<PathPair> {
    vec![PathPair { from: path(from), to: path(to), if_etag: None }]
}

fn copy(to: u32) -> Change {
    Change::Copy { items: pairs("a", &format!("copy {to}").replace(' ', "%20")), conflict: Conflict::Fail }
}

#[tokio::test]
async fn changes_of_one_step_do_not_wait_behind_copies() {
    let fixture = Fixture::new();
    let _running = fixture.admissions.long_jobs.hold(Who::client("192.0.2.1"), LONG_JOBS_AT_A_TIME_MAX);
    let (owner, waits) = fixture.begin("192.0.2.1", 0, copy(0)).unwrap();
    fixture.ends("192.0.2.1", 1, Change::MakeFolder { paths: vec![path("new")], existing_ok: false }).await;
    let renamed = Change::Move { items: pairs("tree", "new/tree"), conflict: Conflict::Fail };
    fixture.ends("192.0.2.1", 2, renamed).await;
    assert_eq!(fixture.live(&owner, "192.0.2.1", waits).describe().state, JobState::Running);
    // A job that waits for its turn ends at once when it is cancelled.
    let live = fixture.live(&owner, "192.0.2.1", waits);
    live.cancelled.cancel();
    live.wait_for(|_| false).await;
    assert_eq!(live.describe().state, JobState::Canceled);
}

/// New folders with many missing parents take long, one by one.
#[tokio::test]
async fn a_change_of_many_items_waits_between_them_for_changes_of_other_clients() {
    let fixture = Fixture::with_turns(Duration::ZERO);
    // One place is left.
    let others = (0..SHORT_JOBS_AT_A_TIME_MAX - 1).map(|number| format!("198.51.100.{number}"));
    let _running: Vec<_> =
        others.map(|other| fixture.admissions.short_jobs.try_take(Who::client(&other), 1).unwrap()).collect();
    let paths = (0..1000).map(|number| path(&format!("f{number}"))).collect();
    let many = Change::MakeFolder { paths, existing_ok: false };
    let (owner, key) = fixture.begin("192.0.2.1", 1, many).unwrap();
    let live = fixture.live(&owner, "192.0.2.1", key);
    fixture.ends("192.0.2.2", 2, Change::MakeFolder { paths: vec![path("new")], existing_ok: false }).await;
    assert!(live.status.borrow().outcomes.len() < 1000);
    live.wait_for(|_| false).await;
    let job = live.describe();
    assert_eq!((job.state, job.outcomes.len()), (JobState::Done, 1000));
}

/// A key may be that of several clients without an account.
#[tokio::test]
async fn an_ended_job_is_that_of_its_client_while_one_of_another_client_runs() {
    let (fixture, one, other) = (Fixture::new(), "192.0.2.1", "192.0.2.2");
    let _running = fixture.admissions.long_jobs.hold(Who::client(other), LONG_JOBS_AT_A_TIME_MAX);
    fixture.ends(one, 1, Change::MakeFolder { paths: vec![path("new")], existing_ok: false }).await;
    let (owner, key) = fixture.begin(other, 1, copy(1)).unwrap();
    let change = |client: &str| match fixture.jobs.named(&owner, Some(client), key).unwrap() {
        Named::Live(live) => live.change.clone(),
        Named::Ended(record) => record.request.change,
    };
    assert!(matches!(change(one), Change::MakeFolder { .. }));
    for client in [other, "192.0.2.3"] {
        assert!(matches!(change(client), Change::Copy { .. }), "{client}");
    }
    fixture.jobs.stop().await;
}

#[tokio::test]
async fn a_move_that_merges_folders_waits_for_its_turn_among_the_copies() {
    let fixture = Fixture::new();
    let running = fixture.admissions.long_jobs.hold(Who::client("192.0.2.1"), LONG_JOBS_AT_A_TIME_MAX);
    fixture.ends("192.0.2.1", 1, Change::MakeFolder { paths: vec![path("other/in")], existing_ok: false }).await;
    let merge = Change::Move { items: pairs("tree", "other"), conflict: Conflict::Replace };
    let (owner, id) = fixture.begin("192.0.2.1", 2, merge).unwrap();
    let delete = vec![shared::change::PathItem { path: path("a"), if_etag: None }];
    fixture.ends("192.0.2.1", 3, Change::Delete { items: delete }).await;
    let live = fixture.live(&owner, "192.0.2.1", id);
    assert_eq!(live.describe().state, JobState::Running);
    drop(running);
    live.wait_for(|_| false).await;
    let job = live.describe();
    assert!(matches!(job.outcomes[..], [shared::Outcome::Done { .. }]), "{job:?}");
    assert_eq!(fixture.jobs.storage.stat(&path("other/in/b")).unwrap().size, 1);
    assert!(fixture.jobs.storage.stat(&path("tree")).is_err());
}

#[tokio::test]
async fn waiting_jobs_of_one_client_leave_places_to_another() {
    let fixture = Fixture::new();
    let _running = fixture.admissions.long_jobs.hold(Who::client("192.0.2.9"), LONG_JOBS_AT_A_TIME_MAX);
    let most = u32::try_from(JOBS_OF_ONE_MAX).unwrap();
    for number in 0..most {
        fixture.begin("192.0.2.1", number, copy(number)).unwrap();
    }
    assert_eq!(fixture.begin("192.0.2.1", most, copy(most)), Err(ErrorCode::TooManyRequests));
    fixture.begin("192.0.2.2", most + 1, copy(most + 1)).unwrap();
    fixture.jobs.stop().await;
    assert_eq!(fixture.admissions.figures().iter().find(|(name, _)| *name == "jobs").unwrap().1.held, 0);
}
