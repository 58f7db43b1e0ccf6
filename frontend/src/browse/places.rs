//! The places: the served folder, the way to the present one, and the folders in it.

use leptos::prelude::*;
use shared::VPath;

use super::model::text::printable;
use super::state::Browser;
use crate::app::Server;
use crate::changes::Changes;
use crate::env::{history, prefs::Prefs};
use crate::trash::TrashLink;
use crate::ui::icon::Icon;

/// How many of a folder's folders are listed beside it.
const FOLDERS_SHOWN_MAX: usize = 40;

/// A link to a folder: a real one, which a plain click follows without leaving the page.
#[component]
pub fn FolderLink(
    /// Which folder.
    folder: VPath,
    /// How it looks, in the style sheet.
    class: &'static str,
    /// Whether it is where one is.
    #[prop(optional)]
    current: bool,
    children: Children,
) -> AnyView {
    let (browser, changes) = (Browser::get(), Changes::get());
    let href = history::href(&folder);
    let (over, onto) = (folder.clone(), folder.clone());
    let lit = Signal::derive({
        let folder = folder.clone();
        move || changes.is_drop(&folder)
    });
    let follow = move |event: leptos::ev::MouseEvent| {
        let plain = !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key());
        if plain && event.button() == 0 {
            event.prevent_default();
            browser.navigate(folder.clone());
        }
    };
    view! {
        <a class=class class:drop=lit href=href draggable="false" aria-current=current.then_some("page") on:click=follow
            on:dragover=move |event| _ = changes.drag_over(&event, Some(&over))
            on:dragleave=move |_| changes.drag_left()
            on:drop=move |event| changes.dropped(&event, &onto)>{children()}</a>
    }
    .into_any()
}

/// The places.
#[component]
pub fn Places() -> impl IntoView {
    let (browser, prefs) = (Browser::get(), Prefs::get());
    let root = root_name();
    let way = move || {
        let root = root.get();
        let folder = browser.folder.get();
        let link = |(depth, place): (usize, VPath)| {
            let name = if place.is_root() { root.clone() } else { printable(place.name()) };
            place_link(place, name, depth, depth == folder.segments().count() && !browser.in_trash.get())
        };
        folder.ancestry().enumerate().map(link).collect_view()
    };
    // A listing grows page by page, and its folders come first: most pages change nothing here.
    let inside = Memo::new(move |_| {
        browser.listing.with(|listing| {
            let folders =
                (0..listing.rows.len()).map_while(|row| listing.rows.get(row)).take_while(|row| row.is_folder());
            let shown: Vec<_> = folders
                .clone()
                .filter(|row| row.opens())
                .take(FOLDERS_SHOWN_MAX)
                .filter_map(|row| Some((listing.folder.join(row.name).ok()?, printable(row.name))))
                .collect();
            let more = folders.skip(FOLDERS_SHOWN_MAX).count();
            (listing.folder.segments().count() + 1, shown, more)
        })
    });
    let folders = move || {
        let (depth, shown, more) = inside.get();
        let links = shown.into_iter().map(|(place, name)| place_link(place, name, depth, false)).collect_view();
        let more = (more > 0).then(|| {
            view! { <li class="places-more">{move || prefs.counted(|words| &words.more_folders, more)}</li> }
        });
        (links, more)
    };
    let server: Server = expect_context();
    let read_only = move || server.about.with(|about| about.as_ref().is_some_and(|about| !about.writable));
    view! {
        <nav class="places" aria-label=prefs.text(|words| words.places)>
            <ul>{way}{folders}</ul>
            <TrashLink class="place place-trash" />
        </nav>
        <Show when=read_only>
            <p class="read-only">
                <strong>{prefs.text(|words| words.read_only)}</strong>
                <span>{prefs.text(|words| words.read_only_why)}</span>
            </p>
        </Show>
    }
}

/// What people call the served folder.
pub(crate) fn root_name() -> Signal<String> {
    let (prefs, server): (Prefs, Server) = (Prefs::get(), expect_context());
    Signal::derive(move || {
        let name = server.about.with(|about| about.as_ref().map(|about| printable(about.name.as_bytes())));
        name.filter(|name| !name.is_empty()).unwrap_or_else(|| prefs.words().home.to_owned())
    })
}

fn place_link(place: VPath, name: String, depth: usize, current: bool) -> impl IntoView {
    let icon = if place.is_root() { "home" } else { "folder" };
    view! {
        <li style:--depth=depth.min(8).to_string()>
            <FolderLink folder=place class="place" current><Icon name=icon /><bdi>{name}</bdi></FolderLink>
        </li>
    }
}
