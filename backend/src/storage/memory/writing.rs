//! How a tree in memory is written to: the reference of what each change does and of what it refuses. Every change is
//! whole when the lock is let go, which is what a disk takes such pains for.

use shared::{ETag, Entry, ErrorCode, Timestamp, TrashId, UploadId, VPath};

use super::{Body, MemoryStorage, NOT_FOUND, NodeId, Place, Trail, Tree};
use crate::storage::rules::{
    NAME_BYTES_MAX, Standing, check_link_target, check_new_name, check_replacement, check_state, copy_by_hand, refused,
    root_stays,
};
use crate::storage::{Attributes, Expected, OpenFile, Published, Staged, StorageError, TrashItem};

/// Something in the trash.
#[derive(Debug)]
pub(super) struct Trashed {
    pub(super) item: TrashItem,
    node: NodeId,
}

/// A name in a folder, and what stands under it.
struct Spot<S> {
    folder: Place,
    path: VPath,
    standing: S,
}

impl<S> Spot<S> {
    fn folder(&self) -> NodeId {
        self.folder.node()
    }
}

/// Where an upload is to go, at the end of the link that may have led there.
struct Aim {
    folder: NodeId,
    name: Box<[u8]>,
    old: Option<NodeId>,
}

impl Tree {
    pub(super) fn stage(&mut self, id: UploadId) -> Result<NodeId, StorageError> {
        if self.staged.contains_key(&id) {
            return Err(refused(ErrorCode::AlreadyExists, "the upload has room already"));
        }
        let node = self.make(Body::File(Vec::new()));
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
        let spot = self.spot(target)?;
        expected.check(self.entry_at(&spot).as_ref())?;
        let Aim { folder, name, old } = match spot.standing {
            Some(standing) => self.replaced_file(&spot, standing)?,
            None => Aim { folder: spot.folder(), name: target.name().into(), old: None },
        };
        let now = self.tick();
        let inherited = old.is_some_and(|old| self.nodes[old].executable);
        self.nodes[node].touch(attributes.modified.unwrap_or(now));
        self.nodes[node].executable = attributes.executable.unwrap_or(inherited);
        self.staged.remove(&id);
        self.insert(folder, &name, node)?;
        let shown = spot.standing.filter(|standing| old != Some(*standing)).unwrap_or(node);
        Ok(Published { entry: self.describe(&spot.folder, shown, target.clone()), replaced: old.is_some() })
    }

    /// The file that gives way to a published one, and its place: what stands there, or what a link there leads to.
    fn replaced_file(&self, spot: &Spot<Option<NodeId>>, standing: NodeId) -> Result<Aim, StorageError> {
        let mut place = match &self.nodes[standing].body {
            Body::Link(target) => self.end_of_link(&spot.folder, target)?,
            _ => {
                let mut place = spot.folder.clone();
                place.push(spot.path.name(), standing);
                place
            }
        };
        let end = place.node();
        check_replacement(Standing::File, self.standing(end))?;
        let name = place.names.last().cloned().unwrap_or_default();
        place.pop()?;
        Ok(Aim { folder: place.node(), name, old: Some(end) })
    }

    pub(super) fn make_link(&mut self, path: &VPath, target: &[u8]) -> Result<Entry, StorageError> {
        let spot = self.spot(path)?;
        let walk = || self.walk(spot.folder.clone(), Trail::of_link(target)).map(drop);
        check_link_target(target, spot.folder.names.len(), walk)?;
        self.make_at(path, Body::Link(target.to_vec()))
    }

    pub(super) fn make_at(&mut self, path: &VPath, body: Body) -> Result<Entry, StorageError> {
        let spot = self.spot(path)?;
        Expected::Nothing.check(self.entry_at(&spot).as_ref())?;
        let node = self.make(body);
        self.insert(spot.folder(), path.name(), node)?;
        Ok(self.describe(&spot.folder, node, path.clone()))
    }

    pub(super) fn rename(
        &mut self,
        from: &VPath,
        from_etag: Option<ETag>,
        to: &VPath,
        expected: &Expected,
    ) -> Result<Entry, StorageError> {
        let source = self.source(from, from_etag)?;
        let target = self.spot(to)?;
        if target.folder.nodes.contains(&source.standing) {
            return Err(refused(ErrorCode::IntoItself, "moving a folder into itself"));
        }
        if target.standing == Some(source.standing) {
            return Err(refused(ErrorCode::AlreadyExists, "both names are the same entry"));
        }
        expected.check(self.entry_at(&target).as_ref())?;
        if let Some(standing) = target.standing {
            check_replacement(self.standing(source.standing), self.standing(standing))?;
        }
        self.detach(source.folder(), from.name())?;
        self.insert(target.folder(), to.name(), source.standing)?;
        // As on a disk, where a rename sets the change time: the validator is another one.
        self.nodes[source.standing].version += 1;
        Ok(self.describe(&target.folder, source.standing, to.clone()))
    }

