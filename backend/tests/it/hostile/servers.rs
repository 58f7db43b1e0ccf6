//! The client against faulty servers.

use backend::client::{Client, GetItem, Item, PoolConfig, Target};
use backend::wire::{Frame, Key};
use std::time::Duration;

use shared::job::{Job, JobState, Progress};
use shared::wire::{Auth, Failure, FrameKind, HelloAck, ItemEnd, Meta, TrashPage, encode};
use shared::{ErrorCode, JobId, Kind, Rights, Timestamp, UploadId};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::raw_connection::{RawConnection, frame, frame_bytes, header, within};
use crate::test_server::{path, reader};

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
async fn a_handshake_with_a_request_id_is_a_protocol_error() {
    let client = client_of_fake_server(async |mut raw: RawConnection, _| {
        let _ = raw.next().await;
        let ack = HelloAck { version: 1, capabilities: Vec::new(), nonce: [0; 32] };
        raw.send(FrameKind::HelloAck, 1, &ack).await;
        assert!(raw.next().await.is_none(), "the client continues");
    });
    assert_eq!(stat_error_code(&client.await).await, ErrorCode::Protocol);
}

#[tokio::test]
async fn other_frames_than_the_handshake_are_a_protocol_error() {
    for said in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"\0\0\0\x08\x50\0\0\0\0\0\0\0", b"\0\0\0\0\0\0\0\0\0\0\0\0"]
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
                raw.send_bytes(&frame_bytes(frame)).await;
            }
            let _ = raw.incoming().await;
        }
    });
    let client = client.await;
    let items = vec![GetItem { path: path("x"), range: None, if_etag: None, if_prefix: None }];
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
        raw.send_bytes(&frame_bytes(&meta(5_000))).await;
        raw.send_bytes(&header(8 + 5_000, 0x42, 0, 0, 1)).await;
        let _ = raw.incoming().await;
    });
    let items = vec![GetItem { path: path("x"), range: None, if_etag: None, if_prefix: None }];
    let mut transfer = client.await.get(&reader(), items).await.unwrap();
    assert!(matches!(transfer.next_item().await, Ok(Some(Item::Sending(_)))));
    assert_eq!(transfer.piece().await.unwrap_err().code, ErrorCode::Protocol);
}

/// A client of a server that repeats one message for ever.
async fn client_of_endless_server(kind: FrameKind, body: Vec<u8>) -> Client {
    // Many frames in one write.
    let frames = frame_bytes(&Frame::new(kind, 1, body)).repeat(1000);
    client_of_fake_server(move |mut raw: RawConnection, key| {
        let frames = frames.clone();
        async move {
            raw.accept(&key, |_| {}).await;
            let _ = raw.next().await;
            while raw.writer.write_all(&frames).await.is_ok() {}
        }
    })
    .await
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let caller = reader();
    let protocol = |error: backend::client::ClientError| assert_eq!(error.code, ErrorCode::Protocol, "{error}");
    let client = client_of_endless_server(FrameKind::TrashPage, encode(&TrashPage::default())).await;
    protocol(within(client.list_trash(&caller, None, 10)).await.unwrap_err());
    let (id, state) = (JobId([1; 16]), JobState::Done);
    let job = Job { id, state, version: 1, progress: Progress::default(), outcomes: Vec::new() };
    let client = client_of_endless_server(FrameKind::Job, encode(&job)).await;
    protocol(within(client.jobs(&caller)).await.unwrap_err());
    let client = client_of_endless_server(FrameKind::Job, encode(&job)).await;
    protocol(within(client.job(&caller, id, 0, Duration::ZERO)).await.unwrap_err());
    // A message that is no part of the answer ends it at once.
    for kind in [FrameKind::Digests, FrameKind::Upload, FrameKind::Page, FrameKind::Columns] {
        let client = client_of_endless_server(kind, encode(&TrashPage::default())).await;
        within(client.list_trash(&caller, None, 10)).await.unwrap_err();
        within(client.upload_status(&caller, UploadId([1; 16]))).await.unwrap_err();
        within(client.digest(&caller, &path("x"), Vec::new(), true)).await.unwrap_err();
        within(client.stat(&caller, &path("x"))).await.unwrap_err();
    }
}
