//! Merging edits into a listing: rows are inserted, removed or changed, where the sort order puts them. Pure.

use std::cmp::Ordering;

use shared::Entry;
use shared::order::Position;

use super::edit::Edit;
use super::listing::Listing;
use super::name_filter::NameFilter;
use super::remap::{Piece, Remap, arrange};
use super::rows::{LinkMark, Row};

impl Listing {
    /// Merges edits; of several for one name, the last counts. An incomplete listing also keeps the edits, because a later
    /// page may be older than they are.
    pub fn merge(&mut self, edits: &[Edit]) -> Remap {
        let complete = self.is_complete();
        if !complete {
            self.late.extend_from_slice(edits);
        }
        let edits = last_of_each(edits);
        let mut gone: Vec<(usize, usize)> = Vec::new();
        let filter = NameFilter::of(edits.iter().map(|edit| edit.name()));
        for row in 0..self.rows.len() {
            let name = self.rows.name(row).unwrap_or_default();
            if filter.may_contain(name)
                && let Ok(edit) = edits.binary_search_by(|edit| edit.name().cmp(name))
            {
                gone.push((row, edit));
            }
        }
        let mut present: Vec<_> = edits
            .iter()
            .enumerate()
            .filter_map(|(index, edit)| match edit {
                Edit::Present(entry) => Some((Position::of(entry), index, entry)),
                Edit::Absent(_) => None,
            })
            .collect();
        present.sort_unstable_by(|one, other| one.0.compare(&other.0, self.order));
        let (mut new, mut at) = (Vec::new(), 0);
        for (position, index, entry) in present {
            at = self.place(&position, at);
            // A row after the last one so far comes with a later page, or from `late`.
            if complete || at < self.rows.len() {
                new.push((at, index, entry));
            }
        }
        let (pieces, mut remap) =
            arrange(self.rows.len(), gone.iter().map(|(row, _)| *row), new.iter().map(|new| new.0));
        let mut rows_of_edits = vec![None; edits.len()];
        let mut row = 0;
        for piece in &pieces {
            if let Piece::New(index) = piece {
                rows_of_edits[new[*index].1] = Some(row);
            }
            row += piece.len();
        }
        remap.moved = gone.iter().filter_map(|(row, edit)| Some((*row, rows_of_edits[*edit]?))).collect();
        let entries: Vec<_> = new.iter().map(|new| new.2).collect();
        self.rearrange(&pieces, &entries);
        remap
    }

    /// Merges the edits once more that were merged before the last page arrived.
    pub fn merge_late(&mut self) -> Option<Remap> {
        let late = std::mem::take(&mut self.late);
        (!late.is_empty()).then(|| self.merge(&late))
    }

    /// The row at an index as an entry, without its state and the target of its link, which a row does not keep.
    pub fn entry(&self, row: usize) -> Option<Entry> {
        let row = self.rows.get(row)?;
        Some(Entry {
            path: self.folder.join(row.name).ok()?,
            kind: row.kind,
            size: row.size,
            modified: row.modified,
            executable: row.executable,
            link: row.link.to_link(),
            etag: None,
        })
    }

    /// True if the row of that name, or its absence, agrees with the edit.
    pub(super) fn agrees(&self, row: Option<usize>, edit: &Edit) -> bool {
        match (row.and_then(|row| self.rows.get(row)), edit) {
            (None, Edit::Absent(_)) => true,
            (Some(row), Edit::Present(entry)) => {
                let link = LinkMark::of(entry.link.as_ref());
                (row.kind, row.size, row.modified, row.executable, row.link)
                    == (entry.kind, entry.size, entry.modified, entry.executable, link)
            }
            _ => false,
        }
    }

    /// The first row from `from` on that does not come before `position`. It is mostly near, and comparing names costs
    /// more than the rest of a merge, so the search begins with steps that double.
    fn place(&self, position: &Position, from: usize) -> usize {
        let is_before = |row: usize| {
            let row = self.rows.get(row);
            row.is_some_and(|row| row_position(&row).compare(position, self.order) == Ordering::Less)
        };
        let (mut low, mut step) = (from, 1);
        while is_before(low + step - 1) {
            low += step;
            step *= 2;
        }
        let mut high = (low + step - 1).min(self.rows.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(middle) { low = middle + 1 } else { high = middle }
        }
        low
    }
}

fn row_position(row: &Row<'_>) -> Position {
    Position::new(row.is_folder(), row.size, row.modified, row.name)
}

