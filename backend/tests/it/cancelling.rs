//! Requests that are cancelled, or whose time or connection ends: after END with a failure, the request has no effect.

use std::sync::Arc;
use std::time::Duration;

use backend::client::{Caller, Client, Stage};
use backend::gateway::{Anonymous, GatewayConfig};
use backend::storage::Storage;
use backend::wire::Frame;
use shared::change::PathItem;
use shared::wire::{Abort, CancelJob, ChangeRequest, Commit, FrameKind, Message, Put, PutEnd, Store};
use shared::{Algorithm, Change, Checksum, ErrorCode, JobId, JobState, UploadId};

use super::raw_connection::{RawTransport, frame, frame_bytes};
use super::test_gateway::TestGateway;
use super::test_server::{TestServer, Transport, path, small_tree, writer};
use super::uploads::{commit, error_code, put, stage, store_request};

/// How often each case is repeated: which of two threads is faster differs from time to time.
const REPETITIONS: u32 = 40;
/// The only request of each connection.
const ID: u32 = 1;

fn bytes_of<M: Message>(kind: FrameKind, message: &M) -> Vec<u8> {
    frame_bytes(&frame(kind, ID, message))
}

fn empty(kind: FrameKind) -> Vec<u8> {
    frame_bytes(&Frame::new(kind, ID, Vec::new()))
}

fn data(bytes: &[u8]) -> Vec<u8> {
    frame_bytes(&Frame::new(FrameKind::Data, ID, bytes.to_vec()))
}

fn put_end() -> Vec<u8> {
    bytes_of(FrameKind::PutEnd, &PutEnd { broken: false })
}

/// A caller whose time is over at once.
fn without_time() -> Caller {
    Caller { deadline_ms: Some(0), ..writer() }
}

/// Sends `frames` in one write on a new connection, and returns the code of the END.
async fn ask(server: &TestServer, transport: Transport, frames: &[Vec<u8>]) -> Option<ErrorCode> {
    let mut raw = RawTransport::over(server, transport).await;
    raw.send_bytes(&frames.concat()).await;
    let code = raw.end(ID).await;
    assert!(matches!(code, None | Some(ErrorCode::Canceled | ErrorCode::DeadlineExceeded)), "{code:?}");
    code
}

async fn exists(client: &Client, name: &str) -> bool {
    client.stat(&writer(), &path(name)).await.is_ok()
}

fn names_of(case: &str, transport: Transport) -> impl Iterator<Item = String> {
    (0..REPETITIONS).map(move |number| format!("{case}-{transport:?}-{number}"))
}

