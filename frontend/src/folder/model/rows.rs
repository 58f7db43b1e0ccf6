//! The rows of a listing in columns: all names in one buffer with a table of ends, and one column each for size, time and
//! flags. A million rows take some 45 MB; a vector of structs with a string each takes 150 MB. Pure.

use shared::columns::Columns;
use shared::{Entry, Kind, Link, Timestamp};

use super::filetype::{FileType, file_type};
use super::name_filter::NameFilter;
use super::remap::Piece;
use crate::failure::Reason;

/// A folder's rows in the order of the listing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    names: Vec<u8>,
    ends: Vec<u32>,
    sizes: Vec<u64>,
    modified: Vec<Timestamp>,
    marks: Vec<u8>,
}

/// One row, borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row<'a> {
    /// The raw name.
    pub name: &'a [u8],
    /// File, folder or other.
    pub kind: Kind,
    /// The size in bytes; 0 unless it is a file.
    pub size: u64,
    /// The time of the last modification.
    pub modified: Timestamp,
    /// True for a file that its owner may execute.
    pub executable: bool,
    /// Whether it is a link, and one that can be followed.
    pub link: LinkMark,
}

/// What a row keeps of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkMark {
    /// Not a link.
    None,
    /// A link that can be followed.
    Inside,
    /// A link whose target is outside of the served folder.
    Escapes,
    /// A link whose target does not exist.
    Broken,
}

const KIND_BITS: u8 = 0b11;
const LINK_INSIDE: u8 = 1 << 2;
const LINK_ESCAPES: u8 = 1 << 3;
const EXECUTABLE: u8 = 1 << 4;
const LINK_BROKEN: u8 = 1 << 5;

impl Rows {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True without a row.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Reserves memory for `more` rows, so that a long listing does not double its memory as it grows.
    pub fn reserve(&mut self, more: usize) {
        self.ends.reserve_exact(more);
        self.sizes.reserve_exact(more);
        self.modified.reserve_exact(more);
        self.marks.reserve_exact(more);
    }

    /// Appends the rows of a block.
    pub fn append<B: AsRef<[u8]>>(&mut self, block: &Columns<B>) {
        for row in 0..block.len() {
            self.names.extend_from_slice(block.name(row));
            self.ends.push(end_of(&self.names));
            self.sizes.push(block.size(row));
            self.modified.push(block.modified(row));
            let link = match block.is_link_inside(row) {
                // Without a copy of its target.
                true => LinkMark::Inside,
                false => LinkMark::of(block.link(row).as_ref()),
            };
            self.marks.push(marks(block.kind(row), link, block.is_executable(row)));
        }
    }

    /// The row at `index`; `None` if it has yet to arrive.
    pub fn get(&self, index: usize) -> Option<Row<'_>> {
        let marks = *self.marks.get(index)?;
        Some(Row {
            name: self.name(index)?,
            kind: match marks & KIND_BITS {
                0 => Kind::File,
                1 => Kind::Folder,
                _ => Kind::Other,
            },
            size: self.sizes[index],
            modified: self.modified[index],
            executable: marks & EXECUTABLE != 0,
            link: match marks {
                _ if marks & LINK_INSIDE != 0 => LinkMark::Inside,
                _ if marks & LINK_ESCAPES != 0 => LinkMark::Escapes,
                _ if marks & LINK_BROKEN != 0 => LinkMark::Broken,
                _ => LinkMark::None,
            },
        })
    }

    /// The raw name of the row at `index`; `None` if it has yet to arrive.
    pub fn name(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)? as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        self.names.get(start..end)
    }

    /// Rearranges the rows column by column, so that only one column at a time is in memory twice.
    pub(super) fn rearrange(&mut self, pieces: &[Piece], new: &[&Entry]) {
        let mut names = Vec::with_capacity(self.names.len());
        let mut ends = Vec::with_capacity(self.ends.len() + new.len());
        for piece in pieces {
            match piece {
                Piece::Kept(rows) => {
                    let start = if rows.start == 0 { 0 } else { self.ends[rows.start - 1] };
                    let end = rows.end.checked_sub(1).map_or(start, |last| self.ends[last].max(start));
                    let moved_to = end_of(&names);
                    ends.extend(self.ends[rows.clone()].iter().map(|end| end - start + moved_to));
                    names.extend_from_slice(&self.names[start as usize..end as usize]);
                }
                Piece::New(index) => {
                    names.extend_from_slice(new[*index].path.name());
                    ends.push(end_of(&names));
                }
            }
        }
        (self.names, self.ends) = (names, ends);
        rearrange(&mut self.sizes, pieces, |index| new[index].size);
        rearrange(&mut self.modified, pieces, |index| new[index].modified);
        rearrange(&mut self.marks, pieces, |index| {
            let entry = new[index];
            marks(entry.kind, LinkMark::of(entry.link.as_ref()), entry.executable)
        });
    }

    /// The rows with these names, found in one pass.
    pub fn find_each(&self, names: &[&[u8]]) -> Vec<Option<usize>> {
        let mut rows = vec![None; names.len()];
        if names.is_empty() {
            return rows;
        }
        let mut sorted: Vec<_> = (0..names.len()).collect();
        sorted.sort_by_key(|index| names[*index]);
        let filter = NameFilter::of(names.iter().copied());
        for row in 0..self.len() {
            let name = self.name(row).unwrap_or_default();
            if !filter.may_contain(name) {
                continue;
            }
            let first = sorted.partition_point(|index| names[*index] < name);
            sorted[first..]
                .iter()
                .take_while(|index| names[**index] == name)
                .for_each(|index| rows[*index] = Some(row));
        }
        rows
    }

    /// The first row with this name, from row `from` on.
    pub fn find(&self, name: &[u8], from: usize) -> Option<usize> {
        (from..self.len()).find(|&index| self.name(index) == Some(name))
    }
}

