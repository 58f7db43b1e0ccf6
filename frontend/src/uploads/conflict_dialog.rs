//! The dialogs about uploads: a conflict with an existing entry, and the confirmation for cancelling all.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::controller::Uploads;
use super::labels::side_label;
use super::model::{ExistingEntry, Id, Queue, SelectedFile, Stage};
use crate::env::prefs::Prefs;
use crate::i18n::fill;
use crate::printable::printable;
use crate::ui::button::Button;
use crate::ui::conflict_dialog::ConflictDialog;
use crate::ui::dialog::Dialog;
use crate::ui::resolution::Resolution;

#[derive(Clone, PartialEq)]
struct Conflict {
    id: Id,
    file: SelectedFile,
    existing: ExistingEntry,
    /// Number of further conflicts of the batch.
    others: usize,
}

/// The dialogs about uploads. Closing the one about a conflict postpones the answer: the row offers it again.
#[component]
pub fn UploadDialogs() -> impl IntoView {
    let (uploads, prefs) = (Uploads::get(), Prefs::get());
    let conflict = Memo::new(move |_| uploads.read(current_conflict));
    let open = RwSignal::new(false);
    let wanted = Memo::new(move |_| conflict.with(Option::is_some) && !uploads.conflict_postponed.get());
    Effect::new(move |_| open.set(wanted.get()));
    Effect::new(move |_| {
        if !open.get() && wanted.get_untracked() {
            uploads.conflict_postponed.set(true);
        }
    });
    let on_answer = Callback::new(move |(resolution, all): (Resolution, bool)| {
        if let Some(conflict) = conflict.get_untracked() {
            uploads.command(|queue| queue.resolve(conflict.id, resolution, all));
        }
    });
    let part = move |part: fn(Prefs, &Conflict) -> String| {
        Signal::derive(move || conflict.with(|conflict| conflict.as_ref().map(|conflict| part(prefs, conflict))))
    };
    let sentence = part(|prefs, conflict| {
        let words = prefs.words();
        let sentence = if conflict.existing.folder { words.conflict_kinds } else { words.conflict_file };
        sentence.to_owned()
    });
    let title = part(|prefs, conflict| {
        fill(prefs.words().conflict_title, &[("name", &printable(conflict.file.target.name()))])
    });
    let title = Signal::derive(move || title.get().unwrap_or_default());
    let sentence = Signal::derive(move || sentence.get().unwrap_or_default());
    let new = part(|prefs, conflict| side_label(prefs, false, conflict.file.size, conflict.file.modified));
    let existing =
        part(|prefs, Conflict { existing, .. }| side_label(prefs, existing.folder, existing.size, existing.modified));
    let others = Signal::derive(move || conflict.with(|conflict| conflict.as_ref().map_or(0, |it| it.others)));
    let replace = Signal::derive(move || {
        let replaceable = conflict.with(|conflict| conflict.as_ref().is_some_and(|it| !it.existing.folder));
        replaceable.then(|| prefs.words().replace)
    });
    view! {
        <ConflictDialog open title sentence new existing others replace
            on_answer />
        <ConfirmCancelDialog />
    }
}

fn current_conflict(queue: &Queue) -> Option<Conflict> {
    let (id, others) = queue.current_conflict()?;
    let item = queue.get(id)?;
    let Stage::Conflict(existing) = item.stage.clone() else { return None };
    Some(Conflict { id, file: item.file.clone(), existing, others })
}

/// Asks whether to cancel all uploads. The focus starts on the button that keeps them.
#[component]
fn ConfirmCancelDialog() -> impl IntoView {
    let (uploads, prefs) = (Uploads::get(), Prefs::get());
    let open = uploads.confirm_cancel;
    let text = move || {
        let wasted = prefs.size(uploads.read(Queue::unfinished_bytes));
        fill(prefs.words().confirm_cancel, &[("x", &wasted)])
    };
    let keep = Callback::new(move |()| open.set(false));
    let confirm = Callback::new(move |()| {
        open.set(false);
        uploads.cancel_all(true);
    });
    view! {
        <Dialog open title=prefs.text(|words| words.confirm_cancel_title) class="asking" first_inside=true>
            <p>{text}</p>
            <div class="dialog-actions">
                <Button label=prefs.text(|words| words.cancel_all) class="button danger" press=confirm />
                <Button label=prefs.text(|words| words.keep_uploads) class="button primary" first=true press=keep />
            </div>
        </Dialog>
    }
}
