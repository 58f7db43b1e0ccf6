//! The frame around a screen: the bars at its head and foot, and the link that skips to the list.

use leptos::prelude::*;
use leptos::{ev, html};
use shared::VPath;

use crate::changes::{Changes, Origin};
use crate::env::prefs::Prefs;
use crate::files::SelectionActions;
use crate::folder::FileBrowser;
use crate::links::{FolderLink, TrashLink};
use crate::ui::button::Button;
use crate::ui::icon::Icon;
use crate::ui::toast::Toasts;
use crate::uploads::UploadTab;

/// The dialogs that are open.
#[derive(Clone, Copy)]
pub(crate) struct OpenDialogs {
    pub(crate) settings: RwSignal<bool>,
    pub(crate) drawer: RwSignal<bool>,
    pub(crate) sort: RwSignal<bool>,
}

impl OpenDialogs {
    /// With every dialog closed.
    pub(crate) fn new() -> Self {
        Self { settings: RwSignal::new(false), drawer: RwSignal::new(false), sort: RwSignal::new(false) }
    }
}

#[component]
pub(crate) fn SkipLink() -> impl IntoView {
    let (prefs, browser) = (Prefs::get(), FileBrowser::get());
    let skip = move |event: ev::MouseEvent| {
        event.prevent_default();
        browser.focus_cursor();
    };
    view! { <a class="skip" href="#main" on:click=skip>{prefs.text(|words| words.skip_to_list)}</a> }
}

#[component]
pub(crate) fn TopBar(open: OpenDialogs) -> impl IntoView {
    let (prefs, browser, changes) = (Prefs::get(), FileBrowser::get(), Changes::get());
    view! {
        <header class="topbar">
            <Button label=prefs.text(|words| words.menu) icon="menu" class="button quiet only-medium" press=open_on_press(open.drawer) />
            <FolderLink folder=VPath::root() class="brand">
                <svg class="logo" aria-hidden="true"><use href="#logo"></use></svg>
                <span>"Passerelle"</span>
            </FolderLink>
            <div class="topbar-end">
                <Show when=move || changes.can(Origin::Undo)>
                    <Button label=prefs.text(|words| words.undo) icon="undo" class="button quiet"
                        press=Callback::new(move |()| changes.undo()) />
                </Show>
                <Show when=move || changes.can(Origin::Redo)>
                    <Button label=prefs.text(|words| words.redo) icon="redo" class="button quiet not-small"
                        press=Callback::new(move |()| changes.redo()) />
                </Show>
                <TrashLink class="button quiet only-small" />
                <Button label=prefs.text(|words| words.shortcuts) icon="keyboard" class="button quiet not-small"
                    press=open_on_press(browser.help) />
                <Button label=prefs.text(|words| words.settings) icon="settings" class="button quiet not-small"
                    press=open_on_press(open.settings) />
            </div>
        </header>
    }
}

/// The bar at the foot of a phone, within reach of the thumb.
#[component]
pub(crate) fn BottomBar(open: OpenDialogs) -> impl IntoView {
    let (prefs, browser) = (Prefs::get(), FileBrowser::get());
    let selecting =
        Memo::new(move |_| !browser.in_trash.get() && browser.selection.with(|selection| !selection.is_empty()));
    let at_root = Signal::derive(move || browser.folder.with(VPath::is_root));
    let node = NodeRef::<html::Footer>::new();
    // The buttons of a selection make it higher.
    expect_context::<Toasts>().stay_above(node);
    view! {
        <footer class="bottombar" node_ref=node>
            <Show when=move || selecting.get() fallback=move || view! {
                <FolderLink folder=VPath::root() class="tab">
                    <Icon name="home" />
                    <span>{prefs.text(|words| words.home)}</span>
                </FolderLink>
                <Button label=prefs.text(|words| words.up) icon="parent" class="tab" disabled=at_root
                    press=Callback::new(move |()| browser.parent()) />
                <UploadTab />
                <Button label=prefs.text(|words| words.sort) icon="sort" class="tab" press=open_on_press(open.sort) />
                <Button label=prefs.text(|words| words.settings) icon="settings" class="tab" press=open_on_press(open.settings) />
            }>
                <SelectionActions />
            </Show>
        </footer>
    }
}

fn open_on_press(dialog: RwSignal<bool>) -> Callback<()> {
    Callback::new(move |()| dialog.set(true))
}
