//! Where files are kept. The trait [`Storage`] says what a backend must do; [`memory`] is the reference to start
//! reading with, [`local`] serves a directory, [`simulated`] is a disk that can lose power under it, [`faulty`] makes
//! another backend fail on purpose. A backend is done when the conformance suite in `tests/it/storage/` passes on it.
//!
//! This room knows no network, no caller and no rights: whoever calls has checked those. What it does enforce is that
//! nothing outside the root is ever opened, whatever links say.
//!
//! Every method may block on a disk, so async code calls them on blocking threads. The exceptions say so in their names:
//! what ends in `_at_once` waits for nothing, and leaves what it would have to wait for to its namesake.

pub mod memory;

pub mod local;

pub mod faulty;

mod links;

mod listing;

mod rules;

mod writing;

use std::io;

use shared::characters::is_default_ignorable;
use shared::columns::Row;
use shared::{ETag, Entry, ErrorCode, Timestamp, TrashId, UploadId, VPath};

use crate::random::NoRandomness;

pub use listing::FolderState;
pub use local::simulated;
pub use writing::{
    Attributes, Durability, Expected, Published, Staged, TrashItem, WatchEvent, WatchHandle, numbered_name,
};

/// The name of Passerelle's own directory inside a served one. An entry with this name is not listed and cannot be
/// reached, at any depth.
pub const STATE_FOLDER_NAME: &[u8] = b".passerelle";

/// True for [`STATE_FOLDER_NAME`] and for each other spelling that some file system takes for it: letters of the other
/// case, the long s, characters that are not displayed (CVE-2014-9390 is what comes of forgetting those).
pub fn is_state_folder_name(name: &[u8]) -> bool {
    if name.is_ascii() {
        return name.eq_ignore_ascii_case(STATE_FOLDER_NAME);
    }
    let Ok(text) = str::from_utf8(name) else { return false };
    let folded = text.chars().filter(|character| !is_default_ignorable(*character)).map(|character| match character {
        'ſ' => 's',
        _ => character.to_ascii_lowercase(),
    });
    folded.eq(STATE_FOLDER_NAME.iter().map(|byte| char::from(*byte)))
}

