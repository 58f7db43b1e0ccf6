//! Reads blocks. A block is checked once; after that, reading a row cannot fail.

use super::error::ColumnsError;
use super::layout::{
    EXECUTABLE, HAS_ETAG, HAS_LISTING_ETAG, HEAD_BYTES, LAST, LINK_BITS, LINK_BROKEN, LINK_BYTES, LINK_ESCAPES,
    LINK_INSIDE, MAGIC, ROW_BYTES, VERSION,
};
use super::row::{Head, Row};
use crate::entry::{ETag, Kind, Link, Timestamp};
use crate::limits::{COLUMNS_BYTES_MAX, CURSOR_BYTES_MAX, PATH_BYTES_MAX};
use crate::path::is_name;

/// A checked block. `B` owns or borrows the bytes.
#[derive(Clone)]
pub struct Columns<B> {
    bytes: B,
    places: Places,
}

/// The values of the head, and the offset of each column.
#[derive(Clone, Copy)]
struct Places {
    marks: u16,
    rows: usize,
    links: usize,
    modified: usize,
    etags: usize,
    name_ends: usize,
    link_rows: usize,
    target_ends: usize,
    flags: usize,
    names: usize,
    targets: usize,
    cursor: usize,
    end: usize,
    length: usize,
}

impl Places {
    /// Reads the head. All offsets are within the length, which is at most [`COLUMNS_BYTES_MAX`].
    fn read(bytes: &[u8]) -> Result<Self, ColumnsError> {
        let head = bytes.first_chunk::<HEAD_BYTES>().ok_or(ColumnsError::Length)?;
        if !head.starts_with(MAGIC) || u16_at(head, 4) != VERSION {
            return Err(ColumnsError::Foreign);
        }
        let (marks, length) = (u16_at(head, 6), u32_at(head, 8));
        if length > COLUMNS_BYTES_MAX || length % 8 != 0 {
            return Err(ColumnsError::Length);
        }
        let (rows, names, links, targets) = (u32_at(head, 12), u32_at(head, 16), u32_at(head, 20), u32_at(head, 24));
        let cursor = usize::from(u16_at(head, 28));
        // Each is at most the length, so that the sum below cannot overflow.
        if [rows, names, links, targets].iter().any(|count| *count > length) {
            return Err(ColumnsError::Length);
        }
        let end = HEAD_BYTES + rows * ROW_BYTES + links * LINK_BYTES + names + targets + cursor;
        if end.next_multiple_of(8) != length {
            return Err(ColumnsError::Length);
        }
        if marks & !(LAST | HAS_LISTING_ETAG) != 0 || u16_at(head, 30) != 0 || (cursor > 0 && marks & LAST == 0) {
            return Err(ColumnsError::Broken);
        }
        let modified = HEAD_BYTES + rows * 8;
        let etags = modified + rows * 8;
        let name_ends = etags + rows * 16;
        let link_rows = name_ends + rows * 4;
        let target_ends = link_rows + links * 4;
        let flags = target_ends + links * 4;
        let names_at = flags + rows;
        let targets_at = names_at + names;
        let cursor_at = targets_at + targets;
        Ok(Self {
            marks,
            rows,
            links,
            modified,
            etags,
            name_ends,
            link_rows,
            target_ends,
            flags,
            names: names_at,
            targets: targets_at,
            cursor: cursor_at,
            end,
            length,
        })
    }
}

/// The length of the block that starts with these bytes, in bytes. `None` if they are fewer than [`HEAD_BYTES`].
///
/// # Errors
/// They are not the start of a block.
pub fn block_bytes(beginning: &[u8]) -> Result<Option<usize>, ColumnsError> {
    if beginning.len() < HEAD_BYTES {
        return Ok(None);
    }
    Places::read(beginning).map(|places| Some(places.length))
}

