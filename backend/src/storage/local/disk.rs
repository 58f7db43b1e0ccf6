//! The seam between what is decided and what a system does: an open directory and an open file, and the calls that
//! every system must have for them. Nothing is decided here, and no link is ever followed.

use std::fs::File;
use std::io;
use std::path::Path;

use shared::{ErrorCode, VPath};

use super::metadata::{Metadata, Shape};
use crate::storage::{Attributes, StorageError, Visit, WatchEvent, WatchHandle};

/// Makes what was done in a folder survive a crash.
pub(super) type SyncFolder = Box<dyn FnOnce() -> io::Result<()> + Send>;

/// What is called when something happens in a watched folder.
pub(super) type Tell = Box<dyn Fn(WatchEvent) + Send + Sync>;

/// An open directory, and what a system must be able to do with one: take one name at a time and never follow a link.
pub(super) trait Folder: Send + Sync + Sized + 'static {
    /// Something that is neither folder nor link, found but not opened.
    type Leaf;

    /// An open regular file.
    type File: DiskFile;

    /// A lock that no other process gets for as long as this lives.
    type Lock: Send + Sync;

    /// Whether a folder's metadata change whenever a name comes into it or leaves it.
    const TELLS_STATE: bool;

    /// What stands under that name.
    fn child(&self, name: &[u8]) -> io::Result<Node<Self>>;

    /// The folder under that name, whoever's it is; anything else is refused.
    fn open_folder(&self, name: &[u8]) -> io::Result<Self>;

    /// Of the folder itself.
    fn metadata(&self) -> io::Result<Metadata>;

    /// Of what stands under that name.
    fn metadata_of(&self, name: &[u8]) -> io::Result<Metadata>;

    /// The target of the link under that name, with `/` between segments.
    fn link_target(&self, name: &[u8]) -> io::Result<Vec<u8>>;

    /// Each name in the folder but `.` and `..`.
    fn names(&self, visit: &mut dyn FnMut(&[u8]) -> Visit) -> io::Result<()>;

    /// The same, with what the system says of each along with its name; none where it says nothing.
    fn typed_names(&self, visit: &mut dyn FnMut(&[u8], Option<Shape>) -> Visit) -> io::Result<()> {
        self.names(&mut |name| visit(name, None))
    }

    /// Opens for reading the regular file that was found under that name (or that path, by [`Folder::descend`]), and
    /// no other.
    fn open_leaf(&self, name: &[u8], leaf: Self::Leaf, seen: &Metadata) -> Result<Self::File, StorageError>;

    /// Of an open file.
    fn metadata_of_file(file: &Self::File) -> io::Result<Metadata>;

    /// What stands at the end of a path on which there is no link, in one go. None where the system has no such call
    /// or met a link: then it is for the walk to decide.
    fn descend(&self, _path: &VPath) -> io::Result<Option<Node<Self>>> {
        Ok(None)
    }

    /// As [`Folder::descend`], without waiting for a disk or another machine; neither does [`Folder::open_leaf`] then, nor
    /// [`Folder::metadata_of_file`] after it. None where that cannot be, or cannot be told.
    fn try_descend(&self, _path: &VPath) -> Option<Node<Self>> {
        None
    }

    /// Makes a file that must not be there yet, for reading and writing, with the mode that new files have.
    fn create_file(&self, name: &[u8]) -> io::Result<Self::File>;

    /// Opens one of the server's own files for reading and writing; a link is refused.
    fn open_own_file(&self, name: &[u8]) -> io::Result<Self::File>;

    /// Makes a folder that must not be there yet; a private one lets nobody but its owner in.
    fn make_folder(&self, name: &[u8], private: bool) -> io::Result<()>;

    /// Makes a symbolic link where nothing must stand yet.
    fn make_link(&self, name: &[u8], target: &[u8]) -> io::Result<()>;

    /// Gives what stands under that name another one. Where nothing may be replaced, that is refused at once by the
    /// system and not by a look before.
    fn rename(&self, name: &[u8], to: &Self, to_name: &[u8], replace: bool) -> io::Result<()>;

    /// Removes anything but a folder.
    fn remove_file(&self, name: &[u8]) -> io::Result<()>;

    /// Removes an empty folder.
    fn remove_folder(&self, name: &[u8]) -> io::Result<()>;

    /// What makes changes of this folder's names durable, made ready before the change, so that what cannot be made
    /// durable is not begun. Does nothing where the system has no such call.
    fn ready_to_sync(&self) -> io::Result<SyncFolder>;

    /// Gives a file that is to take a name in this folder what it should have: what the file under `replaced` has,
    /// where permitted, or what new files here get; then what `attributes` say. Its content is written by now.
    fn dress(&self, file: &Self::File, replaced: Option<&[u8]>, attributes: &Attributes) -> io::Result<()>;

    /// Takes the lock of that name; none if somebody else holds it.
    fn lock(&self, name: &[u8]) -> io::Result<Option<Self::Lock>>;

    /// How many bytes can be written; none where the system does not say.
    fn space(&self) -> io::Result<Option<u64>>;

    /// Watches this folder, which is at `path` now as far as one can know.
    fn watch(&self, _path: &Path, _tell: Tell) -> Result<Box<dyn WatchHandle>, StorageError> {
        Err(StorageError::new(ErrorCode::Unsupported, "this system does not tell what happens in a folder"))
    }
}

