//! Other clients act between any two steps of a job.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use shared::change::{PathItem, RestoreItem};
use shared::{Change, Conflict, ErrorCode, Job, JobId, JobState, Outcome, TrashId};

use super::turns_tests::{Fixture, pairs, path};
use crate::server::records::database::Database;
use crate::storage::Storage;
use crate::storage::memory::MemoryStorage;
use crate::storage::testing::faulty::{Fault, Faults, FaultyStorage, Operation};

const CLIENT: &str = "192.0.2.1";
const CONFLICTS: [Conflict; 4] = [Conflict::Fail, Conflict::Replace, Conflict::KeepBoth, Conflict::Skip];
/// The steps of a job right before which another client acts.
const MOMENTS: [Operation; 7] = [
    Operation::Stat,
    Operation::Open,
    Operation::Stage,
    Operation::Publish,
    Operation::Make,
    Operation::Rename,
    Operation::Restore,
];
/// More than the calls of any of these operations for one item.
const CALLS_MAX: u64 = 8;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verb {
    Move,
    Copy,
    Restore,
}

struct Race {
    tree: MemoryStorage,
    faults: Arc<Faults>,
    fixture: Fixture,
}

impl Race {
    fn new() -> Self {
        let (tree, faults) = (MemoryStorage::new(), Faults::seeded(1));
        let storage = Arc::new(FaultyStorage::new(tree.clone(), Arc::clone(&faults)));
        let fixture = Fixture::with(storage, Arc::new(Database::in_memory().unwrap()));
        Self { tree, faults, fixture }
    }

    async fn run(&self, number: u32, change: Change) -> Job {
        ended(&self.fixture, number, change).await
    }

    fn exists(&self, text: &str) -> bool {
        self.tree.stat(&path(text)).is_ok()
    }

    async fn trash(&self, number: u32, text: &str) -> TrashId {
        let items = vec![PathItem { path: path(text), if_etag: None }];
        match &self.run(number, Change::Trash { items }).await.outcomes[..] {
            [Outcome::Done { trash: Some(id), .. }] => *id,
            other => panic!("{other:?}"),
        }
    }
}

async fn ended(fixture: &Fixture, number: u32, change: Change) -> Job {
    let (owner, key) = fixture.begin(CLIENT, number, change).unwrap();
    if let Ok(super::registry::Named::Live(live)) = fixture.jobs.named(&owner, Some(CLIENT), key) {
        live.wait_for(|_| false).await;
        return live.describe();
    }
    let super::registry::Named::Ended(record) = fixture.jobs.named(&owner, Some(CLIENT), key).unwrap() else {
        panic!("a job cannot run again")
    };
    let outcomes = fixture.jobs.records().unwrap().items(record.number).unwrap();
    Job { outcomes: outcomes.into_iter().filter_map(|item| item.outcome).collect(), ..record.describe() }
}

/// Makes a file of another client; false if an entry stands there.
fn add_where_free(tree: &MemoryStorage, name: &str) -> bool {
    let is_free = tree.stat(&path(name)).is_err();
    if is_free {
        tree.add_file(name, "of another client").unwrap();
    }
    is_free
}

/// An entry appears at the target right before one call of an operation.
async fn check_race(verb: Verb, conflict: Conflict, folder: bool, moment: Operation, call: u64) {
    let context = format!("{verb:?} {conflict:?} folder {folder}, before {moment:?} {call}");
    let (mine, theirs) = if folder { ("/mine", "to/theirs") } else { ("", "to") };
    let race = Race::new();
    race.tree.add_file(format!("from{mine}"), "mine").unwrap();
    let trashed = if verb == Verb::Restore { Some(race.trash(1, "from").await) } else { None };
    let (other, met) = (race.tree.clone(), Arc::new(AtomicBool::new(false)));
    let meeting = Arc::clone(&met);
    race.faults.before(moment, race.faults.calls(moment) + call, move || {
        meeting.store(add_where_free(&other, theirs), Ordering::SeqCst);
    });
    let job = race.run(
        2,
        match (verb, trashed) {
            (Verb::Restore, Some(id)) => {
                Change::Restore { items: vec![RestoreItem { id, to: Some(path("to")) }], conflict }
            }
            (Verb::Move, _) => Change::Move { items: pairs("from", "to"), conflict },
            _ => Change::Copy { items: pairs("from", "to"), conflict },
        },
    );
    let job = job.await;
    let met = met.load(Ordering::SeqCst);
    let remains = trashed.map_or_else(|| race.exists("from"), |id| race.tree.stat_trash(id).is_ok());
    let [outcome] = &job.outcomes[..] else { panic!("{context}: {job:?}") };
    match outcome {
        Outcome::Done { entry: Some(entry), replaced, .. } => {
            let file = race.tree.stat(&path(&format!("{}{mine}", entry.path.encoded()))).unwrap();
            assert_eq!(file.size, 4, "{context}: {outcome:?}");
            assert_eq!(remains, verb == Verb::Copy, "{context}");
            assert!(!met || race.exists(theirs) || replaced.len() == 1, "{context}: {outcome:?}");
        }
        Outcome::Skipped => assert!(met && remains && conflict == Conflict::Skip, "{context}"),
        Outcome::Failed { code, incomplete, .. } => {
            assert_eq!((*code, *incomplete), (ErrorCode::AlreadyExists, false), "{context}: {outcome:?}");
            assert!(met && remains && conflict == Conflict::Fail, "{context}: {outcome:?}");
        }
        Outcome::Done { .. } => panic!("{context}: {outcome:?}"),
    }
}

