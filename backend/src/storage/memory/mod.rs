//! A tree in memory: the reference of what a storage does, and what the tests of the other rooms stand on. It knows no
//! disk. Time is a counter, so that the same steps always make the same tree. Here is how it is built and read; how it
//! is written to is in `writing`.
//!
//! ```
//! use backend::storage::{Storage, memory::MemoryStorage};
//! use shared::VPath;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let storage = MemoryStorage::new();
//! storage.add_file("docs/hello.txt", "hello")?.add_link("greeting", "docs/hello.txt")?;
//! assert_eq!(storage.stat(&VPath::parse("greeting")?)?.size, 5);
//! # Ok(())
//! # }
//! ```

mod watching;

mod writing;

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock, RwLockReadGuard};

use sha2::{Digest, Sha256};
use shared::{ETag, Entry, ErrorCode, Kind, Link, Timestamp, TrashId, UploadId, VPath};

use self::watching::Watchers;
use self::writing::{MemoryStaged, Trashed};
use super::links::{Lost, Trail, below_root, seen_from};
use super::{
    Attributes, Expected, OpenFile, Published, Staged, Storage, StorageError, TrashItem, Visit, WatchEvent,
    WatchHandle, is_state_folder_name,
};

/// The tree. A clone is another handle to the same tree.
#[derive(Clone, Debug)]
pub struct MemoryStorage {
    tree: Arc<RwLock<Tree>>,
}

/// Where the tree pretends to be mounted: a link to `/memory/docs` stays inside, one to `/memory2` does not.
pub const MEMORY_ROOT: &[u8] = b"/memory";

/// 2023-11-14, when the counter starts.
const FIRST_SECOND: i64 = 1_700_000_000;

#[derive(Debug)]
struct Tree {
    /// Every node that ever was, the root first: whoever has a removed file open still reads it.
    nodes: Vec<Node>,
    clock: i64,
    staged: BTreeMap<UploadId, NodeId>,
    trash: BTreeMap<TrashId, Trashed>,
    watchers: Watchers,
}

type NodeId = usize;

const ROOT: NodeId = 0;

#[derive(Debug)]
struct Node {
    body: Body,
    modified: Timestamp,
    /// Counts up at each change of content or time.
    version: u64,
    executable: bool,
    denied: bool,
}

#[derive(Debug)]
enum Body {
    Folder(BTreeMap<Box<[u8]>, NodeId>),
    File(Vec<u8>),
    Link(Vec<u8>),
    Other,
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new()
    }
}

/// Building a tree. Paths are raw bytes joined by slashes; folders on the way are made where they are missing, and
/// links on the way are not followed.
impl MemoryStorage {
    /// An empty root folder.
    pub fn new() -> Self {
        let mut tree = Tree {
            nodes: Vec::new(),
            clock: FIRST_SECOND,
            staged: BTreeMap::new(),
            trash: BTreeMap::new(),
            watchers: Watchers::default(),
        };
        tree.make(Body::Folder(BTreeMap::new()));
        Self { tree: Arc::new(RwLock::new(tree)) }
    }

    /// Adds a file, or puts a new one in the place of what is there, as a rename over it would.
    pub fn add_file(&self, path: impl AsRef<[u8]>, content: impl Into<Vec<u8>>) -> Result<&Self, StorageError> {
        self.add(path.as_ref(), Body::File(content.into()))
    }

    /// Adds an empty folder.
    pub fn add_folder(&self, path: impl AsRef<[u8]>) -> Result<&Self, StorageError> {
        self.add(path.as_ref(), Body::Folder(BTreeMap::new()))
    }

