//! What becomes of a file that is replaced: the trash keeps it, so that no change takes a file away for good.

use shared::{Entry, TrashId, UploadId, VPath};

use super::{Attributes, Kept};

/// What takes the place of a file or link, see [`super::Storage::replace`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replacement<'a> {
    /// The file or link at another path, in this state if one is given.
    Entry(&'a VPath, Option<shared::ETag>),
    /// An item of the trash.
    Trashed(TrashId),
    /// An upload, as a file with these attributes.
    Upload(UploadId, &'a Attributes),
    /// The link at another path, made again as by [`super::Storage::copy_link`]; with its owner if true.
    LinkCopy(&'a VPath, bool),
}

/// The effect of [`super::Storage::replace`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replaced {
    /// The entry that has taken the place.
    pub entry: Entry,
    /// The old one in the trash, as in [`super::Published`].
    pub kept: Option<Kept>,
}
