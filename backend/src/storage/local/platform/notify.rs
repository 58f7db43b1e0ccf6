//! Watching a directory on systems other than Linux, by the `notify` crate. These systems watch by path, so after the
//! watch is set the path is looked up again and must still lead to the directory. If another directory is put in its
//! place in between, names in that one may be reported, but its content stays out of reach: the receiver of an event
//! looks entries up through handles.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{Config, ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use shared::ErrorCode;

use super::dir::OnEvent;
use crate::storage::{StorageError, WatchEvent, WatchHandle};

struct Watcher {
    _watcher: RecommendedWatcher,
}

impl WatchHandle for Watcher {}

/// Watches the directory at `path`. `is_in_place` looks up whether the path still leads to it.
pub(super) fn watch(
    path: &Path,
    on_event: OnEvent,
    is_in_place: impl FnOnce() -> bool,
) -> Result<Box<dyn WatchHandle>, StorageError> {
    let folder = path.to_owned();
    let dispatch = move |event: notify::Result<Event>| match event {
        Ok(event) => watch_events(&folder, &event).into_iter().for_each(&on_event),
        Err(_) => on_event(WatchEvent::Everything),
    };
    let mut watcher =
        RecommendedWatcher::new(dispatch, Config::default().with_follow_symlinks(false)).map_err(watch_error)?;
    watcher.watch(path, RecursiveMode::NonRecursive).map_err(watch_error)?;
    if !is_in_place() {
        return Err(StorageError::new(ErrorCode::Changed, "the folder was moved while the watch was set"));
    }
    Ok(Box::new(Watcher { _watcher: watcher }))
}

/// Translates an event into events of that directory.
fn watch_events(folder: &Path, event: &Event) -> Vec<WatchEvent> {
    if event.need_rescan() {
        return vec![WatchEvent::Everything];
    }
    let left = matches!(event.kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)));
    let watch_event = |path: &PathBuf| {
        if path == folder {
            return left.then_some(WatchEvent::Gone);
        }
        // macOS also reports changes further below.
        let inside = path.parent() == Some(folder);
        inside.then(|| path.file_name().and_then(name_bytes)).flatten().map(|name| WatchEvent::Name(name.into()))
    };
    match event.kind {
        // Reading is no change.
        EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write) => Vec::new(),
        _ => event.paths.iter().filter_map(watch_event).collect(),
    }
}

#[cfg(unix)]
fn name_bytes(name: &OsStr) -> Option<&[u8]> {
    Some(std::os::unix::ffi::OsStrExt::as_bytes(name))
}

#[cfg(not(unix))]
fn name_bytes(name: &OsStr) -> Option<&[u8]> {
    name.to_str().map(str::as_bytes)
}

fn watch_error(error: notify::Error) -> StorageError {
    let code = match &error.kind {
        ErrorKind::MaxFilesWatch => ErrorCode::TooLarge,
        ErrorKind::PathNotFound => ErrorCode::NotFound,
        ErrorKind::Io(error) => return StorageError::from_io(error.kind().into(), "watching a folder"),
        _ => ErrorCode::Unsupported,
    };
    StorageError { code, context: "watching a folder", path: None, source: Some(std::io::Error::other(error)) }
}
