//! Changes through the client: each is a job with an outcome for every item.

use std::sync::Arc;
use std::time::Duration;

use backend::client::{Caller, Client, ClientError};
use backend::storage::memory::MemoryStorage;
use backend::storage::testing::faulty::{Fault, Faults, FaultyStorage, Operation};
use backend::storage::testing::simulated::SimulatedDisk;
use shared::change::{PathItem, PathPair, RestoreItem};
use shared::limits::CHANGE_ITEMS_MAX;
use shared::{Change, Conflict, ErrorCode, Job, JobId, JobState, Link, Outcome, Rights, Root, Scope, TrashId};

use super::test_server::{TestServer, path, reader, writer};
use super::uploads::error_code;
use crate::reading::read_file;

/// A key that no other test uses: they do not share a server.
pub(crate) fn key(number: u8) -> JobId {
    JobId([number; 16])
}

async fn change_as(client: &Client, caller: &Caller, number: u8, change: Change) -> Result<Job, ClientError> {
    client.change(caller, key(number), change, Duration::from_secs(30)).await
}

/// Asks for a change and waits for its end.
pub(crate) async fn change(client: &Client, number: u8, change: Change) -> Job {
    let job = change_as(client, &writer(), number, change).await.unwrap();
    assert_eq!(job.state, JobState::Done);
    job
}

pub(crate) fn pair(from: &str, to: &str) -> PathPair {
    PathPair { from: path(from), to: path(to), if_etag: None }
}

fn pairs(texts: &[(&str, &str)]) -> Vec<PathPair> {
    texts.iter().map(|(from, to)| pair(from, to)).collect()
}

pub(crate) fn path_items(paths: &[&str]) -> Vec<PathItem> {
    paths.iter().map(|text| PathItem { path: path(text), if_etag: None }).collect()
}

/// The outcome of each item, in a word.
fn outcome_texts(job: &Job) -> Vec<String> {
    let word = |outcome: &Outcome| match outcome {
        Outcome::Done { entry: Some(entry), .. } => entry.path.encoded(),
        Outcome::Done { trash: Some(_), .. } => "trashed".into(),
        Outcome::Done { .. } => "gone".into(),
        Outcome::Skipped => "skipped".into(),
        Outcome::Failed { code, path, message, .. } => {
            assert_eq!(message, code.sentence());
            match path {
                Some(path) => format!("{code} at {path}"),
                None => code.name().into(),
            }
        }
    };
    job.outcomes.iter().map(word).collect()
}

pub(crate) fn trash_ids(job: &Job) -> Vec<TrashId> {
    let id = |outcome: &Outcome| if let Outcome::Done { trash, .. } = outcome { *trash } else { None };
    job.outcomes.iter().filter_map(id).collect()
}

fn replaced(job: &Job) -> Vec<TrashId> {
    let ids = |outcome: &Outcome| if let Outcome::Done { replaced, .. } = outcome { replaced.clone() } else { vec![] };
    job.outcomes.iter().flat_map(ids).collect()
}

async fn exists(client: &Client, text: &str) -> bool {
    match client.stat(&reader(), &path(text)).await {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code, ErrorCode::NotFound);
            false
        }
    }
}

#[tokio::test]
async fn make_folder_creates_missing_parents() {
    let server = TestServer::start().await;
    let make = |existing_ok| Change::MakeFolder { paths: vec![path("a/b/c"), path("docs"), path("a/b")], existing_ok };
    let job = change(&server.client, 1, make(false)).await;
    assert_eq!(outcome_texts(&job), ["a/b/c", "already_exists", "already_exists"]);
    assert_eq!(outcome_texts(&change(&server.client, 2, make(true)).await), ["a/b/c", "docs", "a/b"]);
    server.stop().await;
}

#[tokio::test]
async fn move_keeps_content_and_attributes() {
    let server = TestServer::start().await;
    let items = pairs(&[("hello.txt", "docs/hi.txt"), ("docs/deep", "deep"), ("nowhere", "x"), ("docs", "docs/in")]);
    let job = change(&server.client, 1, Change::Move { items, conflict: Conflict::Fail }).await;
    assert_eq!(outcome_texts(&job), ["docs/hi.txt", "deep", "not_found", "into_itself"]);
    assert!(!exists(&server.client, "hello.txt").await);
    assert_eq!(read_file(&server.client, "docs/hi.txt").await.unwrap(), b"hello, world\n");
    assert_eq!(read_file(&server.client, "deep/er/file.bin").await.unwrap(), vec![7; 300_000]);
    server.stop().await;
}

