//! Resolving paths, name by name, without leaving the root.

use shared::{Entry, Link, VPath};

use super::dir_stack::DirStack;
use super::errors::{not_folder, not_found, read_link_error};
use super::root::Tree;
use crate::storage::local::error::storage_error;
use crate::storage::local::platform::{Dir, Metadata, Node};
use crate::storage::symlinks::{PathWalk, ResolveError, item_as_asked, relative_to, shown_target};
use crate::storage::{LinkScope, StorageError, TrashItem, is_state_folder_name};

/// The end of a walk.
pub(super) enum Resolved<D: Dir> {
    Folder(DirStack<D>),
    /// With the stack of the folder that holds the entry.
    Leaf(FoundLeaf<D>, DirStack<D>),
}

/// An entry that is neither folder nor link.
pub(super) struct FoundLeaf<D: Dir> {
    /// The first argument of [`Dir::open_leaf`]: the name in the folder, or the path below the root if [`Dir::descend`]
    /// found the entry.
    pub(super) name: Box<[u8]>,
    pub(super) leaf: D::Leaf,
    pub(super) metadata: Metadata,
}

impl<D: Dir> Resolved<D> {
    /// The path of the end, without links.
    ///
    /// # Errors
    /// As [`DirStack::path`].
    pub(super) fn path(&self) -> Result<VPath, StorageError> {
        match self {
            Self::Folder(stack) => stack.path(),
            Self::Leaf(found, stack) => stack.path_of(&found.name),
        }
    }
}

impl<D: Dir> Tree<D> {
    /// Takes the steps of `walk` from `stack` on, and follows each link as far as [`Tree::links`] allow.
    pub(super) fn walk(&self, mut stack: DirStack<D>, mut walk: PathWalk) -> Result<Resolved<D>, ResolveError> {
        let mut found: Option<FoundLeaf<D>> = None;
        let mut limit = self.limit(&walk)?;
        while let Some(step) = walk.next_step() {
            if found.is_some() {
                return Err(ResolveError::at(&step, not_folder()));
            }
            match &*step.name {
                b"" | b"." => {}
                b".." => {
                    let up = stack.pop().map_err(|error| ResolveError::at(&step, error))?;
                    up.ok_or(ResolveError::Escapes)?;
                }
                name if limit.is_some_and(|limit| !stack.path_of(name).is_ok_and(|path| limit.may_pass(&path))) => {
                    return Err(ResolveError::Escapes);
                }
                name => match self.child(stack.dir(), name).map_err(|error| ResolveError::at(&step, error))? {
                    Node::Folder(dir, metadata) => stack.push(dir, metadata.identity, step.name),
                    Node::Leaf(leaf, metadata) => found = Some(FoundLeaf { name: step.name, leaf, metadata }),
                    Node::Link => {
                        let target = stack.dir().link_target(name);
                        let target = target.map_err(|error| ResolveError::at(&step, read_link_error(error)))?;
                        match self.strip_root(&target)? {
                            None => walk.follow(&target)?,
                            Some(below_root) => {
                                walk.follow(&below_root)?;
                                stack.clear();
                            }
                        }
                        limit = self.limit(&walk)?;
                    }
                },
            }
        }
        let end = match found {
            Some(found) => Resolved::Leaf(found, stack),
            None => Resolved::Folder(stack),
        };
        match limit {
            Some(limit) if !end.path().is_ok_and(|path| limit.may(&path)) => Err(ResolveError::Escapes),
            _ => Ok(end),
        }
    }

    /// How far the walk may go; `None` while no link stood on the way, and where links lead anywhere.
    fn limit(&self, walk: &PathWalk) -> Result<Option<&LinkScope>, ResolveError> {
        if self.links.is_whole() || !walk.is_confined() { Ok(None) } else { self.real_links().map(Some) }
    }

    /// An item of the trash, whose path is without links, under the path by which this view's caller reaches it.
    pub(super) fn as_asked(&self, item: TrashItem) -> TrashItem {
        if self.links.is_whole() { item } else { item_as_asked(item, &self.links, self.real_links()) }
    }

