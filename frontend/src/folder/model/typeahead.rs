//! Type-ahead: finding a row by the first letters of its name. A pause begins a new search; one letter typed repeatedly
//! steps through the rows that start with it. Pure.

use shared::name_key::fold_text;

use super::rows::Rows;
use super::view::View;

/// The pause after which a letter begins a new search, in milliseconds.
pub const PAUSE_MILLISECONDS: f64 = 500.0;

/// The letters that were typed so far.
#[derive(Clone, Debug, Default)]
pub struct TypeAhead {
    text: String,
    last: f64,
}

impl TypeAhead {
    /// True while another letter continues the search.
    pub fn is_active(&self, now: f64) -> bool {
        !self.text.is_empty() && now - self.last < PAUSE_MILLISECONDS
    }

    /// Adds a letter at the time `now`, in milliseconds, and returns the position that a search from `from` finds.
    pub fn press(&mut self, letter: char, now: f64, rows: &Rows, view: &View, from: usize) -> Option<usize> {
        if !self.is_active(now) {
            self.text.clear();
        }
        self.last = now;
        self.text.push(letter);
        let needle = fold_text(&self.text);
        let mut letters = needle.chars();
        let first = letters.next()?;
        let repeated = needle.chars().count() > 1 && letters.all(|letter| letter == first);
        // A name may also start with a repeated letter ("aa"), and then wins.
        let whole = search(rows, view, from + usize::from(self.text.chars().count() == 1), &needle);
        whole.or_else(|| repeated.then(|| search(rows, view, from + 1, &needle[..first.len_utf8()])).flatten())
    }
}

/// The first position at or after `start`, wrapping around, whose name starts with `needle`.
fn search(rows: &Rows, view: &View, start: usize, needle: &str) -> Option<usize> {
    let len = view.len();
    let starts = |position: &usize| {
        let name = view.row(*position).and_then(|row| rows.name(row));
        name.is_some_and(|name| starts_with(name, needle))
    };
    (start.min(len)..len).chain(0..start.min(len)).find(starts)
}

fn starts_with(name: &[u8], needle: &str) -> bool {
    if name.is_ascii() {
        return name.get(..needle.len()).is_some_and(|start| start.eq_ignore_ascii_case(needle.as_bytes()));
    }
    // A letter may carry several combining marks, hence more characters than the needle has bytes.
    let start: String = String::from_utf8_lossy(name).chars().take(needle.len() * 3).collect();
    fold_text(&start).starts_with(needle)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn letters_without_a_pause_search_together() {
        let listing = sample::listing(&["abc", "Éclair", "eau", "écrou", "zoo"]);
        let view = View::whole(&listing);
        let mut ahead = TypeAhead::default();
        let mut press = |letter, now, from| ahead.press(letter, now, &listing.rows, &view, from);
        assert_eq!(press('e', 0.0, 0), Some(1));
        assert_eq!(press('c', 300.0, 1), Some(1));
        assert_eq!(press('r', 600.0, 1), Some(3));
        assert_eq!(press('z', 1_200.0, 3), Some(4));
        assert_eq!(press('q', 1_300.0, 4), None);
    }

    #[test]
    fn a_repeated_letter_steps_through_the_rows() {
        let listing = sample::listing(&["a1", "a2", "b", "a3"]);
        let view = View::whole(&listing);
        let mut ahead = TypeAhead::default();
        let mut at = 0;
        for expected in [1, 3, 0, 1] {
            at = ahead.press('a', 0.0, &listing.rows, &view, at).unwrap();
            assert_eq!(at, expected);
        }
    }
}
