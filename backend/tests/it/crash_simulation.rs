//! Uploads and changes on a disk that loses power, runs out of space or fails, at each of its steps. Then the server
//! restarts on what is left, and the client continues. No acknowledged change may be lost, no visible file may be torn,
//! and a replaced file stays complete until the new one is.
//!
//! `PASSERELLE_CRASH_SEEDS` sets the number of seeds, by default 1; a failure prints its seed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use backend::client::{Client, ClientError, Upload};
use backend::server::{Database, ServerConfig};
use backend::storage::testing::simulated::{Fault, SimulatedDisk};
use backend::storage::{Storage, TrashItem, TrashQuery, Visit};
use shared::change::RestoreItem;
use shared::{Change, Conflict, ErrorCode, Job, JobId, JobState, Outcome, TrashId, UploadId, VPath};

use super::changes::{pair, path_items, trash_ids};
use super::test_server::{TestServer, path, writer};
use super::uploads::{commit, put, stage};

/// A machine with a file server. Its records never lose a confirmed write, but they lose power with the disk.
struct Machine {
    disk: Arc<Mutex<SimulatedDisk>>,
    records: Arc<Database>,
    server: Option<TestServer>,
}

impl Machine {
    async fn start(disk: SimulatedDisk) -> Self {
        let disk = Arc::new(Mutex::new(disk));
        let powered = Arc::clone(&disk);
        let is_on = move || powered.lock().unwrap().storage().stat(&VPath::root()).is_ok();
        let records = Arc::new(Database::in_memory_while(is_on).unwrap());
        let mut machine = Self { disk, records, server: None };
        machine.serve().await;
        machine
    }

    async fn serve(&mut self) {
        let storage = self.disk().storage().into();
        self.server = Some(TestServer::with_database(storage, self.records.clone(), ServerConfig::default()).await);
    }

    fn disk(&self) -> SimulatedDisk {
        self.disk.lock().unwrap().clone()
    }

    fn client(&self) -> Client {
        self.server.as_ref().unwrap().client.clone()
    }

    fn has_power(&self) -> bool {
        self.disk().storage().stat(&VPath::root()).is_ok()
    }

    /// Restarts the disk after a loss of power, with a new server.
    async fn restart(&mut self) {
        self.server.take().unwrap().stop().await;
        let rebooted = self.disk().reboot();
        *self.disk.lock().unwrap() = rebooted;
        self.serve().await;
    }

    /// Ends the server and checks that it has left no upload.
    async fn stop_without_uploads(mut self, context: &str) -> SimulatedDisk {
        self.server.take().unwrap().stop().await;
        let disk = self.disk();
        assert!(disk.storage().list_staged().unwrap().is_empty(), "{context}: an upload is left");
        disk
    }

    /// A machine with the file that an upload replaces, and a fault that comes `step` steps later.
    async fn with_old_file(seed: u64, fault: Fault, step: u64) -> (Self, PlannedFault) {
        let disk = SimulatedDisk::new(seed);
        disk.add_file("file", OLD).unwrap();
        let machine = Self::start(disk).await;
        let planned = machine.plan(fault, step);
        (machine, planned)
    }

    fn plan(&self, fault: Fault, step: u64) -> PlannedFault {
        let disk = self.disk();
        let at = disk.steps() + step;
        disk.at(at, fault);
        PlannedFault { disk, at }
    }

    #[track_caller]
    fn check_attempt(&self, attempt: u32, attempts_max: u32, context: &str) {
        assert!(attempt < attempts_max, "{context}: the operation does not end; {:?}", self.disk().history());
    }

    /// The content of the file after an attempt, and after a restart if the power is off. Checks that it is the old or
    /// the new one.
    async fn whole_file(&mut self, new: &[u8], context: &str) -> Vec<u8> {
        if !self.has_power() {
            self.restart().await;
        }
        let (mut visible_files, _) = files(&*self.disk().storage());
        let bytes = visible_files.remove("file").unwrap();
        assert!(bytes == OLD || bytes == new, "{context}: the file is torn");
        bytes
    }
}