#[tokio::test]
async fn an_outcome_is_what_happened_whenever_the_target_appears() {
    for verb in [Verb::Move, Verb::Copy, Verb::Restore] {
        for conflict in CONFLICTS {
            for (folder, moment) in MOMENTS.iter().flat_map(|moment| [(false, *moment), (true, *moment)]) {
                for call in 1..=CALLS_MAX {
                    check_race(verb, conflict, folder, moment, call).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn an_entry_of_a_merge_replaces_what_appears_at_its_target() {
    for verb in [Verb::Move, Verb::Copy] {
        for (moment, call) in MOMENTS.iter().flat_map(|moment| (1..=CALLS_MAX).map(|call| (*moment, call))) {
            let race = Race::new();
            race.tree.add_file("from/name", "mine").unwrap().add_folder("to").unwrap();
            let other = race.tree.clone();
            race.faults.before(moment, call, move || {
                add_where_free(&other, "to/name");
            });
            let (items, conflict) = (pairs("from", "to"), Conflict::Replace);
            let change =
                if verb == Verb::Move { Change::Move { items, conflict } } else { Change::Copy { items, conflict } };
            let job = race.run(1, change).await;
            let [Outcome::Done { left_out, .. }] = &job.outcomes[..] else { panic!("{job:?}") };
            assert_eq!(left_out.total, 0, "{verb:?} before {moment:?} {call}: {job:?}");
            assert_eq!(race.tree.stat(&path("to/name")).unwrap().size, 4, "{verb:?} before {moment:?} {call}");
        }
    }
}

/// Another client replaces the target right before each attempt to publish a copy.
#[tokio::test]
async fn a_conflict_that_is_decided_again_copies_no_bytes_again() {
    for below in ["", "/name"] {
        for conflict in [Conflict::Replace, Conflict::KeepBoth] {
            if below == "/name" && conflict == Conflict::KeepBoth {
                continue;
            }
            let race = Race::new();
            race.tree.add_file(format!("from{below}"), "mine").unwrap();
            race.tree.add_file(format!("to{below}"), "of another client").unwrap();
            let first = race.faults.calls(Operation::Publish);
            for call in 1..=20 {
                let (other, at) = (race.tree.clone(), format!("to{below}"));
                race.faults.before(Operation::Publish, first + call, move || {
                    let name = if conflict == Conflict::KeepBoth { format!("{at} ({})", call + 1) } else { at };
                    other.add_file(name, format!("of another client, {call}")).unwrap();
                });
            }
            let written = race.faults.calls(Operation::Write);
            let job = race.run(1, Change::Copy { items: pairs("from", "to"), conflict }).await;
            let [Outcome::Done { entry: Some(entry), left_out, .. }] = &job.outcomes[..] else { panic!("{job:?}") };
            assert_eq!(left_out.total, 0, "{job:?}");
            let at = format!("{}{below}", entry.path.encoded());
            assert_eq!(race.tree.stat(&path(&at)).unwrap().size, 4, "{job:?}");
            assert_eq!(race.faults.calls(Operation::Write) - written, 1, "{below} {conflict:?}: {job:?}");
            assert_eq!((job.progress.bytes, job.progress.bytes_total), (4, 4), "{job:?}");
            assert!(race.tree.list_staged().unwrap().is_empty());
        }
    }
}

/// A link in the trash is another one than that at its old path.
#[tokio::test]
async fn a_restored_link_replaces_the_link_at_its_old_path() {
    for target in ["old", "new"] {
        let race = Race::new();
        race.tree.add_link("link", "new").unwrap().add_link("like", "new").unwrap();
        let items = vec![RestoreItem { id: race.trash(1, "link").await, to: None }];
        race.tree.add_link("link", target).unwrap();
        let job = race.run(2, Change::Restore { items, conflict: Conflict::Replace }).await;
        assert!(matches!(job.outcomes[..], [Outcome::Done { .. }]), "{target}: {job:?}");
        assert!(race.tree.is_same_link(&path("link"), &path("like")).unwrap());
    }
}

/// Two links are two entries, also if they lead to one file.
#[tokio::test]
async fn a_link_replaces_another_link_to_the_same_target() {
    for verb in [Verb::Move, Verb::Copy, Verb::Restore] {
        for (from, to) in [("l1", "l2"), ("s", "t")] {
            let race = Race::new();
            race.tree.add_file("f", "1").unwrap();
            for link in ["l1", "l2"] {
                race.tree.make_link(&path(link), b"f").unwrap();
            }
            for folder in ["s", "t"] {
                race.tree.add_folder(folder).unwrap();
                race.tree.make_link(&path(&format!("{folder}/l")), b"../f").unwrap();
            }
            let conflict = Conflict::Replace;
            let change = match verb {
                Verb::Move => Change::Move { items: pairs(from, to), conflict },
                Verb::Copy => Change::Copy { items: pairs(from, to), conflict },
                Verb::Restore => {
                    let id = race.trash(1, from).await;
                    Change::Restore { items: vec![RestoreItem { id, to: Some(path(to)) }], conflict }
                }
            };
            let job = race.run(2, change).await;
            let [Outcome::Done { entry: Some(entry), left_out, .. }] = &job.outcomes[..] else {
                panic!("{verb:?} {from}: {job:?}")
            };
            assert_eq!((left_out.total, entry.path.clone()), (0, path(to)), "{verb:?}: {job:?}");
            assert_eq!(race.exists(from), verb == Verb::Copy, "{verb:?} {from}");
        }
    }
    for verb in [Verb::Move, Verb::Copy] {
        let race = Race::new();
        race.tree.add_file("f", "1").unwrap();
        race.tree.make_link(&path("l"), b"f").unwrap();
        let (items, conflict) = (pairs("l", "l"), Conflict::Replace);
        let change =
            if verb == Verb::Move { Change::Move { items, conflict } } else { Change::Copy { items, conflict } };
        let job = race.run(1, change).await;
        assert!(
            matches!(job.outcomes[..], [Outcome::Failed { code: ErrorCode::AlreadyExists, .. }]),
            "onto itself: {job:?}"
        );
    }
}

/// Folders that an item has made stay, and so it is incomplete.
#[tokio::test]
async fn an_item_that_fails_after_it_has_made_parents_is_incomplete() {
    for (made, failing) in [(0, 1), (1, 2), (2, 3)] {
        let race = Race::new();
        race.faults.at(Operation::Make, failing, Fault::Fail(ErrorCode::Io));
        let job = race.run(1, Change::MakeFolder { paths: vec![path("a/b/c")], existing_ok: false }).await;
        let [Outcome::Failed { incomplete, .. }] = &job.outcomes[..] else { panic!("{job:?}") };
        assert_eq!((*incomplete, race.exists("a"), race.exists("a/b")), (made > 0, made > 0, made > 1), "{failing}");
    }
    let race = Race::new();
    race.tree.add_file("from", "mine").unwrap();
    let id = race.trash(1, "from").await;
    // After two looks at the item.
    race.faults.at(Operation::Restore, race.faults.calls(Operation::Restore) + 3, Fault::Fail(ErrorCode::Io));
    let items = vec![RestoreItem { id, to: Some(path("a/b/c")) }];
    let job = race.run(2, Change::Restore { items, conflict: Conflict::Fail }).await;
    assert!(matches!(job.outcomes[..], [Outcome::Failed { incomplete: true, .. }]), "{job:?}");
    for number in [3, 4] {
        let to = path(&format!("new/.passerelle/{number}"));
        let change = match number {
            3 => Change::MakeFolder { paths: vec![to], existing_ok: false },
            _ => Change::Restore { items: vec![RestoreItem { id, to: Some(to) }], conflict: Conflict::Fail },
        };
        let job = race.run(number, change).await;
        let [Outcome::Failed { code, incomplete, .. }] = &job.outcomes[..] else { panic!("{job:?}") };
        assert_eq!((*code, *incomplete, race.exists("new")), (ErrorCode::NameReserved, false, false));
    }
}

/// A name that is taken at each attempt ends the item.
#[tokio::test]
async fn a_conflict_is_decided_a_bounded_number_of_times() {
    let race = Race::new();
    race.tree.add_file("from", "mine").unwrap();
    let first = race.faults.calls(Operation::Rename);
    for call in 1..=2 * super::transfer::DECISIONS_MAX as u64 {
        let other = race.tree.clone();
        race.faults.before(Operation::Rename, first + call, move || {
            let name = if call == 1 { "to".to_owned() } else { format!("to ({call})") };
            other.add_file(name, "of another client").unwrap();
        });
    }
    let job = race.run(1, Change::Move { items: pairs("from", "to"), conflict: Conflict::KeepBoth }).await;
    let [Outcome::Failed { code, incomplete: false, .. }] = &job.outcomes[..] else { panic!("{job:?}") };
    assert_eq!(*code, ErrorCode::AlreadyExists);
    assert!(race.exists("from"));
}

#[tokio::test]
async fn a_restore_that_merges_nothing_says_that_the_item_left_the_trash() {
    let race = Race::new();
    race.tree.add_file("s/e", "mine").unwrap();
    let id = race.trash(1, "s").await;
    race.tree.add_folder("s/e").unwrap();
    let items = vec![RestoreItem { id, to: None }];
    let job = race.run(2, Change::Restore { items, conflict: Conflict::Replace }).await;
    let [Outcome::Failed { code, path: Some(at), incomplete, .. }] = &job.outcomes[..] else { panic!("{job:?}") };
    assert_eq!((*code, at.clone(), *incomplete), (ErrorCode::IsFolder, path("s%20%282%29/e"), true));
    assert!(race.exists("s%20%282%29/e") && race.tree.stat_trash(id).is_err());
}

/// The files of a tree that a restart interrupts.
const FILES: u64 = 20;

#[tokio::test]
async fn a_resumed_job_has_a_greater_version_and_counts_each_entry_once() {
    let (tree, faults) = (MemoryStorage::new(), Faults::seeded(1));
    for number in 0..FILES {
        tree.add_file(format!("from/{number}"), "mine").unwrap();
    }
    let storage = Arc::new(FaultyStorage::new(tree, Arc::clone(&faults)));
    let records = Arc::new(Database::in_memory().unwrap());
    let before = Fixture::with(storage.clone(), Arc::clone(&records));
    let stopping = before.jobs.stopping.clone();
    faults.before(Operation::Publish, FILES / 2, move || stopping.cancel());
    let (owner, key) =
        before.begin(CLIENT, 1, Change::Copy { items: pairs("from", "to"), conflict: Conflict::Fail }).unwrap();
    let live = before.live(&owner, CLIENT, key);
    before.jobs.stopping.cancelled().await;
    before.jobs.stop().await;
    let seen = live.describe().version;
    drop(before);
    let after = Fixture::with(storage, records);
    after.jobs.resume().unwrap();
    let live = after.live(&owner, CLIENT, key);
    assert!(live.describe().version > seen);
    live.wait_for(|_| false).await;
    let job = live.describe();
    assert_eq!(job.state, JobState::Done, "{job:?}");
    let progress = job.progress;
    assert_eq!((progress.entries, progress.entries_total), (FILES + 1, FILES + 1), "{job:?}");
    assert_eq!((progress.bytes, progress.bytes_total), (4 * FILES, 4 * FILES), "{job:?}");
}

/// A file that looks like the copy of a crashed process, by its size and time, and is of another client.
#[tokio::test]
async fn a_like_file_of_another_client_is_not_taken_for_the_copy_of_a_resumed_job() {
    for conflict in [Conflict::KeepBoth, Conflict::Skip] {
        let (tree, faults) = (MemoryStorage::new(), Faults::seeded(1));
        tree.add_file("from", "mine").unwrap();
        let storage = Arc::new(FaultyStorage::new(tree.clone(), Arc::clone(&faults)));
        let records = Arc::new(Database::in_memory().unwrap());
        let before = Fixture::with(storage.clone(), Arc::clone(&records));
        let stopping = before.jobs.stopping.clone();
        faults.before(Operation::Open, 1, move || stopping.cancel());
        let (owner, key) = before.begin(CLIENT, 1, Change::Copy { items: pairs("from", "to"), conflict }).unwrap();
        before.jobs.stopping.cancelled().await;
        before.jobs.stop().await;
        let modified = tree.stat(&path("from")).unwrap().modified;
        tree.add_file("to", "them").unwrap().set_modified("to", modified).unwrap();
        let after = Fixture::with(storage, records);
        after.jobs.resume().unwrap();
        let live = after.live(&owner, CLIENT, key);
        live.wait_for(|_| false).await;
        let outcomes = live.describe().outcomes;
        match &outcomes[..] {
            [Outcome::Skipped] => assert_eq!(conflict, Conflict::Skip),
            [Outcome::Done { entry: Some(entry), .. }] => assert_eq!(entry.path, path("to%20%282%29")),
            other => panic!("{other:?}"),
        }
    }
}

/// Another client removes the folder right before each attempt to put an entry into it.
#[tokio::test]
async fn parents_that_another_client_removes_are_made_again() {
    for verb in ["make", "restore"] {
        let race = Race::new();
        race.tree.add_file("from", "mine").unwrap();
        let items = vec![RestoreItem { id: race.trash(1, "from").await, to: Some(path("to/name")) }];
        let (moment, first) = match verb {
            // The first makes the parent.
            "make" => (Operation::Make, race.faults.calls(Operation::Make) + 2),
            // After two looks at the item.
            _ => (Operation::Restore, race.faults.calls(Operation::Restore) + 3),
        };
        let other = race.tree.clone();
        race.faults.before(moment, first, move || {
            other.remove("to").unwrap();
        });
        let job = race.run(
            2,
            match verb {
                "make" => Change::MakeFolder { paths: vec![path("to/name")], existing_ok: false },
                _ => Change::Restore { items, conflict: Conflict::Fail },
            },
        );
        let job = job.await;
        assert!(matches!(job.outcomes[..], [Outcome::Done { .. }]), "{verb}: {job:?}");
        assert!(race.exists("to/name"), "{verb}");
    }
}

/// Another client removes the source of a copy, or the rest of a move, right before its last step.
#[tokio::test]
async fn a_folder_that_is_gone_is_not_left_out() {
    for (verb, moment) in [(Verb::Copy, Operation::FolderAttributes), (Verb::Move, Operation::Remove)] {
        let race = Race::new();
        race.tree.add_file("from/name", "mine").unwrap().add_folder("to").unwrap();
        let other = race.tree.clone();
        race.faults.before(moment, race.faults.calls(moment) + 1, move || {
            let _ = other.remove("from/name");
            other.remove("from").unwrap();
        });
        let (to, conflict) = if verb == Verb::Copy { ("new", Conflict::Fail) } else { ("to", Conflict::Replace) };
        let items = pairs("from", to);
        let change =
            if verb == Verb::Copy { Change::Copy { items, conflict } } else { Change::Move { items, conflict } };
        let job = race.run(1, change).await;
        let [Outcome::Done { left_out, .. }] = &job.outcomes[..] else { panic!("{verb:?}: {job:?}") };
        assert_eq!(left_out.total, 0, "{verb:?}: {job:?}");
        assert_eq!(race.tree.stat(&path(&format!("{to}/name"))).unwrap().size, 4);
    }
}

/// A request looks for a job while that is recorded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_was_just_recorded_is_live_or_has_ended() {
    use super::registry::Named;
    let race = Race::new();
    let making = |number: u32| Change::MakeFolder { paths: vec![path(&number.to_string())], existing_ok: false };
    let (owner, _) = race.fixture.begin(CLIENT, 1, making(1)).unwrap();
    for number in 2..200_u32 {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_le_bytes());
        let (jobs, owner) = (Arc::clone(&race.fixture.jobs), owner.clone());
        let looking = std::thread::spawn(move || {
            loop {
                match jobs.named(&owner, Some(CLIENT), JobId(id)) {
                    Ok(Named::Live(_)) => return None,
                    Ok(Named::Ended(record)) => return Some(record.state),
                    Err(_) => std::thread::yield_now(),
                }
            }
        });
        race.fixture.begin(CLIENT, number, making(number)).unwrap();
        assert_ne!(looking.join().unwrap(), Some(JobState::Running), "{number}");
    }
}
