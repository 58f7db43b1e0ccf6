//! The space that is kept for the records: the journal of a change that frees space is written on a full disk, too.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use crate::reserve::{Reserve, free_space, resize};

/// The file beside the records that takes the space.
const RESERVE: &str = "records.reserve";

/// Begins the reserve of the records at `path`; `None` where no file can be made beside them.
pub(super) fn begin(path: &Path) -> Option<Reserve> {
    let file = path.with_file_name(RESERVE);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let open = move || -> io::Result<_> { options.open(&file) };
    let file = open().ok()?;
    let held = file.metadata().ok()?.len();
    Some(Reserve::begin(held, free_space(&file), move |bytes| resize(&open()?, bytes)))
}

/// Writes, again with a part of the reserve for as long as there is one and `wants_space` tells that it may help.
pub(super) fn with_space<T, E>(
    reserve: Option<&Reserve>,
    wants_space: impl Fn(&E) -> bool,
    mut write: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    loop {
        match write() {
            Err(error) if wants_space(&error) && reserve.is_some_and(Reserve::give_up) => {}
            written => return written,
        }
    }
}
