//! Marks on items of the trash that are being removed for good: listings hide them, and a restart continues the
//! removal.

use std::collections::HashSet;

use shared::TrashId;

use super::database::Database;
use crate::storage::StorageError;

impl Database {
    /// Marks an item.
    pub(in crate::server) fn mark_purge(&self, id: TrashId) -> Result<(), StorageError> {
        self.execute("INSERT OR IGNORE INTO purges (id) VALUES (?1)", [id.0]).map(drop)
    }

    /// Removes the mark.
    pub(in crate::server) fn unmark_purge(&self, id: TrashId) -> Result<(), StorageError> {
        self.execute("DELETE FROM purges WHERE id = ?1", [id.0]).map(drop)
    }

    /// Whether an item has the mark.
    pub(in crate::server) fn is_purge(&self, id: TrashId) -> Result<bool, StorageError> {
        Ok(self.first("SELECT 1 FROM purges WHERE id = ?1", [id.0], |_| Ok(()))?.is_some())
    }

    /// Those of these items that have the mark.
    pub(in crate::server) fn purges_among(&self, ids: &[TrashId]) -> Result<HashSet<TrashId>, StorageError> {
        // Few items have the mark at a time, so most calls end here.
        if self.first("SELECT 1 FROM purges", [], |_| Ok(()))?.is_none() {
            return Ok(HashSet::new());
        }
        let marked = ids.iter().map(|id| Ok(self.is_purge(*id)?.then_some(*id)));
        marked.filter_map(Result::transpose).collect()
    }

    /// All items with the mark.
    pub(in crate::server) fn purges(&self) -> Result<HashSet<TrashId>, StorageError> {
        Ok(self.rows("SELECT id FROM purges", [], |row| row.get(0).map(TrashId))?.into_iter().collect())
    }
}
