//! The places: the served folder, the way to the present one, and the folders in it.

use leptos::prelude::*;
use shared::VPath;

use crate::env::prefs::Prefs;
use crate::folder::Browser;
use crate::links::{FolderLink, TrashLink};
use crate::printable::printable;
use crate::server_info::root_name;
use crate::ui::icon::Icon;

/// How many of a folder's folders are listed beside it.
const FOLDERS_SHOWN_MAX: usize = 40;

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
    view! {
        <nav class="places" aria-label=prefs.text(|words| words.places)>
            <ul>{way}{folders}</ul>
            <TrashLink class="place place-trash" />
        </nav>
        <Show when=move || browser.is_read_only()>
            <p class="read-only">
                <strong>{prefs.text(|words| words.read_only)}</strong>
                <span>{prefs.text(|words| words.read_only_why)}</span>
            </p>
        </Show>
    }
}

fn place_link(place: VPath, name: String, depth: usize, current: bool) -> impl IntoView {
    let icon = if place.is_root() { "home" } else { "folder" };
    view! {
        <li style:--depth=depth.min(8).to_string()>
            <FolderLink folder=place class="place" current><Icon name=icon /><bdi>{name}</bdi></FolderLink>
        </li>
    }
}
