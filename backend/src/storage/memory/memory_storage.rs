//! The storage of a tree in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::{ETag, Entry, ErrorCode, Timestamp, TrashId, UploadId, VPath};

use super::errors::{DENIED, NOT_FOUND};
use super::file::MemoryFile;
use super::node::Body;
use super::shared_tree::SharedTree;
use super::staged::MemoryStaged;
use super::walk::NodeStack;
use crate::storage::trash::{PageSelection, check_visit};
use crate::storage::{
    Attributes, Expected, Keep, LinkScope, OpenFile, Published, Replaced, Replacement, Staged, Storage, StorageError,
    TrashItem, TrashListing, TrashQuery, Visit, WatchEvent, WatchHandle, is_state_folder_name,
};

/// A tree in memory. A clone is another handle to it.
#[derive(Clone, Debug, Default)]
pub struct MemoryStorage {
    pub(super) tree: SharedTree,
}

impl MemoryStorage {
    /// An empty root folder.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Storage for MemoryStorage {
    fn within(self: Arc<Self>, scope: LinkScope) -> Arc<dyn Storage> {
        if self.tree.links == scope { self } else { Arc::new(Self { tree: self.tree.narrowed(scope) }) }
    }

    fn stat(&self, path: &VPath) -> Result<Entry, StorageError> {
        let tree = self.tree.read();
        if tree.links.folder() == path {
            // Links that lead to it are the administrator's, and are not shown.
            let end = tree.walk(NodeStack::root(), tree.along(path))?;
            return Ok(tree.entry(end.node(), path.clone(), None));
        }
        let parent = path.parent().unwrap_or_default();
        let folder = tree.walk(NodeStack::root(), tree.along(&parent))?;
        let node = tree.child(folder.node(), path.name())?;
        Ok(tree.describe(&folder, node, path.clone()))
    }

    fn list(&self, path: &VPath, visit: &mut dyn FnMut(Entry) -> Visit) -> Result<(), StorageError> {
        let mut entries = Vec::new();
        {
            let tree = self.tree.read();
            let folder = tree.walk(NodeStack::root(), tree.along(path))?;
            let children = tree.children(folder.node())?;
            if tree.nodes[folder.node()].denied {
                return Err(DENIED);
            }
            for (name, node) in children.iter().filter(|(name, _)| !is_state_folder_name(name)) {
                // A path that is too long or too deep for a request is left out.
                entries.extend(path.join(name).ok().map(|path| tree.describe(&folder, *node, path)));
            }
        }
        // Without the lock, because `visit` may read the tree.
        let _ = entries.into_iter().try_for_each(|entry| match visit(entry) {
            Visit::Continue => Ok(()),
            Visit::Stop => Err(()),
        });
        Ok(())
    }

    fn count_unnamed(&self, folder: &VPath) -> Result<u64, StorageError> {
        let tree = self.tree.read();
        let end = tree.walk(NodeStack::root(), tree.along(folder))?;
        let names = tree.children(end.node())?.keys();
        Ok(names.filter(|name| folder.join(name).is_err() && !is_state_folder_name(name)).count() as u64)
    }

    fn is_inside(&self, inner: &VPath, outer: &VPath) -> Result<bool, StorageError> {
        let tree = self.tree.read();
        let outer = tree.walk(NodeStack::root(), tree.along(outer))?.node();
        Ok(tree.walk(NodeStack::root(), tree.along(inner))?.nodes.contains(&outer))
    }

    fn try_stat(&self, path: &VPath) -> Option<Entry> {
        self.stat(path).ok()
    }

    fn try_open(&self, path: &VPath) -> Option<Box<dyn OpenFile>> {
        self.open(path).ok()
    }

    fn open(&self, path: &VPath) -> Result<Box<dyn OpenFile>, StorageError> {
        let tree = self.tree.read();
        let is_folder = || StorageError::new(ErrorCode::IsFolder, "opening a folder as a file");
        let folder = tree.walk(NodeStack::root(), tree.along(&path.parent().ok_or_else(is_folder)?))?;
        let name = tree.child(folder.node(), path.name())?;
        let is_scope = tree.links.folder() == path;
        let node = match &tree.nodes[name].body {
            Body::Link(_) if is_scope => tree.walk(NodeStack::root(), tree.along(path))?.node(),
            Body::Link(target) => tree.resolve(&folder, target)?.0,
            _ => name,
        };
        match tree.nodes[node].body {
            Body::Folder(_) => Err(is_folder()),
            Body::Link(_) | Body::Other => Err(StorageError::new(ErrorCode::NotRegular, "opening a special file")),
            Body::File(_) if tree.nodes[node].denied => Err(DENIED),
            Body::File(_) => {
                // Links that lead to the scope are not shown.
                let entry = tree.describe(&folder, if is_scope { node } else { name }, path.clone());
                Ok(Box::new(MemoryFile { tree: self.tree.clone(), node, entry }))
            }
        }
    }

    fn stage(&self, id: UploadId) -> Result<Box<dyn Staged>, StorageError> {
        let node = self.tree.change(|tree| tree.stage(id))?;
        Ok(Box::new(MemoryStaged { tree: self.tree.clone(), node }))
    }

