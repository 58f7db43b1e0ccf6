//! What the operating system knows about a file, as far as entries and validators need it. Makes no system call.

use sha2::{Digest, Sha256};
use shared::columns::Row;
use shared::{ETag, Entry, Kind, Link, Timestamp, VPath};

use crate::storage::checks::EntryKind;

/// The result of `fstat`, or of its counterpart on other systems.
#[derive(Clone, Copy, Debug)]
pub(in crate::storage) struct Metadata {
    pub(in crate::storage) file_type: FileType,
    pub(in crate::storage) identity: Identity,
    pub(in crate::storage) size: u64,
    pub(in crate::storage) modified: Timestamp,
    /// When content or attributes last changed (POSIX `st_ctime`); the creation time on Windows.
    pub(in crate::storage) changed: Timestamp,
    /// Number of hard links.
    pub(in crate::storage) names: u64,
    pub(in crate::storage) executable: bool,
}

/// The type of an entry, links not followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::storage) enum FileType {
    File,
    Folder,
    Link,
    Other,
}

/// Tells a file from every other file that exists at that time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(in crate::storage) struct Identity {
    pub(in crate::storage) device: u64,
    pub(in crate::storage) inode: u64,
}

impl Metadata {
    /// The entry at that path.
    pub(in crate::storage) fn entry(&self, path: VPath, link: Option<Link>) -> Entry {
        let (kind, size) = match self.file_type {
            FileType::File => (Kind::File, self.size),
            FileType::Folder => (Kind::Folder, 0),
            FileType::Link | FileType::Other => (Kind::Other, 0),
        };
        let executable = self.executable && kind == Kind::File;
        Entry { path, kind, size, modified: self.modified, executable, link, etag: Some(self.etag()) }
    }

    /// The listing row of that name.
    pub(in crate::storage) fn row<'n>(&self, name: &'n [u8], link: Option<Link>) -> Row<'n> {
        let Entry { kind, size, modified, executable, link, etag, .. } = self.entry(VPath::root(), link);
        Row { name, kind, size, modified, executable, link, etag }
    }

    /// The kind of entry for [`crate::storage::checks::check_replacement`].
    pub(in crate::storage) fn entry_kind(&self) -> EntryKind {
        match self.file_type {
            FileType::File => EntryKind::File,
            FileType::Link => EntryKind::Link,
            // The rename itself fails if the folder is not empty.
            FileType::Folder => EntryKind::Folder { empty: true },
            FileType::Other => EntryKind::Other,
        }
    }

    /// The entry of a link whose target may not be shown.
    pub(in crate::storage) fn link_entry(&self, path: VPath, link: Link) -> Entry {
        Entry { size: 0, etag: None, executable: false, kind: Kind::Other, ..self.entry(path, Some(link)) }
    }

    /// The listing row of a link whose target may not be shown.
    pub(in crate::storage) fn link_row<'n>(&self, name: &'n [u8], link: Link) -> Row<'n> {
        Row { size: 0, etag: None, executable: false, kind: Kind::Other, ..self.row(name, Some(link)) }
    }

    /// A strong validator (RFC 9110 §8.8.1): it includes the change time, which no program can set, unlike the
    /// modification time. On file systems with a coarse clock (some milliseconds on Linux before 6.13, 2 s on FAT), two
    /// changes within one tick that keep the size get equal validators.
    pub(in crate::storage) fn etag(&self) -> ETag {
        let mut hash = Sha256::new_with_prefix(b"local-v1");
        for number in [self.identity.device, self.identity.inode, self.size] {
            hash.update(number.to_le_bytes());
        }
        for moment in [self.modified, self.changed] {
            hash.update(moment.0.to_le_bytes());
        }
        let mut etag = [0; 16];
        etag.copy_from_slice(&hash.finalize()[..16]);
        ETag(etag)
    }

    /// True if the content is that of `earlier`: every write changes `modified`. Replacing an open file changes
    /// `changed` alone, because the file gets a name in the trash and loses its own; the content is intact then.
    pub(in crate::storage) fn has_content_of(&self, earlier: &Self) -> bool {
        self.identity == earlier.identity && self.size == earlier.size && self.modified == earlier.modified
    }
}

/// The entry of a file whose metadata cannot be read.
pub(in crate::storage) fn unreadable_entry(path: VPath) -> Entry {
    Entry { path, kind: Kind::Other, size: 0, modified: Timestamp(0), executable: false, link: None, etag: None }
}