#[tokio::test]
async fn conflicts_fail_keep_both_skip_or_replace() {
    let server = TestServer::start().await;
    let job = |conflict| Change::Move { items: pairs(&[("hello.txt", "docs/a%20b.txt")]), conflict };
    assert_eq!(outcome_texts(&change(&server.client, 1, job(Conflict::Fail)).await), ["already_exists"]);
    assert_eq!(outcome_texts(&change(&server.client, 2, job(Conflict::Skip)).await), ["skipped"]);
    let done = change(&server.client, 3, job(Conflict::Replace)).await;
    assert_eq!(outcome_texts(&done), ["docs/a%20b.txt"]);
    assert_eq!(read_file(&server.client, "docs/a%20b.txt").await.unwrap(), b"hello, world\n");
    // The replaced file can be restored.
    let items = vec![RestoreItem { id: replaced(&done)[0], to: None }];
    let back = change(&server.client, 4, Change::Restore { items, conflict: Conflict::KeepBoth }).await;
    assert_eq!(outcome_texts(&back), ["docs/a%20b%20%282%29.txt"]);
    assert_eq!(read_file(&server.client, "docs/a%20b%20%282%29.txt").await.unwrap(), b"spaces");
    let items = pairs(&[("empty", "docs/a%20b.txt")]);
    let beside = change(&server.client, 5, Change::Move { items, conflict: Conflict::KeepBoth }).await;
    assert_eq!(outcome_texts(&beside), ["docs/a%20b%20%283%29.txt"]);
    server.stop().await;
}

#[tokio::test]
async fn copy_keeps_links_as_links() {
    let storage = MemoryStorage::new();
    storage.add_file("tree/a", "aaa").unwrap().add_file("tree/sub/b", "b").unwrap().add_folder("tree/none").unwrap();
    storage.add_link("tree/sub/in", "b").unwrap().add_link("tree/out", "/etc").unwrap();
    storage.add_link("tree/sub/dangling", "nothing").unwrap();
    storage.set_executable("tree/a", true).unwrap();
    let server = TestServer::with_storage(Arc::new(storage)).await;
    let items = pairs(&[("tree", "copy")]);
    let job = change(&server.client, 1, Change::Copy { items, conflict: Conflict::Fail }).await;
    assert_eq!(outcome_texts(&job), ["copy"]);
    assert!(left_out(&job).is_empty());
    assert_eq!(read_file(&server.client, "copy/a").await.unwrap(), b"aaa");
    let (source, copy) = (path("tree/a"), path("copy/a"));
    let (source, copy) =
        (server.client.stat(&reader(), &source).await.unwrap(), server.client.stat(&reader(), &copy).await.unwrap());
    assert_eq!((source.modified, source.executable), (copy.modified, copy.executable));
    let link = async |text: &str| server.client.stat(&reader(), &path(text)).await.unwrap().link.unwrap();
    assert_eq!(link("copy/sub/in").await, Link::Inside(b"b".to_vec()));
    assert_eq!((link("copy/out").await, link("copy/sub/dangling").await), (Link::Escapes, Link::Broken));
    assert!(exists(&server.client, "copy/none").await);
    assert_eq!(job.progress.entries, 8);
    assert_eq!((job.progress.bytes, job.progress.bytes_total), (4, 4));
    server.stop().await;
}

/// The entries below the items that were left out, each with its reason.
fn left_out(job: &Job) -> Vec<String> {
    let of = |outcome: &Outcome| match outcome {
        Outcome::Done { left_out, .. } => left_out.listed.clone(),
        _ => Vec::new(),
    };
    job.outcomes.iter().flat_map(of).map(|entry| format!("{} at {}", entry.code, entry.path)).collect()
}

#[tokio::test]
async fn odd_entries_are_left_out_and_named_and_the_rest_is_copied() {
    let storage = MemoryStorage::new();
    storage.add_file("tree/a", "a").unwrap().add_file("tree/secret", "s").unwrap().add_other("tree/pipe").unwrap();
    storage.add_file("tree/shut/in", "x").unwrap().add_file("tree/z", "z").unwrap();
    storage.set_denied("tree/secret", true).unwrap().set_denied("tree/shut", true).unwrap();
    let server = TestServer::with_storage(Arc::new(storage)).await;
    let copy = |from, to| Change::Copy { items: pairs(&[(from, to)]), conflict: Conflict::Fail };
    let job = change(&server.client, 1, copy("tree", "copy")).await;
    assert_eq!(outcome_texts(&job), ["copy"]);
    let odd = ["not_regular at tree/pipe", "access_denied at tree/secret", "access_denied at tree/shut"];
    assert_eq!(left_out(&job), odd);
    assert_eq!(read_file(&server.client, "copy/a").await.unwrap(), b"a");
    assert_eq!(read_file(&server.client, "copy/z").await.unwrap(), b"z");
    for name in ["copy/secret", "copy/pipe", "copy/shut"] {
        assert!(!exists(&server.client, name).await, "{name}");
    }
    // An item that is such an entry itself fails.
    let job = change(&server.client, 2, copy("tree/pipe", "pipe")).await;
    assert_eq!(outcome_texts(&job), ["not_regular"]);
    assert!(matches!(job.outcomes[0], Outcome::Failed { incomplete: false, .. }));
    server.stop().await;
}

