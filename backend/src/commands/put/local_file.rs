//! Local files: opens them, and detects changes.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use shared::Timestamp;
use shared::limits::PIECE_BYTES;

/// The metadata that must not change during an upload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FileState {
    pub(super) size: u64,
    pub(super) modified: Timestamp,
    /// `None` if the system has no execute permission.
    pub(super) executable: Option<bool>,
}

impl FileState {
    /// The state that the metadata describe.
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { size: metadata.len(), modified: modified(metadata), executable: executable(metadata) }
    }
}

/// Opens a regular file.
///
/// # Errors
/// `InvalidInput` for anything else: opening a FIFO, for one, would wait for a writer.
pub(super) fn open(path: &Path) -> io::Result<(File, FileState)> {
    let refused = || io::Error::new(io::ErrorKind::InvalidInput, "is not a regular file");
    if !std::fs::metadata(path)?.is_file() {
        return Err(refused());
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(refused());
    }
    Ok((file, FileState::of(&metadata)))
}

/// The next piece of a file, at most `left` bytes. Empty at its end.
pub(super) fn read_piece(file: &mut File, left: u64) -> io::Result<Bytes> {
    let mut piece = vec![0; PIECE_BYTES.min(usize::try_from(left).unwrap_or(usize::MAX))];
    let count = file.read(&mut piece)?;
    piece.truncate(count);
    Ok(piece.into())
}

/// Hashes the first `length` bytes, and leaves the file at the end of them.
pub(super) fn hash_start(file: &mut File, hasher: &mut blake3::Hasher, length: u64) -> io::Result<()> {
    let mut left = length;
    while left > 0 {
        let piece = read_piece(file, left)?;
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left -= piece.len() as u64;
        hasher.update(&piece);
    }
    Ok(())
}

fn modified(metadata: &Metadata) -> Timestamp {
    let Ok(moment) = metadata.modified() else { return Timestamp(0) };
    match moment.duration_since(std::time::UNIX_EPOCH) {
        Ok(since) => Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)),
        Err(before) => Timestamp(i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |before| -before)),
    }
}

#[cfg(unix)]
fn executable(metadata: &Metadata) -> Option<bool> {
    use std::os::unix::fs::PermissionsExt;
    Some(metadata.permissions().mode() & 0o100 != 0)
}

#[cfg(not(unix))]
fn executable(_: &Metadata) -> Option<bool> {
    None
}

/// The bytes of a name, as the server stores it.
#[cfg(unix)]
pub(super) fn name_bytes(name: &std::ffi::OsStr) -> Option<Vec<u8>> {
    Some(name.as_encoded_bytes().to_vec())
}

/// The bytes of a name, as the server stores it. `None` if it is not Unicode.
#[cfg(not(unix))]
pub(super) fn name_bytes(name: &std::ffi::OsStr) -> Option<Vec<u8>> {
    name.to_str().map(|name| name.as_bytes().to_vec())
}
