//! The arithmetic of a virtual list: which rows are in sight, and how a scroll bar that browsers limit to some million
//! pixels reaches all of a list that is longer.
//!
//! Below [`SIZER_PX_MAX`] the list scrolls as it is. Above it, the scroll bar's position stands for a ratio of the
//! list, with an unscaled zone at either end; small movements (a wheel, a finger, an arrow key) still move the rows by
//! as many pixels as were asked for, and the bar is put right once the movement rests.

use std::ops::Range;

/// Tallest element that is given to the browser. Firefox stops at 17.9 million, Chromium on a dense screen at 11.2.
pub const SIZER_PX_MAX: f64 = 6_000_000.0;
/// How much of either end of a taller list is not scaled.
const ZONE_PX: f64 = 200_000.0;

/// How tall things are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Extent {
    /// Rows in the list.
    pub rows: usize,
    /// Height of a row, in pixels.
    pub row: f64,
    /// Height of what shows them.
    pub port: f64,
}

impl Extent {
    /// The height that the list would have.
    pub fn full(&self) -> f64 {
        self.rows as f64 * self.row
    }

    /// The height that it is given.
    pub fn sizer(&self) -> f64 {
        self.full().min(SIZER_PX_MAX)
    }

    /// True if the scroll bar stands for a ratio.
    pub fn is_scaled(&self) -> bool {
        self.full() > SIZER_PX_MAX
    }

    /// The farthest that the list's top can be.
    pub fn top_max(&self) -> f64 {
        (self.full() - self.port).max(0.0)
    }

    fn bar_max(&self) -> f64 {
        (self.sizer() - self.port).max(0.0)
    }

    /// What is at the top when the scroll bar is at `bar`.
    pub fn top_at(&self, bar: f64) -> f64 {
        if !self.is_scaled() {
            return bar.clamp(0.0, self.top_max());
        }
        let (bar_max, top_max) = (self.bar_max(), self.top_max());
        if bar <= ZONE_PX {
            bar.max(0.0)
        } else if bar >= bar_max - ZONE_PX {
            (top_max - (bar_max - bar)).min(top_max)
        } else {
            ZONE_PX + (bar - ZONE_PX) * (top_max - 2.0 * ZONE_PX) / (bar_max - 2.0 * ZONE_PX)
        }
    }

    /// Where the scroll bar belongs when `top` is at the top.
    pub fn bar_at(&self, top: f64) -> f64 {
        if !self.is_scaled() {
            return top.clamp(0.0, self.top_max());
        }
        let (bar_max, top_max) = (self.bar_max(), self.top_max());
        if top <= ZONE_PX {
            top.max(0.0)
        } else if top >= top_max - ZONE_PX {
            bar_max - (top_max - top.min(top_max))
        } else {
            ZONE_PX + (top - ZONE_PX) * (bar_max - 2.0 * ZONE_PX) / (top_max - 2.0 * ZONE_PX)
        }
    }

    /// The rows to have ready when `top` is at the top, `spare` more than are seen at either side.
    pub fn window(&self, top: f64, spare: usize) -> Range<usize> {
        if self.rows == 0 || self.row <= 0.0 {
            return 0..0;
        }
        let first = (top / self.row) as usize;
        let end = ((top + self.port) / self.row).ceil() as usize;
        first.saturating_sub(spare).min(self.rows)..(end + spare).min(self.rows)
    }

    /// How many whole rows fit.
    pub fn page(&self) -> usize {
        if self.row > 0.0 { ((self.port / self.row) as usize).saturating_sub(1).max(1) } else { 1 }
    }

    /// The nearest top at which the row is wholly seen; none if it is already.
    pub fn reveal(&self, row: usize, top: f64) -> Option<f64> {
        let (upper, lower) = (row as f64 * self.row, (row + 1) as f64 * self.row);
        if upper < top {
            Some(upper)
        } else if lower > top + self.port {
            Some((lower - self.port).max(0.0))
        } else {
            None
        }
    }

    /// The top at which the row is in the middle.
    pub fn center(&self, row: usize) -> f64 {
        (row as f64 * self.row - (self.port - self.row) / 2.0).clamp(0.0, self.top_max())
    }
}

/// A length for the style sheet, in whole pixels: at this scale a fraction shows nowhere.
pub fn pixels(length: f64) -> String {
    format!("{}px", length.round() as i64)
}

/// Where a list is scrolled to: the scroll bar, and what is really at the top.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scroll {
    /// The scroll bar, in pixels.
    pub bar: f64,
    /// The list's own pixel that is at the top.
    pub top: f64,
}

impl Scroll {
    /// After the browser moved the scroll bar.
    pub fn moved(self, bar: f64, extent: &Extent) -> Self {
        if !extent.is_scaled() || bar <= 0.0 || bar >= extent.bar_max() {
            return Self { bar, top: extent.top_at(bar) };
        }
        let step = bar - self.bar;
        // More than two screens at once: the bar itself was dragged.
        let top = if step.abs() > 2.0 * extent.port { extent.top_at(bar) } else { self.top + step };
        Self { bar, top: top.clamp(0.0, extent.top_max()) }
    }

    /// With `top` at the top.
    pub fn to(top: f64, extent: &Extent) -> Self {
        let top = top.clamp(0.0, extent.top_max());
        Self { bar: extent.bar_at(top), top }
    }

    /// What to add to a row's own offset so that it stands right under the scroll bar.
    pub fn shift(&self) -> f64 {
        self.bar - self.top
    }
}