/// A fault of the disk that the machine starts with.
struct PlannedFault {
    disk: SimulatedDisk,
    /// The number of the step.
    at: u64,
}

impl PlannedFault {
    fn is_reached(&self) -> bool {
        self.disk.steps() >= self.at
    }
}

/// The content of every visible file by its path, and the items of the trash.
fn files(storage: &dyn Storage) -> (BTreeMap<String, Vec<u8>>, Vec<TrashItem>) {
    let (mut visible_files, mut folders) = (BTreeMap::new(), vec![VPath::root()]);
    while let Some(folder) = folders.pop() {
        storage
            .list(&folder, &mut |entry| {
                if entry.is_folder() {
                    folders.push(entry.path);
                } else {
                    let file = storage.open(&entry.path).unwrap();
                    let mut bytes = vec![0; entry.size as usize];
                    assert_eq!(file.read_at(&mut bytes, 0).unwrap(), bytes.len());
                    visible_files.insert(entry.path.encoded(), bytes);
                }
                Visit::Continue
            })
            .unwrap();
    }
    let trash = storage.list_trash(&TrashQuery::default()).unwrap().items;
    (visible_files, trash)
}

fn seeds() -> u64 {
    std::env::var("PASSERELLE_CRASH_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Runs `scenario` with each fault at each step, until it returns that the fault was not reached: there are no more
/// steps.
async fn at_each_step<F: Future<Output = bool>>(scenario: impl Fn(u64, Fault, u64) -> F) {
    for seed in 0..seeds() {
        for fault in [Fault::PowerLoss, Fault::NoSpace, Fault::Io] {
            let mut step = 1;
            while scenario(seed.wrapping_mul(1_000).wrapping_add(step), fault, step).await {
                step += 1;
            }
        }
    }
}

const OLD: &[u8] = b"the old content, which was there before";
const PIECES: [&[u8]; 3] = [&[1; 5_000], &[2; 9_000], &[3; 3_000]];

/// An upload in three pieces that replaces a file, by a client that retries.
async fn upload(seed: u64, fault: Fault, step: u64) -> bool {
    let context = format!("seed {seed}, {fault:?} at step {step}");
    let (mut machine, planned) = Machine::with_old_file(seed, fault, step).await;
    let new: Vec<u8> = PIECES.concat();
    let (mut known, mut acknowledged) = (None::<UploadId>, 0);
    let mut done = None::<Upload>;
    for attempt in 0.. {
        machine.check_attempt(attempt, 20, &context);
        let result = attempt_upload(&machine.client(), &new, &mut known, &mut acknowledged).await;
        let bytes = machine.whole_file(&new, &context).await;
        match result {
            Ok(upload) => {
                assert_eq!(bytes, new, "{context}: the committed file is missing");
                if done.is_some() {
                    break;
                }
                done = Some(upload);
            }
            Err(error) => assert_ne!(error.code, ErrorCode::OffsetMismatch, "{context}: acknowledged bytes are lost"),
        }
    }
    let disk = machine.stop_without_uploads(&context).await;
    assert_kept(&disk, &context);
    planned.is_reached()
}

/// After another restart, without faults, the trash has the file that was replaced, once.
fn assert_kept(disk: &SimulatedDisk, context: &str) {
    let storage = disk.reboot().storage();
    let items = files(&*storage).1;
    let old: Vec<_> = items.iter().filter(|item| item.entry.size == OLD.len() as u64).collect();
    assert_eq!(old.len(), 1, "{context}: the replaced file is not kept once: {items:?}; {:?}", disk.history());
    storage.restore(old[0].id, &path("old")).unwrap();
    assert_eq!(files(&*storage).0["old"], OLD, "{context}");
}

async fn stage_once(
    client: &Client,
    request: &shared::wire::Stage,
    known: &mut Option<UploadId>,
) -> Result<UploadId, ClientError> {
    match known {
        Some(id) => Ok(*id),
        None => Ok(*known.insert(client.stage(request).await?.id)),
    }
}

/// An upload whose target on another disk becomes known with its COMMIT, by a client that retries. With `cuts_power`,
/// power is lost after each failure.
async fn copied_upload(seed: u64, fault: Fault, step: u64, cuts_power: bool) -> bool {
    let context = format!("seed {seed}, {fault:?} at step {step}, power is cut: {cuts_power}");
    let disk = SimulatedDisk::new(seed);
    disk.add_mount("other").unwrap();
    let mut machine = Machine::start(disk).await;
    let planned = machine.plan(fault, step);
    let mut known = None::<UploadId>;
    for attempt in 0.. {
        machine.check_attempt(attempt, 20, &context);
        match attempt_copied_upload(&machine.client(), &mut known).await {
            Ok(_) => break,
            Err(error) => assert_ne!(error.code, ErrorCode::Gone, "{context}: acknowledged bytes are lost"),
        }
        if cuts_power || !machine.has_power() {
            machine.restart().await;
        }
    }
    machine.restart().await;
    let disk = machine.stop_without_uploads(&context).await;
    let (visible_files, _) = files(&*disk.storage());
    let expected = BTreeMap::from([("other/file".to_owned(), PIECES[0].to_vec())]);
    assert!(visible_files == expected, "{context}: {:?}; {:?}", visible_files.keys(), planned.disk.history());
    planned.is_reached()
}

async fn attempt_copied_upload(client: &Client, known: &mut Option<UploadId>) -> Result<Upload, ClientError> {
    let request = shared::wire::Stage {
        conflict: Conflict::KeepBoth,
        key: Some(JobId([5; 16])),
        ..stage("file", Some(PIECES[0].len() as u64))
    };
    let id = stage_once(client, &request, known).await?;
    let stands = client.upload_status(&writer(), id).await?;
    if stands.entry.is_some() {
        return Ok(stands);
    }
    let left = &PIECES[0][stands.offset as usize..];
    if !left.is_empty() {
        put(client, id, stands.offset, left).await?;
    }
    client.commit(&shared::wire::Commit { target: Some(path("other/file")), ..commit(id) }).await
}

/// Continues an upload from its durable offset to its end.
async fn attempt_upload(
    client: &Client,
    new: &[u8],
    known: &mut Option<UploadId>,
    acknowledged: &mut u64,
) -> Result<Upload, ClientError> {
    let request = shared::wire::Stage {
        conflict: Conflict::Replace,
        key: Some(JobId([5; 16])),
        ..stage("file", Some(new.len() as u64))
    };
    let id = stage_once(client, &request, known).await?;
    let stands = client.upload_status(&writer(), id).await?;
    if stands.entry.is_some() {
        return Ok(stands);
    }
    assert!(stands.offset >= *acknowledged, "acknowledged bytes are lost");
    let mut offset = stands.offset as usize;
    while offset < new.len() {
        let ends = [5_000, 14_000, 17_000];
        let end = ends.into_iter().find(|end| *end > offset).unwrap();
        *acknowledged = put(client, id, offset as u64, &new[offset..end]).await?.offset;
        offset = *acknowledged as usize;
    }
    client.commit(&commit(id)).await
}

/// A STORE that replaces a file, by a client that retries.
async fn store(seed: u64, fault: Fault, step: u64) -> bool {
    let context = format!("seed {seed}, {fault:?} at step {step}");
    let (mut machine, planned) = Machine::with_old_file(seed, fault, step).await;
    let new: Vec<u8> = PIECES.concat();
    let stage =
        shared::wire::Stage { conflict: Conflict::Replace, resumable: false, ..stage("file", Some(new.len() as u64)) };
    let request = shared::wire::Store { stage, checksum: None };
    for attempt in 0.. {
        machine.check_attempt(attempt, 20, &context);
        let stored = machine.client().store(&request, &new).await;
        let bytes = machine.whole_file(&new, &context).await;
        if stored.is_ok() {
            assert_eq!(bytes, new, "{context}: the stored file is missing");
            break;
        }
    }
    machine.restart().await;
    let disk = machine.stop_without_uploads(&context).await;
    let (visible_files, _) = files(&*disk.storage());
    assert_eq!(visible_files["file"], new, "{context}: the stored file did not survive the next loss of power");
    assert_kept(&disk, &context);
    planned.is_reached()
}

/// An upload that the server makes a file by itself, at its last byte or after a restart, for a client that sends bytes
/// and asks, and commits only after a refusal.
async fn finished_upload(seed: u64, fault: Fault, step: u64) -> bool {
    let context = format!("seed {seed}, {fault:?} at step {step}");
    let (mut machine, planned) = Machine::with_old_file(seed, fault, step).await;
    let new: Vec<u8> = PIECES.concat();
    let mut known = None::<UploadId>;
    for attempt in 0.. {
        machine.check_attempt(attempt, 20, &context);
        let result = attempt_finished_upload(&machine.client(), &new, &mut known).await;
        let bytes = machine.whole_file(&new, &context).await;
        match result {
            Ok(upload) if upload.entry.is_some() => {
                assert_eq!(bytes, new, "{context}: the file that the server reported is missing");
                break;
            }
            Ok(_) => {}
            Err(error) => assert_ne!(error.code, ErrorCode::Gone, "{context}: acknowledged bytes are lost"),
        }
    }
    machine.restart().await;
    let disk = machine.stop_without_uploads(&context).await;
    assert_kept(&disk, &context);
    planned.is_reached()
}

async fn attempt_finished_upload(
    client: &Client,
    new: &[u8],
    known: &mut Option<UploadId>,
) -> Result<Upload, ClientError> {
    let request = shared::wire::Stage {
        conflict: Conflict::Replace,
        key: Some(JobId([5; 16])),
        finish: Some(true),
        ..stage("file", Some(new.len() as u64))
    };
    let id = stage_once(client, &request, known).await?;
    let mut upload = client.upload_status(&writer(), id).await?;
    while upload.offset < new.len() as u64 {
        let offset = upload.offset as usize;
        let end = [5_000, 14_000, 17_000].into_iter().find(|end| *end > offset).unwrap();
        upload = put(client, id, upload.offset, &new[offset..end]).await?;
    }
    if upload.refused.is_some() {
        return client.commit(&commit(id)).await;
    }
    // What a crash interrupted is finished at the start, without this client.
    let upload = client.finished_upload(&writer(), id).await?;
    // The file may be there: only its last sync has failed.
    if upload.entry.is_none() && upload.refused.is_none() { client.commit(&commit(id)).await } else { Ok(upload) }
}

#[tokio::test]
async fn an_upload_that_the_server_finishes_survives_every_fault() {
    at_each_step(finished_upload).await;
}

#[tokio::test]
async fn an_upload_that_is_copied_to_another_disk_becomes_one_file() {
    at_each_step(|seed, fault, step| copied_upload(seed, fault, step, false)).await;
    at_each_step(|seed, fault, step| copied_upload(seed, fault, step, true)).await;
}

#[tokio::test]
async fn a_stored_file_survives_every_fault() {
    at_each_step(store).await;
}

#[tokio::test]
async fn an_upload_survives_every_fault() {
    at_each_step(upload).await;
}

/// A change and the state at its end.
struct Scenario {
    /// Trashed before, without a fault.
    initial_trash: &'static [&'static str],
    /// Makes the change, given the items of the trash.
    make_change: fn(&[TrashId]) -> Change,
    /// The visible files.
    visible_files: &'static [&'static str],
    /// Number of items in the trash.
    trash_items: usize,
}

