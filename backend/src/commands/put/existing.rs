//! Looks for the file on the server, to avoid sending what it has, and to apply the conflict rule.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use shared::limits::PIECE_BYTES;
use shared::{Algorithm, Conflict, Entry, ErrorCode, Kind};

use super::error::SendError;
use super::find::FileTask;
use super::local_file::FileState;
use super::upload::Upload;

/// The entry on the server, if it makes the upload unnecessary. `None` if the file must be sent.
pub(super) async fn find_equal(
    upload: &Upload,
    task: &FileTask,
    file: &mut File,
    state: &FileState,
) -> Result<Option<Entry>, SendError> {
    let Upload { session, conflict, .. } = upload;
    let existing = match session.client.stat(&session.caller, &task.remote).await {
        Ok(existing) => existing,
        Err(error) if matches!(error.code, ErrorCode::NotFound | ErrorCode::ParentMissing) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if existing.kind == Kind::File && existing.size == state.size && has_content(upload, task, file).await? {
        return Ok(Some(existing));
    }
    match (conflict, existing.kind) {
        (Conflict::Skip, _) => Ok(Some(existing)),
        (Conflict::KeepBoth, _) | (Conflict::Replace, Kind::File) => Ok(None),
        (_, Kind::Folder) => Err(SendError::exists("a folder is in the way")),
        (_, Kind::Other) => Err(SendError::exists("a special file is in the way")),
        (Conflict::Fail, Kind::File) => Err(SendError::exists("exists and differs; --conflict replace overwrites it")),
    }
}

/// Whether the file on the server has the content of the local one.
async fn has_content(upload: &Upload, task: &FileTask, file: &mut File) -> Result<bool, SendError> {
    let Upload { session, report, .. } = upload;
    let remote = session.client.digest(&session.caller, &task.remote, vec![Algorithm::Blake3], false);
    let remote = remote.await?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        if report.stop().is_cancelled() {
            return Err(SendError::Stopped);
        }
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(remote.digests.get(Algorithm::Blake3) == Some(hasher.finalize().as_bytes().as_slice()))
}