    /// Looks up a name, unless it is hidden.
    pub(super) fn child(&self, dir: &D, name: &[u8]) -> Result<Node<D>, StorageError> {
        if is_state_folder_name(name) {
            return Err(not_found());
        }
        self.unless_hidden(dir.child(name)?)
    }

    fn unless_hidden(&self, node: Node<D>) -> Result<Node<D>, StorageError> {
        match &node {
            Node::Folder(_, metadata) if self.is_hidden(metadata) => Err(not_found()),
            _ => Ok(node),
        }
    }

    /// See [`Dir::descend`]; `None` also if a hidden folder could be on the path.
    pub(super) fn descend(&self, path: &VPath) -> Result<Option<Node<D>>, StorageError> {
        if !self.may_descend(path) {
            return Ok(None);
        }
        let node = self.root().descend(path).map_err(|error| storage_error(error, "looking up a path"))?;
        node.map(|node| self.unless_hidden(node)).transpose()
    }

    /// See [`Dir::try_descend`]; `None` also if a hidden folder could be on the path.
    pub(super) fn try_descend(&self, path: &VPath) -> Option<Node<D>> {
        let node = self.may_descend(path).then(|| self.root().try_descend(path))??;
        self.unless_hidden(node).ok()
    }

    /// The parent folder of a path; `None` for the root.
    pub(super) fn parent(&self, path: &VPath) -> Result<Option<DirStack<D>>, StorageError> {
        path.parent().map(|parent| self.folder(&parent)).transpose()
    }

    /// The folder at a path.
    pub(super) fn folder(&self, path: &VPath) -> Result<DirStack<D>, StorageError> {
        match self.walk(self.at_root(), PathWalk::along(path, &self.links))? {
            Resolved::Folder(stack) => Ok(stack),
            Resolved::Leaf(..) => Err(not_folder()),
        }
    }

    /// Where a link in the innermost folder ends, and its target relative to that folder.
    pub(super) fn follow_link(&self, stack: &DirStack<D>, name: &[u8]) -> Result<(Resolved<D>, Vec<u8>), ResolveError> {
        let target = stack.dir().link_target(name);
        let target = target.map_err(|error| ResolveError::Refused(read_link_error(error)))?;
        let (resolved, target) = match self.strip_root(&target)? {
            None => (self.walk(stack.clone(), PathWalk::of_link(&target))?, target),
            Some(below_root) => {
                let resolved = self.walk(self.at_root(), PathWalk::of_link(&below_root))?;
                (resolved, relative_to(stack.names(), &below_root))
            }
        };
        if self.links.is_whole() {
            return Ok((resolved, target));
        }
        let depth = stack.depth().saturating_sub(self.real_links()?.folder().segments().count());
        let end = resolved.path().map_err(|_| ResolveError::Escapes)?;
        Ok((resolved, shown_target(depth, stack.names(), target, &end)))
    }

    /// The metadata of the entry that a link in the innermost folder leads to, and the target relative to that folder.
    pub(super) fn stat_link_target(
        &self,
        stack: &DirStack<D>,
        name: &[u8],
    ) -> Result<(Metadata, Vec<u8>), ResolveError> {
        let (resolved, target) = self.follow_link(stack, name)?;
        let metadata = match resolved {
            Resolved::Leaf(found, _) => found.metadata,
            Resolved::Folder(stack) => {
                stack.dir().metadata().map_err(|error| ResolveError::Refused(read_link_error(error)))?
            }
        };
        Ok((metadata, target))
    }

    /// The entry of a link in the innermost folder. `own` is the metadata of the link itself.
    pub(super) fn link_entry(&self, stack: &DirStack<D>, path: VPath, own: &Metadata) -> Entry {
        match self.stat_link_target(stack, path.name()) {
            Ok((metadata, target)) => metadata.entry(path, Some(Link::Inside(target))),
            Err(error) => own.link_entry(path, error.link()),
        }
    }
}
