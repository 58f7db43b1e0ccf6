//! A drop box does not tell what a name in it is: an upload whose path leads through a name that is taken by something
//! other than a folder goes into a folder beside it.

use std::sync::Arc;

use backend::client::{Caller, Client, ClientError, PutRange, Stage, Upload};
use backend::storage::memory::MemoryStorage;
use bytes::Bytes;
use shared::wire::Store;
use shared::{Conflict, ErrorCode, Grant, Order, Rights, Scope, VPath};

use super::reading::read_as;
use super::test_server::{TestServer, path, writer};
use super::uploads::error_code;

fn caller(grants: &[(&str, Rights)]) -> Caller {
    let grants = grants.iter().map(|(at, rights)| Grant { at: path(at), rights: *rights }).collect();
    Caller { scope: Scope { base: VPath::root(), grants }, ..Caller::default() }
}

/// Names of every kind in `in`.
const TAKEN: [&str; 6] = ["file", "inward", "to_file", "outward", "broken", "special"];

async fn server() -> TestServer {
    let storage = MemoryStorage::new();
    for name in ["in/file", "in/folder/x", "out/secret", "in/report.d"] {
        storage.add_file(name, name).unwrap();
    }
    for (name, target) in
        [("in/inward", "folder"), ("in/to_file", "file"), ("in/outward", "../out"), ("in/broken", "nothing")]
    {
        storage.add_link(name, target).unwrap();
    }
    storage.add_other("in/special").unwrap();
    TestServer::with_storage(Arc::new(storage)).await
}

fn sent(caller: &Caller, target: &str, conflict: Conflict) -> Stage {
    Stage { caller: caller.clone(), target: Some(path(target)), length: Some(1), conflict, ..Stage::default() }
}

async fn store(client: &Client, stage: Stage) -> Result<Upload, ClientError> {
    client.store(&Store { stage, checksum: None }, b"1").await
}

async fn staged(client: &Client, stage: Stage) -> Result<Upload, ClientError> {
    let stage = Stage { resumable: true, finish: Some(true), ..stage };
    let upload = client.stage(&stage).await?;
    let mut writer = client.put(&stage.caller, upload.id, PutRange::default()).await?;
    writer.send(Bytes::from_static(b"1")).await?;
    writer.finish().await?;
    client.upload_status(&stage.caller, upload.id).await
}

async fn names(client: &Client, text: &str) -> Vec<String> {
    let page = client.list(&writer(), &path(text), Order::default(), None, 100).await.unwrap();
    page.entries.iter().map(|entry| entry.path.display_name().into_owned()).collect()
}

#[tokio::test]
async fn a_path_through_a_name_of_any_kind_is_stored_alike() {
    let server = server().await;
    let client = &server.client;
    let guest = caller(&[("in", Rights::CREATE)]);
    for conflict in Conflict::ALL {
        for name in TAKEN.iter().chain(&["folder", "free"]) {
            let target = format!("in/{name}/deep/y");
            for upload in [
                store(client, sent(&guest, &target, conflict)).await,
                staged(client, sent(&guest, &target, conflict)).await,
            ] {
                let upload = upload.unwrap_or_else(|error| panic!("{target} {error}"));
                let entry = upload.entry.unwrap();
                assert_eq!((entry.path, entry.size, entry.etag), (path(&target), 1, None));
            }
        }
    }
    // The second file is in the same folder as the first one.
    assert_eq!(names(client, "in/file (2)/deep").await.len(), 8);
    assert_eq!(names(client, "in/outward (2)/deep").await.len(), 8);
    // A link to a folder of the box leads there.
    assert_eq!(names(client, "in/folder/deep").await.len(), 16);
    assert_eq!(names(client, "out").await, ["secret"]);
    assert_eq!(read_as(client, &writer(), "in/file").await.unwrap(), b"in/file");
    store(client, sent(&guest, "in/report.d/y", Conflict::Fail)).await.unwrap();
    assert_eq!(names(client, "in/report (2).d").await, ["y"]);
    server.stop().await;
}

/// What stands above the box, and where the caller may list, is refused as it is everywhere.
#[tokio::test]
async fn names_elsewhere_are_shown() {
    let server = server().await;
    let client = &server.client;
    let stage = |grants: &[(&str, Rights)], target| Stage {
        make_parents: true,
        ..sent(&caller(grants), target, Conflict::KeepBoth)
    };
    let listed = stage(&[("in", Rights::ADD)], "in/file/y");
    assert_eq!(error_code(store(client, listed).await), ErrorCode::NotFolder);
    let box_is_file = stage(&[("in/file", Rights::CREATE)], "in/file/y");
    assert_eq!(error_code(store(client, box_is_file).await), ErrorCode::NotFolder);
    server.stop().await;
}
