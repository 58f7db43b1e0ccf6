//! Uploads through the client: bytes come in, survive what they must, and become files at once or not at all.

use std::sync::Arc;

use backend::client::{Caller, Client, ClientError, Commit, GetItem, Item, Sent, Stage, Upload};
use backend::server::{Database, Server, ServerConfig, serve};
use backend::storage::Storage;
use backend::storage::memory::MemoryStorage;
use backend::wire::Key;
use bytes::Bytes;
use shared::wire::{FrameKind, Put, PutEnd};
use shared::{Algorithm, Checksum, Conflict, ErrorCode, JobId, Rights, Root, Scope, UploadId};
use tokio::net::TcpListener;

use super::raw::Raw;
use super::world::{World, path, reader, small_tree, writer};

/// STAGE of an upload of so many bytes to there.
pub(crate) fn stage(target: &str, length: Option<u64>) -> Stage {
    Stage {
        caller: writer(),
        target: Some(path(target)),
        length,
        conflict: Conflict::Fail,
        if_match: None,
        modified: None,
        blake3: None,
        executable: None,
        metadata: String::new(),
        parts: Vec::new(),
        resumable: true,
        make_parents: false,
        key: None,
    }
}

/// COMMIT as STAGE said.
pub(crate) fn commit(upload: UploadId) -> Commit {
    Commit { caller: writer(), upload, target: None, conflict: None, if_match: None, blake3: None }
}

/// Puts bytes at `offset`.
pub(crate) async fn put(client: &Client, upload: UploadId, offset: u64, bytes: &[u8]) -> Result<Upload, ClientError> {
    let sent = Sent { offset, length: Some(bytes.len() as u64), ..Sent::default() };
    put_as(client, upload, sent, bytes).await
}

async fn put_as(client: &Client, upload: UploadId, sent: Sent, bytes: &[u8]) -> Result<Upload, ClientError> {
    let mut sending = client.put(&writer(), upload, sent).await?;
    if !bytes.is_empty() {
        sending.send(Bytes::copy_from_slice(bytes)).await?;
    }
    sending.finish().await
}

/// The whole content of a file.
pub(crate) async fn content(client: &Client, text: &str) -> Result<Vec<u8>, ClientError> {
    let item = GetItem { path: path(text), range: None, if_etag: None };
    let mut transfer = client.get(&reader(), vec![item]).await?;
    match transfer.next_item().await? {
        Some(Item::Sending(_)) => {}
        Some(Item::Refused(failure) | Item::Unsatisfiable(_, failure)) => return Err(failure.into()),
        None => panic!("no item at all"),
    }
    let mut bytes = Vec::new();
    while let Some(piece) = transfer.piece().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// The code of what failed.
pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, ClientError>) -> ErrorCode {
    result.expect_err("it should have failed").code
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length as u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).take(length).collect()
}

#[tokio::test]
async fn bytes_become_a_file_at_once() {
    let world = World::start().await;
    let bytes = pattern(20 << 20);
    let upload = world.client.stage(&stage("docs/new.bin", Some(bytes.len() as u64))).await.unwrap();
    assert_eq!((upload.offset, upload.length), (0, Some(bytes.len() as u64)));
    let (first, second) = bytes.split_at(9_000_001);
    assert_eq!(put(&world.client, upload.id, 0, first).await.unwrap().offset, 9_000_001);
    assert_eq!(code(world.client.stat(&reader(), &path("docs/new.bin")).await), ErrorCode::NotFound);
    assert_eq!(code(world.client.commit(&commit(upload.id)).await), ErrorCode::Incomplete);
    assert_eq!(put(&world.client, upload.id, 9_000_001, second).await.unwrap().offset, 20 << 20);
    let blake3 = Some(blake3::hash(&bytes).as_bytes().to_vec());
    let done = world.client.commit(&Commit { blake3: blake3.clone(), ..commit(upload.id) }).await.unwrap();
    let entry = done.entry.clone().unwrap();
    assert_eq!((entry.path, entry.size, done.replaced), (path("docs/new.bin"), 20 << 20, false));
    assert_eq!(done.digests.as_ref().unwrap().get(Algorithm::Blake3), blake3.as_deref());
    assert_eq!(content(&world.client, "docs/new.bin").await.unwrap(), bytes);
    // Again: the same answer.
    assert_eq!(world.client.commit(&commit(upload.id)).await.unwrap(), done);
    assert_eq!(world.client.upload_status(&writer(), upload.id).await.unwrap().entry, done.entry);
    world.stop().await;
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let world = World::start().await;
    let upload = world.client.stage(&Stage { resumable: false, ..stage("nothing", Some(0)) }).await.unwrap();
    let done = world.client.commit(&commit(upload.id)).await.unwrap();
    assert_eq!(done.entry.unwrap().size, 0);
    assert!(content(&world.client, "nothing").await.unwrap().is_empty());
    world.stop().await;
}
