//! Scrolling of the list: the slots of the rows in sight, and scrolling to the target of the state.

use std::time::Duration;

use leptos::html;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::row::Slot;
use crate::env::{focus_element, focused, next_task, once_rendered};
use crate::folder::model::View;
use crate::folder::{FileBrowser, ScrollTarget};
use crate::ui::element_size::measured;
use crate::ui::virtual_list::{Extent, Scroll, assign, pixels, slots_needed};

/// Rows that are drawn beyond either edge, so that a quick scroll shows rows and no gap.
const SPARE_ROWS: usize = 10;
/// Most slots that are made in one task: those of a whole screen would take longer than a frame.
const SLOTS_PER_TASK: usize = 12;
/// The pause after which scrolling counts as ended.
const REST: Duration = Duration::from_millis(150);

/// The scroll position and the slots of the list.
#[derive(Clone, Copy)]
pub(super) struct Scroller {
    browser: FileBrowser,
    port: NodeRef<html::Div>,
    /// The heights of the list and of a row.
    pub(super) extent: Memo<Extent>,
    /// The height of a row, which stays while rows come and go.
    pub(super) row_height: Memo<f64>,
    scroll: RwSignal<Scroll>,
    /// What is added to the offset of each row in a scaled list; 0 in any other, so that its rows need no update.
    pub(super) shift: Memo<f64>,
    /// The slots for rows.
    pub(super) slots: RwSignal<Vec<Slot>>,
    /// The owner of the slots' signals: created in an effect, they would be disposed of by its next run.
    owner: StoredValue<Owner>,
    /// True while a task is due that makes more slots.
    slots_asked: StoredValue<bool>,
    /// Notified by that task.
    slots_made: Trigger,
    frame_asked: StoredValue<bool>,
    rest: StoredValue<Option<TimeoutHandle>, LocalStorage>,
}

/// Focuses the element; false if the browser refuses, as it does for a row that an effect has yet to show.
fn takes_focus(element: &Element) -> bool {
    focus_element(element.unchecked_ref());
    focused().is_some_and(|focused| focused.is_same_node(Some(element)))
}

impl Scroller {
    /// Creates the scroller of `port`; `probe` is an element with the height of a row.
    pub(super) fn new(browser: FileBrowser, port: NodeRef<html::Div>, probe: NodeRef<html::Div>) -> Self {
        let (port_size, row_size) = (measured(port), measured(probe));
        let extent = Memo::new(move |_| Extent {
            rows: browser.view.with(View::len),
            row: row_size.get().1,
            viewport: port_size.get().1,
        });
        let scroll = RwSignal::new(Scroll::default());
        let scroller = Self {
            browser,
            port,
            extent,
            row_height: Memo::new(move |_| row_size.get().1),
            scroll,
            shift: Memo::new(move |_| if extent.get().is_scaled() { scroll.get().shift() } else { 0.0 }),
            slots: RwSignal::new(Vec::new()),
            owner: StoredValue::new(Owner::current().unwrap_or_default()),
            slots_asked: StoredValue::new(false),
            slots_made: Trigger::new(),
            frame_asked: StoredValue::new(false),
            rest: StoredValue::new_local(None),
        };
        Effect::new(move |_| scroller.arrange());
        Effect::new(move |_| scroller.aim());
        Effect::new(move |_| {
            browser.focus_requested.track();
            if scroller.row_of_cursor().is_none_or(|row| !takes_focus(&row)) {
                once_rendered(move || scroller.focus_cursor());
            } else {
                browser.focus_pending.set_value(false);
            }
        });
        on_cleanup(move || scroller.forget_rest());
        scroller
    }

    /// Reads the scroll position once a frame, however often the browser sends the event.
    pub(super) fn scrolled(self) {
        if !self.frame_asked.get_value() {
            self.frame_asked.set_value(true);
            request_animation_frame(move || self.frame());
        }
    }

    fn frame(self) {
        // The list may have been removed by now.
        if self.frame_asked.try_update_value(|asked| *asked = false).is_none() {
            return;
        }
        let Some(port) = self.port.get_untracked() else { return };
        let extent = self.extent.get_untracked();
        let scroll = self.scroll.get_untracked().moved(f64::from(port.scroll_top()), &extent);
        self.place(scroll, &extent);
        self.forget_rest();
        self.rest.set_value(set_timeout_with_handle(move || self.rested(), REST).ok());
    }

    fn place(self, scroll: Scroll, extent: &Extent) {
        if extent.row > 0.0 {
            self.browser.top.set_value(scroll.top / extent.row);
            self.browser.page.set_value(extent.page());
        }
        if self.scroll.get_untracked() != scroll {
            self.scroll.set(scroll);
        }
    }

    /// Catches up after scrolling: the scroll bar of a scaled list, and the order of the elements.
    fn rested(self) {
        let Some(extent) = self.extent.try_get_untracked() else { return };
        if extent.is_scaled() {
            self.go_to(self.scroll.get_untracked().top, &extent);
        }
        self.order_elements();
        self.browser.save_view_soon();
    }

    fn go_to(self, top: f64, extent: &Extent) {
        let Some(port) = self.port.get_untracked() else { return };
        let wanted = Scroll::to(top, extent);
        port.set_scroll_top(wanted.scroll_top.round() as i32);
        // The browser may stop before the position, and the rows follow where it stopped.
        self.place(Scroll { scroll_top: f64::from(port.scroll_top()), top: wanted.top }, extent);
    }

