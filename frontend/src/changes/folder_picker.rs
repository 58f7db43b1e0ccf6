//! The folder picker: chooses the destination to move or copy entries to. Arrow keys move along the folders, Enter
//! opens one, Backspace opens the parent.

#![cfg(target_arch = "wasm32")]

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::api::files::ListFolder;
use shared::columns::Row;
use shared::limits::LIST_PAGE_MAX;
use shared::{Change, Order, Outcome, VPath};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::model::names::free_name;
use super::model::scheduler::{PathAccess, WaitsFor};
use super::model::{Command, Origin, Verb};
use super::name_field::NameField;
use super::state::{Changes, Transfer};
use super::submission::Submission;
use crate::env::prefs::Prefs;
use crate::env::{focus_element, focused, once_rendered};
use crate::failure::{Failure, Operation, Reason};
use crate::folder::model::crumbs::crumbs;
use crate::net::api::list;
use crate::printable::printable;
use crate::server_info::ServerInfo;
use crate::ui::button::Button;
use crate::ui::dialog::{Dialog, open_while_some};
use crate::ui::icon::Icon;
use crate::ui::toast::Tone;

/// Most pages of a folder's listing that are read; further folders are not offered.
const PAGES_MAX: usize = 5;

/// The contents of the open folder.
#[derive(Clone, PartialEq)]
enum Contents {
    Loading,
    Folders(Vec<VPath>),
    Failed(Failure),
}

/// The dialog, open while `Changes::transfer` is set.
#[component]
pub(super) fn FolderPicker() -> impl IntoView {
    let changes = Changes::get();
    let prefs = Prefs::get();
    let open = open_while_some(changes.transfer);
    let title = Signal::derive(move || {
        let copy = changes.transfer.with(|transfer| transfer.as_ref().is_some_and(|transfer| transfer.copy));
        if copy { prefs.words().copy_to } else { prefs.words().move_to }
    });
    view! {
        <Dialog open title class="asking folders" first_inside=true>
            <Picker />
        </Dialog>
    }
}

