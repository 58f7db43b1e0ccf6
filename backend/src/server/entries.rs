//! Whole entries, for those who need everything of a folder at once: a WALK.

use shared::limits::FRAME_CONTROL_BYTES_MAX;
use shared::{Entry, ErrorCode, Link, VPath};
use tokio_util::sync::CancellationToken;

use crate::storage::{Storage, StorageError, Visit};

/// All entries of a folder, unless nobody wants them any more.
pub(super) fn read_entries(
    storage: &dyn Storage,
    folder: &VPath,
    cancelled: &CancellationToken,
) -> Result<Vec<Entry>, StorageError> {
    let mut entries = Vec::new();
    storage.list(folder, &mut |entry| {
        entries.push(entry);
        // Looked at now and then: it is an atomic load, but there may be a million entries.
        if entries.len() % 1024 == 0 && cancelled.is_cancelled() { Visit::Stop } else { Visit::Continue }
    })?;
    if cancelled.is_cancelled() {
        return Err(StorageError::new(ErrorCode::Canceled, "the client cancelled the request"));
    }
    Ok(entries)
}

/// How many of the entries go into one PAGE; at least one, for one always fits.
pub(super) fn fitting(entries: &[Entry]) -> usize {
    // What the numbers and the map around them take at most, and what the rest of a PAGE does: a cursor is the longest.
    const ENTRY_BYTES: usize = 96;
    const PAGE_BYTES: usize = FRAME_CONTROL_BYTES_MAX - (16 << 10);
    let mut bytes = 0;
    let fits = entries.iter().position(|entry| {
        let target = if let Some(Link::Inside(target)) = &entry.link { target.len() } else { 0 };
        bytes += ENTRY_BYTES + entry.path.as_bytes().len() + target;
        bytes > PAGE_BYTES
    });
    fits.unwrap_or(entries.len()).max(1).min(entries.len())
}

/// The entry as the caller names it: `asked` is the caller's name for the storage's `folder`.
pub(super) fn relative(mut entry: Entry, folder: &VPath, asked: &VPath) -> Entry {
    if folder != asked {
        let inner = folder.strip_prefix_of(&entry.path).unwrap_or_default();
        // Shorter than the path in the storage, which was not too long.
        entry.path = asked.join_path(&inner).unwrap_or_default();
    }
    entry
}
