//! The nodes of a tree in memory and the names that lead to them.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use shared::{ETag, Entry, Kind, Link, Timestamp, TrashId, UploadId, VPath};

use super::errors::{NOT_FOLDER, NOT_FOUND};
use super::node::{Body, Node, NodeId, ROOT};
use super::watchers::Watchers;
use crate::storage::{LinkScope, StorageError, TrashItem};

/// 2023-11-14, the start of the clock.
const FIRST_SECOND: i64 = 1_700_000_000;

#[derive(Debug)]
pub(super) struct Tree {
    /// Every node that was ever created, the root first: a removed file that is still open can be read.
    pub(super) nodes: Vec<Node>,
    clock: i64,
    pub(super) staged: BTreeMap<UploadId, NodeId>,
    pub(super) trash: BTreeMap<TrashId, Trashed>,
    pub(super) watchers: Watchers,
    /// How far links lead for the view that holds the lock.
    pub(super) links: LinkScope,
}

/// An item of the trash.
#[derive(Debug)]
pub(super) struct Trashed {
    pub(super) item: TrashItem,
    pub(super) node: NodeId,
}

/// An empty root folder.
impl Default for Tree {
    fn default() -> Self {
        let mut tree = Self {
            nodes: Vec::new(),
            clock: FIRST_SECOND,
            staged: BTreeMap::new(),
            trash: BTreeMap::new(),
            watchers: Watchers::default(),
            links: LinkScope::default(),
        };
        tree.create(Body::Folder(BTreeMap::new()));
        tree
    }
}

impl Tree {
    pub(super) fn tick(&mut self) -> Timestamp {
        self.clock += 1;
        Timestamp::from_parts(self.clock, 0)
    }

    pub(super) fn create(&mut self, body: Body) -> NodeId {
        let modified = self.tick();
        self.nodes.push(Node { body, modified, version: 0, executable: false, denied: false });
        self.nodes.len() - 1
    }

    /// Puts a node at a path, and creates missing parent folders.
    pub(super) fn place(&mut self, path: &VPath, node: NodeId) -> Result<(), StorageError> {
        let mut folder = ROOT;
        for name in path.parent().ok_or(NOT_FOLDER)?.segments() {
            folder = match self.children(folder)?.get(name) {
                Some(child) => *child,
                None => {
                    let child = self.create(Body::Folder(BTreeMap::new()));
                    self.children_mut(folder)?.insert(name.into(), child);
                    self.watchers.queue_name(folder, name);
                    child
                }
            };
        }
        self.insert(folder, path.name(), node)
    }

    /// Takes the entry at a path out of its folder.
    pub(super) fn take(&mut self, path: &VPath) -> Result<NodeId, StorageError> {
        let parent = self.lookup(&path.parent().ok_or(NOT_FOUND)?)?;
        self.detach(parent, path.name())
    }

    /// Puts a node under a name, in place of an existing entry.
    pub(super) fn insert(&mut self, folder: NodeId, name: &[u8], node: NodeId) -> Result<(), StorageError> {
        let old = self.children_mut(folder)?.insert(name.into(), node);
        let now = self.tick();
        self.nodes[folder].touch(now);
        self.watchers.queue_name(folder, name);
        old.into_iter().for_each(|old| self.watchers.queue_gone(old));
        Ok(())
    }

    /// Takes the entry under a name out of its folder.
    pub(super) fn detach(&mut self, folder: NodeId, name: &[u8]) -> Result<NodeId, StorageError> {
        let now = self.tick();
        let node = self.children_mut(folder)?.remove(name).ok_or(NOT_FOUND)?;
        self.nodes[folder].touch(now);
        self.watchers.queue_name(folder, name);
        self.watchers.queue_gone(node);
        Ok(node)
    }

    /// The node at a path, without following links and without hiding anything: for building a tree.
    pub(super) fn lookup(&self, path: &VPath) -> Result<NodeId, StorageError> {
        path.segments().try_fold(ROOT, |folder, name| self.children(folder)?.get(name).copied().ok_or(NOT_FOUND))
    }

    pub(super) fn entry(&self, id: NodeId, path: VPath, link: Option<Link>) -> Entry {
        let node = &self.nodes[id];
        let kind = match node.body {
            Body::Folder(_) => Kind::Folder,
            Body::File(_) => Kind::File,
            Body::Link(_) | Body::Other => Kind::Other,
        };
        let executable = node.executable && kind == Kind::File;
        let size = node.content().len() as u64;
        Entry { path, kind, size, modified: node.modified, executable, link, etag: Some(self.etag(id)) }
    }

    pub(super) fn etag(&self, id: NodeId) -> ETag {
        let node = &self.nodes[id];
        let mut hash = Sha256::new_with_prefix(b"memory-1");
        hash.update((id as u64).to_le_bytes());
        hash.update(node.version.to_le_bytes());
        hash.update(node.modified.0.to_le_bytes());
        let mut etag = [0; 16];
        etag.copy_from_slice(&hash.finalize()[..16]);
        ETag(etag)
    }

    pub(super) fn children(&self, folder: NodeId) -> Result<&BTreeMap<Box<[u8]>, NodeId>, StorageError> {
        match &self.nodes[folder].body {
            Body::Folder(children) => Ok(children),
            _ => Err(NOT_FOLDER),
        }
    }

    pub(super) fn children_mut(&mut self, folder: NodeId) -> Result<&mut BTreeMap<Box<[u8]>, NodeId>, StorageError> {
        match &mut self.nodes[folder].body {
            Body::Folder(children) => Ok(children),
            _ => Err(NOT_FOLDER),
        }
    }
}
