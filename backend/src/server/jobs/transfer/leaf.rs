//! The copy of an entry that is no folder: a file by its content, a link as a link. An entry of another kind is refused.

use shared::{ETag, Entry, ErrorCode, Kind, TrashId, VPath};

use super::item::TransferItem;
use crate::server::jobs::item_error::ItemError;
use crate::server::jobs::runner::JobRunner;
use crate::storage::Replacement;

impl JobRunner {
    /// Copies an entry that is no folder; with its owner if it moves. Returns the id of what it has replaced in the trash.
    pub(super) fn copy_leaf(
        &mut self,
        item: &mut TransferItem,
        source: &Entry,
        to: &VPath,
        etag: Option<ETag>,
        replaced: Option<&Entry>,
    ) -> Result<Option<TrashId>, ItemError> {
        match (&source.link, source.kind) {
            (Some(_), _) => self.copy_link(item, source, to, replaced.is_some()),
            (None, Kind::File) => self.copy_file(item, source, to, etag, replaced),
            (None, _) => Err(ErrorCode::NotRegular.into()),
        }
    }

    /// Makes a link again, wherever it leads: its text is copied, and every later use of the copy is checked.
    fn copy_link(
        &mut self,
        item: &TransferItem,
        source: &Entry,
        to: &VPath,
        replaces: bool,
    ) -> Result<Option<TrashId>, ItemError> {
        let old = if replaces {
            self.replace_at(item.index, to, &Replacement::LinkCopy(&source.path, item.moves))?.1
        } else {
            self.storage.copy_link(&source.path, to, item.moves).map(|()| None)?
        };
        self.count(1, 0);
        Ok(old)
    }
}
