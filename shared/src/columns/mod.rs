//! Rows of a listing as columns: one block of bytes that travels as it is from the file server to the page. Written
//! once, checked once, then read by row without a copy. A listing is one block after another.
//!
//! All numbers are little-endian; `n` is the number of rows, `k` that of rows that are links which stay inside.
//!
//! ```text
//!  0 "PLST" | 4 u16 version, 1 | 6 u16 marks: 1 last block, 2 listing has a validator
//!  8 u32 length of the block, a multiple of 8 | 12 u32 n | 16 u32 bytes of names | 20 u32 k | 24 u32 bytes of targets
//! 28 u16 bytes of cursor | 30 u16 zero | 32 u64 entries of the whole folder | 40 16 bytes, the listing's validator
//! 56 n × u64 size | n × i64 nanoseconds since 1970 | n × 16 bytes, validator
//!    n × u32 where the name ends in the names | k × u32 which row | k × u32 where its target ends in the targets
//!    n × u8: bits 0–1 kind (file, folder, other), 2–3 link (none, inside, escapes, broken), 4 executable, 5 validator
//!    names | targets | cursor | zeros up to the length
//! ```

mod block;
mod builder;

#[cfg(test)]
mod tests;

use crate::entry::{ETag, Entry, Kind, Link, Timestamp};
use crate::path::VPath;

pub use block::{Columns, block_bytes, peek};
pub use builder::{Builder, set_etag};

/// The media type of a listing in blocks.
pub const MEDIA_TYPE: &str = "application/vnd.passerelle.columns";

/// Bytes of a block before its columns; they say how long it is.
pub const HEAD_BYTES: usize = 56;
const MAGIC: &[u8; 4] = b"PLST";
const VERSION: u16 = 1;
/// What each row takes besides its name.
const ROW_BYTES: usize = 8 + 8 + 16 + 4 + 1;
/// What each link that stays inside takes besides its target.
const LINK_BYTES: usize = 4 + 4;

const LAST: u16 = 1;
const VALIDATED: u16 = 2;

const LINK_INSIDE: u8 = 1 << 2;
const LINK_ESCAPES: u8 = 2 << 2;
const LINK_BROKEN: u8 = 3 << 2;
const LINK_BITS: u8 = 3 << 2;
const EXECUTABLE: u8 = 1 << 4;
const HAS_ETAG: u8 = 1 << 5;

/// One entry of a folder, by its name there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row<'a> {
    /// The raw name.
    pub name: &'a [u8],
    /// As [`Entry::kind`].
    pub kind: Kind,
    /// As [`Entry::size`], in bytes.
    pub size: u64,
    /// As [`Entry::modified`].
    pub modified: Timestamp,
    /// As [`Entry::executable`].
    pub executable: bool,
    /// As [`Entry::link`].
    pub link: Option<Link>,
    /// As [`Entry::etag`].
    pub etag: Option<ETag>,
}

/// What a block says of its listing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Head {
    /// How many entries the whole folder has.
    pub total: u64,
    /// Changes whenever the rows of this answer do; none where that is not known before they were all read.
    pub etag: Option<ETag>,
    /// True in the last block of an answer: without it the answer was cut short.
    pub last: bool,
    /// In the last block: where the next page starts, if there is one.
    pub next_cursor: Option<String>,
}

/// Why bytes are no block.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ColumnsError {
    /// They do not begin like one.
    #[error("this is no listing in columns, version 1")]
    Foreign,
    /// More or fewer than the block says, or more than a block may have.
    #[error("a block of a listing has another length than it says, or too many bytes")]
    Length,
    /// A column says what cannot be.
    #[error("a block of a listing contradicts itself")]
    Broken,
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

    /// The entry in that folder; none where its path would be too long to be named in a request.
    pub fn entry(self, folder: &VPath) -> Option<Entry> {
        let path = folder.join(self.name).ok()?;
        let Self { kind, size, modified, executable, link, etag, .. } = self;
        Some(Entry { path, kind, size, modified, executable, link, etag })
    }

    /// True for a folder, or a link that leads to one inside the root.
    pub fn is_folder(&self) -> bool {
        self.kind == Kind::Folder
    }
}
