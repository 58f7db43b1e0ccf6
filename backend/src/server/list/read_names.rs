//! Reads the names of a folder, and what shows later that the folder still has them. Blocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use shared::{ErrorCode, SortKey};
use tokio_util::sync::CancellationToken;

use super::names::Names;
use super::shown::{Shown, ShownName};
use super::snapshots::{Key, Trust, WatchGuard};
use super::sorted_names::{Item, SortedNames};
use crate::server::clock;
use crate::server::counted_memory::CountedMemory;
use crate::server::entries::{check_cancelled, is_cancelled_at, on_the_way_to_a_grant};
use crate::storage::{FolderState, Storage, StorageError, Visit, is_settled};

/// All names of a folder; with more than `kept_above` of them, also their [`Trust`].
///
/// # Errors
/// [`ErrorCode::TooLarge`] for more than `entries_max` names, [`ErrorCode::Canceled`], and as [`CountedMemory::set`] and
/// [`Storage::list_names`].
pub(super) fn read_names(
    storage: &Arc<dyn Storage>,
    key: &Key,
    kept_above: usize,
    entries_max: usize,
    cancelled: &CancellationToken,
    memory: &mut CountedMemory,
) -> Result<(SortedNames, Option<Trust>), StorageError> {
    if let Shown::Only(shown) = &key.shown {
        return Ok((names_on_the_way(&**storage, key, shown)?, None));
    }
    let now = clock::now();
    let mut names = Names::default();
    let (mut too_many, mut counted) = (false, Ok(()));
    let state = storage.list_names(&key.folder, &mut |name, folder| {
        too_many = names.len() >= entries_max || names.push(name, folder).is_err();
        if names.len() % 1024 == 0 {
            counted = memory.set(names.bytes());
        }
        if too_many || counted.is_err() || is_cancelled_at(names.len(), cancelled) {
            Visit::Stop
        } else {
            Visit::Continue
        }
    })?;
    counted?;
    if too_many {
        return Err(StorageError::new(ErrorCode::TooLarge, "the folder has more entries than are listed"));
    }
    check_cancelled(cancelled)?;
    // The watch begins before any entry is looked up, so it reports every change after that.
    let trust = state.filter(|state| names.len() > kept_above && is_settled(state.modified, now));
    let trust = trust.and_then(|state| watch(&**storage, key, state));
    let order = key.order;
    let ranks_bytes = if order.key == SortKey::Name { 0 } else { size_of::<(usize, bool, u64)>() };
    memory.set(names.bytes() + names.len() * (size_of::<Item>() + ranks_bytes))?;
    if order.key == SortKey::Name {
        return Ok((SortedNames::by_name(names, order), trust));
    }
    let mut ranks = Vec::with_capacity(names.len());
    storage.stat_names(&key.folder, &mut names.iter(), &mut |number, row| {
        ranks.push((number, row.is_folder(), order.rank(row.size, row.modified)));
        if is_cancelled_at(number, cancelled) { Visit::Stop } else { Visit::Continue }
    })?;
    check_cancelled(cancelled)?;
    Ok((SortedNames::by_rank(names, order, ranks), trust))
}

/// The names of a folder that lead to a grant, as far as there are entries. They are few.
fn names_on_the_way(storage: &dyn Storage, key: &Key, shown: &[ShownName]) -> Result<SortedNames, StorageError> {
    on_the_way_to_a_grant(storage.stat(&key.folder)?)?;
    let (mut names, mut ranks, mut too_many) = (Names::default(), Vec::new(), false);
    storage.stat_names(&key.folder, &mut shown.iter().map(|shown| &*shown.name), &mut |_, row| {
        let Some(row) = key.shown.row(row) else { return Visit::Continue };
        ranks.push((ranks.len(), row.is_folder(), key.order.rank(row.size, row.modified)));
        too_many |= names.push(row.name, row.is_folder()).is_err();
        Visit::Continue
    })?;
    if too_many {
        return Err(StorageError::new(ErrorCode::TooLarge, "the names of a scope take too much memory"));
    }
    match key.order.key {
        SortKey::Name => Ok(SortedNames::by_name(names, key.order)),
        _ => Ok(SortedNames::by_rank(names, key.order, ranks)),
    }
}

/// Watches the folder. `None` if the system does not report changes.
fn watch(storage: &dyn Storage, key: &Key, state: FolderState) -> Option<Trust> {
    let unchanged = Arc::new(AtomicBool::new(true));
    let changed = Arc::clone(&unchanged);
    let watch = storage.watch(&key.folder, Box::new(move |_| changed.store(false, Ordering::Release))).ok()?;
    Some(Trust { state: state.etag, unchanged, _watch: WatchGuard(Some(watch)) })
}
