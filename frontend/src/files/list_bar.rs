//! The bar above the list: the number of entries or the selection, buttons, the filter.

use leptos::prelude::*;

use super::selection_actions::SelectionActions;
use crate::changes::Changes;
use crate::env::prefs::Prefs;
use crate::folder::Live;
use crate::folder::model::{Selection, View, permission};
use crate::folder::{FileBrowser, Phase};
use crate::i18n::fill;
use crate::ui::button::Button;
use crate::ui::icon::Icon;
use crate::ui::ids::FILTER_ID;
use crate::uploads::UploadButtons;

/// The bar above the list.
#[component]
pub(super) fn ListBar() -> impl IntoView {
    let (browser, changes, prefs) = (FileBrowser::get(), Changes::get(), Prefs::get());
    let live: Live = expect_context();
    let selecting = Memo::new(move |_| browser.selection.with(|selection| !selection.is_empty()));
    let count = count_text(browser, prefs);
    let progress = progress_text(browser, prefs);
    let is_idle = move || !is_ready(browser) || browser.listing.with(|listing| listing.total() == 0);
    view! {
        <div class="listbar" class:selecting=selecting class:idle=is_idle>
            <div class="listbar-count">
                <span>{count}</span>
                <span class="progress">{progress}</span>
                <Show when=move || browser.is_read_only()>
                    <span class="read-only-mark only-small" title=prefs.text(|words| words.read_only_why)>
                        {prefs.text(|words| words.read_only)}
                    </span>
                </Show>
                <Show when=move || live.failing.get() && !browser.offline.get()>
                    <span class="not-live" title=prefs.text(|words| words.events_lost)>
                        <Icon name="offline" />
                        <span>{prefs.text(|words| words.events_lost)}</span>
                    </span>
                </Show>
            </div>
            <Show when=move || browser.allows(permission::ADD) && !selecting.get()>
                <Button label=prefs.text(|words| words.new_folder) icon="new-folder" class="button quiet only-small"
                    press=Callback::new(move |()| changes.new_folder()) />
            </Show>
            <SelectionActions />
            <div class="listbar-tools">
                <Show when=move || !selecting.get()>
                    <UploadButtons class="button not-small iconic late" first="button primary not-small" />
                </Show>
                <Show when=move || browser.allows(permission::ADD) && !selecting.get()>
                    <Button label=prefs.text(|words| words.new_folder) icon="new-folder" class="button not-small iconic late"
                        press=Callback::new(move |()| changes.new_folder()) />
                </Show>
                <Show when=move || changes.can_paste() && !selecting.get()>
                    <Button label=prefs.text(|words| words.paste) icon="paste" class="button iconic paste"
                        press=Callback::new(move |()| _ = changes.paste()) />
                </Show>
                <Filter />
                <Button label=prefs.text(|words| words.refresh) icon="refresh" class="button quiet iconic"
                    press=Callback::new(move |()| browser.refresh()) />
            </div>
        </div>
    }
}

fn is_ready(browser: FileBrowser) -> bool {
    browser.phase.get() == Phase::Ready
}

/// How many entries the list has, or how many match the filter; empty without a list.
fn count_text(browser: FileBrowser, prefs: Prefs) -> Signal<String> {
    Signal::derive(move || {
        // While rows arrive, the progress contains the number.
        if !is_ready(browser) || browser.listing.with(|listing| !listing.is_complete()) {
            return String::new();
        }
        let (shown, filtered) = browser.view.with(|view| (view.len(), view.is_filtered()));
        match filtered {
            true => prefs.counted(|words| &words.matching, shown),
            false => prefs.counted(|words| &words.items, shown),
        }
    })
}

/// How many rows have arrived, or that the folder is read again; empty while nothing is loading.
fn progress_text(browser: FileBrowser, prefs: Prefs) -> Signal<String> {
    Signal::derive(move || {
        let (rows, total, complete) =
            browser.listing.with(|listing| (listing.rows.len(), listing.total(), listing.is_complete()));
        let words = prefs.words();
        if is_ready(browser) && !complete {
            fill(words.loading_rows, &[("n", &prefs.number(rows)), ("total", &prefs.number(total))])
        } else if browser.refreshing.get() {
            words.refreshing.to_owned()
        } else {
            String::new()
        }
    })
}

#[component]
fn Filter() -> impl IntoView {
    let (browser, prefs) = (FileBrowser::get(), Prefs::get());
    let key = move |event: leptos::ev::KeyboardEvent| match event.key().as_str() {
        "Escape" => {
            event.prevent_default();
            browser.filter_by(String::new());
            browser.focus_cursor();
        }
        "ArrowDown" | "Enter" if !browser.view.with_untracked(View::is_empty) => {
            event.prevent_default();
            let row = browser.cursor.get_untracked();
            browser.selection.update(|selection: &mut Selection| selection.only(row));
            browser.focus_cursor();
        }
        _ => {}
    };
    view! {
        <label class="filter">
            <Icon name="filter" />
            <input id=FILTER_ID type="search" autocomplete="off" spellcheck="false"
                aria-label=prefs.text(|words| words.filter) placeholder=prefs.text(|words| words.filter)
                prop:value=browser.filter on:input=move |event| browser.filter_by(event_target_value(&event)) on:keydown=key />
        </label>
    }
}
