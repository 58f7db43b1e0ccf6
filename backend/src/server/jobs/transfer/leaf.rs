//! The copy of an entry that is no folder: a file by its content, a link as a link. An entry of another kind is refused.

use shared::{ETag, Entry, ErrorCode, Kind, TrashId, VPath};

use crate::server::jobs::item_error::ItemError;
use crate::server::jobs::runner::JobRunner;
use crate::storage::Replacement;

impl JobRunner {
    /// Copies an entry that is no folder; with its owner if `owned`. Returns the id of what it has replaced in the trash.
    pub(super) fn copy_leaf(
        &mut self,
        source: &Entry,
        to: &VPath,
        etag: Option<ETag>,
        replaced: Option<(usize, &Entry)>,
        owned: bool,
    ) -> Result<Option<TrashId>, ItemError> {
        match (&source.link, source.kind) {
            (Some(_), _) => self.copy_link(source, to, replaced, owned),
            (None, Kind::File) => self.copy_file(source, to, etag, replaced, owned),
            (None, _) => Err(ErrorCode::NotRegular.into()),
        }
    }

    /// Makes a link again, wherever it leads: its text is copied, and every later use of the copy is checked.
    fn copy_link(
        &mut self,
        source: &Entry,
        to: &VPath,
        replaced: Option<(usize, &Entry)>,
        owned: bool,
    ) -> Result<Option<TrashId>, ItemError> {
        let old = match replaced {
            Some((index, _)) => self.replace_at(index, to, &Replacement::LinkCopy(&source.path, owned))?.1,
            None => self.storage.copy_link(&source.path, to, owned).map(|()| None)?,
        };
        self.count(1, 0);
        Ok(old)
    }
}