/// A tree of files and folders.
///
/// A path names an entry below the root. Symbolic links whose target lies inside the root are followed, wherever they
/// stand in the path; one that leads out is refused with [`ErrorCode::LinkEscapes`], as is one that leads in circles or
/// to nothing.
pub trait Storage: Send + Sync + 'static {
    /// What is known of one entry. A link is described as in a listing: with its target's kind, size, time and
    /// validator where it stays inside, as [`shared::Kind::Other`] where it does not.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::NotFolder`] (a file stands where a folder is needed on the way),
    /// [`ErrorCode::LinkEscapes`] (a link on the way), [`ErrorCode::AccessDenied`], [`ErrorCode::Io`].
    fn stat(&self, path: &VPath) -> Result<Entry, StorageError>;

    /// Hands each entry of a folder to `visit`, once, in no order. An entry that vanishes meanwhile is left out; one
    /// whose metadata cannot be read is handed out as [`shared::Kind::Other`]. Stops early where `visit` says so.
    ///
    /// # Errors
    /// As [`Storage::stat`], and [`ErrorCode::NotFolder`] where the path itself is a file.
    fn list(&self, path: &VPath, visit: &mut dyn FnMut(Entry) -> Visit) -> Result<(), StorageError>;

    /// Hands each name that [`Storage::list`] would hand out to `visit`, once, in no order, and whether there is a folder
    /// behind it, links followed. Answers with the state of the folder from before the first name was read, where the
    /// system tells: while [`Storage::stat_names`] answers with the same, those are the names.
    ///
    /// # Errors
    /// As [`Storage::list`].
    fn list_names(
        &self,
        folder: &VPath,
        visit: &mut dyn FnMut(&[u8], bool) -> Visit,
    ) -> Result<Option<FolderState>, StorageError> {
        listing::names_by_list(self, folder, visit)
    }

    /// Hands what [`Storage::list`] would hand out for those names of a folder to `visit`, in their order, each with its
    /// place among them. What is not there any more is left out. Answers with the state of the folder from before the
    /// first look, where the system tells.
    ///
    /// # Errors
    /// As [`Storage::list`].
    fn stat_names<'n>(
        &self,
        folder: &VPath,
        names: &mut dyn Iterator<Item = &'n [u8]>,
        visit: &mut dyn FnMut(usize, Row<'n>) -> Visit,
    ) -> Result<Option<FolderState>, StorageError> {
        listing::rows_by_stat(self, folder, names, visit)
    }

    /// Opens a regular file for reading. Nothing else is opened, not even for a moment that could block or have an
    /// effect: no FIFO, no device, no socket.
    ///
    /// # Errors
    /// As [`Storage::stat`], and [`ErrorCode::IsFolder`], [`ErrorCode::NotRegular`].
    fn open(&self, path: &VPath) -> Result<Box<dyn OpenFile>, StorageError>;

    /// As [`Storage::stat`], for a thread that must not wait: from what is in memory. None where that is not enough,
    /// where it cannot be told whether it is, and where there is anything to refuse: [`Storage::stat`] knows.
    fn try_stat(&self, _path: &VPath) -> Option<Entry> {
        None
    }

    /// As [`Storage::open`], for a thread that must not wait: from what is in memory. None where that is not enough,
    /// where it cannot be told whether it is, and where there is anything to refuse: [`Storage::open`] knows. Of the
    /// file, [`OpenFile::try_read_at`] and [`OpenFile::etag_now`] do not wait either.
    fn try_open(&self, _path: &VPath) -> Option<Box<dyn OpenFile>> {
        None
    }

    /// Makes room for a new upload: an empty file that no path reaches. It is durable only once [`Staged::sync`] was.
    ///
    /// # Errors
    /// [`ErrorCode::AlreadyExists`], [`ErrorCode::NoSpace`], [`ErrorCode::ReadOnly`], [`ErrorCode::AccessDenied`],
    /// [`ErrorCode::Locked`] where another server writes into the same directory, as for every other change below that
    /// needs room of the server's own; [`ErrorCode::Io`].
    fn stage(&self, _id: UploadId) -> Result<Box<dyn Staged>, StorageError> {
        Err(read_only())
    }

    /// Opens an upload again.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Io`].
    fn staged(&self, _id: UploadId) -> Result<Box<dyn Staged>, StorageError> {
        Err(read_only())
    }

    /// Every upload that has room, in no order: for recovery at the start.
    ///
    /// # Errors
    /// [`ErrorCode::Io`].
    fn list_staged(&self) -> Result<Vec<UploadId>, StorageError> {
        Ok(Vec::new())
    }

    /// Gives the room of an upload back. One that has none is no error.
    ///
    /// # Errors
    /// [`ErrorCode::Io`].
    fn unstage(&self, _id: UploadId) -> Result<(), StorageError> {
        Err(read_only())
    }

    /// Makes an upload the file at `target`, at once and durably: its bytes and attributes are synced, then it takes the
    /// name by one rename (or link, where nothing may stand there), then the folder is synced. Before that instant
    /// `target` is what it was; after it, it is whole. A link at `target` that stays inside the root is followed, and
    /// what it leads to replaced; the link stays. A file that is replaced hands down its mode, its owner and its
    /// extended attributes, where permitted. The validator in the answer is the one that [`Storage::stat`] gives from
    /// then on: nothing of the file is touched any more.
    ///
    /// On failure the upload still has its room, with one exception: where the last step fails, the sync of the folder,
    /// the file has its name, and nobody knows whether that survives a crash. The answer is [`ErrorCode::Io`] then, and
    /// [`Storage::staged`] no longer finds the upload.
    ///
    /// # Errors
    /// [`ErrorCode::AlreadyExists`] and [`ErrorCode::PreconditionFailed`] by `expected`; [`ErrorCode::ParentMissing`],
    /// [`ErrorCode::NotFolder`], [`ErrorCode::IsFolder`], [`ErrorCode::NotRegular`], [`ErrorCode::LinkEscapes`],
    /// [`ErrorCode::NameRefused`], [`ErrorCode::NoSpace`], [`ErrorCode::ReadOnly`], [`ErrorCode::AccessDenied`],
    /// [`ErrorCode::Io`].
    fn publish(
        &self,
        _id: UploadId,
        _target: &VPath,
        _expected: &Expected,
        _attributes: &Attributes,
    ) -> Result<Published, StorageError> {
        Err(read_only())
    }

    /// Makes `bytes` the file at `target`, at once and durably: what [`Storage::stage`], [`Staged::write_at`] and
    /// [`Storage::publish`] do together. On failure the upload has no room any more, and a crash leaves no more than that
    /// room.
    ///
    /// # Errors
    /// As those three.
    fn store(
        &self,
        id: UploadId,
        bytes: &[u8],
        target: &VPath,
        expected: &Expected,
        attributes: &Attributes,
    ) -> Result<Published, StorageError> {
        let staged = self.stage(id)?;
        let written = staged.write_at(bytes, 0);
        drop(staged);
        let stored = written.and_then(|()| self.publish(id, target, expected, attributes));
        if stored.is_err() {
            // What is left of it where this fails as well, the next start clears away.
            let _ = self.unstage(id);
        }
        stored
    }

    /// Makes one folder, durably.
    ///
    /// # Errors
    /// [`ErrorCode::AlreadyExists`], and as [`Storage::publish`].
    fn make_folder(&self, _path: &VPath) -> Result<Entry, StorageError> {
        Err(read_only())
    }

    /// Makes a symbolic link with that target (bytes, relative to the link's folder), durably. Only one that stays
    /// inside the root.
    ///
    /// # Errors
    /// [`ErrorCode::AlreadyExists`], [`ErrorCode::LinkEscapes`], and as [`Storage::publish`].
    fn make_link(&self, _path: &VPath, _target: &[u8]) -> Result<Entry, StorageError> {
        Err(read_only())
    }

    /// Gives an entry another name, at once and durably. A link is moved itself, and where one stands at the destination
    /// it gives way itself. A file or link may replace a file or link, and a folder an empty folder, where `expected`
    /// lets it. Two names of the same file do not replace each other. A crash may leave a file under both names.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for the source, [`ErrorCode::Changed`] where it is not in the state `from_etag`,
    /// [`ErrorCode::NameRefused`] for the root, which stays where it is; [`ErrorCode::IntoItself`], [`ErrorCode::CrossDevice`], [`ErrorCode::NotEmpty`], and as [`Storage::publish`].
    fn rename(
        &self,
        _from: &VPath,
        _from_etag: Option<ETag>,
        _to: &VPath,
        _expected: &Expected,
    ) -> Result<Entry, StorageError> {
        Err(read_only())
    }

    /// Removes a file, a link (itself) or an empty folder, for ever and durably.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Changed`] where it is not in the state `etag`, [`ErrorCode::NotEmpty`],
    /// [`ErrorCode::ReadOnly`], [`ErrorCode::AccessDenied`], [`ErrorCode::Io`].
    fn remove(&self, _path: &VPath, _etag: Option<ETag>) -> Result<(), StorageError> {
        Err(read_only())
    }

    /// Puts an entry into the trash with all that is in it, at once and durably: what it was and where is written down
    /// first, then it is renamed. A link is trashed itself. The root and what is hidden cannot be.
    ///
    /// # Errors
    /// As [`Storage::remove`] without [`ErrorCode::NotEmpty`], and [`ErrorCode::CrossDevice`] where the entry is on
    /// another file system than the trash.
    fn trash(&self, _path: &VPath, _etag: Option<ETag>, _id: TrashId, _now: Timestamp) -> Result<(), StorageError> {
        Err(read_only())
    }

    /// Hands each item of the trash to `visit`, once, in no order; what was written down but never renamed is left out
    /// and cleared away.
    ///
    /// # Errors
    /// [`ErrorCode::Io`].
    fn list_trash(&self, _visit: &mut dyn FnMut(TrashItem) -> Visit) -> Result<(), StorageError> {
        Ok(())
    }

    /// Brings an item back to `to`, at once and durably. Its folder must be there, and nothing at `to`.
    ///
    /// # Errors
    /// [`ErrorCode::Gone`] for the item, [`ErrorCode::AlreadyExists`], and as [`Storage::publish`].
    fn restore(&self, _id: TrashId, _to: &VPath) -> Result<Entry, StorageError> {
        Err(read_only())
    }

    /// Removes an item of the trash for ever, with all that is in it, entry by entry; `visit` is called after each and
    /// may stop. What is left then is still in the trash, and purging it again goes on.
    ///
    /// # Errors
    /// [`ErrorCode::Gone`], [`ErrorCode::ReadOnly`], [`ErrorCode::AccessDenied`], [`ErrorCode::Io`].
    fn purge(&self, _id: TrashId, _visit: &mut dyn FnMut() -> Visit) -> Result<(), StorageError> {
        Err(read_only())
    }

    /// How many bytes can be written below that folder; none where the system does not say.
    ///
    /// # Errors
    /// [`ErrorCode::Io`].
    fn space(&self, _folder: &VPath) -> Result<Option<u64>, StorageError> {
        Ok(None)
    }

    /// Calls `notice` whenever something happens in that folder (not below), from a thread of its own, until the answer
    /// is dropped. `notice` must not block. [`ErrorCode::Unsupported`] where the system cannot tell: then only looking
    /// again does.
    ///
    /// # Errors
    /// As [`Storage::list`], and [`ErrorCode::Unsupported`], [`ErrorCode::TooLarge`] where the system watches no more.
    fn watch(
        &self,
        _folder: &VPath,
        _notice: Box<dyn Fn(WatchEvent) + Send + Sync>,
    ) -> Result<Box<dyn WatchHandle>, StorageError> {
        Err(StorageError::new(ErrorCode::Unsupported, "this storage cannot watch folders"))
    }
}

