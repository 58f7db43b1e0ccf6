//! What an item replaced before a restart.

use shared::limits::REPLACED_LISTED_MAX;
use shared::{TrashId, VPath};

use crate::server::jobs::decide::is_real_folder;
use crate::server::jobs::item_error::ItemError;
use crate::server::jobs::runner::JobRunner;
use crate::storage::Visit;

impl JobRunner {
    /// The items of the trash for the entries that the previous process replaced at `to` and below, at most
    /// [`REPLACED_LISTED_MAX`]. Their ids follow from the paths at the target; the entries that took their places are
    /// gone from the source.
    pub(in crate::server::jobs) fn replaced_before(&self, index: usize, to: &VPath) -> Result<Vec<TrashId>, ItemError> {
        if self.resumed.is_none() {
            return Ok(Vec::new());
        }
        let mut found = self.trashed_among(&[self.record.trash_id(index, to)])?;
        let mut folders: Vec<_> =
            self.entry_at(to)?.filter(is_real_folder).into_iter().map(|entry| entry.path).collect();
        while let Some(folder) = folders.pop()
            && found.len() < REPLACED_LISTED_MAX
        {
            self.check_cancelled()?;
            let mut ids = Vec::new();
            // Nothing was replaced in a folder that cannot be read.
            let _ = self.storage.list(&folder, &mut |entry| {
                if is_real_folder(&entry) {
                    folders.push(entry.path);
                } else {
                    ids.push(self.record.trash_id(index, &entry.path));
                }
                Visit::Continue
            });
            found.extend(self.trashed_among(&ids)?);
        }
        found.truncate(REPLACED_LISTED_MAX);
        Ok(found)
    }
}
