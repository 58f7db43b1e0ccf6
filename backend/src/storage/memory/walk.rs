//! Resolving paths of a tree in memory.

use shared::{Entry, Kind, Link, VPath};

use super::errors::{DENIED, NAME_TOO_LONG, NOT_FOLDER, NOT_FOUND, TOO_DEEP};
use super::node::{Body, NodeId, ROOT};
use super::tree::Tree;
use crate::storage::checks::NAME_BYTES_MAX;
use crate::storage::symlinks::{PathWalk, ResolveError, below_root, item_as_asked, relative_to, shown_target};
use crate::storage::{LinkScope, StorageError, TrashItem, is_state_folder_name};

/// The absolute path of the root: a link to `/memory/docs` stays inside, one to `/memory2` does not.
pub const MEMORY_ROOT: &[u8] = b"/memory";

/// The position of a walk: the nodes from the root down, which `..` goes back along, and their names without the
/// root's.
#[derive(Clone)]
pub(super) struct NodeStack {
    pub(super) nodes: Vec<NodeId>,
    pub(super) names: Vec<Box<[u8]>>,
}

impl NodeStack {
    pub(super) fn root() -> Self {
        Self { nodes: vec![ROOT], names: Vec::new() }
    }

    pub(super) fn node(&self) -> NodeId {
        self.nodes.last().copied().unwrap_or(ROOT)
    }

    pub(super) fn push(&mut self, name: &[u8], node: NodeId) {
        self.nodes.push(node);
        self.names.push(name.into());
    }

    /// The path from the root, without links.
    pub(super) fn path(&self) -> Result<VPath, StorageError> {
        let path = self.names.iter().try_fold(VPath::root(), |path, name| path.join(name));
        path.map_err(|_| TOO_DEEP)
    }

    pub(super) fn path_of(&self, name: &[u8]) -> Result<VPath, StorageError> {
        self.path()?.join(name).map_err(|_| TOO_DEEP)
    }

    fn may_step(&self, limit: &LinkScope, name: &[u8]) -> bool {
        self.path_of(name).is_ok_and(|path| limit.may_pass(&path))
    }

    pub(super) fn pop(&mut self) -> Result<(), ResolveError> {
        self.names.pop().ok_or(ResolveError::Escapes)?;
        self.nodes.pop();
        Ok(())
    }
}

impl Tree {
    /// The node under a name, unless it is hidden or its folder denied.
    pub(super) fn child(&self, folder: NodeId, name: &[u8]) -> Result<NodeId, StorageError> {
        let children = self.children(folder)?;
        if self.nodes[folder].denied {
            return Err(DENIED);
        }
        if is_state_folder_name(name) {
            return Err(NOT_FOUND);
        }
        if name.len() > NAME_BYTES_MAX {
            return Err(NAME_TOO_LONG);
        }
        children.get(name).copied().ok_or(NOT_FOUND)
    }

    /// The steps of a path of a request.
    pub(super) fn along(&self, path: &VPath) -> PathWalk {
        PathWalk::along(path, &self.links)
    }

    /// How far the walk may go, as a path without links; `None` while no link stood on the way, and where links lead
    /// anywhere.
    fn limit(&self, walk: &PathWalk) -> Result<Option<LinkScope>, ResolveError> {
        if self.links.is_whole() || !walk.is_confined() { Ok(None) } else { self.real_links().map(Some) }
    }

    fn real_links(&self) -> Result<LinkScope, ResolveError> {
        let end = self.walk(NodeStack::root(), self.along(self.links.folder()));
        let folder = end.ok().and_then(|end| end.path().ok());
        folder.map(|folder| self.links.moved_to(folder)).ok_or(ResolveError::Escapes)
    }

    /// An item of the trash, whose path is without links, under the path by which this view's caller reaches it.
    pub(super) fn as_asked(&self, item: TrashItem) -> TrashItem {
        if self.links.is_whole() { item } else { item_as_asked(item, &self.links, self.real_links()) }
    }

    /// Takes the steps of `walk` from `stack` on, and follows each link as far as the view allows.
    pub(super) fn walk(&self, mut stack: NodeStack, mut walk: PathWalk) -> Result<NodeStack, ResolveError> {
        let mut limit = self.limit(&walk)?;
        while let Some(step) = walk.next_step() {
            if !matches!(self.nodes[stack.node()].body, Body::Folder(_)) {
                return Err(ResolveError::at(&step, NOT_FOLDER));
            }
            match &*step.name {
                b"" | b"." => {}
                b".." => stack.pop()?,
                name if limit.as_ref().is_some_and(|limit| !stack.may_step(limit, name)) => {
                    return Err(ResolveError::Escapes);
                }
                name => {
                    let node = self.child(stack.node(), name).map_err(|error| ResolveError::at(&step, error))?;
                    match &self.nodes[node].body {
                        Body::Link(target) if target.starts_with(b"/") => {
                            let inside = below_root(MEMORY_ROOT, target).ok_or(ResolveError::Escapes)?;
                            walk.follow(&inside)?;
                            stack = NodeStack::root();
                        }
                        Body::Link(target) => walk.follow(target)?,
                        _ => stack.push(name, node),
                    }
                    limit = self.limit(&walk)?;
                }
            }
        }
        match limit {
            Some(limit) if !stack.path().is_ok_and(|path| limit.may(&path)) => Err(ResolveError::Escapes),
            _ => Ok(stack),
        }
    }

    /// The entry of a node in that folder, as a listing shows it.
    pub(super) fn describe(&self, folder: &NodeStack, node: NodeId, path: VPath) -> Entry {
        let Body::Link(target) = &self.nodes[node].body else {
            return self.entry(node, path, None);
        };
        match self.resolve(folder, target) {
            Ok((end, target)) => self.entry(end, path, Some(Link::Inside(target))),
            Err(error) => {
                let modified = self.nodes[node].modified;
                let link = Some(error.link());
                Entry { path, kind: Kind::Other, size: 0, modified, executable: false, link, etag: None }
            }
        }
    }

    /// Where a link in that folder ends, and its target relative to the folder.
    pub(super) fn resolve(&self, folder: &NodeStack, target: &[u8]) -> Result<(NodeId, Vec<u8>), ResolveError> {
        let end = self.follow_link(folder, target)?;
        let names = || folder.names.iter().map(|name| &**name);
        let target = match target {
            [b'/', ..] => relative_to(names(), &below_root(MEMORY_ROOT, target).ok_or(ResolveError::Escapes)?),
            _ => target.to_vec(),
        };
        if self.links.is_whole() {
            return Ok((end.node(), target));
        }
        let depth = folder.names.len().saturating_sub(self.real_links()?.folder().segments().count());
        let path = end.path().map_err(|_| ResolveError::Escapes)?;
        Ok((end.node(), shown_target(depth, names(), target, &path)))
    }

    /// Where a link in that folder ends.
    pub(super) fn follow_link(&self, folder: &NodeStack, target: &[u8]) -> Result<NodeStack, ResolveError> {
        if !target.starts_with(b"/") {
            return self.walk(folder.clone(), PathWalk::of_link(target));
        }
        let inside = below_root(MEMORY_ROOT, target).ok_or(ResolveError::Escapes)?;
        self.walk(NodeStack::root(), PathWalk::of_link(&inside))
    }
}