/// The attributes of the listing from the start of a block, without its rows. The cursor, which follows the rows, is
/// left out.
///
/// # Errors
/// They are not the start of a block.
pub fn peek(beginning: &[u8]) -> Result<Head, ColumnsError> {
    let places = Places::read(beginning)?;
    Ok(head(beginning, &places, None))
}

fn head(bytes: &[u8], places: &Places, next_cursor: Option<String>) -> Head {
    let etag = (places.marks & HAS_LISTING_ETAG != 0).then(|| ETag(chunk(bytes, 40)));
    Head { total: u64::from_le_bytes(chunk(bytes, 32)), etag, last: places.marks & LAST != 0, next_cursor }
}

impl<B: AsRef<[u8]>> Columns<B> {
    /// Checks a block.
    ///
    /// # Errors
    /// See [`ColumnsError`].
    pub fn parse(block: B) -> Result<Self, ColumnsError> {
        let bytes = block.as_ref();
        let places = Places::read(bytes)?;
        if bytes.len() != places.length {
            return Err(ColumnsError::Length);
        }
        check(bytes, &places)?;
        Ok(Self { bytes: block, places })
    }

    /// The attributes of the listing.
    pub fn head(&self) -> Head {
        head(self.bytes(), &self.places, self.next_cursor().map(str::to_owned))
    }

    /// The cursor of the next page.
    pub fn next_cursor(&self) -> Option<&str> {
        let cursor = self.bytes().get(self.places.cursor..self.places.end)?;
        str::from_utf8(cursor).ok().filter(|cursor| !cursor.is_empty())
    }

    /// True in the last block of an answer.
    pub fn is_last(&self) -> bool {
        self.places.marks & LAST != 0
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.places.rows
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.places.rows == 0
    }

    /// The rows in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        (0..self.places.rows).map(|index| self.row(index))
    }

    /// One row.
    ///
    /// # Panics
    /// If `index` is not below [`Columns::len`], as for a slice. The same holds for the accessors below.
    pub fn row(&self, index: usize) -> Row<'_> {
        Row {
            name: self.name(index),
            kind: self.kind(index),
            size: self.size(index),
            modified: self.modified(index),
            executable: self.is_executable(index),
            link: self.link(index),
            etag: self.etag(index),
        }
    }

    /// The raw name.
    pub fn name(&self, index: usize) -> &[u8] {
        let ends = &self.bytes()[self.places.name_ends..self.places.link_rows];
        piece(&self.bytes()[self.places.names..self.places.targets], ends, index)
    }

    /// The kind.
    pub fn kind(&self, index: usize) -> Kind {
        match self.flags(index) & 3 {
            0 => Kind::File,
            1 => Kind::Folder,
            _ => Kind::Other,
        }
    }

    /// The size in bytes.
    pub fn size(&self, index: usize) -> u64 {
        u64::from_le_bytes(chunk(&self.bytes()[..self.places.modified], HEAD_BYTES + index * 8))
    }

    /// The modification time.
    pub fn modified(&self, index: usize) -> Timestamp {
        Timestamp(i64::from_le_bytes(chunk(&self.bytes()[..self.places.etags], self.places.modified + index * 8)))
    }

    /// The entity tag.
    pub fn etag(&self, index: usize) -> Option<ETag> {
        let column = &self.bytes()[..self.places.name_ends];
        (self.flags(index) & HAS_ETAG != 0).then(|| ETag(chunk(column, self.places.etags + index * 16)))
    }

    /// The link, for a symbolic link. Allocates if the target is inside the root.
    pub fn link(&self, index: usize) -> Option<Link> {
        match self.flags(index) & LINK_BITS {
            LINK_INSIDE => Some(Link::Inside(self.target(index).to_vec())),
            LINK_ESCAPES => Some(Link::Escapes),
            LINK_BROKEN => Some(Link::Broken),
            _ => None,
        }
    }

    /// True for a file whose owner may execute it.
    pub fn is_executable(&self, index: usize) -> bool {
        self.flags(index) & EXECUTABLE != 0
    }

    /// True for a symbolic link.
    pub fn is_link(&self, index: usize) -> bool {
        self.flags(index) & LINK_BITS != 0
    }

    /// True for a symbolic link with a target inside the root.
    pub fn is_link_inside(&self, index: usize) -> bool {
        self.flags(index) & LINK_BITS == LINK_INSIDE
    }

    fn target(&self, index: usize) -> &[u8] {
        let rows = &self.bytes()[self.places.link_rows..self.places.target_ends];
        let (mut low, mut high) = (0, self.places.links);
        while low < high {
            let middle = (low + high) / 2;
            if u32_at(rows, middle * 4) < index { low = middle + 1 } else { high = middle }
        }
        let ends = &self.bytes()[self.places.target_ends..self.places.flags];
        piece(&self.bytes()[self.places.targets..self.places.cursor], ends, low)
    }

    fn flags(&self, index: usize) -> u8 {
        self.bytes()[self.places.flags..self.places.names][index]
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    /// The bytes of the block.
    pub fn into_bytes(self) -> B {
        self.bytes
    }
}

