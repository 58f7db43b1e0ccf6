//! The bar of the selection: its size, and the buttons for it.

use leptos::prelude::*;

use super::download::download;
use crate::changes::Changes;
use crate::env::prefs::Prefs;
use crate::folder::FileBrowser;
use crate::folder::model::{Selection, permission};
use crate::i18n::fill;
use crate::server_info::ServerInfo;
use crate::ui::button::Button;
use crate::ui::icon::Icon;

/// The bar of the selection.
#[component]
pub fn SelectionActions() -> AnyView {
    let (browser, prefs, server) = (FileBrowser::get(), Prefs::get(), ServerInfo::get());
    let count = Memo::new(move |_| browser.selection.with(Selection::len));
    let text = selection_text(browser, prefs, count);
    let changes = Changes::get();
    let more = move |event: leptos::ev::MouseEvent| changes.open_menu_below(event.target());
    let clear = Callback::new(move |()| {
        browser.selection.update(Selection::clear);
        browser.focus_cursor();
    });
    view! {
        <Show when=move || count.get() != 0>
            <div class="selection">
                <span class="selection-text">{text}</span>
                <Button label=prefs.text(|words| words.download) icon="download" class="button primary"
                    press=Callback::new(move |()| download(browser, server)) />
                <Show when=move || browser.allows(permission::MOVE)>
                    <Button label=prefs.text(|words| words.move_to) icon="move" class="button not-small iconic late"
                        press=Callback::new(move |()| changes.open_folder_picker(false)) />
                </Show>
                <Show when=move || browser.allows(permission::REMOVE)>
                    <button type="button" class="button iconic late" aria-label=prefs.text(|words| words.move_to_trash)
                        on:click=move |_| changes.trash()>
                        <Icon name="trash" />
                        <span class="not-small">{prefs.text(|words| words.move_to_trash)}</span>
                        <span class="only-small">{prefs.text(|words| words.trash)}</span>
                    </button>
                </Show>
                <Show when=move || browser.allows_changes()>
                    <button type="button" class="button" aria-haspopup="menu" on:click=more>
                        <Icon name="more" />
                        <span>{prefs.text(|words| words.more)}</span>
                    </button>
                </Show>
                <Button label=prefs.text(|words| words.select_all) class="button clear only-small"
                    press=Callback::new(move |()| browser.select_all()) />
                <Button label=prefs.text(|words| words.clear_selection) icon="close" class="button clear iconic" press=clear />
            </div>
        </Show>
    }
    .into_any()
}

/// How many entries are selected, and how large the files among them are.
fn selection_text(browser: FileBrowser, prefs: Prefs, count: Memo<usize>) -> Signal<String> {
    let summary = Memo::new(move |_| summary(browser));
    Signal::derive(move || {
        let (bytes, files, folders) = summary.get();
        let text = prefs.counted(|words| &words.selected, count.get());
        let words = prefs.words();
        let size = prefs.size(bytes);
        let template = match (files, folders) {
            (false, _) => return text,
            (true, false) => "{size}",
            (true, true) => words.size_without_folders,
        };
        format!("{text} · {}", fill(template, &[("size", &size)]))
    })
}

/// The bytes of the selected files, whether files are selected, and whether folders are.
fn summary(browser: FileBrowser) -> (u64, bool, bool) {
    browser.listing.with(|listing| {
        browser.selection.with(|selection| {
            let rows = selection.iter().map_while(|row| listing.rows.get(row));
            rows.fold((0, false, false), |(bytes, files, folders), row| match row.is_folder() {
                true => (bytes, files, true),
                false => (row.size.saturating_add(bytes), true, folders),
            })
        })
    })
}
