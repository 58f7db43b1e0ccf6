//! The framed protocol under faults: servers that restart, files that change during a transfer, disks that hang or
//! fail, readers that disconnect. Expected: no wrong byte, an error that says whether to try again, and recovery
//! without a restart.

use std::io::Write as _;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use backend::client::{Caller, Client, ClientError, GetItem, Item, PoolConfig, Target, Transfer};
use backend::server::{Server, ServerConfig, serve_connection};
use backend::storage::local::LocalStorage;
use backend::storage::memory::MemoryStorage;
use backend::storage::testing::faulty::{Fault, Faults, FaultyStorage, Operation};
use backend::storage::{OpenFile, Storage, StorageError, Visit};
use backend::wire::{Incoming, Key, WireError};
use shared::limits::{DATA_BYTES_MAX, PIECE_BYTES};
use shared::wire::{FrameKind, Get, ItemEnd, List};
use shared::{Entry, ErrorCode, Order, Rights, VPath};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinSet, yield_now};

use super::raw_connection::{PipeServer, RawConnection, RawPipe, serve_pipe, within};
use super::test_server::{TestServer, path, reader, small_tree};

fn item(text: &str) -> GetItem {
    GetItem { path: path(text), range: None, if_etag: None }
}

/// Yields until the condition holds.
async fn wait_until(mut condition: impl FnMut() -> bool) {
    within(async {
        while !condition() {
            yield_now().await;
        }
    })
    .await;
}

