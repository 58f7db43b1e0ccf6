//! One row of the trash.

use leptos::prelude::*;
use shared::change::Trashed;

use super::state::{TrashState, row_id};
use crate::env::{format, prefs::Prefs};
use crate::folder::model::filetype::file_type;
use crate::folder::model::keys::Reach;
use crate::i18n::fill;
use crate::printable::printable;
use crate::server_info::ServerInfo;
use crate::ui::entry_name::EntryName;
use crate::ui::icon::Icon;

/// The row of an entry at its current index.
#[component]
pub(super) fn TrashRow(trash: TrashState, item: Trashed) -> impl IntoView {
    let prefs = Prefs::get();
    let id = item.id;
    let row = Memo::new(move |_| trash.items.with(|items| items.iter().position(|item| item.id == id)).unwrap_or(0));
    let selected = Memo::new(move |_| trash.selection.with(|selection| selection.contains(row.get())));
    let current = Memo::new(move |_| trash.cursor.get() == row.get());
    let entry = item.entry;
    let name = printable(entry.path.name());
    let root = ServerInfo::get().root_name();
    let parent = entry.path.parent().filter(|parent| !parent.is_root());
    let was_in = move || parent.as_ref().map_or_else(|| root.get(), |parent| printable(parent.as_bytes()));
    // Before the folder, which may be cut off, and in a cell that every width of the screen shows.
    let absent = move || if item.absent { format!("{} · ", prefs.words().disk_absent) } else { String::new() };
    let is_folder = entry.is_folder();
    let kind = move || if is_folder { prefs.words().folder } else { "" };
    let size = entry.is_file().then_some(entry.size);
    let size = move || size.map(|size| prefs.size(size)).unwrap_or_default();
    let trashed = move || format::date(prefs.lang.get(), item.trashed.milliseconds());
    let expires = move || match item.expires {
        _ if item.absent => String::new(),
        Some(moment) => format::date(prefs.lang.get(), moment.milliseconds()),
        None => prefs.words().never.to_owned(),
    };
    let label = {
        let name = name.clone();
        move || fill(prefs.words().select_row, &[("name", &name)])
    };
    let click = move |event: leptos::ev::MouseEvent| {
        let reach = match (event.ctrl_key() || event.meta_key(), event.shift_key()) {
            (_, true) => Reach::Extend,
            (true, false) => Reach::Pass,
            (false, false) => Reach::Select,
        };
        trash.select(row.get_untracked(), reach);
        if reach == Reach::Pass {
            trash.selection.update(|selection| selection.toggle(row.get_untracked()));
        }
    };
    let check = move |event: leptos::ev::MouseEvent| {
        event.stop_propagation();
        trash.selection.update(|selection| selection.toggle(row.get_untracked()));
        trash.select(row.get_untracked(), Reach::Pass);
    };
    view! {
        <div role="row" class="trash-row" class:selected=selected id=move || row_id(row.get())
            tabindex=move || if current.get() { "0" } else { "-1" }
            aria-rowindex=move || (row.get() + 2).to_string()
            aria-selected=move || if selected.get() { "true" } else { "false" } on:click=click>
            <div role="gridcell" class="cell-check">
                <input type="checkbox" class="check" tabindex="-1" prop:checked=selected aria-label=label on:click=check />
            </div>
            <div role="gridcell" class="cell-name">
                <Icon name=file_type(entry.path.name(), entry.kind).icon() />
                <span class="name" title=name.clone()><EntryName name=name.clone() /></span>
                <span class="visually-hidden">{kind}</span>
            </div>
            <div role="gridcell" class="cell-origin">{absent}<bdi>{was_in}</bdi></div>
            <div role="gridcell" class="cell-size">{size}</div>
            <div role="gridcell" class="cell-date">{trashed}</div>
            <div role="gridcell" class="cell-date cell-expires">{expires}</div>
        </div>
    }
}
