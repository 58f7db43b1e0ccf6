//! Dropped transfers and calls free their connections.

use std::pin::pin;
use std::sync::Arc;

use backend::client::Item;
use backend::storage::memory::MemoryStorage;
use shared::Order;
use tokio::task::yield_now;

use super::fixtures::{item, stat, storage_with_sevens, wait_until};
use super::gated_storage::GatedStorage;
use crate::reading::{read_file, read_item};
use crate::test_server::{TestServer, path, reader, small_tree};

#[tokio::test]
async fn a_dropped_transfer_frees_its_connection() {
    let storage = storage_with_sevens("big", 64 << 20);
    storage.add_file("little", vec![7; 300_000]).unwrap();
    let server = TestServer::with_storage(Arc::new(storage)).await;
    for _ in 0..20 {
        let mut transfer = server.client.get(&reader(), vec![item("big"), item("little")]).await.unwrap();
        assert!(matches!(transfer.next_item().await, Ok(Some(Item::Sending(_)))));
        assert!(transfer.piece().await.unwrap().is_some());
        drop(transfer);
        wait_until(|| server.client.status().reading.busy == 0).await;
    }
    // The rest of a short transfer is read, and the connection used again.
    wait_until(|| server.client.status().reading.busy == 0).await;
    let mut transfer = server.client.get(&reader(), vec![item("little"); 3]).await.unwrap();
    assert!(matches!(transfer.next_item().await, Ok(Some(Item::Sending(_)))));
    drop(transfer);
    wait_until(|| server.client.status().reading.busy == 0).await;
    assert_eq!(server.client.status().reading.idle, 1);
    assert_eq!(read_file(&server.client, "little").await.unwrap().len(), 300_000);
    server.stop().await;
}

#[tokio::test]
async fn a_dropped_call_frees_its_connection() {
    let gate = GatedStorage::closed(small_tree());
    let server = TestServer::with_storage(gate.clone()).await;
    for _ in 0..3 {
        let (caller, folder) = (reader(), path(""));
        let mut call = pin!(server.client.list(&caller, &folder, Order::default(), None, 10));
        tokio::select! {
            _ = &mut call => panic!("the listing ended although the storage hangs"),
            () = gate.entered.notified() => {}
        }
    }
    wait_until(|| server.client.status().metadata.busy == 0).await;
    gate.open();
    assert!(stat(&server.client, "hello.txt").await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn a_dropped_walk_frees_its_connection() {
    let storage = MemoryStorage::new();
    for number in 0..2_000 {
        storage.add_file(format!("{number}"), "x").unwrap();
    }
    let server = TestServer::with_storage(Arc::new(storage)).await;
    let mut walking = server.client.walk(&reader(), vec![path("")], None).await.unwrap();
    assert!(walking.next_page().await.unwrap().is_some());
    drop(walking);
    wait_until(|| server.client.status().reading.busy == 0).await;
    server.stop().await;
}

/// Dropping a future of `next_item` may lose an item, but never confuses two items.
#[tokio::test]
async fn a_dropped_next_item_never_confuses_items() {
    let gate = GatedStorage::opened(storage_with_sevens("a", 5));
    let server = TestServer::with_storage(gate.clone()).await;
    let mut transfer = server.client.get(&reader(), vec![item("a"); 3]).await.unwrap();
    let mut lengths = Vec::new();
    loop {
        let next = tokio::select! {
            biased;
            () = yield_now() => continue,
            next = transfer.next_item() => next.unwrap(),
        };
        match next {
            Some(Item::Sending(_)) => lengths.push(read_item(&mut transfer).await.unwrap().len()),
            Some(other) => panic!("{other:?}"),
            None => break,
        }
    }
    assert_eq!(lengths, [5, 5, 5]);
    server.stop().await;
}
