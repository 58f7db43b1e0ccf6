//! The page: the contexts for all components, the frame, and one of the two screens.

use leptos::ev;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::changes::{ChangeDialogs, Changes};
use crate::env::prefs::Prefs;
use crate::env::{format, next_task};
use crate::files::{FilesScreen, Shortcuts, Sidebar, SortChoice};
use crate::folder::{FileBrowser, Live};
use crate::frame::{BottomBar, OpenDialogs, SkipLink, TopBar};
use crate::server_info::ServerInfo;
use crate::settings::Settings;
use crate::trash::TrashScreen;
use crate::ui::dialog::Dialog;
use crate::ui::toast::{ToastHost, Toasts};
use crate::uploads::{UploadDialogs, UploadPickers, Uploads, UploadsPanel};

/// Starts the page in the document.
pub fn mount() {
    if cfg!(debug_assertions) {
        std::panic::set_hook(Box::new(|panic| leptos::logging::error!("{panic}")));
    }
    if let Some(boot) = document().get_element_by_id("boot") {
        boot.remove();
    }
    mount_to_body(App);
}

/// Its parts are made in tasks of their own, because all of them at once take longer than a frame.
#[component]
fn App() -> impl IntoView {
    let prefs = Prefs::provide();
    let toasts = Toasts::provide();
    let server = ServerInfo::provide();
    let browser = FileBrowser::provide(prefs, toasts);
    let uploads = Uploads::provide(prefs, toasts, browser);
    let changes = Changes::provide(browser, prefs, toasts);
    Effect::new(move |_| changes.report_uploads(&uploads.take_published()));
    Live::provide(browser);
    browser.follow_address(false);
    server.load();
    listen(browser, changes);
    let open = OpenDialogs::new();
    // The drawer closes after navigation.
    Effect::new(move |_| {
        browser.folder.track();
        browser.in_trash.track();
        open.drawer.set(false);
    });
    let [has_frame, has_screen, is_whole] = std::array::from_fn(|_| RwSignal::new(false));
    spawn_local(async move {
        next_task().await;
        has_frame.set(true);
        // The screen needs numbers.
        next_task().await;
        format::prepare(prefs.lang.get_untracked());
        for part in [has_screen, is_whole] {
            next_task().await;
            part.set(true);
        }
    });
    let screen = move || match browser.in_trash.get() {
        true => view! { <TrashScreen /> }.into_any(),
        false => view! { <FilesScreen /> }.into_any(),
    };
    view! {
        <Show when=move || has_frame.get()>
            <SkipLink />
            <TopBar open />
            <div class="frame">
                <aside class="sidebar"><Sidebar /></aside>
                <Show when=move || has_screen.get()>{screen}</Show>
            </div>
            <UploadsPanel />
            <BottomBar open />
            <UploadPickers />
            <Show when=move || is_whole.get()><Unseen open /></Show>
        </Show>
    }
}

/// What nothing shows in the first frame: closed dialogs, and the place of messages.
#[component]
fn Unseen(open: OpenDialogs) -> impl IntoView {
    let prefs = Prefs::get();
    view! {
        <ToastHost />
        <UploadDialogs />
        <Shortcuts />
        <ChangeDialogs />
        <Settings open=open.settings />
        <Dialog open=open.drawer title=prefs.text(|words| words.places) class="drawer"><Sidebar /></Dialog>
        <Dialog open=open.sort title=prefs.text(|words| words.sort) class="sheet"><SortChoice /></Dialog>
    }
}

/// Listens to the events of the window, for as long as the page lives.
fn listen(browser: FileBrowser, changes: Changes) {
    window_event_listener(ev::popstate, move |_| browser.follow_address(true));
    window_event_listener(ev::keydown, move |event| {
        if let Some(action) = browser.press(&event) {
            changes.perform(action);
        }
    });
    window_event_listener(ev::online, move |_| _ = browser.wake());
    window_event_listener(ev::offline, move |_| browser.connection_lost());
    window_event_listener(ev::copy, move |event| changes.on_copy(&event));
    window_event_listener(ev::cut, move |event| changes.on_copy(&event));
    window_event_listener(ev::paste, move |event| changes.on_paste(&event));
}
