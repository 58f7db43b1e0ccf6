//! Walking a directory tree without ever leaving it, whatever the operating system. It sees names and handles only
//! through [`Folder`]; what links may do is decided here and in `links`, once for all systems.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use shared::columns::Row;
use shared::{ETag, Entry, ErrorCode, Link, Timestamp, TrashId, UploadId, VPath};

use super::disk::{DiskFile, Folder, Node, SyncFolder, read_full};
use super::metadata::{Identity, Metadata, Shape};
use super::syncing::Syncs;
use super::vault::Vault;
use super::writing::Locks;
use crate::storage::links::{Lost, Trail, below_root, seen_from};
use crate::storage::{
    Attributes, Expected, FolderState, OpenFile, Published, Staged, Storage, StorageError, TrashItem, Visit,
    WatchEvent, WatchHandle, is_state_folder_name,
};

/// A directory tree, seen from its root.
pub(super) struct Tree<F: Folder> {
    pub(super) root: Arc<F>,
    facts: RootFacts,
    /// The server's own folder, once something was written.
    pub(super) vault: Mutex<Option<Arc<Vault<F>>>>,
    pub(super) locks: Locks,
    pub(super) syncs: Syncs,
}

/// What is known of a root besides its handle.
#[derive(Default)]
pub(super) struct RootFacts {
    /// Absolute paths of the root, for absolute links: the canonical one, and the one that was given.
    pub(super) root_paths: Vec<Vec<u8>>,
    /// A folder that is never shown, beside those with the reserved name.
    pub(super) hidden: Option<Identity>,
    /// False if only a walk that sees each folder can tell what lies in the hidden one.
    pub(super) may_descend: bool,
    /// Where the root is in the whole system, for the one thing that wants a path: watching, on some systems.
    pub(super) canonical: PathBuf,
}

/// Where a walk stands: the folders below the root, outermost first. `..` goes back along them and so cannot climb
/// above the root, however folders are moved meanwhile.
pub(super) struct Place<F> {
    root: Arc<F>,
    below: Vec<(Arc<F>, Box<[u8]>)>,
}

impl<F> Clone for Place<F> {
    fn clone(&self) -> Self {
        Self { root: Arc::clone(&self.root), below: self.below.clone() }
    }
}

impl<F> Place<F> {
    pub(super) fn folder(&self) -> &F {
        self.below.last().map_or(&self.root, |(folder, _)| folder)
    }

    fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.below.iter().map(|(_, name)| &**name)
    }

    /// How many folders below the root it is.
    pub(super) fn depth(&self) -> usize {
        self.below.len()
    }
}

impl<F: Folder> Place<F> {
    /// What tells the folder from every other.
    pub(super) fn identity(&self) -> Result<Identity, StorageError> {
        let metadata = self.folder().metadata().map_err(|error| refusal(error, "asking about a folder"))?;
        Ok(metadata.identity)
    }

    /// See [`Folder::ready_to_sync`].
    pub(super) fn ready_to_sync(&self) -> Result<SyncFolder, StorageError> {
        self.folder().ready_to_sync().map_err(|error| refusal(error, "making ready to sync a folder"))
    }

