//! The page: the contexts for all components, the frame, and one of the two screens.

use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::VPath;
use shared::api::files::ReadAbout;

use crate::changes::{ChangeDialogs, Changes, Origin};
use crate::env::prefs::Prefs;
use crate::files::{FilesScreen, SelectionActions, Shortcuts, Sidebar, SortChoice};
use crate::folder::{FileBrowser, Live};
use crate::links::{FolderLink, TrashLink};
use crate::net::api::call;
use crate::server_info::ServerInfo;
use crate::settings::Settings;
use crate::trash::TrashScreen;
use crate::ui::button::Button;
use crate::ui::dialog::Dialog;
use crate::ui::icon::Icon;
use crate::ui::toast::{ToastHost, Toasts};
use crate::uploads::{UploadDialogs, UploadPickers, UploadTab, Uploads, UploadsPanel};

/// The dialogs that are open.
#[derive(Clone, Copy)]
struct Open {
    settings: RwSignal<bool>,
    drawer: RwSignal<bool>,
    sort: RwSignal<bool>,
}

/// Starts the page in the document.
pub fn mount() {
    #[cfg(debug_assertions)]
    std::panic::set_hook(Box::new(|panic| leptos::logging::error!("{panic}")));
    if let Some(boot) = document().get_element_by_id("boot") {
        boot.remove();
    }
    mount_to_body(App);
}

#[component]
fn App() -> impl IntoView {
    let prefs = Prefs::provide();
    let toasts = Toasts::provide();
    let server = ServerInfo { about: RwSignal::new(None) };
    provide_context(server);
    let browser = FileBrowser::provide(prefs, toasts);
    Uploads::provide(prefs, toasts, browser);
    let changes = Changes::provide(browser, prefs, toasts, server);
    Live::provide(browser);
    let open = Open { settings: RwSignal::new(false), drawer: RwSignal::new(false), sort: RwSignal::new(false) };
    browser.follow_address(false);
    ask_about(server);
    window_event_listener(ev::popstate, move |_| browser.follow_address(true));
    window_event_listener(ev::keydown, move |event| {
        if let Some(action) = browser.press(&event) {
            changes.perform(action);
        }
    });
    window_event_listener(ev::online, move |_| _ = browser.wake());
    window_event_listener(ev::offline, move |_| browser.offline.set(true));
    window_event_listener(ev::copy, move |event| changes.on_copy(&event));
    window_event_listener(ev::cut, move |event| changes.on_copy(&event));
    window_event_listener(ev::paste, move |event| changes.on_paste(&event));
    // The drawer closes after navigation.
    Effect::new(move |_| {
        browser.folder.track();
        browser.in_trash.track();
        open.drawer.set(false);
    });
    let screen = move || match browser.in_trash.get() {
        true => view! { <TrashScreen /> }.into_any(),
        false => view! { <FilesScreen /> }.into_any(),
    };
    view! {
        <SkipLink />
        <TopBar open />
        <div class="frame">
            <aside class="sidebar"><Sidebar /></aside>
            {screen}
        </div>
        <UploadsPanel />
        <BottomBar open />
        <ToastHost />
        <UploadPickers />
        <UploadDialogs />
        <Shortcuts />
        <ChangeDialogs />
        <Settings open=open.settings />
        <Dialog open=open.drawer title=prefs.text(|words| words.places) class="drawer"><Sidebar /></Dialog>
        <Dialog open=open.sort title=prefs.text(|words| words.sort) class="sheet"><SortChoice /></Dialog>
    }
}

#[component]
fn SkipLink() -> impl IntoView {
    let (prefs, browser) = (Prefs::get(), FileBrowser::get());
    let skip = move |event: ev::MouseEvent| {
        event.prevent_default();
        browser.focus_cursor();
    };
    view! { <a class="skip" href="#main" on:click=skip>{prefs.text(|words| words.skip_to_list)}</a> }
}

#[component]
fn TopBar(open: Open) -> impl IntoView {
    let (prefs, browser, changes) = (Prefs::get(), FileBrowser::get(), Changes::get());
    view! {
        <header class="topbar">
            <Button label=prefs.text(|words| words.menu) icon="menu" class="button quiet only-medium" press=opens(open.drawer) />
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
                    press=opens(browser.help) />
                <Button label=prefs.text(|words| words.settings) icon="settings" class="button quiet not-small"
                    press=opens(open.settings) />
            </div>
        </header>
    }
}

/// The bar at the foot of a phone, within reach of the thumb.
#[component]
fn BottomBar(open: Open) -> impl IntoView {
    let (prefs, browser) = (Prefs::get(), FileBrowser::get());
    let selecting =
        Memo::new(move |_| !browser.in_trash.get() && browser.selection.with(|selection| !selection.is_empty()));
    let at_root = Signal::derive(move || browser.folder.with(VPath::is_root));
    view! {
        <footer class="bottombar">
            <Show when=move || selecting.get() fallback=move || view! {
                <FolderLink folder=VPath::root() class="tab">
                    <Icon name="home" />
                    <span>{prefs.text(|words| words.home)}</span>
                </FolderLink>
                <Button label=prefs.text(|words| words.up) icon="parent" class="tab" disabled=at_root
                    press=Callback::new(move |()| browser.parent()) />
                <UploadTab />
                <Button label=prefs.text(|words| words.sort) icon="sort" class="tab" press=opens(open.sort) />
                <Button label=prefs.text(|words| words.settings) icon="settings" class="tab" press=opens(open.settings) />
            }>
                <SelectionActions />
            </Show>
        </footer>
    }
}

fn opens(dialog: RwSignal<bool>) -> Callback<()> {
    Callback::new(move |()| dialog.set(true))
}

/// Reads the server's information. The list needs none of it, so a failure shows no message.
fn ask_about(server: ServerInfo) {
    spawn_local(async move {
        if let Ok(about) = call(&ReadAbout {}, None).await {
            server.about.set(Some(about));
        }
    });
}
