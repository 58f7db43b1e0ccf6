//! The list of rows: an ARIA grid that draws only the rows in sight, in slots that are reused.

use leptos::html;
use leptos::prelude::*;
use shared::{Direction, Order, SortKey};

use super::pointer::Pointer;
use super::row::RowSlot;
use super::scroller::Scroller;
use crate::changes::Changes;
use crate::env::prefs::Prefs;
use crate::folder::FileBrowser;
use crate::folder::model::{Selection, View};
use crate::i18n::{Words, fill};
use crate::ui::icon::Icon;
use crate::ui::virtual_list::pixels;

/// The list of the folder on the screen.
#[component]
pub(super) fn Grid(
    /// The folder's display name.
    name: Signal<String>,
) -> impl IntoView {
    let (browser, changes, prefs) = (FileBrowser::get(), Changes::get(), Prefs::get());
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
                <div class="sizer" role="presentation" style:height=move || pixels(scroller.extent.get().height())>
                    <For each=move || slots.get() key=|slot| slot.id let:slot>
                        <RowSlot row=slot height=scroller.row_height shift=scroller.shift />
                    </For>
                </div>
            </div>
            <div class="row-probe" aria-hidden="true" node_ref=probe></div>
        </div>
    }
}

/// The column headers; pressing one sorts.
#[component]
fn Head() -> impl IntoView {
    let (browser, prefs) = (FileBrowser::get(), Prefs::get());
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
    let (browser, prefs) = (FileBrowser::get(), Prefs::get());
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

/// The order after a press on the header of `key`: the sorted column reverses; size and time start in descending order.
pub(super) fn next_order(order: Order, key: SortKey) -> Order {
    let direction = match (order.key == key, order.direction) {
        (true, Direction::Ascending) => Direction::Descending,
        (true, Direction::Descending) => Direction::Ascending,
        (false, _) if key == SortKey::Name => Direction::Ascending,
        (false, _) => Direction::Descending,
    };
    Order { key, direction }
}
