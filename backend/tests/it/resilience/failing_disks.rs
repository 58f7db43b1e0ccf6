//! Storage operations that fail.

use std::sync::Arc;

use backend::client::{ClientError, Item};
use backend::storage::Storage;
use backend::storage::testing::faulty::{Fault, Faults, FaultyStorage, Operation};
use shared::{ErrorCode, Order};

use super::fixtures::{item, storage_with_sevens};
use crate::reading::{read_file, read_item};
use crate::test_server::{TestServer, path, reader};

fn faulty(faults: &Arc<Faults>) -> Arc<dyn Storage> {
    let storage = storage_with_sevens("file", 3 << 20);
    storage.add_file("other", "other").unwrap();
    Arc::new(FaultyStorage::new(storage, Arc::clone(faults)))
}

/// The results of two files of which the first meets a fault.
async fn get_two_files(server: &TestServer) -> Result<(usize, Option<ErrorCode>), ClientError> {
    let mut transfer = server.client.get(&reader(), vec![item("file"), item("other")]).await?;
    let (mut received, mut failed) = (0, None);
    match transfer.next_item().await?.unwrap() {
        Item::Sending(_) => loop {
            match transfer.piece().await {
                Ok(Some(piece)) => received += piece.len(),
                Ok(None) => break,
                Err(error) if error.code == ErrorCode::Disconnected => return Err(error),
                Err(error) => break failed = Some(error.code),
            }
        },
        Item::Refused(failure) | Item::Unsatisfiable(_, failure) => failed = Some(failure.code),
    }
    assert!(matches!(transfer.next_item().await?, Some(Item::Sending(_))));
    assert_eq!(read_item(&mut transfer).await?, b"other");
    assert_eq!(transfer.next_item().await?, None);
    Ok((received, failed))
}

#[tokio::test]
async fn a_failure_between_frames_ends_only_the_item() {
    // Four reads make a frame.
    for (operation, call, received) in [
        (Operation::Open, 1, 0),
        (Operation::Read, 1, 0),
        (Operation::Read, 5, 1 << 20),
        (Operation::Read, 9, 2 << 20),
        (Operation::Validate, 1, 3 << 20),
    ] {
        let faults = Faults::seeded(1);
        faults.at(operation, call, Fault::Fail(ErrorCode::Io));
        let server = TestServer::with_storage(faulty(&faults)).await;
        assert_eq!(get_two_files(&server).await.unwrap(), (received, Some(ErrorCode::Io)), "{operation:?} {call}");
        assert_eq!(server.client.status().reading.idle, 1, "the connection returns to the pool");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_failure_inside_a_frame_ends_the_connection() {
    for call in [2, 3, 4, 6, 12] {
        let faults = Faults::seeded(1);
        faults.at(Operation::Read, call, Fault::Fail(ErrorCode::Io));
        let server = TestServer::with_storage(faulty(&faults)).await;
        assert_eq!(get_two_files(&server).await.unwrap_err().code, ErrorCode::Disconnected, "read {call}");
        assert_eq!(get_two_files(&server).await.unwrap(), (3 << 20, None), "after read {call}");
        server.stop().await;
    }
}

#[tokio::test]
async fn no_fault_leads_to_wrong_bytes() {
    let mut whole_ones = 0;
    for seed in 0..40 {
        let faults = Faults::seeded(seed);
        faults.by_chance(Operation::Read, 0.05).by_chance(Operation::Open, 0.05).by_chance(Operation::List, 0.3);
        let server = TestServer::with_storage(faulty(&faults)).await;
        for _ in 0..3 {
            match read_file(&server.client, "file").await {
                Ok(bytes) => {
                    whole_ones += 1;
                    assert!(bytes.len() == 3 << 20 && bytes.iter().all(|byte| *byte == 7), "seed {seed}");
                }
                Err(error) => assert!(error.code.retryable(), "seed {seed}: {error}"),
            }
            match server.client.list(&reader(), &path(""), Order::default(), None, 10).await {
                Ok(listing) => assert_eq!(listing.entries.len(), 2),
                Err(error) => assert_eq!(error.code, ErrorCode::Io, "seed {seed}"),
            }
        }
        server.stop().await;
    }
    assert!(whole_ones > 10, "{whole_ones}");
}
