//! Walking a directory tree without ever leaving it, whatever the operating system. It sees names and handles only
//! through [`Folder`]; what links may do is decided here and in `links`, once for all systems.

use std::fs::File;
use std::io;
use std::sync::Arc;

use shared::{ETag, Entry, ErrorCode, Link, VPath};

use super::metadata::{Identity, Metadata, Shape, unreadable};
use crate::storage::links::{Lost, Trail, below_root, seen_from};
use crate::storage::{OpenFile, Storage, StorageError, Visit, is_state_folder_name};

/// An open directory, and what a system must be able to do with one: take one name at a time and never follow a link.
pub(super) trait Folder: Send + Sync + Sized + 'static {
    /// Something that is neither folder nor link, found but not opened.
    type Leaf;

    /// What stands under that name.
    fn child(&self, name: &[u8]) -> io::Result<Node<Self>>;

    /// Of the folder itself.
    fn metadata(&self) -> io::Result<Metadata>;

    /// Of what stands under that name.
    fn metadata_of(&self, name: &[u8]) -> io::Result<Metadata>;

    /// The target of the link under that name, with `/` between segments.
    fn link_target(&self, name: &[u8]) -> io::Result<Vec<u8>>;

    /// Each name in the folder but `.` and `..`.
    fn names(&self, visit: &mut dyn FnMut(&[u8]) -> Visit) -> io::Result<()>;

    /// Opens for reading the regular file that was found under that name (or that path, by [`Folder::descend`]), and
    /// no other.
    fn open_leaf(&self, name: &[u8], leaf: Self::Leaf, seen: &Metadata) -> Result<File, StorageError>;

    /// Of an open file.
    fn metadata_of_file(file: &File) -> io::Result<Metadata>;

    /// What stands at the end of a path on which there is no link, in one go. None where the system has no such call
    /// or met a link: then it is for the walk to decide.
    fn descend(&self, _path: &VPath) -> io::Result<Option<Node<Self>>> {
        Ok(None)
    }
}

/// What stands under a name.
pub(super) enum Node<F: Folder> {
    Folder(F, Metadata),
    Link,
    Leaf(F::Leaf, Metadata),
}

/// A directory tree, seen from its root.
pub(super) struct Tree<F> {
    root: Arc<F>,
    /// Absolute paths of the root, for absolute links: the one that was given, and the canonical one.
    root_paths: Vec<Vec<u8>>,
    /// A folder that is never shown, beside those with the reserved name.
    hidden: Option<Identity>,
    /// False if only a walk that sees each folder can tell what lies in the hidden one.
    may_descend: bool,
}

/// Where a walk stands: the folders below the root, outermost first. `..` goes back along them and so cannot climb
/// above the root, however folders are moved meanwhile.
struct Place<F> {
    root: Arc<F>,
    below: Vec<(Arc<F>, Box<[u8]>)>,
}

impl<F> Clone for Place<F> {
    fn clone(&self) -> Self {
        Self { root: Arc::clone(&self.root), below: self.below.clone() }
    }
}

impl<F> Place<F> {
    fn folder(&self) -> &F {
        self.below.last().map_or(&self.root, |(folder, _)| folder)
    }

    fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.below.iter().map(|(_, name)| &**name)
    }
}

/// Where a walk ended.
enum End<F: Folder> {
    Folder(Place<F>),
    Leaf(Found<F>, Place<F>),
}

/// Something that is no folder, at the end of a walk.
struct Found<F: Folder> {
    /// Under which name in the last folder, or under which path below the root.
    name: Box<[u8]>,
    leaf: F::Leaf,
    metadata: Metadata,
}

impl<F: Folder> Tree<F> {
    pub(super) fn new(root: F, root_paths: Vec<Vec<u8>>, hidden: Option<Identity>, may_descend: bool) -> Self {
        Self { root: Arc::new(root), root_paths, hidden, may_descend }
    }

    fn root_place(&self) -> Place<F> {
        Place { root: Arc::clone(&self.root), below: Vec::new() }
    }

