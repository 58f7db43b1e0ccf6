//! The Trash screen: its heading, buttons and list.

use leptos::prelude::*;
use shared::VPath;

use super::row::TrashRow;
use super::state::{Contents, TrashState};
use crate::changes::{Changes, TaskCards};
use crate::env::prefs::Prefs;
use crate::failure::Operation;
use crate::folder::FileBrowser;
use crate::folder::model::Selection;
use crate::folder::model::keys::Press;
use crate::folder::model::permission;
use crate::i18n::Words;
use crate::links::FolderLink;
use crate::ui::button::Button;
use crate::ui::ids::MAIN_ID;

/// The Trash screen.
#[component]
pub fn TrashScreen() -> impl IntoView {
    let (browser, changes, prefs) = (FileBrowser::get(), Changes::get(), Prefs::get());
    let trash = TrashState::new(changes);
    Effect::new(move |_| document().set_title(&format!("{} – Passerelle", prefs.words().trash)));
    let count = move || usize::try_from(trash.total.get()).unwrap_or(usize::MAX);
    let selected = Memo::new(move |_| trash.selection.with(Selection::len));
    let status = move || match (trash.contents.get(), selected.get()) {
        (Contents::Loaded, 0) => prefs.counted(|words| &words.items, count()),
        (Contents::Loaded, selected) => prefs.counted(|words| &words.selected, selected),
        _ => String::new(),
    };
    let body = move || match trash.contents.get() {
        Contents::Loading => ().into_any(),
        Contents::Failed(failure) => {
            let why = prefs.words().explain(failure.reason(), Operation::Open);
            let retry = Callback::new(move |()| trash.load());
            view! {
                <div class="panel">
                    <div role="alert"><h2>{why.title}</h2><p>{why.advice}</p></div>
                    <div class="panel-actions">
                        <Button label=prefs.text(|words| words.retry) class="button primary" press=retry />
                    </div>
                </div>
            }
            .into_any()
        }
        Contents::Loaded if trash.items.with(Vec::is_empty) => view! { <EmptyTrash /> }.into_any(),
        Contents::Loaded => view! { <TrashGrid trash /> }.into_any(),
    };
    view! {
        <main class="screen" id=MAIN_ID tabindex="-1">
            <div class="location"><h1 class="trash-title">{prefs.text(|words| words.trash)}</h1></div>
            <div class="listbar" class:selecting=move || { selected.get() > 0 }>
                <p class="trash-status" role="status">{status}</p>
                <Show when=move || { selected.get() > 0 && browser.allows(permission::ADD) }>
                    <Button label=prefs.text(|words| words.restore) icon="restore" class="button primary"
                        press=Callback::new(move |()| trash.restore()) />
                </Show>
                <Show when=move || { selected.get() > 0 && browser.allows(permission::REMOVE) }>
                    <Button label=prefs.text(|words| words.delete_forever) icon="delete" class="button"
                        press=Callback::new(move |()| trash.purge()) />
                </Show>
                <Show when=move || { selected.get() == 0 && count() > 0 && browser.allows(permission::REMOVE) }>
                    <Button label=prefs.text(|words| words.empty_trash) icon="delete" class="button"
                        press=Callback::new(move |()| trash.empty()) />
                </Show>
            </div>
            <div class="body">{body}</div>
            <TaskCards />
        </main>
    }
}

#[component]
fn EmptyTrash() -> impl IntoView {
    let prefs = Prefs::get();
    view! {
        <div class="panel" tabindex="-1">
            <svg class="art" viewBox="0 0 160 120" aria-hidden="true"><use href="#art-empty"></use></svg>
            <h2>{prefs.text(|words| words.trash_empty)}</h2>
            <p>{prefs.text(|words| words.trash_empty_advice)}</p>
            <div class="panel-actions">
                <FolderLink folder=VPath::root() class="button">{prefs.text(|words| words.back_to_files)}</FolderLink>
            </div>
        </div>
    }
}

#[component]
fn TrashGrid(trash: TrashState) -> impl IntoView {
    let prefs = Prefs::get();
    let rows = move || (trash.items.with(Vec::len) + 1).to_string();
    let key = move |event: leptos::ev::KeyboardEvent| {
        let key = event.key();
        let command = event.ctrl_key() || event.meta_key();
        if trash.press(Press { key: &key, command, shift: event.shift_key(), alt: event.alt_key() }) {
            event.prevent_default();
            event.stop_propagation();
        }
    };
    let every = move || trash.selection.with(Selection::len) == trash.items.with(Vec::len);
    let all = move |_| {
        let len = trash.items.with_untracked(Vec::len);
        trash.selection.update(|selection| match selection.len() == len {
            true => selection.clear(),
            false => selection.select(0..len),
        });
    };
    let head = move |class: &'static str, label: fn(&'static Words) -> &'static str| {
        view! { <div role="columnheader" class=class>{prefs.text(label)}</div> }
    };
    view! {
        <div role="grid" class="trash-grid" aria-label=prefs.text(|words| words.trash_contents)
            aria-multiselectable="true" aria-colcount="6" aria-rowcount=rows>
            <div role="rowgroup" class="trash-head">
                <div role="row" class="trash-row head-line" aria-rowindex="1">
                    <div role="columnheader" class="cell-check">
                        <input type="checkbox" class="check" aria-label=prefs.text(|words| words.select_all)
                            prop:checked=every on:change=all />
                    </div>
                    {head("cell-name", |words| words.name)}
                    {head("cell-origin", |words| words.original_folder)}
                    {head("cell-size", |words| words.size)}
                    {head("cell-date", |words| words.trashed_date)}
                    {head("cell-date cell-expires", |words| words.expiry_date)}
                </div>
            </div>
            <div role="rowgroup" class="trash-rows" on:keydown=key>
                <For each=move || trash.items.get() key=|item| item.id let:item><TrashRow trash item /></For>
            </div>
        </div>
        <Show when=move || trash.next.with(Option::is_some)>
            <div class="panel-actions">
                <Button label=prefs.text(|words| words.trash_more) class="button" press=Callback::new(move |()| trash.load_more()) />
            </div>
        </Show>
    }
}
