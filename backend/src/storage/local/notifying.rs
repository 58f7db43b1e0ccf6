//! What other systems than Linux tell of folders that change, by the crate that knows them all. Those calls want a path:
//! after the watch is set, the path is looked at again, and must still lead to the folder. Whoever exchanges it in that
//! very moment can have names of another folder told, but nothing that is in it: who is told looks by handles.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use notify::event::{EventKind, ModifyKind};
use notify::{Config, ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use shared::ErrorCode;

use super::disk::Tell;
use crate::storage::{StorageError, WatchEvent, WatchHandle};

struct Watcher {
    _watcher: RecommendedWatcher,
}

impl WatchHandle for Watcher {}

/// Watches the folder at that path. `still_there` says whether the path leads to it.
pub(super) fn watch(
    path: &Path,
    tell: Tell,
    still_there: impl FnOnce() -> bool,
) -> Result<Box<dyn WatchHandle>, StorageError> {
    let folder = path.to_owned();
    let hand_out = move |event: notify::Result<Event>| match event {
        Ok(event) => notices(&folder, &event).into_iter().for_each(&tell),
        Err(_) => tell(WatchEvent::Everything),
    };
    let mut watcher =
        RecommendedWatcher::new(hand_out, Config::default().with_follow_symlinks(false)).map_err(refusal)?;
    watcher.watch(path, RecursiveMode::NonRecursive).map_err(refusal)?;
    if !still_there() {
        return Err(StorageError::new(ErrorCode::Changed, "the folder was moved while it began to be watched"));
    }
    Ok(Box::new(Watcher { _watcher: watcher }))
}

/// What an event comes to for who watches that folder.
fn notices(folder: &Path, event: &Event) -> Vec<WatchEvent> {
    if event.need_rescan() {
        return vec![WatchEvent::Everything];
    }
    let left = matches!(event.kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)));
    let notice = |path: &PathBuf| {
        if path == folder {
            return left.then_some(WatchEvent::Gone);
        }
        // macOS tells what happens further below as well.
        let inside = path.parent() == Some(folder);
        inside.then(|| path.file_name().and_then(name_bytes)).flatten().map(|name| WatchEvent::Name(name.into()))
    };
    match event.kind {
        // Somebody only looked.
        EventKind::Access(access) if !is_close_after_write(access) => Vec::new(),
        _ => event.paths.iter().filter_map(notice).collect(),
    }
}

fn is_close_after_write(access: notify::event::AccessKind) -> bool {
    use notify::event::{AccessKind, AccessMode};
    access == AccessKind::Close(AccessMode::Write)
}

#[cfg(unix)]
fn name_bytes(name: &OsStr) -> Option<&[u8]> {
    Some(std::os::unix::ffi::OsStrExt::as_bytes(name))
}

#[cfg(not(unix))]
fn name_bytes(name: &OsStr) -> Option<&[u8]> {
    name.to_str().map(str::as_bytes)
}

fn refusal(error: notify::Error) -> StorageError {
    let code = match &error.kind {
        ErrorKind::MaxFilesWatch => ErrorCode::TooLarge,
        ErrorKind::PathNotFound => ErrorCode::NotFound,
        ErrorKind::Io(error) => return StorageError::from_io(error.kind().into(), "watching a folder"),
        _ => ErrorCode::Unsupported,
    };
    StorageError { code, context: "watching a folder", source: Some(std::io::Error::other(error)) }
}
