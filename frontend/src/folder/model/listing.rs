//! The bookkeeping of a listing that arrives in pages: what is here, what is still to come, and what the person's
//! place in it was before it was loaded again.

use std::collections::HashSet;
use std::ops::Range;

use shared::limits::{LIST_LIMIT_DEFAULT, LIST_PAGE_MAX};
use shared::{ETag, Entry, Order, VPath};

use super::edit::Edit;
use super::remap::Piece;
use super::rows::Rows;
use super::selection::Selection;
use crate::net::listing_page::ListingPage;

/// A folder's rows as far as they are here.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// The folder.
    pub folder: VPath,
    /// How it is sorted.
    pub order: Order,
    /// The rows that arrived.
    pub rows: Rows,
    /// What to ask for next; none once everything is here.
    pub next: Option<String>,
    /// What was merged while pages still arrive.
    pub(super) late: Vec<Edit>,
    total: usize,
    /// The validator of the whole listing; only what came as one page has one.
    etag: Option<ETag>,
}

impl Listing {
    /// Of a folder of which nothing is known yet.
    pub fn new(folder: VPath, order: Order) -> Self {
        Self { folder, order, rows: Rows::default(), next: None, late: Vec::new(), total: 0, etag: None }
    }

    /// Takes a page; answers which rows are new. A folder that changes under way tells another total, and the last
    /// one told is believed.
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

    /// Puts the rows into a new order; the listing is then no longer one that the server gave.
    pub(super) fn rearrange(&mut self, pieces: &[Piece], new: &[&Entry]) {
        let to_come = self.total - self.rows.len();
        self.rows.rearrange(pieces, new);
        self.total = self.rows.len() + to_come;
        self.etag = None;
    }

    /// How many rows there are, here or not.
    pub fn total(&self) -> usize {
        self.total
    }

    /// True once every row is here.
    pub fn is_complete(&self) -> bool {
        self.next.is_none()
    }

    /// True if `page`, the first one of a newer answer, says that nothing changed since all of this arrived.
    pub fn is_unchanged(&self, page: &ListingPage) -> bool {
        self.is_complete() && self.etag.is_some() && self.etag == page.etag
    }
}

/// A total is the server's word; memory for more rows than this is taken as they come.
const ROWS_RESERVED_MAX: usize = 2_000_000;

/// Most rows that one page is asked for: what a broken connection may cost.
const PAGE_ROWS_MAX: u32 = 64_000;

/// How many rows the next page should have: as many as come without a long wait, and can be taken in without the person
/// noticing; of a page that is to be `compared`, no more than the server gives a validator for.
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

/// What a person had in hand, by name, so that it can be found again in a listing that is loaded anew.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SelectionSnapshot {
    /// The focused row.
    pub focus: Option<Vec<u8>>,
    /// The selected rows.
    pub selected: HashSet<Vec<u8>>,
    /// Everything was selected.
    pub everything: bool,
}

impl SelectionSnapshot {
    /// What is in hand now.
    pub fn of(listing: &Listing, selection: &Selection, cursor: usize) -> Self {
        let name = |row: usize| listing.rows.name(row).map(<[u8]>::to_vec);
        let everything = !selection.is_empty() && selection.len() == listing.total();
        let selected = if everything { HashSet::new() } else { selection.iter().filter_map(name).collect() };
        Self { focus: name(cursor), selected, everything }
    }

    /// Looks for what was in hand among the rows that just arrived: selects them, and answers the focused one.
    pub fn find_in(&mut self, listing: &Listing, arrived: Range<usize>, selection: &mut Selection) -> Option<usize> {
        if self.everything {
            selection.select(0..listing.total());
        }
        let mut focus = None;
        for row in arrived {
            let Some(name) = listing.rows.name(row) else { break };
            if !self.selected.is_empty() && self.selected.remove(name) {
                selection.select([row]);
            }
            if self.focus.as_deref() == Some(name) {
                focus = Some(row);
            }
        }
        if focus.is_some() {
            self.focus = None;
        }
        focus
    }
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
    fn pages_add_up() {
        let mut listing = listing();
        assert_eq!(listing.append(&page(&["a", "b"], Some("2"), 3, 1)), 0..2);
        assert_eq!((listing.total(), listing.is_complete()), (3, false));
        assert_eq!(listing.append(&page(&["c"], None, 3, 2)), 2..3);
        assert_eq!((listing.total(), listing.is_complete()), (3, true));
    }

    #[test]
    fn only_what_came_whole_is_proved_to_be_still_so() {
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
    fn an_empty_page_ends_a_listing_whatever_its_cursor() {
        let mut listing = listing();
        listing.append(&page(&["a"], Some("1"), 9, 1));
        listing.append(&page(&[], Some("1"), 9, 1));
        assert_eq!((listing.total(), listing.is_complete()), (1, true));
    }

    #[test]
    fn what_was_in_hand_is_found_by_name() {
        let mut old = listing();
        old.append(&page(&["a", "b", "c", "d"], None, 4, 1));
        let mut selection = Selection::default();
        selection.select([1, 3]);
        let mut keep = SelectionSnapshot::of(&old, &selection, 2);

        let mut new = listing();
        let mut found = Selection::default();
        let first = new.append(&page(&["0", "a", "b"], Some("3"), 6, 2));
        assert_eq!(keep.find_in(&new, first, &mut found), None);
        let rest = new.append(&page(&["bb", "c", "d"], None, 6, 2));
        assert_eq!(keep.find_in(&new, rest, &mut found), Some(4));
        assert_eq!(found.iter().collect::<Vec<_>>(), [2, 5]);
    }

    #[test]
    fn everything_stays_everything() {
        let mut old = listing();
        old.append(&page(&["a", "b"], None, 2, 1));
        let mut selection = Selection::default();
        selection.select(0..2);
        let mut keep = SelectionSnapshot::of(&old, &selection, 0);
        let mut new = listing();
        let mut found = Selection::default();
        let first = new.append(&page(&["a"], Some("1"), 3, 2));
        keep.find_in(&new, first, &mut found);
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn pages_grow_while_they_are_cheap() {
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
