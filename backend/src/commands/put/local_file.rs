//! Local files: opens them, and detects changes.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use shared::Timestamp;

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