    /// Goes where the trail leads, following each link that it meets.
    fn walk(&self, mut place: Place<F>, mut trail: Trail) -> Result<End<F>, Lost> {
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

    fn is_hidden(&self, metadata: &Metadata) -> bool {
        self.hidden == Some(metadata.identity)
    }

    /// Where an absolute target leads, seen from the root; none for a relative one.
    fn inside(&self, target: &[u8]) -> Result<Option<Vec<u8>>, Lost> {
        if !is_absolute(target) {
            return Ok(None);
        }
        let below = self.root_paths.iter().find_map(|root| below_root(root, target));
        below.map(Some).ok_or(Lost::Escapes)
    }

    /// The end of a path on which there is no link, in one go; none if the walk must look.
    fn descend(&self, path: &VPath) -> Result<Option<Node<F>>, StorageError> {
        if !self.may_descend || path.segments().any(is_state_folder_name) {
            return Ok(None);
        }
        let node = self.root.descend(path).map_err(|error| refusal(error, "following a path"))?;
        node.map(|node| self.unless_hidden(node)).transpose()
    }

    /// The folder that holds the path; none for the root.
    fn parent(&self, path: &VPath) -> Result<Option<Place<F>>, StorageError> {
        let Some(parent) = path.parent() else { return Ok(None) };
        match self.walk(self.root_place(), Trail::along(&parent))? {
            End::Folder(place) => Ok(Some(place)),
            End::Leaf(..) => Err(not_folder()),
        }
    }

    /// What a link of that folder leads to, and its target as seen from the folder.
    fn resolve(&self, place: &Place<F>, name: &[u8]) -> Result<(Metadata, Vec<u8>), Lost> {
        let target = place.folder().link_target(name).map_err(|error| Lost::Refused(vanished(error)))?;
        let (end, target) = match self.inside(&target)? {
            None => (self.walk(place.clone(), Trail::of_link(&target))?, target),
            Some(inside) => {
                let end = self.walk(self.root_place(), Trail::of_link(&inside))?;
                (end, seen_from(place.names(), &inside))
            }
        };
        let metadata = match end {
            End::Leaf(found, _) => found.metadata,
            End::Folder(place) => place.folder().metadata().map_err(|error| Lost::Refused(vanished(error)))?,
        };
        Ok((metadata, target))
    }

    /// A link of that folder, as a listing has it.
    fn describe_link(&self, place: &Place<F>, path: VPath, own: &Metadata) -> Entry {
        match self.resolve(place, path.name()) {
            Ok((metadata, target)) => metadata.entry(path, Some(Link::Inside(target))),
            Err(lost) => own.link_entry(path, lost.link()),
        }
    }

    /// One entry of a listing; none if it vanished, is hidden or lies too deep to be named in a request.
    fn describe(&self, place: &Place<F>, path: &VPath, name: &[u8]) -> Option<Entry> {
        if is_state_folder_name(name) {
            return None;
        }
        let path = path.join(name).ok()?;
        match place.folder().metadata_of(name) {
            Ok(metadata) if metadata.shape == Shape::Link => Some(self.describe_link(place, path, &metadata)),
            Ok(metadata) if self.is_hidden(&metadata) => None,
            Ok(metadata) => Some(metadata.entry(path, None)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(_) => Some(unreadable(path)),
        }
    }

    fn open_found(&self, folder: &F, found: Found<F>, entry: Entry) -> Result<Box<dyn OpenFile>, StorageError> {
        if found.metadata.shape != Shape::File {
            return Err(StorageError::new(ErrorCode::NotRegular, "opening a special file"));
        }
        let file = folder.open_leaf(&found.name, found.leaf, &found.metadata)?;
        Ok(Box::new(LocalFile::<F> { file, entry, opened: found.metadata, system: std::marker::PhantomData }))
    }
}

impl<F: Folder> Storage for Tree<F> {
    fn stat(&self, path: &VPath) -> Result<Entry, StorageError> {
        if let Some(Node::Folder(_, metadata) | Node::Leaf(_, metadata)) = self.descend(path)? {
            return Ok(metadata.entry(path.clone(), None));
        }
        let Some(place) = self.parent(path)? else {
            let metadata = self.root.metadata().map_err(|error| refusal(error, "asking about the root"))?;
            return Ok(metadata.entry(path.clone(), None));
        };
        match self.child(place.folder(), path.name())? {
            Node::Folder(_, metadata) | Node::Leaf(_, metadata) => Ok(metadata.entry(path.clone(), None)),
            Node::Link => {
                let own = place.folder().metadata_of(path.name()).map_err(vanished)?;
                Ok(self.describe_link(&place, path.clone(), &own))
            }
        }
    }

    fn list(&self, path: &VPath, visit: &mut dyn FnMut(Entry) -> Visit) -> Result<(), StorageError> {
        let End::Folder(place) = self.walk(self.root_place(), Trail::along(path))? else {
            return Err(not_folder());
        };
        let read = place.folder().names(&mut |name| match self.describe(&place, path, name) {
            Some(entry) => visit(entry),
            None => Visit::Continue,
        });
        read.map_err(|error| refusal(error, "reading a folder"))
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
                let target = place.folder().link_target(path.name()).map_err(vanished)?;
                let (start, target, shown) = match self.inside(&target)? {
                    None => (place, target.clone(), target),
                    Some(inside) => {
                        let shown = seen_from(place.names(), &inside);
                        (self.root_place(), inside, shown)
                    }
                };
                (self.walk(start, Trail::of_link(&target))?, Some(Link::Inside(shown)))
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
}

/// A regular file that is open for reading.
struct LocalFile<F> {
    file: File,
    entry: Entry,
    opened: Metadata,
    system: std::marker::PhantomData<fn() -> F>,
}

impl<F: Folder> OpenFile for LocalFile<F> {
    fn entry(&self) -> &Entry {
        &self.entry
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match read_once(&self.file, &mut buffer[filled..], offset.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(StorageError { code: ErrorCode::Io, context: "reading a file", source: Some(error) });
                }
            }
        }
        Ok(filled)
    }

    fn etag_now(&self) -> Result<ETag, StorageError> {
        let now = F::metadata_of_file(&self.file).map_err(|error| refusal(error, "asking about an open file"))?;
        Ok(if now.same_content(&self.opened) { self.opened.etag() } else { now.etag() })
    }

    fn as_file(&self) -> Option<&File> {
        Some(&self.file)
    }
}

#[cfg(unix)]
fn read_once(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    // Beyond what the system can count there is nothing to read.
    if i64::try_from(offset).is_err() {
        return Ok(0);
    }
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_once(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    if i64::try_from(offset).is_err() {
        return Ok(0);
    }
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(unix)]
fn is_absolute(target: &[u8]) -> bool {
    target.starts_with(b"/")
}

/// Also with a drive alone (`C:x`), which is relative to something outside.
#[cfg(windows)]
fn is_absolute(target: &[u8]) -> bool {
    target.starts_with(b"/") || target.get(1) == Some(&b':')
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

fn not_found() -> StorageError {
    StorageError::new(ErrorCode::NotFound, "looking a name up")
}

fn not_folder() -> StorageError {
    StorageError::new(ErrorCode::NotFolder, "a file stands where a folder is needed")
}

fn is_folder() -> StorageError {
    StorageError::new(ErrorCode::IsFolder, "opening a folder as a file")
}
