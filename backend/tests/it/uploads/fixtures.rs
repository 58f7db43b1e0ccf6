//! Requests of uploads, and the code of their errors.

use backend::client::{Client, ClientError, Commit, PutRange, Stage, Upload};
use bytes::Bytes;
use shared::wire::Store;
use shared::{ErrorCode, UploadId};

use crate::test_server::{path, writer};

/// STAGE of an upload with this target and length.
pub(crate) fn stage(target: &str, length: Option<u64>) -> Stage {
    Stage { caller: writer(), target: Some(path(target)), length, resumable: true, ..Stage::default() }
}

/// COMMIT without fields of its own.
pub(crate) fn commit(upload: UploadId) -> Commit {
    Commit { caller: writer(), upload, target: None, conflict: None, if_match: None, blake3: None }
}

/// Puts bytes at `offset`.
pub(crate) async fn put(client: &Client, upload: UploadId, offset: u64, bytes: &[u8]) -> Result<Upload, ClientError> {
    let sent = PutRange { offset, length: Some(bytes.len() as u64), ..PutRange::default() };
    put_as(client, upload, sent, bytes).await
}

pub(super) async fn put_as(
    client: &Client,
    upload: UploadId,
    sent: PutRange,
    bytes: &[u8],
) -> Result<Upload, ClientError> {
    let mut sending = client.put(&writer(), upload, sent).await?;
    if !bytes.is_empty() {
        sending.send(Bytes::copy_from_slice(bytes)).await?;
    }
    sending.finish().await
}

/// The code of a failure.
pub(crate) fn error_code<T: std::fmt::Debug>(result: Result<T, ClientError>) -> ErrorCode {
    result.expect_err("success instead of an error").code
}

pub(super) fn pattern(length: usize) -> Vec<u8> {
    (0..length as u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).take(length).collect()
}

/// STORE of these bytes at this target.
pub(crate) fn store_request(target: &str, bytes: &[u8]) -> Store {
    let length = Some(bytes.len() as u64);
    Store { stage: Stage { resumable: false, ..stage(target, length) }, checksum: None }
}