/// Checks all values that rows are read by.
fn check(bytes: &[u8], places: &Places) -> Result<(), ColumnsError> {
    let sound = |sound: bool| if sound { Ok(()) } else { Err(ColumnsError::Broken) };
    let cursor = &bytes[places.cursor..places.end];
    sound(cursor.len() <= CURSOR_BYTES_MAX && str::from_utf8(cursor).is_ok())?;
    sound(bytes[places.end..].iter().all(|byte| *byte == 0))?;
    let mut names = Pieces::new(&bytes[places.names..places.targets], &bytes[places.name_ends..places.link_rows]);
    let mut targets = Pieces::new(&bytes[places.targets..places.cursor], &bytes[places.target_ends..places.flags]);
    let mut link_rows = bytes[places.link_rows..places.target_ends].chunks_exact(4).map(|row| u32_at(row, 0));
    for (row, flags) in bytes[places.flags..places.names].iter().enumerate() {
        let name = names.next().ok_or(ColumnsError::Broken)?;
        sound(name.len() <= PATH_BYTES_MAX && is_name(name))?;
        sound(flags & 3 != 3 && flags & !(3 | LINK_BITS | EXECUTABLE | HAS_ETAG) == 0)?;
        if flags & LINK_BITS == LINK_INSIDE {
            sound(link_rows.next() == Some(row))?;
            let target = targets.next().ok_or(ColumnsError::Broken)?;
            sound(target.len() <= PATH_BYTES_MAX)?;
        }
    }
    sound(link_rows.next().is_none() && names.is_at_end() && targets.is_at_end())
}

/// Iterates over consecutive pieces, as long as their ends ascend within the bytes.
struct Pieces<'a> {
    all: &'a [u8],
    ends: std::slice::ChunksExact<'a, u8>,
    at: usize,
}

impl<'a> Pieces<'a> {
    fn new(all: &'a [u8], ends: &'a [u8]) -> Self {
        Self { all, ends: ends.chunks_exact(4), at: 0 }
    }

    fn next(&mut self) -> Option<&'a [u8]> {
        let end = u32_at(self.ends.next()?, 0);
        let piece = self.all.get(self.at..end)?;
        self.at = end;
        Some(piece)
    }

    fn is_at_end(&self) -> bool {
        self.at == self.all.len()
    }
}

/// Piece number `index`, after all were checked.
fn piece<'a>(all: &'a [u8], ends: &[u8], index: usize) -> &'a [u8] {
    let start = if index == 0 { 0 } else { u32_at(ends, (index - 1) * 4) };
    &all[start..u32_at(ends, index * 4)]
}

fn chunk<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut chunk = [0; N];
    chunk.copy_from_slice(&bytes[at..at + N]);
    chunk
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(chunk(bytes, at))
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(chunk(bytes, at)) as usize
}
