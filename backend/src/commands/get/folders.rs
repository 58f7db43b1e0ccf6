//! The folder that a download writes to, and the folders below it. Each is opened by its name in its parent and never
//! through a link, so that no name that the server chooses leads outside. Knows nothing of the network.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use cap_fs_ext::DirExt;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata};
use shared::{Timestamp, VPath};

use super::decide::Existing;
use super::names::local_name;

/// Maximum number of open folders. One more closes all others.
const OPEN_MAX: usize = 64;

/// The base folder, and a cache of open folders below it.
pub(super) struct Folders {
    base: Arc<Dir>,
    open: Mutex<HashMap<VPath, Arc<Dir>>>,
}

impl Folders {
    /// Makes and opens the base folder, with its parents. Links are followed, because the user named it.
    pub(super) fn make_base(base: &Path) -> io::Result<Self> {
        Dir::create_ambient_dir_all(base, ambient_authority())?;
        let base = Dir::open_ambient_dir(base, ambient_authority())?;
        Ok(Self { base: Arc::new(base), open: Mutex::default() })
    }

    /// Makes the folder at that path if it does not exist. Its parent must exist. True if it was made.
    pub(super) fn make(&self, local: &VPath) -> io::Result<bool> {
        let Some(parent) = local.parent() else { return Ok(false) };
        let name = system_name(local)?;
        let made = match self.folder(&parent)?.create_dir(&name) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error),
        };
        self.folder(local).map(|_| made)
    }

    /// The open folder at that path.
    pub(super) fn folder(&self, local: &VPath) -> io::Result<Arc<Dir>> {
        if let Some(folder) = self.lock().get(local) {
            return Ok(Arc::clone(folder));
        }
        let Some(parent) = local.parent() else { return Ok(Arc::clone(&self.base)) };
        let parent = self.folder(&parent)?;
        let name = system_name(local)?;
        let folder = parent.open_dir_nofollow(&name).map_err(|error| explain(&parent, &name, error))?;
        let folder = Arc::new(folder);
        let mut open = self.lock();
        if open.len() >= OPEN_MAX {
            open.clear();
        }
        open.insert(local.clone(), Arc::clone(&folder));
        Ok(folder)
    }

    /// The open parent of the path, and the name in it.
    pub(super) fn parent(&self, local: &VPath) -> io::Result<(Arc<Dir>, std::ffi::OsString)> {
        let parent = local.parent().ok_or_else(|| io::Error::from(ErrorKind::IsADirectory))?;
        Ok((self.folder(&parent)?, system_name(local)?))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<VPath, Arc<Dir>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The entry of that name. A link is not followed.
pub(super) fn existing(folder: &Dir, name: &OsStr) -> io::Result<Existing> {
    let metadata = match folder.symlink_metadata(name) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Existing::Nothing),
        Err(error) => return Err(error),
    };
    let kind = metadata.file_type();
    Ok(if kind.is_symlink() {
        Existing::Link
    } else if kind.is_dir() {
        Existing::Folder
    } else if kind.is_file() {
        Existing::File { size: metadata.len(), modified: modified(&metadata)? }
    } else {
        Existing::Other
    })
}

fn modified(metadata: &Metadata) -> io::Result<Timestamp> {
    let time = metadata.modified()?.into_std();
    let nanoseconds = |span: std::time::Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    Ok(Timestamp(match time.duration_since(std::time::UNIX_EPOCH) {
        Ok(after) => nanoseconds(after),
        Err(before) => -nanoseconds(before.duration()),
    }))
}

fn system_name(local: &VPath) -> io::Result<std::ffi::OsString> {
    local_name(local.name()).map_err(|error| io::Error::new(ErrorKind::InvalidFilename, error.sentence()))
}

/// A clear sentence for a link or file in place of a folder: the error of the system differs between systems.
fn explain(parent: &Dir, name: &OsStr, error: io::Error) -> io::Error {
    let sentence = match existing(parent, name) {
        Ok(Existing::Link) => "a link is in the way, and links are not followed below the destination",
        Ok(Existing::File { .. } | Existing::Other) => "a file is in the way",
        _ => return error,
    };
    io::Error::new(ErrorKind::NotADirectory, sentence)
}
