//! Writes blocks.

use super::layout::{
    EXECUTABLE, HAS_ETAG, HAS_LISTING_ETAG, HEAD_BYTES, LAST, LINK_BROKEN, LINK_BYTES, LINK_ESCAPES, LINK_INSIDE,
    MAGIC, ROW_BYTES, VERSION,
};
use super::row::{Head, Row};
use crate::entry::{ETag, Kind, Link};
use crate::limits::{COLUMNS_BYTES_MAX, CURSOR_BYTES_MAX, PATH_BYTES_MAX};

/// Collects rows for a block. The memory is reused for the next one.
#[derive(Default)]
pub struct Builder {
    sizes: Vec<u8>,
    modified: Vec<u8>,
    etags: Vec<u8>,
    name_ends: Vec<u8>,
    link_rows: Vec<u8>,
    target_ends: Vec<u8>,
    flags: Vec<u8>,
    names: Vec<u8>,
    targets: Vec<u8>,
}

impl Builder {
    /// An empty builder.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.flags.len()
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.flags.is_empty()
    }

    /// Adds a row. False if the row and the longest cursor would exceed the limit of a block. An empty builder accepts
    /// every row whose name has at most [`PATH_BYTES_MAX`] bytes. A longer target is left empty.
    #[must_use]
    pub fn push(&mut self, row: &Row<'_>) -> bool {
        let target = match &row.link {
            Some(Link::Inside(target)) if target.len() <= PATH_BYTES_MAX => Some(&target[..]),
            Some(Link::Inside(_)) => Some(&[][..]),
            _ => None,
        };
        let adds = ROW_BYTES + row.name.len() + target.map_or(0, |target| LINK_BYTES + target.len());
        if HEAD_BYTES + self.bytes() + adds + CURSOR_BYTES_MAX + 8 > COLUMNS_BYTES_MAX {
            return false;
        }
        let kind = match row.kind {
            Kind::File => 0,
            Kind::Folder => 1,
            Kind::Other => 2,
        };
        let link = match &row.link {
            None => 0,
            Some(Link::Inside(_)) => LINK_INSIDE,
            Some(Link::Escapes) => LINK_ESCAPES,
            Some(Link::Broken) => LINK_BROKEN,
        };
        if let Some(target) = target {
            push_u32(&mut self.link_rows, self.flags.len());
            self.targets.extend_from_slice(target);
            push_u32(&mut self.target_ends, self.targets.len());
        }
        let marks = if row.executable { EXECUTABLE } else { 0 } | if row.etag.is_some() { HAS_ETAG } else { 0 };
        self.flags.push(kind | link | marks);
        self.sizes.extend_from_slice(&row.size.to_le_bytes());
        self.modified.extend_from_slice(&row.modified.0.to_le_bytes());
        self.etags.extend_from_slice(&row.etag.map_or([0; 16], |etag| etag.0));
        self.names.extend_from_slice(row.name);
        push_u32(&mut self.name_ends, self.names.len());
        true
    }

    /// The block of all rows. Empties the builder. A cursor is left out if it is too long or the block is not the last.
    pub fn finish(&mut self, head: &Head) -> Vec<u8> {
        let cursor = head.next_cursor.as_deref().filter(|cursor| head.last && cursor.len() <= CURSOR_BYTES_MAX);
        let cursor = cursor.unwrap_or_default().as_bytes();
        let length = (HEAD_BYTES + self.bytes() + cursor.len()).next_multiple_of(8);
        let mut block = Vec::with_capacity(length);
        block.extend_from_slice(MAGIC);
        block.extend_from_slice(&VERSION.to_le_bytes());
        let marks = if head.last { LAST } else { 0 } | if head.etag.is_some() { HAS_LISTING_ETAG } else { 0 };
        block.extend_from_slice(&marks.to_le_bytes());
        let (names, links, targets) = (self.names.len(), self.link_rows.len() / 4, self.targets.len());
        [length, self.len(), names, links, targets].iter().for_each(|number| push_u32(&mut block, *number));
        // The cursor's length is below 2^16, so the two reserved bytes after it are zero.
        push_u32(&mut block, cursor.len());
        block.extend_from_slice(&head.total.to_le_bytes());
        block.extend_from_slice(&head.etag.map_or([0; 16], |etag| etag.0));
        for column in self.columns_mut() {
            block.extend_from_slice(column);
            column.clear();
        }
        block.extend_from_slice(cursor);
        block.resize(length, 0);
        block
    }

    fn bytes(&self) -> usize {
        self.len() * ROW_BYTES + self.link_rows.len() / 4 * LINK_BYTES + self.names.len() + self.targets.len()
    }

    /// The columns, in the order of the block.
    fn columns_mut(&mut self) -> [&mut Vec<u8>; 9] {
        let Self { sizes, modified, etags, name_ends, link_rows, target_ends, flags, names, targets } = self;
        [sizes, modified, etags, name_ends, link_rows, target_ends, flags, names, targets]
    }
}

/// Sets the entity tag of the listing in a block, after all rows were written.
pub fn set_etag(block: &mut [u8], etag: ETag) {
    if let Some(head) = block.first_chunk_mut::<HEAD_BYTES>() {
        head[6] |= HAS_LISTING_ETAG as u8;
        head[40..].copy_from_slice(&etag.0);
    }
}

/// Appends a number. Every number in a block is below its length, which fits into 32 bits.
fn push_u32(column: &mut Vec<u8>, number: usize) {
    column.extend_from_slice(&(number as u32).to_le_bytes());
}
