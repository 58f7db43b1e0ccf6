//! The breadcrumb: links to the folders of the path, of which the middle ones collapse into a menu on a short line.

use leptos::html;
use leptos::prelude::*;
use shared::VPath;
use wasm_bindgen::JsCast;

use crate::env::focus_element;
use crate::env::prefs::Prefs;
use crate::folder::FileBrowser;
use crate::folder::model::crumbs::{collapse, crumbs, width};
use crate::links::FolderLink;
use crate::server_info::ServerInfo;
use crate::ui::element_size::measured;
use crate::ui::icon::Icon;

/// The breadcrumb of the folder on the screen.
#[component]
pub(super) fn Breadcrumb() -> impl IntoView {
    let (browser, prefs) = (FileBrowser::get(), Prefs::get());
    let node = NodeRef::<html::Nav>::new();
    let size = measured(node);
    let root = ServerInfo::get().root_name();
    let line = Memo::new(move |_| {
        let all = browser.folder.with(|folder| crumbs(folder, &root.get()));
        let widths: Vec<_> = all.iter().map(|(_, name)| width(name)).collect();
        let hidden = collapse(&widths, size.get().0);
        (all, hidden)
    });
    let items = move || {
        let (all, hidden) = line.get();
        let last = all.len() - 1;
        let mut middle: Vec<_> = all[hidden.clone()].to_vec();
        let crumb = move |(index, (folder, name)): (usize, (VPath, String))| {
            if hidden.contains(&index) {
                return (index == hidden.start)
                    .then(|| view! { <Hidden folders=std::mem::take(&mut middle) /> }.into_any());
            }
            let crumb = if index == last {
                view! { <span class="crumb current" aria-current="page" title=name.clone()><bdi>{name.clone()}</bdi></span> }.into_any()
            } else {
                view! { <FolderLink folder class="crumb"><bdi>{name}</bdi></FolderLink> }.into_any()
            };
            Some(view! { <li>{(index > 0).then(|| view! { <Icon name="chevron" /> })}{crumb}</li> }.into_any())
        };
        all.into_iter().enumerate().map(crumb).collect_view()
    };
    view! {
        <nav class="breadcrumb" aria-label=prefs.text(|words| words.path) node_ref=node>
            <ol>{items}</ol>
        </nav>
    }
}

/// The collapsed folders, in a menu behind "…".
#[component]
fn Hidden(folders: Vec<(VPath, String)>) -> impl IntoView {
    let prefs = Prefs::get();
    let node = NodeRef::<html::Details>::new();
    let close = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Escape"
            && let Some(details) = node.get_untracked()
        {
            event.prevent_default();
            details.set_open(false);
            if let Some(summary) = details.first_element_child() {
                focus_element(summary.unchecked_ref());
            }
        }
    };
    let links = folders.into_iter().map(|(folder, name)| {
        view! { <li><FolderLink folder class="menu-item"><Icon name="folder" /><bdi>{name}</bdi></FolderLink></li> }
    });
    view! {
        <li>
            <Icon name="chevron" />
            <details class="menu" node_ref=node on:keydown=close>
                <summary class="crumb" aria-label=prefs.text(|words| words.hidden_folders)>"…"</summary>
                <ul>{links.collect_view()}</ul>
            </details>
        </li>
    }
}
