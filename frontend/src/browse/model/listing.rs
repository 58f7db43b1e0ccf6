//! The bookkeeping of a listing that arrives in pages: what is here, what is still to come, and what the person's
//! place in it was before it was loaded again.

use std::collections::HashSet;
use std::ops::Range;

use shared::api::files::Folder;
use shared::limits::{LIST_LIMIT_DEFAULT, LIST_PAGE_MAX};
use shared::{ETag, Entry, Order, VPath};

use super::edit::{Edit, Piece};
use super::rows::Rows;
use super::selection::Selection;

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
    etag: Option<ETag>,
}

impl Listing {
    /// Of a folder of which nothing is known yet.
    pub fn new(folder: VPath, order: Order) -> Self {
        Self { folder, order, rows: Rows::default(), next: None, late: Vec::new(), total: 0, etag: None }
    }

    /// Takes a page; answers which rows are new. A folder that changes under way tells another total, and the last
    /// one told is believed.
    pub fn append(&mut self, page: Folder) -> Range<usize> {
        let before = self.rows.len();
        if before == 0 {
            self.etag = page.etag;
            self.rows.reserve(usize::try_from(page.total).unwrap_or(0).min(ROWS_RESERVED_MAX));
        } else if self.etag != page.etag {
            self.etag = None;
        }
        page.entries.iter().for_each(|entry| self.rows.push(entry));
        self.next = page.next_cursor.filter(|_| !page.entries.is_empty());
        self.total = match self.next {
            Some(_) => usize::try_from(page.total).unwrap_or(usize::MAX).max(self.rows.len()),
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
    pub fn is_still(&self, page: &Folder) -> bool {
        self.is_complete() && self.etag.is_some() && self.etag == page.etag
    }
}

/// A total is the server's word; memory for more rows than this is taken as they come.
const ROWS_RESERVED_MAX: usize = 2_000_000;

/// How many rows the next page should have: as many as can be decoded without the person noticing.
pub fn next_limit(limit: u32, decoding_milliseconds: f64) -> u32 {
    let wanted = if decoding_milliseconds > 24.0 {
        limit / 2
    } else if decoding_milliseconds < 10.0 {
        limit * 2
    } else {
        limit
    };
    wanted.clamp(LIST_LIMIT_DEFAULT, LIST_PAGE_MAX)
}

/// What a person had in hand, by name, so that it can be found again in a listing that is loaded anew.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keep {
    /// The focused row.
    pub focus: Option<Vec<u8>>,
    /// The selected rows.
    pub selected: HashSet<Vec<u8>>,
    /// Everything was selected.
    pub everything: bool,
}

impl Keep {
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

    fn page(names: &[&str], next: Option<&str>, total: u64, etag: u8) -> Folder {
        Folder {
            path: VPath::root(),
            entries: names.iter().map(|name| sample::file(name, 1)).collect(),
            next_cursor: next.map(Into::into),
            total,
            etag: Some(ETag([etag; 16])),
        }
    }

    fn listing() -> Listing {
        Listing::new(VPath::root(), Order::default())
    }

    #[test]
    fn pages_add_up() {
        let mut listing = listing();
        assert_eq!(listing.append(page(&["a", "b"], Some("2"), 3, 1)), 0..2);
        assert_eq!((listing.total(), listing.is_complete()), (3, false));
        assert_eq!(listing.append(page(&["c"], None, 3, 1)), 2..3);
        assert_eq!((listing.total(), listing.is_complete()), (3, true));
        assert!(listing.is_still(&page(&["a", "b"], Some("2"), 3, 1)));
        assert!(!listing.is_still(&page(&["a", "b"], Some("2"), 3, 2)));
    }

    #[test]
    fn a_folder_that_changes_under_way_is_not_trusted_to_be_still() {
        let mut listing = listing();
        listing.append(page(&["a", "b"], Some("2"), 4, 1));
        listing.append(page(&["c"], None, 4, 2));
        assert_eq!((listing.total(), listing.is_complete()), (3, true));
        assert!(!listing.is_still(&page(&["a"], None, 3, 2)));
    }

    #[test]
    fn an_empty_page_ends_a_listing_whatever_its_cursor() {
        let mut listing = listing();
        listing.append(page(&["a"], Some("1"), 9, 1));
        listing.append(page(&[], Some("1"), 9, 1));
        assert_eq!((listing.total(), listing.is_complete()), (1, true));
    }

    #[test]
    fn what_was_in_hand_is_found_by_name() {
        let mut old = listing();
        old.append(page(&["a", "b", "c", "d"], None, 4, 1));
        let mut selection = Selection::default();
        selection.select([1, 3]);
        let mut keep = Keep::of(&old, &selection, 2);

        let mut new = listing();
        let mut found = Selection::default();
        let first = new.append(page(&["0", "a", "b"], Some("3"), 6, 2));
        assert_eq!(keep.find_in(&new, first, &mut found), None);
        let rest = new.append(page(&["bb", "c", "d"], None, 6, 2));
        assert_eq!(keep.find_in(&new, rest, &mut found), Some(4));
        assert_eq!(found.iter().collect::<Vec<_>>(), [2, 5]);
    }

    #[test]
    fn everything_stays_everything() {
        let mut old = listing();
        old.append(page(&["a", "b"], None, 2, 1));
        let mut selection = Selection::default();
        selection.select(0..2);
        let mut keep = Keep::of(&old, &selection, 0);
        let mut new = listing();
        let mut found = Selection::default();
        let first = new.append(page(&["a"], Some("1"), 3, 2));
        keep.find_in(&new, first, &mut found);
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn pages_grow_while_they_are_cheap() {
        assert_eq!(next_limit(1_000, 2.0), 2_000);
        assert_eq!(next_limit(8_000, 2.0), LIST_PAGE_MAX);
        assert_eq!(next_limit(4_000, 15.0), 4_000);
        assert_eq!(next_limit(4_000, 40.0), 2_000);
        assert_eq!(next_limit(1_000, 400.0), 1_000);
    }
}
