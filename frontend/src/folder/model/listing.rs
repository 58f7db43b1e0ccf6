//! A listing that arrives in pages: the rows so far, and the cursor of the next page. Pure.

use std::ops::Range;

use shared::limits::{LIST_LIMIT_DEFAULT, LIST_PAGE_MAX};
use shared::{ETag, Entry, Order, VPath};

use super::edit::Edit;
use super::remap::Piece;
use super::rows::Rows;
use crate::net::listing_page::ListingPage;

/// The rows of a folder, as far as they have arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// The folder.
    pub folder: VPath,
    /// The sort order.
    pub order: Order,
    /// The rows so far.
    pub rows: Rows,
    /// The cursor of the next page; `None` for a complete listing.
    pub next: Option<String>,
    /// The edits that were merged before the last page arrived.
    pub(super) late: Vec<Edit>,
    total: usize,
    /// The validator of the listing; `None` unless it arrived in one page and has no edits.
    etag: Option<ETag>,
}

impl Listing {
    /// A listing without rows.
    pub fn new(folder: VPath, order: Order) -> Self {
        Self { folder, order, rows: Rows::default(), next: None, late: Vec::new(), total: 0, etag: None }
    }

    /// Appends a page and returns the range of its rows. The total of the last page counts, because a folder may change
    /// between two pages.
    pub fn append(&mut self, page: &ListingPage) -> Range<usize> {
        let before = self.rows.len();
        let total = usize::try_from(page.total).unwrap_or(usize::MAX);
        self.etag = page.etag.filter(|_| before == 0);
        if before == 0 {
            self.rows.reserve(total.min(ROWS_RESERVED_MAX));
        }
        page.blocks.iter().for_each(|block| self.rows.append(block));
        self.next = page.next_cursor.clone().filter(|_| !page.is_empty());
        self.total = match self.next {
            Some(_) => total.max(self.rows.len()),
            None => self.rows.len(),
        };
        before..self.rows.len()
    }

    /// Rearranges the rows. The listing then differs from the server's and loses its validator.
    pub(super) fn rearrange(&mut self, pieces: &[Piece], new: &[&Entry]) {
        let to_come = self.total - self.rows.len();
        self.rows.rearrange(pieces, new);
        self.total = self.rows.len() + to_come;
        self.etag = None;
    }

    /// How many rows the folder has, including those that have yet to arrive.
    pub fn total(&self) -> usize {
        self.total
    }

    /// True once every row has arrived.
    pub fn is_complete(&self) -> bool {
        self.next.is_none()
    }

    /// True if `page`, the first page of a newer response, has the validator of this complete listing.
    pub fn is_unchanged(&self, page: &ListingPage) -> bool {
        self.is_complete() && self.etag.is_some() && self.etag == page.etag
    }
}

/// Most rows for which memory is reserved at once: the total is only a claim of the server.
const ROWS_RESERVED_MAX: usize = 2_000_000;

/// Most rows per page: what a broken connection may cost.
const PAGE_ROWS_MAX: u32 = 64_000;

/// How many rows to request with the next page: as many as arrive without a long wait and are processed within a frame.
/// For a page that is to be `compared`, at most as many as the server gives a validator for.
pub fn next_limit(limit: u32, waiting_milliseconds: f64, busy_milliseconds: f64, compared: bool) -> u32 {
    let wanted = if busy_milliseconds > 16.0 || waiting_milliseconds > 1_500.0 {
        limit / 2
    } else if busy_milliseconds < 5.0 && waiting_milliseconds < 300.0 {
        limit * 4
    } else {
        limit
    };
    wanted.clamp(LIST_LIMIT_DEFAULT, if compared { LIST_PAGE_MAX } else { PAGE_ROWS_MAX })
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn page(names: &[&str], next: Option<&str>, total: u64, etag: u8) -> ListingPage {
        let entries: Vec<_> = names.iter().map(|name| sample::file(name, 1)).collect();
        crate::net::sample::page(&entries, next, total, Some(ETag([etag; 16])))
    }

    fn listing() -> Listing {
        Listing::new(VPath::root(), Order::default())
    }

    #[test]
    fn append_adds_page_after_page() {
        let mut listing = listing();
        assert_eq!(listing.append(&page(&["a", "b"], Some("2"), 3, 1)), 0..2);
        assert_eq!((listing.total(), listing.is_complete()), (3, false));
        assert_eq!(listing.append(&page(&["c"], None, 3, 2)), 2..3);
        assert_eq!((listing.total(), listing.is_complete()), (3, true));
    }

    #[test]
    fn only_a_listing_of_one_page_can_be_unchanged() {
        let mut whole = listing();
        whole.append(&page(&["a", "b"], None, 2, 1));
        assert!(whole.is_unchanged(&page(&["a", "b"], None, 2, 1)));
        assert!(!whole.is_unchanged(&page(&["a", "c"], None, 2, 2)));
        let mut parts = listing();
        parts.append(&page(&["a", "b"], Some("2"), 3, 1));
        assert!(!parts.is_unchanged(&page(&["a", "b"], Some("2"), 3, 1)));
        parts.append(&page(&["c"], None, 3, 1));
        assert!(!parts.is_unchanged(&page(&["a", "b"], Some("2"), 3, 1)));
    }

    #[test]
    fn an_empty_page_ends_a_listing_despite_its_cursor() {
        let mut listing = listing();
        listing.append(&page(&["a"], Some("1"), 9, 1));
        listing.append(&page(&[], Some("1"), 9, 1));
        assert_eq!((listing.total(), listing.is_complete()), (1, true));
    }

    #[test]
    fn next_limit_grows_while_pages_are_cheap() {
        assert_eq!(next_limit(1_000, 10.0, 1.0, true), 4_000);
        assert_eq!(next_limit(4_000, 10.0, 1.0, true), LIST_PAGE_MAX);
        assert_eq!(next_limit(32_000, 100.0, 4.0, false), PAGE_ROWS_MAX);
        assert_eq!(next_limit(16_000, 400.0, 4.0, false), 16_000);
        assert_eq!(next_limit(16_000, 100.0, 9.0, false), 16_000);
        assert_eq!(next_limit(16_000, 2_000.0, 4.0, false), 8_000);
        assert_eq!(next_limit(16_000, 100.0, 40.0, false), 8_000);
        assert_eq!(next_limit(1_000, 9_000.0, 400.0, false), LIST_LIMIT_DEFAULT);
    }
}
