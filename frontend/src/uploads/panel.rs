//! The panel of uploads, docked at the bottom: what goes on, and a virtual list of the files.

#![cfg(target_arch = "wasm32")]

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::controller::Uploads;
use super::labels::{head, summary};
use super::model::announcements::Milestone;
use super::model::{Group, Id, Queue};
use super::row::{Row, Slot};
use crate::env::prefs::Prefs;
use crate::env::{focus, focus_element, focused};
use crate::i18n::fill;
use crate::ui::button::Button;
use crate::ui::element_size::measured;
use crate::ui::ids::MAIN_ID;
use crate::ui::virtual_list::{Extent, assign, pixels, slots_needed};

/// Rows drawn beyond either edge.
const SPARE_ROWS: usize = 3;

/// The panel; nothing while there are no uploads.
#[component]
pub fn UploadsPanel() -> impl IntoView {
    let uploads = Uploads::get();
    let any = Memo::new(move |_| uploads.read(|queue| !queue.shown().is_empty()) || uploads.reading.get().is_some());
    view! {
        <Show when=move || any.get()><Panel /></Show>
        <Said />
    }
}

#[component]
fn Panel() -> impl IntoView {
    let (uploads, prefs) = (Uploads::get(), Prefs::get());
    let head = Memo::new(move |_| head(uploads));
    let percent = Memo::new(move |_| uploads.read(|queue| queue.tally().percent()));
    let width = move || format!("{}%", percent.get());
    let busy = Memo::new(move |_| uploads.read(|queue| queue.tally().is_busy()));
    let toggle_label =
        Signal::derive(move || if uploads.open.get() { prefs.words().hide_list } else { prefs.words().show_list });
    let close = Callback::new(move |()| uploads.cancel_all(false));
    on_cleanup(hand_focus_on);
    view! {
        <section class="uploads" class:folded=move || !uploads.open.get() aria-label=prefs.text(|words| words.uploads)>
            <header class="uploads-head">
                <div class="uploads-title">
                    <h2>{move || head.get().0}</h2>
                    <p class="uploads-figures">{move || head.get().1}</p>
                </div>
                <button type="button" class="button quiet" aria-expanded=move || uploads.open.get().to_string()
                    on:click=move |_| uploads.open.update(|open| *open = !*open)>
                    <span>{toggle_label}</span>
                </button>
                <Show when=move || !busy.get()>
                    <Button label=prefs.text(|words| words.close) icon="close" class="button quiet" press=close />
                </Show>
            </header>
            <div class="bar" role="progressbar" aria-label=prefs.text(|words| words.uploads_progress) aria-valuemin="0"
                aria-valuemax="100" aria-valuenow=move || percent.get().to_string()>
                <i style:width=width></i>
            </div>
            <Show when=move || uploads.open.get()><List /></Show>
        </section>
    }
}

/// What is done to all of them, and what leads to the next that needs a person.
#[component]
fn All(hidden_trouble: Memo<bool>, next_stuck: Callback<()>) -> impl IntoView {
    let (uploads, prefs) = (Uploads::get(), Prefs::get());
    let tally = Memo::new(move |_| uploads.read(|queue| *queue.tally()));
    let when = move |test: fn(&super::model::Tally) -> bool| Memo::new(move |_| tally.with(test));
    let act = move |act: fn(&mut Queue)| Callback::new(move |()| uploads.act(act));
    let cancel_all = Callback::new(move |()| uploads.cancel_all(false));
    let pause = when(|tally| tally.moving > 0);
    let resume = when(|tally| tally.paused > 0);
    let retry = when(|tally| tally.failed > 0);
    let cancel = when(|tally| tally.moving + tally.paused + tally.asking > 1);
    let clear = when(|tally| tally.over() > 0 && tally.files > tally.over());
    view! {
        <div class="uploads-all">
            <Show when=move || hidden_trouble.get()>
                <Button label=prefs.text(|words| words.next_problem) icon="warning" class="button quiet"
                    press=next_stuck />
            </Show>
            <Show when=move || pause.get()>
                <Button label=prefs.text(|words| words.pause_all) class="button quiet" press=act(Queue::pause_all) />
            </Show>
            <Show when=move || resume.get()>
                <Button label=prefs.text(|words| words.resume_all) class="button quiet" press=act(Queue::resume_all) />
            </Show>
            <Show when=move || retry.get()>
                <Button label=prefs.text(|words| words.retry_all) class="button quiet" press=act(Queue::retry_all) />
            </Show>
            <Show when=move || cancel.get()>
                <Button label=prefs.text(|words| words.cancel_all) class="button quiet" press=cancel_all />
            </Show>
            <Show when=move || clear.get()>
                <Button label=prefs.text(|words| words.clear_finished) class="button quiet"
                    press=act(Queue::clear_finished) />
            </Show>
        </div>
    }
}

