//! What Linux tells of folders that change. One inotify instance and one thread serve every watcher of the process,
//! because a user has few instances (128) but many watches. A folder is named by its handle, through `/proc`, so that no
//! other can be put in its place.
//!
//! A file that is being written is told when it is closed: each single write would be too much. That a folder further
//! up was moved is not told.

use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use shared::ErrorCode;

use super::disk::Tell;
use crate::storage::rules::refused;
use crate::storage::{StorageError, WatchEvent, WatchHandle};

/// How much the kernel hands out at a time, in bytes.
const EVENTS_BYTES: usize = 16 << 10;

/// The instance of this process; none before the first watch.
static SHARED: Mutex<Option<Arc<Shared>>> = Mutex::new(None);

struct Shared {
    instance: OwnedFd,
    watched: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    /// By the kernel's number of the folder, which is the same for all who watch it.
    folders: BTreeMap<i32, Vec<(u64, Arc<Tell>)>>,
    /// The number that the next watcher gets.
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
            // It may be gone by itself, with its folder.
            let _ = inotify::remove_watch(&self.shared.instance, self.folder);
        }
    }
}

/// Watches the folder behind a handle.
pub(super) fn watch(folder: impl AsFd, tell: Tell) -> Result<Box<dyn WatchHandle>, StorageError> {
    let shared = Shared::get()?;
    let path = format!("/proc/self/fd/{}", folder.as_fd().as_raw_fd());
    let names = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVE;
    let states = WatchFlags::CLOSE_WRITE | WatchFlags::ATTRIB;
    let own = WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF | WatchFlags::ONLYDIR | WatchFlags::EXCL_UNLINK;
    // Held meanwhile, so that the first event waits until it is known whom to tell.
    let mut watched = shared.lock();
    let folder = inotify::add_watch(&shared.instance, &*path, names | states | own).map_err(refusal)?;
    let number = watched.next;
    watched.next += 1;
    watched.folders.entry(folder).or_default().push((number, Arc::new(tell)));
    drop(watched);
    Ok(Box::new(Watcher { shared, folder, number }))
}

impl Shared {
    fn get() -> Result<Arc<Self>, StorageError> {
        let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(shared) = &*shared {
            return Ok(Arc::clone(shared));
        }
        let instance = inotify::init(CreateFlags::CLOEXEC).map_err(refusal)?;
        let new = Arc::new(Self { instance, watched: Mutex::default() });
        let reader = Arc::clone(&new);
        let thread = std::thread::Builder::new().name("inotify".to_owned()).spawn(move || reader.read());
        thread.map_err(|error| StorageError::from_io(error, "starting to watch"))?;
        Ok(Arc::clone(shared.insert(new)))
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Hands out what happens, for as long as the process lives or the kernel answers.
    fn read(&self) {
        let mut buffer = [MaybeUninit::uninit(); EVENTS_BYTES];
        let mut events = Reader::new(&self.instance, &mut buffer);
        loop {
            match events.next() {
                Ok(event) => {
                    let name = event.file_name().map(|name| name.to_bytes());
                    self.hand_out(event.wd(), event.events(), name);
                }
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        // Whoever watches learns that nothing more will come, and the next one starts afresh.
        *SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
        let everybody = std::mem::take(&mut self.lock().folders);
        everybody.into_values().flatten().for_each(|(_, tell)| tell(WatchEvent::Gone));
    }

    fn hand_out(&self, folder: i32, events: ReadFlags, name: Option<&[u8]>) {
        if events.contains(ReadFlags::QUEUE_OVERFLOW) {
            let everybody: Vec<_> = self.lock().folders.values().flatten().cloned().collect();
            everybody.iter().for_each(|(_, tell)| tell(WatchEvent::Everything));
            return;
        }
        let gone = events.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT);
        let notice = match name {
            _ if gone => WatchEvent::Gone,
            Some(name) => WatchEvent::Name(name.into()),
            // Of the folder itself, which is not what was asked for.
            None => return,
        };
        let watchers = self.lock().folders.get(&folder).cloned().unwrap_or_default();
        // Without the lock: who is told may well stop watching.
        watchers.iter().for_each(|(_, tell)| tell(notice.clone()));
    }
}

fn refusal(error: Errno) -> StorageError {
    let code = match error {
        // The limits of `fs.inotify`; it does not mean the disk.
        Errno::NOSPC | Errno::MFILE | Errno::NFILE => ErrorCode::TooLarge,
        Errno::NOENT => return refused(ErrorCode::Unsupported, "without /proc no folder is watched"),
        Errno::ACCESS => ErrorCode::AccessDenied,
        Errno::NOSYS => ErrorCode::Unsupported,
        _ => ErrorCode::Io,
    };
    StorageError { code, context: "watching a folder", source: Some(error.into()) }
}
