//! The dialog that confirms a change which cannot be undone.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::state::Changes;
use crate::env::prefs::Prefs;
use crate::ui::button::Button;
use crate::ui::dialog::{Dialog, open_while_some};

/// The dialog, open while `Changes::confirmation` is set. The focus starts on the button that cancels.
#[component]
pub(super) fn ConfirmDialog() -> impl IntoView {
    let (changes, prefs) = (Changes::get(), Prefs::get());
    let open = open_while_some(changes.confirmation);
    let question =
        move || changes.confirmation.with(|pending| pending.as_ref().map(|pending| pending.question.clone()));
    let cancel = Callback::new(move |()| changes.confirmation.set(None));
    let confirm = Callback::new(move |()| {
        if let Some(confirmed) = changes.confirmation.try_update(Option::take).flatten() {
            changes.run(confirmed.submission);
        }
    });
    view! {
        <Dialog open title=prefs.text(|words| words.delete_forever) class="asking" first_inside=true>
            <p>{question}</p>
            <div class="dialog-actions">
                <Button label=prefs.text(|words| words.cancel) class="button" first=true press=cancel />
                <Button label=prefs.text(|words| words.delete_forever) class="button danger" press=confirm />
            </div>
        </Dialog>
    }
}
