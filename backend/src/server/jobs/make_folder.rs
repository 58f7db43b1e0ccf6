//! Making folders.

use shared::{ErrorCode, Outcome, Rights, VPath};

use super::item_error::ItemError;
use super::runner::{JobRunner, done};
use crate::server::folders::{make_folders_noting, refuse_state_folder};
use crate::storage::StorageError;

impl JobRunner {
    /// Makes the missing folders above a path. They stay, so an item that fails then is incomplete.
    pub(super) fn make_parents(&mut self, path: &VPath) -> Result<(), StorageError> {
        refuse_state_folder(path)?;
        let changed = &mut self.changed;
        make_folders_noting(&*self.storage, &path.parent().unwrap_or_default(), Some(&self.scope), &mut || {
            *changed = true
        })
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
        self.make_parents(&path)?;
        match self.storage.make_folder(&path) {
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
