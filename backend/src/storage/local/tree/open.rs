//! Metadata of one entry, and opening a file for reading.

use shared::{Entry, ErrorCode, Link, VPath};

use super::errors::{is_folder, read_link_error};
use super::root::Tree;
use super::walk::{FoundLeaf, Resolved};
use crate::storage::local::error::storage_error;
use crate::storage::local::file::LocalFile;
use crate::storage::local::platform::{Dir, FileType, Node};
use crate::storage::symlinks::{PathWalk, ResolveError};
use crate::storage::{OpenFile, StorageError};

impl<D: Dir> Tree<D> {
    /// See [`crate::storage::Storage::stat`].
    pub(super) fn stat_path(&self, path: &VPath) -> Result<Entry, StorageError> {
        if let Some(Node::Folder(_, metadata) | Node::Leaf(_, metadata)) = self.descend(path)? {
            return Ok(metadata.entry(path.clone(), None));
        }
        if self.links.folder() == path {
            return self.scope_entry(path);
        }
        let Some(parent) = self.parent(path)? else { return self.root_entry() };
        match self.child(parent.dir(), path.name())? {
            Node::Folder(_, metadata) | Node::Leaf(_, metadata) => Ok(metadata.entry(path.clone(), None)),
            Node::Link => {
                let own = parent.dir().metadata_of(path.name()).map_err(read_link_error)?;
                Ok(self.link_entry(&parent, path.clone(), &own))
            }
        }
    }

    /// The end of the path of the scope's own folder. Links that lead to it are the administrator's, and are not shown.
    fn scope(&self, path: &VPath) -> Result<Resolved<D>, ResolveError> {
        self.walk(self.at_root(), PathWalk::along(path, &self.links))
    }

    fn scope_entry(&self, path: &VPath) -> Result<Entry, StorageError> {
        match self.scope(path)? {
            Resolved::Leaf(found, _) => Ok(found.metadata.entry(path.clone(), None)),
            Resolved::Folder(stack) => {
                let metadata = stack.dir().metadata().map_err(|error| storage_error(error, "stat of a folder"))?;
                Ok(metadata.entry(path.clone(), None))
            }
        }
    }

    /// See [`crate::storage::Storage::unreadable_names`].
    pub(super) fn find_unreadable(
        &self,
        folder: &VPath,
        names: &mut dyn Iterator<Item = &[u8]>,
    ) -> Result<Vec<usize>, StorageError> {
        let folder = self.folder(folder)?;
        let refused = names.enumerate().filter(|(_, name)| !folder.dir().may_read(name));
        Ok(refused.map(|(index, _)| index).collect())
    }

    /// See [`crate::storage::Storage::try_stat`].
    pub(super) fn try_stat_path(&self, path: &VPath) -> Option<Entry> {
        match self.try_descend(path)? {
            Node::Folder(_, metadata) | Node::Leaf(_, metadata) => Some(metadata.entry(path.clone(), None)),
            Node::Link => None,
        }
    }

    /// See [`crate::storage::Storage::open`].
    pub(super) fn open_path(&self, path: &VPath) -> Result<Box<dyn OpenFile>, StorageError> {
        match self.descend(path)? {
            Some(Node::Leaf(leaf, metadata)) => {
                let found = FoundLeaf { name: path.as_bytes().into(), leaf, metadata };
                return open_leaf(&*self.root(), found, metadata.entry(path.clone(), None));
            }
            Some(Node::Folder(..)) => return Err(is_folder()),
            Some(Node::Link) | None => {}
        }
        if self.links.folder() == path {
            return open_end(path, self.scope(path)?, None);
        }
        let parent = self.parent(path)?.ok_or_else(is_folder)?;
        match self.child(parent.dir(), path.name())? {
            Node::Folder(..) => Err(is_folder()),
            Node::Leaf(leaf, metadata) => {
                let found = FoundLeaf { name: path.name().into(), leaf, metadata };
                open_leaf(parent.dir(), found, metadata.entry(path.clone(), None))
            }
            Node::Link => {
                let (end, target) = self.follow_link(&parent, path.name())?;
                open_end(path, end, Some(Link::Inside(target)))
            }
        }
    }

    /// See [`crate::storage::Storage::try_open`].
    pub(super) fn try_open_path(&self, path: &VPath) -> Option<Box<dyn OpenFile>> {
        let Node::Leaf(leaf, metadata) = self.try_descend(path)? else { return None };
        let found = FoundLeaf { name: path.as_bytes().into(), leaf, metadata };
        open_leaf(&*self.root(), found, metadata.entry(path.clone(), None)).ok()
    }
}

/// Opens the end of the links at `path`.
fn open_end<D: Dir>(path: &VPath, end: Resolved<D>, link: Option<Link>) -> Result<Box<dyn OpenFile>, StorageError> {
    match end {
        Resolved::Folder(_) => Err(is_folder()),
        Resolved::Leaf(found, stack) => {
            let entry = found.metadata.entry(path.clone(), link);
            open_leaf(stack.dir(), found, entry)
        }
    }
}

fn open_leaf<D: Dir>(dir: &D, found: FoundLeaf<D>, entry: Entry) -> Result<Box<dyn OpenFile>, StorageError> {
    if found.metadata.file_type != FileType::File {
        return Err(StorageError::new(ErrorCode::NotRegular, "opening a special file"));
    }
    let file = dir.open_leaf(&found.name, found.leaf, &found.metadata)?;
    Ok(Box::new(LocalFile::<D> { file, entry, opened: found.metadata }))
}
