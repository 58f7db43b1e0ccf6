//! The rows that the filter lets through. A *position* is an index among those, a *row* an index into the listing. Pure.

use std::ops::Range;

use shared::name_key::fold_text;

use super::listing::Listing;
use super::rows::Rows;

/// The rows of a listing that are shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    needle: String,
    /// The rows that match, in order; `None` without a filter.
    matches: Option<Vec<u32>>,
    total: usize,
}

impl View {
    /// Every row.
    pub fn whole(listing: &Listing) -> Self {
        Self { needle: String::new(), matches: None, total: listing.total() }
    }

    /// The rows whose names contain `text`, case and accents aside.
    pub fn filtered(listing: &Listing, text: &str) -> Self {
        let needle = fold_text(text.trim());
        if needle.is_empty() {
            return Self::whole(listing);
        }
        let mut view = Self { needle, matches: Some(Vec::new()), total: 0 };
        view.extend(listing, 0..listing.rows.len());
        view
    }

    /// The rows whose names contain `text`; where it extends the text before, only the former matches are searched.
    pub fn filtered_further(&self, listing: &Listing, text: &str) -> Self {
        let needle = fold_text(text.trim());
        match &self.matches {
            Some(before) if needle.contains(&self.needle) => {
                let matching = before.iter().copied().filter(|&row| contains(&listing.rows, row as usize, &needle));
                let matches: Vec<_> = matching.collect();
                Self { needle, total: matches.len(), matches: Some(matches) }
            }
            _ => Self::filtered(listing, text),
        }
    }

    /// Adds rows that arrived.
    pub fn extend(&mut self, listing: &Listing, arrived: Range<usize>) {
        match &mut self.matches {
            None => self.total = listing.total(),
            Some(matches) => {
                let matching = arrived.filter(|&row| contains(&listing.rows, row, &self.needle));
                // A listing has at most some millions of rows, so the index fits into 32 bits.
                matches.extend(matching.map(|row| row as u32));
                self.total = matches.len();
            }
        }
    }

    /// How many rows are shown.
    pub fn len(&self) -> usize {
        self.total
    }

    /// True if no row is shown.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// True with a filter.
    pub fn is_filtered(&self) -> bool {
        self.matches.is_some()
    }

    /// The row at a position.
    pub fn row(&self, position: usize) -> Option<usize> {
        match &self.matches {
            None => (position < self.total).then_some(position),
            Some(matches) => matches.get(position).map(|&row| row as usize),
        }
    }

    /// True if the row is shown.
    pub fn shows(&self, row: usize) -> bool {
        match &self.matches {
            None => row < self.total,
            Some(matches) => matches.binary_search(&(row as u32)).is_ok(),
        }
    }

    /// The position of a row; for a hidden row, the position that it would have.
    pub fn position(&self, row: usize) -> usize {
        match &self.matches {
            None => row.min(self.total.saturating_sub(1)),
            Some(matches) => matches.partition_point(|&other| (other as usize) < row).min(self.total.saturating_sub(1)),
        }
    }

    /// The rows between two positions, in either order, both included.
    pub fn between(&self, one: usize, other: usize) -> impl Iterator<Item = usize> + '_ {
        (one.min(other)..=one.max(other)).filter_map(|position| self.row(position))
    }
}

fn contains(rows: &Rows, row: usize, needle: &str) -> bool {
    let Some(name) = rows.name(row) else { return false };
    // Most names are ASCII, and folding those needs no allocation.
    if name.is_ascii() {
        return contains_ascii(name, needle.as_bytes());
    }
    fold_text(&String::from_utf8_lossy(name)).contains(needle)
}

/// `needle` is folded and not empty.
fn contains_ascii(name: &[u8], needle: &[u8]) -> bool {
    let (Some((first, rest)), Some(last)) = (needle.split_first(), name.len().checked_sub(needle.len())) else {
        return false;
    };
    // Most places differ in their first letter, and this comparison needs no call.
    (0..=last)
        .any(|at| name[at].to_ascii_lowercase() == *first && name[at + 1..][..rest.len()].eq_ignore_ascii_case(rest))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_filter_finds_decomposed_names_that_are_typed_composed() {
        let hangul = "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}.txt";
        let listing = sample::listing(&[hangul, "\u{306f}\u{3099}", "\u{438}\u{306}ога", "Ελλα\u{301}δα"]);
        for (row, typed) in ["\u{d55c}\u{ae00}", "\u{3070}", "\u{439}о", "ΕΛΛ\u{386}ΔΑ"].into_iter().enumerate() {
            let view = View::filtered(&listing, typed);
            assert_eq!((view.len(), view.row(0)), (1, Some(row)), "{typed}");
        }
    }

    #[test]
    fn a_filter_ignores_case_and_accents() {
        let listing = sample::listing(&["Été", "hiver", "ETE.txt", "printemps"]);
        let view = View::filtered(&listing, " ete ");
        assert_eq!((view.len(), view.row(0), view.row(1), view.row(2)), (2, Some(0), Some(2), None));
        assert_eq!((view.position(0), view.position(1), view.position(2), view.position(3)), (0, 1, 1, 1));
        assert_eq!(view.between(1, 0).collect::<Vec<_>>(), [0, 2]);
        assert_eq!((view.shows(1), view.shows(2)), (false, true));
    }

    #[test]
    fn filtering_further_finds_what_filtering_anew_does() {
        let listing = sample::listing(&["aba.txt", "Ab", "bab", "éAB", "a", "xAbA", "ta\u{301}b"]);
        let mut typed = View::whole(&listing);
        for text in ["a", "ab", "aba", "ab", "", "b", "bab", "ba"] {
            typed = typed.filtered_further(&listing, text);
            assert_eq!(typed, View::filtered(&listing, text), "{text}");
        }
        assert_eq!(View::filtered(&listing, "AB").len(), 6);
    }

    #[test]
    fn without_a_filter_positions_are_rows() {
        let listing = sample::listing(&["a", "b", "c"]);
        let view = View::filtered(&listing, "  ");
        assert!(!view.is_filtered());
        assert_eq!((view.row(2), view.row(3), view.position(9)), (Some(2), None, 2));
    }

    #[test]
    fn a_filter_without_a_match_is_an_empty_view() {
        let view = View::filtered(&sample::listing(&["a"]), "zz");
        assert_eq!((view.len(), view.row(0), view.position(0)), (0, None, 0));
    }
}
