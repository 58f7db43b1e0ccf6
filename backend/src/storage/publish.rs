//! What must hold where an upload becomes a file, and what the file gets. Pure.

use shared::{ETag, Entry, ErrorCode, Timestamp};

use super::{Keep, Kept, StorageError};

/// When a new file must be on the disk. Everything else, such as renames and removals, is durable either way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Durability {
    /// Before the operation returns.
    #[default]
    Strict,
    /// When the operating system writes it. A crash of the server loses nothing; a crash of the machine may leave the
    /// new files of the last seconds missing or with wrong content, and then the files that they replaced are lost,
    /// too.
    Relaxed,
}

/// What must stand at a destination for the storage to put an entry there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Expected {
    /// Nothing. Of several concurrent writers exactly one succeeds.
    #[default]
    Nothing,
    /// Nothing, or an entry that may be replaced.
    Anything,
    /// An entry in one of these states; an empty list stands for any state. Programs other than this server can still
    /// change the entry between the check and the rename.
    State(Vec<ETag>),
}

/// What a new file gets besides its bytes, and what becomes of the file that it replaces.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Attributes {
    /// The modification time; `None` for now.
    pub modified: Option<Timestamp>,
    /// Whether the owner may execute the file; `None` for the permission of the replaced file, or no.
    pub executable: Option<bool>,
    /// `Some` for a copy, which has the permissions of the original, in place of those of a new file.
    pub copied: Option<Copied>,
    /// When the file must be durable.
    pub durability: Durability,
    /// Where the trash keeps the file that is replaced. `None`: it is gone.
    pub keep: Option<Keep>,
}

/// What the copy of a file has of the original, beside its content, its time and what
/// [`super::Staged::copy_attributes`] has set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Copied {
    /// The permissions of owner, group and others (POSIX `rwxrwxrwx`).
    pub(super) permissions: u16,
    /// The copy has the owner of the original, as far as this process may set it.
    pub(super) owned: bool,
}

/// A published upload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Published {
    /// The new file.
    pub entry: Entry,
    /// True if it replaced another file.
    pub replaced: bool,
    /// The replaced file in the trash. `None` also if it could not be kept: it is larger than
    /// [`Keep::bytes_max`], or the file system gives a file no second name and exchanges no names.
    pub kept: Option<Kept>,
}

impl Expected {
    /// Compares the entry at the destination with the expectation.
    ///
    /// # Errors
    /// [`ErrorCode::AlreadyExists`] for [`Expected::Nothing`], [`ErrorCode::PreconditionFailed`] for
    /// [`Expected::State`].
    pub(super) fn check(&self, present: Option<&Entry>) -> Result<(), StorageError> {
        match (self, present) {
            (Self::Anything, _) | (Self::Nothing, None) => Ok(()),
            (Self::Nothing, Some(_)) => {
                Err(StorageError::new(ErrorCode::AlreadyExists, "an entry stands at the destination"))
            }
            (Self::State(states), Some(entry))
                if states.is_empty() || entry.etag.is_some_and(|etag| states.contains(&etag)) =>
            {
                Ok(())
            }
            (Self::State(_), _) => {
                Err(StorageError::new(ErrorCode::PreconditionFailed, "the destination is in another state"))
            }
        }
    }
}
