//! The list: a grid for assistive technology, of which only the rows in sight are drawn, in slots that are used again.

use std::time::Duration;

use leptos::html;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use shared::{Direction, Order, SortKey};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::model::{Selection, View};
use super::pointer::Pointer;
use super::row::{RowSlot, Slot};
use super::state::{Browser, Target};
use crate::changes::Changes;
use crate::env::prefs::Prefs;
use crate::env::{focus_element, focused};
use crate::i18n::{Words, fill};
use crate::ui::icon::Icon;
use crate::ui::size::measured;
use crate::ui::span::{Extent, Scroll, assign, pixels, slots_needed};

/// Rows drawn beyond either edge, so that a quick scroll finds them.
const SPARE_ROWS: usize = 10;
/// Scrolling rests when nothing moved for so long.
const REST: Duration = Duration::from_millis(150);

/// The list of the folder.
#[component]
pub(super) fn Grid(
    /// What people call the folder.
    name: Signal<String>,
) -> impl IntoView {
    let (browser, changes, prefs) = (Browser::get(), Changes::get(), Prefs::get());
    let port = NodeRef::<html::Div>::new();
    let probe = NodeRef::<html::Div>::new();
    let scroller = Scroller::new(browser, port, probe);
    let slots = scroller.slots;
    let row_in = Callback::new(move |slot: usize| {
        let position = slots.with_untracked(|slots| slots.get(slot)?.position.get_untracked())?;
        browser.view.with_untracked(|view| view.row(position))
    });
    let pointer = Pointer::new(browser, row_in);
    let label = Signal::derive(move || fill(prefs.words().files_in, &[("name", &name.get())]));
    let rows = Signal::derive(move || (browser.view.with(View::len) + 1).to_string());
    view! {
        <div role="grid" class="grid" aria-label=label aria-multiselectable="true" aria-colcount="4"
            aria-rowcount=rows>
            <Head />
            <div class="port" role="rowgroup" node_ref=port
                on:scroll=move |_| scroller.scrolled()
                on:pointerdown=move |event| pointer.down(&event)
                on:pointermove=move |event| pointer.moved(&event)
                on:pointerup=move |_| pointer.cancel()
                on:pointercancel=move |_| pointer.cancel()
                on:contextmenu=move |event| pointer.context_menu(&event)
                on:dragstart=move |event| pointer.drag_start(&event)
                on:dragover=move |event| pointer.drag_over(&event, port.get_untracked().map(Into::into))
                on:dragleave=move |_| changes.drag_left()
                on:dragend=move |_| changes.drag_ended()
                on:drop=move |event| pointer.dropped(&event)
                on:click=move |event| pointer.click(&event)
                on:focusin=move |event| pointer.focused(&event)
                on:dblclick=move |event| pointer.double_click(&event)>
                <div class="sizer" role="presentation" style:height=move || pixels(scroller.extent.get().sizer())>
                    <For each=move || slots.get() key=|slot| slot.id let:slot>
                        <RowSlot row=slot extent=scroller.extent shift=scroller.shift />
                    </For>
                </div>
            </div>
            <div class="row-probe" aria-hidden="true" node_ref=probe></div>
        </div>
    }
}

/// The column headers, which sort.
#[component]
fn Head() -> impl IntoView {
    let (browser, prefs) = (Browser::get(), Prefs::get());
    let shown = move || browser.view.with(View::len);
    let chosen = move || browser.selection.with(Selection::len);
    let every = move || shown() > 0 && chosen() >= shown();
    let some = move || chosen() > 0 && !every();
    let toggle_all = move |_| match every() {
        true => browser.selection.update(Selection::clear),
        false => browser.select_all(),
    };
    view! {
        <div role="rowgroup" class="head">
            <div role="row" class="head-row" aria-rowindex="1">
                <div role="columnheader" class="cell-check">
                    <input type="checkbox" class="check" aria-label=prefs.text(|words| words.select_all)
                        prop:checked=every prop:indeterminate=some on:change=toggle_all />
                </div>
                <ColumnHead key=SortKey::Name class="cell-name" label=|words| words.name />
                <ColumnHead key=SortKey::Size class="cell-size" label=|words| words.size />
                <ColumnHead key=SortKey::Modified class="cell-date" label=|words| words.modified />
            </div>
        </div>
    }
}

#[component]
fn ColumnHead(key: SortKey, class: &'static str, label: fn(&'static Words) -> &'static str) -> impl IntoView {
    let (browser, prefs) = (Browser::get(), Prefs::get());
    let direction = Memo::new(move |_| {
        let order = browser.order.get();
        (order.key == key).then_some(order.direction)
    });
    let aria = move || match direction.get() {
        Some(Direction::Ascending) => "ascending",
        Some(Direction::Descending) => "descending",
        None => "none",
    };
    let arrow = Signal::derive(move || match direction.get() {
        Some(Direction::Descending) => "down",
        _ => "up",
    });
    let sort = move |_| browser.sort(next_order(browser.order.get_untracked(), key));
    view! {
        <div role="columnheader" class=class aria-sort=aria>
            <button type="button" class="sort" class:active=move || direction.get().is_some() on:click=sort>
                <span>{prefs.text(label)}</span>
                <Icon name=arrow />
            </button>
        </div>
    }
}

/// The same column again turns the order round; size and time start with the largest and the newest.
pub(super) fn next_order(order: Order, key: SortKey) -> Order {
    let direction = match (order.key == key, order.direction) {
        (true, Direction::Ascending) => Direction::Descending,
        (true, Direction::Descending) => Direction::Ascending,
        (false, _) if key == SortKey::Name => Direction::Ascending,
        (false, _) => Direction::Descending,
    };
    Order { key, direction }
}

