//! Entries that cannot be copied or moved: links that lead nowhere, pipes, what may not be read.

use std::sync::Arc;

use backend::storage::memory::MemoryStorage;
use backend::storage::testing::faulty::{Fault, Faults, FaultyStorage, Operation};
use backend::storage::testing::simulated::SimulatedDisk;
use shared::{Change, Conflict, ErrorCode, Job, Link, Outcome};

use super::{change, exists, outcome_texts, pairs};
use crate::reading::read_file;
use crate::test_server::{TestServer, path, reader};

/// The entries below the items that were left out, each with its reason.
fn left_out(job: &Job) -> Vec<String> {
    let of = |outcome: &Outcome| match outcome {
        Outcome::Done { left_out, .. } => left_out.listed.clone(),
        _ => Vec::new(),
    };
    job.outcomes.iter().flat_map(of).map(|entry| format!("{} at {}", entry.code, entry.path)).collect()
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
    // Its target moves before it.
    disk.add_link("tree/in/latest", "b").unwrap();
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
    assert_eq!(link("other/tree/in/latest").await, Some(Link::Inside(b"b".to_vec())));
    // The entry that was left out stays, with the folders above it.
    assert!(exists(&server.client, "tree/in/pipe").await);
    for gone in ["tree/a", "tree/z", "tree/out", "tree/in/b", "tree/in/dangling", "tree/in/latest"] {
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
