//! The small dialogs: the name of a new folder, and being sure of what cannot be undone.

use leptos::prelude::*;

use super::model::names::free_name;
use super::name_field::NameField;
use super::state::Changes;
use crate::env::prefs::Prefs;
use crate::ui::button::Button;
use crate::ui::dialog::Dialog;

/// Everything that opens over the page for a change.
#[component]
pub fn ChangeDialogs() -> impl IntoView {
    view! {
        <NewFolder />
        <super::folder_picker::FolderDialog />
        <super::conflict_dialog::ConflictDialog />
        <SureDialog />
    }
}

/// Asks for the name of a new folder.
#[component]
fn NewFolder() -> impl IntoView {
    let (changes, prefs) = (Changes::get(), Prefs::get());
    let open = shown_while(changes.making);
    let browser = changes.browser;
    let taken = Callback::new(move |name: Vec<u8>| {
        browser.listing.with_untracked(|listing| listing.rows.find(&name, 0).is_some())
    });
    let submit = Trigger::new();
    let body = move || {
        let folder = changes.making.get()?;
        let base = prefs.lang.get_untracked().words().new_folder_name;
        let before = free_name(base, |name| taken.run(name.to_vec())).into_bytes();
        let done = Callback::new(move |name: Option<Vec<u8>>| {
            changes.making.set(None);
            if let Some(name) = name {
                changes.make_folder(&folder, &name);
            }
        });
        Some(view! {
            <NameField before folder=true label=prefs.text(|words| words.name) id="new-folder-name" taken done submit />
        })
    };
    let create = Callback::new(move |()| submit.notify());
    let cancel = Callback::new(move |()| changes.making.set(None));
    view! {
        <Dialog open title=prefs.text(|words| words.new_folder) class="asking" first_inside=true>
            {body}
            <div class="dialog-actions">
                <Button label=prefs.text(|words| words.cancel) class="button" press=cancel />
                <Button label=prefs.text(|words| words.make_folder) class="button primary" press=create />
            </div>
        </Dialog>
    }
}

/// Asks whether the person is sure of what cannot be undone. The safe answer has the focus.
#[component]
fn SureDialog() -> impl IntoView {
    let (changes, prefs) = (Changes::get(), Prefs::get());
    let open = shown_while(changes.sure);
    let text = move || changes.sure.with(|sure| sure.as_ref().map(|sure| sure.text.clone()));
    let cancel = Callback::new(move |()| changes.sure.set(None));
    let go = Callback::new(move |()| {
        if let Some(sure) = changes.sure.try_update(Option::take).flatten() {
            changes.start(vec![sure.change], sure.verb);
        }
    });
    view! {
        <Dialog open title=prefs.text(|words| words.delete_forever) class="asking" first_inside=true>
            <p>{text}</p>
            <div class="dialog-actions">
                <Button label=prefs.text(|words| words.cancel) class="button" first=true press=cancel />
                <Button label=prefs.text(|words| words.delete_forever) class="button danger" press=go />
            </div>
        </Dialog>
    }
}

/// A dialog is open while there is something for it to ask; closing it takes that away.
pub(super) fn shown_while<T: Send + Sync + 'static>(what: RwSignal<Option<T>>) -> RwSignal<bool> {
    let open = RwSignal::new(false);
    Effect::new(move |_| open.set(what.with(Option::is_some)));
    Effect::new(move |before: Option<bool>| {
        let now = open.get();
        if before == Some(true) && !now && what.with_untracked(Option::is_some) {
            what.set(None);
        }
        now
    });
    open
}
