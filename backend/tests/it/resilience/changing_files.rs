//! Files that change during a transfer.

use std::sync::Arc;

use backend::client::Item;
use backend::server::ServerConfig;
use backend::storage::Storage;
use backend::storage::local::LocalStorage;
use backend::storage::memory::MemoryStorage;
use backend::wire::{Incoming, WireError};
use shared::ErrorCode;
use shared::limits::{DATA_BYTES_MAX, PIECE_BYTES};
use shared::wire::{FrameKind, Get, ItemEnd};

use super::fixtures::{item, stat, storage_with_sevens};
use crate::raw_connection::{PipeServer, RawPipe, serve_pipe, within};
use crate::test_server::{TestServer, reader};

const LENGTH: usize = 3 << 20;

/// A transfer within its first DATA frame; the pipe of a kilobyte limits how far the server is.
async fn begin_transfer(storage: Arc<dyn Storage>) -> (RawPipe, PipeServer) {
    let (mut raw, server) = serve_pipe(storage, ServerConfig::default(), 1 << 10);
    raw.handshake(&server.key, None).await;
    raw.send(FrameKind::Get, 1, &Get { caller: reader(), items: vec![item("file"), item("other")], pass_fd: None })
        .await;
    assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Meta));
    assert!(matches!(raw.incoming().await, Ok(Some(Incoming::Data { bytes: DATA_BYTES_MAX, .. }))));
    (raw, server)
}

fn storage_with_two_files() -> MemoryStorage {
    let storage = storage_with_sevens("file", LENGTH);
    storage.add_file("other", "other").unwrap();
    storage
}

#[tokio::test]
async fn a_file_that_shrinks_within_a_frame_ends_the_connection() {
    for length in [300_000, LENGTH - 1] {
        let storage = storage_with_two_files();
        let (mut raw, server) = begin_transfer(Arc::new(storage.clone())).await;
        storage.truncate("file", length).unwrap();
        let (mut received, mut error) = (0, None);
        while error.is_none() {
            match within(raw.reader.piece(PIECE_BYTES)).await {
                Ok(piece) if piece.is_empty() => error = raw.incoming().await.err(),
                Ok(piece) => {
                    assert!(piece.iter().all(|byte| *byte == 7), "padded");
                    received += piece.len();
                }
                Err(broken) => error = Some(broken),
            }
        }
        assert!(matches!(error, Some(WireError::Truncated)), "{error:?}");
        assert!(received <= length, "{received} bytes of a file that has {length}");
        within(server.task).await.unwrap();
    }
}

/// Reads the rest of the first frame, then up to ITEM_END; gives the number of bytes and the reason of the end.
async fn to_item_end(raw: &mut RawPipe) -> (usize, Option<ErrorCode>) {
    let mut received = raw.data().await.unwrap().len();
    loop {
        match raw.incoming().await.unwrap().unwrap() {
            Incoming::Data { .. } => received += raw.data().await.unwrap().len(),
            Incoming::Message(frame) => {
                assert_eq!(frame.kind(), Some(FrameKind::ItemEnd));
                return (received, frame.message::<ItemEnd>().unwrap().error.map(|failure| failure.code));
            }
        }
    }
}

#[tokio::test]
async fn a_changed_file_ends_only_its_item() {
    for change in [
        |storage: &MemoryStorage| storage.write("file", vec![8; LENGTH]).map(drop),
        |storage: &MemoryStorage| storage.write("file", vec![7; LENGTH + 1]).map(drop),
        // The frame that has begun is still complete, the next one is not.
        |storage: &MemoryStorage| storage.truncate("file", DATA_BYTES_MAX).map(drop),
    ] {
        let storage = storage_with_two_files();
        let (mut raw, _server) = begin_transfer(Arc::new(storage.clone())).await;
        change(&storage).unwrap();
        let (received, code) = to_item_end(&mut raw).await;
        assert_eq!(code, Some(ErrorCode::Changed));
        assert!(received <= LENGTH);
        assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Meta), "the other file");
        assert_eq!(raw.end(1).await, None);
        raw.assert_usable().await;
    }
}

#[tokio::test]
async fn a_replaced_or_removed_file_is_sent_with_its_old_content() {
    for change in [
        |storage: &MemoryStorage| storage.add_file("file", "new").map(drop),
        |storage: &MemoryStorage| storage.remove("file").map(drop),
    ] {
        let storage = storage_with_two_files();
        let (mut raw, _server) = begin_transfer(Arc::new(storage.clone())).await;
        change(&storage).unwrap();
        assert_eq!(to_item_end(&mut raw).await, (LENGTH, None));
    }
}

/// Over a socket, from the page cache without a copy. Pages that wait in the socket are the file's own, and turn to
/// zeros if the file is cut. So only the end of the item counts, which must be a failure.
#[tokio::test]
async fn a_changed_file_on_disk_is_never_reported_complete() {
    const LENGTH: u64 = 32 << 20;
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("file");
    let server = TestServer::with_storage(LocalStorage::open(folder.path(), None).unwrap().into()).await;
    for length in [0, 1, 4_096, 5 << 20, (8 << 20) + 1, LENGTH - 1] {
        std::fs::write(&name, vec![7; LENGTH as usize]).unwrap();
        let mut transfer = server.client.get(&reader(), vec![item("file")]).await.unwrap();
        assert!(matches!(transfer.next_item().await, Ok(Some(Item::Sending(_)))));
        assert!(transfer.piece().await.unwrap().is_some());
        std::fs::OpenOptions::new().write(true).open(&name).unwrap().set_len(length).unwrap();
        let mut received = 0;
        let error = loop {
            match transfer.piece().await {
                Ok(Some(piece)) => received += piece.len() as u64,
                Ok(None) => panic!("complete, although the file has {length} bytes"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error.code, ErrorCode::Changed | ErrorCode::Disconnected), "{error}");
        assert!(received <= LENGTH && error.code.retryable());
    }
    assert!(stat(&server.client, "file").await.is_ok());
    server.stop().await;
}
