//! All pairs of requests about one upload and its parts, at the same time. Afterwards as many uploads may begin as
//! before: each upload has left the count once.

use std::sync::Arc;

use backend::client::{Client, ClientError, Stage};
use backend::server::ServerConfig;
use backend::storage::testing::faulty::{Faults, FaultyStorage, Operation};
use futures_util::future::join_all;
use shared::{ErrorCode, JobId, UploadId};

use super::fixtures::{commit, error_code, put, stage};
use crate::reading::read_file;
use crate::test_server::{TestServer, path, small_tree, writer};

/// Most unfinished uploads of the test's server.
const UPLOADS_MAX: usize = 6;
/// How often each pair meets.
const ROUNDS: u8 = 3;

/// A request about one of the uploads.
#[derive(Clone, Copy, Debug)]
enum Request {
    PutPart,
    AbortPart,
    CommitPart,
    PutPlain,
    AbortPlain,
    CommitPlain,
    StagePlainAgain,
    StageJoined,
    CommitJoined,
    AbortJoined,
    StatusOfAll,
}

const REQUESTS: [Request; 11] = [
    Request::PutPart,
    Request::AbortPart,
    Request::CommitPart,
    Request::PutPlain,
    Request::AbortPlain,
    Request::CommitPlain,
    Request::StagePlainAgain,
    Request::StageJoined,
    Request::CommitJoined,
    Request::AbortJoined,
    Request::StatusOfAll,
];

/// A part, an upload that joins it, and an upload of its own, all complete.
struct Uploads {
    part: UploadId,
    joined: UploadId,
    plain: UploadId,
    key: JobId,
}

fn plain(key: JobId) -> Stage {
    Stage { key: Some(key), ..stage("plain", Some(2)) }
}

impl Uploads {
    async fn begin(client: &Client, round: u8) -> Self {
        let part = client.stage(&Stage { target: None, ..stage("x", Some(2)) }).await.unwrap().id;
        put(client, part, 0, b"12").await.unwrap();
        let joined = client.stage(&Stage { parts: vec![part], ..stage("joined", None) }).await.unwrap().id;
        let key = JobId([round; 16]);
        let own = client.stage(&plain(key)).await.unwrap().id;
        put(client, own, 0, b"34").await.unwrap();
        Self { part, joined, plain: own, key }
    }

    async fn send(&self, client: &Client, request: Request) -> Result<(), ClientError> {
        let Self { part, joined, plain: own, key } = self;
        let finish = Some(true);
        match request {
            Request::PutPart => put(client, *part, 2, b"").await.map(drop),
            Request::AbortPart => client.abort(&writer(), *part).await,
            Request::CommitPart => {
                let target = Some(crate::test_server::path("part"));
                client.commit(&backend::client::Commit { target, ..commit(*part) }).await.map(drop)
            }
            Request::PutPlain => put(client, *own, 2, b"").await.map(drop),
            Request::AbortPlain => client.abort(&writer(), *own).await,
            Request::CommitPlain => client.commit(&commit(*own)).await.map(drop),
            Request::StagePlainAgain => client.stage(&plain(*key)).await.map(drop),
            Request::StageJoined => {
                let stage = Stage { parts: vec![*part], finish, ..stage("finished", None) };
                let id = client.stage(&stage).await?.id;
                client.finished_upload(&writer(), id).await.map(drop)
            }
            Request::CommitJoined => client.commit(&commit(*joined)).await.map(drop),
            Request::AbortJoined => client.abort(&writer(), *joined).await,
            Request::StatusOfAll => client.uploads(&writer()).await.map(drop),
        }
    }
}

async fn abort_all(client: &Client) {
    for upload in client.uploads(&writer()).await.unwrap() {
        client.abort(&writer(), upload.id).await.unwrap();
    }
}

