//! Moving to the trash, restoring from it, and purging.

use std::sync::Arc;
use std::time::Duration;

use backend::storage::memory::MemoryStorage;
use backend::storage::testing::faulty::{Fault, Faults, FaultyStorage, Operation};
use shared::change::RestoreItem;
use shared::limits::CHANGE_ITEMS_MAX;
use shared::{Change, Conflict, ErrorCode, JobState, Outcome, TrashId};

use super::{change, exists, key, outcome_texts, path_items, trash_ids};
use crate::reading::read_file;
use crate::test_server::{TestServer, path, writer};

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
async fn taken_names_are_found_in_folders_of_any_size() {
    // Of a small folder the names are read, and in a large one the names of the items are looked up.
    for others in [0, 40] {
        let storage = MemoryStorage::new();
        let others = (0..others).map(|number| format!("docs/other{number}"));
        for name in ["docs/a", "docs/b", "docs/c", "docs/d"].map(String::from).into_iter().chain(others) {
            storage.add_file(&name, name.as_str()).unwrap();
        }
        let server = TestServer::with_storage(Arc::new(storage)).await;
        let items = path_items(&["docs/a", "docs/b", "docs/c", "docs/d"]);
        let ids = trash_ids(&change(&server.client, 1, Change::Trash { items }).await);
        // One name is taken, and some file systems take another name for one of an item.
        let paths = ["docs/b", "docs/D"].map(path).into();
        change(&server.client, 2, Change::MakeFolder { paths, existing_ok: false }).await;
        let items: Vec<_> = ids.into_iter().map(|id| RestoreItem { id, to: None }).collect();
        let job = change(&server.client, 3, Change::Restore { items: items.clone(), conflict: Conflict::Fail }).await;
        assert_eq!(outcome_texts(&job), ["docs/a", "already_exists", "docs/c", "docs/d"]);
        let job = change(&server.client, 4, Change::Restore { items, conflict: Conflict::KeepBoth }).await;
        assert_eq!(outcome_texts(&job), ["gone", "docs/b%20%282%29", "gone", "gone"]);
        server.stop().await;
    }
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
async fn what_a_cancelled_purge_leaves_stays_in_the_trash() {
    let storage = MemoryStorage::new();
    let server = TestServer::with_storage(Arc::new(storage.clone())).await;
    let mut keys = 1..;
    let mut key = || keys.next().unwrap();
    // A purge that ends before the cancellation has left nothing: then there is another one.
    let id = loop {
        for number in 0..50_000 {
            storage.add_file(format!("tree/{number}"), "x").unwrap();
        }
        let ids = trash_ids(&change(&server.client, key(), Change::Trash { items: path_items(&["tree"]) }).await);
        if purge_and_cancel(&server, key(), ids[0]).await == JobState::Canceled {
            break ids[0];
        }
    };
    assert_eq!(server.client.list_trash(&writer(), None, 9).await.unwrap().total, Some(1));
    let items = vec![RestoreItem { id, to: None }];
    change(&server.client, key(), Change::Restore { items, conflict: Conflict::Fail }).await;
    assert!(exists(&server.client, "tree").await);
    server.stop().await;
}

async fn purge_and_cancel(server: &TestServer, number: u8, id: TrashId) -> JobState {
    let purge = Change::Purge { ids: Some(vec![id]) };
    server.client.change(&writer(), key(number), purge, Duration::ZERO).await.unwrap();
    let mut job = server.client.cancel_job(&writer(), key(number)).await.unwrap();
    while job.state == JobState::Running {
        job = server.client.job(&writer(), key(number), job.version, Duration::from_secs(10)).await.unwrap();
    }
    job.state
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
