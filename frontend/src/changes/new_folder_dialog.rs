//! The dialog for the name of a new folder.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::model::names::free_name;
use super::name_field::NameField;
use super::state::Changes;
use crate::env::prefs::Prefs;
use crate::ui::button::Button;
use crate::ui::dialog::{Dialog, open_while_some};

/// The dialog, open while `Changes::new_folder_in` is set.
#[component]
pub(super) fn NewFolderDialog() -> impl IntoView {
    let (changes, prefs) = (Changes::get(), Prefs::get());
    let open = open_while_some(changes.new_folder_in);
    let browser = changes.browser;
    let taken = Callback::new(move |name: Vec<u8>| {
        browser.listing.with_untracked(|listing| listing.rows.find(&name, 0).is_some())
    });
    let submit = Trigger::new();
    let body = move || {
        let folder = changes.new_folder_in.get()?;
        let base = prefs.lang.get_untracked().words().new_folder;
        let before = free_name(base, |name| taken.run(name.to_vec())).into_bytes();
        let done = Callback::new(move |name: Option<Vec<u8>>| {
            changes.new_folder_in.set(None);
            if let Some(name) = name {
                changes.make_folder(&folder, &name);
            }
        });
        Some(view! {
            <NameField before folder=true label=prefs.text(|words| words.name) id="new-folder-name" taken done submit />
        })
    };
    let create = Callback::new(move |()| submit.notify());
    let cancel = Callback::new(move |()| changes.new_folder_in.set(None));
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
