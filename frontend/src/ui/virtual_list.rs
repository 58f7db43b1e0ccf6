//! The arithmetic of a virtual list: which rows are in sight, and how a scroll position that browsers limit to some
//! million pixels reaches every row of a longer list.
//!
//! A list up to [`HEIGHT_PX_MAX`] scrolls natively. In a longer one, the scroll position is a ratio of the list, with
//! an unscaled zone at either end. Small movements (by wheel, touch or arrow keys) still move the rows by as many
//! pixels as the scroll position; when scrolling rests, the caller sets the scroll position to that of the row at the
//! top.

use std::ops::Range;

/// Greatest height of the list element, in pixels. Firefox limits elements to 17.9 million pixels, Chromium on a dense
/// screen to 11.2.
pub const HEIGHT_PX_MAX: f64 = 6_000_000.0;
/// Height of the unscaled zone at either end of a scaled list, in pixels.
const ZONE_PX: f64 = 200_000.0;

/// The heights of a list, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Extent {
    /// Number of rows.
    pub rows: usize,
    /// Height of a row.
    pub row: f64,
    /// Height of the part in sight.
    pub viewport: f64,
}

impl Extent {
    /// The height of all rows.
    pub fn full_height(&self) -> f64 {
        self.rows as f64 * self.row
    }

    /// The height of the list element.
    pub fn height(&self) -> f64 {
        self.full_height().min(HEIGHT_PX_MAX)
    }

    /// True if the scroll position is a ratio of the list.
    pub fn is_scaled(&self) -> bool {
        self.full_height() > HEIGHT_PX_MAX
    }

    /// The greatest offset of the list that can be at the top of the viewport.
    pub fn top_max(&self) -> f64 {
        (self.full_height() - self.viewport).max(0.0)
    }

    fn scroll_top_max(&self) -> f64 {
        (self.height() - self.viewport).max(0.0)
    }

    /// The offset at the top of the viewport for a scroll position.
    pub fn top_at(&self, scroll_top: f64) -> f64 {
        if !self.is_scaled() {
            return scroll_top.clamp(0.0, self.top_max());
        }
        let (scroll_top_max, top_max) = (self.scroll_top_max(), self.top_max());
        if scroll_top <= ZONE_PX {
            scroll_top.max(0.0)
        } else if scroll_top >= scroll_top_max - ZONE_PX {
            (top_max - (scroll_top_max - scroll_top)).min(top_max)
        } else {
            ZONE_PX + (scroll_top - ZONE_PX) * (top_max - 2.0 * ZONE_PX) / (scroll_top_max - 2.0 * ZONE_PX)
        }
    }

    /// The scroll position for an offset at the top of the viewport.
    pub fn scroll_top_at(&self, top: f64) -> f64 {
        if !self.is_scaled() {
            return top.clamp(0.0, self.top_max());
        }
        let (scroll_top_max, top_max) = (self.scroll_top_max(), self.top_max());
        if top <= ZONE_PX {
            top.max(0.0)
        } else if top >= top_max - ZONE_PX {
            scroll_top_max - (top_max - top.min(top_max))
        } else {
            ZONE_PX + (top - ZONE_PX) * (scroll_top_max - 2.0 * ZONE_PX) / (top_max - 2.0 * ZONE_PX)
        }
    }

    /// The rows to render with the offset `top` at the top of the viewport: those in sight, and `overscan` more on
    /// either side.
    pub fn window(&self, top: f64, overscan: usize) -> Range<usize> {
        if self.rows == 0 || self.row <= 0.0 {
            return 0..0;
        }
        let first = (top / self.row) as usize;
        let end = ((top + self.viewport) / self.row).ceil() as usize;
        first.saturating_sub(overscan).min(self.rows)..(end + overscan).min(self.rows)
    }

    /// Number of rows that Page Down moves: one less than fit.
    pub fn page(&self) -> usize {
        if self.row > 0.0 { ((self.viewport / self.row) as usize).saturating_sub(1).max(1) } else { 1 }
    }

    /// The nearest offset that brings the whole row into sight. `None` if it is in sight.
    pub fn reveal(&self, row: usize, top: f64) -> Option<f64> {
        let (upper, lower) = (row as f64 * self.row, (row + 1) as f64 * self.row);
        if upper < top {
            Some(upper)
        } else if lower > top + self.viewport {
            Some((lower - self.viewport).max(0.0))
        } else {
            None
        }
    }

    /// The offset that brings the row to the middle of the viewport.
    pub fn center(&self, row: usize) -> f64 {
        (row as f64 * self.row - (self.viewport - self.row) / 2.0).clamp(0.0, self.top_max())
    }
}

