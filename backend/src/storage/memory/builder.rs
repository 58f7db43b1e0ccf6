//! Building a tree in memory for a test.

use std::collections::BTreeMap;

use shared::{ErrorCode, Timestamp, VPath};

use super::memory_storage::MemoryStorage;
use super::node::{Body, Node};
use super::tree::Tree;
use crate::storage::StorageError;

/// Building a tree. Paths are raw bytes joined by slashes; missing parent folders are created, and links in the path
/// are not followed.
impl MemoryStorage {
    /// Adds a file, or replaces the existing entry by a new file, as a rename does.
    pub fn add_file(&self, path: impl AsRef<[u8]>, content: impl Into<Vec<u8>>) -> Result<&Self, StorageError> {
        self.add(path.as_ref(), Body::File(content.into()))
    }

    /// Adds an empty folder.
    pub fn add_folder(&self, path: impl AsRef<[u8]>) -> Result<&Self, StorageError> {
        self.add(path.as_ref(), Body::Folder(BTreeMap::new()))
    }

    /// Adds a symbolic link; the target is absolute or relative to the folder of the link.
    pub fn add_link(&self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Result<&Self, StorageError> {
        self.add(path.as_ref(), Body::Link(target.as_ref().to_vec()))
    }

    /// Adds an entry that is neither file nor folder, such as a FIFO.
    pub fn add_other(&self, path: impl AsRef<[u8]>) -> Result<&Self, StorageError> {
        self.add(path.as_ref(), Body::Other)
    }

    /// Overwrites a file in place: readers that have it open see the new bytes.
    pub fn write(&self, path: impl AsRef<[u8]>, content: impl Into<Vec<u8>>) -> Result<&Self, StorageError> {
        self.change(path.as_ref(), |node| node.body = Body::File(content.into()))
    }

    /// Truncates a file in place, or extends it with zeros.
    pub fn truncate(&self, path: impl AsRef<[u8]>, length: usize) -> Result<&Self, StorageError> {
        self.change(path.as_ref(), |node| {
            if let Body::File(content) = &mut node.body {
                content.resize(length, 0);
            }
        })
    }

    /// Sets the modification time.
    pub fn set_modified(&self, path: impl AsRef<[u8]>, modified: Timestamp) -> Result<&Self, StorageError> {
        self.change(path.as_ref(), |_| {})?;
        self.adjust(path.as_ref(), |node| node.modified = modified)
    }

    /// Sets whether the owner may execute a file.
    pub fn set_executable(&self, path: impl AsRef<[u8]>, executable: bool) -> Result<&Self, StorageError> {
        self.adjust(path.as_ref(), |node| node.executable = executable)
    }

    /// Denies or allows access to an entry, as the permissions of an operating system do.
    pub fn set_denied(&self, path: impl AsRef<[u8]>, denied: bool) -> Result<&Self, StorageError> {
        self.adjust(path.as_ref(), |node| node.denied = denied)
    }

    /// Removes an entry with everything in it.
    pub fn remove(&self, path: impl AsRef<[u8]>) -> Result<&Self, StorageError> {
        let path = parse(path.as_ref())?;
        self.tree.change(|tree| tree.take(&path))?;
        Ok(self)
    }

    /// Moves an entry, and replaces an existing one.
    pub fn rename(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<&Self, StorageError> {
        let (from, to) = (parse(from.as_ref())?, parse(to.as_ref())?);
        self.tree.change(|tree| {
            let node = tree.take(&from)?;
            tree.place(&to, node)
        })?;
        Ok(self)
    }

    fn add(&self, path: &[u8], body: Body) -> Result<&Self, StorageError> {
        let path = parse(path)?;
        self.tree.change(|tree| {
            let node = tree.create(body);
            tree.place(&path, node)
        })?;
        Ok(self)
    }

    fn change(&self, path: &[u8], change: impl FnOnce(&mut Node)) -> Result<&Self, StorageError> {
        let now = self.tree.change(Tree::tick);
        self.adjust(path, |node| {
            change(node);
            node.touch(now);
        })
    }

    fn adjust(&self, path: &[u8], adjust: impl FnOnce(&mut Node)) -> Result<&Self, StorageError> {
        let path = parse(path)?;
        self.tree.change(|tree| {
            let node = tree.lookup(&path)?;
            adjust(&mut tree.nodes[node]);
            if let Some(parent) = path.parent() {
                let parent = tree.lookup(&parent)?;
                tree.watchers.queue_name(parent, path.name());
            }
            Ok(self)
        })
    }
}

fn parse(path: &[u8]) -> Result<VPath, StorageError> {
    VPath::from_bytes(path).map_err(|_| StorageError::new(ErrorCode::BadPath, "building a tree"))
}