/// What stands under a name.
pub(super) enum Node<F: Folder> {
    Folder(F, Metadata),
    Link,
    Leaf(F::Leaf, Metadata),
}

/// An open regular file. Reading and writing may do less than was asked, as the system's own calls do.
pub(super) trait DiskFile: Send + Sync + 'static {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// What of it is in memory; none where nothing is or the system cannot tell.
    fn try_read_at(&self, _buffer: &mut [u8], _offset: u64) -> Option<usize> {
        None
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    fn length(&self) -> io::Result<u64>;

    fn set_length(&self, length: u64) -> io::Result<()>;

    /// Begins to write those bytes to the disk, without waiting, where the system has such a call.
    fn write_out(&self, _offset: u64, _length: u64) {}

    /// Makes the content durable, and the length with it.
    fn sync_content(&self) -> io::Result<()>;

    /// Makes all of it durable.
    fn sync(&self) -> io::Result<()>;

    /// Copies from another file by sharing blocks or inside the kernel, and says how much; none where that cannot be.
    fn copy_from(&self, _source: &File, _from: u64, _length: u64, _offset: u64) -> io::Result<Option<u64>> {
        Ok(None)
    }

    /// The operating system's file.
    fn as_file(&self) -> Option<&File> {
        None
    }
}

impl DiskFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        // Beyond what the system can count there is nothing to read.
        if i64::try_from(offset).is_err() {
            return Ok(0);
        }
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::read_at(self, buffer, offset);
        #[cfg(windows)]
        return std::os::windows::fs::FileExt::seek_read(self, buffer, offset);
    }

    fn try_read_at(&self, buffer: &mut [u8], offset: u64) -> Option<usize> {
        crate::page_cache::try_read_at(self, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        if i64::try_from(offset).is_err() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::write_at(self, bytes, offset);
        #[cfg(windows)]
        return std::os::windows::fs::FileExt::seek_write(self, bytes, offset);
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    #[cfg(target_os = "linux")]
    fn write_out(&self, offset: u64, length: u64) {
        super::linux::begin_to_write(self, offset, length);
    }

    fn sync_content(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_all()
    }

    #[cfg(target_os = "linux")]
    fn copy_from(&self, source: &File, from: u64, length: u64, offset: u64) -> io::Result<Option<u64>> {
        super::linux::copy_inside_kernel(self, source, from, length, offset)
    }

    fn as_file(&self) -> Option<&File> {
        Some(self)
    }
}

/// Reads until the buffer is full or the file ends.
pub(super) fn read_full(file: &impl DiskFile, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset.saturating_add(filled as u64)) {
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

/// Writes all of it.
pub(super) fn write_full(file: &impl DiskFile, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = &bytes[count..];
                offset = offset.saturating_add(count as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