    /// True if that folder is this one or one above it.
    pub(super) fn passes(&self, folder: &Identity) -> Result<bool, StorageError> {
        for (above, _) in &self.below {
            let metadata = above.metadata().map_err(|error| refusal(error, "asking about a folder"))?;
            if metadata.identity == *folder {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Where a walk ended.
pub(super) enum End<F: Folder> {
    Folder(Place<F>),
    Leaf(Found<F>, Place<F>),
}

/// Something that is no folder, at the end of a walk.
pub(super) struct Found<F: Folder> {
    /// Under which name in the last folder, or under which path below the root.
    pub(super) name: Box<[u8]>,
    leaf: F::Leaf,
    pub(super) metadata: Metadata,
}

impl<F: Folder> Tree<F> {
    pub(super) fn new(root: F, facts: RootFacts) -> Self {
        Self { root: Arc::new(root), facts, vault: Mutex::default(), locks: Locks::default(), syncs: Syncs::default() }
    }

    fn root_place(&self) -> Place<F> {
        Place { root: Arc::clone(&self.root), below: Vec::new() }
    }

    /// Goes where the trail leads, following each link that it meets.
    pub(super) fn walk(&self, mut place: Place<F>, mut trail: Trail) -> Result<End<F>, Lost> {
        let mut found: Option<Found<F>> = None;
        while let Some(step) = trail.step() {
            if found.is_some() {
                return Err(Lost::at(&step, not_folder()));
            }
            match &*step.name {
                b"" | b"." => {}
                b".." => {
                    place.below.pop().ok_or(Lost::Escapes)?;
                }
                name => match self.child(place.folder(), name).map_err(|error| Lost::at(&step, error))? {
                    Node::Folder(folder, _) => place.below.push((Arc::new(folder), step.name)),
                    Node::Leaf(leaf, metadata) => found = Some(Found { name: step.name, leaf, metadata }),
                    Node::Link => {
                        let target =
                            place.folder().link_target(name).map_err(|error| Lost::at(&step, vanished(error)))?;
                        match self.inside(&target)? {
                            None => trail.follow(&target)?,
                            Some(inside) => {
                                trail.follow(&inside)?;
                                place.below.clear();
                            }
                        }
                    }
                },
            }
        }
        Ok(match found {
            Some(found) => End::Leaf(found, place),
            None => End::Folder(place),
        })
    }

    /// What stands under a name, unless it is hidden.
    fn child(&self, folder: &F, name: &[u8]) -> Result<Node<F>, StorageError> {
        if is_state_folder_name(name) {
            return Err(not_found());
        }
        let node = folder.child(name).map_err(|error| refusal(error, "looking a name up"))?;
        self.unless_hidden(node)
    }

    fn unless_hidden(&self, node: Node<F>) -> Result<Node<F>, StorageError> {
        match &node {
            Node::Folder(_, metadata) if self.is_hidden(metadata) => Err(not_found()),
            _ => Ok(node),
        }
    }

    pub(super) fn is_hidden(&self, metadata: &Metadata) -> bool {
        self.facts.hidden == Some(metadata.identity)
    }

    /// Where an absolute target leads, seen from the root; none for a relative one.
    fn inside(&self, target: &[u8]) -> Result<Option<Vec<u8>>, Lost> {
        if !is_absolute(target) {
            return Ok(None);
        }
        let below = self.facts.root_paths.iter().find_map(|root| below_root(root, target));
        below.map(Some).ok_or(Lost::Escapes)
    }

    /// False if a folder of another name than the reserved one is hidden.
    pub(super) fn names_tell_what_is_hidden(&self) -> bool {
        self.facts.may_descend
    }

    /// False if the walk must look at each name of a path.
    fn may_descend(&self, path: &VPath) -> bool {
        self.facts.may_descend && !path.segments().any(is_state_folder_name)
    }

    /// The end of a path on which there is no link, in one go; none if the walk must look.
    fn descend(&self, path: &VPath) -> Result<Option<Node<F>>, StorageError> {
        if !self.may_descend(path) {
            return Ok(None);
        }
        let node = self.root.descend(path).map_err(|error| refusal(error, "following a path"))?;
        node.map(|node| self.unless_hidden(node)).transpose()
    }

    /// The same without waiting; none where anything is in the way of it.
    fn try_descend(&self, path: &VPath) -> Option<Node<F>> {
        let node = self.may_descend(path).then(|| self.root.try_descend(path))??;
        self.unless_hidden(node).ok()
    }

    /// The folder that holds the path; none for the root.
    pub(super) fn parent(&self, path: &VPath) -> Result<Option<Place<F>>, StorageError> {
        path.parent().map(|parent| self.folder_place(&parent)).transpose()
    }

    /// The folder at a path.
    pub(super) fn folder_place(&self, path: &VPath) -> Result<Place<F>, StorageError> {
        match self.walk(self.root_place(), Trail::along(path))? {
            End::Folder(place) => Ok(place),
            End::Leaf(..) => Err(not_folder()),
        }
    }

    pub(super) fn root_entry(&self) -> Result<Entry, StorageError> {
        let metadata = self.root.metadata().map_err(|error| refusal(error, "asking about the root"))?;
        Ok(metadata.entry(VPath::root(), None))
    }

    /// Where a link of that folder ends, and its target as seen from the folder.
    pub(super) fn end_of_link(&self, place: &Place<F>, name: &[u8]) -> Result<(End<F>, Vec<u8>), Lost> {
        let target = place.folder().link_target(name).map_err(|error| Lost::Refused(vanished(error)))?;
        Ok(match self.inside(&target)? {
            None => (self.walk(place.clone(), Trail::of_link(&target))?, target),
            Some(inside) => {
                let end = self.walk(self.root_place(), Trail::of_link(&inside))?;
                (end, seen_from(place.names(), &inside))
            }
        })
    }

    /// What a link of that folder leads to, and its target as seen from the folder.
    pub(super) fn resolve(&self, place: &Place<F>, name: &[u8]) -> Result<(Metadata, Vec<u8>), Lost> {
        let (end, target) = self.end_of_link(place, name)?;
        let metadata = match end {
            End::Leaf(found, _) => found.metadata,
            End::Folder(place) => place.folder().metadata().map_err(|error| Lost::Refused(vanished(error)))?,
        };
        Ok((metadata, target))
    }

    /// A link of that folder, as a listing has it.
    pub(super) fn describe_link(&self, place: &Place<F>, path: VPath, own: &Metadata) -> Entry {
        match self.resolve(place, path.name()) {
            Ok((metadata, target)) => metadata.entry(path, Some(Link::Inside(target))),
            Err(lost) => own.link_entry(path, lost.link()),
        }
    }

    /// One entry of a listing; none if it vanished, is hidden or lies too deep to be named in a request.
    fn describe(&self, place: &Place<F>, path: &VPath, name: &[u8]) -> Option<Entry> {
        self.row(place, name)?.entry(path)
    }

    fn open_found(&self, folder: &F, found: Found<F>, entry: Entry) -> Result<Box<dyn OpenFile>, StorageError> {
        if found.metadata.shape != Shape::File {
            return Err(StorageError::new(ErrorCode::NotRegular, "opening a special file"));
        }
        let file = folder.open_leaf(&found.name, found.leaf, &found.metadata)?;
        Ok(Box::new(LocalFile::<F> { file, entry, opened: found.metadata }))
    }
}

impl<F: Folder> Storage for Tree<F> {
    fn stat(&self, path: &VPath) -> Result<Entry, StorageError> {
        if let Some(Node::Folder(_, metadata) | Node::Leaf(_, metadata)) = self.descend(path)? {
            return Ok(metadata.entry(path.clone(), None));
        }
        let Some(place) = self.parent(path)? else { return self.root_entry() };
        match self.child(place.folder(), path.name())? {
            Node::Folder(_, metadata) | Node::Leaf(_, metadata) => Ok(metadata.entry(path.clone(), None)),
            Node::Link => {
                let own = place.folder().metadata_of(path.name()).map_err(vanished)?;
                Ok(self.describe_link(&place, path.clone(), &own))
            }
        }
    }

    fn list(&self, path: &VPath, visit: &mut dyn FnMut(Entry) -> Visit) -> Result<(), StorageError> {
        let place = self.folder_place(path)?;
        let read = place.folder().names(&mut |name| match self.describe(&place, path, name) {
            Some(entry) => visit(entry),
            None => Visit::Continue,
        });
        read.map_err(|error| refusal(error, "reading a folder"))
    }

    fn list_names(
        &self,
        folder: &VPath,
        visit: &mut dyn FnMut(&[u8], bool) -> Visit,
    ) -> Result<Option<FolderState>, StorageError> {
        self.visit_names(folder, visit)
    }

    fn stat_names<'n>(
        &self,
        folder: &VPath,
        names: &mut dyn Iterator<Item = &'n [u8]>,
        visit: &mut dyn FnMut(usize, Row<'n>) -> Visit,
    ) -> Result<Option<FolderState>, StorageError> {
        self.visit_rows(folder, names, visit)
    }

    fn open(&self, path: &VPath) -> Result<Box<dyn OpenFile>, StorageError> {
        match self.descend(path)? {
            Some(Node::Leaf(leaf, metadata)) => {
                let found = Found { name: path.as_bytes().into(), leaf, metadata };
                return self.open_found(&self.root, found, metadata.entry(path.clone(), None));
            }
            Some(Node::Folder(..)) => return Err(is_folder()),
            Some(Node::Link) | None => {}
        }
        let place = self.parent(path)?.ok_or_else(is_folder)?;
        let (end, link) = match self.child(place.folder(), path.name())? {
            Node::Folder(..) => return Err(is_folder()),
            Node::Leaf(leaf, metadata) => (End::Leaf(Found { name: path.name().into(), leaf, metadata }, place), None),
            Node::Link => {
                let (end, shown) = self.end_of_link(&place, path.name())?;
                (end, Some(Link::Inside(shown)))
            }
        };
        match end {
            End::Folder(_) => Err(is_folder()),
            End::Leaf(found, place) => {
                let entry = found.metadata.entry(path.clone(), link);
                self.open_found(place.folder(), found, entry)
            }
        }
    }

    fn try_stat(&self, path: &VPath) -> Option<Entry> {
        match self.try_descend(path)? {
            Node::Folder(_, metadata) | Node::Leaf(_, metadata) => Some(metadata.entry(path.clone(), None)),
            Node::Link => None,
        }
    }

    fn try_open(&self, path: &VPath) -> Option<Box<dyn OpenFile>> {
        let Node::Leaf(leaf, metadata) = self.try_descend(path)? else { return None };
        let found = Found { name: path.as_bytes().into(), leaf, metadata };
        self.open_found(&self.root, found, metadata.entry(path.clone(), None)).ok()
    }

    fn stage(&self, id: UploadId) -> Result<Box<dyn Staged>, StorageError> {
        Ok(Box::new(self.make_staged(id)?))
    }

    fn staged(&self, id: UploadId) -> Result<Box<dyn Staged>, StorageError> {
        Ok(Box::new(self.open_staged(id)?))
    }

    fn list_staged(&self) -> Result<Vec<UploadId>, StorageError> {
        self.staged_ids()
    }

    fn unstage(&self, id: UploadId) -> Result<(), StorageError> {
        self.remove_staged(id)
    }

    fn publish(
        &self,
        id: UploadId,
        target: &VPath,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Result<Published, StorageError> {
        self.publish_staged(id, target, expected, attributes)
    }

    fn store(
        &self,
        id: UploadId,
        bytes: &[u8],
        target: &VPath,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Result<Published, StorageError> {
        self.store_whole(id, bytes, target, expected, attributes)
    }

    fn make_folder(&self, path: &VPath) -> Result<Entry, StorageError> {
        self.make_new_folder(path)
    }

    fn make_link(&self, path: &VPath, target: &[u8]) -> Result<Entry, StorageError> {
        self.make_new_link(path, target)
    }

    fn rename(
        &self,
        from: &VPath,
        from_etag: Option<ETag>,
        to: &VPath,
        expected: &Expected,
    ) -> Result<Entry, StorageError> {
        self.rename_entry(from, from_etag, to, expected)
    }

    fn remove(&self, path: &VPath, etag: Option<ETag>) -> Result<(), StorageError> {
        self.remove_entry(path, etag)
    }

    fn trash(&self, path: &VPath, etag: Option<ETag>, id: TrashId, now: Timestamp) -> Result<(), StorageError> {
        self.trash_entry(path, etag, id, now)
    }

    fn list_trash(&self, visit: &mut dyn FnMut(TrashItem) -> Visit) -> Result<(), StorageError> {
        self.visit_trash(visit)
    }

    fn restore(&self, id: TrashId, to: &VPath) -> Result<Entry, StorageError> {
        self.restore_item(id, to)
    }

    fn purge(&self, id: TrashId, visit: &mut dyn FnMut() -> Visit) -> Result<(), StorageError> {
        self.purge_item(id, visit)
    }

    fn space(&self, folder: &VPath) -> Result<Option<u64>, StorageError> {
        self.space_in(folder)
    }

    fn watch(
        &self,
        folder: &VPath,
        notice: Box<dyn Fn(WatchEvent) + Send + Sync>,
    ) -> Result<Box<dyn WatchHandle>, StorageError> {
        let place = self.folder_place(folder)?;
        let path = place.names().fold(self.facts.canonical.clone(), |path, name| path.join(as_os(name)));
        let tell = move |told: WatchEvent| match &told {
            WatchEvent::Name(name) if is_state_folder_name(name) => {}
            _ => notice(told),
        };
        place.folder().watch(&path, Box::new(tell))
    }
}

/// A regular file that is open for reading.
struct LocalFile<F: Folder> {
    file: F::File,
    entry: Entry,
    opened: Metadata,
}

impl<F: Folder> OpenFile for LocalFile<F> {
    fn entry(&self) -> &Entry {
        &self.entry
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError> {
        read_full(&self.file, buffer, offset)
    }

    fn try_read_at(&self, buffer: &mut [u8], offset: u64) -> Option<usize> {
        self.file.try_read_at(buffer, offset)
    }

    fn etag_now(&self) -> Result<ETag, StorageError> {
        let now = F::metadata_of_file(&self.file).map_err(|error| refusal(error, "asking about an open file"))?;
        // What was told of the file when it was opened holds its validator already.
        let opened = self.entry.etag.filter(|_| now.same_content(&self.opened));
        Ok(opened.unwrap_or_else(|| now.etag()))
    }

    fn as_file(&self) -> Option<&File> {
        self.file.as_file()
    }
}

#[cfg(unix)]
pub(super) fn is_absolute(target: &[u8]) -> bool {
    target.starts_with(b"/")
}

/// Also with a drive alone (`C:x`), which is relative to something outside.
#[cfg(windows)]
pub(super) fn is_absolute(target: &[u8]) -> bool {
    target.starts_with(b"/") || target.get(1) == Some(&b':')
}

#[cfg(unix)]
fn as_os(name: &[u8]) -> &std::ffi::OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(name)
}

/// What is no text has no name here.
#[cfg(not(unix))]
fn as_os(name: &[u8]) -> &std::ffi::OsStr {
    str::from_utf8(name).unwrap_or_default().as_ref()
}

/// What the operating system's answer comes to; it has ways to refuse that [`StorageError::from_io`] does not know.
pub(super) fn refusal(error: io::Error, context: &'static str) -> StorageError {
    #[cfg(unix)]
    match rustix::io::Errno::from_io_error(&error) {
        // Bytes that the file system takes for no name.
        Some(rustix::io::Errno::ILSEQ) => {
            return StorageError { code: ErrorCode::BadPath, context, source: Some(error) };
        }
        // We never ask for a link to be followed, so there was none a moment ago.
        Some(rustix::io::Errno::LOOP) => return exchanged(),
        _ => {}
    }
    StorageError::from_io(error, context)
}

/// What stands under the name is not what was looked at.
pub(super) fn exchanged() -> StorageError {
    StorageError::new(ErrorCode::Changed, "the file was exchanged while it was opened")
}

/// A link that was there a moment ago is none any more.
fn vanished(error: io::Error) -> StorageError {
    let code = match error.kind() {
        io::ErrorKind::InvalidInput => ErrorCode::NotFound,
        _ => return refusal(error, "reading a link"),
    };
    StorageError { code, context: "reading a link", source: Some(error) }
}

pub(super) fn not_found() -> StorageError {
    StorageError::new(ErrorCode::NotFound, "looking a name up")
}

fn not_folder() -> StorageError {
    StorageError::new(ErrorCode::NotFolder, "a file stands where a folder is needed")
}

fn is_folder() -> StorageError {
    StorageError::new(ErrorCode::IsFolder, "opening a folder as a file")
}