/// The last edit of each name, sorted by name.
fn last_of_each(edits: &[Edit]) -> Vec<&Edit> {
    let mut sorted: Vec<_> = edits.iter().enumerate().collect();
    sorted.sort_by(|(one_at, one), (other_at, other)| one.name().cmp(other.name()).then(other_at.cmp(one_at)));
    sorted.dedup_by(|later, kept| later.1.name() == kept.1.name());
    sorted.into_iter().map(|(_, edit)| edit).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn names(listing: &Listing) -> Vec<String> {
        let name = |row| String::from_utf8_lossy(listing.rows.name(row).unwrap()).into_owned();
        (0..listing.rows.len()).map(name).collect()
    }

    fn present(name: &str, size: u64) -> Edit {
        Edit::Present(sample::file(name, size))
    }

    #[test]
    fn merge_inserts_and_removes_rows_in_order() {
        let mut listing = sample::listing(&["b", "d", "f"]);
        let edits =
            [present("a", 1), present("e", 1), Edit::absent(b"d"), Edit::Present(sample::folder("z")), present("g", 1)];
        let remap = listing.merge(&edits);
        assert_eq!(names(&listing), ["z", "a", "b", "e", "f", "g"]);
        assert_eq!((listing.total(), listing.is_complete()), (6, true));
        assert_eq!([0, 1, 2].map(|row| remap.of(row)), [Some(2), None, Some(4)]);
        assert_eq!(remap.nearest(1), 4, "the row after the one that is gone");
    }

    #[test]
    fn many_rows_find_their_places_among_many() {
        let all: Vec<_> = (0..200).map(|number| format!("{number:03}")).collect();
        for step in [1, 2, 7, 50, 199] {
            let (old, new): (Vec<_>, Vec<_>) = (0..200).partition(|number| number / step % 2 == 0);
            let mut listing = sample::listing(&old.iter().map(|number| all[*number].as_str()).collect::<Vec<_>>());
            let edits: Vec<_> = new.iter().rev().map(|number| present(&all[*number], 1)).collect();
            listing.merge(&edits);
            assert_eq!(names(&listing), all, "{step}");
        }
    }

    #[test]
    fn a_removed_last_row_maps_to_the_one_before() {
        let mut listing = sample::listing(&["a", "b"]);
        assert_eq!(listing.merge(&[Edit::absent(b"b")]).nearest(1), 0);
        assert_eq!(listing.merge(&[Edit::absent(b"a")]).nearest(0), 0);
        assert_eq!((listing.total(), listing.rows.len()), (0, 0));
    }

    #[test]
    fn merge_replaces_a_row_of_the_same_name() {
        let mut listing = sample::listing(&["a", "b"]);
        let remap = listing.merge(&[present("b", 9), present("a", 5), present("a", 7)]);
        assert_eq!(names(&listing), ["a", "b"]);
        assert_eq!((listing.rows.get(0).unwrap().size, listing.rows.get(1).unwrap().size), (7, 9));
        assert_eq!([0, 1].map(|row| remap.of(row)), [Some(0), Some(1)]);
    }

    #[test]
    fn a_rename_can_be_merged_and_undone() {
        let mut listing = sample::listing(&["a", "m", "z"]);
        let before = listing.clone();
        listing.merge(&[Edit::absent(b"a"), present("n", 1)]);
        assert_eq!(names(&listing), ["m", "n", "z"]);
        listing.merge(&[Edit::absent(b"n"), present("a", 1)]);
        assert_eq!(listing.rows, before.rows, "undone");
    }

    #[test]
    fn edits_outlive_the_pages_that_arrive_later() {
        let page = |names: &[&str], next: Option<&str>| {
            let entries: Vec<_> = names.iter().map(|name| sample::file(name, 1)).collect();
            crate::net::sample::page(&entries, next, 4, None)
        };
        let mut listing = Listing::new(shared::VPath::root(), shared::Order::default());
        listing.append(&page(&["a", "c"], Some("2")));
        listing.merge(&[present("b", 1), present("x", 1), Edit::absent(b"m")]);
        assert_eq!(names(&listing), ["a", "b", "c"], "an entry after the last row waits");
        listing.append(&page(&["m", "z"], None));
        listing.merge_late();
        assert_eq!(names(&listing), ["a", "b", "c", "x", "z"]);
        assert_eq!(listing.merge_late(), None);
    }

    #[test]
    fn merge_follows_the_order_of_the_listing() {
        use shared::{Direction, Order, SortKey};
        let mut listing = sample::listing(&["a", "b"]);
        listing.order = Order { key: SortKey::Size, direction: Direction::Descending };
        listing.merge(&[present("a", 10), present("b", 20), present("c", 15)]);
        assert_eq!(names(&listing), ["b", "c", "a"]);
    }

    #[test]
    fn merge_handles_many_edits_of_a_long_listing() {
        let all: Vec<_> = (0..20_000).map(|index| format!("file {index}")).collect();
        let mut listing = sample::listing(&all.iter().map(String::as_str).collect::<Vec<_>>());
        let edits: Vec<_> = all.iter().step_by(2).map(|name| Edit::absent(name.as_bytes())).collect();
        let remap = listing.merge(&edits);
        assert_eq!(
            (listing.rows.len(), remap.of(1), remap.of(19_999), remap.of(10)),
            (10_000, Some(0), Some(9_999), None)
        );
    }
}
