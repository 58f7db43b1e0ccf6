//! Choosing a folder to move or copy to: a small browser of folders, for the keyboard as well. Arrow keys go along the
//! folders, Enter opens one, Backspace goes up.

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::api::files::ListFolder;
use shared::columns::Row;
use shared::limits::LIST_PAGE_MAX;
use shared::{Change, Order, Outcome, VPath};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::dialogs::shown_while;
use super::model::clipboard::{accepts, transfer};
use super::model::names::free_name;
use super::model::scheduler::{Needs, Touched};
use super::model::{Origin, Verb};
use super::name_field::NameField;
use super::state::Changes;
use crate::env::prefs::Prefs;
use crate::env::{focus_element, focused};
use crate::failure::{Failure, of_change};
use crate::folder::model::crumbs::crumbs;
use crate::net::api::list;
use crate::printable::printable;
use crate::server_info::root_name;
use crate::ui::button::Button;
use crate::ui::dialog::Dialog;
use crate::ui::icon::Icon;
use crate::ui::toast::Tone;

/// More folders than these are not listed here; their names can be made in the list itself.
const PAGES_MAX: usize = 5;

/// What is known of the folder that is looked into.
#[derive(Clone, PartialEq)]
enum Inside {
    Loading,
    Folders(Vec<VPath>),
    Failed(Failure),
}

/// The dialog.
#[component]
pub(super) fn FolderDialog() -> impl IntoView {
    let changes = Changes::get();
    let prefs = Prefs::get();
    let open = shown_while(changes.sending);
    let title = Signal::derive(move || {
        let copy = changes.sending.with(|sending| sending.as_ref().is_some_and(|sending| sending.copy));
        if copy { prefs.words().copy_to } else { prefs.words().move_to }
    });
    view! {
        <Dialog open title class="asking folders" first_inside=true>
            <Chooser />
        </Dialog>
    }
}

#[component]
fn Chooser() -> impl IntoView {
    let (changes, prefs) = (Changes::get(), Prefs::get());
    let place = RwSignal::new(changes.browser.folder.get_untracked());
    let inside = RwSignal::new(Inside::Loading);
    let making = RwSignal::new(false);
    let list = NodeRef::<html::Ul>::new();
    let coming = RwSignal::new(None::<VPath>);
    let is_coming = Memo::new(move |_| coming.with(|coming| coming.as_ref() == Some(&*place.read())));
    Effect::new(move |_| {
        let folder = place.get();
        // There is nothing yet in a folder that is being made.
        match is_coming.get() {
            true => inside.set(Inside::Loading),
            false => look_into(folder, place, inside),
        }
    });
    // The first folder has the focus once they are here, and until then the list, unless the person is elsewhere in the
    // dialog.
    Effect::new(move |_| {
        inside.track();
        request_animation_frame(move || {
            let free = focused().is_none_or(|element| {
                element.tag_name() == "DIALOG" || element.closest(".folder-list").is_ok_and(|found| found.is_some())
            });
            if free {
                go(list, Go::First);
            }
        });
    });
    let key = move |event: leptos::ev::KeyboardEvent| {
        match event.key().as_str() {
            "ArrowDown" => go(list, Go::Next),
            "ArrowUp" => go(list, Go::Before),
            "Home" => go(list, Go::First),
            "End" => go(list, Go::Last),
            "Backspace" => up(place),
            _ => return,
        }
        event.prevent_default();
    };
    let root = root_name();
    let way = move || {
        let crumbs = crumbs(&place.get(), &root.get());
        let last = crumbs.len() - 1;
        let crumb = move |(index, (folder, name)): (usize, (VPath, String))| {
            let current = (index == last).then_some("location");
            view! {
                <li>
                    {(index > 0).then(|| view! { <Icon name="chevron" /> })}
                    <button type="button" class="crumb" aria-current=current on:click=move |_| place.set(folder.clone())>
                        <bdi>{name}</bdi>
                    </button>
                </li>
            }
        };
        crumbs.into_iter().enumerate().map(crumb).collect_view()
    };
    let folders = move || match inside.get() {
        Inside::Loading => ().into_any(),
        Inside::Failed(failure) => {
            let why = prefs.words().explain(failure.reason());
            view! { <li role="alert">{why.title}". "{why.advice}</li> }.into_any()
        }
        Inside::Folders(folders) if folders.is_empty() => {
            view! { <li class="folder-none">{prefs.words().no_folders}</li> }.into_any()
        }
        Inside::Folders(folders) => {
            let line = |folder: VPath| {
                let name = printable(folder.name());
                // What is on its way cannot go into itself.
                let own = changes
                    .sending
                    .with_untracked(|sending| sending.as_ref().is_some_and(|sending| sending.paths.contains(&folder)));
                view! {
                    <li>
                        <button type="button" class="folder-line" disabled=own on:click=move |_| place.set(folder.clone())>
                            <Icon name="folder" /><bdi>{name}</bdi>
                        </button>
                    </li>
                }
            };
            folders.into_iter().map(line).collect_view().into_any()
        }
    };
    let copy = move || changes.sending.with(|sending| sending.as_ref().is_some_and(|sending| sending.copy));
    let fits = move || {
        changes
            .sending
            .with(|sending| sending.as_ref().is_some_and(|sending| accepts(&sending.paths, &place.get(), sending.copy)))
    };
    // Where to is known before what is in there.
    let cannot = Signal::derive(move || !fits() || inside.with(|inside| matches!(inside, Inside::Failed(_))));
    let label = Signal::derive(move || if copy() { prefs.words().copy_here } else { prefs.words().move_here });
    let send = Callback::new(move |()| {
        let sending = changes.sending.try_update(Option::take).flatten();
        let change = sending.and_then(|sending| transfer(&sending.paths, &place.get_untracked(), sending.copy));
        if let Some(change) = change {
            changes.make(change);
        }
    });
    let cancel = Callback::new(move |()| changes.sending.set(None));
    view! {
        <nav class="breadcrumb" aria-label=prefs.text(|words| words.path)><ol>{way}</ol></nav>
        <ul class="folder-list" tabindex="-1" aria-label=prefs.text(|words| words.places) node_ref=list on:keydown=key>{folders}</ul>
        <Show when=move || making.get()><Make place coming making inside /></Show>
        <div class="dialog-actions">
            <Button label=prefs.text(|words| words.new_folder) icon="new-folder" class="button quiet start"
                press=Callback::new(move |()| making.set(true)) />
            <Button label=prefs.text(|words| words.cancel) class="button" press=cancel />
            <Button label class="button primary" disabled=cannot press=send />
        </div>
    }
}

