//! Short texts of the server's own: symbolic links whose target is the text, because a link is durable with its folder
//! while the content of a file needs a sync of its own. Where there are no links, or the text is longer than one may be,
//! it is a file.

use std::io;

use super::trash_info::INFO_BYTES_MAX;
use crate::storage::local::platform::{Dir, DiskFile, read_full, write_full};

/// Writes a text, in place of an earlier one.
pub(super) fn write_text<D: Dir>(dir: &D, name: &[u8], text: &[u8]) -> io::Result<()> {
    match write_new(dir, name, text) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            dir.remove_file(name)?;
            write_new(dir, name, text)
        }
        written => written,
    }
}

fn write_new<D: Dir>(dir: &D, name: &[u8], text: &[u8]) -> io::Result<()> {
    use io::ErrorKind::{AlreadyExists, QuotaExceeded, StorageFull};
    match dir.make_link(name, text) {
        Err(error) if !matches!(error.kind(), AlreadyExists | QuotaExceeded | StorageFull) => {
            write_text_file(dir, name, text)
        }
        made => made,
    }
}

/// Writes a text as a file, durably.
fn write_text_file<D: Dir>(dir: &D, name: &[u8], text: &[u8]) -> io::Result<()> {
    let file = dir.create_file(name)?;
    write_full(&file, text, 0)?;
    file.sync()
}

/// The text under that name; `None` if there is none.
pub(super) fn read_text<D: Dir>(dir: &D, name: &[u8]) -> Option<Vec<u8>> {
    if let Ok(text) = dir.link_target(name) {
        return Some(text);
    }
    let file = dir.open_own_file(name).ok()?;
    let mut bytes = vec![0; INFO_BYTES_MAX];
    let count = read_full(&file, &mut bytes, 0).ok()?;
    bytes.truncate(count);
    Some(bytes)
}
