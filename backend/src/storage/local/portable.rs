//! Directory handles on every system that has a sandboxing walk of cap-std: macOS and Windows; on Linux for the tests.
//! Each name is looked up in an open directory, and what is opened is compared with what was looked up.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use cap_fs_ext::{DirExt, FollowSymlinks, MetadataExt as _, OpenOptionsFollowExt};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use shared::Timestamp;

use super::metadata::{Identity, Metadata, Shape};
use super::tree::{Folder, Node, exchanged, refusal};
use crate::storage::{STATE_FOLDER_NAME, StorageError, Visit};

/// How often a name is looked up again while somebody exchanges what stands under it.
const EXCHANGE_RETRIES: usize = 8;

/// An open directory.
pub(super) struct PortableFolder {
    handle: Dir,
}

impl PortableFolder {
    /// The only place where a path of the whole system is opened.
    pub(super) fn open_root(path: &Path) -> io::Result<Self> {
        Ok(Self { handle: Dir::open_ambient_dir(path, ambient_authority())? })
    }
}

impl PortableFolder {
    /// True for the state folder in this one by whatever name it was reached: file systems of macOS and Windows take
    /// several spellings for one name, and short names (`PASSER~1`) besides.
    fn is_state_folder(&self, seen: &Metadata) -> bool {
        self.metadata_of(STATE_FOLDER_NAME).is_ok_and(|state| state.identity == seen.identity)
    }
}

impl Folder for PortableFolder {
    type Leaf = ();

    fn child(&self, name: &[u8]) -> io::Result<Node<Self>> {
        let mut refused = io::Error::from(io::ErrorKind::NotFound);
        for _ in 0..EXCHANGE_RETRIES {
            let seen = self.metadata_of(name)?;
            match seen.shape {
                Shape::Link => return Ok(Node::Link),
                Shape::File | Shape::Other => return Ok(Node::Leaf((), seen)),
                Shape::Folder if self.is_state_folder(&seen) => break,
                Shape::Folder => {}
            }
            let handle = match self.handle.open_dir_nofollow(Path::new(os_name(name)?)) {
                Ok(handle) => handle,
                // Either it may not be opened, or it is no folder any more.
                Err(error) => {
                    refused = error;
                    continue;
                }
            };
            let folder = Self { handle };
            let opened = folder.metadata()?;
            if opened.identity == seen.identity {
                return Ok(Node::Folder(folder, opened));
            }
        }
        Err(refused)
    }

    fn metadata(&self) -> io::Result<Metadata> {
        Ok(self.handle.dir_metadata()?.into())
    }

    fn metadata_of(&self, name: &[u8]) -> io::Result<Metadata> {
        Ok(self.handle.symlink_metadata(Path::new(os_name(name)?))?.into())
    }

    fn link_target(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        let target = self.handle.read_link_contents(Path::new(os_name(name)?))?;
        #[cfg(unix)]
        return Ok(std::os::unix::ffi::OsStringExt::into_vec(target.into_os_string()));
        #[cfg(not(unix))]
        target
            .to_str()
            .map(|target| target.replace('\\', "/").into_bytes())
            .ok_or_else(|| io::ErrorKind::InvalidFilename.into())
    }

    fn names(&self, visit: &mut dyn FnMut(&[u8]) -> Visit) -> io::Result<()> {
        for entry in self.handle.entries()? {
            let name = entry?.file_name();
            #[cfg(unix)]
            let bytes = Some(std::os::unix::ffi::OsStrExt::as_bytes(&*name));
            // A name with half a surrogate pair cannot be said in UTF-8, so it is left out.
            #[cfg(not(unix))]
            let bytes = name.to_str().map(str::as_bytes);
            if bytes.is_some_and(|bytes| visit(bytes) == Visit::Stop) {
                break;
            }
        }
        Ok(())
    }

    /// The little time between the look and the opening is covered thus: no link is followed, a FIFO would not block,
    /// and what is not the file that was seen is given back unread.
    fn open_leaf(&self, name: &[u8], (): (), seen: &Metadata) -> Result<File, StorageError> {
        let name = os_name(name).map_err(|error| refusal(error, "opening a file"))?;
        let mut options = OpenOptions::new();
        options.read(true).follow(FollowSymlinks::No);
        #[cfg(unix)]
        {
            use rustix::fs::OFlags;
            let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
            cap_std::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits() as i32);
        }
        let opened = self.handle.open_with(Path::new(name), &options);
        let file = opened.map_err(|error| refusal(error, "opening a file"))?.into_std();
        let now = Self::metadata_of_file(&file).map_err(|error| refusal(error, "asking about an open file"))?;
        if now.identity == seen.identity && now.shape == Shape::File { Ok(file) } else { Err(exchanged()) }
    }

    fn metadata_of_file(file: &File) -> io::Result<Metadata> {
        Ok(cap_std::fs::Metadata::from_file(file)?.into())
    }
}

impl From<cap_std::fs::Metadata> for Metadata {
    fn from(metadata: cap_std::fs::Metadata) -> Self {
        let kind = metadata.file_type();
        let shape = if kind.is_symlink() {
            Shape::Link
        } else if kind.is_dir() {
            Shape::Folder
        } else if kind.is_file() {
            Shape::File
        } else {
            Shape::Other
        };
        let identity = Identity { device: metadata.dev(), inode: metadata.ino() };
        let names = metadata.nlink();
        let (modified, changed, executable) = moments(&metadata);
        Self { shape, identity, size: metadata.len(), modified, changed, names, executable }
    }
}

#[cfg(unix)]
fn moments(metadata: &cap_std::fs::Metadata) -> (Timestamp, Timestamp, bool) {
    use cap_std::fs::MetadataExt;
    let modified = Timestamp::from_parts(metadata.mtime(), metadata.mtime_nsec() as u32);
    let changed = Timestamp::from_parts(metadata.ctime(), metadata.ctime_nsec() as u32);
    (modified, changed, metadata.mode() & 0o100 != 0)
}

#[cfg(windows)]
fn moments(metadata: &cap_std::fs::Metadata) -> (Timestamp, Timestamp, bool) {
    use cap_std::fs::MetadataExt;
    (from_filetime(metadata.last_write_time()), from_filetime(metadata.creation_time()), false)
}

/// Windows counts tenths of microseconds since 1601.
#[cfg(windows)]
fn from_filetime(ticks: u64) -> Timestamp {
    const TICKS_TO_1970: i64 = 116_444_736_000_000_000;
    Timestamp(i64::try_from(ticks).unwrap_or(i64::MAX).saturating_sub(TICKS_TO_1970).saturating_mul(100))
}

#[cfg(unix)]
fn os_name(name: &[u8]) -> io::Result<&OsStr> {
    Ok(std::os::unix::ffi::OsStrExt::from_bytes(name))
}

#[cfg(not(unix))]
fn os_name(name: &[u8]) -> io::Result<&OsStr> {
    match str::from_utf8(name) {
        Ok(text) if super::windows_names::is_plain(text) => Ok(OsStr::new(text)),
        _ => Err(io::ErrorKind::InvalidFilename.into()),
    }
}