    /// Adds a symbolic link with that target, relative to the link's folder or absolute.
    pub fn add_link(&self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Result<&Self, StorageError> {
        self.add(path.as_ref(), Body::Link(target.as_ref().to_vec()))
    }

    /// Adds something that is neither file nor folder, as a FIFO is.
    pub fn add_other(&self, path: impl AsRef<[u8]>) -> Result<&Self, StorageError> {
        self.add(path.as_ref(), Body::Other)
    }

    /// Changes a file in place: whoever has it open reads the new bytes.
    pub fn write(&self, path: impl AsRef<[u8]>, content: impl Into<Vec<u8>>) -> Result<&Self, StorageError> {
        self.change(path.as_ref(), |node| node.body = Body::File(content.into()))
    }

    /// Cuts a file short in place, or fills it up with zeros.
    pub fn truncate(&self, path: impl AsRef<[u8]>, length: usize) -> Result<&Self, StorageError> {
        self.change(path.as_ref(), |node| {
            if let Body::File(content) = &mut node.body {
                content.resize(length, 0);
            }
        })
    }

    /// Sets the time of the last change.
    pub fn set_modified(&self, path: impl AsRef<[u8]>, modified: Timestamp) -> Result<&Self, StorageError> {
        self.change(path.as_ref(), |_| {})?;
        self.adjust(path.as_ref(), |node| node.modified = modified)
    }

    /// Sets whether a file's owner may execute it.
    pub fn set_executable(&self, path: impl AsRef<[u8]>, executable: bool) -> Result<&Self, StorageError> {
        self.adjust(path.as_ref(), |node| node.executable = executable)
    }

    /// Makes an entry one that the operating system would not let the server read, or lets it again.
    pub fn set_denied(&self, path: impl AsRef<[u8]>, denied: bool) -> Result<&Self, StorageError> {
        self.adjust(path.as_ref(), |node| node.denied = denied)
    }

    /// Removes an entry with all that is in it.
    pub fn remove(&self, path: impl AsRef<[u8]>) -> Result<&Self, StorageError> {
        let path = parse(path.as_ref())?;
        self.with_tree(|tree| tree.take(&path))?;
        Ok(self)
    }

    /// Moves an entry, over whatever is in its new place.
    pub fn rename(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<&Self, StorageError> {
        let (from, to) = (parse(from.as_ref())?, parse(to.as_ref())?);
        self.with_tree(|tree| {
            let node = tree.take(&from)?;
            tree.place(&to, node)
        })?;
        Ok(self)
    }

    fn add(&self, path: &[u8], body: Body) -> Result<&Self, StorageError> {
        let path = parse(path)?;
        self.with_tree(|tree| {
            let node = tree.make(body);
            tree.place(&path, node)
        })?;
        Ok(self)
    }

    fn change(&self, path: &[u8], change: impl FnOnce(&mut Node)) -> Result<&Self, StorageError> {
        let now = self.with_tree(Tree::tick);
        self.adjust(path, |node| {
            change(node);
            node.touch(now);
        })
    }

    fn adjust(&self, path: &[u8], adjust: impl FnOnce(&mut Node)) -> Result<&Self, StorageError> {
        let path = parse(path)?;
        self.with_tree(|tree| {
            let node = tree.lookup(&path)?;
            adjust(&mut tree.nodes[node]);
            if let Some(parent) = path.parent() {
                let parent = tree.lookup(&parent)?;
                tree.watchers.tell(parent, path.name());
            }
            Ok(self)
        })
    }

    // A test that panicked while it held the lock has failed already; the tree itself is whole after every statement.
    fn read_lock(&self) -> RwLockReadGuard<'_, Tree> {
        self.tree.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Changes the tree, and then tells who watches: without the lock, for they may well look at the tree.
    fn with_tree<T>(&self, change: impl FnOnce(&mut Tree) -> T) -> T {
        let mut tree = self.tree.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let answer = change(&mut tree);
        let untold = tree.watchers.take_untold();
        drop(tree);
        untold.into_iter().for_each(|(notice, tell)| tell(notice));
        answer
    }
}

impl Storage for MemoryStorage {
    fn stat(&self, path: &VPath) -> Result<Entry, StorageError> {
        let tree = self.read_lock();
        let Some(parent) = path.parent() else {
            return Ok(tree.entry(ROOT, VPath::root(), None));
        };
        let folder = tree.walk(Place::root(), Trail::along(&parent))?;
        let node = tree.child(folder.node(), path.name())?;
        Ok(tree.describe(&folder, node, path.clone()))
    }

    fn list(&self, path: &VPath, visit: &mut dyn FnMut(Entry) -> Visit) -> Result<(), StorageError> {
        let mut entries = Vec::new();
        {
            let tree = self.read_lock();
            let folder = tree.walk(Place::root(), Trail::along(path))?;
            let children = tree.children(folder.node())?;
            if tree.nodes[folder.node()].denied {
                return Err(DENIED);
            }
            for (name, node) in children.iter().filter(|(name, _)| !is_state_folder_name(name)) {
                // What lies too deep to be named in a request is not handed out.
                entries.extend(path.join(name).ok().map(|path| tree.describe(&folder, *node, path)));
            }
        }
        // Without the lock: `visit` may well look at the tree.
        let _ = entries.into_iter().try_for_each(|entry| match visit(entry) {
            Visit::Continue => Ok(()),
            Visit::Stop => Err(()),
        });
        Ok(())
    }

    fn try_stat(&self, path: &VPath) -> Option<Entry> {
        self.stat(path).ok()
    }

    fn try_open(&self, path: &VPath) -> Option<Box<dyn OpenFile>> {
        self.open(path).ok()
    }

    fn open(&self, path: &VPath) -> Result<Box<dyn OpenFile>, StorageError> {
        let tree = self.read_lock();
        let is_folder = || StorageError::new(ErrorCode::IsFolder, "opening a folder as a file");
        let folder = tree.walk(Place::root(), Trail::along(&path.parent().ok_or_else(is_folder)?))?;
        let name = tree.child(folder.node(), path.name())?;
        let node = match &tree.nodes[name].body {
            Body::Link(target) => tree.resolve(&folder, target)?.0,
            _ => name,
        };
        match tree.nodes[node].body {
            Body::Folder(_) => Err(is_folder()),
            Body::Link(_) | Body::Other => Err(StorageError::new(ErrorCode::NotRegular, "opening a special file")),
            Body::File(_) if tree.nodes[node].denied => Err(DENIED),
            Body::File(_) => {
                let entry = tree.describe(&folder, name, path.clone());
                Ok(Box::new(MemoryFile { tree: Arc::clone(&self.tree), node, entry }))
            }
        }
    }

    fn stage(&self, id: UploadId) -> Result<Box<dyn Staged>, StorageError> {
        let node = self.with_tree(|tree| tree.stage(id))?;
        Ok(Box::new(MemoryStaged::new(self.clone(), node)))
    }

    fn staged(&self, id: UploadId) -> Result<Box<dyn Staged>, StorageError> {
        let node = self.read_lock().staged.get(&id).copied().ok_or(NOT_FOUND)?;
        Ok(Box::new(MemoryStaged::new(self.clone(), node)))
    }

    fn list_staged(&self) -> Result<Vec<UploadId>, StorageError> {
        Ok(self.read_lock().staged.keys().copied().collect())
    }

    fn unstage(&self, id: UploadId) -> Result<(), StorageError> {
        self.with_tree(|tree| tree.staged.remove(&id));
        Ok(())
    }

    fn publish(
        &self,
        id: UploadId,
        target: &VPath,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Result<Published, StorageError> {
        self.with_tree(|tree| tree.publish(id, target, expected, attributes))
    }

    fn make_folder(&self, path: &VPath) -> Result<Entry, StorageError> {
        self.with_tree(|tree| tree.make_at(path, Body::Folder(BTreeMap::new())))
    }

    fn make_link(&self, path: &VPath, target: &[u8]) -> Result<Entry, StorageError> {
        self.with_tree(|tree| tree.make_link(path, target))
    }

    fn rename(
        &self,
        from: &VPath,
        from_etag: Option<ETag>,
        to: &VPath,
        expected: &Expected,
    ) -> Result<Entry, StorageError> {
        self.with_tree(|tree| tree.rename(from, from_etag, to, expected))
    }

    fn remove(&self, path: &VPath, etag: Option<ETag>) -> Result<(), StorageError> {
        self.with_tree(|tree| tree.remove(path, etag))
    }

    fn trash(&self, path: &VPath, etag: Option<ETag>, id: TrashId, now: Timestamp) -> Result<(), StorageError> {
        self.with_tree(|tree| tree.trash(path, etag, id, now))
    }

    fn list_trash(&self, visit: &mut dyn FnMut(TrashItem) -> Visit) -> Result<(), StorageError> {
        let items: Vec<_> = self.read_lock().trash.values().map(|trashed| trashed.item.clone()).collect();
        let _ = items.into_iter().try_for_each(|item| match visit(item) {
            Visit::Continue => Ok(()),
            Visit::Stop => Err(()),
        });
        Ok(())
    }

    fn restore(&self, id: TrashId, to: &VPath) -> Result<Entry, StorageError> {
        self.with_tree(|tree| tree.restore(id, to))
    }

    fn purge(&self, id: TrashId, visit: &mut dyn FnMut() -> Visit) -> Result<(), StorageError> {
        loop {
            let done = self.with_tree(|tree| tree.purge_one(id))?;
            if visit() == Visit::Stop || done {
                return Ok(());
            }
        }
    }

    fn watch(
        &self,
        folder: &VPath,
        notice: Box<dyn Fn(WatchEvent) + Send + Sync>,
    ) -> Result<Box<dyn WatchHandle>, StorageError> {
        self.watch_folder(folder, notice)
    }
}

/// An open file of a [`MemoryStorage`].
struct MemoryFile {
    tree: Arc<RwLock<Tree>>,
    node: NodeId,
    entry: Entry,
}

impl OpenFile for MemoryFile {
    fn entry(&self) -> &Entry {
        &self.entry
    }

    fn try_read_at(&self, buffer: &mut [u8], offset: u64) -> Option<usize> {
        self.read_at(buffer, offset).ok()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError> {
        let tree = self.tree.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        Ok(tree.nodes[self.node].read_at(buffer, offset))
    }

    fn etag_now(&self) -> Result<ETag, StorageError> {
        let tree = self.tree.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        Ok(tree.etag(self.node))
    }
}

const NOT_FOUND: StorageError =
    StorageError { code: ErrorCode::NotFound, context: "looking for an entry", source: None };
const NOT_FOLDER: StorageError =
    StorageError { code: ErrorCode::NotFolder, context: "a file stands where a folder is needed", source: None };
const DENIED: StorageError =
    StorageError { code: ErrorCode::AccessDenied, context: "the entry is marked as denied", source: None };

/// Where a walk stands: the nodes from the root on, which `..` goes back along, and their names without the root's.
#[derive(Clone)]
struct Place {
    nodes: Vec<NodeId>,
    names: Vec<Box<[u8]>>,
}

impl Place {
    fn root() -> Self {
        Self { nodes: vec![ROOT], names: Vec::new() }
    }

    fn node(&self) -> NodeId {
        self.nodes.last().copied().unwrap_or(ROOT)
    }

    fn push(&mut self, name: &[u8], node: NodeId) {
        self.nodes.push(node);
        self.names.push(name.into());
    }

    fn pop(&mut self) -> Result<(), Lost> {
        self.names.pop().ok_or(Lost::Escapes)?;
        self.nodes.pop();
        Ok(())
    }
}

impl Tree {
    fn tick(&mut self) -> Timestamp {
        self.clock += 1;
        Timestamp::from_parts(self.clock, 0)
    }

    fn make(&mut self, body: Body) -> NodeId {
        let modified = self.tick();
        self.nodes.push(Node { body, modified, version: 0, executable: false, denied: false });
        self.nodes.len() - 1
    }

    /// Puts a node at a path, making the folders on the way.
    fn place(&mut self, path: &VPath, node: NodeId) -> Result<(), StorageError> {
        let mut folder = ROOT;
        for name in path.parent().ok_or(NOT_FOLDER)?.segments() {
            folder = match self.children(folder)?.get(name) {
                Some(child) => *child,
                None => {
                    let child = self.make(Body::Folder(BTreeMap::new()));
                    self.children_mut(folder)?.insert(name.into(), child);
                    self.watchers.tell(folder, name);
                    child
                }
            };
        }
        self.insert(folder, path.name(), node)
    }

    /// Takes what is at a path out of its folder.
    fn take(&mut self, path: &VPath) -> Result<NodeId, StorageError> {
        let parent = self.lookup(&path.parent().ok_or(NOT_FOUND)?)?;
        self.detach(parent, path.name())
    }

    /// Puts a node under a name, instead of whatever is there.
    fn insert(&mut self, folder: NodeId, name: &[u8], node: NodeId) -> Result<(), StorageError> {
        let old = self.children_mut(folder)?.insert(name.into(), node);
        let now = self.tick();
        self.nodes[folder].touch(now);
        self.watchers.tell(folder, name);
        old.into_iter().for_each(|old| self.watchers.tell_gone(old));
        Ok(())
    }

    /// Takes what is under a name out of its folder.
    fn detach(&mut self, folder: NodeId, name: &[u8]) -> Result<NodeId, StorageError> {
        let now = self.tick();
        let node = self.children_mut(folder)?.remove(name).ok_or(NOT_FOUND)?;
        self.nodes[folder].touch(now);
        self.watchers.tell(folder, name);
        self.watchers.tell_gone(node);
        Ok(node)
    }

    /// The node at a path, for those who build: links are not followed and nothing is hidden.
    fn lookup(&self, path: &VPath) -> Result<NodeId, StorageError> {
        path.segments().try_fold(ROOT, |folder, name| self.children(folder)?.get(name).copied().ok_or(NOT_FOUND))
    }

    /// The node under a name in a folder, as whoever asks from outside may see it.
    fn child(&self, folder: NodeId, name: &[u8]) -> Result<NodeId, StorageError> {
        let children = self.children(folder)?;
        if self.nodes[folder].denied {
            return Err(DENIED);
        }
        if is_state_folder_name(name) {
            return Err(NOT_FOUND);
        }
        children.get(name).copied().ok_or(NOT_FOUND)
    }

    /// Goes where the trail leads, following each link that it meets.
    fn walk(&self, mut place: Place, mut trail: Trail) -> Result<Place, Lost> {
        while let Some(step) = trail.step() {
            if !matches!(self.nodes[place.node()].body, Body::Folder(_)) {
                return Err(Lost::at(&step, NOT_FOLDER));
            }
            match &*step.name {
                b"" | b"." => {}
                b".." => place.pop()?,
                name => {
                    let node = self.child(place.node(), name).map_err(|error| Lost::at(&step, error))?;
                    match &self.nodes[node].body {
                        Body::Link(target) if target.starts_with(b"/") => {
                            let inside = below_root(MEMORY_ROOT, target).ok_or(Lost::Escapes)?;
                            trail.follow(&inside)?;
                            place = Place::root();
                        }
                        Body::Link(target) => trail.follow(target)?,
                        _ => place.push(name, node),
                    }
                }
            }
        }
        Ok(place)
    }

    /// A node of that folder, as a listing has it.
    fn describe(&self, folder: &Place, node: NodeId, path: VPath) -> Entry {
        let Body::Link(target) = &self.nodes[node].body else {
            return self.entry(node, path, None);
        };
        match self.resolve(folder, target) {
            Ok((end, target)) => self.entry(end, path, Some(Link::Inside(target))),
            Err(lost) => {
                let modified = self.nodes[node].modified;
                let link = Some(lost.link());
                Entry { path, kind: Kind::Other, size: 0, modified, executable: false, link, etag: None }
            }
        }
    }

    /// Where a link of that folder ends, and its target as seen from the folder.
    fn resolve(&self, folder: &Place, target: &[u8]) -> Result<(NodeId, Vec<u8>), Lost> {
        let end = self.end_of_link(folder, target)?.node();
        if !target.starts_with(b"/") {
            return Ok((end, target.to_vec()));
        }
        let inside = below_root(MEMORY_ROOT, target).ok_or(Lost::Escapes)?;
        Ok((end, seen_from(folder.names.iter().map(|name| &**name), &inside)))
    }

    /// Where a link of that folder ends.
    fn end_of_link(&self, folder: &Place, target: &[u8]) -> Result<Place, Lost> {
        if !target.starts_with(b"/") {
            return self.walk(folder.clone(), Trail::of_link(target));
        }
        let inside = below_root(MEMORY_ROOT, target).ok_or(Lost::Escapes)?;
        self.walk(Place::root(), Trail::of_link(&inside))
    }

    fn entry(&self, id: NodeId, path: VPath, link: Option<Link>) -> Entry {
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

    fn etag(&self, id: NodeId) -> ETag {
        let node = &self.nodes[id];
        let mut hash = Sha256::new_with_prefix(b"memory-1");
        hash.update((id as u64).to_le_bytes());
        hash.update(node.version.to_le_bytes());
        hash.update(node.modified.0.to_le_bytes());
        let mut etag = [0; 16];
        etag.copy_from_slice(&hash.finalize()[..16]);
        ETag(etag)
    }

    fn children(&self, folder: NodeId) -> Result<&BTreeMap<Box<[u8]>, NodeId>, StorageError> {
        match &self.nodes[folder].body {
            Body::Folder(children) => Ok(children),
            _ => Err(NOT_FOLDER),
        }
    }

    fn children_mut(&mut self, folder: NodeId) -> Result<&mut BTreeMap<Box<[u8]>, NodeId>, StorageError> {
        match &mut self.nodes[folder].body {
            Body::Folder(children) => Ok(children),
            _ => Err(NOT_FOLDER),
        }
    }
}

impl Node {
    fn touch(&mut self, now: Timestamp) {
        self.modified = now;
        self.version += 1;
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> usize {
        let content = self.content();
        let start = usize::try_from(offset).map_or(content.len(), |offset| offset.min(content.len()));
        let count = buffer.len().min(content.len() - start);
        buffer[..count].copy_from_slice(&content[start..start + count]);
        count
    }

    fn content(&self) -> &[u8] {
        match &self.body {
            Body::File(content) => content,
            _ => &[],
        }
    }
}

fn parse(path: &[u8]) -> Result<VPath, StorageError> {
    VPath::from_bytes(path).map_err(|_| StorageError::new(ErrorCode::BadPath, "building a tree"))
}