    pub(super) fn remove(&mut self, path: &VPath, etag: Option<ETag>) -> Result<(), StorageError> {
        let source = self.source(path, etag)?;
        if self.standing(source.standing) == (Standing::Folder { empty: false }) {
            return Err(refused(ErrorCode::NotEmpty, "removing a folder"));
        }
        self.detach(source.folder(), path.name()).map(drop)
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
            return Err(refused(ErrorCode::AlreadyExists, "the trash has such an item already"));
        }
        let entry = self.describe(&source.folder, source.standing, path.clone());
        let node = self.detach(source.folder(), path.name())?;
        self.trash.insert(id, Trashed { item: TrashItem { id, entry, trashed: now }, node });
        Ok(())
    }

    pub(super) fn restore(&mut self, id: TrashId, to: &VPath) -> Result<Entry, StorageError> {
        let node = self.trash.get(&id).ok_or(GONE)?.node;
        let spot = self.spot(to)?;
        Expected::Nothing.check(self.entry_at(&spot).as_ref())?;
        self.trash.remove(&id);
        self.insert(spot.folder(), to.name(), node)?;
        self.nodes[node].version += 1;
        Ok(self.describe(&spot.folder, node, to.clone()))
    }

    /// Removes one entry of an item, the innermost first, and says whether that was the last.
    pub(super) fn purge_one(&mut self, id: TrashId) -> Result<bool, StorageError> {
        let top = self.trash.get(&id).ok_or(GONE)?.node;
        let (mut folder, mut node) = (None, top);
        while let Body::Folder(children) = &self.nodes[node].body {
            let Some((name, child)) = children.iter().next() else { break };
            (folder, node) = (Some((node, name.clone())), *child);
        }
        match folder {
            Some((folder, name)) => self.detach(folder, &name).map(|_| false),
            None => Ok(self.trash.remove(&id).is_some()),
        }
    }

    /// Where something new may stand, and what is there now.
    fn spot(&self, path: &VPath) -> Result<Spot<Option<NodeId>>, StorageError> {
        let folder = self.folder_of(path).map_err(|error| match error.code {
            ErrorCode::NotFound => StorageError { code: ErrorCode::ParentMissing, ..error },
            _ => error,
        })?;
        let Some(folder) = folder else {
            return Ok(Spot { folder: Place::root(), path: path.clone(), standing: Some(super::ROOT) });
        };
        check_new_name(path.name())?;
        if path.name().len() > NAME_BYTES_MAX {
            return Err(refused(ErrorCode::NameRefused, "a name is too long"));
        }
        let standing = match self.child(folder.node(), path.name()) {
            Ok(node) => Some(node),
            Err(error) if error.code == ErrorCode::NotFound => None,
            Err(error) => return Err(error),
        };
        Ok(Spot { folder, path: path.clone(), standing })
    }

    /// What is to be moved or removed, a link itself; in that state.
    fn source(&self, path: &VPath, etag: Option<ETag>) -> Result<Spot<NodeId>, StorageError> {
        let folder = self.folder_of(path)?.ok_or_else(root_stays)?;
        let standing = self.child(folder.node(), path.name())?;
        check_state(&self.describe(&folder, standing, path.clone()), etag)?;
        Ok(Spot { folder, path: path.clone(), standing })
    }

    /// The folder that holds the path; none for the root.
    fn folder_of(&self, path: &VPath) -> Result<Option<Place>, StorageError> {
        let Some(parent) = path.parent() else { return Ok(None) };
        let folder = self.walk(Place::root(), Trail::along(&parent))?;
        self.children(folder.node())?;
        Ok(Some(folder))
    }

    fn entry_at(&self, spot: &Spot<Option<NodeId>>) -> Option<Entry> {
        spot.standing.map(|node| self.describe(&spot.folder, node, spot.path.clone()))
    }

    fn standing(&self, node: NodeId) -> Standing {
        match &self.nodes[node].body {
            Body::Folder(children) => Standing::Folder { empty: children.is_empty() },
            Body::File(_) => Standing::File,
            Body::Link(_) => Standing::Link,
            Body::Other => Standing::Other,
        }
    }
}

const GONE: StorageError =
    StorageError { code: ErrorCode::Gone, context: "looking for an item of the trash", source: None };

/// An upload of a [`MemoryStorage`].
pub(super) struct MemoryStaged {
    storage: MemoryStorage,
    node: NodeId,
}

impl MemoryStaged {
    pub(super) fn new(storage: MemoryStorage, node: NodeId) -> Self {
        Self { storage, node }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Vec<u8>) -> T) -> Result<T, StorageError> {
        self.storage.with_tree(|tree| {
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
        Ok(self.storage.read_lock().nodes[self.node].content().len() as u64)
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
        Ok(self.storage.read_lock().nodes[self.node].read_at(buffer, offset))
    }

    fn copy_from(&self, source: &dyn OpenFile, from: u64, length: u64, offset: u64) -> Result<u64, StorageError> {
        copy_by_hand(self, |buffer, at| source.read_at(buffer, at), from, length, offset)
    }

    fn copy_from_staged(&self, source: &dyn Staged, from: u64, length: u64, offset: u64) -> Result<u64, StorageError> {
        copy_by_hand(self, |buffer, at| source.read_at(buffer, at), from, length, offset)
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
    refused(ErrorCode::NoSpace, "writing to memory")
}
