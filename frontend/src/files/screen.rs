//! The Files screen, composed of its parts.

use leptos::prelude::*;

use super::breadcrumb::Breadcrumb;
use super::empty_states::{Empty, Failed, NoMatch, OfflineBanner, Skeleton};
use super::grid::Grid;
use super::list_bar::ListBar;
use super::menus::Menus;
use crate::changes::{Changes, TaskCards};
use crate::env::prefs::Prefs;
use crate::env::{focus, once_rendered};
use crate::folder::model::{Selection, View};
use crate::folder::{FileBrowser, Phase};
use crate::printable::printable;
use crate::server_info::ServerInfo;
use crate::ui::ids::{MAIN_ID, PANEL_ID};
use crate::uploads::Uploads;

/// What the screen shows below the bar.
#[derive(Clone, PartialEq)]
enum Part {
    Nothing,
    Skeleton,
    Grid,
    Empty,
    NoMatch,
    Failed(crate::failure::Failure),
}

/// The Files screen.
#[component]
pub fn FilesScreen() -> impl IntoView {
    let (browser, changes, prefs) = (FileBrowser::get(), Changes::get(), Prefs::get());
    let root = ServerInfo::get().root_name();
    let name = Memo::new(move |_| {
        let own = browser.folder.with(|folder| printable(folder.name()));
        if own.is_empty() { root.get() } else { own }
    });
    let uploads = Uploads::get();
    let uploaded = Memo::new(move |_| uploads.percent());
    Effect::new(move |_| {
        let progress = uploaded.get().map(|percent| format!("{percent}% · ")).unwrap_or_default();
        document().set_title(&format!("{progress}{} – Passerelle", name.get()));
    });
    let part = Memo::new(move |_| {
        let rows = browser.view.with(View::len);
        let known = browser.listing.with(|listing| listing.total() > 0 || !listing.is_complete());
        match browser.phase.get() {
            Phase::Skeleton => Part::Skeleton,
            Phase::Failed(failure) => Part::Failed(failure),
            Phase::Ready | Phase::Waiting if rows > 0 => Part::Grid,
            Phase::Ready if known => Part::NoMatch,
            Phase::Ready => Part::Empty,
            Phase::Waiting => Part::Nothing,
        }
    });
    // A panel takes over the focus of the list that it replaces, so that keys work and are announced.
    Effect::new(move |_| {
        browser.focus_requested.track();
        if matches!(part.get(), Part::Empty | Part::Failed(_)) && browser.focus_pending.get_value() {
            browser.focus_pending.set_value(false);
            once_rendered(|| focus(PANEL_ID));
        }
    });
    let body = move || match part.get() {
        Part::Nothing => ().into_any(),
        Part::Skeleton => view! { <Skeleton /> }.into_any(),
        Part::Grid => view! { <Grid name=name.into() /> }.into_any(),
        Part::Empty => view! { <Empty /> }.into_any(),
        Part::NoMatch => view! { <NoMatch /> }.into_any(),
        Part::Failed(failure) => view! { <Failed failure /> }.into_any(),
    };
    view! {
        <main class="screen" id=MAIN_ID tabindex="-1">
            <h1 class="visually-hidden">{name}</h1>
            <OfflineBanner />
            <div class="location"><Breadcrumb /></div>
            <ListBar />
            <div class="body" on:contextmenu=move |event| changes.open_folder_menu(&event)>{body}</div>
            <TaskCards />
            <Menus />
            <p class="visually-hidden" role="status">{announcement(browser, prefs, name)}</p>
        </main>
    }
}

/// What a screen reader announces: a folder that has loaded, and how many rows are selected.
fn announcement(browser: FileBrowser, prefs: Prefs, name: Memo<String>) -> impl Fn() -> String + Send + Sync + 'static {
    let selected = Memo::new(move |_| browser.selection.with(Selection::len));
    // Changes announce themselves, so the number of rows counts only with a new folder or filter.
    let total = move || {
        browser.filter.track();
        browser.view.with_untracked(View::len)
    };
    move || match (browser.phase.get(), selected.get()) {
        (Phase::Skeleton, _) => prefs.words().loading.to_owned(),
        (Phase::Ready, 0) => format!("{}. {}", name.get(), prefs.counted(|words| &words.items, total())),
        // A single selected row is announced when it takes the focus.
        (Phase::Ready, count) if count > 1 => prefs.counted(|words| &words.selected, count),
        _ => String::new(),
    }
}
