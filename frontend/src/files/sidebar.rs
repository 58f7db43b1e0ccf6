//! The sidebar: links to the served folder, to the folders of the path, to the folders in the present one, to the trash.

use leptos::prelude::*;
use shared::order::Position;
use shared::{Order, Timestamp, VPath};

use crate::env::prefs::Prefs;
use crate::folder::FileBrowser;
use crate::links::{FolderLink, TrashLink};
use crate::printable::printable;
use crate::server_info::ServerInfo;
use crate::ui::icon::Icon;

/// Most subfolders that are listed.
const FOLDERS_SHOWN_MAX: usize = 40;
/// Most subfolders that are sorted by name: sorting more at each page of a listing would cost frames.
const FOLDERS_SORTED_MAX: usize = 1_000;

/// The sidebar.
#[component]
pub fn Sidebar() -> impl IntoView {
    let (browser, prefs) = (FileBrowser::get(), Prefs::get());
    let root = ServerInfo::get().root_name();
    let path = move || {
        let root = root.get();
        let folder = browser.folder.get();
        let link = |(depth, ancestor): (usize, VPath)| {
            let name = if ancestor.is_root() { root.clone() } else { printable(ancestor.name()) };
            folder_link(ancestor, name, depth, depth == folder.segments().count() && !browser.in_trash.get())
        };
        folder.ancestry().enumerate().map(link).collect_view()
    };
    let subfolders = subfolders(browser);
    let folders = move || {
        let Subfolders { depth, shown, more } = subfolders.get();
        let links = shown.into_iter().map(|(folder, name)| folder_link(folder, name, depth, false)).collect_view();
        let more = (more > 0).then(|| {
            view! { <li class="sidebar-more">{move || prefs.counted(|words| &words.more_folders, more)}</li> }
        });
        (links, more)
    };
    view! {
        <nav class="sidebar-nav" aria-label=prefs.text(|words| words.places)>
            <ul>{path}{folders}</ul>
            <TrashLink class="sidebar-link sidebar-trash" />
        </nav>
        <Show when=move || browser.is_read_only()>
            <p class="read-only">{prefs.text(|words| words.read_only_why)}</p>
        </Show>
    }
}

/// The subfolders of the folder on the screen.
#[derive(Clone, PartialEq)]
struct Subfolders {
    depth: usize,
    /// Those that are listed, with their display names.
    shown: Vec<(VPath, String)>,
    /// How many are not listed.
    more: usize,
}

/// A memo, because folders come first in a listing, so most of its pages change nothing here.
fn subfolders(browser: FileBrowser) -> Memo<Subfolders> {
    Memo::new(move |_| {
        browser.listing.with(|listing| {
            let rows = (0..listing.rows.len()).map_while(|row| listing.rows.get(row));
            let folders = rows.take_while(|row| row.is_folder());
            let names = folders.clone().filter(|row| row.opens()).take(FOLDERS_SORTED_MAX).map(|row| row.name);
            let shown = first_by_name(names.collect(), FOLDERS_SHOWN_MAX).into_iter();
            let shown = shown.filter_map(|name| Some((listing.folder.join(name).ok()?, printable(name))));
            let depth = listing.folder.segments().count() + 1;
            Subfolders { depth, shown: shown.collect(), more: folders.skip(FOLDERS_SHOWN_MAX).count() }
        })
    })
}

/// The first names in the order of the sidebar, which does not depend on the order of the list.
fn first_by_name(names: Vec<&[u8]>, count: usize) -> Vec<&[u8]> {
    let mut places: Vec<_> = names.into_iter().map(|name| (Position::new(true, 0, Timestamp(0), name), name)).collect();
    places.sort_by(|(one, _), (other, _)| one.compare(other, Order::default()));
    places.into_iter().take(count).map(|(_, name)| name).collect()
}

fn folder_link(folder: VPath, name: String, depth: usize, current: bool) -> impl IntoView {
    let icon = if folder.is_root() { "home" } else { "folder" };
    view! {
        <li style:--depth=depth.min(8).to_string()>
            <FolderLink folder class="sidebar-link" current><Icon name=icon /><bdi>{name}</bdi></FolderLink>
        </li>
    }
}
