//! Watching directories by inotify. One inotify instance and one thread serve all watchers of the process, because a
//! user has few instances (128) but many watches. A directory is named by its handle, through `/proc`, so that no other
//! can take its place.
//!
//! A write to a file is reported when the file is closed, because one event for each `write` would be too many. A move
//! of a directory further up is not reported.

use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use shared::ErrorCode;

use crate::storage::local::platform::dir::OnEvent;
use crate::storage::{StorageError, WatchEvent, WatchHandle};

/// Bytes of events that one call reads.
const EVENTS_BYTES: usize = 16 << 10;

/// The instance of this process; `None` before the first watch and after the reader thread has ended.
static SHARED: Mutex<Option<Arc<Shared>>> = Mutex::new(None);

struct Shared {
    instance: OwnedFd,
    watched: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    /// Callbacks by watch descriptor, each with its number. All watchers of a directory share one descriptor.
    folders: BTreeMap<i32, Vec<(u64, Arc<OnEvent>)>>,
    /// The number of the next watcher.
    next: u64,
}

struct Watcher {
    shared: Arc<Shared>,
    folder: i32,
    number: u64,
}

impl WatchHandle for Watcher {}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut watched = self.shared.lock();
        let Some(watchers) = watched.folders.get_mut(&self.folder) else { return };
        watchers.retain(|(number, _)| *number != self.number);
        if watchers.is_empty() {
            watched.folders.remove(&self.folder);
            // Fails if the watch has already gone with its directory.
            let _ = inotify::remove_watch(&self.shared.instance, self.folder);
        }
    }
}

/// Watches the directory behind a handle.
pub(super) fn watch(dir: impl AsFd, on_event: OnEvent) -> Result<Box<dyn WatchHandle>, StorageError> {
    let shared = Shared::get()?;
    let path = format!("/proc/self/fd/{}", dir.as_fd().as_raw_fd());
    let names = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVE;
    let states = WatchFlags::CLOSE_WRITE | WatchFlags::ATTRIB;
    let own = WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF | WatchFlags::ONLYDIR | WatchFlags::EXCL_UNLINK;
    // Locked until the callback is registered, so that the reader thread cannot dispatch the first event before.
    let mut watched = shared.lock();
    let folder = inotify::add_watch(&shared.instance, &*path, names | states | own).map_err(watch_error)?;
    let number = watched.next;
    watched.next += 1;
    watched.folders.entry(folder).or_default().push((number, Arc::new(on_event)));
    drop(watched);
    Ok(Box::new(Watcher { shared, folder, number }))
}

impl Shared {
    fn get() -> Result<Arc<Self>, StorageError> {
        let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(shared) = &*shared {
            return Ok(Arc::clone(shared));
        }
        let instance = inotify::init(CreateFlags::CLOEXEC).map_err(watch_error)?;
        let new = Arc::new(Self { instance, watched: Mutex::default() });
        let reader = Arc::clone(&new);
        let thread = std::thread::Builder::new().name("inotify".to_owned()).spawn(move || reader.read());
        thread.map_err(|error| StorageError::from_io(error, "starting the inotify thread"))?;
        Ok(Arc::clone(shared.insert(new)))
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Reads and dispatches events until the kernel fails.
    fn read(&self) {
        let mut buffer = [MaybeUninit::uninit(); EVENTS_BYTES];
        let mut events = Reader::new(&self.instance, &mut buffer);
        loop {
            match events.next() {
                Ok(event) => {
                    let name = event.file_name().map(|name| name.to_bytes());
                    self.dispatch(event.wd(), event.events(), name);
                }
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        // The next watch starts a new instance, and present watchers learn that no events follow.
        *SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
        let watchers = std::mem::take(&mut self.lock().folders);
        watchers.into_values().flatten().for_each(|(_, on_event)| on_event(WatchEvent::Gone));
    }

    fn dispatch(&self, folder: i32, events: ReadFlags, name: Option<&[u8]>) {
        if events.contains(ReadFlags::QUEUE_OVERFLOW) {
            let watchers: Vec<_> = self.lock().folders.values().flatten().cloned().collect();
            watchers.iter().for_each(|(_, on_event)| on_event(WatchEvent::Everything));
            return;
        }
        let gone = events.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT);
        let event = match name {
            _ if gone => WatchEvent::Gone,
            Some(name) => WatchEvent::Name(name.into()),
            // A change of the directory's own attributes is not reported.
            None => return,
        };
        let watchers = self.lock().folders.get(&folder).cloned().unwrap_or_default();
        // Called without the lock, because a callback may drop its watch handle.
        watchers.iter().for_each(|(_, on_event)| on_event(event.clone()));
    }
}

fn watch_error(error: Errno) -> StorageError {
    let code = match error {
        // The limits of `fs.inotify`; `ENOSPC` does not mean the disk here.
        Errno::NOSPC | Errno::MFILE | Errno::NFILE => ErrorCode::TooLarge,
        Errno::NOENT => return StorageError::new(ErrorCode::Unsupported, "folders cannot be watched without /proc"),
        Errno::ACCESS => ErrorCode::AccessDenied,
        Errno::NOSYS => ErrorCode::Unsupported,
        _ => ErrorCode::Io,
    };
    StorageError { code, context: "watching a folder", path: None, source: Some(error.into()) }
}
