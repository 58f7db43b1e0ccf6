//! Changes of a tree in memory: the reference of their effects and refusals. Each is atomic because the lock is held
//! until it is complete.

use shared::{ETag, Entry, ErrorCode, Timestamp, TrashId, UploadId, VPath};

use super::errors::{GONE, NAME_TOO_LONG, NOT_FOUND};
use super::node::{Body, NodeId, ROOT};
use super::tree::{Trashed, Tree};
use super::walk::NodeStack;
use crate::storage::checks::{
    EntryKind, NAME_BYTES_MAX, check_kept, check_link_target, check_new_path, check_replacement, check_state,
    root_is_fixed,
};
use crate::storage::symlinks::PathWalk;
use crate::storage::{Attributes, Expected, Keep, Kept, Published, Replaced, Replacement, StorageError, TrashItem};

/// A name in a folder, and the entry under it.
struct Location<S> {
    folder: NodeStack,
    path: VPath,
    present: S,
}

impl<S> Location<S> {
    fn folder(&self) -> NodeId {
        self.folder.node()
    }
}

/// Where an upload is to go, at the end of the link that may have led there.
struct Destination {
    folder: NodeStack,
    name: Box<[u8]>,
    old: Option<NodeId>,
}

impl Tree {
    pub(super) fn stage(&mut self, id: UploadId) -> Result<NodeId, StorageError> {
        if self.staged.contains_key(&id) {
            return Err(StorageError::new(ErrorCode::AlreadyExists, "the upload exists already"));
        }
        let node = self.create(Body::File(Vec::new()));
        self.staged.insert(id, node);
        Ok(node)
    }

