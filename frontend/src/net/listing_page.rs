//! One page of a folder's listing: blocks of columns (`shared::columns`), all of them checked before the first is read.

use shared::ETag;
use shared::columns::{Columns, Row, block_bytes};

/// One page of a folder's listing.
#[derive(Clone, Default)]
pub struct ListingPage {
    /// Its rows, in order.
    pub blocks: Vec<Columns<Box<[u8]>>>,
    /// How many entries the whole folder has.
    pub total: u64,
    /// The validator of this page; `None` for a long page, which has none.
    pub etag: Option<ETag>,
    /// The cursor of the next page; `None` on the last one.
    pub next_cursor: Option<String>,
}

impl ListingPage {
    /// Parses the body of a response; `None` if it is no listing or was cut short.
    pub fn parse(mut body: &[u8]) -> Option<Self> {
        let mut blocks: Vec<Columns<Box<[u8]>>> = Vec::new();
        while !blocks.last().is_some_and(Columns::is_last) {
            let (block, rest) = body.split_at_checked(block_bytes(body).ok()??)?;
            blocks.push(Columns::parse(block.into()).ok()?);
            body = rest;
        }
        let (first, next_cursor) = (blocks.first()?.head(), blocks.last()?.next_cursor().map(str::to_owned));
        body.is_empty().then_some(Self { total: first.total, etag: first.etag, next_cursor, blocks })
    }

    /// The rows of all blocks, in order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.blocks.iter().flat_map(Columns::rows)
    }

    pub fn len(&self) -> usize {
        self.blocks.iter().map(Columns::len).sum()
    }

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
    fn parse_joins_the_blocks_of_a_body() {
        for rows in 1..4 {
            let page = ListingPage::parse(&sample::body(&entries(), Some("go"), 9, Some(ETag([1; 16])), rows)).unwrap();
            assert_eq!((page.blocks.len(), page.len()), (3_usize.div_ceil(rows), 3));
            assert_eq!((page.total, page.etag, page.next_cursor.as_deref()), (9, Some(ETag([1; 16])), Some("go")));
            assert_eq!(
                page.rows().map(|row| row.name.to_vec()).collect::<Vec<_>>(),
                [b"a".to_vec(), b"b".to_vec(), b"latin\xe9".to_vec()]
            );
        }
        assert!(ListingPage::parse(&sample::body(&[], None, 0, None, 1)).unwrap().is_empty());
    }

    #[test]
    fn parse_refuses_a_body_that_is_cut_short_or_too_long() {
        let body = sample::body(&entries(), None, 3, None, 2);
        assert!((0..body.len()).all(|end| ListingPage::parse(&body[..end]).is_none()));
        assert!(ListingPage::parse(&[&body[..], &body[..]].concat()).is_none());
        assert!(ListingPage::parse(b"{\"entries\":[]}").is_none());
        assert!(
            ListingPage::parse(b"<!doctype html><title>A proxy's page, which is long enough for a head</title>")
                .is_none()
        );
    }
}
