//! The dialog about a name that exists already: both sides, and one answer for as many conflicts as the user likes.

#![cfg(target_arch = "wasm32")]

use leptos::prelude::*;

use super::button::Button;
use super::dialog::Dialog;
use super::resolution::Resolution;
use crate::env::prefs::Prefs;

/// The dialog.
#[component]
pub fn ConflictDialog(
    open: RwSignal<bool>,
    #[prop(into)] title: Signal<String>,
    /// What replacing does.
    #[prop(into)]
    sentence: Signal<String>,
    /// Describes the new entry; `None` leaves its line out.
    #[prop(into)]
    new: Signal<Option<String>>,
    /// Describes the existing entry; `None` leaves its line out.
    #[prop(into)]
    existing: Signal<Option<String>>,
    /// Number of further conflicts.
    #[prop(into)]
    others: Signal<usize>,
    /// Label of the button that replaces the existing entry; `None` if that is impossible.
    #[prop(into)]
    replace: Signal<Option<&'static str>>,
    /// Receives the answer, and whether it applies to all further conflicts.
    on_answer: Callback<(Resolution, bool)>,
) -> AnyView {
    let prefs = Prefs::get();
    let for_all = RwSignal::new(false);
    // Each conflict starts with an answer for itself alone.
    Effect::new(move |_| {
        open.track();
        title.track();
        for_all.set(false);
    });
    let answer = move |resolution| Callback::new(move |()| on_answer.run((resolution, for_all.get_untracked())));
    let replace_label = Signal::derive(move || replace.get().unwrap_or_default());
    view! {
        <Dialog open title class="asking" first_inside=true>
            <p>{sentence}</p>
            <dl class="sides">
                {move || new.get().map(|line| view! { <div><dt>{prefs.text(|words| words.conflict_new)}</dt><dd>{line}</dd></div> })}
                {move || existing.get().map(|line| view! { <div><dt>{prefs.text(|words| words.conflict_existing)}</dt><dd>{line}</dd></div> })}
            </dl>
            <Show when=move || { others.get() > 0 }>
                <label class="choice-option">
                    <input type="checkbox" prop:checked=for_all
                        on:change=move |event| for_all.set(event_target_checked(&event)) />
                    <span>{move || prefs.counted(|words| &words.apply_to_all, others.get())}</span>
                </label>
            </Show>
            <div class="dialog-actions">
                <Button label=prefs.text(|words| words.skip_item) class="button" press=answer(Resolution::Skip) />
                <Show when=move || replace.get().is_some()>
                    <Button label=replace_label class="button" press=answer(Resolution::Replace) />
                </Show>
                <Button label=prefs.text(|words| words.keep_both) class="button primary" first=true
                    press=answer(Resolution::KeepBoth) />
            </div>
        </Dialog>
    }
    .into_any()
}
