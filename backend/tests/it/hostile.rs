//! The framed protocol against hostile and faulty peers. After each of them the server must serve the next client.

use std::sync::Arc;
use std::time::Duration;

use backend::client::{Client, GetItem, Item, PoolConfig, Target};
use backend::server::ServerConfig;
use backend::storage::memory::MemoryStorage;
use backend::wire::{Frame, Incoming, Key, WireError};
use shared::limits::{
    CANCELS_PER_MINUTE_MAX, DATA_BYTES_MAX, DATA_BYTES_MIN, IDLE_TIME, PIECE_BYTES, PINGS_WAITING_MAX, STALL_TIME,
    TEXT_BYTES_MAX,
};
use shared::wire::{Auth, Caller, Failure, FrameKind, Get, Hello, HelloAck, ItemEnd, List, Meta, Stat, Walk, encode};
use shared::{ErrorCode, Kind, Order, Rights, Root, Scope, Timestamp, VPath};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::raw_connection::{
    PipeServer, RawConnection, RawPipe, bytes, frame, header, hello, serve_pipe, stat, within,
};
use super::test_server::{TestServer, path, reader, small_tree};

/// The storage behind the connections in memory.
fn storage_with_files() -> Arc<MemoryStorage> {
    Arc::new(small_tree())
}

fn connect_in_memory() -> (RawPipe, PipeServer) {
    serve_pipe(storage_with_files(), ServerConfig::default(), 64 << 10)
}

/// Checks that the server still serves a client, and then stops completely.
async fn assert_healthy_and_stop(server: TestServer) {
    assert_eq!(server.client.stat(&reader(), &path("hello.txt")).await.unwrap().size, 13);
    server.stop().await;
}

/// Reproducible bytes from a seed (SplitMix64).
fn pseudo_random_bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as u8
    };
    (0..length).map(|_| next()).collect()
}

mod before_the_handshake {
    use super::*;

    /// Sends bytes instead of HELLO, and checks the server's last frame.
    #[track_caller]
    fn check(sent: &[u8], expected: ErrorCode) -> impl Future<Output = ()> + use<> {
        let sent = sent.to_vec();
        async move {
            let (mut raw, server) = connect_in_memory();
            raw.send_bytes(&sent).await;
            assert_eq!(raw.closing_code().await, Some(expected), "{:02x?}", &sent[..sent.len().min(16)]);
            drop(raw);
            within(server.task).await.unwrap();
        }
    }

