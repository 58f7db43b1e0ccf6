//! The transports between gateway and file server: TCP, a Unix socket and a pipe in memory carry the same answers. The
//! latter two pass file descriptors, from which the gateway sends by sendfile.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backend::client::{GetItem, Item};
use backend::gateway::{Anonymous, GatewayConfig};
use backend::storage::local::LocalStorage;
use backend::wire::{Incoming, TransportReader, TransportWriter, connect_in_process, connect_unix};
use shared::limits::PIECE_BYTES;
use shared::wire::{Auth, AuthOk, FrameKind, Get, Hello, HelloAck, PASS_FD};
use shared::{ByteRange, ErrorCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::raw_connection::{RawConnection, frame, frame_bytes, hello};
use super::test_gateway::{HttpResponse, TestGateway};
use super::test_server::{TestServer, Transport, path, reader, small_tree};

/// Longer than any step takes on a busy machine.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);
/// More than all buffers between file and client hold.
const LARGE_BYTES: usize = 48 << 20;

/// A gateway that reaches its file server over `transport`.
async fn start_gateway(folder: &Path, transport: Transport) -> TestGateway {
    let server = TestServer::with_storage(Arc::new(LocalStorage::open(folder, None).unwrap())).await.via(transport);
    TestGateway::in_front_of(server, GatewayConfig::default()).await
}

/// Bytes without zeros and without two equal kilobytes.
fn content(length: usize) -> Vec<u8> {
    (0..length).map(|index| ((index ^ (index >> 8) ^ (index >> 16)) % 255) as u8 + 1).collect()
}

/// Sends a request on a persistent connection, and reads the complete answer.
async fn send_request(stream: &mut TcpStream, method: &str, target: &str, headers: &str) -> HttpResponse {
    let request = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    read_response(stream, method == "HEAD").await
}

async fn read_response(stream: &mut TcpStream, head: bool) -> HttpResponse {
    let mut bytes = Vec::new();
    timeout(TEST_TIMEOUT, async {
        while !bytes.ends_with(b"\r\n\r\n") {
            bytes.push(stream.read_u8().await.unwrap());
        }
        let mut response = HttpResponse::read(&bytes, head).unwrap();
        let length: usize = response.header("content-length").unwrap().parse().unwrap();
        if !head {
            response.body = vec![0; length];
            stream.read_exact(&mut response.body).await.unwrap();
        }
        response
    })
    .await
    .expect("no answer")
}

mod every_transport {
    use super::*;

    async fn for_each_transport(check: impl AsyncFn(&TestGateway)) {
        for transport in Transport::ALL {
            let server = TestServer::with_storage(Arc::new(small_tree())).await.via(*transport);
            let config = GatewayConfig { anonymous: Anonymous::Write, ..GatewayConfig::default() };
            let gateway = TestGateway::in_front_of(server, config).await;
            check(&gateway).await;
            gateway.assert_healthy_and_stop().await;
        }
    }

    #[tokio::test]
    async fn reads_are_equal_over_every_transport() {
        for_each_transport(async |gateway| {
            assert_eq!(gateway.get("/files/hello.txt").await.text(), "hello, world\n");
            assert_eq!(gateway.head("/files/hello.txt").await.header("content-length"), Some("13"));
            let whole = gateway.get("/files/docs/deep/er/file.bin").await;
            assert!(whole.complete && whole.body == [7; 300_000]);
            let part = gateway.get_with("/files/docs/deep/er/file.bin", &[("range", "bytes=100-200099")]).await;
            assert_eq!((part.status, part.body.len(), part.complete), (206, 200_000, true));
            let parts = gateway.get_with("/files/hello.txt", &[("range", "bytes=0-1,7-8")]).await;
            assert!(parts.status == 206 && parts.complete && parts.text().contains("\r\n\r\nwo\r\n"));
            gateway
                .get_with("/files/hello.txt", &[("range", "bytes=99-")])
                .await
                .assert_problem(416, "range_not_satisfiable");
            gateway.get("/files/none").await.assert_problem(404, "not_found");
            assert!(gateway.get("/files/docs/").await.text().contains("a%20b.txt"));
            assert_eq!(gateway.get("/readyz").await.status, 200);
        })
        .await;
    }

    #[tokio::test]
    async fn writes_are_equal_over_every_transport() {
        for_each_transport(async |gateway| {
            let large = content(3 << 20);
            assert_eq!(gateway.send("PUT", "/files/new", &[], &large).await.status, 201);
            assert!(gateway.get("/files/new").await.body == large);
            assert_eq!(gateway.send("PUT", "/files/new", &[], b"small").await.status, 204);
            assert_eq!(gateway.get("/files/new").await.text(), "small");
            assert_eq!(gateway.send("DELETE", "/files/new", &[], b"").await.status, 204);
            gateway.get("/files/new").await.assert_problem(404, "not_found");
        })
        .await;
    }

    #[tokio::test]
    async fn a_stopped_file_server_is_answered_502() {
        for_each_transport(async |gateway| {
            assert_eq!(gateway.get("/files/hello.txt").await.status, 200);
            gateway.server.shutdown.cancel();
            while !gateway.server.task.is_finished() {
                tokio::task::yield_now().await;
            }
            gateway.get("/files/hello.txt").await.assert_problem(502, "unreachable");
            assert_eq!(gateway.get("/readyz").await.status, 503);
        })
        .await;
    }

    /// Unauthenticated clients over TCP do not use up the connections of the gateway.
    #[tokio::test]
    async fn tcp_clients_do_not_use_up_connections_of_the_gateway() {
        let config = backend::server::ServerConfig { connections_max: 2, ..Default::default() };
        let server = TestServer::with_config(Arc::new(small_tree()), config).await;
        let _unauthenticated = (RawConnection::open(&server).await, RawConnection::open(&server).await);
        assert!(server.client.ping().await.is_err());
        let server = server.in_process();
        assert!(server.client.ping().await.is_ok());
        assert!(server.client.stat(&reader(), &path("hello.txt")).await.is_ok());
    }
}

mod downloads {
    use super::*;

    #[tokio::test]
    async fn one_connection_carries_large_and_small_answers_alternately() {
        for transport in Transport::PASSING_FDS {
            let place = tempfile::tempdir().unwrap();
            let large = content(5_000_000);
            std::fs::write(place.path().join("large"), &large).unwrap();
            std::fs::write(place.path().join("middle"), &large[..100_000]).unwrap();
            std::fs::write(place.path().join("small"), "small").unwrap();
            let gateway = start_gateway(place.path(), *transport).await;
            let mut stream = gateway.connect().await;
            for _ in 0..2 {
                assert!(send_request(&mut stream, "GET", "/files/large", "").await.body == large);
                assert_eq!(send_request(&mut stream, "GET", "/files/small", "").await.text(), "small");
                assert!(send_request(&mut stream, "GET", "/files/middle", "").await.body == large[..100_000]);
                let head = send_request(&mut stream, "HEAD", "/files/large", "").await;
                assert_eq!(head.header("content-length"), Some("5000000"));
                for (range, from, to) in [
                    ("0-0", 0, 1),
                    ("1000-4999999", 1_000, 5_000_000),
                    ("-300000", 4_700_000, 5_000_000),
                    ("77-1048653", 77, 1_048_654),
                ] {
                    let part =
                        send_request(&mut stream, "GET", "/files/large", &format!("range: bytes={range}\r\n")).await;
                    assert_eq!(part.status, 206, "{range}");
                    assert!(part.body == large[from..to], "{range}");
                }
                let parts =
                    send_request(&mut stream, "GET", "/files/large", "range: bytes=0-299999,4000000-4299999\r\n").await;
                assert_eq!(parts.status, 206);
                let holds = |wanted: &[u8]| parts.body.windows(wanted.len()).any(|window| window == wanted);
                assert!(holds(&large[..300_000]) && holds(&large[4_000_000..4_300_000]));
            }
            assert_eq!(gateway.server.client.status().bulk.busy, 0);
            drop(stream);
            gateway.assert_healthy_and_stop().await;
        }
    }

    #[tokio::test]
    async fn pipelined_requests_are_answered_in_order() {
        for transport in Transport::PASSING_FDS {
            let place = tempfile::tempdir().unwrap();
            let large = content(3_000_000);
            std::fs::write(place.path().join("large"), &large).unwrap();
            let gateway = start_gateway(place.path(), *transport).await;
            let mut stream = gateway.connect().await;
            let mut requests = String::new();
            for first in 0..5 {
                requests += &format!("GET /files/large HTTP/1.1\r\nhost: localhost\r\nrange: bytes={first}-\r\n\r\n");
            }
            stream.write_all(requests.as_bytes()).await.unwrap();
            for first in 0..5 {
                assert!(read_response(&mut stream, false).await.body == large[first..]);
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn concurrent_readers_get_their_own_bytes() {
        for transport in Transport::PASSING_FDS {
            let place = tempfile::tempdir().unwrap();
            let large = Arc::new(content(4_000_000));
            std::fs::write(place.path().join("large"), &*large).unwrap();
            let gateway = Arc::new(start_gateway(place.path(), *transport).await);
            let readers: Vec<_> = (0..24)
                .map(|number| {
                    let (gateway, large) = (Arc::clone(&gateway), Arc::clone(&large));
                    tokio::spawn(async move {
                        let first = number * 100_003;
                        let part = gateway.get_with("/files/large", &[("range", &format!("bytes={first}-"))]).await;
                        assert!(part.complete && part.body == large[first..]);
                    })
                })
                .collect();
            for reader in readers {
                reader.await.unwrap();
            }
            assert_eq!(gateway.server.client.status().bulk.busy, 0);
        }
    }

    /// The headers and the first bytes of a large file.
    async fn begin(gateway: &TestGateway) -> (TcpStream, Vec<u8>) {
        let mut stream = gateway.connect().await;
        stream.write_all(b"GET /files/large HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut bytes = vec![0; 100_000];
        stream.read_exact(&mut bytes).await.unwrap();
        (stream, bytes)
    }

    async fn end(mut stream: TcpStream, mut bytes: Vec<u8>) -> HttpResponse {
        // The response ends, complete or truncated.
        let _ = timeout(TEST_TIMEOUT, stream.read_to_end(&mut bytes)).await.expect("the answer does not end");
        HttpResponse::read(&bytes, false).unwrap()
    }

    #[tokio::test]
    async fn a_changed_file_is_cut_and_a_replaced_one_is_complete() {
        for transport in Transport::PASSING_FDS {
            let place = tempfile::tempdir().unwrap();
            let (name, large) = (place.path().join("large"), content(LARGE_BYTES));
            std::fs::write(&name, &large).unwrap();
            let gateway = start_gateway(place.path(), *transport).await;

            let (stream, bytes) = begin(&gateway).await;
            std::fs::write(place.path().join("other"), "other").unwrap();
            std::fs::rename(place.path().join("other"), &name).unwrap();
            let replaced = end(stream, bytes).await;
            assert!(replaced.complete && replaced.body == large);

            std::fs::write(&name, &large).unwrap();
            let (stream, bytes) = begin(&gateway).await;
            let mut file = File::options().append(true).open(&name).unwrap();
            file.write_all(b"more").unwrap();
            let longer = end(stream, bytes).await;
            assert!(!longer.complete && longer.body == large[..longer.body.len()]);

            std::fs::write(&name, &large).unwrap();
            let (stream, bytes) = begin(&gateway).await;
            File::options().write(true).open(&name).unwrap().set_len(LARGE_BYTES as u64 - 1).unwrap();
            let shorter = end(stream, bytes).await;
            assert!(!shorter.complete && shorter.body == large[..shorter.body.len()]);
            gateway.assert_healthy_and_stop().await;
        }
    }

    #[tokio::test]
    async fn a_file_that_is_not_cached_is_sent_completely() {
        for transport in Transport::PASSING_FDS {
            let place = tempfile::tempdir().unwrap();
            // The page cache does not contain the holes of a sparse file before they are read.
            File::create(place.path().join("large")).unwrap().set_len(LARGE_BYTES as u64).unwrap();
            let gateway = start_gateway(place.path(), *transport).await;
            let whole = gateway.get("/files/large").await;
            assert!(whole.complete && whole.body.len() == LARGE_BYTES && whole.body.iter().all(|byte| *byte == 0));
        }
    }

    #[tokio::test]
    async fn a_disconnected_reader_frees_everything() {
        for transport in Transport::PASSING_FDS {
            let place = tempfile::tempdir().unwrap();
            std::fs::write(place.path().join("large"), content(LARGE_BYTES)).unwrap();
            let gateway = start_gateway(place.path(), *transport).await;
            for _ in 0..3 {
                drop(begin(&gateway).await);
            }
            timeout(TEST_TIMEOUT, async {
                while gateway.server.client.status().bulk.busy > 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
            .await
            .expect("a transfer continues without a reader");
            gateway.assert_healthy_and_stop().await;
        }
    }
}

mod fd_passing {
    use super::*;

    fn server_with_files(place: &Path) -> impl Future<Output = TestServer> + use<> {
        std::fs::write(place.join("large"), content(300_000)).unwrap();
        std::fs::write(place.join("small"), "small").unwrap();
        TestServer::with_storage(Arc::new(LocalStorage::open(place, None).unwrap()))
    }

    type RawTransport = RawConnection<TransportReader, TransportWriter>;

    /// A connection over `transport` with the capability [`PASS_FD`].
    async fn open(server: &TestServer, transport: Transport) -> RawTransport {
        let connected = match transport {
            Transport::Unix => connect_unix(&server.socket()).await,
            _ => connect_in_process(&server.connector).await,
        };
        let (reader, writer) = connected.unwrap();
        let mut raw = RawConnection::new(reader, writer);
        let hello = frame(FrameKind::Hello, 0, &Hello { capabilities: vec![PASS_FD.into(), "x".into()], ..hello() });
        raw.send_bytes(&frame_bytes(&hello)).await;
        let ack = raw.next().await.unwrap();
        assert_eq!(ack.message::<HelloAck>().unwrap().capabilities, [PASS_FD]);
        let mut transcript = backend::wire::Transcript::default();
        transcript.add(&hello);
        transcript.add(&ack);
        let proof = transcript.client_proof(&server.key);
        raw.send(FrameKind::Auth, 0, &Auth { key_id: server.key.id().into(), proof, max_data: None }).await;
        let _: AuthOk = raw.next().await.unwrap().message().unwrap();
        raw.reader.open(shared::limits::DATA_BYTES_MAX);
        raw
    }

    fn get(names: &[&str], pass_fd: bool) -> Get {
        let item = |name: &&str| GetItem { path: path(name), range: None, if_etag: None };
        Get { caller: reader(), items: names.iter().map(item).collect(), pass_fd: Some(pass_fd) }
    }

    #[tokio::test]
    async fn a_file_is_passed_read_and_released() {
        for transport in Transport::PASSING_FDS {
            let place = tempfile::tempdir().unwrap();
            let server = server_with_files(place.path()).await;
            let mut raw = open(&server, *transport).await;
            raw.send(FrameKind::Get, 1, &get(&["large", "small", "large"], true)).await;
            for name in ["large", "small", "large"] {
                assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Meta));
                if name == "small" {
                    // Small files are sent as bytes.
                    assert!(matches!(raw.reader.next().await, Ok(Some(Incoming::Data { bytes: 5, .. }))));
                    assert_eq!(&raw.reader.piece(PIECE_BYTES).await.unwrap()[..], b"small");
                } else {
                    assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::PassedFd));
                    let mut file = raw.reader.source().take_fd().unwrap();
                    let mut passed = Vec::new();
                    file.read_to_end(&mut passed).unwrap();
                    assert!(passed == content(300_000));
                    // The descriptor is read-only.
                    assert!(file.write_all(b"x").is_err() && file.set_len(0).is_err());
                    // The server waits for the release and answers PING meanwhile.
                    raw.send_body(FrameKind::Ping, 77, &[]).await;
                    assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Pong));
                    raw.send_body(FrameKind::ReleasedFd, 1, &[]).await;
                }
                assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::ItemEnd));
            }
            assert_eq!(raw.end(1).await, None);
            raw.assert_usable().await;
        }
    }

    #[tokio::test]
    async fn no_file_is_passed_without_request_or_over_tcp() {
        for transport in Transport::PASSING_FDS {
            let place = tempfile::tempdir().unwrap();
            let server = server_with_files(place.path()).await;
            let mut inside = open(&server, *transport).await;
            inside.send(FrameKind::Get, 1, &get(&["large"], false)).await;
            assert_eq!(inside.next().await.unwrap().kind(), Some(FrameKind::Meta));
            assert!(matches!(inside.reader.next().await, Ok(Some(Incoming::Data { .. }))));

            let mut outside = RawConnection::open(&server).await;
            outside.send(FrameKind::Get, 1, &get(&["large"], true)).await;
            assert_eq!(outside.next().await.unwrap().kind(), Some(FrameKind::Meta));
            assert!(matches!(outside.reader.next().await, Ok(Some(Incoming::Data { .. }))));
        }
    }

    #[tokio::test]
    async fn a_passed_file_can_be_cancelled_and_not_released_twice() {
        for transport in Transport::PASSING_FDS {
            let place = tempfile::tempdir().unwrap();
            let server = server_with_files(place.path()).await;
            let mut raw = open(&server, *transport).await;
            raw.send(FrameKind::Get, 1, &get(&["large"], true)).await;
            raw.send_body(FrameKind::Cancel, 1, &[]).await;
            assert_eq!(raw.end(1).await, Some(ErrorCode::Canceled));
            raw.assert_usable().await;

            for (request_id, passed) in [(9, false), (9, true)] {
                let mut raw = open(&server, *transport).await;
                if passed {
                    raw.send(FrameKind::Get, 1, &get(&["large"], true)).await;
                }
                // No file is passed to that request.
                raw.send_body(FrameKind::ReleasedFd, request_id, &[]).await;
                let mut last = None;
                while let Some(frame) = raw.next().await {
                    last = Some(frame);
                }
                assert_eq!(last.and_then(|frame| frame.kind()), Some(FrameKind::Goodbye));
            }
        }
    }

    #[tokio::test]
    async fn the_client_releases_a_file_before_the_next_item() {
        for transport in Transport::PASSING_FDS {
            let place = tempfile::tempdir().unwrap();
            let server = server_with_files(place.path()).await.via(*transport);
            let item = |range| GetItem { path: path("large"), range, if_etag: None };

            let range = Some(ByteRange::Between(10, 200_000));
            let mut transfer = server.client.get_fd(&reader(), item(range)).await.unwrap();
            let Some(Item::Sending(meta)) = transfer.next_item().await.unwrap() else { panic!("no item") };
            assert_eq!((meta.offset, meta.length), (10, 199_991));
            assert!(transfer.take_fd().is_some() && transfer.take_fd().is_none());
            transfer.release_fd().await.unwrap();
            assert_eq!(transfer.next_item().await.unwrap(), None);

            // A client that ignores the file gets no bytes, and the connection stays usable.
            let mut transfer = server.client.get_fd(&reader(), item(None)).await.unwrap();
            transfer.next_item().await.unwrap();
            assert_eq!(transfer.next_item().await.unwrap(), None);

            // A change is reported at the end.
            let mut transfer = server.client.get_fd(&reader(), item(None)).await.unwrap();
            transfer.next_item().await.unwrap();
            File::options().append(true).open(place.path().join("large")).unwrap().write_all(b"x").unwrap();
            assert_eq!(transfer.release_fd().await.unwrap_err().code, ErrorCode::Changed);
            assert_eq!(transfer.next_item().await.unwrap(), None);
            assert_eq!(server.client.status().bulk.busy, 0);
        }
    }
}
