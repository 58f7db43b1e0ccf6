//! Files of this machine: what they are, and whether they still are.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use shared::Timestamp;

/// What must stay the same while a file is uploaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct State {
    pub(super) size: u64,
    pub(super) modified: Timestamp,
    /// None where the system has no such mark.
    pub(super) executable: Option<bool>,
}

impl State {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { size: metadata.len(), modified: modified(metadata), executable: executable(metadata) }
    }
}

/// Opens a regular file, and nothing else: a FIFO would wait for a writer.
pub(super) fn open(path: &Path) -> io::Result<(File, State)> {
    let unfit = || io::Error::new(io::ErrorKind::InvalidInput, "is not a regular file");
    if !std::fs::metadata(path)?.is_file() {
        return Err(unfit());
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(unfit());
    }
    Ok((file, State::of(&metadata)))
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

/// The bytes of a name, where the server has names of these bytes.
#[cfg(unix)]
pub(super) fn name_bytes(name: &std::ffi::OsStr) -> Option<Vec<u8>> {
    Some(name.as_encoded_bytes().to_vec())
}

/// The bytes of a name, where the server has names of these bytes.
#[cfg(not(unix))]
pub(super) fn name_bytes(name: &std::ffi::OsStr) -> Option<Vec<u8>> {
    name.to_str().map(|name| name.as_bytes().to_vec())
}
