//! Changes through the client: each is a job with an outcome for every item.

mod jobs;
mod odd_entries;
mod trash;

use std::sync::Arc;
use std::time::Duration;

use backend::client::{Caller, Client, ClientError};
use backend::storage::memory::MemoryStorage;
use backend::storage::testing::simulated::SimulatedDisk;
use shared::change::{PathItem, PathPair, RestoreItem};
use shared::{Change, Conflict, ErrorCode, Job, JobId, JobState, Outcome, Rights, Scope, TrashId};

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
        Caller { scope: Scope::below(path("docs"), Rights::ALL), ..Caller::default() }
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

/// The root is an entry of a folder that the caller may not change.
#[tokio::test]
async fn the_root_itself_is_not_changed() {
    let server = TestServer::start().await;
    let client = &server.client;
    let mut below = writer();
    below.scope = Scope::below(path("docs"), Rights::ALL);
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