    #[tokio::test]
    async fn other_bytes_than_hello_are_refused() {
        check(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", ErrorCode::FrameTooLong).await;
        check(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00", ErrorCode::FrameTooLong).await;
        check(&bytes(&frame(FrameKind::Stat, 1, &stat(""))), ErrorCode::Protocol).await;
        check(&bytes(&Frame::new(FrameKind::Ping, 0, Vec::new())), ErrorCode::Protocol).await;
        check(&bytes(&Frame::new(FrameKind::Hello, 0, b"\xff".to_vec())), ErrorCode::BadRequest).await;
        check(&bytes(&Frame::new(FrameKind::Hello, 0, Vec::new())), ErrorCode::BadRequest).await;
    }

    #[tokio::test]
    async fn a_hello_over_its_limits_is_refused() {
        let with = |change: fn(&mut Hello)| {
            let mut hello = hello();
            change(&mut hello);
            bytes(&frame(FrameKind::Hello, 0, &hello))
        };
        check(&with(|hello| hello.magic = "passerelle2".into()), ErrorCode::Protocol).await;
        check(&with(|hello| hello.capabilities = vec![String::new(); 33]), ErrorCode::Protocol).await;
        check(&with(|hello| hello.capabilities = vec!["x".repeat(257)]), ErrorCode::Protocol).await;
        check(&with(|hello| (hello.min_version, hello.max_version) = (2, 1)), ErrorCode::Protocol).await;
        check(&with(|hello| (hello.min_version, hello.max_version) = (2, 9)), ErrorCode::VersionMismatch).await;
        check(&with(|hello| hello.max_version = 0), ErrorCode::Protocol).await;
    }

    #[tokio::test]
    async fn invalid_headers_are_refused_before_their_body_is_read() {
        check(&header(0, 1, 0, 0, 0), ErrorCode::Protocol).await;
        check(&header(7, 1, 0, 0, 0), ErrorCode::Protocol).await;
        check(&header(4097, 1, 0, 0, 0), ErrorCode::FrameTooLong).await;
        check(&header(u32::MAX, 1, 0, 0, 0), ErrorCode::FrameTooLong).await;
        check(&header(62, 1, 1, 0, 0), ErrorCode::Protocol).await;
        check(&header(62, 1, 0, 1, 0), ErrorCode::Protocol).await;
        check(&header(8, 0x42, 0, 0, 0), ErrorCode::Protocol).await;
        check(&header(9, 0x42, 0, 0, 0), ErrorCode::Protocol).await;
    }

    #[tokio::test]
    async fn a_refusal_arrives_although_the_client_has_sent_more() {
        let server = TestServer::start().await;
        for _ in 0..20 {
            let mut raw = RawConnection::connect(&server).await;
            raw.send_bytes(&[b"GET / HTTP/1.1\r\n".to_vec(), pseudo_random_bytes(1, 40_000)].concat()).await;
            assert_eq!(raw.closing_code().await, Some(ErrorCode::FrameTooLong));
        }
        assert_healthy_and_stop(server).await;
    }

    #[tokio::test]
    async fn a_handshake_may_end_at_any_byte() {
        let (mut raw, server) = connect_in_memory();
        let (transcript, _) = raw.exchange_hello().await;
        let proof = transcript.client_proof(&server.key);
        let auth = Auth { key_id: server.key.id().into(), proof, max_data: None };
        let lengths =
            [bytes(&frame(FrameKind::Hello, 0, &hello())).len(), bytes(&frame(FrameKind::Auth, 0, &auth)).len()];
        for cut in 0..lengths[0] {
            let (mut raw, server) = connect_in_memory();
            raw.send_bytes(&bytes(&frame(FrameKind::Hello, 0, &hello()))[..cut]).await;
            raw.writer.shutdown().await.unwrap();
            assert_eq!(raw.closing_code().await, Some(ErrorCode::Disconnected), "after {cut} bytes");
            drop(raw);
            within(server.task).await.unwrap();
        }
        for cut in 0..lengths[1] {
            let (mut raw, server) = connect_in_memory();
            let (transcript, _) = raw.exchange_hello().await;
            let proof = transcript.client_proof(&server.key);
            let auth = Auth { key_id: server.key.id().into(), proof, max_data: None };
            raw.send_bytes(&bytes(&frame(FrameKind::Auth, 0, &auth))[..cut]).await;
            raw.writer.shutdown().await.unwrap();
            assert_eq!(raw.closing_code().await, Some(ErrorCode::Disconnected), "after {cut} bytes");
            drop(raw);
            within(server.task).await.unwrap();
        }
        drop(raw);
        within(server.task).await.unwrap();
    }

    #[tokio::test]
    async fn random_bytes_end_only_their_connection() {
        for seed in 0..200 {
            let (mut raw, server) = connect_in_memory();
            raw.send_bytes(&pseudo_random_bytes(seed, 1_000)).await;
            raw.writer.shutdown().await.unwrap();
            assert!(raw.closing_code().await.is_some(), "seed {seed}");
            drop(raw);
            within(server.task).await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_handshake_times_out() {
        for said in [0, 5, 1_000] {
            let (mut raw, server) = connect_in_memory();
            let hello = bytes(&frame(FrameKind::Hello, 0, &hello()));
            raw.send_bytes(&hello[..said.min(hello.len())]).await;
            if said > hello.len() {
                assert!(raw.next().await.is_some());
            }
            assert_eq!(raw.closing_code().await, Some(ErrorCode::HandshakeTimeout));
            drop(raw);
            within(server.task).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_connection_over_the_limit_is_refused_with_a_code() {
        let config = ServerConfig { connections_max: 2, ..ServerConfig::default() };
        let server = TestServer::with_config(storage_with_files(), config).await;
        let (first, second) = (RawConnection::open(&server).await, RawConnection::open(&server).await);
        for _ in 0..20 {
            let mut third = RawConnection::connect(&server).await;
            third.send_bytes(&bytes(&frame(FrameKind::Hello, 0, &hello()))).await;
            assert_eq!(third.closing_code().await, Some(ErrorCode::TooManyConnections));
        }
        let refused = server.client.stat(&reader(), &path("")).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::TooManyConnections);
        assert_eq!(refused.retry_after, Some(Duration::from_secs(1)));
        drop((first, second));
        // The server may notice the closed connections only after a while.
        within(async { while server.client.stat(&reader(), &path("")).await.is_err() {} }).await;
        assert_healthy_and_stop(server).await;
    }
}

mod proofs {
    use super::*;

    /// Performs a handshake with the AUTH that `forge` makes, and returns the code with which the server ends it.
    async fn check(forge: impl FnOnce(&PipeServer, [u8; 32]) -> Auth) -> Option<ErrorCode> {
        let (mut raw, server) = connect_in_memory();
        let (transcript, _) = raw.exchange_hello().await;
        let auth = forge(&server, transcript.client_proof(&server.key));
        raw.send(FrameKind::Auth, 0, &auth).await;
        let code = raw.closing_code().await;
        drop(raw);
        within(server.task).await.unwrap();
        code
    }

    #[tokio::test]
    async fn only_the_right_key_authenticates() {
        let auth = |key_id: &str, proof| Auth { key_id: key_id.into(), proof, max_data: None };
        let refused = Some(ErrorCode::BadProof);
        assert_eq!(check(|server, _| auth(server.key.id(), [0; 32])).await, refused);
        assert_eq!(check(|_, proof| auth("unknown", proof)).await, refused);
        assert_eq!(check(|_, proof| auth("", proof)).await, refused);
        assert_eq!(check(|_, proof| auth(&"x".repeat(TEXT_BYTES_MAX + 1), proof)).await, refused);
        let one_bit = |mut proof: [u8; 32]| {
            proof[31] ^= 1;
            proof
        };
        assert_eq!(check(|server, proof| auth(server.key.id(), one_bit(proof))).await, refused);
    }

    #[tokio::test]
    async fn a_proof_fails_on_another_connection() {
        let (mut first, pipe_server) = connect_in_memory();
        let (transcript, _) = first.exchange_hello().await;
        let proof = transcript.client_proof(&pipe_server.key);
        let auth = Auth { key_id: pipe_server.key.id().into(), proof, max_data: None };
        let overheard = bytes(&frame(FrameKind::Auth, 0, &auth));
        let server = TestServer::start().await;
        let (mut one, mut other) = (RawConnection::connect(&server).await, RawConnection::connect(&server).await);
        let (transcript, _) = one.exchange_hello().await;
        other.exchange_hello().await;
        let proof = transcript.client_proof(&server.key);
        other.send(FrameKind::Auth, 0, &Auth { key_id: server.key.id().into(), proof, max_data: None }).await;
        assert_eq!(other.closing_code().await, Some(ErrorCode::BadProof));
        other = RawConnection::connect(&server).await;
        other.exchange_hello().await;
        other.send_bytes(&overheard).await;
        assert_eq!(other.closing_code().await, Some(ErrorCode::BadProof));
        assert_healthy_and_stop(server).await;
    }

    #[tokio::test]
    async fn the_proof_of_the_other_direction_fails() {
        let (mut raw, server) = connect_in_memory();
        let (transcript, _) = raw.exchange_hello().await;
        let proof = transcript.server_proof(&server.key);
        raw.send(FrameKind::Auth, 0, &Auth { key_id: server.key.id().into(), proof, max_data: None }).await;
        assert_eq!(raw.closing_code().await, Some(ErrorCode::BadProof));
        drop(raw);
        within(server.task).await.unwrap();
    }

    #[tokio::test]
    async fn a_handshake_that_was_modified_on_the_way_fails() {
        let (mut raw, server) = connect_in_memory();
        let sent = frame(FrameKind::Hello, 0, &hello());
        raw.send_bytes(&bytes(&sent)).await;
        let ack = raw.next().await.unwrap();
        // An attacker removed a capability from HELLO, so the client's proof covers another HELLO than the server's.
        let meant = Hello { capabilities: vec!["tls".into()], ..sent.message().unwrap() };
        let mut transcript = backend::wire::Transcript::default();
        transcript.add(&frame(FrameKind::Hello, 0, &meant));
        transcript.add(&ack);
        let proof = transcript.client_proof(&server.key);
        raw.send(FrameKind::Auth, 0, &Auth { key_id: server.key.id().into(), proof, max_data: None }).await;
        assert_eq!(raw.closing_code().await, Some(ErrorCode::BadProof));
        drop(raw);
        within(server.task).await.unwrap();
    }

    #[tokio::test]
    async fn a_server_without_keys_refuses_all_clients() {
        let key = Key::generate().unwrap();
        let server = backend::server::Server::new(storage_with_files(), None, [], ServerConfig::default());
        let (near, far) = tokio::io::duplex(4096);
        let task = tokio::spawn(async move {
            let (reader, writer) = tokio::io::split(far);
            backend::server::serve_connection(reader, writer, &server, &Default::default()).await;
        });
        let (reader, writer) = tokio::io::split(near);
        let mut raw = RawConnection::new(reader, writer);
        let (transcript, _) = raw.exchange_hello().await;
        let auth = Auth { key_id: key.id().into(), proof: transcript.client_proof(&key), max_data: None };
        raw.send(FrameKind::Auth, 0, &auth).await;
        assert_eq!(raw.closing_code().await, Some(ErrorCode::BadProof));
        drop(raw);
        within(task).await.unwrap();
    }
}

mod after_the_handshake {
    use super::*;

    async fn open() -> (RawPipe, PipeServer) {
        let (mut raw, server) = connect_in_memory();
        raw.handshake(&server.key, None).await;
        (raw, server)
    }

    /// Sends bytes on an open connection, and checks the code with which the server closes it.
    async fn assert_closes_with(sent: &[u8], expected: ErrorCode) {
        let (mut raw, server) = open().await;
        raw.send_bytes(sent).await;
        assert_eq!(raw.closing_code().await, Some(expected), "{:02x?}", &sent[..sent.len().min(16)]);
        drop(raw);
        within(server.task).await.unwrap();
    }

    #[tokio::test]
    async fn frames_invalid_for_a_client_end_the_connection() {
        assert_closes_with(&header(0, 0x10, 0, 0, 1), ErrorCode::Protocol).await;
        assert_closes_with(&header(7, 0x50, 0, 0, 1), ErrorCode::Protocol).await;
        assert_closes_with(&header((64 << 10) + 1, 0x10, 0, 0, 1), ErrorCode::FrameTooLong).await;
        assert_closes_with(&header((64 << 10) + 1, 0x3f, 0, 0, 1), ErrorCode::FrameTooLong).await;
        assert_closes_with(&header(u32::MAX, 0x10, 0, 0, 1), ErrorCode::FrameTooLong).await;
        assert_closes_with(&header(8, 0x50, 0x80, 0, 1), ErrorCode::Protocol).await;
        assert_closes_with(&header(8, 0x50, 0, 0x100, 1), ErrorCode::Protocol).await;
        // DATA: empty, outside a PUT, and longer than agreed.
        assert_closes_with(&header(8, 0x42, 0, 0, 1), ErrorCode::Protocol).await;
        assert_closes_with(&[&header(9, 0x42, 0, 0, 1)[..], b"x"].concat(), ErrorCode::Protocol).await;
        assert_closes_with(&header((1 << 20) + 9, 0x42, 0, 0, 1), ErrorCode::FrameTooLong).await;
        for kind in [FrameKind::Hello, FrameKind::Auth, FrameKind::Page, FrameKind::End, FrameKind::Pong] {
            assert_closes_with(&bytes(&Frame::new(kind, 1, b"\xa0".to_vec())), ErrorCode::Protocol).await;
        }
        for number in [0x00, 0x05, 0x0f, 0x54, 0x60, 0xff] {
            assert_closes_with(&header(8, number, 0, 0, 1), ErrorCode::Protocol).await;
        }
    }

    #[tokio::test]
    async fn an_unknown_operation_is_answered_unsupported() {
        let (mut raw, _server) = open().await;
        for (request_id, number) in (0x10..=0x3f).filter(|number| FrameKind::from_number(*number).is_none()).enumerate()
        {
            let request_id = request_id as u32;
            raw.send_bytes(&[header(11, number, 0, 0, request_id), pseudo_random_bytes(7, 3)].concat()).await;
            assert_eq!(raw.end(request_id).await, Some(ErrorCode::Unsupported), "{number:#x}");
        }
        raw.is_usable().await;
    }

    #[tokio::test]
    async fn an_undecodable_body_is_answered_bad_request() {
        let (mut raw, _server) = open().await;
        let good = encode(&stat("hello.txt"));
        let bodies = [
            Vec::new(),
            vec![0xff],
            vec![0xa0],
            // A byte too many, a byte too few, and random bytes.
            [&good[..], b"\0"].concat(),
            good[..good.len() - 1].to_vec(),
            pseudo_random_bytes(3, 60_000),
            // False lengths: a map, a list, a text and a byte string of 2^64 - 1.
            b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
            b"\xa2\x00\x9b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
            b"\xa2\x00\xa2\x00\xa1\x00\x9b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
            b"\xa2\x01\x5b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
            b"\xa2\x01\x5b\x7f\xff\xff\xff\xff\xff\xff\xff".to_vec(),
            b"\xa2\x09\x7b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
            // Nested as deeply as a frame allows, in a known and in a skipped field, complete and incomplete.
            vec![0x81; 65_000],
            vec![0xbf; 65_000],
            [&b"\xa1\x00"[..], &vec![0x9f; 65_000]].concat(),
            [&b"\xa1\x09"[..], &vec![0x81; 65_000]].concat(),
            [&b"\xa1\x09"[..], &vec![0x9f; 65_000]].concat(),
            [&b"\xa1\x09"[..], &vec![0xd8; 65_000]].concat(),
            [&b"\xa1\x09"[..], &b"\x82\x9f".repeat(32_000)].concat(),
            [&b"\xa1\x09"[..], &b"\xbf\xa2".repeat(32_000)].concat(),
        ];
        for (request_id, body) in bodies.iter().enumerate() {
            for kind in [FrameKind::Stat, FrameKind::List, FrameKind::Get, FrameKind::Walk] {
                raw.send_body(kind, request_id as u32, body).await;
                let code = raw.end(request_id as u32).await;
                assert_eq!(code, Some(ErrorCode::BadRequest), "{kind:?} {:02x?}", &body[..body.len().min(16)]);
            }
        }
        raw.is_usable().await;
    }

    #[tokio::test]
    async fn paths_with_dot_segments_are_refused() {
        let (mut raw, _server) = open().await;
        let plain = encode(&stat("abcde"));
        let at = plain.windows(5).position(|window| window == b"abcde").unwrap();
        for name in [&b"../ab"[..], b"ab/..", b"a/../", b"/abcd", b"a//bc", b"ab\0cd", b"./abc", b"abcd/"] {
            let mut body = plain.clone();
            body[at..at + 5].copy_from_slice(name);
            raw.send_body(FrameKind::Stat, 1, &body).await;
            assert_eq!(raw.end(1).await, Some(ErrorCode::BadRequest), "{}", name.escape_ascii());
        }
        // Dot segments in the folder of a scope's root.
        let caller = Caller { scope: scope("abcde", Rights::ALL), ..Caller::default() };
        let plain = encode(&Stat { caller, path: VPath::root(), for_reading: None });
        let at = plain.windows(5).position(|window| window == b"abcde").unwrap();
        let mut body = plain.clone();
        body[at..at + 5].copy_from_slice(b"a/../");
        raw.send_body(FrameKind::Stat, 1, &body).await;
        assert_eq!(raw.end(1).await, Some(ErrorCode::BadRequest));
        // Names that only resemble dot segments are valid.
        for text in ["...", "%5C..%5C..", "%2e%2e%5C", "..%00"] {
            if let Ok(path) = VPath::parse(text) {
                raw.send(FrameKind::Stat, 1, &Stat { caller: reader(), path, for_reading: None }).await;
                assert_eq!(raw.end(1).await, Some(ErrorCode::NotFound), "{text}");
            }
        }
        raw.is_usable().await;
    }

    fn scope(folder: &str, rights: Rights) -> Scope {
        Scope { roots: vec![Root { name: String::new(), folder: path(folder), rights, quota_bytes: None }] }
    }

    #[tokio::test]
    async fn parameters_outside_their_bounds_are_answered_bad_request() {
        let (mut raw, _server) = open().await;
        let list = List { caller: reader(), path: path(""), order: Order::default(), cursor: None, limit: 1 };
        let roots = |count| Scope { roots: vec![scope("", Rights::ALL).roots[0].clone(); count] };
        let callers = [
            Caller { scope: roots(65), ..Caller::default() },
            Caller { trace_id: Some("x".repeat(257)), ..reader() },
            Caller {
                scope: Scope { roots: vec![Root { name: "x".repeat(257), ..roots(1).roots[0].clone() }] },
                ..reader()
            },
        ];
        let lists = [
            List { limit: 0, ..list.clone() },
            List { limit: 1_000_001, ..list.clone() },
            List { limit: u32::MAX, ..list.clone() },
            List { cursor: Some("x".repeat(2_049)), ..list.clone() },
        ];
        let lists = lists.into_iter().chain(callers.into_iter().map(|caller| List { caller, ..list.clone() }));
        for request in lists {
            raw.send(FrameKind::List, 1, &request).await;
            assert_eq!(raw.end(1).await, Some(ErrorCode::BadRequest), "{request:?}");
        }
        let item = GetItem { path: path("x"), range: None, if_etag: None };
        for count in [0, 1_025] {
            raw.send(FrameKind::Get, 1, &Get { caller: reader(), items: vec![item.clone(); count], pass_fd: None })
                .await;
            assert_eq!(raw.end(1).await, Some(ErrorCode::BadRequest), "{count} items");
            raw.send(FrameKind::Walk, 1, &Walk { caller: reader(), paths: vec![path("x"); count], cursor: None }).await;
            assert_eq!(raw.end(1).await, Some(ErrorCode::BadRequest), "{count} paths");
        }
        let walk = Walk { caller: reader(), paths: vec![path("docs")], cursor: Some("x".repeat(12_545)) };
        raw.send(FrameKind::Walk, 1, &walk).await;
        assert_eq!(raw.end(1).await, Some(ErrorCode::BadRequest));
        for cursor in ["x", "1.docs", "0.hello.txt", "18446744073709551616.docs", "0.../..", "0.docs/%"] {
            let cursor = Some(cursor.to_owned());
            raw.send(FrameKind::Walk, 1, &Walk { caller: reader(), paths: vec![path("docs")], cursor }).await;
            assert_eq!(raw.end(1).await, Some(ErrorCode::BadCursor));
        }
        for cursor in ["x", "1.0.0.f.0.", "1.0.18446744073709551616.f.0.a", "1.0.0.f.x.a"] {
            raw.send(FrameKind::List, 1, &List { cursor: Some(cursor.into()), ..list.clone() }).await;
            assert_eq!(raw.end(1).await, Some(ErrorCode::BadCursor));
        }
        raw.is_usable().await;
    }

    #[tokio::test]
    async fn rights_are_the_intersection_of_key_and_scope() {
        let (mut raw, _server) = open().await;
        let ask = async |raw: &mut RawPipe, caller: Caller| {
            raw.send(FrameKind::Stat, 1, &Stat { caller, path: path("hello.txt"), for_reading: None }).await;
            raw.end(1).await
        };
        let caller = |scope, root| Caller { scope, root, ..Caller::default() };
        assert_eq!(ask(&mut raw, caller(Scope::default(), 0)).await, Some(ErrorCode::NotFound));
        assert_eq!(ask(&mut raw, caller(scope("", Rights::ALL), 1)).await, Some(ErrorCode::NotFound));
        assert_eq!(ask(&mut raw, caller(scope("", Rights::ALL), u16::MAX)).await, Some(ErrorCode::NotFound));
        assert_eq!(ask(&mut raw, caller(scope("", Rights::READ), 0)).await, Some(ErrorCode::Forbidden));
        assert_eq!(ask(&mut raw, caller(scope("docs", Rights::ALL), 0)).await, Some(ErrorCode::NotFound));
        assert_eq!(ask(&mut raw, caller(scope("", Rights::LIST), 0)).await, None);
    }

    #[tokio::test]
    async fn random_bodies_end_at_most_the_connection() {
        for seed in 0..200 {
            let (mut raw, server) = open().await;
            // Valid headers with invalid bodies.
            let mut sent = Vec::new();
            for round in 0..20 {
                let body = pseudo_random_bytes(seed * 100 + round, (seed % 50) as usize);
                sent.extend(header(8 + body.len() as u32, 0x10 + (round % 6) as u8, 0, 0, round as u32));
                sent.extend(body);
            }
            sent.extend(pseudo_random_bytes(seed, 100));
            raw.send_bytes(&sent).await;
            raw.writer.shutdown().await.unwrap();
            while let Ok(Some(_)) = raw.incoming().await {}
            within(server.task).await.unwrap();
        }
    }

    #[tokio::test]
    async fn frames_may_arrive_split_and_joined() {
        let (mut raw, _server) = open().await;
        let ping = bytes(&Frame::new(FrameKind::Ping, 5, Vec::new()));
        let request = bytes(&frame(FrameKind::Stat, 6, &stat("hello.txt")));
        for byte in [&ping[..], &request].concat() {
            raw.send_bytes(&[byte]).await;
        }
        assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Pong));
        assert_eq!(raw.end(6).await, None);
        raw.send_bytes(&ping.repeat(1_000)).await;
        for _ in 0..1_000 {
            assert_eq!(raw.next().await.unwrap().header.request_id, 5);
        }
        raw.is_usable().await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_closed_without_a_failure() {
        let (mut raw, server) = open().await;
        assert_eq!(raw.closing_code().await, None);
        drop(raw);
        within(server.task).await.unwrap();
        // Half a frame does not count as activity.
        let (mut raw, server) = open().await;
        let started = tokio::time::Instant::now();
        raw.send_bytes(&header(8, 0x50, 0, 0, 1)[..6]).await;
        assert_eq!(raw.closing_code().await, None);
        assert_eq!(started.elapsed().as_secs(), IDLE_TIME.as_secs());
        drop(raw);
        within(server.task).await.unwrap();
    }

    #[tokio::test]
    async fn a_flood_of_cancels_ends_the_connection() {
        let (mut raw, server) = open().await;
        let cancel = bytes(&Frame::new(FrameKind::Cancel, 9, Vec::new()));
        raw.send_bytes(&cancel.repeat(CANCELS_PER_MINUTE_MAX as usize)).await;
        raw.is_usable().await;
        raw.send_bytes(&cancel).await;
        assert_eq!(raw.closing_code().await, Some(ErrorCode::TooManyRequests));
        drop(raw);
        within(server.task).await.unwrap();
    }

    #[tokio::test]
    async fn immediate_cancels_count_toward_the_limit() {
        let (mut raw, server) = open().await;
        let list = List { caller: reader(), path: path(""), order: Order::default(), cursor: None, limit: 1 };
        let mut ended = 0;
        for request_id in 1..=CANCELS_PER_MINUTE_MAX + 1 {
            let pair = [bytes(&frame(FrameKind::List, request_id, &list)), header(8, 0x52, 0, 0, request_id)].concat();
            raw.send_bytes(&pair).await;
            loop {
                let frame = raw.next().await.expect("END or GOODBYE");
                match frame.kind() {
                    Some(FrameKind::End) => break ended += 1,
                    Some(FrameKind::Goodbye) => break assert_eq!(request_id, CANCELS_PER_MINUTE_MAX + 1),
                    _ => {}
                }
            }
        }
        assert!(ended >= CANCELS_PER_MINUTE_MAX);
        drop(raw);
        within(server.task).await.unwrap();
    }
}

mod while_a_request_runs {
    use super::*;

    /// A file of sevens that is longer than any pipe.
    const BIG: usize = 3 << 20;

    fn get() -> Get {
        let item = GetItem { path: path("big"), range: None, if_etag: None };
        Get { caller: reader(), items: vec![item], pass_fd: None }
    }

    /// A connection within the first DATA frame of a big file, after META.
    async fn begin_transfer() -> (RawPipe, PipeServer) {
        let storage = MemoryStorage::new();
        storage.add_file("big", vec![7; BIG]).unwrap();
        let (mut raw, server) = serve_pipe(Arc::new(storage), ServerConfig::default(), 1 << 10);
        raw.handshake(&server.key, None).await;
        raw.send(FrameKind::Get, 1, &get()).await;
        assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Meta));
        assert!(matches!(raw.incoming().await, Ok(Some(Incoming::Data { bytes: DATA_BYTES_MAX, .. }))));
        (raw, server)
    }

    /// Checks that only bytes of the file arrive until the connection ends within the frame.
    async fn assert_only_file_bytes(mut raw: RawPipe, server: PipeServer) {
        let mut received = 0;
        let error = loop {
            match within(raw.reader.piece(PIECE_BYTES)).await {
                Ok(piece) => {
                    assert!(piece.iter().all(|byte| *byte == 7), "bytes of another frame within a DATA frame");
                    received += piece.len();
                    assert!(received < DATA_BYTES_MAX, "the frame is complete");
                }
                Err(error) => break error,
            }
        };
        assert!(matches!(error, WireError::Truncated), "{error}");
        within(server.task).await.unwrap();
    }

    #[tokio::test]
    async fn a_second_request_ends_the_connection() {
        let (mut raw, server) = begin_transfer().await;
        raw.send(FrameKind::Stat, 2, &stat("")).await;
        assert_only_file_bytes(raw, server).await;
    }

    #[tokio::test]
    async fn goodbye_ends_the_connection() {
        let (mut raw, server) = begin_transfer().await;
        raw.send_body(FrameKind::Goodbye, 0, b"\xa0").await;
        assert_only_file_bytes(raw, server).await;
    }

    #[tokio::test]
    async fn a_client_that_closes_its_sending_side_ends_the_connection() {
        let (mut raw, server) = begin_transfer().await;
        raw.writer.shutdown().await.unwrap();
        assert_only_file_bytes(raw, server).await;
    }

    #[tokio::test]
    async fn random_bytes_during_a_request_end_the_connection() {
        let (mut raw, server) = begin_transfer().await;
        raw.send_bytes(&[0xff; 100]).await;
        assert_only_file_bytes(raw, server).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_reader_is_disconnected() {
        let (raw, server) = begin_transfer().await;
        let started = tokio::time::Instant::now();
        within(server.task).await.unwrap();
        assert_eq!(started.elapsed().as_secs(), STALL_TIME.as_secs());
        drop(raw);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_is_served_to_the_end() {
        let storage = MemoryStorage::new();
        storage.add_file("slow", vec![7; 100_000]).unwrap();
        let (mut raw, server) = serve_pipe(Arc::new(storage), ServerConfig::default(), 64);
        raw.handshake(&server.key, None).await;
        let item = GetItem { path: path("slow"), range: None, if_etag: None };
        raw.send(FrameKind::Get, 1, &Get { caller: reader(), items: vec![item], pass_fd: None }).await;
        assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Meta));
        let RawConnection { reader, .. } = &mut raw;
        let mut received = 0;
        assert!(matches!(reader.next().await, Ok(Some(Incoming::Data { bytes: 100_000, .. }))));
        while reader.data_left() > 0 {
            // The transfer takes days, but each pause is shorter than the stall time.
            sleep(STALL_TIME / 2).await;
            received += reader.piece(PIECE_BYTES).await.unwrap().len();
        }
        assert_eq!(received, 100_000);
        assert_eq!(raw.end(1).await, None);
        raw.is_usable().await;
    }

    #[tokio::test]
    async fn pings_are_answered_between_frames() {
        let (mut raw, _server) = begin_transfer().await;
        raw.send_body(FrameKind::Ping, 41, b"").await;
        raw.send_body(FrameKind::Ping, 42, b"").await;
        let mut pongs = Vec::new();
        let mut received = raw.data().await.unwrap().len();
        loop {
            match raw.incoming().await.unwrap().unwrap() {
                Incoming::Data { .. } => received += raw.data().await.unwrap().len(),
                Incoming::Message(frame) if frame.kind() == Some(FrameKind::Pong) => {
                    pongs.push(frame.header.request_id)
                }
                Incoming::Message(frame) if frame.kind() == Some(FrameKind::End) => break,
                Incoming::Message(frame) => assert_eq!(frame.message::<ItemEnd>().unwrap(), ItemEnd::default()),
            }
        }
        assert_eq!((received, &pongs[..]), (BIG, &[41, 42][..]));
        raw.is_usable().await;
    }

    #[tokio::test]
    async fn a_flood_of_pings_ends_the_connection() {
        let (mut raw, server) = begin_transfer().await;
        let ping = bytes(&Frame::new(FrameKind::Ping, 0, Vec::new()));
        raw.send_bytes(&ping.repeat(PINGS_WAITING_MAX as usize + 1)).await;
        assert_only_file_bytes(raw, server).await;
    }

    #[tokio::test]
    async fn cancel_gets_an_end_and_keeps_the_connection() {
        let (mut raw, _server) = begin_transfer().await;
        raw.send_body(FrameKind::Cancel, 99, b"").await;
        raw.send_body(FrameKind::Cancel, 1, b"").await;
        raw.send_body(FrameKind::Cancel, 1, b"").await;
        assert_eq!(raw.data().await.unwrap().len(), DATA_BYTES_MAX);
        assert_eq!(raw.end(1).await, Some(ErrorCode::Canceled));
        raw.is_usable().await;
    }

    #[tokio::test]
    async fn frames_keep_to_the_agreed_length() {
        let storage = MemoryStorage::new();
        storage.add_file("big", vec![7; 200_000]).unwrap().add_file("small", vec![7; 60_000]).unwrap();
        for (wanted, agreed) in [(4_096, 4_096), (10_000, 10_000), (0, DATA_BYTES_MIN), (u32::MAX, DATA_BYTES_MAX)] {
            let (mut raw, server) = serve_pipe(Arc::new(storage.clone()), ServerConfig::default(), 64 << 10);
            let ok = raw.handshake(&server.key, Some(wanted)).await;
            assert_eq!(ok.max_data as usize, agreed);
            raw.reader.open(agreed);
            for name in ["big", "small"] {
                let item = GetItem { path: path(name), range: None, if_etag: None };
                raw.send(FrameKind::Get, 1, &Get { caller: reader(), items: vec![item], pass_fd: None }).await;
                assert_eq!(raw.end(1).await, None);
            }
        }
        // A server may be configured to a lower limit or, by mistake, to one that no client accepts.
        for (set, agreed) in [(8_192, 8_192), (0, DATA_BYTES_MIN), (usize::MAX, DATA_BYTES_MAX)] {
            let config = ServerConfig { data_bytes_max: set, ..ServerConfig::default() };
            let (mut raw, server) = serve_pipe(storage_with_files(), config, 64 << 10);
            assert_eq!(raw.handshake(&server.key, None).await.max_data as usize, agreed);
        }
    }
}

mod servers {
    use super::*;

    /// A client of a server that runs `play` for each connection.
    async fn client_of_fake_server<F>(play: impl Fn(RawConnection, Key) -> F + Send + 'static) -> Client
    where
        F: Future<Output = ()> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, key) = (listener.local_addr().unwrap().to_string(), Key::generate().unwrap());
        let held = key.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (reader, writer) = stream.into_split();
                play(RawConnection::new(reader, writer), held.clone()).await;
            }
        });
        Client::new(Target::tcp(address, key), PoolConfig::default())
    }

    async fn stat_error_code(client: &Client) -> ErrorCode {
        client.stat(&reader(), &path("x")).await.unwrap_err().code
    }

    #[tokio::test]
    async fn a_server_without_the_key_is_refused() {
        let without_key = client_of_fake_server(async |mut raw: RawConnection, _| {
            raw.accept(&Key::generate().unwrap(), |_| {}).await;
            assert!(raw.next().await.is_none(), "a client must not ask an impostor for anything");
        });
        assert_eq!(stat_error_code(&without_key.await).await, ErrorCode::BadProof);
        let echoes_the_proof = client_of_fake_server(async |mut raw: RawConnection, key| {
            // Sends the client's own proof back.
            let mut transcript = backend::wire::Transcript::default();
            transcript.add(&raw.next().await.unwrap());
            let ack = HelloAck { version: 1, capabilities: Vec::new(), nonce: [0; 32] };
            transcript.add(&frame(FrameKind::HelloAck, 0, &ack));
            raw.send(FrameKind::HelloAck, 0, &ack).await;
            let auth: Auth = raw.next().await.unwrap().message().unwrap();
            let proof = auth.proof;
            let _ = key;
            let ok = shared::wire::AuthOk { proof, max_data: 1 << 20, idle_timeout_ms: 120_000, rights: Rights::ALL };
            raw.send(FrameKind::AuthOk, 0, &ok).await;
            assert!(raw.next().await.is_none());
        });
        assert_eq!(stat_error_code(&echoes_the_proof.await).await, ErrorCode::BadProof);
    }

    #[tokio::test]
    async fn limits_outside_the_protocol_are_refused() {
        for max_data in [0, 4_095, (1 << 20) + 1, u32::MAX] {
            let client = client_of_fake_server(move |mut raw: RawConnection, key| async move {
                // The proof does not cover AUTH_OK itself, so the client must check its limits.
                raw.accept(&key, |ok| ok.max_data = max_data).await;
                let _ = raw.incoming().await;
            });
            assert_eq!(stat_error_code(&client.await).await, ErrorCode::Protocol);
        }
    }

    #[tokio::test]
    async fn other_frames_than_the_handshake_are_a_protocol_error() {
        for said in
            [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"\0\0\0\x08\x50\0\0\0\0\0\0\0", b"\0\0\0\0\0\0\0\0\0\0\0\0"]
        {
            let client = client_of_fake_server(move |mut raw: RawConnection, _| async move {
                raw.send_bytes(said).await;
                let _ = raw.incoming().await;
            });
            assert_eq!(stat_error_code(&client.await).await, ErrorCode::Protocol, "{}", said.escape_ascii());
        }
        let mute = client_of_fake_server(async |raw: RawConnection, _| drop(raw));
        assert_eq!(stat_error_code(&mute.await).await, ErrorCode::Disconnected);
    }

    /// Opens a transfer from a server that answers a GET with these frames, and reads all of it.
    async fn transfer(frames: Vec<Frame>) -> Result<usize, ErrorCode> {
        let client = client_of_fake_server(move |mut raw: RawConnection, key| {
            let frames = frames.clone();
            async move {
                raw.accept(&key, |_| {}).await;
                let _ = raw.next().await;
                for frame in &frames {
                    raw.send_bytes(&bytes(frame)).await;
                }
                let _ = raw.incoming().await;
            }
        });
        let client = client.await;
        let items = vec![GetItem { path: path("x"), range: None, if_etag: None }];
        let work = async {
            let mut transfer = client.get(&reader(), items).await?;
            let mut received = 0;
            while let Some(item) = transfer.next_item().await? {
                if let Item::Sending(_) = item {
                    while let Some(piece) = transfer.piece().await? {
                        received += piece.len();
                    }
                }
            }
            Ok::<_, backend::client::ClientError>(received)
        };
        within(work).await.map_err(|error| error.code)
    }

    fn meta(length: u64) -> Frame {
        let entry = shared::Entry {
            path: path("x"),
            kind: Kind::File,
            size: length,
            modified: Timestamp(0),
            executable: false,
            link: None,
            etag: None,
        };
        frame(FrameKind::Meta, 1, &Meta { entry, offset: 0, length })
    }

    fn data(length: usize) -> Frame {
        Frame::new(FrameKind::Data, 1, vec![7; length])
    }

    fn item_end(code: Option<ErrorCode>) -> Frame {
        frame(FrameKind::ItemEnd, 1, &ItemEnd { error: code.map(|code| Failure::new(code, "")) })
    }

    fn end() -> Frame {
        Frame::new(FrameKind::End, 1, b"\xa0".to_vec())
    }

    #[tokio::test]
    async fn an_inconsistent_answer_is_a_protocol_error() {
        let other = |kind, id| Frame::new(kind, id, b"\xa0".to_vec());
        assert_eq!(transfer(vec![meta(5), data(5), item_end(None), end()]).await, Ok(5));
        assert_eq!(transfer(vec![meta(0), item_end(None), end()]).await, Ok(0));
        let protocol = Err(ErrorCode::Protocol);
        for frames in [
            vec![meta(0), data(5), item_end(None), end()],
            vec![meta(4), data(5), item_end(None), end()],
            vec![meta(9), data(5), data(5), item_end(None), end()],
            vec![meta(6), data(5), item_end(None), end()],
            vec![meta(5), meta(5), data(5), item_end(None), end()],
            vec![data(5), item_end(None), end()],
            vec![item_end(None), end()],
            vec![meta(5), data(5), item_end(None), item_end(None), end()],
            vec![meta(5), data(5), end()],
            vec![meta(0), end()],
            vec![end()],
            vec![meta(5), Frame::new(FrameKind::Data, 2, vec![7; 5])],
            vec![other(FrameKind::Meta, 1)],
            vec![other(FrameKind::Page, 1)],
            vec![other(FrameKind::Hello, 1)],
            vec![Frame::new(FrameKind::ItemEnd, 1, b"\xff".to_vec())],
        ] {
            let kinds: Vec<_> = frames.iter().map(|frame| (frame.kind(), frame.body.len())).collect();
            assert_eq!(transfer(frames).await, protocol, "{kinds:?}");
        }
        assert_eq!(
            transfer(vec![meta(9), data(5), item_end(Some(ErrorCode::Changed)), end()]).await,
            Err(ErrorCode::Changed)
        );
        assert_eq!(transfer(vec![meta(0), item_end(Some(ErrorCode::Io)), end()]).await, Ok(0));
    }

    #[tokio::test]
    async fn a_frame_longer_than_agreed_is_refused() {
        let client = client_of_fake_server(async |mut raw: RawConnection, key| {
            raw.accept(&key, |ok| ok.max_data = 4_096).await;
            let _ = raw.next().await;
            raw.send_bytes(&bytes(&meta(5_000))).await;
            raw.send_bytes(&header(8 + 5_000, 0x42, 0, 0, 1)).await;
            let _ = raw.incoming().await;
        });
        let items = vec![GetItem { path: path("x"), range: None, if_etag: None }];
        let mut transfer = client.await.get(&reader(), items).await.unwrap();
        assert!(matches!(transfer.next_item().await, Ok(Some(Item::Sending(_)))));
        assert_eq!(transfer.piece().await.unwrap_err().code, ErrorCode::Protocol);
    }
}

#[tokio::test]
async fn unauthenticated_peers_on_a_real_port_do_not_affect_others() {
    let server = TestServer::start().await;
    for seed in 0..50 {
        let mut stream = tokio::net::TcpStream::connect(server.tcp).await.unwrap();
        let _ = stream.write_all(&pseudo_random_bytes(seed, 5_000)).await;
        let mut answer = Vec::new();
        // A reset and a close are both valid ends.
        let _ = within(stream.read_to_end(&mut answer)).await;
    }
    // Connections that send nothing more and never close.
    let mut held = Vec::new();
    for seed in 0..50 {
        let mut raw = RawConnection::open(&server).await;
        raw.send_bytes(&header(60_000, 0x10, 0, 0, seed)).await;
        held.push(raw);
    }
    assert_healthy_and_stop(server).await;
}
