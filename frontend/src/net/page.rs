//! One page of a folder as it comes: blocks of columns (`shared::columns`), of which none is looked at before all are
//! checked.

use shared::ETag;
use shared::columns::{Columns, Row, block_bytes};

/// One page of a folder.
#[derive(Clone, Default)]
pub struct Page {
    /// Its rows, in order.
    pub blocks: Vec<Columns<Box<[u8]>>>,
    /// How many entries the whole folder has.
    pub total: u64,
    /// The validator of this page; none for a long one.
    pub etag: Option<ETag>,
    /// What to ask for to get the next page; none on the last.
    pub next_cursor: Option<String>,
}

impl Page {
    /// Reads the body of an answer; none for what is no listing, or was cut short.
    pub fn read(mut body: &[u8]) -> Option<Self> {
        let mut blocks: Vec<Columns<Box<[u8]>>> = Vec::new();
        while !blocks.last().is_some_and(Columns::is_last) {
            let (block, rest) = body.split_at_checked(block_bytes(body).ok()??)?;
            blocks.push(Columns::parse(block.into()).ok()?);
            body = rest;
        }
        let (first, next_cursor) = (blocks.first()?.head(), blocks.last()?.next_cursor().map(str::to_owned));
        body.is_empty().then_some(Self { total: first.total, etag: first.etag, next_cursor, blocks })
    }

    /// The rows, in order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.blocks.iter().flat_map(Columns::rows)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.blocks.iter().map(Columns::len).sum()
    }

    /// True without a row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use shared::{Entry, Kind, Timestamp, VPath};

    use super::super::sample;
    use super::*;

    fn entries() -> Vec<Entry> {
        let entry = |name: &str| Entry {
            path: VPath::parse(name).unwrap(),
            kind: Kind::File,
            size: 1,
            modified: Timestamp::default(),
            executable: false,
            link: None,
            etag: None,
        };
        ["a", "b", "latin%E9"].map(entry).to_vec()
    }

    #[test]
    fn blocks_come_one_after_another() {
        for rows in 1..4 {
            let page = Page::read(&sample::body(&entries(), Some("go"), 9, Some(ETag([1; 16])), rows)).unwrap();
            assert_eq!((page.blocks.len(), page.len()), (3_usize.div_ceil(rows), 3));
            assert_eq!((page.total, page.etag, page.next_cursor.as_deref()), (9, Some(ETag([1; 16])), Some("go")));
            assert_eq!(
                page.rows().map(|row| row.name.to_vec()).collect::<Vec<_>>(),
                [b"a".to_vec(), b"b".to_vec(), b"latin\xe9".to_vec()]
            );
        }
        assert!(Page::read(&sample::body(&[], None, 0, None, 1)).unwrap().is_empty());
    }

    #[test]
    fn what_was_cut_short_or_has_more_is_no_page() {
        let body = sample::body(&entries(), None, 3, None, 2);
        assert!((0..body.len()).all(|end| Page::read(&body[..end]).is_none()));
        assert!(Page::read(&[&body[..], &body[..]].concat()).is_none());
        assert!(Page::read(b"{\"entries\":[]}").is_none());
        assert!(Page::read(b"<!doctype html><title>A proxy's page, which is long enough for a head</title>").is_none());
    }
}