/// The rest of an item.
async fn read_item(transfer: &mut Transfer) -> Result<Vec<u8>, ClientError> {
    let mut bytes = Vec::new();
    while let Some(piece) = transfer.piece().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// All of one file.
async fn read_file(client: &Client, text: &str) -> Result<Vec<u8>, ClientError> {
    let mut transfer = client.get(&reader(), vec![item(text)]).await?;
    match transfer.next_item().await?.expect("one item") {
        Item::Sending(_) => read_item(&mut transfer).await,
        Item::Refused(failure) | Item::Unsatisfiable(_, failure) => Err(failure.into()),
    }
}

async fn stat(client: &Client, text: &str) -> Result<Entry, ClientError> {
    client.stat(&reader(), &path(text)).await
}

fn storage_with_sevens(name: &str, length: usize) -> MemoryStorage {
    let storage = MemoryStorage::new();
    storage.add_file(name, vec![7; length]).unwrap();
    storage
}

mod restarts {
    use super::*;

    /// A file server on this port, or on any.
    async fn start(port: u16, key: &Key, drain_time: Duration) -> TestServer {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let storage = small_tree();
        storage.add_file("big", vec![7; 4 << 20]).unwrap();
        let config = ServerConfig { drain_time, ..ServerConfig::default() };
        TestServer::on_listener(listener, key.clone(), Arc::new(storage), config).await
    }

    async fn one_call(client: &Client, kind: usize) -> Result<(), ClientError> {
        match kind % 4 {
            0 => stat(client, "hello.txt").await.map(drop),
            1 => client.list(&reader(), &path("docs"), Order::default(), None, 10).await.map(drop),
            2 => read_file(client, "big")
                .await
                .map(|bytes| assert!(bytes.len() == 4 << 20 && bytes.iter().all(|byte| *byte == 7))),
            _ => client.ping().await.map(drop),
        }
    }

    /// Four clients that send requests all the time while the server restarts.
    async fn under_load(drain_time: Duration) {
        let key = Key::generate().unwrap();
        let server = start(0, &key, drain_time).await;
        let port = server.tcp.port();
        let client = Client::new(Target::tcp(server.tcp.to_string(), key.clone()), PoolConfig::default());
        let (restarted, good) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut callers = JoinSet::new();
        for kind in 0..4 {
            let (client, restarted, good) = (client.clone(), restarted.clone(), good.clone());
            callers.spawn(async move {
                let mut good_after = 0;
                while good_after < 5 {
                    let after = restarted.load(Ordering::SeqCst);
                    match one_call(&client, kind).await {
                        Ok(()) => {
                            good.fetch_add(1, Ordering::SeqCst);
                            good_after += usize::from(after);
                        }
                        Err(error) => {
                            assert!(error.code.retryable(), "{error}");
                            assert!(!after, "{error}, although the server is back");
                            yield_now().await;
                        }
                    }
                }
            });
        }
        wait_until(|| good.load(Ordering::SeqCst) > 20).await;
        server.stop().await;
        assert_eq!(stat(&client, "").await.unwrap_err().code, ErrorCode::Unreachable);
        let server = start(port, &key, drain_time).await;
        restarted.store(true, Ordering::SeqCst);
        while let Some(caller) = within(callers.join_next()).await {
            caller.unwrap();
        }
        drop(client);
        server.stop().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn clients_reconnect_after_a_graceful_restart() {
        under_load(Duration::from_secs(30)).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn clients_reconnect_after_an_abrupt_restart() {
        under_load(Duration::ZERO).await;
    }

    #[tokio::test]
    async fn a_dead_pooled_connection_is_replaced_without_an_error() {
        let key = Key::generate().unwrap();
        let mut server = start(0, &key, Duration::ZERO).await;
        let port = server.tcp.port();
        let client = Client::new(Target::tcp(server.tcp.to_string(), key.clone()), PoolConfig::default());
        for kind in 0..4 {
            one_call(&client, kind).await.unwrap();
            one_call(&client, kind).await.unwrap();
            server.stop().await;
            server = start(port, &key, Duration::ZERO).await;
            one_call(&client, kind).await.unwrap();
        }
        server.stop().await;
    }
}

mod dropped_futures {
    use super::*;

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
            wait_until(|| server.client.status().bulk.busy == 0).await;
        }
        // The rest of a short transfer is read, and the connection used again.
        wait_until(|| server.client.status().bulk.busy == 0).await;
        let mut transfer = server.client.get(&reader(), vec![item("little"); 3]).await.unwrap();
        assert!(matches!(transfer.next_item().await, Ok(Some(Item::Sending(_)))));
        drop(transfer);
        wait_until(|| server.client.status().bulk.busy == 0).await;
        assert_eq!(server.client.status().bulk.idle, 1);
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
        wait_until(|| server.client.status().bulk.busy == 0).await;
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
}

mod draining {
    use super::*;

    #[tokio::test]
    async fn a_running_transfer_is_finished_and_new_connections_are_refused() {
        let server = TestServer::with_storage(Arc::new(storage_with_sevens("big", 32 << 20))).await;
        let mut transfer = server.client.get(&reader(), vec![item("big")]).await.unwrap();
        assert!(matches!(transfer.next_item().await, Ok(Some(Item::Sending(_)))));
        server.shutdown.cancel();
        until_refused(&server).await;
        let bytes = read_item(&mut transfer).await.unwrap();
        assert!(bytes.len() == 32 << 20 && bytes.iter().all(|byte| *byte == 7));
        assert_eq!(transfer.next_item().await.unwrap(), None);
        within(server.task).await.unwrap();
    }

    async fn until_refused(server: &TestServer) {
        within(async { while tokio::net::TcpStream::connect(server.tcp).await.is_ok() {} }).await;
    }

    #[tokio::test]
    async fn the_drain_time_is_limited() {
        let config = ServerConfig { drain_time: Duration::from_millis(50), ..ServerConfig::default() };
        let server = TestServer::with_config(Arc::new(storage_with_sevens("big", 64 << 20)), config).await;
        let mut transfer = server.client.get(&reader(), vec![item("big")]).await.unwrap();
        assert!(matches!(transfer.next_item().await, Ok(Some(Item::Sending(_)))));
        server.shutdown.cancel();
        within(server.task).await.unwrap();
        assert_eq!(read_item(&mut transfer).await.unwrap_err().code, ErrorCode::Disconnected);
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_does_not_wait_for_unauthenticated_or_idle_peers() {
        let (unauthenticated, first) = serve_pipe(Arc::new(small_tree()), ServerConfig::default(), 1 << 10);
        let (mut greeting, second) = serve_pipe(Arc::new(small_tree()), ServerConfig::default(), 1 << 10);
        greeting.exchange_hello().await;
        let (mut idler, third) = serve_pipe(Arc::new(small_tree()), ServerConfig::default(), 1 << 10);
        idler.handshake(&third.key, None).await;
        let started = tokio::time::Instant::now();
        for (mut raw, server) in [(unauthenticated, first), (greeting, second), (idler, third)] {
            server.shutdown.cancel();
            assert_eq!(raw.closing_code().await, None);
            within(server.task).await.unwrap();
        }
        assert_eq!(started.elapsed(), Duration::ZERO);
    }
}

mod changing_files {
    use super::*;

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
            raw.is_usable().await;
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
        let server = TestServer::with_storage(Arc::new(LocalStorage::open(folder.path(), None).unwrap())).await;
        for length in [0, 1, 4_096, 5 << 20, (8 << 20) + 1, LENGTH - 1, LENGTH + 1] {
            std::fs::write(&name, vec![7; LENGTH as usize]).unwrap();
            let mut transfer = server.client.get(&reader(), vec![item("file")]).await.unwrap();
            assert!(matches!(transfer.next_item().await, Ok(Some(Item::Sending(_)))));
            assert!(transfer.piece().await.unwrap().is_some());
            let mut file = std::fs::OpenOptions::new().append(true).open(&name).unwrap();
            if length > LENGTH {
                file.write_all(&[8]).unwrap()
            } else {
                file.set_len(length).unwrap()
            }
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
}

mod failing_disks {
    use super::*;

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
            assert_eq!(server.client.status().bulk.idle, 1, "the connection returns to the pool");
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
}

mod hanging_disks {
    use super::*;

    fn list(deadline_ms: Option<u32>) -> List {
        let caller = Caller { deadline_ms, ..reader() };
        List { caller, path: path(""), order: Order::default(), cursor: None, limit: 10 }
    }

    #[tokio::test]
    async fn a_deadline_ends_the_request_and_not_the_connection() {
        let gate = GatedStorage::closed(small_tree());
        let (mut raw, server) = serve_pipe(gate.clone(), ServerConfig::default(), 64 << 10);
        raw.handshake(&server.key, None).await;
        raw.send(FrameKind::List, 1, &list(Some(20))).await;
        assert_eq!(raw.end(1).await, Some(ErrorCode::DeadlineExceeded));
        raw.is_usable().await;
        gate.open();
        raw.send(FrameKind::List, 2, &list(Some(60_000))).await;
        assert_eq!(raw.end(2).await, None);
    }

    #[tokio::test]
    async fn cancel_and_ping_are_answered_while_the_storage_hangs() {
        let gate = GatedStorage::closed(small_tree());
        let (mut raw, server) = serve_pipe(gate.clone(), ServerConfig::default(), 64 << 10);
        raw.handshake(&server.key, None).await;
        raw.send(FrameKind::List, 1, &list(None)).await;
        within(gate.entered.notified()).await;
        raw.send_body(FrameKind::Ping, 0, b"").await;
        assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Pong));
        raw.send_body(FrameKind::Cancel, 1, b"").await;
        assert_eq!(raw.end(1).await, Some(ErrorCode::Canceled));
        raw.is_usable().await;
        gate.open();
    }

    #[tokio::test]
    async fn a_request_ends_with_its_connection() {
        let gate = GatedStorage::closed(small_tree());
        let (mut raw, server) = serve_pipe(gate.clone(), ServerConfig::default(), 64 << 10);
        raw.handshake(&server.key, None).await;
        raw.send(FrameKind::List, 1, &list(None)).await;
        within(gate.entered.notified()).await;
        drop(raw);
        within(server.task).await.unwrap();
        gate.open();
    }
}

mod many_clients {
    use super::*;

    #[tokio::test]
    async fn slow_downloads_do_not_delay_listings() {
        let server = TestServer::with_storage(Arc::new(storage_with_sevens("big", 64 << 20))).await;
        let config = PoolConfig {
            bulk_connections_max: 3,
            metadata_connections_max: 1,
            lease_time: Duration::from_millis(50),
            ..PoolConfig::default()
        };
        let client = Client::new(Target::tcp(server.tcp.to_string(), server.key.clone()), config);
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(client.get(&reader(), vec![item("big")]).await.unwrap());
        }
        let refused = client.get(&reader(), vec![item("big")]).await.err().unwrap();
        assert_eq!(refused.code, ErrorCode::TooManyConnections);
        assert!(refused.retry_after.is_some());
        for _ in 0..10 {
            assert!(stat(&client, "big").await.is_ok());
        }
        held.clear();
        wait_until(|| client.status().bulk.busy == 0).await;
        assert!(client.get(&reader(), vec![item("big")]).await.is_ok());
    }

    /// A walk waits for its reader without a thread, so more walks than threads do not block a listing.
    #[test]
    fn slow_walks_occupy_no_thread() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let storage = MemoryStorage::new();
            for number in 0..5_000 {
                storage.add_file(format!("{number:0200}"), "x").unwrap();
            }
            let storage: Arc<dyn Storage> = Arc::new(storage);
            let mut held = Vec::new();
            for _ in 0..5 {
                let (mut raw, server) = serve_pipe(storage.clone(), ServerConfig::default(), 1 << 10);
                raw.handshake(&server.key, None).await;
                let walk = shared::wire::Walk { caller: reader(), paths: vec![path("")], cursor: None };
                raw.send(FrameKind::Walk, 1, &walk).await;
                assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Page));
                held.push((raw, server));
            }
            let (mut raw, server) = serve_pipe(storage, ServerConfig::default(), 1 << 10);
            raw.handshake(&server.key, None).await;
            raw.is_usable().await;
            // Each walk ends.
            for (raw, _server) in &mut held {
                assert_eq!(raw.end(1).await, None);
            }
        });
    }

    /// The memory of an idle connection beside its socket: this, and a buffer of a few kilobytes.
    #[tokio::test]
    async fn an_idle_connection_takes_little_memory() {
        let server = Server::new(
            Arc::new(small_tree()),
            None,
            [(Key::generate().unwrap(), Rights::ALL)],
            ServerConfig::default(),
        );
        let (_near, far) = tokio::io::duplex(64);
        let (reader, writer) = tokio::io::split(far);
        let shutdown = Default::default();
        let bytes = size_of_val(&serve_connection(reader, writer, &server, &shutdown));
        assert!(bytes <= 8 << 10, "{bytes} bytes");
    }

    #[tokio::test]
    async fn many_idle_connections_do_not_block_others() {
        let server = TestServer::start().await;
        let mut idle = Vec::new();
        for _ in 0..300 {
            idle.push(RawConnection::open(&server).await);
        }
        assert!(stat(&server.client, "hello.txt").await.is_ok());
        for raw in &mut idle {
            raw.is_usable().await;
        }
        server.shutdown.cancel();
        for raw in &mut idle {
            assert_eq!(raw.closing_code().await, None);
        }
        within(server.task).await.unwrap();
    }
}

/// A storage whose listings hang until the gate opens, like those of an unreachable network disk.
struct GatedStorage {
    inner: MemoryStorage,
    is_open: Mutex<bool>,
    opened: Condvar,
    entered: Notify,
}

impl GatedStorage {
    fn closed(inner: MemoryStorage) -> Arc<Self> {
        Arc::new(Self { inner, is_open: Mutex::new(false), opened: Condvar::new(), entered: Notify::new() })
    }

    fn opened(inner: MemoryStorage) -> Arc<Self> {
        let gate = Self::closed(inner);
        gate.open();
        gate
    }

    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

impl Storage for GatedStorage {
    fn stat(&self, path: &VPath) -> Result<Entry, StorageError> {
        self.inner.stat(path)
    }

    fn list(&self, path: &VPath, visit: &mut dyn FnMut(Entry) -> Visit) -> Result<(), StorageError> {
        self.entered.notify_one();
        let is_open = self.is_open.lock().unwrap();
        drop(self.opened.wait_while(is_open, |is_open| !*is_open).unwrap());
        self.inner.list(path, visit)
    }

    fn open(&self, path: &VPath) -> Result<Box<dyn OpenFile>, StorageError> {
        self.inner.open(path)
    }
}
