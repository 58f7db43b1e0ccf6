//! Reading a folder's names into order, and what shows later that they are still those. Blocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use shared::{ErrorCode, SortKey};
use tokio_util::sync::CancellationToken;

use super::snapshots::{Held, Key, Trust};
use super::sorted_names::{Names, Sorted};
use crate::server::clock;
use crate::storage::{FolderState, Storage, StorageError, Visit, is_settled};

/// All names of a folder, unless nobody wants them any more. With more than `kept_above` of them also what shows that
/// nothing changed since: the caller compares its state with one that was looked at later.
pub(in crate::server) fn read_names(
    storage: &Arc<dyn Storage>,
    key: &Key,
    kept_above: usize,
    entries_max: usize,
    cancelled: &CancellationToken,
) -> Result<(Sorted, Option<Trust>), StorageError> {
    let now = clock::now();
    let mut names = Names::default();
    let mut too_many = false;
    let state = storage.list_names(&key.folder, &mut |name, folder| {
        too_many = names.len() >= entries_max || names.push(name, folder).is_err();
        if too_many || is_over(names.len(), cancelled) { Visit::Stop } else { Visit::Continue }
    })?;
    if too_many {
        return Err(StorageError::new(ErrorCode::TooLarge, "the folder has more entries than are listed"));
    }
    check(cancelled)?;
    // Before anything is looked at by name, so that what changes afterwards is told.
    let trust = state.filter(|state| names.len() > kept_above && is_settled(state.modified, now));
    let trust = trust.and_then(|state| watch(&**storage, key, state));
    let order = key.order;
    if order.key == SortKey::Name {
        return Ok((names.by_name(order), trust));
    }
    let mut ranks = Vec::with_capacity(names.len());
    storage.stat_names(&key.folder, &mut names.iter(), &mut |number, row| {
        ranks.push((number, row.is_folder(), order.rank(row.size, row.modified)));
        if is_over(number, cancelled) { Visit::Stop } else { Visit::Continue }
    })?;
    check(cancelled)?;
    Ok((names.by_rank(order, ranks), trust))
}

/// None where the system does not tell of changes.
fn watch(storage: &dyn Storage, key: &Key, state: FolderState) -> Option<Trust> {
    let quiet = Arc::new(AtomicBool::new(true));
    let heard = Arc::clone(&quiet);
    let watching = storage.watch(&key.folder, Box::new(move |_| heard.store(false, Ordering::Release))).ok()?;
    Some(Trust { state: state.etag, quiet, _watching: Held(Some(watching)) })
}

/// Looked at now and then: it is an atomic load, but there may be a million entries.
fn is_over(count: usize, cancelled: &CancellationToken) -> bool {
    count % 1024 == 1023 && cancelled.is_cancelled()
}

fn check(cancelled: &CancellationToken) -> Result<(), StorageError> {
    if cancelled.is_cancelled() {
        return Err(StorageError::new(ErrorCode::Canceled, "the client cancelled the request"));
    }
    Ok(())
}