/// A change of a small tree, by a client that asks until the job has ended.
async fn change(seed: u64, fault: Fault, step: u64, scenario: &Scenario) -> bool {
    let disk = SimulatedDisk::new(seed);
    for (name, content) in TREE {
        disk.add_file(name, content).unwrap();
    }
    disk.add_mount("other").unwrap();
    let mut machine = Machine::start(disk).await;
    let mut in_trash = Vec::new();
    if !scenario.initial_trash.is_empty() {
        let trash = Change::Trash { items: path_items(scenario.initial_trash) };
        let job = machine.client().change(&writer(), JobId([5; 16]), trash, Duration::from_secs(10)).await.unwrap();
        in_trash = trash_ids(&job);
    }
    let change = (scenario.make_change)(&in_trash);
    let context = format!("seed {seed}, {fault:?} at step {step} of {change:?}");
    let planned = machine.plan(fault, step);
    let mut last = None::<Job>;
    for attempt in 0.. {
        machine.check_attempt(attempt, 500, &context);
        let client = machine.client();
        let result = client.change(&writer(), JobId([6; 16]), change.clone(), Duration::from_millis(20)).await;
        let powered = machine.has_power();
        if !powered {
            machine.restart().await;
        }
        if let Ok(job) = result
            && job.state == JobState::Done
            && powered
        {
            last = Some(job);
            break;
        }
    }
    let disk = machine.stop_without_uploads(&context).await;
    let storage = disk.storage();
    let (visible_files, trash) = files(&*storage);
    for (path, bytes) in &visible_files {
        assert!(TREE.iter().any(|(_, content)| content.as_bytes() == bytes), "{context}: {path} is torn");
    }
    if !matches!(change, Change::Delete { .. } | Change::Purge { .. }) {
        for (name, content) in TREE {
            let visible = visible_files.values().any(|bytes| bytes == content.as_bytes());
            let is_trashed = trash.iter().any(|item| {
                let below = item.entry.path.strip_prefix_of(&path(name)).is_some();
                below || item.entry.size == content.len() as u64
            });
            assert!(visible || is_trashed, "{context}: {name} is lost; {:?}", disk.history());
        }
    }
    if fault == Fault::PowerLoss {
        // An interrupted job continues, so its end is that of a job without a loss of power.
        let outcomes = last.unwrap().outcomes;
        let failed = outcomes.iter().any(|outcome| matches!(outcome, Outcome::Failed { .. }));
        let report = format!("{context}: {outcomes:?}; {:?}, then {:?}", planned.disk.history(), disk.history());
        assert!(!failed, "{report}");
        let names: Vec<_> = visible_files.keys().map(String::as_str).collect();
        assert_eq!(
            (names.as_slice(), trash.len()),
            (scenario.visible_files, scenario.trash_items),
            "{report}; {trash:?}"
        );
        let mut replaced: Vec<_> = outcomes.iter().flat_map(replaced_by).collect();
        replaced.sort_unstable();
        let mut kept: Vec<_> = trash.iter().filter(|item| item.replaced).map(|item| item.id).collect();
        kept.sort_unstable();
        assert_eq!(replaced, kept, "{report}");
        if let Change::MakeFolder { paths, .. } = &change {
            assert!(paths.iter().all(|path| storage.stat(path).unwrap().is_folder()), "{context}");
        }
    }
    planned.is_reached()
}