/// The files, of which only those in sight are drawn.
#[component]
fn List() -> impl IntoView {
    let uploads = Uploads::get();
    let (port, probe) = (NodeRef::<html::Ul>::new(), NodeRef::<html::Div>::new());
    let (port_size, row_size) = (measured(port), measured(probe));
    let count = Memo::new(move |_| uploads.read(|queue| queue.shown().len()));
    let extent = Memo::new(move |_| Extent { rows: count.get(), row: row_size.get().1, port: port_size.get().1 });
    let bar = RwSignal::new(0.0);
    let slots = RwSignal::new(Vec::<Slot>::new());
    let owner = StoredValue::new(Owner::current().unwrap_or_default());
    // Once somebody is at work in the list, it stays where it is.
    let touched = StoredValue::new(false);
    Effect::new(move |_| {
        let (extent, bar) = (extent.get(), bar.get());
        let needed = slots_needed(&extent, SPARE_ROWS);
        if slots.with_untracked(Vec::len) < needed {
            slots.update(|slots| {
                let new = slots.len()..needed;
                owner.with_value(|owner| {
                    slots.extend(new.map(|id| Slot { id, position: owner.with(|| RwSignal::new(None)) }));
                });
            });
        }
        let slots = slots.get_untracked();
        let shown: Vec<_> = slots.iter().map(|slot| slot.position.get_untracked()).collect();
        for (slot, position) in assign(&shown, extent.window(extent.top_at(bar), SPARE_ROWS), None) {
            slots[slot].position.set(position);
        }
    });
    let scroll_to = move |row: usize| {
        let extent = extent.get_untracked();
        let Some(port) = port.get_untracked() else { return };
        if let Some(top) = extent.reveal(row, extent.top_at(f64::from(port.scroll_top()))) {
            port.set_scroll_top(extent.bar_at(top) as i32);
        }
    };
    Effect::new(move |_| {
        let first = uploads.read(|queue| first_of(queue, Group::Moving));
        if let Some(row) = first.filter(|_| !touched.get_value()) {
            scroll_to(row);
        }
    });
    let stuck = Memo::new(move |_| uploads.read(|queue| queue.tally().stuck()));
    let next_stuck = Callback::new(move |()| {
        touched.set_value(true);
        if let Some(row) = untrack(|| uploads.read(|queue| first_of(queue, Group::Stuck))) {
            scroll_to(row);
        }
    });
    let hidden_trouble = Memo::new(move |_| stuck.get() > 0 && extent.with(|extent| extent.full() > extent.port));
    let shift = Signal::derive(move || {
        let (extent, bar) = (extent.get(), bar.get());
        if extent.is_scaled() { bar - extent.top_at(bar) } else { 0.0 }
    });
    view! {
        <All hidden_trouble next_stuck />
        <ul class="uploads-list" node_ref=port tabindex="-1"
            on:scroll=move |_| {
                if let Some(port) = port.get_untracked() {
                    bar.set(f64::from(port.scroll_top()));
                }
            }
            on:pointerdown=move |_| touched.set_value(true)
            on:wheel=move |_| touched.set_value(true)
            on:focusin=move |_| touched.set_value(true)>
            <li class="uploads-sizer" role="presentation" aria-hidden="true"
                style:height=move || pixels(extent.get().sizer())></li>
            <For each=move || slots.get() key=|slot| slot.id let:slot>
                <Row row=slot extent shift />
            </For>
        </ul>
        <div class="uploads-probe" aria-hidden="true" node_ref=probe></div>
    }
}

fn first_of(queue: &Queue, group: Group) -> Option<usize> {
    let is = |id: &Id| queue.get(*id).is_some_and(|item| item.stage.group() == group);
    queue.shown().iter().position(is)
}

/// Before the panel goes: a key that is pressed the moment after it would otherwise go nowhere.
fn hand_focus_on() {
    if focused().is_some_and(|element| matches!(element.closest(".uploads"), Ok(Some(_)))) {
        focus(MAIN_ID);
    }
}

/// Puts the focus on what is left when a row, or a button of it, goes from under it: on the row that came in its place,
/// or the one above.
pub(super) fn keep_focus(slot: usize) {
    request_animation_frame(move || {
        // What is no longer drawn loses it only after this.
        let gone = |element: &Element| matches!(element.closest(".upload.off, [hidden]"), Ok(Some(_)));
        if focused().is_some_and(|element| !gone(&element)) {
            return;
        }
        let find = |selector: &str| document().query_selector(selector).ok().flatten();
        let row = |slot: usize| find(&format!("#upload-{slot}:not(.off) button:not([hidden])"));
        let near = (0..=slot).rev().find_map(row).or_else(|| find(".uploads button:not([hidden])"));
        match near {
            Some(button) => focus_element(button.unchecked_ref()),
            None => focus(MAIN_ID),
        }
    });
}

/// What a screen reader says by itself: start, quarters, end; and at once when something failed.
#[component]
fn Said() -> impl IntoView {
    let (uploads, prefs) = (Uploads::get(), Prefs::get());
    let status = move || {
        let words = prefs.words();
        match uploads.said.get()? {
            Milestone::Started => {
                let files = uploads.read(|queue| queue.tally().moving);
                Some(prefs.counted(|words| &words.uploads_running, files))
            }
            Milestone::Quarter(percent) => Some(fill(words.uploads_said, &[("n", &percent.to_string())])),
            Milestone::Finished => uploads.read(|queue| {
                let done = prefs.counted(|words| &words.uploads_done, queue.tally().done);
                Some(format!("{done}. {}", summary(prefs, queue)))
            }),
        }
    };
    // Only the number is watched: said once for each, and not again when the language changes.
    let stuck = Memo::new(move |_| uploads.read(|queue| queue.tally().failed + queue.tally().absent));
    let alert = move || (stuck.get() > 0).then(|| prefs.counted(|words| &words.uploads_stuck, stuck.get()));
    let status = Memo::new(move |_| status());
    view! {
        <p class="visually-hidden" role="status">{move || status.get()}</p>
        <p class="visually-hidden" role="alert">{alert}</p>
    }
}
