//! The space that is kept for the records: the journal of a change that frees space is written on a full disk, too.

use std::fs::{OpenOptions, metadata, remove_file};
use std::io;
use std::path::{Path, PathBuf};

use super::error::DatabaseError;
use crate::reserve::{Reserve, free_space, resize, with_space};

/// The file beside the records that takes the space.
const RESERVE: &str = "records.reserve";

/// Begins the reserve of the records at `path`; `None` where the system does not say whether its file is there.
pub(super) fn begin(path: &Path) -> Option<Reserve> {
    let file = path.with_file_name(RESERVE);
    let held = match metadata(&file) {
        Ok(metadata) => Some(metadata.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(_) => return None,
    };
    let folder = file.parent().map(PathBuf::from).unwrap_or_default();
    Some(Reserve::begin(held, move || free_space(&folder), move |bytes| resize_at(&file, bytes)))
}

/// Gives the file that length, as [`resize`]. Removes a new file that gets no space, because at the next start a file says
/// that the reserve was begun.
fn resize_at(path: &Path, bytes: u64) -> io::Result<u64> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let opened = options.open(path);
    if !opened.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return resize(&opened?, bytes);
    }
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let resized = resize(&options.create_new(true).open(path)?, bytes);
    if !resized.as_ref().is_ok_and(|length| *length > 0) {
        let _ = remove_file(path);
    }
    resized
}

/// Writes, again with a part of the reserve for as long as it holds more than `floor` bytes and `wants_space` tells that it
/// may help.
pub(super) fn write<T, E>(
    reserve: Option<&Reserve>,
    floor: u64,
    wants_space: impl Fn(&E) -> bool,
    write: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    with_space(|began| reserve.is_some_and(|reserve| reserve.give_up(began, floor)), wants_space, write)
}

/// Opens the records, as [`write()`] writes to them. What was given up in vain is taken again.
pub(super) fn open_with_space<T>(
    reserve: Option<&Reserve>,
    open: impl FnMut() -> Result<T, DatabaseError>,
) -> Result<T, DatabaseError> {
    let is_full = || reserve.is_some_and(|reserve| !reserve.has_room());
    let opened = write(reserve, 0, |error: &DatabaseError| error.may_want_space(is_full), open);
    if let (Err(_), Some(reserve)) = (&opened, reserve) {
        reserve.renew();
    }
    opened
}