/// Gives slots to the wanted rows: a slot keeps its row for as long as that is wanted, so that nothing in sight, and
/// nothing with the focus, changes its element. Answers which slots change.
pub fn assign(slots: &[Option<usize>], wanted: Range<usize>, pinned: Option<usize>) -> Vec<(usize, Option<usize>)> {
    let wants = |row: usize| wanted.contains(&row) || pinned == Some(row);
    let mut served = vec![false; wanted.len()];
    let mut pin = pinned.filter(|row| !wanted.contains(row));
    let mut free = Vec::new();
    for (slot, row) in slots.iter().enumerate() {
        match row {
            Some(row) if wants(*row) => match wanted.contains(row) {
                true => served[row - wanted.start] = true,
                false => pin = None,
            },
            _ => free.push(slot),
        }
    }
    let missing = served.iter().enumerate().filter(|(_, served)| !**served).map(|(index, _)| wanted.start + index);
    let mut missing = pin.into_iter().chain(missing);
    let mut changes = Vec::new();
    for slot in free {
        let row = missing.next();
        if row != slots[slot] {
            changes.push((slot, row));
        }
    }
    changes
}

/// How many slots a list needs so that [`assign`] never runs short.
pub fn slots_needed(extent: &Extent, spare: usize) -> usize {
    if extent.row <= 0.0 {
        return 0;
    }
    let seen = (extent.port / extent.row).ceil() as usize + 1;
    (seen + 2 * spare + 1).min(extent.rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Extent = Extent { rows: 1_000, row: 36.0, port: 600.0 };
    const LONG: Extent = Extent { rows: 1_000_000, row: 36.0, port: 600.0 };

    #[test]
    fn a_short_list_scrolls_as_it_is() {
        assert_eq!((SHORT.sizer(), SHORT.top_max()), (36_000.0, 35_400.0));
        assert_eq!((SHORT.top_at(1_234.0), SHORT.bar_at(1_234.0)), (1_234.0, 1_234.0));
        assert_eq!(Scroll::default().moved(9_999.0, &SHORT).shift(), 0.0);
        assert_eq!(SHORT.window(720.0, 2), 18..39);
        assert_eq!(SHORT.window(0.0, 2), 0..19);
        assert_eq!(SHORT.window(SHORT.top_max(), 2), 981..1_000);
        assert_eq!(Extent { rows: 0, ..SHORT }.window(0.0, 2), 0..0);
        assert_eq!(SHORT.page(), 15);
    }

    #[test]
    fn a_long_list_reaches_both_ends_and_the_mapping_leads_back() {
        assert_eq!(LONG.sizer(), SIZER_PX_MAX);
        assert_eq!(LONG.top_at(0.0), 0.0);
        assert_eq!(LONG.top_at(SIZER_PX_MAX - 600.0), LONG.top_max());
        for top in [0.0, 100.0, 199_999.0, 5e6, 1.8e7, LONG.top_max() - 50.0, LONG.top_max()] {
            assert!((LONG.top_at(LONG.bar_at(top)) - top).abs() < 1e-3, "{top}");
        }
    }

    #[test]
    fn small_movements_are_not_scaled_and_large_ones_are() {
        let start = Scroll::to(18_000_000.0, &LONG);
        let wheel = start.moved(start.bar + 100.0, &LONG);
        assert_eq!(wheel.top - start.top, 100.0);
        let dragged = start.moved(start.bar + 100_000.0, &LONG);
        assert!(dragged.top - start.top > 500_000.0);
        assert_eq!(start.moved(0.0, &LONG).top, 0.0);
        assert_eq!(start.moved(LONG.bar_max(), &LONG).top, LONG.top_max());
        let settled = Scroll::to(wheel.top, &LONG);
        assert!((settled.top - wheel.top).abs() < 1e-6);
    }

    #[test]
    fn a_row_is_revealed_no_farther_than_needed() {
        assert_eq!(SHORT.reveal(0, 100.0), Some(0.0));
        assert_eq!(SHORT.reveal(5, 100.0), None);
        assert_eq!(SHORT.reveal(100, 0.0), Some(101.0 * 36.0 - 600.0));
        assert_eq!(SHORT.center(0), 0.0);
        assert_eq!(SHORT.center(999), SHORT.top_max());
    }

    #[track_caller]
    fn after(slots: &[Option<usize>], wanted: Range<usize>, pinned: Option<usize>) -> Vec<Option<usize>> {
        let mut slots = slots.to_vec();
        for (slot, row) in assign(&slots, wanted.clone(), pinned) {
            slots[slot] = row;
        }
        let mut shown: Vec<_> = slots.iter().flatten().copied().collect();
        shown.sort_unstable();
        let mut expected: Vec<_> = wanted.chain(pinned).collect();
        expected.sort_unstable();
        expected.dedup();
        assert_eq!(shown, expected);
        slots
    }

    #[test]
    fn slots_keep_what_stays_and_take_what_comes() {
        let slots = after(&[None; 6], 0..5, Some(0));
        let moved = after(&slots, 2..7, Some(0));
        for row in [0, 2, 3, 4] {
            let at = |slots: &[Option<usize>]| slots.iter().position(|shown| *shown == Some(row));
            assert_eq!(at(&slots), at(&moved), "row {row} changed its slot");
        }
        let far = after(&moved, 900..905, Some(0));
        let back = after(&far, 0..5, Some(0));
        assert_eq!(back.iter().flatten().count(), 5);
        assert!(assign(&back, 0..5, Some(0)).is_empty());
        after(&back, 0..0, None);
    }

    #[test]
    fn there_are_always_enough_slots() {
        for step in 0..400 {
            let top = step as f64 * 7.3;
            assert!(SHORT.window(top, 8).len() < slots_needed(&SHORT, 8), "{top}");
        }
    }
}
