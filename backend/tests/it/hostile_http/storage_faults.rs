//! Storage that fails or changes during a response.

use std::sync::Arc;

use backend::storage::testing::faulty::{Fault, Faults, FaultyStorage, Operation};

use crate::test_gateway::TestGateway;
use crate::test_server::small_tree;

fn faulty() -> (Arc<Faults>, Arc<FaultyStorage>) {
    let faults = Faults::seeded(7);
    let storage = small_tree();
    storage.add_file("large", vec![1; 5_000_000]).unwrap();
    (Arc::clone(&faults), Arc::new(FaultyStorage::new(storage, faults)))
}

/// If a file changes, shrinks or fails during a transfer, the connection ends before `Content-Length` is reached, so
/// that the client sees an incomplete response.
#[tokio::test]
async fn a_truncated_file_ends_the_connection_early() {
    for fault in [Fault::Change, Fault::Shrink, Fault::Fail(shared::ErrorCode::Io)] {
        let (faults, storage) = faulty();
        let gateway = TestGateway::with_storage(storage).await;
        faults.at(Operation::Read, 5, fault);
        let response = gateway.get("/files/large").await;
        assert_eq!(
            (response.status, response.complete, response.header("content-length")),
            (200, false, Some("5000000")),
            "{fault:?}"
        );
        faults.at(Operation::Read, faults.calls(Operation::Read) + 5, fault);
        let response = gateway.get_with("/files/large", &[("range", "bytes=0-9,1000000-4999999")]).await;
        assert_eq!((response.status, response.complete), (206, false), "{fault:?}");
        assert!(gateway.get("/files/large").await.complete);
        gateway.assert_healthy_and_stop().await;
    }
}

/// A small file is read before the headers are sent, and read again if it changed meanwhile.
#[tokio::test]
async fn a_small_file_that_changes_is_read_again() {
    let (faults, storage) = faulty();
    let gateway = TestGateway::with_storage(storage).await;
    faults.at(Operation::Validate, 1, Fault::Change);
    let response = gateway.get("/files/hello.txt").await;
    assert_eq!((response.status, response.text(), response.complete), (200, "hello, world\n", true));
    faults.by_chance(Operation::Open, 1.0);
    gateway.get("/files/hello.txt").await.assert_problem(500, "io");
    faults.by_chance(Operation::List, 1.0);
    gateway.get("/api/v1/list/docs").await.assert_problem(500, "io");
    gateway.get("/files/docs/").await.assert_problem(500, "io");
    gateway.assert_healthy_and_stop().await;
}
