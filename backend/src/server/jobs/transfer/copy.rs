//! The copy of one file: staged whole, then published in one step, so that no part of it is ever visible alone.

use std::sync::Arc;

use shared::{ETag, Entry, ErrorCode, TrashId, UploadId, VPath};

use super::item::TransferItem;
use super::staged_copy::StagedCopy;
use crate::random::random_bytes;
use crate::server::clock;
use crate::server::jobs::decide::is_overtaken;
use crate::server::jobs::item_error::ItemError;
use crate::server::jobs::runner::JobRunner;
use crate::storage::{
    Attributes, Durability, Expected, OpenFile, Replacement, Staged, StorageError, allocated_bytes, is_kept, may_grow,
    prefix_of,
};

/// Bytes of two files that are compared in one step.
const COMPARED_BYTES: usize = 1 << 20;

impl JobRunner {
    /// Copies a file with its attributes, and with its owner if it moves. No other user may read the copy before it is
    /// complete. The entry at `to` goes into the trash once the copy is whole; returns the id of its item. If the
    /// conflict has to be decided again, the item keeps the copy for the next attempt.
    pub(super) fn copy_file(
        &mut self,
        item: &mut TransferItem,
        source: &Entry,
        to: &VPath,
        etag: Option<ETag>,
        replaced: Option<&Entry>,
    ) -> Result<Option<TrashId>, ItemError> {
        let kept = item.copy.take().filter(|copy| copy.source.path == source.path);
        let again = kept.is_some();
        let copy = match kept {
            Some(copy) => {
                self.count(0, copy.source.size);
                copy
            }
            None => self.stage_copy(source, to, etag, item.moves)?,
        };
        let published = self.publish_copy(item.index, &copy, to, replaced, again);
        if published.as_ref().is_err_and(|error| is_overtaken(item.conflict, error.code)) {
            item.copy = Some(copy);
        }
        Ok(published?)
    }

    /// Copies the content and the attributes of a file.
    fn stage_copy(
        &mut self,
        source: &Entry,
        to: &VPath,
        etag: Option<ETag>,
        owned: bool,
    ) -> Result<StagedCopy, ItemError> {
        let file = self.storage.open(&source.path)?;
        if etag.is_some() && file.entry().etag != etag {
            return Err(ErrorCode::Changed.into());
        }
        let id = UploadId(random_bytes().map_err(StorageError::from)?);
        let storage = Arc::clone(&self.storage);
        let mut copy = StagedCopy { storage, id, source: file.entry().clone(), copied: None };
        let staged = self.storage.stage_for(id, to)?;
        self.copy_bytes(&*file, &*staged, to)?;
        copy.copied = staged.copy_attributes(&*file, owned)?;
        Ok(copy)
    }

    /// Whether two files of one size have the same bytes.
    pub(super) fn has_same_bytes(&self, left: &Entry, right: &Entry) -> Result<bool, ItemError> {
        let files = [self.storage.open(&left.path)?, self.storage.open(&right.path)?];
        let mut buffers = [vec![0; COMPARED_BYTES], vec![0; COMPARED_BYTES]];
        let mut at = 0;
        while at < left.size {
            self.check_cancelled()?;
            let mut read = [0; 2];
            for ((file, buffer), read) in files.iter().zip(&mut buffers).zip(&mut read) {
                *read = file.read_at(buffer, at)?;
            }
            let [one, other] = [&buffers[0][..read[0]], &buffers[1][..read[1]]];
            if one != other || one.is_empty() {
                return Ok(false);
            }
            at += one.len() as u64;
        }
        Ok(true)
    }

    fn copy_bytes(&mut self, file: &dyn OpenFile, staged: &dyn Staged, to: &VPath) -> Result<(), ItemError> {
        let size = file.entry().size;
        let prefix = may_grow(file.entry(), clock::now()).then(|| prefix_of(file, size)).transpose()?;
        let mut at = 0;
        while at < size {
            self.check_cancelled()?;
            match staged.copy_from(file, at, size - at, at)? {
                0 => return Err(ErrorCode::Changed.into()),
                bytes => {
                    // The first step shares all blocks of the source where the file system can, and needs no space.
                    if at == 0 && bytes < size {
                        self.check_space(allocated_bytes(file).saturating_sub(bytes), to)?;
                    }
                    at += bytes;
                    self.count(0, bytes);
                }
            }
        }
        if !is_kept(file, prefix.as_ref())? {
            return Err(ErrorCode::Changed.into());
        }
        Ok(())
    }

    /// Fails if the file system at `to` has less space than `bytes`, so that a copy that cannot end does not fill it.
    fn check_space(&self, bytes: u64, to: &VPath) -> Result<(), ItemError> {
        let space = self.storage.space(&to.parent().unwrap_or_default())?;
        if space.is_some_and(|space| bytes > space) { Err(ErrorCode::NoSpace.into()) } else { Ok(()) }
    }

    /// Gives a copy its name. A second attempt replaces any entry that is at `to` by then, because other clients may
    /// replace that entry without a pause.
    fn publish_copy(
        &mut self,
        index: usize,
        copy: &StagedCopy,
        to: &VPath,
        replaced: Option<&Entry>,
        again: bool,
    ) -> Result<Option<TrashId>, StorageError> {
        let StagedCopy { id, ref source, copied, .. } = *copy;
        let attributes = Attributes {
            modified: Some(source.modified),
            executable: copied.is_none().then_some(source.executable),
            copied,
            // A move removes the source of the copy.
            durability: Durability::Strict,
            keep: replaced.map(|_| self.keep(index, to)),
        };
        let old = match replaced {
            // A link is replaced itself, and not the file that it leads to.
            Some(present) if again || present.link.is_some() => {
                self.replace_at(index, to, &Replacement::Upload(id, &attributes))?.1
            }
            Some(present) => {
                let expected = Expected::State(present.etag.into_iter().collect());
                let published = self.storage.publish(id, to, &expected, &attributes)?;
                self.kept.count(published.kept)
            }
            None => self.storage.publish(id, to, &Expected::Nothing, &attributes).map(|_| None)?,
        };
        self.count(1, 0);
        Ok(old)
    }
}
