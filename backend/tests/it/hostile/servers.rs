//! The client against faulty servers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use backend::client::{Client, GetItem, Item, PoolConfig, Target};
use backend::gateway::{Anonymous, Gateway, GatewayConfig, serve};
use backend::wire::{Frame, Key};

use shared::job::{Job, JobState, Progress};
use shared::wire::{Auth, End, Failure, FrameKind, HelloAck, ItemEnd, Meta, STORE_KEY, Store, TrashPage, encode};
use shared::{ErrorCode, JobId, Kind, Rights, Timestamp, UploadId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::raw_connection::{RawConnection, frame, frame_bytes, header, within};
use crate::test_server::{path, reader};
use crate::uploads::store_request;

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

/// Puts an empty file with a key through a gateway, whose file server has these capabilities and refuses each STORE.
/// Returns of each STORE whether it has the key.
async fn stores_of_a_refused_put(capabilities: &'static [&'static str]) -> Vec<bool> {
    let stores = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&stores);
    let client = client_of_fake_server(move |mut raw: RawConnection, key| {
        let seen = Arc::clone(&seen);
        async move {
            raw.accept_with(&key, capabilities.iter().map(|name| (*name).to_owned()).collect(), |_| {}).await;
            while let Some(frame) = raw.next().await {
                assert_eq!(frame.kind(), Some(FrameKind::Store));
                seen.lock().unwrap().push(frame.message::<Store>().unwrap().stage.key.is_some());
                assert_eq!(raw.next().await.and_then(|frame| frame.kind()), Some(FrameKind::PutEnd));
                let refused = End { error: Some(Failure::new(ErrorCode::BadRequest, "refused")) };
                raw.send(FrameKind::End, frame.header.request_id, &refused).await;
            }
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let config = GatewayConfig { anonymous: Anonymous::Write, ..GatewayConfig::default() };
    tokio::spawn(serve(vec![listener], Gateway::new(client.await, config), CancellationToken::new()));
    let request = "PUT /files/x HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 0\r\n\
                   idempotency-key: 0102030405060708090a0b0c0d0e0f10\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let stores = stores.lock().unwrap();
    stores.clone()
}

#[tokio::test]
async fn a_put_that_is_refused_is_sent_once() {
    assert_eq!(stores_of_a_refused_put(&[STORE_KEY]).await, [true]);
}

#[tokio::test]
async fn a_server_of_version_0_1_0_gets_a_small_file_once_and_without_its_key() {
    assert_eq!(stores_of_a_refused_put(&[]).await, [false]);
}

/// A server runs to its end what it has begun, also for a client that leaves.
#[tokio::test]
async fn a_request_that_its_client_has_left_keeps_its_place_until_the_server_closes() {
    let (reports, mut left) = mpsc::channel(1);
    let (close, closing) = oneshot::channel::<()>();
    let closing = Arc::new(Mutex::new(Some(closing)));
    let client = client_of_fake_server(move |mut raw: RawConnection, key| {
        let (reports, closing) = (reports.clone(), closing.lock().unwrap().take());
        async move {
            raw.accept(&key, |_| {}).await;
            while raw.next().await.is_some_and(|frame| frame.kind() != Some(FrameKind::PutEnd)) {}
            reports.send(()).await.unwrap();
            // The end of what the client sends.
            assert!(raw.next().await.is_none());
            reports.send(()).await.unwrap();
            let _ = closing.unwrap().await;
        }
    });
    let client = client.await;
    let storing = tokio::spawn({
        let client = client.clone();
        async move { client.store(&store_request("new", b""), b"").await }
    });
    within(left.recv()).await.unwrap();
    storing.abort();
    within(left.recv()).await.unwrap();
    assert_eq!(client.status().changing.busy, 1);
    drop(close);
    within(async {
        while client.status().changing.busy > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
