//! Links to a folder and to the trash. They have real addresses, and a plain click navigates within the page.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use shared::VPath;

use crate::changes::Changes;
use crate::env::address::TRASH;
use crate::env::history;
use crate::env::prefs::Prefs;
use crate::folder::FileBrowser;
use crate::ui::icon::Icon;

/// A link to a folder, which also takes drops.
#[component]
pub fn FolderLink(
    /// The folder.
    folder: VPath,
    /// The class in the style sheet.
    class: &'static str,
    /// True for the folder on the screen.
    #[prop(optional)]
    current: bool,
    children: Children,
) -> AnyView {
    let (browser, changes) = (FileBrowser::get(), Changes::get());
    let href = history::href(&folder);
    let (over, onto) = (folder.clone(), folder.clone());
    let lit = Signal::derive({
        let folder = folder.clone();
        move || changes.is_drop_target(&folder)
    });
    let follow = move |event: MouseEvent| on_plain_click(&event, || browser.navigate(folder.clone()));
    view! {
        <a class=class class:drop=lit href=href draggable="false" aria-current=current.then_some("page") on:click=follow
            on:dragover=move |event| _ = changes.drag_over(&event, Some(&over))
            on:dragleave=move |_| changes.drag_left()
            on:drop=move |event| changes.dropped(&event, &onto)>{children()}</a>
    }
    .into_any()
}

/// A link to the trash, for users who may see it. It also takes drops.
#[component]
pub fn TrashLink(
    /// The class in the style sheet.
    class: &'static str,
) -> AnyView {
    let (browser, changes, prefs) = (FileBrowser::get(), Changes::get(), Prefs::get());
    let follow = move |event: MouseEvent| on_plain_click(&event, || browser.open_trash());
    view! {
        <Show when=move || browser.offers_trash()>
            <a class=class class:drop=move || changes.over_trash.get() href=TRASH draggable="false" on:click=follow
                on:dragover=move |event| changes.drag_over_trash(&event)
                on:dragleave=move |_| changes.drag_left()
                on:drop=move |event| changes.dropped_on_trash(&event)
                aria-current=move || browser.in_trash.get().then_some("page")>
                <Icon name="trash" />
                <span>{prefs.text(|words| words.trash)}</span>
            </a>
        </Show>
    }
    .into_any()
}

/// Navigates in place of the browser, unless the click opens a new tab or window.
fn on_plain_click(event: &MouseEvent, navigate: impl FnOnce()) {
    let modified = event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key();
    if !modified && event.button() == 0 {
        event.prevent_default();
        navigate();
    }
}
