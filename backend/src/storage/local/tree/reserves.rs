//! The reserve of space of each volume: what frees space uses it where the disk, or the quota of the server, is full;
//! what takes space waits until it is whole again.

use std::sync::Arc;
use std::time::Instant;

use shared::ErrorCode;

use super::dir_stack::DirStack;
use super::private_dir::PrivateDir;
use super::root::Tree;
use crate::reserve::with_space;
use crate::storage::StorageError;
use crate::storage::local::platform::Dir;

impl<D: Dir> PrivateDir<D> {
    /// Lets work begin or go on that takes space.
    ///
    /// # Errors
    /// [`ErrorCode::NoSpace`] while a part of the reserve is given up, and there is no room to take it again.
    pub(super) fn check_reserve(&self) -> Result<(), StorageError> {
        if self.reserve().is_whole() {
            return Ok(());
        }
        Err(StorageError::new(ErrorCode::NoSpace, "the rest of the disk is for changes that free space"))
    }

    /// Makes a change that frees space here. Where the disk is full, it is made again with a part of the reserve. What it
    /// frees is taken for the reserve, before other programs take it.
    pub(super) fn freeing<T>(&self, change: impl FnMut() -> Result<T, StorageError>) -> Result<T, StorageError> {
        let changed = with_space(|began| self.reserve().give_up(began, 0), is_full, change);
        self.reserve().renew();
        changed
    }
}

impl<D: Dir> Tree<D> {
    /// Makes a change that frees space in a folder, as [`PrivateDir::freeing`].
    pub(super) fn freeing<T>(
        &self,
        folder: &DirStack<D>,
        change: impl FnMut() -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let changed = with_space(|began| self.give_up_reserve(folder, began), is_full, change);
        if let Some(private_dir) = self.opened_private_dir(folder) {
            private_dir.reserve().renew();
        }
        changed
    }

    /// Gives up a part of the reserve of a folder's volume for a change that began at `began`, as
    /// [`crate::reserve::Reserve::give_up`]. False if there is none.
    pub(super) fn give_up_reserve(&self, folder: &DirStack<D>, began: Instant) -> bool {
        let private_dir = self.usable_private_dir(folder).ok().flatten();
        private_dir.is_some_and(|private_dir: Arc<PrivateDir<D>>| private_dir.reserve().give_up(began, 0))
    }

    /// See [`crate::storage::Storage::maintain_reserves`].
    pub(super) fn maintain_open_reserves(&self) {
        self.volumes.opened().iter().for_each(|private_dir| private_dir.reserve().maintain());
    }
}

/// True if the disk or the quota of the server is full.
pub(super) fn is_full(error: &StorageError) -> bool {
    matches!(error.code, ErrorCode::NoSpace | ErrorCode::QuotaExceeded)
}