#[component]
fn Picker() -> impl IntoView {
    let (changes, prefs) = (Changes::get(), Prefs::get());
    let folder = RwSignal::new(changes.browser.folder.get_untracked());
    let contents = RwSignal::new(Contents::Loading);
    let naming = RwSignal::new(false);
    // The name was for the folder that was open, so another one ends naming without making a folder.
    Effect::new(move |_| {
        folder.track();
        naming.set(false);
    });
    let list = NodeRef::<html::Ul>::new();
    let pending = RwSignal::new(None::<VPath>);
    let is_pending = Memo::new(move |_| pending.with(|pending| pending.as_ref() == Some(&*folder.read())));
    Effect::new(move |_| {
        let path = folder.get();
        // A folder that is being made has no contents to list.
        match is_pending.get() {
            true => contents.set(Contents::Loading),
            false => load_contents(path, folder, contents),
        }
    });
    // The first folder gets the focus when the contents arrive, and the list until then, unless the focus is elsewhere
    // in the dialog.
    Effect::new(move |_| {
        contents.track();
        once_rendered(move || {
            let free = focused().is_none_or(|element| {
                element.tag_name() == "DIALOG" || element.closest(".folder-list").is_ok_and(|found| found.is_some())
            });
            if free {
                move_focus(list, FocusMove::First);
            }
        });
    });
    // The field takes the focus with it when it goes.
    Effect::new(move |before: Option<bool>| {
        let now = naming.get();
        if before == Some(true) && !now {
            once_rendered(move || {
                if focused().is_none_or(|element| element.tag_name() == "DIALOG") {
                    move_focus(list, FocusMove::First);
                }
            });
        }
        now
    });
    let key = move |event: leptos::ev::KeyboardEvent| {
        match event.key().as_str() {
            "ArrowDown" => move_focus(list, FocusMove::Next),
            "ArrowUp" => move_focus(list, FocusMove::Previous),
            "Home" => move_focus(list, FocusMove::First),
            "End" => move_focus(list, FocusMove::Last),
            "Backspace" => open_parent(folder),
            _ => return,
        }
        event.prevent_default();
    };
    let root = ServerInfo::get().root_name();
    let breadcrumb = move || {
        let crumbs = crumbs(&folder.get(), &root.get());
        let last = crumbs.len() - 1;
        let crumb = move |(index, (path, name)): (usize, (VPath, String))| {
            let current = (index == last).then_some("location");
            view! {
                <li>
                    {(index > 0).then(|| view! { <Icon name="chevron" /> })}
                    <button type="button" class="crumb" aria-current=current on:click=move |_| folder.set(path.clone())>
                        <bdi>{name}</bdi>
                    </button>
                </li>
            }
        };
        crumbs.into_iter().enumerate().map(crumb).collect_view()
    };
    let folders = move || match contents.get() {
        Contents::Loading => ().into_any(),
        Contents::Failed(failure) => {
            let why = prefs.words().explain(failure.reason(), Operation::Open);
            view! { <li role="alert">{why.title}". "{why.advice}</li> }.into_any()
        }
        Contents::Folders(folders) if folders.is_empty() => {
            view! { <li class="folder-none">{prefs.words().no_folders}</li> }.into_any()
        }
        Contents::Folders(folders) => {
            let line = |path: VPath| {
                let name = printable(path.name());
                // A folder cannot be moved into itself.
                let own = changes
                    .transfer
                    .with_untracked(|transfer| transfer.as_ref().is_some_and(|it| it.entries.contains(&path)));
                view! {
                    <li>
                        <button type="button" class="folder-line" disabled=own on:click=move |_| folder.set(path.clone())>
                            <Icon name="folder" /><bdi>{name}</bdi>
                        </button>
                    </li>
                }
            };
            folders.into_iter().map(line).collect_view().into_any()
        }
    };
    let copy = move || changes.transfer.with(|transfer| transfer.as_ref().is_some_and(|transfer| transfer.copy));
    let accepted = move || {
        changes.transfer.with(|transfer| {
            transfer.as_ref().is_some_and(|transfer| transfer.entries.may_go_to(&folder.get(), transfer.copy))
        })
    };
    // Loading contents does not disable the button: the destination is known before its contents.
    let disabled =
        Signal::derive(move || !accepted() || contents.with(|contents| matches!(contents, Contents::Failed(_))));
    let label = Signal::derive(move || if copy() { prefs.words().copy_here } else { prefs.words().move_here });
    let submit = Callback::new(move |()| {
        let pending = changes.transfer.try_update(Option::take).flatten();
        if let Some(Transfer { entries, copy }) = pending {
            changes.run(Submission::of_entries(entries, Command::transfer(folder.get_untracked(), copy)));
        }
    });
    let cancel = Callback::new(move |()| changes.transfer.set(None));
    view! {
        <nav class="breadcrumb" aria-label=prefs.text(|words| words.path)><ol>{breadcrumb}</ol></nav>
        <ul class="folder-list" tabindex="-1" aria-label=prefs.text(|words| words.folders) node_ref=list on:keydown=key>{folders}</ul>
        <Show when=move || naming.get()><NewFolderField folder pending naming contents /></Show>
        <div class="dialog-actions">
            <Button label=prefs.text(|words| words.new_folder) icon="new-folder" class="button quiet start"
                press=Callback::new(move |()| naming.set(true)) />
            <Button label=prefs.text(|words| words.cancel) class="button" press=cancel />
            <Button label class="button primary" disabled press=submit />
        </div>
    }
}

