//! The types of writing: an upload before it is a file, what must hold where it becomes one, and what is told of a
//! folder that is watched.

use shared::{ETag, Entry, Timestamp, TrashId, VPath};

use super::{OpenFile, StorageError};

/// The bytes of an upload. They may be written and read by several threads at a time.
pub trait Staged: Send + Sync {
    /// How long it is, in bytes; what was not written between two writes is zeros.
    ///
    /// # Errors
    /// [`shared::ErrorCode::Io`].
    fn length(&self) -> Result<u64, StorageError>;

    /// Writes all of `bytes` at `offset`. Durable only once [`Staged::sync`] was.
    ///
    /// # Errors
    /// [`shared::ErrorCode::NoSpace`], [`shared::ErrorCode::QuotaExceeded`], [`shared::ErrorCode::Io`]; then any part
    /// of the bytes may be written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), StorageError>;

    /// Reads at `offset` into `buffer` and says how many bytes; fewer than fit only at the end.
    ///
    /// # Errors
    /// [`shared::ErrorCode::Io`].
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError>;

    /// Copies `length` bytes of an open file, by sharing blocks or inside the kernel where the system can, and says how
    /// many were copied: fewer only where the source ends, or to let the caller count; never 0 before that.
    ///
    /// # Errors
    /// As [`Staged::write_at`].
    fn copy_from(&self, source: &dyn OpenFile, from: u64, length: u64, offset: u64) -> Result<u64, StorageError>;

    /// The same from another upload.
    ///
    /// # Errors
    /// As [`Staged::write_at`].
    fn copy_from_staged(&self, source: &dyn Staged, from: u64, length: u64, offset: u64) -> Result<u64, StorageError>;

    /// Cuts it to `length` bytes.
    ///
    /// # Errors
    /// [`shared::ErrorCode::Io`].
    fn truncate(&self, length: u64) -> Result<(), StorageError>;

    /// Makes every byte written so far survive a crash, and that there is such an upload. Once it has failed, what was
    /// written since the last success may be lost, and calling it again proves nothing: the upload must be cut back to
    /// what was durable, and written again from there.
    ///
    /// # Errors
    /// [`shared::ErrorCode::NoSpace`], [`shared::ErrorCode::Io`].
    fn sync(&self) -> Result<(), StorageError>;

    /// Asks the system to begin writing those bytes to the disk, so that a sync finds less to do. Proves nothing, and
    /// does nothing where the system has no such call.
    fn write_out(&self, _offset: u64, _length: u64) {}

    /// The operating system's file, where there is one, for system calls that move bytes without copying them.
    fn as_file(&self) -> Option<&std::fs::File> {
        None
    }
}

/// When a new file must be on the disk. What is there already, and what else is done to it, is durable either way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Durability {
    /// Before anybody is told of them.
    #[default]
    Strict,
    /// When the system likes: nothing is lost when the server crashes, but when the machine does, the new files of the last
    /// seconds may be missing, or be there with a content that is not theirs; what they replaced is lost then, too.
    Relaxed,
}

/// What must stand at a destination for the storage to put something there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Expected {
    /// Nothing. Of several who want the name at the same time, one gets it.
    #[default]
    Nothing,
    /// Nothing, or what may be replaced.
    Anything,
    /// Something, in one of these states; an empty list stands for any. Programs other than this server may still
    /// change it between the look and the rename.
    State(Vec<ETag>),
}

/// What a new file is to have besides its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Attributes {
    /// The time of last change; none for now.
    pub modified: Option<Timestamp>,
    /// Whether its owner may execute it; none for what the replaced file has, or no.
    pub executable: Option<bool>,
    /// When it must be there for good.
    pub durability: Durability,
}

/// An upload that became a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Published {
    /// The file.
    pub entry: Entry,
    /// True where another file was there.
    pub replaced: bool,
}

/// Something in the trash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrashItem {
    /// By what it is restored.
    pub id: TrashId,
    /// As it was.
    pub entry: Entry,
    /// When it was put there.
    pub trashed: Timestamp,
}

/// What a watched folder tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WatchEvent {
    /// Something happened to the entry of that name: look.
    Name(Box<[u8]>),
    /// Too much happened to tell: look at all of it.
    Everything,
    /// The folder itself is gone, or elsewhere.
    Gone,
}

/// A folder that is watched for as long as this lives.
pub trait WatchHandle: Send + Sync {}

/// The name beside `path` that is tried as the `attempt`th where both are to be kept: `name (2).ext`, `name (3).ext`.
pub fn numbered_name(path: &VPath, attempt: u32) -> Option<VPath> {
    let name = path.name();
    // What begins with its only dot has no extension (`.profile`).
    let dot = name.iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0).unwrap_or(name.len());
    let (stem, extension) = name.split_at(dot);
    let number = format!(" ({attempt})");
    // A name has at most 255 bytes on every file system that matters (`NAME_MAX`): the stem gives way.
    let room = 255_usize.checked_sub(number.len() + extension.len())?;
    let mut end = stem.len().min(room);
    // Never in the middle of a character of UTF-8.
    while end > 0 && end < stem.len() && stem[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    let name = [&stem[..end], number.as_bytes(), extension].concat();
    path.parent()?.join(&name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_beside_keeps_its_extension_and_fits() {
        let beside = |text: &str| numbered_name(&VPath::parse(text).unwrap(), 2).map(|path| path.encoded());
        assert_eq!(beside("a/report.pdf").as_deref(), Some("a/report%20%282%29.pdf"));
        assert_eq!(beside(".profile").as_deref(), Some(".profile%20%282%29"));
        assert_eq!(beside("folder").as_deref(), Some("folder%20%282%29"));
        let long = VPath::from_bytes([b"\xc3\xa9".repeat(125), b".txt".to_vec()].concat()).unwrap();
        let path = numbered_name(&long, 10).unwrap();
        assert!(path.name().len() <= 255 && str::from_utf8(path.name()).is_ok());
    }
}