/// The items of the trash that an outcome names as replaced.
fn replaced_by(outcome: &Outcome) -> Vec<TrashId> {
    match outcome {
        Outcome::Done { replaced, .. } => replaced.clone(),
        _ => Vec::new(),
    }
}

const TREE: [(&str, &str); 4] =
    [("from/one", "1"), ("from/sub/two", "22"), ("onto/one", "the other one"), ("single", "single")];
const INITIAL_FILES: &[&str] = &["from/one", "from/sub/two", "onto/one", "single"];

fn restore_items(ids: &[TrashId]) -> Vec<RestoreItem> {
    ids.iter().map(|id| RestoreItem { id: *id, to: None }).collect()
}

async fn check_scenario(scenario: Scenario) {
    at_each_step(|seed, fault, step| change(seed, fault, step, &scenario)).await;
}

#[tokio::test]
async fn a_move_survives_every_fault() {
    let make_change = |_: &[TrashId]| {
        let items = vec![pair("from", "moved"), pair("single", "onto/single")];
        Change::Move { items, conflict: Conflict::Fail }
    };
    let visible_files = &["moved/one", "moved/sub/two", "onto/one", "onto/single"];
    check_scenario(Scenario { initial_trash: &[], make_change, visible_files, trash_items: 0 }).await;
}

