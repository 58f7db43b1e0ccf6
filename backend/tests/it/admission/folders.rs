//! Folders that are read for ever, and folders whose rows are not taken.

use std::sync::Arc;

use backend::admission::Figures;
use backend::client::Caller;
use backend::storage::memory::MemoryStorage;
use shared::wire::{FrameKind, List, Message, Walk};
use shared::{Order, VPath};

use super::gated_folders::{GatedFolders, OpenOnDrop};
use super::{visitor, wait_until};
use crate::raw_connection::RawConnection;
use crate::test_server::{TestServer, path};

const ATTACKER: &str = "192.0.2.1";
const OTHER: &str = "192.0.2.2";
/// How many batches of one client wait for its own.
const WAITING: usize = 8;

fn list(address: &str, folder: &str) -> List {
    let (caller, path): (Caller, VPath) = (visitor(address), path(folder));
    List { caller, path, order: Order::default(), cursor: None, limit: 1_000_000 }
}

fn walk(address: &str, folder: &str) -> Walk {
    Walk { caller: visitor(address), paths: vec![path(folder)], cursor: None }
}

async fn ask<M: Message>(server: &TestServer, kind: FrameKind, request: &M) -> RawConnection {
    let mut raw = RawConnection::open(server).await;
    raw.send(kind, 1, request).await;
    raw
}

fn figures(server: &TestServer) -> Figures {
    let all = server.server.admission_figures();
    all.into_iter().find(|(name, _)| *name == "folders_read").unwrap().1
}

fn most_of_one(server: &TestServer) -> usize {
    figures(server).bounds.one as usize
}

/// A server with more gated folders of each kind than one client may read at a time, and folders that are not gated.
async fn serve() -> (Arc<GatedFolders>, OpenOnDrop, TestServer) {
    let tree = MemoryStorage::new();
    for folder in ["names", "rows"] {
        for number in 0..1_000 {
            tree.add_file(format!("{folder}{number}/file"), "").unwrap();
        }
    }
    tree.add_file("free/file", "").unwrap();
    let (storage, gate) = GatedFolders::new(tree);
    let server = TestServer::with_storage(storage.clone()).await;
    (storage, gate, server)
}

async fn check<M: Message>(kind: FrameKind, prefix: &str, request: impl Fn(&str, &str) -> M) {
    let (storage, _gate, server) = serve().await;
    let one = most_of_one(&server);
    let mut asking = Vec::new();
    for number in 0..one + WAITING {
        asking.push(ask(&server, kind, &request(ATTACKER, &format!("{prefix}{number}"))).await);
    }
    wait_until(|| storage.entered() + figures(&server).waiting == one + WAITING).await;
    assert_eq!(storage.entered(), one, "{kind:?} {prefix}");
    let mut other = ask(&server, kind, &request(OTHER, "free")).await;
    assert_eq!(other.end(1).await, None);
    storage.open_gate();
    for raw in &mut asking {
        assert_eq!(raw.end(1).await, None);
    }
    assert_eq!((figures(&server).held, figures(&server).waiting), (0, 0));
    drop((asking, other));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_reads_the_names_of_few_folders_at_a_time() {
    check(FrameKind::List, "names", list).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_looks_up_the_rows_of_few_folders_at_a_time() {
    check(FrameKind::List, "rows", list).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_walks_few_folders_at_a_time() {
    check(FrameKind::Walk, "names", walk).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_that_waits_for_its_place_holds_up_no_other_client_in_its_folder() {
    let (storage, _gate, server) = serve().await;
    let one = most_of_one(&server);
    let mut asking = Vec::new();
    for number in 0..one {
        asking.push(ask(&server, FrameKind::List, &list(ATTACKER, &format!("names{number}"))).await);
    }
    wait_until(|| storage.entered() == one).await;
    asking.push(ask(&server, FrameKind::List, &list(ATTACKER, "free")).await);
    wait_until(|| figures(&server).waiting == 1).await;
    let mut other = ask(&server, FrameKind::List, &list(OTHER, "free")).await;
    assert_eq!(other.end(1).await, None);
    storage.open_gate();
    for raw in &mut asking {
        assert_eq!(raw.end(1).await, None);
    }
    drop((asking, other));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_not_read_holds_no_place() {
    let tree = MemoryStorage::new();
    for number in 0..40_000 {
        tree.add_file(format!("long/holiday picture {number:06}.jpeg"), "").unwrap();
    }
    let server = TestServer::with_storage(Arc::new(tree)).await;
    let mut slow = Vec::new();
    for _ in 0..most_of_one(&server) + 1 {
        let mut raw = ask(&server, FrameKind::List, &list(ATTACKER, "long")).await;
        assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Columns));
        slow.push(raw);
        let mut raw = ask(&server, FrameKind::Walk, &walk(ATTACKER, "long")).await;
        assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Page));
        slow.push(raw);
    }
    wait_until(|| figures(&server).held == 0).await;
    drop(slow);
    server.stop().await;
}