#[tokio::test]
async fn odd_entries_stay_and_the_rest_moves_to_another_file_system() {
    let disk = SimulatedDisk::new(1);
    disk.add_mount("other").unwrap().add_file("tree/a", "a").unwrap().add_file("tree/in/b", "b").unwrap();
    disk.add_link("tree/out", "/etc").unwrap().add_link("tree/in/dangling", "nothing").unwrap();
    disk.add_special("tree/in/pipe").unwrap().add_file("tree/z", "z").unwrap();
    let server = TestServer::with_storage(disk.storage().into()).await;
    let items = pairs(&[("tree", "other/tree")]);
    let job = change(&server.client, 1, Change::Move { items, conflict: Conflict::Fail }).await;
    assert_eq!(outcome_texts(&job), ["other/tree"]);
    assert_eq!(left_out(&job), ["not_regular at tree/in/pipe"]);
    for (text, expected) in [("other/tree/a", "a"), ("other/tree/in/b", "b"), ("other/tree/z", "z")] {
        assert_eq!(read_file(&server.client, text).await.unwrap(), expected.as_bytes(), "{text}");
    }
    let link = async |text: &str| server.client.stat(&reader(), &path(text)).await.unwrap().link;
    assert_eq!(link("other/tree/out").await, Some(Link::Escapes));
    assert_eq!(link("other/tree/in/dangling").await, Some(Link::Broken));
    // The entry that was left out stays, with the folders above it.
    assert!(exists(&server.client, "tree/in/pipe").await);
    for gone in ["tree/a", "tree/z", "tree/out", "tree/in/b", "tree/in/dangling"] {
        assert!(!exists(&server.client, gone).await, "{gone}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_copy_that_cannot_end_is_said_to_be_incomplete() {
    let faults = Faults::seeded(1);
    let storage = MemoryStorage::new();
    storage.add_file("tree/a", "a").unwrap().add_file("tree/b", "b").unwrap().add_file("tree/c", "c").unwrap();
    let storage = FaultyStorage::new(storage, Arc::clone(&faults));
    let server = TestServer::with_storage(Arc::new(storage)).await;
    faults.at(Operation::Write, 2, Fault::Fail(ErrorCode::NoSpace));
    let copy = |to| Change::Copy { items: pairs(&[("tree", to)]), conflict: Conflict::Fail };
    let job = change(&server.client, 1, copy("copy")).await;
    assert_eq!(outcome_texts(&job), ["no_space at tree/b"]);
    assert!(matches!(job.outcomes[0], Outcome::Failed { incomplete: true, .. }));
    assert!(exists(&server.client, "copy/a").await && !exists(&server.client, "copy/c").await);
    server.stop().await;
}

#[tokio::test]
async fn a_folder_whose_attributes_cannot_be_copied_is_named_and_the_rest_is_copied() {
    for moves in [false, true] {
        let faults = Faults::seeded(1);
        let storage = MemoryStorage::new();
        for name in ["tree/a/one", "tree/b/two", "tree/three"] {
            storage.add_file(name, "x").unwrap();
        }
        let storage = FaultyStorage::new(storage, Arc::clone(&faults));
        let server = TestServer::with_storage(Arc::new(storage)).await;
        faults.at(Operation::FolderAttributes, 1, Fault::Fail(ErrorCode::AccessDenied));
        if moves {
            faults.at(Operation::Rename, 1, Fault::Fail(ErrorCode::CrossDevice));
        }
        let (items, conflict) = (pairs(&[("tree", "copy")]), Conflict::Fail);
        let change_of = if moves { Change::Move { items, conflict } } else { Change::Copy { items, conflict } };
        let job = change(&server.client, 1, change_of).await;
        let Outcome::Done { left_out, .. } = &job.outcomes[0] else { panic!("{job:?}") };
        let listed: Vec<_> = left_out.listed.iter().map(|left_out| (left_out.path.encoded(), left_out.code)).collect();
        assert_eq!(listed[0], ("tree/a".into(), ErrorCode::AccessDenied));
        for name in ["copy/a/one", "copy/b/two", "copy/three"] {
            assert!(exists(&server.client, name).await, "{name}");
        }
        // The folder of a move stays with its attributes, without its content.
        assert!(exists(&server.client, "tree/a").await);
        assert_eq!(exists(&server.client, "tree/a/one").await, !moves);
        server.stop().await;
    }
}

#[tokio::test]
async fn each_entry_of_a_group_has_its_own_outcome() {
    let faults = Faults::seeded(1);
    let storage = MemoryStorage::new();
    for name in ["docs/a", "docs/b", "docs/c", "docs/d", "other/a"] {
        storage.add_file(name, name).unwrap();
    }
    let storage = FaultyStorage::new(storage, Arc::clone(&faults));
    let server = TestServer::with_storage(Arc::new(storage)).await;
    faults.at(Operation::Trash, 2, Fault::Fail(ErrorCode::AccessDenied));
    let items = path_items(&["docs/a", "docs/b", "docs/none", "docs/c", "docs/d", "other/a"]);
    let job = change(&server.client, 1, Change::Trash { items }).await;
    let texts = ["trashed", "access_denied", "not_found", "trashed", "trashed", "trashed"];
    assert_eq!(outcome_texts(&job), texts);
    let ids = trash_ids(&job);
    let make_folder = Change::MakeFolder { paths: vec![path("docs/c")], existing_ok: false };
    // Another entry has taken a name, and one item is named twice.
    assert_eq!(outcome_texts(&change(&server.client, 2, make_folder).await), ["docs/c"]);
    let wanted: Vec<_> = [0, 1, 2, 2, 3].into_iter().map(|index| RestoreItem { id: ids[index], to: None }).collect();
    let job = change(&server.client, 3, Change::Restore { items: wanted.clone(), conflict: Conflict::Skip }).await;
    assert_eq!(outcome_texts(&job), ["docs/a", "skipped", "docs/d", "gone", "other/a"]);
    for (name, content) in [("docs/a", "docs/a"), ("docs/d", "docs/d"), ("other/a", "other/a")] {
        assert_eq!(read_file(&server.client, name).await.unwrap(), content.as_bytes());
    }
    let job = change(&server.client, 4, Change::Restore { items: wanted, conflict: Conflict::KeepBoth }).await;
    assert_eq!(outcome_texts(&job), ["gone", "docs/c%20%282%29", "gone", "gone", "gone"]);
    server.stop().await;
}

#[tokio::test]
async fn all_entries_that_a_job_may_have_are_trashed_and_restored() {
    const FILES: usize = CHANGE_ITEMS_MAX;
    let storage = MemoryStorage::new();
    let names: Vec<_> = (0..FILES).map(|number| format!("many/file{number}")).collect();
    for name in &names {
        storage.add_file(name, name.as_str()).unwrap();
    }
    let server = TestServer::with_storage(Arc::new(storage)).await;
    let items = path_items(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let job = change(&server.client, 1, Change::Trash { items }).await;
    let ids = trash_ids(&job);
    assert_eq!((ids.len(), job.progress.entries), (FILES, FILES as u64));
    let items = ids.iter().map(|id| RestoreItem { id: *id, to: None }).collect();
    let job = change(&server.client, 2, Change::Restore { items, conflict: Conflict::Fail }).await;
    assert_eq!(outcome_texts(&job), names);
    assert_eq!(read_file(&server.client, &names[FILES - 1]).await.unwrap(), names[FILES - 1].as_bytes());
    server.stop().await;
}

#[tokio::test]
async fn replace_merges_folders_and_trashes_replaced_files() {
    let storage = MemoryStorage::new();
    storage.add_file("new/same", "new").unwrap().add_file("new/only", "o").unwrap().add_file("new/in/x", "x").unwrap();
    storage.add_file("old/same", "old").unwrap().add_file("old/in/y", "y").unwrap();
    let storage = Arc::new(storage);
    let server = TestServer::with_storage(storage.clone()).await;
    let items = pairs(&[("new", "old")]);
    let job = change(&server.client, 1, Change::Move { items, conflict: Conflict::Replace }).await;
    assert_eq!(outcome_texts(&job), ["old"]);
    assert!(!exists(&server.client, "new").await);
    for (text, expected) in [("old/same", "new"), ("old/only", "o"), ("old/in/x", "x"), ("old/in/y", "y")] {
        assert_eq!(read_file(&server.client, text).await.unwrap(), expected.as_bytes(), "{text}");
    }
    let trash = server.client.list_trash(&writer(), None, 10).await.unwrap();
    assert_eq!(trash.items.iter().map(|item| item.id).collect::<Vec<_>>(), replaced(&job));
    assert_eq!(trash.items[0].entry.path, path("old/same"));
    server.stop().await;
}

#[tokio::test]
async fn trashed_entries_can_be_restored_and_deleted_ones_cannot() {
    let server = TestServer::start().await;
    let job = change(&server.client, 1, Change::Trash { items: path_items(&["docs", "hello.txt", "nowhere"]) }).await;
    assert_eq!(outcome_texts(&job), ["trashed", "trashed", "not_found"]);
    assert!(!exists(&server.client, "docs").await);
    let trash = server.client.list_trash(&writer(), None, 1).await.unwrap();
    assert_eq!((trash.items.len(), trash.total), (1, Some(2)));
    let rest = server.client.list_trash(&writer(), trash.next_cursor.as_deref(), 9).await.unwrap();
    assert_eq!((rest.items.len(), rest.next_cursor), (1, None));
    let ids = trash_ids(&job);
    let items = vec![RestoreItem { id: ids[0], to: None }, RestoreItem { id: ids[1], to: Some(path("new/hi")) }];
    let back = change(&server.client, 2, Change::Restore { items, conflict: Conflict::Fail }).await;
    assert_eq!(outcome_texts(&back), ["docs", "new/hi"]);
    assert_eq!(read_file(&server.client, "docs/deep/er/file.bin").await.unwrap().len(), 300_000);
    let gone = change(&server.client, 3, Change::Delete { items: path_items(&["docs", "new/hi"]) }).await;
    assert_eq!(outcome_texts(&gone), ["gone", "gone"]);
    assert_eq!(server.client.list_trash(&writer(), None, 9).await.unwrap().total, Some(0));
    let job = change(&server.client, 4, Change::Trash { items: path_items(&["empty"]) }).await;
    let purge = Change::Purge { ids: Some(trash_ids(&job)) };
    assert_eq!(outcome_texts(&change(&server.client, 5, purge.clone()).await), ["gone"]);
    assert!(matches!(
        change(&server.client, 6, purge).await.outcomes[0],
        Outcome::Failed { code: ErrorCode::Gone, .. }
    ));
    server.stop().await;
}

#[tokio::test]
async fn move_to_another_file_system_copies() {
    let disk = SimulatedDisk::new(1);
    disk.add_mount("other").unwrap().add_file("tree/a", "aaa").unwrap().add_file("tree/sub/b", "b").unwrap();
    disk.add_file("other/old", "old").unwrap().add_file("new", "new").unwrap().add_file("other/gone/x", "x").unwrap();
    let server = TestServer::with_storage(disk.storage().into()).await;
    let items = pairs(&[("tree", "other/tree"), ("other/old", "old")]);
    let job = change(&server.client, 1, Change::Move { items, conflict: Conflict::Fail }).await;
    assert_eq!(outcome_texts(&job), ["other/tree", "old"]);
    assert_eq!((job.progress.bytes, job.progress.bytes_total), (7, 7));
    assert!(!exists(&server.client, "tree").await && !exists(&server.client, "other/old").await);
    for (text, expected) in [("other/tree/a", "aaa"), ("other/tree/sub/b", "b"), ("old", "old")] {
        assert_eq!(read_file(&server.client, text).await.unwrap(), expected.as_bytes(), "{text}");
    }
    // Each file system has a trash of its own.
    let job = change(&server.client, 2, Change::Trash { items: path_items(&["other/tree"]) }).await;
    let items = trash_ids(&job).into_iter().map(|id| RestoreItem { id, to: None }).collect();
    let job = change(&server.client, 7, Change::Restore { items, conflict: Conflict::Fail }).await;
    assert_eq!(outcome_texts(&job), ["other/tree"]);
    let items = pairs(&[("new", "other/tree/a")]);
    let job = change(&server.client, 3, Change::Move { items, conflict: Conflict::Replace }).await;
    assert_eq!(outcome_texts(&job), ["other/tree/a"]);
    assert!(matches!(&job.outcomes[0], Outcome::Done { replaced, .. } if replaced.len() == 1));
    assert_eq!(read_file(&server.client, "other/tree/a").await.unwrap(), b"new");
    assert!(!exists(&server.client, "new").await);
    disk.add_file("other/newer", "newer").unwrap();
    let items = pairs(&[("other/newer", "old")]);
    let job = change(&server.client, 5, Change::Move { items, conflict: Conflict::Replace }).await;
    assert_eq!(read_file(&server.client, "old").await.unwrap(), b"newer");
    let [Outcome::Done { replaced, .. }] = job.outcomes.as_slice() else { panic!("{job:?}") };
    let items = vec![RestoreItem { id: replaced[0], to: Some(path("old back")) }];
    change(&server.client, 6, Change::Restore { items, conflict: Conflict::Fail }).await;
    assert_eq!(read_file(&server.client, "old back").await.unwrap(), b"old");
    let job = change(&server.client, 4, Change::Delete { items: path_items(&["other/gone", "other/tree"]) }).await;
    assert_eq!(outcome_texts(&job), ["gone", "gone"]);
    assert!(!exists(&server.client, "other/gone").await);
    let kept = server.client.list_trash(&writer(), None, 9).await.unwrap().items;
    assert_eq!(kept.iter().map(|item| item.entry.path.encoded()).collect::<Vec<_>>(), ["other/tree/a"]);
    server.stop().await;
}

mod permissions {
    use super::*;

    fn below_docs() -> Caller {
        let root = Root { name: String::new(), folder: path("docs"), rights: Rights::ALL, quota_bytes: None };
        Caller { scope: Scope { roots: vec![root] }, ..Caller::default() }
    }

    #[tokio::test]
    async fn a_job_is_hidden_from_other_owners() {
        let server = TestServer::start().await;
        change(&server.client, 1, Change::Trash { items: path_items(&["hello.txt"]) }).await;
        let named = Caller { principal: Some("eve".into()), ..writer() };
        for eve in [named, below_docs()] {
            assert_eq!(error_code(server.client.job(&eve, key(1), 0, Duration::ZERO).await), ErrorCode::NotFound);
            assert_eq!(error_code(server.client.cancel_job(&eve, key(1)).await), ErrorCode::NotFound);
            assert!(server.client.jobs(&eve).await.unwrap().is_empty());
        }
        assert_eq!(server.client.jobs(&writer()).await.unwrap()[0].id, key(1));
        server.stop().await;
    }

    #[tokio::test]
    async fn list_trash_shows_items_and_paths_below_the_root() {
        let server = TestServer::start().await;
        let job =
            change(&server.client, 1, Change::Trash { items: path_items(&["hello.txt", "docs/a%20b.txt"]) }).await;
        let ids = trash_ids(&job);
        let eve = below_docs();
        let trash = server.client.list_trash(&eve, None, 10).await.unwrap();
        assert_eq!((trash.total, trash.items[0].entry.path.encoded()), (Some(1), "a%20b.txt".into()));
        let items = ids.iter().map(|id| RestoreItem { id: *id, to: None }).collect();
        let back =
            change_as(&server.client, &eve, 2, Change::Restore { items, conflict: Conflict::Fail }).await.unwrap();
        assert_eq!(outcome_texts(&back), ["gone", "a%20b.txt"]);
        let purge = change_as(&server.client, &eve, 3, Change::Purge { ids: None }).await.unwrap();
        assert_eq!(outcome_texts(&purge), ["gone"]);
        assert_eq!(server.client.list_trash(&writer(), None, 10).await.unwrap().total, Some(1));
        let moved = change_as(
            &server.client,
            &eve,
            4,
            Change::Move { items: pairs(&[("deep/er", "er")]), conflict: Conflict::Fail },
        );
        assert_eq!(outcome_texts(&moved.await.unwrap()), ["er"]);
        assert!(exists(&server.client, "docs/er/file.bin").await);
        server.stop().await;
    }

    #[tokio::test]
    async fn changes_need_their_rights() {
        let server = TestServer::start().await;
        let refused = |rights, change| {
            let (client, caller) = (server.client.clone(), Caller { scope: Scope::whole(rights), ..Caller::default() });
            async move { error_code(change_as(&client, &caller, 1, change).await) }
        };
        let items = pairs(&[("hello.txt", "x")]);
        let no_delete = Rights::READ_ONLY.union(Rights::CREATE);
        let all = [
            (Rights::READ_ONLY, Change::MakeFolder { paths: vec![path("x")], existing_ok: false }),
            (no_delete, Change::Move { items: items.clone(), conflict: Conflict::Fail }),
            (Rights::READ_ONLY, Change::Copy { items: items.clone(), conflict: Conflict::Fail }),
            (Rights::CREATE, Change::Copy { items, conflict: Conflict::Fail }),
            (no_delete, Change::Trash { items: path_items(&["hello.txt"]) }),
            (no_delete, Change::Delete { items: path_items(&["hello.txt"]) }),
            (no_delete, Change::Purge { ids: None }),
        ];
        for (rights, change) in all {
            assert_eq!(refused(rights, change).await, ErrorCode::Forbidden);
        }
        let caller = Caller { scope: Scope::whole(no_delete), ..Caller::default() };
        let replace = Change::Copy { items: pairs(&[("hello.txt", "empty")]), conflict: Conflict::Replace };
        assert_eq!(outcome_texts(&change_as(&server.client, &caller, 2, replace).await.unwrap()), ["forbidden"]);
        server.stop().await;
    }
}

#[tokio::test]
async fn a_key_belongs_to_one_change() {
    let server = TestServer::start().await;
    let items = pairs(&[("hello.txt", "hi.txt")]);
    let first = change(&server.client, 1, Change::Move { items: items.clone(), conflict: Conflict::Fail }).await;
    let again = change(&server.client, 1, Change::Move { items, conflict: Conflict::Fail }).await;
    assert_eq!(again.outcomes, first.outcomes);
    let other = change_as(&server.client, &writer(), 1, Change::Purge { ids: None }).await;
    assert_eq!(error_code(other), ErrorCode::KeyReused);
    server.stop().await;
}

#[tokio::test]
async fn changes_stay_below_the_root_and_keep_the_root() {
    let storage = MemoryStorage::new();
    storage.add_file("a", "a").unwrap().add_link("out", "/etc").unwrap().add_folder("f").unwrap();
    let server = TestServer::with_storage(Arc::new(storage)).await;
    let items =
        pairs(&[("a", "out/a"), ("a", ".passerelle/a"), ("a", "f/.Passerelle"), ("", "x"), ("f", ""), ("out/x", "y")]);
    let job = change(&server.client, 1, Change::Move { items: items.clone(), conflict: Conflict::Replace }).await;
    let copied = change(&server.client, 2, Change::Copy { items, conflict: Conflict::Replace }).await;
    for job in [&job, &copied] {
        assert!(
            job.outcomes.iter().all(|outcome| matches!(outcome, Outcome::Failed { .. })),
            "{:?}",
            outcome_texts(job)
        );
    }
    let job = change(&server.client, 3, Change::Delete { items: path_items(&["", "out/x", ".passerelle"]) }).await;
    assert!(job.outcomes.iter().all(|outcome| matches!(outcome, Outcome::Failed { .. })), "{:?}", outcome_texts(&job));
    // A link is moved itself, whatever its target.
    let job = change(&server.client, 4, Change::Trash { items: path_items(&["out"]) }).await;
    assert_eq!(outcome_texts(&job), ["trashed"]);
    assert_eq!(read_file(&server.client, "a").await.unwrap(), b"a");
    server.stop().await;
}

#[tokio::test]
async fn if_etag_refuses_a_source_with_another_validator() {
    let server = TestServer::start().await;
    let stale = Some(shared::ETag([1; 16]));
    let job = Change::Trash { items: vec![PathItem { path: path("hello.txt"), if_etag: stale }] };
    assert_eq!(outcome_texts(&change(&server.client, 1, job).await), ["changed"]);
    let items = vec![PathPair { if_etag: stale, ..pair("hello.txt", "x") }];
    assert_eq!(
        outcome_texts(
            &change(&server.client, 2, Change::Move { items: items.clone(), conflict: Conflict::Fail }).await
        ),
        ["changed"]
    );
    assert_eq!(
        outcome_texts(&change(&server.client, 3, Change::Copy { items, conflict: Conflict::Fail }).await),
        ["changed"]
    );
    server.stop().await;
}

#[tokio::test]
async fn outcomes_of_many_items_arrive_completely() {
    let server = TestServer::start().await;
    // The request fits one frame; the answer, with an entry for each, does not.
    let paths = (0..1_000).map(|number| path(&format!("folder-of-some-length/{number}"))).collect();
    let job = change(&server.client, 1, Change::MakeFolder { paths, existing_ok: false }).await;
    assert_eq!(job.outcomes.len(), 1_000);
    let asked = server.client.job(&writer(), key(1), 0, Duration::ZERO).await.unwrap();
    assert_eq!(asked, job);
    server.stop().await;
}

#[tokio::test]
async fn a_cancelled_job_leaves_the_other_items_untouched() {
    let storage = MemoryStorage::new();
    for number in 0..3_000 {
        storage.add_file(format!("tree/{number}"), "x").unwrap();
    }
    let server = TestServer::with_storage(Arc::new(storage)).await;
    let items = (0..1_000).map(|number| pair("tree", &format!("copy{number}"))).collect();
    let job = Change::Copy { items, conflict: Conflict::Fail };
    let begun = server.client.change(&writer(), key(1), job, Duration::ZERO).await.unwrap();
    assert_eq!(begun.state, JobState::Running);
    let mut job = server.client.cancel_job(&writer(), key(1)).await.unwrap();
    while job.state == JobState::Running {
        job = server.client.job(&writer(), key(1), job.version, Duration::from_secs(10)).await.unwrap();
    }
    assert_eq!(job.state, JobState::Canceled);
    assert!(job.outcomes.len() < 1_000);
    assert!(!exists(&server.client, "copy999").await);
    server.stop().await;
}

#[tokio::test]
async fn what_a_cancelled_purge_leaves_stays_in_the_trash() {
    let storage = MemoryStorage::new();
    for number in 0..50_000 {
        storage.add_file(format!("tree/{number}"), "x").unwrap();
    }
    let server = TestServer::with_storage(Arc::new(storage)).await;
    let ids = trash_ids(&change(&server.client, 1, Change::Trash { items: path_items(&["tree"]) }).await);
    let purge = Change::Purge { ids: Some(ids.clone()) };
    server.client.change(&writer(), key(2), purge, Duration::ZERO).await.unwrap();
    let mut job = server.client.cancel_job(&writer(), key(2)).await.unwrap();
    while job.state == JobState::Running {
        job = server.client.job(&writer(), key(2), job.version, Duration::from_secs(10)).await.unwrap();
    }
    assert_eq!(job.state, JobState::Canceled);
    assert_eq!(server.client.list_trash(&writer(), None, 9).await.unwrap().total, Some(1));
    let items = vec![RestoreItem { id: ids[0], to: None }];
    change(&server.client, 3, Change::Restore { items, conflict: Conflict::Fail }).await;
    assert!(exists(&server.client, "tree").await);
    server.stop().await;
}

/// A restore is faster than the purge that has seen the item.
#[tokio::test]
async fn a_purge_that_finds_its_item_gone_says_so() {
    let (faults, storage) = (Faults::seeded(1), MemoryStorage::new());
    storage.add_file("a", "x").unwrap();
    let server = TestServer::with_storage(Arc::new(FaultyStorage::new(storage, Arc::clone(&faults)))).await;
    let ids = trash_ids(&change(&server.client, 1, Change::Trash { items: path_items(&["a"]) }).await);
    // The first of these calls looks at the item.
    faults.at(Operation::Restore, faults.calls(Operation::Restore) + 2, Fault::Fail(ErrorCode::Gone));
    let purged = change(&server.client, 2, Change::Purge { ids: Some(ids.clone()) }).await;
    assert!(matches!(purged.outcomes[..], [Outcome::Failed { code: ErrorCode::Gone, .. }]), "{purged:?}");
    // It is not hidden for what that purge has marked.
    assert_eq!(server.client.list_trash(&writer(), None, 9).await.unwrap().total, Some(1));
    let again = change(&server.client, 3, Change::Purge { ids: Some(ids) }).await;
    assert!(matches!(again.outcomes[..], [Outcome::Done { .. }]), "{again:?}");
    server.stop().await;
}

/// The root is an entry of a folder that the caller may not change.
#[tokio::test]
async fn the_root_itself_is_not_changed() {
    let server = TestServer::start().await;
    let client = &server.client;
    let mut below = writer();
    below.scope.roots[0].folder = path("docs");
    let job = change(client, 1, Change::Trash { items: path_items(&["docs/deep"]) }).await;
    let trashed = trash_ids(&job)[0];
    let mut number = 1;
    for caller in [writer(), below] {
        let root = || vec![PathItem { path: path(""), if_etag: None }];
        let back = vec![RestoreItem { id: trashed, to: Some(path("")) }];
        for change in [
            Change::Trash { items: root() },
            Change::Delete { items: root() },
            Change::Move { items: pairs(&[("", "x")]), conflict: Conflict::Fail },
            Change::Copy { items: pairs(&[("", "x"), ("nothing", "")]), conflict: Conflict::Replace },
            Change::Restore { items: back, conflict: Conflict::Replace },
            Change::MakeFolder { paths: vec![path("")], existing_ok: false },
        ] {
            number += 1;
            let code = if let Change::MakeFolder { .. } = change { "already_exists" } else { "bad_request" };
            let job = change_as(client, &caller, number, change).await.unwrap();
            assert!(outcome_texts(&job).iter().all(|text| text == code), "{number}: {:?}", outcome_texts(&job));
        }
    }
    assert!(client.stat(&reader(), &path("docs/nothing")).await.unwrap().is_folder());
    server.stop().await;
}