/// Whether each name exists is what its END said. The names are looked up after all requests: an effect that begins
/// after an END has had time for it.
async fn check_names(server: &TestServer, said: Vec<(String, bool)>) {
    for (name, exists_as_said) in said {
        assert_eq!(exists(&server.client, &name).await, exists_as_said, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_ends_with_a_failure_leaves_no_file() {
    let server = TestServer::start().await;
    let mut said = Vec::new();
    for transport in Transport::ALL {
        let cancel = empty(FrameKind::Cancel);
        let bytes = data(b"12345");
        let orders: [(&str, Caller, Vec<Vec<u8>>); 4] = [
            ("before-the-bytes", writer(), vec![cancel.clone(), bytes.clone(), put_end()]),
            ("before-the-end", writer(), vec![bytes.clone(), cancel.clone(), put_end()]),
            ("after-the-end", writer(), vec![bytes.clone(), put_end(), cancel]),
            ("without-time", without_time(), vec![bytes, put_end()]),
        ];
        for (case, caller, rest) in orders {
            for name in names_of(case, *transport) {
                let request = store_request(&name, b"12345");
                let request = Store { stage: Stage { caller: caller.clone(), ..request.stage }, ..request };
                let frames = [vec![bytes_of(FrameKind::Store, &request)], rest.clone()].concat();
                let code = ask(&server, *transport, &frames).await;
                assert!(code.is_some() || case.starts_with("after") || case.starts_with("without"), "{case}");
                said.push((name, code.is_none()));
            }
        }
    }
    check_names(&server, said).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_whose_end_cannot_be_read_or_does_not_come_leaves_no_file() {
    let server = TestServer::start().await;
    let mut said = Vec::new();
    for transport in Transport::ALL {
        let unreadable = frame_bytes(&Frame::new(FrameKind::PutEnd, ID, b"\xff".to_vec()));
        for (case, last) in [("unreadable", unreadable), ("no-end", Vec::new())] {
            for name in names_of(case, *transport) {
                let mut raw = RawTransport::over(&server, *transport).await;
                let store = bytes_of(FrameKind::Store, &store_request(&name, b"12345"));
                raw.send_bytes(&[store, data(b"12345"), last.clone()].concat()).await;
                if !last.is_empty() {
                    assert_eq!(raw.closing_code().await, Some(ErrorCode::BadRequest));
                }
                said.push((name, false));
            }
        }
    }
    check_names(&server, said).await;
    server.stop().await;
}

/// Also after the END of a request that has failed, when its bytes are only dropped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_failed_body_has_to_be_readable() {
    let server = TestServer::start().await;
    for transport in Transport::ALL {
        for is_put in [true, false] {
            let mut raw = RawTransport::over(&server, *transport).await;
            if is_put {
                let upload = server.client.stage(&stage("put", Some(3))).await.unwrap().id;
                let put = Put {
                    caller: writer(),
                    upload,
                    offset: 0,
                    length: None,
                    checksum: None,
                    total: None,
                    blake3: None,
                };
                raw.send(FrameKind::Put, ID, &put).await;
                assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Upload));
            } else {
                raw.send(FrameKind::Store, ID, &store_request("stored", b"12345")).await;
            }
            raw.send_bytes(&data(&[7; 9])).await;
            assert_eq!(raw.end(ID).await, Some(ErrorCode::LengthMismatch));
            raw.send_body(FrameKind::PutEnd, ID, b"\xff").await;
            assert_eq!(raw.closing_code().await, Some(ErrorCode::BadRequest));
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_keeps_the_bytes_before_cancel_and_no_others() {
    let server = TestServer::start().await;
    for transport in Transport::ALL {
        for name in names_of("put", *transport) {
            for (checksum, kept) in [(None, 1_000), (Some(checksum(&[7; 3_000])), 0)] {
                let upload = server.client.stage(&stage(&name, Some(3_000))).await.unwrap().id;
                let mut raw = RawTransport::over(&server, *transport).await;
                let request =
                    Put { caller: writer(), upload, offset: 0, length: None, checksum, total: None, blake3: None };
                raw.send(FrameKind::Put, ID, &request).await;
                assert_eq!(raw.next().await.unwrap().kind(), Some(FrameKind::Upload));
                let rest = [data(&[7; 1_000]), empty(FrameKind::Cancel), data(&[7; 2_000]), put_end()].concat();
                raw.send_bytes(&rest).await;
                assert_eq!(raw.end(ID).await, Some(ErrorCode::Canceled));
                raw.assert_usable().await;
                assert_eq!(server.client.upload_status(&writer(), upload).await.unwrap().offset, kept);
                server.client.abort(&writer(), upload).await.unwrap();
            }
        }
    }
    server.stop().await;
}

fn checksum(bytes: &[u8]) -> Checksum {
    Checksum { algorithm: Algorithm::Blake3, digest: blake3::hash(bytes).as_bytes().to_vec() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_that_ends_before_it_is_ready_announces_no_length() {
    let server = TestServer::start().await;
    let mut said = Vec::new();
    for transport in Transport::ALL {
        for name in names_of("put", *transport) {
            let upload = server.client.stage(&stage(&name, None)).await.unwrap().id;
            let total = Some(3_000);
            let request =
                Put { caller: without_time(), upload, offset: 0, length: None, checksum: None, total, blake3: None };
            let mut raw = RawTransport::over(&server, *transport).await;
            raw.send(FrameKind::Put, ID, &request).await;
            let first = raw.next().await.unwrap();
            said.push((upload, first.kind() == Some(FrameKind::Upload)));
        }
    }
    for (upload, announced) in said {
        let length = server.client.upload_status(&writer(), upload).await.unwrap().length;
        assert_eq!(length.is_some(), announced, "{length:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_that_ends_with_a_failure_leaves_no_upload_and_no_folder() {
    let storage = Arc::new(small_tree());
    let server = TestServer::with_storage(storage.clone()).await;
    let (mut said, mut begun) = (Vec::new(), 0);
    for transport in Transport::ALL {
        for (case, caller, rest) in
            [("cancel", writer(), empty(FrameKind::Cancel)), ("without-time", without_time(), Vec::new())]
        {
            for name in names_of(case, *transport) {
                let target = format!("{name}/file");
                let request = Stage { caller: caller.clone(), make_parents: true, ..stage(&target, Some(5)) };
                let code = ask(&server, *transport, &[bytes_of(FrameKind::Stage, &request), rest.clone()]).await;
                begun += usize::from(code.is_none());
                said.push((name, code.is_none()));
            }
        }
    }
    check_names(&server, said).await;
    assert_eq!(server.client.uploads(&writer()).await.unwrap().len(), begun);
    assert_eq!(storage.list_staged().unwrap().len(), begun);
    server.stop().await;
}

/// An upload with all its bytes.
async fn whole_upload(server: &TestServer, name: &str) -> UploadId {
    let upload = server.client.stage(&stage(name, Some(5))).await.unwrap().id;
    put(&server.client, upload, 0, b"12345").await.unwrap();
    upload
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_ends_with_a_failure_leaves_no_file_and_can_be_repeated() {
    let server = TestServer::start().await;
    let (mut said, mut uploads) = (Vec::new(), Vec::new());
    for transport in Transport::ALL {
        for (case, caller, rest) in
            [("cancel", writer(), empty(FrameKind::Cancel)), ("without-time", without_time(), Vec::new())]
        {
            for name in names_of(case, *transport) {
                let upload = whole_upload(&server, &name).await;
                let request = Commit { caller: caller.clone(), ..commit(upload) };
                let code = ask(&server, *transport, &[bytes_of(FrameKind::Commit, &request), rest.clone()]).await;
                said.push((name, code.is_none()));
                uploads.push(upload);
            }
        }
    }
    check_names(&server, said).await;
    for upload in uploads {
        let file = server.client.commit(&commit(upload)).await.unwrap();
        assert_eq!((file.entry.unwrap().size, file.replaced), (5, false));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abort_that_ends_with_a_failure_leaves_the_upload() {
    let server = TestServer::start().await;
    let mut said = Vec::new();
    for transport in Transport::ALL {
        for (case, caller, rest) in
            [("cancel", writer(), empty(FrameKind::Cancel)), ("without-time", without_time(), Vec::new())]
        {
            for name in names_of(case, *transport) {
                let upload = server.client.stage(&stage(&name, Some(5))).await.unwrap().id;
                let request = Abort { caller: caller.clone(), upload };
                let code = ask(&server, *transport, &[bytes_of(FrameKind::Abort, &request), rest.clone()]).await;
                said.push((upload, code.is_some()));
            }
        }
    }
    for (upload, is_there) in said {
        assert_eq!(server.client.upload_status(&writer(), upload).await.is_ok(), is_there);
    }
    server.stop().await;
}

fn key(number: usize) -> JobId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    JobId(bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_ends_with_a_failure_is_no_job() {
    let server = TestServer::start().await;
    let (mut said, mut keys) = (Vec::new(), Vec::new());
    for transport in Transport::ALL {
        for (case, caller, rest) in
            [("cancel", writer(), empty(FrameKind::Cancel)), ("without-time", without_time(), Vec::new())]
        {
            for name in names_of(case, *transport) {
                let key = key(keys.len());
                let change = Change::MakeFolder { paths: vec![path(&name)], existing_ok: false };
                let request = ChangeRequest { caller: caller.clone(), key, change, wait_ms: 30_000 };
                let code = ask(&server, *transport, &[bytes_of(FrameKind::Change, &request), rest.clone()]).await;
                said.push((name, code.is_none()));
                keys.push((key, code.is_none()));
            }
        }
    }
    for (key, is_job) in keys {
        let job = server.client.job(&writer(), key, u64::MAX, Duration::from_secs(30)).await;
        match job {
            Ok(job) => assert_eq!((job.state, is_job), (JobState::Done, true)),
            Err(error) => assert_eq!((error.code, is_job), (ErrorCode::NotFound, false)),
        }
    }
    check_names(&server, said).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_not_there_is_not_cancelled() {
    let server = TestServer::start().await;
    let change = Change::Trash { items: vec![PathItem { path: path("hello.txt"), if_etag: None }] };
    let job = server.client.change(&writer(), key(1), change, Duration::from_secs(30)).await.unwrap();
    for transport in Transport::ALL {
        let request = CancelJob { caller: writer(), job: job.id };
        let frames = [bytes_of(FrameKind::CancelJob, &request), empty(FrameKind::Cancel)];
        // It answers with the job as it is, whether or not CANCEL arrives in time.
        assert_eq!(ask(&server, *transport, &frames).await, None);
    }
    assert_eq!(error_code(server.client.cancel_job(&writer(), key(2)).await), ErrorCode::NotFound);
    server.stop().await;
}

/// The deadline of each request to the file server is over at once, so some of them fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http_request_that_fails_changes_nothing() {
    let config = GatewayConfig { anonymous: Anonymous::Write, answer_time: Duration::ZERO, ..GatewayConfig::default() };
    let gateway = TestGateway::with_config(Arc::new(small_tree()), config).await;
    let client = &gateway.server.client;
    let (mut said, mut kept) = (Vec::new(), Vec::new());
    for number in 0..REPETITIONS {
        // In one exchange, and as an upload of several steps.
        for (case, length) in [("small", 5), ("large", 300_000)] {
            let name = format!("{case}-{number}");
            let status = gateway.send("PUT", &format!("/files/{name}"), &[], &vec![7; length]).await.status;
            assert!(matches!(status, 201 | 504), "{status}");
            said.push((name, status == 201));
        }
        let name = format!("folder-{number}");
        let body = format!(r#"{{"action":"make_folder","paths":["{name}"]}}"#);
        let json = [("content-type", "application/json")];
        let response = gateway.send("POST", "/api/v1/changes", &json, body.as_bytes()).await;
        assert!(matches!(response.status, 200 | 202 | 504), "{response:?}");
        if response.status == 504 {
            said.push((name, false));
        }
        let name = format!("kept-{number}");
        let stored = client.store(&store_request(&name, b"12345"), b"12345").await;
        assert!(stored.is_ok());
        let status = gateway.send("DELETE", &format!("/files/{name}"), &[], b"").await.status;
        assert!(matches!(status, 202 | 204 | 504), "{status}");
        if status == 504 {
            kept.push((name, true));
        }
    }
    check_names(&gateway.server, said).await;
    check_names(&gateway.server, kept).await;
    gateway.assert_healthy_and_stop().await;
}
