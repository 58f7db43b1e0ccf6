//! Events of a folder through the client.

use std::sync::Arc;

use backend::client::{Caller, FolderEvents};
use backend::storage::memory::MemoryStorage;
use backend::storage::testing::faulty::{Fault, Faults, FaultyStorage, Operation};
use shared::limits::WATCHES_OF_ONE_MAX;
use shared::{Change, ErrorCode, EventId, EventKind, Rights, Scope};

use super::changes::change;
use super::raw_connection::within;
use super::test_server::{TestServer, path, reader};
use super::uploads::{commit, error_code, put, stage};

/// The next event and its id.
async fn next(watcher: &mut FolderEvents) -> (EventId, EventKind) {
    let event = within(watcher.next()).await.unwrap();
    (event.id, event.kind)
}

fn event_text(kind: &EventKind) -> String {
    match kind {
        EventKind::Ready => "ready".into(),
        EventKind::Resync => "resync".into(),
        EventKind::Present { entry } => format!("+{}", entry.path),
        EventKind::Absent { path } => format!("-{path}"),
        EventKind::Gone => "gone".into(),
    }
}

#[tokio::test]
async fn watch_reports_new_changed_and_removed_entries() {
    let storage = Arc::new(MemoryStorage::new());
    storage.add_file("f/a", "a").unwrap().add_file("g/b", "b").unwrap();
    let server = TestServer::with_storage(storage.clone()).await;
    let mut watcher = server.client.watch(&reader(), &path("f"), None).await.unwrap();
    assert_eq!(next(&mut watcher).await.1, EventKind::Ready);
    let upload = server.client.stage(&stage("f/new", Some(1))).await.unwrap();
    put(&server.client, upload.id, 0, b"1").await.unwrap();
    let entry = server.client.commit(&commit(upload.id)).await.unwrap().entry.unwrap();
    let (first, kind) = next(&mut watcher).await;
    assert_eq!(kind, EventKind::Present { entry });
    // Changes elsewhere and of hidden entries are not reported.
    storage.add_file("g/c", "c").unwrap();
    storage.remove("f/a").unwrap();
    let (second, kind) = next(&mut watcher).await;
    assert_eq!(event_text(&kind), "-f/a");
    assert_eq!((second.epoch, second.sequence), (first.epoch, first.sequence + 1));
    server.stop().await;
}

#[tokio::test]
async fn watch_after_an_event_reports_the_events_since() {
    let storage = Arc::new(MemoryStorage::new());
    storage.add_file("a", "a").unwrap();
    let server = TestServer::with_storage(storage.clone()).await;
    let mut first = server.client.watch(&reader(), &path(""), None).await.unwrap();
    let (ready, _) = next(&mut first).await;
    storage.write("a", "b").unwrap();
    assert_eq!(event_text(&next(&mut first).await.1), "+a");
    storage.remove("a").unwrap();
    let (last, kind) = next(&mut first).await;
    assert_eq!(event_text(&kind), "-a");
    drop(first);
    let mut back = server.client.watch(&reader(), &path(""), Some(ready)).await.unwrap();
    let received = [next(&mut back).await.1, next(&mut back).await.1, next(&mut back).await.1];
    assert_eq!(received.each_ref().map(event_text), ["ready", "+a", "-a"]);
    let forgotten = EventId { epoch: last.epoch ^ 1, ..last };
    let mut back = server.client.watch(&reader(), &path(""), Some(forgotten)).await.unwrap();
    assert_eq!([next(&mut back).await.1, next(&mut back).await.1].each_ref().map(event_text), ["ready", "resync"]);
    server.stop().await;
}

/// Listing a million entries takes seconds. If `ready` came only afterwards, a client could miss changes.
#[tokio::test]
async fn watch_is_ready_before_the_first_listing() {
    let storage = MemoryStorage::new();
    storage.add_file("a", "a").unwrap();
    let faults = Faults::seeded(1);
    faults.at(Operation::List, 1, Fault::Fail(ErrorCode::Io));
    let server = TestServer::with_storage(Arc::new(FaultyStorage::new(storage, faults))).await;
    let mut watcher = server.client.watch(&reader(), &path(""), None).await.unwrap();
    assert_eq!([next(&mut watcher).await.1, next(&mut watcher).await.1], [EventKind::Ready, EventKind::Gone]);
    server.stop().await;
}

#[tokio::test]
async fn a_removed_folder_ends_its_watch() {
    let server = TestServer::start().await;
    let mut watcher = server.client.watch(&reader(), &path("docs/deep"), None).await.unwrap();
    assert_eq!(next(&mut watcher).await.1, EventKind::Ready);
    let items = vec![shared::change::PathItem { path: path("docs/deep"), if_etag: None }];
    change(&server.client, 1, Change::Trash { items }).await;
    assert_eq!(next(&mut watcher).await.1, EventKind::Gone);
    assert_eq!(
        error_code(server.client.watch(&reader(), &path("docs/deep"), None).await.map(drop)),
        ErrorCode::NotFound
    );
    server.stop().await;
}

#[tokio::test]
async fn watch_needs_list_and_stays_below_the_root() {
    let server = TestServer::start().await;
    let blind = Caller { scope: Scope::whole(Rights::READ), ..Caller::default() };
    assert_eq!(error_code(server.client.watch(&blind, &path(""), None).await.map(drop)), ErrorCode::Forbidden);
    assert_eq!(
        error_code(server.client.watch(&reader(), &path("hello.txt"), None).await.map(drop)),
        ErrorCode::NotFolder
    );
    let inside = Caller { scope: Scope::below(path("docs"), Rights::LIST), ..Caller::default() };
    let mut watcher = server.client.watch(&inside, &path("deep"), None).await.unwrap();
    assert_eq!(next(&mut watcher).await.1, EventKind::Ready);
    let paths = vec![path("docs/deep/new")];
    change(&server.client, 1, Change::MakeFolder { paths, existing_ok: false }).await;
    assert_eq!(event_text(&next(&mut watcher).await.1), "+deep/new");
    server.stop().await;
}

#[tokio::test]
async fn folders_that_are_watched_no_more_keep_no_place_from_others() {
    let storage = MemoryStorage::new();
    for number in 0..=WATCHES_OF_ONE_MAX {
        storage.add_folder(format!("f{number}")).unwrap();
    }
    let storage = Arc::new(storage);
    let server = TestServer::with_storage(storage.clone()).await;
    let mut first = server.client.watch(&reader(), &path("f0"), None).await.unwrap();
    assert_eq!(next(&mut first).await.1, EventKind::Ready);
    for number in 1..=WATCHES_OF_ONE_MAX {
        let mut other = server.client.watch(&reader(), &path(&format!("f{number}")), None).await.unwrap();
        assert_eq!(next(&mut other).await.1, EventKind::Ready);
    }
    storage.add_file("f0/new", "new").unwrap();
    assert_eq!(event_text(&next(&mut first).await.1), "+f0/new");
    server.stop().await;
}
