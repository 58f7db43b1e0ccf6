//! Entries of a folder as a caller names them, and how many fit into one message.

use shared::limits::FRAME_CONTROL_BYTES_MAX;
use shared::{Entry, ErrorCode, Link, VPath};
use tokio_util::sync::CancellationToken;

use crate::storage::{Storage, StorageError, Visit};

/// All entries of a folder.
///
/// # Errors
/// [`ErrorCode::Canceled`] once `cancelled` is set, and as [`Storage::list`].
pub(super) fn read_entries(
    storage: &dyn Storage,
    folder: &VPath,
    cancelled: &CancellationToken,
) -> Result<Vec<Entry>, StorageError> {
    let mut entries = Vec::new();
    storage.list(folder, &mut |entry| {
        entries.push(entry);
        if is_cancelled_at(entries.len(), cancelled) { Visit::Stop } else { Visit::Continue }
    })?;
    check_cancelled(cancelled)?;
    Ok(entries)
}

/// Whether a loop over entries stops at entry number `count`. Asks `cancelled` only once in a while: each time is an
/// atomic load, and a folder may have a million entries.
pub(super) fn is_cancelled_at(count: usize, cancelled: &CancellationToken) -> bool {
    count % 1024 == 1023 && cancelled.is_cancelled()
}

/// [`ErrorCode::Canceled`] once `cancelled` is set.
pub(super) fn check_cancelled(cancelled: &CancellationToken) -> Result<(), StorageError> {
    if cancelled.is_cancelled() {
        return Err(StorageError::new(ErrorCode::Canceled, "the client cancelled the request"));
    }
    Ok(())
}

/// How many of the entries fit into one PAGE: at least one, since a single entry always fits.
pub(super) fn fitting(entries: &[Entry]) -> usize {
    // The most that an entry takes beside its path and its link; and a PAGE without room for its cursor.
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

/// The entry under the caller's path: `asked` is the caller's path of the storage's `folder`.
pub(super) fn relative(mut entry: Entry, folder: &VPath, asked: &VPath) -> Entry {
    if folder != asked {
        let inner = folder.strip_prefix_of(&entry.path).unwrap_or_default();
        // Shorter than the path in the storage, so it cannot be too long.
        entry.path = asked.join_path(&inner).unwrap_or_default();
    }
    entry
}
