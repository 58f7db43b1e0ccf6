//! Notifications about changes in a watched folder.

/// A change in a watched folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WatchEvent {
    /// The entry of that name was added, changed or removed; `stat` tells which.
    Name(Box<[u8]>),
    /// Events were lost: every entry may have changed.
    Everything,
    /// The folder itself was removed or moved.
    Gone,
}

/// Keeps a folder watched until it is dropped.
pub trait WatchHandle: Send + Sync {}