/// A CSS length in whole pixels.
pub fn pixels(length: f64) -> String {
    format!("{}px", length.round() as i64)
}

/// The scroll position of a list, and the offset at the top of the viewport.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scroll {
    /// The scroll position, in pixels.
    pub scroll_top: f64,
    /// The offset at the top of the viewport, in pixels.
    pub top: f64,
}

impl Scroll {
    /// After the browser changed the scroll position.
    pub fn moved(self, scroll_top: f64, extent: &Extent) -> Self {
        if !extent.is_scaled() || scroll_top <= 0.0 || scroll_top >= extent.scroll_top_max() {
            return Self { scroll_top, top: extent.top_at(scroll_top) };
        }
        let step = scroll_top - self.scroll_top;
        // Only dragging the scroll bar moves more than two viewports at once.
        let top = if step.abs() > 2.0 * extent.viewport { extent.top_at(scroll_top) } else { self.top + step };
        Self { scroll_top, top: top.clamp(0.0, extent.top_max()) }
    }

    /// With the offset `top` at the top of the viewport.
    pub fn to(top: f64, extent: &Extent) -> Self {
        let top = top.clamp(0.0, extent.top_max());
        Self { scroll_top: extent.scroll_top_at(top), top }
    }

    /// The distance by which rows are rendered away from their offsets, so that they are in sight.
    pub fn shift(&self) -> f64 {
        self.scroll_top - self.top
    }
}

/// Assigns the wanted rows, and the pinned one, to slots. A slot keeps its row while the row is wanted, so that rows in
/// sight and the row with the focus keep their elements. Returns the slots that change, with their new rows.
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

/// Number of slots for which [`assign`] always has enough.
pub fn slots_needed(extent: &Extent, overscan: usize) -> usize {
    if extent.row <= 0.0 {
        return 0;
    }
    let visible = (extent.viewport / extent.row).ceil() as usize + 1;
    (visible + 2 * overscan + 1).min(extent.rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Extent = Extent { rows: 1_000, row: 36.0, viewport: 600.0 };
    const LONG: Extent = Extent { rows: 1_000_000, row: 36.0, viewport: 600.0 };

    #[test]
    fn a_short_list_scrolls_natively() {
        assert_eq!((SHORT.height(), SHORT.top_max()), (36_000.0, 35_400.0));
        assert_eq!((SHORT.top_at(1_234.0), SHORT.scroll_top_at(1_234.0)), (1_234.0, 1_234.0));
        assert_eq!(Scroll::default().moved(9_999.0, &SHORT).shift(), 0.0);
        assert_eq!(SHORT.window(720.0, 2), 18..39);
        assert_eq!(SHORT.window(0.0, 2), 0..19);
        assert_eq!(SHORT.window(SHORT.top_max(), 2), 981..1_000);
        assert_eq!(Extent { rows: 0, ..SHORT }.window(0.0, 2), 0..0);
        assert_eq!(SHORT.page(), 15);
    }

    #[test]
    fn a_long_list_reaches_both_ends_and_the_mapping_is_invertible() {
        assert_eq!(LONG.height(), HEIGHT_PX_MAX);
        assert_eq!(LONG.top_at(0.0), 0.0);
        assert_eq!(LONG.top_at(HEIGHT_PX_MAX - 600.0), LONG.top_max());
        for top in [0.0, 100.0, 199_999.0, 5e6, 1.8e7, LONG.top_max() - 50.0, LONG.top_max()] {
            assert!((LONG.top_at(LONG.scroll_top_at(top)) - top).abs() < 1e-3, "{top}");
        }
    }

    #[test]
    fn moved_scales_large_movements_only() {
        let start = Scroll::to(18_000_000.0, &LONG);
        let wheel = start.moved(start.scroll_top + 100.0, &LONG);
        assert_eq!(wheel.top - start.top, 100.0);
        let dragged = start.moved(start.scroll_top + 100_000.0, &LONG);
        assert!(dragged.top - start.top > 500_000.0);
        assert_eq!(start.moved(0.0, &LONG).top, 0.0);
        assert_eq!(start.moved(LONG.scroll_top_max(), &LONG).top, LONG.top_max());
        let settled = Scroll::to(wheel.top, &LONG);
        assert!((settled.top - wheel.top).abs() < 1e-6);
    }

    #[test]
    fn reveal_scrolls_no_farther_than_needed() {
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
    fn assign_keeps_rows_in_their_slots() {
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
    fn slots_needed_is_enough_for_every_window() {
        for step in 0..400 {
            let top = step as f64 * 7.3;
            assert!(SHORT.window(top, 8).len() < slots_needed(&SHORT, 8), "{top}");
        }
    }
}
