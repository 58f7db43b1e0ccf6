//! An open file of a tree in memory.

use shared::{ETag, Entry};

use super::node::NodeId;
use super::shared_tree::SharedTree;
use crate::storage::{OpenFile, StorageError};

pub(super) struct MemoryFile {
    pub(super) tree: SharedTree,
    pub(super) node: NodeId,
    pub(super) entry: Entry,
}

impl OpenFile for MemoryFile {
    fn entry(&self) -> &Entry {
        &self.entry
    }

    fn try_read_at(&self, buffer: &mut [u8], offset: u64) -> Option<usize> {
        self.read_at(buffer, offset).ok()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError> {
        Ok(self.tree.read().nodes[self.node].read_at(buffer, offset))
    }

    fn etag_now(&self) -> Result<ETag, StorageError> {
        Ok(self.tree.read().etag(self.node))
    }

    fn size_now(&self) -> Result<u64, StorageError> {
        Ok(self.tree.read().nodes[self.node].content().len() as u64)
    }

    fn identity(&self) -> u128 {
        self.node as u128
    }
}