/// Exactly [`UPLOADS_MAX`] uploads can begin.
async fn assert_count(client: &Client, context: &str) {
    for number in 0..UPLOADS_MAX {
        let begun = client.stage(&stage(&format!("n{number}"), Some(1))).await;
        assert!(begun.is_ok(), "{context}: an upload is counted that has ended: {begun:?}");
    }
    assert_eq!(error_code(client.stage(&stage("more", Some(1))).await), ErrorCode::TooManyRequests, "{context}");
    abort_all(client).await;
}

async fn race(first: Request, second: Request) {
    let config = ServerConfig { unfinished_uploads_max: UPLOADS_MAX, ..ServerConfig::default() };
    let server = TestServer::with_config(Arc::new(small_tree()), config).await.in_process();
    let client = &server.client;
    for round in 0..ROUNDS {
        let context = format!("{first:?} and {second:?}, round {round}");
        let uploads = Uploads::begin(client, round).await;
        let (one, two) = tokio::join!(uploads.send(client, first), uploads.send(client, second));
        for failed in [one, two].into_iter().filter_map(Result::err) {
            // The other request causes each of these codes; none is a failure of the server.
            let expected = matches!(
                failed.code,
                ErrorCode::NotFound
                    | ErrorCode::Gone
                    | ErrorCode::Canceled
                    | ErrorCode::AlreadyExists
                    | ErrorCode::Locked
                    | ErrorCode::KeyReused
            );
            assert!(expected, "{context}: {failed:?}");
        }
        abort_all(client).await;
        for (name, content) in [("joined", b"12"), ("finished", b"12"), ("part", b"12"), ("plain", b"34")] {
            if let Ok(bytes) = read_file(client, name).await {
                assert_eq!(bytes, content, "{context}: {name} is torn");
                let trash = vec![shared::change::PathItem { path: crate::test_server::path(name), if_etag: None }];
                let key = JobId(deletion_key(round, name));
                let wait = std::time::Duration::from_secs(30);
                client.change(&writer(), key, shared::Change::Delete { items: trash }, wait).await.unwrap();
            }
        }
        assert_count(client, &context).await;
    }
    server.stop().await;
}

/// A key for the deletion of a file in a round.
fn deletion_key(round: u8, name: &str) -> [u8; 16] {
    let mut key = [round; 16];
    key.iter_mut().zip(name.bytes()).for_each(|(byte, letter)| *byte ^= letter);
    key
}

#[tokio::test]
async fn every_pair_of_requests_leaves_the_count_right() {
    for (index, first) in REQUESTS.iter().enumerate() {
        for second in &REQUESTS[index..] {
            race(*first, *second).await;
        }
    }
}

/// How many requests are answered while others wait for an upload.
const OTHER_REQUESTS: usize = 20;

/// The file is held back while requests ask for it: each of them waits, and gets it.
#[tokio::test]
async fn requests_that_ask_for_the_file_let_each_other_wait() {
    let faults = Faults::seeded(1);
    let (release, held) = std::sync::mpsc::channel::<()>();
    faults.before(Operation::Publish, 1, move || {
        // Fails once the test lets it go on.
        let _ = held.recv();
    });
    let server = TestServer::with_storage(Arc::new(FaultyStorage::new(small_tree(), faults))).await;
    let client = &server.client;
    let id = client.stage(&stage("new", Some(2))).await.unwrap().id;
    put(client, id, 0, b"12").await.unwrap();
    let (request, asking) = (commit(id), writer());
    let commits = join_all((0..3).map(|_| client.commit(&request)));
    let statuses = join_all((0..3).map(|_| client.upload_status(&asking, id)));
    let others = async {
        for _ in 0..OTHER_REQUESTS {
            client.stat(&writer(), &path("hello.txt")).await.unwrap();
        }
        drop(release);
    };
    let (commits, statuses, ()) = tokio::join!(commits, statuses, others);
    for answer in commits {
        assert_eq!(answer.unwrap().entry.unwrap().path, path("new"));
    }
    for answer in statuses {
        answer.unwrap();
    }
    assert_eq!(read_file(client, "new").await.unwrap(), b"12");
    server.stop().await;
}