    pub(super) fn publish(
        &mut self,
        id: UploadId,
        target: &VPath,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Result<Published, StorageError> {
        let node = self.staged.get(&id).copied().ok_or(NOT_FOUND)?;
        let location = self.location(target)?;
        expected.check(self.entry_at(&location).as_ref())?;
        let Destination { folder, name, old } = match location.present {
            Some(present) => self.replaced_file(&location, present)?,
            None => Destination { folder: location.folder.clone(), name: target.name().into(), old: None },
        };
        let now = self.tick();
        let inherited = old.is_some_and(|old| self.nodes[old].executable);
        self.nodes[node].touch(attributes.modified.unwrap_or(now));
        self.nodes[node].executable = attributes.executable.unwrap_or(inherited);
        let kept = old.zip(attributes.keep.as_ref()).and_then(|(old, keep)| self.keep(&folder, &name, old, keep));
        self.staged.remove(&id);
        self.insert(folder.node(), &name, node)?;
        let shown = location.present.filter(|present| old != Some(*present)).unwrap_or(node);
        let entry = self.describe(&location.folder, shown, target.clone());
        Ok(Published { entry, replaced: old.is_some(), kept })
    }

    /// The file that an upload replaces: the present entry, or the end of a present link.
    fn replaced_file(&self, location: &Location<Option<NodeId>>, present: NodeId) -> Result<Destination, StorageError> {
        let mut stack = match &self.nodes[present].body {
            Body::Link(target) => self.follow_link(&location.folder, target)?,
            _ => {
                let mut stack = location.folder.clone();
                stack.push(location.path.name(), present);
                stack
            }
        };
        let end = stack.node();
        check_replacement(EntryKind::File, self.kind(end))?;
        let name = stack.names.last().cloned().unwrap_or_default();
        stack.pop()?;
        Ok(Destination { folder: stack, name, old: Some(end) })
    }

    pub(super) fn make_link(&mut self, path: &VPath, target: &[u8]) -> Result<Entry, StorageError> {
        let location = self.location(path)?;
        let walk = || self.walk(location.folder.clone(), PathWalk::of_link(target)).map(drop);
        check_link_target(target, location.folder.names.len(), walk)?;
        self.make_at(path, Body::Link(target.to_vec()))
    }

    pub(super) fn copy_folder_attributes(
        &mut self,
        from: &VPath,
        to: &VPath,
        modified: Timestamp,
    ) -> Result<(), StorageError> {
        let folder = |tree: &Self, path: &VPath| {
            let node = tree.walk(NodeStack::root(), tree.along(path))?.node();
            tree.children(node).map(|_| node)
        };
        folder(self, from)?;
        let target = folder(self, to)?;
        self.nodes[target].touch(modified);
        Ok(())
    }

    pub(super) fn copy_link(&mut self, from: &VPath, to: &VPath) -> Result<(), StorageError> {
        let (target, modified) = self.link_at(from)?;
        self.make_at(to, Body::Link(target))?;
        if let Some(copy) = self.location(to)?.present {
            self.nodes[copy].modified = modified;
        }
        Ok(())
    }

    /// The target and the time of the link at a path.
    pub(super) fn link_at(&self, path: &VPath) -> Result<(Vec<u8>, Timestamp), StorageError> {
        let source = self.location(path)?.present.ok_or(NOT_FOUND)?;
        let Body::Link(target) = &self.nodes[source].body else { return Err(NOT_FOUND) };
        Ok((target.clone(), self.nodes[source].modified))
    }

    pub(super) fn make_at(&mut self, path: &VPath, body: Body) -> Result<Entry, StorageError> {
        let location = self.location(path)?;
        Expected::Nothing.check(self.entry_at(&location).as_ref())?;
        let node = self.create(body);
        self.insert(location.folder(), path.name(), node)?;
        Ok(self.describe(&location.folder, node, path.clone()))
    }

    pub(super) fn rename(
        &mut self,
        from: &VPath,
        from_etag: Option<ETag>,
        to: &VPath,
        expected: &Expected,
    ) -> Result<Entry, StorageError> {
        let source = self.source(from, from_etag)?;
        let target = self.location(to)?;
        if target.folder.nodes.contains(&source.present) {
            return Err(StorageError::new(ErrorCode::IntoItself, "moving a folder into itself"));
        }
        if target.present == Some(source.present) {
            return Err(StorageError::new(ErrorCode::AlreadyExists, "both names are the same entry"));
        }
        expected.check(self.entry_at(&target).as_ref())?;
        if let Some(present) = target.present {
            check_replacement(self.kind(source.present), self.kind(present))?;
        }
        self.detach(source.folder(), from.name())?;
        self.insert(target.folder(), to.name(), source.present)?;
        // As on a disk, where a rename sets the change time, which changes the validator.
        self.nodes[source.present].version += 1;
        Ok(self.describe(&target.folder, source.present, to.clone()))
    }

    pub(super) fn remove(&mut self, path: &VPath, etag: Option<ETag>) -> Result<(), StorageError> {
        let source = self.source(path, etag)?;
        if self.kind(source.present) == (EntryKind::Folder { empty: false }) {
            return Err(StorageError::new(ErrorCode::NotEmpty, "removing a folder"));
        }
        self.detach(source.folder(), path.name()).map(drop)
    }

    /// Removes one entry of a tree, the innermost first. True if it was the last.
    pub(super) fn remove_one(&mut self, path: &VPath) -> Result<bool, StorageError> {
        let source = self.source(path, None)?;
        match self.first_leaf(source.present) {
            Some((folder, name)) => self.detach(folder, &name).map(|_| false),
            None => self.detach(source.folder(), path.name()).map(|_| true),
        }
    }

    pub(super) fn trash(
        &mut self,
        path: &VPath,
        etag: Option<ETag>,
        id: TrashId,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let source = self.source(path, etag)?;
        if self.trash.contains_key(&id) {
            return Err(StorageError::new(ErrorCode::AlreadyExists, "the trash has such an item already"));
        }
        let entry = self.describe(&source.folder, source.present, source.folder.path_of(path.name())?);
        let node = self.detach(source.folder(), path.name())?;
        self.trash.insert(id, Trashed { item: TrashItem::on_one_disk(id, entry, now, None), node });
        Ok(())
    }

    pub(super) fn restore(&mut self, id: TrashId, to: &VPath) -> Result<Entry, StorageError> {
        let node = self.trash.get(&id).ok_or(GONE)?.node;
        let location = self.location(to)?;
        Expected::Nothing.check(self.entry_at(&location).as_ref())?;
        self.trash.remove(&id);
        self.insert(location.folder(), to.name(), node)?;
        self.nodes[node].version += 1;
        Ok(self.describe(&location.folder, node, to.clone()))
    }

    pub(super) fn replace(&mut self, new: &Replacement<'_>, to: &VPath, keep: &Keep) -> Result<Replaced, StorageError> {
        let target = self.location(to)?;
        // Everything is checked before anything changes.
        let (kind, source) = match *new {
            Replacement::Entry(from, etag) => {
                let source = self.source(from, etag)?;
                (self.kind(source.present), Some((source.folder(), from.name(), source.present)))
            }
            Replacement::Trashed(id) => (self.kind(self.trash.get(&id).ok_or(GONE)?.node), None),
            Replacement::Upload(id, _) => {
                self.staged.get(&id).ok_or(NOT_FOUND)?;
                (EntryKind::File, None)
            }
            Replacement::LinkCopy(from, _) => {
                self.link_at(from)?;
                (EntryKind::Link, None)
            }
        };
        if let Some(present) = target.present {
            if source.is_some_and(|(_, _, node)| node == present) {
                return Err(StorageError::new(ErrorCode::AlreadyExists, "both names are the same entry"));
            }
            check_kept(kind, self.kind(present))?;
        }
        let folder = target.folder();
        let kept = target.present.and_then(|old| self.keep(&target.folder, to.name(), old, keep));
        let node = match *new {
            Replacement::Entry(..) => {
                let Some((folder, name, _)) = source else { return Err(NOT_FOUND) };
                self.detach(folder, name)?
            }
            Replacement::Trashed(id) => self.trash.remove(&id).ok_or(GONE)?.node,
            Replacement::Upload(id, attributes) => {
                let node = self.staged.remove(&id).ok_or(NOT_FOUND)?;
                let now = self.tick();
                self.nodes[node].touch(attributes.modified.unwrap_or(now));
                self.nodes[node].executable = attributes.executable.unwrap_or(false);
                node
            }
            Replacement::LinkCopy(from, _) => {
                let (text, modified) = self.link_at(from)?;
                let node = self.create(Body::Link(text));
                self.nodes[node].modified = modified;
                node
            }
        };
        self.insert(folder, to.name(), node)?;
        self.nodes[node].version += 1;
        Ok(Replaced { entry: self.describe(&target.folder, node, to.clone()), kept })
    }

    /// Puts a file or link that is about to be replaced into the trash.
    fn keep(&mut self, folder: &NodeStack, name: &[u8], old: NodeId, keep: &Keep) -> Option<Kept> {
        let entry = self.describe(folder, old, folder.path_of(name).ok()?);
        let bytes = entry.size;
        if keep.bytes_max == 0 || bytes > keep.bytes_max || self.trash.contains_key(&keep.id) {
            return None;
        }
        let item = TrashItem::on_one_disk(keep.id, entry, keep.now, Some(keep.owner));
        self.trash.insert(keep.id, Trashed { item, node: old });
        Some(Kept { id: keep.id, bytes, disk: 0 })
    }

    /// Deletes one entry of an item, the innermost first, and returns whether it was the last.
    pub(super) fn purge_one(&mut self, id: TrashId) -> Result<bool, StorageError> {
        match self.first_leaf(self.trash.get(&id).ok_or(GONE)?.node) {
            Some((folder, name)) => self.detach(folder, &name).map(|_| false),
            None => Ok(self.trash.remove(&id).is_some()),
        }
    }

    /// An entry below a node that holds none, with its folder; `None` if nothing is below the node.
    fn first_leaf(&self, top: NodeId) -> Option<(NodeId, Box<[u8]>)> {
        let (mut found, mut node) = (None, top);
        while let Body::Folder(children) = &self.nodes[node].body {
            let Some((name, child)) = children.iter().next() else { break };
            (found, node) = (Some((node, name.clone())), *child);
        }
        found
    }

    /// The location for a new entry, with the present entry.
    fn location(&self, path: &VPath) -> Result<Location<Option<NodeId>>, StorageError> {
        check_new_path(path)?;
        let folder = self.folder_of(path).map_err(|error| match error.code {
            ErrorCode::NotFound => StorageError { code: ErrorCode::ParentMissing, ..error },
            _ => error,
        })?;
        let Some(folder) = folder else {
            return Ok(Location { folder: NodeStack::root(), path: path.clone(), present: Some(ROOT) });
        };
        if path.name().len() > NAME_BYTES_MAX {
            return Err(NAME_TOO_LONG);
        }
        let present = match self.child(folder.node(), path.name()) {
            Ok(node) => Some(node),
            Err(error) if error.code == ErrorCode::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Location { folder, path: path.clone(), present })
    }

    /// The entry to be renamed or removed, of a link the link itself. It must be in the state `etag`.
    fn source(&self, path: &VPath, etag: Option<ETag>) -> Result<Location<NodeId>, StorageError> {
        let folder = self.folder_of(path)?.ok_or_else(root_is_fixed)?;
        let present = self.child(folder.node(), path.name())?;
        check_state(&self.describe(&folder, present, path.clone()), etag)?;
        Ok(Location { folder, path: path.clone(), present })
    }

    /// The parent folder of a path; `None` for the root.
    fn folder_of(&self, path: &VPath) -> Result<Option<NodeStack>, StorageError> {
        let Some(parent) = path.parent() else { return Ok(None) };
        let folder = self.walk(NodeStack::root(), self.along(&parent))?;
        self.children(folder.node())?;
        Ok(Some(folder))
    }

    fn entry_at(&self, location: &Location<Option<NodeId>>) -> Option<Entry> {
        location.present.map(|node| self.describe(&location.folder, node, location.path.clone()))
    }

    fn kind(&self, node: NodeId) -> EntryKind {
        match &self.nodes[node].body {
            Body::Folder(children) => EntryKind::Folder { empty: children.is_empty() },
            Body::File(_) => EntryKind::File,
            Body::Link(_) => EntryKind::Link,
            Body::Other => EntryKind::Other,
        }
    }
}