    fn staged(&self, id: UploadId, _target: Option<&VPath>) -> Result<Box<dyn Staged>, StorageError> {
        let node = self.tree.read().staged.get(&id).copied().ok_or(NOT_FOUND)?;
        Ok(Box::new(MemoryStaged { tree: self.tree.clone(), node }))
    }

    fn list_staged(&self) -> Result<Vec<UploadId>, StorageError> {
        Ok(self.tree.read().staged.keys().copied().collect())
    }

    fn unstage(&self, id: UploadId) -> Result<(), StorageError> {
        self.tree.change(|tree| tree.staged.remove(&id));
        Ok(())
    }

    fn publish(
        &self,
        id: UploadId,
        target: &VPath,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Result<Published, StorageError> {
        self.tree.change(|tree| tree.publish(id, target, expected, attributes))
    }

    fn sync_name(&self, path: &VPath) -> Result<(), StorageError> {
        self.stat(path).map(drop)
    }

    fn make_folder(&self, path: &VPath) -> Result<Entry, StorageError> {
        self.tree.change(|tree| tree.make_at(path, Body::Folder(BTreeMap::new())))
    }

    fn make_link(&self, path: &VPath, target: &[u8]) -> Result<Entry, StorageError> {
        self.tree.change(|tree| tree.make_link(path, target))
    }

    fn copy_folder_attributes(
        &self,
        from: &VPath,
        to: &VPath,
        modified: Timestamp,
        _owned: bool,
    ) -> Result<(), StorageError> {
        self.tree.change(|tree| tree.copy_folder_attributes(from, to, modified))
    }

    fn copy_link(&self, from: &VPath, to: &VPath, _owned: bool) -> Result<(), StorageError> {
        self.tree.change(|tree| tree.copy_link(from, to))
    }

    fn is_same_link(&self, left: &VPath, right: &VPath) -> Result<bool, StorageError> {
        self.tree.change(|tree| Ok(tree.link_at(left)?.0 == tree.link_at(right)?.0))
    }

    fn rename(
        &self,
        from: &VPath,
        from_etag: Option<ETag>,
        to: &VPath,
        expected: &Expected,
    ) -> Result<Entry, StorageError> {
        self.tree.change(|tree| tree.rename(from, from_etag, to, expected))
    }

    fn replace(&self, new: &Replacement<'_>, to: &VPath, keep: &Keep) -> Result<Replaced, StorageError> {
        self.tree.change(|tree| tree.replace(new, to, keep))
    }

    fn remove(&self, path: &VPath, etag: Option<ETag>) -> Result<(), StorageError> {
        self.tree.change(|tree| tree.remove(path, etag))
    }

    fn trash(&self, path: &VPath, etag: Option<ETag>, id: TrashId, now: Timestamp) -> Result<(), StorageError> {
        self.tree.change(|tree| tree.trash(path, etag, id, now))
    }

    fn list_trash_until(
        &self,
        query: &TrashQuery,
        visit: &mut dyn FnMut() -> Visit,
    ) -> Result<TrashListing, StorageError> {
        let mut page = PageSelection::new(query);
        let tree = self.tree.read();
        for trashed in tree.trash.values() {
            check_visit(visit)?;
            page.add(tree.as_asked(trashed.item.clone()));
        }
        Ok(page.finish())
    }

    fn stat_trash(&self, id: TrashId) -> Result<TrashItem, StorageError> {
        let gone = || StorageError::new(ErrorCode::Gone, "looking for an item of the trash");
        let tree = self.tree.read();
        tree.trash.get(&id).map(|trashed| tree.as_asked(trashed.item.clone())).ok_or_else(gone)
    }

    fn restore(&self, id: TrashId, to: &VPath) -> Result<Entry, StorageError> {
        self.tree.change(|tree| tree.restore(id, to))
    }

    fn remove_tree(&self, path: &VPath, visit: &mut dyn FnMut() -> Visit) -> Result<Visit, StorageError> {
        loop {
            let done = self.tree.change(|tree| tree.remove_one(path))?;
            match visit() {
                _ if done => return Ok(Visit::Continue),
                Visit::Stop => return Ok(Visit::Stop),
                Visit::Continue => {}
            }
        }
    }

    fn purge(&self, id: TrashId, visit: &mut dyn FnMut() -> Visit) -> Result<(), StorageError> {
        loop {
            let done = self.tree.change(|tree| tree.purge_one(id))?;
            if visit() == Visit::Stop || done {
                return Ok(());
            }
        }
    }

    fn space(&self, _folder: &VPath) -> Result<Option<u64>, StorageError> {
        Ok(None)
    }

    fn watch(
        &self,
        folder: &VPath,
        on_event: Box<dyn Fn(WatchEvent) + Send + Sync>,
    ) -> Result<Box<dyn WatchHandle>, StorageError> {
        let number = self.tree.change(|tree| {
            let folder = tree.walk(NodeStack::root(), tree.along(folder))?.node();
            tree.children(folder)?;
            Ok::<_, StorageError>(tree.watchers.add(folder, Arc::from(on_event)))
        })?;
        Ok(Box::new(MemoryWatch { tree: self.tree.clone(), number }))
    }
}

struct MemoryWatch {
    tree: SharedTree,
    number: u64,
}

impl WatchHandle for MemoryWatch {}

impl Drop for MemoryWatch {
    fn drop(&mut self) {
        self.tree.change(|tree| tree.watchers.remove(self.number));
    }
}