#[tokio::test]
async fn a_move_to_another_file_system_survives_every_fault() {
    let make_change = |_: &[TrashId]| {
        let items = vec![pair("from", "other/from"), pair("single", "other/single")];
        Change::Move { items, conflict: Conflict::Fail }
    };
    let visible_files = &["onto/one", "other/from/one", "other/from/sub/two", "other/single"];
    check_scenario(Scenario { initial_trash: &[], make_change, visible_files, trash_items: 0 }).await;
}

#[tokio::test]
async fn a_merge_survives_every_fault() {
    let make_change = |_: &[TrashId]| Change::Move { items: vec![pair("from", "onto")], conflict: Conflict::Replace };
    let visible_files = &["onto/one", "onto/sub/two", "single"];
    check_scenario(Scenario { initial_trash: &[], make_change, visible_files, trash_items: 1 }).await;
}

#[tokio::test]
async fn a_restore_that_merges_survives_every_fault() {
    let make_change = |ids: &[TrashId]| {
        let items = vec![RestoreItem { id: ids[0], to: Some(path("onto")) }];
        Change::Restore { items, conflict: Conflict::Replace }
    };
    let visible_files = &["onto/one", "onto/sub/two", "single"];
    check_scenario(Scenario { initial_trash: &["from"], make_change, visible_files, trash_items: 1 }).await;
}

