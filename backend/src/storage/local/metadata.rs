//! What the operating system knows of a file, as far as entries and validators need it. It opens nothing.

use sha2::{Digest, Sha256};
use shared::columns::Row;
use shared::{ETag, Entry, Kind, Link, Timestamp, VPath};

use crate::storage::rules::Standing;

/// One answer of `fstat`, or of what stands for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Metadata {
    pub(super) shape: Shape,
    pub(super) identity: Identity,
    pub(super) size: u64,
    pub(super) modified: Timestamp,
    /// When anything of the file last changed (POSIX `st_ctime`); when it was made, on Windows.
    pub(super) changed: Timestamp,
    /// How many names the file has.
    pub(super) names: u64,
    pub(super) executable: bool,
}

/// What a name stands for, links not followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    File,
    Folder,
    Link,
    Other,
}

/// What tells a file from every other that exists at the same time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl Metadata {
    /// The entry at that path.
    pub(super) fn entry(&self, path: VPath, link: Option<Link>) -> Entry {
        let (kind, size) = match self.shape {
            Shape::File => (Kind::File, self.size),
            Shape::Folder => (Kind::Folder, 0),
            Shape::Link | Shape::Other => (Kind::Other, 0),
        };
        let executable = self.executable && kind == Kind::File;
        Entry { path, kind, size, modified: self.modified, executable, link, etag: Some(self.etag()) }
    }

    /// The row of that name.
    pub(super) fn row<'n>(&self, name: &'n [u8], link: Option<Link>) -> Row<'n> {
        let Entry { kind, size, modified, executable, link, etag, .. } = self.entry(VPath::root(), link);
        Row { name, kind, size, modified, executable, link, etag }
    }

    pub(super) fn standing(&self) -> Standing {
        match self.shape {
            Shape::File => Standing::File,
            Shape::Link => Standing::Link,
            // Whether it is empty the system says when it is to be replaced.
            Shape::Folder => Standing::Folder { empty: true },
            Shape::Other => Standing::Other,
        }
    }

    /// The entry of a link with nothing behind it that may be shown.
    pub(super) fn link_entry(&self, path: VPath, link: Link) -> Entry {
        Entry { size: 0, etag: None, executable: false, kind: Kind::Other, ..self.entry(path, Some(link)) }
    }

    /// The row of a link with nothing behind it that may be shown.
    pub(super) fn link_row<'n>(&self, name: &'n [u8], link: Link) -> Row<'n> {
        Row { size: 0, etag: None, executable: false, kind: Kind::Other, ..self.row(name, Some(link)) }
    }

    /// The change time makes the validator strong: a program can set the modification time back, but not that one.
    /// Where the clock of the file system is coarse (a few milliseconds on Linux before 6.13, 2 s on FAT), two changes
    /// within one tick that keep the size are told apart by nothing.
    pub(super) fn etag(&self) -> ETag {
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

    /// True if the bytes can be taken for those of `earlier`. A file that lost a name since was most likely replaced
    /// while it is being read: that sets the change time as well, but not the modification time.
    pub(super) fn same_content(&self, earlier: &Self) -> bool {
        let same = self.identity == earlier.identity && self.size == earlier.size && self.modified == earlier.modified;
        same && (self.changed == earlier.changed || self.names < earlier.names)
    }
}

/// The entry of something whose metadata cannot be read.
pub(super) fn unreadable(path: VPath) -> Entry {
    Entry { path, kind: Kind::Other, size: 0, modified: Timestamp(0), executable: false, link: None, etag: None }
}
