//! The folder that a download writes to, and the folders below it. Each is opened by its name in the one above and never
//! through a link, so that nothing of the server's choosing leads outside. It knows nothing of the network.

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

/// How many folders are kept open; the next one closes them all.
const OPEN_MAX: usize = 64;

/// A folder and what is below it.
pub(super) struct Folders {
    base: Arc<Dir>,
    open: Mutex<HashMap<VPath, Arc<Dir>>>,
}

impl Folders {
    /// Makes the folder, if it is not there, with those above it. Here links are followed: a person named it.
    pub(super) fn make_base(base: &Path) -> io::Result<Self> {
        Dir::create_ambient_dir_all(base, ambient_authority())?;
        let base = Dir::open_ambient_dir(base, ambient_authority())?;
        Ok(Self { base: Arc::new(base), open: Mutex::default() })
    }

    /// Makes the folder at that path, if it is not there; the one above must be. True if it was made.
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
        let folder = parent.open_dir_nofollow(&name).map_err(|error| in_the_way(&parent, &name, error))?;
        let folder = Arc::new(folder);
        let mut open = self.lock();
        if open.len() >= OPEN_MAX {
            open.clear();
        }
        open.insert(local.clone(), Arc::clone(&folder));
        Ok(folder)
    }

    /// The folder that holds the path, and the last name in it.
    pub(super) fn parent(&self, local: &VPath) -> io::Result<(Arc<Dir>, std::ffi::OsString)> {
        let parent = local.parent().ok_or_else(|| io::Error::from(ErrorKind::IsADirectory))?;
        Ok((self.folder(&parent)?, system_name(local)?))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<VPath, Arc<Dir>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What stands under a name; a link is not followed.
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
    local_name(local.name()).map_err(|unfit| io::Error::new(ErrorKind::InvalidFilename, unfit.sentence()))
}

/// What the system says of a link where a folder is wanted differs from one to the next, and says little.
fn in_the_way(parent: &Dir, name: &OsStr, error: io::Error) -> io::Error {
    let sentence = match existing(parent, name) {
        Ok(Existing::Link) => "a link is in the way, and links are not followed below the destination",
        Ok(Existing::File { .. } | Existing::Other) => "something that is no folder is in the way",
        _ => return error,
    };
    io::Error::new(ErrorKind::NotADirectory, sentence)
}
