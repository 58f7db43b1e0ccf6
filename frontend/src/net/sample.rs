//! Small listing pages for tests.

use shared::columns::{Builder, Head, Row};
use shared::{ETag, Entry};

use super::listing_page::ListingPage;

/// The body of a response, with at most `rows` rows per block.
pub(crate) fn body(entries: &[Entry], next: Option<&str>, total: u64, etag: Option<ETag>, rows: usize) -> Vec<u8> {
    let mut builder = Builder::new();
    let (mut body, mut head) = (Vec::new(), Head { total, etag, ..Head::default() });
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 && index % rows == 0 {
            body.extend(builder.finish(&head));
            head.etag = None;
        }
        assert!(builder.push(&Row::of(entry)));
    }
    body.extend(builder.finish(&Head { last: true, next_cursor: next.map(Into::into), ..head }));
    body
}

pub(crate) fn page(entries: &[Entry], next: Option<&str>, total: u64, etag: Option<ETag>) -> ListingPage {
    ListingPage::parse(&body(entries, next, total, etag, 500)).unwrap()
}
