//! Digests of files that take for ever to read.

use std::sync::Arc;

use backend::client::Stage;
use backend::server::ServerConfig;
use backend::storage::local::LocalStorage;
use backend::storage::memory::MemoryStorage;
use shared::limits::{FILES_READ_MAX, FILES_READ_OF_ONE_MAX, FILES_READ_WAITING_OF_ONE_MAX};
use shared::wire::{Digest, DigestsKnown, FrameKind};
use shared::{Algorithm, ErrorCode};

use super::endless_file::EndlessFiles;
use super::{visitor, wait_until};
use crate::raw_connection::{RawConnection, within};
use crate::test_server::{TestServer, path, reader};
use crate::uploads::{commit, put, stage};

fn digest(address: &str, name: &str) -> Digest {
    Digest { caller: visitor(address), path: path(name), algorithms: vec![Algorithm::Crc32], known_only: false }
}

async fn serve(files: usize) -> (Arc<EndlessFiles>, TestServer) {
    let tree = MemoryStorage::new();
    for number in 0..files {
        tree.add_file(format!("{number}"), "").unwrap();
    }
    let storage = EndlessFiles::new(tree);
    let server = TestServer::with_config(storage.clone(), ServerConfig::default()).await;
    (storage, server)
}

/// A few threads for blocking work stand for the 512 of a server.
#[test]
fn equal_digests_read_the_file_once_and_leave_threads_to_others() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).max_blocking_threads(6).enable_all().build();
    runtime.unwrap().block_on(async {
        let (storage, server) = serve(1).await;
        let mut asking = Vec::new();
        for request in 0..40 {
            let mut raw = RawConnection::open(&server).await;
            raw.send(FrameKind::Digest, 1, &digest(&format!("192.0.2.{request}"), "0")).await;
            asking.push(raw);
        }
        for raw in &mut asking {
            // A report of progress, from all of them.
            assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Digests));
        }
        wait_until(|| storage.open_count() == 1).await;
        within(server.client.stat(&reader(), &path("0"))).await.unwrap();
        let mut last = asking.pop().unwrap();
        drop(asking);
        // Several reports later, the server has seen the others leave.
        for _ in 0..3 {
            assert_eq!(within(last.next()).await.unwrap().kind(), Some(FrameKind::Digests));
        }
        assert_eq!(storage.open_count(), 1, "one request still waits");
        drop(last);
        wait_until(|| storage.open_count() == 0).await;
        server.stop().await;
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digests_of_one_client_leave_places_to_another() {
    let files = FILES_READ_OF_ONE_MAX as usize + FILES_READ_WAITING_OF_ONE_MAX;
    let (storage, server) = serve(files + 2).await;
    let mut asking = Vec::new();
    for number in 0..files {
        let mut raw = RawConnection::open(&server).await;
        raw.send(FrameKind::Digest, 1, &digest("192.0.2.1", &number.to_string())).await;
        asking.push(raw);
    }
    for raw in &mut asking {
        assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Digests));
    }
    let mut over = RawConnection::open(&server).await;
    over.send(FrameKind::Digest, 1, &digest("192.0.2.1", &files.to_string())).await;
    assert_eq!(over.end(1).await, Some(ErrorCode::TooManyRequests));
    // All of these files are open; of the other client one more is read.
    let before = storage.open_count();
    let mut other = RawConnection::open(&server).await;
    other.send(FrameKind::Digest, 1, &digest("192.0.2.2", &(files + 1).to_string())).await;
    assert_eq!(other.next().await.unwrap().kind(), Some(FrameKind::Digests));
    assert_eq!(storage.open_count(), before + 1);
    drop((asking, other));
    wait_until(|| storage.open_count() == 0).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_digests_of_a_file_do_not_wait_for_the_reading_of_another_client() {
    let (storage, server) = serve(1).await;
    let mut first = RawConnection::open(&server).await;
    first.send(FrameKind::Digest, 1, &digest("192.0.2.1", "0")).await;
    let is_read = |report: DigestsKnown| report.bytes > 0;
    while !is_read(within(first.next()).await.unwrap().message().unwrap()) {}
    let mut second = RawConnection::open(&server).await;
    let others = Digest { algorithms: vec![Algorithm::Sha256, Algorithm::Crc32], ..digest("192.0.2.2", "0") };
    second.send(FrameKind::Digest, 1, &others).await;
    within(async { while !is_read(second.next().await.unwrap().message().unwrap()) {} }).await;
    assert_eq!(storage.open_count(), 2);
    drop((first, second));
    wait_until(|| storage.open_count() == 0).await;
    server.stop().await;
}

/// Files of one TiB of zeros each, which two clients have read in all places.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digests_of_two_clients_let_a_joined_upload_and_a_digest_of_another_end() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..FILES_READ_MAX {
        let file = std::fs::File::create(folder.path().join(number.to_string())).unwrap();
        file.set_len(1 << 40).unwrap();
    }
    std::fs::write(folder.path().join("small"), "content").unwrap();
    let config = ServerConfig { reading_turn_bytes: 1 << 20, ..ServerConfig::default() };
    let storage = LocalStorage::open(folder.path(), None).unwrap();
    let server = TestServer::with_config(storage.into(), config).await;
    let mut part = Vec::new();
    for _ in 0..2 {
        let id = server.client.stage(&Stage { target: None, ..stage("part", Some(3)) }).await.unwrap().id;
        put(&server.client, id, 0, b"abc").await.unwrap();
        part.push(id);
    }
    let joined = server.client.stage(&Stage { parts: part, ..stage("joined", None) }).await.unwrap().id;
    let mut asking = Vec::new();
    for number in 0..FILES_READ_MAX {
        let mut raw = RawConnection::open(&server).await;
        raw.send(FrameKind::Digest, 1, &digest(&format!("192.0.2.{}", number % 2), &number.to_string())).await;
        asking.push(raw);
    }
    for raw in &mut asking {
        let is_read = |report: DigestsKnown| report.bytes > 0;
        within(async { while !is_read(raw.next().await.unwrap().message().unwrap()) {} }).await;
    }
    let other = within(server.client.commit(&commit(joined))).await.unwrap();
    assert_eq!(other.entry.unwrap().size, 6);
    let mut raw = RawConnection::open(&server).await;
    raw.send(FrameKind::Digest, 1, &digest("192.0.2.3", "small")).await;
    let found = |report: DigestsKnown| report.digests.get(Algorithm::Crc32).is_some();
    within(async { while !found(raw.next().await.unwrap().message().unwrap()) {} }).await;
    drop((asking, raw));
    server.stop().await;
}
