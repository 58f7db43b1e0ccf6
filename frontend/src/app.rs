//! The page: what is provided to every component, the frame around the screen, and the screen.

use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::VPath;
use shared::api::files::{About, ReadAbout};

use crate::api::call;
use crate::browse::{Browser, FilesScreen, FolderLink, Places, SelectionActions, Shortcuts, SortChoice};
use crate::env::prefs::Prefs;
use crate::settings::Settings;
use crate::ui::dialog::Dialog;
use crate::ui::icon::Icon;
use crate::ui::toast::{ToastHost, Toasts};

/// What the server says of itself; none until it did.
#[derive(Clone, Copy)]
pub struct Server {
    /// Its answer.
    pub about: RwSignal<Option<About>>,
}

/// Which dialogs are open.
#[derive(Clone, Copy)]
struct Open {
    settings: RwSignal<bool>,
    places: RwSignal<bool>,
    sort: RwSignal<bool>,
}

/// Starts the page.
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
    provide_context(Server { about: RwSignal::new(None) });
    let browser = Browser::provide(prefs, toasts);
    let open = Open { settings: RwSignal::new(false), places: RwSignal::new(false), sort: RwSignal::new(false) };
    browser.follow_address(false);
    ask_about(expect_context());
    window_event_listener(ev::popstate, move |_| browser.follow_address(true));
    window_event_listener(ev::keydown, move |event| browser.press(&event));
    window_event_listener(ev::online, move |_| _ = browser.wake());
    window_event_listener(ev::offline, move |_| browser.offline.set(true));
    // A drawer that led somewhere has done its work.
    Effect::new(move |_| {
        browser.folder.track();
        open.places.set(false);
    });
    view! {
        <SkipLink />
        <TopBar open />
        <div class="frame">
            <aside class="sidebar"><Places /></aside>
            <FilesScreen />
        </div>
        <BottomBar open />
        <ToastHost />
        <Shortcuts />
        <Settings open=open.settings />
        <Dialog open=open.places title=prefs.text(|words| words.places) class="drawer"><Places /></Dialog>
        <Dialog open=open.sort title=prefs.text(|words| words.sort) class="sheet"><SortChoice /></Dialog>
    }
}

#[component]
fn SkipLink() -> impl IntoView {
    let (prefs, browser) = (Prefs::get(), Browser::get());
    let skip = move |event: ev::MouseEvent| {
        event.prevent_default();
        browser.focus_cursor();
    };
    view! { <a class="skip" href="#main" on:click=skip>{prefs.text(|words| words.skip)}</a> }
}

#[component]
fn TopBar(open: Open) -> impl IntoView {
    let (prefs, browser) = (Prefs::get(), Browser::get());
    view! {
        <header class="topbar">
            <button type="button" class="button quiet only-medium" on:click=move |_| open.places.set(true)>
                <Icon name="menu" />
                <span>{prefs.text(|words| words.menu)}</span>
            </button>
            <FolderLink folder=VPath::root() class="brand">
                <svg class="logo" aria-hidden="true"><use href="#logo"></use></svg>
                <span>"Passerelle"</span>
            </FolderLink>
            <div class="topbar-end not-small">
                <button type="button" class="button quiet" on:click=move |_| browser.help.set(true)>
                    <Icon name="keyboard" />
                    <span>{prefs.text(|words| words.shortcuts)}</span>
                </button>
                <button type="button" class="button quiet" on:click=move |_| open.settings.set(true)>
                    <Icon name="settings" />
                    <span>{prefs.text(|words| words.settings)}</span>
                </button>
            </div>
        </header>
    }
}

/// What the thumb reaches on a phone.
#[component]
fn BottomBar(open: Open) -> impl IntoView {
    let (prefs, browser) = (Prefs::get(), Browser::get());
    let selecting = Memo::new(move |_| browser.selection.with(|selection| !selection.is_empty()));
    let at_root = move || browser.folder.with(VPath::is_root);
    view! {
        <footer class="bottombar">
            <Show when=move || selecting.get() fallback=move || view! {
                <FolderLink folder=VPath::root() class="tab">
                    <Icon name="home" />
                    <span>{prefs.text(|words| words.home)}</span>
                </FolderLink>
                <button type="button" class="tab" disabled=at_root on:click=move |_| browser.parent()>
                    <Icon name="parent" />
                    <span>{prefs.text(|words| words.up)}</span>
                </button>
                <button type="button" class="tab" on:click=move |_| open.sort.set(true)>
                    <Icon name="sort" />
                    <span>{prefs.text(|words| words.sort)}</span>
                </button>
                <button type="button" class="tab" on:click=move |_| open.settings.set(true)>
                    <Icon name="settings" />
                    <span>{prefs.text(|words| words.settings)}</span>
                </button>
            }>
                <SelectionActions />
            </Show>
        </footer>
    }
}

/// The list does without this, so nothing is said when it fails.
fn ask_about(server: Server) {
    spawn_local(async move {
        if let Ok(about) = call(&ReadAbout {}, None).await {
            server.about.set(Some(about));
        }
    });
}
