//! An upload of a tree in memory.

use shared::ErrorCode;

use super::errors::NOT_FOUND;
use super::node::{Body, NodeId};
use super::shared_tree::SharedTree;
use crate::storage::staged::copy_through_buffer;
use crate::storage::{OpenFile, Staged, StorageError};

pub(super) struct MemoryStaged {
    pub(super) tree: SharedTree,
    pub(super) node: NodeId,
}

impl MemoryStaged {
    fn change<T>(&self, change: impl FnOnce(&mut Vec<u8>) -> T) -> Result<T, StorageError> {
        self.tree.change(|tree| {
            let now = tree.tick();
            let node = &mut tree.nodes[self.node];
            node.touch(now);
            match &mut node.body {
                Body::File(content) => Ok(change(content)),
                _ => Err(NOT_FOUND),
            }
        })
    }
}

impl Staged for MemoryStaged {
    fn length(&self) -> Result<u64, StorageError> {
        Ok(self.tree.read().nodes[self.node].content().len() as u64)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), StorageError> {
        let start = index(offset)?;
        let end = start.checked_add(bytes.len()).ok_or_else(no_room)?;
        self.change(|content| {
            let length = content.len().max(end);
            content.try_reserve(length - content.len()).map_err(|_| no_room())?;
            content.resize(length, 0);
            content[start..end].copy_from_slice(bytes);
            Ok(())
        })?
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError> {
        Ok(self.tree.read().nodes[self.node].read_at(buffer, offset))
    }

    fn copy_from(&self, source: &dyn OpenFile, from: u64, length: u64, offset: u64) -> Result<u64, StorageError> {
        copy_through_buffer(self, |buffer, at| source.read_at(buffer, at), from, length, offset)
    }

    fn copy_from_staged(&self, source: &dyn Staged, from: u64, length: u64, offset: u64) -> Result<u64, StorageError> {
        copy_through_buffer(self, |buffer, at| source.read_at(buffer, at), from, length, offset)
    }

    fn truncate(&self, length: u64) -> Result<(), StorageError> {
        let length = index(length)?;
        self.change(|content| content.truncate(length))
    }

    fn sync(&self) -> Result<(), StorageError> {
        Ok(())
    }
}

fn index(offset: u64) -> Result<usize, StorageError> {
    usize::try_from(offset).map_err(|_| no_room())
}

fn no_room() -> StorageError {
    StorageError::new(ErrorCode::NoSpace, "writing to memory")
}