/// Makes a folder in the one that is looked into, and goes into it at once: what the person asks for from then on is
/// meant for it, and is done once it is there.
#[component]
fn Make(
    place: RwSignal<VPath>,
    /// The folder that is being made.
    coming: RwSignal<Option<VPath>>,
    making: RwSignal<bool>,
    inside: RwSignal<Inside>,
) -> impl IntoView {
    let (changes, prefs) = (Changes::get(), Prefs::get());
    let taken = Callback::new(move |name: Vec<u8>| {
        inside.with_untracked(|inside| match inside {
            Inside::Folders(folders) => folders.iter().any(|folder| folder.name() == name),
            _ => false,
        })
    });
    let base = prefs.lang.get_untracked().words().new_folder_name;
    let before = free_name(base, |name| taken.run(name.to_vec())).into_bytes();
    let done = Callback::new(move |name: Option<Vec<u8>>| {
        making.set(false);
        let path = name.and_then(|name| place.get_untracked().join(&name).ok());
        let Some(path) = path else { return };
        let change = Change::MakeFolder { paths: vec![path.clone()], existing_ok: true };
        let needs = Needs::Same(Touched::by(std::slice::from_ref(&change)));
        let Some(turn) = changes.join(Origin::New, needs) else { return };
        coming.set(Some(path.clone()));
        place.set(path.clone());
        spawn_local(async move {
            turn.come().await;
            let task = changes.task(Some(Verb::Made), 1);
            let outcomes = changes.ask(&task, &change).await;
            changes.end(&task);
            let failed = outcomes.into_iter().find_map(|outcome| match outcome {
                Outcome::Failed { code, .. } => Some(code),
                _ => None,
            });
            if let Some(code) = failed {
                let why = changes.words().explain(of_change(code));
                changes.toasts.show(Tone::Bad, format!("{}. {}", why.title, why.advice), None);
            }
            // The dialog may be closed by now, and the person may have gone on to another folder.
            let here = place.try_get_untracked().is_some_and(|place| place == path);
            if here && failed.is_some() {
                up(place);
            }
            coming.try_update(|coming| *coming = coming.take().filter(|coming| *coming != path));
        });
    });
    view! { <NameField before folder=true label=prefs.text(|words| words.new_folder) id="chooser-name" taken done on_leave=true /> }
}

fn up(place: RwSignal<VPath>) {
    if let Some(parent) = place.get_untracked().parent() {
        place.set(parent);
    }
}

/// Lists the folders of a folder; they come first, so that reading stops where the files begin.
fn look_into(folder: VPath, place: RwSignal<VPath>, inside: RwSignal<Inside>) {
    inside.set(Inside::Loading);
    spawn_local(async move {
        let found = folders_of(&folder).await;
        if place.try_get_untracked().is_some_and(|place| place == folder) {
            inside.set(found.map_or_else(Inside::Failed, Inside::Folders));
        }
    });
}

async fn folders_of(folder: &VPath) -> Result<Vec<VPath>, Failure> {
    let (mut folders, mut cursor, mut limit) = (Vec::new(), None, None);
    for _ in 0..PAGES_MAX {
        let page = list(&ListFolder { path: folder.clone(), order: Order::default(), limit, cursor }, None).await?.page;
        let only_folders = page.rows().all(|row| row.is_folder());
        folders.extend(page.rows().filter(opens).filter_map(|row| folder.join(row.name).ok()));
        cursor = page.next_cursor;
        limit = Some(LIST_PAGE_MAX);
        if !only_folders || cursor.is_none() {
            break;
        }
    }
    Ok(folders)
}

fn opens(row: &Row<'_>) -> bool {
    row.is_folder() && !matches!(row.link, Some(shared::Link::Escapes | shared::Link::Broken))
}

#[derive(Clone, Copy)]
enum Go {
    Next,
    Before,
    First,
    Last,
}

fn go(list: NodeRef<html::Ul>, go: Go) {
    let Some(list) = list.get_untracked() else { return };
    let Ok(found) = list.query_selector_all("button:not(:disabled)") else { return };
    let lines: Vec<HtmlElement> = (0..found.length()).filter_map(|index| found.item(index)?.dyn_into().ok()).collect();
    let here = focused().and_then(|element| lines.iter().position(|line| element.is_same_node(Some(line))));
    let Some(last) = lines.len().checked_sub(1) else {
        // Without a line to have it, the list itself has the focus, and takes the keys.
        return focus_element(&list);
    };
    let to = match (go, here) {
        (Go::Next, Some(here)) => (here + 1).min(last),
        (Go::Before, Some(here)) => here.saturating_sub(1),
        (Go::Last, _) => last,
        _ => 0,
    };
    // Unlike elsewhere the focus scrolls here: the list is as long as it is. A button can always have it.
    let _ = lines[to].focus();
}