    /// Scrolls to the target of the state, once the heights are measured.
    fn aim(self) {
        let extent = self.extent.get();
        let Some(target) = self.browser.target.get() else { return };
        if extent.row <= 0.0 || extent.viewport <= 0.0 {
            return;
        }
        let top = self.scroll.get_untracked().top;
        let position = |row| self.browser.view.with_untracked(|view| view.position(row));
        let wanted = match target {
            ScrollTarget::Show(row) => extent.reveal(position(row), top),
            ScrollTarget::Center(row) => {
                let position = position(row);
                extent.reveal(position, top).map(|_| extent.center(position))
            }
            ScrollTarget::Top(rows) => Some(rows * extent.row),
        };
        self.browser.target.set(None);
        if let Some(top) = wanted {
            // The element gets its new height in this turn, and can scroll so far only afterwards.
            if let Some(sizer) = self.port.get_untracked().and_then(|port| port.first_element_child()) {
                let _ = sizer.unchecked_ref::<HtmlElement>().style().set_property("height", &pixels(extent.height()));
            }
            self.go_to(top, &extent);
        } else {
            self.place(self.scroll.get_untracked(), &extent);
        }
    }

    fn arrange(self) {
        let (extent, scroll, cursor) = (self.extent.get(), self.scroll.get(), self.browser.cursor.get());
        let pinned = (extent.rows > 0).then(|| self.browser.view.with(|view| view.position(cursor)));
        let needed = slots_needed(&extent, SPARE_ROWS);
        self.slots_made.track();
        self.ask_for_slots(needed);
        let slots = self.slots.get_untracked();
        self.shift(&slots);
        let shown: Vec<_> = slots.iter().map(|slot| slot.position.get_untracked()).collect();
        // The first slots are for the rows in sight.
        let spare = if slots.len() < needed { 0 } else { SPARE_ROWS };
        for (slot, position) in assign(&shown, extent.window(scroll.top, spare), pinned) {
            slots[slot].position.set(position);
        }
        if self.browser.focus_pending.get_value() {
            once_rendered(move || self.focus_cursor());
        }
    }

    /// Asks for a task that makes more slots, where some are missing.
    fn ask_for_slots(self, needed: usize) {
        if self.slots.with_untracked(Vec::len) >= needed || self.slots_asked.get_value() {
            return;
        }
        self.slots_asked.set_value(true);
        spawn_local(async move {
            next_task().await;
            // The list may have been removed by now.
            if self.slots_asked.try_update_value(|asked| *asked = false).is_some() {
                self.make_slots();
            }
        });
    }

    fn make_slots(self) {
        let present = self.slots.with_untracked(Vec::len);
        let needed = slots_needed(&self.extent.get_untracked(), SPARE_ROWS);
        let new = present..needed.min(present + SLOTS_PER_TASK);
        self.slots.update(|slots| {
            self.owner.with_value(|owner| {
                slots.extend(new.map(|id| Slot { id, position: owner.with(|| RwSignal::new(None)) }));
            });
        });
        self.slots_made.notify();
    }

    /// Moves each slot along with its row, so that the focus stays in the element that has it.
    fn shift(self, slots: &[Slot]) {
        let shifts = self.browser.shifts.try_update_value(std::mem::take).unwrap_or_default();
        let Some((first, _)) = shifts.first() else { return };
        let follow = |position: usize| {
            let row = first.row(position)?;
            let row = shifts.iter().try_fold(row, |row, (_, remap)| remap.of(row))?;
            self.browser.view.with_untracked(|view| view.shows(row).then(|| view.position(row)))
        };
        for slot in slots {
            let position = slot.position.get_untracked();
            let now = position.and_then(follow);
            if now != position {
                slot.position.set(now);
            }
        }
    }

    /// Focuses the row at the cursor if it is drawn.
    fn focus_cursor(self) {
        if let Some(row) = self.row_of_cursor() {
            self.browser.focus_pending.set_value(false);
            focus_element(row.unchecked_ref());
        }
    }

    /// The element of the row at the cursor, if the row is to take the focus; `None` while it is not drawn, and once the
    /// list has been removed: what replaces it takes the focus.
    fn row_of_cursor(self) -> Option<Element> {
        let cursor = self.browser.cursor.try_get_untracked()?;
        let slots = self.slots.try_get_untracked().filter(|_| self.browser.focus_pending.get_value())?;
        let position = self.browser.view.with_untracked(|view| view.position(cursor));
        let slot = slots.iter().find(|slot| slot.position.get_untracked() == Some(position))?;
        document().get_element_by_id(&slot.element_id())
    }

    /// Sorts the elements by row, because a screen reader follows the order of the elements, which reused slots do not keep.
    /// The focused element stays where it is: moving it would take its focus away.
    fn order_elements(self) {
        let Some(sizer) = self.port.get_untracked().and_then(|port| port.first_element_child()) else { return };
        let mut slots = self.slots.get_untracked();
        slots.retain(|slot| slot.position.get_untracked().is_some());
        slots.sort_by_key(|slot| slot.position.get_untracked());
        let rows: Vec<_> = slots.iter().filter_map(|slot| document().get_element_by_id(&slot.element_id())).collect();
        let fixed = focused().and_then(|element| element.closest(".row").ok().flatten());
        let middle = fixed.as_ref().and_then(|fixed| rows.iter().position(|row| row == fixed)).unwrap_or(rows.len());
        // Neither call fails for children of the same parent.
        for row in &rows[..middle] {
            let _ = sizer.insert_before(row, fixed.as_ref().map(AsRef::as_ref));
        }
        for row in rows.iter().skip(middle + 1) {
            let _ = sizer.append_child(row);
        }
    }

    fn forget_rest(self) {
        let before = self.rest.try_update_value(Option::take).flatten();
        if let Some(before) = before {
            before.clear();
        }
    }
}
