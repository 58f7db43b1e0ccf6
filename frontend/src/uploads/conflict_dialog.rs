//! What the person is asked: what to do where a file is there already, in one dialog with both sides, and one answer for as
//! many as they like; and whether they are sure to give up what was sent.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::controller::Uploads;
use super::labels::side;
use super::model::{Chosen, Decision, Id, Queue, Stage, Theirs};
use crate::env::prefs::Prefs;
use crate::i18n::fill;
use crate::printable::printable;
use crate::ui::button::Button;
use crate::ui::dialog::Dialog;

#[derive(Clone, PartialEq)]
struct Asked {
    id: Id,
    ours: Chosen,
    theirs: Theirs,
    others: usize,
}

/// The dialog. Whoever closes it decides later: the file waits in the panel.
#[component]
pub fn UploadQuestion() -> impl IntoView {
    let (uploads, prefs) = (Uploads::get(), Prefs::get());
    let asked = Memo::new(move |_| {
        uploads.read(|queue| {
            let (id, others) = queue.question()?;
            let item = queue.get(id)?;
            let Stage::Asking(theirs) = item.stage.clone() else { return None };
            Some(Asked { id, ours: item.chosen.clone(), theirs, others })
        })
    });
    let (open, all) = (RwSignal::new(false), RwSignal::new(false));
    let wanted = Memo::new(move |_| asked.with(Option::is_some) && !uploads.put_off.get());
    Effect::new(move |_| {
        let wanted = wanted.get();
        all.set(false);
        open.set(wanted);
    });
    Effect::new(move |_| {
        if !open.get() && wanted.get_untracked() {
            uploads.put_off.set(true);
        }
    });
    let give = move |decision: Decision| {
        Callback::new(move |()| {
            if let Some(asked) = asked.get_untracked() {
                uploads.act(|queue| queue.decide(asked.id, decision, all.get_untracked()));
            }
        })
    };
    let part = move |part: fn(Prefs, &Asked) -> String| {
        Signal::derive(move || asked.with(|asked| asked.as_ref().map(|asked| part(prefs, asked)).unwrap_or_default()))
    };
    let sentence = part(|prefs, asked| {
        let words = prefs.words();
        let sentence = if asked.theirs.folder { words.upload_taken_folder } else { words.upload_taken };
        fill(sentence, &[("name", &printable(asked.ours.target.name()))])
    });
    let ours = part(|prefs, asked| side(prefs, false, asked.ours.size, asked.ours.modified));
    let theirs = part(|prefs, asked| side(prefs, asked.theirs.folder, asked.theirs.size, asked.theirs.modified));
    let others = Memo::new(move |_| asked.with(|asked| asked.as_ref().map_or(0, |asked| asked.others)));
    let replaceable = Memo::new(move |_| asked.with(|asked| asked.as_ref().is_some_and(|asked| !asked.theirs.folder)));
    view! {
        <Dialog open title=prefs.text(|words| words.upload_taken_title) class="asking" first_inside=true>
            <p>{sentence}</p>
            <dl class="sides">
                <div><dt>{prefs.text(|words| words.taken_new)}</dt><dd>{ours}</dd></div>
                <div><dt>{prefs.text(|words| words.taken_old)}</dt><dd>{theirs}</dd></div>
            </dl>
            <Show when=move || { others.get() > 0 }>
                <label class="choice-option">
                    <input type="checkbox" prop:checked=all on:change=move |event| all.set(event_target_checked(&event)) />
                    <span>{move || prefs.counted(|words| &words.apply_to_all, others.get())}</span>
                </label>
            </Show>
            <div class="dialog-actions">
                <Button label=prefs.text(|words| words.skip_it) class="button" press=give(Decision::Skip) />
                <Show when=move || replaceable.get()>
                    <Button label=prefs.text(|words| words.replace) class="button" press=give(Decision::Replace) />
                </Show>
                <Button label=prefs.text(|words| words.keep_both) class="button primary" first=true
                    press=give(Decision::KeepBoth) />
            </div>
        </Dialog>
        <SureDialog />
    }
}

/// Asks whether all is to be given up. The safe answer has the focus.
#[component]
fn SureDialog() -> impl IntoView {
    let (uploads, prefs) = (Uploads::get(), Prefs::get());
    let open = uploads.sure;
    let text = move || fill(prefs.words().cancel_sure, &[("x", &prefs.size(uploads.read(Queue::loses)))]);
    let keep = Callback::new(move |()| open.set(false));
    let go = Callback::new(move |()| {
        open.set(false);
        uploads.cancel_all(true);
    });
    view! {
        <Dialog open title=prefs.text(|words| words.cancel_sure_title) class="asking" first_inside=true>
            <p>{text}</p>
            <div class="dialog-actions">
                <Button label=prefs.text(|words| words.cancel_all) class="button danger" press=go />
                <Button label=prefs.text(|words| words.keep_them) class="button primary" first=true press=keep />
            </div>
        </Dialog>
    }
}