/// What a storage that only reads says to who wants to write.
fn read_only() -> StorageError {
    StorageError::new(ErrorCode::ReadOnly, "this storage cannot be written to")
}

/// Whether a listing goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Visit {
    /// Hand out the next entry.
    Continue,
    /// That was enough.
    Stop,
}

/// A file that is open for reading. Its bytes are those of the file that was opened, even if its name leads to
/// another one since.
pub trait OpenFile: Send + Sync {
    /// The file as it was when it was opened, as [`Storage::stat`] would have described it.
    fn entry(&self) -> &Entry;

    /// Reads at `offset` into `buffer` and says how many bytes; fewer than fit only at the end of the file.
    ///
    /// # Errors
    /// [`ErrorCode::Io`].
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, StorageError>;

    /// As [`OpenFile::read_at`], for a thread that must not wait: what is in memory, which may be less than fits. None
    /// where nothing is, where it cannot be told, and where reading fails: [`OpenFile::read_at`] knows.
    fn try_read_at(&self, _buffer: &mut [u8], _offset: u64) -> Option<usize> {
        None
    }

    /// The validator of the open file's present state; differs from `entry().etag` if the file may have changed.
    ///
    /// # Errors
    /// [`ErrorCode::Io`].
    fn etag_now(&self) -> Result<ETag, StorageError>;