/// What scrolls the rows and gives them their slots.
#[derive(Clone, Copy)]
struct Scroller {
    browser: Browser,
    port: NodeRef<html::Div>,
    extent: Memo<Extent>,
    scroll: RwSignal<Scroll>,
    /// What scaled lists add to each row's offset; 0 for others, so that their rows do not move at all.
    shift: Memo<f64>,
    slots: RwSignal<Vec<Slot>>,
    /// Whose the slots' signals are: made in an effect, they would end with its next run.
    owner: StoredValue<Owner>,
    frame_asked: StoredValue<bool>,
    rest: StoredValue<Option<TimeoutHandle>, LocalStorage>,
}

impl Scroller {
    fn new(browser: Browser, port: NodeRef<html::Div>, probe: NodeRef<html::Div>) -> Self {
        let (port_size, row_size) = (measured(port), measured(probe));
        let extent = Memo::new(move |_| Extent {
            rows: browser.view.with(View::len),
            row: row_size.get().1,
            port: port_size.get().1,
        });
        let scroll = RwSignal::new(Scroll::default());
        let scroller = Self {
            browser,
            port,
            extent,
            scroll,
            shift: Memo::new(move |_| if extent.get().is_scaled() { scroll.get().shift() } else { 0.0 }),
            slots: RwSignal::new(Vec::new()),
            owner: StoredValue::new(Owner::current().unwrap_or_default()),
            frame_asked: StoredValue::new(false),
            rest: StoredValue::new_local(None),
        };
        Effect::new(move |_| scroller.arrange());
        Effect::new(move |_| scroller.aim());
        Effect::new(move |_| {
            browser.wish_focus.track();
            request_animation_frame(move || scroller.focus_cursor());
        });
        on_cleanup(move || scroller.forget_rest());
        scroller
    }

    /// However often the browser says so, the position is read once a frame.
    fn scrolled(self) {
        if !self.frame_asked.get_value() {
            self.frame_asked.set_value(true);
            request_animation_frame(move || self.frame());
        }
    }

    fn frame(self) {
        // The list may be gone by now.
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

    /// Puts right what had time until now: the scroll bar of a scaled list, and the order of the elements.
    fn rested(self) {
        let Some(extent) = self.extent.try_get_untracked() else { return };
        if extent.is_scaled() {
            self.go_to(self.scroll.get_untracked().top, &extent);
        }
        self.order_elements();
        self.browser.remember_soon();
    }

    fn go_to(self, top: f64, extent: &Extent) {
        let Some(port) = self.port.get_untracked() else { return };
        let wanted = Scroll::to(top, extent);
        port.set_scroll_top(wanted.bar.round() as i32);
        // The browser may stop short of it, and the rows go by what it did.
        self.place(Scroll { bar: f64::from(port.scroll_top()), top: wanted.top }, extent);
    }

    /// Goes where the screen asks to, once it is known how tall things are.
    fn aim(self) {
        let extent = self.extent.get();
        let Some(target) = self.browser.target.get() else { return };
        if extent.row <= 0.0 || extent.port <= 0.0 {
            return;
        }
        let top = self.scroll.get_untracked().top;
        let position = |row| self.browser.view.with_untracked(|view| view.position(row));
        let wanted = match target {
            Target::Show(row) => extent.reveal(position(row), top),
            Target::Center(row) => {
                let position = position(row);
                extent.reveal(position, top).map(|_| extent.center(position))
            }
            Target::Top(rows) => Some(rows * extent.row),
        };
        self.browser.target.set(None);
        if let Some(top) = wanted {
            // The element gets its new height in this same turn; it must have it before it can scroll so far.
            if let Some(sizer) = self.port.get_untracked().and_then(|port| port.first_element_child()) {
                let _ = sizer.unchecked_ref::<HtmlElement>().style().set_property("height", &pixels(extent.sizer()));
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
        if self.slots.with_untracked(Vec::len) < needed {
            self.slots.update(|slots| {
                let new = slots.len()..needed;
                self.owner.with_value(|owner| {
                    slots.extend(new.map(|id| Slot { id, position: owner.with(|| RwSignal::new(None)) }));
                });
            });
        }
        let slots = self.slots.get_untracked();
        self.shift(&slots);
        let shown: Vec<_> = slots.iter().map(|slot| slot.position.get_untracked()).collect();
        for (slot, position) in assign(&shown, extent.window(scroll.top, SPARE_ROWS), pinned) {
            slots[slot].position.set(position);
        }
        if self.browser.focus_due.get_value() {
            request_animation_frame(move || self.focus_cursor());
        }
    }

    /// Rows changed places: each slot goes with its row, so that the focus stays in the element that has it.
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

    /// Gives the cursor's row the focus that is due to it, if the row is drawn by now.
    fn focus_cursor(self) {
        let Some(cursor) = self.browser.cursor.try_get_untracked() else { return };
        // The list may be gone by now, and what comes after it will see to it.
        let Some(slots) = self.slots.try_get_untracked().filter(|_| self.browser.focus_due.get_value()) else { return };
        let position = self.browser.view.with_untracked(|view| view.position(cursor));
        let slot = slots.iter().find(|slot| slot.position.get_untracked() == Some(position));
        if let Some(element) = slot.and_then(|slot| document().get_element_by_id(&slot.element_id())) {
            self.browser.focus_due.set_value(false);
            focus_element(element.unchecked_ref());
        }
    }

    /// A screen reader that reads on goes by the order of the elements, which the slots do not keep. The focused row
    /// stays where it is: moving it would take its focus away.
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
