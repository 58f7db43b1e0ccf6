//! The panel at the bottom: the progress of all uploads, and a virtual list of the files.

#![cfg(target_arch = "wasm32")]

use leptos::html;
use leptos::prelude::*;

use super::controller::Uploads;
use super::focus::{focused_slot, keep_in_panel, leave_panel};
use super::labels::{panel_labels, summary};
use super::model::announcements::Milestone;
use super::model::{Id, Queue, StageGroup, Totals};
use super::row::{Row, Slot};
use crate::env::prefs::Prefs;
use crate::i18n::fill;
use crate::ui::button::Button;
use crate::ui::element_size::measured;
use crate::ui::virtual_list::{Extent, assign, pixels, slots_needed};

/// Rows rendered beyond either edge.
const OVERSCAN_ROWS: usize = 3;

/// The panel, hidden while there are no uploads, and the announcements for screen readers.
#[component]
pub fn UploadsPanel() -> impl IntoView {
    let uploads = Uploads::get();
    let any = Memo::new(move |_| uploads.read(|queue| !queue.shown().is_empty()) || uploads.reading.get().is_some());
    view! {
        <Show when=move || any.get()><Panel /></Show>
        <Announcements />
    }
}

#[component]
fn Panel() -> impl IntoView {
    let (uploads, prefs) = (Uploads::get(), Prefs::get());
    let labels = Memo::new(move |_| panel_labels(uploads));
    let percent = Memo::new(move |_| uploads.read(|queue| queue.totals().percent()));
    let width = move || format!("{}%", percent.get());
    let busy = Memo::new(move |_| uploads.read(|queue| queue.totals().is_busy()));
    let toggle_label =
        Signal::derive(move || if uploads.open.get() { prefs.words().hide_list } else { prefs.words().show_list });
    let close = Callback::new(move |()| uploads.cancel_all(false));
    let keep_focus = keep_in_panel(move || {
        uploads.read(|_| ());
        uploads.open.track();
    });
    on_cleanup(leave_panel);
    view! {
        <section class="uploads" class:folded=move || !uploads.open.get() aria-label=prefs.text(|words| words.uploads)
            on:focusin=move |event| keep_focus(event.into())>
            <header class="uploads-head">
                <div class="uploads-title">
                    <h2>{move || labels.get().0}</h2>
                    <p class="uploads-figures">{move || labels.get().1}</p>
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

/// The buttons that act on all uploads, and the one that scrolls to the next upload that needs the user.
#[component]
fn AllActions(hidden_problem: Memo<bool>, next_problem: Callback<()>) -> impl IntoView {
    let (uploads, prefs) = (Uploads::get(), Prefs::get());
    let totals = Memo::new(move |_| uploads.read(|queue| *queue.totals()));
    let when = move |test: fn(&Totals) -> bool| Memo::new(move |_| totals.with(test));
    let update = move |change: fn(&mut Queue)| Callback::new(move |()| uploads.command(change));
    let cancel_all = Callback::new(move |()| uploads.cancel_all(false));
    let pause = when(|totals| totals.pausable > 0);
    let resume = when(|totals| totals.paused > 0);
    let retry = when(|totals| totals.failed > 0);
    let cancel = when(|totals| totals.active + totals.paused + totals.conflicts > 1);
    let clear = when(|totals| totals.finished() > 0 && totals.files > totals.finished());
    view! {
        <div class="uploads-all">
            <Show when=move || hidden_problem.get()>
                <Button label=prefs.text(|words| words.next_problem) icon="warning" class="button quiet"
                    press=next_problem />
            </Show>
            <Show when=move || pause.get()>
                <Button label=prefs.text(|words| words.pause_all) class="button quiet" press=update(Queue::pause_all) />
            </Show>
            <Show when=move || resume.get()>
                <Button label=prefs.text(|words| words.resume_all) class="button quiet" press=update(Queue::resume_all) />
            </Show>
            <Show when=move || retry.get()>
                <Button label=prefs.text(|words| words.retry_all) class="button quiet" press=update(Queue::retry_all) />
            </Show>
            <Show when=move || cancel.get()>
                <Button label=prefs.text(|words| words.cancel_all) class="button quiet" press=cancel_all />
            </Show>
            <Show when=move || clear.get()>
                <Button label=prefs.text(|words| words.clear_finished) class="button quiet"
                    press=update(Queue::clear_finished) />
            </Show>
        </div>
    }
}

/// The files, of which only the rows in sight are rendered.
#[component]
fn List() -> impl IntoView {
    let uploads = Uploads::get();
    let (viewport, probe) = (NodeRef::<html::Ul>::new(), NodeRef::<html::Div>::new());
    let (viewport_size, row_size) = (measured(viewport), measured(probe));
    let count = Memo::new(move |_| uploads.read(|queue| queue.shown().len()));
    let extent =
        Memo::new(move |_| Extent { rows: count.get(), row: row_size.get().1, viewport: viewport_size.get().1 });
    let scroll_top = RwSignal::new(0.0);
    let slots = RwSignal::new(Vec::<Slot>::new());
    let owner = StoredValue::new(Owner::current().unwrap_or_default());
    // Once the user has interacted with the list, it no longer scrolls by itself.
    let touched = StoredValue::new(false);
    Effect::new(move |_| {
        let (extent, scroll_top) = (extent.get(), scroll_top.get());
        let needed = slots_needed(&extent, OVERSCAN_ROWS);
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
        // The row with the focus keeps its slot, so that no key press acts on another upload.
        let pinned = focused_slot().and_then(|slot| *shown.get(slot)?).filter(|position| *position < extent.rows);
        for (slot, position) in assign(&shown, extent.window(extent.top_at(scroll_top), OVERSCAN_ROWS), pinned) {
            slots[slot].position.set(position);
        }
    });
    let scroll_to = move |row: usize| {
        let extent = extent.get_untracked();
        let Some(viewport) = viewport.get_untracked() else { return };
        if let Some(top) = extent.reveal(row, extent.top_at(f64::from(viewport.scroll_top()))) {
            viewport.set_scroll_top(extent.scroll_top_at(top) as i32);
        }
    };
    Effect::new(move |_| {
        let first = uploads.read(|queue| first_of(queue, StageGroup::Active));
        if let Some(row) = first.filter(|_| !touched.get_value()) {
            scroll_to(row);
        }
    });
    let problems = Memo::new(move |_| uploads.read(|queue| queue.totals().needs_user()));
    let next_problem = Callback::new(move |()| {
        touched.set_value(true);
        if let Some(row) = untrack(|| uploads.read(|queue| first_of(queue, StageGroup::NeedsUser))) {
            scroll_to(row);
        }
    });
    let hidden_problem =
        Memo::new(move |_| problems.get() > 0 && extent.with(|extent| extent.full_height() > extent.viewport));
    let shift = Signal::derive(move || {
        let (extent, scroll_top) = (extent.get(), scroll_top.get());
        if extent.is_scaled() { scroll_top - extent.top_at(scroll_top) } else { 0.0 }
    });
    view! {
        <AllActions hidden_problem next_problem />
        <ul class="uploads-list" node_ref=viewport tabindex="-1"
            on:scroll=move |_| {
                if let Some(viewport) = viewport.get_untracked() {
                    scroll_top.set(f64::from(viewport.scroll_top()));
                }
            }
            on:pointerdown=move |_| touched.set_value(true)
            on:wheel=move |_| touched.set_value(true)
            on:focusin=move |_| touched.set_value(true)>
            <li class="uploads-sizer" role="presentation" aria-hidden="true"
                style:height=move || pixels(extent.get().height())></li>
            <For each=move || slots.get() key=|slot| slot.id let:slot>
                <Row row=slot extent shift />
            </For>
        </ul>
        <div class="uploads-probe" aria-hidden="true" node_ref=probe></div>
    }
}

/// Position of the first upload of a group in the list.
fn first_of(queue: &Queue, group: StageGroup) -> Option<usize> {
    let matches = |id: &Id| queue.get(*id).is_some_and(|item| item.stage.group() == group);
    queue.shown().iter().position(matches)
}

/// Live regions: milestones in a polite one, failures in an assertive one.
#[component]
fn Announcements() -> impl IntoView {
    let (uploads, prefs) = (Uploads::get(), Prefs::get());
    let status = move || {
        let words = prefs.words();
        match uploads.milestone.get()? {
            Milestone::Started => {
                let files = uploads.read(|queue| queue.totals().active);
                Some(prefs.counted(|words| &words.uploads_running, files))
            }
            Milestone::Quarter(percent) => Some(fill(words.uploads_announcement, &[("n", &percent.to_string())])),
            Milestone::Finished => uploads.read(|queue| {
                let done = prefs.counted(|words| &words.uploads_done, queue.totals().done);
                Some(format!("{done}. {}", summary(prefs, queue)))
            }),
        }
    };
    // A memo of the number announces each failure once.
    let failed = Memo::new(move |_| uploads.read(|queue| queue.totals().failed + queue.totals().missing));
    let alert = move || (failed.get() > 0).then(|| prefs.counted(|words| &words.uploads_need_user, failed.get()));
    let status = Memo::new(move |_| status());
    view! {
        <p class="visually-hidden" role="status">{move || status.get()}</p>
        <p class="visually-hidden" role="alert">{alert}</p>
    }
}