    /// The operating system's file, where there is one, for system calls that move bytes without copying them.
    fn as_file(&self) -> Option<&std::fs::File> {
        None
    }
}

/// Why the storage did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[error("{context}: {code}")]
pub struct StorageError {
    /// The reason.
    pub code: ErrorCode,
    /// What was being done, for the log.
    pub context: &'static str,
    /// What the operating system said.
    #[source]
    pub source: Option<io::Error>,
}

impl From<NoRandomness> for StorageError {
    fn from(error: NoRandomness) -> Self {
        Self { code: ErrorCode::Internal, context: "random bytes are needed", source: Some(io::Error::other(error)) }
    }
}

impl StorageError {
    /// A refusal that is the storage's own.
    pub fn new(code: ErrorCode, context: &'static str) -> Self {
        Self { code, context, source: None }
    }

    /// What the operating system's answer comes to.
    pub fn from_io(source: io::Error, context: &'static str) -> Self {
        let code = match source.kind() {
            io::ErrorKind::NotFound => ErrorCode::NotFound,
            io::ErrorKind::PermissionDenied => ErrorCode::AccessDenied,
            io::ErrorKind::NotADirectory => ErrorCode::NotFolder,
            io::ErrorKind::IsADirectory => ErrorCode::IsFolder,
            io::ErrorKind::InvalidFilename => ErrorCode::BadPath,
            io::ErrorKind::StorageFull => ErrorCode::NoSpace,
            io::ErrorKind::QuotaExceeded => ErrorCode::QuotaExceeded,
            io::ErrorKind::ReadOnlyFilesystem => ErrorCode::ReadOnly,
            io::ErrorKind::AlreadyExists => ErrorCode::AlreadyExists,
            io::ErrorKind::DirectoryNotEmpty => ErrorCode::NotEmpty,
            io::ErrorKind::CrossesDevices => ErrorCode::CrossDevice,
            _ => ErrorCode::Io,
        };
        Self { code, context, source: Some(source) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_the_state_folder_is_known() {
        for name in [
            ".passerelle",
            ".PASSERELLE",
            ".Passerelle",
            ".pa\u{17f}serelle",
            ".passe\u{200c}relle",
            "\u{feff}.passerelle",
        ] {
            assert!(is_state_folder_name(name.as_bytes()), "{name}");
        }
        for name in ["passerelle", ".passerelle2", ".passerell\u{e9}", ".passerelle ", ""] {
            assert!(!is_state_folder_name(name.as_bytes()), "{name}");
        }
        assert!(!is_state_folder_name(b".passerelle\xff"));
    }
}