#[tokio::test]
async fn a_restore_that_replaces_survives_every_fault() {
    let make_change = |ids: &[TrashId]| {
        let items = vec![RestoreItem { id: ids[0], to: Some(path("onto/one")) }];
        Change::Restore { items, conflict: Conflict::Replace }
    };
    let visible_files = &["from/one", "from/sub/two", "onto/one"];
    check_scenario(Scenario { initial_trash: &["single"], make_change, visible_files, trash_items: 1 }).await;
}

#[tokio::test]
async fn a_copy_that_merges_survives_every_fault() {
    let make_change = |_: &[TrashId]| Change::Copy { items: vec![pair("from", "onto")], conflict: Conflict::Replace };
    let visible_files = &["from/one", "from/sub/two", "onto/one", "onto/sub/two", "single"];
    check_scenario(Scenario { initial_trash: &[], make_change, visible_files, trash_items: 1 }).await;
}

#[tokio::test]
async fn a_copy_survives_every_fault() {
    let make_change = |_: &[TrashId]| Change::Copy { items: vec![pair("from", "copy")], conflict: Conflict::Fail };
    let visible_files = &["copy/one", "copy/sub/two", "from/one", "from/sub/two", "onto/one", "single"];
    check_scenario(Scenario { initial_trash: &[], make_change, visible_files, trash_items: 0 }).await;
}

#[tokio::test]
async fn make_folder_survives_every_fault() {
    let make_change =
        |_: &[TrashId]| Change::MakeFolder { paths: vec![path("new/deep"), path("from/x")], existing_ok: false };
    check_scenario(Scenario { initial_trash: &[], make_change, visible_files: INITIAL_FILES, trash_items: 0 }).await;
}

#[tokio::test]
async fn trash_survives_every_fault() {
    let make_change = |_: &[TrashId]| Change::Trash { items: path_items(&["from", "single"]) };
    check_scenario(Scenario { initial_trash: &[], make_change, visible_files: &["onto/one"], trash_items: 2 }).await;
}

#[tokio::test]
async fn restore_survives_every_fault() {
    let make_change = |ids: &[TrashId]| Change::Restore { items: restore_items(ids), conflict: Conflict::Fail };
    check_scenario(Scenario {
        initial_trash: &["from", "single"],
        make_change,
        visible_files: INITIAL_FILES,
        trash_items: 0,
    })
    .await;
}

#[tokio::test]
async fn delete_survives_every_fault() {
    let make_change = |_: &[TrashId]| Change::Delete { items: path_items(&["from", "single"]) };
    check_scenario(Scenario { initial_trash: &[], make_change, visible_files: &["onto/one"], trash_items: 0 }).await;
}

#[tokio::test]
async fn purge_survives_every_fault() {
    let one_by_one = |ids: &[TrashId]| Change::Purge { ids: Some(ids.to_vec()) };
    for make_change in [one_by_one as fn(&[TrashId]) -> Change, |_| Change::Purge { ids: None }] {
        check_scenario(Scenario {
            initial_trash: &["from", "single"],
            make_change,
            visible_files: &["onto/one"],
            trash_items: 0,
        })
        .await;
    }
}
