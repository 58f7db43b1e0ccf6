//! Local files: opens them, and detects changes.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use shared::Timestamp;
use shared::limits::{GROWING_TIME, GROWTH_TAIL_BYTES, PIECE_BYTES};

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

/// The end of a file that may be growing, such as a log. A file that has this end and more after it has only grown: its
/// first bytes are still those that an upload announced.
pub(super) struct Tail {
    length: u64,
    hash: blake3::Hash,
}

impl Tail {
    /// The end of a file in this state; `None` if it was modified too long ago to be growing. The position in the file
    /// is its start afterwards.
    pub(super) fn of(file: &mut File, state: &FileState) -> io::Result<Option<Self>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i128);
        if now - i128::from(state.modified.0) > GROWING_TIME.as_nanos() as i128 {
            return Ok(None);
        }
        let hash = hash_end(file, state.size)?;
        file.rewind()?;
        Ok(Some(Self { length: state.size, hash }))
    }

    /// Whether the file has only grown. Moves the position in it.
    pub(super) fn has_grown(&self, file: &mut File) -> io::Result<bool> {
        Ok(file.metadata()?.len() > self.length && hash_end(file, self.length)? == self.hash)
    }
}

fn hash_end(file: &mut File, length: u64) -> io::Result<blake3::Hash> {
    let bytes = length.min(GROWTH_TAIL_BYTES);
    file.seek(SeekFrom::Start(length - bytes))?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file.take(bytes))?;
    Ok(hasher.finalize())
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
    match moment.duration_since(UNIX_EPOCH) {
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
