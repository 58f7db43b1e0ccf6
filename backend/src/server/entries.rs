//! Entries of a folder as a caller names them, and how many fit into one message.

use shared::limits::FRAME_CONTROL_BYTES_MAX;
use shared::{Entry, ErrorCode, Kind, Link, Timestamp, VPath};
use tokio_util::sync::CancellationToken;

use crate::storage::{Storage, StorageError, Visit};

/// All entries of a folder, and their memory in bytes. `count` gets that memory while it grows, and may refuse more.
///
/// # Errors
/// [`ErrorCode::Canceled`] once `cancelled` is set; as `count` and [`Storage::list`].
pub(super) fn read_entries(
    storage: &dyn Storage,
    folder: &VPath,
    cancelled: &CancellationToken,
    mut count: impl FnMut(usize) -> Result<(), StorageError>,
) -> Result<(Vec<Entry>, usize), StorageError> {
    let (mut entries, mut bytes, mut counted) = (Vec::new(), 0, Ok(()));
    storage.list(folder, &mut |entry| {
        bytes += entry_bytes(&entry);
        entries.push(entry);
        if entries.len() % 1024 == 0 {
            counted = count(bytes);
        }
        if counted.is_err() || is_cancelled_at(entries.len(), cancelled) { Visit::Stop } else { Visit::Continue }
    })?;
    counted?;
    check_cancelled(cancelled)?;
    count(bytes)?;
    Ok((entries, bytes))
}

/// The memory of an entry, in bytes. A list that grows has room for twice as many entries at most.
pub(super) fn entry_bytes(entry: &Entry) -> usize {
    let target = if let Some(Link::Inside(target)) = &entry.link { target.len() } else { 0 };
    2 * size_of::<Entry>() + entry.path.as_bytes().len() + target
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

/// A folder on the way to a grant, without what it tells of the entries in it.
///
/// # Errors
/// [`ErrorCode::NotFound`] for what is no folder: nothing that is granted is below it.
pub(super) fn on_the_way_to_a_grant(entry: Entry) -> Result<Entry, StorageError> {
    if !entry.is_folder() || entry.link.is_some() {
        return Err(StorageError::new(ErrorCode::NotFound, "looking for a folder on the way to a grant"));
    }
    Ok(Entry {
        path: entry.path,
        kind: Kind::Folder,
        size: 0,
        modified: Timestamp(0),
        executable: false,
        link: None,
        etag: None,
    })
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