/// Makes a folder in the open one, and opens it without waiting for the server: a move to it waits in the queue of
/// changes until it exists.
#[component]
fn NewFolderField(
    /// The open folder.
    folder: RwSignal<VPath>,
    /// The folder that is being made.
    pending: RwSignal<Option<VPath>>,
    /// True while this field is shown.
    naming: RwSignal<bool>,
    contents: RwSignal<Contents>,
) -> impl IntoView {
    let (changes, prefs) = (Changes::get(), Prefs::get());
    let taken = Callback::new(move |name: Vec<u8>| {
        contents.with_untracked(|contents| match contents {
            Contents::Folders(folders) => folders.iter().any(|folder| folder.name() == name),
            _ => false,
        })
    });
    let base = prefs.lang.get_untracked().words().new_folder;
    let before = free_name(base, |name| taken.run(name.to_vec())).into_bytes();
    let done = Callback::new(move |name: Option<Vec<u8>>| {
        naming.set(false);
        let path = name.and_then(|name| folder.get_untracked().join(&name).ok());
        let Some(path) = path else { return };
        let change = Change::MakeFolder { paths: vec![path.clone()], existing_ok: true };
        let waits_for = WaitsFor::Paths(PathAccess::of(std::slice::from_ref(&change)));
        let Some(ticket) = changes.join_queue(Origin::New, waits_for) else { return };
        pending.set(Some(path.clone()));
        folder.set(path.clone());
        spawn_local(async move {
            ticket.turn().await;
            let task = changes.start_task(Some(Verb::Made), 1);
            let outcomes = changes.request(&task, &change).await;
            changes.end_task(&task);
            let failed = outcomes.into_iter().find_map(|outcome| match outcome {
                Outcome::Failed { code, .. } => Some(code),
                _ => None,
            });
            if let Some(code) = failed {
                let name = printable(path.name());
                let why = changes.words().failure(Reason::of(code), Operation::Create, &name);
                changes.toasts.show(Tone::Bad, why, None);
            }
            // Meanwhile the user may have closed the dialog or opened another folder.
            let still_open = folder.try_get_untracked().is_some_and(|folder| folder == path);
            if still_open && failed.is_some() {
                open_parent(folder);
            }
            pending.try_update(|pending| *pending = pending.take().filter(|pending| *pending != path));
        });
    });
    // Only Enter and this button make the folder: to leave the field for another control, such as Cancel, does not.
    let submit = Trigger::new();
    view! {
        <div class="folder-new">
            <NameField before folder=true label=prefs.text(|words| words.new_folder) id="chooser-name" taken done submit />
            <Button label=prefs.text(|words| words.make_folder) class="button" press=Callback::new(move |()| submit.notify()) />
        </div>
    }
}

fn open_parent(folder: RwSignal<VPath>) {
    if let Some(parent) = folder.get_untracked().parent() {
        folder.set(parent);
    }
}

/// Loads the contents of `path` and sets them, if it is still the open folder then.
fn load_contents(path: VPath, folder: RwSignal<VPath>, contents: RwSignal<Contents>) {
    contents.set(Contents::Loading);
    spawn_local(async move {
        let found = folders_of(&path).await;
        if folder.try_get_untracked().is_some_and(|folder| folder == path) {
            contents.set(found.map_or_else(Contents::Failed, Contents::Folders));
        }
    });
}

/// The folders of a folder. Listings have the folders first, so reading stops at the first page with a file.
async fn folders_of(folder: &VPath) -> Result<Vec<VPath>, Failure> {
    let (mut folders, mut cursor, mut limit) = (Vec::new(), None, None);
    for _ in 0..PAGES_MAX {
        let page = list(&ListFolder { path: folder.clone(), order: Order::default(), limit, cursor }, None).await?.page;
        let only_folders = page.rows().all(|row| row.is_folder());
        folders.extend(page.rows().filter(can_open).filter_map(|row| folder.join(row.name).ok()));
        cursor = page.next_cursor;
        limit = Some(LIST_PAGE_MAX);
        if !only_folders || cursor.is_none() {
            break;
        }
    }
    Ok(folders)
}

fn can_open(row: &Row<'_>) -> bool {
    row.is_folder() && !matches!(row.link, Some(shared::Link::Escapes | shared::Link::Broken))
}

#[derive(Clone, Copy)]
enum FocusMove {
    Next,
    Previous,
    First,
    Last,
}

/// Moves the focus among the folders of the list.
fn move_focus(list: NodeRef<html::Ul>, movement: FocusMove) {
    // The dialog may have closed by now.
    let Some(list) = list.try_get_untracked().flatten() else { return };
    let Ok(found) = list.query_selector_all("button:not(:disabled)") else { return };
    let lines: Vec<HtmlElement> = (0..found.length()).filter_map(|index| found.item(index)?.dyn_into().ok()).collect();
    let current = focused().and_then(|element| lines.iter().position(|line| element.is_same_node(Some(line))));
    let Some(last) = lines.len().checked_sub(1) else {
        // Without folders, the list itself takes the focus and the keys.
        return focus_element(&list);
    };
    let to = match (movement, current) {
        (FocusMove::Next, Some(current)) => (current + 1).min(last),
        (FocusMove::Previous, Some(current)) => current.saturating_sub(1),
        (FocusMove::Last, _) => last,
        _ => 0,
    };
    // `focus` without `preventScroll`, because the list is not virtual. A button accepts the focus always.
    let _ = lines[to].focus();
}
