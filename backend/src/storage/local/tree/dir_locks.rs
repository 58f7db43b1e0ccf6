//! Locks for the directories in which names change.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::storage::local::platform::Identity;

const LOCKS: usize = 64;

/// A fixed number of locks, shared by all directories: each directory maps to one of them.
pub(super) struct DirLocks([Mutex<()>; LOCKS]);

impl Default for DirLocks {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl DirLocks {
    /// Locks one or two directories, always in the same order, so that two callers cannot block each other.
    pub(super) fn lock(&self, dirs: &[Identity]) -> Vec<MutexGuard<'_, ()>> {
        let mut numbers: Vec<_> = dirs.iter().map(|dir| (dir.inode ^ dir.device) as usize % LOCKS).collect();
        numbers.sort_unstable();
        numbers.dedup();
        // The guarded state is on the disk, which a panic leaves intact.
        numbers.into_iter().map(|number| self.0[number].lock().unwrap_or_else(PoisonError::into_inner)).collect()
    }
}
