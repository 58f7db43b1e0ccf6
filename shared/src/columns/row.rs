//! One row of a listing, and the attributes of a listing.

use crate::entry::{ETag, Entry, Kind, Link, Timestamp};
use crate::path::VPath;

/// One entry of a folder, by its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row<'a> {
    /// The raw name.
    pub name: &'a [u8],
    /// See [`Entry::kind`].
    pub kind: Kind,
    /// See [`Entry::size`], in bytes.
    pub size: u64,
    /// See [`Entry::modified`].
    pub modified: Timestamp,
    /// See [`Entry::executable`].
    pub executable: bool,
    /// See [`Entry::link`].
    pub link: Option<Link>,
    /// See [`Entry::etag`].
    pub etag: Option<ETag>,
}

/// The attributes of a listing in the head of a block.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Head {
    /// The number of entries of the whole folder.
    pub total: u64,
    /// The entity tag of this page. `None` if the page was not read completely before it was sent.
    pub etag: Option<ETag>,
    /// True in the last block of an answer. Without one, the answer is incomplete.
    pub last: bool,
    /// In the last block: the cursor of the next page, if there is one.
    pub next_cursor: Option<String>,
}

impl<'a> Row<'a> {
    /// The row of an entry.
    pub fn of(entry: &'a Entry) -> Self {
        Self {
            name: entry.path.name(),
            kind: entry.kind,
            size: entry.size,
            modified: entry.modified,
            executable: entry.executable,
            link: entry.link.clone(),
            etag: entry.etag,
        }
    }

    /// The entry in `folder`. `None` if its path would be too long.
    pub fn entry(self, folder: &VPath) -> Option<Entry> {
        let path = folder.join(self.name).ok()?;
        let Self { kind, size, modified, executable, link, etag, .. } = self;
        Some(Entry { path, kind, size, modified, executable, link, etag })
    }

    /// True for a folder, or a link to one inside the root.
    pub fn is_folder(&self) -> bool {
        self.kind == Kind::Folder
    }
}