impl Row<'_> {
    /// True for a folder, or a link that leads to one.
    pub fn is_folder(&self) -> bool {
        self.kind == Kind::Folder
    }

    /// True for a folder or a file that can be read: the server follows no other.
    pub fn opens(&self) -> bool {
        self.refusal().is_none()
    }

    /// Why the server does not read it; `None` for a folder or a file that can be read.
    pub fn refusal(&self) -> Option<Reason> {
        match (self.kind, self.link) {
            (_, LinkMark::Escapes) => Some(Reason::LinkEscapes),
            (_, LinkMark::Broken) => Some(Reason::LinkBroken),
            (Kind::Other, _) => Some(Reason::Special),
            _ => None,
        }
    }

    /// The type that decides on the icon.
    pub fn file_type(&self) -> FileType {
        file_type(self.name, self.kind)
    }
}

impl LinkMark {
    /// The mark of a link.
    pub fn of(link: Option<&Link>) -> Self {
        match link {
            None => Self::None,
            Some(Link::Inside(_)) => Self::Inside,
            Some(Link::Escapes) => Self::Escapes,
            Some(Link::Broken) => Self::Broken,
        }
    }

    /// The link of an entry, without its target, which a row does not keep.
    pub fn to_link(self) -> Option<Link> {
        match self {
            Self::None => None,
            Self::Inside => Some(Link::Inside(Vec::new())),
            Self::Escapes => Some(Link::Escapes),
            Self::Broken => Some(Link::Broken),
        }
    }
}

/// Names are at most 4 KiB and a tab holds far fewer than a million of that length.
fn end_of(names: &[u8]) -> u32 {
    u32::try_from(names.len()).unwrap_or(u32::MAX)
}

fn rearrange<T: Copy>(column: &mut Vec<T>, pieces: &[Piece], new: impl Fn(usize) -> T) {
    let mut next = Vec::with_capacity(column.len());
    for piece in pieces {
        match piece {
            Piece::Kept(rows) => next.extend_from_slice(&column[rows.clone()]),
            Piece::New(index) => next.push(new(*index)),
        }
    }
    *column = next;
}

fn marks(kind: Kind, link: LinkMark, executable: bool) -> u8 {
    let kind = match kind {
        Kind::File => 0,
        Kind::Folder => 1,
        Kind::Other => 2,
    };
    let link = match link {
        LinkMark::None => 0,
        LinkMark::Inside => LINK_INSIDE,
        LinkMark::Escapes => LINK_ESCAPES,
        LinkMark::Broken => LINK_BROKEN,
    };
    kind | link | if executable { EXECUTABLE } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn get_returns_the_rows_that_were_appended() {
        let mut rows = Rows::default();
        let mut link = sample::file("b", 7);
        link.link = Some(Link::Escapes);
        link.executable = true;
        let page = crate::net::sample::page(&[sample::folder("é"), link, sample::file("latin%E9", 9)], None, 3, None);
        page.blocks.iter().for_each(|block| rows.append(block));
        assert_eq!(rows.len(), 3);
        assert!(rows.get(0).unwrap().is_folder());
        let second = rows.get(1).unwrap();
        assert_eq!((second.name, second.size, second.link, second.executable), (&b"b"[..], 7, LinkMark::Escapes, true));
        assert!(!second.opens());
        assert_eq!(rows.get(2).unwrap().name, b"latin\xe9");
        assert_eq!(rows.get(3), None);
        assert_eq!(rows.find(b"b", 0), Some(1));
        assert_eq!(rows.find(b"b", 2), None);
    }
}
