//! The absolute path of the root and of the server's state directory: used to open the root, and afterwards only to check
//! that it is still there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shared::ErrorCode;

use super::platform::{Dir, Identity};
use super::tree::{RootFacts, Tree};
use crate::storage::{Storage, StorageError, is_state_folder_name};

/// Where the root and a directory to hide in it are.
pub(super) struct RootPath {
    canonical: PathBuf,
    root_paths: Vec<Vec<u8>>,
    hidden: Option<PathBuf>,
}

impl RootPath {
    /// Resolves both paths.
    ///
    /// # Errors
    /// [`ErrorCode::NotFolder`] if the root is no directory, and errors of the system.
    pub(super) fn find(root: &Path, hidden: Option<&Path>) -> Result<Self, StorageError> {
        let canonical = root.canonicalize().map_err(open_error)?;
        if !canonical.is_dir() {
            return Err(StorageError::new(ErrorCode::NotFolder, "the path to serve is no directory"));
        }
        let hidden = hidden.map(find_hidden).transpose()?.flatten();
        Ok(Self { root_paths: root_paths(root, &canonical), hidden, canonical })
    }

    #[cfg(target_os = "linux")]
    pub(super) fn canonical(&self) -> &Path {
        &self.canonical
    }

    /// Opens the tree by the directory handles that `open` makes.
    pub(super) fn open_tree<D: Dir>(
        &self,
        open: impl Fn(&Path) -> io::Result<D> + Send + Sync + 'static,
    ) -> Result<Arc<dyn Storage>, StorageError> {
        let root = open(&self.canonical).map_err(open_error)?;
        let identity = |path: &PathBuf| -> io::Result<Identity> { Ok(open(path)?.metadata()?.identity) };
        let hidden = self.hidden.as_ref().map(identity).transpose();
        let hidden = hidden.map_err(|error| StorageError::from_io(error, "opening the state directory"))?;
        // What is mounted over the directory inside the root hides it from every path of the tree.
        let is_absent =
            |found: &io::Result<_>| found.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        let above_hidden = self.above_hidden().iter().map(identity).filter(|found| !is_absent(found)).collect();
        let above_hidden: io::Result<Vec<_>> = above_hidden;
        let above_hidden =
            above_hidden.map_err(|error| StorageError::from_io(error, "looking at the state directory"))?;
        let facts = RootFacts {
            root_paths: self.root_paths.clone(),
            hidden,
            above_hidden,
            hidden_by_name: self.is_hidden_by_name(),
            canonical: self.canonical.clone(),
        };
        let path = self.canonical.clone();
        Ok(Arc::new(Tree::reopening(root, facts, move || open(&path))))
    }

    /// The paths of the folders between the root and the hidden directory.
    fn above_hidden(&self) -> Vec<PathBuf> {
        let Some(hidden) = self.hidden_below_root() else { return Vec::new() };
        let above = hidden.ancestors().skip(1).take_while(|folder| *folder != self.canonical);
        above.map(Path::to_path_buf).collect()
    }

    /// The hidden directory as a path below the root; `None` if it is outside.
    fn hidden_below_root(&self) -> Option<PathBuf> {
        let hidden = self.hidden.as_ref()?;
        if hidden.starts_with(&self.canonical) {
            return Some(hidden.clone());
        }
        Some(self.canonical.join(self.below_on_disk(hidden).ok()??))
    }

    /// False if the hidden directory lies inside and is recognised by its identity alone. A folder above it may be
    /// renamed, so no path tells what lies in it.
    fn is_hidden_by_name(&self) -> bool {
        let Some(hidden) = &self.hidden else { return true };
        match hidden.strip_prefix(&self.canonical) {
            Ok(inner) => is_below_reserved_name(inner.as_os_str().as_encoded_bytes()),
            Err(_) => self.below_on_disk(hidden).is_ok_and(|inner| {
                inner.is_none_or(|inner| is_below_reserved_name(inner.as_os_str().as_encoded_bytes()))
            }),
        }
    }

    /// The path below the root of a directory that is reached by another path: a container may mount a folder that lies
    /// in the root at a second place.
    #[cfg(target_os = "linux")]
    fn below_on_disk(&self, hidden: &Path) -> io::Result<Option<PathBuf>> {
        use std::os::unix::ffi::OsStringExt;
        let inner = super::platform::below_on_disk(&self.canonical, hidden)?;
        Ok(inner.map(|inner| std::ffi::OsString::from_vec(inner).into()))
    }

    /// Here each folder on the way is looked at in any case.
    #[cfg(not(target_os = "linux"))]
    fn below_on_disk(&self, _hidden: &Path) -> io::Result<Option<PathBuf>> {
        Ok(None)
    }
}

fn is_below_reserved_name(path: &[u8]) -> bool {
    path.split(|&byte| byte == b'/' || byte == std::path::MAIN_SEPARATOR as u8).any(is_state_folder_name)
}

/// The canonical path of the state directory; `None` if it does not exist yet and its name will hide it.
fn find_hidden(path: &Path) -> Result<Option<PathBuf>, StorageError> {
    let reserved = path.file_name().is_some_and(|name| is_state_folder_name(name.as_encoded_bytes()));
    match path.canonicalize() {
        Ok(path) => Ok(Some(path)),
        Err(error) if reserved && error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StorageError::from_io(error, "looking for the state directory")),
    }
}

fn open_error(error: io::Error) -> StorageError {
    StorageError::from_io(error, "opening the directory to serve")
}

/// The absolute paths of the root that a link may begin with.
#[cfg(unix)]
fn root_paths(configured: &Path, canonical: &Path) -> Vec<Vec<u8>> {
    let mut paths = vec![canonical.as_os_str().as_encoded_bytes().to_vec()];
    if let Ok(configured) = std::path::absolute(configured) {
        let bytes = configured.as_os_str().as_encoded_bytes();
        // What a path with `..` means depends on the links in it.
        if configured != canonical && !bytes.split(|&byte| byte == b'/').any(|segment| segment == b"..") {
            paths.push(bytes.to_vec());
        }
    }
    paths
}

/// Empty on Windows: one path has too many spellings (short names, drives, `\\?\`) to compare them safely.
#[cfg(not(unix))]
fn root_paths(_configured: &Path, _canonical: &Path) -> Vec<Vec<u8>> {
    Vec::new()
}
