//! The folders of a move or a copy whose entries go one by one.

use shared::{Entry, ErrorCode, VPath};

use super::item::TransferItem;
use super::level::FolderLevel;
use crate::server::jobs::decide::{concerns_one_entry, is_real_folder};
use crate::server::jobs::item_error::ItemError;
use crate::server::jobs::runner::JobRunner;
use crate::storage::{StorageError, Visit};

impl JobRunner {
    /// Begins a folder. Entries that no request can name are left out together.
    pub(super) fn enter(
        &self,
        item: &mut TransferItem,
        source: &Entry,
        to: VPath,
        made: bool,
    ) -> Result<FolderLevel, ItemError> {
        self.require_long()?;
        let mut entries = Vec::new();
        self.storage.list(&source.path, &mut |entry| {
            entries.push(entry);
            Visit::Continue
        })?;
        // Taken from the end, they follow in the order of their names.
        entries.sort_unstable_by(|left, right| right.path.cmp(&left.path));
        let unnamed = self.storage.count_unnamed(&source.path)? > 0;
        if unnamed {
            let error = StorageError::new(ErrorCode::TooLarge, "entries of the folder lie too deep");
            item.leave_out(self, source.path.clone(), &error);
        }
        Ok(FolderLevel { from: source.path.clone(), to, entries, keeps: unnamed, modified: source.modified, made })
    }

    /// Ends a folder after its last entry; true if it stays.
    pub(super) fn leave(&mut self, item: &mut TransferItem, level: FolderLevel) -> Result<bool, ItemError> {
        if level.made
            && let Err(error) = self.storage.copy_folder_attributes(&level.from, &level.to, level.modified, item.moves)
        {
            if !concerns_one_entry(error.code) {
                return Err(error.into());
            }
            if self.entry_at(&level.from)?.is_none() {
                // Another client has removed it: nothing of it stays.
                self.count_unchanged();
                return Ok(false);
            }
            // The new folder is private, with all of its content. In a move the old one stays, which has the attributes.
            item.leave_out(self, level.from, &error);
            self.count_unchanged();
            return Ok(item.moves);
        }
        self.count_unchanged();
        if !item.moves {
            return Ok(false);
        }
        if level.keeps {
            return Ok(true);
        }
        Ok(match self.storage.remove(&level.from, None) {
            Ok(()) => {
                self.changed = true;
                false
            }
            Err(error) if error.code == ErrorCode::NotFound => false,
            Err(error) => {
                item.leave_out(self, level.from, &error);
                true
            }
        })
    }

    /// Adds the tree that is to be copied to the expected total.
    pub(super) fn expect_tree(&mut self, source: &Entry) -> Result<(), ItemError> {
        let (mut entries, mut bytes) = (0, if is_real_folder(source) { 0 } else { source.size });
        let mut folders = Vec::new();
        if is_real_folder(source) {
            folders.push(source.path.clone());
        }
        while let Some(folder) = folders.pop() {
            self.check_cancelled()?;
            // A folder that cannot be read is reported once it is copied.
            let _ = self.storage.list(&folder, &mut |entry| {
                entries += 1;
                if is_real_folder(&entry) {
                    folders.push(entry.path);
                } else if entry.link.is_none() {
                    bytes += entry.size;
                }
                Visit::Continue
            });
        }
        self.expect(entries, bytes);
        Ok(())
    }
}
