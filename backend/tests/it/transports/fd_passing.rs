//! The frames that pass and release file descriptors.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use backend::client::{GetItem, Item};
use backend::storage::local::LocalStorage;
use backend::wire::{Incoming, TransportReader, TransportWriter, connect_in_process, connect_unix};
use shared::limits::PIECE_BYTES;
use shared::wire::{Auth, AuthOk, FrameKind, Get, Hello, HelloAck, PASS_FD};
use shared::{ByteRange, ErrorCode};

use super::fixtures::content;
use crate::raw_connection::{RawConnection, frame, frame_bytes, hello};
use crate::test_server::{TestServer, Transport, path, reader};

fn server_with_files(place: &Path) -> impl Future<Output = TestServer> + use<> {
    std::fs::write(place.join("large"), content(300_000)).unwrap();
    std::fs::write(place.join("small"), "small").unwrap();
    TestServer::with_storage(LocalStorage::open(place, None).unwrap().into())
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
    let item = |name: &&str| GetItem { path: path(name), range: None, if_etag: None, if_prefix: None };
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
        let item = |range| GetItem { path: path("large"), range, if_etag: None, if_prefix: None };

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
        File::options().write(true).open(place.path().join("large")).unwrap().set_len(9).unwrap();
        assert_eq!(transfer.release_fd().await.unwrap_err().code, ErrorCode::Changed);
        assert_eq!(transfer.next_item().await.unwrap(), None);
        assert_eq!(server.client.status().reading.busy, 0);
    }
}
