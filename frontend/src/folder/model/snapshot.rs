//! The cursor and the selection of a listing by name. Pure.

use std::collections::HashSet;
use std::ops::Range;

use super::listing::Listing;
use super::selection::Selection;

/// The cursor and the selection by name, to be found again in a newer listing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SelectionSnapshot {
    /// The raw name of the focused row.
    pub focus: Option<Vec<u8>>,
    /// The raw names of the selected rows; empty if everything was selected.
    pub selected: HashSet<Vec<u8>>,
    /// Everything was selected.
    pub everything: bool,
}

impl SelectionSnapshot {
    /// The snapshot of a listing.
    pub fn of(listing: &Listing, selection: &Selection, cursor: usize) -> Self {
        let name = |row: usize| listing.rows.name(row).map(<[u8]>::to_vec);
        let everything = !selection.is_empty() && selection.len() == listing.total();
        let selected = if everything { HashSet::new() } else { selection.iter().filter_map(name).collect() };
        Self { focus: name(cursor), selected, everything }
    }

    /// Selects those of the rows `arrived` that were selected, and returns the one that was focused. What is found is no
    /// longer looked for.
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
    use shared::{ETag, Order, VPath};

    use super::super::sample;
    use super::*;
    use crate::net::listing_page::ListingPage;

    fn page(names: &[&str], next: Option<&str>, total: u64, etag: u8) -> ListingPage {
        let entries: Vec<_> = names.iter().map(|name| sample::file(name, 1)).collect();
        crate::net::sample::page(&entries, next, total, Some(ETag([etag; 16])))
    }

    fn listing() -> Listing {
        Listing::new(VPath::root(), Order::default())
    }

    #[test]
    fn a_snapshot_finds_its_rows_by_name() {
        let mut old = listing();
        old.append(&page(&["a", "b", "c", "d"], None, 4, 1));
        let mut selection = Selection::default();
        selection.select([1, 3]);
        let mut snapshot = SelectionSnapshot::of(&old, &selection, 2);

        let mut new = listing();
        let mut found = Selection::default();
        let first = new.append(&page(&["0", "a", "b"], Some("3"), 6, 2));
        assert_eq!(snapshot.find_in(&new, first, &mut found), None);
        let rest = new.append(&page(&["bb", "c", "d"], None, 6, 2));
        assert_eq!(snapshot.find_in(&new, rest, &mut found), Some(4));
        assert_eq!(found.iter().collect::<Vec<_>>(), [2, 5]);
    }

    #[test]
    fn a_snapshot_of_everything_selects_rows_that_arrive_later() {
        let mut old = listing();
        old.append(&page(&["a", "b"], None, 2, 1));
        let mut selection = Selection::default();
        selection.select(0..2);
        let mut snapshot = SelectionSnapshot::of(&old, &selection, 0);
        let mut new = listing();
        let mut found = Selection::default();
        let first = new.append(&page(&["a"], Some("1"), 3, 2));
        snapshot.find_in(&new, first, &mut found);
        assert_eq!(found.len(), 3);
    }
}
