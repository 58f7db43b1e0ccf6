//! The selected rows: one bit for each, because a user may select a million. Pure.

use super::remap::Remap;

/// A set of rows, and the anchor of a range.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    bits: Vec<u64>,
    count: usize,
    /// The row from which Shift selects; `None` before the first selection.
    pub anchor: Option<usize>,
}

const WORD: usize = u64::BITS as usize;

impl Selection {
    /// How many rows are selected.
    pub fn len(&self) -> usize {
        self.count
    }

    /// True if no row is selected.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// True if `row` is selected.
    pub fn contains(&self, row: usize) -> bool {
        self.bits.get(row / WORD).is_some_and(|word| word >> (row % WORD) & 1 == 1)
    }

    /// The selected rows, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.bits.iter().enumerate().flat_map(|(index, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros() as usize;
                (rest != 0).then(|| {
                    rest &= rest - 1;
                    index * WORD + bit
                })
            })
        })
    }

    /// Adds rows to the selection.
    pub fn select(&mut self, rows: impl IntoIterator<Item = usize>) {
        for row in rows {
            if row / WORD >= self.bits.len() {
                self.bits.resize(row / WORD + 1, 0);
            }
            let bit = 1 << (row % WORD);
            let word = &mut self.bits[row / WORD];
            self.count += usize::from(*word & bit == 0);
            *word |= bit;
        }
    }

    /// Selects one row alone, which becomes the anchor.
    pub fn only(&mut self, row: usize) {
        self.clear();
        self.select([row]);
        self.anchor = Some(row);
    }

    /// Selects or deselects one row, which becomes the anchor.
    pub fn toggle(&mut self, row: usize) {
        if self.contains(row) {
            self.bits[row / WORD] &= !(1 << (row % WORD));
            self.count -= 1;
        } else {
            self.select([row]);
        }
        self.anchor = Some(row);
    }

    /// Selects a range of rows; with `add`, what is selected elsewhere stays.
    pub fn span(&mut self, range: impl IntoIterator<Item = usize>, add: bool) {
        let anchor = self.anchor;
        if !add {
            self.clear();
        }
        self.select(range);
        self.anchor = anchor;
    }

    /// Moves the selection along with its rows.
    pub fn remap(&mut self, remap: &Remap) {
        let mut moved = Self { anchor: self.anchor.map(|anchor| remap.nearest(anchor)), ..Self::default() };
        moved.select(self.iter().filter_map(|row| remap.of(row)));
        *self = moved;
    }

    /// Clears the selection.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(selection: &Selection) -> Vec<usize> {
        selection.iter().collect()
    }

    #[test]
    fn len_counts_the_selected_rows() {
        let mut selection = Selection::default();
        selection.select([3, 64, 127, 3]);
        assert_eq!((rows(&selection), selection.len()), (vec![3, 64, 127], 3));
        selection.toggle(64);
        selection.toggle(5);
        assert_eq!((rows(&selection), selection.len()), (vec![3, 5, 127], 3));
        assert!(!selection.contains(1_000_000));
        selection.only(9);
        assert_eq!((rows(&selection), selection.anchor), (vec![9], Some(9)));
    }

    #[test]
    fn span_replaces_or_adds_and_keeps_the_anchor() {
        let mut selection = Selection::default();
        selection.only(2);
        selection.span(2..=4, false);
        selection.span(1..=2, false);
        assert_eq!((rows(&selection), selection.anchor), (vec![1, 2], Some(2)));
        selection.toggle(8);
        selection.span(8..=9, true);
        assert_eq!(rows(&selection), [1, 2, 8, 9]);
    }

    #[test]
    fn a_million_rows_can_be_selected() {
        let mut selection = Selection::default();
        selection.select(0..1_000_000);
        assert_eq!((selection.len(), selection.iter().count()), (1_000_000, 1_000_000));
    }
}
