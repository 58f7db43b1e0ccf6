//! Making folders.

use shared::{ErrorCode, Outcome, Rights, VPath};

use super::item_error::ItemError;
use super::runner::{JobRunner, done};
use crate::server::folders::{below_parents, refuse_state_folder};
use crate::storage::{Storage, StorageError};

impl JobRunner {
    /// Puts an entry at a path, after making the missing folders above it. They stay, so an item that fails then is
    /// incomplete.
    pub(super) fn below_parents<T>(
        &mut self,
        path: &VPath,
        place: impl Fn(&dyn Storage) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        refuse_state_folder(path)?;
        let (storage, scope, changed) = (&*self.storage, &self.scope, &mut self.changed);
        below_parents(storage, path, scope, &mut || *changed = true, || place(storage))
    }

    /// Makes a folder and its missing parents.
    pub(super) fn make_folder(&mut self, index: usize, asked: &VPath, existing_ok: bool) -> Result<Outcome, ItemError> {
        let path = self.authorised(Rights::ADD, asked)?;
        match self.entry_at(&path)? {
            Some(entry) if entry.is_folder() && (existing_ok || self.is_resumed(index)) => {
                return Ok(done(Some(self.relative_to_root(entry))));
            }
            Some(_) => return Err(ErrorCode::AlreadyExists.into()),
            None => self.begin(index, Some(&path)),
        }
        match self.below_parents(&path, |storage| storage.make_folder(&path)) {
            Ok(entry) => Ok(done(Some(self.relative_to_root(entry)))),
            Err(error) if error.code == ErrorCode::AlreadyExists && existing_ok => {
                match self.storage.stat(&path)? {
                    // Another client was faster.
                    entry if entry.is_folder() => Ok(done(Some(self.relative_to_root(entry)))),
                    _ => Err(error.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }
}
